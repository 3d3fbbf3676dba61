//! The binary on a cached component: from exec to the flow's first call, and the whole of `valence run`.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{Criterion, criterion_group, criterion_main};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const VALENCE: &str = env!("CARGO_BIN_EXE_valence");

/// `treasury-sweep`, whose first calls read a mint and then log, so that the chain must be there for them.
fn run() -> Command {
    let mut command = Command::new(VALENCE);
    let flow = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/treasury-sweep");
    // A data dir of the bench's own, with the runs of the whole bench in it.
    command.env("VALENCE_DATA_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("startup-data"));
    command.args(["run", "--output", "json-compact"]).arg(flow).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// Until the line of the first log event is here: exec, read, link, start, and one read of the chain.
fn to_first_call() -> Duration {
    let start = Instant::now();
    let mut child = run().spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("\"event\":\"log\"")));
    let taken = start.elapsed();
    lines.for_each(drop);
    assert!(child.wait().unwrap().success());
    taken
}

fn startup(c: &mut Criterion) {
    // Built and compiled before anything is measured.
    assert!(run().output().unwrap().status.success());
    let mut group = c.benchmark_group("valence run of a cached flow");
    group.sample_size(50);
    group.bench_function("floor: exec of valence --version", |b| {
        b.iter(|| Command::new(VALENCE).arg("--version").output().unwrap());
    });
    group.bench_function("exec to the flow's first calls", |b| {
        b.iter_custom(|times| (0..times).map(|_| to_first_call()).sum());
    });
    group.bench_function("whole run, two transactions", |b| {
        b.iter(|| assert!(run().output().unwrap().status.success()));
    });
    group.finish();
}

criterion_group!(benches, startup);
criterion_main!(benches);
