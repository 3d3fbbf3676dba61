//! An instance in memory: what it runs, with what, and where in its episodes it is. One attempt is in `attempt.rs`, what an
//! ending means in `close.rs`.

use super::{Command, Header, Instance, Past, Program, attempt::Attempted, close::Next, report::RunReport};
use crate::{inputs::Checked, watches::Woken};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;
use valence_door::{Bytes, Key, Stop};
use valence_journal::{Cid, ComponentDigest};
use valence_sandbox::{Ending, Limits};

/// An instance in memory.
pub(crate) struct Live {
    pub instance: Arc<Instance>,
    pub program: Program,
    pub inputs: Checked,
    pub limits: Limits,
    pub episode: u32,
    /// The head of the episode before.
    pub before: Option<Cid>,
    /// What the episode before left.
    pub state: Option<Vec<u8>>,
    /// The record of this episode; none where it has not begun.
    pub past: Option<(Past, Option<Cid>)>,
    /// What woke it out of memory.
    pub woken: Option<Woken>,
    /// Whether its row is still to be written.
    pub new: bool,
    /// The version before this one, while it is not known whether this one takes the state.
    pub trial: Option<Program>,
    /// All components that its journals name, where that changes with the next episode.
    pub named: Option<Vec<ComponentDigest>>,
    /// The slot before which the next episode does not begin.
    pub rest_until: Option<u64>,
    /// The slot in which the last attempt ended.
    pub ended_in: u64,
    /// Attempts without a new entry, before this one.
    pub crashes: u32,
    pub begun: Instant,
    pub report: RunReport,
    /// Fuel of the episodes before this one.
    pub fuel_before: u64,
}

/// Where an instance is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// It ended, or stopped: the report says how.
    Here,
    /// It waits, out of memory.
    Parked,
}

impl Live {
    pub(crate) fn new(instance: Arc<Instance>, program: Program, inputs: Checked, limits: Limits) -> Live {
        let report = RunReport {
            instance: instance.name.clone(),
            ending: Ending::Stopped(Stop::Suspended),
            fuel: 0,
            memory: 0,
            running: Duration::ZERO,
            duration: Duration::ZERO,
            episodes: 0,
            entries: 0,
            head: None,
        };
        Live {
            instance,
            program,
            inputs,
            limits,
            episode: 0,
            before: None,
            state: None,
            past: None,
            woken: None,
            new: false,
            trial: None,
            named: None,
            rest_until: None,
            ended_in: 0,
            crashes: 0,
            begun: Instant::now(),
            report,
            fuel_before: 0,
        }
    }

    /// Runs it until it ends, stops or leaves memory.
    pub(crate) async fn drive(&mut self, commands: &mut watch::Receiver<Command>) -> Left {
        let shared = self.instance.shared.clone();
        loop {
            if let Some(stop) = self.rest(commands).await {
                // Its episode is over and the next has not begun: there is no journal to say so in but the row.
                self.report.ending = Ending::Stopped(stop);
                self.interrupted().await;
                return Left::Here;
            }
            let turn = shared.turns.take(&self.instance.flow).await;
            let (finished, journal) = match self.attempt(turn, commands).await {
                Attempted::Parked => return Left::Parked,
                Attempted::Ended(finished, journal) => (finished, journal),
            };
            match self.close(finished, journal).await {
                Next::Episode => {}
                Next::Leave => {
                    self.report.duration = self.begun.elapsed();
                    return Left::Here;
                }
            }
        }
    }

    /// All that a replay of this episode depends on.
    pub(super) fn header(&self) -> Header {
        let shared = &self.instance.shared;
        Header {
            instance: self.instance.name.clone(),
            episode: self.episode,
            id: self.program.descriptor().id.clone(),
            flow: Bytes::from(self.program.digest().0.to_vec()),
            drivers: self.program.drivers().iter().map(|d| Bytes::from(d.digest.0.to_vec())).collect(),
            genesis: Key(shared.chain.genesis_hash().to_bytes()),
            engine: shared.engine.clone(),
            limits: Limits::ALL.iter().map(|l| (l.name().into(), self.limits.get(*l))).collect(),
            params: self.inputs.params.clone(),
            roles: self.inputs.roles.clone(),
            state: self.state.clone().map(Bytes::from),
            before: self.before.map(|head| head.to_string()),
        }
    }
}
