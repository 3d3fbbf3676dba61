//! Waiting, one scenario for each kind of condition and deadline → `condition I at slot N` or `deadline at slot N`.
//!
//! - `wait-account-exists`: `key`.
//! - `wait-data-equals`: the bytes of `text` in `key` at `number`.
//! - `wait-lamports-above`, `wait-lamports-below`: `key`, `number` lamports.
//! - `wait-token-amount-above`, `wait-token-amount-below`: `key`, `number` units.
//! - `wait-changed-since`: `key`, slot `number`; `wait-changed`: `key`, from now on.
//! - `wait-slot`: slot `number`. `wait-time`: time `signed`.
//! - `wait-deadline-slot`: `key` exists, or slot `number`. `wait-deadline-time`: `key` exists, or time `signed`.
//! - `wait-only-deadline`: slot `number`.
//! - `wait-any`: slot 2^64 - 1, or `key` exists, or `other` exists.
//! - `wait-too-many`: `number` conditions.
//! - `wait-for-nothing`: no condition, no deadline → an error.
//! - `wait-often`: each next slot, `number` times → `N waits, now at slot M`.

use valence_flow::bindings::valence::flow::account_watch;
use valence_flow::prelude::*;
use valence_flow::wait::Wait;

use crate::Params;

pub fn run(scenario: &str, params: &Params) -> Option<FlowResult> {
    Some(match scenario.strip_prefix("wait-")? {
        "for-nothing" => match account_watch::wait(&[], None) {
            Ok(wake) => done(format!("woken at slot {}", wake.moment.slot)),
            Err(error) => Err(error.into()),
        },
        "often" => often(params.number),
        kind => match wait_for(kind, params)? {
            Ok(wait) => park(wait),
            Err(error) => Err(error),
        },
    })
}

fn wait_for(kind: &str, params: &Params) -> Option<Result<Wait, FlowError>> {
    let number = params.number;
    let on_key = |condition: &dyn Fn(Pubkey) -> Condition| params.key().map(|key| wait_until(condition(key)));
    Some(match kind {
        "account-exists" => on_key(&|key| account_exists(key)),
        "data-equals" => on_key(&|key| data_equals(key, number, params.text.as_bytes())),
        "lamports-above" => on_key(&|key| lamports(key).above(number)),
        "lamports-below" => on_key(&|key| lamports(key).below(number)),
        "token-amount-above" => on_key(&|key| token_amount(key).above(number)),
        "token-amount-below" => on_key(&|key| token_amount(key).below(number)),
        "changed-since" => on_key(&|key| changed(key).since(number)),
        "changed" => on_key(&|key| changed(key).since(now().slot)),
        "slot" => Ok(wait_until(slot_reached(number))),
        "time" => Ok(wait_until(time_reached(params.signed))),
        "deadline-slot" => on_key(&|key| account_exists(key)).map(|wait| wait.or_after(at_slot(number))),
        "deadline-time" => on_key(&|key| account_exists(key)).map(|wait| wait.or_after(at_time(params.signed))),
        "only-deadline" => Ok(wait(at_slot(number))),
        "any" => any(params),
        "too-many" => too_many(params),
        _ => return None,
    })
}

fn any(params: &Params) -> Result<Wait, FlowError> {
    let (key, other) = (params.key()?, params.other()?);
    Ok(wait_until(slot_reached(u64::MAX)).or(account_exists(key)).or(account_exists(other)))
}

fn too_many(params: &Params) -> Result<Wait, FlowError> {
    let more = std::iter::repeat_n(slot_reached(0), params.count()?.saturating_sub(1));
    Ok(more.fold(wait_until(slot_reached(0)), Wait::or))
}

fn park(wait: Wait) -> FlowResult {
    let wake = wait.park()?;
    let slot = wake.moment.slot;
    done(match wake.condition {
        Some(index) => format!("condition {index} at slot {slot}"),
        None => format!("deadline at slot {slot}"),
    })
}

fn often(times: u64) -> FlowResult {
    let mut waits: u64 = 0;
    while waits < times {
        wait(in_slots(1)).park()?;
        waits = waits.saturating_add(1);
    }
    done(format!("{waits} waits, now at slot {}", now().slot))
}
