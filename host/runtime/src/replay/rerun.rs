//! One episode once more: which build it is, under which limits, and what came of it.

use super::{
    Difference,
    door::{RecordDoor, Seen},
};
use crate::{
    declared::ProtocolFlow,
    history::{Chapter, Known, RecordError},
    instance::{Declared, Entry, Past, PastError, Program, outcome},
    orchestrator::limits_of,
};
use parking_lot::Mutex;
use std::{path::PathBuf, sync::Arc};
use valence_door::{Divergence, Stop};
use valence_journal::{Block, ComponentDigest, Store};
use valence_sandbox::{Allocation, Context, Digest, Ending, Finished, Gauge, Limit, Limits, Sandbox, SandboxConfig};

/// The bytes of a flow, a component or a declared one in its stored form, and of its drivers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Build {
    /// The flow.
    pub flow: Vec<u8>,
    /// Its drivers; those that it does not import are no part of it.
    pub drivers: Vec<Vec<u8>>,
}

impl Build {
    /// The digests of the build that an episode ran, the flow's first: the last one, where it was given another meanwhile.
    ///
    /// # Errors
    /// [`RecordError::Past`] where the record cannot be read.
    pub fn digests(blocks: &Arc<Vec<Block>>) -> Result<Vec<ComponentDigest>, RecordError> {
        let past = Past::read(blocks.clone())?;
        let of = |bytes: &[u8]| <ComponentDigest>::try_from(bytes).map_err(|_| PastError::NoHeader);
        let mut digests = vec![of(past.flow())?];
        for driver in &past.header.drivers {
            digests.push(of(driver)?);
        }
        Ok(digests)
    }

    /// The build that an episode ran, from the store.
    ///
    /// # Errors
    /// [`RecordError::NoComponent`] where it is not kept any more.
    pub fn of(store: &dyn Store, chapter: &Chapter) -> Result<Build, RecordError> {
        let mut bytes = Vec::new();
        for digest in Build::digests(&chapter.blocks)? {
            let none = || RecordError::NoComponent(Digest(digest).to_string());
            bytes.push(store.component(&digest)?.ok_or_else(none)?);
        }
        let mut bytes = bytes.into_iter();
        Ok(Build { flow: bytes.next().unwrap_or_default(), drivers: bytes.collect() })
    }
}

/// An end, as an episode's last entry says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// `done`, `continue`, `failed`, `trapped`, `cancelled`; of a flow that was stopped, by what.
    pub outcome: String,
    /// The flow's words, or the state that it left.
    pub value: Vec<u8>,
    /// Instructions.
    pub fuel: u64,
}

/// What came of a replay.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The same calls, and the same end.
    Same(Ended),
    /// The same calls, up to where the record stands: the flow has not ended there.
    Open,
    /// Another call.
    Differs(Box<Difference>),
    /// The same calls, and another end.
    OtherEnd {
        /// On record.
        recorded: Ended,
        /// Now.
        now: Ended,
    },
    /// The same calls and the same end, with other fuel, under the same engine.
    OtherFuel {
        /// On record.
        recorded: u64,
        /// Now.
        now: u64,
    },
}

impl Verdict {
    /// Whether it is as on record.
    pub fn is_same(&self) -> bool {
        matches!(self, Verdict::Same(_) | Verdict::Open)
    }
}

/// An episode once more.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// Which.
    pub episode: u32,
    /// Calls that were the same.
    pub calls: u64,
    /// What came of it.
    pub verdict: Verdict,
    /// Whether it was the build on record.
    pub same_build: bool,
    /// Whether it was the engine on record; under another one fuel is not compared.
    pub same_engine: bool,
}

/// Runs episodes once more. It keeps what it loaded last, for episodes mostly run the same.
pub struct Replayer {
    cache: Option<PathBuf>,
    sandbox: Option<(Limits, Arc<Sandbox>)>,
    loaded: Option<(Build, Program)>,
}

impl Replayer {
    /// `cache` is where compiled components are kept; none compiles every time.
    pub fn new(cache: Option<PathBuf>) -> Replayer {
        Replayer { cache, sandbox: None, loaded: None }
    }

