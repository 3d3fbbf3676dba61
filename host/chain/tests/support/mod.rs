//! What the tests of the embedded chain share: a small world and the making of transactions.
#![allow(dead_code)]

use anyhow::{Context, Result};
use solana_message::{VersionedMessage, v0};
use solana_sdk::{
    hash::Hash,
    instruction::{AccountMeta, Instruction},
    pubkey::Pubkey,
    transaction::VersionedTransaction,
};
use valence_chain::{Chain, ChainSpec, Execution, LocalChain, Pace, derived_address};

pub const TOKEN: Pubkey = Pubkey::from_str_const("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
pub const TOKEN_2022: Pubkey = Pubkey::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
pub const ATA: Pubkey = Pubkey::from_str_const("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
pub const MEMO: Pubkey = Pubkey::from_str_const("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr");

pub const WORLD: &str = r#"
[wallets.owner]
sol = "10"
[wallets.other]
sol = 1.5
[mints.usdc]
decimals = 6
[mints.new]
decimals = 2
program = "token-2022"
[token-accounts.treasury]
mint = "usdc"
owner = "owner"
amount = "2500.5"
[token-accounts.vault]
mint = "new"
owner = "owner"
amount = 7
"#;

pub fn spec(text: &str) -> Result<ChainSpec> {
    Ok(ChainSpec::parse(text, "chain.toml")?)
}

pub fn chain(text: &str) -> Result<LocalChain> {
    Ok(LocalChain::new(spec(text)?, Pace::Virtual))
}

pub fn wallet(name: &str) -> Pubkey {
    derived_address("wallet", name)
}

/// An unsigned transaction that the chain runs as it is.
pub fn tx(payer: Pubkey, instructions: &[Instruction], hash: Hash) -> Result<VersionedTransaction> {
    let message = v0::Message::try_compile(&payer, instructions, &[], hash)?;
    Ok(VersionedTransaction { signatures: Vec::new(), message: VersionedMessage::V0(message) })
}

/// Builds a transaction with the newest blockhash and runs it.
pub async fn run(chain: &LocalChain, payer: Pubkey, instructions: &[Instruction]) -> Result<Execution> {
    let hash = chain.latest_blockhash().await?.hash;
    Ok(chain.execute(&tx(payer, instructions, hash)?, None).await?)
}

/// As [`run`], and it must succeed.
pub async fn run_well(chain: &LocalChain, payer: Pubkey, instructions: &[Instruction]) -> Result<Execution> {
    let report = run(chain, payer, instructions).await?;
    if let Err(failure) = &report.outcome {
        anyhow::bail!("{failure}\n{}", report.logs.join("\n"));
    }
    Ok(report)
}

pub fn sol(from: Pubkey, to: Pubkey, lamports: u64) -> Instruction {
    solana_system_interface::instruction::transfer(&from, &to, lamports)
}

pub fn memo(text: &str) -> Instruction {
    Instruction { program_id: MEMO, accounts: Vec::new(), data: text.as_bytes().to_vec() }
}

pub fn ata_of(wallet: Pubkey, mint: Pubkey, program: Pubkey) -> Pubkey {
    Pubkey::find_program_address(&[wallet.as_ref(), program.as_ref(), mint.as_ref()], &ATA).0
}

pub fn create_ata(payer: Pubkey, wallet: Pubkey, mint: Pubkey, program: Pubkey) -> Instruction {
    Instruction {
        program_id: ATA,
        accounts: vec![
            AccountMeta::new(payer, true),
            AccountMeta::new(ata_of(wallet, mint, program), false),
            AccountMeta::new_readonly(wallet, false),
            AccountMeta::new_readonly(mint, false),
            AccountMeta::new_readonly(Pubkey::default(), false),
            AccountMeta::new_readonly(program, false),
        ],
        data: vec![1],
    }
}

pub fn lamports(chain: &LocalChain, key: Pubkey) -> Result<u64> {
    let snapshot = chain.accounts_now(&[key], None).context("embedded")??;
    let account = snapshot.accounts.into_iter().next().flatten();
    Ok(account.map_or(0, |account| account.lamports))
}

/// The amount of a token account.
pub fn tokens(chain: &LocalChain, key: Pubkey) -> Result<u64> {
    let snapshot = chain.accounts_now(&[key], None).context("embedded")??;
    let account = snapshot.accounts.into_iter().next().flatten();
    let data = account.context("no such token account")?.data;
    let amount = data.get(64..72).context("too short")?;
    Ok(u64::from_le_bytes(amount.try_into()?))
}
