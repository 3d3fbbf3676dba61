//! The instances in memory, by number: where commands reach them, and who waits for their ends.

use crate::{
    instance::{Command, RunReport},
    watches::Woken,
};
use parking_lot::Mutex;
use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};
use tokio::{
    sync::{oneshot, watch},
    task::JoinSet,
};

/// The longest delay after a trouble of the machine's.
const LONGEST: Duration = Duration::from_secs(60);

/// The instances in memory.
#[derive(Default)]
pub(crate) struct Active {
    there: Mutex<HashMap<u64, Here>>,
    ends: Mutex<HashMap<u64, Vec<oneshot::Sender<RunReport>>>>,
    /// Troubles in a row.
    faults: Mutex<HashMap<u64, u32>>,
    /// The host stops: what it told all is told to those too who come yet.
    stopping: Mutex<Option<Command>>,
    /// What runs beside whoever asked for it.
    tasks: Mutex<JoinSet<()>>,
}

struct Here {
    sender: watch::Sender<Command>,
    /// It is to come back as soon as it has left, and what woke it.
    again: Option<Option<Woken>>,
}

/// An instance that is in memory.
pub(crate) struct Stay {
    pub instance: u64,
    pub commands: watch::Receiver<Command>,
}

impl Active {
    /// An instance comes into memory. None where it is there already, for nobody is there twice; then it comes back when it
    /// leaves, for whoever asks knows that it is about to.
    pub(crate) fn enter(&self, instance: u64, woken: Option<&Woken>) -> Option<Stay> {
        let mut there = self.there.lock();
        let vacant = match there.entry(instance) {
            Entry::Vacant(vacant) => vacant,
            Entry::Occupied(mut here) => {
                here.get_mut().again = Some(woken.cloned());
                return None;
            }
        };
        let (sender, commands) = watch::channel(Command::None);
        if let Some(command) = &*self.stopping.lock() {
            // It is there to receive it.
            let _ = sender.send(command.clone());
        }
        vacant.insert(Here { sender, again: None });
        Some(Stay { instance, commands })
    }

    /// It leaves: whether it is to come back at once, and what woke it.
    pub(crate) fn leave(&self, stay: &Stay) -> Option<Option<Woken>> {
        self.there.lock().remove(&stay.instance)?.again
    }

    /// Tells an instance something; false where it is not in memory.
    pub(crate) fn command(&self, instance: u64, command: Command) -> bool {
        self.there.lock().get(&instance).is_some_and(|here| here.sender.send(command).is_ok())
    }

    /// Runs something beside whoever asks for it; `stop` waits for its end.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Tells all, also those who come yet, and waits until nobody is there.
    pub(crate) async fn stop(&self, command: &Command) {
        *self.stopping.lock() = Some(command.clone());
        for here in self.there.lock().values() {
            // Who is gone needs not be told.
            let _ = here.sender.send(command.clone());
        }
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        while tasks.join_next().await.is_some() {}
        // Those whom others poll.
        while self.len() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Ends what runs beside others, where it is.
    pub(crate) fn abort(&self) {
        drop(std::mem::take(&mut *self.tasks.lock()));
    }

    /// Begins again after `stop`.
    pub(crate) fn start(&self) {
        *self.stopping.lock() = None;
    }

    pub(crate) fn contains(&self, instance: u64) -> bool {
        self.there.lock().contains_key(&instance)
    }

    pub(crate) fn len(&self) -> usize {
        self.there.lock().len()
    }

    /// The end of an instance, or its next stop.
    pub(crate) fn end_of(&self, instance: u64) -> oneshot::Receiver<RunReport> {
        let (sender, receiver) = oneshot::channel();
        let mut ends = self.ends.lock();
        let waiting = ends.entry(instance).or_default();
        waiting.retain(|earlier| !earlier.is_closed());
        waiting.push(sender);
        receiver
    }

    /// Tells who waits for it.
    pub(crate) fn ended(&self, instance: u64, report: &RunReport) {
        if !matches!(report.ending, valence_sandbox::Ending::Stopped(valence_door::Stop::Fault(_))) {
            self.faults.lock().remove(&instance);
        }
        for sender in self.ends.lock().remove(&instance).unwrap_or_default() {
            let _ = sender.send(report.clone());
        }
    }

    /// How long to wait after one more trouble: twice as long each time.
    pub(crate) fn fault_delay(&self, instance: u64, first: Duration) -> Duration {
        let mut faults = self.faults.lock();
        let count = faults.entry(instance).or_default();
        let delay = first.saturating_mul(1u32.checked_shl((*count).min(16)).unwrap_or(u32::MAX));
        *count = count.saturating_add(1);
        delay.min(LONGEST)
    }
}
