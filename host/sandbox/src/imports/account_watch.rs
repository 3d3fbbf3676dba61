//! `valence:flow/account-watch`.

use super::{FlowState, reply, size_of};
use crate::{
    bindings::{account_watch::*, types},
    convert::{Words, all, key},
    limits::Limit,
};
use valence_door::{self as d, HostCall};

impl types::Host for FlowState {}

impl Host for FlowState {
    async fn get(&mut self, keys: Vec<Words>, slice: Option<Slice>) -> wasmtime::Result<Result<Snapshot, WatchError>> {
        let call = HostCall::Get { keys: keys.into_iter().map(key).collect(), slice: slice.map(Into::into) };
        match self.pass(call).await? {
            d::HostReply::Get(Ok(snapshot)) => {
                let fits = self.fits(size_of(snapshot.accounts.iter().flatten()));
                Ok(fits.map(|()| snapshot.into()).map_err(|excess| d::WatchError::TooLarge(excess).into()))
            }
            d::HostReply::Get(Err(error)) => Ok(Err(error.into())),
            _ => Err(super::wrong_reply("account-watch.get")),
        }
    }

    async fn find(&mut self, query: ProgramQuery) -> wasmtime::Result<Result<Found, WatchError>> {
        match self.pass(HostCall::Find(query.into())).await? {
            d::HostReply::Find(Ok(found)) => {
                let fits = self.fits(size_of(found.accounts.iter().map(|(_, account)| account)));
                Ok(fits.map(|()| found.into()).map_err(|excess| d::WatchError::TooLarge(excess).into()))
            }
            d::HostReply::Find(Err(error)) => Ok(Err(error.into())),
            _ => Err(super::wrong_reply("account-watch.find")),
        }
    }

    async fn wait(
        &mut self,
        any_of: Vec<Condition>,
        deadline: Option<Deadline>,
    ) -> wasmtime::Result<Result<Wake, WatchError>> {
        self.meter.count(Limit::waits, |c| &mut c.waits, 1)?;
        let call = HostCall::Wait { any_of: all(any_of), deadline: deadline.map(Into::into) };
        reply!(self, call, Wait, "account-watch.wait")
    }
}
