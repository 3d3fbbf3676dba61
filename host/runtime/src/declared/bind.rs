//! A flow meets the inputs of a run: terms get their values, templates become the door's. What can be known only from the chain, an
//! address that a condition derives, is left for the interpreter to ask. Nothing here asks the chain.

use super::{
    condition::Condition,
    flow::{AccountTemplate, Derivation, FlowStep, InstructionTemplate, ProtocolFlow, RetryPolicy},
    line::fill,
    term::{Address, Data, Field, Flag, Quantity, Seat, Text, scaled},
};
use std::collections::BTreeMap;
use valence_door::{self as d, Bytes, Exhausted, Key, Moment};
use valence_sandbox::{Context, Digest, FlowError, Value};

/// A step whose terms are known.
pub(super) struct Bound {
    /// As the door takes it, still without its conditions.
    pub step: d::Step,
    /// What it waits for.
    pub awaited: Vec<Awaited>,
}

/// A condition whose terms are known.
pub(super) enum Awaited {
    /// Of an account.
    Account(Whose, Predicate),
    /// Of the chain's time.
    Slot(u64),
    /// Of the chain's time, in seconds since 1970.
    Time(i64),
    /// Seconds since the flow came to the step.
    After(i64),
    /// Never.
    Custom(String),
}

/// Which account: its address, or what it is derived from.
#[derive(Clone)]
pub(super) enum Whose {
    Known(Key),
    Derived { program: Key, seeds: Vec<Bytes> },
    AssociatedToken { wallet: Key, mint: Key },
    TokenProgramOf(Key),
}

/// What must hold of it.
pub(super) enum Predicate {
    Exists,
    DataEquals {
        offset: u64,
        data: Bytes,
    },
    LamportsAbove(u64),
    LamportsBelow(u64),
    TokenAmountAbove(u64),
    TokenAmountBelow(u64),
    /// Changed after this slot; none: after the slot in which the flow came to the step.
    Changed(Option<u64>),
}

impl Predicate {
    /// The door's condition, for this account and a flow that came to its step at that moment.
    pub(super) fn of(&self, key: Key, came: Moment) -> d::Condition {
        match self {
            Predicate::Exists => d::Condition::AccountExists(key),
            Predicate::DataEquals { offset, data } => {
                d::Condition::DataEquals { key, offset: *offset, data: data.clone() }
            }
            Predicate::LamportsAbove(lamports) => d::Condition::LamportsAbove { key, lamports: *lamports },
            Predicate::LamportsBelow(lamports) => d::Condition::LamportsBelow { key, lamports: *lamports },
            Predicate::TokenAmountAbove(amount) => d::Condition::TokenAmountAbove { key, amount: *amount },
            Predicate::TokenAmountBelow(amount) => d::Condition::TokenAmountBelow { key, amount: *amount },
            Predicate::Changed(slot) => d::Condition::ChangedSince { key, slot: slot.unwrap_or(came.slot) },
        }
    }
}

/// The values of a run, by name.
struct Values<'a> {
    params: BTreeMap<&'a str, &'a Value>,
    roles: BTreeMap<&'a str, Key>,
}

/// All steps of a flow with their terms known.
///
/// # Errors
/// A param whose value does not fit where the flow puts it, or one that is missing.
pub(super) fn bind(flow: &ProtocolFlow, context: &Context) -> Result<Vec<Bound>, FlowError> {
    let values = Values {
        params: context.params.iter().map(|(name, value)| (name.as_str(), value)).collect(),
        roles: context.roles.iter().map(|(name, key)| (name.as_str(), *key)).collect(),
    };
    flow.steps.iter().map(|step| values.step(flow, step)).collect()
}

fn bad_param(name: &str, message: String) -> FlowError {
    FlowError::Param { name: name.to_owned(), message }
}

/// A flow that was not checked, or inputs that were not.
fn unbound(what: String) -> FlowError {
    FlowError::Other { code: "unbound".to_owned(), message: what }
}

