//! A chain that cannot be read: the flow is told `unavailable`, that is on record like any reply, and a replay tells it again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use valence_chain::{Chain, ChainError, ChainSpec, LocalChain, Pace};
use valence_runtime::{
    AccountTemplate, Condition, Entry, FlowStep, InstructionTemplate, ProtocolFlow, RunRequest, Runtime, RuntimeConfig,
    RuntimeOptions,
    declared::{Address, Seat},
    history::Record,
    replay::{Build, Replayer, Verdict},
    solana_sdk::{hash::Hash, pubkey::Pubkey, transaction::VersionedTransaction},
};

/// A chain that cannot be read while it is out of order.
struct Faulty {
    chain: LocalChain,
    broken: AtomicBool,
}

#[async_trait::async_trait]
impl Chain for Faulty {
    fn name(&self) -> &str {
        self.chain.name()
    }
    fn genesis_hash(&self) -> Hash {
        self.chain.genesis_hash()
    }
    fn moment(&self) -> valence_chain::Moment {
        self.chain.moment()
    }
    fn runs_unsigned(&self) -> bool {
        true
    }
    fn accounts_now(
        &self,
        _: &[Pubkey],
        _: Option<valence_chain::Slice>,
    ) -> Option<Result<valence_chain::Snapshot, ChainError>> {
        None
    }
    async fn accounts(
        &self,
        keys: &[Pubkey],
        slice: Option<valence_chain::Slice>,
        min_slot: Option<u64>,
    ) -> Result<valence_chain::Snapshot, ChainError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(ChainError::Unavailable { chain: "faulty".into(), reason: "it is out of order".into() });
        }
        self.chain.accounts(keys, slice, min_slot).await
    }
    async fn find(&self, query: &valence_chain::ProgramQuery) -> Result<valence_chain::Found, ChainError> {
        self.chain.find(query).await
    }
    async fn latest_blockhash(&self) -> Result<valence_chain::LatestBlockhash, ChainError> {
        self.chain.latest_blockhash().await
    }
    async fn simulate(&self, tx: &VersionedTransaction) -> Result<valence_chain::Simulation, ChainError> {
        self.chain.simulate(tx).await
    }
    async fn execute(
        &self,
        tx: &VersionedTransaction,
        intent: Option<&str>,
    ) -> Result<valence_chain::Execution, ChainError> {
        self.chain.execute(tx, intent).await
    }
    fn last_change(&self, key: &Pubkey) -> Option<u64> {
        self.chain.last_change(key)
    }
    fn subscribe(&self, keys: &[Pubkey]) -> valence_chain::Updates {
        self.chain.subscribe(keys)
    }
    fn advance(&self, until: Option<valence_chain::Until>) -> Result<valence_chain::Advance, ChainError> {
        self.chain.advance(until)
    }
}

/// Waits until somebody has something, and then says so.
fn looks(payer: Pubkey) -> ProtocolFlow {
    let memo: Pubkey = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr".parse().unwrap();
    ProtocolFlow {
        id: "looks".to_owned(),
        name: "Looks".to_owned(),
        steps: vec![FlowStep {
            name: "say".to_owned(),
            instructions: vec![InstructionTemplate {
                program_id: memo.into(),
                accounts: vec![AccountTemplate::readonly(Address::Seat(Seat::Role("payer".to_owned()))).signer()],
                data: b"there".to_vec().into(),
            }],
            conditions: vec![Condition::AccountExists(payer.into())],
            ..FlowStep::default()
        }],
        fee_payer: Some("payer".to_owned()),
        roles: [("payer".to_owned(), "Pays.".to_owned())].into(),
        ..ProtocolFlow::default()
    }
}

#[tokio::test]
async fn what_was_unavailable_once_is_unavailable_in_every_replay() {
    let spec = ChainSpec::default().with_wallet("payer", 1_000_000_000).unwrap();
    let payer = spec.names()["payer"];
    let chain = Arc::new(Faulty { chain: LocalChain::new(spec, Pace::Virtual), broken: AtomicBool::new(true) });
    let options = RuntimeOptions { chain: Some(chain.clone()), ..RuntimeOptions::default() };
    let runtime = Runtime::with_options(RuntimeConfig::default(), options).unwrap();
    runtime.start().await.unwrap();
    runtime.register_flow(looks(payer)).unwrap();
    let mut request = RunRequest::default();
    request.inputs.roles.insert("payer".to_owned(), payer.to_string());
    let report = runtime.run("looks", request).await.unwrap();
    assert_eq!(report.outcome(), "failed", "{}", report.ending);
    assert!(report.ending.to_string().contains("out of order"), "{}", report.ending);
    // The chain is well again; the record is not changed by that.
    chain.broken.store(false, Ordering::Relaxed);
    let store = runtime.writer().store().clone();
    let record = Record::read(&*store, &report.instance).unwrap();
    let chapter = record.chapter(0).unwrap();
    let told = chapter.blocks.iter().map(|b| b.body::<Entry>().unwrap());
    assert!(
        told.into_iter()
            .any(|e| matches!(&e, Entry::Call { reply, .. } if format!("{reply:?}").contains("Unavailable")))
    );
    let build = Build::of(&*store, chapter).unwrap();
    let replayed = Replayer::new(None).replay(chapter, &build).await.unwrap();
    assert!(matches!(replayed.verdict, Verdict::Same(_)), "{:?}", replayed.verdict);
}
