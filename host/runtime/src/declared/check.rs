//! What is refused when a flow is loaded or registered, in a single step or term. Links between steps are judged in `graph.rs`;
//! what a run's inputs do to terms is not known here, and judged in `bind.rs`.

use super::{
    condition::Condition,
    fault::{At, Checked, ProtocolFlowError, clip, fault},
    flow::{AccountTemplate, Derivation, FlowStep, InstructionTemplate, ProtocolFlow, RetryPolicy},
    graph,
    line::placeholders,
    term::{Address, Data, Field, Flag, Quantity, Seat, Text},
    written::MOST_DECIMALS,
};
use std::{collections::BTreeSet, time::Duration};
use valence_sandbox::ParamType;

const YEAR: Duration = Duration::from_secs(365 * 86_400);
const DAY: Duration = Duration::from_secs(86_400);
/// Instructions of a step, accounts of an instruction, conditions of a step: a transaction locks at most 64 accounts, and the
/// door takes at most 64 conditions at once.
const MANY: usize = 64;
/// Bytes of one line that is shown to people.
const LINE: usize = 512;
/// Bytes of a transaction, and so more than its data can have.
const TRANSACTION: usize = 1232;
/// Compute units of a transaction.
const COMPUTE: u32 = 1_400_000;

impl ProtocolFlow {
    /// Checks everything that can be known before a run: names, bounds, terms, links.
    ///
    /// # Errors
    /// The first thing that is wrong, in words.
    pub fn validate(&self) -> Result<(), ProtocolFlowError> {
        self.check().map_err(|fault| ProtocolFlowError {
            place: format!("flow `{}`", clip(&self.id)),
            line: None,
            what: fault.say(self),
        })
    }

    pub(super) fn check(&self) -> Checked {
        if self.id.is_empty() {
            return fault("the flow has no id; give it one, such as `payout`").at("id");
        }
        if self.steps.is_empty() {
            return fault("the flow has no step; give it at least one").at("steps");
        }
        self.names()?;
        for (name, param) in &self.params {
            let ordered = match param.kind {
                ParamType::Unsigned(least, most) => least <= most,
                ParamType::Signed(least, most) => least <= most,
                _ => true,
            };
            if !ordered {
                return fault("its `min` is above its `max`; exchange them").at(name.as_str()).at("params");
            }
        }
        // The same rules as for a component that describes itself.
        self.descriptor().check().or_else(|what| {
            let field = ["id", "version"].into_iter().find(|field| what.starts_with(&format!("its {field} ")));
            let found = fault(format!("{what}; mend it"));
            field.map_or(found_or(&what), |field| found.at(field))
        })?;
        timeout(self.timeout).at("timeout")?;
        retry(&self.retry_policy).at("retry-policy")?;
        if let Some(role) = &self.fee_payer {
            self.role(role).at("fee-payer")?;
        }
        for (place, step) in self.steps.iter().enumerate() {
            self.step(step).at(place).at("steps")?;
        }
        graph::check(self)
    }

    fn names(&self) -> Checked {
        let mut seen = BTreeSet::new();
        for (place, step) in self.steps.iter().enumerate() {
            let wrong = |what: String| fault(what).at("name").at(place).at("steps");
            if step.name.is_empty() {
                return wrong("the step has no name; give it one".to_owned());
            }
            if graph::RESERVED.contains(&step.name.as_str()) {
                return wrong(format!(
                    "a step cannot be named `{}`: as a link that ends the flow; rename it",
                    step.name
                ));
            }
            if !seen.insert(&step.name) {
                return wrong(format!("two steps are named `{}`; give each a name of its own", clip(&step.name)));
            }
        }
        Ok(())
    }

