//! What operators do to an instance: cancel, pause, resume, retry, upgrade. Each is an entry of the instance's journal, and of
//! the host's.

use super::{HostEntry, Orchestrator, revive};
use crate::{
    error::RuntimeError,
    events::{Event, EventClass, EventKind, Position, Use},
    instance::{Command, Entry, Past, Resumed, RunReport},
};
use valence_door::{Bytes, Stop};
use valence_journal::{Change, HOST, Instance as Row, JournalId};
use valence_sandbox::{Digest, Ending, Limit, Limits};

/// Under what a paused instance goes on.
#[derive(Clone, Debug, Default)]
pub struct Resume {
    /// Limits that change.
    pub limits: Vec<(Limit, u64)>,
}

/// How an instance that failed or trapped goes on.
#[derive(Clone, Debug, Default)]
pub struct Retry {
    /// A build that does not fail there; it must make the same calls up to there.
    pub with: Option<Digest>,
}

impl Orchestrator {
    /// Ends an instance for ever. What has landed stays landed.
    ///
    /// # Errors
    /// Where there is none of this name, or it has ended.
    pub async fn cancel(&self, instance: &str, by: &str) -> Result<RunReport, RuntimeError> {
        let report = self.stop_it(instance, Command::Cancel(by.to_owned()), |_| {
            let end = Entry::End {
                outcome: "cancelled".to_owned(),
                value: Bytes::from(format!("{by} cancelled it").into_bytes()),
                fuel: 0,
            };
            let change = Change {
                state: Some("cancelled".to_owned()),
                detail: Some(String::new()),
                outcome: Some("cancelled".to_owned()),
                result: Some(format!("{by} cancelled it")),
                ended: Some(Some(crate::instance::millis())),
                waits: Some(None),
                ..Change::default()
            };
            (end, change)
        });
        let report = report.await?;
        self.note("cancel", &report.instance, by, String::new()).await?;
        Ok(report)
    }

    /// Stops an instance where it is, until it is resumed.
    ///
    /// # Errors
    /// Where there is none of this name, it has ended, or is paused already.
    pub async fn pause(&self, instance: &str, by: &str) -> Result<RunReport, RuntimeError> {
        if self.status(instance)?.state == "paused" {
            return Err(RuntimeError::State(instance.to_owned(), "is paused already".to_owned()));
        }
        let report = self.stop_it(instance, Command::Pause(by.to_owned()), |_| {
            let message = format!("{by} paused it");
            let entry = Entry::Paused { reason: "operator".to_owned(), message: message.clone(), by: by.to_owned() };
            let change = Change {
                state: Some("paused".to_owned()),
                detail: Some(format!("operator: {message}")),
                waits: Some(None),
                ..Change::default()
            };
            (entry, change)
        });
        let report = report.await?;
        self.note("pause", &report.instance, by, String::new()).await?;
        Ok(report)
    }

    /// Puts on the host's record what an operator did.
    pub(crate) async fn note(
        &self,
        action: &str,
        instance: &str,
        by: &str,
        detail: String,
    ) -> Result<(), RuntimeError> {
        let (action, instance, by) = (action.to_owned(), instance.to_owned(), by.to_owned());
        let kind = EventKind::AuditLog {
            actor: "user",
            action: action.clone(),
            about: instance.clone(),
            by: by.clone(),
            detail: detail.clone(),
        };
        let entry = HostEntry::Operator { action, instance, by, detail };
        let moment = self.shared.chain.moment();
        let number = self.shared.host.operator(moment, entry).await?;
        self.shared.bus.publish(of_host(moment, number, kind));
        Ok(())
    }

    /// Puts on the host's record that an instance is over.
    pub(super) async fn note_end(&self, report: &RunReport) {
        if !self.shared.persistent {
            // Nobody could exchange it.
            return;
        }
        let (moment, bus) = (self.shared.chain.moment(), self.shared.bus.clone());
        let kind = EventKind::AuditLog {
            actor: "system",
            action: "ended".to_owned(),
            about: report.instance.clone(),
            by: "host".to_owned(),
            detail: format!("{}, head {}", report.outcome(), report.head.map(|h| h.to_string()).unwrap_or_default()),
        };
        // Told where it is written, so that what is heard is on record.
        let told = bus.wants(EventClass::Audit).then_some(move |number| bus.publish(of_host(moment, number, kind)));
        // What cannot be written there is written in the instance's own journal; the next operator's wish meets the trouble.
        let _ = self.shared.host.ended(moment, report, told).await;
    }

