//! The whole way from a step to a transaction: resolve, measure by simulation, lay out, check.

use super::{
    Addresses,
    layout::{layout, unsigned},
    measure::{BEFORE, Budget, MOST_UNITS},
    resolve::Resolver,
};
use solana_sdk::{
    hash::Hash, instruction::Instruction, message::VersionedMessage, pubkey::Pubkey, transaction::VersionedTransaction,
};
use std::collections::BTreeMap;
use valence_chain::{Chain, ChainError, LatestBlockhash, TxFailure};
use valence_door::{BuildError, Bytes, ChainFault, Failure, Step, UnsignedTransaction};

/// What a transaction is made from.
pub(crate) struct Plan<'a> {
    pub chain: &'a dyn Chain,
    pub payer: Pubkey,
    pub instructions: Vec<Instruction>,
    /// None: measured.
    pub units: Option<u32>,
    /// Micro-lamports per compute unit.
    pub price: u64,
    /// Whether to simulate first. A transaction that fails cannot be measured.
    pub measure: bool,
}

/// A transaction that is ready for signers.
pub(crate) struct Prepared {
    pub instructions: Vec<Instruction>,
    pub message: VersionedMessage,
    pub budget: Budget,
    pub blockhash: LatestBlockhash,
}

/// Tries of one step: each is a build, two simulations and an offer.
const MOST_ATTEMPTS: u32 = 100;
/// Log lines of a failure that are kept.
const LAST_LOGS: usize = 20;

/// A chain's trouble as a flow is told it.
pub(crate) fn fault(error: ChainError) -> ChainFault {
    ChainFault::Unavailable(error.to_string())
}

/// A transaction's failure as a flow is told it: instructions counted among the step's own.
pub(crate) fn said(failure: &TxFailure, logs: &[String]) -> Failure {
    let instruction = failure.instruction.and_then(|i| u32::from(i).checked_sub(BEFORE));
    // The chain counts the host's budget instructions too; a flow has never heard of them.
    let message = match (failure.instruction, instruction) {
        (Some(counted), Some(own)) => {
            failure.error.replacen(&format!("instruction {counted} "), &format!("instruction {own} "), 1)
        }
        _ => failure.error.clone(),
    };
    Failure {
        instruction,
        custom: failure.custom,
        message,
        logs: logs.get(logs.len().saturating_sub(LAST_LOGS)..).unwrap_or_default().to_vec(),
    }
}

/// Prepares the transaction of a step.
pub(crate) async fn prepare_step(
    chain: &dyn Chain,
    addresses: &Addresses,
    roles: &BTreeMap<String, Pubkey>,
    step: &Step,
) -> Result<Prepared, BuildError> {
    if step.instructions.is_empty() {
        return Err(BuildError::EmptyStep);
    }
    if step.retry.max_attempts > MOST_ATTEMPTS || step.retry.backoff_milli < 1000 {
        return Err(BuildError::BadRetryPolicy);
    }
    let resolver = Resolver { chain, addresses, roles };
    let payer = resolver.role(&step.fee_payer)?;
    let instructions = resolver.instructions(step).await?;
    let price = step.priority_fee.unwrap_or(0);
    prepare(Plan { chain, payer, instructions, units: step.compute_unit_limit, price, measure: true }).await
}

/// Prepares a transaction of plain instructions.
pub(crate) async fn prepare(plan: Plan<'_>) -> Result<Prepared, BuildError> {
    if let Some(units) = plan.units
        && (units == 0 || units > MOST_UNITS)
    {
        return Err(BuildError::BadComputeLimit(units));
    }
    let budget = if plan.measure { measure(&plan).await? } else { Budget::unmeasured(&plan) };
    let blockhash = plan.chain.latest_blockhash().await.map_err(fault)?;
    let message = layout(&plan.payer, &plan.instructions, &budget, blockhash.hash)?;
    Ok(Prepared { instructions: plan.instructions, message, budget, blockhash })
}

async fn measure(plan: &Plan<'_>) -> Result<Budget, BuildError> {
    let trial = Budget { price: plan.price, ..Budget::PLACEHOLDER };
    // Zeros ask the chain to put its newest blockhash in place.
    let message = layout(&plan.payer, &plan.instructions, &trial, Hash::default())?;
    let report = plan.chain.simulate(&unsigned(message)).await.map_err(fault)?;
    match &report.outcome {
        Ok(()) => Ok(Budget::measured(&report, plan.price, plan.units)),
        Err(failure) => Err(BuildError::Simulation(said(failure, &report.logs))),
    }
}

/// The bytes on the wire: at most 64 accounts are locked, so the count of signatures is one byte.
pub(crate) fn wire(transaction: &VersionedTransaction) -> Vec<u8> {
    let mut wire = vec![u8::try_from(transaction.signatures.len()).unwrap_or(u8::MAX)];
    for signature in &transaction.signatures {
        wire.extend_from_slice(signature.as_ref());
    }
    wire.extend(transaction.message.serialize());
    wire
}

impl Prepared {
    /// Who must sign, the fee payer first.
    pub(crate) fn signers(&self) -> Vec<Pubkey> {
        let count = usize::from(self.message.header().num_required_signatures);
        self.message.static_account_keys().iter().take(count).copied().collect()
    }

    /// The transaction with zeroed signatures.
    pub(crate) fn transaction(&self) -> VersionedTransaction {
        unsigned(self.message.clone())
    }

    /// The whole fee in lamports.
    pub(crate) fn fee(&self) -> u64 {
        self.budget.fee(usize::from(self.message.header().num_required_signatures))
    }

    /// As a flow is given it.
    pub(crate) fn for_flow(&self) -> UnsignedTransaction {
        UnsignedTransaction {
            wire: Bytes::from(wire(&self.transaction())),
            message: Bytes::from(self.message.serialize()),
            signers: self.signers().into_iter().map(Into::into).collect(),
            compute_unit_limit: self.budget.units,
            priority_fee: self.budget.price,
            fee: self.fee(),
            blockhash: valence_door::Key(self.blockhash.hash.to_bytes()),
            last_valid_block_height: self.blockhash.last_valid_block_height,
        }
    }
}
