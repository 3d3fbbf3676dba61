//! Data dirs with something in them: what was run is recorded by a runtime in this process, and read by the binary. Each test
//! file uses its own part of this.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use crate::support::{
    self, Ran,
    scripted::{Setup, script},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;
use valence_runtime::{
    Allocation, ChainSpec, DataDir, Entry, Limits, LocalChain, Pace, RunFile, RunReport, RunRequest, Runtime,
    RuntimeConfig, RuntimeOptions,
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

/// An example's folder run in a new data dir, as the instance `NAME-1`.
pub async fn example(name: &str, drivers: &[&str]) -> (TempDir, RunReport) {
    let (folder, source) = (tempfile::tempdir().unwrap(), support::root().join("examples").join(name));
    let built = |from: &str| {
        let out = folder.path().join(format!("{}.wasm", from.replace('/', "-")));
        support::run_building(["build", from, "-o", out.to_str().unwrap()]).expect(0);
        std::fs::read(out).unwrap()
    };
    let flow = built(&format!("examples/{name}"));
    let drivers: Vec<Vec<u8>> = drivers.iter().map(|driver| built(driver)).collect();
    let spec = ChainSpec::load(source.join("chain.toml")).unwrap();
    let options = RuntimeOptions {
        names: spec.names(),
        chain: Some(Arc::new(LocalChain::new(spec, Pace::Virtual))),
        allocation: Some(Allocation::OnDemand),
        data: Some(Arc::new(DataDir::open(folder.path()).unwrap())),
        ..RuntimeOptions::default()
    };
    let runtime = Runtime::with_options(RuntimeConfig::default(), options).unwrap();
    runtime.start().await.unwrap();
    let flow = runtime.load(&flow, &drivers, &Limits::default()).await.unwrap();
    let inputs = RunFile::load(&source.join("run.toml")).unwrap().inputs;
    let report = runtime.run(&flow, RunRequest { inputs, ..RunRequest::default() }).await.unwrap();
    runtime.stop().await;
    (folder, report)
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
pub async fn edited(folder: &Path, name: &str, mut edit: impl FnMut(&mut Entry)) -> TempDir {
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
        edit(&mut entry);
        journal.append(block.stamp(), entry).unwrap();
    }
    journal.change(Change { state: Some(row.state), outcome: Some(row.outcome), ..Change::default() });
    journal.barrier().await.unwrap();
    to
}
