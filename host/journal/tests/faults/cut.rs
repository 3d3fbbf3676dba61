//! Files cut short.

use crate::world::{World, copy, file, fixture, judge, open};
use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
};
use valence_journal::{JournalId, SqliteStore, Store, StoreError};

const FRAME: u64 = 4096 + 24;

fn log(folder: &Path) -> PathBuf {
    folder.join("valence.db-wal")
}

fn cut(file: &Path, length: u64) {
    OpenOptions::new().write(true).open(file).unwrap().set_len(length).unwrap();
}

#[test]
fn a_log_cut_at_any_byte_of_the_last_commit_loses_that_commit_and_says_so() {
    let (folder, writer) = fixture(2, 8);
    let truth = World::of(&**writer.store());
    let copied = copy(folder.path());
    let log = log(copied.path());
    let whole = fs::metadata(&log).unwrap().len();
    // The last commit is the last entry of the last instance.
    let last = JournalId { instance: 2, episode: 0 };
    let mut lost = 0;
    // Each byte of the last page, and every seventh of the one before.
    for length in (whole - FRAME..whole).rev().chain((whole - 2 * FRAME..whole - FRAME).rev().step_by(7)) {
        cut(&log, length);
        let store = SqliteStore::open_read_only(&file(copied.path())).unwrap();
        let loaded = store.load(last).unwrap();
        let all = &truth.chains[&2];
        assert!(all.starts_with(&loaded.blocks) && loaded.damage.is_none());
        assert_eq!(loaded.blocks.len(), all.len() - 1, "cut at {length} of {whole}");
        let damage = store.damage().unwrap();
        assert!(damage.len() == 1 && damage[0].contains("commits are missing"), "{damage:?}");
        lost += 1;
    }
    assert!(lost > FRAME);
}

#[test]
fn a_log_cut_anywhere_keeps_the_valid_prefix_and_the_owner_remembers_the_loss() {
    let (folder, writer) = fixture(3, 8);
    let truth = World::of(&**writer.store());
    let whole = fs::metadata(log(folder.path())).unwrap().len();
    for part in 0..60 {
        let copied = copy(folder.path());
        let length = whole * part / 60;
        cut(&log(copied.path()), length);
        match open(copied.path()) {
            Ok(store) => {
                let found = judge(&store, &truth);
                assert!(found[0].contains("commits are missing"), "{found:?}");
                assert_eq!(found.len(), 1, "cut at {length}: {found:?}");
                // What was there is kept aside, and later commits are not taken for the lost ones.
                let names: Vec<_> = fs::read_dir(copied.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
                assert!(length == 0 || names.iter().any(|n| n.to_string_lossy().contains("wal.damaged-")), "{names:?}");
                drop(store);
                let again = open(copied.path()).unwrap();
                assert_eq!(again.damage().unwrap().len(), 1);
            }
            // Cut so early that there are not even tables.
            Err(error) => {
                assert!(matches!(error, StoreError::Damaged { .. }), "cut at {length}: {error}");
            }
        }
    }
}

#[test]
fn a_database_cut_short_is_named() {
    let (folder, writer) = fixture(3, 30);
    let truth = World::of(&**writer.store());
    drop(writer);
    let path = file(folder.path());
    let whole = fs::metadata(&path).unwrap().len();
    assert!(whole > 20 * 4096, "the log was moved to the database: {whole}");
    let bytes = fs::read(&path).unwrap();
    // Every byte of the last entries, and a sample of the rest.
    let places =
        (whole - 700..whole).chain((whole - 4096..whole - 700).step_by(29)).chain((0..whole - 4096).step_by(6007));
    for length in places {
        fs::write(&path, &bytes[..length as usize]).unwrap();
        match open(folder.path()) {
            Err(StoreError::Damaged { .. } | StoreError::NotAStore { .. }) => {}
            Err(other) => panic!("cut at {length}: {other}"),
            Ok(store) => assert!(!judge(&store, &truth).is_empty(), "cut at {length} of {whole} and nobody noticed"),
        }
    }
    fs::write(&path, &bytes).unwrap();
    assert_eq!(judge(&open(folder.path()).unwrap(), &truth), Vec::<String>::new());
}

#[test]
fn a_database_that_is_gone_or_empty_is_not_begun_anew() {
    let (folder, writer) = fixture(1, 2);
    drop(writer);
    for empty in [true, false] {
        let copied = copy(folder.path());
        if empty {
            cut(&file(copied.path()), 0);
        } else {
            fs::remove_file(file(copied.path())).unwrap();
        }
        for error in
            [open(copied.path()).err().unwrap(), SqliteStore::open_read_only(&file(copied.path())).err().unwrap()]
        {
            assert!(error.to_string().contains("the file is missing or empty, and "), "{error}");
        }
        // Its log lies as it was.
        let log = log(copied.path());
        assert!(!log.exists() || fs::read(&log).unwrap() == fs::read(crate::cut::log(folder.path())).unwrap());
    }
}

#[test]
fn what_was_never_synced_may_be_lost_with_the_power_and_is_no_damage() {
    let (folder, writer) = fixture(1, 3);
    let truth = World::of(&**writer.store());
    let synced = fs::read(log(folder.path())).unwrap();
    let mut journal = crate::world::journal(&writer, 1);
    for state in ["once", "twice"] {
        journal.change(valence_journal::Change { state: Some(state.into()), ..Default::default() });
        journal.flush();
    }
    drop(journal);
    while writer.store().instance(1).unwrap().unwrap().state != "twice" {
        std::thread::yield_now();
    }
    // What is behind the last sync never came to the disk.
    let copied = copy(folder.path());
    assert!(fs::read(log(copied.path())).unwrap() != synced);
    fs::write(log(copied.path()), synced).unwrap();
    let store = open(copied.path()).unwrap();
    assert_eq!(judge(&store, &truth), Vec::<String>::new());
    assert_eq!(World::of(&store), truth);
}
