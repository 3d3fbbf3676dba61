//! The embedding API as a Rust program uses it, on the embedded chain. Flows through the API are in `host/cli/tests/flows.rs`,
//! which can build one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use anyhow::Result;
use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};
use valence_runtime::{
    Allocation, Chain, ChainSpec, CommitmentConfig, EventKind, LocalChain, Pace, Runtime, RuntimeConfig, RuntimeError,
    RuntimeOptions, StateUpdate,
    solana_sdk::{
        instruction::{AccountMeta, Instruction},
        pubkey,
        pubkey::Pubkey,
        signature::Signature,
    },
};

const SOL: u64 = 1_000_000_000;
const SYSTEM: Pubkey = Pubkey::new_from_array([0; 32]);

/// Alice with 10 SOL, and what comes later.
const CHAIN: &str = r#"
[wallets.alice]
sol = "10"
[wallets.bob]
[[later]]
slot = 4
airdrop = { to = "bob", sol = "1" }
[[later]]
slot = 6
transfer = { from = "alice", to = "bob", sol = "2" }
[[later]]
slot = 9
transfer = { from = "bob", to = "alice", sol = "3" }
"#;

struct World {
    runtime: Runtime,
    chain: Arc<LocalChain>,
    alice: Pubkey,
    bob: Pubkey,
}

async fn world(pace: Pace, config: RuntimeConfig) -> Result<World> {
    let spec = ChainSpec::parse(CHAIN, "chain.toml")?;
    let names = spec.names();
    let (alice, bob) = (names["alice"], names["bob"]);
    let chain = Arc::new(LocalChain::new(spec, pace));
    let options = RuntimeOptions {
        chain: Some(chain.clone()),
        names,
        allocation: Some(Allocation::OnDemand),
        ..RuntimeOptions::default()
    };
    let runtime = Runtime::with_options(config, options)?;
    runtime.start().await?;
    Ok(World { runtime, chain, alice, bob })
}

/// As the System program has it.
fn transfer(from: Pubkey, to: Pubkey, lamports: u64) -> Instruction {
    let mut data = 2u32.to_le_bytes().to_vec();
    data.extend(lamports.to_le_bytes());
    Instruction::new_with_bytes(SYSTEM, &data, vec![AccountMeta::new(from, true), AccountMeta::new(to, false)])
}

#[tokio::test]
async fn the_quick_start_of_the_seed_builds_an_unsigned_transaction() -> Result<()> {
    let config = RuntimeConfig {
        rpc_url: "local".to_string(),
        ws_url: "ignored on the embedded chain".to_string(),
        commitment: CommitmentConfig::confirmed(),
        max_retries: 3,
        enable_simulation: true,
    };
    let runtime = Runtime::new(config).await?;
    runtime.start().await?;
    let mut events = runtime.subscribe().await;
    let account = pubkey!("7Np41oeYqPefeNQEHSv1UDhYrehxin3NStELsSKCT4K2");
    runtime.state_monitor().subscribe_account(account, |update| println!("Account updated: {update:?}")).await?;
    let unsigned = runtime
        .transaction_builder()
        .add_instruction(transfer(account, SYSTEM, 1))
        .with_compute_units(200_000)
        .build("My transaction".to_string())
        .await?;
    assert_eq!(unsigned.metadata.description, "My transaction");
    assert_eq!(unsigned.metadata.compute_units, 200_000);
    assert_eq!(unsigned.signers, [account]);
    assert_eq!(unsigned.to_transaction().signatures, [Signature::default()]);
    // Nobody has given it lamports, and the simulation says so.
    let simulation = unsigned.metadata.simulation.unwrap();
    assert!(!simulation.success && simulation.error.unwrap().contains("holds no lamports"));
    runtime.stop().await;
    assert!(events.next().await.is_none());
    Ok(())
}

