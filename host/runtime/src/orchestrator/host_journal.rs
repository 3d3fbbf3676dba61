//! The host's own journal: what operators did, and the heads of instances that are over. It is chained like any other, so that whoever
//! keeps its head can tell whether a journal was exchanged or left out since.

use crate::{error::RuntimeError, instance::RunReport};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use tokio::sync::Mutex;
use valence_chain::Moment;
use valence_journal::{HOST, Journal, JournalError, Record, Resume, Stamp, Writer};

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostEntry {
    /// Somebody did something to an instance.
    Operator {
        /// `cancel`, `pause`, `resume`, `retry` or `upgrade`.
        action: String,
        /// The instance's name.
        instance: String,
        /// Who.
        by: String,
        /// More: limits, the digest of a build.
        detail: String,
    },
    /// An instance came to its end.
    Ended {
        /// The instance's name.
        instance: String,
        /// The head of its last episode, which names the ones before it.
        head: String,
        /// How, in one word.
        outcome: String,
    },
}

impl Record for HostEntry {
    fn kind(&self) -> &'static str {
        match self {
            HostEntry::Operator { .. } => "operator",
            HostEntry::Ended { .. } => "ended",
        }
    }

    fn key(&self) -> Option<Cow<'_, str>> {
        match self {
            HostEntry::Operator { instance, .. } | HostEntry::Ended { instance, .. } => Some(Cow::Borrowed(instance)),
        }
    }

    fn weight(&self) -> u64 {
        // Texts in it are short; the host's journal has no limit.
        256
    }
}

/// The journal of one store. All runtimes of a data dir share it.
pub(crate) struct HostJournal {
    writer: Writer,
    /// Opened when there is something to write.
    journal: Mutex<Option<Journal<HostEntry>>>,
}

impl HostJournal {
    pub(crate) fn new(writer: Writer) -> HostJournal {
        HostJournal { writer, journal: Mutex::new(None) }
    }

    /// Puts what an operator did on record, durably; the number of the entry.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) async fn operator(&self, at: Moment, entry: HostEntry) -> Result<u64, RuntimeError> {
        let (durable, number) = {
            let mut journal = self.journal.lock().await;
            let journal = self.open(&mut journal)?;
            journal.append(stamp(at), entry)?;
            (journal.barrier(), journal.entries().saturating_sub(1))
        };
        durable.await?;
        Ok(number)
    }

    /// Puts an end on record. It is not waited for: the instance's own journal has it already, durably. `told` is told the number of
    /// the entry, when that is written.
    ///
    /// # Errors
    /// Where what was written before could not be.
    pub(crate) async fn ended(
        &self,
        at: Moment,
        report: &RunReport,
        told: Option<impl FnOnce(u64) + Send + 'static>,
    ) -> Result<(), RuntimeError> {
        let mut journal = self.journal.lock().await;
        let journal = self.open(&mut journal)?;
        journal.append(
            stamp(at),
            HostEntry::Ended {
                instance: report.instance.clone(),
                head: report.head.map(|head| head.to_string()).unwrap_or_default(),
                outcome: report.outcome().to_owned(),
            },
        )?;
        let number = journal.entries().saturating_sub(1);
        // Somebody who is told makes it worth a sync.
        if let Some(told) = told {
            journal.then(move |written: Result<(), &JournalError>| {
                if written.is_ok() {
                    told(number);
                }
            });
        }
        journal.flush();
        Ok(())
    }

    fn open<'a>(
        &self,
        journal: &'a mut Option<Journal<HostEntry>>,
    ) -> Result<&'a mut Journal<HostEntry>, RuntimeError> {
        match journal {
            Some(open) => Ok(open),
            None => {
                let row = self.writer.store().instance(HOST.instance)?.unwrap_or_default();
                let from = Resume { entries: row.entries, head: row.head, weight: 0 };
                Ok(journal.insert(Journal::resume(&self.writer, HOST, from)))
            }
        }
    }
}

fn stamp(at: Moment) -> Stamp {
    Stamp { slot: at.slot, time: at.unix_time }
}
