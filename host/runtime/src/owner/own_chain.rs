//! Chains that come and go with their instances: which are needed, and the removal of those that are not.

use super::{DataDir, Host, OwnerError};
use std::collections::{BTreeMap, BTreeSet};
use valence_journal::{Instance as Row, InstanceFilter};

/// Rows that are read at once.
const PAGE: u64 = 1000;

impl Host {
    /// The chains of unfinished instances that need somebody to run them, each with one of these.
    pub(super) fn unfinished(&self) -> Result<BTreeMap<String, Row>, OwnerError> {
        let states = ["pending", "running", "waiting", "waiting-for-signature"].map(str::to_owned).to_vec();
        let mut filter = InstanceFilter { states, ended: Some(false), limit: PAGE, ..InstanceFilter::default() };
        let mut chains = BTreeMap::new();
        loop {
            let page = self.data.writer().store().instances(&filter)?;
            let Some(last) = page.last() else { return Ok(chains) };
            filter.after = last.id;
            chains.extend(page.into_iter().map(|row| (row.chain.clone(), row)));
        }
    }

    /// Removes chains that belonged to one instance which is over: the process that ran it died before it did so.
    pub(super) fn sweep(&self, unfinished: &BTreeMap<String, Row>) -> Result<(), OwnerError> {
        let own = self.data.chain_names().into_iter().filter(|name| DataDir::is_own_chain(name));
        let mut doubtful: BTreeSet<String> = own.filter(|name| !unfinished.contains_key(name)).collect();
        if doubtful.is_empty() {
            return Ok(());
        }
        let mut filter = InstanceFilter { limit: PAGE, ..InstanceFilter::default() };
        loop {
            let page = self.data.writer().store().instances(&filter)?;
            let Some(last) = page.last() else { break };
            filter.after = last.id;
            for row in page.iter().filter(|row| !needs_no_chain(row)) {
                doubtful.remove(&row.chain);
            }
        }
        doubtful.iter().for_each(|name| DataDir::remove_chain(self.data.path(), name));
        Ok(())
    }

    /// Removes the chain of an instance that is over and had it for itself.
    pub(super) async fn tidy(&self, name: &str, number: u64) {
        if !DataDir::is_own_chain(name) {
            return;
        }
        // Where that cannot be read, the next start looks again.
        let Ok(row) = self.data.writer().store().instance(number) else { return };
        if row.as_ref().is_some_and(|row| !needs_no_chain(row)) {
            return;
        }
        let served = self.chains.lock().await.remove(name);
        if let Some(served) = served {
            served.runtime.stop().await;
        }
        DataDir::remove_chain(self.data.path(), name);
    }
}

/// Whether an instance can never go on. One that failed can: `retry`.
fn needs_no_chain(row: &Row) -> bool {
    row.pruned || matches!(row.outcome.as_str(), "done" | "cancelled")
}
