//! What the journal of an instance holds. A call without an effect is one entry with its reply. A call with an effect is its
//! intent first, then what the host did, then the reply.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use valence_door::{Account, Bytes, Condition, Failure, HostCall, HostReply, Key, Step};
use valence_journal::Record;
use valence_sandbox::Value;

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// The first entry of an episode: all that replay depends on.
    Header(Box<Header>),
    /// A call without an effect, and what was answered: journaled as a list, for it is what there is most of.
    #[serde(serialize_with = "call_out", deserialize_with = "call_in")]
    Call {
        /// What was asked.
        call: HostCall,
        /// What was told.
        reply: HostReply,
    },
    /// A call with an effect is about to be carried out under this id.
    Intent {
        /// The proposal's id: a hash of instance, episode and call number, and so its idempotency key.
        proposal: String,
        /// What was asked.
        call: HostCall,
    },
    /// The transaction that signers would get.
    Built {
        /// The proposal's id.
        proposal: String,
        /// Which try, from 1.
        attempt: u32,
        /// The transaction with zeroed signatures.
        wire: Bytes,
        /// The slot of its last simulation.
        slot: u64,
        /// Compute units of that simulation.
        compute_units: u64,
    },
    /// Its signers have decided.
    Decided {
        /// The proposal's id.
        proposal: String,
        /// Which try, from 1.
        attempt: u32,
        /// Why they refused it; none where they approved.
        rejected: Option<String>,
    },
    /// The transaction was executed.
    Executed {
        /// The proposal's id.
        proposal: String,
        /// Which try, from 1.
        attempt: u32,
        /// In which slot.
        slot: u64,
        /// Consumed.
        compute_units: u64,
        /// In lamports.
        fee: u64,
        /// Why it failed, if it did.
        failure: Option<Failure>,
    },
    /// A try failed; the next one comes in this slot, counted from the failure.
    Retry {
        /// The proposal's id.
        proposal: String,
        /// Which try failed, from 1.
        attempt: u32,
        /// When the next one comes.
        slot: u64,
        /// How it failed.
        why: String,
    },
    /// What the flow was told about its intent.
    Reply {
        /// The proposal's id.
        proposal: String,
        /// What was told.
        reply: HostReply,
    },
    /// The instance was paused: nothing moves until somebody resumes it.
    Paused {
        /// Why: `limit`, `exhausted`, `diverged`, `ahead`, `quarantine`, `upgrade` or `operator`.
        reason: String,
        /// In words, and what to do.
        message: String,
        /// Who, where it was a person.
        by: String,
    },
    /// Somebody had it go on.
    Resumed(Box<Resumed>),
    /// The last entry of an episode, unless it trapped or failed and is retried.
    End {
        /// How it ended: `done`, `continue`, `failed`, `trapped` or `cancelled`.
        outcome: String,
        /// The flow's words, or the state that it left.
        value: Bytes,
        /// Instructions used.
        fuel: u64,
    },
}

fn call_out<S: Serializer>(call: &HostCall, reply: &HostReply, s: S) -> Result<S::Ok, S::Error> {
    (call, reply).serialize(s)
}

fn call_in<'de, D: Deserializer<'de>>(d: D) -> Result<(HostCall, HostReply), D::Error> {
    Deserialize::deserialize(d)
}

/// Under what an instance goes on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resumed {
    /// Who.
    pub by: String,
    /// Entries from this number up to this one no longer count: what a retry asks anew. None: all count.
    pub keep: Option<u64>,
    /// Limits that changed, by name.
    pub limits: Vec<(Cow<'static, str>, u64)>,
    /// Another build of the flow, sha2-256; none: the same.
    pub flow: Option<Bytes>,
    /// Whether a step whose tries are used up gets as many again.
    pub tries: bool,
}

/// All that replay depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The instance's id.
    pub instance: String,
    /// Counts from 0.
    pub episode: u32,
    /// The flow's id.
    pub id: String,
    /// Of the flow's component, sha2-256.
    pub flow: Bytes,
    /// Of the drivers composed into it, in order.
    pub drivers: Vec<Bytes>,
    /// The cluster's genesis hash.
    pub genesis: Key,
    /// Tells the engine's compiled code from another's. A replay under another one warns.
    pub engine: String,
    /// Limits by name, in the order of the sandbox's table.
    pub limits: Vec<(Cow<'static, str>, u64)>,
    /// Params by name, in the order of the descriptor.
    pub params: Vec<(String, Value)>,
    /// Roles by name, in the order of the descriptor.
    pub roles: Vec<(String, Key)>,
    /// What the episode before left.
    pub state: Option<Bytes>,
    /// The head of the episode before, as text.
    pub before: Option<String>,
}

