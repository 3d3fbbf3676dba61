//! Figures of the journal beside their floor: one durable append, many journals in group commit, and appends in memory. Run it on a
//! quiet machine, with the folder to measure in `VALENCE_BENCH_DIR` (default: the temporary folder):
//! `cargo bench -p valence-journal`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    missing_docs
)]

use serde::Serialize;
use sha2::Digest as _;
use std::{
    env,
    fs::File,
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use valence_journal::{
    Change, Instance, Journal, JournalId, MemoryStore, Options, Record, SqliteStore, Stamp, Store, Write, Writer,
};

/// About what a read of one account takes.
#[derive(Clone, Serialize)]
struct Call {
    keys: Vec<u64>,
    #[serde(with = "serde_bytes")]
    data: Vec<u8>,
}

impl Record for Call {
    fn kind(&self) -> &'static str {
        "call"
    }
    fn weight(&self) -> u64 {
        256
    }
}

fn call(n: u64) -> Call {
    Call { keys: vec![n, u64::MAX - n, 7, u64::MAX], data: vec![3; 165] }
}

fn begin(writer: &Writer) -> Journal<Call> {
    let id = writer.next_instance();
    let row = Instance {
        id,
        name: format!("i{id}"),
        flow: "bench".into(),
        chain: "local".into(),
        state: "running".into(),
        ..Instance::default()
    };
    let mut journal = Journal::create(writer, JournalId { instance: id, episode: 0 }, Some(row));
    journal.barrier().wait().unwrap();
    journal
}

fn append(journal: &mut Journal<Call>, n: u64) {
    journal.append(Stamp { slot: n, time: 1_700_000_000 }, call(n)).unwrap();
}

fn p50(mut all: Vec<Duration>) -> (f64, f64) {
    all.sort();
    let at = |part: usize| all[all.len() * part / 100].as_secs_f64() * 1e6;
    (at(50), at(90))
}

/// A file for writes of so many bytes, each synced with fdatasync: over bytes that are there, or at the end of a file that grows.
struct Floor {
    file: File,
    block: Vec<u8>,
    next: u64,
    all: Vec<Duration>,
}

impl Floor {
    fn new(folder: &Path, name: &str, bytes: usize, grows: bool) -> Floor {
        let file = File::create(folder.join(name)).unwrap();
        if !grows {
            file.write_all_at(&vec![0; bytes * TURNS], 0).unwrap();
            file.sync_all().unwrap();
        }
        Floor { file, block: vec![1; bytes], next: 0, all: Vec::new() }
    }

    fn write(&mut self) {
        let start = Instant::now();
        self.file.write_all_at(&self.block, self.next).unwrap();
        self.file.sync_data().unwrap();
        self.all.push(start.elapsed());
        self.next += self.block.len() as u64;
    }
}

fn sqlite(folder: &Path) -> (Writer, Duration) {
    let start = Instant::now();
    let store = SqliteStore::open(&folder.join("valence.db"), &Options::default()).unwrap();
    let took = start.elapsed();
    (Writer::new(Arc::new(store)).unwrap(), took)
}

/// Entries a second from so many journals on two threads, each with a barrier after so many entries.
fn rate(store: Arc<dyn Store>, journals: usize, per_barrier: u64, entries: u64) -> f64 {
    let writer = Writer::new(store).unwrap();
    let mut all: Vec<Journal<Call>> = (0..journals).map(|_| begin(&writer)).collect();
    let start = Instant::now();
    thread::scope(|scope| {
        for part in all.chunks_mut(journals.div_ceil(2)) {
            scope.spawn(move || {
                let rounds = entries / 2 / part.len() as u64 / per_barrier;
                for _ in 0..rounds {
                    // As in the runtime: many instances wait at once.
                    let mut barriers = Vec::with_capacity(part.len());
                    for journal in part.iter_mut() {
                        (0..per_barrier).for_each(|n| append(journal, n));
                        barriers.push(journal.barrier());
                    }
                    barriers.into_iter().for_each(|barrier| barrier.wait().unwrap());
                }
            });
        }
    });
    let done: u64 = all.iter().map(Journal::entries).sum();
    done as f64 / start.elapsed().as_secs_f64()
}

/// A million instances that wait: how quickly they are told, and how quickly one of them with a hundred entries is loaded.
fn parked(store: &Arc<dyn Store>) {
    const ALL: u64 = 1_000_000;
    let first = store.last_instance().unwrap() + 1;
    let start = Instant::now();
    for chunk in 0..ALL / 10_000 {
        let write = |n: u64| {
            let id = first + chunk * 10_000 + n;
            let row = Instance {
                id,
                name: format!("w{id}"),
                chain: "main".into(),
                state: "waiting".into(),
                ..Instance::default()
            };
            let waits = Some(Some(vec![5; 60]));
            let (create, change) = (Some(Box::new(row)), Some(Box::new(Change { waits, ..Change::default() })));
            Write { journal: JournalId { instance: id, episode: 0 }, create, change, ..Write::default() }
        };
        store.commit((0..10_000).map(write).collect()).into_iter().for_each(|result| result.unwrap());
    }
    println!("{ALL} waiting instances are written in {:.1} s", start.elapsed().as_secs_f64());
    let (start, mut count) = (Instant::now(), 0);
    store.waiting("main", &mut |_, waits| count += usize::from(waits.len() == 60)).unwrap();
    assert_eq!(count as u64, ALL);
    println!("and told in {:.2} s", start.elapsed().as_secs_f64());
    let writer = Writer::new(store.clone()).unwrap();
    let mut journals: Vec<_> = (0..200).map(|_| begin(&writer)).collect();
    for n in 0..100 {
        journals.iter_mut().for_each(|journal| append(journal, n));
        journals.iter_mut().for_each(Journal::flush);
    }
    journals.iter_mut().for_each(|journal| journal.barrier().wait().unwrap());
    let load = |journal: &Journal<Call>| {
        let start = Instant::now();
        assert_eq!(store.load(journal.id()).unwrap().blocks.len(), 100);
        start.elapsed()
    };
    let (p50, p90) = p50(journals.iter().map(load).collect());
    println!("{:55} p50 {p50:8.1} µs   p90 {p90:8.1} µs", "a journal of 100 entries is loaded and verified");
}

