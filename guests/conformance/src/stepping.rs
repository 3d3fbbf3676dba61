//! Steps that work, simulations, derived addresses. `pay` is a step `try` that moves `number` lamports from the payer to `key`.
//!
//! - `build`: builds pay → `SIGNERS signers, WIRE bytes, MESSAGE bytes, limit UNITS, fee LAMPORTS`.
//! - `emit`: emits pay → `landed, UNITS units, fee LAMPORTS`.
//! - `emit-twice`: pay as `try`, then as `again` → `landed in slots A and B`.
//! - `emit-with-options`: pay with a limit of 1000 units and a price of `signed` micro-lamports → `fee LAMPORTS`.
//! - `emit-when`: pay, if `other` exists. `emit-unless`: pay, withdrawn if `other` exists.
//! - `emit-with-retries`: pay with `small` tries, 400 ms between.
//! - `emit-or-pause`: the same, and the flow is not told of a failure.
//! - `emit-memo`: a memo of `text`, signed by the payer.
//! - `create-token-account`: the payer's associated account for mint `key`.
//! - `simulate`: simulates pay → `UNITS units, fee LAMPORTS` and `, ADDRESS BEFORE>AFTER` for each balance.
//! - `simulate-garbage`: simulates the bytes of `text`.
//! - `address`: of program `key` and seed `text` → `ADDRESS BUMP`.
//! - `address-with-seed`: of base `key`, seed `text`, owner `other` → `ADDRESS`.
//! - `address-too-many-seeds`, `address-seed-too-long`: of program `key` → an error.

use valence_flow::bindings::valence::flow::simulate::{SimulateError, simulate};
use valence_flow::prelude::*;

use crate::{Params, Roles};

pub fn run(scenario: &str, params: &Params, roles: &Roles) -> Option<FlowResult> {
    Some(match scenario {
        "build" => build(params, roles),
        "emit" => pay(params, roles).and_then(emit),
        "emit-twice" => twice(params, roles),
        "emit-with-options" => with_options(params, roles),
        "emit-when" => pay_and(params, roles, |step, other| step.when(account_exists(other))),
        "emit-unless" => pay_and(params, roles, |step, other| step.give_up_when(account_exists(other))),
        "emit-with-retries" => {
            pay(params, roles).and_then(|step| emit(step.retry(params.small.into()).retry_after_ms(400)))
        }
        "emit-or-pause" => pay(params, roles).and_then(|step| {
            let landed = step.retry(params.small.into()).retry_after_ms(400).emit()?;
            done(format!("landed, {} units", landed.compute_units))
        }),
        "emit-memo" => {
            emit(step("try").pay_with(roles.payer).add(memo::signed_memo(params.text.clone(), [roles.payer])))
        }
        "create-token-account" => create_token_account(params, roles),
        "simulate" => look(params, roles),
        "simulate-garbage" => garbage(params),
        "address" => address(params),
        "address-with-seed" => address_with_seed(params),
        "address-too-many-seeds" => bad_address(params, &[b"x".as_slice(); 16]),
        "address-seed-too-long" => bad_address(params, &[b"fits".as_slice(), &[0; 33]]),
        _ => return None,
    })
}

fn pay(params: &Params, roles: &Roles) -> Result<Step, FlowError> {
    let key = params.key()?;
    Ok(step("try").describe("Pay somebody").pay_with(roles.payer).add(system::transfer(
        roles.payer,
        key,
        params.number,
    )))
}

fn emit(step: Step) -> FlowResult {
    let landed = step.tell_failure().emit()?;
    done(format!("landed, {} units, fee {}", landed.compute_units, landed.fee))
}

fn pay_and(params: &Params, roles: &Roles, change: impl FnOnce(Step, Pubkey) -> Step) -> FlowResult {
    emit(change(pay(params, roles)?, params.other()?))
}

fn build(params: &Params, roles: &Roles) -> FlowResult {
    let built = pay(params, roles)?.build()?;
    done(format!(
        "{} signers, {} bytes, {} bytes, limit {}, fee {}",
        built.signers.len(),
        built.wire.len(),
        built.message.len(),
        built.compute_unit_limit,
        built.fee
    ))
}

fn twice(params: &Params, roles: &Roles) -> FlowResult {
    let first = pay(params, roles)?.emit()?;
    let second = step("again")
        .describe("Pay somebody again")
        .pay_with(roles.payer)
        .add(system::transfer(roles.payer, params.key()?, params.number))
        .emit()?;
    done(format!("landed in slots {} and {}", first.slot, second.slot))
}

fn with_options(params: &Params, roles: &Roles) -> FlowResult {
    let price = u64::try_from(params.signed).or_blame_param("signed")?;
    let landed = pay(params, roles)?.compute_unit_limit(1000).priority_fee(price).emit()?;
    done(format!("fee {}", landed.fee))
}

fn create_token_account(params: &Params, roles: &Roles) -> FlowResult {
    let mint = params.key()?;
    emit(step("try").pay_with(roles.payer).add(associated_token_program::create_idempotent(
        roles.payer,
        roles.payer,
        mint,
    )))
}

fn look(params: &Params, roles: &Roles) -> FlowResult {
    let simulation = pay(params, roles)?.simulate()?;
    let mut text = format!("{} units, fee {}", simulation.compute_units, simulation.fee);
    for change in &simulation.balances {
        text += &format!(", {} {}>{}", Pubkey::from(change.key), change.before, change.after);
    }
    done(text)
}

fn garbage(params: &Params) -> FlowResult {
    match simulate(params.text.as_bytes()) {
        Ok(_) => done("it was simulated"),
        Err(SimulateError::NotATransaction(_)) => done("not a transaction"),
        Err(error) => Err(FlowError::other("simulate", error)),
    }
}

fn address(params: &Params) -> FlowResult {
    let (address, bump) = find_program_address(params.key()?, &[params.text.as_bytes()])?;
    done(format!("{address} {bump}"))
}

fn address_with_seed(params: &Params) -> FlowResult {
    done(with_seed(params.key()?, &params.text, params.other()?)?.to_string())
}

fn bad_address(params: &Params, seeds: &[&[u8]]) -> FlowResult {
    let (address, _) = find_program_address(params.key()?, seeds)?;
    done(address.to_string())
}
