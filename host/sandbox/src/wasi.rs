//! WASI for components whose language needs one: deterministic and deny-all. No files, no sockets, no environment; time is
//! that of the last reply; randomness is a generator seeded by the instance. A timer that a component polls is a wait through
//! the door like any other, so that replay is exact. wasmtime-wasi does the rest.

use crate::{imports::FlowState, limits::Limit, meter::Stopped};
use chacha20::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use valence_door::{Deadline, HostCall, Stop};
use wasmtime::{
    StoreContextMut,
    component::{HasSelf, Linker, Resource, ResourceTable},
};
use wasmtime_wasi::{
    HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView, async_trait,
    cli::{WasiCli, WasiCliView},
    clocks::{WasiClocks, WasiClocksView},
    filesystem::{WasiFilesystem, WasiFilesystemView},
    p2::{
        DynPollable, Pollable,
        bindings::{
            cli, clocks,
            clocks::monotonic_clock,
            filesystem,
            io::{error, poll, streams},
            random, sockets,
        },
        subscribe,
    },
    random::WasiRandom,
    sockets::{WasiSockets, WasiSocketsView},
};

/// The interfaces that are linked, in the order of WASI's own list.
pub(crate) const PACKAGES: [&str; 6] =
    ["wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:cli/", "wasi:filesystem/", "wasi:sockets/"];

/// The WASI side of one instance; empty until a component uses it.
pub(crate) struct WasiPart {
    /// Randomness starts from this text's digest.
    seed: String,
    made: Option<Box<Made>>,
}

struct Made {
    ctx: WasiCtx,
    table: ResourceTable,
    now: Arc<AtomicU64>,
    /// When each timer that the component holds is due, in nanoseconds.
    timers: BTreeMap<u32, u64>,
    random: ChaCha20Rng,
    insecure: ChaCha20Rng,
}

/// Most random bytes in one call: as many as a browser gives.
const RANDOM_AT_MOST: usize = 64 << 10;

impl WasiPart {
    pub(crate) fn new(seed: String) -> Self {
        WasiPart { seed, made: None }
    }
}

/// Nanoseconds since 1970 of the last reply.
struct Clock(Arc<AtomicU64>);

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }
    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        1_000_000_000
    }
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Ready once the last reply's time has reached `due`.
struct Timer {
    now: Arc<AtomicU64>,
    due: u64,
}

#[async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {
        if self.now.load(Ordering::Relaxed) < self.due {
            std::future::pending().await
        }
    }
}

impl FlowState {
    fn made(&mut self) -> &mut Made {
        let nanos = u64::try_from(self.door.now().time).unwrap_or(0).saturating_mul(1_000_000_000);
        let handles = usize::try_from(self.meter.limits.handles).unwrap_or(usize::MAX);
        let WasiPart { seed, made } = &mut self.wasi;
        let made = made.get_or_insert_with(|| {
            let seed = crate::Digest::of(seed.as_bytes()).0;
            let now = Arc::new(AtomicU64::new(nanos));
            let mut table = ResourceTable::new();
            table.set_max_capacity(handles);
            let stream = |n: u8| {
                let mut seed = seed;
                seed[0] ^= n;
                ChaCha20Rng::from_seed(seed)
            };
            let (low, _) = seed.split_at(16);
            let ctx = WasiCtx::builder()
                .wall_clock(Clock(now.clone()))
                .monotonic_clock(Clock(now.clone()))
                .insecure_random_seed(low.iter().fold(0, |n, b| (n << 8) | u128::from(*b)))
                .allow_tcp(false)
                .allow_udp(false)
                .allow_ip_name_lookup(false)
                .build();
            Box::new(Made { ctx, table, now, timers: BTreeMap::new(), random: stream(1), insecure: stream(2) })
        });
        made.now.store(nanos, Ordering::Relaxed);
        made
    }
}

impl WasiView for FlowState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let made = self.made();
        WasiCtxView { ctx: &mut made.ctx, table: &mut made.table }
    }
}

type Generator = fn(&mut Made) -> &mut ChaCha20Rng;

/// Adds one of the two random interfaces by hand, for wasmtime-wasi's own functions do not let others run meanwhile: a guest
/// that asks for much with few instructions would hold the host for minutes between two looks at the deadline.
fn add_random(
    l: &mut Linker<FlowState>,
    interface: &str,
    [bytes, word]: [&str; 2],
    which: Generator,
) -> wasmtime::Result<()> {
    let mut interface = l.instance(interface)?;
    interface.func_wrap_async(bytes, move |mut store: StoreContextMut<'_, FlowState>, (many,): (u64,)| {
        Box::new(async move {
            let many = usize::try_from(many).ok().filter(|n| *n <= RANDOM_AT_MOST).ok_or_else(|| {
                wasmtime::Error::msg(format!(
                    "{many} random bytes were asked for in one call, and {RANDOM_AT_MOST} are the most"
                ))
            })?;
            let mut bytes = vec![0; many];
            which(store.data_mut().made()).fill_bytes(&mut bytes);
            tokio::task::yield_now().await;
            Ok((bytes,))
        })
    })?;
    interface.func_wrap(word, move |mut store: StoreContextMut<'_, FlowState>, (): ()| {
        Ok((which(store.data_mut().made()).next_u64(),))
    })
}

fn table(state: &mut FlowState) -> &mut ResourceTable {
    &mut state.made().table
}

