//! Every bound of the sandbox, with its reason, in one table. A flag or a manifest may lower them, an operator's
//! configuration may raise them. Each is enforced, and each has a hostile guest that hits it.

use valence_door::LimitHit;

/// Declares the limits once; the struct, the names, the profiles and the help all come from this table.
macro_rules! limits {
    ($($(#[doc = $why:literal])+ $field:ident = $name:literal, $default:expr, $icn:expr, $unit:literal;)+) => {
        /// The bounds of one flow.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $why])+ pub $field: u64,)+
        }

        /// The name of a bound.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(non_camel_case_types, missing_docs)]
        pub enum Limit { $($field,)+ }

        impl Limits {
            /// The defaults: enough to start a flow written in JavaScript or Python.
            pub const DEFAULT: Limits = Limits { $($field: $default,)+ };
            /// The numbers of the ICN runtime, where it had any: much tighter.
            pub const ICN: Limits = Limits { $($field: $icn,)+ };
            /// All limits in the order of the table.
            pub const ALL: &'static [Limit] = &[$(Limit::$field,)+];

            /// The bound of this name.
            pub fn get(&self, limit: Limit) -> u64 {
                match limit { $(Limit::$field => self.$field,)+ }
            }

            /// Changes the bound of this name.
            pub fn set(&mut self, limit: Limit, value: u64) {
                match limit { $(Limit::$field => self.$field = value,)+ }
            }
        }

        impl Limit {
            /// As `--limit NAME=N` takes it.
            pub fn name(self) -> &'static str {
                match self { $(Limit::$field => $name,)+ }
            }

            /// What is counted.
            pub fn unit(self) -> &'static str {
                match self { $(Limit::$field => $unit,)+ }
            }

            /// Why it is there.
            pub fn why(self) -> &'static str {
                match self { $(Limit::$field => concat!($($why),+).trim_ascii(),)+ }
            }
        }
    };
}

limits! {
    /// A flow cannot loop for ever: WebAssembly instructions in one episode.
    fuel = "fuel", 2_000_000_000, 1_000_000, "instructions";
    /// A flow cannot take the host's memory: linear memory, summed over all memories.
    memory = "memory", 256 << 20, 10 << 20, "bytes of memory";
    /// Tables are host memory too, 8 to 16 bytes an element: elements, summed over all tables.
    table_elements = "table-elements", 1_000_000, 100_000, "table elements";
    /// Each memory reserves address space, even when it is empty.
    memories = "memories", 16, 16, "memories";
    /// Each table costs the host a record, even when it is empty.
    tables = "tables", 64, 10, "tables";
    /// Each core instance costs the host a record; a small component can ask for many.
    instances = "instances", 256, 64, "core instances";
    /// Deep recursion must not reach the host's stack. Fixed for an engine, so the same for all flows of a process.
    stack = "stack", 512 << 10, 512 << 10, "bytes of stack";
    /// Handles are host memory: resources that a component holds at once.
    handles = "handles", 4096, 1024, "resource handles";
    /// What a flow hands over in one call is copied by the host: bytes of one call's arguments.
    call_bytes = "call-bytes", 4 << 20, 1 << 20, "bytes in one host call";
    /// What the host hands over is copied into the flow: bytes of one reply.
    reply_bytes = "reply-bytes", 16 << 20, 4 << 20, "bytes in one reply";
    /// A machine under load may execute fuel slowly: milliseconds of the flow's own running time in one attempt; time
    /// spent waiting does not count.
    deadline = "deadline", 30_000, 30_000, "milliseconds of running time";
    /// Compiling is linear in size at best: bytes of a component, drivers included.
    component_size = "component-size", 64 << 20, 50 << 20, "bytes of component";
    /// Compiling has a cost for each module.
    modules = "modules", 64, 64, "core modules";
    /// Compiling has a cost for each function.
    functions = "functions", 200_000, 1_000, "functions";
    /// Globals are host memory in every instance.
    globals = "globals", 20_000, 100, "globals";
    /// Each wait is an entry and a look at the chain: waits in one episode.
    waits = "waits", 10_000, 1_000, "waits";
    /// Each proposal asks for a person's attention: proposals in one episode.
    proposals = "proposals", 1_000, 100, "proposals";
    /// Logs are kept: bytes of log lines in one episode.
    log_bytes = "log-bytes", 1 << 20, 64 << 10, "bytes of log lines";
    /// Replay repeats every call: calls to the host in one episode.
    calls = "calls", 1_000_000, 100_000, "calls to the host";
    /// Journals are kept: bytes of journal in one episode, estimated from what each entry holds.
    journal_bytes = "journal-bytes", 256 << 20, 16 << 20, "bytes of journal";
    /// Burning fuel and waiting in turns must not multiply it: instructions that an instance may burn again in an hour, to be
    /// rebuilt in memory.
    replay_fuel = "replay-fuel", 50_000_000_000, 100_000_000, "instructions of replay in one hour";
    /// State is copied into every episode: bytes that `continue` may leave.
    state = "state", 64 << 10, 64 << 10, "bytes of state";
}