#[test]
fn the_five_settings_come_from_five_variables() -> Result<()> {
    let config = RuntimeConfig::from_variables(|name| {
        Some(
            match name {
                "VALENCE_RPC_URL" => "local",
                "VALENCE_WS_URL" => "ws://here",
                "VALENCE_COMMITMENT" => "processed",
                "VALENCE_MAX_RETRIES" => "9",
                "VALENCE_ENABLE_SIMULATION" => "false",
                other => panic!("{other} is no setting"),
            }
            .to_owned(),
        )
    })?;
    let expected = RuntimeConfig {
        rpc_url: "local".to_owned(),
        ws_url: "ws://here".to_owned(),
        commitment: CommitmentConfig::processed(),
        max_retries: 9,
        enable_simulation: false,
    };
    assert_eq!(config, expected);
    assert_eq!(RuntimeConfig::from_variables(|_| None)?, RuntimeConfig::default());
    Ok(())
}

#[tokio::test]
async fn a_cluster_that_this_version_does_not_attach_to_is_refused_by_name() {
    let config = RuntimeConfig { rpc_url: "http://localhost:8899".to_owned(), ..RuntimeConfig::default() };
    let error = Runtime::new(config).await.err().unwrap().to_string();
    assert!(error.contains("`http://localhost:8899`") && error.contains("`local`"), "{error}");
}

#[tokio::test]
async fn a_watched_account_is_told_as_it_is_and_then_at_every_change_in_slot_order() -> Result<()> {
    let World { runtime, chain, alice, bob } = world(Pace::Virtual, RuntimeConfig::default()).await?;
    let (sender, updates) = mpsc::channel::<StateUpdate>();
    let to = |name: &'static str| {
        let sender = sender.clone();
        move |update: StateUpdate| sender.send(StateUpdate { data: name.as_bytes().to_vec(), ..update }).unwrap()
    };
    runtime.state_monitor().subscribe_account(alice, to("alice")).await?;
    let second = runtime.state_monitor().subscribe_account(bob, to("bob")).await?;
    for _ in 0..3 {
        chain.advance(None)?;
    }
    // The callbacks come from tasks of their own.
    let mut seen = Vec::new();
    while seen.len() < 6 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        seen.extend(updates.try_iter());
    }
    let of = |name: &str| {
        let mine = seen.iter().filter(|u| u.data == name.as_bytes());
        mine.map(|u| (u.slot, u.lamports)).collect::<Vec<_>>()
    };
    let fee = 10 * SOL - of("alice")[1].1 - 2 * SOL;
    assert!(fee <= 5000);
    assert_eq!(of("alice")[0], (1, 10 * SOL));
    assert_eq!(of("alice").iter().map(|u| u.0).collect::<Vec<_>>(), [1, 6, 9]);
    assert_eq!(of("bob").iter().map(|u| u.0).collect::<Vec<_>>(), [4, 6, 9]);
    assert_eq!((of("bob")[0].1, of("bob")[1].1), (SOL, 3 * SOL));

    // Unsubscribed, there is nothing more to hear; the other goes on.
    assert!(runtime.state_monitor().unsubscribe(second));
    assert!(!runtime.state_monitor().unsubscribe(second));
    let paid = runtime.transaction_builder().add_instruction(transfer(alice, bob, SOL)).build("pay").await?;
    chain.execute(&paid.to_transaction(), None).await?;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let seen: Vec<_> = updates.try_iter().map(|u| u.data).collect();
    assert_eq!(seen, [b"alice".to_vec()]);

    // So it is after the runtime has stopped.
    runtime.stop().await;
    let again = runtime.transaction_builder().add_instruction(transfer(alice, bob, SOL)).build("pay again").await?;
    chain.execute(&again.to_transaction(), None).await?;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(updates.try_iter().count(), 0);
    Ok(())
}

#[tokio::test]
async fn changes_of_watched_accounts_are_events_too() -> Result<()> {
    let World { runtime, chain, bob, .. } = world(Pace::Virtual, RuntimeConfig::default()).await?;
    let mut events = runtime.subscribe().await;
    runtime.state_monitor().subscribe_account(bob, |_| {}).await?;
    chain.advance(None)?;
    let event = events.next().await.unwrap()?;
    assert_eq!((event.slot, event.instance.as_deref()), (4, None));
    let expected = EventKind::StateUpdate { account: bob.to_string(), lamports: Some(SOL) };
    assert_eq!(event.kind, expected);
    runtime.stop().await;
    assert!(events.next().await.is_none());
    Ok(())
}

