//! A loaded flow: checked, compiled, linked once; described and run as often as wanted.

use crate::{
    Digest,
    bindings::{World, WorldPre, flow as wit},
    convert::flow_error,
    describe::{self, Descriptor, Value},
    ending::{Ending, one_line, whole_line, why},
    engine::Sandbox,
    error::LoadError,
    gauge::Gauge,
    imports::FlowState,
    inspect::{Anatomy, inspect, validate},
    limits::{Limit, Limits},
    link::{self, Part},
    meter::{CallCounts, Meter},
    timed::Timed,
    wasi,
};
use std::{pin::pin, time::Duration};
use valence_door::{Answer, Door, HostCall, Key, Moment, Stop};
use wasmtime::{Store, component::Component};

/// What every flow exports.
const EXPORT: &str = "valence:flow/flow@0.1.0";
/// What the contract gives.
const CONTRACT: [&str; 6] = [
    "valence:flow/types@0.1.0",
    "valence:flow/account-watch@0.1.0",
    "valence:flow/tx-build@0.1.0",
    "valence:flow/simulate@0.1.0",
    "valence:flow/clock@0.1.0",
    "valence:flow/log@0.1.0",
];
/// Fuel after which a running flow lets others run: about a tenth of a millisecond.
const YIELD_AFTER: u64 = 100_000;

/// A flow that can be run.
pub struct Flow {
    pre: WorldPre<FlowState>,
    anatomy: Anatomy,
    drivers: Vec<Anatomy>,
    descriptor: Descriptor,
    was_cached: bool,
    /// Whether it imports WASI.
    wasi: bool,
}

/// What one run is given.
#[derive(Clone, Debug)]
pub struct Context {
    /// The instance's id.
    pub instance: String,
    /// Counts from 0.
    pub episode: u32,
    /// Checked values of declared params.
    pub params: Vec<(String, Value)>,
    /// Every declared role.
    pub roles: Vec<(String, Key)>,
    /// What the episode before left.
    pub state: Option<Vec<u8>>,
}

/// What an attempt was.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub ending: Ending,
    /// Instructions.
    pub fuel: u64,
    /// The most linear memory it had, in bytes.
    pub memory: u64,
    /// The flow's own running time; waiting does not count.
    pub running: Duration,
    /// How often it called.
    pub calls: CallCounts,
}

impl Sandbox {
    /// Checks, links and compiles a flow with its drivers, and asks it to describe itself.
    ///
    /// # Errors
    /// [`LoadError`]: why these bytes are not a flow that this host runs.
    pub async fn load(&self, bytes: &[u8], drivers: &[Vec<u8>], limits: &Limits) -> Result<Flow, LoadError> {
        limits.within(&self.ceiling)?;
        let anatomy = inspect(bytes, limits)?;
        let anatomies = anatomies(drivers, limits)?;
        let flow = Part { bytes, anatomy: &anatomy };
        let parts: Vec<_> = drivers.iter().zip(&anatomies).map(|(bytes, anatomy)| Part { bytes, anatomy }).collect();
        let chosen = link::choose(&flow, &parts)?;
        let whole = chosen.iter().fold(anatomy.size, |sum, d| sum.saturating_add(d.anatomy.size));
        if whole > limits.component_size {
            let (limit, allowed) = (Limit::component_size, limits.component_size);
            return Err(LoadError::OverLimit { limit: limit.name(), given: whole, allowed, unit: limit.unit() });
        }
        fits(&anatomy, &chosen)?;
        let digests: Vec<Digest> =
            std::iter::once(anatomy.digest).chain(chosen.iter().map(|d| d.anatomy.digest)).collect();
        let cached = self.cache.load(&self.engine, &digests);
        let was_cached = cached.is_some();
        let component = match cached {
            Some(component) => component,
            None => self.compile(&flow, &chosen, &digests)?,
        };
        let wasi_too = anatomy.imports.iter().any(|i| i.starts_with("wasi:"));
        let wrong = |e: wasmtime::Error| LoadError::WrongImport(whole_line(&e));
        let linked = self.linker(wasi_too).and_then(|l| l.instantiate_pre(&component)).map_err(wrong)?;
        let pre = WorldPre::new(linked).map_err(|e| LoadError::WrongExport(whole_line(&e)))?;
        let drivers = chosen.iter().map(|d| d.anatomy.clone()).collect();
        let descriptor = describe_it(&pre, limits).await?;
        Ok(Flow { pre, anatomy, drivers, descriptor, was_cached, wasi: wasi_too })
    }

