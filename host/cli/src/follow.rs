//! Following a run to its end, in this process or through the owner's socket: the same words and the same exit codes.

use crate::{
    args::Output,
    exit::{self, Fail},
    seat, show,
};
use std::{process::ExitCode, sync::Arc, time::Duration};
use valence_runtime::{Client, Ended, Host, Lagged, Reply, Run, Socket, Told};

/// How to print.
#[derive(Clone, Copy)]
pub struct Say {
    pub output: Output,
    pub verbose: bool,
}

/// Follows a run of this process's own, then waits for those that others have handed over meanwhile. When this process is told to
/// end, all is suspended.
pub async fn here(host: Arc<Host>, socket: Option<Socket>, mut run: Run, say: Say) -> Result<ExitCode, Fail> {
    let mut stopping = None;
    // One for all rounds, so that no signal falls between two.
    let mut end = Box::pin(seat::told_to_end());
    let ended = loop {
        tokio::select! {
            biased;
            told = run.next() => match told {
                Told::Event(event) => show::event(event, say.output, say.verbose),
                Told::End(ended) => break ended,
            },
            () = &mut end, if stopping.is_none() => {
                let host = host.clone();
                stopping = Some(tokio::spawn(async move { host.stop().await }));
            }
        }
    };
    let code = ended.as_ref().ok().map(|ended| conclude(ended, say));
    if stopping.is_none() && host.handed() > 0 {
        if !say.output.is_json() {
            show::note(&format!(
                "this process owns the data dir and stays for {} more that were handed over to it; Ctrl-C suspends them",
                host.handed()
            ));
        }
        let others = async {
            while host.handed() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = others => {}
            () = &mut end => {}
        }
    }
    host.stop().await;
    drop(socket);
    match code {
        Some(code) => Ok(code),
        None => Err(ended.err().map_or_else(|| Fail::input("it has not started"), Fail::from)),
    }
}

/// Follows a run of the owner's. When this process is told to end, only the following ends.
pub async fn there(mut client: Client, say: Say) -> Result<ExitCode, Fail> {
    let mut instance = String::new();
    let mut end = Box::pin(seat::told_to_end());
    loop {
        let reply = tokio::select! {
            biased;
            reply = client.next() => reply?,
            () = &mut end => {
                if !say.output.is_json() {
                    show::note(&format!(
                        "no longer followed; {instance} goes on in process {}: `valence ps` lists it, `valence cancel {instance}` ends it",
                        client.process
                    ));
                }
                return Ok(ExitCode::from(exit::CANCELLED));
            }
        };
        match reply {
            Some(Reply::Started { instance: name }) => instance = name,
            Some(Reply::Event { event }) => show::event(Ok(Arc::from(event)), say.output, say.verbose),
            Some(Reply::Lagged { missed }) => show::event(Err(Lagged(missed)), say.output, say.verbose),
            Some(Reply::Ended(ended)) => return Ok(conclude(&ended, say)),
            Some(Reply::Error { message, exit_code }) => return Err(refused(message, exit_code)),
            Some(_) => {}
            None => return Err(client.gone("it hung up").into()),
        }
    }
}

/// Waits until the owner has taken it up: the instance's name.
pub async fn started(client: Client) -> Result<String, Fail> {
    Ok(done(client).await?.0)
}

/// Waits until the owner has done it: the instance's name, and its state after that.
pub async fn done(mut client: Client) -> Result<(String, String), Fail> {
    loop {
        match client.next().await? {
            Some(Reply::Started { instance }) => return Ok((instance, "running".to_owned())),
            Some(Reply::Done { instance, state }) => return Ok((instance, state)),
            Some(Reply::Error { message, exit_code }) => return Err(refused(message, exit_code)),
            Some(_) => {}
            None => return Err(client.gone("it hung up").into()),
        }
    }
}

fn refused(message: String, code: u8) -> Fail {
    Fail { code, error: anyhow::anyhow!(message) }
}

/// What to do next where there is something to do, and the exit code.
fn conclude(ended: &Ended, say: Say) -> ExitCode {
    let name = &ended.instance;
    let next = match ended.outcome.as_str() {
        "done" | "cancelled" => None,
        "failed" | "trapped" => Some(format!(
            "go on before the place where it failed: valence retry {name}, with a build that does not: --with SOURCE"
        )),
        "limit" => {
            // Its words name the limit.
            let limit = ended.result.split('`').nth(1).unwrap_or("NAME");
            Some(format!("go on with more: valence resume {name} --limit {limit}=N   or end it: valence cancel {name}"))
        }
        _ => Some(format!("go on: valence resume {name}   or end it: valence cancel {name}")),
    };
    if let (Some(next), false) = (next, say.output.is_json()) {
        show::note(&next);
    }
    ExitCode::from(exit::of_outcome(&ended.outcome))
}
