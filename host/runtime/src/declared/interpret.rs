//! What a declared flow means. It is run over a [`Door`] and nothing else, and so deterministically: its only time is the door's.
//!
//! - It starts at the first step. **A step** waits until its conditions hold, one that does not at a time, then looks again: the door offers
//!   a step only where all of them hold at once. Then it is emitted.
//! - **Landed**: on to `on_success`, or to the next step in the list, or to the end. **Not landed**, after all its tries: on to `on_failure`.
//!   Without one, the door pauses the instance when no try is left; what no try can mend (a wrong address, a signer's no) fails the flow.
//! - A step with a **custom** condition fails closed: it is never offered, as if it had not landed.
//! - **Timeout**: every wait has the deadline start + timeout, every offer is withdrawn then, and the flow fails with `timeout`, whatever
//!   links there are.
//! - **Cycles**: a step that did not land and is come to again begins at the earliest the retry policy's delay, and at least one slot, after
//!   that; one that landed has taken a slot. So no graph makes a busy loop. After [`EPISODE`] steps a return to a step ends the episode, and the
//!   next one goes on from there: journals stay short.
//! - **`fail`** ends the flow as failed, with the failure that led there; `end` ends it well.

use super::{
    bind::{Awaited, Bound, Predicate, Whose, bind},
    fault::clip,
    flow::ProtocolFlow,
    graph::Link,
};
use crate::transaction::{ASSOCIATED_TOKEN, is_token_program};
use serde::{Deserialize, Serialize};
use solana_sdk::pubkey::Pubkey;
use std::{collections::BTreeMap, time::Duration};
use valence_door::{
    Answer, Bytes, Condition, Deadline, Door, EmitError, Few, HostCall, HostReply, Key, Landed, Level, Moment, Outcome,
    Reason, Slice, Stop,
};
use valence_sandbox::{CallCounts, Context, Ending, Finished, FlowError, Limit, Limits};

/// Steps after which a cycle goes on in a new episode.
const EPISODE: u64 = 64;
/// Characters of a failure that are told.
const WHY: usize = 400;

/// What an episode leaves for the next.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Progress {
    /// The step to begin with.
    step: String,
    /// When the first episode began, in seconds since 1970.
    started: i64,
    /// Steps landed.
    landed: u64,
    /// The slot of the last of them.
    slot: u64,
    /// The last step that did not land, and why.
    failure: Option<(String, String)>,
}

/// What a step came to.
enum Came {
    Landed(Landed),
    /// Why it did not land.
    Not(String),
}

/// What ends the run from within a step.
type Going<T> = Result<T, Ending>;

impl ProtocolFlow {
    /// Runs one attempt of one episode to its end, like `valence_sandbox::Flow::run`. Limits on calls, waits, proposals, log lines and state hold;
    /// the others are about components. The interpreter's own time and memory are not counted.
    pub async fn run(&self, context: Context, door: Box<dyn Door>, limits: &Limits) -> Finished {
        let mut run = Run {
            flow: self,
            door,
            limits,
            counts: CallCounts::default(),
            deadline: 0,
            progress: Progress { step: String::new(), started: 0, landed: 0, slot: 0, failure: None },
        };
        let ending = run.episode(&context).await.unwrap_or_else(|ending| ending);
        Finished { ending, fuel: 0, memory: 0, running: Duration::ZERO, calls: run.counts }
    }
}

struct Run<'a> {
    flow: &'a ProtocolFlow,
    door: Box<dyn Door>,
    limits: &'a Limits,
    counts: CallCounts,
    /// When the flow fails with `timeout`, in seconds since 1970.
    deadline: i64,
    progress: Progress,
}

fn failed(code: &str, message: String) -> Ending {
    Ending::Failed(FlowError::Other { code: code.to_owned(), message })
}

/// A reply that does not answer its call: a host that was built wrong.
fn wrong_reply(call: &str) -> Ending {
    Ending::Stopped(Stop::Fault(format!("the host answered {call} with the reply to another call")))
}

