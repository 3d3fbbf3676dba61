//! Audit: who did what, over the journals of all instances. An actor follows from an entry's kind; views of the same names
//! stand in the database for whoever asks with `sqlite3`.
//!
//! | kind | actor |
//! |---|---|
//! | `header`, `built`, `retry`, `ended` | system: the host |
//! | `call`, `intent`, `reply`, `end` | service: the flow, and what it was told; user where a person cancelled it |
//! | `decided`, `executed` | external: signers and the chain |
//! | `operator` | user |
//! | `paused`, `resumed` | user where a person did it, else system |

use crate::{
    history::{Known, Line, RecordError, host_line, line},
    instance::Entry,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use valence_journal::{EntryQuery, HOST, JournalId, Store};

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

/// A kind, who does it, and about what somebody else does it.
type Kind = (&'static str, Actor, Option<(&'static str, Actor)>);

/// Kinds with their actors, and the keys that make it somebody else: a person cancels, pauses and resumes; now and then the host
/// itself has an instance go on.
const KINDS: &[Kind] = &[
    ("header", Actor::System, None),
    ("call", Actor::Service, None),
    ("intent", Actor::Service, None),
    ("built", Actor::System, None),
    ("decided", Actor::External, None),
    ("executed", Actor::External, None),
    ("retry", Actor::System, None),
    ("reply", Actor::Service, None),
    ("paused", Actor::System, Some(("operator", Actor::User))),
    ("resumed", Actor::User, Some(("host", Actor::System))),
    ("end", Actor::Service, Some(("cancelled", Actor::User))),
    ("operator", Actor::User, None),
    ("ended", Actor::System, None),
];

impl Actor {
    /// Who did what an entry of this kind says about this.
    pub fn of(kind: &str, key: Option<&str>) -> Actor {
        match KINDS.iter().find(|(known, ..)| *known == kind) {
            Some((_, _, Some((about, other)))) if key == Some(about) => *other,
            Some((_, actor, _)) => *actor,
            None => Actor::System,
        }
    }

    /// The kinds that this one may have done.
    pub fn kinds(self) -> BTreeSet<String> {
        let may = |(_, actor, other): &&Kind| *actor == self || other.is_some_and(|(_, other)| other == self);
        KINDS.iter().filter(may).map(|(kind, ..)| (*kind).to_owned()).collect()
    }

    /// All kinds of entries.
    pub fn all_kinds() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|(kind, ..)| *kind)
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
        if query.actor.is_some_and(|actor| actor != Actor::of(block.kind(), block.key())) {
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
    let when = |(kind, actor, other): &Kind| match other {
        Some((about, other)) => {
            let (actor, other) = (actor.name(), other.name());
            format!(" WHEN '{kind}' THEN CASE e.key WHEN '{about}' THEN '{other}' ELSE '{actor}' END")
        }
        None => format!(" WHEN '{kind}' THEN '{}'", actor.name()),
    };
    let actor: String = KINDS.iter().map(when).collect();
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
