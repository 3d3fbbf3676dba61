//! What stands in a database, to be compared with what stands in it later.

use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;
use valence_journal::{
    Block, Change, Instance, InstanceFilter, Journal, JournalId, Options, ProposalRow, Record, Resume, SqliteStore,
    Stamp, Store, StoreError, Writer,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    pub word: String,
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

impl Record for Note {
    fn kind(&self) -> &'static str {
        "note"
    }
    fn key(&self) -> Option<Cow<'_, str>> {
        self.word.len().is_multiple_of(2).then_some(Cow::Borrowed(self.word.as_str()))
    }
    fn weight(&self) -> u64 {
        1
    }
}

/// The record that an entry has, wherever and whenever it is written.
pub fn note(journal: JournalId, seq: u64) -> Note {
    let size = if seq % 7 == 3 { 5000 } else { 40 + (seq % 50) as usize };
    Note { word: format!("{}-{}-{seq}", journal.instance, journal.episode), bytes: vec![seq as u8; size] }
}

pub fn stamp(seq: u64) -> Stamp {
    Stamp { slot: seq, time: seq as i64 }
}

pub fn file(folder: &Path) -> PathBuf {
    folder.join("valence.db")
}

pub fn open(folder: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(&file(folder), &Options::default())
}

pub fn writer(folder: &Path) -> Writer {
    Writer::new(Arc::new(open(folder).unwrap())).unwrap()
}

/// The journal of an instance with this id, begun or gone on with.
pub fn journal(writer: &Writer, id: u64) -> Journal<Note> {
    let journal = JournalId { instance: id, episode: 0 };
    if writer.store().instance(id).unwrap().is_none() {
        let row = Instance { id, name: format!("i{id}"), chain: "local".into(), ..Instance::default() };
        return Journal::create(writer, journal, Some(row));
    }
    let loaded = writer.store().load(journal).unwrap();
    assert_eq!(loaded.damage, None);
    let head = loaded.blocks.last().map(Block::cid);
    Journal::resume(writer, journal, Resume { entries: loaded.blocks.len() as u64, head, weight: 0 })
}

/// One more entry of a journal, durable, with all that may go with it.
pub fn step(journal: &mut Journal<Note>) -> Result<u64, valence_journal::JournalError> {
    let (id, seq) = (journal.id(), journal.entries());
    journal.append(stamp(seq), note(id, seq))?;
    if seq % 3 == 0 {
        let waits = (seq % 2 == 0).then(|| vec![seq as u8; 60]);
        journal.change(Change { state: Some(format!("s{seq}")), waits: Some(waits), ..Change::default() });
    }
    if seq % 5 == 0 {
        let proposal = ProposalRow {
            id: format!("p{}-{}", id.instance, seq / 10),
            instance: id.instance,
            seq,
            ..Default::default()
        };
        journal.proposal(ProposalRow { state: format!("at {seq}"), ..proposal });
    }
    journal.barrier().wait()?;
    Ok(seq)
}

/// A folder where a sync costs nothing, if there is one: here damage is looked at thousands of times, and no power is lost.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// A folder with a database of a few instances, all durable, as it lies while its owner runs.
pub fn fixture(instances: u64, steps: u64) -> (TempDir, Writer) {
    let folder = folder();
    let writer = writer(folder.path());
    let mut all: Vec<_> = (1..=instances).map(|id| journal(&writer, id)).collect();
    let component = b"a component".repeat(300);
    writer.store().put_component(&sha2::Sha256::digest(&component).into(), &component).unwrap();
    for _ in 0..steps {
        for journal in &mut all {
            step(journal).unwrap();
        }
    }
    (folder, writer)
}

/// A copy of the files as they lie.
pub fn copy(from: &Path) -> TempDir {
    let to = folder();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
    }
    to
}

/// All that a store says.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    pub rows: Vec<Instance>,
    pub chains: BTreeMap<u64, Vec<Block>>,
    pub waits: BTreeMap<u64, Vec<u8>>,
    pub proposals: Vec<ProposalRow>,
}

impl World {
    pub fn of(store: &dyn Store) -> World {
        let rows = store.instances(&InstanceFilter::default()).unwrap();
        let mut waits = BTreeMap::new();
        store.waiting("local", &mut |id, bytes| drop(waits.insert(id, bytes.to_vec()))).unwrap();
        let load = |row: &Instance| store.load(JournalId { instance: row.id, episode: 0 }).unwrap().blocks;
        let chains = rows.iter().map(|row| (row.id, load(row))).collect();
        let proposals = rows.iter().flat_map(|row| store.proposals(row.id).unwrap()).collect();
        World { rows, chains, waits, proposals }
    }
}

/// What a store finds wrong with itself.
pub fn damages(store: &dyn Store) -> Result<Vec<String>, StoreError> {
    let mut all = Vec::new();
    store.check(&mut |damage| all.push(damage.to_string()))?;
    Ok(all)
}

/// Holds a store against the truth. Entries must be those that were written, whatever else; a journal that is shorter must say so, or the
/// store that commits are missing. Gives what is wrong, in words.
pub fn judge(store: &SqliteStore, truth: &World) -> Vec<String> {
    let mut found = match damages(store) {
        Ok(found) => found,
        Err(error) => vec![error.to_string()],
    };
    let tail = store.damage().is_ok_and(|all| !all.is_empty());
    for row in &truth.rows {
        let truth = &truth.chains[&row.id];
        match store.load(JournalId { instance: row.id, episode: 0 }) {
            Ok(loaded) => {
                assert!(truth.starts_with(&loaded.blocks), "instance {}: other entries than were written", row.id);
                if loaded.blocks.len() < truth.len() {
                    assert!(loaded.damage.is_some() || tail, "instance {} lost entries without a word", row.id);
                }
                for block in &loaded.blocks {
                    let journal = JournalId { instance: row.id, episode: 0 };
                    assert_eq!(block.body::<Note>().unwrap(), note(journal, block.seq()));
                }
                found.extend(loaded.damage.map(|fault| format!("instance {}: {fault}", row.id)));
            }
            // Begun in a commit that is missing.
            Err(StoreError::NoSuchInstance(_)) => {
                assert!(!found.is_empty(), "instance {} is gone without a word", row.id)
            }
            Err(error) => found.push(error.to_string()),
        }
    }
    found
}
