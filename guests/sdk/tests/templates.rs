//! Every template against the real program's interface crate: the same program, accounts in the same order with the same
//! flags, the same data.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use solana_instruction::{AccountMeta, Instruction};
use solana_pubkey::Pubkey as Theirs;

use valence_flow::Pubkey;
use valence_flow::instruction::token_program_of;
use valence_flow::programs::{associated_token, memo, stake, system, sysvar, token, token_2022};
use valence_flow::token_layout::{self, LayoutError};
use valence_flow::types::{AccountRef, InstructionTemplate, ProgramRef, Seat};

/// A different address for each letter.
fn key(letter: char) -> Pubkey {
    let mut bytes = [7; 32];
    *bytes.last_mut().unwrap() = u8::try_from(letter).unwrap();
    Pubkey::new(bytes)
}

fn their(letter: char) -> Theirs {
    key(letter).to_bytes().into()
}

fn convert(key: valence_flow::types::Pubkey) -> Theirs {
    Pubkey::from(key).to_bytes().into()
}

/// What the host makes of a template, where every mint belongs to this token program.
fn resolve(template: &InstructionTemplate, token_program: Pubkey) -> Instruction {
    let token_program: Theirs = token_program.to_bytes().into();
    let account = |account: &AccountRef| match account {
        AccountRef::Key(key) => convert(*key),
        AccountRef::TokenProgramOf(_) => token_program,
        AccountRef::AssociatedToken(associated) => {
            let Seat::Key(wallet) = associated.wallet else { panic!("no role here") };
            Theirs::find_program_address(
                &[convert(wallet).as_ref(), token_program.as_ref(), convert(associated.mint).as_ref()],
                &spl_associated_token_account_interface::program::ID.to_bytes().into(),
            )
            .0
        }
        other => panic!("no {other:?} here"),
    };
    Instruction {
        program_id: match template.program {
            ProgramRef::Key(key) => convert(key),
            ProgramRef::TokenProgramOf(_) => token_program,
        },
        accounts: template
            .accounts
            .iter()
            .map(|meta| AccountMeta {
                pubkey: account(&meta.account),
                is_signer: meta.signer,
                is_writable: meta.writable,
            })
            .collect(),
        data: template.data.clone(),
    }
}

fn assert_same(ours: &InstructionTemplate, theirs: &Instruction) {
    assert_same_with(token::ID, ours, theirs);
}

fn assert_same_with(token_program: Pubkey, ours: &InstructionTemplate, theirs: &Instruction) {
    let ours = resolve(ours, token_program);
    assert_eq!(ours.program_id.to_string(), theirs.program_id.to_string());
    assert_eq!(ours.data, theirs.data);
    assert_eq!(ours.accounts, theirs.accounts);
}

#[test]
fn system_templates_are_the_system_programs() {
    use solana_system_interface::instruction as real;
    let (a, b, c, owner) = (key('a'), key('b'), key('c'), key('o'));
    let (ta, tb, tc, towner) = (their('a'), their('b'), their('c'), their('o'));
    assert_same(&system::transfer(a, b, 5), &real::transfer(&ta, &tb, 5));
    assert_same(&system::create_account(a, b, 5, 165, owner), &real::create_account(&ta, &tb, 5, 165, &towner));
    assert_same(&system::allocate(a, 99), &real::allocate(&ta, 99));
    assert_same(&system::assign(a, owner), &real::assign(&ta, &towner));
    // A base that pays is listed once, another base a second time.
    assert_same(
        &system::create_account_with_seed(a, b, a, "stake:0", 5, 200, owner),
        &real::create_account_with_seed(&ta, &tb, &ta, "stake:0", 5, 200, &towner),
    );
    assert_same(
        &system::create_account_with_seed(a, b, c, "", 5, 200, owner),
        &real::create_account_with_seed(&ta, &tb, &tc, "", 5, 200, &towner),
    );
    assert_same(
        &system::allocate_with_seed(b, c, "é", 200, owner),
        &real::allocate_with_seed(&tb, &tc, "é", 200, &towner),
    );
}

