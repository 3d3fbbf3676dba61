//! Transactions of the real programs on the embedded chain.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use anyhow::{Context, Result};
use solana_address_lookup_table_interface as lookup;
use solana_message::{AddressLookupTableAccount, VersionedMessage, v0};
use solana_sdk::{
    hash::Hash,
    instruction::{AccountMeta, Instruction},
    pubkey::Pubkey,
    rent::Rent,
    transaction::VersionedTransaction,
};
use solana_system_interface::instruction as system;
use spl_token_2022_interface::instruction::transfer_checked;
use support::*;
use valence_chain::{Chain, ChainError, Slice, Until};

#[tokio::test]
async fn a_transfer_lands_in_a_new_slot_and_reports_what_it_did() -> Result<()> {
    let chain = chain(WORLD)?;
    let before = chain.moment();
    let (owner, other) = (wallet("owner"), wallet("other"));
    let report = run_well(&chain, owner, &[sol(owner, other, 1_000_000)]).await?;
    assert_eq!(report.moment.slot, before.slot + 1);
    assert_eq!(chain.moment().slot, report.moment.slot);
    assert_eq!((report.landed, report.fee, report.units_consumed), (true, 5000, 150));
    let balances = report.balances();
    assert_eq!(balances[0].account, owner);
    assert_eq!((balances[0].before, balances[0].after), (10_000_000_000, 9_998_995_000));
    assert_eq!((balances[1].before, balances[1].after), (1_500_000_000, 1_501_000_000));
    assert_eq!(lamports(&chain, owner)?, 9_998_995_000);
    assert_eq!(report.post_accounts().len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_simulation_says_what_the_execution_then_does() -> Result<()> {
    let chain = chain(WORLD)?;
    let names = chain.names();
    let (owner, other, usdc) = (wallet("owner"), wallet("other"), names["usdc"]);
    let cold = ata_of(other, usdc, TOKEN);
    let steps = [
        create_ata(owner, other, usdc, TOKEN),
        transfer_checked(&TOKEN, &names["treasury"], &usdc, &cold, &owner, &[], 500_000_000, 6)?,
        memo("swept"),
    ];
    let simulated = chain.simulate(&tx(owner, &steps, Hash::default())?).await?;
    assert_eq!(simulated.outcome, Ok(()));
    assert_eq!(lamports(&chain, cold)?, 0);
    let executed = run_well(&chain, owner, &steps).await?;
    assert_eq!(simulated.balances(), executed.balances());
    assert_eq!(simulated.token_balances(), executed.token_balances());
    assert_eq!(simulated.post_accounts(), executed.post_accounts());
    assert_eq!(simulated.inner_instructions(), executed.inner_instructions());
    assert_eq!(simulated.units_consumed, executed.units_consumed);
    assert_eq!(simulated.logs, executed.logs);
    assert_eq!(simulated.fee, executed.fee);
    assert_eq!(simulated.loaded_accounts_data_size, executed.loaded_accounts_data_size);
    assert!(simulated.loaded_accounts_data_size.is_some_and(|size| size > 100_000));
    let changes = executed.token_changes();
    assert_eq!(changes.len(), 2);
    let got = changes.iter().find(|change| change.account == cold).context("cold")?;
    assert_eq!((got.mint, got.owner, got.decimals), (usdc, other, Some(6)));
    assert_eq!((got.before, got.after), (0, 500_000_000));
    let inner = executed.inner_instructions();
    assert!(inner.iter().any(|ix| ix.program == TOKEN && ix.instruction == 0 && ix.depth == 2));
    assert!(executed.logs.iter().any(|line| line.contains("swept")));
    Ok(())
}

#[tokio::test]
async fn token_2022_works_like_token_and_its_associated_accounts_are_the_real_ones() -> Result<()> {
    let chain = chain(WORLD)?;
    let names = chain.names();
    let (owner, other, mint) = (wallet("owner"), wallet("other"), names["new"]);
    assert_eq!(names["vault"], ata_of(owner, mint, TOKEN_2022));
    let to = ata_of(other, mint, TOKEN_2022);
    let steps = [
        create_ata(owner, other, mint, TOKEN_2022),
        transfer_checked(&TOKEN_2022, &names["vault"], &mint, &to, &owner, &[], 250, 2)?,
    ];
    run_well(&chain, owner, &steps).await?;
    assert_eq!((tokens(&chain, names["vault"])?, tokens(&chain, to)?), (450, 250));
    // What the real program created and what the description packed are the same but for owner and amount.
    let both = chain.accounts_now(&[names["vault"], to], None).context("now")??;
    let [Some(ours), Some(theirs)] = &both.accounts[..] else { panic!("missing") };
    assert_eq!((ours.lamports, ours.owner, ours.data.len()), (theirs.lamports, theirs.owner, 170));
    assert_eq!((&ours.data[..32], &ours.data[72..]), (&theirs.data[..32], &theirs.data[72..]));
    Ok(())
}

#[tokio::test]
async fn a_mint_that_the_transaction_does_not_name_still_gives_decimals() -> Result<()> {
    let chain = chain(&format!("{WORLD}\n[token-accounts.second]\nmint = \"usdc\"\nowner = \"other\"\n"))?;
    let names = chain.names();
    let owner = wallet("owner");
    #[allow(deprecated)]
    let send =
        spl_token_2022_interface::instruction::transfer(&TOKEN, &names["treasury"], &names["second"], &owner, &[], 10)?;
    let report = run_well(&chain, owner, &[send]).await?;
    assert!(report.token_changes().iter().all(|change| change.decimals == Some(6)));
    assert_eq!(report.token_changes().len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_lookup_table_is_made_and_used_from_the_next_slot_on() -> Result<()> {
    let chain = chain(WORLD)?;
    let (owner, other) = (wallet("owner"), wallet("other"));
    run_well(&chain, owner, &[memo("a slot goes by")]).await?;
    let recent = chain.moment().slot;
    let (create, table) = lookup::instruction::create_lookup_table(owner, owner, recent);
    let extend = lookup::instruction::extend_lookup_table(table, owner, Some(owner), vec![other]);
    run_well(&chain, owner, &[create, extend]).await?;
    let table = AddressLookupTableAccount { key: table, addresses: vec![other] };
    let message = v0::Message::try_compile(&owner, &[sol(owner, other, 42)], &[table], Hash::default())?;
    assert_eq!(message.address_table_lookups.len(), 1);
    let mut tx = VersionedTransaction { signatures: Vec::new(), message: VersionedMessage::V0(message) };
    let early = chain.simulate(&tx).await?;
    let failure = early.outcome.err().context("usable in its own slot")?;
    assert!(failure.error.contains("from the next slot on"), "{failure}");
    assert!(!early.landed);
    tx.message.set_recent_blockhash(chain.latest_blockhash().await?.hash);
    let report = chain.execute(&tx, None).await?;
    assert_eq!(report.outcome, Ok(()));
    let change = report.balances().into_iter().find(|b| b.account == other).context("other")?;
    assert_eq!(change.after - change.before, 42);
    Ok(())
}

/// A nonce account of `owner`, and its address.
async fn nonce_account(chain: &valence_chain::LocalChain) -> Result<Pubkey> {
    let (owner, nonce) = (wallet("owner"), wallet("nonce"));
    let rent = Rent::default().minimum_balance(80);
    let create = system::create_nonce_account(&owner, &nonce, &owner, rent);
    run_well(chain, owner, &create).await?;
    Ok(nonce)
}

fn nonce_value(chain: &valence_chain::LocalChain, nonce: Pubkey) -> Result<Hash> {
    let slice = Some(Slice { offset: 40, length: 32 });
    let snapshot = chain.accounts_now(&[nonce], slice).context("now")??;
    let account = snapshot.accounts[0].clone().context("no nonce")?;
    let bytes: [u8; 32] = account.data.as_ref().try_into()?;
    Ok(Hash::new_from_array(bytes))
}

#[tokio::test]
async fn a_durable_nonce_outlives_blockhashes_and_works_once() -> Result<()> {
    let chain = chain(WORLD)?;
    let (owner, other) = (wallet("owner"), wallet("other"));
    let nonce = nonce_account(&chain).await?;
    let old = chain.latest_blockhash().await?.hash;
    let value = nonce_value(&chain, nonce)?;
    let advance = system::advance_nonce_account(&nonce, &owner);
    let durable = tx(owner, &[advance.clone(), sol(owner, other, 1)], value)?;
    let mortal = tx(owner, &[sol(owner, other, 1)], old)?;
    chain.advance(Some(Until::Slot(chain.moment().slot + 1000)))?;
    let refused = chain.execute(&mortal, None).await;
    assert!(matches!(refused, Err(ChainError::BlockhashUnknown { .. })), "{refused:?}");
    assert_eq!(chain.simulate(&durable).await?.outcome, Ok(()));
    assert_eq!(chain.execute(&durable, None).await?.outcome, Ok(()));
    assert_ne!(nonce_value(&chain, nonce)?, value);
    let again = chain.execute(&durable, None).await;
    assert!(matches!(again, Err(ChainError::BlockhashUnknown { .. })), "{again:?}");
    // One that fails uses its nonce up too, and pays its fee.
    let value = nonce_value(&chain, nonce)?;
    let funds = lamports(&chain, owner)?;
    let bad = tx(owner, &[advance, sol(owner, other, u64::MAX)], value)?;
    let report = chain.execute(&bad, None).await?;
    assert!(report.landed && report.outcome.is_err());
    assert_ne!(nonce_value(&chain, nonce)?, value);
    assert_eq!(lamports(&chain, owner)?, funds - 5000);
    assert!(chain.execute(&bad, None).await.is_err());
    Ok(())
}

#[tokio::test]
async fn only_the_nonce_authority_can_use_a_nonce() -> Result<()> {
    let chain = chain(WORLD)?;
    let (other, nonce) = (wallet("other"), nonce_account(&chain).await?);
    let value = nonce_value(&chain, nonce)?;
    let stolen = tx(other, &[system::advance_nonce_account(&nonce, &other)], value)?;
    let refused = chain.execute(&stolen, None).await;
    assert!(matches!(refused, Err(ChainError::BlockhashUnknown { .. })), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn the_stake_program_splits_a_stake() -> Result<()> {
    use solana_stake_interface::{
        instruction as stake,
        state::{Authorized, Lockup, StakeStateV2},
    };
    let chain = chain(WORLD)?;
    let (owner, one, two) = (wallet("owner"), wallet("stake-one"), wallet("stake-two"));
    let rent = Rent::default().minimum_balance(StakeStateV2::size_of());
    let create =
        stake::create_account(&owner, &one, &Authorized::auto(&owner), &Lockup::default(), rent + 4_000_000_000);
    run_well(&chain, owner, &create).await?;
    let mut split = vec![system::transfer(&owner, &two, rent)];
    split.extend(stake::split(&one, &owner, 1_000_000_000, &two));
    let report = run_well(&chain, owner, &split).await?;
    let after = |key| report.balances().into_iter().find(|b| b.account == key).map(|b| b.after);
    assert_eq!(after(two), Some(rent + 1_000_000_000));
    assert_eq!(after(one), Some(rent + 3_000_000_000));
    Ok(())
}

#[tokio::test]
async fn the_same_message_lands_only_once() -> Result<()> {
    let chain = chain(WORLD)?;
    let (owner, other) = (wallet("owner"), wallet("other"));
    let hash = chain.latest_blockhash().await?.hash;
    let tx = tx(owner, &[sol(owner, other, 5)], hash)?;
    let slot = chain.execute(&tx, None).await?.moment.slot;
    let again = chain.execute(&tx, None).await;
    assert!(matches!(again, Err(ChainError::AlreadyProcessed { slot: s, .. }) if s == slot), "{again:?}");
    assert_eq!(chain.moment().slot, slot);
    assert_eq!(lamports(&chain, other)?, 1_500_000_005);
    Ok(())
}

#[tokio::test]
async fn a_blockhash_is_good_for_150_slots_and_not_for_151() -> Result<()> {
    let chain = chain(WORLD)?;
    let owner = wallet("owner");
    let latest = chain.latest_blockhash().await?;
    assert_eq!(latest.last_valid_block_height, latest.slot + 150);
    let tx = tx(owner, &[memo("late")], latest.hash)?;
    chain.advance(Some(Until::Slot(latest.last_valid_block_height)))?;
    assert_eq!(chain.simulate(&tx).await?.outcome, Ok(()));
    chain.advance(Some(Until::Slot(latest.last_valid_block_height + 1)))?;
    let refused = chain.simulate(&tx).await;
    let error = refused.err().context("still good")?.to_string();
    assert!(error.contains("unknown or expired") && error.contains("newest blockhash"), "{error}");
    Ok(())
}

#[tokio::test]
async fn every_failure_is_one_line_that_a_person_understands() -> Result<()> {
    let chain = chain(WORLD)?;
    let names = chain.names();
    let (owner, other, nobody) = (wallet("owner"), wallet("other"), wallet("nobody"));
    let mint = names["usdc"];
    let absent = Pubkey::from([9; 32]);
    let no_program = format!("there is no program {absent} on this chain");
    let call = |program| Instruction { program_id: program, accounts: vec![], data: vec![] };
    let too_much = transfer_checked(&TOKEN, &names["treasury"], &mint, &names["treasury"], &owner, &[], u64::MAX, 6)?;
    let wrong_owner = transfer_checked(&TOKEN, &names["treasury"], &mint, &names["treasury"], &other, &[], 1, 6)?;
    let dust = Instruction {
        accounts: vec![AccountMeta::new(owner, true), AccountMeta::new(nobody, false)],
        ..sol(owner, nobody, 5)
    };
    // (payer, instruction, landed, custom error, what the line says)
    let cases = [
        (
            owner,
            sol(owner, other, u64::MAX / 2),
            true,
            Some(1),
            "instruction 0 (System program): the account does not hold enough lamports (error 1)",
        ),
        (owner, too_much, true, Some(1), "instruction 0 (Token program): Insufficient funds (error 1)"),
        (other, wrong_owner, true, Some(4), "Owner does not match (error 4)"),
        (owner, call(absent), false, None, &no_program),
        (nobody, memo("x"), false, None, "holds no lamports: fund it first"),
        (owner, dust, true, None, "below the rent-exempt minimum"),
    ];
    for (payer, instruction, landed, custom, line) in cases {
        let tx = tx(payer, &[instruction], chain.latest_blockhash().await?.hash)?;
        let simulated = chain.simulate(&tx).await?;
        let funds = lamports(&chain, payer)?;
        let executed = chain.execute(&tx, None).await?;
        let failure = executed.outcome.clone().err().context("it did not fail")?;
        assert!(failure.error.contains(line), "{failure} / {line}");
        assert!(!failure.error.contains('\n'));
        assert_eq!(failure.custom, custom, "{failure}");
        assert_eq!(executed.landed, landed, "{failure}");
        assert_eq!(simulated.outcome, executed.outcome);
        assert_eq!(simulated.landed, landed);
        assert_eq!(simulated.balances(), executed.balances());
        assert_eq!(lamports(&chain, payer)?, funds - if landed { executed.fee } else { 0 });
    }
    Ok(())
}

#[tokio::test]
async fn an_inner_failure_names_the_innermost_program() -> Result<()> {
    let chain = chain(WORLD)?;
    let (owner, mint) = (wallet("owner"), chain.names()["usdc"]);
    // The associated token program asks the token program about a mint that is none.
    let report = run(&chain, owner, &[create_ata(owner, owner, wallet("other"), TOKEN)]).await?;
    let failure = report.outcome.err().context("created")?;
    assert_eq!(failure.instruction, Some(0));
    assert!(failure.program.is_some_and(|program| program == TOKEN || program == ATA), "{failure:?}");
    assert_ne!(mint, owner);
    Ok(())
}

#[tokio::test]
async fn messages_that_make_no_sense_are_errors_and_not_panics() -> Result<()> {
    use solana_message::{MessageHeader, compiled_instruction::CompiledInstruction};
    let chain = chain(WORLD)?;
    let header = |signers, readonly_signed, readonly| MessageHeader {
        num_required_signatures: signers,
        num_readonly_signed_accounts: readonly_signed,
        num_readonly_unsigned_accounts: readonly,
    };
    for header in [header(0, 0, 0), header(1, 1, 0), header(9, 0, 0), header(1, 0, 200), header(255, 255, 255)] {
        for (program, account) in [(0, 0), (1, 200), (200, 0)] {
            let message = v0::Message {
                header,
                account_keys: vec![wallet("owner"), TOKEN],
                recent_blockhash: Hash::default(),
                instructions: vec![CompiledInstruction {
                    program_id_index: program,
                    accounts: vec![account],
                    data: vec![4, 0, 0, 0],
                }],
                address_table_lookups: vec![],
            };
            let tx = VersionedTransaction { signatures: vec![], message: VersionedMessage::V0(message) };
            if let Ok(report) = chain.simulate(&tx).await {
                assert!(report.outcome.is_err());
                let _ = (report.balances(), report.token_balances(), report.inner_instructions());
            }
            let _ = chain.execute(&tx, None).await;
        }
    }
    assert_eq!(lamports(&chain, wallet("owner"))?, 10_000_000_000);
    Ok(())
}
