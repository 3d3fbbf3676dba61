//! The imported interfaces, a file each. Every function does the same three things: it counts, it passes the call
//! through the door, and it hands the reply over. A reply of the wrong kind is the host's fault, not the guest's.

mod account_watch;
mod clock;
mod log;
mod simulate;
mod tx_build;

use crate::{
    limits::Limit,
    meter::{Meter, Stopped},
    wasi::WasiPart,
};
use valence_door::{Account, Answer, Door, Excess, HostCall, HostReply, Stop};

/// What a running instance's host side holds.
pub(crate) struct FlowState {
    pub door: Box<dyn Door>,
    pub meter: Meter,
    /// Made when a component that imports WASI first uses it.
    pub wasi: WasiPart,
}

impl FlowState {
    pub(crate) fn new(door: Box<dyn Door>, meter: Meter, seed: String) -> Self {
        FlowState { door, meter, wasi: WasiPart::new(seed) }
    }

    /// Passes a call through the door.
    pub(crate) async fn pass(&mut self, call: HostCall) -> wasmtime::Result<HostReply> {
        self.meter.count(Limit::calls, |c| &mut c.calls, 1)?;
        let reply = match self.door.call(call) {
            Answer::Ready(reply) => reply,
            Answer::Later(reply) => reply.await,
        };
        reply.map_err(Stopped::error)
    }

    /// Whether so many bytes may be handed over at once. The same for every replay: it depends on the reply and on the
    /// limit that the journal's header records.
    fn fits(&self, given: u64) -> Result<(), Excess> {
        let allowed = self.meter.limits.reply_bytes;
        if given > allowed { Err(Excess { given, allowed }) } else { Ok(()) }
    }
}

/// What accounts take in the guest: their data and a record each, in bytes.
fn size_of<'a>(accounts: impl Iterator<Item = &'a Account>) -> u64 {
    const RECORD: u64 = 112;
    accounts
        .fold(0, |sum, a| sum.saturating_add(RECORD).saturating_add(u64::try_from(a.data.len()).unwrap_or(u64::MAX)))
}

/// A reply that does not answer its call: a host that was built wrong.
fn wrong_reply(call: &'static str) -> wasmtime::Error {
    Stopped::error(Stop::Fault(format!("the host answered {call} with the reply to another call")))
}

/// Takes the reply of one kind and turns both sides of its result into the guest's types.
macro_rules! reply {
    ($state:expr, $call:expr, $kind:ident, $name:literal) => {
        match $state.pass($call).await? {
            valence_door::HostReply::$kind(result) => Ok(result.map(Into::into).map_err(Into::into)),
            _ => Err(super::wrong_reply($name)),
        }
    };
}
use reply;
