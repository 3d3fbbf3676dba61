//! The Rust SDK for authors of Valence flows.
//!
//! A flow is a plain Rust function. It reads accounts, waits for conditions, and emits steps, which the host turns into
//! unsigned transactions for signers outside. It can do nothing else, and never holds a key.
//!
//! ```
//! use valence_flow::prelude::*;
//!
//! #[derive(Params)]
//! struct Params {
//!     /// Pay once the owner has more than this, in lamports.
//!     threshold: u64,
//!     /// How much to pay, in lamports.
//!     #[param(default = "1000000", range = 1..=1_000_000_000)]
//!     amount: u64,
//! }
//!
//! #[derive(Roles)]
//! struct Roles {
//!     /// Pays.
//!     owner: Role,
//!     /// Is paid.
//!     friend: Role,
//! }
//!
//! /// Pays a friend once there is enough.
//! #[flow(steps = ["pay"])]
//! fn pay(params: Params, roles: Roles) -> FlowResult {
//!     wait_until(lamports(roles.owner).above(params.threshold)).park()?;
//!     let landed = step("pay")
//!         .describe("Pay the friend")
//!         .pay_with(roles.owner)
//!         .add(system::transfer(roles.owner, roles.friend, params.amount))
//!         .retry(3)
//!         .emit()?;
//!     done(format!("paid in slot {}", landed.slot))
//! }
//! ```
//!
//! What lives where: [`types`] is the contract's own vocabulary (wit/flow/types.wit), the other modules make it read
//! well. [`programs`] has one file of instruction templates per program. With `default-features = false` only those
//! are left, which import nothing from the host: that is what a pure driver uses.

extern crate self as valence_flow;

pub mod amount;
pub mod condition;
pub mod instruction;
pub mod programs;
pub mod pubkey;
pub mod token_layout;
pub mod types;

#[cfg(feature = "flow")]
pub mod account;
#[cfg(feature = "flow")]
pub mod address;
#[cfg(feature = "flow")]
pub mod bindings;
#[cfg(feature = "flow")]
pub mod clock;
#[cfg(feature = "flow")]
pub mod entry;
#[cfg(feature = "flow")]
pub mod error;
#[cfg(feature = "flow")]
pub mod flow;
#[cfg(feature = "flow")]
pub mod log;
#[cfg(feature = "flow")]
pub mod params;
#[cfg(feature = "flow")]
pub mod prelude;
#[cfg(feature = "flow")]
pub mod rent;
#[cfg(feature = "flow")]
pub mod roles;
#[cfg(feature = "flow")]
pub mod step;
#[cfg(feature = "flow")]
pub mod wait;

pub use pubkey::Pubkey;
#[cfg(feature = "flow")]
pub use valence_flow_macros::{Params, Roles, driver, flow};

// The macros' output names the bindings generator through this crate, so that a flow does not depend on it.
#[doc(hidden)]
pub use wit_bindgen;
