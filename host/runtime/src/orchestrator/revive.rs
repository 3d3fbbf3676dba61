//! An instance from the store back into memory: its row, the record of its episode, its program.

use super::Orchestrator;
use crate::{
    error::RuntimeError,
    inputs::Checked,
    instance::{EPISODE_DELAY, Entry, Instance, Live, Past, RunReport},
    watches::{Running, Woken},
};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use valence_door::Stop;
use valence_journal::{Change, Cid, ComponentDigest, Instance as Row, Journal, JournalId, Resume, Stamp};
use valence_sandbox::{Ending, FlowError, Limits};

impl Orchestrator {
    /// Brings an instance back and keeps it until it ends, stops or leaves again. What stands in the way pauses it.
    pub(crate) async fn revive(&self, number: u64, woken: Option<Woken>, running: Running) {
        let Some(stay) = self.shared.active.enter(number, woken.as_ref()) else { return };
        match self.load(number).await {
            Ok(Some(mut live)) => {
                live.woken = woken;
                self.keep(live, stay, running).await;
                return;
            }
            // It is over, or paused.
            Ok(None) => {}
            Err(error) => self.set_aside(number, &error).await,
        }
        self.leave(&stay);
    }

    /// An instance as the store has it; none where it is not to run.
    pub(crate) async fn load(&self, number: u64) -> Result<Option<Live>, RuntimeError> {
        let shared = &self.shared;
        let Some((row, loaded)) = shared.writer.store().current(number)? else { return Ok(None) };
        if row.ended.is_some() || row.state == "paused" {
            return Ok(None);
        }
        if let Some(damage) = loaded.damage {
            return Err(RuntimeError::Damaged(row.name, damage.to_string()));
        }
        let head = loaded.blocks.last().map(valence_journal::Block::cid);
        let past = Past::read(loaded.blocks)?;
        self.take_up(row, past, head).await.map(Some)
    }

    async fn take_up(&self, row: Row, past: Past, head: Option<Cid>) -> Result<Live, RuntimeError> {
        let shared = &self.shared;
        let header = &past.header;
        let mut components = vec![digest(past.flow())?];
        for driver in &header.drivers {
            components.push(digest(driver)?);
        }
        let program = shared.programs.of(&components).await?;
        let mut names = shared.names.clone();
        for (role, key) in &header.roles {
            names.add_role((*key).into(), role);
        }
        let instance = Arc::new(Instance {
            shared: shared.clone(),
            number: row.id,
            name: row.name.clone(),
            flow: row.flow.as_str().into(),
            roles: header.roles.iter().map(|(name, key)| (name.clone(), (*key).into())).collect(),
            names: Mutex::new(names),
            waits: Mutex::default(),
        });
        if header.engine != shared.engine && shared.bus.heard() {
            let message = "it was begun by another build of the engine: only a call that differs would matter";
            let kind = crate::events::EventKind::Warning { message: message.to_owned() };
            shared.bus.publish(instance.event(kind));
        }
        let inputs = Checked { params: header.params.clone(), roles: header.roles.clone() };
        let mut live = Live::new(instance, program, inputs, limits(&past));
        live.crashes = row.crashes;
        live.episode = row.episode;
        live.state = header.state.as_ref().map(|state| state.to_vec());
        live.before = header.before.as_ref().and_then(|before| before.parse().ok());
        match &past.end {
            // The next episode was about to begin.
            Some((outcome, left, _)) if outcome == "continue" => {
                live.rest_until = (!past.waited).then(|| past.ended_in.saturating_add(EPISODE_DELAY));
                live.state = Some(left.clone());
                live.before = head;
                live.episode = row.episode.saturating_add(1);
                if !row.upgrade.is_empty() {
                    let new = shared.programs.of(&row.upgrade).await?;
                    live.named = Some(with(&row.components, &row.upgrade));
                    live.trial = Some(std::mem::replace(&mut live.program, new));
                }
            }
            _ => live.past = Some((past, head)),
        }
        Ok(live)
    }

    /// Pauses an instance that cannot be brought back, and says why.
    async fn set_aside(&self, number: u64, error: &RuntimeError) {
        let shared = &self.shared;
        let trouble = matches!(error, RuntimeError::Store(_));
        let row = shared.writer.store().instance(number).ok().flatten();
        let row = row.unwrap_or_else(|| Row { id: number, ..Row::default() });
        let change = Change {
            state: Some(if trouble { "pending" } else { "paused" }.to_owned()),
            detail: Some(error.to_string()),
            waits: Some(None),
            ..Change::default()
        };
        // Where even that cannot be written, the next start meets it again.
        let _ = self.change(&row, change).await;
        let mut report = report_of(&row);
        report.ending = Ending::Stopped(Stop::Fault(error.to_string()));
        let message = format!("{}: {error}", row.name);
        let moment = shared.chain.moment();
        shared.bus.publish(crate::events::Event {
            instance: Some(row.name),
            flow: Some(row.flow.into()),
            at: None,
            slot: moment.slot,
            time: moment.unix_time,
            kind: crate::events::EventKind::Error { message },
        });
        shared.active.ended(number, &report);
    }

    /// Puts entries at the end of the journal of an instance that is not in memory, with a change of its row.
    pub(super) async fn append(&self, row: &Row, entries: Vec<Entry>, change: Change) -> Result<Cid, RuntimeError> {
        let shared = &self.shared;
        let id = JournalId { instance: row.id, episode: row.episode };
        let mut journal =
            Journal::resume(&shared.writer, id, Resume { entries: row.entries, head: row.head, weight: 0 });
        let moment = shared.chain.moment();
        for entry in entries {
            journal.append(Stamp { slot: moment.slot, time: moment.unix_time }, entry)?;
        }
        journal.change(change);
        journal.barrier().await?;
        journal.head().ok_or_else(|| RuntimeError::NoInstance(row.name.clone()))
    }
}

pub(super) fn digest(bytes: &[u8]) -> Result<[u8; 32], RuntimeError> {
    bytes.try_into().map_err(|_| RuntimeError::NoComponent("a digest that is not 32 bytes".to_owned()))
}

/// All components that an instance's journals name, and these.
pub(crate) fn with(named: &[ComponentDigest], more: &[ComponentDigest]) -> Vec<ComponentDigest> {
    let new = more.iter().filter(|digest| !named.contains(digest));
    named.iter().chain(new).copied().collect()
}

/// The limits that were given, as they were changed since.
pub(crate) fn limits(past: &Past) -> Limits {
    let mut limits = Limits::default();
    let changed = past.resumed.iter().flat_map(|r| &r.limits);
    for (name, value) in past.header.limits.iter().chain(changed) {
        if let Some(limit) = Limits::ALL.iter().find(|l| l.name() == name) {
            limits.set(*limit, *value);
        }
    }
    limits
}

/// A report from a row: what is known of an instance that is not in memory.
pub(super) fn report_of(row: &Row) -> RunReport {
    let other = |code: &str| FlowError::Other { code: code.to_owned(), message: row.result.clone() };
    let ending = match row.outcome.as_str() {
        "done" => Ending::Done(row.result.clone()),
        "failed" => Ending::Failed(other("failed")),
        "trapped" => Ending::Trapped(row.result.clone()),
        "cancelled" => Ending::Stopped(Stop::Cancelled),
        _ => Ending::Stopped(Stop::Paused(row.detail.clone())),
    };
    RunReport {
        instance: row.name.clone(),
        ending,
        fuel: 0,
        memory: 0,
        running: Duration::ZERO,
        duration: Duration::ZERO,
        episodes: row.episode.saturating_add(1),
        entries: row.entries,
        head: row.head,
    }
}