#[tokio::test]
async fn a_transfer_is_measured_simulated_and_lands_as_it_was_built() -> Result<()> {
    let World { runtime, chain, alice, bob } = world(Pace::Virtual, RuntimeConfig::default()).await?;
    let build = || runtime.transaction_builder().add_instruction(transfer(alice, bob, SOL));
    let measured = build().build("measured").await?;
    let simulation = measured.metadata.simulation.clone().unwrap();
    assert!(simulation.success, "{simulation:?}");
    let limit = u64::from(measured.metadata.compute_units);
    assert!(limit >= simulation.units_consumed && limit < 2 * simulation.units_consumed + 1000, "{limit}");

    let given = build().with_compute_units(77_777).with_priority_fee(1_000_000).build("given").await?;
    assert_eq!((given.metadata.compute_units, given.metadata.priority_fee), (77_777, 1_000_000));

    let executed = chain.execute(&measured.to_transaction(), None).await?;
    assert!(executed.outcome.is_ok());
    assert_eq!(executed.units_consumed, simulation.units_consumed);
    let balances = chain.accounts(&[alice, bob], None, None).await?.accounts;
    assert_eq!(balances[1].as_ref().unwrap().lamports, SOL);
    assert_eq!(balances[0].as_ref().unwrap().lamports, 9 * SOL - executed.fee);
    Ok(())
}

#[tokio::test]
async fn what_would_fail_is_refused_when_measured_and_told_when_the_units_are_given() -> Result<()> {
    let World { runtime, alice, bob, .. } = world(Pace::Virtual, RuntimeConfig::default()).await?;
    let build = || runtime.transaction_builder().add_instruction(transfer(alice, bob, 99 * SOL));
    let error = build().build("too much").await.unwrap_err();
    assert!(matches!(error, RuntimeError::Build(_)), "{error:?}");
    assert!(error.to_string().contains("does not hold enough lamports"), "{error}");
    let built = build().with_compute_units(10_000).build("too much").await?;
    let simulation = built.metadata.simulation.unwrap();
    assert!(!simulation.success && simulation.error.unwrap().contains("does not hold enough lamports"));
    Ok(())
}

#[tokio::test]
async fn without_simulation_nothing_is_simulated() -> Result<()> {
    let config = RuntimeConfig { enable_simulation: false, ..RuntimeConfig::default() };
    let World { runtime, alice, bob, .. } = world(Pace::Virtual, config).await?;
    let built = runtime.transaction_builder().add_instruction(transfer(alice, bob, 99 * SOL)).build("unseen").await?;
    assert_eq!(built.metadata.simulation, None);
    Ok(())
}

#[tokio::test]
async fn a_transaction_of_nothing_or_of_nobody_is_refused() -> Result<()> {
    let World { runtime, bob, .. } = world(Pace::Virtual, RuntimeConfig::default()).await?;
    assert!(runtime.transaction_builder().build("empty").await.unwrap_err().to_string().contains("no instruction"));
    let unsigned = Instruction::new_with_bytes(SYSTEM, &[], vec![AccountMeta::new(bob, false)]);
    let error = runtime.transaction_builder().add_instruction(unsigned).build("nobody pays").await.unwrap_err();
    assert!(matches!(error, RuntimeError::NoFeePayer), "{error:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn at_real_pace_the_chain_moves_by_itself() -> Result<()> {
    let pace = Pace::RealTime { slot: Duration::from_millis(5) };
    let World { runtime, bob, .. } = world(pace, RuntimeConfig::default()).await?;
    let slots = Arc::new(Mutex::new(Vec::new()));
    let noted = slots.clone();
    runtime.state_monitor().subscribe_account(bob, move |update| noted.lock().unwrap().push(update.slot)).await?;
    for _ in 0..1000 {
        if slots.lock().unwrap().len() == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(*slots.lock().unwrap(), [4, 6, 9]);
    Ok(())
}
