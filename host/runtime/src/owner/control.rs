//! What operators ask a host to do to an instance. Where its chain is open and runs, the instance is told; where it is not, its
//! journal is written without waking anybody else on that chain.

use super::{
    Host, OwnerError,
    find::find_instance,
    host::Served,
    order::{FlowSource, take_in},
    run::{Ended, Run, end_in},
};
use crate::{
    error::RuntimeError,
    events::{Event, Events, Lagged},
    orchestrator::{Resume, Retry},
};
use std::sync::Arc;
use tokio::sync::oneshot;
use valence_chain::{ChainSpec, LocalChain, Pace};
use valence_journal::Instance as Row;
use valence_sandbox::{Limit, Limits};

impl Host {
    /// The instance that is meant.
    ///
    /// # Errors
    /// As [`find_instance`].
    pub fn find(&self, id: &str) -> Result<Row, OwnerError> {
        Ok(find_instance(&**self.data.writer().store(), id)?)
    }

    /// Ends an instance for ever; its row after that.
    ///
    /// # Errors
    /// Where it has ended already.
    pub async fn cancel(self: &Arc<Self>, id: &str, by: &str) -> Result<Row, OwnerError> {
        let row = self.find(id)?;
        not_over(&row)?;
        let served = self.for_writing(&row).await?;
        served.runtime.orchestrator().cancel(&row.name, by).await?;
        drop(served);
        self.tidy(&row.chain, row.id).await;
        self.find(&row.name)
    }

    /// Stops an instance where it is, until it is resumed; its row after that.
    ///
    /// # Errors
    /// Where it has ended, or is paused.
    pub async fn pause(self: &Arc<Self>, id: &str, by: &str) -> Result<Row, OwnerError> {
        let row = self.find(id)?;
        not_over(&row)?;
        self.for_writing(&row).await?.runtime.orchestrator().pause(&row.name, by).await?;
        self.find(&row.name)
    }

    /// Has an instance go on: one that is paused, or one that a host left unfinished.
    ///
    /// # Errors
    /// Where it has ended or runs, or a limit is above the ceiling.
    pub async fn resume(self: &Arc<Self>, id: &str, limits: &[(Limit, u64)], by: &str) -> Result<Run, OwnerError> {
        let mut row = self.find(id)?;
        if row.ended.is_some() && row.state == "failed" {
            let what = format!(
                "has ended: {}; `valence retry {}` goes on before the place where it failed",
                row.outcome, row.name
            );
            return Err(RuntimeError::State(row.name, what).into());
        }
        not_over(&row)?;
        let opened = self.known(&row.chain).await.is_some();
        let served = self.for_running(&row).await?;
        let orchestrator = served.runtime.orchestrator();
        if row.state != "paused" && !limits.is_empty() {
            // Limits change only while it stands still.
            orchestrator.pause(&row.name, by).await?;
            row = self.find(&row.name)?;
        }
        let following = Following::of(&served, &row).await;
        served.runtime.start().await?;
        // What is not paused goes on by itself when its chain is opened.
        if row.state == "paused" || opened {
            orchestrator.resume(&row.name, &Resume { limits: limits.to_vec() }, by).await?;
        } else if row.state == "waiting" {
            // Out of memory it would be followed in silence, also where nothing can come.
            orchestrator.go_on(&row);
        }
        Ok(self.follow_it(served.clone(), following))
    }

    /// Has an instance that failed or trapped go on, perhaps with another build.
    ///
    /// # Errors
    /// Where it has not failed, or the build is not one.
    pub async fn retry(self: &Arc<Self>, id: &str, with: Option<&FlowSource>, by: &str) -> Result<Run, OwnerError> {
        let row = self.find(id)?;
        if !matches!(row.outcome.as_str(), "failed" | "trapped") && row.state != "paused" {
            let what = if row.outcome.is_empty() { &row.state } else { &row.outcome };
            return Err(RuntimeError::State(row.name, format!("has not failed: it is {what}")).into());
        }
        let served = self.for_running(&row).await?;
        let with = match with {
            Some(source) => {
                let source = self.with_drivers(source, &row)?;
                take_in(&served, &source, served.runtime.sandbox().ceiling()).await?.2.first().copied()
            }
            None => None,
        };
        let following = Following::of(&served, &row).await;
        served.runtime.start().await?;
        served.runtime.orchestrator().retry(&row.name, &Retry { with }, by).await?;
        Ok(self.follow_it(served.clone(), following))
    }

    /// Gives an instance another version for its next episode; its row after that.
    ///
    /// # Errors
    /// Where it has ended, or the version is not of the same flow.
    pub async fn upgrade(self: &Arc<Self>, id: &str, version: &FlowSource, by: &str) -> Result<Row, OwnerError> {
        let row = self.find(id)?;
        not_over(&row)?;
        let served = self.for_writing(&row).await?;
        let source = self.with_drivers(version, &row)?;
        let (_, _, version) = take_in(&served, &source, served.runtime.sandbox().ceiling()).await?;
        let orchestrator = served.runtime.orchestrator();
        orchestrator.upgrade(&row.name, &version).await?;
        let digest = version.first().map(ToString::to_string).unwrap_or_default();
        orchestrator.note("upgrade", &row.name, by, format!("to {digest}")).await?;
        self.find(&row.name)
    }

