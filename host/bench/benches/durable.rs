//! What durability costs: replaying a record, waking an instance that is in memory and one that is not, and a host that starts with
//! a million parked instances. Prints one line a figure; `--quick` uses a tenth of the instances.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use async_trait::async_trait;
use parking_lot::Mutex;
use solana_sdk::{hash::Hash, pubkey::Pubkey, transaction::VersionedTransaction};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use valence_bench::{World, request};
use valence_chain::{
    Account, Advance, Chain, ChainError, Changes, Execution, Feed, Found, LatestBlockhash, Moment, ProgramQuery,
    Simulation, Slice, Snapshot, Until, Updates,
};
use valence_door::{Condition, Key};
use valence_journal::{Change, Instance, Journal, JournalId, Stamp};
use valence_runtime::{
    Allocation, Concurrency, DataDir, Entry, Header, Inputs, Limits, RunRequest, Runtime, RuntimeConfig,
    RuntimeOptions,
    history::Record,
    replay::{Build, Replayer},
    watches::Waits,
};

/// Calls of the record that is replayed.
const CALLS: u64 = 400_000;
/// Wakes that are measured.
const WAKES: usize = 400;
/// Reads on record before the wait, so that a parked instance has about a hundred entries.
const READS: usize = 97;

/// A cluster that moves only by a touch, and says when a flow reads.
#[derive(Default)]
struct Touched {
    feed: Feed,
    slot: Mutex<u64>,
    /// When a flow last read: two accounts at once, which nobody else does.
    read: Mutex<Option<Instant>>,
    was_read: tokio::sync::Notify,
}

impl Touched {
    fn touch(&self, key: Pubkey) {
        let mut slot = self.slot.lock();
        *slot += 1;
        let mut changes = Changes::default();
        changes.accounts.insert(key, Some(account()));
        self.feed.publish(Moment { slot: *slot, unix_time: 0 }, &changes);
    }

    /// The time from then until a flow reads. Whoever measures sleeps meanwhile.
    async fn until_read(&self, begun: Instant) -> Duration {
        loop {
            self.was_read.notified().await;
            if let Some(read) = self.read.lock().take() {
                return read.saturating_duration_since(begun);
            }
        }
    }
}

fn account() -> Account {
    Account { lamports: 1, data: Vec::new().into(), owner: Pubkey::default(), executable: false, rent_epoch: u64::MAX }
}

#[async_trait]
impl Chain for Touched {
    fn name(&self) -> &str {
        "touched"
    }
    fn genesis_hash(&self) -> Hash {
        Hash::default()
    }
    fn moment(&self) -> Moment {
        Moment { slot: *self.slot.lock(), unix_time: 0 }
    }
    fn runs_unsigned(&self) -> bool {
        false
    }
    fn accounts_now(&self, keys: &[Pubkey], _: Option<Slice>) -> Option<Result<Snapshot, ChainError>> {
        if keys.len() == 2 {
            *self.read.lock() = Some(Instant::now());
            self.was_read.notify_one();
        }
        Some(Ok(Snapshot { moment: self.moment(), accounts: vec![Some(account()); keys.len()] }))
    }
    fn last_change(&self, _: &Pubkey) -> Option<u64> {
        None
    }
    fn subscribe(&self, keys: &[Pubkey]) -> Updates {
        self.feed.subscribe(keys)
    }
    fn advance(&self, _: Option<Until>) -> Result<Advance, ChainError> {
        Ok(Advance::Itself)
    }
    async fn accounts(&self, keys: &[Pubkey], s: Option<Slice>, _: Option<u64>) -> Result<Snapshot, ChainError> {
        self.accounts_now(keys, s).unwrap()
    }
    async fn find(&self, _: &ProgramQuery) -> Result<Found, ChainError> {
        panic!("nobody searches here")
    }
    async fn latest_blockhash(&self) -> Result<LatestBlockhash, ChainError> {
        panic!("nobody builds here")
    }
    async fn simulate(&self, _: &VersionedTransaction) -> Result<Simulation, ChainError> {
        panic!("nobody simulates here")
    }
    async fn execute(&self, _: &VersionedTransaction, _: Option<&str>) -> Result<Execution, ChainError> {
        panic!("nobody executes here")
    }
}

