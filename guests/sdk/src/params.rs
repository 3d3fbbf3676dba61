//! Typed params: what `#[derive(Params)]` declares to the host and reads back.

use crate::Pubkey;
use crate::amount::Decimal;
use crate::bindings::exports::valence::flow::flow::{Context, Param, ParamType, Role as RoleDeclaration, Value};
use crate::error::FlowError;

/// What a flow declares of itself: its params and roles.
#[derive(Default)]
pub struct Declaration {
    /// In the order of the struct's fields.
    pub params: Vec<Param>,
    /// In the order of the struct's fields.
    pub roles: Vec<RoleDeclaration>,
}

/// An argument of a flow's function: [`crate::flow::Flow`], or a struct with `#[derive(Params)]` or `#[derive(Roles)]`.
pub trait Argument: Sized {
    /// Adds what the argument needs from whoever starts the flow.
    fn declare(declaration: &mut Declaration);

    /// Reads the argument from what the run was given.
    fn take(context: &Context) -> Result<Self, FlowError>;
}

/// The limits that `#[param(range = …)]` and `#[param(max_len = …)]` set.
#[derive(Clone, Copy, Default)]
pub struct Limits {
    /// The smallest and the largest whole number.
    pub range: Option<(i128, i128)>,
    /// How many bytes a text may have.
    pub max_len: Option<u32>,
}

/// How many bytes a text param may have if it says nothing else.
pub const DEFAULT_MAX_LEN: u32 = 256;

/// A type that a param may have.
pub trait ParamValue: Sized {
    /// The smallest and largest whole number, for types that take a `range`.
    const WHOLE: Option<(i128, i128)> = None;
    /// Whether the type takes a `max_len`.
    const TEXT: bool = false;
    /// Whether a param of this type may be left out.
    const OPTIONAL: bool = false;

    /// How the contract calls this type.
    fn kind(limits: Limits) -> ParamType;

    /// Reads a value that the host has checked; none if the host gave another type.
    fn read(value: &Value) -> Option<Self>;

    /// What it is if it was left out.
    fn absent() -> Option<Self> {
        None
    }
}

impl Declaration {
    /// For `#[derive(Params)]`.
    #[doc(hidden)]
    pub fn param<T: ParamValue>(&mut self, name: &str, help: &str, default: Option<&str>, limits: Limits) {
        self.params.push(Param {
            name: name.to_owned(),
            type_: T::kind(limits),
            required: default.is_none() && !T::OPTIONAL,
            default: default.map(str::to_owned),
            help: help.to_owned(),
        });
    }

    /// For `#[derive(Roles)]`.
    #[doc(hidden)]
    pub fn role(&mut self, name: &str, help: &str) {
        self.roles.push(RoleDeclaration { name: name.to_owned(), help: help.to_owned() });
    }
}

/// For `#[derive(Params)]`: the value of the param of this name. The host fills in defaults.
#[doc(hidden)]
pub fn take<T: ParamValue>(context: &Context, name: &str) -> Result<T, FlowError> {
    match context.params.iter().find(|(given, _)| given == name) {
        Some((_, value)) => {
            T::read(value).ok_or_else(|| FlowError::param(name, "the host gave a value of another type than declared"))
        }
        None => T::absent().ok_or_else(|| FlowError::param(name, "it is required but was not given")),
    }
}

/// For `#[derive(Params)]`: stops the compiler where a limit does not fit the type.
///
/// ```compile_fail
/// #[derive(valence_flow::Params)]
/// struct Params {
///     #[param(range = 1..=300)]
///     rounds: u8,
/// }
/// ```
#[doc(hidden)]
#[allow(clippy::panic)] // in a const block, a panic is a compile error
pub const fn check_limits<T: ParamValue>(limits: Limits) {
    if let Some((least, most)) = limits.range {
        match T::WHOLE {
            None => panic!("only a whole number can have a `range`"),
            Some((min, max)) => {
                assert!(least <= most, "the `range` is empty");
                assert!(min <= least && most <= max, "the `range` is larger than the type");
            }
        }
    }
    if limits.max_len.is_some() {
        assert!(T::TEXT, "only a text can have a `max_len`");
    }
}

impl ParamValue for String {
    const TEXT: bool = true;

    fn kind(limits: Limits) -> ParamType {
        ParamType::Text(limits.max_len.unwrap_or(DEFAULT_MAX_LEN))
    }

    fn read(value: &Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text.clone()) } else { None }
    }
}

impl ParamValue for bool {
    fn kind(_: Limits) -> ParamType {
        ParamType::Boolean
    }

    fn read(value: &Value) -> Option<Self> {
        if let Value::Boolean(value) = value { Some(*value) } else { None }
    }
}

impl ParamValue for Pubkey {
    fn kind(_: Limits) -> ParamType {
        ParamType::Pubkey
    }

    fn read(value: &Value) -> Option<Self> {
        if let Value::Pubkey(key) = value { Some((*key).into()) } else { None }
    }
}

impl ParamValue for Decimal {
    fn kind(_: Limits) -> ParamType {
        ParamType::Decimal
    }

    fn read(value: &Value) -> Option<Self> {
        if let Value::Decimal(text) = value { text.parse().ok() } else { None }
    }
}

impl<T: ParamValue> ParamValue for Option<T> {
    const WHOLE: Option<(i128, i128)> = T::WHOLE;
    const TEXT: bool = T::TEXT;
    const OPTIONAL: bool = true;

    fn kind(limits: Limits) -> ParamType {
        T::kind(limits)
    }

