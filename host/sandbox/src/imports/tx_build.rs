//! `valence:flow/tx-build`.

use super::{FlowState, reply};
use crate::{
    bindings::tx_build::*,
    convert::{Words, all, key, words},
    limits::Limit,
};
use valence_door::{self as d, HostCall};

impl Host for FlowState {
    async fn find_program_address(
        &mut self,
        program: Words,
        seeds: Vec<Vec<u8>>,
    ) -> wasmtime::Result<Result<(Words, u8), AddressError>> {
        let call = HostCall::FindProgramAddress { program: key(program), seeds: all(seeds) };
        match self.pass(call).await? {
            d::HostReply::FindProgramAddress(found) => {
                Ok(found.map(|(address, bump)| (words(&address), bump)).map_err(Into::into))
            }
            _ => Err(super::wrong_reply("tx-build.find-program-address")),
        }
    }

    async fn build(&mut self, step: Step) -> wasmtime::Result<Result<UnsignedTransaction, BuildError>> {
        match self.pass(HostCall::Build(Box::new(step.into()))).await? {
            d::HostReply::Build(built) => Ok(built.map(|built| (*built).into()).map_err(Into::into)),
            _ => Err(super::wrong_reply("tx-build.build")),
        }
    }

    async fn emit(&mut self, step: Step, give_up: Vec<Condition>) -> wasmtime::Result<Result<Outcome, EmitError>> {
        self.meter.count(Limit::proposals, |c| &mut c.proposals, 1)?;
        let call = HostCall::Emit { step: Box::new(step.into()), give_up: all(give_up) };
        reply!(self, call, Emit, "tx-build.emit")
    }
}
