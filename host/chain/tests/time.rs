//! Slots, scheduled events, updates and pace of the embedded chain.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use anyhow::{Context, Result};
use proptest::prelude::*;
use solana_sdk::{clock::Clock, hash::Hash, sysvar};
use std::{collections::BTreeMap, time::Duration};
use support::*;
use valence_chain::{Advance, Chain, ChainError, LocalChain, Moment, Pace, Until, UpdatesError};

const LATER: &str = r#"
[[later]]
slot = 20
airdrop = { to = "other", sol = "1" }
[[later]]
slot = 12
mint = { token = "usdc", to = "treasury", amount = "1200" }
[[later]]
slot = 12
mint = { token = "usdc", to = "treasury", amount = "1200" }
[[later]]
slot = 25
transfer = { token = "usdc", from = "treasury", to = "other", amount = "0.5" }
[[later]]
slot = 26
transfer = { from = "owner", to = "other", sol = "0.25" }
"#;

fn with_later() -> Result<LocalChain> {
    chain(&format!("{WORLD}{LATER}"))
}

#[tokio::test]
async fn events_run_in_slot_order_as_real_transactions() -> Result<()> {
    let chain = with_later()?;
    let names = chain.names();
    let (treasury, other) = (names["treasury"], wallet("other"));
    let mut updates = chain.subscribe(&[treasury, other]);
    assert!(matches!(chain.advance(None)?, Advance::Moved(Moment { slot: 12, .. })));
    assert_eq!(tokens(&chain, treasury)?, 4_900_500_000);
    let mint = chain.accounts_now(&[names["usdc"]], None).context("now")??.accounts[0].clone();
    let supply = u64::from_le_bytes(mint.context("mint")?.data[36..44].try_into()?);
    assert_eq!(supply, 4_900_500_000);
    let mut slots = vec![];
    while let Advance::Moved(moment) = chain.advance(None)? {
        slots.push(moment.slot);
    }
    assert_eq!(slots, [20, 25, 26]);
    assert_eq!(lamports(&chain, other)?, 2_750_000_000);
    assert_eq!(tokens(&chain, ata_of(other, names["usdc"], TOKEN))?, 500_000);
    let mut seen = vec![];
    while let Some(update) = updates.try_next() {
        let update = update?;
        let keys: Vec<_> = update.changed.iter().map(|(key, _)| *key).collect();
        seen.push((update.moment.slot, keys));
    }
    assert_eq!(seen, [(12, vec![treasury]), (20, vec![other]), (25, vec![treasury]), (26, vec![other])]);
    Ok(())
}

#[tokio::test]
async fn advance_stops_at_whatever_comes_first_and_says_when_nothing_can() -> Result<()> {
    let chain = with_later()?;
    let now = chain.moment();
    assert_eq!(chain.advance(Some(Until::Slot(0)))?, Advance::Moved(now));
    assert!(matches!(chain.advance(Some(Until::Slot(5)))?, Advance::Moved(Moment { slot: 5, .. })));
    assert!(matches!(chain.advance(Some(Until::Slot(500)))?, Advance::Moved(Moment { slot: 12, .. })));
    let later = chain.moment().unix_time + 3600;
    while chain.moment().unix_time < later {
        assert!(matches!(chain.advance(Some(Until::Time(later)))?, Advance::Moved(_)));
    }
    assert_eq!(chain.moment().unix_time, later);
    assert_eq!(chain.advance(None)?, Advance::Nothing);
    for never in [Until::Slot(u64::MAX), Until::Time(i64::MAX)] {
        assert_eq!(chain.advance(Some(never))?, Advance::Nothing);
    }
    Ok(())
}

#[tokio::test]
async fn programs_see_the_same_clock_as_the_runtime() -> Result<()> {
    let chain = chain(WORLD)?;
    for slot in [2, 3, 700, 432_000, 5_000_000] {
        chain.advance(Some(Until::Slot(slot)))?;
        let snapshot = chain.accounts_now(&[sysvar::clock::ID, sysvar::slot_hashes::ID], None).context("now")??;
        let clock = snapshot.accounts[0].clone().context("clock")?;
        let word = |at: usize| u64::from_le_bytes(clock.data[at..at + 8].try_into().unwrap());
        assert_eq!(clock.data.len(), std::mem::size_of::<Clock>());
        assert_eq!((word(0), word(16)), (slot, slot / 432_000));
        assert_eq!(i64::try_from(word(32))?, chain.moment().unix_time);
        let hashes = snapshot.accounts[1].clone().context("hashes")?;
        let newest = u64::from_le_bytes(hashes.data[8..16].try_into()?);
        assert_eq!(newest, slot - 1);
    }
    Ok(())
}

#[tokio::test]
async fn the_last_slot_is_an_end_and_not_an_overflow() -> Result<()> {
    let chain = chain(WORLD)?;
    let last = 1 << 48;
    assert!(matches!(chain.advance(Some(Until::Slot(last)))?, Advance::Moved(m) if m.slot == last));
    let hash = chain.latest_blockhash().await?.hash;
    let tx = tx(wallet("owner"), &[memo("the end")], hash)?;
    assert_eq!(chain.simulate(&tx).await?.outcome, Ok(()));
    let error = chain.execute(&tx, None).await.err().context("went on")?.to_string();
    assert!(error.contains("the last slot is reached"), "{error}");
    assert_eq!(chain.advance(Some(Until::Slot(last + 1)))?, Advance::Nothing);
    Ok(())
}

