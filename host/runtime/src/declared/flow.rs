//! A declarative flow as Rust structs. What their terms can be is in `term.rs`, what they mean in `interpret.rs`.

use super::{
    condition::Condition,
    term::{Address, Data, Field, Seat},
    written,
};
use serde::{Deserialize, Serialize};
use solana_sdk::instruction::Instruction;
use std::{collections::BTreeMap, time::Duration};
use valence_sandbox::{Descriptor, Param, ParamType, Role};

/// A flow that is declared instead of programmed: it starts at its first step and follows the links.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProtocolFlow {
    /// Lowercase letters, digits, `-` and `_`; the flow is registered and started under it.
    pub id: String,
    /// For people; empty: the id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// A semantic version.
    #[serde(default = "first_version")]
    pub version: String,
    /// One line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// How long a run may take in all, in chain time: whole seconds, at most a year. After it the run fails with `timeout`.
    #[serde(with = "written::duration")]
    pub timeout: Duration,
    /// How often a step is tried, unless the step says so itself.
    #[serde(default)]
    pub retry_policy: RetryPolicy,
    /// The role that pays, unless the step says so itself; none: the first role that signs the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_payer: Option<String>,
    /// What it can be given, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, FlowParam>,
    /// Whose addresses it needs: names, each with one line of help.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, String>,
    /// At least one, at most 256.
    pub steps: Vec<FlowStep>,
}

fn first_version() -> String {
    "0.1.0".to_owned()
}

/// An empty flow with a timeout of one hour.
impl Default for ProtocolFlow {
    fn default() -> Self {
        ProtocolFlow {
            id: String::new(),
            name: String::new(),
            version: first_version(),
            description: String::new(),
            timeout: Duration::from_secs(3600),
            retry_policy: RetryPolicy::default(),
            fee_payer: None,
            params: BTreeMap::new(),
            roles: BTreeMap::new(),
            steps: Vec::new(),
        }
    }
}

impl ProtocolFlow {
    /// What the flow says of itself, as a component would. Params without a default are required.
    pub fn descriptor(&self) -> Descriptor {
        let param = |(name, p): (&String, &FlowParam)| Param {
            name: name.clone(),
            kind: p.kind.clone(),
            required: p.default.is_none(),
            default: p.default.clone(),
            help: p.help.clone(),
        };
        Descriptor {
            id: self.id.clone(),
            name: if self.name.is_empty() { self.id.clone() } else { self.name.clone() },
            version: self.version.clone(),
            description: self.description.clone(),
            params: self.params.iter().map(param).collect(),
            roles: self.roles.iter().map(|(name, help)| Role { name: name.clone(), help: help.clone() }).collect(),
            steps: self.steps.iter().map(|s| s.name.clone()).collect(),
        }
    }

    /// The retry policy of a step.
    pub(super) fn retry_of<'a>(&'a self, step: &'a FlowStep) -> &'a RetryPolicy {
        step.retry_policy.as_ref().unwrap_or(&self.retry_policy)
    }

    /// The role that pays for a step; none where nobody is named and no role signs.
    pub(super) fn payer_of(&self, step: &FlowStep) -> Option<String> {
        let named = step.fee_payer.clone().or_else(|| self.fee_payer.clone());
        named.or_else(|| {
            let mut accounts = step.instructions.iter().flat_map(|i| &i.accounts);
            accounts.find_map(|a| match &a.pubkey {
                Some(Address::Seat(Seat::Role(role))) if a.is_signer => Some(role.clone()),
                _ => None,
            })
        })
    }
}

/// A param of a flow. In a file: `{ type = "unsigned", min = 1, max = 9, default = 5, help = "…" }`; `max-bytes` for text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "written::WrittenParam", into = "written::WrittenParam")]
pub struct FlowParam {
    /// What values it takes.
    pub kind: ParamType,
    /// As it would be given on a command line; a param without one must be given.
    pub default: Option<String>,
    /// One line.
    pub help: String,
}