    fn step(&self, step: &FlowStep) -> Checked {
        bounded("instructions", step.instructions.len(), MANY)?;
        if step.instructions.is_empty() {
            return fault("the step has no instruction; give it one").at("instructions");
        }
        self.line(&step.description).at("description")?;
        for (place, instruction) in step.instructions.iter().enumerate() {
            self.instruction(instruction).at(place).at("instructions")?;
        }
        bounded("conditions", step.conditions.len(), MANY)?;
        for (place, condition) in step.conditions.iter().enumerate() {
            self.condition(condition).at(place).at("conditions")?;
        }
        if let Some(policy) = &step.retry_policy {
            retry(policy).at("retry-policy")?;
        }
        match (&step.fee_payer, self.payer_of(step)) {
            (Some(role), _) => self.role(role).at("fee-payer")?,
            (None, Some(_)) => {}
            (None, None) => {
                return fault("nobody pays: no role signs this step; name the role that pays with `fee-payer`");
            }
        }
        match step.compute_unit_limit {
            Some(units) if units == 0 || units > COMPUTE => {
                fault(format!("a compute unit limit of {units} is out of range; use 1 to {COMPUTE}"))
                    .at("compute-unit-limit")
            }
            _ => Ok(()),
        }
    }

    /// A line for people, with `{param}` in it.
    fn line(&self, line: &str) -> Checked {
        if line.len() > LINE || line.chars().any(char::is_control) {
            return fault(format!("`{}` is not one line of at most {LINE} bytes; shorten it", clip(line)));
        }
        match placeholders(line).find(|name| !self.params.contains_key(*name)) {
            Some(name) => fault(format!(
                "`{{{name}}}` stands for a param, and there is no param `{name}`; {}",
                self.known_params()
            )),
            None => Ok(()),
        }
    }

    fn known_params(&self) -> String {
        if self.params.is_empty() {
            return "declare it under [params]".to_owned();
        }
        format!("the params are {}", self.params.keys().map(|n| clip(n)).collect::<Vec<_>>().join(", "))
    }

    fn param(&self, name: &str, takes: fn(&ParamType) -> bool, wanted: &str) -> Checked {
        match self.params.get(name) {
            None => fault(format!("there is no param `{}`; {}", clip(name), self.known_params())),
            Some(param) if !takes(&param.kind) => {
                fault(format!("param `{name}` is {}, and here {wanted} is wanted; change its type", param.kind))
            }
            Some(_) => Ok(()),
        }
    }

    fn role(&self, name: &str) -> Checked {
        if self.roles.contains_key(name) {
            return Ok(());
        }
        let known = if self.roles.is_empty() {
            "declare it under [roles]".to_owned()
        } else {
            format!("the roles are {}", self.roles.keys().map(|n| clip(n)).collect::<Vec<_>>().join(", "))
        };
        fault(format!("there is no role `{}`; {known}", clip(name)))
    }

    fn instruction(&self, instruction: &InstructionTemplate) -> Checked {
        match &instruction.program_id {
            Address::Seat(_) | Address::TokenProgramOf(_) => self.address(&instruction.program_id).at("program-id")?,
            Address::Derived(_) | Address::AssociatedToken { .. } => {
                return fault("a derived address is no program; give its address, or { token-program-of = MINT }")
                    .at("program-id");
            }
        }
        bounded("accounts", instruction.accounts.len(), MANY)?;
        for (place, account) in instruction.accounts.iter().enumerate() {
            self.account(account).at(place).at("accounts")?;
        }
        self.data(&instruction.data, TRANSACTION).at("data")
    }

    fn account(&self, account: &AccountTemplate) -> Checked {
        match (&account.pubkey, &account.derivation) {
            (Some(address), None) => self.address(address).at("pubkey"),
            (None, Some(derivation)) => self.derivation(derivation).at("derivation"),
            (None, None) => fault("the account says not which one; give it `pubkey` or `derivation`"),
            (Some(_), Some(_)) => fault("the account has both `pubkey` and `derivation`; give it one of them"),
        }
    }

    fn address(&self, address: &Address) -> Checked {
        match address {
            Address::Seat(seat) => self.seat(seat),
            Address::Derived(derivation) => self.derivation(derivation),
            Address::AssociatedToken { wallet, mint } => {
                self.seat(wallet).at("wallet")?;
                self.seat(mint).at("mint")
            }
            Address::TokenProgramOf(mint) => self.seat(mint).at("token-program-of"),
        }
    }

