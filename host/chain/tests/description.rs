//! `chain.toml` and the files it names: what they make, and what is said when they are wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use anyhow::{Context, Result};
use proptest::prelude::*;
use solana_sdk::{hash::Hash, instruction::Instruction, pubkey::Pubkey};
use std::{fs, path::Path};
use support::*;
use valence_chain::{Chain, ChainError, ChainSpec, Filter, LocalChain, Pace, ProgramQuery, Slice};

fn complaint(text: &str) -> String {
    ChainSpec::parse(text, "here/chain.toml").err().map(|error| error.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn every_field_of_the_schema_does_what_it_says() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let (pool, other_mint) = (Pubkey::from([3; 32]), Pubkey::from([4; 32]));
    fs::write(
        dir.path().join("pool.json"),
        format!(
            r#"{{"pubkey":"{pool}","account":{{"lamports":5000000,"data":["AQID","base64"],"owner":"{MEMO}","executable":false,"rentEpoch":0,"space":3}}}}"#
        ),
    )?;
    let text = format!(
        r#"
[clock]
unix-time = 1000
[wallets.owner]
sol = 0.1
[wallets.cold]
address = "{pool}"
[mints.usdc]
decimals = 6
[mints.eurc]
decimals = 6
program = "token-2022"
authority = "faucet"
freeze-authority = "owner"
address = "{other_mint}"
[token-accounts.treasury]
mint = "usdc"
owner = "owner"
amount = 2500
[token-accounts.loose]
mint = "usdc"
owner = "cold"
amount = "0.000001"
associated = false
[token-accounts.fixed]
mint = "eurc"
owner = "{MEMO}"
address = "{}"
[[accounts]]
file = "pool.json"
name = "pool"
"#,
        Pubkey::from([5; 32])
    );
    let path = dir.path().join("chain.toml");
    fs::write(&path, text)?;
    let chain = LocalChain::new(ChainSpec::load(&path)?, Pace::Virtual);
    let names = chain.names();
    let known: Vec<_> = names.keys().map(String::as_str).collect();
    assert_eq!(known, ["cold", "eurc", "faucet", "fixed", "loose", "owner", "pool", "treasury", "usdc"]);
    assert_eq!(names["treasury"], ata_of(wallet("owner"), names["usdc"], TOKEN));
    assert_eq!((names["eurc"], names["pool"], names["cold"]), (other_mint, pool, pool));
    assert_eq!(chain.moment().unix_time, 1000);
    assert_eq!(lamports(&chain, wallet("owner"))?, 100_000_000);
    let keys = [names["usdc"], names["eurc"], names["loose"], names["fixed"], pool, wallet("faucet")];
    let accounts = chain.accounts_now(&keys, None).context("now")??.accounts;
    let [Some(usdc), Some(eurc), Some(loose), Some(fixed), Some(pool), None] = &accounts[..] else {
        panic!("{accounts:?}")
    };
    assert_eq!(&usdc.data[..4], [1, 0, 0, 0]);
    assert_eq!(&usdc.data[4..36], wallet("usdc").as_ref());
    assert_eq!(usdc.data[36..44], 2_500_000_001u64.to_le_bytes());
    assert_eq!((usdc.data[44], usdc.data[45], usdc.data[46], usdc.owner), (6, 1, 0, TOKEN));
    assert_eq!((&eurc.data[4..36], eurc.data[46], eurc.owner), (wallet("faucet").as_ref(), 1, TOKEN_2022));
    assert_eq!(loose.lamports, 2_039_280);
    assert_eq!((fixed.data.len(), fixed.owner), (165, TOKEN_2022));
    assert_eq!((pool.lamports, &*pool.data), (5_000_000, &[1u8, 2, 3][..]));
    Ok(())
}

#[test]
fn a_mistake_is_named_with_its_line_and_a_way_out() {
    let wallets = "[wallets.a]\nsol = 1\n[mints.m]\ndecimals = 2\n[token-accounts.t]\nmint = \"m\"\nowner = \"a\"\n";
    let cases = [
        ("[wallets.a]\nsool = 1", "here/chain.toml:2: unknown field `sool`"),
        ("[walets.a]\nsol = 1", ":1: unknown field `walets`"),
        ("[wallets.a\n", "here/chain.toml:1: "),
        ("[wallets.a]\nsol = \"ten\"", ":1: `ten` is not an amount"),
        ("[wallets.a]\nsol = 0.1234567891", "has 10 decimals, more than the 9"),
        ("[wallets.a]\nsol = -1", "not an amount"),
        ("[wallets.a]\nsol = true", "an amount, such as"),
        ("[wallets.a]\naddress = \"x\"", "`x` is no address"),
        ("[wallets.\"a b\"]\n", "`a b` is no name"),
        ("[wallets.a]\n[mints.a]\ndecimals = 1", ":2: the name `a` is used twice"),
        ("[mints.m]\n", "missing field `decimals`"),
        ("[mints.m]\ndecimals = 300", ":2: "),
        ("[mints.m]\ndecimals = 2\nprogram = \"tolkien\"", ":3: unknown variant `tolkien`"),
        ("[token-accounts.t]\nmint = \"m\"\nowner = \"a\"", "there is no wallet `a`: add [wallets.a]"),
        ("[wallets.a]\n[token-accounts.t]\nmint = \"m\"\nowner = \"a\"", "there is no mint `m`: add [mints.m]"),
        ("[[later]]\nslot = 5", ":1: a [[later]] needs exactly one of"),
        ("[[later]]\nslot = 1\nairdrop = { to = \"a\", sol = 1 }", "the chain starts at slot 1"),
        ("[[later]]\nslot = 9000000000000000000\nairdrop = { to = \"a\", sol = 1 }", "is never reached"),
        ("[[later]]\nslot = 3\nairdrop = { to = \"a\", sol = 1 }", "there is no wallet `a`"),
        ("[[accounts]]\nfile = \"none.json\"", "here/none.json: cannot read the account file"),
        (
            "[[programs]]\nid = \"11111111111111111111111111111111\"\nfile = \"none.so\"",
            "here/none.so: cannot read the program file",
        ),
    ];
    for (text, wanted) in cases {
        let line = complaint(text);
        assert!(line.contains(wanted) && !line.contains('\n'), "{text}\n{line}");
    }
    let cases = [
        ("[token-accounts.u]\nmint = \"m\"\nowner = \"a\"", "have the same address"),
        ("[token-accounts.u]\nmint = \"m\"\nowner = \"a\"\naddress = \"x\"\nassociated = true", "contradict"),
        (
            "[token-accounts.u]\nmint = \"m\"\nowner = \"a\"\namount = \"0.123\"\nassociated = false",
            "has 3 decimals, more than the 2",
        ),
        (
            "[token-accounts.u]\nmint = \"m\"\nowner = \"a\"\namount = \"184467440737095517\"\nassociated = false",
            "more than the 18446744073709551615 base units",
        ),
        (
            "[[later]]\nslot = 3\nmint = { token = \"m\", to = \"nobody\", amount = 1 }",
            "there is no token account or wallet `nobody`: take one of these: t, a",
        ),
        ("[[later]]\nslot = 3\ntransfer = { from = \"a\", to = \"a\", token = \"m\" }", "needs `sol`, or both"),
        (
            "[[later]]\nslot = 3\ntransfer = { from = \"a\", to = \"a\", token = \"m\", amount = 1, fee = 2 }",
            "unknown field `fee`",
        ),
    ];
    for (text, wanted) in cases {
        let line = complaint(&format!("{wallets}{text}"));
        assert!(line.contains(wanted) && !line.contains('\n'), "{text}\n{line}");
    }
}

proptest! {
    #[test]
    fn no_description_makes_it_panic(text in "\\PC{0,80}", field in "[a-z-]{1,12}", value in "\\PC{0,12}") {
        let _ = complaint(&text);
        let _ = complaint(&format!("[wallets.a]\n{field} = {value}\n[token-accounts.{field}]\nmint = \"{value}\"\nowner = \"a\""));
    }
}

/// The code of a program that is on every chain: the memo program's account is its ELF file.
fn memo_elf(dir: &Path) -> Result<std::path::PathBuf> {
    let chain = LocalChain::new(ChainSpec::default(), Pace::Virtual);
    let memo = chain.accounts_now(&[MEMO], None).context("now")??.accounts[0].clone();
    let path = dir.join("copy.so");
    fs::write(&path, &*memo.context("memo")?.data)?;
    Ok(path)
}

#[tokio::test]
async fn a_program_file_is_a_program_under_its_new_address() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let id = Pubkey::from([8; 32]);
    let spec = spec(WORLD)?.with_program_file(id, memo_elf(dir.path())?)?;
    // It is there for a kept chain too, without its file.
    drop(LocalChain::open(dir.path(), "dev", spec, Pace::Virtual)?);
    fs::remove_file(dir.path().join("copy.so"))?;
    let chain = LocalChain::open(dir.path(), "dev", ChainSpec::default(), Pace::Virtual)?;
    let call = Instruction { program_id: id, ..memo("hello from a copy") };
    let report = run_well(&chain, wallet("owner"), &[call]).await?;
    assert!(report.logs.iter().any(|line| line.contains("hello from a copy")));
    Ok(())
}

