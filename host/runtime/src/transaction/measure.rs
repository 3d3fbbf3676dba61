//! What a simulation used becomes what the transaction asks for, with a margin: the fee is on the limit, not on the use, so a
//! generous limit costs money, and a tight one fails when an account has grown in the meantime.

use super::prepare::Plan;
use solana_sdk::{instruction::Instruction, pubkey::Pubkey};
use valence_chain::TxReport;

/// The most compute units that a transaction may ask for.
pub(crate) const MOST_UNITS: u32 = 1_400_000;
/// The most bytes of loaded account data.
const MOST_LOADED: u32 = 64 << 20;
/// Loaded bytes are charged by this many.
const LOADED_PAGE: u32 = 32 << 10;
/// Lamports for each signature.
const PER_SIGNATURE: u64 = 5000;

/// What a transaction asks the cluster for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Compute units.
    pub units: u32,
    /// Micro-lamports per compute unit.
    pub price: u64,
    /// Bytes of account data that may be loaded.
    pub loaded: u32,
}

/// The Compute Budget program.
const COMPUTE_BUDGET: Pubkey = Pubkey::from_str_const("ComputeBudget111111111111111111111111111111");

impl Budget {
    /// For measuring: as much as there is.
    pub(crate) const PLACEHOLDER: Budget = Budget { units: MOST_UNITS, price: 0, loaded: MOST_LOADED };

    /// From what a simulation used: 15 percent more units, a fifth more loaded bytes, up to whole pages.
    pub(crate) fn measured(report: &TxReport, price: u64, units: Option<u32>) -> Budget {
        let used = report.units_consumed;
        let with_margin = used.saturating_add(used.saturating_mul(15).div_ceil(100)).max(1);
        let units = units.unwrap_or_else(|| u32::try_from(with_margin).unwrap_or(MOST_UNITS).min(MOST_UNITS));
        let loaded = report.loaded_accounts_data_size.map_or(MOST_LOADED, |bytes| {
            let more = bytes.saturating_add(bytes / 5).div_ceil(LOADED_PAGE).saturating_mul(LOADED_PAGE);
            more.clamp(LOADED_PAGE, MOST_LOADED)
        });
        Budget { units, price, loaded }
    }

    /// Without a measure: what the cluster itself would assume, 200,000 units for each instruction.
    pub(crate) fn unmeasured(plan: &Plan<'_>) -> Budget {
        const EACH: u32 = 200_000;
        let count = u32::try_from(plan.instructions.len()).unwrap_or(u32::MAX);
        let units = plan.units.unwrap_or_else(|| count.saturating_mul(EACH).min(MOST_UNITS));
        Budget { units, price: plan.price, loaded: MOST_LOADED }
    }

    /// The instructions that ask for it. All three are always there, so that measuring and asking lay out alike.
    pub(crate) fn instructions(&self) -> [Instruction; 3] {
        let ask = |tag: u8, value: &[u8]| Instruction {
            program_id: COMPUTE_BUDGET,
            accounts: Vec::new(),
            data: [&[tag], value].concat(),
        };
        [ask(2, &self.units.to_le_bytes()), ask(3, &self.price.to_le_bytes()), ask(4, &self.loaded.to_le_bytes())]
    }

    /// The whole fee in lamports.
    pub(crate) fn fee(&self, signatures: usize) -> u64 {
        let signatures = u64::try_from(signatures).unwrap_or(u64::MAX).saturating_mul(PER_SIGNATURE);
        let priority = u128::from(self.price).saturating_mul(u128::from(self.units)).div_ceil(1_000_000);
        signatures.saturating_add(u64::try_from(priority).unwrap_or(u64::MAX))
    }
}

/// How many instructions of the host stand before the step's own.
pub(crate) const BEFORE: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fee_is_on_the_limit_and_rounded_up() {
        let budget = Budget { units: 3, price: 500_000, loaded: 0 };
        assert_eq!(budget.fee(2), 10_002);
        assert_eq!(Budget::PLACEHOLDER.fee(1), 5_000);
        assert_eq!(Budget { units: u32::MAX, price: u64::MAX, loaded: 0 }.fee(1), u64::MAX);
    }
}
