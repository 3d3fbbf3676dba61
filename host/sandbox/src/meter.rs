//! Counting what a flow uses against its limits: memory, tables, calls. What runs out of fuel is
//! stopped by the engine, what runs out of time in `timed.rs`.

use crate::limits::{Limit, Limits};
use valence_door::Stop;

/// Carries a [`Stop`] through wasmtime as the error that ends a guest.
#[derive(Debug)]
pub(crate) struct Stopped(pub Stop);

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Stopped {}

impl Stopped {
    pub(crate) fn error(stop: Stop) -> wasmtime::Error {
        wasmtime::Error::from(Stopped(stop))
    }
}

/// How often a flow called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// All calls to the host.
    pub calls: u64,
    /// Waits.
    pub waits: u64,
    /// Proposals.
    pub proposals: u64,
    /// Bytes of log lines.
    pub log_bytes: u64,
}

/// What one instance has used.
pub(crate) struct Meter {
    pub limits: Limits,
    pub counts: CallCounts,
    memory: u64,
    /// The most memory it ever had, in bytes.
    pub memory_peak: u64,
    table_elements: u64,
    /// Whether the growth that was asked for last is one that the module's own declaration forbids.
    forbidden_by_module: bool,
}

impl Meter {
    pub(crate) fn new(limits: Limits) -> Self {
        Meter {
            limits,
            counts: CallCounts::default(),
            memory: 0,
            memory_peak: 0,
            table_elements: 0,
            forbidden_by_module: false,
        }
    }

    /// Ends the guest because of this limit.
    pub(crate) fn hit(&self, limit: Limit) -> wasmtime::Error {
        Stopped::error(Stop::Limit(self.limits.hit(limit)))
    }

    /// Adds `by` to a count, and ends the guest where that is over the limit.
    pub(crate) fn count(
        &mut self,
        limit: Limit,
        which: fn(&mut CallCounts) -> &mut u64,
        by: u64,
    ) -> wasmtime::Result<()> {
        let most = self.limits.get(limit);
        let count = which(&mut self.counts);
        *count = count.saturating_add(by);
        if *count > most { Err(self.hit(limit)) } else { Ok(()) }
    }
}

impl Meter {
    /// A growth that we allowed and the machine did not give is the host's fault: a guest that saw it fail would go on
    /// differently than its replay.
    fn grow_failed(&self, what: &str, error: &wasmtime::Error) -> wasmtime::Result<()> {
        if self.forbidden_by_module {
            return Ok(());
        }
        Err(Stopped::error(Stop::Fault(format!("this machine could not give the flow {what}: {error}"))))
    }
}

fn wide(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn narrow(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

impl wasmtime::ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        // A module that asks for more than its own declared maximum is told no by WebAssembly's rules, not by ours.
        self.forbidden_by_module = maximum.is_some_and(|most| desired > most);
        if self.forbidden_by_module {
            return Ok(true);
        }
        let more = wide(desired.saturating_sub(current));
        let sum = self.memory.saturating_add(more);
        if sum > self.limits.memory {
            return Err(self.hit(Limit::memory));
        }
        self.memory = sum;
        self.memory_peak = self.memory_peak.max(sum);
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.forbidden_by_module = maximum.is_some_and(|most| desired > most);
        if self.forbidden_by_module {
            return Ok(true);
        }
        let more = wide(desired.saturating_sub(current));
        let sum = self.table_elements.saturating_add(more);
        if sum > self.limits.table_elements {
            return Err(self.hit(Limit::table_elements));
        }
        self.table_elements = sum;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.grow_failed("memory", &error)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.grow_failed("a table", &error)
    }

    fn instances(&self) -> usize {
        narrow(self.limits.instances)
    }

    fn tables(&self) -> usize {
        narrow(self.limits.tables)
    }

    fn memories(&self) -> usize {
        narrow(self.limits.memories)
    }
}
