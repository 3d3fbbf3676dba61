//! Lending deposit: two linked steps. The user lets the pool take an amount, then the pool takes it into its vault.

use valence_flow::prelude::*;

/// Where a token account's data names its delegate: a four-byte tag, then the address.
const DELEGATE_AT: u64 = 72;

#[derive(Params)]
struct Params {
    /// The mint of the deposit.
    mint: Pubkey,
    /// The user's token account.
    savings: Pubkey,
    /// The pool's token account.
    vault: Pubkey,
    /// How much to deposit, in tokens.
    amount: Decimal,
    /// How long to wait for the user's tokens, in seconds of chain time.
    #[param(default = 60, range = 1..=86_400)]
    timeout: u32,
}

#[derive(Roles)]
struct Roles {
    /// Owns the savings and pays for the approval.
    user: Role,
    /// Receives the approval, moves the tokens and pays for that.
    pool: Role,
}

/// Deposits into a lending pool: an approval, then the deposit by the pool as delegate.
#[flow(
    id = "lending-deposit",
    name = "Lending protocol deposit",
    steps = ["approve-tokens", "execute-deposit", "take-approval-back"]
)]
fn deposit(params: Params, roles: Roles) -> FlowResult {
    let decimals = Mint::get(params.mint)?.decimals;
    let amount = params.amount.to_units(decimals).or_blame_param("amount")?;
    ensure!(amount > 0, "nothing-to-deposit", "the amount is 0");
    // At least the amount, for `above` is strict and `amount` is not 0.
    let enough = token_amount(params.savings).above(amount.saturating_sub(1));

    let woke = wait_until(enough.clone()).or_after(in_seconds(params.timeout)).park()?;
    ensure!(!woke.timed_out(), "timeout", "the user never had {} tokens", params.amount);

    step("approve-tokens")
        .describe(format!("Approve a transfer of {} tokens", params.amount))
        .when(enough)
        .pay_with(roles.user)
        .add(token::approve_checked(params.savings, params.mint, roles.pool, roles.user, amount, decimals))
        .retry(3)
        .emit()?;

    let approved = data_equals(params.savings, DELEGATE_AT, delegate_bytes(roles.pool));
    let deposit = step("execute-deposit")
        .describe(format!("Deposit {} tokens into the pool", params.amount))
        .when(approved)
        .pay_with(roles.pool)
        .add(token::transfer_checked(params.savings, params.mint, params.vault, roles.pool, amount, decimals))
        .retry(3)
        .emit();

    let landed = match deposit {
        Ok(landed) => landed,
        // Nobody keeps a right that it did not use.
        Err(why) => {
            log::warn!("{why}; taking the approval back");
            step("take-approval-back")
                .describe("Take the pool's approval back")
                .pay_with(roles.user)
                .add(token::revoke(token_program_of(params.mint), params.savings, roles.user))
                .emit()?;
            return Err(why.into());
        }
    };
    let vault = TokenAccount::get(params.vault)?;
    done(format!(
        "deposited {} tokens in slot {}; the vault holds {}",
        params.amount,
        landed.slot,
        format_units(vault.amount, decimals)
    ))
}

/// How a token account's data says that this role is its delegate.
fn delegate_bytes(delegate: Role) -> Vec<u8> {
    let mut bytes = 1u32.to_le_bytes().to_vec();
    bytes.extend(delegate.key().to_bytes());
    bytes
}
