//! The database as others see it: with plain SQL, by its views.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    missing_docs
)]

use rusqlite::Connection;
use serde::Serialize;
use std::{borrow::Cow, path::Path, sync::Arc};
use valence_journal::{Change, Instance, Journal, JournalId, Options, ProposalRow, Record, SqliteStore, Stamp, Writer};

#[derive(Serialize)]
struct Intent(&'static str);

impl Record for Intent {
    fn kind(&self) -> &'static str {
        "intent"
    }
    fn key(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.0))
    }
    fn weight(&self) -> u64 {
        1
    }
}

fn fill(path: &Path, options: &Options) -> Writer {
    let writer = Writer::new(Arc::new(SqliteStore::open(path, options).unwrap())).unwrap();
    for (id, name, ended) in [(1, "sweep", None), (2, "old", Some(1_700_000_000_500))] {
        if writer.store().instance(id).unwrap().is_some() {
            continue;
        }
        let row = Instance {
            id,
            name: name.into(),
            state: "running".into(),
            created: 1_600_000_000_000,
            ..Instance::default()
        };
        let mut journal = Journal::create(&writer, JournalId { instance: id, episode: 0 }, Some(row));
        journal.append(Stamp { slot: 12, time: 1_700_000_000 }, Intent("p1")).unwrap();
        let state = if ended.is_some() { "confirmed" } else { "proposed" };
        let row = ProposalRow {
            id: format!("p{id}"),
            instance: id,
            step: "pay".into(),
            state: state.into(),
            slot: 12,
            ..Default::default()
        };
        journal.proposal(row);
        journal.change(Change { ended: Some(ended), waits: Some(Some(vec![1])), ..Change::default() });
        journal.barrier().wait().unwrap();
    }
    writer
}

fn lines(db: &Connection, sql: &str) -> Vec<String> {
    let mut all = db.prepare(sql).unwrap();
    let columns = all.column_count();
    let line = |row: &rusqlite::Row<'_>| {
        let cells = (0..columns).map(|n| match row.get_ref(n).unwrap() {
            rusqlite::types::ValueRef::Integer(n) => n.to_string(),
            rusqlite::types::ValueRef::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
            other => format!("{other:?}"),
        });
        Ok(cells.collect::<Vec<_>>().join("|"))
    };
    all.query_map([], line).unwrap().map(Result::unwrap).collect()
}

#[test]
fn anybody_can_ask_with_sql_while_the_owner_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("valence.db");
    let _writer = fill(&path, &Options::default());
    let db = Connection::open(&path).unwrap();
    let timeline = "SELECT instance, seq, kind, key, slot, time FROM timeline ORDER BY instance";
    assert_eq!(
        lines(&db, timeline),
        ["old|0|intent|p1|12|2023-11-14 22:13:20", "sweep|0|intent|p1|12|2023-11-14 22:13:20"]
    );
    let running = "SELECT id, name, state, entries, created FROM running_instances";
    assert_eq!(lines(&db, running), ["1|sweep|running|1|2020-09-13 12:26:40"]);
    assert_eq!(lines(&db, "SELECT name, ended FROM ended_instances"), ["old|2023-11-14 22:13:20"]);
    assert_eq!(lines(&db, "SELECT id, instance, step, state FROM open_proposals"), ["p1|sweep|pay|proposed"]);
    assert_eq!(lines(&db, "SELECT name FROM waiting_instances"), ["sweep"]);
    assert!(lines(&db, "SELECT head FROM instances WHERE id = 1")[0].starts_with("bafyrei"));
    assert_eq!(lines(&db, "SELECT value FROM meta WHERE name = 'commits'"), ["3"]);
}

#[test]
fn views_of_the_runtime_are_made_and_made_anew_when_they_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("valence.db");
    let options = |select: &str| Options { views: vec![("intents".into(), select.into())] };
    let (one, two) = ("SELECT key FROM entry WHERE kind = 'intent'", "SELECT 'new ' || key AS key FROM entry LIMIT 1");
    drop(fill(&path, &options(one)));
    assert_eq!(lines(&Connection::open(&path).unwrap(), "SELECT * FROM intents"), ["p1", "p1"]);
    drop(fill(&path, &options(two)));
    assert_eq!(lines(&Connection::open(&path).unwrap(), "SELECT * FROM intents"), ["new p1"]);
    let bad = SqliteStore::open(&path, &options("SELECT FROM")).err().unwrap();
    assert!(bad.to_string().contains("syntax error"), "{bad}");
    // Nothing of it stays.
    drop(fill(&path, &options(two)));
}

#[test]
fn rows_written_by_hand_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("valence.db");
    drop(fill(&path, &Options::default()));
    let db = Connection::open(&path).unwrap();
    db.execute_batch(
        "UPDATE instance SET state = 'completed' WHERE id = 1; UPDATE entry SET slot = 13 WHERE instance = 2",
    )
    .unwrap();
    drop(db);
    let store = SqliteStore::open(&path, &Options::default()).unwrap();
    let mut found = Vec::new();
    valence_journal::Store::check(&store, &mut |damage| found.push(damage.to_string())).unwrap();
    assert_eq!(
        found,
        [
            "instance 1: its row is not what was written",
            "instance 1, episode 0: its row is not what was written, so nothing says where its journal ends",
            "instance 2, episode 0: entry 0 is indexed under a slot that is not its own",
        ]
    );
    // Such an instance takes no writes.
    let writer = Writer::new(Arc::new(store)).unwrap();
    let mut journal: Journal<Intent> = Journal::create(&writer, JournalId { instance: 1, episode: 0 }, None);
    journal.append(Stamp::default(), Intent("x")).unwrap();
    assert!(journal.barrier().wait().unwrap_err().to_string().contains("instance 1: its row is not what was written"));
}
