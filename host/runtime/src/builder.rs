//! Transactions for Rust programs, without a flow: the same measuring, laying out and checking.

use crate::{
    error::RuntimeError,
    transaction::{Plan, fault, prepare, unsigned},
};
use solana_sdk::{
    hash::Hash, instruction::Instruction, message::VersionedMessage, pubkey::Pubkey, transaction::VersionedTransaction,
};
use std::sync::Arc;
use valence_chain::Chain;
use valence_door::BuildError;

/// Builds one unsigned transaction.
#[must_use = "a builder does nothing until `build`"]
pub struct TransactionBuilder {
    chain: Arc<dyn Chain>,
    simulate: bool,
    instructions: Vec<Instruction>,
    payer: Option<Pubkey>,
    units: Option<u32>,
    price: u64,
}

/// A transaction that nobody has signed.
#[derive(Clone, Debug, PartialEq)]
pub struct UnsignedTransaction {
    /// What signers sign, once serialized.
    pub message: VersionedMessage,
    /// The blockhash in it.
    pub recent_blockhash: Hash,
    /// Who must sign, the fee payer first.
    pub signers: Vec<Pubkey>,
    /// For people.
    pub metadata: Metadata,
}

/// What a transaction is, beside its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// One line.
    pub description: String,
    /// The compute unit limit.
    pub compute_units: u32,
    /// Micro-lamports per compute unit.
    pub priority_fee: u64,
    /// The last block height at which it may land.
    pub last_valid_block_height: u64,
    /// Of exactly this message; none where simulation is off.
    pub simulation: Option<SimulationSummary>,
}

/// What a simulation said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulationSummary {
    /// Whether it would succeed.
    pub success: bool,
    /// Why not.
    pub error: Option<String>,
    /// The program logs.
    pub logs: Vec<String>,
    /// In compute units.
    pub units_consumed: u64,
}

impl TransactionBuilder {
    pub(crate) fn new(chain: Arc<dyn Chain>, simulate: bool) -> Self {
        TransactionBuilder { chain, simulate, instructions: Vec::new(), payer: None, units: None, price: 0 }
    }

    /// Adds an instruction.
    pub fn add_instruction(mut self, instruction: Instruction) -> Self {
        self.instructions.push(instruction);
        self
    }

    /// Adds instructions.
    pub fn add_instructions(mut self, instructions: impl IntoIterator<Item = Instruction>) -> Self {
        self.instructions.extend(instructions);
        self
    }

    /// Sets the compute unit limit, from 1 to 1,400,000; without it the limit is measured.
    pub fn with_compute_units(mut self, units: u32) -> Self {
        self.units = Some(units);
        self
    }

    /// Sets the priority fee in micro-lamports per compute unit.
    pub fn with_priority_fee(mut self, micro_lamports: u64) -> Self {
        self.price = micro_lamports;
        self
    }

    /// Sets who pays the fee; without it, the first signer of the first instruction that has one.
    pub fn with_fee_payer(mut self, payer: Pubkey) -> Self {
        self.payer = Some(payer);
        self
    }

    /// Builds the transaction. One that would fail is built all the same where its compute units are given; its simulation says why.
    ///
    /// # Errors
    /// [`RuntimeError::Build`], [`RuntimeError::NoFeePayer`].
    pub async fn build(self, description: impl Into<String>) -> Result<UnsignedTransaction, RuntimeError> {
        if self.instructions.is_empty() {
            return Err(BuildError::EmptyStep.into());
        }
        let mut signers = self.instructions.iter().flat_map(|i| &i.accounts).filter(|a| a.is_signer);
        let payer = self.payer.or_else(|| signers.next().map(|a| a.pubkey)).ok_or(RuntimeError::NoFeePayer)?;
        let plan = Plan {
            chain: &*self.chain,
            payer,
            instructions: self.instructions,
            units: self.units,
            price: self.price,
            measure: self.simulate && self.units.is_none(),
        };
        let prepared = prepare(plan).await?;
        let simulation = if self.simulate {
            let report = self
                .chain
                .simulate(&unsigned(prepared.message.clone()))
                .await
                .map_err(|e| BuildError::Chain(fault(e)))?;
            Some(SimulationSummary {
                success: report.outcome.is_ok(),
                error: report.outcome.as_ref().err().map(|f| f.error.clone()),
                logs: report.logs,
                units_consumed: report.units_consumed,
            })
        } else {
            None
        };
        Ok(UnsignedTransaction {
            recent_blockhash: prepared.blockhash.hash,
            signers: prepared.signers(),
            metadata: Metadata {
                description: description.into(),
                compute_units: prepared.budget.units,
                priority_fee: prepared.budget.price,
                last_valid_block_height: prepared.blockhash.last_valid_block_height,
                simulation,
            },
            message: prepared.message,
        })
    }
}

impl UnsignedTransaction {
    /// The transaction with zeroed signatures, as signers take it.
    pub fn to_transaction(&self) -> VersionedTransaction {
        unsigned(self.message.clone())
    }

    /// The same in base64.
    pub fn to_base64(&self) -> String {
        crate::transaction::base64(&crate::transaction::wire(&self.to_transaction()))
    }
}
