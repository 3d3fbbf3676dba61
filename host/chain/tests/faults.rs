//! Full disks and folders that cannot be written: a clear error, the chain as it was, and everything that was said still there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "support/child.rs"]
mod child;
mod support;

use anyhow::{Context, Result};
use std::{fs, path::Path, process::Command};
use support::*;
use valence_chain::{Chain, ChainError, ChainSpec, Execution, LocalChain, Pace, Until};

fn open(dir: &Path) -> Result<LocalChain, ChainError> {
    LocalChain::open(dir, "dev", ChainSpec::default(), Pace::Virtual)
}

async fn execute(chain: &LocalChain, number: u64) -> Result<Execution, ChainError> {
    let (owner, other) = (wallet("owner"), wallet("other"));
    // A long memo, so that the disk fills soon.
    let steps = [sol(owner, other, 1), memo(&"full ".repeat(80))];
    let pay = tx(owner, &steps, chain.latest_blockhash().await?.hash).unwrap();
    chain.execute(&pay, Some(&format!("pay/{number}"))).await
}

/// Everything that somebody outside sees.
async fn seen(chain: &LocalChain) -> Result<impl PartialEq + std::fmt::Debug> {
    let balances = (lamports(chain, wallet("owner"))?, lamports(chain, wallet("other"))?);
    Ok((balances, chain.moment(), chain.latest_blockhash().await?.hash))
}

/// Executes until the disk is full. Says how many were executed.
async fn fill(chain: &LocalChain) -> Result<u64> {
    let mut number = 0;
    loop {
        let before = seen(chain).await?;
        let mut updates = chain.subscribe(&[wallet("other")]);
        let error = match execute(chain, number).await {
            Ok(report) => {
                assert_eq!(report.outcome, Ok(()));
                number += 1;
                assert!(number < 100_000, "the disk is never full");
                continue;
            }
            Err(error) => error.to_string(),
        };
        assert!(error.contains("cannot save") && error.contains("dev.db"), "{error}");
        assert!(error.contains("free some space") && !error.contains('\n'), "{error}");
        // It has not happened, nobody heard of it, and the chain can still be asked.
        assert_eq!(seen(chain).await?, before);
        assert!(updates.try_next().is_none());
        assert!(chain.executed(&format!("pay/{number}")).await?.is_none());
        assert!(execute(chain, number).await.is_err());
        assert_eq!(seen(chain).await?, before);
        // A slot in which nothing happens is less to write, and may still fit for some time.
        loop {
            let before = seen(chain).await?;
            if let Err(error) = chain.advance(Some(Until::Slot(chain.moment().slot + 1))) {
                assert!(error.to_string().contains("cannot save"), "{error}");
                assert_eq!(seen(chain).await?, before);
                return Ok(number);
            }
        }
    }
}

/// All that was executed is there, once.
async fn check(chain: &LocalChain, number: u64) -> Result<()> {
    for number in 0..number {
        let report = chain.executed(&format!("pay/{number}")).await?;
        assert_eq!(report.context("lost")?.outcome, Ok(()));
    }
    assert_eq!(lamports(chain, wallet("other"))?, 1_500_000_000 + number);
    Ok(())
}

#[tokio::test]
#[ignore = "the child of the test below"]
async fn child_with_small_files() -> Result<()> {
    let chain = LocalChain::open(child::dir(), "dev", spec(WORLD)?, Pace::Virtual)?;
    let number = fill(&chain).await?;
    assert!(number > 5, "{number}");
    fs::write(child::dir().join("executed"), number.to_string())?;
    Ok(())
}

#[tokio::test]
async fn a_file_that_cannot_grow_is_an_error_and_loses_nothing() -> Result<()> {
    let dir = tempfile::tempdir()?;
    // Blocks of 512 bytes: half a megabyte. The signal would end the process.
    let limit = "trap '' XFSZ; ulimit -f 1024; exec \"$0\" \"$@\"";
    child::finish(child::child("child_with_small_files", dir.path(), &["sh", "-c", limit])?)?;
    let number = fs::read_to_string(dir.path().join("executed"))?.parse()?;
    let chain = open(dir.path())?;
    check(&chain, number).await?;
    execute(&chain, number).await?;
    check(&chain, number + 1).await
}

/// Whether this machine lets a process mount things of its own.
fn may_mount() -> bool {
    let may = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
    let may = may.is_ok_and(|output| output.status.success());
    if !may {
        eprintln!("SKIPPED: this machine does not let a process mount a disk of its own (unshare -rm)");
    }
    may
}

#[tokio::test]
#[ignore = "the child of the test below"]
async fn child_on_a_small_disk() -> Result<()> {
    let dir = child::dir();
    let ballast = dir.join("ballast");
    fs::write(&ballast, vec![1; 300_000])?;
    let chain = LocalChain::open(&dir, "dev", spec(WORLD)?, Pace::Virtual)?;
    let number = fill(&chain).await?;
    check(&chain, number).await?;
    // Some space again: the same chain goes on.
    fs::remove_file(&ballast)?;
    assert_eq!(execute(&chain, number).await?.outcome, Ok(()));
    check(&chain, number + 1).await?;
    drop(chain);
    let chain = open(&dir)?;
    check(&chain, number + 1).await
}

#[test]
fn a_full_disk_is_an_error_and_the_chain_goes_on_when_there_is_space() -> Result<()> {
    if !may_mount() {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let mount = format!("mount -t tmpfs -o size=1m tmpfs \"${}\" && exec \"$0\" \"$@\"", child::DIR);
    child::finish(child::child("child_on_a_small_disk", dir.path(), &["unshare", "-rm", "sh", "-c", &mount])?)
}

#[test]
#[ignore = "the child of the test below"]
fn child_in_a_folder_that_cannot_be_written() {
    let error = open(&child::dir()).err().expect("it opened").to_string();
    assert!(error.contains("dev.lock") && error.contains("make the folder writable"), "{error}");
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_that_says_so() -> Result<()> {
    if !may_mount() {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    drop(LocalChain::open(dir.path(), "dev", spec(WORLD)?, Pace::Virtual)?);
    let name = child::DIR;
    let mount =
        format!("mount --bind \"${name}\" \"${name}\" && mount -o remount,bind,ro \"${name}\" && exec \"$0\" \"$@\"");
    let wrap = ["unshare", "-rm", "sh", "-c", &mount];
    child::finish(child::child("child_in_a_folder_that_cannot_be_written", dir.path(), &wrap)?)
}

#[test]
#[ignore = "the child of the test below"]
fn child_that_opens_it_too() {
    let error = open(&child::dir()).err().expect("it opened").to_string();
    assert!(error.contains("another process has it open"), "{error}");
}

#[test]
fn a_second_process_is_told_that_the_chain_is_taken() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let chain = LocalChain::open(dir.path(), "dev", spec(WORLD)?, Pace::Virtual)?;
    child::finish(child::child("child_that_opens_it_too", dir.path(), &[])?)?;
    drop(chain);
    open(dir.path())?;
    Ok(())
}