/// Appends that are measured.
const TURNS: usize = 1000;

/// One entry, durable, beside its floor.
fn one(folder: &Path) {
    let (writer, took) = sqlite(folder);
    println!("a new database is opened in {:.2} ms", took.as_secs_f64() * 1e3);
    let mut journal = begin(&writer);
    let mut durable = |n| {
        let start = Instant::now();
        append(&mut journal, n);
        journal.barrier().wait().unwrap();
        start.elapsed()
    };
    for n in 0..200 {
        durable(n);
    }
    // The pages of the log that one append takes: of its entry, of the end of its chain, of the count of commits.
    let pages = 3 * (4096 + 24);
    let mut floors = [
        ("of as many bytes, overwritten", pages, false),
        ("of 400 bytes, overwritten", 400, false),
        ("of as many bytes, appended", pages, true),
    ]
    .map(|(name, bytes, grows)| (name, Floor::new(folder, name, bytes, grows)));
    let mut ours = Vec::new();
    // In turns, so that all see the same machine; those that grow by themselves, for they make the others wait.
    for n in 0..TURNS {
        ours.push(durable(n as u64));
        floors[..2].iter_mut().for_each(|(_, floor)| floor.write());
    }
    (0..TURNS).for_each(|_| floors[2].1.write());
    let (ours, p90) = p50(ours);
    println!("{:45} p50 {ours:8.1} µs   p90 {p90:8.1} µs", "durable append");
    for (name, floor) in floors {
        let (p50, p90) = p50(floor.all);
        println!("  fdatasync {name:33} p50 {p50:8.1} µs   p90 {p90:8.1} µs   ours is {:.2} of it", ours / p50);
    }
}

/// What the journal adds to a run of two entries in memory, from its row to its end.
fn short() {
    const RUNS: u32 = 200_000;
    let writer = Writer::memory();
    let start = Instant::now();
    for _ in 0..RUNS {
        let id = writer.next_instance();
        let name = format!("i{id}");
        let row = Instance {
            id,
            name,
            flow: "bench".into(),
            chain: "local".into(),
            state: "running".into(),
            ..Instance::default()
        };
        let mut journal = Journal::create(&writer, JournalId { instance: id, episode: 0 }, Some(row));
        append(&mut journal, 0);
        append(&mut journal, 1);
        let state = Some("completed".to_owned());
        journal.change(Change { state, ended: Some(Some(1)), ..Change::default() });
        journal.barrier().wait().unwrap();
    }
    println!("{:45} {:.2} µs", "a run of two entries in memory", (start.elapsed() / RUNS).as_secs_f64() * 1e6);
    // What was there before there were stores: encode, hash, keep.
    let start = Instant::now();
    for n in 0..RUNS {
        let mut all = Vec::new();
        for _ in 0..2 {
            let bytes = serde_ipld_dagcbor::to_vec(&(n, "call", 7u64, 1_700_000_000i64, call(n.into()))).unwrap();
            all.push((sha2::Sha256::digest(&bytes), bytes));
        }
        std::hint::black_box(all);
    }
    println!("{:45} {:.2} µs", "  to encode and hash two entries", (start.elapsed() / RUNS).as_secs_f64() * 1e6);
}

fn main() {
    // `cargo test --benches` wants to know that it runs, not how fast.
    let args: Vec<String> = env::args().skip(1).collect();
    if !args.iter().any(|arg| arg == "--bench") {
        return;
    }
    let wanted = |name: &str| {
        let mut names = args.iter().filter(|arg| !arg.starts_with('-')).peekable();
        names.peek().is_none() || names.any(|arg| name.contains(arg.as_str()))
    };
    let base = env::var_os("VALENCE_BENCH_DIR").map_or_else(env::temp_dir, Into::into);
    let folder = tempfile::tempdir_in(base).unwrap();
    if wanted("append") {
        one(folder.path());
    }
    let open = || sqlite(folder.path()).0.store().clone();
    if wanted("group") {
        for (journals, per_barrier) in [(1, 256), (100, 1), (1000, 1), (1000, 10), (100, 100)] {
            let rate = rate(open(), journals, per_barrier, 300_000);
            println!(
                "group commit, {journals:4} journals, a barrier every {per_barrier:3} entries   {rate:9.0} entries/s"
            );
        }
    }
    if wanted("parked") {
        parked(&open());
    }
    if wanted("memory") {
        short();
    }
    for per_barrier in [2, 256] {
        if wanted("memory") {
            let rate = rate(Arc::new(MemoryStore::new()), 100, per_barrier, 400_000);
            println!("in memory, a barrier every {per_barrier:3} entries   {rate:9.0} entries/s");
        }
    }
}
