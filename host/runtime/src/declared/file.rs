//! `flow.toml` and `flow.json`: a [`ProtocolFlow`] as a file. Unknown fields are errors. What the fields mean once a run begins is in
//! `interpret.rs`, which flows are refused in `check.rs` and `graph.rs`.
//!
//! ```toml
//! id = "payout"              # lowercase letters, digits, `-` and `_`
//! timeout = "1h"             # of a whole run, in chain time: "60s", "5m", "1h", "2d", or a whole number of seconds
//! # The rest of the head may be left out:
//! name = "Payout"            # for people; default: the id
//! version = "0.1.0"          # the default
//! description = "…"          # one line
//! fee-payer = "owner"        # the role that pays; default: the first role that signs the step
//!
//! [retry-policy]             # of every step that has none of its own; these are the defaults
//! max-attempts = 3
//! delay = "1s"
//! backoff-multiplier = 2.0
//!
//! [params.amount]            # given with --param or in run.toml; without a default it must be given
//! type = "decimal"           # text (max-bytes = 256), boolean, unsigned and signed (min, max), pubkey, decimal
//! default = "1.5"
//! help = "…"
//!
//! [roles]                    # bound with --role or in run.toml
//! owner = "Pays."            # the name, and one line of help
//!
//! [[steps]]                  # the flow starts at the first
//! name = "pay"
//! description = "Pay {amount} SOL"   # one line for the signer; {NAME} is the value of that param
//! conditions = [             # all must hold before the step is offered; it waits for them
//!     { account-exists = "role:owner" },
//!     { account-data-equals = { pubkey = "…", offset = 72, data = { pubkey = "role:owner" } } },
//!     { balance-greater-than = { pubkey = "role:owner", lamports = { sol = "param:amount" } } },   # strictly; also balance-less-than
//!     { token-amount-greater-than = { pubkey = "treasury", amount = { tokens = "1000", decimals = 6 } } },   # also token-amount-less-than
//!     { account-changed = { pubkey = "treasury" } },   # since the flow came to this step, or after the slot `since = N`
//!     { slot-reached = 20 },
//!     { time-reached = 1767225660 },    # seconds since 1970
//!     { after = "10m" },     # since the flow came to this step
//!     { custom = "…" },      # what only a program could judge: no host knows any, so the step fails
//! ]
//! on-success = "end"         # a step's name, `end` or `fail`; default: the next step in the list, after the last the end
//! on-failure = "give-back"   # when no try is left; default: the instance is paused, and what no try can mend fails the flow
//! fee-payer = "owner"
//! retry-policy = { max-attempts = 5 }
//! compute-unit-limit = 50_000   # default: measured
//! priority-fee = 1_000       # micro-lamports per compute unit; default: the host's
//!
//! [[steps.instructions]]
//! program-id = "program:system"
//! accounts = [
//!     { pubkey = "role:owner", signer = true, writable = true },
//!     { derivation = { program-id = "…", seeds = ["text:vault", { pubkey = "role:owner" }] }, writable = true },
//! ]
//! data = [{ u32 = 2 }, { u64 = { sol = "param:amount" } }]
//!
//! [[steps]]
//! name = "give-back"
//! on-success = "fail"        # the flow failed, with the failure that led here
//! instructions = [{ program-id = "program:memo", data = "text:given back" }]
//! ```
//!
//! **Addresses** are base58, `role:NAME`, `param:NAME`, a name of `chain.toml`, or `program:NAME` of system, token, token-2022,
//! associated-token, memo, stake and compute-budget. Where an account or a program is named they can also be
//! `{ wallet = ADDRESS, mint = ADDRESS }` (the associated token account), `{ token-program-of = MINT }`, and for accounts
//! `{ program-id = ADDRESS, seeds = [ … ] }`.
//!
//! **Numbers** are numbers, digits in quotes, `param:NAME`, or amounts: `{ sol = "1.5" }` and `{ tokens = "2.5", decimals = 6 }`,
//! in which `param:NAME` may stand for the amount.
//!
//! **Data** is a list of fields or a single one: `bytes`, `text`, `string` (Borsh: a u32 length first), `bool`, `u8` to `u64`, `i8` to
//! `i64` (little-endian), `pubkey`, `anchor` and `anchor-account` (the discriminator of that name). A string is `0x…`, `base64:…` or `text:…`.
//!
//! In JSON the same names stand in the same places.

use super::{condition::Condition, flow::Derivation};
use super::{
    fault::{ProtocolFlowError, Segment, one_line},
    flow::ProtocolFlow,
    stored::SIZE,
    term::{Address, Field, Seat},
};
use solana_sdk::pubkey::Pubkey;
use std::{collections::BTreeMap, path::Path};
use toml::de::{DeTable, DeValue};

impl ProtocolFlow {
    /// Reads a file in TOML, or in JSON where its name ends in `.json`, and checks it. `names` are addresses that may be named: those of
    /// the chain's description.
    ///
    /// # Errors
    /// [`ProtocolFlowError`] with the file, the line where it is known, what is wrong and what to do.
    pub fn load(path: impl AsRef<Path>, names: &BTreeMap<String, Pubkey>) -> Result<Self, ProtocolFlowError> {
        let path = path.as_ref();
        let place = path.display().to_string();
        let wrong = |what: String| ProtocolFlowError { place: place.clone(), line: None, what };
        let size = std::fs::metadata(path).map_or(0, |m| m.len());
        if usize::try_from(size).map_or(true, |size| size > SIZE) {
            return Err(wrong(format!("{size} bytes are more than the {SIZE} that a flow may have; split it")));
        }
        let text = std::fs::read_to_string(path)
            .map_err(|e| wrong(format!("it cannot be read: {e}; give a flow's .toml or .json file")))?;
        ProtocolFlow::parse(&text, path, names)
    }