#[tokio::test]
async fn a_failed_event_is_named_and_the_chain_goes_on() -> Result<()> {
    let text = format!("{WORLD}\n[[later]]\nslot = 3\ntransfer = {{ from = \"other\", to = \"owner\", sol = 100 }}\n");
    let chain = chain(&text)?;
    let error = chain.advance(None).err().context("it worked")?;
    assert!(matches!(error, ChainError::EventFailed { .. }));
    let line = error.to_string();
    assert!(line.contains("the transfer of 100 SOL from other to owner at slot 3 failed"), "{line}");
    assert!(line.contains("does not hold enough lamports"), "{line}");
    assert_eq!(chain.moment().slot, 3);
    assert_eq!(chain.advance(None)?, Advance::Nothing);
    Ok(())
}

#[tokio::test]
async fn an_event_due_in_a_transactions_slot_runs_before_it() -> Result<()> {
    let text = format!("{WORLD}\n[[later]]\nslot = 2\nairdrop = {{ to = \"poor\", sol = 1 }}\n[wallets.poor]\n");
    let chain = chain(&text)?;
    let poor = wallet("poor");
    let report = run_well(&chain, poor, &[sol(poor, wallet("owner"), 5)]).await?;
    assert_eq!(report.moment.slot, 2);
    assert_eq!(lamports(&chain, poor)?, 1_000_000_000 - 5005);
    Ok(())
}

#[tokio::test]
async fn a_chain_at_real_pace_ticks_and_stops_when_dropped() -> Result<()> {
    let slot = Duration::from_millis(2);
    let chain = LocalChain::new(spec(WORLD)?, Pace::RealTime { slot });
    chain.ready()?;
    assert_eq!(chain.advance(None)?, Advance::Itself);
    let mut updates = chain.subscribe(&[]);
    let mut last = 0;
    for _ in 0..5 {
        let update = tokio::time::timeout(Duration::from_secs(10), updates.next()).await??;
        assert!(update.moment.slot > last);
        last = update.moment.slot;
    }
    run_well(&chain, wallet("owner"), &[memo("between ticks")]).await?;
    drop(chain);
    let closed = async {
        loop {
            if updates.next().await == Err(UpdatesError::Closed) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), closed).await?;
    Ok(())
}

#[tokio::test]
async fn two_chains_of_one_description_are_the_same_and_others_are_not() -> Result<()> {
    let (one, two, other) = (chain(WORLD)?, chain(WORLD)?, with_later()?);
    assert_eq!(one.genesis_hash(), two.genesis_hash());
    assert_ne!(one.genesis_hash(), other.genesis_hash());
    assert_ne!(one.genesis_hash(), Hash::default());
    for chain in [&one, &two] {
        run_well(chain, wallet("owner"), &[sol(wallet("owner"), wallet("other"), 7)]).await?;
    }
    assert_eq!(one.moment(), two.moment());
    assert_eq!(one.latest_blockhash().await?, two.latest_blockhash().await?);
    Ok(())
}

#[test]
fn time_starts_at_a_fixed_moment_unless_told() -> Result<()> {
    let moment = chain(WORLD)?.moment();
    assert_eq!((moment.slot, moment.unix_time), (1, 1_767_225_600));
    let moment = chain("[clock]\nunix-time = 5")?.moment();
    assert_eq!((moment.slot, moment.unix_time), (1, 5));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn updates_come_in_slot_order_and_add_up_to_what_is_read(steps in proptest::collection::vec((0u64..40, 0u64..2_000_000_000), 1..12)) {
        let check = async {
            let chain = with_later()?;
            let keys = [wallet("owner"), wallet("other"), chain.names()["treasury"]];
            let mut updates = chain.subscribe(&keys);
            let start = chain.accounts_now(&keys, None).context("now")??.accounts;
            let mut known: BTreeMap<_, _> = keys.into_iter().zip(start).collect();
            for (wait, lamports) in steps {
                chain.advance(Some(Until::Slot(chain.moment().slot + wait)))?;
                run(&chain, keys[0], &[sol(keys[0], keys[1], lamports)]).await?;
            }
            let mut last = 1;
            while let Some(update) = updates.try_next() {
                let update = update?;
                anyhow::ensure!(update.moment.slot > last, "{} after {last}", update.moment.slot);
                last = update.moment.slot;
                for (key, account) in update.changed {
                    anyhow::ensure!(known.insert(key, account.clone()) != Some(account), "nothing changed");
                }
            }
            anyhow::ensure!(last == chain.moment().slot, "a slot is missing");
            let end = chain.accounts_now(&keys, None).context("now")??.accounts;
            anyhow::ensure!(keys.iter().zip(&end).all(|(key, account)| known.get(key) == Some(account)), "a change is missing");
            Ok(())
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let result: Result<()> = runtime.block_on(check);
        prop_assert!(result.is_ok(), "{:?}", result);
    }
}
