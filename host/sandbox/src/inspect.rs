//! What a component is, read from its bytes before anything is compiled: a component at all, how much of everything,
//! what it imports and exports. Compiling hostile bytes is the expensive part, so what is too much is refused here.

use crate::{
    Digest,
    error::LoadError,
    limits::{Limit, Limits},
};
use wasmparser::{
    ComponentExternalKind, ComponentInstance, ComponentTypeRef, Encoding, Parser, Payload, Validator, WasmFeatures,
};

/// A component from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anatomy {
    /// Of its bytes.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// What it imports, by name.
    pub imports: Vec<String>,
    /// What it exports, by name.
    pub exports: Vec<String>,
    /// Core modules in it.
    pub modules: u64,
    /// Functions in all its modules.
    pub functions: u64,
    /// Globals in all its modules.
    pub globals: u64,
}

/// Core instances that a component can come to through components in components, before compiling gives up: a doubling at
/// each of 30 levels is a page of bytes and a billion instances.
const UNFOLDED_AT_MOST: u64 = 10_000;

/// Bytes of a page of linear memory.
const PAGE: u64 = 64 << 10;

/// What one component, module or nested component adds up to.
#[derive(Default)]
struct Frame {
    component: bool,
    /// Core instances that it makes itself.
    core_instances: u64,
    /// Component instances that it makes.
    instances: u64,
}

impl Frame {
    /// An upper bound of the core instances that one instance of this component makes, where `largest` bounds every
    /// component that ended before it. That covers all that it can instantiate, for a component reaches those inside it,
    /// and by alias its neighbours before it; one that is given to it would come later, and is refused.
    fn unfolds_to(&self, largest: u64) -> u64 {
        self.core_instances.saturating_add(self.instances.saturating_mul(largest))
    }
}

/// Reads a component's anatomy and checks it against the limits. Nothing is compiled.
///
/// # Errors
/// [`LoadError`] where it is not a component, is damaged, or has too much of something.
pub fn inspect(bytes: &[u8], limits: &Limits) -> Result<Anatomy, LoadError> {
    let size = wide(bytes.len());
    over(limits, Limit::component_size, size)?;
    if !bytes.starts_with(b"\0asm") {
        return Err(LoadError::NotWasm);
    }
    let mut a = Anatomy {
        digest: Digest::of(bytes),
        size,
        imports: Vec::new(),
        exports: Vec::new(),
        modules: 0,
        functions: 0,
        globals: 0,
    };
    let mut frames: Vec<Frame> = Vec::new();
    // The most that any component so far unfolds to.
    let mut largest = 0;
    let damaged =
        |e: wasmparser::BinaryReaderError| LoadError::Damaged(format!("{} at byte {}", e.message(), e.offset()));
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(damaged)? {
            Payload::Version { encoding, .. } => {
                if frames.is_empty() && encoding == Encoding::Module {
                    return Err(LoadError::CoreModule);
                }
                if encoding == Encoding::Module {
                    a.modules = a.modules.saturating_add(1);
                    over(limits, Limit::modules, a.modules)?;
                }
                frames.push(Frame { component: encoding == Encoding::Component, ..Frame::default() });
            }
            Payload::End(_) => {
                if let Some(done) = frames.pop()
                    && done.component
                {
                    largest = done.unfolds_to(largest).max(largest);
                    unfolds(largest)?;
                }
                if frames.is_empty() {
                    break;
                }
            }
            Payload::FunctionSection(s) => {
                a.functions = a.functions.saturating_add(s.count().into());
                over(limits, Limit::functions, a.functions)?;
            }
            Payload::GlobalSection(s) => {
                a.globals = a.globals.saturating_add(s.count().into());
                over(limits, Limit::globals, a.globals)?;
            }
            // What starts too large would be refused when it is instantiated; a pool would refuse it sooner, by another name.
            Payload::MemorySection(s) => {
                for memory in s {
                    let bytes = memory.map_err(damaged)?.initial.saturating_mul(PAGE);
                    over(limits, Limit::memory, bytes)?;
                }
            }
            Payload::TableSection(s) => {
                for table in s {
                    over(limits, Limit::table_elements, table.map_err(damaged)?.ty.initial)?;
                }
            }
            Payload::InstanceSection(s) => {
                if let Some(frame) = frames.last_mut() {
                    frame.core_instances = frame.core_instances.saturating_add(s.count().into());
                    over(limits, Limit::instances, frame.core_instances)?;
                }
            }
            Payload::ComponentInstanceSection(s) => {
                for instance in s {
                    if let (ComponentInstance::Instantiate { .. }, Some(frame)) =
                        (instance.map_err(damaged)?, frames.last_mut())
                    {
                        frame.instances = frame.instances.saturating_add(1);
                        unfolds(frame.unfolds_to(largest))?;
                    }
                }
            }
            Payload::ComponentImportSection(s) if frames.len() == 1 => {
                for import in s {
                    a.imports.push(import.map_err(damaged)?.name.name.to_owned());
                }
            }
            Payload::ComponentImportSection(s) => {
                for import in s {
                    let import = import.map_err(damaged)?;
                    if matches!(import.ty, ComponentTypeRef::Component(_)) {
                        let name = import.name.name;
                        return Err(LoadError::Unsupported(format!(
                            "a component inside it imports a component, `{name}`"
                        )));
                    }
                }
            }
            Payload::ComponentExportSection(s) if frames.len() == 1 => {
                for export in s {
                    let export = export.map_err(damaged)?;
                    if export.kind == ComponentExternalKind::Instance {
                        a.exports.push(export.name.name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(a)
}

/// Checks every byte by WebAssembly's rules. Slower than [`inspect`]: only for what is about to be compiled.
pub(crate) fn validate(bytes: &[u8]) -> Result<(), LoadError> {
    let features = WasmFeatures::WASM2
        | WasmFeatures::COMPONENT_MODEL
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::TAIL_CALL;
    Validator::new_with_features(features).validate_all(bytes).map(drop).map_err(|e| {
        // What is well-formed with every feature on is not damaged: this host just does not run it.
        match Validator::new_with_features(WasmFeatures::all()).validate_all(bytes) {
            Ok(_) => LoadError::Unsupported(format!("{} at byte {}", e.message(), e.offset())),
            Err(e) => LoadError::Damaged(format!("{} at byte {}", e.message(), e.offset())),
        }
    })
}

fn over(limits: &Limits, limit: Limit, given: u64) -> Result<(), LoadError> {
    let allowed = limits.get(limit);
    if given <= allowed {
        return Ok(());
    }
    Err(LoadError::OverLimit { limit: limit.name(), given, allowed, unit: limit.unit() })
}

fn unfolds(given: u64) -> Result<(), LoadError> {
    if given <= UNFOLDED_AT_MOST {
        return Ok(());
    }
    Err(LoadError::Unsupported(format!(
        "components in components that come to {given} core instances, more than the {UNFOLDED_AT_MOST} that this host compiles"
    )))
}

fn wide(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
