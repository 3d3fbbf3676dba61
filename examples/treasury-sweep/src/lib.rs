//! Treasury sweep: waits until a treasury's token account holds more than a threshold, then moves what is above the
//! reserve to a cold wallet.

use valence_flow::prelude::*;

driver!(token = "../../drivers/token");

#[derive(Params)]
struct Params {
    /// The mint whose tokens are swept.
    mint: Pubkey,
    /// The treasury's token account.
    treasury: Pubkey,
    /// Sweep once the treasury holds more than this, in tokens.
    threshold: Decimal,
    /// What stays in the treasury, in tokens.
    #[param(default = "100")]
    reserve: Decimal,
    /// A text for the transaction's memo.
    #[param(default = "treasury sweep", max_len = 64)]
    memo: String,
}

#[derive(Roles)]
struct Roles {
    /// Controls the treasury and pays the fees.
    owner: Role,
    /// Receives what is swept; it signs nothing.
    cold_wallet: Role,
}

/// Moves what a treasury holds above its reserve to a cold wallet.
#[flow(id = "treasury-sweep", name = "Treasury sweep", steps = ["open-cold-wallet", "sweep"])]
fn sweep(params: Params, roles: Roles) -> FlowResult {
    let mint = get(params.mint)?.or_blame_param("mint")?;
    let decimals = mint.mint()?.decimals;
    let threshold = params.threshold.to_units(decimals).or_blame_param("threshold")?;
    let reserve = params.reserve.to_units(decimals).or_blame_param("reserve")?;
    ensure!(
        reserve <= threshold,
        "nothing-to-sweep",
        "the reserve of {} is above the threshold of {}",
        params.reserve,
        params.threshold
    );

    log::info!("waiting until the treasury holds more than {} tokens", params.threshold);
    wait_until(token_amount(params.treasury).above(threshold)).park()?;

    // The cold wallet may never have held this token: then its account is opened, in a transaction of its own.
    let vault = associated_token_address(roles.cold_wallet, params.mint, mint.owner_key())?;
    if get(vault)?.is_none() {
        step("open-cold-wallet")
            .describe("Open the cold wallet's token account")
            .pay_with(roles.owner)
            .add(token::create_account(&roles.owner.into(), &roles.cold_wallet.into(), params.mint.into()))
            .retry(3)
            .emit()?;
    }

    let held = TokenAccount::get(params.treasury)?.amount;
    let surplus = held.saturating_sub(reserve);
    ensure!(surplus > 0, "nothing-to-sweep", "the treasury was emptied while the cold wallet was opened");
    let amount = token::format_amount(surplus, decimals);
    let landed = step("sweep")
        .describe(format!("Move {amount} tokens to the cold wallet"))
        .when(account_exists(vault))
        .pay_with(roles.owner)
        .add(token::transfer(
            &params.treasury.into(),
            params.mint.into(),
            &vault.into(),
            &roles.owner.into(),
            surplus,
            decimals,
        ))
        .add(memo::signed_memo(params.memo, [roles.owner]))
        .retry(3)
        .emit()?;
    done(format!("swept {amount} tokens in slot {}", landed.slot))
}
