//! Killed at any moment, a kept chain still has all that it said, and no intent runs twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "support/child.rs"]
mod child;
mod support;

use anyhow::{Context, Result};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    time::Duration,
};
use support::*;
use valence_chain::{Advance, Chain, ChainSpec, Execution, LocalChain, Pace, Until};

const LATER: &str = "[[later]]\nslot = 40\nairdrop = { to = \"other\", sol = 1 }\n[[later]]\nslot = 90\nairdrop = { to = \"other\", sol = 1 }\n";
const KILLS: u64 = 30;
const OTHER: u64 = 1_500_000_000;
const SOL: u64 = 1_000_000_000;

/// What is paid by the intent of this number.
fn pay(number: u64) -> u64 {
    1000 + number % 7
}

/// All that a report says, as one line.
fn line(report: &Execution) -> String {
    format!("{:?} {:?} {} {:?}", report.moment, report.outcome, report.fee, report.balances())
}

async fn execute(chain: &LocalChain, number: u64) -> Result<Execution> {
    let (owner, other) = (wallet("owner"), wallet("other"));
    let pay = tx(owner, &[sol(owner, other, pay(number))], chain.latest_blockhash().await?.hash)?;
    Ok(chain.execute(&pay, Some(&format!("pay/{number}"))).await?)
}

async fn known(chain: &LocalChain, number: u64) -> Result<Option<Execution>> {
    Ok(chain.executed(&format!("pay/{number}")).await?)
}

/// Executes one intent after another and prints each result once it is there. Begins with some that it may have executed before.
#[tokio::test]
#[ignore = "the child of the test below"]
async fn child() -> Result<()> {
    let chain = LocalChain::open(child::dir(), "dev", spec(&format!("{WORLD}{LATER}"))?, Pace::Virtual)?;
    let mut number = 0;
    while known(&chain, number).await?.is_some() {
        number += 1;
    }
    let mut out = std::io::stdout();
    for number in number.saturating_sub(3).. {
        let report = execute(&chain, number).await?;
        writeln!(out, "\n#{number} {}", line(&report))?;
        out.flush()?;
        if number.is_multiple_of(3) {
            chain.advance(Some(Until::Slot(chain.moment().slot + number % 4)))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_chain_that_is_killed_at_any_moment_has_all_that_it_said_and_ran_nothing_twice() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut said = BTreeMap::new();
    let (mut runs, mut again) = (0, 0);
    for kill in 0..KILLS {
        let mut process = child::child("child", dir.path(), &[])?.spawn()?;
        let out = process.stdout.take().context("piped")?;
        let reader = std::thread::spawn(move || BufReader::new(out).lines().map_while(Result::ok).collect::<Vec<_>>());
        // Up to a quarter of a second after it begins to execute, and sometimes before.
        tokio::time::sleep(Duration::from_millis(100 + kill * 7919 % 400)).await;
        process.kill()?;
        process.wait()?;
        for line in reader.join().map_err(|_| anyhow::anyhow!("the reader"))? {
            // The last line may be cut: it was not said.
            let Some((number, line)) = line.strip_prefix('#').and_then(|line| line.split_once(' ')) else { continue };
            if !line.ends_with(']') {
                continue;
            }
            runs += 1;
            if let Some(before) = said.insert(number.parse::<u64>()?, line.to_owned()) {
                assert_eq!(before, line, "#{number} was told in two ways");
                again += 1;
            }
        }
        let chain = LocalChain::open(dir.path(), "dev", ChainSpec::default(), Pace::Virtual)?;
        let (mut number, mut paid) = (0, 0);
        while let Some(report) = known(&chain, number).await? {
            if let Some(said) = said.get(&number) {
                assert_eq!(&line(&report), said, "#{number}");
            }
            paid += pay(number);
            number += 1;
        }
        let last = said.keys().last().map_or(0, |last| last + 1);
        assert!(number >= last, "said {last}, kept {number}");
        let airdrops = [40, 90].iter().filter(|slot| **slot <= chain.moment().slot).count();
        assert_eq!(lamports(&chain, wallet("other"))?, OTHER + paid + u64::try_from(airdrops)? * SOL);
        assert_eq!(lamports(&chain, wallet("owner"))?, 10 * SOL - paid - number * 5000);
    }
    println!("{} intents said, {runs} times, {again} of them again", said.len());
    assert!(said.len() > 100 && again > 10, "{} {again}", said.len());
    let chain = LocalChain::open(dir.path(), "dev", ChainSpec::default(), Pace::Virtual)?;
    while chain.advance(None)? != Advance::Nothing {}
    Ok(())
}
