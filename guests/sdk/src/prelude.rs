//! What a flow uses: `use valence_flow::prelude::*;`.

pub use crate::account::{self, AccountExt, find, get, get_all};
pub use crate::address::{associated_token_address, find_program_address, with_seed};
pub use crate::amount::{AmountError, Decimal, format_units};
pub use crate::clock::{in_seconds, in_slots, now};
pub use crate::condition::{
    LAMPORTS_PER_SOL, account_exists, at_slot, at_time, changed, data_equals, lamports, slot_reached, time_reached,
    token_amount,
};
pub use crate::error::{FlowError, OrFail};
pub use crate::flow::{Flow, FlowResult, continue_with, done};
pub use crate::instruction::{associated_token, pda, token_program_of};
pub use crate::programs::{associated_token as associated_token_program, memo, stake, system, token, token_2022};
pub use crate::roles::Role;
pub use crate::step::{Step, StepError, step};
pub use crate::token_layout::{Mint, TokenAccount};
pub use crate::types::{Account, AccountRef, Condition, Deadline, InstructionTemplate, Moment, ProgramRef};
pub use crate::wait::{wait, wait_until};
pub use crate::{Params, Pubkey, Roles, driver, ensure, fail, flow, log, pubkey, rent};