impl monotonic_clock::Host for FlowState {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.made().now.load(Ordering::Relaxed))
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1_000_000_000)
    }

    fn subscribe_instant(&mut self, due: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let made = self.made();
        let timer = made.table.push(Timer { now: made.now.clone(), due })?;
        let pollable = subscribe(&mut made.table, timer)?;
        made.timers.insert(pollable.rep(), due);
        Ok(pollable)
    }

    fn subscribe_duration(&mut self, nanos: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = self.made().now.load(Ordering::Relaxed);
        self.subscribe_instant(now.saturating_add(nanos))
    }
}

impl FlowState {
    /// Which of these are ready now.
    async fn ready_ones(&mut self, reps: &[u32]) -> wasmtime::Result<Vec<u32>> {
        let made = self.made();
        let mut ready = Vec::new();
        for (place, rep) in (0u32..).zip(reps) {
            if poll::HostPollable::ready(&mut made.table, Resource::new_borrow(*rep)).await? {
                ready.push(place);
            }
        }
        Ok(ready)
    }

    /// Waits until one is ready. All streams here are closed or endless, so only timers are ever waited for, and a timer is a
    /// wait through the door.
    async fn any_ready(&mut self, reps: &[u32]) -> wasmtime::Result<Vec<u32>> {
        loop {
            let ready = self.ready_ones(reps).await?;
            if !ready.is_empty() {
                return Ok(ready);
            }
            let timers = &self.made().timers;
            let Some(due) = reps.iter().filter_map(|rep| timers.get(rep)).min().copied() else {
                return Err(Stopped::error(Stop::Stalled("a WASI stream that never becomes ready".to_owned())));
            };
            self.meter.count(Limit::waits, |c| &mut c.waits, 1)?;
            let deadline = i64::try_from(due.div_ceil(1_000_000_000)).unwrap_or(i64::MAX);
            self.pass(HostCall::Wait { any_of: Vec::new(), deadline: Some(Deadline::Time(deadline)) }).await?;
        }
    }
}

impl poll::Host for FlowState {
    async fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        let reps: Vec<u32> = pollables.iter().map(Resource::rep).collect();
        if reps.is_empty() {
            return Err(wasmtime::Error::msg("an empty list was polled, which WASI forbids"));
        }
        self.any_ready(&reps).await
    }
}

impl poll::HostPollable for FlowState {
    async fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        Ok(!self.ready_ones(&[pollable.rep()]).await?.is_empty())
    }

    async fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.any_ready(&[pollable.rep()]).await.map(drop)
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        let made = self.made();
        made.timers.remove(&pollable.rep());
        poll::HostPollable::drop(&mut made.table, pollable)
    }
}

/// Adds all of WASI 0.2's command imports, with our clock and our polling.
pub(crate) fn add_to_linker(l: &mut Linker<FlowState>) -> wasmtime::Result<()> {
    type T = FlowState;
    poll::add_to_linker::<T, HasSelf<T>>(l, |state| state)?;
    monotonic_clock::add_to_linker::<T, HasSelf<T>>(l, |state| state)?;
    error::add_to_linker::<T, HasSelf<ResourceTable>>(l, table)?;
    streams::add_to_linker::<T, HasSelf<ResourceTable>>(l, table)?;
    clocks::wall_clock::add_to_linker::<T, WasiClocks>(l, T::clocks)?;
    add_random(l, "wasi:random/random@0.2.12", ["get-random-bytes", "get-random-u64"], |m| &mut m.random)?;
    let insecure = ["get-insecure-random-bytes", "get-insecure-random-u64"];
    add_random(l, "wasi:random/insecure@0.2.12", insecure, |m| &mut m.insecure)?;
    random::insecure_seed::add_to_linker::<T, WasiRandom>(l, |t| t.ctx().ctx.random())?;
    cli::exit::add_to_linker::<T, WasiCli>(l, T::cli)?;
    cli::environment::add_to_linker::<T, WasiCli>(l, T::cli)?;
    cli::stdin::add_to_linker::<T, WasiCli>(l, T::cli)?;
    cli::stdout::add_to_linker::<T, WasiCli>(l, T::cli)?;
    cli::stderr::add_to_linker::<T, WasiCli>(l, T::cli)?;
    cli::terminal_input::add_to_linker::<T, WasiCli>(l, T::cli)?;
    cli::terminal_output::add_to_linker::<T, WasiCli>(l, T::cli)?;
    cli::terminal_stdin::add_to_linker::<T, WasiCli>(l, T::cli)?;
    cli::terminal_stdout::add_to_linker::<T, WasiCli>(l, T::cli)?;
    cli::terminal_stderr::add_to_linker::<T, WasiCli>(l, T::cli)?;
    filesystem::preopens::add_to_linker::<T, WasiFilesystem>(l, T::filesystem)?;
    filesystem::types::add_to_linker::<T, WasiFilesystem>(l, T::filesystem)?;
    sockets::tcp::add_to_linker::<T, WasiSockets>(l, T::sockets)?;
    sockets::udp::add_to_linker::<T, WasiSockets>(l, T::sockets)?;
    sockets::tcp_create_socket::add_to_linker::<T, WasiSockets>(l, T::sockets)?;
    sockets::udp_create_socket::add_to_linker::<T, WasiSockets>(l, T::sockets)?;
    sockets::instance_network::add_to_linker::<T, WasiSockets>(l, T::sockets)?;
    sockets::network::add_to_linker::<T, WasiSockets>(l, &sockets::network::LinkOptions::default(), T::sockets)?;
    sockets::ip_name_lookup::add_to_linker::<T, WasiSockets>(l, T::sockets)?;
    Ok(())
}
