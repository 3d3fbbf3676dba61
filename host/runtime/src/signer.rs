//! Signers: those outside the process whom a proposal is offered to. They see what would be signed and say yes or no; no key
//! comes in. A chain that runs unsigned needs none.

mod command;

pub use command::CommandSigner;

use serde::Serialize;

/// A transaction on offer. After a crash it is offered again under the same id and try, never under another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Proposal {
    /// Its id: a hash of instance, episode and call number.
    pub id: String,
    /// Whose.
    pub instance: String,
    /// Which try, from 1.
    pub attempt: u32,
    /// The step.
    pub step: String,
    /// The step's line for the signer.
    pub description: String,
    /// Addresses that must sign, the fee payer first.
    pub signers: Vec<String>,
    /// The transaction with zeroed signatures, base64.
    pub transaction: String,
    /// What is signed, base64.
    pub message: String,
}

/// What a signer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Approved,
    /// No, and why. The step is not tried again.
    Rejected(String),
}

/// Somebody whom proposals are offered to.
#[async_trait::async_trait]
pub trait ProposalSigner: Send + Sync + 'static {
    /// Asks. It may take days; it may be asked again about the same proposal after a restart.
    ///
    /// # Errors
    /// Why nobody could be asked, in one line; the instance tries again later.
    async fn offer(&self, proposal: &Proposal) -> Result<Verdict, String>;
}
