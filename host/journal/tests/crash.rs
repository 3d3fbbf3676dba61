//! Random work on many journals with crashes in between, in any order: what was durable is there, unchanged; what is there was
//! appended, in order; every chain verifies; and the rows say the same.
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

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use std::{fs, path::Path, sync::Arc};
use tempfile::TempDir;
use valence_journal::{
    Block, Change, Instance, Journal, JournalId, Options, Record, Resume, SqliteStore, Stamp, Writer, verify,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note(u64, #[serde(with = "serde_bytes")] Vec<u8>);

impl Record for Note {
    fn kind(&self) -> &'static str {
        "note"
    }
    fn weight(&self) -> u64 {
        self.1.len() as u64 + 8
    }
}

const JOURNALS: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    Append {
        journal: usize,
        count: usize,
        size: usize,
    },
    Change(usize),
    Flush(usize),
    Barrier(usize),
    /// The process is gone; what was handed over may or may not have been written.
    Crash,
    /// The process ends as it should.
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let journal = || 0..JOURNALS;
    let size = prop_oneof![6 => 0usize..200, 1 => 4000usize..9000];
    let count = prop_oneof![8 => 1usize..6, 1 => 250usize..600];
    let step = prop_oneof![
        8 => (journal(), count, size).prop_map(|(journal, count, size)| Step::Append { journal, count, size }),
        2 => journal().prop_map(Step::Change),
        3 => journal().prop_map(Step::Flush),
        4 => journal().prop_map(Step::Barrier),
        1 => Just(Step::Crash),
        1 => Just(Step::Close),
    ];
    prop::collection::vec(step, 1..40)
}

/// What is known of one journal.
#[derive(Clone, Default)]
struct Known {
    appended: Vec<Note>,
    durable: usize,
    /// Changes of its row so far, and how many are durable.
    changes: u64,
    durable_changes: u64,
}

struct Run {
    folder: TempDir,
    writer: Option<Writer>,
    journals: Vec<Option<Journal<Note>>>,
    known: Vec<Known>,
}

fn open(folder: &Path) -> Writer {
    let store = SqliteStore::open(&folder.join("valence.db"), &Options::default()).unwrap();
    assert_eq!(store.damage().unwrap(), Vec::<String>::new());
    Writer::new(Arc::new(store)).unwrap()
}

fn id(journal: usize) -> JournalId {
    JournalId { instance: journal as u64 + 1, episode: 0 }
}

impl Run {
    fn new() -> Run {
        let folder = tempfile::tempdir().unwrap();
        let writer = Some(open(folder.path()));
        let journals = (0..JOURNALS).map(|_| None).collect();
        Run { folder, writer, journals, known: vec![Known::default(); JOURNALS] }
    }

    fn journal(&mut self, n: usize) -> &mut Journal<Note> {
        let writer = self.writer.as_ref().unwrap();
        self.journals[n].get_or_insert_with(|| {
            if writer.store().instance(id(n).instance).unwrap().is_none() {
                let row =
                    Instance { id: id(n).instance, name: n.to_string(), state: "0".into(), ..Instance::default() };
                return Journal::create(writer, id(n), Some(row));
            }
            let blocks = writer.store().load(id(n)).unwrap().blocks;
            let head = blocks.last().map(Block::cid);
            Journal::resume(writer, id(n), Resume { entries: blocks.len() as u64, head, weight: 0 })
        })
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Append { journal, count, size } => {
                for _ in 0..count {
                    let seq = self.known[journal].appended.len() as u64;
                    let note = Note(seq, vec![seq as u8; size]);
                    self.known[journal].appended.push(note.clone());
                    self.journal(journal).append(Stamp { slot: seq, time: 0 }, note).unwrap();
                }
            }
            Step::Change(n) => {
                self.known[n].changes += 1;
                let state = Some(self.known[n].changes.to_string());
                self.journal(n).change(Change { state, ..Change::default() });
            }
            Step::Flush(n) => self.journal(n).flush(),
            Step::Barrier(n) => {
                self.journal(n).barrier().wait().unwrap();
                let known = &mut self.known[n];
                (known.durable, known.durable_changes) = (known.appended.len(), known.changes);
            }
            Step::Crash => {
                // The files as they lie between two commits, whatever is queued: nobody else commits while we hold the database.
                let to = tempfile::tempdir().unwrap();
                let hold = rusqlite::Connection::open(self.folder.path().join("valence.db")).unwrap();
                hold.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
                hold.execute_batch("BEGIN IMMEDIATE").unwrap();
                for name in ["valence.high", "valence.db", "valence.db-wal"] {
                    let from = self.folder.path().join(name);
                    if from.exists() {
                        fs::copy(from, to.path().join(name)).unwrap();
                    }
                }
                drop(hold);
                self.journals.iter_mut().for_each(|journal| *journal = None);
                self.writer = None;
                self.folder = to;
                self.writer = Some(open(self.folder.path()));
                self.look();
            }
            Step::Close => {
                self.journals.iter_mut().for_each(|journal| *journal = None);
                self.writer = None;
                self.writer = Some(open(self.folder.path()));
                self.look();
            }
        }
    }

    /// Holds what is stored against what is known, and takes it for the truth from here on.
    fn look(&mut self) {
        let store = self.writer.as_ref().unwrap().store();
        store.check(&mut |damage| panic!("{damage}")).unwrap();
        for n in 0..JOURNALS {
            let known = &mut self.known[n];
            let Some(row) = store.instance(id(n).instance).unwrap() else {
                assert_eq!((known.durable, known.durable_changes), (0, 0));
                *known = Known::default();
                continue;
            };
            let loaded = store.load(id(n)).unwrap();
            assert_eq!(loaded.damage, None);
            verify(&loaded.blocks, row.head).unwrap();
            let notes: Vec<Note> = loaded.blocks.iter().map(|block| block.body().unwrap()).collect();
            assert!(notes.len() >= known.durable, "{} of {}", notes.len(), known.durable);
            assert!(known.appended.starts_with(&notes));
            let changes: u64 = row.state.parse().unwrap();
            assert!(changes >= known.durable_changes && changes <= known.changes);
            known.appended = notes;
            known.durable = known.appended.len();
            (known.changes, known.durable_changes) = (changes, changes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_durable_survives_any_work_and_any_crash(steps in steps()) {
        let mut run = Run::new();
        steps.iter().for_each(|step| run.step(step));
        run.step(&Step::Crash);
    }
}
