//! A flow with one small behaviour per scenario. Its outcome is a text that the host's tests compare.
//!
//! What a scenario does and which params it wants stands at the head of its file. A param that a scenario wants and
//! that is not given is an error of that param.

use valence_flow::prelude::*;

mod failing;
mod reading;
mod refused;
mod stepping;
mod waiting;

#[derive(Params, Debug)]
struct Params {
    /// Which behaviour.
    scenario: String,
    /// The account that the scenario is about.
    key: Option<Pubkey>,
    /// A second account.
    other: Option<Pubkey>,
    /// A number: an amount, a slot, a count.
    #[param(default = 0)]
    number: u64,
    /// A signed number: a time.
    #[param(default = 0)]
    signed: i64,
    /// A small number, to see a range refused.
    #[param(default = 1, range = 1..=10)]
    small: u8,
    /// A text.
    #[param(default = "", max_len = 64)]
    text: String,
    /// A flag.
    #[param(default = false)]
    flag: bool,
    /// A decimal number.
    amount: Option<Decimal>,
}

#[derive(Roles, Debug)]
struct Roles {
    /// Pays for every step.
    payer: Role,
}

impl Params {
    fn key(&self) -> Result<Pubkey, FlowError> {
        self.key.ok_or_else(|| FlowError::param("key", "this scenario wants it"))
    }

    fn other(&self) -> Result<Pubkey, FlowError> {
        self.other.ok_or_else(|| FlowError::param("other", "this scenario wants it"))
    }

    /// `number` as a count.
    fn count(&self) -> Result<usize, FlowError> {
        usize::try_from(self.number).or_blame_param("number")
    }
}

/// One small behaviour per scenario.
#[flow(id = "conformance", name = "Conformance", steps = ["try", "again"])]
fn conformance(flow: Flow, params: Params, roles: Roles) -> FlowResult {
    let scenario = params.scenario.as_str();
    let answers = [
        reading::run(scenario, &params),
        waiting::run(scenario, &params),
        stepping::run(scenario, &params, &roles),
        refused::run(scenario, &params, &roles),
        failing::run(scenario, &params, &roles, &flow),
    ];
    let known = answers.into_iter().flatten().next();
    known.unwrap_or_else(|| Err(FlowError::param("scenario", "there is no such scenario")))
}
