//! The embedded chain's state: LiteSVM, the slot, and what is scheduled. All changes go through [`World::execute`] and
//! [`World::move_to`]; each returns what it changed. Locks, pace, subscribers and files are not known here; reports are made in `effects`.

// The large error is LiteSVM's own, and a failed transaction is rare.
#![allow(clippy::result_large_err)]

mod effects;
mod nonce;

use super::clock::{FIRST_SLOT, Genesis, MAX_SLOT, RecentHashes};
use crate::{
    Account, ChainError, ChainSpec, Changes, Moment, SpecError, TxReport,
    spec::{Event, instructions},
};
use litesvm::{LiteSVM, types::FailedTransactionMetadata};
use solana_account::ReadableAccount;
use solana_address_lookup_table_interface::state::AddressLookupTable;
use solana_message::{Message, VersionedMessage};
use solana_sdk::{
    clock::Clock, epoch_schedule::EpochSchedule, hash::Hash, pubkey::Pubkey, signature::Signature,
    slot_hashes::SlotHashes, sysvar, transaction::VersionedTransaction,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Lamports of the account that pays for airdrops and scheduled events.
const FAUCET_LAMPORTS: u64 = 1 << 60;

pub(crate) struct World {
    svm: LiteSVM,
    genesis: Genesis,
    slot: u64,
    hashes: RecentHashes,
    faucet: Pubkey,
    /// What is still to come, the next first.
    events: VecDeque<Event>,
    /// Messages that landed and could land again: hash → slot.
    landed: BTreeMap<Hash, u64>,
    /// Accounts that differ from genesis: in which slot each last changed.
    touched: BTreeMap<Pubkey, u64>,
}

/// What a restart needs besides the genesis.
pub(crate) struct Resumed {
    pub slot: u64,
    pub events_left: usize,
    pub landed: BTreeMap<Hash, u64>,
    /// The accounts, and the slot in which each last changed; 0 for one that stands as it was described.
    pub accounts: Vec<(Pubkey, u64, Option<solana_account::Account>)>,
}

impl World {
    /// Builds the chain. Takes some 10 ms.
    pub fn build(spec: &ChainSpec, genesis: Genesis) -> Result<Self, ChainError> {
        // As `LiteSVM::new`, but at our slot before programs are loaded, without its random airdrop account, and without
        // the checks that need signatures and its own single blockhash.
        let mut svm = LiteSVM::default()
            .with_mainnet_features()
            .with_builtins()
            .with_sysvars()
            .with_transaction_history(0)
            .with_sigverify(false)
            .with_blockhash_check(false);
        svm.set_sysvar(&EpochSchedule::without_warmup());
        let mut world = Self {
            svm,
            genesis,
            slot: FIRST_SLOT,
            hashes: RecentHashes::default(),
            faucet: crate::derived_address("faucet", "local"),
            events: spec.events.iter().cloned().collect(),
            landed: BTreeMap::new(),
            touched: BTreeMap::new(),
        };
        world.set_slot(FIRST_SLOT);
        world.svm = world.svm.with_feature_accounts().with_default_programs();
        let faucet = solana_account::Account { lamports: FAUCET_LAMPORTS, rent_epoch: u64::MAX, ..Default::default() };
        world.set(world.faucet, faucet, "the faucet")?;
        for (id, program) in &spec.programs {
            world.add_program(*id, &program.value, &program.file)?;
        }
        // A program account needs the account of its code to be there first.
        let (code, data): (Vec<_>, Vec<_>) = spec.accounts.iter().partition(|(_, account)| account.value.executable);
        for (key, account) in data.into_iter().chain(code) {
            world.set(*key, account.value.clone(), &account.file)?;
        }
        Ok(world)
    }

    /// Goes on where a kept chain was left.
    pub fn resume(&mut self, resumed: Resumed) -> Result<(), ChainError> {
        self.landed = resumed.landed;
        let done = self.events.len().saturating_sub(resumed.events_left);
        self.events.drain(..done);
        let (code, data): (Vec<_>, Vec<_>) = resumed
            .accounts
            .into_iter()
            .partition(|(_, _, account)| account.as_ref().is_some_and(|account| account.executable));
        for (key, slot, account) in data.into_iter().chain(code) {
            if slot > 0 {
                self.touched.insert(key, slot);
            }
            self.set(key, account.unwrap_or_default(), "the kept chain")?;
        }
        self.set_slot(resumed.slot.clamp(FIRST_SLOT, MAX_SLOT));
        Ok(())
    }

    pub fn slot(&self) -> u64 {
        self.slot
    }

    pub fn newest_hash(&self) -> Hash {
        self.hashes.newest()
    }

    pub fn next_event(&self) -> Option<u64> {
        self.events.front().map(|event| event.slot)
    }

    pub fn events_left(&self) -> usize {
        self.events.len()
    }

    pub fn landed(&self) -> &BTreeMap<Hash, u64> {
        &self.landed
    }

    pub fn moment(&self) -> Moment {
        self.genesis.moment(self.slot)
    }

    /// The slot in which an account last changed, since genesis.
    pub fn last_change(&self, key: &Pubkey) -> Option<u64> {
        self.touched.get(key).copied()
    }

    pub fn account(&self, key: &Pubkey) -> Option<Account> {
        self.svm.accounts_db().get_account_ref(key).map(Account::from)
    }

    /// All accounts of a program, in no order.
    pub fn of_program(&self, program: &Pubkey) -> impl Iterator<Item = (Pubkey, Account)> {
        let all = self.svm.accounts_db().inner.iter();
        let program = *program;
        all.filter(move |(_, account)| *account.owner() == program).map(|(key, account)| (*key, account.into()))
    }

    /// Runs a transaction in the present slot without changing anything.
    pub fn simulate(&self, tx: &VersionedTransaction) -> Result<TxReport, ChainError> {
        let message = &tx.message;
        let run = self.admit(tx, true)?;
        let keys = self.keys(message);
        let before = self.read(&keys);
        let result = guarded(|| self.svm.simulate_transaction(run))?;
        let (error, meta, after) = match result {
            Ok(info) => (None, info.meta, info.post_accounts),
            Err(FailedTransactionMetadata { err, meta }) => (Some(err), meta, Vec::new()),
        };
        // LiteSVM gives the writable accounts in the order of the keys.
        let mut written = after.iter().peekable();
        let mut changed = Vec::with_capacity(after.len());
        for (index, key) in keys.iter().enumerate() {
            if let Some((_, account)) = written.next_if(|(written, _)| written == key) {
                let account = (account.lamports() > 0).then(|| Account::from(account));
                changed.push((index, account));
            }
        }
        Ok(self.report(message, keys, before, changed, error, meta, true))
    }

    /// Moves to the next slot and runs a transaction there. What was due in that slot runs first.
    pub fn execute(&mut self, tx: &VersionedTransaction, changes: &mut Changes) -> Result<TxReport, ChainError> {
        // Checked before the slot moves: a transaction that can never land moves nothing.
        let run = self.admit(tx, false)?;
        if self.slot >= MAX_SLOT {
            return Err(unavailable("the last slot is reached: start a new chain"));
        }
        // A failed event must not be taken for this transaction's failure.
        if let Err(error) = self.move_to(self.slot.saturating_add(1), changes) {
            changes.failed = Some(error.to_string());
        }
        self.run(&tx.message, run, changes)
    }

    /// Moves to a slot and runs what is due there. The caller stops at each slot that has events.
    pub fn move_to(&mut self, slot: u64, changes: &mut Changes) -> Result<(), ChainError> {
        self.set_slot(slot);
        for key in [sysvar::clock::ID, sysvar::slot_hashes::ID, sysvar::recent_blockhashes::ID] {
            changes.accounts.insert(key, self.account(&key));
        }
        let mut outcome = Ok(());
        while let Some(event) = self.events.pop_front_if(|event| event.slot <= slot) {
            if let Err(reason) = self.run_event(&event, changes) {
                outcome = outcome.and(Err(ChainError::EventFailed { event: event.text, reason }));
            }
        }
        outcome
    }

    fn run_event(&mut self, event: &Event, changes: &mut Changes) -> Result<(), String> {
        let owner_of = |key: &Pubkey| Some(crate::token::account(&self.account(key)?)?.owner);
        let instructions = instructions(&event.action, self.faucet, owner_of)?;
        let message = Message::new_with_blockhash(&instructions, Some(&self.faucet), &self.newest_hash());
        let message = VersionedMessage::Legacy(message);
        let tx = VersionedTransaction { signatures: Vec::new(), message: message.clone() };
        // Two equal events in one slot are meant, so this does not pass the check for duplicates.
        let report = self.run(&message, unsigned(tx), changes).map_err(|error| error.to_string())?;
        report.outcome.map_err(|failure| failure.error)
    }

    /// Runs a transaction in the present slot, for good. `message` is its message: LiteSVM takes the transaction itself.
    fn run(
        &mut self,
        message: &VersionedMessage,
        tx: VersionedTransaction,
        changes: &mut Changes,
    ) -> Result<TxReport, ChainError> {
        let keys = self.keys(message);
        let before = self.read(&keys);
        let nonce = self.nonce(message);
        let (error, meta) = match guarded(|| self.svm.send_transaction(tx))? {
            Ok(meta) => (None, meta),
            Err(FailedTransactionMetadata { err, meta }) => (Some(err), meta),
        };
        let landed = error.is_none() || !meta.logs.is_empty();
        if landed {
            self.landed.insert(message.hash(), self.slot);
            if let (Some(nonce), true) = (nonce, error.is_some()) {
                // A failed transaction advances its nonce too; LiteSVM rolls that back.
                self.advance_nonce(nonce, message.recent_blockhash())?;
            }
        }
        let reserved: Option<&BTreeSet<Pubkey>> = None;
        let writable = |index| message.is_maybe_writable_with_reserved_addresses(index, reserved);
        let mut changed = Vec::new();
        for (index, (key, before)) in keys.iter().zip(&before).enumerate() {
            let after = self.account(key);
            if writable(index) || after != *before {
                if after != *before {
                    self.touched.insert(*key, self.slot);
                    changes.accounts.insert(*key, after.clone());
                }
                changed.push((index, after));
            }
        }
        Ok(self.report(message, keys, before, changed, error, meta, false))
    }

    /// Checks what LiteSVM does not: the blockhash and duplicates. The transaction comes back as LiteSVM wants it.
    fn admit(&self, tx: &VersionedTransaction, simulating: bool) -> Result<VersionedTransaction, ChainError> {
        let hash = *tx.message.recent_blockhash();
        if simulating && hash == Hash::default() {
            let mut tx = tx.clone();
            tx.message.set_recent_blockhash(self.newest_hash());
            return Ok(unsigned(tx));
        }
        if !self.hashes.holds(&hash) && self.nonce(&tx.message).is_none() {
            return Err(ChainError::BlockhashUnknown { hash, slot: self.slot });
        }
        if !simulating && let Some(slot) = self.landed.get(&tx.message.hash()) {
            let signature = tx.signatures.first().filter(|first| **first != Signature::default());
            return Err(ChainError::AlreadyProcessed { signature: signature.copied(), slot: *slot });
        }
        Ok(unsigned(tx.clone()))
    }

    /// All accounts of a message, those of its lookup tables last and in the cluster's order: writable, then read-only.
    fn keys(&self, message: &VersionedMessage) -> Vec<Pubkey> {
        let mut keys = message.static_account_keys().to_vec();
        let lookups = message.address_table_lookups().unwrap_or_default();
        for writable in [true, false] {
            for lookup in lookups {
                let indexes = if writable { &lookup.writable_indexes } else { &lookup.readonly_indexes };
                let table = self.account(&lookup.account_key);
                let table = table.as_ref().and_then(|table| AddressLookupTable::deserialize(&table.data).ok());
                // An entry that is missing makes the transaction fail before any account is looked at.
                let entry = |index: &u8| table.as_ref()?.addresses.get(usize::from(*index)).copied();
                keys.extend(indexes.iter().map(|index| entry(index).unwrap_or_default()));
            }
        }
        keys
    }

    fn read(&self, keys: &[Pubkey]) -> Vec<Option<Account>> {
        keys.iter().map(|key| self.account(key)).collect()
    }

    /// Sets slot, time, epoch and the hashes that programs can see.
    fn set_slot(&mut self, slot: u64) {
        self.slot = slot;
        self.hashes.reach(&self.genesis, slot);
        // A message can land again only while its blockhash is recent; that of a nonce has changed by then.
        let oldest = slot.saturating_sub(super::clock::BLOCKHASHES);
        self.landed.retain(|_, landed| *landed >= oldest);
        let schedule = EpochSchedule::without_warmup();
        let epoch = schedule.get_epoch(slot);
        let epoch_start = schedule.get_first_slot_in_epoch(epoch).max(FIRST_SLOT);
        self.svm.set_sysvar(&Clock {
            slot,
            epoch_start_timestamp: self.genesis.moment(epoch_start).unix_time,
            epoch,
            leader_schedule_epoch: schedule.get_leader_schedule_epoch(slot),
            unix_timestamp: self.genesis.moment(slot).unix_time,
        });
        self.svm.set_sysvar(&SlotHashes::new(&self.hashes.before_newest()));
        #[allow(deprecated)]
        {
            use sysvar::recent_blockhashes::{IterItem, RecentBlockhashes};
            let newest = self.newest_hash();
            self.svm.set_sysvar(&RecentBlockhashes::from_iter([IterItem(slot, &newest, 5000)]));
        }
    }

    fn set(&mut self, key: Pubkey, account: solana_account::Account, file: &str) -> Result<(), ChainError> {
        guarded(|| self.svm.set_account(key, account))?.map_err(|error| {
            let what = format!("the account {key} cannot be used: {error}");
            SpecError::new(file, what).into()
        })
    }

    fn add_program(&mut self, id: Pubkey, bytes: &[u8], file: &str) -> Result<(), ChainError> {
        guarded(|| self.svm.add_program(id, bytes))?.map_err(|error| {
            let what = format!("program {id} cannot be loaded: {error}; build it with `cargo build-sbf`");
            SpecError::new(file, what).into()
        })
    }
}

/// LiteSVM wants room for every signature, checked or not.
fn unsigned(mut tx: VersionedTransaction) -> VersionedTransaction {
    let wanted = usize::from(tx.message.header().num_required_signatures);
    if tx.signatures.len() < wanted {
        tx.signatures.resize(wanted, Signature::default());
    }
    tx
}

/// LiteSVM unwraps in places; a panic there must not take the runtime along.
fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, ChainError> {
    catch_unwind(AssertUnwindSafe(run))
        .map_err(|_| unavailable("the embedded SVM panicked on this input: start a new chain, and report it"))
}

pub(crate) fn unavailable(reason: &str) -> ChainError {
    ChainError::Unavailable { chain: "local".into(), reason: reason.into() }
}