    /// Reads the text of such a file. `path` is what errors name; its ending says whether the text is JSON.
    ///
    /// # Errors
    /// As [`ProtocolFlow::load`].
    pub fn parse(
        text: &str,
        path: impl AsRef<Path>,
        names: &BTreeMap<String, Pubkey>,
    ) -> Result<Self, ProtocolFlowError> {
        let path = path.as_ref();
        let wrong = |line, what| ProtocolFlowError { place: path.display().to_string(), line, what };
        if text.len() > SIZE {
            return Err(wrong(
                None,
                format!("{} bytes are more than the {SIZE} that a flow may have; split it", text.len()),
            ));
        }
        let json = path.extension().is_some_and(|e| e == "json");
        let mut flow: ProtocolFlow = if json {
            serde_json::from_str(text).map_err(|e| {
                // serde_json puts the place at the end of its message, where it would stand twice.
                let what = e.to_string();
                let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what);
                wrong((e.line() > 0).then_some(e.line()), one_line(what))
            })?
        } else {
            toml::from_str(text).map_err(|e: toml::de::Error| {
                wrong(e.span().map(|span| line(text, span.start)), one_line(e.message()))
            })?
        };
        flow.resolve(names);
        flow.check().map_err(|fault| {
            let line = if json { None } else { line_of(text, fault.path()) };
            wrong(line, fault.say(&flow))
        })?;
        Ok(flow)
    }

    /// Puts the addresses of these names in the place of names. Names that are not among them stay, and are refused when the flow is
    /// checked.
    pub fn resolve(&mut self, names: &BTreeMap<String, Pubkey>) {
        let mut put = |seat: &mut Seat| {
            if let Seat::Name(name) = seat
                && let Some(key) = names.get(name)
            {
                *seat = Seat::Key(*key);
            }
        };
        for step in &mut self.steps {
            for instruction in &mut step.instructions {
                each_in_address(&mut instruction.program_id, &mut put);
                for account in &mut instruction.accounts {
                    if let Some(address) = &mut account.pubkey {
                        each_in_address(address, &mut put);
                    }
                    if let Some(derivation) = &mut account.derivation {
                        each_in_derivation(derivation, &mut put);
                    }
                }
                each_in_fields(&mut instruction.data.0, &mut put);
            }
            for condition in &mut step.conditions {
                each_in_condition(condition, &mut put);
            }
        }
    }
}

fn each_in_condition(condition: &mut Condition, put: &mut impl FnMut(&mut Seat)) {
    match condition {
        Condition::AccountDataEquals { pubkey, data, .. } => {
            each_in_address(pubkey, put);
            each_in_fields(&mut data.0, put);
        }
        Condition::AccountExists(pubkey)
        | Condition::BalanceGreaterThan { pubkey, .. }
        | Condition::BalanceLessThan { pubkey, .. }
        | Condition::TokenAmountGreaterThan { pubkey, .. }
        | Condition::TokenAmountLessThan { pubkey, .. }
        | Condition::AccountChanged { pubkey, .. } => each_in_address(pubkey, put),
        Condition::SlotReached(_) | Condition::TimeReached(_) | Condition::After(_) | Condition::Custom(_) => {}
    }
}

fn each_in_address(address: &mut Address, put: &mut impl FnMut(&mut Seat)) {
    match address {
        Address::Seat(seat) | Address::TokenProgramOf(seat) => put(seat),
        Address::Derived(derivation) => each_in_derivation(derivation, put),
        Address::AssociatedToken { wallet, mint } => {
            put(wallet);
            put(mint);
        }
    }
}

fn each_in_derivation(derivation: &mut Derivation, put: &mut impl FnMut(&mut Seat)) {
    put(&mut derivation.program_id);
    each_in_fields(&mut derivation.seeds, put);
}

fn each_in_fields(fields: &mut [Field], put: &mut impl FnMut(&mut Seat)) {
    for field in fields {
        if let Field::Pubkey(seat) = field {
            put(seat);
        }
    }
}

/// The line of a byte, counted from 1.
fn line(text: &str, start: usize) -> usize {
    let before = text.as_bytes().iter().take(start);
    before.filter(|byte| **byte == b'\n').count().saturating_add(1)
}

/// The line of the innermost part of a path that the text has.
fn line_of<'a>(text: &str, mut path: impl Iterator<Item = &'a Segment>) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let Some(Segment::Key(first)) = path.next() else { return None };
    let mut found = document.get_ref().get(first.as_str())?;
    for segment in path {
        let value: &DeValue<'_> = found.get_ref();
        let inner = match segment {
            Segment::Key(key) => value.get(key.as_str()),
            Segment::Index(index) => value.get(*index),
        };
        match inner {
            Some(inner) => found = inner,
            None => break,
        }
    }
    Some(line(text, found.span().start))
}
