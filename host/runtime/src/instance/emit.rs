//! The one call with an effect: a step becomes a proposal and is followed to its end. The intent is recorded before anything
//! is done; every try is recorded before it leaves the process.

use super::{Entry, door::InstanceDoor};
use crate::{
    conditions, decode,
    events::{Built, EventKind, Signer},
    transaction::{Prepared, base64, fault, prepare_step, said, wire},
    waiting::{self, Woken},
};
use solana_sdk::pubkey::Pubkey;
use valence_chain::TxReport;
use valence_door::{
    BuildError, Bytes, Condition, Deadline, EmitError, Excess, Failure, HostCall, HostReply, Landed, Outcome, Reason,
    Step, Stop,
};

/// How one try ended.
enum Try {
    Landed(Landed),
    /// It would fail, or did; it may be tried again.
    Failed(Result<Outcome, EmitError>, String),
    /// It cannot be tried again.
    Refused(EmitError),
}

impl InstanceDoor {
    pub(super) async fn emit(&mut self, step: Box<Step>, give_up: Vec<Condition>) -> Result<HostReply, Stop> {
        let proposal = self.proposal();
        let call = HostCall::Emit { step: step.clone(), give_up: give_up.clone() };
        self.record(Entry::Intent { proposal: proposal.clone(), call })?;
        self.barrier()?;
        let result = self.offer(&step, &give_up, &proposal).await?;
        if let Ok(Outcome::Landed(landed)) = &result {
            self.now.slot = self.now.slot.max(landed.slot);
        }
        let moment = self.chain.moment();
        if moment.slot >= self.now.slot {
            self.now = super::reply::moment(moment);
        }
        self.tell(|_| EventKind::FlowStepCompleted {
            step: step.name.clone(),
            success: matches!(result, Ok(Outcome::Landed(_))),
            outcome: match &result {
                Ok(Outcome::Landed(landed)) => format!("landed in slot {}", landed.slot),
                Ok(Outcome::Failed(failure)) => format!("failed: {failure}"),
                Ok(Outcome::Withdrawn(place)) => format!("withdrawn: give-up condition {place} holds"),
                Err(error) => format!("not offered: {error}"),
            },
        })?;
        let reply = HostReply::Emit(result);
        self.record(Entry::Reply { proposal, reply: reply.clone() })?;
        Ok(reply)
    }

    async fn offer(
        &mut self,
        step: &Step,
        give_up: &[Condition],
        proposal: &str,
    ) -> Result<Result<Outcome, EmitError>, Stop> {
        let most = step.conditions.len().max(give_up.len());
        if most > conditions::MANY {
            return Ok(Err(EmitError::TooMany(Excess::new(most, conditions::MANY))));
        }
        match self.judge(&step.conditions).await {
            Ok((_, Some(place))) => return Ok(Err(EmitError::Condition(place))),
            Ok(_) => {}
            Err(error) => return Ok(Err(BuildError::Chain(error).into())),
        }
        let attempts = self.attempts(step);
        let mut delay = step.retry.delay_ms;
        for attempt in 1..=attempts {
            match self.judge(give_up).await {
                Ok((Some(place), _)) => return Ok(Ok(Outcome::Withdrawn(place))),
                Ok(_) => {}
                Err(error) => return Ok(Err(BuildError::Chain(error).into())),
            }
            match self.attempt(step, proposal, attempt).await? {
                Try::Landed(landed) => return Ok(Ok(Outcome::Landed(landed))),
                Try::Refused(error) => return Ok(Err(error)),
                Try::Failed(result, _) if attempt == attempts => return Ok(result),
                Try::Failed(_, why) => {
                    let message = format!("step `{}`, try {attempt} of {attempts}: {why}", step.name);
                    self.tell(|_| EventKind::Warning { message })?;
                }
            }
            if let Some(place) = self.pause(delay, give_up).await? {
                return Ok(Ok(Outcome::Withdrawn(place)));
            }
            let factor = u128::from(step.retry.backoff_milli);
            delay = u64::try_from(u128::from(delay).saturating_mul(factor) / 1000).unwrap_or(u64::MAX);
        }
        // `attempts` is at least 1, so the loop has returned.
        Err(Stop::Fault("a step was offered no times".to_owned()))
    }

    /// Waits between two tries, in chain time; tells which give-up condition held meanwhile.
    async fn pause(&mut self, delay_ms: u64, give_up: &[Condition]) -> Result<Option<u32>, Stop> {
        const SLOT_MS: u64 = 400;
        let until = self.chain.moment().slot.saturating_add(delay_ms.div_ceil(SLOT_MS));
        let (chain, shared) = (self.chain.clone(), self.shared.clone());
        match waiting::wait(&*chain, &shared.timeline, give_up, Some(&Deadline::Slot(until))).await {
            Ok(Woken::By(Reason::Condition(place), _)) => Ok(Some(place)),
            Ok(Woken::By(Reason::Deadline, _)) => Ok(None),
            Ok(Woken::Never) => Err(Stop::Stalled(format!("slot {until}, to try a step again"))),
            Err(error) => Err(Stop::Fault(error.to_string())),
        }
    }