    fn derivation(&self, derivation: &Derivation) -> Checked {
        const SEEDS: usize = 15;
        const SEED: usize = 32;
        self.seat(&derivation.program_id).at("program-id")?;
        bounded("seeds", derivation.seeds.len(), SEEDS)?;
        for (place, seed) in derivation.seeds.iter().enumerate() {
            self.data(&Data(vec![seed.clone()]), SEED).at(place).at("seeds")?;
        }
        Ok(())
    }

    fn seat(&self, seat: &Seat) -> Checked {
        match seat {
            Seat::Key(_) => Ok(()),
            Seat::Role(name) => self.role(name),
            Seat::Param(name) => self.param(name, |kind| *kind == ParamType::Pubkey, "an address"),
            Seat::Name(name) => {
                let name = clip(name);
                let hint = if self.roles.contains_key(&name) {
                    format!("for the role write `role:{name}`")
                } else if self.params.contains_key(&name) {
                    format!("for the param write `param:{name}`")
                } else {
                    "write base58, `role:NAME`, `param:NAME`, `program:NAME` or a name of chain.toml".to_owned()
                };
                fault(format!("`{name}` is no address; {hint}"))
            }
        }
    }

    /// Fields that take at most so many bytes. What a text param adds is known only when a run begins.
    fn data(&self, data: &Data, most: usize) -> Checked {
        let mut length = 0_usize;
        for field in &data.0 {
            self.field(field)?;
            length = length.saturating_add(least_length(field));
        }
        if length > most {
            return fault(format!("{length} bytes are more than the {most} that fit; shorten them"));
        }
        Ok(())
    }

    fn field(&self, field: &Field) -> Checked {
        match field {
            Field::Bytes(_) => Ok(()),
            Field::Text(text) | Field::String(text) => match text {
                Text::Param(name) => self.param(name, |_| true, "text"),
                // It would be read as that param when the flow is stored and read again.
                Text::Literal(text) if text.starts_with("param:") => {
                    fault(format!("the text `{}` would be taken for a param; give its bytes instead", clip(text)))
                }
                Text::Literal(_) => Ok(()),
            },
            Field::Bool(Flag::Literal(_)) => Ok(()),
            Field::Bool(Flag::Param(name)) => self.param(name, |kind| *kind == ParamType::Boolean, "yes or no"),
            Field::U8(number) => self.quantity(number, 0, u8::MAX),
            Field::U16(number) => self.quantity(number, 0, u16::MAX),
            Field::U32(number) => self.quantity(number, 0, u32::MAX),
            Field::U64(number) => self.quantity(number, 0, u64::MAX),
            Field::I8(number) => self.quantity(number, i8::MIN, i8::MAX),
            Field::I16(number) => self.quantity(number, i16::MIN, i16::MAX),
            Field::I32(number) => self.quantity(number, i32::MIN, i32::MAX),
            Field::I64(number) => self.quantity(number, i64::MIN, i64::MAX),
            Field::Pubkey(seat) => self.seat(seat),
            Field::Anchor(name) | Field::AnchorAccount(name) => {
                if name.is_empty() || name.len() > MANY {
                    return fault(format!(
                        "`{}` is no name of an Anchor instruction or account; give 1 to {MANY} bytes",
                        clip(name)
                    ));
                }
                Ok(())
            }
        }
    }

    fn quantity(&self, quantity: &Quantity, least: impl Into<i128>, most: impl Into<i128>) -> Checked {
        let (least, most) = (least.into(), most.into());
        match quantity {
            Quantity::Number(number) if *number < least || *number > most => {
                fault(format!("{number} is out of range: here fits a whole number from {least} to {most}"))
            }
            Quantity::Number(_) => Ok(()),
            Quantity::Param { name, decimals: None } => self.param(
                name,
                |kind| matches!(kind, ParamType::Unsigned(..) | ParamType::Signed(..)),
                "a whole number",
            ),
            Quantity::Param { decimals: Some(decimals), .. } if *decimals > MOST_DECIMALS => {
                fault(format!("{decimals} decimals are more than the {MOST_DECIMALS} that a 64-bit amount can have"))
            }
            Quantity::Param { name, decimals: Some(_) } => {
                self.param(name, |kind| matches!(kind, ParamType::Unsigned(..) | ParamType::Decimal), "an amount")
            }
        }
    }

