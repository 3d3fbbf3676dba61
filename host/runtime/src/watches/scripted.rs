//! A chain for tests: it does what the test says, fails where the test says, and answers reads only when it is let.
#![allow(clippy::unwrap_used, clippy::panic)]

use async_trait::async_trait;
use parking_lot::Mutex;
use solana_sdk::{hash::Hash, pubkey::Pubkey, transaction::VersionedTransaction};
use std::collections::{BTreeMap, VecDeque};
use tokio::sync::Semaphore;
use valence_chain::{
    Account, Advance, Chain, ChainError, Changes, Execution, Feed, Found, LatestBlockhash, Moment, ProgramQuery,
    Simulation, Slice, Snapshot, Until, Updates,
};

/// See the file's head. It moves by itself unless it has been told how to answer `advance`.
pub(super) struct Scripted {
    state: Mutex<State>,
    feed: Mutex<Option<Feed>>,
    /// Reads that are let through; none: all are, at once.
    gate: Option<Semaphore>,
}

#[derive(Default)]
struct State {
    slot: u64,
    accounts: BTreeMap<Pubkey, (u64, Option<Account>)>,
    /// How often reading fails.
    broken: usize,
    advances: VecDeque<Result<Advance, ChainError>>,
    asked: Vec<Option<Until>>,
    reads: usize,
}

impl Scripted {
    pub fn new() -> Self {
        Scripted { state: Mutex::default(), feed: Mutex::new(Some(Feed::default())), gate: None }
    }

    /// Answers no read before it is let.
    pub fn gated() -> Self {
        Scripted { gate: Some(Semaphore::new(0)), ..Self::new() }
    }

    pub fn let_reads(&self, some: usize) {
        self.gate.as_ref().unwrap().add_permits(some);
    }

    pub fn break_reads(&self, times: usize) {
        self.state.lock().broken = times;
    }

    /// The next answer of `advance`; one more slot where it says that it moved.
    pub fn script(&self, answer: Result<Advance, ChainError>) {
        self.state.lock().advances.push_back(answer);
    }

    pub fn asked(&self) -> Vec<Option<Until>> {
        self.state.lock().asked.clone()
    }

    /// How many accounts were read.
    pub fn reads(&self) -> usize {
        self.state.lock().reads
    }

    pub fn at(slot: u64) -> Moment {
        Moment { slot, unix_time: i64::try_from(slot).unwrap() }
    }

    /// One more slot, in which these accounts get so many lamports, or go.
    pub fn slot(&self, changed: &[(Pubkey, Option<u64>)]) -> u64 {
        let mut state = self.state.lock();
        state.slot += 1;
        let slot = state.slot;
        let mut changes = Changes::default();
        for (key, lamports) in changed {
            let account = lamports.map(|lamports| Account {
                lamports,
                data: Vec::new().into(),
                owner: Pubkey::default(),
                executable: false,
                rent_epoch: 0,
            });
            state.accounts.insert(*key, (slot, account.clone()));
            changes.accounts.insert(*key, account);
        }
        if let Some(feed) = &*self.feed.lock() {
            feed.publish(Self::at(slot), &changes);
        }
        slot
    }

    pub fn close(&self) {
        *self.feed.lock() = None;
    }

    fn read(&self, keys: &[Pubkey]) -> Result<Snapshot, ChainError> {
        let mut state = self.state.lock();
        if state.broken > 0 {
            state.broken -= 1;
            return Err(ChainError::Unavailable { chain: "scripted".to_owned(), reason: "broken".to_owned() });
        }
        state.reads += keys.len();
        let account = |key| state.accounts.get(key).and_then(|(_, account)| account.clone());
        Ok(Snapshot { moment: Self::at(state.slot), accounts: keys.iter().map(account).collect() })
    }
}

#[async_trait]
impl Chain for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn genesis_hash(&self) -> Hash {
        Hash::default()
    }

    fn moment(&self) -> Moment {
        Self::at(self.state.lock().slot)
    }

    fn runs_unsigned(&self) -> bool {
        false
    }

    fn accounts_now(&self, keys: &[Pubkey], _: Option<Slice>) -> Option<Result<Snapshot, ChainError>> {
        self.gate.is_none().then(|| self.read(keys))
    }

    async fn accounts(&self, keys: &[Pubkey], _: Option<Slice>, _: Option<u64>) -> Result<Snapshot, ChainError> {
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        self.read(keys)
    }

    fn last_change(&self, key: &Pubkey) -> Option<u64> {
        self.state.lock().accounts.get(key).map(|(slot, _)| *slot)
    }

    fn subscribe(&self, keys: &[Pubkey]) -> Updates {
        self.feed.lock().as_ref().unwrap().subscribe(keys)
    }

    fn advance(&self, until: Option<Until>) -> Result<Advance, ChainError> {
        let answer = {
            let mut state = self.state.lock();
            state.asked.push(until);
            state.advances.pop_front().unwrap_or(Ok(Advance::Itself))
        };
        if matches!(answer, Ok(Advance::Moved(_)) | Err(ChainError::EventFailed { .. })) {
            self.slot(&[]);
        }
        answer
    }

    async fn find(&self, _: &ProgramQuery) -> Result<Found, ChainError> {
        panic!("nobody asks for this here")
    }

    async fn latest_blockhash(&self) -> Result<LatestBlockhash, ChainError> {
        panic!("nobody asks for this here")
    }

    async fn simulate(&self, _: &VersionedTransaction) -> Result<Simulation, ChainError> {
        panic!("nobody asks for this here")
    }

    async fn execute(&self, _: &VersionedTransaction, _: Option<&str>) -> Result<Execution, ChainError> {
        panic!("nobody asks for this here")
    }
}
