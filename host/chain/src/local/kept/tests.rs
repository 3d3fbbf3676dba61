//! Cut and altered files: damage is an error that names the file, or it changes nothing that is read. Never a wrong balance.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::{Advance, Chain, LocalChain, Pace, Until, derived_address};
use solana_message::{VersionedMessage, v0};
use solana_sdk::transaction::VersionedTransaction;

const WORLD: &str = "
[wallets.owner]
sol = 10
[wallets.other]
sol = 1
[mints.usdc]
decimals = 6
[token-accounts.treasury]
mint = \"usdc\"
owner = \"owner\"
amount = 2500
[[later]]
slot = 900
airdrop = { to = \"other\", sol = 1 }
";
const INTENTS: u64 = 12;

/// All that a kept chain says: accounts, slot, messages, names, and what became of the intents.
fn said(dir: &Path) -> Result<String, ChainError> {
    let (mut kept, spec, hash) = Kept::open(dir, "dev", ChainSpec::default())?;
    let resumed = kept.load()?;
    let mut accounts = resumed.accounts;
    accounts.sort_by_key(|(key, ..)| *key);
    let mut said = format!("{hash} {:?} {:?} {}\n{accounts:?}\n", spec.names, spec.events, resumed.events_left);
    said += &format!("{} {:?}\n", resumed.slot, resumed.landed);
    for intent in 0..INTENTS {
        said += &format!("{:?}\n", kept.recall(&format!("pay/{intent}"))?);
    }
    kept.close();
    Ok(said)
}

fn copy(from: &Path, to: &Path) {
    for file in ["dev.db", "dev.db-wal", "dev.lock"] {
        let _ = fs::remove_file(to.join(file));
        if from.join(file).exists() {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }
    let _ = fs::remove_file(to.join("dev.db-shm"));
}

/// Executes the intent of this number.
fn pay(runtime: &tokio::runtime::Runtime, chain: &LocalChain, number: u64) {
    let (owner, other) = (derived_address("wallet", "owner"), derived_address("wallet", "other"));
    let pay = solana_system_interface::instruction::transfer(&owner, &other, 1000 + number);
    let hash = runtime.block_on(chain.latest_blockhash()).unwrap().hash;
    let message = v0::Message::try_compile(&owner, &[pay], &[], hash).unwrap();
    let tx = VersionedTransaction { signatures: Vec::new(), message: VersionedMessage::V0(message) };
    let intent = format!("pay/{number}");
    assert_eq!(runtime.block_on(chain.execute(&tx, Some(&intent))).unwrap().outcome, Ok(()));
}

/// How the chain was left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    /// By a crash: the first half of the executions is in the database, the other in the log.
    Crashed,
    /// Closed: all is in the database.
    Closed,
}

/// The files of a chain, and what it says.
fn chain(left: Left) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let live = dir.path().join("live");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let spec = || ChainSpec::parse(WORLD, "chain.toml").unwrap();
    for half in [0..INTENTS / 2, INTENTS / 2..INTENTS] {
        let chain = LocalChain::open(&live, "dev", spec(), Pace::Virtual).unwrap();
        for intent in half {
            pay(&runtime, &chain, intent);
        }
        copy(&live, dir.path());
    }
    if left == Left::Closed {
        copy(&live, dir.path());
    }
    assert_eq!(dir.path().join("dev.db-wal").exists(), left == Left::Crashed);
    let fresh = tempfile::tempdir().unwrap();
    copy(dir.path(), fresh.path());
    (dir, said(fresh.path()).unwrap())
}

/// What is done to a file.
#[derive(Debug)]
enum Harm {
    Cut(usize),
    Flip(usize, u8),
}

impl Harm {
    fn on(&self, good: &[u8]) -> Vec<u8> {
        match *self {
            Self::Cut(at) => good[..at].to_vec(),
            Self::Flip(at, bit) => {
                let mut bytes = good.to_vec();
                bytes[at] ^= 1 << bit;
                bytes
            }
        }
    }
}

/// Does each harm to one file of a copy of the chain. Says how many were told, and how many changed nothing.
fn harm(left: Left, file: &str, harms: impl FnOnce(usize) -> Vec<Harm>) -> (usize, usize) {
    let (whole, good) = chain(left);
    let bytes = fs::read(whole.path().join(file)).unwrap();
    let work = tempfile::tempdir().unwrap();
    let (mut told, mut harmless) = (0, 0);
    for harm in harms(bytes.len()) {
        copy(whole.path(), work.path());
        fs::write(work.path().join(file), harm.on(&bytes)).unwrap();
        match said(work.path()) {
            Ok(found) => {
                assert_eq!(found, good, "{harm:?} was believed");
                harmless += 1;
            }
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("/dev.") && !error.contains('\n'), "{harm:?}: {error}");
                told += 1;
            }
        }
    }
    (told, harmless)
}