#[test]
fn token_templates_are_the_token_programs() {
    use spl_token_interface::instruction as real;
    let id = spl_token_interface::ID;
    let (a, b, mint, owner) = (key('a'), key('b'), key('m'), key('o'));
    let (ta, tb, tmint, towner) = (their('a'), their('b'), their('m'), their('o'));
    assert_same(
        &token::transfer_checked(a, mint, b, owner, u64::MAX, 6),
        &real::transfer_checked(&id, &ta, &tmint, &tb, &towner, &[], u64::MAX, 6).unwrap(),
    );
    assert_same(
        &token::approve_checked(a, mint, b, owner, 5, 6),
        &real::approve_checked(&id, &ta, &tmint, &tb, &towner, &[], 5, 6).unwrap(),
    );
    assert_same(
        &token::mint_to_checked(mint, a, owner, 5, 6),
        &real::mint_to_checked(&id, &tmint, &ta, &towner, &[], 5, 6).unwrap(),
    );
    assert_same(&token::burn(a, mint, owner, 5), &real::burn(&id, &ta, &tmint, &towner, &[], 5).unwrap());
    assert_same(
        &token::burn_checked(a, mint, owner, 5, 6),
        &real::burn_checked(&id, &ta, &tmint, &towner, &[], 5, 6).unwrap(),
    );
    assert_same(&token::revoke(token::ID, a, owner), &real::revoke(&id, &ta, &towner, &[]).unwrap());
    assert_same(
        &token::close_account(token_program_of(mint), a, b, owner),
        &real::close_account(&id, &ta, &tb, &towner, &[]).unwrap(),
    );
    assert_same(&token::sync_native(token::ID, a), &real::sync_native(&id, &ta).unwrap());
}

#[test]
fn token_2022_templates_are_the_token_2022_programs() {
    use spl_token_2022_interface::extension::{memo_transfer, transfer_fee};
    let id = spl_token_2022_interface::ID;
    let (a, b, mint, owner) = (key('a'), key('b'), key('m'), key('o'));
    let (ta, tb, tmint, towner) = (their('a'), their('b'), their('m'), their('o'));
    // The common instructions go to the program that owns the mint.
    assert_same_with(
        token_2022::ID,
        &token::transfer_checked(a, mint, b, owner, 5, 6),
        &spl_token_2022_interface::instruction::transfer_checked(&id, &ta, &tmint, &tb, &towner, &[], 5, 6).unwrap(),
    );
    assert_same(
        &token_2022::transfer_checked_with_fee(a, mint, b, owner, 500, 6, 7),
        &transfer_fee::instruction::transfer_checked_with_fee(&id, &ta, &tmint, &tb, &towner, &[], 500, 6, 7).unwrap(),
    );
    assert_same(
        &token_2022::harvest_withheld_tokens_to_mint(mint, [a, b]),
        &transfer_fee::instruction::harvest_withheld_tokens_to_mint(&id, &tmint, &[&ta, &tb]).unwrap(),
    );
    assert_same(
        &token_2022::enable_required_transfer_memos(a, owner),
        &memo_transfer::instruction::enable_required_transfer_memos(&id, &ta, &towner, &[]).unwrap(),
    );
    assert_same(
        &token_2022::disable_required_transfer_memos(a, owner),
        &memo_transfer::instruction::disable_required_transfer_memos(&id, &ta, &towner, &[]).unwrap(),
    );
}

#[test]
fn an_associated_token_account_is_created_under_either_token_program() {
    use spl_associated_token_account_interface::instruction::create_associated_token_account_idempotent as real;
    for program in [token::ID, token_2022::ID] {
        let theirs = real(&their('p'), &their('w'), &their('m'), &program.to_bytes().into());
        assert_same_with(program, &associated_token::create_idempotent(key('p'), key('w'), key('m')), &theirs);
    }
}

#[test]
fn memo_templates_are_the_memo_programs() {
    use spl_memo_interface::{instruction::build_memo, v3};
    assert_same(&memo::memo("hé"), &build_memo(&v3::ID, "hé".as_bytes(), &[]));
    assert_same(
        &memo::signed_memo("two", [key('a'), key('b')]),
        &build_memo(&v3::ID, b"two", &[&their('a'), &their('b')]),
    );
}

