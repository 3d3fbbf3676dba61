//! One try of a step: built and simulated, on record, offered to its signers, executed. Each part is skipped where the record
//! says that it was done; what was executed is never executed again, for the chain knows it by its intent.

use super::{
    Entry,
    door::InstanceDoor,
    offer::{Executed, Offer},
};
use crate::{
    decode,
    events::{Built, EventKind, Signer},
    signer::{Proposal, Verdict},
    transaction::{Prepared, base64, fault, prepare_step, said, wire},
};
use solana_sdk::{pubkey::Pubkey, transaction::VersionedTransaction};
use valence_chain::{ChainError, TxReport};
use valence_door::{BuildError, Bytes, EmitError, Failure, Landed, Outcome, Step, Stop};
use valence_journal::Change;

/// How one try ended.
pub(super) enum Tried {
    Landed(Landed),
    /// It would fail, or did; it may be tried again.
    Failed(Result<Outcome, EmitError>, String),
    /// It cannot be tried again.
    Refused(EmitError),
    /// A signer refused it; it is never tried again.
    Rejected(String),
}

/// How often a transaction is built anew within one try because its blockhash grew old.
const REBUILDS: u32 = 8;

impl InstanceDoor {
    pub(super) async fn attempt(
        &mut self,
        step: &Step,
        proposal: &str,
        attempt: u32,
        offer: &mut Offer,
    ) -> Result<Tried, Stop> {
        if let Some(executed) = offer.executed.take() {
            return Ok(ended(proposal, executed));
        }
        let intent = format!("{proposal}/{attempt}");
        for _ in 0..REBUILDS {
            let transaction = match offer.wire.take() {
                Some(bytes) => bincode::deserialize(&bytes)
                    .map_err(|e| Stop::Fault(format!("the transaction on record cannot be read: {e}")))?,
                None => match self.fresh(step, proposal, attempt, offer.adopt).await? {
                    Ok(transaction) => transaction,
                    Err(tried) => return Ok(tried),
                },
            };
            if !offer.approved
                && let Some(why) = self.decide(step, proposal, attempt, &transaction, offer).await?
            {
                return Ok(Tried::Rejected(why));
            }
            let shared = self.instance.shared.clone();
            if !shared.chain.runs_unsigned() {
                let name = shared.chain.name();
                return Err(Stop::Fault(format!("chain `{name}` needs signatures, and no signer is attached")));
            }
            let (step_name, id) = (step.name.clone(), proposal.to_owned());
            self.tell(|_| EventKind::TransactionSubmitted { step: step_name, proposal: id });
            match shared.chain.execute(&transaction, Some(&intent)).await {
                Ok(report) => return self.executed(step, proposal, attempt, &report),
                // Nothing has run. What was approved was these bytes, so others are offered anew.
                Err(ChainError::BlockhashUnknown { .. } | ChainError::AlreadyProcessed { .. }) => {
                    offer.approved = false
                }
                Err(error) => return Err(Stop::Fault(error.to_string())),
            }
        }
        Err(Stop::Fault(format!(
            "the transaction of step `{}` grew old {REBUILDS} times before it was executed",
            step.name
        )))
    }

    /// A transaction for a try that has none on record. If the chain has executed this try all the same, the journal has lost
    /// its end: the flow that asks now may ask for something else under the same number.
    async fn fresh(
        &mut self,
        step: &Step,
        proposal: &str,
        attempt: u32,
        adopt: bool,
    ) -> Result<Result<VersionedTransaction, Tried>, Stop> {
        let known = self.instance.shared.chain.executed(&format!("{proposal}/{attempt}")).await;
        match known.map_err(|e| Stop::Fault(e.to_string()))? {
            None => self.build(step, proposal, attempt).await,
            Some(report) if adopt => self.executed(step, proposal, attempt, &report).map(Err),
            Some(report) => Err(Stop::Ahead { step: step.name.clone(), slot: report.moment.slot }),
        }
    }

    /// Builds the transaction, simulates what would really be signed, and puts it on record.
    async fn build(
        &mut self,
        step: &Step,
        proposal: &str,
        attempt: u32,
    ) -> Result<Result<VersionedTransaction, Tried>, Stop> {
        let would_fail = |failure: Failure| {
            let why = failure.message.clone();
            Ok(Err(Tried::Failed(Err(BuildError::Simulation(failure).into()), why)))
        };
        let shared = self.instance.shared.clone();
        let prepared = match prepare_step(&*shared.chain, &shared.addresses, &self.instance.roles, step).await {
            Ok(prepared) => prepared,
            Err(BuildError::Simulation(failure)) => return would_fail(failure),
            Err(error) => return Ok(Err(Tried::Refused(error.into()))),
        };
        // What was measured is not what will be signed: the budget and the blockhash differ. Simulate the real thing.
        let transaction = prepared.transaction();
        let simulated = match shared.chain.simulate(&transaction).await {
            Ok(report) => report,
            Err(error) => return Ok(Err(Tried::Refused(BuildError::Chain(fault(error)).into()))),
        };
        if let Err(failure) = &simulated.outcome {
            return would_fail(said(failure, &simulated.logs));
        }
        self.record(Entry::Built {
            proposal: proposal.to_owned(),
            attempt,
            wire: Bytes::from(wire(&transaction)),
            slot: simulated.moment.slot,
            compute_units: simulated.units_consumed,
        })?;
        self.show_built(step, proposal, attempt, &prepared, &simulated).await;
        // Before anybody acts on it.
        self.barrier().await?;
        Ok(Ok(transaction))
    }

