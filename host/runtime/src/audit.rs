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

use crate::{
    history::{Known, Line, RecordError, host_line, line},
    instance::Entry,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use valence_journal::{Block, EntryQuery, HOST, JournalId, Store};

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

/// What is asked for. An empty field asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Of one of these kinds; empty: of any.
    pub kinds: BTreeSet<String>,
    /// Done by this one.
    pub actor: Option<Actor>,
    /// Of this instance; the host's own entries about it are not among them.
    pub instance: Option<u64>,
    /// At or after this time of the chain, seconds since 1970.
    pub since: Option<i64>,
    /// Before this time of the chain.
    pub until: Option<i64>,
    /// Newest first; else oldest first.
    pub newest_first: bool,
    /// At most so many; 0: all.
    pub limit: u64,
}

/// Instances whose names and addresses are kept in mind.
const KNOWN: usize = 256;

/// Visits what was done, each with the name of its instance; false ends the visit. An entry that cannot be read is told in the end.
///
/// # Errors
/// [`RecordError`] where the store or an entry cannot be read.
pub fn audit(
    store: &dyn Store,
    query: &AuditQuery,
    each: &mut dyn FnMut(&str, Line) -> bool,
) -> Result<(), RecordError> {
    let mut kinds = query.kinds.clone();
    if let Some(actor) = query.actor {
        let may = actor.kinds();
        kinds = if kinds.is_empty() { may } else { kinds.intersection(&may).cloned().collect() };
        if kinds.is_empty() {
            return Ok(());
        }
    }
    // Who did it is not a column, so the limit is counted here.
    let find = EntryQuery {
        kinds,
        instance: query.instance,
        since: query.since,
        until: query.until,
        newest_first: query.newest_first,
        ..EntryQuery::default()
    };
    let (mut left, mut trouble) = (if query.limit == 0 { u64::MAX } else { query.limit }, None);
    let mut known: HashMap<u64, (String, Known)> = HashMap::new();
    store.find(&find, &mut |journal, block| {
        if query.actor.is_some_and(|actor| actor != Actor::of_block(journal, &block)) {
            return true;
        }
        if known.len() > KNOWN {
            known.clear();
        }
        let (name, about) = known.entry(journal.instance).or_insert_with(|| introduce(store, journal));
        let line = if journal == HOST { host_line(&block) } else { line(journal.episode, &block, about) };
        match line {
            Ok(line) => {
                left = left.saturating_sub(1);
                each(name, line) && left > 0
            }
            Err(error) => {
                trouble.get_or_insert(error);
                true
            }
        }
    })?;
    trouble.map_or(Ok(()), Err)
}

/// The name of an instance, and what its header says of names.
fn introduce(store: &dyn Store, journal: JournalId) -> (String, Known) {
    let mut known = Known::new(&BTreeMap::new());
    if journal == HOST {
        return ("host".to_owned(), known);
    }
    let row = store.instance(journal.instance).ok().flatten().unwrap_or_default();
    let first = store.entries(JournalId { episode: 0, ..journal }, 0, 1).unwrap_or_default();
    if let Some(Ok(header)) = first.first().map(|block| block.body::<Entry>()) {
        known.learn(&header);
    }
    (row.name, known)
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