    fn read(value: &Value) -> Option<Self> {
        T::read(value).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

macro_rules! whole {
    ($wide:ident, $kind:ident: $($type:ident)*) => {$(
        impl ParamValue for $type {
            const WHOLE: Option<(i128, i128)> = Some(($type::MIN as i128, $type::MAX as i128));

            fn kind(limits: Limits) -> ParamType {
                // `check_limits` has compared the range with the type at compile time.
                let (least, most) = limits.range.unwrap_or(($type::MIN.into(), $type::MAX.into()));
                ParamType::$kind((
                    $wide::try_from(least).unwrap_or($wide::MIN),
                    $wide::try_from(most).unwrap_or($wide::MAX),
                ))
            }

            fn read(value: &Value) -> Option<Self> {
                if let Value::$kind(value) = value { $type::try_from(*value).ok() } else { None }
            }
        }
    )*};
}
whole!(u64, Unsigned: u8 u16 u32 u64);
whole!(i64, Signed: i8 i16 i32 i64);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::entry::{Definition, Outcome, describe};
    use crate::prelude::*;

    #[derive(crate::Params, Debug)]
    #[allow(dead_code)]
    struct Everything {
        /// The mint
        /// of the tokens.
        ///
        /// More that nobody needs.
        cold_mint: Pubkey,
        #[param(default = "100")]
        reserve: Decimal,
        #[param(range = 1..=10)]
        rounds: u32,
        #[param(max_len = 64)]
        memo: Option<String>,
        #[param(default = -3, name = "shift")]
        offset: i8,
        #[param(default = true)]
        dry: bool,
    }

    #[derive(crate::Roles)]
    struct Seats {
        /// Pays.
        owner: Role,
        cold_wallet: Role,
    }

    /// Tries everything.
    #[crate::flow(steps = ["one", "two"])]
    fn everything(flow: Flow, params: Everything, seats: Seats) -> FlowResult {
        done(format!("{} {params:?} {:?} {}", flow.instance(), seats.owner, seats.cold_wallet))
    }

    fn context() -> Context {
        let text = |text: &str| text.to_owned();
        Context {
            instance: text("i-1"),
            episode: 0,
            params: vec![
                (text("cold-mint"), Value::Pubkey((0, 0, 0, 0))),
                (text("reserve"), Value::Decimal(text("100"))),
                (text("rounds"), Value::Unsigned(3)),
                (text("shift"), Value::Signed(-3)),
                (text("dry"), Value::Boolean(true)),
            ],
            roles: vec![(text("cold-wallet"), (1, 0, 0, 0)), (text("owner"), (0, 0, 0, 0))],
            state: None,
        }
    }

    #[test]
    fn the_descriptor_says_what_the_structs_declare() {
        let descriptor = describe::<FlowComponent>();
        assert_eq!(descriptor.id, "valence-flow");
        assert_eq!(descriptor.name, "Valence flow");
        assert_eq!(descriptor.version, env!("CARGO_PKG_VERSION"));
        assert_eq!(descriptor.description, "Tries everything.");
        assert_eq!(descriptor.steps, ["one", "two"]);
        let names: Vec<_> = descriptor.params.iter().map(|param| param.name.as_str()).collect();
        assert_eq!(names, ["cold-mint", "reserve", "rounds", "memo", "shift", "dry"]);
        assert_eq!(descriptor.params[0].help, "The mint of the tokens.");
        let required: Vec<_> = descriptor.params.iter().map(|param| param.required).collect();
        assert_eq!(required, [true, false, true, false, false, false]);
        assert_eq!(descriptor.params[2].type_, ParamType::Unsigned((1, 10)));
        assert_eq!(descriptor.params[3].type_, ParamType::Text(64));
        assert_eq!(descriptor.params[4].type_, ParamType::Signed((-128, 127)));
        assert_eq!(descriptor.params[4].default.as_deref(), Some("-3"));
        assert_eq!(descriptor.params[5].default.as_deref(), Some("true"));
        let roles: Vec<_> = descriptor.roles.iter().map(|role| (role.name.as_str(), role.help.as_str())).collect();
        assert_eq!(roles, [("owner", "Pays."), ("cold-wallet", "")]);
    }

    #[test]
    fn the_function_is_called_with_what_the_host_gave() {
        let Outcome::Done(text) = FlowComponent::call(&context()).unwrap() else { panic!("it is done") };
        assert!(text.starts_with("i-1 Everything"), "{text}");
        assert!(text.contains("memo: None, offset: -3, dry: true"), "{text}");
        assert!(text.ends_with("owner=11111111111111111111111111111111 cold-wallet"), "{text}");
    }

    #[test]
    fn a_host_that_breaks_its_word_gets_an_error_and_no_panic() {
        let broken = |change: fn(&mut Context)| {
            let mut context = context();
            change(&mut context);
            FlowComponent::call(&context).unwrap_err().to_string()
        };
        let wrong_type = broken(|context| context.params[2].1 = Value::Boolean(true));
        assert!(wrong_type.contains("`rounds`") && wrong_type.contains("another type"), "{wrong_type}");
        let too_large = broken(|context| context.params[3].1 = Value::Signed(1000));
        assert!(too_large.contains("`shift`"), "{too_large}");
        let bad_decimal = broken(|context| context.params[1].1 = Value::Decimal("x".to_owned()));
        assert!(bad_decimal.contains("`reserve`"), "{bad_decimal}");
        assert!(broken(|context| context.params.clear()).contains("`cold-mint`: it is required"));
        assert!(broken(|context| context.roles.clear()).contains("no address to role `owner`"));
    }
}
