//! Declared flows through the embedding API, on the embedded chain: the example's folder, and what a runtime does with cycles and failures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use anyhow::Result;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use valence_runtime::{
    AccountTemplate, Allocation, Chain, ChainSpec, Condition, Ending, EventKind, FlowError, FlowStep,
    InstructionTemplate, LocalChain, Pace, ProtocolFlow, RetryPolicy, RunFile, RunReport, RunRequest, Runtime,
    RuntimeConfig, RuntimeOptions, Stop,
    declared::{Address, Field, Quantity, Seat},
    solana_sdk::pubkey::Pubkey,
};

const SOL: u64 = 1_000_000_000;

struct World {
    runtime: Runtime,
    chain: Arc<LocalChain>,
    names: BTreeMap<String, Pubkey>,
}

async fn world(spec: ChainSpec) -> Result<World> {
    let names = spec.names();
    let chain = Arc::new(LocalChain::new(spec, Pace::Virtual));
    let options = RuntimeOptions {
        chain: Some(chain.clone()),
        names: names.clone(),
        allocation: Some(Allocation::OnDemand),
        ..RuntimeOptions::default()
    };
    let config = RuntimeConfig { rpc_url: "local".to_owned(), ..RuntimeConfig::default() };
    let runtime = Runtime::with_options(config, options)?;
    runtime.start().await?;
    Ok(World { runtime, chain, names })
}

impl World {
    /// Lamports of a named account.
    async fn lamports(&self, name: &str) -> u64 {
        let read = self.chain.accounts(&[self.names[name]], None, None).await.unwrap();
        read.accounts[0].as_ref().map_or(0, |account| account.lamports)
    }
}

/// The example, with these params instead of its own.
async fn example(params: &[(&str, &str)]) -> Result<(RunReport, World, Vec<String>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/declared-payout");
    let world = world(ChainSpec::load(folder.join("chain.toml"))?).await?;
    let flow = ProtocolFlow::load(folder.join("flow.toml"), &world.names)?;
    let mut inputs = RunFile::load(&folder.join("run.toml"))?.inputs;
    inputs.params.extend(params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let id = flow.id.clone();
    world.runtime.register_flow(flow)?;
    let mut events = world.runtime.subscribe().await;
    let report = world.runtime.run(id.as_str(), RunRequest { inputs, ..RunRequest::default() }).await?;
    world.runtime.stop().await;
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        match &event?.kind {
            EventKind::Waiting { conditions, .. } => told.push(format!("waits until {}", conditions.join(" or "))),
            EventKind::Warning { message } | EventKind::Log { message, .. } => told.push(message.clone()),
            EventKind::TransactionBuilt(built) => told.push(format!("{}: {}", built.step, built.description)),
            _ => {}
        }
    }
    Ok((report, world, told))
}

fn paid_in_usdc(world: &World) -> Option<u64> {
    let [owner, mint] = ["contractor", "usdc"].map(|name| world.names[name]);
    let token: Pubkey = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA".parse().unwrap();
    let program: Pubkey = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL".parse().unwrap();
    let (address, _) = Pubkey::find_program_address(&[owner.as_ref(), token.as_ref(), mint.as_ref()], &program);
    let read = world.chain.accounts_now(&[address], None).unwrap().unwrap();
    // A token account's amount stands at 64.
    let account = read.accounts[0].as_ref()?;
    Some(u64::from_le_bytes(account.data[64..72].try_into().unwrap()))
}

#[tokio::test]
async fn the_example_pays_in_sol_where_the_owner_has_too_few_tokens() -> Result<()> {
    let (report, world, told) = example(&[]).await?;
    assert!(report.ending.to_string().starts_with("2 steps landed, the last in slot "), "{}", report.ending);
    assert_eq!(world.lamports("contractor").await, 8 * SOL / 10);
    assert_eq!(paid_in_usdc(&world), None, "what did not land leaves nothing");
    let why = "instruction 1 (Token program): Insufficient funds (error 1)";
    let expected = [
        "waits until owner has more than 3000000000 lamports".to_owned(),
        format!("step `pay-usdc`, try 1 of 2: {why}"),
        format!("step `pay-usdc` did not land: the simulation failed: {why}; going on with `pay-sol`"),
        "pay-sol: Pay 0.8 SOL to the contractor instead".to_owned(),
        "note: Note on chain that the contractor is paid".to_owned(),
    ];
    assert_eq!(told, expected);
    Ok(())
}

