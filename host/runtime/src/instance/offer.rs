//! How far the offer of a step has come: what is known of it from the record, so that it goes on where it was and nothing is
//! offered or executed a second time.

use valence_door::{Bytes, Failure, HostReply};

/// What the chain made of a try.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Executed {
    pub slot: u64,
    pub compute_units: u64,
    pub fee: u64,
    pub failure: Option<Failure>,
}

/// The offer of one step.
#[derive(Debug, Default)]
pub(crate) struct Offer {
    /// Whether anything is on record beyond the intent: then its conditions were judged.
    pub begun: bool,
    /// Tries that have failed.
    pub failed: u32,
    /// Tries that an operator has forgiven.
    pub forgiven: u32,
    /// How the last one failed.
    pub why: String,
    /// When the next try comes, where one has failed.
    pub next_try: Option<u64>,
    /// The transaction of the present try.
    pub wire: Option<Bytes>,
    /// An operator has looked: what the chain knows of it and the journal does not is to be believed.
    pub adopt: bool,
    /// Its signers approved.
    pub approved: bool,
    /// Its signers refused.
    pub rejected: Option<String>,
    /// What the chain made of it.
    pub executed: Option<Executed>,
    /// What the flow was told.
    pub reply: Option<HostReply>,
}

impl Offer {
    pub(super) fn built(&mut self, wire: Bytes) {
        // Built anew for the same try: what was approved before was another message.
        (self.begun, self.wire, self.approved, self.next_try) = (true, Some(wire), false, None);
    }

    pub(super) fn decided(&mut self, rejected: Option<String>) {
        self.approved = rejected.is_none();
        self.rejected = rejected;
    }

    pub(super) fn executed(&mut self, executed: Executed) {
        self.executed = Some(executed);
    }

    pub(super) fn retry(&mut self, attempt: u32, slot: u64, why: String) {
        let (forgiven, adopt, begun) = (self.forgiven, self.adopt, true);
        *self = Offer { begun, failed: attempt, forgiven, adopt, why, next_try: Some(slot), ..Offer::default() };
    }

    /// Gives as many tries again, the first at once.
    pub(super) fn forgive(&mut self) {
        (self.forgiven, self.adopt) = (self.failed, true);
        if self.failed > 0 {
            self.next_try = None;
        }
    }

    /// Tries that failed and count.
    pub(super) fn counted(&self) -> u32 {
        self.failed.saturating_sub(self.forgiven)
    }
}
