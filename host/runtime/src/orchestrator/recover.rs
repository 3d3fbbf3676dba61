//! All unfinished instances of a chain, when a host starts: those that wait are indexed again, those that were running go on,
//! and one in whose company the host died three times without a new entry is set aside.

use super::Orchestrator;
use crate::{
    error::RuntimeError,
    events::{Event, EventKind, Position, Use},
    watches::Waits,
};
use valence_journal::{Change, Instance as Row, InstanceFilter};

/// Attempts that may end with the process before an instance is set aside.
const CRASHES: u32 = 3;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Instances that wait.
    pub waiting: u64,
    /// Instances that go on at once.
    pub resumed: u64,
    /// Instances that were set aside, by name.
    pub quarantined: Vec<String>,
}

impl Orchestrator {
    /// Takes up what the host before has left.
    pub(crate) async fn recover(&self) -> Result<Recovered, RuntimeError> {
        let shared = &self.shared;
        let store = shared.writer.store();
        let mut recovered = Recovered::default();
        for number in &shared.crashed {
            let Some(row) = store.instance(*number)? else { continue };
            if row.ended.is_some() || row.chain != shared.home {
                continue;
            }
            if let Some(name) = self.count_crash(&row).await? {
                recovered.quarantined.push(name);
            }
        }
        // Virtual time stands still until all are there.
        let _running = shared.watches.run();
        let (mut waits, mut unknown) = (Vec::new(), Vec::new());
        store.waiting(&shared.home, &mut |number, bytes| {
            match Waits::from_bytes(bytes) {
                Ok(wait) => waits.push((number, wait)),
                // Its journal says the same: the replay comes to the wait again.
                Err(_) => unknown.push(number),
            }
        })?;
        recovered.waiting = u64::try_from(waits.len()).unwrap_or(u64::MAX);
        shared.watches.restore(waits);
        unknown.into_iter().for_each(|number| self.revive_beside(number, None));
        let states = ["pending", "running", "waiting-for-signature"].map(str::to_owned).to_vec();
        let mut filter = InstanceFilter {
            states,
            chain: Some(shared.home.clone()),
            ended: Some(false),
            ..InstanceFilter::default()
        };
        filter.limit = 1000;
        loop {
            let page = store.instances(&filter)?;
            let Some(last) = page.last() else { break };
            filter.after = last.id;
            for row in page {
                if !shared.active.contains(row.id) {
                    recovered.resumed = recovered.resumed.saturating_add(1);
                    self.revive_beside(row.id, None);
                }
            }
        }
        Ok(recovered)
    }

    /// Counts a crash; the name of the instance if that was one too many.
    async fn count_crash(&self, row: &Row) -> Result<Option<String>, RuntimeError> {
        let crashes = row.crashes.saturating_add(1);
        if crashes < CRASHES {
            self.change(row, Change { crashes: Some(crashes), ..Change::default() }).await?;
            return Ok(None);
        }
        let message = format!(
            "the host ended {crashes} times while this instance ran, without a new entry; `valence resume {}` tries once more",
            row.name
        );
        let paused = crate::instance::Entry::Paused {
            reason: "quarantine".to_owned(),
            message: message.clone(),
            by: String::new(),
        };
        let change = Change {
            state: Some("paused".to_owned()),
            detail: Some(format!("quarantine: {message}")),
            crashes: Some(0),
            waits: Some(None),
            ..Change::default()
        };
        let head = self.append(row, vec![paused], change).await?;
        let used = Use { entries: row.entries.saturating_add(1), head: head.to_string(), ..Use::default() };
        let moment = self.shared.chain.moment();
        self.shared.bus.publish(Event {
            instance: Some(row.name.clone()),
            flow: Some(row.flow.as_str().into()),
            at: Some(Position { instance: row.id, episode: row.episode, entry: row.entries }),
            slot: moment.slot,
            time: moment.unix_time,
            kind: EventKind::FlowPaused { outcome: "quarantine", result: message, used },
        });
        Ok(Some(row.name.clone()))
    }
}
