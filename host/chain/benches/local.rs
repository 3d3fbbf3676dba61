//! The embedded chain beside its floors, LiteSVM itself and the disk: reading one small account, simulating a transaction of
//! three instructions (create a token account if needed, transfer tokens, memo), executing a transfer in memory and on a kept chain, opening
//! one, and telling a subscriber who watches many accounts. `cargo bench -p valence-chain`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(missing_docs)]

#[path = "../tests/support/mod.rs"]
mod support;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use litesvm::LiteSVM;
use solana_sdk::{hash::Hash, pubkey::Pubkey, signature::Signature};
use spl_token_2022_interface::instruction::transfer_checked;
use std::{collections::BTreeMap, fs::File, hint::black_box, io::Write, time::Instant};
use support::*;
use valence_chain::{Chain, Changes, Feed, LocalChain, Pace};

fn local(c: &mut Criterion) {
    let chain = chain(WORLD).unwrap();
    let names = chain.names();
    let (owner, other, usdc) = (wallet("owner"), wallet("other"), names["usdc"]);
    let treasury = names["treasury"];

    // The floor stands on the same accounts.
    let mut svm = LiteSVM::new().with_sigverify(false).with_blockhash_check(false).with_transaction_history(0);
    let keys = [owner, other, usdc, treasury];
    let accounts = chain.accounts_now(&keys, None).unwrap().unwrap().accounts;
    for (key, account) in keys.iter().zip(accounts.iter().flatten()) {
        svm.set_account(*key, account.into()).unwrap();
    }

    let mut group = c.benchmark_group("read one token account");
    group.bench_function("floor: LiteSVM::get_account", |b| b.iter(|| svm.get_account(black_box(&treasury))));
    group.bench_function("chain: accounts_now", |b| b.iter(|| chain.accounts_now(black_box(&[treasury]), None)));
    group.finish();

    let cold = ata_of(other, usdc, TOKEN);
    let steps = [
        create_ata(owner, other, usdc, TOKEN),
        transfer_checked(&TOKEN, &treasury, &usdc, &cold, &owner, &[], 5, 6).unwrap(),
        memo("bench"),
    ];
    let mut tx = tx(owner, &steps, Hash::default()).unwrap();
    tx.signatures.push(Signature::default());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut group = c.benchmark_group("simulate three instructions");
    group.bench_function("floor: LiteSVM::simulate_transaction", |b| {
        b.iter(|| svm.simulate_transaction(black_box(&tx).clone()).is_ok())
    });
    group.bench_function("chain: simulate", |b| {
        b.iter(|| runtime.block_on(chain.simulate(black_box(&tx))).is_ok_and(|report| report.outcome.is_ok()))
    });
    group.finish();
}

/// Bytes that one execution adds to the log of a kept chain, about.
const WRITTEN: usize = 24 * 1024;

fn execute(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let rich = WORLD.replace("sol = \"10\"", "sol = 100000000");
    let (owner, other) = (wallet("owner"), wallet("other"));
    let mut svm = LiteSVM::new().with_sigverify(false).with_blockhash_check(false).with_transaction_history(0);
    let funded = solana_account::Account { lamports: 100_000_000_000_000_000, ..Default::default() };
    svm.set_account(owner, funded).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let memory = LocalChain::new(spec(&rich).unwrap(), Pace::Virtual);
    let kept = LocalChain::open(dir.path(), "bench", spec(&rich).unwrap(), Pace::Virtual).unwrap();
    let mut count = 0u64;
    let mut next = |hash: Hash| {
        count += 1;
        let mut tx = tx(owner, &[sol(owner, other, 1_000_000 + count)], hash).unwrap();
        tx.signatures.push(Signature::default());
        (tx, format!("bench/{count}"))
    };
    let mut group = c.benchmark_group("execute a transfer");
    group.bench_function("floor: LiteSVM::send_transaction", |b| {
        b.iter_batched(|| next(Hash::default()).0, |tx| svm.send_transaction(tx).is_ok(), BatchSize::PerIteration)
    });
    let mut out = File::create(dir.path().join("floor")).unwrap();
    group.bench_function("floor: fdatasync of the bytes that a kept chain writes", |b| {
        b.iter(|| out.write_all(&[7; WRITTEN]).and_then(|()| out.sync_data()).unwrap())
    });
    for (name, chain, named) in [
        ("chain: in memory", &memory, false),
        ("chain: in memory, as an intent", &memory, true),
        ("chain: kept, as an intent", &kept, true),
    ] {
        group.bench_function(name, |b| {
            b.iter_batched(
                || next(runtime.block_on(chain.latest_blockhash()).unwrap().hash),
                |(tx, intent)| {
                    let report = runtime.block_on(chain.execute(&tx, named.then_some(&*intent))).unwrap();
                    assert!(report.outcome.is_ok());
                },
                BatchSize::PerIteration,
            )
        });
    }
    group.finish();
}

fn open(c: &mut Criterion) {
    let mut group = c.benchmark_group("kept chain");
    group.sample_size(20);
    let described = || spec(WORLD).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let description = described();
    let mut count = 0;
    // Building, in the background, and closing are not measured here, and come before the next one.
    let mut open = |again: bool| {
        count += u64::from(!again);
        let (name, spec) = (format!("chain{count}"), description.clone());
        let start = Instant::now();
        let chain = LocalChain::open(dir.path(), &name, spec, Pace::Virtual).unwrap();
        let opened = start.elapsed();
        chain.ready().unwrap();
        (opened, start.elapsed())
    };
    group.bench_function("make", |b| b.iter_custom(|times| (0..times).map(|_| open(false).0).sum()));
    group.bench_function("open", |b| b.iter_custom(|times| (0..times).map(|_| open(true).0).sum()));
    group.bench_function("make, until it is built", |b| b.iter_custom(|times| (0..times).map(|_| open(false).1).sum()));
    group.bench_function("open, until it is built", |b| b.iter_custom(|times| (0..times).map(|_| open(true).1).sum()));
    group.bench_function("floor: one in memory, until it is built", |b| {
        b.iter(|| LocalChain::new(described(), Pace::Virtual).ready().unwrap())
    });
    group.finish();
}

fn updates(c: &mut Criterion) {
    let mut group = c.benchmark_group("tell one change");
    for watched in [1u64, 1_000, 1_000_000] {
        let key = |n: u64| Pubkey::from(solana_sdk::hash::hash(&n.to_le_bytes()).to_bytes());
        let keys: Vec<Pubkey> = (0..watched).map(key).collect();
        let feed = Feed::default();
        let mut updates = feed.subscribe(&keys);
        let changes = Changes { accounts: BTreeMap::from([(keys[0], None)]), failed: None };
        let moment = valence_chain::Moment { slot: 1, unix_time: 0 };
        group.bench_function(format!("to a subscriber of {watched}"), |b| {
            b.iter(|| {
                feed.publish(moment, black_box(&changes));
                updates.try_next()
            })
        });
        let new = key(u64::MAX);
        group.bench_function(format!("add and remove one beside {watched}"), |b| {
            b.iter(|| {
                updates.add(black_box(&[new]));
                updates.remove(black_box(&[new]));
            })
        });
    }
    group.finish();
}

criterion_group!(benches, local, execute, open, updates);
criterion_main!(benches);
