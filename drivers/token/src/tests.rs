//! The driver's operations, called as the component's exports are.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use valence_flow::types::{AccountRef, ProgramRef, Seat};

use super::bindings::exports::valence::token::tokens::{AmountError, Guest, LayoutError};
use super::{Driver, Excess};

const MINT: (u64, u64, u64, u64) = (1, 2, 3, 4);

proptest! {
    #[test]
    fn parsing_what_was_formatted_gives_the_same_units(units: u64, decimals: u8) {
        let text = Driver::format_amount(units, decimals);
        prop_assert_eq!(Driver::parse_amount(text, decimals), Ok(units));
    }

    #[test]
    fn formatting_what_was_parsed_gives_the_same_number(whole in 0u32.., fraction in "[0-9]{0,6}") {
        let text = format!("{whole}.{fraction}");
        let units = Driver::parse_amount(text.clone(), 6).unwrap();
        let formatted = Driver::format_amount(units, 6);
        let trimmed = text.trim_end_matches('0').trim_end_matches('.');
        prop_assert_eq!(formatted, trimmed);
    }

    #[test]
    fn no_text_makes_parsing_panic(text in ".{0,60}", decimals: u8) {
        let _ = Driver::parse_amount(text, decimals);
    }

    #[test]
    fn no_bytes_make_decoding_panic(data in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Driver::decode_account(data.clone());
        let _ = Driver::decode_mint(data);
    }
}

#[test]
fn each_fault_of_an_amount_has_its_own_error() {
    let parse = |text: &str| Driver::parse_amount(text.to_owned(), 6);
    assert_eq!(parse("1e3"), Err(AmountError::NotADecimal));
    assert_eq!(parse("0.0000001"), Err(AmountError::TooPrecise(Excess { given: 7, allowed: 6 })));
    assert_eq!(parse("18446744073709.551616"), Err(AmountError::TooLarge));
    assert_eq!(parse("18446744073709.551615"), Ok(u64::MAX));
}

#[test]
fn a_transfer_goes_to_the_program_of_its_mint_with_four_accounts() {
    let role = |name: &str| AccountRef::Role(name.to_owned());
    let template = Driver::transfer(role("from"), MINT, role("to"), role("owner"), 1_500_000, 6);
    assert_eq!(template.program, ProgramRef::TokenProgramOf(MINT));
    assert_eq!(template.data, [12, 0x60, 0xe3, 0x16, 0, 0, 0, 0, 0, 6]);
    let metas: Vec<_> = template.accounts.iter().map(|meta| (&meta.account, meta.signer, meta.writable)).collect();
    assert_eq!(
        metas,
        [
            (&role("from"), false, true),
            (&AccountRef::Key(MINT), false, false),
            (&role("to"), false, true),
            (&role("owner"), true, false),
        ]
    );
}

#[test]
fn an_account_is_created_by_its_payer_unless_it_is_there() {
    let payer = AccountRef::Role("payer".to_owned());
    let template = Driver::create_account(payer.clone(), Seat::Role("wallet".to_owned()), MINT);
    assert_eq!(template.data, [1]);
    assert_eq!(template.accounts.len(), 6);
    let first = template.accounts.first().unwrap();
    assert_eq!((&first.account, first.signer, first.writable), (&payer, true, true));
    assert_eq!(template.accounts.last().unwrap().account, AccountRef::TokenProgramOf(MINT));
}

#[test]
fn accounts_and_mints_are_decoded_and_told_apart() {
    let mut account = vec![0; 165];
    account.get_mut(..8).unwrap().copy_from_slice(&1u64.to_le_bytes());
    *account.get_mut(64).unwrap() = 5;
    assert_eq!(Driver::decode_account(account.clone()), Err(LayoutError::NotInitialised));
    *account.get_mut(108).unwrap() = 1;
    let decoded = Driver::decode_account(account.clone()).unwrap();
    assert_eq!((decoded.mint, decoded.amount, decoded.delegate), ((1, 0, 0, 0), 5, None));
    assert_eq!(Driver::decode_mint(account), Err(LayoutError::NotThis(165)));

    let mut mint = vec![0; 82];
    *mint.get_mut(44).unwrap() = 9;
    *mint.get_mut(45).unwrap() = 1;
    let decoded = Driver::decode_mint(mint).unwrap();
    assert_eq!((decoded.decimals, decoded.supply, decoded.mint_authority), (9, 0, None));
}
