//! `valence:flow/simulate`.

use super::{FlowState, size_of};
use crate::bindings::simulate::*;
use valence_door::{self as d, Bytes, HostCall};

impl Host for FlowState {
    async fn simulate(&mut self, wire: Vec<u8>) -> wasmtime::Result<Result<Simulation, SimulateError>> {
        match self.pass(HostCall::Simulate { wire: Bytes::from(wire) }).await? {
            d::HostReply::Simulate(Ok(simulation)) => {
                let given = size_of(simulation.accounts.iter().filter_map(|a| a.account.as_ref()));
                let fits = self.fits(given).map_err(|excess| d::SimulateError::TooLarge(excess).into());
                Ok(fits.map(|()| (*simulation).into()))
            }
            d::HostReply::Simulate(Err(error)) => Ok(Err(error.into())),
            _ => Err(super::wrong_reply("simulate.simulate")),
        }
    }
}
