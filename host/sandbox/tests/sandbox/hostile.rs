//! Every hostile guest is stopped by the limit that is meant for it; the message names that limit and says how to raise
//! it; the process lives on, and the same sandbox then runs a flow that means no harm.

use crate::{
    door::RecordingDoor,
    guests::{around, context, good, good_with, hostile, module_of_many, repository, section},
};
use anyhow::{Context as _, Result, ensure};
use std::{
    fmt::Write as _,
    future::{Future as _, poll_fn},
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};
use valence_door::{Answer, Door, HostCall, Moment, Stop};
use valence_sandbox::{Allocation, Ending, Limit, Limits, Sandbox, SandboxConfig};

/// What a hostile guest comes to.
enum Fate {
    /// The limit stops it, when it is loaded or when it runs.
    Limit(Limit),
    /// It is refused before it is compiled, because this is too much.
    Refused(Limit),
    /// Its message has this in it; no limit is meant.
    Says(&'static str),
}
use Fate::{Limit as Hits, Refused, Says};

struct Story {
    name: &'static str,
    fate: Fate,
    guest: fn() -> Result<Vec<u8>>,
    /// Low, so that the test is quick.
    limits: fn(&mut Limits),
    /// Bytes of data in each account that it reads.
    data: usize,
}

/// The limits that another crate enforces, and where a flow that hits them is tested: the runtime writes the journal.
const ELSEWHERE: [(Limit, &str); 2] =
    [(Limit::journal_bytes, "host/cli/tests/limits.rs"), (Limit::replay_fuel, "host/cli/tests/durable.rs")];

/// A story whose guest is a file of `guests/hostile`.
macro_rules! file {
    ($name:literal, $fate:expr $(, $field:ident = $value:expr)*) => {
        Story {
            name: $name,
            fate: $fate,
            guest: || hostile($name),
            limits: |_limits| { $(_limits.$field = $value;)* },
            data: 1 << 20,
        }
    };
}

/// A story whose guest is written here.
macro_rules! made {
    ($name:literal, $fate:expr, $guest:expr $(, $field:ident = $value:expr)*) => {
        Story { name: $name, fate: $fate, guest: || $guest, limits: |_limits| { $(_limits.$field = $value;)* }, data: 0 }
    };
}

fn stories() -> Vec<Story> {
    vec![
        file!("loops", Hits(Limit::fuel)),
        made!(
            "loops, with all the fuel there is",
            Hits(Limit::deadline),
            hostile("loops"),
            fuel = u64::MAX,
            deadline = 50
        ),
        file!("fills", Hits(Limit::fuel)),
        made!(
            "fills, with all the fuel there is",
            Hits(Limit::deadline),
            hostile("fills"),
            fuel = u64::MAX,
            deadline = 50
        ),
        file!("starts-looping", Hits(Limit::fuel)),
        file!("recurses", Hits(Limit::stack)),
        file!("grows-memory", Hits(Limit::memory), memory = 4 << 20),
        made!(
            "a memory that starts at 4 GiB",
            Refused(Limit::memory),
            good_with("(component (core module $m (memory 65536)) (core instance (instantiate $m)))")
        ),
        file!("grows-tables", Hits(Limit::table_elements), table_elements = 10_000),
        made!(
            "a table that starts at a billion",
            Refused(Limit::table_elements),
            good_with("(component (core module $m (table 1000000000 funcref)) (core instance (instantiate $m)))")
        ),
        made!("a thousand memories", Hits(Limit::memories), good_with(&thousand("(memory 0)"))),
        made!("a thousand tables", Hits(Limit::tables), good_with(&thousand("(table 0 funcref)"))),
        made!(
            "a thousand core instances",
            Refused(Limit::instances),
            good_with(&format!("(component (core module $m) {})", "(core instance (instantiate $m))".repeat(1000)))
        ),
        made!(
            "a thousand core instances, in hundreds",
            Hits(Limit::instances),
            good_with(&format!(
                "(component (component $hundred (core module $m) {}) {})",
                "(core instance (instantiate $m))".repeat(100),
                "(instance (instantiate $hundred))".repeat(10),
            ))
        ),
        made!(
            "a hundred core modules",
            Refused(Limit::modules),
            good_with(&format!("(component {})", "(core module)".repeat(100)))
        ),
        made!("a million functions", Refused(Limit::functions), Ok(around(&module_of_many(1_000_000, 0)))),
        made!("a million globals", Refused(Limit::globals), Ok(around(&module_of_many(0, 1_000_000)))),
        made!(
            "a megabyte of nothing",
            Refused(Limit::component_size),
            { Ok([good(), section(0, &[&[1, b'x'][..], &vec![0; 1 << 20]].concat())].concat()) },
            component_size = 1 << 20
        ),
        made!("a doubling at each of 30 levels", Says("components in components"), good_with(&nested_doubling(30))),
        made!(
            "a doubling of the one before, 30 times",
            Says("components in components"),
            good_with(&aliased_doubling(30))
        ),
        made!("a component that is given a component", Says("imports a component"), good_with(GIVEN)),
        file!("huge-argument", Hits(Limit::call_bytes), memory = 1100 << 20),
        file!("repeated-argument", Hits(Limit::call_bytes)),
        file!("outside-argument", Says("out of bounds")),
        file!("holds-handles", Hits(Limit::handles), handles = 100),
        file!("logs", Hits(Limit::log_bytes)),
        file!("waits", Hits(Limit::waits)),
        file!("proposes", Hits(Limit::proposals)),
        file!("calls", Hits(Limit::calls), calls = 1000),
        // Told as an error value, which the guest checks: a flow can ask for a slice.
        file!("reads-much", Says("done"), reply_bytes = 1 << 20),
        file!("leaves-much", Hits(Limit::state)),
        file!("grows-past-its-own-maximum", Says("done")),
        file!("panics", Says("it_panicked_here")),
        file!("answers-nonsense", Says("discriminant")),
        file!("describe-loops", Hits(Limit::fuel)),
        file!("describe-traps", Says("no_comment")),
        file!("describe-calls", Says("log.write")),
        file!("describe-lies", Says("`No Slug`")),
        file!("describe-not-utf8", Says("utf-8")),
    ]
}

/// Fifty of these in each of twenty instances.
fn thousand(field: &str) -> String {
    format!("(component (core module $m {}) {})", field.repeat(50), "(core instance (instantiate $m))".repeat(20))
}

/// Each level holds the next and makes two of it.
fn nested_doubling(levels: u32) -> String {
    let mut inside = "(component $c (core module $m) (core instance (instantiate $m)))".to_owned();
    for _ in 0..levels {
        inside = format!("(component $c {inside} (instance (instantiate $c)) (instance (instantiate $c)))");
    }
    format!("(component {inside} (instance (instantiate $c)))")
}

/// Each makes two of its neighbour before, which it reaches through the component around both.
fn aliased_doubling(levels: u32) -> String {
    let mut text = "(component (component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
    for level in 1..=levels {
        let before = level - 1;
        write!(
            text,
            "(component $c{level} (alias outer 1 $c{before} (component $x)) \
             (instance (instantiate $x)) (instance (instantiate $x)))"
        )
        .unwrap();
    }
    write!(text, "(instance (instantiate $c{levels})))").unwrap();
    text
}

/// What it makes two of is known only to the one who gives it.
const GIVEN: &str = r#"(component
    (component $double
        (import "x" (component $x))
        (instance (instantiate $x)) (instance (instantiate $x)))
    (component $single (core module $m) (core instance (instantiate $m)))
    (instance (instantiate $double (with "x" (component $single)))))"#;

