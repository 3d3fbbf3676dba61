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

#[tokio::test]
async fn damage_is_named_wherever_the_file_is_cut() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let chain = open(dir.path(), description()?)?;
    run_well(&chain, wallet("owner"), &[memo("saved")]).await?;
    drop(chain);
    for file in ["state.json", "genesis.json"] {
        let path = dir.path().join("dev").join(file);
        let good = fs::read(&path)?;
        for cut in (0..good.len()).step_by(97) {
            fs::write(&path, &good[..cut])?;
            let error = open(dir.path(), ChainSpec::default()).err().context("opened")?.to_string();
            assert!(error.contains(file) && error.contains("is damaged"), "{error}");
        }
        fs::write(&path, String::from_utf8(good.clone())?.replacen("\"version\":1", "\"version\":2", 1))?;
        let error = open(dir.path(), ChainSpec::default()).err().context("opened")?.to_string();
        assert!(error.contains("version 2"), "{error}");
        fs::write(&path, good)?;
    }
    // A crash in the middle of a save leaves a file beside the good one.
    fs::write(dir.path().join("dev/state.json.new"), "{")?;
    assert_eq!(open(dir.path(), ChainSpec::default())?.moment().slot, 2);
    fs::remove_file(dir.path().join("dev/genesis.json"))?;
    let error = open(dir.path(), description()?).err().context("opened")?.to_string();
    assert!(error.contains("genesis.json is missing"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_save_that_fails_is_an_error_and_the_next_one_holds_everything() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let chain = open(dir.path(), description()?)?;
    let pay = [sol(wallet("owner"), wallet("other"), 9)];
    // A folder where the new file should be: nobody, not even root, can write there.
    let obstacle = dir.path().join("dev/state.json.new");
    fs::create_dir(&obstacle)?;
    let error = run(&chain, wallet("owner"), &pay).await.err().context("saved")?.to_string();
    assert!(error.contains("cannot save") && error.contains("state.json"), "{error}");
    fs::remove_dir(&obstacle)?;
    run_well(&chain, wallet("owner"), &[memo("again")]).await?;
    drop(chain);
    let chain = open(dir.path(), ChainSpec::default())?;
    assert_eq!(lamports(&chain, wallet("other"))?, 1_500_000_009);
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
