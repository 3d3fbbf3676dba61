//! The one call with an effect: a step becomes a proposal and is followed to its end, through as many tries as it may have. The
//! intent is on record before anything is done, and how far it has come is in [`Offer`]; one try is in `tried.rs`.

use super::{Entry, door::InstanceDoor, offer::Offer, tried::Tried};
use crate::{conditions, events::EventKind, history::outcome_in_words, watches::Woken};
use valence_door::{
    BuildError, Condition, Deadline, EmitError, Excess, Exhausted, HostCall, HostReply, Outcome, Reason, Step, Stop,
};
use valence_journal::{Change, ProposalRow};

/// A slot of the embedded chain in milliseconds; clusters are near it.
const SLOT_MS: u64 = 400;
/// No delay between two tries is longer: five minutes.
const LONGEST_DELAY_MS: u64 = 300_000;

impl InstanceDoor {
    /// Carries out an emit whose intent is on record as this entry, from where it was left.
    pub(super) async fn emit(
        &mut self,
        call: HostCall,
        proposal: String,
        intent: u64,
        offer: Offer,
    ) -> Result<HostReply, Stop> {
        let HostCall::Emit { step, give_up } = call else {
            return Err(Stop::Fault("an intent on record is not an emit; the journal was changed".to_owned()));
        };
        self.track(&proposal, &step.name, intent, "open");
        self.becomes(Change { step: Some(step.name.clone()), ..Change::default() });
        let result = self.offer(&step, &give_up, &proposal, offer).await?;
        let (state, said) = match &result {
            Ok(outcome) => (name_of(outcome), outcome_in_words(outcome)),
            Err(error) => ("not-offered", format!("not offered: {error}")),
        };
        let reply = HostReply::Emit(result);
        self.track(&proposal, &step.name, intent, state);
        self.record(Entry::Reply { proposal, reply: reply.clone() })?;
        self.tell(|_| EventKind::FlowStepCompleted {
            step: step.name.clone(),
            success: state == "landed",
            outcome: said,
        });
        Ok(reply)
    }

    /// Keeps the row of a proposal, in the same write as the entries: what is known of it also when those are damaged.
    fn track(&mut self, proposal: &str, step: &str, seq: u64, state: &str) {
        self.journal.lock().proposal(ProposalRow {
            id: proposal.to_owned(),
            instance: self.instance.number,
            episode: self.episode,
            seq,
            step: step.to_owned(),
            state: state.to_owned(),
            slot: self.now.slot,
        });
    }

    async fn offer(
        &mut self,
        step: &Step,
        give_up: &[Condition],
        proposal: &str,
        mut offer: Offer,
    ) -> Result<Result<Outcome, EmitError>, Stop> {
        let most = step.conditions.len().max(give_up.len());
        if most > conditions::MANY {
            return Ok(Err(EmitError::TooMany(Excess::new(most, conditions::MANY))));
        }
        if !offer.begun {
            match self.judge(&step.conditions).await {
                Ok((_, Some(place))) => return Ok(Err(EmitError::Condition(place))),
                Ok(_) => {}
                Err(error) => return Ok(Err(BuildError::Chain(error).into())),
            }
        }
        let attempts = match step.retry.max_attempts {
            0 => self.instance.shared.config.max_retries.max(1),
            some => some,
        };
        loop {
            if let Some(slot) = offer.next_try {
                if offer.counted() >= attempts {
                    // Paused for this, and resumed without more tries.
                    return self.exhausted(step, attempts, &offer.why);
                }
                if let Some(place) = self.rest(slot, give_up).await? {
                    return Ok(Ok(Outcome::Withdrawn(place)));
                }
            } else if offer.executed.is_none() {
                match self.judge(give_up).await {
                    Ok((Some(place), _)) => return Ok(Ok(Outcome::Withdrawn(place))),
                    Ok(_) => {}
                    Err(error) => return Ok(Err(BuildError::Chain(error).into())),
                }
            }
            let attempt = offer.failed.saturating_add(1);
            let (result, why) = match self.attempt(step, proposal, attempt, &mut offer).await? {
                Tried::Landed(landed) => return Ok(Ok(Outcome::Landed(landed))),
                Tried::Refused(error) => return Ok(Err(error)),
                Tried::Rejected(why) => return Ok(Ok(Outcome::Rejected(why))),
                Tried::Failed(result, why) => (result, why),
            };
            let counted = offer.counted().saturating_add(1);
            if counted >= attempts && step.retry.exhausted == Exhausted::Tell {
                return Ok(result);
            }
            // Counted from here: the try has come to its end.
            let delay = delay_ms(step, counted, proposal, attempt);
            let slot = self.instance.shared.chain.moment().slot.saturating_add(delay.div_ceil(SLOT_MS));
            self.record(Entry::Retry { proposal: proposal.to_owned(), attempt, slot, why: why.clone() })?;
            let message = format!("step `{}`, try {counted} of {attempts}: {why}", step.name);
            self.tell(|_| EventKind::Warning { message });
            offer.retry(attempt, slot, why);
            if counted >= attempts {
                return self.exhausted(step, attempts, &offer.why);
            }
        }
    }

    fn exhausted<T>(&self, step: &Step, attempts: u32, why: &str) -> Result<T, Stop> {
        Err(Stop::Exhausted { step: step.name.clone(), attempts, why: why.to_owned() })
    }

    /// Waits for the slot of the next try; tells which give-up condition held meanwhile.
    async fn rest(&mut self, slot: u64, give_up: &[Condition]) -> Result<Option<u32>, Stop> {
        match self.sleep("waiting", give_up, Some(&Deadline::Slot(slot))).await {
            Ok(Woken::By(Reason::Condition(place), _)) => Ok(Some(place)),
            Ok(Woken::By(Reason::Deadline, _)) => Ok(None),
            Ok(Woken::Never) => Err(Stop::Stalled(format!("slot {slot}, to try a step again"))),
            Err(error) => Err(Stop::Fault(error.to_string())),
        }
    }
}

/// The state of a proposal that came to this end.
fn name_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Landed(_) => "landed",
        Outcome::Failed(_) => "failed",
        Outcome::Withdrawn(_) => "withdrawn",
        Outcome::Rejected(_) => "rejected",
    }
}

/// Milliseconds of chain time after this many failures. Up to a tenth more, so that instances that failed together do not try
/// again together; the same for the same try, for a replay must not decide anew.
fn delay_ms(step: &Step, failures: u32, proposal: &str, attempt: u32) -> u64 {
    let factor = u128::from(step.retry.backoff_milli);
    let longest = LONGEST_DELAY_MS.max(step.retry.delay_ms);
    let mut delay = step.retry.delay_ms;
    for _ in 1..failures {
        delay = u64::try_from(u128::from(delay).saturating_mul(factor) / 1000).unwrap_or(longest).min(longest);
    }
    let hash = solana_sdk::hash::hashv(&[proposal.as_bytes(), &attempt.to_le_bytes()]).to_bytes();
    let part = u64::from(hash.first().copied().unwrap_or(0));
    delay.saturating_add(delay / 10 * part / 256)
}