    async fn stop_it(
        &self,
        instance: &str,
        command: Command,
        entry: impl Fn(&Row) -> (Entry, Change),
    ) -> Result<RunReport, RuntimeError> {
        // It may leave or enter memory while we look; each round sees one of the two.
        for _ in 0..16 {
            let row = self.status(instance)?;
            if row.ended.is_some() {
                return Err(RuntimeError::State(row.name, format!("has ended: {}", row.outcome)));
            }
            let end = self.shared.active.end_of(row.id);
            if self.shared.active.command(row.id, command.clone()) {
                match end.await {
                    // It came to another end in the same moment: look again.
                    Ok(report) if !matches!(report.ending, Ending::Stopped(Stop::Cancelled | Stop::Paused(_))) => {}
                    Ok(report) => return Ok(report),
                    Err(_) => {}
                }
                continue;
            }
            self.shared.watches.forget(row.id);
            if self.shared.active.contains(row.id) {
                continue;
            }
            let (entry, change) = entry(&row);
            let at = Position { instance: row.id, episode: row.episode, entry: row.entries };
            self.append(&row, vec![entry], change).await?;
            let row = self.status(instance)?;
            let report = revive::report_of(&row);
            self.shared.bus.publish(stopped(self.shared.chain.moment(), at, &row, &report));
            if report.is_over() {
                self.note_end(&report).await;
            }
            self.shared.active.ended(row.id, &report);
            return Ok(report);
        }
        Err(RuntimeError::State(instance.to_owned(), "moves too fast to be stopped; try again".to_owned()))
    }

    /// Has a paused instance go on, or one that a host left unfinished.
    ///
    /// # Errors
    /// Where there is none of this name, or it does not stand still; where a limit is above the host's ceiling.
    pub async fn resume(&self, instance: &str, how: &Resume, by: &str) -> Result<(), RuntimeError> {
        let row = self.status(instance)?;
        if row.ended.is_some() && row.state != "paused" {
            let hint =
                if row.state == "failed" { "; `valence retry` goes on before the place where it failed" } else { "" };
            return Err(RuntimeError::State(row.name, format!("has ended: {}{hint}", row.outcome)));
        }
        if row.state != "paused" {
            if self.shared.active.contains(row.id) {
                return Err(RuntimeError::State(row.name, format!("is {} already", row.state)));
            }
            self.go_on(&row);
            return Ok(());
        }
        let mut limits = Limits::default();
        how.limits.iter().for_each(|(limit, value)| limits.set(*limit, *value));
        limits.within(self.shared.programs.ceiling())?;
        let resumed = Resumed {
            by: by.to_owned(),
            limits: how.limits.iter().map(|(limit, value)| (limit.name().into(), *value)).collect(),
            tries: true,
            ..Resumed::default()
        };
        self.shared.replays.forgive(row.id);
        self.append(&row, vec![Entry::Resumed(Box::new(resumed))], pending()).await?;
        self.go_on(&self.status(instance)?);
        let limits = how.limits.iter().map(|(limit, value)| format!("{}={value}", limit.name()));
        self.note("resume", &row.name, by, limits.collect::<Vec<_>>().join(" ")).await
    }