#[test]
fn a_file_that_is_no_program_is_named() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let id = Pubkey::from([8; 32]);
    let path = dir.path().join("x.so");
    fs::write(&path, "#!/bin/sh\n")?;
    let error = ChainSpec::default().with_program_file(id, &path).err().context("taken")?.to_string();
    assert!(error.contains("x.so: is no program") && error.contains("ELF"), "{error}");
    // One that looks like ELF and is none shows when the chain is built, and nothing can be done with the chain.
    let elf = fs::read(memo_elf(dir.path())?)?;
    for broken in [&b"\x7fELF"[..], &elf[..elf.len() / 2]] {
        fs::write(&path, broken)?;
        let chain = LocalChain::new(ChainSpec::default().with_program_file(id, &path)?, Pace::Virtual);
        let error = chain.ready().err().context("loaded")?;
        assert!(matches!(error, ChainError::BadSpec(_)), "{error}");
        let line = error.to_string();
        assert!(line.contains("x.so: program ") && line.contains("cannot be loaded"), "{line}");
        assert_eq!(chain.accounts_now(&[id], None).context("now")?, Err(error));
    }
    Ok(())
}

#[test]
fn an_executable_account_that_no_loader_owns_is_named() -> Result<()> {
    let account = solana_account::Account { lamports: 1, executable: true, owner: MEMO, ..Default::default() };
    let key = Pubkey::from([8; 32]);
    let chain = LocalChain::new(ChainSpec::default().with_account(key, account), Pace::Virtual);
    let line = chain.ready().err().context("built")?.to_string();
    assert!(line.contains(&format!("the account {key} cannot be used")), "{line}");
    Ok(())
}

