//! The socket of a data dir: its owner takes requests there. Every client has a task of its own, so that one that is slow, has gone or
//! talks nonsense is nobody else's trouble. What is said is in `wire.rs`, what is done about it in `control.rs`.

use super::{
    DataDir, Host, Order, OwnerError, Run, Told,
    host::Handed,
    order::FlowSource,
    wire::{LINE, Reply, Request, limits_in},
};
use crate::inputs::Inputs;
use std::{
    fs::{self, File, Permissions},
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream, unix::OwnedWriteHalf},
    sync::Semaphore,
    task::JoinHandle,
};
use valence_journal::Instance as Row;
use valence_sandbox::Limits;

/// Clients at once.
const CLIENTS: usize = 256;
/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of a path that every Unix takes for a socket.
const SHORT: usize = 100;

/// A socket that is being served, until this is dropped.
pub struct Socket {
    path: PathBuf,
    task: JoinHandle<()>,
}

/// A path to a socket in this folder that is short enough for the machine, and what must stay open as long as it is used.
pub(super) fn at(dir: &Path, name: &str) -> std::io::Result<(PathBuf, Option<File>)> {
    let path = dir.join(name);
    if path.as_os_str().len() <= SHORT {
        return Ok((path, None));
    }
    let folder = File::open(dir)?;
    Ok((PathBuf::from(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd())), Some(folder)))
}

impl Socket {
    /// Serves the host's folder. `code` is the exit code that goes with an error.
    ///
    /// # Errors
    /// Why there can be no socket in the folder.
    pub fn serve(host: &Arc<Host>, code: fn(&OwnerError) -> u8) -> Result<Socket, OwnerError> {
        let dir = host.data.path();
        let path = DataDir::socket(dir);
        let listener = bind(dir, &path).map_err(|e| OwnerError::Socket {
            path: path.display().to_string(),
            why: format!("requests cannot be taken there: {e}; name another folder with --data-dir"),
        })?;
        let (host, places) = (host.clone(), Arc::new(Semaphore::new(CLIENTS)));
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    // Out of descriptors, say: others may give some back.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                let Ok(place) = places.clone().try_acquire_owned() else { continue };
                let host = host.clone();
                tokio::spawn(async move {
                    client(&host, stream, code).await;
                    drop(place);
                });
            }
        });
        Ok(Socket { path, task })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
        // One that stays is replaced by the next owner.
        let _ = fs::remove_file(&self.path);
    }
}

/// We own the folder, so a socket that is there is a dead owner's. It is replaced in one step, and nobody else may use it at any
/// moment.
fn bind(dir: &Path, path: &Path) -> std::io::Result<UnixListener> {
    let fresh = "socket.new";
    let _ = fs::remove_file(dir.join(fresh));
    let (short, _folder) = at(dir, fresh)?;
    let listener = UnixListener::bind(short)?;
    fs::set_permissions(dir.join(fresh), Permissions::from_mode(0o600))?;
    fs::rename(dir.join(fresh), path)?;
    Ok(listener)
}

/// Somebody to answer, who may have gone.
struct Line(Option<OwnedWriteHalf>);

impl Line {
    async fn say(&mut self, reply: &Reply) {
        let Some(stream) = &mut self.0 else { return };
        let Ok(mut bytes) = serde_json::to_vec(reply) else { return };
        bytes.push(b'\n');
        if stream.write_all(&bytes).await.is_err() {
            self.0 = None;
        }
    }
}

async fn client(host: &Arc<Host>, stream: UnixStream, code: fn(&OwnerError) -> u8) {
    let (read, write) = stream.into_split();
    let mut line = Line(Some(write));
    if host.is_closing() {
        return line.say(&Reply::Closing).await;
    }
    let (version, process) = (env!("CARGO_PKG_VERSION").to_owned(), std::process::id());
    line.say(&Reply::Hello { version, process }).await;
    let mut read = BufReader::new(read);
    let asked = match tokio::time::timeout(PATIENCE, request(&mut read)).await {
        Ok(Ok(Some(asked))) => asked,
        // It only wanted to know whether somebody is there.
        Ok(Ok(None)) => return,
        Ok(Err(error)) => return refuse(&mut line, &error, code).await,
        Err(_) => {
            let slow = OwnerError::Request(format!("no request came in {} s; send it as one line", PATIENCE.as_secs()));
            return refuse(&mut line, &slow, code).await;
        }
    };
    // From here on the owner stays until what was asked for is done.
    let handed = host.hand();
    if let Err(error) = answer(host, asked, &mut line, handed, code).await {
        refuse(&mut line, &error, code).await;
    }
}