type Bind<T> = Result<T, FlowError>;

impl Values<'_> {
    fn step(&self, flow: &ProtocolFlow, step: &FlowStep) -> Bind<Bound> {
        let instructions = step.instructions.iter().map(|i| self.instruction(i)).collect::<Bind<Vec<_>>>()?;
        let awaited = step.conditions.iter().map(|c| self.condition(c)).collect::<Bind<Vec<_>>>()?;
        let line = if step.description.is_empty() { &step.name } else { &step.description };
        // Without a link for it, a step that has no try left pauses the instance for an operator.
        let exhausted = if step.on_failure.is_some() { Exhausted::Tell } else { Exhausted::Pause };
        let step = d::Step {
            name: step.name.clone(),
            description: fill(line, |name| self.params.get(name).map(|value| value.to_string())),
            instructions,
            conditions: Vec::new(),
            fee_payer: flow.payer_of(step).ok_or_else(|| unbound(format!("nobody pays for step `{}`", step.name)))?,
            retry: retry(flow.retry_of(step), exhausted),
            compute_unit_limit: step.compute_unit_limit,
            priority_fee: step.priority_fee,
        };
        Ok(Bound { step, awaited })
    }

    fn instruction(&self, instruction: &InstructionTemplate) -> Bind<d::InstructionTemplate> {
        let program = match &instruction.program_id {
            Address::Seat(seat) => d::ProgramRef::Key(self.key(seat)?),
            Address::TokenProgramOf(mint) => d::ProgramRef::TokenProgramOf(self.key(mint)?),
            Address::Derived(_) | Address::AssociatedToken { .. } => {
                return Err(unbound("a derived address is no program".to_owned()));
            }
        };
        let accounts = instruction.accounts.iter().map(|a| self.account(a)).collect::<Bind<Vec<_>>>()?;
        Ok(d::InstructionTemplate { program, accounts, data: self.bytes(&instruction.data)? })
    }

    fn account(&self, template: &AccountTemplate) -> Bind<d::AccountTemplate> {
        let account = match (&template.pubkey, &template.derivation) {
            (Some(Address::Seat(seat)), None) => match self.seat(seat)? {
                d::Seat::Key(key) => d::AccountRef::Key(key),
                d::Seat::Role(role) => d::AccountRef::Role(role),
            },
            (Some(Address::AssociatedToken { wallet, mint }), None) => {
                d::AccountRef::AssociatedToken { wallet: self.seat(wallet)?, mint: self.key(mint)? }
            }
            (Some(Address::TokenProgramOf(mint)), None) => d::AccountRef::TokenProgramOf(self.key(mint)?),
            (Some(Address::Derived(derivation)), None) | (None, Some(derivation)) => self.derived(derivation)?,
            (Some(_), Some(_)) | (None, None) => {
                return Err(unbound("an account has neither or both of `pubkey` and `derivation`".to_owned()));
            }
        };
        Ok(d::AccountTemplate { account, signer: template.is_signer, writable: template.is_writable })
    }

    fn derived(&self, derivation: &Derivation) -> Bind<d::AccountRef> {
        let seeds = derivation.seeds.iter().map(|seed| match seed {
            Field::Pubkey(seat) => self.seat(seat).map(d::Seed::Seat),
            field => self.fields(std::slice::from_ref(field)).map(d::Seed::Bytes),
        });
        let program = self.key(&derivation.program_id)?;
        Ok(d::AccountRef::Pda { program, seeds: seeds.collect::<Bind<Vec<_>>>()? })
    }

    /// A seat as the door has it: a role stays one, so that the journal names it.
    fn seat(&self, seat: &Seat) -> Bind<d::Seat> {
        match seat {
            // The door would say it too, but only when the step is built.
            Seat::Role(name) => self.key(seat).map(|_| d::Seat::Role(name.clone())),
            seat => self.key(seat).map(d::Seat::Key),
        }
    }

    fn key(&self, seat: &Seat) -> Bind<Key> {
        match seat {
            Seat::Key(key) => Ok((*key).into()),
            Seat::Role(name) => {
                let key = self.roles.get(name.as_str()).copied();
                key.ok_or_else(|| unbound(format!("role `{name}` is not bound; bind it with --role {name}=PUBKEY")))
            }
            Seat::Param(name) => match self.param(name)? {
                Value::Pubkey(key) => Ok(*key),
                other => Err(bad_param(name, format!("`{}` is no address", other))),
            },
            Seat::Name(name) => Err(unbound(format!("`{name}` is a name without an address"))),
        }
    }

    fn param(&self, name: &str) -> Bind<&Value> {
        self.params.get(name).copied().ok_or_else(|| bad_param(name, "it has no value".to_owned()))
    }

    fn text(&self, text: &Text) -> Bind<String> {
        match text {
            Text::Literal(text) => Ok(text.clone()),
            Text::Param(name) => self.param(name).map(ToString::to_string),
        }
    }

    /// A whole number of the type that is wanted.
    fn number<N: TryFrom<i128>>(&self, quantity: &Quantity) -> Bind<N> {
        let misfit = |number: i128| format!("{number} does not fit {} bytes", size_of::<N>());
        match quantity {
            Quantity::Number(number) => N::try_from(*number).map_err(|_| unbound(misfit(*number))),
            Quantity::Param { name, decimals } => {
                let value = self.param(name)?;
                let number = match (value, decimals) {
                    (Value::Unsigned(number), None) => i128::from(*number),
                    (Value::Signed(number), None) => i128::from(*number),
                    (Value::Decimal(text), Some(decimals)) => amount(name, text, *decimals)?,
                    (Value::Unsigned(number), Some(decimals)) => amount(name, &number.to_string(), *decimals)?,
                    (other, _) => {
                        return Err(bad_param(name, format!("`{}` is no number of this kind", other)));
                    }
                };
                N::try_from(number).map_err(|_| bad_param(name, misfit(number)))
            }
        }
    }

    fn bytes(&self, data: &Data) -> Bind<Bytes> {
        self.fields(&data.0)
    }

    fn fields(&self, fields: &[Field]) -> Bind<Bytes> {
        let mut bytes = Vec::new();
        for field in fields {
            match field {
                Field::Bytes(some) => bytes.extend_from_slice(some),
                Field::Text(text) => bytes.extend_from_slice(self.text(text)?.as_bytes()),
                Field::String(text) => {
                    let text = self.text(text)?;
                    let length = u32::try_from(text.len()).map_err(|_| unbound("a text is too long".to_owned()))?;
                    bytes.extend_from_slice(&length.to_le_bytes());
                    bytes.extend_from_slice(text.as_bytes());
                }
                Field::Bool(Flag::Literal(flag)) => bytes.push(u8::from(*flag)),
                Field::Bool(Flag::Param(name)) => match self.param(name)? {
                    Value::Boolean(flag) => bytes.push(u8::from(*flag)),
                    other => return Err(bad_param(name, format!("`{}` is neither true nor false", other))),
                },
                Field::U8(n) => bytes.push(self.number(n)?),
                Field::U16(n) => bytes.extend_from_slice(&self.number::<u16>(n)?.to_le_bytes()),
                Field::U32(n) => bytes.extend_from_slice(&self.number::<u32>(n)?.to_le_bytes()),
                Field::U64(n) => bytes.extend_from_slice(&self.number::<u64>(n)?.to_le_bytes()),
                Field::I8(n) => bytes.extend_from_slice(&self.number::<i8>(n)?.to_le_bytes()),
                Field::I16(n) => bytes.extend_from_slice(&self.number::<i16>(n)?.to_le_bytes()),
                Field::I32(n) => bytes.extend_from_slice(&self.number::<i32>(n)?.to_le_bytes()),
                Field::I64(n) => bytes.extend_from_slice(&self.number::<i64>(n)?.to_le_bytes()),
                Field::Pubkey(seat) => bytes.extend_from_slice(&self.key(seat)?.0),
                Field::Anchor(name) => bytes.extend_from_slice(&discriminator("global", name)),
                Field::AnchorAccount(name) => bytes.extend_from_slice(&discriminator("account", name)),
            }
        }
        Ok(Bytes::from(bytes))
    }

    fn condition(&self, condition: &Condition) -> Bind<Awaited> {
        let number = |quantity| self.number::<u64>(quantity);
        let (address, predicate) = match condition {
            Condition::AccountExists(pubkey) => (pubkey, Predicate::Exists),
            Condition::AccountDataEquals { pubkey, offset, data } => {
                (pubkey, Predicate::DataEquals { offset: *offset, data: self.bytes(data)? })
            }
            Condition::BalanceGreaterThan { pubkey, lamports } => (pubkey, Predicate::LamportsAbove(number(lamports)?)),
            Condition::BalanceLessThan { pubkey, lamports } => (pubkey, Predicate::LamportsBelow(number(lamports)?)),
            Condition::TokenAmountGreaterThan { pubkey, amount } => {
                (pubkey, Predicate::TokenAmountAbove(number(amount)?))
            }
            Condition::TokenAmountLessThan { pubkey, amount } => (pubkey, Predicate::TokenAmountBelow(number(amount)?)),
            Condition::AccountChanged { pubkey, since } => {
                (pubkey, Predicate::Changed(since.as_ref().map(number).transpose()?))
            }
            Condition::SlotReached(slot) => return number(slot).map(Awaited::Slot),
            Condition::TimeReached(time) => return self.number(time).map(Awaited::Time),
            Condition::After(time) => return Ok(Awaited::After(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))),
            Condition::Custom(id) => return Ok(Awaited::Custom(id.clone())),
        };
        Ok(Awaited::Account(self.whose(address)?, predicate))
    }

    fn whose(&self, address: &Address) -> Bind<Whose> {
        Ok(match address {
            Address::Seat(seat) => Whose::Known(self.key(seat)?),
            Address::Derived(Derivation { program_id, seeds }) => {
                let seeds = seeds.iter().map(|seed| self.fields(std::slice::from_ref(seed)));
                Whose::Derived { program: self.key(program_id)?, seeds: seeds.collect::<Bind<Vec<_>>>()? }
            }
            Address::AssociatedToken { wallet, mint } => {
                Whose::AssociatedToken { wallet: self.key(wallet)?, mint: self.key(mint)? }
            }
            Address::TokenProgramOf(mint) => Whose::TokenProgramOf(self.key(mint)?),
        })
    }
}

/// The policy in the door's units.
fn retry(policy: &RetryPolicy, exhausted: Exhausted) -> d::RetryPolicy {
    d::RetryPolicy {
        max_attempts: policy.max_attempts,
        delay_ms: u64::try_from(policy.delay.as_millis()).unwrap_or(u64::MAX),
        backoff_milli: thousandths(policy.backoff_multiplier),
        exhausted,
    }
}

/// A factor of 1 to 1000 in thousandths, rounded.
fn thousandths(factor: f64) -> u32 {
    // A float has no checked conversion; its decimal spelling without a fraction is what rounding means.
    format!("{:.0}", (factor * 1000.0).clamp(1000.0, 1_000_000.0)).parse().unwrap_or(1000)
}

fn amount(name: &str, text: &str, decimals: u8) -> Bind<i128> {
    let units = scaled(text, decimals).map(i128::from);
    units.ok_or_else(|| {
        bad_param(name, format!("`{text}` is no amount with at most {decimals} decimals that fits 64 bits"))
    })
}

fn discriminator(space: &str, name: &str) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = Digest::of(format!("{space}:{name}").as_bytes()).0;
    [a, b, c, d, e, f, g, h]
}
