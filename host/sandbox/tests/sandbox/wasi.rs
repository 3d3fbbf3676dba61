//! WASI for components whose language needs one: they load and run, and learn nothing that the door did not tell.

use crate::{
    door::RecordingDoor,
    guests::{component, component_of_first_wasi, context, flow_text},
};
use anyhow::Result;
use std::time::{Duration, Instant};
use valence_door::{Deadline, HostCall, Moment};
use valence_sandbox::{Allocation, Context, Ending, Limits, Sandbox, SandboxConfig};

/// Asks for everything, and leaves what it was told as its state: 80 bytes at 4096.
const IMPORTS: &str = r#"
  (import "wasi:clocks/wall-clock@0.2.12" "now" (func $wall (param i32)))
  (import "wasi:clocks/monotonic-clock@0.2.12" "now" (func $monotonic (result i64)))
  (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $timer (param i64) (result i32)))
  (import "wasi:io/poll@0.2.12" "poll" (func $poll (param i32 i32 i32)))
  (import "wasi:random/random@0.2.12" "get-random-u64" (func $random (result i64)))
  (import "wasi:random/insecure@0.2.12" "get-insecure-random-u64" (func $insecure (result i64)))
  (import "wasi:cli/environment@0.2.12" "get-environment" (func $environment (param i32)))
  (import "wasi:cli/environment@0.2.12" "get-arguments" (func $arguments (param i32)))
  (import "wasi:filesystem/preopens@0.2.12" "get-directories" (func $directories (param i32)))
  (import "wasi:sockets/tcp-create-socket@0.2.12" "create-tcp-socket" (func $socket (param i32 i32)))"#;
const RUN: &str = r#"
  (data (i32.const 704) (i32 0 1 4096 80))
  (func (export "valence:flow/flow@0.1.0#run") (type $run)
    (call $wall (i32.const 4096))
    (i64.store (i32.const 4112) (call $monotonic))
    (i64.store (i32.const 4120) (call $random))
    (i64.store (i32.const 4128) (call $insecure))
    (call $environment (i32.const 4200)) (i32.store (i32.const 4136) (i32.load (i32.const 4204)))
    (call $arguments (i32.const 4200)) (i32.store (i32.const 4140) (i32.load (i32.const 4204)))
    (call $directories (i32.const 4200)) (i32.store (i32.const 4144) (i32.load (i32.const 4204)))
    (call $socket (i32.const 0) (i32.const 4148))
    ;; A minute and a half, polled together with a longer timer; then the clock again.
    (i32.store (i32.const 4300) (call $timer (i64.const 90000000000)))
    (i32.store (i32.const 4304) (call $timer (i64.const 3600000000000)))
    (call $poll (i32.const 4300) (i32.const 2) (i32.const 4200))
    (i32.store (i32.const 4156) (i32.load (i32.const 4204)))
    (call $wall (i32.const 4160))
    (i32.const 704))"#;

fn u64_at(state: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(state[at..at + 8].try_into().unwrap())
}

fn u32_at(state: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(state[at..at + 4].try_into().unwrap())
}

async fn asked(allocation: Allocation, instance: &str) -> Result<(Vec<u8>, Vec<HostCall>)> {
    let sandbox = Sandbox::new(SandboxConfig { allocation, ..SandboxConfig::default() })?;
    let flow = sandbox.load(&component(&flow_text(IMPORTS, RUN)?)?, &[], &Limits::DEFAULT).await?;
    let (door, passed) = RecordingDoor::new(Moment { slot: 5, time: 1_700_000_000 });
    let context = Context { instance: instance.to_owned(), ..context() };
    match flow.run(context, door, &Limits::DEFAULT).await.ending {
        Ending::Continue(state) => Ok((state, passed.calls())),
        other => anyhow::bail!("{other}"),
    }
}

