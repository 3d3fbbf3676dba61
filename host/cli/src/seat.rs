//! Whose the data dir is: ours while this process lives, or another's, who is asked through its socket.

use crate::exit::{self, Fail};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use valence_runtime::{
    Allocation, Client, Concurrency, DataDir, DataDirError, Host, HostOptions, Limits, Pace, ProposalSigner, Request,
    RuntimeConfig, Sandbox, SandboxConfig,
};

/// How long somebody else may hold a data dir without answering: it is about to begin, or to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Who owns a data dir.
pub enum Seat {
    /// We do.
    Mine(Arc<DataDir>),
    /// Somebody who answers.
    Theirs(Client),
}

/// Takes the data dir, or finds whoever has it.
pub async fn take(dir: &Path) -> Result<Seat, Fail> {
    let begun = Instant::now();
    loop {
        let owned = match DataDir::open(dir) {
            Ok(data) => return Ok(Seat::Mine(Arc::new(data))),
            Err(error @ DataDirError::Owned { .. }) => error,
            Err(error) => return Err(error.into()),
        };
        if let Some(client) = Client::connect(dir).await? {
            return Ok(Seat::Theirs(client));
        }
        if begun.elapsed() > PATIENCE {
            return Err(owned.into());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// A data dir in which something was recorded.
pub fn recorded(dir: PathBuf) -> Result<PathBuf, Fail> {
    if dir.join("valence.db").exists() {
        return Ok(dir);
    }
    Err(Fail::input(format!(
        "{}: nothing was recorded here; `valence run` records, and --data-dir DIR names another folder",
        dir.display()
    )))
}

/// The engine. Whoever may use this data dir is its operator, so flags alone say how much a flow may have; only the stack is fixed when
/// the engine is made.
pub fn sandbox(stack: u64) -> Result<Arc<Sandbox>, Fail> {
    let mut ceiling = Limits::DEFAULT;
    Limits::ALL.iter().for_each(|limit| ceiling.set(*limit, u64::MAX));
    ceiling.stack = stack;
    let config = SandboxConfig { allocation: Allocation::OnDemand, ceiling, cache: crate::record::compiled() };
    Ok(Arc::new(Sandbox::new(config)?))
}

/// A host for a data dir that is ours.
pub fn host(
    data: Arc<DataDir>,
    sandbox: Arc<Sandbox>,
    pace: Pace,
    signer: Option<Arc<dyn ProposalSigner>>,
) -> Result<Arc<Host>, Fail> {
    let config = RuntimeConfig::from_env()?;
    config.check_cluster()?;
    Ok(Host::new(data, HostOptions { config, sandbox, pace, signer, concurrency: Concurrency::default() }))
}

/// Who asks: the user's name.
pub fn user() -> String {
    whoami::fallible::username().unwrap_or_else(|_| rustix::process::getuid().as_raw().to_string())
}

/// Asks an owner.
pub async fn ask(client: &mut Client, request: &Request, parts: &[Vec<u8>]) -> Result<(), Fail> {
    Ok(client.ask(request, parts).await?)
}

/// A pace as it is written: `virtual`, or milliseconds for each slot.
pub fn pace(text: Option<&str>, default: Pace) -> Result<Pace, Fail> {
    match text {
        None => Ok(default),
        Some("virtual") => Ok(Pace::Virtual),
        Some(text) => match text.parse() {
            Ok(ms) if ms > 0 => Ok(Pace::RealTime { slot: Duration::from_millis(ms) }),
            _ => Err(Fail::input(format!(
                "`--pace {text}` is neither `virtual` nor a number of milliseconds for each slot"
            ))),
        },
    }
}

/// The executor of a command that runs or asks for something.
pub fn executor() -> Result<tokio::runtime::Runtime, Fail> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Ends when somebody wants this process to end.
pub async fn told_to_end() {
    let Ok(mut term) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = term.recv() => {}
    }
}

/// The exit code of an owner's error.
pub fn code(error: &valence_runtime::OwnerError) -> u8 {
    exit::of_owner(error)
}
