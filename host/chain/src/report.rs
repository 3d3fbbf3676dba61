//! What a simulated or executed transaction did. The cheap facts are fields; balances, token changes and inner instructions
//! are worked out when they are asked for, because the hot path rarely asks. Why it failed is in `failure`.

use crate::{Account, Moment, TxFailure, token};
use solana_message::inner_instruction::InnerInstructionsList;
use solana_sdk::pubkey::Pubkey;

/// The report of a simulation.
pub type Simulation = TxReport;
/// The report of an execution; its `moment` is the slot in which it landed.
pub type Execution = TxReport;

/// What a transaction did, or would do.
#[derive(Clone, Debug)]
pub struct TxReport {
    /// The slot that the transaction saw, and its time.
    pub moment: Moment,
    /// Success, or why not.
    pub outcome: Result<(), TxFailure>,
    /// Whether the transaction is in a block (or would be): its fee is paid, even if it failed.
    pub landed: bool,
    /// Compute units used.
    pub units_consumed: u64,
    /// Fee in lamports; it is due only if the transaction `landed`.
    pub fee: u64,
    /// Bytes of account data loaded, as `SetLoadedAccountsDataSizeLimit` counts them, where the chain says.
    pub loaded_accounts_data_size: Option<u32>,
    /// Program logs.
    pub logs: Vec<String>,
    /// What the last program returned.
    pub return_data: Option<ReturnData>,
    pub(crate) effects: Effects,
}

/// What a transaction did to its accounts.
#[derive(Clone, Debug)]
pub(crate) enum Effects {
    /// As it was seen to happen.
    Seen(Seen),
    /// As it was kept.
    Recalled(Recalled),
}

/// The accounts of a transaction before and after, in the order of its keys. Everything else is worked out from it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub keys: Vec<Pubkey>,
    pub before: Vec<Option<Account>>,
    /// Only the writable accounts; an account that is gone is `None`.
    pub after: Vec<(usize, Option<Account>)>,
    pub inner: InnerInstructionsList,
    /// Mints that are not among the transaction's accounts, read at the same slot: (mint, decimals).
    pub mints: Vec<(Pubkey, u8)>,
}

/// What is left of a transaction's effects when the accounts themselves are not kept with it.
#[derive(Clone, Debug)]
pub(crate) struct Recalled {
    pub keys: Vec<Pubkey>,
    pub balances: Vec<BalanceChange>,
    pub tokens: Vec<TokenChange>,
    pub inner: Vec<InnerInstruction>,
}

/// What a program returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnData {
    /// The program.
    pub program: Pubkey,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// An account's lamports before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalanceChange {
    /// The account.
    pub account: Pubkey,
    /// Lamports before.
    pub before: u64,
    /// Lamports after.
    pub after: u64,
}

/// A token account's amount before and after. An account that was created or closed counts as empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenChange {
    /// The token account.
    pub account: Pubkey,
    /// Its mint.
    pub mint: Pubkey,
    /// Who owns the token account.
    pub owner: Pubkey,
    /// The token program.
    pub program: Pubkey,
    /// The mint's decimals, where the mint could be read.
    pub decimals: Option<u8>,
    /// Base units before.
    pub before: u64,
    /// Base units after.
    pub after: u64,
}

/// An instruction that a program ran itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InnerInstruction {
    /// The transaction's instruction that it belongs to.
    pub instruction: u8,
    /// How deep: the transaction's own instructions are at 1.
    pub depth: u8,
    /// The program.
    pub program: Pubkey,
    /// Its accounts.
    pub accounts: Vec<Pubkey>,
    /// Its data.
    pub data: Vec<u8>,
}

impl TxReport {
    /// Lamports of every account of the transaction, before and after, in the order of its keys.
    pub fn balances(&self) -> Vec<BalanceChange> {
        match &self.effects {
            Effects::Seen(seen) => seen.balances(),
            Effects::Recalled(recalled) => recalled.balances.clone(),
        }
    }

    /// Every token account of the transaction that it may write, of Token and Token-2022, changed or not.
    pub fn token_balances(&self) -> Vec<TokenChange> {
        match &self.effects {
            Effects::Seen(seen) => seen.token_balances(),
            Effects::Recalled(recalled) => recalled.tokens.clone(),
        }
    }

    /// The token accounts whose amount differs.
    pub fn token_changes(&self) -> Vec<TokenChange> {
        let mut changes = self.token_balances();
        changes.retain(|change| change.before != change.after);
        changes
    }

