//! What waiting costs: waking one of a thousand and one of a million, a million parked instances in memory, and the time to
//! index them. The floor is a task that reads the same update from a subscription of its own and calls back.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use async_trait::async_trait;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use parking_lot::Mutex;
use solana_sdk::{hash::Hash, pubkey::Pubkey, transaction::VersionedTransaction};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::yield_now;
use valence_chain::{
    Account, Advance, Chain, ChainError, Changes, Execution, Feed, Found, LatestBlockhash, Moment, ProgramQuery,
    Simulation, Slice, Snapshot, Until, Updates,
};
use valence_door::{Condition, Deadline};
use valence_runtime::watches::{Waits, Watches};

/// How many others wait.
const OTHERS: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// A cluster that moves by itself, and in which every account is empty until it is told otherwise.
#[derive(Default)]
struct Still {
    feed: Feed,
    slot: Mutex<u64>,
    reads: AtomicU64,
}

impl Still {
    /// One more slot, which gives this account a lamport.
    fn touch(&self, key: Pubkey) {
        let mut slot = self.slot.lock();
        *slot += 1;
        let account =
            Account { lamports: 1, data: Vec::new().into(), owner: key, executable: false, rent_epoch: u64::MAX };
        let mut changes = Changes::default();
        changes.accounts.insert(key, Some(account));
        self.feed.publish(Moment { slot: *slot, unix_time: 0 }, &changes);
    }
}

#[async_trait]
impl Chain for Still {
    fn name(&self) -> &str {
        "still"
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
        self.reads.fetch_add(keys.len() as u64, Ordering::Relaxed);
        Some(Ok(Snapshot { moment: self.moment(), accounts: vec![None; keys.len()] }))
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

    async fn accounts(&self, _: &[Pubkey], _: Option<Slice>, _: Option<u64>) -> Result<Snapshot, ChainError> {
        panic!("read at once")
    }

    async fn find(&self, _: &ProgramQuery) -> Result<Found, ChainError> {
        panic!("nobody asks")
    }

    async fn latest_blockhash(&self) -> Result<LatestBlockhash, ChainError> {
        panic!("nobody asks")
    }

    async fn simulate(&self, _: &VersionedTransaction) -> Result<Simulation, ChainError> {
        panic!("nobody asks")
    }

    async fn execute(&self, _: &VersionedTransaction, _: Option<&str>) -> Result<Execution, ChainError> {
        panic!("nobody asks")
    }
}

/// As addresses are: spread.
fn key(instance: u64) -> Pubkey {
    solana_sdk::hash::hash(&instance.to_le_bytes()).to_bytes().into()
}

/// What the usual flow waits for: an account, and not for ever.
fn waits(instance: u64) -> Waits {
    let condition = Condition::LamportsAbove { key: key(instance).into(), lamports: 0 };
    Waits::new(&[condition], Some(&Deadline::Slot(1_000_000_000 + instance)))
}

/// The resident set, in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

/// So many parked instances, indexed and looked at, and how many have been woken.
struct Parked {
    chain: Arc<Still>,
    watches: Arc<Watches>,
    woken: Arc<AtomicU64>,
}

impl Parked {
    async fn new(count: u64) -> Parked {
        let chain = Arc::new(Still::default());
        let watches = Watches::new(chain.clone());
        let woken = Arc::new(AtomicU64::new(0));
        let counter = woken.clone();
        watches.on_wake(move |_, _| {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        tokio::spawn(watches.clone().pump());
        let parked = Parked { chain, watches, woken };
        parked.restore(0..count).await;
        parked
    }

    /// Until all have been looked at.
    async fn restore(&self, instances: std::ops::Range<u64>) {
        let expected = self.chain.reads.load(Ordering::Relaxed) + (instances.end - instances.start);
        self.watches.restore(instances.map(|instance| (instance, waits(instance))));
        while self.chain.reads.load(Ordering::Relaxed) < expected {
            yield_now().await;
        }
    }

    /// From the chain's update until the owner of the parked instance is told.
    async fn wake_parked(&self, times: u64, count: u64) -> Duration {
        let mut taken = Duration::ZERO;
        for time in 0..times {
            let instance = time * 7919 % count;
            let (key, before) = (key(instance), self.woken.load(Ordering::Relaxed));
            let begun = Instant::now();
            self.chain.touch(key);
            while self.woken.load(Ordering::Relaxed) == before {
                yield_now().await;
            }
            taken += begun.elapsed();
            self.restore(instance..instance + 1).await;
        }
        taken
    }

    /// From the chain's update until the waiting future goes on.
    async fn wake_warm(&self, times: u64) -> Duration {
        let condition = Condition::LamportsAbove { key: key(u64::MAX).into(), lamports: 0 };
        let mut taken = Duration::ZERO;
        for _ in 0..times {
            let _running = self.watches.run();
            let (watches, condition) = (self.watches.clone(), condition.clone());
            let wait = tokio::spawn(async move {
                watches.wait(u64::MAX, &[condition], None).await.unwrap();
                Instant::now()
            });
            while self.watches.warm() == 0 {
                yield_now().await;
            }
            let begun = Instant::now();
            self.chain.touch(key(u64::MAX));
            taken += wait.await.unwrap().duration_since(begun);
        }
        taken
    }
}

/// A task that reads one account's updates and counts them, and nothing else.
async fn floor(times: u64) -> Duration {
    let chain = Still::default();
    let mut updates = chain.subscribe(&[key(0)]);
    let seen = Arc::new(AtomicU64::new(0));
    let counter = seen.clone();
    let reader = tokio::spawn(async move {
        while let Ok(update) = updates.next().await {
            counter.fetch_add(update.changed.len() as u64, Ordering::Relaxed);
        }
    });
    yield_now().await;
    let mut taken = Duration::ZERO;
    for time in 0..times {
        let begun = Instant::now();
        chain.touch(key(0));
        while seen.load(Ordering::Relaxed) == time {
            yield_now().await;
        }
        taken += begun.elapsed();
    }
    reader.abort();
    taken
}

fn million(executor: &tokio::runtime::Runtime) {
    let [.., million] = OTHERS;
    let before = resident();
    let begun = Instant::now();
    let parked = executor.block_on(Parked::new(million));
    let (taken, bytes) = (begun.elapsed(), resident().saturating_sub(before));
    println!(
        "{million} parked instances: indexed, subscribed and looked at in {taken:.2?}; {} MiB resident, {} bytes each\n",
        bytes >> 20,
        bytes / million
    );
    drop(parked);
}

fn waiting(c: &mut Criterion) {
    let executor = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    // First, while the process is small.
    million(&executor());
    let mut group = c.benchmark_group("wake one waiter");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    group.bench_function("floor: a subscription of its own", |b| {
        b.iter_custom(|times| executor().block_on(floor(times)));
    });
    for count in OTHERS {
        let executor = executor();
        let parked = executor.block_on(Parked::new(count));
        group.bench_with_input(BenchmarkId::new("parked, among", count), &count, |b, count| {
            b.iter_custom(|times| executor.block_on(parked.wake_parked(times, *count)));
        });
        group.bench_with_input(BenchmarkId::new("warm, among", count), &count, |b, _| {
            b.iter_custom(|times| executor.block_on(parked.wake_warm(times)));
        });
    }
    group.finish();
}

criterion_group!(benches, waiting);
criterion_main!(benches);