/// Passes a call and takes the reply of its kind.
macro_rules! ask {
    ($run:expr, $call:expr, $kind:ident) => {{
        let call = $call;
        let name = call.name();
        match $run.pass(call).await? {
            HostReply::$kind(reply) => reply,
            _ => return Err(wrong_reply(name)),
        }
    }};
}

impl Run<'_> {
    async fn episode(&mut self, context: &Context) -> Going<Ending> {
        let steps = bind(self.flow, context).map_err(Ending::Failed)?;
        let mut place = self.begin(context)?;
        let seconds = i64::try_from(self.flow.timeout.as_secs()).unwrap_or(i64::MAX);
        self.deadline = self.progress.started.saturating_add(seconds);
        // When each step that was taken ended; none: it landed.
        let mut ended: BTreeMap<usize, Option<Moment>> = BTreeMap::new();
        let mut taken = 0_u64;
        loop {
            let Some(bound) = steps.get(place) else {
                return Err(failed("unknown-step", format!("the flow has no step {place}")));
            };
            if let Some(before) = ended.get(&place).copied() {
                if let Some(before) = before {
                    self.not_before(bound, before).await?;
                }
                if taken >= EPISODE {
                    // The next episode does not know when they ended, so it begins in a later slot.
                    if ended.values().flatten().any(|at| at.slot >= self.door.now().slot) {
                        self.rest(Deadline::Slot(self.door.now().slot.saturating_add(1))).await?;
                    }
                    return self.leave(&bound.step.name);
                }
            }
            taken = taken.saturating_add(1);
            let link = match self.step(bound).await? {
                Came::Landed(landed) => {
                    self.progress.landed = self.progress.landed.saturating_add(1);
                    self.progress.slot = landed.slot;
                    ended.insert(place, None);
                    self.flow.after_success(place)
                }
                Came::Not(why) => {
                    ended.insert(place, Some(self.door.now()));
                    Some(self.not_landed(place, &bound.step.name, why).await?)
                }
            };
            match link {
                Some(Link::Step(next)) => place = next,
                Some(Link::End) => return Ok(Ending::Done(self.done())),
                Some(Link::Fail) => return Ok(self.fail(&bound.step.name)),
                None => {
                    let name = &bound.step.name;
                    return Err(failed("unknown-link", format!("step `{name}` links to no step of the flow")));
                }
            }
        }
    }

    /// Where the episode begins: at the first step, or where the one before left.
    fn begin(&mut self, context: &Context) -> Going<usize> {
        let Some(state) = &context.state else {
            self.progress.started = self.door.now().time;
            return Ok(0);
        };
        self.progress = serde_json::from_slice(state)
            .map_err(|e| failed("bad-state", format!("the state of the episode before cannot be read: {e}")))?;
        let step = &self.progress.step;
        self.flow.place(step).ok_or_else(|| {
            failed(
                "unknown-step",
                format!("the episode before left at step `{}`, and this flow has none of that name", clip(step)),
            )
        })
    }

    /// Ends the episode; the next one begins with this step.
    fn leave(&mut self, step: &str) -> Going<Ending> {
        self.progress.step = step.to_owned();
        let state = serde_json::to_vec(&self.progress)
            .map_err(|e| Ending::Stopped(Stop::Fault(format!("the state cannot be written: {e}"))))?;
        if u64::try_from(state.len()).unwrap_or(u64::MAX) > self.limits.state {
            return Err(Ending::Stopped(Stop::Limit(self.limits.hit(Limit::state))));
        }
        Ok(Ending::Continue(state))
    }

    fn done(&self) -> String {
        let Progress { landed, slot, failure, .. } = &self.progress;
        match (landed, failure) {
            (0, Some((step, why))) => format!("no step landed; step `{step}`: {why}"),
            (0, None) => "no step landed".to_owned(),
            (1, _) => format!("1 step landed, in slot {slot}"),
            (some, _) => format!("{some} steps landed, the last in slot {slot}"),
        }
    }

    /// The end of a link `fail`.
    fn fail(&self, last: &str) -> Ending {
        let (name, message) =
            self.progress.failure.clone().unwrap_or_else(|| {
                (last.to_owned(), "it landed, and its on-success says that the flow failed".to_owned())
            });
        Ending::Failed(FlowError::Step { name, message })
    }

    /// A step did not land: remembers why, and says where to go on.
    async fn not_landed(&mut self, place: usize, name: &str, why: String) -> Going<Link> {
        let why: String = why.chars().take(WHY).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let link = self.flow.after_failure(place);
        self.progress.failure = Some((name.to_owned(), why.clone()));
        let Some(link) = link else {
            return Err(Ending::Failed(FlowError::Step { name: name.to_owned(), message: why }));
        };
        let then = match link {
            Link::Step(next) => {
                self.flow.steps.get(next).map_or_else(String::new, |s| format!("going on with `{}`", s.name))
            }
            Link::End => "the flow ends".to_owned(),
            Link::Fail => "the flow fails".to_owned(),
        };
        let message = format!("step `{name}` did not land: {why}; {then}");
        self.count(Limit::log_bytes, |c| &mut c.log_bytes, u64::try_from(message.len()).unwrap_or(u64::MAX))?;
        match self.pass(HostCall::Log { level: Level::Warn, message }).await? {
            HostReply::Log => Ok(link),
            _ => Err(wrong_reply("log.write")),
        }
    }

    /// Waits, where need be, before a step that did not land is begun again.
    async fn not_before(&mut self, bound: &Bound, before: Moment) -> Going<()> {
        let delay = i64::try_from(bound.step.retry.delay_ms.div_ceil(1000)).unwrap_or(i64::MAX);
        let now = self.door.now();
        let time = before.time.saturating_add(delay);
        let until = if now.time < time {
            // Never beyond the timeout, which is then noticed at the step.
            Deadline::Time(time.min(self.deadline))
        } else if now.slot <= before.slot {
            Deadline::Slot(before.slot.saturating_add(1))
        } else {
            return Ok(());
        };
        self.rest(until).await
    }

    async fn rest(&mut self, until: Deadline) -> Going<()> {
        self.count(Limit::waits, |c| &mut c.waits, 1)?;
        let call = HostCall::Wait { any_of: Vec::new(), deadline: Some(until) };
        let woken = ask!(self, call, Wait);
        woken.map(drop).map_err(|error| failed("unavailable", error.to_string()))
    }

    fn timeout(&self, step: &str) -> Ending {
        let seconds = self.flow.timeout.as_secs();
        failed("timeout", format!("the flow did not end within {seconds} s of chain time; it was at step `{step}`"))
    }

    async fn step(&mut self, bound: &Bound) -> Going<Came> {
        let came = self.door.now();
        let name = bound.step.name.as_str();
        if came.time >= self.deadline {
            return Err(self.timeout(name));
        }
        let custom = bound.awaited.iter().find_map(|a| if let Awaited::Custom(id) = a { Some(id) } else { None });
        if let Some(id) = custom {
            return Ok(Came::Not(format!(
                "no host can judge the custom condition `{}`, so it never holds; use a condition that this host has, or a component",
                clip(id)
            )));
        }
        let mut step = bound.step.clone();
        for awaited in &bound.awaited {
            match self.condition(awaited, came).await? {
                Ok(condition) => step.conditions.push(condition),
                Err(why) => return Ok(Came::Not(why)),
            }
        }
        // The condition to wait for first: the one that did not hold when the step was offered.
        let mut first = 0;
        loop {
            let (ahead, behind) = step.conditions.split_at_checked(first).unwrap_or((&[], &step.conditions));
            for condition in behind.iter().chain(ahead) {
                match self.wait(condition).await? {
                    Ok(Reason::Condition(_)) => {}
                    Ok(Reason::Deadline) => return Err(self.timeout(name)),
                    Err(why) => return Ok(Came::Not(why)),
                }
            }
            self.count(Limit::proposals, |c| &mut c.proposals, 1)?;
            let give_up = vec![Condition::TimeReached(self.deadline)];
            let call = HostCall::Emit { step: Box::new(step.clone()), give_up };
            return Ok(match ask!(self, call, Emit) {
                Ok(Outcome::Landed(landed)) => Came::Landed(landed),
                Ok(Outcome::Failed(failure)) => Came::Not(failure.to_string()),
                Ok(Outcome::Rejected(why)) => Came::Not(format!("a signer rejected it: {why}")),
                Ok(Outcome::Withdrawn(_)) => return Err(self.timeout(name)),
                // Something changed between the wait and the offer.
                Err(EmitError::Condition(place)) => {
                    first = usize::try_from(place).unwrap_or(0);
                    continue;
                }
                Err(error @ (EmitError::Build(_) | EmitError::TooMany(_))) => Came::Not(error.to_string()),
            });
        }
    }

    async fn wait(&mut self, condition: &Condition) -> Going<Result<Reason, String>> {
        self.count(Limit::waits, |c| &mut c.waits, 1)?;
        let call = HostCall::Wait { any_of: vec![condition.clone()], deadline: Some(Deadline::Time(self.deadline)) };
        Ok(ask!(self, call, Wait).map(|wake| wake.reason).map_err(|error| error.to_string()))
    }

    /// The door's condition, once its account is known; or why it cannot be.
    async fn condition(&mut self, awaited: &Awaited, came: Moment) -> Going<Result<Condition, String>> {
        Ok(match awaited {
            Awaited::Account(whose, predicate) => {
                self.account(whose).await?.map(|key| Predicate::of(predicate, key, came))
            }
            Awaited::Slot(slot) => Ok(Condition::SlotReached(*slot)),
            Awaited::Time(time) => Ok(Condition::TimeReached(*time)),
            Awaited::After(seconds) => Ok(Condition::TimeReached(came.time.saturating_add(*seconds))),
            Awaited::Custom(id) => Err(format!("the custom condition `{}` never holds", clip(id))),
        })
    }

    /// The address; or why there is none.
    async fn account(&mut self, whose: &Whose) -> Going<Result<Key, String>> {
        match whose {
            Whose::Known(key) => Ok(Ok(*key)),
            Whose::Derived { program, seeds } => self.derive(*program, seeds.clone()).await,
            Whose::TokenProgramOf(mint) => self.token_program(*mint).await,
            Whose::AssociatedToken { wallet, mint } => match self.token_program(*mint).await? {
                Ok(program) => {
                    let seeds = [wallet, &program, mint].map(|key| Bytes::from(key.0.to_vec())).to_vec();
                    self.derive(ASSOCIATED_TOKEN.into(), seeds).await
                }
                Err(why) => Ok(Err(why)),
            },
        }
    }

    async fn derive(&mut self, program: Key, seeds: Vec<Bytes>) -> Going<Result<Key, String>> {
        let found = ask!(self, HostCall::FindProgramAddress { program, seeds }, FindProgramAddress);
        Ok(found.map(|(key, _)| key).map_err(|error| error.to_string()))
    }

    /// The token program that owns a mint.
    async fn token_program(&mut self, mint: Key) -> Going<Result<Key, String>> {
        let mut keys = Few::new();
        keys.push(mint);
        let read = ask!(self, HostCall::Get { keys, slice: Some(Slice { offset: 0, length: 0 }) }, Get);
        Ok(match read {
            Ok(snapshot) => {
                let owner = snapshot.accounts.into_iter().next().flatten().map(|account| account.owner);
                let owner = owner.filter(|owner| is_token_program(&Pubkey::from(*owner)));
                owner.ok_or_else(|| {
                    format!("there is no mint at {mint}, so its token program is not known; check the address")
                })
            }
            Err(error) => Err(error.to_string()),
        })
    }

    async fn pass(&mut self, call: HostCall) -> Going<HostReply> {
        self.count(Limit::calls, |c| &mut c.calls, 1)?;
        let reply = match self.door.call(call) {
            Answer::Ready(reply) => reply,
            Answer::Later(reply) => reply.await,
        };
        reply.map_err(Ending::Stopped)
    }

    /// Adds to a count, and stops the flow where that is over the limit.
    fn count(&mut self, limit: Limit, which: fn(&mut CallCounts) -> &mut u64, by: u64) -> Going<()> {
        let count = which(&mut self.counts);
        *count = count.saturating_add(by);
        if *count > self.limits.get(limit) {
            return Err(Ending::Stopped(Stop::Limit(self.limits.hit(limit))));
        }
        Ok(())
    }
}