    /// Follows an instance from now on. One that stands still is at its end at once.
    ///
    /// # Errors
    /// Where it has ended, or its chain is not open.
    pub async fn follow(self: &Arc<Self>, id: &str) -> Result<Run, OwnerError> {
        let row = self.find(id)?;
        not_over(&row)?;
        let served = self.known(&row.chain).await.ok_or_else(|| {
            OwnerError::from(RuntimeError::State(
                row.name.clone(),
                format!("is {}, and nobody runs it; `valence resume` goes on with it", row.state),
            ))
        })?;
        let following = Following::of(&served, &row).await;
        Ok(self.follow_it(served, following))
    }

    /// The build with the drivers that the instance has, where none are given.
    fn with_drivers(&self, source: &FlowSource, row: &Row) -> Result<FlowSource, OwnerError> {
        let FlowSource::Component { flow, drivers } = source else { return Ok(source.clone()) };
        if !drivers.is_empty() {
            // A build that brings drivers brings those that it means.
            return Ok(source.clone());
        }
        let mut drivers = Vec::new();
        for digest in row.components.iter().skip(1) {
            if let Some(bytes) = self.data.writer().store().component(digest)? {
                drivers.push(bytes);
            }
        }
        Ok(FlowSource::Component { flow: flow.clone(), drivers })
    }

    /// The runtime through which the journal of an instance is written. If its chain is not open, nothing on it goes on.
    async fn for_writing(self: &Arc<Self>, row: &Row) -> Result<Arc<Served>, OwnerError> {
        if let Some(served) = self.known(&row.chain).await {
            return Ok(served);
        }
        let chain = match self.kept(&row.chain) {
            true => LocalChain::open(self.data.chains(), &row.chain, ChainSpec::default(), Pace::Virtual)?,
            // An instance can be ended all the same.
            false => LocalChain::new(ChainSpec::default(), Pace::Virtual),
        };
        Ok(Arc::new(self.runtime_on(&row.chain, Arc::new(chain))?))
    }

    async fn for_running(self: &Arc<Self>, row: &Row) -> Result<Arc<Served>, OwnerError> {
        if !self.kept(&row.chain) && self.known(&row.chain).await.is_none() {
            return Err(OwnerError::ChainGone {
                instance: row.name.clone(),
                chain: row.chain.clone(),
                path: self.data.chain_file(&row.chain).display().to_string(),
            });
        }
        self.served(&row.chain, ChainSpec::default()).await
    }

    pub(super) fn follow_it(self: &Arc<Self>, served: Arc<Served>, following: Following) -> Run {
        let Following { instance, number, chain, events, mut own } = following;
        let (sender, end) = oneshot::channel();
        let (host, name) = (self.clone(), instance.clone());
        tokio::spawn(async move {
            let end = |event: Result<Arc<Event>, Lagged>| event.ok().and_then(|event| end_in(&event, &name));
            let told = async {
                // Until the event that says how it ended, or stopped.
                while let Some(event) = own.next().await {
                    if let Some(ended) = end(event) {
                        return Ok(ended);
                    }
                }
                Err(RuntimeError::Gone(name.clone()))
            };
            let looked = tokio::select! {
                biased;
                ended = told => Err(ended),
                // An instance that could not even be brought back has no such event.
                report = served.runtime.orchestrator().end_of(&name) => Ok(report.map(Ended::from)),
            };
            let ended = match looked {
                Err(ended) => ended,
                // Where there is one all the same, it knows better than the row why the instance stopped.
                Ok(report) => std::iter::from_fn(|| own.try_next()).find_map(end).map_or(report, Ok),
            };
            drop(served);
            host.tidy(&chain, number).await;
            // Whoever followed may have gone.
            let _ = sender.send(ended);
        });
        Run::new(instance, None, events, end)
    }
}

/// Subscriptions from before an instance goes on.
pub(super) struct Following {
    instance: String,
    number: u64,
    chain: String,
    events: Events,
    own: Events,
}

impl Following {
    pub(super) async fn of(served: &Served, row: &Row) -> Following {
        Following {
            instance: row.name.clone(),
            number: row.id,
            chain: row.chain.clone(),
            events: served.runtime.subscribe().await,
            own: served.runtime.subscribe().await,
        }
    }
}

fn not_over(row: &Row) -> Result<(), OwnerError> {
    match row.ended {
        Some(_) => Err(RuntimeError::State(row.name.clone(), format!("has ended: {}", row.outcome)).into()),
        None => Ok(()),
    }
}

/// Limits by name and value, as `--limit` takes them.
///
/// # Errors
/// An unknown name, or a value that is no number.
pub fn limits_of(pairs: &[(String, String)]) -> Result<Vec<(Limit, u64)>, OwnerError> {
    let mut changed = Vec::new();
    for (name, value) in pairs {
        let mut limits = Limits::default();
        limits.apply(name, value).map_err(RuntimeError::from)?;
        if let Some(limit) = Limits::ALL.iter().find(|limit| limit.name() == name) {
            changed.push((*limit, limits.get(*limit)));
        }
    }
    Ok(changed)
}