    /// Has an instance that failed or trapped go on: what it was told up to its last effect stands, everything after that it
    /// asks anew.
    ///
    /// # Errors
    /// Where there is none of this name, or it has not failed.
    pub async fn retry(&self, instance: &str, how: &Retry, by: &str) -> Result<(), RuntimeError> {
        let row = self.status(instance)?;
        if !matches!(row.outcome.as_str(), "failed" | "trapped") && row.state != "paused" {
            let what = if row.outcome.is_empty() { &row.state } else { &row.outcome };
            return Err(RuntimeError::State(row.name, format!("has not failed: it is {what}")));
        }
        let loaded = self.shared.writer.store().load(JournalId { instance: row.id, episode: row.episode })?;
        if let Some(damage) = loaded.damage {
            return Err(RuntimeError::Damaged(row.name, damage.to_string()));
        }
        // Up to the last entry of an effect; an effect that is still open is kept too.
        let effects = loaded.blocks.iter().filter(|b| !matches!(b.kind(), "call" | "end" | "paused" | "resumed"));
        let keep = effects.map(|b| b.seq().saturating_add(1)).max();
        let past = Past::read(loaded.blocks)?;
        if let Some(with) = how.with {
            // The drivers stay: they are composed into the record.
            let drivers = past.header.drivers.iter().map(|driver| revive::digest(driver));
            let components = std::iter::once(Ok(with.0)).chain(drivers).collect::<Result<Vec<_>, _>>()?;
            self.shared.programs.of(&components).await?;
        }
        let resumed = Resumed {
            by: by.to_owned(),
            keep,
            flow: how.with.map(|digest| Bytes::from(digest.0.to_vec())),
            tries: true,
            ..Resumed::default()
        };
        let mut change = pending();
        change.components = how.with.map(|with| revive::with(&row.components, &[with.0]));
        self.shared.replays.forgive(row.id);
        self.append(&row, vec![Entry::Resumed(Box::new(resumed))], change).await?;
        self.go_on(&self.status(instance)?);
        let with = how.with.map(|digest| format!("with {digest}")).unwrap_or_default();
        self.note("retry", &row.name, by, with).await
    }

    /// Gives an instance another version for its next episode: the digests of its flow and drivers, the flow's first.
    ///
    /// # Errors
    /// Where there is none of this name, it has ended, or the version is not of the same flow.
    pub async fn upgrade(&self, instance: &str, version: &[Digest]) -> Result<(), RuntimeError> {
        let row = self.status(instance)?;
        if row.ended.is_some() {
            return Err(RuntimeError::State(row.name, format!("has ended: {}", row.outcome)));
        }
        let version: Vec<[u8; 32]> = version.iter().map(|digest| digest.0).collect();
        let program = self.shared.programs.of(&version).await?;
        if program.descriptor().id != row.flow {
            let other = program.descriptor().id.clone();
            return Err(RuntimeError::State(row.name, format!("runs flow `{}`, and this is `{other}`", row.flow)));
        }
        let change = Change { upgrade: Some(version), ..Change::default() };
        self.change(&row, change).await
    }

    pub(super) async fn change(&self, row: &Row, change: Change) -> Result<(), RuntimeError> {
        let write = valence_journal::Write {
            journal: JournalId { instance: row.id, episode: row.episode },
            at: crate::instance::millis(),
            change: Some(Box::new(change)),
            durable: true,
            ..valence_journal::Write::default()
        };
        Ok(self.shared.writer.write(write).await?)
    }

    /// Brings an instance back beside this task; one that waits looks again where it stands.
    pub(crate) fn go_on(&self, row: &Row) {
        self.shared.watches.forget(row.id);
        self.revive_beside(row.id, None);
    }
}

/// The event of the entry that stopped an instance that was not in memory.
fn stopped(moment: valence_chain::Moment, at: Position, row: &Row, report: &RunReport) -> Event {
    let head = report.head.map(|head| head.to_string()).unwrap_or_default();
    let used = Use { entries: report.entries, head, ..Use::default() };
    let (outcome, result) = (report.outcome(), report.ending.to_string());
    let kind = if report.is_over() {
        EventKind::FlowCompleted { success: false, outcome, result, used }
    } else {
        EventKind::FlowPaused { outcome, result, used }
    };
    let (instance, flow) = (Some(row.name.clone()), Some(row.flow.as_str().into()));
    Event { instance, flow, at: Some(at), slot: moment.slot, time: moment.unix_time, kind }
}

/// The event of an entry of the host's own journal.
fn of_host(moment: valence_chain::Moment, entry: u64, kind: EventKind) -> Event {
    let at = Some(Position { instance: HOST.instance, episode: HOST.episode, entry });
    Event { instance: None, flow: None, at, slot: moment.slot, time: moment.unix_time, kind }
}

/// It is about to go on.
fn pending() -> Change {
    Change {
        state: Some("pending".to_owned()),
        detail: Some(String::new()),
        outcome: Some(String::new()),
        result: Some(String::new()),
        ended: Some(None),
        ..Change::default()
    }
}