    /// Asks the signers, where there are any: why they refused. The same proposal under the same id after a crash.
    async fn decide(
        &mut self,
        step: &Step,
        proposal: &str,
        attempt: u32,
        transaction: &VersionedTransaction,
        offer: &mut Offer,
    ) -> Result<Option<String>, Stop> {
        let rejected = match offer.rejected.take() {
            Some(why) => return Ok(Some(why)),
            None => {
                let Some(signer) = self.instance.shared.signer.clone() else { return Ok(None) };
                let offered = Proposal {
                    id: proposal.to_owned(),
                    instance: self.instance.name.clone(),
                    attempt,
                    step: step.name.clone(),
                    description: step.description.clone(),
                    signers: signers(transaction).iter().map(Pubkey::to_string).collect(),
                    transaction: base64(&wire(transaction)),
                    message: base64(&transaction.message.serialize()),
                };
                self.becomes(Change {
                    state: Some("waiting-for-signature".to_owned()),
                    detail: Some(format!("step `{}`", step.name)),
                    ..Change::default()
                });
                self.journal.lock().flush();
                // Whoever waits for a person leaves the turn to others; time goes on.
                self.turn = None;
                let asked = signer.offer(&offered).await;
                self.turn = Some(self.instance.shared.turns.take(&self.instance.flow).await);
                self.becomes(Change {
                    state: Some("running".to_owned()),
                    detail: Some(String::new()),
                    ..Change::default()
                });
                match asked.map_err(|e| Stop::Fault(format!("the signer cannot be asked: {e}")))? {
                    Verdict::Approved => None,
                    Verdict::Rejected(why) => Some(why),
                }
            }
        };
        self.record(Entry::Decided { proposal: proposal.to_owned(), attempt, rejected: rejected.clone() })?;
        self.barrier().await?;
        Ok(rejected)
    }

    fn executed(&mut self, step: &Step, proposal: &str, attempt: u32, report: &TxReport) -> Result<Tried, Stop> {
        let executed = Executed {
            slot: report.moment.slot,
            compute_units: report.units_consumed,
            fee: report.fee,
            failure: report.outcome.as_ref().err().map(|f| said(f, &report.logs)),
        };
        // The flow's time is that of the execution, also where it is told of it after a crash.
        let moment = super::reply::moment(report.moment);
        if moment.slot >= self.now.slot {
            self.now = moment;
        }
        self.record(Entry::Executed {
            proposal: proposal.to_owned(),
            attempt,
            slot: executed.slot,
            compute_units: executed.compute_units,
            fee: executed.fee,
            failure: executed.failure.clone(),
        })?;
        self.tell(|door| {
            let names = door.instance.names.lock();
            EventKind::TransactionConfirmed {
                step: step.name.clone(),
                proposal: proposal.to_owned(),
                signature: None,
                compute_units: report.units_consumed,
                fee: report.fee,
                balances: decode::balances(report, &names),
                tokens: decode::tokens(report, &names),
                logs: report.logs.clone(),
                error: executed.failure.as_ref().map(ToString::to_string),
            }
        });
        Ok(ended(proposal, executed))
    }

    async fn show_built(
        &mut self,
        step: &Step,
        proposal: &str,
        attempt: u32,
        prepared: &Prepared,
        simulated: &TxReport,
    ) {
        let shared = self.instance.shared.clone();
        if !shared.bus.heard() {
            return;
        }
        let touched: Vec<Pubkey> = prepared.message.static_account_keys().to_vec();
        decode::learn(&*shared.chain, &self.instance.names, touched).await;
        self.tell(|door| {
            let names = door.instance.names.lock();
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
        });
    }
}

/// Who must sign: the first accounts of the message.
fn signers(transaction: &VersionedTransaction) -> Vec<Pubkey> {
    let many = usize::from(transaction.message.header().num_required_signatures);
    transaction.message.static_account_keys().iter().take(many).copied().collect()
}

/// What an execution means for its try.
fn ended(proposal: &str, executed: Executed) -> Tried {
    match executed.failure {
        None => Tried::Landed(Landed {
            slot: executed.slot,
            proposal: proposal.to_owned(),
            signature: None,
            compute_units: executed.compute_units,
            fee: executed.fee,
        }),
        Some(failure) => {
            let why = failure.message.clone();
            Tried::Failed(Ok(Outcome::Failed(failure)), why)
        }
    }
}
