//! The embedded chain beside its floor, LiteSVM itself: reading one small account, and simulating a transaction of three
//! instructions (create a token account if needed, transfer tokens, memo). `cargo bench -p valence-chain`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![allow(missing_docs)]

#[path = "../tests/support/mod.rs"]
mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use litesvm::LiteSVM;
use solana_sdk::{hash::Hash, signature::Signature};
use spl_token_2022_interface::instruction::transfer_checked;
use std::hint::black_box;
use support::*;
use valence_chain::Chain;

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

criterion_group!(benches, local);
criterion_main!(benches);
