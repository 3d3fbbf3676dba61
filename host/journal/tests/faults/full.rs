//! Full disks: by a limit of the process, and by a small file system of its own where the machine lets us make one.

use crate::{
    child::{self, say},
    folder::namespaces,
    world::{World, damages, journal, note, open, step, writer},
};
use std::{collections::BTreeMap, fs, path::Path};
use valence_journal::{JournalError, JournalId, StoreError};

/// Appends until nothing more can be written, then looks whether all that was acknowledged is there; then makes room and goes on.
pub fn until_full(folder: &Path) {
    let ballast = folder.join("ballast");
    fs::write(&ballast, vec![1; 256 << 10]).unwrap();
    let mut acknowledged = BTreeMap::new();
    let mut error = None;
    let writer1 = writer(folder);
    let mut all: Vec<_> = (1..=3).map(|id| journal(&writer1, id)).collect();
    'full: for _ in 0..100_000 {
        for journal in &mut all {
            match step(journal) {
                Ok(seq) => drop(acknowledged.insert(journal.id().instance, seq + 1)),
                Err(e) => {
                    error = Some(e.clone());
                    // The journal stays as it is: what it says of itself must not run ahead of what is durable.
                    assert_eq!(journal.append(Default::default(), note(journal.id(), 0)), Err(e));
                    break 'full;
                }
            }
        }
    }
    let error = error.expect("the disk was never full");
    assert!(matches!(error, JournalError::Store(StoreError::Full { .. })), "{error:?}");
    say(&error);
    // By the same process, and after a new start.
    for new in [false, true] {
        if new {
            all.clear();
        }
        let check = |store: &dyn valence_journal::Store| {
            let world = World::of(store);
            for (id, count) in &acknowledged {
                assert_eq!(world.chains[id].len() as u64, *count);
            }
            assert_eq!(damages(store).unwrap(), Vec::<String>::new());
        };
        if new {
            // The disk is still full: to look is possible.
            check(&valence_journal::SqliteStore::open_read_only(&crate::world::file(folder)).unwrap());
        } else {
            check(&**writer1.store());
        }
    }
    fs::remove_file(&ballast).unwrap();
    say(format!("kept {}", acknowledged.values().sum::<u64>()));
    // The same owner goes on with a journal that it takes up anew.
    match step(&mut journal(&writer1, 1)) {
        Ok(_) => say("goes on"),
        Err(error) => say(error),
    }
    drop(writer1);
    let Ok(store) = open(folder) else { return say("still full") };
    let writer2 = valence_journal::Writer::new(std::sync::Arc::new(store)).unwrap();
    for id in 1..=3 {
        let mut journal = journal(&writer2, id);
        match step(&mut journal) {
            Ok(_) => say("goes on"),
            Err(error) => say(error),
        }
    }
}

fn kept(lines: &[String]) -> u64 {
    lines[1].strip_prefix("kept ").unwrap().parse().unwrap()
}

#[test]
fn beyond_a_limit_of_the_process_nothing_acknowledged_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    // Blocks of 512 or 1024 bytes, as the shell likes it. A file at the limit ends in an error and not in a signal.
    let lines = child::run("full", folder.path(), Some("trap '' XFSZ; ulimit -f 1500"));
    assert!(lines[0].contains("the disk is full"), "{lines:?}");
    assert!(kept(&lines) > 20, "{lines:?}");
    // Without the limit it goes on where it was.
    let writer = writer(folder.path());
    let before = World::of(&**writer.store());
    step(&mut journal(&writer, 1)).unwrap();
    let after = writer.store().load(JournalId { instance: 1, episode: 0 }).unwrap().blocks;
    assert!(after.starts_with(&before.chains[&1]) && after.len() == before.chains[&1].len() + 1);
}

#[test]
fn on_a_full_file_system_nothing_acknowledged_is_lost_and_room_is_all_it_needs() {
    if !namespaces() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let small = format!("mount -t tmpfs -o size=2m none '{}'", folder.path().display());
    let lines = child::run(
        "full",
        folder.path(),
        Some(&format!("exec unshare -rm sh -c \"{small}; exec \\\"\\$0\\\" \\\"\\$@\\\"\" \"$0\" \"$@\"")),
    );
    assert!(lines[0].contains("the disk is full"), "{lines:?}");
    assert!(kept(&lines) > 20, "{lines:?}");
    assert_eq!(lines[2..], ["goes on"; 4]);
}
