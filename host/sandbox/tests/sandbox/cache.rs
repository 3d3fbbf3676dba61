//! Compiled components on disk: believed only where they are ours and whole, and never a reason to fail.

use crate::{
    door::RecordingDoor,
    guests::{context, good, hostile},
};
use anyhow::{Context as _, Result};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use valence_sandbox::{Allocation, Ending, Flow, Limits, Sandbox, SandboxConfig};

fn sandbox(cache: Option<&Path>) -> Result<Sandbox> {
    Ok(Sandbox::new(SandboxConfig { cache: cache.map(Path::to_owned), ..SandboxConfig::default() })?)
}

/// Loads the good flow in a new sandbox, and runs it.
async fn cached(cache: &Path) -> Result<bool> {
    let flow = sandbox(Some(cache))?.load(&good(), &[], &Limits::DEFAULT).await?;
    runs(&flow).await;
    Ok(flow.was_cached())
}

async fn runs(flow: &Flow) {
    let done = flow.run(context(), RecordingDoor::forgetful(0), &Limits::DEFAULT).await;
    assert_eq!(done.ending, Ending::Done("done".to_owned()));
}

fn only_file(folder: &Path) -> Result<PathBuf> {
    let files = fs::read_dir(folder)?.map(|f| Ok(f?.path())).collect::<Result<Vec<_>>>()?;
    assert_eq!(files.len(), 1, "{files:?}");
    files.into_iter().next().context("a file")
}

#[tokio::test]
async fn the_second_load_is_cached() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("a/b/cache");
    assert!(!cached(&cache).await?);
    assert!(cached(&cache).await?);
    assert_eq!(fs::metadata(&cache)?.permissions().mode() & 0o777, 0o700);
    Ok(())
}

#[tokio::test]
async fn without_a_folder_everything_works() -> Result<()> {
    let sandbox = sandbox(None)?;
    for _ in 0..2 {
        let flow = sandbox.load(&good(), &[], &Limits::DEFAULT).await?;
        assert!(!flow.was_cached());
        runs(&flow).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_file_that_was_damaged_is_not_believed_but_rebuilt() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("cache");
    cached(&cache).await?;
    let file = only_file(&cache)?;
    let whole = fs::read(&file)?;
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    for bad in [
        Vec::new(),
        vec![0; 31],
        vec![0; 32],
        whole[..whole.len() / 2].to_vec(),
        whole[..whole.len() - 1].to_vec(),
        flipped(0),
        flipped(whole.len() / 2),
        flipped(whole.len() - 1),
        b"\x7fELF and something else entirely, longer than a digest".to_vec(),
    ] {
        fs::write(&file, &bad)?;
        assert!(!cached(&cache).await?, "{} bytes", bad.len());
        assert!(cached(&cache).await?, "rebuilt");
    }
    Ok(())
}

#[tokio::test]
async fn compiled_code_of_another_engine_is_not_run() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("cache");
    assert!(!cached(&cache).await?);
    // Settings that change the code change the file's name.
    let pool =
        SandboxConfig { allocation: Allocation::Pool(2), cache: Some(cache.clone()), ..SandboxConfig::default() };
    runs(&Sandbox::new(pool)?.load(&good(), &[], &Limits::DEFAULT).await?).await;
    assert!(cached(&cache).await?);
    Ok(())
}

#[tokio::test]
async fn two_flows_have_a_file_each() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("cache");
    let sandbox = sandbox(Some(&cache))?;
    for bytes in [good(), hostile("panics")?] {
        assert!(!sandbox.load(&bytes, &[], &Limits::DEFAULT).await?.was_cached());
    }
    assert_eq!(fs::read_dir(&cache)?.count(), 2);
    Ok(())
}

#[tokio::test]
async fn a_folder_that_others_can_reach_is_not_used() -> Result<()> {
    for mode in [0o777, 0o755, 0o710, 0o702] {
        let folder = tempfile::tempdir()?;
        let cache = folder.path().join("cache");
        fs::create_dir(&cache)?;
        fs::set_permissions(&cache, Permissions::from_mode(mode))?;
        let refusal = sandbox(Some(&cache))?.cache_refusal().context("it is refused")?.to_owned();
        assert!(refusal.contains("chmod 700") && refusal.lines().count() == 1, "{refusal}");
        assert!(!cached(&cache).await? && !cached(&cache).await?);
        assert_eq!(fs::read_dir(&cache)?.count(), 0, "nothing is left in it");
    }
    Ok(())
}

#[tokio::test]
async fn a_link_or_a_file_is_no_cache_folder() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (link, file) = (folder.path().join("link"), folder.path().join("file"));
    fs::create_dir(folder.path().join("elsewhere"))?;
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &link)?;
    fs::write(&file, "text")?;
    for path in [link, file] {
        let refusal = sandbox(Some(&path))?.cache_refusal().context("it is refused")?.to_owned();
        assert!(refusal.lines().count() == 1 && refusal.contains(&path.display().to_string()), "{refusal}");
        assert!(!cached(&path).await?);
    }
    assert_eq!(fs::read_dir(folder.path().join("elsewhere"))?.count(), 0, "nothing was written through the link");
    Ok(())
}

#[test]
fn those_who_race_for_the_same_file_all_succeed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("cache");
    // Each with a sandbox of its own, as processes have.
    std::thread::scope(|scope| {
        let racers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| tokio::runtime::Builder::new_current_thread().build()?.block_on(cached(&cache))))
            .collect();
        racers.into_iter().map(|r| r.join().expect("no panic").map(drop)).collect::<Result<Vec<_>>>()
    })?;
    only_file(&cache)?;
    Ok(())
}