/// Twenty million instructions are a few hundredths of a second.
fn low() -> Limits {
    Limits { fuel: 20_000_000, ..Limits::DEFAULT }
}

fn sandbox(allocation: Allocation) -> Result<Sandbox> {
    let ceiling = Limits { memory: 1100 << 20, fuel: u64::MAX, ..Limits::DEFAULT };
    Ok(Sandbox::new(SandboxConfig { allocation, ceiling, cache: None })?)
}

/// The message with which a guest ends, on its way in or when it runs.
async fn end_of(sandbox: &Sandbox, guest: &[u8], limits: &Limits, data: usize) -> String {
    match sandbox.load(guest, &[], limits).await {
        Ok(flow) => flow.run(context(), RecordingDoor::forgetful(data), limits).await.ending.to_string(),
        Err(error) => error.to_string(),
    }
}

async fn try_all(allocation: Allocation) -> Result<String> {
    let sandbox = sandbox(allocation)?;
    let mut told = String::new();
    let mut wrong = String::new();
    for story in stories() {
        let mut limits = low();
        (story.limits)(&mut limits);
        let guest = (story.guest)().with_context(|| story.name)?;
        let start = Instant::now();
        let message = end_of(&sandbox, &guest, &limits, story.data).await;
        let took = start.elapsed();
        writeln!(told, "{}\n    {message}", story.name)?;
        let (right, limit) = match story.fate {
            Hits(limit) => (message.contains("the flow reached its limit"), Some(limit)),
            Refused(limit) => (message.starts_with("the component has"), Some(limit)),
            Says(text) => (message.contains(text), None),
        };
        let named = limit.is_none_or(|limit| {
            message.contains(&format!("limit `{}` of {}", limit.name(), limits.get(limit)))
                && message.contains(&format!("--limit {}=N", limit.name()))
        });
        let one_line = message.lines().count() == 1 && message.len() < 400;
        if !(right && named && one_line) || took > Duration::from_secs(5) {
            writeln!(wrong, "{}: {message} ({took:?})", story.name)?;
        }
        let after = end_of(&sandbox, &good(), &Limits::DEFAULT, 0).await;
        ensure!(after == "done", "after {}: a good flow: {after}", story.name);
    }
    ensure!(wrong.is_empty(), "{allocation:?}:\n{wrong}");
    Ok(told)
}