#[tokio::test]
async fn the_example_pays_in_usdc_where_there_is_enough() -> Result<()> {
    let (report, world, _) = example(&[("usdc", "90")]).await?;
    assert_eq!(report.ending, Ending::Done("2 steps landed, the last in slot 10".to_owned()));
    assert_eq!(paid_in_usdc(&world), Some(90_000_000));
    assert_eq!(world.lamports("contractor").await, 0);
    Ok(())
}

#[tokio::test]
async fn what_the_examples_readme_tells_to_try_does_what_it_says() -> Result<()> {
    let (report, world, _) = example(&[("reserve", "10")]).await?;
    assert!(
        matches!(&report.ending, Ending::Failed(FlowError::Other { code, .. }) if code == "timeout"),
        "{}",
        report.ending
    );
    assert_eq!(world.lamports("contractor").await, 0);
    let (report, _, _) = example(&[("usdc", "0.0000001")]).await?;
    assert!(
        matches!(&report.ending, Ending::Failed(FlowError::Param { name, .. }) if name == "usdc"),
        "{}",
        report.ending
    );
    Ok(())
}

/// A transfer from alice to bob.
fn pay(name: &str, lamports: u64) -> FlowStep {
    let transfer = InstructionTemplate {
        program_id: Pubkey::default().into(),
        accounts: vec![
            AccountTemplate::writable(Seat::Role("alice".to_owned())).signer(),
            AccountTemplate::writable(Address::Seat(Seat::Role("bob".to_owned()))),
        ],
        data: vec![Field::U32(2_u64.into()), Field::U64(Quantity::from(lamports))].into(),
    };
    FlowStep { name: name.to_owned(), instructions: vec![transfer], ..FlowStep::default() }
}

async fn pays(steps: Vec<FlowStep>) -> Result<(RunReport, World)> {
    let world = world(ChainSpec::default().with_wallet("alice", 10 * SOL)?.with_wallet("bob", 0)?).await?;
    let roles = ["alice", "bob"].map(|name| (name.to_owned(), String::new()));
    let retry_policy = RetryPolicy { delay: Duration::from_millis(400), ..RetryPolicy::default() };
    let timeout = Duration::from_secs(3600);
    let roles_of = BTreeMap::from(roles);
    let flow = ProtocolFlow {
        id: "pays".to_owned(),
        steps,
        timeout,
        retry_policy,
        roles: roles_of,
        ..ProtocolFlow::default()
    };
    world.runtime.register_flow(flow)?;
    let mut request = RunRequest::default();
    request.inputs.roles = ["alice", "bob"].map(|name| (name.to_owned(), name.to_owned())).into();
    let report = world.runtime.run("pays", request).await?;
    Ok((report, world))
}

#[tokio::test]
async fn a_cycle_runs_over_episodes_until_a_step_no_longer_lands() -> Result<()> {
    let again = FlowStep {
        conditions: vec![Condition::After(Duration::from_secs(5))],
        on_success: Some("pay".to_owned()),
        on_failure: Some("end".to_owned()),
        ..pay("pay", SOL / 10)
    };
    let (report, world) = pays(vec![again]).await?;
    // The fees leave too little for the hundredth.
    assert!(report.ending.to_string().starts_with("99 steps landed"), "{}", report.ending);
    assert_eq!(report.episodes, 2);
    assert_eq!(world.lamports("bob").await, 99 * SOL / 10);
    Ok(())
}

#[tokio::test]
async fn a_step_with_no_try_left_and_no_on_failure_pauses_the_instance() -> Result<()> {
    let (report, world) = pays(vec![pay("first", SOL), pay("second", 20 * SOL)]).await?;
    let Ending::Stopped(Stop::Exhausted { step, attempts, .. }) = &report.ending else { panic!("{}", report.ending) };
    assert_eq!((step.as_str(), *attempts), ("second", 3));
    assert_eq!(world.lamports("bob").await, SOL);
    Ok(())
}

#[tokio::test]
async fn a_custom_condition_fails_closed_on_a_real_runtime() -> Result<()> {
    let custom = FlowStep { conditions: vec![Condition::Custom("oracle".to_owned())], ..pay("pay", SOL) };
    let (report, world) = pays(vec![custom]).await?;
    assert!(
        matches!(&report.ending, Ending::Failed(FlowError::Step { name, .. }) if name == "pay"),
        "{}",
        report.ending
    );
    assert_eq!(world.lamports("bob").await, 0);
    Ok(())
}