async fn refuse(line: &mut Line, error: &OwnerError, code: fn(&OwnerError) -> u8) {
    line.say(&Reply::Error { message: error.to_string(), exit_code: code(error) }).await;
}

/// A request with its parts; none where the client has gone without a word.
async fn request(read: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<(Request, Option<FlowSource>)>, OwnerError> {
    let trouble = |e: std::io::Error| OwnerError::Request(format!("the request cannot be read: {e}"));
    let most = u64::try_from(LINE).unwrap_or(u64::MAX);
    let mut line = Vec::new();
    (&mut *read).take(most).read_until(b'\n', &mut line).await.map_err(trouble)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.len() >= LINE && line.last() != Some(&b'\n') {
        return Err(OwnerError::Request(format!("the request's line has more than {LINE} bytes; make it shorter")));
    }
    let request: Request = serde_json::from_slice(&line).map_err(|e| {
        OwnerError::Request(format!("this is no request: {e}; host/runtime/src/owner/PROTOCOL.md lists them"))
    })?;
    let Some(parts) = request.parts() else { return Ok(Some((request, None))) };
    parts.check()?;
    let mut bytes = Vec::new();
    for size in &parts.sizes {
        let mut part = Vec::new();
        (&mut *read).take(*size).read_to_end(&mut part).await.map_err(trouble)?;
        if u64::try_from(part.len()).ok() != Some(*size) {
            return Err(OwnerError::Request(format!(
                "a part of {size} bytes ends after {}; send all of it",
                part.len()
            )));
        }
        bytes.push(part);
    }
    let flow = parts.flow(bytes)?;
    Ok(Some((request, Some(flow))))
}

async fn answer(
    host: &Arc<Host>,
    (request, flow): (Request, Option<FlowSource>),
    line: &mut Line,
    handed: Handed,
    code: fn(&OwnerError) -> u8,
) -> Result<(), OwnerError> {
    let none = || OwnerError::Request("the request has no flow; give its parts".to_owned());
    let done = |row: Row| Reply::Done { instance: row.name, state: row.state };
    let (run, follows) = match request {
        Request::Run { params, roles, limits: changed, chain, description, follow, .. } => {
            let mut limits = Limits::default();
            limits_in(&changed)?.into_iter().for_each(|(limit, value)| limits.set(limit, value));
            let inputs = Inputs { params, roles };
            let order = Order { flow: flow.ok_or_else(none)?, inputs, limits, chain, description };
            (host.run(order).await?, follow)
        }
        Request::Follow { instance } => (host.follow(&instance).await?, true),
        Request::Resume { instance, limits, by, follow } => {
            (host.resume(&instance, &limits_in(&limits)?, &by).await?, follow)
        }
        Request::Retry { instance, by, follow, .. } => (host.retry(&instance, flow.as_ref(), &by).await?, follow),
        Request::Cancel { instance, by } => {
            line.say(&done(host.cancel(&instance, &by).await?)).await;
            return Ok(());
        }
        Request::Pause { instance, by } => {
            line.say(&done(host.pause(&instance, &by).await?)).await;
            return Ok(());
        }
        Request::Upgrade { instance, by, .. } => {
            line.say(&done(host.upgrade(&instance, &flow.ok_or_else(none)?, &by).await?)).await;
            return Ok(());
        }
    };
    follow(run, line, follows, handed, code).await;
    Ok(())
}

/// Tells a client what happens, and goes on without it when it has gone or wants to hear nothing: the owner stays until the end.
async fn follow(mut run: Run, line: &mut Line, follows: bool, handed: Handed, code: fn(&OwnerError) -> u8) {
    let mut started = false;
    loop {
        let told = run.next().await;
        if !started && !matches!(told, Told::End(Err(_))) {
            started = true;
            line.say(&Reply::Started { instance: run.instance.clone() }).await;
            if !follows {
                line.0 = None;
            }
        }
        match told {
            Told::Event(Ok(event)) => line.say(&Reply::Event { event: Box::new((*event).clone()) }).await,
            Told::Event(Err(lagged)) => line.say(&Reply::Lagged { missed: lagged.0 }).await,
            Told::End(Ok(ended)) => {
                drop(handed);
                return line.say(&Reply::Ended(ended)).await;
            }
            Told::End(Err(error)) => {
                drop(handed);
                return refuse(line, &error.into(), code).await;
            }
        }
    }
}