#[tokio::test]
async fn every_hostile_guest_meets_the_limit_that_is_meant_for_it() -> Result<()> {
    let told = try_all(Allocation::OnDemand).await?;
    insta::assert_snapshot!("hostile", told);
    Ok(())
}

#[tokio::test]
async fn a_pool_tells_the_same_as_allocation_on_demand() -> Result<()> {
    let (pool, on_demand) = (try_all(Allocation::Pool(4)).await?, try_all(Allocation::OnDemand).await?);
    assert_eq!(pool, on_demand);
    Ok(())
}

#[test]
fn every_limit_has_a_hostile_guest() {
    let stories = stories();
    for &limit in Limits::ALL {
        let hit = stories.iter().any(|s| match s.fate {
            Hits(l) | Refused(l) => l == limit,
            // Its guest is told, not stopped.
            Says(_) => s.name == "reads-much" && limit == Limit::reply_bytes,
        });
        let elsewhere = ELSEWHERE.iter().any(|(l, file)| {
            let text = std::fs::read_to_string(repository(file)).unwrap();
            let named = |end: &str| text.contains(&format!("\"{}{end}", limit.name()));
            *l == limit && (named("=") || named("\""))
        });
        assert!(hit != elsewhere, "limit `{}` has no hostile guest, or two homes", limit.name());
    }
}

#[test]
fn every_file_of_hostile_guests_is_run() -> Result<()> {
    let run: Vec<_> = stories().iter().map(|s| s.name).collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guests/hostile");
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        let name = path.file_stem().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        let by_itself = ["prelude", "describe", "good", "not-a-number"].contains(&name.as_str());
        let wat = path.extension().is_some_and(|e| e == "wat");
        ensure!(!wat || by_itself || run.contains(&name.as_str()), "no test runs {}", path.display());
    }
    Ok(())
}

#[tokio::test]
async fn the_same_guest_twice_burns_the_same_and_makes_the_same_nan() -> Result<()> {
    let mut seen = Vec::new();
    for allocation in [Allocation::OnDemand, Allocation::Pool(4)] {
        let sandbox = sandbox(allocation)?;
        let flow = sandbox.load(&hostile("not-a-number")?, &[], &Limits::DEFAULT).await?;
        for _ in 0..2 {
            let done = flow.run(context(), RecordingDoor::forgetful(0), &Limits::DEFAULT).await;
            assert_eq!(done.ending, Ending::Done("7fc00000".repeat(3)));
            seen.push((done.fuel, done.memory));
        }
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
    Ok(())
}

#[tokio::test]
async fn what_a_limit_stops_is_stopped_at_the_same_instruction_each_time() -> Result<()> {
    let sandbox = sandbox(Allocation::OnDemand)?;
    for name in ["loops", "waits", "grows-memory", "logs"] {
        let flow = sandbox.load(&hostile(name)?, &[], &low()).await?;
        let mut fuel = Vec::new();
        for _ in 0..3 {
            fuel.push(flow.run(context(), RecordingDoor::forgetful(0), &low()).await.fuel);
        }
        assert!(fuel.iter().all(|f| *f == fuel[0] && *f > 0), "{name}: {fuel:?}");
    }
    Ok(())
}

/// Its answer never comes.
struct SilentDoor;

impl Door for SilentDoor {
    fn call(&mut self, _: HostCall) -> Answer<'_> {
        Answer::Later(Box::pin(std::future::pending()))
    }
    fn now(&self) -> Moment {
        Moment::default()
    }
}

#[tokio::test]
async fn a_pool_that_is_full_says_so_and_blames_no_flow() -> Result<()> {
    let sandbox = sandbox(Allocation::Pool(1))?;
    let flow = sandbox.load(&good(), &[], &Limits::DEFAULT).await?;
    let mut first = pin!(flow.run(context(), Box::new(SilentDoor), &Limits::DEFAULT));
    for _ in 0..10 {
        let pending = poll_fn(|cx| Poll::Ready(first.as_mut().poll(cx).is_pending())).await;
        ensure!(pending, "the first flow must still wait");
    }
    let second = flow.run(context(), RecordingDoor::forgetful(0), &Limits::DEFAULT).await.ending;
    let Ending::Stopped(Stop::Fault(message)) = second else { panic!("{second:?}") };
    assert!(message.contains("no room for another instance"), "{message}");
    Ok(())
}
