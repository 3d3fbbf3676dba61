//! The engine: what makes execution deterministic, and instances cheap. One [`Sandbox`] serves a process.

use crate::{bindings::World, cache::Cache, error::LoadError, imports::FlowState, limits::Limits, wasi};
use std::{path::PathBuf, sync::OnceLock};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, OperatorCost, PoolingAllocationConfig,
    component::{HasSelf, Linker},
};

/// How instances get their memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// When needed: nothing to set up, so the choice of a process that runs one flow.
    OnDemand,
    /// From a pool of this many slots, kept warm: the choice of a service.
    Pool(u32),
}

/// What a sandbox is made from.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// How instances get their memory.
    pub allocation: Allocation,
    /// What no flow may exceed.
    pub ceiling: Limits,
    /// Where compiled components are kept; none compiles every time.
    pub cache: Option<PathBuf>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        SandboxConfig { allocation: Allocation::OnDemand, ceiling: Limits::default(), cache: None }
    }
}

/// Everything that flows of one process share.
pub struct Sandbox {
    pub(crate) engine: Engine,
    pub(crate) cache: Cache,
    pub(crate) ceiling: Limits,
    plain: Linker<FlowState>,
    with_wasi: OnceLock<Linker<FlowState>>,
}

/// A page of linear memory costs the host a page fault and zeroing: about as much as this many instructions.
const FUEL_PER_PAGE: u8 = 255;

/// Memory that a pool slot keeps when it is free, so that the next instance does not fault it in again.
const KEEP_RESIDENT: usize = 128 << 10;

impl Sandbox {
    /// Makes the engine and the linker of the contract.
    ///
    /// # Errors
    /// [`LoadError::Host`] where this machine cannot give what the configuration asks for.
    pub fn new(config: SandboxConfig) -> Result<Self, LoadError> {
        let host = |e: wasmtime::Error| LoadError::Host(format!("{e:#}"));
        let engine = Engine::new(&settings(&config)).map_err(host)?;
        let plain = contract(&engine).map_err(host)?;
        let cache = Cache::open(config.cache.as_deref(), &engine);
        Ok(Sandbox { engine, cache, ceiling: config.ceiling, plain, with_wasi: OnceLock::new() })
    }

    /// What no flow may exceed.
    pub fn ceiling(&self) -> &Limits {
        &self.ceiling
    }

    /// Why compiled components are not kept, where they are not.
    pub fn cache_refusal(&self) -> Option<&str> {
        self.cache.refusal()
    }

    /// What tells this engine's compiled code from another's: its version and settings, in hex. Replay warns where it
    /// differs, for what hits a limit of the stack may differ with it.
    pub fn compatibility(&self) -> String {
        self.cache.compatibility()
    }

    /// The linker for a component; WASI is linked only once something needs it.
    pub(crate) fn linker(&self, wasi_too: bool) -> wasmtime::Result<&Linker<FlowState>> {
        if !wasi_too {
            return Ok(&self.plain);
        }
        if let Some(linker) = self.with_wasi.get() {
            return Ok(linker);
        }
        let mut linker = contract(&self.engine)?;
        wasi::add_to_linker(&mut linker)?;
        Ok(self.with_wasi.get_or_init(|| linker))
    }
}

fn contract(engine: &Engine) -> wasmtime::Result<Linker<FlowState>> {
    let mut linker = Linker::new(engine);
    World::add_to_linker::<_, HasSelf<FlowState>>(&mut linker, |state| state)?;
    Ok(linker)
}

fn settings(config: &SandboxConfig) -> Config {
    let mut c = Config::new();
    // Fibers under synchronous WIT functions: with the component model's own concurrency off, a call to the host costs a half to a fifth.
    c.concurrency_support(false);
    // Determinism: the same component and the same replies give the same calls, on every machine.
    c.consume_fuel(true);
    let mut cost = OperatorCost::new();
    cost.variable.memory_grow_per_page = FUEL_PER_PAGE;
    c.operator_cost(cost);
    c.cranelift_nan_canonicalization(true);
    c.wasm_relaxed_simd(false);
    // Frames of the guest in error messages are for the flow's author; names suffice.
    c.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16));
    let stack = usize::try_from(config.ceiling.stack).unwrap_or(usize::MAX).clamp(64 << 10, 64 << 20);
    c.max_wasm_stack(stack);
    // Host functions run on the same fiber, below the guest.
    c.async_stack_size(stack.saturating_add(1536 << 10));
    if let Allocation::Pool(slots) = config.allocation {
        c.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(slots, &config.ceiling)));
    }
    c
}

fn pool(slots: u32, ceiling: &Limits) -> PoolingAllocationConfig {
    let mut p = PoolingAllocationConfig::new();
    let size = usize::try_from(ceiling.memory).unwrap_or(usize::MAX);
    p.max_memory_size(size.next_multiple_of(64 << 10));
    p.table_elements(usize::try_from(ceiling.table_elements).unwrap_or(usize::MAX).min(1 << 20));
    // How many a flow may have is said by its limits, in words that name them; the pool's own bounds would come first, and
    // refuse what runs without a pool. 100 is what WebAssembly's own rules allow a module.
    p.max_core_instances_per_component(u32::MAX);
    p.max_memories_per_component(u32::MAX);
    p.max_tables_per_component(u32::MAX);
    p.max_memories_per_module(100);
    p.max_tables_per_module(100);
    // A flow has two or three core instances (its module and the encoder's shims) and one memory; what needs more shares.
    // A single flow at its limits must fit, however few the slots.
    let least = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    p.total_component_instances(slots);
    p.total_core_instances(slots.saturating_mul(4).max(least(ceiling.instances)));
    p.total_memories(slots.max(least(ceiling.memories)));
    p.total_tables(slots.saturating_mul(3).max(least(ceiling.tables)));
    p.total_stacks(slots);
    p.max_component_instance_size(16 << 20);
    p.max_core_instance_size(16 << 20);
    p.linear_memory_keep_resident(KEEP_RESIDENT);
    p.table_keep_resident(16 << 10);
    p
}