impl FlowParam {
    /// A param that must be given.
    pub fn new(kind: ParamType) -> Self {
        FlowParam { kind, default: None, help: String::new() }
    }

    /// With this value where nothing is given.
    #[must_use]
    pub fn with_default(mut self, value: impl Into<String>) -> Self {
        self.default = Some(value.into());
        self
    }

    /// With one line of help.
    #[must_use]
    pub fn with_help(mut self, line: impl Into<String>) -> Self {
        self.help = line.into();
        self
    }
}

/// A step: a transaction, what it waits for, and where the flow goes on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FlowStep {
    /// Lowercase letters, digits, `-` and `_`; not `end` or `fail`.
    pub name: String,
    /// One line for the signer; `{param}` stands for the value of that param. Empty: the name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// At least one; together they are one transaction.
    pub instructions: Vec<InstructionTemplate>,
    /// All must hold before the step is offered; until they do it waits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Where to go when it landed: a step's name, `end` or `fail`; none: the next step in the list, after the last the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_success: Option<String>,
    /// Where to go when it did not land after all its tries; none: such an instance is paused, and what no try can mend fails the flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<String>,
    /// Instead of the flow's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_policy: Option<RetryPolicy>,
    /// The role that pays, instead of the flow's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_payer: Option<String>,
    /// Compute units; none: measured by simulation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute_unit_limit: Option<u32>,
    /// Micro-lamports per compute unit; none: the host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_fee: Option<u64>,
}

/// An instruction before its terms are known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct InstructionTemplate {
    /// The program: an address, or the token program of a mint.
    pub program_id: Address,
    /// Its accounts, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountTemplate>,
    /// Its data.
    #[serde(default, skip_serializing_if = "Data::is_empty")]
    pub data: Data,
}

impl From<Instruction> for InstructionTemplate {
    fn from(instruction: Instruction) -> Self {
        let account = |meta: solana_sdk::instruction::AccountMeta| AccountTemplate {
            pubkey: Some(meta.pubkey.into()),
            is_signer: meta.is_signer,
            is_writable: meta.is_writable,
            derivation: None,
        };
        InstructionTemplate {
            program_id: instruction.program_id.into(),
            accounts: instruction.accounts.into_iter().map(account).collect(),
            data: instruction.data.into(),
        }
    }
}

/// An account of an instruction: either `pubkey` or `derivation` says which.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AccountTemplate {
    /// An address, a role, a param, or anything else that an [`Address`] can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pubkey: Option<Address>,
    /// Must it sign?
    #[serde(default, rename = "signer", skip_serializing_if = "is_false")]
    pub is_signer: bool,
    /// May it change?
    #[serde(default, rename = "writable", skip_serializing_if = "is_false")]
    pub is_writable: bool,
    /// A program-derived address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derivation: Option<Derivation>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl AccountTemplate {
    /// An account that is only read.
    pub fn readonly(pubkey: impl Into<Address>) -> Self {
        AccountTemplate { pubkey: Some(pubkey.into()), ..AccountTemplate::default() }
    }

    /// An account that may change.
    pub fn writable(pubkey: impl Into<Address>) -> Self {
        AccountTemplate { is_writable: true, ..AccountTemplate::readonly(pubkey) }
    }

    /// The same account, which signs.
    #[must_use]
    pub fn signer(mut self) -> Self {
        self.is_signer = true;
        self
    }
}

/// How an address is derived from a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Derivation {
    /// The program.
    pub program_id: Seat,
    /// At most 15 seeds of at most 32 bytes each, without the bump.
    pub seeds: Vec<Field>,
}

/// How often a step is tried, in chain time from the end of one try to the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RetryPolicy {
    /// Tries in all, 1 to 100.
    pub max_attempts: u32,
    /// After the first failure; at most a day.
    #[serde(with = "written::duration")]
    pub delay: Duration,
    /// Growth of the delay, 1 to 1000.
    pub backoff_multiplier: f64,
}

/// Three tries, a second apart, then two.
impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy { max_attempts: 3, delay: Duration::from_secs(1), backoff_multiplier: 2.0 }
    }
}
