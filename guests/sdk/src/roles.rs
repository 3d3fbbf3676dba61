//! Roles: named seats for addresses that somebody outside controls.
//!
//! A flow declares them with `#[derive(Roles)]` on a struct of [`Role`] fields; whoever starts it binds them.

use std::fmt;

use crate::Pubkey;
use crate::bindings::exports::valence::flow::flow::Context;
use crate::error::FlowError;
use crate::types::{AccountRef, Seat};

/// A role of this flow and the address that is bound to it.
///
/// In templates it stands for itself, so that a signer sees the role's name; where an address is wanted it gives the
/// bound one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Role {
    name: &'static str,
    key: Pubkey,
}

impl Role {
    /// The role's name.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// The address that is bound to it.
    pub fn key(self) -> Pubkey {
        self.key
    }

    /// For `#[derive(Roles)]`: the role of this name as the host bound it.
    #[doc(hidden)]
    pub fn take(context: &Context, name: &'static str) -> Result<Self, FlowError> {
        let bound = context.roles.iter().find(|(bound, _)| bound == name);
        let (_, key) = bound.ok_or_else(|| {
            FlowError::other("unbound-role", format_args!("the host bound no address to role `{name}`"))
        })?;
        Ok(Self { name, key: (*key).into() })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.key)
    }
}

impl From<Role> for Pubkey {
    fn from(role: Role) -> Self {
        role.key
    }
}

impl From<Role> for Seat {
    fn from(role: Role) -> Self {
        Self::Role(role.name.to_owned())
    }
}

impl From<Role> for AccountRef {
    fn from(role: Role) -> Self {
        Self::Role(role.name.to_owned())
    }
}
