//! Folders and files that are not ours to write: read-only, locked by another process, of another kind, of a newer version.

use crate::{
    child::{self, say},
    world::{World, copy, damages, file, fixture, open},
};
use rusqlite::Connection;
use std::{fs, path::Path, process::Command};
use valence_journal::{InstanceFilter, SqliteStore, Store, StoreError, Write};

/// Whether this machine lets us make file systems of our own.
pub fn namespaces() -> bool {
    let can = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).status();
    let can = can.is_ok_and(|status| status.success());
    if !can {
        eprintln!("SKIPPED: no user namespaces on this machine, so no file system of our own to be full or read-only");
    }
    can
}

pub fn in_read_only_folder(folder: &Path) {
    let error = open(folder).err().expect("it was opened for writing");
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    say(error);
    match SqliteStore::open_read_only(&file(folder)) {
        Ok(store) => {
            let world = World::of(&store);
            assert_eq!(damages(&store).unwrap(), Vec::<String>::new());
            let refused = store.commit(vec![Write::default()]);
            assert!(matches!(refused[0], Err(StoreError::ReadOnly { .. })));
            say(format!("read {}", world.chains[&2].len()));
        }
        Err(error) => say(error),
    }
}

#[test]
fn a_read_only_folder_is_a_clear_error_to_write_and_can_be_read() {
    if !namespaces() {
        return;
    }
    // As it lies while its owner runs; and as an archive: closed, without a log.
    for archive in [false, true] {
        let (folder, writer) = fixture(2, if archive { 50 } else { 5 });
        let open = (!archive).then_some(writer);
        let copied = copy(folder.path());
        if archive {
            fs::remove_file(copied.path().join("valence.db-wal")).unwrap();
            fs::remove_file(copied.path().join("valence.db-shm")).unwrap();
        }
        read_only(copied.path(), if open.is_some() { "read 5" } else { "read 50" });
    }
}

fn read_only(folder: &Path, read: &str) {
    let path = folder.display();
    let mount = format!("mount --bind '{path}' '{path}' && mount -o remount,ro,bind '{path}'");
    let before = format!("exec unshare -rm sh -c \"{mount}; exec \\\"\\$0\\\" \\\"\\$@\\\"\" \"$0\" \"$@\"");
    let lines = child::run("read-only", folder, Some(&before));
    assert!(lines[0].contains("it cannot be written"), "{lines:?}");
    assert_eq!(lines[1], read);
}

#[test]
fn a_second_process_is_refused_and_may_read() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, mut lines) = child::start("append", folder.path());
    let error = open(folder.path()).err().unwrap();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    let store = SqliteStore::open_read_only(&file(folder.path())).unwrap();
    let mut last = 0;
    for _ in 0..20 {
        // What was acknowledged to others is seen by us.
        let line = lines.next().unwrap();
        let (id, seq) = line.split_once(' ').unwrap();
        let row = store.instance(id.parse().unwrap()).unwrap().unwrap();
        assert!(row.entries > seq.parse().unwrap());
        let all: u64 = store.instances(&InstanceFilter::default()).unwrap().iter().map(|row| row.entries).sum();
        assert!(all >= last);
        last = all;
    }
    assert_eq!(store.damage().unwrap(), Vec::<String>::new());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(damages(&open(folder.path()).unwrap()).unwrap(), Vec::<String>::new());
}

#[test]
fn a_long_reader_does_not_stop_the_writer() {
    let (folder, writer) = fixture(1, 2);
    let reader = Connection::open(file(folder.path())).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM entry").unwrap();
    let mut journal = crate::world::journal(&writer, 1);
    for _ in 0..600 {
        crate::world::step(&mut journal).unwrap();
    }
    let seen: i64 = reader.query_row("SELECT count(*) FROM entry", [], |row| row.get(0)).unwrap();
    assert_eq!(seen, 2);
    assert_eq!(journal.entries(), 602);
}

#[test]
fn other_files_are_refused_and_left_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    fs::write(&path, "a letter to somebody").unwrap();
    let error = open(folder.path()).err().unwrap();
    assert!(matches!(error, StoreError::NotAStore { .. }), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "a letter to somebody");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    fs::remove_file(&path).unwrap();

    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE letters (body TEXT)").unwrap();
    let error = open(folder.path()).err().unwrap();
    assert!(matches!(error, StoreError::NotAStore { .. }), "{error}");
    let mode: String = other.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete");
}

#[test]
fn a_newer_version_is_refused_in_words() {
    let (folder, writer) = fixture(1, 2);
    drop(writer);
    let db = Connection::open(file(folder.path())).unwrap();
    db.pragma_update(None, "user_version", 2).unwrap();
    drop(db);
    for error in [open(folder.path()).err().unwrap(), SqliteStore::open_read_only(&file(folder.path())).err().unwrap()]
    {
        assert!(matches!(error, StoreError::Newer { found: 2, known: 1, .. }), "{error}");
        assert!(error.to_string().contains("use a newer valence"), "{error}");
    }
}

/// As `sqlite3` does it: look, write something, and move the log when one is the last to close the file.
pub fn visit(folder: &Path) {
    let db = Connection::open(file(folder)).unwrap();
    let entries: i64 = db.query_row("SELECT count(*) FROM timeline", [], |row| row.get(0)).unwrap();
    db.execute_batch("CREATE TABLE mine (x); DROP TABLE mine").unwrap();
    db.close().unwrap();
    say(format!("saw {entries}"));
}

#[test]
fn a_visitor_with_sqlite_takes_nothing_from_the_owner_nor_from_the_file() {
    let (folder, writer) = fixture(2, 5);
    let mut journal = crate::world::journal(&writer, 1);
    for n in 10..15 {
        assert_eq!(child::run("visit", folder.path(), None), [format!("saw {n}")]);
        crate::world::step(&mut journal).unwrap();
    }
    drop(journal);
    let truth = World::of(&**writer.store());
    drop(writer);
    // Alone it puts the log away.
    assert_eq!(child::run("visit", folder.path(), None), ["saw 15"]);
    assert!(!folder.path().join("valence.db-wal").exists());
    let store = open(folder.path()).unwrap();
    assert_eq!(damages(&store).unwrap(), Vec::<String>::new());
    assert_eq!(World::of(&store), truth);
}