    /// Compiling is the only step whose time is not bounded by fuel; it is bounded by the size limits, and leaves the
    /// executor's other tasks alone where that has threads for them.
    fn compile(&self, flow: &Part<'_>, drivers: &[Part<'_>], digests: &[Digest]) -> Result<Component, LoadError> {
        off_the_hot_path(|| {
            validate(flow.bytes)?;
            for driver in drivers {
                validate(driver.bytes)?;
            }
            let composed = if drivers.is_empty() { None } else { Some(link::compose(flow, drivers)?) };
            let bytes = composed.as_deref().unwrap_or(flow.bytes);
            let component = Component::new(&self.engine, bytes).map_err(|e| LoadError::Unsupported(one_line(&e)))?;
            self.cache.store(&component, digests);
            Ok(component)
        })
    }
}

/// What each driver is. What is wrong with one is said of that driver, not of the flow.
fn anatomies(drivers: &[Vec<u8>], limits: &Limits) -> Result<Vec<Anatomy>, LoadError> {
    let anatomy = |(place, driver): (usize, &Vec<u8>)| {
        let which = || format!("{} of {} given", place.saturating_add(1), drivers.len());
        inspect(driver, limits).map_err(|e| LoadError::Driver(which(), e.to_string()))
    };
    drivers.iter().enumerate().map(anatomy).collect()
}

fn off_the_hot_path<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Is it a flow, and is everything that it imports here?
fn fits(flow: &Anatomy, drivers: &[Part<'_>]) -> Result<(), LoadError> {
    if !flow.exports.iter().any(|e| e == EXPORT) {
        let others = match flow.exports.as_slice() {
            [] => ", and no other interface".to_owned(),
            others => format!("; it exports {}", others.join(", ")),
        };
        return Err(LoadError::NotAFlow(others));
    }
    let given = |import: &String| {
        CONTRACT.contains(&import.as_str())
            || wasi::PACKAGES.iter().any(|p| import.starts_with(p))
            || drivers.iter().any(|d| d.anatomy.exports.contains(import))
    };
    match flow.imports.iter().find(|i| !given(i)) {
        None => Ok(()),
        Some(import) => {
            let hint = match import.split(['/', ':']).next() {
                Some("valence") if import.starts_with("valence:flow/") => {
                    "; the flow was built for another version of the contract"
                }
                Some("wasi") => {
                    "; of WASI it gives io, clocks, random, cli, filesystem and sockets, all without access to this machine"
                }
                _ => "; if a driver exports it, name the driver with --driver",
            };
            Err(LoadError::MissingImport(import.clone(), hint.to_owned()))
        }
    }
}

/// A door that opens nothing: for `describe`.
struct NoDoor;

impl Door for NoDoor {
    fn call(&mut self, call: HostCall) -> Answer<'_> {
        let name = call.name();
        Answer::Ready(Err(Stop::Fault(format!("it called {name}, and `describe` has no access to the world"))))
    }
    fn now(&self) -> Moment {
        Moment::default()
    }
}

async fn describe_it(pre: &WorldPre<FlowState>, limits: &Limits) -> Result<Descriptor, LoadError> {
    let mut store = store(pre, Box::new(NoDoor), limits, String::new());
    let work = async {
        // In two steps, for only the second compares the types of the exports, and what fails there never ran.
        let instance = pre.instance_pre().instantiate_async(&mut store).await?;
        match World::new(&mut store, &instance) {
            Ok(world) => world.valence_flow_flow().call_describe(&mut store).await.map(Ok),
            Err(error) => Ok(Err(LoadError::WrongExport(whole_line(&error)))),
        }
    };
    let (result, _) = Timed::new(pin!(work), limits.deadline, None).await;
    let descriptor = match result {
        Some(Ok(descriptor)) => descriptor?,
        Some(Err(error)) => {
            return Err(match why(&error, limits) {
                Ending::Stopped(stop) => LoadError::Stopped(stop),
                other => LoadError::Describe(other.to_string()),
            });
        }
        None => return Err(LoadError::Stopped(Stop::Limit(limits.hit(Limit::deadline)))),
    };
    Descriptor::from_wit(descriptor).map_err(LoadError::BadDescriptor)
}

