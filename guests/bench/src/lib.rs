//! A flow for benches: it does one thing so many times. What it costs once is the time of many less the time of none.

use valence_flow::{bindings::valence::flow::simulate::simulate, prelude::*};

#[derive(Params)]
struct Params {
    /// `get`, `build` or `simulate`.
    what: String,
    /// How often.
    times: u64,
    /// The account that `get` reads.
    account: Option<Pubkey>,
}

#[derive(Roles)]
struct Roles {
    /// Pays.
    payer: Role,
    /// Is paid.
    friend: Role,
}

#[flow(id = "bench")]
fn bench(params: Params, roles: Roles) -> FlowResult {
    let pay = step("pay")
        .describe("Two transfers and a memo")
        .pay_with(roles.payer)
        .add(system::transfer(roles.payer, roles.friend, 1))
        .add(system::transfer(roles.payer, roles.friend, 2))
        .add(memo::memo("bench"));
    match params.what.as_str() {
        "get" => {
            let key = params.account.ok_or_else(|| FlowError::param("account", "`get` wants it"))?;
            for _ in 0..params.times {
                ensure!(account::get(key)?.is_some(), "missing", "there is no account");
            }
        }
        "build" => {
            for _ in 0..params.times {
                pay.build()?;
            }
        }
        "simulate" => {
            let built = pay.build()?;
            for _ in 0..params.times {
                let report = simulate(&built.wire).or_fail("simulate")?;
                ensure!(report.outcome.is_ok(), "fails", "the simulation fails");
            }
        }
        other => return Err(FlowError::param("what", format!("`{other}` is nothing that it does"))),
    }
    done("")
}
