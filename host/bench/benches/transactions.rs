//! What a flow's transaction costs beside LiteSVM itself: simulating one of three instructions, and building it, which
//! simulates it once to measure it.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use litesvm::LiteSVM;
use solana_sdk::{instruction::Instruction, pubkey::Pubkey, transaction::VersionedTransaction};
use std::hint::black_box;
use valence_bench::{World, request};

/// Transactions in one run, so that the start is not felt.
const TIMES: u64 = 1000;

fn transactions(c: &mut Criterion) {
    let executor = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let world = executor.block_on(World::new()).unwrap();
    let (svm, transaction) = floor(&executor, &world);
    let (simulate, build) = (request("simulate", TIMES), request("build", TIMES));

    let mut group = c.benchmark_group("simulate three instructions");
    group.throughput(Throughput::Elements(TIMES)).sample_size(20);
    group.bench_function("floor: LiteSVM", |b| {
        b.iter(|| {
            for _ in 0..TIMES {
                svm.simulate_transaction(black_box(&transaction).clone()).unwrap();
            }
        });
    });
    group.bench_function("valence: simulate", |b| b.iter(|| executor.block_on(world.run(&simulate)).unwrap()));
    group.bench_function("valence: build, which simulates", |b| {
        b.iter(|| executor.block_on(world.run(&build)).unwrap());
    });
    group.finish();
}

/// LiteSVM with the same accounts, and the same transaction.
fn floor(executor: &tokio::runtime::Runtime, world: &World) -> (LiteSVM, VersionedTransaction) {
    let [payer, friend] = ["payer", "friend"].map(|name| valence_chain::derived_address("wallet", name));
    let memo = Instruction {
        program_id: "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr".parse().unwrap(),
        accounts: vec![],
        data: b"bench".to_vec(),
    };
    let pay = |lamports: u64| Instruction {
        program_id: Pubkey::default(),
        accounts: vec![
            solana_sdk::instruction::AccountMeta::new(payer, true),
            solana_sdk::instruction::AccountMeta::new(friend, false),
        ],
        data: [2u32.to_le_bytes().as_slice(), &lamports.to_le_bytes()].concat(),
    };
    let built = world.runtime.transaction_builder().add_instructions([pay(1), pay(2), memo]);
    let transaction = executor.block_on(built.build("bench")).unwrap().to_transaction();
    let mut svm = LiteSVM::new().with_sigverify(false).with_blockhash_check(false).with_transaction_history(0);
    for (key, lamports) in [(payer, 1_000_000_000_000), (friend, 1_000_000_000)] {
        let account = solana_sdk::account::Account { lamports, ..Default::default() };
        svm.set_account(key, account).unwrap();
    }
    (svm, transaction)
}

criterion_group!(benches, transactions);
criterion_main!(benches);