fn store(pre: &WorldPre<FlowState>, door: Box<dyn Door>, limits: &Limits, seed: String) -> Store<FlowState> {
    let mut store = Store::new(pre.engine(), FlowState::new(door, Meter::new(limits.clone()), seed));
    store.limiter(|state| &mut state.meter);
    // Both fail only where fuel is off, and our engine always has it on.
    drop(store.set_fuel(limits.fuel));
    drop(store.fuel_async_yield_interval(Some(YIELD_AFTER)));
    store.set_hostcall_fuel(usize::try_from(limits.call_bytes).unwrap_or(usize::MAX));
    store.set_max_component_handles(usize::try_from(limits.handles).unwrap_or(usize::MAX));
    store
}

impl Flow {
    /// Of the flow's own component.
    pub fn digest(&self) -> Digest {
        self.anatomy.digest
    }

    /// What the component is.
    pub fn anatomy(&self) -> &Anatomy {
        &self.anatomy
    }

    /// The drivers composed into it.
    pub fn drivers(&self) -> &[Anatomy] {
        &self.drivers
    }

    /// What the flow says of itself.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// Whether it did not have to be compiled.
    pub fn was_cached(&self) -> bool {
        self.was_cached
    }

    /// Runs one attempt of one episode to its end.
    pub async fn run(&self, context: Context, door: Box<dyn Door>, limits: &Limits) -> Finished {
        self.attempt(context, door, limits, &Gauge::default()).await
    }

    /// The same, with a gauge that is read from outside, also when this future is dropped before the end.
    pub async fn attempt(&self, context: Context, door: Box<dyn Door>, limits: &Limits, gauge: &Gauge) -> Finished {
        // Randomness is the same in every attempt of an episode, and different in the next episode.
        let seed = if self.wasi { format!("{}/{}", context.instance, context.episode) } else { String::new() };
        // Reads its fuel into the gauge also when this future is dropped, as it is when the flow leaves memory.
        let mut metered = Metered { store: store(&self.pre, door, limits, seed), most: limits.fuel, gauge };
        let store = &mut metered.store;
        let context = wit::Context {
            instance: context.instance,
            episode: context.episode,
            params: context.params.into_iter().map(|(name, value)| (name, value.into())).collect(),
            roles: describe::bindings(context.roles),
            state: context.state,
        };
        let work = async {
            let world = self.pre.instantiate_async(&mut *store).await?;
            world.valence_flow_flow().call_run(&mut *store, &context).await
        };
        let (result, running) = Timed::new(pin!(work), limits.deadline, Some(gauge)).await;
        let ending = match result {
            Some(Ok(Ok(wit::Outcome::Done(text)))) => Ending::Done(text),
            Some(Ok(Ok(wit::Outcome::Continue(state)))) => {
                if u64::try_from(state.len()).unwrap_or(u64::MAX) > limits.state {
                    Ending::Stopped(Stop::Limit(limits.hit(Limit::state)))
                } else {
                    Ending::Continue(state)
                }
            }
            Some(Ok(Err(error))) => Ending::Failed(flow_error(error)),
            Some(Err(error)) => why(&error, limits),
            None => Ending::Stopped(Stop::Limit(limits.hit(Limit::deadline))),
        };
        let meter = &metered.store.data().meter;
        Finished { ending, fuel: metered.fuel(), memory: meter.memory_peak, running, calls: meter.counts }
    }
}

/// A store whose fuel is known when it is gone.
struct Metered<'a> {
    store: Store<FlowState>,
    most: u64,
    gauge: &'a Gauge,
}

impl Metered<'_> {
    fn fuel(&self) -> u64 {
        self.most.saturating_sub(self.store.get_fuel().unwrap_or(0))
    }
}

impl Drop for Metered<'_> {
    fn drop(&mut self) {
        self.gauge.used(self.fuel());
    }
}