    /// The writable accounts as they are after the transaction; `None` for one that is not there. None at all for a report
    /// that was kept ([`Chain::executed`](crate::Chain::executed)): the accounts have gone on since.
    pub fn post_accounts(&self) -> Vec<(Pubkey, Option<Account>)> {
        let Effects::Seen(seen) = &self.effects else {
            return Vec::new();
        };
        let key = |(index, account): &(usize, Option<Account>)| Some((*seen.keys.get(*index)?, account.clone()));
        seen.after.iter().filter_map(key).collect()
    }

    /// The accounts of the transaction, those from lookup tables last.
    pub fn account_keys(&self) -> &[Pubkey] {
        match &self.effects {
            Effects::Seen(seen) => &seen.keys,
            Effects::Recalled(recalled) => &recalled.keys,
        }
    }

    /// The instructions that programs ran, in order.
    pub fn inner_instructions(&self) -> Vec<InnerInstruction> {
        match &self.effects {
            Effects::Seen(seen) => seen.inner_instructions(),
            Effects::Recalled(recalled) => recalled.inner.clone(),
        }
    }

    /// The same report as it is kept: all that it says, without the accounts.
    pub(crate) fn recalled(&self) -> Self {
        let effects = Effects::Recalled(Recalled {
            keys: self.account_keys().to_vec(),
            balances: self.balances(),
            tokens: self.token_balances(),
            inner: self.inner_instructions(),
        });
        Self {
            moment: self.moment,
            outcome: self.outcome.clone(),
            landed: self.landed,
            units_consumed: self.units_consumed,
            fee: self.fee,
            loaded_accounts_data_size: self.loaded_accounts_data_size,
            logs: self.logs.clone(),
            return_data: self.return_data.clone(),
            effects,
        }
    }
}

impl Seen {
    fn balances(&self) -> Vec<BalanceChange> {
        self.pairs()
            .map(|(account, before, after)| BalanceChange {
                account,
                before: before.map_or(0, |account| account.lamports),
                after: after.map_or(0, |account| account.lamports),
            })
            .collect()
    }

    fn token_balances(&self) -> Vec<TokenChange> {
        let mut changes = Vec::new();
        for (account, before, after) in self.pairs() {
            let (old, new) = (before.and_then(token::account), after.and_then(token::account));
            let Some((program, mint, owner)) = new.or(old).map(|t| (t.program, t.mint, t.owner)) else {
                continue;
            };
            let amount = |token: Option<token::Holding>| token.filter(|t| t.mint == mint).map_or(0, |t| t.amount);
            changes.push(TokenChange {
                account,
                mint,
                owner,
                program,
                decimals: self.decimals(&mint),
                before: amount(old),
                after: amount(new),
            });
        }
        changes
    }

    fn inner_instructions(&self) -> Vec<InnerInstruction> {
        let key = |index: u8| self.keys.get(usize::from(index)).copied().unwrap_or_default();
        let mut all = Vec::new();
        for (outer, inner) in self.inner.iter().enumerate() {
            all.extend(inner.iter().map(|inner| InnerInstruction {
                instruction: u8::try_from(outer).unwrap_or(u8::MAX),
                depth: inner.stack_height,
                program: key(inner.instruction.program_id_index),
                accounts: inner.instruction.accounts.iter().copied().map(key).collect(),
                data: inner.instruction.data.clone(),
            }));
        }
        all
    }

    /// Each account with its state before and after.
    fn pairs(&self) -> impl Iterator<Item = (Pubkey, Option<&Account>, Option<&Account>)> {
        let mut after = self.after.iter().peekable();
        let accounts = self.keys.iter().zip(&self.before);
        accounts.enumerate().map(move |(index, (key, before))| {
            let changed = after.next_if(|(at, _)| *at == index);
            let after = changed.map_or(before, |(_, account)| account);
            (*key, before.as_ref(), after.as_ref())
        })
    }

    fn decimals(&self, mint: &Pubkey) -> Option<u8> {
        let in_transaction = || {
            let (_, before, after) = self.pairs().find(|(key, ..)| key == mint)?;
            token::decimals(after.or(before)?)
        };
        let known = |(key, decimals): &(Pubkey, u8)| (key == mint).then_some(*decimals);
        self.mints.iter().find_map(known).or_else(in_transaction)
    }
}
