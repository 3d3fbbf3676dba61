//! `valence serve`: the owner of a data dir, and how a command starts one beside itself.

use crate::{
    args::Output,
    exit::{self, Fail},
    record::Home,
    seat::{self, Seat},
    show,
    signer::Signing,
};
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
    process::{Command, ExitCode, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use valence_runtime::{Client, Host, Limits, Pace, Socket};

/// Real time for a slot, unless told.
const SLOT: Duration = Duration::from_millis(400);
/// How long an owner may take to start: it may have a million instances to take up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an owner that a command started stays when there is nothing to do: the next command may come.
const GRACE: Duration = Duration::from_secs(10);
/// The same for `--until-idle`.
const SHORT_GRACE: Duration = Duration::from_millis(200);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Own a data dir: run what is unfinished in it, and take requests
#[derive(clap::Args)]
#[command(after_help = "\
One process owns a data dir at a time. While it does, `run`, `cancel`, `pause`, `resume`, `retry` and `upgrade` on the same data dir
ask it through the socket in that folder. SIGTERM or Ctrl-C suspends all instances; they go on with the next owner.

  valence serve
  valence serve --pace virtual --until-idle")]
pub struct Serve {
    #[command(flatten)]
    pub home: Home,
    /// How slots of embedded chains move: `virtual`, when all wait, or one slot each MS milliseconds [default: 400]
    #[arg(long, value_name = "virtual|MS")]
    pub pace: Option<String>,
    /// End when nothing runs and nothing waits for what may come
    #[arg(long)]
    pub until_idle: bool,
    #[command(flatten)]
    pub signing: Signing,
    /// Started by another command
    #[arg(long, hide = true)]
    pub detached: bool,
}

pub fn serve(args: &Serve, output: Output) -> Result<ExitCode, Fail> {
    if args.detached {
        // A session of its own, so that no terminal takes it along. It may be one already.
        let _ = rustix::process::setsid();
    }
    let pace = seat::pace(args.pace.as_deref(), Pace::RealTime { slot: SLOT })?;
    let signer = args.signing.signer()?;
    let dir = args.home.path()?;
    let executor = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    executor.block_on(async {
        let data = match seat::take(&dir).await? {
            Seat::Mine(data) => data,
            Seat::Theirs(client) => {
                let (dir, process) = (dir.display(), client.process);
                return Err(Fail::input(format!(
                    "{dir}: process {process} serves this data dir already; ask it, or end it"
                )));
            }
        };
        let host = seat::host(data, seat::sandbox(Limits::DEFAULT.stack)?, pace, signer)?;
        let socket = Socket::serve(&host, seat::code)?;
        let bar = show::bar("chains");
        let taken = host.take_up(&mut |done, all| bar.at(done, all)).await?;
        bar.end();
        show::serving(&dir, &taken, output);
        let grace = match (args.until_idle, args.detached) {
            (_, true) => Some(GRACE),
            (true, false) => Some(SHORT_GRACE),
            (false, false) => None,
        };
        tokio::select! {
            () = seat::told_to_end() => {}
            done = idle(&host, grace) => done?,
        }
        // Whoever calls from here on finds nobody, and takes the folder when it is free.
        host.close();
        host.stop().await;
        drop(socket);
        Ok(ExitCode::SUCCESS)
    })
}

/// Ends when there has been nothing to do for so long.
async fn idle(host: &Arc<Host>, grace: Option<Duration>) -> Result<(), Fail> {
    let Some(grace) = grace else { return std::future::pending().await };
    let mut since = Instant::now();
    loop {
        tokio::time::sleep(PAUSE).await;
        if !host.is_idle().await? {
            since = Instant::now();
        }
        if since.elapsed() >= grace {
            return Ok(());
        }
    }
}

/// The owner of this folder: whoever has it, or a process that is started for it.
pub async fn owner(dir: &Path, pace: Option<&str>, signing: &Signing) -> Result<Client, Fail> {
    seat::pace(pace, Pace::Virtual)?;
    if let Some(client) = Client::connect(dir).await? {
        signing.not_here(client.process)?;
        return Ok(client);
    }
    let trouble = |what: &str, e: std::io::Error| Fail { code: exit::HOST, error: anyhow::anyhow!("{what}: {e}") };
    std::fs::create_dir_all(dir).map_err(|e| trouble(&format!("{} cannot be made", dir.display()), e))?;
    let log = dir.join("serve.log");
    let cannot = format!("{} cannot be written", log.display());
    let mut file = File::options().create(true).append(true).open(&log).map_err(|e| trouble(&cannot, e))?;
    let from = file.seek(SeekFrom::End(0)).map_err(|e| trouble(&cannot, e))?;
    let program = std::env::current_exe().map_err(|e| trouble("this program cannot be found", e))?;
    let mut command = Command::new(program);
    command.arg("serve").arg("--detached").arg("--data-dir").arg(dir);
    if let Some(pace) = pace {
        command.args(["--pace", pace]);
    }
    signing.pass_on(&mut command);
    let error = file.try_clone().map_err(|e| trouble(&cannot, e))?;
    command.stdin(Stdio::null()).stdout(file).stderr(error);
    let mut child = command.spawn().map_err(|e| trouble("an owner cannot be started", e))?;
    let begun = Instant::now();
    loop {
        if let Some(client) = Client::connect(dir).await? {
            return Ok(client);
        }
        let ended = child.try_wait().map_err(|e| trouble("the owner cannot be watched", e))?;
        if ended.is_some() {
            // Two commands may have started one each; then the other one's serves both.
            if let Some(client) = Client::connect(dir).await? {
                return Ok(client);
            }
            let said = last_line(&log, from).unwrap_or_else(|| "it said nothing".to_owned());
            let error = anyhow::anyhow!("the owner ended before it served: {said} (see {})", log.display());
            return Err(Fail { code: exit::HOST, error });
        }
        if begun.elapsed() > PATIENCE {
            let (log, seconds) = (log.display(), PATIENCE.as_secs());
            let error = anyhow::anyhow!("the owner does not serve after {seconds} s; see {log}");
            return Err(Fail { code: exit::HOST, error });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The last line behind this place.
fn last_line(log: &Path, from: u64) -> Option<String> {
    let mut file = File::open(log).ok()?;
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut text = Vec::new();
    file.take(64 << 10).read_to_end(&mut text).ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(line.trim().trim_start_matches("error:").trim().to_owned())
}
