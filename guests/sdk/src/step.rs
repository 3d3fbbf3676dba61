//! Steps: named lists of instructions that become one transaction each.
//!
//! `step("sweep").describe("…").pay_with(roles.owner).add(instruction).retry(3).emit()?`

use std::fmt;

use crate::bindings::valence::flow::simulate::{self, SimulateError};
use crate::bindings::valence::flow::tx_build::{self, BuildError, EmitError, Failure, Outcome};
use crate::error::explain;
use crate::roles::Role;
use crate::types::{self, Condition, Excess, Exhausted, InstructionTemplate, RetryPolicy, StepOptions};

pub use simulate::{BalanceChange, PostAccount, ReturnData, Simulation, TokenChange};
pub use tx_build::{Landed, Lifetime, UnsignedTransaction};

/// Milliseconds of chain time after a first failure, unless [`Step::retry_after_ms`] says otherwise.
pub const DEFAULT_RETRY_DELAY_MS: u64 = 1000;
/// How much longer each further delay is, in thousandths, unless [`Step::backoff_milli`] says otherwise.
pub const DEFAULT_BACKOFF_MILLI: u32 = 2000;

/// Begins a step of this name, which must be one of those that `#[flow(steps = […])]` lists.
pub fn step(name: impl Into<String>) -> Step {
    let name = name.into();
    Step {
        template: types::Step {
            description: name.clone(),
            name,
            instructions: Vec::new(),
            conditions: Vec::new(),
            fee_payer: String::new(),
            retry: RetryPolicy {
                max_attempts: 0,
                delay_ms: DEFAULT_RETRY_DELAY_MS,
                backoff_milli: DEFAULT_BACKOFF_MILLI,
                exhausted: Exhausted::Pause,
            },
            options: StepOptions { compute_unit_limit: None, priority_fee: None },
        },
        give_up: Vec::new(),
    }
}

/// A step that is being put together.
#[must_use = "a step does nothing before `.emit()?`"]
#[derive(Clone, Debug)]
pub struct Step {
    template: types::Step,
    give_up: Vec<Condition>,
}

impl Step {
    /// One line for the signer.
    pub fn describe(mut self, line: impl Into<String>) -> Self {
        self.template.description = line.into();
        self
    }

    /// The role that pays the fee and signs first. Every step needs one.
    pub fn pay_with(self, role: Role) -> Self {
        self.pay_with_role_named(role.name())
    }

    /// Like [`Step::pay_with`], for a role that has only a name here.
    pub fn pay_with_role_named(mut self, role: impl Into<String>) -> Self {
        self.template.fee_payer = role.into();
        self
    }

    /// Adds an instruction, from [`crate::programs`] or from a driver.
    #[allow(clippy::should_implement_trait)] // a step is no number; `add` is the word
    pub fn add(mut self, instruction: InstructionTemplate) -> Self {
        self.template.instructions.push(instruction);
        self
    }

    /// Adds several instructions, or none or one from an `Option`.
    pub fn add_all(mut self, instructions: impl IntoIterator<Item = InstructionTemplate>) -> Self {
        self.template.instructions.extend(instructions);
        self
    }

    /// Requires that this condition holds when the step is emitted; otherwise it is not offered.
    pub fn when(mut self, condition: Condition) -> Self {
        self.template.conditions.push(condition);
        self
    }

    /// Withdraws the offer when this condition holds before the step has landed.
    pub fn give_up_when(mut self, condition: Condition) -> Self {
        self.give_up.push(condition);
        self
    }

    /// Tries so many times in all, at most 100, if the simulation or the execution fails. Unless said, the host decides.
    pub fn retry(mut self, attempts: u32) -> Self {
        self.template.retry.max_attempts = attempts;
        self
    }

    /// Milliseconds of chain time after the first failure.
    pub fn retry_after_ms(mut self, delay: u64) -> Self {
        self.template.retry.delay_ms = delay;
        self
    }

    /// The delay grows by this factor after each failure, in thousandths: 2000 doubles it.
    pub fn backoff_milli(mut self, factor: u32) -> Self {
        self.template.retry.backoff_milli = factor;
        self
    }

    /// Makes [`Step::emit`] return how the last try failed. Unless said, the instance is paused when no try is left, for an
    /// operator to look: a flow that does not know better should not go on.
    pub fn tell_failure(mut self) -> Self {
        self.template.retry.exhausted = Exhausted::Tell;
        self
    }

    /// The compute unit limit, instead of one that is measured by simulation.
    pub fn compute_unit_limit(mut self, units: u32) -> Self {
        self.template.options.compute_unit_limit = Some(units);
        self
    }