fn scripted() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guests/scripted");
    valence_build::build(&valence_build::BuildRequest::new(folder), &mut |_| {}).unwrap().bytes
}

fn script(text: &str, key: Pubkey) -> RunRequest {
    let mut inputs = Inputs::default();
    inputs.params.insert("script".to_owned(), text.to_owned());
    inputs.params.insert("key".to_owned(), key.to_string());
    inputs.roles.insert("payer".to_owned(), Pubkey::new_from_array([9; 32]).to_string());
    RunRequest { inputs, ..RunRequest::default() }
}

fn host(chain: Arc<dyn Chain>, folder: &Path, grace: Duration) -> Runtime {
    let options = RuntimeOptions {
        chain: Some(chain),
        allocation: Some(Allocation::Pool(64)),
        data: Some(Arc::new(DataDir::open(folder).unwrap())),
        concurrency: Concurrency { grace, ..Concurrency::default() },
        cache: Some(folder.join("compiled")),
        ..RuntimeOptions::default()
    };
    Runtime::with_options(RuntimeConfig::default(), options).unwrap()
}

/// The middle and the slowest hundredth.
fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

async fn replay() {
    let world = World::new().await.unwrap();
    let report = world.runtime.run(&world.flow, request("get", CALLS)).await.unwrap();
    let store = world.runtime.writer().store().clone();
    let record = Record::read(&*store, &report.instance).unwrap();
    let chapter = record.chapter(0).unwrap();
    let build = Build::of(&*store, chapter).unwrap();
    let mut replayer = Replayer::new(None);
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        let replayed = replayer.replay(chapter, &build).await.unwrap();
        best = best.min(begun.elapsed());
        assert!(replayed.verdict.is_same() && replayed.calls == CALLS);
    }
    let rate = CALLS as f64 / best.as_secs_f64();
    println!("replay: {rate:.0} calls/s ({:.0} ns a call of account-watch.get with 165 bytes)", 1e9 / rate);
}

async fn wakes() {
    let friend = Pubkey::new_from_array([7; 32]);
    for (what, grace) in [("warm", Duration::from_secs(600)), ("parked", Duration::from_millis(1))] {
        let folder = tempfile::tempdir().unwrap();
        let chain = Arc::new(Touched::default());
        let runtime = host(chain.clone(), folder.path(), grace);
        runtime.start().await.unwrap();
        let flow = runtime.load(&scripted(), &[], &Limits::default()).await.unwrap();
        let mut times = Vec::new();
        let mut entries = 0;
        while times.len() < WAKES {
            // Each parked instance is woken once: with its hundred entries, not with more and more.
            let many = if what == "warm" { 100 } else { 1 };
            let text = "get; ".repeat(READS) + &"for-change; get; ".repeat(many);
            let name = runtime.start_flow(&flow, script(&text, friend)).await.unwrap();
            for _ in 0..many {
                loop {
                    let counts = runtime.orchestrator().counts();
                    let rests =
                        if what == "warm" { counts.warm == 1 } else { counts.parked == 1 && counts.active == 0 };
                    if rests {
                        break;
                    }
                    tokio::time::sleep(Duration::from_micros(200)).await;
                }
                tokio::time::sleep(Duration::from_micros(500)).await;
                chain.read.lock().take();
                let begun = Instant::now();
                chain.touch(friend);
                times.push(chain.until_read(begun).await);
            }
            runtime.orchestrator().end_of(&name).await.unwrap();
            entries = runtime.execution_status(&name).unwrap().entries;
        }
        let (p50, p99) = percentiles(times);
        println!(
            "wake, {what}, {entries} entries in the end: p50 {p50:.1?}, p99 {p99:.1?} from the update to the flow's next read"
        );
        runtime.stop().await;
    }
}