#[tokio::test]
async fn find_is_exact_and_sorted() -> Result<()> {
    let chain = chain(WORLD)?;
    let names = chain.names();
    let by = |filters| ProgramQuery { program: TOKEN, filters, slice: Some(Slice { offset: 64, length: 8 }) };
    let mint = Filter::Bytes { offset: 0, bytes: names["usdc"].to_bytes().to_vec() };
    let found = chain.find(&by(vec![Filter::Size(165), mint.clone()])).await?;
    assert_eq!(found.accounts.len(), 1);
    assert_eq!(found.accounts[0].0, names["treasury"]);
    assert_eq!(*found.accounts[0].1.data, 2_500_500_000u64.to_le_bytes());
    assert!(chain.find(&by(vec![Filter::Size(166), mint])).await?.accounts.is_empty());
    let all = chain.find(&by(vec![])).await?;
    assert_eq!(all.accounts.len(), 2);
    assert!(all.accounts.is_sorted_by_key(|(key, _)| *key));
    assert_eq!(chain.simulate(&tx(wallet("owner"), &[memo("x")], Hash::default())?).await?.outcome, Ok(()));
    let late = chain.accounts(&[], None, Some(2)).await;
    assert_eq!(late, Err(ChainError::SlotNotReached { wanted: 2, slot: 1 }));
    Ok(())
}

#[test]
fn many_threads_read_one_consistent_chain() -> Result<()> {
    let chain = chain(WORLD)?;
    let (owner, other) = (wallet("owner"), wallet("other"));
    let sum = 11_500_000_000u64;
    std::thread::scope(|scope| -> Result<()> {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    let mut last = 0;
                    for _ in 0..2000 {
                        let snapshot = chain.accounts_now(&[owner, other], None).context("now")??;
                        let total: u64 = snapshot.accounts.iter().flatten().map(|a| a.lamports).sum();
                        // Each slot after the first paid one fee.
                        anyhow::ensure!(
                            total == sum - 5000 * (snapshot.moment.slot - 1),
                            "torn at {}",
                            snapshot.moment.slot
                        );
                        anyhow::ensure!(snapshot.moment.slot >= last, "back in time");
                        last = snapshot.moment.slot;
                    }
                    Ok(())
                })
            })
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        for lamports in 1..100 {
            runtime.block_on(run_well(&chain, owner, &[sol(owner, other, lamports)]))?;
        }
        readers.into_iter().try_for_each(|reader| reader.join().expect("reader"))
    })
}