impl Record for Entry {
    fn kind(&self) -> &'static str {
        match self {
            Entry::Header(_) => "header",
            Entry::Call { .. } => "call",
            Entry::Intent { .. } => "intent",
            Entry::Built { .. } => "built",
            Entry::Decided { .. } => "decided",
            Entry::Executed { .. } => "executed",
            Entry::Retry { .. } => "retry",
            Entry::Paused { .. } => "paused",
            Entry::Resumed(_) => "resumed",
            Entry::Reply { .. } => "reply",
            Entry::End { .. } => "end",
        }
    }

    fn key(&self) -> Option<Cow<'_, str>> {
        match self {
            Entry::Header(header) => Some(Cow::Borrowed(&header.id)),
            Entry::Call { call, .. } => Some(Cow::Borrowed(call.name())),
            Entry::Intent { proposal, .. }
            | Entry::Built { proposal, .. }
            | Entry::Decided { proposal, .. }
            | Entry::Executed { proposal, .. }
            | Entry::Retry { proposal, .. }
            | Entry::Reply { proposal, .. } => Some(Cow::Borrowed(proposal)),
            Entry::Paused { reason, .. } => Some(Cow::Borrowed(reason)),
            Entry::Resumed(resumed) => Some(Cow::Borrowed(&resumed.by)),
            Entry::End { outcome, .. } => Some(Cow::Borrowed(outcome)),
        }
    }

    fn weight(&self) -> u64 {
        /// What every entry takes beside the bytes and texts of outside.
        const EACH: u64 = 256;
        EACH.saturating_add(match self {
            Entry::Header(header) => header.state.as_ref().map_or(0, |state| wide(state.len())),
            Entry::Call { call, reply } => of_call(call).saturating_add(of_reply(reply)),
            Entry::Intent { call, .. } => of_call(call),
            Entry::Built { wire, .. } => wide(wire.len()),
            Entry::Executed { failure, .. } => failure.as_ref().map_or(0, |f| texts(&f.logs)),
            Entry::Decided { rejected, .. } => rejected.as_ref().map_or(0, |why| wide(why.len())),
            Entry::Retry { why, .. } => wide(why.len()),
            Entry::Paused { message, .. } => wide(message.len()),
            Entry::Resumed(_) => 0,
            Entry::Reply { reply, .. } => of_reply(reply),
            Entry::End { value, .. } => wide(value.len()),
        })
    }
}

fn wide(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn texts(lines: &[String]) -> u64 {
    lines.iter().map(|line| wide(line.len()).saturating_add(24)).sum()
}

fn accounts<'a>(all: impl Iterator<Item = &'a Account>) -> u64 {
    all.map(|account| wide(account.data.len()).saturating_add(96)).sum()
}

/// Sizes that a flow chooses.
fn of_call(call: &HostCall) -> u64 {
    match call {
        HostCall::Get { keys, .. } => wide(keys.len()).saturating_mul(32),
        HostCall::Find(query) => query.memcmp.iter().map(|m| wide(m.bytes.len())).sum(),
        HostCall::Wait { any_of, .. } => conditions(any_of),
        HostCall::FindProgramAddress { seeds, .. } => seeds.iter().map(|seed| wide(seed.len())).sum(),
        HostCall::Build(step) => of_step(step),
        HostCall::Emit { step, give_up } => of_step(step).saturating_add(conditions(give_up)),
        HostCall::Simulate { wire } => wide(wire.len()),
        HostCall::Log { message, .. } => wide(message.len()),
    }
}

fn of_step(step: &Step) -> u64 {
    let instructions = step.instructions.iter().map(|i| {
        let accounts = wide(i.accounts.len()).saturating_mul(64);
        wide(i.data.len()).saturating_add(accounts)
    });
    let texts = wide(step.name.len()).saturating_add(wide(step.description.len()));
    instructions.sum::<u64>().saturating_add(texts).saturating_add(conditions(&step.conditions))
}

fn conditions(all: &[Condition]) -> u64 {
    let each = all.iter().map(|condition| match condition {
        Condition::DataEquals { data, .. } => wide(data.len()),
        _ => 0,
    });
    each.map(|bytes| bytes.saturating_add(64)).sum()
}

/// Sizes that the chain chooses.
fn of_reply(reply: &HostReply) -> u64 {
    match reply {
        HostReply::Get(Ok(snapshot)) => accounts(snapshot.accounts.iter().flatten()),
        HostReply::Find(Ok(found)) => accounts(found.accounts.iter().map(|(_, account)| account)),
        HostReply::Build(Ok(built)) => wide(built.wire.len()).saturating_mul(2),
        HostReply::Simulate(Ok(simulation)) => {
            let after = simulation.accounts.iter().filter_map(|account| account.account.as_ref());
            texts(&simulation.logs).saturating_add(accounts(after))
        }
        _ => 0,
    }
}