    /// Runs an episode once more with this build.
    ///
    /// # Errors
    /// [`RecordError`] where the record cannot be read, or the build is no flow. What differs is no error.
    pub async fn replay(&mut self, chapter: &Chapter, build: &Build) -> Result<Replayed, RecordError> {
        let past = Past::read(chapter.blocks.clone())?;
        let limits = limits_of(&past);
        let sandbox = self.sandbox(&limits)?;
        let program = self.program(&sandbox, build).await?;
        let same_build = program.components() == Build::digests(&chapter.blocks)?;
        let same_engine = past.header.engine == sandbox.compatibility();
        let recorded = past.end.clone().map(|(outcome, value, fuel)| Ended { outcome, value, fuel });
        let end_at = past.length.saturating_sub(1);
        // Whoever cancelled it did so at any place.
        let over = recorded.as_ref().filter(|end| end.outcome != "cancelled").map(|_| end_at);
        let context = Context {
            instance: past.header.instance.clone(),
            episode: past.header.episode,
            params: past.header.params.clone(),
            roles: past.header.roles.clone(),
            state: past.header.state.as_ref().map(|state| state.to_vec()),
        };
        let (seen, now) = (Arc::new(Mutex::new(Seen::default())), past.began);
        let past = Arc::new(Mutex::new(past));
        let door = RecordDoor { past: past.clone(), seen: seen.clone(), now, over };
        // The deadline is about live time.
        let gauge = Gauge::default();
        gauge.replaying(true);
        let finished = program.attempt(context, Box::new(door), &limits, &gauge).await;
        let left = past.lock().left_over();
        let seen = seen.lock();
        let verdict = match judge(finished, seen.at_the_end, recorded, left, same_build && same_engine) {
            Ok(verdict) => verdict,
            Err((divergence, ended)) => {
                let known = known(chapter, divergence.entry);
                Verdict::Differs(Box::new(Difference::new(&divergence, ended, &known)))
            }
        };
        Ok(Replayed { episode: chapter.episode, calls: seen.calls, verdict, same_build, same_engine })
    }

    /// A sandbox in which this may run: what was within the limits of its host is within those of a replay.
    fn sandbox(&mut self, limits: &Limits) -> Result<Arc<Sandbox>, RecordError> {
        let mut ceiling = Limits::default();
        for &limit in Limits::ALL {
            let most = ceiling.get(limit).max(limits.get(limit));
            ceiling.set(limit, if limit == Limit::stack { limits.stack } else { most });
        }
        if let Some((known, sandbox)) = &self.sandbox
            && *known == ceiling
        {
            return Ok(sandbox.clone());
        }
        ceiling.check().map_err(valence_sandbox::LoadError::from)?;
        let config =
            SandboxConfig { allocation: Allocation::OnDemand, ceiling: ceiling.clone(), cache: self.cache.clone() };
        let sandbox = Arc::new(Sandbox::new(config)?);
        self.loaded = None;
        self.sandbox = Some((ceiling, sandbox.clone()));
        Ok(sandbox)
    }

    async fn program(&mut self, sandbox: &Sandbox, build: &Build) -> Result<Program, RecordError> {
        if let Some((known, program)) = &self.loaded
            && known == build
        {
            return Ok(program.clone());
        }
        let program = if ProtocolFlow::is_stored(&build.flow) {
            let flow = ProtocolFlow::from_bytes(&build.flow)?;
            let (descriptor, digest) = (flow.descriptor(), Digest::of(&build.flow));
            Program::Declared(Arc::new(Declared { flow, descriptor, digest }))
        } else {
            let loaded = sandbox.load(&build.flow, &build.drivers, sandbox.ceiling()).await?;
            Program::Component(Arc::new(loaded))
        };
        self.loaded = Some((build.clone(), program.clone()));
        Ok(program)
    }
}

/// What an attempt comes to; or the call that differs, with how the flow ended instead.
fn judge(
    finished: Finished,
    at_the_end: bool,
    recorded: Option<Ended>,
    left: Result<(), Stop>,
    same_fuel: bool,
) -> Result<Verdict, (Box<Divergence>, Option<String>)> {
    let now = match &finished.ending {
        Ending::Stopped(Stop::Diverged(divergence)) => return Err((divergence.clone(), None)),
        Ending::Stopped(Stop::Suspended) if at_the_end => {
            return Ok(recorded.map_or(Verdict::Open, Verdict::Same));
        }
        Ending::Continue(state) => state.clone(),
        other => other.to_string().into_bytes(),
    };
    if let Err(Stop::Diverged(divergence)) = left {
        return Err((divergence, Some(finished.ending.to_string())));
    }
    let now = Ended { outcome: outcome(&finished.ending).to_owned(), value: now, fuel: finished.fuel };
    Ok(match recorded {
        // A limit stopped it there, or its host died before the end was on record.
        None => Verdict::Open,
        // That could have come at any place, also after the last call.
        Some(recorded) if recorded.outcome == "cancelled" => Verdict::Same(recorded),
        Some(recorded) if (&recorded.outcome, &recorded.value) != (&now.outcome, &now.value) => {
            Verdict::OtherEnd { recorded, now }
        }
        Some(recorded) if same_fuel && recorded.fuel != now.fuel => {
            Verdict::OtherFuel { recorded: recorded.fuel, now: now.fuel }
        }
        Some(recorded) => Verdict::Same(recorded),
    })
}

/// What the record says of names before an entry.
fn known(chapter: &Chapter, entry: u64) -> Known {
    let mut known = Known::new(&std::collections::BTreeMap::new());
    for block in chapter.blocks.iter().take_while(|block| block.seq() <= entry) {
        if let Ok(entry) = block.body::<Entry>() {
            known.learn(&entry);
        }
    }
    known
}