#[test]
fn stake_templates_are_the_stake_programs() {
    use solana_stake_interface::instruction as real;
    use solana_stake_interface::state::{Authorized, Lockup, StakeStateV2};
    let (a, b, owner, vote) = (key('a'), key('b'), key('o'), key('v'));
    let (ta, tb, towner, tvote) = (their('a'), their('b'), their('o'), their('v'));
    let authorized = Authorized { staker: towner, withdrawer: tb };
    assert_same(&stake::initialize(a, owner, b), &real::initialize(&ta, &authorized, &Lockup::default()));
    // The interface crate's `split` allocates and assigns first; the split itself is its last.
    assert_same(&stake::split(a, b, owner, 5), real::split(&ta, &towner, 5, &tb).last().unwrap());
    assert_same(&stake::delegate(a, vote, owner), &real::delegate_stake(&ta, &towner, &tvote));
    assert_same(&stake::deactivate(a, owner), &real::deactivate_stake(&ta, &towner));
    assert_same(&stake::withdraw(a, b, owner, 5), &real::withdraw(&ta, &towner, &tb, 5, None));
    assert_eq!(stake::ACCOUNT_LEN, u64::try_from(StakeStateV2::size_of()).unwrap());
}

#[test]
fn sysvars_have_their_addresses() {
    use solana_stake_interface::instruction as real;
    let delegate = real::delegate_stake(&their('a'), &their('b'), &their('c'));
    let named: Vec<_> = delegate.accounts.iter().map(|meta| meta.pubkey.to_bytes()).collect();
    assert!(named.contains(&sysvar::CLOCK.to_bytes()));
    assert!(named.contains(&sysvar::STAKE_HISTORY.to_bytes()));
}

#[test]
fn a_token_account_is_decoded_as_the_token_program_packs_it() {
    use spl_token_interface::state::{Account, AccountState};
    let theirs = Account {
        mint: their('m'),
        owner: their('o'),
        amount: 5,
        delegate: Some(their('d')).into(),
        state: AccountState::Frozen,
        is_native: Some(2_039_280).into(),
        delegated_amount: 3,
        close_authority: Some(their('c')).into(),
    };
    let data = pack(theirs);
    let ours = token_layout::TokenAccount::decode(&data).unwrap();
    assert_eq!((ours.mint, ours.owner, ours.amount), (key('m'), key('o'), 5));
    assert_eq!((ours.delegate, ours.delegated_amount, ours.frozen), (Some(key('d')), 3, true));
    assert_eq!((ours.native_reserve, ours.close_authority), (Some(2_039_280), Some(key('c'))));
}

#[test]
fn a_mint_is_decoded_as_the_token_program_packs_it() {
    use spl_token_interface::state::Mint;
    let theirs = Mint {
        mint_authority: None.into(),
        supply: 77,
        decimals: 6,
        is_initialized: true,
        freeze_authority: Some(their('f')).into(),
    };
    let data = pack(theirs);
    let ours = token_layout::Mint::decode(&data).unwrap();
    assert_eq!((ours.mint_authority, ours.supply, ours.decimals), (None, 77, 6));
    assert_eq!(ours.freeze_authority, Some(key('f')));
}

#[test]
fn data_of_another_layout_is_refused() {
    use token_layout::{Mint, TokenAccount};
    let mut token = [0; 165];
    assert_eq!(TokenAccount::decode(&token), Err(LayoutError::NotInitialised));
    token[108] = 1;
    assert!(TokenAccount::decode(&token).is_ok());
    token[108] = 3;
    assert_eq!(TokenAccount::decode(&token), Err(LayoutError::Corrupt));
    token[108] = 1;
    token[72] = 2; // the delegate's tag
    assert_eq!(TokenAccount::decode(&token), Err(LayoutError::Corrupt));
    // A mint with extensions is padded to a token account's length and says what it is behind that.
    let mut extended = [0; 170];
    extended[45] = 1;
    extended[108] = 1;
    extended[165] = 1;
    assert!(Mint::decode(&extended).is_ok());
    assert_eq!(TokenAccount::decode(&extended), Err(LayoutError::NotThis(170)));
    extended[165] = 2;
    assert!(TokenAccount::decode(&extended).is_ok());
    assert_eq!(Mint::decode(&extended), Err(LayoutError::NotThis(170)));
    // A multisig has neither layout, whatever stands where the kind would.
    assert_eq!(TokenAccount::decode(&[2; 355]), Err(LayoutError::NotThis(355)));
    for len in [0, 1, 81, 83, 164] {
        assert_eq!(TokenAccount::decode(&vec![1; len]), Err(LayoutError::NotThis(len)));
        assert_eq!(Mint::decode(&vec![1; len]), Err(LayoutError::NotThis(len)));
    }
}

fn pack<T: solana_program_pack::Pack>(value: T) -> Vec<u8> {
    let mut data = vec![0; T::LEN];
    T::pack(value, &mut data).unwrap();
    data
}