/// An instance in the store as a host leaves one that waits.
fn parked(data: &DataDir, digest: [u8; 32], number: u64) {
    let key = key_of(number);
    let id = JournalId { instance: number, episode: 0 };
    let row = Instance {
        id: number,
        name: format!("guard-{number}"),
        flow: "scripted".to_owned(),
        chain: "touched".to_owned(),
        components: vec![digest],
        state: "waiting".to_owned(),
        ..Instance::default()
    };
    let header = Header {
        instance: row.name.clone(),
        episode: 0,
        id: "scripted".to_owned(),
        flow: valence_door::Bytes::from(digest.to_vec()),
        drivers: Vec::new(),
        genesis: Key([0; 32]),
        engine: String::new(),
        limits: Vec::new(),
        params: vec![
            ("script".to_owned(), valence_runtime::Value::Text("for-change; get".to_owned())),
            ("key".to_owned(), valence_runtime::Value::Pubkey(key)),
        ],
        roles: vec![("payer".to_owned(), Key([9; 32]))],
        state: None,
        before: None,
    };
    let mut journal = Journal::create(data.writer(), id, Some(row));
    journal.append(Stamp { slot: 0, time: 0 }, Entry::Header(Box::new(header))).unwrap();
    let waits = Waits::new(&[Condition::ChangedSince { key, slot: 0 }], None);
    journal.change(Change { waits: Some(Some(waits.to_bytes().unwrap())), ..Change::default() });
    journal.flush();
}

fn key_of(number: u64) -> Key {
    let mut bytes = [3; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Key(bytes)
}

/// In KiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn million(many: u64) {
    let folder = tempfile::tempdir().unwrap();
    let component = scripted();
    let chain = Arc::new(Touched::default());
    let begun = Instant::now();
    {
        let runtime = host(chain.clone(), folder.path(), Duration::from_secs(60));
        runtime.start().await.unwrap();
        let flow = runtime.load(&component, &[], &Limits::default()).await.unwrap();
        let digest = flow.digest().0;
        runtime.stop().await;
        drop(runtime);
        let data = DataDir::open(folder.path()).unwrap();
        (1..=many).for_each(|number| parked(&data, digest, number));
        // Dropping the writer waits for it.
    }
    println!("{many} instances written in {:.1?}", begun.elapsed());
    let before = memory();
    let begun = Instant::now();
    let runtime = host(chain.clone(), folder.path(), Duration::from_secs(60));
    let recovered = runtime.start().await.unwrap();
    let indexed = begun.elapsed();
    assert_eq!(recovered.waiting, many);
    // The pump looks once at all that they wait for.
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!(
        "start with {many} parked instances: indexed in {indexed:.2?}; {} MiB resident, {} MiB more than before",
        memory() >> 10,
        memory().saturating_sub(before) >> 10
    );
    let mut times = Vec::new();
    for number in (1..=many).step_by(usize::try_from(many / 100).unwrap()) {
        chain.read.lock().take();
        let begun = Instant::now();
        chain.touch(key_of(number).into());
        times.push(chain.until_read(begun).await);
    }
    let (p50, p99) = percentiles(times);
    println!("wake of one of them: p50 {p50:.1?}, p99 {p99:.1?}");
    println!("{} MiB resident afterwards", memory() >> 10);
    runtime.stop().await;
}

fn main() {
    let quick = std::env::args().any(|a| a == "--quick");
    let only = |what: &str| {
        let named: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
        named.is_empty() || named.iter().any(|a| a == what)
    };
    // One thread, so that what is measured is the work and not how the machine wakes a sleeping thread.
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if only("replay") {
        executor.block_on(replay());
    }
    if only("wakes") {
        executor.block_on(wakes());
    }
    if only("million") {
        executor.block_on(million(if quick { 100_000 } else { 1_000_000 }));
    }
}