    fn condition(&self, condition: &Condition) -> Checked {
        /// The longest data that an account can have, in bytes.
        const ACCOUNT: u64 = 10 << 20;
        let (address, quantity) = match condition {
            Condition::AccountExists(pubkey) => (Some(pubkey), None),
            Condition::AccountDataEquals { pubkey, offset, data } => {
                self.data(data, TRANSACTION).at("data")?;
                if data.0.iter().map(least_length).sum::<usize>() == 0 {
                    return fault("the data to compare with is empty, so it says nothing; give it bytes").at("data");
                }
                if *offset > ACCOUNT {
                    return fault(format!("no account has data at {offset}; give an offset up to {ACCOUNT}"))
                        .at("offset");
                }
                (Some(pubkey), None)
            }
            Condition::BalanceGreaterThan { pubkey, lamports: n }
            | Condition::BalanceLessThan { pubkey, lamports: n }
            | Condition::TokenAmountGreaterThan { pubkey, amount: n }
            | Condition::TokenAmountLessThan { pubkey, amount: n } => (Some(pubkey), Some(n)),
            Condition::AccountChanged { pubkey, since } => (Some(pubkey), since.as_ref()),
            Condition::SlotReached(slot) => (None, Some(slot)),
            Condition::TimeReached(time) => return self.quantity(time, i64::MIN, i64::MAX),
            Condition::After(time) => return whole_seconds(*time, YEAR, "the time to wait"),
            Condition::Custom(id) => {
                if id.is_empty() || id.len() > MANY {
                    return fault(format!(
                        "a custom condition has a name of 1 to {MANY} bytes, and not `{}`",
                        clip(id)
                    ));
                }
                (None, None)
            }
        };
        address.map_or(Ok(()), |address| self.address(address).at("pubkey"))?;
        quantity.map_or(Ok(()), |quantity| self.quantity(quantity, 0, u64::MAX))
    }
}

/// Of a descriptor's fault that no field can be named for.
fn found_or(what: &str) -> Checked {
    fault(format!("{what}; mend it"))
}

fn bounded(what: &str, given: usize, most: usize) -> Checked {
    if given > most {
        return fault(format!("{given} {what} are more than the {most} allowed; split the step")).at(what);
    }
    Ok(())
}

fn whole_seconds(time: Duration, most: Duration, what: &str) -> Checked {
    if time.subsec_nanos() != 0 || time.is_zero() || time > most {
        let days = most.as_secs() / DAY.as_secs();
        return fault(format!(
            "{what} of {time:?} is out of range: use whole seconds, at least 1 s and at most {days} days"
        ));
    }
    Ok(())
}

fn timeout(time: Duration) -> Checked {
    whole_seconds(time, YEAR, "a timeout")
}

fn retry(policy: &RetryPolicy) -> Checked {
    let RetryPolicy { max_attempts, delay, backoff_multiplier } = policy;
    if !(1..=100).contains(max_attempts) {
        return fault(format!("{max_attempts} tries are out of range; use 1 to 100")).at("max-attempts");
    }
    if *delay > DAY || delay.subsec_nanos() % 1_000_000 != 0 {
        return fault(format!("a delay of {delay:?} is out of range; use whole milliseconds, at most a day"))
            .at("delay");
    }
    if !(1.0..=1000.0).contains(backoff_multiplier) {
        return fault(format!("a backoff multiplier of {backoff_multiplier} is out of range; use 1 to 1000"))
            .at("backoff-multiplier");
    }
    Ok(())
}

/// Bytes of a field; of a text param, those that there are in any case.
fn least_length(field: &Field) -> usize {
    match field {
        Field::Bytes(bytes) => bytes.len(),
        Field::Text(Text::Literal(text)) => text.len(),
        Field::Text(Text::Param(_)) => 0,
        Field::String(Text::Literal(text)) => text.len().saturating_add(4),
        Field::String(Text::Param(_)) | Field::U32(_) | Field::I32(_) => 4,
        Field::Bool(_) | Field::U8(_) | Field::I8(_) => 1,
        Field::U16(_) | Field::I16(_) => 2,
        Field::U64(_) | Field::I64(_) | Field::Anchor(_) | Field::AnchorAccount(_) => 8,
        Field::Pubkey(_) => 32,
    }
}
