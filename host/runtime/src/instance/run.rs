//! The life of an instance: its header, its episodes one after the other, its end.

use super::{
    Entry, Header,
    door::{InstanceDoor, Recorder},
    reply,
};
use crate::{
    decode::Names,
    events::{Event, EventKind},
    inputs::Checked,
    runtime::Shared,
    waiting,
};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use valence_chain::Chain;
use valence_door::{Bytes, Deadline, Key, Stop};
use valence_journal::{Cid, Journal, Stamp};
use valence_sandbox::{Context, Ending, Finished, Flow, Limits, Value};

/// What a finished run was.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// The instance's id.
    pub instance: String,
    /// How it ended.
    pub ending: Ending,
    /// Instructions, in all episodes.
    pub fuel: u64,
    /// The most linear memory, in bytes.
    pub memory: u64,
    /// The flow's own running time.
    pub running: Duration,
    /// From start to end.
    pub duration: Duration,
    /// Episodes, at least 1.
    pub episodes: u32,
    /// Journal entries, in all episodes.
    pub entries: u64,
    /// The journal's head: the last episode's, whose header names the one before it.
    pub head: Option<Cid>,
    /// The entries of the last episode, oldest first.
    pub journal: Vec<valence_journal::Block>,
}

impl RunReport {
    /// One word for how it ended.
    pub fn outcome(&self) -> &'static str {
        outcome(&self.ending)
    }
}

fn outcome(ending: &Ending) -> &'static str {
    match ending {
        Ending::Done(_) => "done",
        Ending::Continue(_) => "continue",
        Ending::Failed(_) => "failed",
        Ending::Trapped(_) => "trapped",
        Ending::Stopped(Stop::Limit(_)) => "limit",
        Ending::Stopped(Stop::Stalled(_)) => "stalled",
        Ending::Stopped(Stop::Fault(_)) => "fault",
        Ending::Stopped(Stop::Cancelled) => "cancelled",
    }
}

/// What a run starts from.
pub(crate) struct Start {
    pub shared: Arc<Shared>,
    pub chain: Arc<dyn Chain>,
    pub flow: Arc<Flow>,
    pub instance: String,
    pub inputs: Checked,
    pub limits: Limits,
    pub names: Names,
}

/// Slots before the next episode of a flow that ended one without waiting: a loop of episodes is no busy loop.
const EPISODE_DELAY: u64 = 5;

/// Runs an instance to its end, or until `stop` comes first.
pub(crate) async fn run(start: Start, stop: impl Future<Output = ()>) -> RunReport {
    let mut stop = std::pin::pin!(stop);
    let begun = Instant::now();
    let _running = start.shared.timeline.run();
    start.tell(|| start.started());
    let names = Arc::new(Mutex::new(start.names.clone()));
    let mut report = RunReport {
        instance: start.instance.clone(),
        ending: Ending::Stopped(Stop::Cancelled),
        fuel: 0,
        memory: 0,
        running: Duration::ZERO,
        duration: Duration::ZERO,
        episodes: 0,
        entries: 0,
        head: None,
        journal: Vec::new(),
    };
    let mut state = None;
    loop {
        let episode = report.episodes;
        let journal: Recorder = Arc::new(Mutex::new(Journal::new()));
        let waited = Arc::new(AtomicBool::new(false));
        let before = report.head.map(|head| head.to_string());
        let finished = tokio::select! {
            biased;
            () = &mut stop => ended(Stop::Cancelled),
            finished = start.episode(episode, state.take(), before, &journal, &names, &waited) => finished,
        };
        report.fuel = report.fuel.saturating_add(finished.fuel);
        report.memory = report.memory.max(finished.memory);
        report.running = report.running.saturating_add(finished.running);
        report.episodes = episode.saturating_add(1);
        report.ending = finished.ending;
        start.close(&journal, &mut report, finished.fuel);
        let Ending::Continue(left) = &report.ending else { break };
        state = Some(left.clone());
        if !waited.load(Ordering::Relaxed)
            && let Some(stop) = start.delay().await
        {
            report.ending = Ending::Stopped(stop);
            break;
        }
        start.tell(|| EventKind::EpisodeStarted { episode: report.episodes });
    }
    report.duration = begun.elapsed();
    start.tell(|| EventKind::FlowCompleted {
        success: matches!(report.ending, Ending::Done(_)),
        outcome: report.outcome(),
        result: report.ending.to_string(),
        fuel: report.fuel,
        memory: report.memory,
        running_us: micros(report.running),
        duration_us: micros(report.duration),
        entries: report.entries,
        head: report.head.map(|head| head.to_string()).unwrap_or_default(),
    });
    report
}

