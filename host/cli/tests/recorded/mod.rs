//! Data dirs with something in them: what was run is recorded by a runtime in this process, and read by the binary. Each test
//! file uses its own part of this.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use crate::support::{
    self, Ran,
    scripted::{Setup, script},
};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use valence_runtime::{
    DataDir, Entry, RunReport, RunRequest,
    journal::{Change, Journal, JournalId, SqliteStore, Store, Writer},
};

/// Runs these scripts in a new data dir, one after the other: the instances are `one`, `two`, `three`.
pub async fn scripts(texts: &[&str]) -> (TempDir, Vec<RunReport>) {
    let folder = tempfile::tempdir().unwrap();
    let host = Setup::default().open(Some(folder.path())).await;
    let mut reports = Vec::new();
    for (text, name) in texts.iter().zip(["one", "two", "three"]) {
        let request = RunRequest { instance: Some(name.to_owned()), ..script(text) };
        reports.push(host.runtime.run(&host.flow, request).await.unwrap());
    }
    host.runtime.stop().await;
    host.die().await;
    (folder, reports)
}

/// The binary on this data dir.
pub fn on(folder: &Path, args: &[&str]) -> Ran {
    let mut all: Vec<&str> = args.to_vec();
    all.extend(["--data-dir", folder.to_str().unwrap()]);
    support::run(all)
}

/// A build as a file.
pub fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The first episode of an instance once more in another data dir, each entry as `edit` leaves it, as a right chain.
pub async fn edited(folder: &Path, name: &str, mut edit: impl FnMut(u64, &mut Entry)) -> TempDir {
    let from = SqliteStore::open_read_only(&folder.join("valence.db")).unwrap();
    let to = tempfile::tempdir().unwrap();
    let data = DataDir::open(to.path()).unwrap();
    let mut row = from.instance_named(name).unwrap().unwrap();
    for digest in &row.components {
        data.store().put_component(digest, &from.component(digest).unwrap().unwrap()).unwrap();
    }
    let blocks = from.load(JournalId { instance: row.id, episode: 0 }).unwrap().blocks;
    (row.id, row.entries, row.head, row.episode) = (1, 0, None, 0);
    let id = JournalId { instance: 1, episode: 0 };
    let writer: &Writer = data.writer();
    let mut journal = Journal::create(writer, id, Some(row.clone()));
    for block in blocks {
        let mut entry: Entry = block.body().unwrap();
        edit(block.seq(), &mut entry);
        journal.append(block.stamp(), entry).unwrap();
    }
    journal.change(Change { state: Some(row.state), outcome: Some(row.outcome), ..Change::default() });
    journal.barrier().await.unwrap();
    to
}

/// What was said, without what differs from machine to machine.
pub fn told(ran: &Ran) -> String {
    ran.out.clone()
}
