//! Kept chains: closed and opened again they stand where they were left, whatever happened in between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use anyhow::{Context, Result};
use proptest::prelude::*;
use solana_sdk::{hash::Hash, pubkey::Pubkey};
use std::{fs, path::Path, time::Duration};
use support::*;
use valence_chain::{Advance, Chain, ChainError, ChainSpec, LocalChain, Pace, Until, derived_address};

const LATER: &str = "
[[later]]
slot = 4
airdrop = { to = \"other\", sol = 1 }
[[later]]
slot = 4
airdrop = { to = \"other\", sol = 1 }
[[later]]
slot = 90
mint = { token = \"usdc\", to = \"other\", amount = 3 }
";

fn description() -> Result<ChainSpec> {
    spec(&format!("{WORLD}{LATER}"))
}

fn open(dir: &Path, spec: ChainSpec) -> Result<LocalChain, ChainError> {
    LocalChain::open(dir, "dev", spec, Pace::Virtual)
}

/// Everything that can be seen of a chain.
fn all(chain: &LocalChain) -> Result<impl PartialEq + std::fmt::Debug + use<>> {
    let names = chain.names();
    let mut keys: Vec<Pubkey> = names.values().copied().collect();
    keys.extend([wallet("owner"), derived_address("faucet", "local"), ata_of(wallet("other"), names["usdc"], TOKEN)]);
    keys.extend([solana_sdk::sysvar::clock::ID, solana_sdk::sysvar::slot_hashes::ID, MEMO, TOKEN]);
    let snapshot = chain.accounts_now(&keys, None).context("now")??;
    let changes: Vec<_> = keys.iter().map(|key| chain.last_change(key)).collect();
    Ok((snapshot, changes, chain.moment(), chain.genesis_hash(), names))
}

#[derive(Clone, Debug)]
enum Deed {
    Pay(u64),
    Sweep(u64),
    Fail,
    Wait(u64),
    Reopen,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        (0u64..3_000_000_000).prop_map(Deed::Pay),
        (0u64..3_000_000_000).prop_map(Deed::Sweep),
        Just(Deed::Fail),
        (1u64..60).prop_map(Deed::Wait),
        Just(Deed::Reopen),
    ];
    proptest::collection::vec(deed, 1..7)
}

async fn do_it(chain: &LocalChain, deed: &Deed) -> Result<()> {
    let (owner, other, names) = (wallet("owner"), wallet("other"), chain.names());
    match deed {
        Deed::Pay(lamports) => drop(run(chain, owner, &[sol(owner, other, *lamports)]).await?),
        Deed::Sweep(amount) => {
            let (usdc, treasury) = (names["usdc"], names["treasury"]);
            let cold = ata_of(other, usdc, TOKEN);
            let send = spl_token_2022_interface::instruction::transfer_checked(
                &TOKEN,
                &treasury,
                &usdc,
                &cold,
                &owner,
                &[],
                *amount,
                6,
            )?;
            run(chain, owner, &[create_ata(owner, other, usdc, TOKEN), send]).await?;
        }
        Deed::Fail => drop(run(chain, owner, &[sol(owner, other, u64::MAX)]).await?),
        Deed::Wait(slots) => drop(chain.advance(Some(Until::Slot(chain.moment().slot + slots)))?),
        Deed::Reopen => {}
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_kept_chain_opened_again_is_equal_and_goes_on_as_if_it_had_never_been_closed(deeds in deeds()) {
        let check = async {
            let dir = tempfile::tempdir()?;
            let undisturbed = LocalChain::new(description()?, Pace::Virtual);
            let mut chain = open(dir.path(), description()?)?;
            for deed in &deeds {
                do_it(&undisturbed, deed).await?;
                do_it(&chain, deed).await?;
                if matches!(deed, Deed::Reopen) {
                    drop(chain);
                    chain = open(dir.path(), ChainSpec::default())?;
                }
                anyhow::ensure!(all(&chain)? == all(&undisturbed)?, "after {deed:?}");
            }
            drop(chain);
            let chain = open(dir.path(), description()?)?;
            loop {
                let (one, two) = (undisturbed.advance(None)?, chain.advance(None)?);
                anyhow::ensure!(one == two, "{one:?} {two:?}");
                if one == Advance::Nothing {
                    break;
                }
            }
            anyhow::ensure!(all(&chain)? == all(&undisturbed)?, "at the end");
            Ok(())
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let result: Result<()> = runtime.block_on(check);
        prop_assert!(result.is_ok(), "{:?}", result);
    }

    #[test]
    fn a_simulation_never_changes_anything(deeds in deeds()) {
        let check = async {
            let chain = LocalChain::new(description()?, Pace::Virtual);
            let (owner, other, names) = (wallet("owner"), wallet("other"), chain.names());
            let mut updates = chain.subscribe(&[owner, other]);
            let before = all(&chain)?;
            for deed in &deeds {
                let lamports = match deed {
                    Deed::Pay(lamports) | Deed::Sweep(lamports) => *lamports,
                    _ => u64::MAX,
                };
                let steps = [create_ata(owner, other, names["usdc"], TOKEN), sol(owner, other, lamports), memo("no")];
                chain.simulate(&tx(owner, &steps, Hash::default())?).await?;
            }
            anyhow::ensure!(all(&chain)? == before, "something changed");
            anyhow::ensure!(updates.try_next().is_none(), "somebody was told");
            Ok(())
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let result: Result<()> = runtime.block_on(check);
        prop_assert!(result.is_ok(), "{:?}", result);
    }
}

#[tokio::test]
async fn a_landed_message_is_still_known_after_opening_again() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let chain = open(dir.path(), description()?)?;
    let pay = tx(wallet("owner"), &[sol(wallet("owner"), wallet("other"), 9)], chain.latest_blockhash().await?.hash)?;
    chain.execute(&pay, None).await?;
    drop(chain);
    let chain = open(dir.path(), description()?)?;
    assert!(matches!(chain.execute(&pay, None).await, Err(ChainError::AlreadyProcessed { .. })));
    Ok(())
}

#[test]
fn a_second_opener_is_told_so_and_a_closed_chain_is_free_at_once() -> Result<()> {
    let dir = tempfile::tempdir()?;
    for _ in 0..10 {
        let chain = open(dir.path(), description()?)?;
        let second = open(dir.path(), description()?).err().context("opened twice")?;
        assert!(second.to_string().contains("another process has it open"), "{second}");
        drop(chain);
    }
    Ok(())
}

#[test]
fn names_cannot_leave_the_folder() -> Result<()> {
    let dir = tempfile::tempdir()?;
    for name in ["", ".", "..", "a/b", "../x", "/x", "a b", "é", "a\0", &"x".repeat(65)] {
        let error = LocalChain::open(dir.path(), name, ChainSpec::default(), Pace::Virtual);
        let error = error.err().context("opened")?.to_string();
        assert!(error.contains("no name"), "{error}");
    }
    assert_eq!(fs::read_dir(dir.path())?.count(), 0);
    Ok(())
}

#[test]
fn another_description_is_refused_and_says_what_to_do() -> Result<()> {
    let dir = tempfile::tempdir()?;
    drop(open(dir.path(), description()?)?);
    let error = open(dir.path(), spec(WORLD)?).err().context("opened")?.to_string();
    assert!(error.contains("started from another chain.toml") && error.contains("remove"), "{error}");
    Ok(())
}

/// A chain with one execution, closed, and its file.
async fn one_execution(dir: &Path) -> Result<rusqlite::Connection> {
    let chain = open(dir, description()?)?;
    let pay = tx(wallet("owner"), &[sol(wallet("owner"), wallet("other"), 9)], chain.latest_blockhash().await?.hash)?;
    assert_eq!(chain.execute(&pay, Some("pay/1")).await?.outcome, Ok(()));
    Ok(rusqlite::Connection::open(dir.join("dev.db"))?)
}

#[tokio::test]
async fn a_kept_chain_is_one_file_that_anybody_can_query_while_it_runs() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let db = one_execution(dir.path()).await?;
    let chain = open(dir.path(), ChainSpec::default())?;
    let hash = chain.latest_blockhash().await?.hash;
    let broke = tx(wallet("owner"), &[sol(wallet("owner"), wallet("other"), u64::MAX)], hash)?;
    chain.execute(&broke, Some("broke/1")).await?;
    let text = |sql: &str| db.query_row(sql, [], |row| row.get::<_, String>(0));
    assert_eq!(text("SELECT printf('%.9f', sol) FROM balances WHERE name = 'other'")?, "1.500000009");
    assert_eq!(text("SELECT changed_in || '' FROM balances WHERE name = 'other'")?, "2");
    assert_eq!(text("SELECT slot || '' FROM state")?, "3");
    assert_eq!(text("SELECT hash FROM genesis")?, chain.genesis_hash().to_string());
    assert_eq!(text("SELECT address FROM names WHERE name = 'usdc'")?, chain.names()["usdc"].to_string());
    let sql = "SELECT group_concat(intent || ' ' || slot || ' ' || fee) FROM executions WHERE failure IS NULL";
    assert_eq!(text(sql)?, "pay/1 2 5000");
    assert!(text("SELECT failure FROM failures WHERE intent = 'broke/1'")?.contains("does not hold enough lamports"));
    let sql = "SELECT value ->> 'after' FROM executions, json_each(report, '$.accounts')
        WHERE intent = 'pay/1' AND value ->> 'address' = ?";
    let after: i64 = db.query_row(sql, [wallet("other").to_string()], |row| row.get(0))?;
    assert_eq!(after, 1_500_000_009);
    drop(chain);
    drop(db);
    let mut files: Vec<_> = fs::read_dir(dir.path())?.map(|file| Ok(file?.file_name())).collect::<Result<_>>()?;
    files.sort();
    assert_eq!(files, ["dev.db", "dev.lock"]);
    Ok(())
}

#[tokio::test]
async fn a_file_of_another_version_or_of_another_kind_is_refused() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let db = one_execution(dir.path()).await?;
    let refused = || anyhow::Ok(open(dir.path(), ChainSpec::default()).err().context("opened")?.to_string());
    db.pragma_update(None, "user_version", 2)?;
    let error = refused()?;
    assert!(error.contains("dev.db has version 2, and this build reads version 1"), "{error}");
    db.pragma_update(None, "application_id", 0)?;
    let error = refused()?;
    assert!(error.contains("dev.db is a database, but no kept chain"), "{error}");
    drop(db);
    fs::write(dir.path().join("dev.db"), "[wallets.owner]\nsol = 10\n")?;
    let error = refused()?;
    assert!(error.contains("dev.db is damaged (file is not a database)"), "{error}");
    // Emptied or gone, with what was durable: never a new chain in its place.
    fs::write(dir.path().join("dev.db"), "")?;
    let error = refused()?;
    assert!(error.contains("dev.db is missing or empty"), "{error}");
    fs::remove_file(dir.path().join("dev.db"))?;
    let error = refused()?;
    assert!(error.contains("dev.db is missing or empty: restore it, or remove"), "{error}");
    fs::remove_file(dir.path().join("dev.lock"))?;
    assert_eq!(open(dir.path(), ChainSpec::default())?.moment().slot, 1);
    Ok(())
}

#[tokio::test]
async fn a_start_that_was_interrupted_is_begun_again() -> Result<()> {
    let dir = tempfile::tempdir()?;
    // What a process leaves that is killed before its first commit: a database without a table.
    let db = rusqlite::Connection::open(dir.path().join("dev.db"))?;
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    drop(db);
    let chain = open(dir.path(), description()?)?;
    run_well(&chain, wallet("owner"), &[memo("here")]).await?;
    drop(chain);
    assert_eq!(open(dir.path(), ChainSpec::default())?.moment().slot, 2);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_saved_has_not_happened_and_can_be_asked_again() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let db = one_execution(dir.path()).await?;
    let chain = open(dir.path(), ChainSpec::default())?;
    let mut updates = chain.subscribe(&[wallet("other")]);
    let before = all(&chain)?;
    let pay = tx(wallet("owner"), &[sol(wallet("owner"), wallet("other"), 9)], chain.latest_blockhash().await?.hash)?;
    db.execute_batch("BEGIN IMMEDIATE")?;
    for _ in 0..2 {
        let error = chain.execute(&pay, Some("pay/2")).await.err().context("saved")?.to_string();
        assert!(error.contains("cannot save") && error.contains("dev.db: another program writes to it"), "{error}");
        assert!(chain.executed("pay/2").await?.is_none());
        let error = chain.advance(Some(Until::Slot(4))).err().context("moved")?.to_string();
        assert!(error.contains("cannot save"), "{error}");
        assert_eq!(all(&chain)?, before);
    }
    assert!(updates.try_next().is_none());
    db.execute_batch("ROLLBACK")?;
    assert_eq!(chain.execute(&pay, Some("pay/2")).await?.outcome, Ok(()));
    assert_eq!(lamports(&chain, wallet("other"))?, 1_500_000_018);
    chain.advance(Some(Until::Slot(4)))?;
    assert_eq!(lamports(&chain, wallet("other"))?, 3_500_000_018);
    drop(chain);
    let chain = open(dir.path(), ChainSpec::default())?;
    assert_eq!(lamports(&chain, wallet("other"))?, 3_500_000_018);
    assert_eq!(chain.executed("pay/2").await?.context("known")?.moment.slot, 3);
    Ok(())
}

#[tokio::test]
async fn a_chain_at_real_pace_that_cannot_be_saved_stands_still_and_says_so_once() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let db = one_execution(dir.path()).await?;
    let pace = Pace::RealTime { slot: Duration::from_millis(5) };
    let chain = LocalChain::open(dir.path(), "dev", ChainSpec::default(), pace)?;
    let mut updates = chain.subscribe(&[]);
    updates.next().await?;
    db.execute_batch("BEGIN IMMEDIATE")?;
    let next = async |updates: &mut valence_chain::Updates| {
        anyhow::Ok(tokio::time::timeout(Duration::from_secs(20), updates.next()).await??)
    };
    let stuck = loop {
        let update = next(&mut updates).await?;
        if let Some(failed) = update.failed {
            assert!(failed.contains("cannot save"), "{failed}");
            break update.moment;
        }
    };
    assert_eq!(chain.moment(), stuck);
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(updates.try_next().is_none());
    db.execute_batch("ROLLBACK")?;
    let update = next(&mut updates).await?;
    assert_eq!((update.moment.slot, update.failed), (stuck.slot + 1, None));
    Ok(())
}

#[tokio::test]
async fn a_kept_chain_at_real_pace_is_saved_when_it_is_closed() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let pace = Pace::RealTime { slot: Duration::from_millis(1) };
    let chain = LocalChain::open(dir.path(), "dev", spec(WORLD)?, pace)?;
    let mut updates = chain.subscribe(&[]);
    let mut seen = 0;
    while seen < 5 {
        seen = tokio::time::timeout(Duration::from_secs(10), updates.next()).await??.moment.slot;
    }
    drop(chain);
    while let Ok(Ok(update)) = tokio::time::timeout(Duration::from_millis(200), updates.next()).await {
        seen = update.moment.slot;
    }
    assert_eq!(open(dir.path(), ChainSpec::default())?.moment().slot, seen);
    Ok(())
}