/// Flips spread over a file: every `step`th byte, each time another bit.
fn flips(len: usize, step: usize) -> Vec<Harm> {
    (0..len).step_by(step).map(|at| Harm::Flip(at, u8::try_from(at / step % 8).unwrap())).collect()
}

#[test]
fn the_log_cut_anywhere_is_told() {
    // A frame is a header of 24 bytes and a page; the file begins with 32 bytes.
    let edges = |len: usize| (32..len).step_by(24 + 4096).flat_map(|edge| [edge - 1, edge, edge + 1, edge + 24]);
    let cuts = |len: usize| edges(len).chain((0..len).step_by(331)).filter(|at| *at < len).map(Harm::Cut).collect();
    let (told, harmless) = harm(Left::Crashed, "dev.db-wal", cuts);
    assert!(told > 200 && harmless == 0, "{told} {harmless}");
}

#[test]
fn a_bit_flipped_anywhere_in_the_log_is_told() {
    let (told, harmless) = harm(Left::Crashed, "dev.db-wal", |len| flips(len, 163));
    assert!(told > 500 && harmless == 0, "{told} {harmless}");
}

#[test]
fn time_that_was_not_synced_may_be_lost_and_goes_on_as_it_did() {
    let dir = tempfile::tempdir().unwrap();
    let live = dir.path().join("live");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let spec = ChainSpec::parse(WORLD, "chain.toml").unwrap();
    let chain = LocalChain::open(&live, "dev", spec.clone(), Pace::Virtual).unwrap();
    pay(&runtime, &chain, 0);
    let log = live.join("dev.db-wal");
    let synced = fs::read(&log).unwrap();
    let target = 905;
    for slot in [10, 500, 900, 903, target] {
        chain.advance(Some(Until::Slot(slot))).unwrap();
    }
    let all = |chain: &LocalChain| {
        let keys: Vec<Pubkey> = chain.names().into_values().collect();
        (chain.moment(), chain.accounts_now(&keys, None).unwrap().unwrap(), chain.last_change(&keys[1]))
    };
    let good = all(&chain);
    copy(&live, dir.path());
    let log = fs::read(&log).unwrap();
    // Behind the execution the log may hold frames of an older turn, which are written over.
    let durable = log.iter().zip(&synced).take_while(|(now, then)| now == then).count();
    let work = tempfile::tempdir().unwrap();
    let mut slots = std::collections::BTreeSet::new();
    for cut in (durable..log.len()).step_by(3000) {
        copy(dir.path(), work.path());
        fs::write(work.path().join("dev.db-wal"), &log[..cut]).unwrap();
        let chain = LocalChain::open(work.path(), "dev", spec.clone(), Pace::Virtual).unwrap();
        slots.insert(chain.moment().slot);
        while chain.moment().slot < target {
            assert!(matches!(chain.advance(Some(Until::Slot(target))), Ok(Advance::Moved(_))));
        }
        assert_eq!(all(&chain), good, "cut at {cut}");
    }
    assert!(slots.first() == Some(&2) && slots.len() > 3, "{slots:?}");
}

#[test]
fn a_database_cut_anywhere_is_told() {
    let (told, harmless) = harm(Left::Closed, "dev.db", |len| (0..len).step_by(97).map(Harm::Cut).collect());
    assert!(told > 300 && harmless == 0, "{told} {harmless}");
}

#[test]
fn a_bit_flipped_anywhere_in_a_database_is_told_or_makes_no_difference() {
    let (told, harmless) = harm(Left::Closed, "dev.db", |len| flips(len, 29));
    // Much of a small database is empty.
    assert!(told > 300, "{told} {harmless}");
    // What stands in the log as well is read from there.
    let (told, harmless) = harm(Left::Crashed, "dev.db", |len| flips(len, 97));
    assert!(told > 0 && harmless > told, "{told} {harmless}");
}

#[test]
fn a_lock_file_that_is_altered_is_told_and_a_lost_one_is_none() {
    let all = |len: usize| (0..len).flat_map(|at| (0..8).map(move |bit| Harm::Flip(at, bit))).collect();
    let (told, harmless) = harm(Left::Crashed, "dev.lock", all);
    assert!(told > 300 && harmless == 0, "{told} {harmless}");
    assert_eq!(harm(Left::Crashed, "dev.lock", |_| vec![Harm::Cut(0)]), (0, 1));
}
