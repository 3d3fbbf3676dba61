//! What an entry says, with all its fields: the shapes. They are made in `line.rs`.

use crate::decode::ShownInstruction;
use serde::Serialize;
use std::collections::BTreeMap;

/// An account as it was read.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Version {
    /// Base58.
    pub address: String,
    /// Its role or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As of this slot.
    pub slot: u64,
    /// None where it was not there.
    pub lamports: Option<u64>,
    /// Bytes that were read.
    pub size: Option<usize>,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged, rename_all_fields = "kebab-case")]
pub enum Said {
    /// An episode began.
    Began(Box<Began>),
    /// A call without an effect.
    Call {
        /// The call's name.
        call: String,
        /// What was asked, in words.
        asked: String,
        /// What was told, in words.
        told: String,
        /// The accounts that it read.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        accounts: Vec<Version>,
        /// A line of the flow's log, with its level.
        #[serde(skip_serializing_if = "Option::is_none")]
        log: Option<(String, String)>,
        /// What ended a wait.
        #[serde(skip_serializing_if = "Option::is_none")]
        woken: Option<String>,
    },
    /// A step was about to be offered.
    Intent {
        /// The proposal's id.
        proposal: String,
        /// The step.
        step: String,
        /// Its line for the signer.
        description: String,
        /// What was asked, in words.
        asked: String,
    },
    /// Its transaction was built.
    Built(Box<Built>),
    /// Its signers decided.
    Decided {
        /// The proposal's id.
        proposal: String,
        /// Which try, from 1.
        attempt: u32,
        /// Why they refused it; none where they approved.
        rejected: Option<String>,
    },
    /// It was executed.
    Executed {
        /// The step.
        step: String,
        /// The proposal's id.
        proposal: String,
        /// Which try, from 1.
        attempt: u32,
        /// In which slot.
        landed: u64,
        /// Consumed.
        compute_units: u64,
        /// In lamports.
        fee: u64,
        /// Why it failed, if it did.
        failure: Option<String>,
    },
    /// A try failed.
    Retry {
        /// The step.
        step: String,
        /// The proposal's id.
        proposal: String,
        /// Which try, from 1.
        attempt: u32,
        /// When the next one comes.
        next: u64,
        /// How it failed.
        why: String,
    },
    /// What the flow was told of its step.
    Reply {
        /// The step.
        step: String,
        /// The proposal's id.
        proposal: String,
        /// Whether it landed.
        landed: bool,
        /// In words.
        told: String,
    },
    /// It was paused.
    Paused {
        /// Why, in a word.
        reason: String,
        /// In words.
        message: String,
        /// Who, where it was a person.
        by: String,
    },
    /// It went on.
    Resumed {
        /// Who had it go on.
        by: String,
        /// Entries from this number on no longer count.
        keep: Option<u64>,
        /// Limits that changed.
        limits: BTreeMap<String, u64>,
        /// Another build of the flow, sha2-256 in hex.
        flow: Option<String>,
    },
    /// An operator did something: an entry of the host's own journal.
    Operator {
        /// What.
        action: String,
        /// To which instance.
        instance: String,
        /// Who.
        by: String,
        /// More.
        detail: String,
    },
    /// An instance came to its end: an entry of the host's own journal.
    Over {
        /// Which.
        instance: String,
        /// Its head.
        head: String,
        /// How, in one word.
        outcome: String,
    },
    /// The episode ended.
    Ended {
        /// How.
        outcome: String,
        /// The flow's words; for a state that it left, the bytes in base64.
        value: String,
        /// Instructions.
        fuel: u64,
    },
}

/// What an episode was started with.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Began {
    /// The instance.
    pub instance: String,
    /// The flow's id.
    pub flow: String,
    /// Its digest, sha2-256 in hex.
    pub digest: String,
    /// Its drivers' digests.
    pub drivers: Vec<String>,
    /// Params by name.
    pub params: BTreeMap<String, String>,
    /// Addresses by role.
    pub roles: BTreeMap<String, String>,
    /// Limits by name.
    pub limits: BTreeMap<String, u64>,
    /// The cluster's genesis hash.
    pub genesis: String,
    /// The engine.
    pub engine: String,
    /// What the episode before left, base64.
    pub state: Option<String>,
    /// The head of the episode before.
    pub before: Option<String>,
}

/// A transaction that was built.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Built {
    /// The step.
    pub step: String,
    /// The step's line for the signer.
    pub description: String,
    /// The proposal's id.
    pub proposal: String,
    /// Which try, from 1.
    pub attempt: u32,
    /// The slot of its last simulation.
    pub simulated: u64,
    /// Compute units of that simulation.
    pub compute_units: u64,
    /// What the transaction asks for.
    pub compute_unit_limit: Option<u32>,
    /// The step's instructions, decoded; none where the bytes are no transaction.
    pub instructions: Vec<ShownInstruction>,
    /// Who must sign, the fee payer first.
    pub signers: Vec<crate::Signer>,
    /// Micro-lamports per compute unit.
    pub priority_fee: u64,
    /// The blockhash in it.
    pub blockhash: String,
    /// What is signed, base64.
    pub message: String,
    /// With zeroed signatures, base64.
    pub transaction: String,
}