/// An attempt that the host ended before the sandbox could say what it used.
fn ended(stop: Stop) -> Finished {
    let calls = valence_sandbox::CallCounts::default();
    Finished { ending: Ending::Stopped(stop), fuel: 0, memory: 0, running: Duration::ZERO, calls }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Start {
    async fn episode(
        &self,
        episode: u32,
        state: Option<Vec<u8>>,
        before: Option<String>,
        journal: &Recorder,
        names: &Arc<Mutex<Names>>,
        waited: &Arc<AtomicBool>,
    ) -> Finished {
        let roles = self.inputs.roles.iter().map(|(name, key)| (name.clone(), (*key).into())).collect();
        let mut door = InstanceDoor {
            shared: self.shared.clone(),
            chain: self.chain.clone(),
            journal: journal.clone(),
            limits: self.limits.clone(),
            instance: self.instance.clone(),
            episode,
            roles,
            names: names.clone(),
            calls: 0,
            now: reply::moment(self.chain.moment()),
            waited: waited.clone(),
        };
        let header = self.header(episode, state.clone(), before);
        if let Err(stop) = door.record(Entry::Header(Box::new(header))) {
            return ended(stop);
        }
        let context = Context {
            instance: self.instance.clone(),
            episode,
            params: self.inputs.params.clone(),
            roles: self.inputs.roles.clone(),
            state,
        };
        self.flow.run(context, Box::new(door), &self.limits).await
    }

    fn header(&self, episode: u32, state: Option<Vec<u8>>, before: Option<String>) -> Header {
        let digest = |d: valence_sandbox::Digest| Bytes::from(d.0.to_vec());
        Header {
            instance: self.instance.clone(),
            episode,
            flow: digest(self.flow.digest()),
            drivers: self.flow.drivers().iter().map(|d| digest(d.digest)).collect(),
            genesis: Key(self.chain.genesis_hash().to_bytes()),
            limits: Limits::ALL.iter().map(|l| (l.name().into(), self.limits.get(*l))).collect(),
            params: self.inputs.params.clone(),
            roles: self.inputs.roles.clone(),
            state: state.map(Bytes::from),
            before,
        }
    }

    fn params(&self) -> BTreeMap<String, String> {
        self.inputs.params.iter().map(|(name, value)| (name.clone(), text(value))).collect()
    }

    /// Writes the episode's last entry and takes its head.
    fn close(&self, journal: &Recorder, report: &mut RunReport, fuel: u64) {
        let value = match &report.ending {
            Ending::Continue(state) => state.clone(),
            other => other.to_string().into_bytes(),
        };
        let end = Entry::End { outcome: report.outcome().to_owned(), value: Bytes::from(value), fuel };
        let moment = self.chain.moment();
        let mut journal = journal.lock();
        let closed = journal.append(Stamp { slot: moment.slot, time: moment.unix_time }, end);
        match closed.and_then(|()| journal.head()) {
            Ok(head) => report.head = head,
            Err(error) => report.ending = Ending::Stopped(Stop::Fault(error.to_string())),
        }
        report.entries = report.entries.saturating_add(journal.entries());
        report.journal = journal.take_blocks().unwrap_or_default();
    }

    async fn delay(&self) -> Option<Stop> {
        let until = Deadline::Slot(self.chain.moment().slot.saturating_add(EPISODE_DELAY));
        match waiting::wait(&*self.chain, &self.shared.timeline, &[], Some(&until)).await {
            Ok(waiting::Woken::By(..)) => None,
            Ok(waiting::Woken::Never) => Some(Stop::Stalled("the next episode".to_owned())),
            Err(error) => Some(Stop::Fault(error.to_string())),
        }
    }

    fn started(&self) -> EventKind {
        let d = self.flow.descriptor();
        EventKind::FlowStarted {
            flow: d.id.clone(),
            name: d.name.clone(),
            version: d.version.clone(),
            digest: self.flow.digest().to_string(),
            drivers: self.flow.drivers().iter().map(|d| d.digest.to_string()).collect(),
            chain: self.chain.name().to_owned(),
            params: self.params(),
            roles: self.inputs.roles.iter().map(|(name, key)| (name.clone(), key.to_string())).collect(),
        }
    }

    /// Tells subscribers; what nobody hears is not put into words.
    fn tell(&self, kind: impl FnOnce() -> EventKind) {
        if !self.shared.bus.heard() {
            return;
        }
        let (moment, kind) = (self.chain.moment(), kind());
        let event = Event { instance: Some(self.instance.clone()), slot: moment.slot, time: moment.unix_time, kind };
        self.shared.bus.publish(event);
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Decimal(text) => text.clone(),
        Value::Boolean(yes) => yes.to_string(),
        Value::Unsigned(number) => number.to_string(),
        Value::Signed(number) => number.to_string(),
        Value::Pubkey(key) => key.to_string(),
    }
}
