//! `cancel`, `pause`, `resume`, `retry`, `upgrade`: through the socket where somebody owns the data dir, else here.

use crate::{
    args::{Output, Source},
    exit::Fail,
    follow::{self, Say},
    record::Home,
    seat::{self, Seat},
    serve, show,
    signer::Signing,
    source,
};
use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, sync::Arc};
use valence_runtime::{FlowSource, Host, Limits, Pace, Parts, Request, Socket, limits_of};

/// Which instance.
#[derive(clap::Args)]
pub struct Which {
    /// The instance: its name, its number, or the beginning of its name
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub home: Home,
}

/// Have a paused or unfinished instance go on
#[derive(clap::Args)]
#[command(after_help = "\
An instance that was paused, that reached a limit, or whose host ended goes on where it was; it is followed to its end like a run.

  valence resume treasury-sweep-7
  valence resume treasury-sweep-7 --limit waits=100K --fuel 10G")]
pub struct Resume {
    #[command(flatten)]
    pub which: Which,
    /// Change one limit, e.g. fuel=10M or memory=64M (powers of 1024)
    #[arg(long = "limit", value_name = "NAME=N")]
    pub limits: Vec<String>,
    /// The same as --limit fuel=N
    #[arg(long, value_name = "N")]
    pub fuel: Option<String>,
    /// Leave it to an owner in the background, which is started where there is none
    #[arg(short, long)]
    pub detach: bool,
    #[command(flatten)]
    pub signing: Signing,
}

/// Have an instance that failed or trapped go on before the place where it failed
#[derive(clap::Args)]
#[command(after_help = "\
All that has landed stays, and what the flow was told up to there is told again; from there on it asks anew. A build given with --with
must make the same calls up to there.

  valence retry treasury-sweep-7 --with examples/treasury-sweep")]
pub struct Retry {
    #[command(flatten)]
    pub which: Which,
    /// Another build of the flow: a folder, a component (.wasm), or a declared flow's file
    #[arg(long, value_name = "SOURCE")]
    pub with: Option<PathBuf>,
    /// Leave it to an owner in the background, which is started where there is none
    #[arg(short, long)]
    pub detach: bool,
    #[command(flatten)]
    pub signing: Signing,
}

/// Give an instance another version of its flow, for its next episode
#[derive(clap::Args)]
pub struct Upgrade {
    #[command(flatten)]
    pub which: Which,
    /// The version: a folder, a component (.wasm), or a declared flow's file
    #[arg(value_name = "SOURCE")]
    pub source: PathBuf,
}

/// What is done at once.
pub enum Act {
    Cancel,
    Pause,
}

pub fn act(act: &Act, which: &Which, output: Output) -> Result<ExitCode, Fail> {
    let (instance, by) = (which.id.clone(), seat::user());
    let request = match act {
        Act::Cancel => Request::Cancel { instance, by },
        Act::Pause => Request::Pause { instance, by },
    };
    at_once(which, request, None, output)
}

pub fn upgrade(args: &Upgrade, output: Output) -> Result<ExitCode, Fail> {
    seat::recorded(args.which.home.path()?)?;
    let flow = build(&args.source)?;
    let (version, _) = Parts::of(flow.clone());
    let request = Request::Upgrade { instance: args.which.id.clone(), version, by: seat::user() };
    at_once(&args.which, request, Some(flow), output)
}

fn at_once(which: &Which, request: Request, flow: Option<FlowSource>, output: Output) -> Result<ExitCode, Fail> {
    let dir = seat::recorded(which.home.path()?)?;
    seat::executor()?.block_on(async {
        let (name, state) = match seat::take(&dir).await? {
            Seat::Theirs(mut client) => {
                let parts = flow.map(|flow| Parts::of(flow).1).unwrap_or_default();
                seat::ask(&mut client, &request, &parts).await?;
                follow::done(client).await?
            }
            Seat::Mine(data) => {
                let host = seat::host(data, seat::sandbox(Limits::DEFAULT.stack)?, Pace::Virtual, None)?;
                let row = match (&request, flow) {
                    (Request::Cancel { instance, by }, _) => host.cancel(instance, by).await?,
                    (Request::Pause { instance, by }, _) => host.pause(instance, by).await?,
                    (Request::Upgrade { instance, by, .. }, Some(flow)) => host.upgrade(instance, &flow, by).await?,
                    _ => return Err(Fail::input("this is nothing that is done at once")),
                };
                host.stop().await;
                (row.name, row.state)
            }
        };
        show::done(&name, &state, matches!(request, Request::Upgrade { .. }), output);
        Ok(ExitCode::SUCCESS)
    })
}