#[tokio::test]
async fn a_wasi_component_is_told_the_doors_time_and_nothing_of_this_machine() -> Result<()> {
    let (state, calls) = asked(Allocation::OnDemand, "a").await?;
    assert_eq!((u64_at(&state, 0), u32_at(&state, 8)), (1_700_000_000, 0), "wall clock");
    assert_eq!(u64_at(&state, 16), 1_700_000_000_000_000_000, "monotonic clock, nanoseconds");
    assert_eq!([40, 44, 48].map(|at| u32_at(&state, at)), [0; 3], "environment, arguments, directories");
    assert_eq!(u32_at(&state, 60), 1, "one timer of two is ready");
    assert_eq!(u64_at(&state, 64), 1_700_000_090, "the wall clock after the wait");
    // A timer is one wait through the door, until the sooner of the two.
    let due = Some(Deadline::Time(1_700_000_090));
    assert_eq!(calls, [HostCall::Wait { any_of: Vec::new(), deadline: due }]);
    Ok(())
}

#[tokio::test]
async fn sockets_are_denied() -> Result<()> {
    const ACCESS_DENIED: u8 = 1;
    let (state, _) = asked(Allocation::OnDemand, "a").await?;
    assert_eq!((state[52], state[56]), (1, ACCESS_DENIED), "result<tcp-socket, error-code>");
    Ok(())
}

#[tokio::test]
async fn randomness_is_the_instances_own_and_the_same_each_time() -> Result<()> {
    let (a, _) = asked(Allocation::OnDemand, "a").await?;
    let (again, _) = asked(Allocation::Pool(2), "a").await?;
    let (b, _) = asked(Allocation::OnDemand, "b").await?;
    assert_eq!(a, again);
    assert_ne!(u64_at(&a, 24), u64_at(&b, 24), "random");
    assert_ne!(u64_at(&a, 32), u64_at(&b, 32), "insecure random");
    assert_ne!(u64_at(&a, 24), u64_at(&a, 32), "the two generators differ");
    Ok(())
}

#[tokio::test]
async fn who_asks_for_randomness_without_end_meets_the_deadline_soon() -> Result<()> {
    let import = r#"(import "wasi:random/random@0.2.12" "get-random-bytes" (func $random (param i64 i32)))"#;
    let run = r#"(func (export "valence:flow/flow@0.1.0#run") (type $run)
        (drop (memory.grow (i32.const 16)))
        (loop $again
          (global.set $free (i32.const 8192))
          (call $random (i64.const 65536) (i32.const 4200))
          (br $again))
        (call $done))"#;
    let sandbox = Sandbox::new(SandboxConfig::default())?;
    let flow = sandbox.load(&component(&flow_text(import, run)?)?, &[], &Limits::DEFAULT).await?;
    let limits = Limits { deadline: 100, ..Limits::DEFAULT };
    let start = Instant::now();
    let done = flow.run(context(), RecordingDoor::forgetful(0), &limits).await;
    assert!(done.ending.to_string().contains("limit `deadline` of 100"), "{}", done.ending);
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    Ok(())
}

#[tokio::test]
async fn more_random_bytes_than_a_call_gives_end_the_flow_and_not_the_host() -> Result<()> {
    let import = r#"(import "wasi:random/random@0.2.12" "get-random-bytes" (func $random (param i64 i32)))"#;
    let run = r#"(func (export "valence:flow/flow@0.1.0#run") (type $run)
        (call $random (i64.const -1) (i32.const 4200))
        (call $done))"#;
    let sandbox = Sandbox::new(SandboxConfig::default())?;
    let flow = sandbox.load(&component(&flow_text(import, run)?)?, &[], &Limits::DEFAULT).await?;
    let ending = flow.run(context(), RecordingDoor::forgetful(0), &Limits::DEFAULT).await.ending;
    let Ending::Trapped(message) = ending else { panic!("{ending}") };
    assert!(message.contains("65536 are the most"), "{message}");
    Ok(())
}

#[tokio::test]
async fn a_component_of_the_first_wasi_runs_too() -> Result<()> {
    let sandbox = Sandbox::new(SandboxConfig::default())?;
    let flow = sandbox.load(&component_of_first_wasi(&flow_text(IMPORTS, RUN)?)?, &[], &Limits::DEFAULT).await?;
    let (door, _) = RecordingDoor::new(Moment { slot: 5, time: 1_700_000_000 });
    let Ending::Continue(state) = flow.run(context(), door, &Limits::DEFAULT).await.ending else {
        panic!("it leaves what it was told")
    };
    assert_eq!(u64_at(&state, 64), 1_700_000_090, "the wall clock after the wait");
    Ok(())
}
