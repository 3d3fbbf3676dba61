//! Stake split: creates a stake account at an address that the owner and a seed give, and splits a part off into a second
//! one. Each step is simulated and looked at before it is offered.

use valence_flow::prelude::*;
use valence_flow::step::Simulation;

#[derive(Params)]
struct Params {
    /// How much to put into the stake account, in SOL, besides its rent.
    amount: Decimal,
    /// How much of it to split off, in SOL, rent included.
    part: Decimal,
    /// What distinguishes these stake accounts from others of the owner; at most 26 bytes.
    #[param(default = "stake", max_len = 26)]
    seed: String,
    /// The highest fee to accept for a transaction, in lamports.
    #[param(default = 20_000)]
    max_fee: u64,
}

#[derive(Roles)]
struct Roles {
    /// Pays, and is staker and withdrawer of both accounts.
    owner: Role,
}

/// Creates a stake account at a seed-derived address and splits a part off.
#[flow(id = "stake-split", name = "Stake split", steps = ["create-stake", "split-stake"])]
fn split(params: Params, roles: Roles) -> FlowResult {
    let owner = roles.owner;
    let rent = rent::exempt_minimum(stake::ACCOUNT_LEN)?;
    let amount = params.amount.to_lamports().or_blame_param("amount")?;
    let part = params.part.to_lamports().or_blame_param("part")?;
    ensure!(part >= rent, "part-too-small", "a stake account needs {} SOL for rent", format_units(rent, 9));
    ensure!(part <= amount, "part-too-large", "the part is more than the amount");

    let seed = params.seed;
    let split_seed = format!("{seed}:split");
    let first = with_seed(owner, &seed, stake::ID)?;
    let second = with_seed(owner, &split_seed, stake::ID)?;
    ensure!(get(first)?.is_none(), "seed-in-use", "there is an account at {first} already; take another --param seed");

    let funded = amount.saturating_add(rent);
    let create = step("create-stake")
        .describe(format!("Create a stake account of {} SOL", params.amount))
        .pay_with(owner)
        .add(system::create_account_with_seed(owner, first, owner, &seed, funded, stake::ACCOUNT_LEN, stake::ID))
        .add(stake::initialize(first, owner, owner))
        .retry(3);
    look(&create.simulate()?, owner, params.max_fee)?;
    create.emit()?;

    let split = step("split-stake")
        .describe(format!("Split {} SOL off", params.part))
        .when(account_exists(first))
        .pay_with(owner)
        .add(system::allocate_with_seed(second, owner, &split_seed, stake::ACCOUNT_LEN, stake::ID))
        .add(stake::split(first, second, owner, part))
        .retry(3);
    look(&split.simulate()?, owner, params.max_fee)?;
    let landed = split.emit()?;

    let after = account::get_all([first, second])?;
    let mut sol = Vec::new();
    for account in &after.accounts {
        let account = account.as_ref().or_fail("stake-missing")?;
        let state = stake::State::decode(&account.data).or_fail("stake-missing")?;
        ensure!(state == stake::State::Initialized, "stake-unready", "a stake account is {state:?}");
        sol.push(format_units(account.lamports, 9));
    }
    done(format!("two stake accounts of {} SOL in slot {}", sol.join(" and "), landed.slot))
}

/// Looks at what a step would do before it is offered: it costs no more than allowed, and the owner gains nothing that
/// somebody else would have to lose.
fn look(simulation: &Simulation, owner: Role, max_fee: u64) -> Result<(), FlowError> {
    ensure!(simulation.fee <= max_fee, "fee-too-high", "it would cost {} lamports in fees", simulation.fee);
    let owner: Pubkey = owner.into();
    for change in &simulation.balances {
        let key = Pubkey::from(change.key);
        let (before, after) = (format_units(change.before, 9), format_units(change.after, 9));
        log::info!("would change {key}: {before} -> {after} SOL");
        ensure!(key != owner || change.after <= change.before, "surprise", "the owner would gain {after} SOL");
    }
    Ok(())
}
