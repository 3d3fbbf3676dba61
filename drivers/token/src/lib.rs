//! The token driver: typed operations of the Token and Token-2022 programs, for flows in any language.
//!
//! It is pure: its component imports nothing but `valence:flow/types`, so that the host composes it into the flow.
//! What it does stands in `valence-flow`'s templates and layouts; here are the interface and the translations only.

use valence_flow::Pubkey;
use valence_flow::amount::{self, Decimal};
use valence_flow::programs;
use valence_flow::token_layout;
use valence_flow::types::{self, AccountRef, Excess, InstructionTemplate, Seat};

#[allow(missing_docs, clippy::all, clippy::pedantic, clippy::restriction)]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit/flow", "wit"],
        world: "valence:token/token",
        with: { "valence:flow/types@0.1.0": valence_flow::types },
        generate_all,
        additional_derives: [PartialEq],
    });
}

use bindings::exports::valence::token::tokens::{AmountError, Guest, LayoutError, Mint, TokenAccount};

/// The component of this driver.
struct Driver;

impl Guest for Driver {
    fn transfer(
        from: AccountRef,
        mint: types::Pubkey,
        to: AccountRef,
        authority: AccountRef,
        amount: u64,
        decimals: u8,
    ) -> InstructionTemplate {
        programs::token::transfer_checked(from, Pubkey::from(mint), to, authority, amount, decimals)
    }

    fn create_account(payer: AccountRef, wallet: Seat, mint: types::Pubkey) -> InstructionTemplate {
        programs::associated_token::create_idempotent(payer, wallet, Pubkey::from(mint))
    }

    fn parse_amount(text: String, decimals: u8) -> Result<u64, AmountError> {
        Ok(text.parse::<Decimal>()?.to_units(decimals)?)
    }

    fn format_amount(units: u64, decimals: u8) -> String {
        amount::format_units(units, decimals)
    }

    fn decode_account(data: Vec<u8>) -> Result<TokenAccount, LayoutError> {
        let account = token_layout::TokenAccount::decode(&data)?;
        Ok(TokenAccount {
            mint: account.mint.into(),
            owner: account.owner.into(),
            amount: account.amount,
            delegate: account.delegate.map(Into::into),
            delegated_amount: account.delegated_amount,
            frozen: account.frozen,
            native_reserve: account.native_reserve,
            close_authority: account.close_authority.map(Into::into),
        })
    }

    fn decode_mint(data: Vec<u8>) -> Result<Mint, LayoutError> {
        let mint = token_layout::Mint::decode(&data)?;
        Ok(Mint {
            mint_authority: mint.mint_authority.map(Into::into),
            supply: mint.supply,
            decimals: mint.decimals,
            freeze_authority: mint.freeze_authority.map(Into::into),
        })
    }
}

impl From<amount::AmountError> for AmountError {
    fn from(error: amount::AmountError) -> Self {
        match error {
            amount::AmountError::NotADecimal(_) => Self::NotADecimal,
            amount::AmountError::TooPrecise { given, decimals } => {
                Self::TooPrecise(Excess { given: u64::try_from(given).unwrap_or(u64::MAX), allowed: decimals.into() })
            }
            amount::AmountError::TooLarge => Self::TooLarge,
        }
    }
}

impl From<token_layout::LayoutError> for LayoutError {
    fn from(error: token_layout::LayoutError) -> Self {
        match error {
            token_layout::LayoutError::NotThis(len) => Self::NotThis(u64::try_from(len).unwrap_or(u64::MAX)),
            token_layout::LayoutError::NotInitialised => Self::NotInitialised,
            token_layout::LayoutError::Corrupt => Self::Corrupt,
        }
    }
}

#[cfg(target_family = "wasm")]
bindings::export!(Driver with_types_in bindings);

#[cfg(test)]
mod tests;