    async fn attempt(&mut self, step: &Step, proposal: &str, attempt: u32) -> Result<Try, Stop> {
        let would_fail = |failure: Failure| {
            let why = failure.message.clone();
            Try::Failed(Err(BuildError::Simulation(failure).into()), why)
        };
        let prepared = match prepare_step(&*self.chain, &self.shared.addresses, &self.roles, step).await {
            Ok(prepared) => prepared,
            Err(BuildError::Simulation(failure)) => return Ok(would_fail(failure)),
            Err(error) => return Ok(Try::Refused(error.into())),
        };
        // What was measured is not what will be signed: the budget and the blockhash differ. Simulate the real thing.
        let transaction = prepared.transaction();
        let simulated = match self.chain.simulate(&transaction).await {
            Ok(report) => report,
            Err(error) => return Ok(Try::Refused(BuildError::Chain(fault(error)).into())),
        };
        if let Err(failure) = &simulated.outcome {
            return Ok(would_fail(said(failure, &simulated.logs)));
        }
        self.record(Entry::Built {
            proposal: proposal.to_owned(),
            attempt,
            wire: Bytes::from(wire(&transaction)),
            slot: simulated.moment.slot,
            compute_units: simulated.units_consumed,
        })?;
        self.barrier()?;
        self.show_built(step, proposal, attempt, &prepared, &simulated).await?;
        if !self.chain.runs_unsigned() {
            return Err(Stop::Fault(format!(
                "chain `{}` needs signatures, and no signer is attached",
                self.chain.name()
            )));
        }
        let (step_name, id) = (step.name.clone(), proposal.to_owned());
        self.tell(|_| EventKind::TransactionSubmitted { step: step_name, proposal: id })?;
        let report = self.chain.execute(&transaction, None).await.map_err(|e| Stop::Fault(e.to_string()))?;
        let failure = report.outcome.as_ref().err().map(|f| said(f, &report.logs));
        let slot = report.moment.slot;
        self.record(Entry::Executed {
            proposal: proposal.to_owned(),
            attempt,
            slot,
            fee: report.fee,
            failure: failure.clone(),
        })?;
        self.tell(|door| {
            let names = door.names.lock();
            EventKind::TransactionConfirmed {
                step: step.name.clone(),
                proposal: proposal.to_owned(),
                signature: None,
                compute_units: report.units_consumed,
                fee: report.fee,
                balances: decode::balances(&report, &names),
                tokens: decode::tokens(&report, &names),
                logs: report.logs.clone(),
                error: failure.as_ref().map(ToString::to_string),
            }
        })?;
        Ok(match failure {
            None => Try::Landed(Landed {
                slot,
                proposal: proposal.to_owned(),
                signature: None,
                compute_units: report.units_consumed,
                fee: report.fee,
            }),
            Some(failure) => {
                let why = failure.message.clone();
                Try::Failed(Ok(Outcome::Failed(failure)), why)
            }
        })
    }

    async fn show_built(
        &mut self,
        step: &Step,
        proposal: &str,
        attempt: u32,
        prepared: &Prepared,
        simulated: &TxReport,
    ) -> Result<(), Stop> {
        if !self.shared.bus.heard() {
            return Ok(());
        }
        let touched: Vec<Pubkey> = prepared.message.static_account_keys().to_vec();
        decode::learn(&*self.chain, &self.names, touched).await;
        self.tell(|door| {
            let names = door.names.lock();
            let signer = |key: Pubkey| Signer { address: key.to_string(), role: names.role(&key) };
            let flow_view = prepared.for_flow();
            EventKind::TransactionBuilt(Box::new(Built {
                step: step.name.clone(),
                description: step.description.clone(),
                proposal: proposal.to_owned(),
                attempt,
                instructions: prepared.instructions.iter().map(|i| decode::show(i, &names)).collect(),
                signers: prepared.signers().into_iter().map(signer).collect(),
                transaction: base64(&flow_view.wire),
                message: base64(&flow_view.message),
                blockhash: prepared.blockhash.hash.to_string(),
                last_valid_block_height: prepared.blockhash.last_valid_block_height,
                compute_units: simulated.units_consumed,
                compute_unit_limit: prepared.budget.units,
                priority_fee: prepared.budget.price,
                fee: prepared.fee(),
                balances: decode::balances(simulated, &names),
                tokens: decode::tokens(simulated, &names),
                logs: simulated.logs.clone(),
            }))
        })
    }
}
