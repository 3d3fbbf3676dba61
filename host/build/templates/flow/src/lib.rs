//! {{title}}: waits until the owner can afford it, then pays a friend.
//!
//! A flow watches accounts, builds transactions and simulates them; it can do nothing else and never holds a key.

use valence_flow::prelude::*;

/// What whoever starts the flow may choose; `valence inspect .` lists it.
#[derive(Params)]
struct Params {
    /// Pay once the owner has more than this, in SOL.
    threshold: Decimal,
    /// How much to pay, in SOL.
    #[param(default = "0.5")]
    amount: Decimal,
    /// A text for the transaction's memo.
    #[param(default = "with thanks", max_len = 64)]
    memo: String,
}

/// The seats that somebody outside takes: each is bound to an address at the start.
#[derive(Roles)]
struct Roles {
    /// Pays, and signs for it.
    owner: Role,
    /// Is paid; signs nothing.
    friend: Role,
}

/// Pays a friend once the owner can afford it.
#[flow(steps = ["pay"])]
fn pay(params: Params, roles: Roles) -> FlowResult {
    let threshold = params.threshold.to_units(9).or_blame_param("threshold")?;
    let amount = params.amount.to_units(9).or_blame_param("amount")?;
    ensure!(amount < threshold, "too-generous", "paying {} SOL takes more than the threshold", params.amount);

    log::info!("waiting until the owner has more than {} SOL", params.threshold);
    wait_until(lamports(roles.owner).above(threshold)).park()?;

    let landed = step("pay")
        .describe(format!("Pay the friend {} SOL", params.amount))
        .pay_with(roles.owner)
        .add(system::transfer(roles.owner, roles.friend, amount))
        .add(memo::signed_memo(params.memo, [roles.owner]))
        .retry(3)
        .emit()?;
    done(format!("paid {} SOL in slot {}", params.amount, landed.slot))
}
