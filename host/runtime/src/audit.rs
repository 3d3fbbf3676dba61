//! Audit: who did what, over the journals of all instances. An actor follows from an entry's kind; views of the same names
//! stand in the database for whoever asks with `sqlite3`.
//!
//! | kind | actor |
//! |---|---|
//! | `header`, `built`, `retry`, `ended` | system: the host |
//! | `call`, `intent`, `reply`, `end` | service: the flow, and what it was told |
//! | `decided`, `executed` | external: signers and the chain |
//! | `operator` | user |
//! | `paused`, `resumed` | user where a person did it, else system |

use crate::instance::Entry;
use serde::Serialize;
use std::collections::BTreeSet;
use valence_journal::{Block, HOST, JournalId};

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// A person.
    User,
    /// A flow.
    Service,
    /// The host.
    System,
    /// Signers and the chain.
    External,
}

/// Kinds with their actors; for two of them the entry says more.
const KINDS: &[(&str, Actor)] = &[
    ("header", Actor::System),
    ("call", Actor::Service),
    ("intent", Actor::Service),
    ("built", Actor::System),
    ("decided", Actor::External),
    ("executed", Actor::External),
    ("retry", Actor::System),
    ("reply", Actor::Service),
    ("paused", Actor::System),
    ("resumed", Actor::User),
    ("end", Actor::Service),
    ("operator", Actor::User),
    ("ended", Actor::System),
];

/// Who is named where the host itself had an instance go on.
const BY_THE_HOST: &str = "host";

impl Actor {
    /// Who did this.
    pub(crate) fn of(entry: &Entry) -> Actor {
        match entry {
            Entry::Paused { by, .. } if !by.is_empty() => Actor::User,
            Entry::Resumed(how) if how.by == BY_THE_HOST => Actor::System,
            other => Actor::of_kind(valence_journal::Record::kind(other)),
        }
    }

    fn of_kind(kind: &str) -> Actor {
        KINDS.iter().find(|(known, _)| *known == kind).map_or(Actor::System, |(_, actor)| *actor)
    }

    /// Who did what an entry of any journal says.
    pub fn of_block(journal: JournalId, block: &Block) -> Actor {
        // Most kinds say it without being opened.
        if journal != HOST
            && matches!(block.kind(), "paused" | "resumed")
            && let Ok(entry) = block.body::<Entry>()
        {
            return Actor::of(&entry);
        }
        Actor::of_kind(block.kind())
    }

    /// The kinds that this one may have done.
    pub fn kinds(self) -> BTreeSet<String> {
        let may = |(kind, actor): &&(&str, Actor)| {
            *actor == self || (matches!(*kind, "paused" | "resumed") && matches!(self, Actor::User | Actor::System))
        };
        KINDS.iter().filter(may).map(|(kind, _)| (*kind).to_owned()).collect()
    }

    /// All kinds of entries.
    pub fn all_kinds() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|(kind, _)| *kind)
    }

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Actor::User => "user",
            Actor::Service => "service",
            Actor::System => "system",
            Actor::External => "external",
        }
    }
}

/// Views of the database, by name: what each selects.
pub(crate) fn views() -> Vec<(String, String)> {
    let actor: String = KINDS.iter().map(|(kind, actor)| format!(" WHEN '{kind}' THEN '{}'", actor.name())).collect();
    let entries = "FROM entry e JOIN instance i ON i.id = e.instance";
    let place = "i.name AS instance, e.episode, e.seq, e.slot, datetime(e.time, 'unixepoch') AS time";
    [
        ("audit", format!("SELECT {place}, e.kind, CASE e.kind{actor} ELSE 'system' END AS actor, e.key AS about {entries}")),
        ("logs", format!("SELECT {place}, e.block {entries} WHERE e.key = 'log.write'")),
        ("waits", format!("SELECT {place} {entries} WHERE e.key = 'account-watch.wait'")),
        (
            "transactions",
            format!("SELECT {place}, e.kind, e.key AS proposal, p.step, p.state {entries} LEFT JOIN proposal p ON p.id = e.key \
                     WHERE e.kind IN ('intent', 'built', 'decided', 'executed', 'retry', 'reply')"),
        ),
        (
            "pauses",
            format!("SELECT {place}, e.kind, e.key AS why_or_by {entries} WHERE e.kind IN ('paused', 'resumed')"),
        ),
    ]
    .map(|(name, select)| (name.to_owned(), select))
    .to_vec()
}
