//! Calls and replies, one variant each for everything that a flow can ask.

use crate::{
    failure::{AddressError, BuildError, EmitError, SimulateError, WatchError},
    nouns::{
        Bytes, Condition, Deadline, Few, Found, Key, Level, Outcome, ProgramQuery, Simulation, Slice, Snapshot, Step,
        UnsignedTransaction, Wake,
    },
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Something that a flow asks of the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum HostCall {
    /// Read accounts at one slot.
    #[serde(serialize_with = "get_out", deserialize_with = "get_in")]
    Get {
        /// Which.
        keys: Few<Key>,
        /// Which part of their data.
        slice: Option<Slice>,
    },
    /// Find accounts of a program.
    Find(ProgramQuery),
    /// Wait for a condition.
    Wait {
        /// Any of these.
        any_of: Vec<Condition>,
        /// At the latest until.
        deadline: Option<Deadline>,
    },
    /// Derive an address.
    FindProgramAddress {
        /// From this program.
        program: Key,
        /// And these seeds.
        seeds: Vec<Bytes>,
    },
    /// Build a step's transaction. What is large is boxed here and in the replies: reads are small, and there are many.
    Build(Box<Step>),
    /// Build it, offer it, and follow it to its end. The only call with an effect.
    Emit {
        /// The step.
        step: Box<Step>,
        /// Withdraw it when one of these holds.
        give_up: Vec<Condition>,
    },
    /// Simulate a transaction in wire form.
    Simulate {
        /// The bytes.
        wire: Bytes,
    },
    /// Write a line for the operator.
    Log {
        /// How important.
        level: Level,
        /// The line.
        message: String,
    },
}

// A read is journaled as a list, like what it reads.

fn get_out<S: Serializer>(keys: &Few<Key>, slice: &Option<Slice>, s: S) -> Result<S::Ok, S::Error> {
    (keys, slice).serialize(s)
}

fn get_in<'de, D: Deserializer<'de>>(d: D) -> Result<(Few<Key>, Option<Slice>), D::Error> {
    Deserialize::deserialize(d)
}

impl HostCall {
    /// The call's name as flows know it, e.g. `account-watch.get`.
    pub fn name(&self) -> &'static str {
        match self {
            HostCall::Get { .. } => "account-watch.get",
            HostCall::Find(_) => "account-watch.find",
            HostCall::Wait { .. } => "account-watch.wait",
            HostCall::FindProgramAddress { .. } => "tx-build.find-program-address",
            HostCall::Build(_) => "tx-build.build",
            HostCall::Emit { .. } => "tx-build.emit",
            HostCall::Simulate { .. } => "simulate.simulate",
            HostCall::Log { .. } => "log.write",
        }
    }
}

impl HostCall {
    /// The call on one line, cut where it is long: for a person who compares two.
    pub fn brief(&self) -> String {
        const MOST: usize = 300;
        let all = match self {
            HostCall::Log { level, message } => format!("{level:?} {message:?}"),
            HostCall::Emit { step, .. } | HostCall::Build(step) => {
                format!("step `{}` of {} instructions: {:?}", step.name, step.instructions.len(), step.instructions)
            }
            other => format!("{other:?}"),
        };
        let end = all.char_indices().nth(MOST).map_or(all.len(), |(end, _)| end);
        let cut = if end < all.len() { "…" } else { "" };
        format!("{} ({}{cut})", self.name(), all.get(..end).unwrap_or_default())
    }
}

/// What a flow is told. Each variant answers the call of the same name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum HostReply {
    /// Accounts.
    Get(Result<Snapshot, WatchError>),
    /// Accounts of a program.
    Find(Result<Found, WatchError>),
    /// What woke it.
    Wait(Result<Wake, WatchError>),
    /// An address and its bump.
    FindProgramAddress(Result<(Key, u8), AddressError>),
    /// A transaction.
    Build(Result<Box<UnsignedTransaction>, BuildError>),
    /// How the offer ended.
    Emit(Result<Outcome, EmitError>),
    /// What it would do.
    Simulate(Result<Box<Simulation>, SimulateError>),
    /// Written.
    Log,
}
