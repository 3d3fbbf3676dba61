//! An intent runs once, however often and with whatever transaction it is asked for. Crashes are in `crash.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use anyhow::{Context, Result};
use std::{sync::Arc, time::Duration};
use support::*;
use valence_chain::{Chain, Execution, LocalChain, MAX_INTENT, Pace, Until};

/// All that a report says, without the accounts themselves.
fn said(report: &Execution) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        (report.moment, report.outcome.clone(), report.landed, report.units_consumed, report.fee),
        (report.loaded_accounts_data_size, report.logs.clone(), report.return_data.clone()),
        (report.balances(), report.token_balances(), report.token_changes()),
        (report.account_keys().to_vec(), report.inner_instructions()),
    )
}

/// A chain in memory and a kept one.
fn both() -> Result<(tempfile::TempDir, [LocalChain; 2])> {
    let dir = tempfile::tempdir()?;
    let kept = LocalChain::open(dir.path(), "dev", spec(WORLD)?, Pace::Virtual)?;
    Ok((dir, [chain(WORLD)?, kept]))
}

#[tokio::test]
async fn an_intent_asked_again_says_the_same_and_runs_nothing() -> Result<()> {
    let (_dir, chains) = both()?;
    for chain in chains {
        let (owner, other, names) = (wallet("owner"), wallet("other"), chain.names());
        let (usdc, treasury) = (names["usdc"], names["treasury"]);
        let cold = ata_of(other, usdc, TOKEN);
        let send = spl_token_2022_interface::instruction::transfer_checked(
            &TOKEN,
            &treasury,
            &usdc,
            &cold,
            &owner,
            &[],
            5,
            6,
        )?;
        let steps = [create_ata(owner, other, usdc, TOKEN), send, memo("once"), sol(owner, other, 9)];
        let pay = tx(owner, &steps, chain.latest_blockhash().await?.hash)?;
        assert!(chain.executed("a/1").await?.is_none());
        let first = chain.execute(&pay, Some("a/1")).await?;
        assert_eq!(first.outcome, Ok(()));
        assert!(!first.inner_instructions().is_empty() && first.token_changes().len() == 2);
        let slot = chain.moment().slot;
        // The same transaction would be refused as a duplicate; one that was built anew would land.
        chain.advance(Some(Until::Slot(slot + 200)))?;
        let anew = tx(owner, &[sol(owner, other, 9)], chain.latest_blockhash().await?.hash)?;
        for again in [&pay, &anew] {
            let told = chain.execute(again, Some("a/1")).await?;
            assert_eq!(said(&told), said(&first));
            assert!(told.post_accounts().is_empty());
        }
        assert_eq!(said(&chain.executed("a/1").await?.context("known")?), said(&first));
        assert_eq!(chain.moment().slot, slot + 200);
        assert_eq!(lamports(&chain, other)?, 1_500_000_009);
        assert_eq!(tokens(&chain, cold)?, 5);
        // Another name is another intent.
        assert_eq!(chain.execute(&anew, Some("a/2")).await?.outcome, Ok(()));
        assert_eq!(lamports(&chain, other)?, 1_500_000_018);
    }
    Ok(())
}

#[tokio::test]
async fn a_failure_is_remembered_as_it_was_told() -> Result<()> {
    let (_dir, chains) = both()?;
    for chain in chains {
        let (owner, other) = (wallet("owner"), wallet("other"));
        let broke = tx(owner, &[sol(owner, other, u64::MAX)], chain.latest_blockhash().await?.hash)?;
        let failed = chain.execute(&broke, Some("a/1")).await?;
        assert!(failed.outcome.is_err() && failed.landed);
        let nobody = wallet("nobody");
        let unpaid = tx(nobody, &[memo("no fee")], chain.latest_blockhash().await?.hash)?;
        let refused = chain.execute(&unpaid, Some("a/2")).await?;
        assert!(refused.outcome.is_err() && !refused.landed);
        for (intent, report) in [("a/1", &failed), ("a/2", &refused)] {
            assert_eq!(said(&chain.executed(intent).await?.context("known")?), said(report));
        }
        assert_eq!(said(&chain.execute(&unpaid, Some("a/1")).await?), said(&failed));
    }
    Ok(())
}

#[tokio::test]
async fn what_never_ran_is_not_remembered() -> Result<()> {
    let (_dir, chains) = both()?;
    for chain in chains {
        let stale = tx(wallet("owner"), &[memo("stale")], solana_sdk::hash::Hash::new_unique())?;
        assert!(chain.execute(&stale, Some("a/1")).await.is_err());
        assert!(chain.executed("a/1").await?.is_none());
        let good = tx(wallet("owner"), &[memo("good")], chain.latest_blockhash().await?.hash)?;
        assert_eq!(chain.execute(&good, Some("a/1")).await?.outcome, Ok(()));
    }
    Ok(())
}

#[tokio::test]
async fn a_name_that_is_none_is_refused() -> Result<()> {
    let (_dir, chains) = both()?;
    for chain in chains {
        let good = tx(wallet("owner"), &[memo("good")], chain.latest_blockhash().await?.hash)?;
        for name in ["", &"x".repeat(MAX_INTENT + 1)] {
            let error = chain.execute(&good, Some(name)).await.err().context("ran")?.to_string();
            assert!(error.contains("1 to 256 bytes"), "{error}");
        }
        assert_eq!(chain.moment().slot, 1);
        assert_eq!(chain.execute(&good, Some(&"x".repeat(MAX_INTENT))).await?.outcome, Ok(()));
    }
    Ok(())
}

#[test]
fn callers_at_the_same_time_share_one_execution() -> Result<()> {
    let (_dir, chains) = both()?;
    for chain in chains.map(Arc::new) {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let hash = runtime.block_on(chain.latest_blockhash())?.hash;
        std::thread::scope(|scope| {
            for caller in 0..8u64 {
                let chain = &chain;
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    let pay = tx(wallet("owner"), &[sol(wallet("owner"), wallet("other"), 1 + caller)], hash).unwrap();
                    for intent in ["a", "b", "c"] {
                        runtime.block_on(chain.execute(&pay, Some(intent))).ok();
                    }
                });
            }
        });
        assert_eq!(chain.moment().slot, 4);
        for intent in ["a", "b", "c"] {
            assert_eq!(runtime.block_on(chain.executed(intent))?.context("known")?.outcome, Ok(()));
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_event_that_fails_when_nobody_asked_for_the_slot_is_told_to_subscribers() -> Result<()> {
    let text = format!("{WORLD}\n[[later]]\nslot = 2\ntransfer = {{ from = \"other\", to = \"owner\", sol = 100 }}\n");
    let mut seen = Vec::new();
    // For a transaction …
    let chain = chain(&text)?;
    let mut updates = chain.subscribe(&[]);
    assert_eq!(run(&chain, wallet("owner"), &[memo("mine")]).await?.outcome, Ok(()));
    seen.push(updates.next().await?);
    // … and by itself.
    let pace = Pace::RealTime { slot: Duration::from_millis(2) };
    let chain = LocalChain::new(spec(&text)?, pace);
    let mut updates = chain.subscribe(&[]);
    loop {
        let update = tokio::time::timeout(Duration::from_secs(10), updates.next()).await??;
        if update.failed.is_some() {
            seen.push(update);
            break;
        }
    }
    for update in seen {
        let failed = update.failed.context("told")?;
        assert_eq!(update.moment.slot, 2);
        assert!(failed.contains("the transfer of 100 SOL from other to owner at slot 2 failed"), "{failed}");
    }
    Ok(())
}