pub fn resume(args: &Resume, say: Say) -> Result<ExitCode, Fail> {
    let mut pairs = Vec::new();
    for text in &args.limits {
        let pair = text.split_once('=').ok_or_else(|| Fail::input(format!("`--limit {text}` is not NAME=N")))?;
        pairs.push((pair.0.to_owned(), pair.1.to_owned()));
    }
    pairs.extend(args.fuel.iter().map(|fuel| ("fuel".to_owned(), fuel.clone())));
    let limits = limits_of(&pairs)?;
    let by = seat::user();
    let named: BTreeMap<String, u64> = limits.iter().map(|(limit, value)| (limit.name().to_owned(), *value)).collect();
    let (instance, follow) = (args.which.id.clone(), !args.detach);
    let request = Request::Resume { instance, limits: named, by, follow };
    going_on(&args.which, request, None, &args.signing, args.detach, say)
}

pub fn retry(args: &Retry, say: Say) -> Result<ExitCode, Fail> {
    seat::recorded(args.which.home.path()?)?;
    let with = args.with.as_deref().map(build).transpose()?;
    let parts = with.clone().map(|flow| Parts::of(flow).0);
    let request =
        Request::Retry { instance: args.which.id.clone(), with: parts, by: seat::user(), follow: !args.detach };
    going_on(&args.which, request, with, &args.signing, args.detach, say)
}

fn going_on(
    which: &Which,
    request: Request,
    flow: Option<FlowSource>,
    signing: &Signing,
    detach: bool,
    say: Say,
) -> Result<ExitCode, Fail> {
    let dir = seat::recorded(which.home.path()?)?;
    let signer = signing.signer()?;
    seat::executor()?.block_on(async {
        let seat = match detach {
            true => Seat::Theirs(serve::owner(&dir, None, signing).await?),
            false => seat::take(&dir).await?,
        };
        match seat {
            Seat::Theirs(mut client) => {
                if !detach {
                    signing.not_here(client.process)?;
                }
                let parts = flow.map(|flow| Parts::of(flow).1).unwrap_or_default();
                seat::ask(&mut client, &request, &parts).await?;
                if detach {
                    show::detached(&follow::started(client).await?, say.output);
                    return Ok(ExitCode::SUCCESS);
                }
                follow::there(client, say).await
            }
            Seat::Mine(data) => {
                let host = seat::host(data, seat::sandbox(Limits::DEFAULT.stack)?, Pace::Virtual, signer)?;
                let socket = serve_beside(&host);
                let run = match &request {
                    Request::Resume { instance, limits, by, .. } => {
                        let limit = |(name, value): (&String, &u64)| (name.clone(), value.to_string());
                        host.resume(instance, &limits_of(&limits.iter().map(limit).collect::<Vec<_>>())?, by).await
                    }
                    Request::Retry { instance, by, .. } => host.retry(instance, flow.as_ref(), by).await,
                    _ => return Err(Fail::input("this does not go on")),
                };
                match run {
                    Ok(run) => follow::here(host, socket, run, say).await,
                    Err(error) => {
                        host.stop().await;
                        Err(error.into())
                    }
                }
            }
        }
    })
}

/// The socket of a command that owns the data dir while it lives. It does without where there can be none.
pub fn serve_beside(host: &Arc<Host>) -> Option<Socket> {
    Socket::serve(host, seat::code).inspect_err(|error| show::note(&format!("nobody else can be served: {error}"))).ok()
}

/// A build of a flow.
fn build(path: &std::path::Path) -> Result<FlowSource, Fail> {
    let source = Source { source: path.to_owned(), drivers: Vec::new(), offline: false };
    Ok(source::given(&source)?.flow)
}
