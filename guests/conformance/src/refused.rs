//! Steps that the host refuses to build → the reason, in words. A scenario whose step is built after all says `built`.
//!
//! - `refused-empty`: no instruction.
//! - `refused-locks`: 65 accounts, the last of them in instruction 1.
//! - `refused-size`: a memo that makes the transaction larger than 1232 bytes.
//! - `refused-role`: an instruction names role `nobody`. `refused-payer`: role `nobody` pays.
//! - `refused-program`: the program `key` does not exist.
//! - `refused-mint`: the mint `key` is none.
//! - `refused-seeds`: 16 seeds. `refused-long-seed`: a seed of 33 bytes.
//! - `refused-no-units`, `refused-units`: a compute unit limit of 0, of 1400001.
//! - `refused-tries`: 101 tries. `refused-backoff`: a backoff of 999.
//! - `refused-simulation`: the payer sends 2^64 - 1 lamports.
//! - `refused-payer-unsaid`: no `pay_with`, which the SDK refuses.

use valence_flow::prelude::*;

use crate::{Params, Roles};

pub fn run(scenario: &str, params: &Params, roles: &Roles) -> Option<FlowResult> {
    let refused = match refused(scenario.strip_prefix("refused-")?, params, roles)? {
        Ok(refused) => refused,
        Err(error) => return Some(Err(error)),
    };
    Some(match refused.build() {
        Ok(_) => done("built"),
        Err(error) => done(error.reason.to_string()),
    })
}

fn refused(kind: &str, params: &Params, roles: &Roles) -> Option<Result<Step, FlowError>> {
    let payer = roles.payer;
    let fresh = || step("try").describe("Is refused").pay_with(payer);
    let pay = || system::transfer(payer, payer, 1);
    let nobody = || AccountRef::Role("nobody".to_owned());
    let on_key = |change: &dyn Fn(Step, Pubkey) -> Step| params.key().map(|key| change(fresh(), key));
    Some(match kind {
        "empty" => Ok(fresh()),
        "locks" => Ok(locks(fresh())),
        "size" => Ok(fresh().add(pay()).add(memo::memo("m".repeat(1200)))),
        "role" => Ok(fresh().add(system::transfer(payer, nobody(), 1))),
        "payer" => Ok(fresh().pay_with_role_named("nobody").add(pay())),
        "program" => on_key(&|step, key| step.add(InstructionTemplate::new(key, []))),
        "mint" => {
            on_key(&|step, key| step.add(pay()).add(associated_token_program::create_idempotent(payer, payer, key)))
        }
        "seeds" => Ok(fresh().add(at_address(&[b"x".as_slice(); 16]))),
        "long-seed" => Ok(fresh().add(at_address(&[&[0; 33]]))),
        "no-units" => Ok(fresh().add(pay()).compute_unit_limit(0)),
        "units" => Ok(fresh().add(pay()).compute_unit_limit(1_400_001)),
        "tries" => Ok(fresh().add(pay()).retry(101)),
        "backoff" => Ok(fresh().add(pay()).backoff_milli(999)),
        "simulation" => Ok(fresh().add(system::transfer(payer, Pubkey::new([1; 32]), u64::MAX))),
        "payer-unsaid" => Ok(step("try").add(pay())),
        _ => return None,
    })
}

/// With the payer, the Memo program and the host's compute budget program, 61 accounts make 64 locks; the second
/// instruction brings the 65th.
fn locks(step: Step) -> Step {
    let numbered = |n: u8| Pubkey::new([n; 32]);
    let first = (1..=61).map(numbered).fold(memo::memo("many"), InstructionTemplate::readonly);
    step.add(first).add(memo::memo("one more").readonly(numbered(62)))
}

fn at_address(seeds: &[&[u8]]) -> InstructionTemplate {
    let address = seeds.iter().fold(pda(memo::ID), |pda, seed| pda.seed(seed));
    memo::memo("at an address").readonly(address)
}
