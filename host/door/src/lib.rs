//! The vocabulary of the door: what a flow can ask of the world ([`HostCall`]) and what it is told ([`HostReply`]).
//!
//! Everything that a running flow learns passes the one [`Door`], so that one journal of calls and replies can recover,
//! audit and replay it. This crate holds the words only. Who speaks them: the sandbox turns what a component
//! imports into calls, the runtime answers them. Neither WebAssembly nor a cluster is known here.

mod call;
mod failure;
mod nouns;
mod stop;

pub use call::{HostCall, HostReply};
pub use failure::{AddressError, BuildError, ChainFault, EmitError, Excess, Failure, Place, SimulateError, WatchError};
pub use nouns::{
    Account, AccountRef, AccountTemplate, BalanceChange, Bytes, Condition, Deadline, Exhausted, Few, Found,
    InstructionTemplate, Key, Landed, Level, Memcmp, Moment, Outcome, PostAccount, ProgramQuery, ProgramRef, Reason,
    RetryPolicy, ReturnData, Seat, Seed, Simulation, Slice, Snapshot, Step, TokenChange, UnsignedTransaction, Wake,
};
pub use stop::{Divergence, LimitHit, Stop};

use std::{future::Future, pin::Pin};

/// A reply that is not there yet.
pub type Later<'a> = Pin<Box<dyn Future<Output = Result<HostReply, Stop>> + Send + 'a>>;

/// What a door gives for a call: the reply, or a promise of it. Most reads on the embedded chain are ready at once,
/// and a ready answer costs no allocation and no switch of stacks.
// Boxing the ready answer would put an allocation on the path that this type exists to keep free of one.
#[allow(clippy::large_enum_variant)]
pub enum Answer<'a> {
    /// The reply, or why the guest must stop.
    Ready(Result<HostReply, Stop>),
    /// The host has to wait for something.
    Later(Later<'a>),
}

/// The one way from a running flow to the world.
pub trait Door: Send {
    /// Passes a call. A [`Stop`] ends the attempt; the guest never sees it.
    fn call(&mut self, call: HostCall) -> Answer<'_>;

    /// The slot and time of the last reply, which is all the time that a flow has.
    fn now(&self) -> Moment;
}