    /// The priority fee in micro-lamports per compute unit, instead of the host's.
    pub fn priority_fee(mut self, micro_lamports: u64) -> Self {
        self.template.options.priority_fee = Some(micro_lamports);
        self
    }

    /// The template that the host is given.
    pub fn template(&self) -> &types::Step {
        &self.template
    }

    /// Builds, checks and simulates the transaction, offers it to its signers and follows it to its end. The flow may
    /// leave memory meanwhile. Anything else than landing is an error; a failure of the last try is one only after
    /// [`Step::tell_failure`].
    pub fn emit(self) -> Result<Landed, StepError> {
        self.check()?;
        match tx_build::emit(&self.template, &self.give_up) {
            Ok(Outcome::Landed(landed)) => Ok(landed),
            Ok(Outcome::Failed(failure)) => Err(self.error(StepFailure::Failed(failure))),
            Ok(Outcome::Withdrawn(index)) => Err(self.error(StepFailure::Withdrawn(index))),
            Ok(Outcome::Rejected(why)) => Err(self.error(StepFailure::Rejected(why))),
            Err(EmitError::Build(error)) => Err(self.error(StepFailure::Build(error))),
            Err(EmitError::Condition(index)) => Err(self.error(StepFailure::Condition(index))),
            Err(EmitError::TooMany(excess)) => Err(self.error(StepFailure::TooManyConditions(excess))),
        }
    }

    /// Resolves, measures and lays out the transaction, without offering it.
    pub fn build(&self) -> Result<UnsignedTransaction, StepError> {
        self.check()?;
        tx_build::build(&self.template).map_err(|error| self.error(StepFailure::Build(error)))
    }

    /// Builds and simulates the transaction, to look before offering it. A simulation that ran and failed is an error
    /// here too.
    pub fn simulate(&self) -> Result<Simulation, StepError> {
        let built = self.build()?;
        let simulation = simulate::simulate(&built.wire).map_err(|error| self.error(StepFailure::Simulate(error)))?;
        match &simulation.outcome {
            Ok(()) => Ok(simulation),
            Err(failure) => Err(self.error(StepFailure::Build(BuildError::Simulation(failure.clone())))),
        }
    }

    fn check(&self) -> Result<(), StepError> {
        if self.template.fee_payer.is_empty() {
            return Err(self.error(StepFailure::NobodyPays));
        }
        Ok(())
    }

    fn error(&self, reason: StepFailure) -> StepError {
        StepError { step: self.template.name.clone(), reason: Box::new(reason) }
    }
}

/// A step that did not land.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepError {
    /// The step's name.
    pub step: String,
    /// Why; boxed because it may carry logs.
    pub reason: Box<StepFailure>,
}

/// Why a step did not land.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepFailure {
    /// Nobody pays the fee: the flow did not say [`Step::pay_with`].
    NobodyPays,
    /// The transaction could not be built.
    Build(BuildError),
    /// The simulation could not be run.
    Simulate(SimulateError),
    /// The condition at this index of [`Step::when`] does not hold.
    Condition(u32),
    /// More conditions than one call may have.
    TooManyConditions(Excess),
    /// It was executed and failed; the fee is gone.
    Failed(Failure),
    /// The condition at this index of [`Step::give_up_when`] held before it landed.
    Withdrawn(u32),
    /// A signer refused it, and why.
    Rejected(String),
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step `{}`: {}", self.step, self.reason)
    }
}

impl std::error::Error for StepError {}

impl fmt::Display for StepFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyPays => f.write_str("nobody pays the fee; say `.pay_with(role)`"),
            Self::Build(error) => f.write_str(&explain::build(error)),
            Self::Simulate(SimulateError::Chain(error)) => f.write_str(&explain::chain(error)),
            Self::Simulate(SimulateError::NotATransaction(said)) => {
                write!(f, "the host did not take its own transaction: {said}")
            }
            Self::Simulate(SimulateError::TooLarge(n)) => write!(
                f,
                "its simulation would leave {} bytes of accounts to look at, at most {} are given; name fewer as writable",
                n.given, n.allowed
            ),
            Self::Condition(index) => write!(f, "its condition {index} does not hold"),
            Self::TooManyConditions(n) => {
                write!(f, "it has {} conditions, at most {} are allowed", n.given, n.allowed)
            }
            Self::Failed(failure) => write!(f, "it was executed and failed: {}", explain::failure(failure)),
            Self::Withdrawn(index) => {
                write!(f, "it was withdrawn, for its give-up condition {index} held")
            }
            Self::Rejected(why) => write!(f, "a signer refused it: {why}"),
        }
    }
}
