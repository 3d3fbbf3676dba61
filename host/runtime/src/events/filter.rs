//! What a subscriber wants to see, and from when on.

use super::{Event, EventKind};
use serde::Serialize;
use std::{collections::BTreeSet, sync::Arc};

/// Where an event stands in a journal. Of one entry there is at most one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Position {
    /// The instance's number; 0 is the host's own journal.
    pub instance: u64,
    /// The episode.
    pub episode: u32,
    /// The entry.
    pub entry: u64,
}

/// What events are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventClass {
    /// An account changed.
    StateUpdate,
    /// A flow began, ended, was paused; an episode began.
    Flow,
    /// A flow waits, or goes on.
    Wait,
    /// A step came to its end.
    Step,
    /// A transaction was built, submitted, confirmed.
    Transaction,
    /// What operators did, and which instances are over.
    Audit,
    /// A flow wrote a line.
    Log,
    /// Something is odd.
    Warning,
    /// Something is wrong.
    Error,
}

impl EventClass {
    /// All of them.
    pub const ALL: [EventClass; 9] = [
        EventClass::StateUpdate,
        EventClass::Flow,
        EventClass::Wait,
        EventClass::Step,
        EventClass::Transaction,
        EventClass::Audit,
        EventClass::Log,
        EventClass::Warning,
        EventClass::Error,
    ];
}

/// From when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// From the first entry that is kept.
    Beginning,
    /// From this time of the chain on, seconds since 1970.
    Time(i64),
    /// From this slot on.
    Slot(u64),
    /// Behind this entry; of its instance only.
    After(Position),
}

/// Which events. An empty field asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Of one of these classes; empty: of any.
    pub classes: BTreeSet<EventClass>,
    /// Of instances of this flow.
    pub flow: Option<String>,
    /// Of this instance, by name.
    pub instance: Option<String>,
    /// About this account, in base58: it changed, or stands in the transaction.
    pub account: Option<String>,
    /// Also those that are past already, made from journals; none: from now on. Those of no entry (a wait that begins, a
    /// transaction that is given to the chain, account updates) are told live only.
    pub from: Option<Since>,
}

impl EventKind {
    /// What it is about.
    pub fn class(&self) -> EventClass {
        match self {
            EventKind::FlowStarted { .. }
            | EventKind::EpisodeStarted { .. }
            | EventKind::FlowCompleted { .. }
            | EventKind::FlowPaused { .. } => EventClass::Flow,
            EventKind::Waiting { .. } | EventKind::Woken { .. } => EventClass::Wait,
            EventKind::Log { .. } => EventClass::Log,
            EventKind::TransactionBuilt(_)
            | EventKind::TransactionSubmitted { .. }
            | EventKind::TransactionConfirmed { .. } => EventClass::Transaction,
            EventKind::FlowStepCompleted { .. } => EventClass::Step,
            EventKind::AuditLog { .. } => EventClass::Audit,
            EventKind::StateUpdate { .. } => EventClass::StateUpdate,
            EventKind::Warning { .. } => EventClass::Warning,
            EventKind::Error { .. } => EventClass::Error,
        }
    }

    /// Whether an entry says it: so it can be told again.
    pub(crate) fn is_on_record(&self) -> bool {
        !matches!(self, EventKind::Waiting { .. } | EventKind::TransactionSubmitted { .. })
    }

    fn is_about(&self, account: &str) -> bool {
        match self {
            EventKind::StateUpdate { account: changed, .. } => changed == account,
            EventKind::TransactionBuilt(built) => {
                let in_instruction = |i: &crate::ShownInstruction| {
                    i.program_id == account || i.accounts.iter().any(|named| named.address == account)
                };
                built.signers.iter().any(|signer| signer.address == account)
                    || built.instructions.iter().any(in_instruction)
                    || changes(&built.balances, &built.tokens, account)
            }
            EventKind::TransactionConfirmed { balances, tokens, .. } => changes(balances, tokens, account),
            _ => false,
        }
    }
}

fn changes(balances: &[crate::ShownBalance], tokens: &[crate::ShownToken], account: &str) -> bool {
    balances.iter().any(|balance| balance.address == account)
        || tokens.iter().any(|token| token.address == account || token.owner == account)
}

impl EventFilter {
    /// Whether this is one of those asked for.
    pub fn takes(&self, event: &Event) -> bool {
        let same =
            |wanted: &Option<String>, is: Option<&str>| wanted.as_deref().is_none_or(|wanted| is == Some(wanted));
        (self.classes.is_empty() || self.classes.contains(&event.kind.class()))
            && same(&self.flow, event.flow.as_deref())
            && same(&self.instance, event.instance.as_deref())
            && self.account.as_ref().is_none_or(|account| event.kind.is_about(account))
    }
}

/// A flow's id, as events carry it.
pub(crate) type FlowId = Option<Arc<str>>;
