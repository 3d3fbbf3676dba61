//! The addresses of the chain's own accounts that instructions name.

use crate::{Pubkey, pubkey};

/// The clock.
pub const CLOCK: Pubkey = pubkey!("SysvarC1ock11111111111111111111111111111111");
/// What rent costs.
pub const RENT: Pubkey = pubkey!("SysvarRent111111111111111111111111111111111");
/// The history of stake, by epoch.
pub const STAKE_HISTORY: Pubkey = pubkey!("SysvarStakeHistory1111111111111111111111111");
