//! What the sandbox, the door and the journal cost beside bare wasmtime: a warm start, and one read of an account.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use valence_bench::{Bare, World, component, request};

/// Reads in one run, so that the start is not felt.
const READS: u64 = 10_000;

fn sandbox(c: &mut Criterion) {
    let executor = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let bare = Bare::new(&component().unwrap()).unwrap();
    let world = executor.block_on(World::new()).unwrap();
    let (nothing, reads) = (request("get", 0), request("get", READS));

    let mut group = c.benchmark_group("warm start: instantiate, run, drop");
    group.bench_function("floor: wasmtime, pooling", |b| {
        b.iter(|| executor.block_on(bare.run("get", 0)).unwrap());
    });
    group.bench_function("valence", |b| b.iter(|| executor.block_on(world.run(&nothing)).unwrap()));
    group.finish();

    let mut group = c.benchmark_group("account-watch.get of 165 bytes");
    group.throughput(Throughput::Elements(READS)).sample_size(30);
    group.bench_function("floor: bare typed import", |b| {
        b.iter(|| executor.block_on(bare.run("get", READS)).unwrap());
    });
    group.bench_function("valence", |b| b.iter(|| executor.block_on(world.run(&reads)).unwrap()));
    group.finish();
}

criterion_group!(benches, sandbox);
criterion_main!(benches);