/// Why a `--limit` was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LimitError {
    /// No such limit.
    #[error("there is no limit `{0}`; the limits are {1}")]
    Unknown(String, String),
    /// Not a number.
    #[error("limit `{0}` takes a whole number of {1}, not `{2}`; K, M and G may follow (powers of 1024)")]
    NotANumber(&'static str, &'static str, String),
    /// Above the operator's.
    #[error("limit `{0}` of {1} is above this host's ceiling of {2}; ask the operator to raise it, or use less")]
    AboveCeiling(&'static str, u64, u64),
    /// Fixed for the process.
    #[error("limit `stack` is fixed at {0} bytes for this process; set it when the sandbox is made")]
    StackIsFixed(u64),
    /// Nothing runs under it.
    #[error("limit `{0}` of {1} is out of range: {2}")]
    OutOfRange(&'static str, u64, &'static str),
}

impl Default for Limits {
    fn default() -> Self {
        Limits::DEFAULT
    }
}

impl Limits {
    /// The message for a flow that hit this bound.
    pub fn hit(&self, limit: Limit) -> LimitHit {
        LimitHit { limit: limit.name(), allowed: self.get(limit), unit: limit.unit() }
    }

    /// Applies `NAME` and `VALUE` of a flag.
    ///
    /// # Errors
    /// [`LimitError`] for an unknown name or a value that is not a number.
    pub fn apply(&mut self, name: &str, value: &str) -> Result<(), LimitError> {
        let limit = Limits::ALL.iter().copied().find(|l| l.name() == name).ok_or_else(|| {
            let names: Vec<_> = Limits::ALL.iter().map(|l| l.name()).collect();
            LimitError::Unknown(name.to_owned(), names.join(", "))
        })?;
        let number =
            parse(value).ok_or_else(|| LimitError::NotANumber(limit.name(), limit.unit(), value.to_owned()))?;
        self.set(limit, number);
        Ok(())
    }

    /// Checks these limits against the operator's.
    ///
    /// # Errors
    /// The first [`LimitError`].
    pub fn within(&self, ceiling: &Limits) -> Result<(), LimitError> {
        if self.stack != ceiling.stack {
            return Err(LimitError::StackIsFixed(ceiling.stack));
        }
        for &limit in Limits::ALL {
            let (asked, most) = (self.get(limit), ceiling.get(limit));
            if asked > most {
                return Err(LimitError::AboveCeiling(limit.name(), asked, most));
            }
        }
        Ok(())
    }

    /// Checks that something can run under these limits at all.
    ///
    /// # Errors
    /// [`LimitError::OutOfRange`].
    pub fn check(&self) -> Result<(), LimitError> {
        let stack = 64 << 10..=64 << 20;
        if !stack.contains(&self.stack) {
            let why = "use 64K to 64M bytes";
            return Err(LimitError::OutOfRange(Limit::stack.name(), self.stack, why));
        }
        Ok(())
    }
}

/// `64`, `64K`, `64M`, `64G`, `1_000`.
fn parse(text: &str) -> Option<u64> {
    let (digits, factor) = match text.as_bytes().last()? {
        b'K' | b'k' => (text.get(..text.len() - 1)?, 1u64 << 10),
        b'M' | b'm' => (text.get(..text.len() - 1)?, 1 << 20),
        b'G' | b'g' => (text.get(..text.len() - 1)?, 1 << 30),
        _ => (text, 1),
    };
    digits.replace('_', "").parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_set_by_name_with_suffixes() {
        let mut limits = Limits::default();
        limits.apply("memory", "64M").unwrap();
        limits.apply("fuel", "1_000").unwrap();
        assert_eq!((limits.memory, limits.fuel), (64 << 20, 1000));
    }

    #[test]
    fn an_unknown_limit_lists_the_known_ones() {
        let error = Limits::default().apply("memorie", "1").unwrap_err().to_string();
        assert!(error.contains("memory, table-elements"), "{error}");
    }

    #[test]
    fn a_value_that_is_no_number_is_refused() {
        for bad in ["", "M", "-1", "1.5", "99999999999999999999", "18446744073709551615G"] {
            assert!(matches!(Limits::default().apply("memory", bad), Err(LimitError::NotANumber(..))), "{bad}");
        }
    }

    #[test]
    fn limits_above_the_ceiling_are_refused_by_name() {
        let more = Limits { waits: Limits::DEFAULT.waits + 1, ..Limits::DEFAULT };
        let error = more.within(&Limits::DEFAULT).unwrap_err().to_string();
        assert!(error.contains("`waits`") && error.contains("10000"), "{error}");
        assert_eq!(Limits::ICN.within(&Limits::DEFAULT), Ok(()));
    }
}
