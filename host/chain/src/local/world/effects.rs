//! From what LiteSVM says of a transaction to a [`TxReport`]. On the hot path: what is costly waits until it is asked for.

use super::World;
use crate::{
    Account, TxFailure, TxReport,
    failure::Scene,
    report::{Effects, ReturnData, Seen},
    spec::{TOKEN, TOKEN_2022},
    token,
};
use litesvm::types::TransactionMetadata;
use solana_account::ReadableAccount;
use solana_message::VersionedMessage;
use solana_sdk::pubkey::Pubkey;
use solana_transaction_error::TransactionError;

/// Bytes of an account that count besides its data, and of a lookup table (SIMD-0186).
const LOADED_ACCOUNT: usize = 64;
const LOADED_TABLE: usize = 8248;

impl World {
    #[allow(clippy::too_many_arguments)]
    pub(super) fn report(
        &self,
        message: &VersionedMessage,
        keys: Vec<Pubkey>,
        before: Vec<Option<Account>>,
        mut after: Vec<(usize, Option<Account>)>,
        error: Option<TransactionError>,
        meta: TransactionMetadata,
        simulated: bool,
    ) -> TxReport {
        // A transaction that ran at all is in a block; one that was refused before left no log.
        let landed = error.is_none() || !meta.logs.is_empty();
        let payer = before.first().cloned().flatten();
        if simulated
            && error.is_some()
            && landed
            && let Some(mut payer) = payer.clone()
        {
            payer.lamports = payer.lamports.saturating_sub(meta.fee);
            after.push((0, (payer.lamports > 0).then_some(payer)));
        }
        let outcome = match &error {
            None => Ok(()),
            Some(error) => Err(TxFailure::new(
                error,
                &Scene {
                    message,
                    keys: &keys,
                    logs: &meta.logs,
                    fee: meta.fee,
                    payer_lamports: payer.map_or(0, |payer| payer.lamports),
                    missing_program: self.missing_program(message, &keys),
                },
            )),
        };
        let tables = message.address_table_lookups().map_or(0, <[_]>::len);
        let loaded_accounts_data_size = self.loaded_size(&before, tables);
        let mints = self.mints(&keys, &before, &after);
        let returned = meta.return_data;
        TxReport {
            moment: self.moment(),
            outcome,
            landed,
            units_consumed: meta.compute_units_consumed,
            fee: meta.fee,
            loaded_accounts_data_size,
            logs: meta.logs,
            return_data: (!returned.data.is_empty())
                .then_some(ReturnData { program: returned.program_id, data: returned.data }),
            effects: Effects::Seen(Seen { keys, before, after, inner: meta.inner_instructions, mints }),
        }
    }

    fn missing_program(&self, message: &VersionedMessage, keys: &[Pubkey]) -> Option<Pubkey> {
        let programs = message.instructions().iter();
        let mut programs = programs.filter_map(|ix| keys.get(usize::from(ix.program_id_index)));
        programs.find(|key| !self.account(key).is_some_and(|account| account.executable)).copied()
    }

    /// As SIMD-0186 counts, the code of upgradeable programs included: what a public cluster would charge.
    fn loaded_size(&self, accounts: &[Option<Account>], tables: usize) -> Option<u32> {
        let mut size = tables.saturating_mul(LOADED_TABLE);
        for account in accounts.iter().flatten() {
            size = size.saturating_add(LOADED_ACCOUNT).saturating_add(account.data.len());
            // An upgradeable program holds the tag 2 and the address of its code.
            if account.executable
                && account.data.get(..4) == Some(&[2, 0, 0, 0])
                && let Some(code) = account.data.get(4..36).and_then(|key| Pubkey::try_from(key).ok())
                && let Some(code) = self.svm.accounts_db().get_account_ref(&code)
            {
                size = size.saturating_add(LOADED_ACCOUNT).saturating_add(code.data().len());
            }
        }
        u32::try_from(size).ok()
    }

    /// Decimals of the mints that are not among the accounts themselves.
    fn mints(
        &self,
        keys: &[Pubkey],
        before: &[Option<Account>],
        after: &[(usize, Option<Account>)],
    ) -> Vec<(Pubkey, u8)> {
        let mut mints: Vec<(Pubkey, u8)> = Vec::new();
        let after = after.iter().filter_map(|(_, account)| account.as_ref());
        for account in before.iter().flatten().chain(after) {
            if account.owner != TOKEN && account.owner != TOKEN_2022 {
                continue;
            }
            let mint = account.data.get(..32).filter(|_| account.data.len() >= 165);
            let Some(mint) = mint.and_then(|mint| Pubkey::try_from(mint).ok()) else {
                continue;
            };
            if keys.contains(&mint) || mints.iter().any(|(known, _)| *known == mint) {
                continue;
            }
            if let Some(decimals) = self.account(&mint).as_ref().and_then(token::decimals) {
                mints.push((mint, decimals));
            }
        }
        mints
    }
}
