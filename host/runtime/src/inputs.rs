//! Params and roles as whoever starts a flow gives them, checked against what the flow declares.

use crate::error::InputError;
use std::collections::BTreeMap;
use valence_door::Key;
use valence_sandbox::{Descriptor, ParamType, Value};

/// Raw params and roles: text by name. Where an address is wanted, a name of the chain's description may stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Params.
    pub params: BTreeMap<String, String>,
    /// Roles.
    pub roles: BTreeMap<String, String>,
}

/// Checked inputs, ready for a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Every declared param that has a value, in the order of the descriptor.
    pub params: Vec<(String, Value)>,
    /// Every declared role, in the order of the descriptor.
    pub roles: Vec<(String, Key)>,
}

/// Checks inputs against a descriptor; `names` are addresses that may be named.
///
/// # Errors
/// The first [`InputError`].
pub fn check(inputs: &Inputs, descriptor: &Descriptor, names: &BTreeMap<String, Key>) -> Result<Checked, InputError> {
    let known = |what: &str, all: Vec<&str>| match all.as_slice() {
        [] => format!("it takes no {what}s"),
        all => format!("its {what}s are {}", all.join(", ")),
    };
    if let Some(name) = inputs.params.keys().find(|n| descriptor.params.iter().all(|p| p.name != **n)) {
        let all = descriptor.params.iter().map(|p| p.name.as_str()).collect();
        return Err(InputError::UnknownParam { name: name.clone(), known: known("param", all) });
    }
    if let Some(name) = inputs.roles.keys().find(|n| descriptor.roles.iter().all(|r| r.name != **n)) {
        let all = descriptor.roles.iter().map(|r| r.name.as_str()).collect();
        return Err(InputError::UnknownRole { name: name.clone(), known: known("role", all) });
    }
    let mut params = Vec::new();
    for param in &descriptor.params {
        let Some(text) = inputs.params.get(&param.name).or(param.default.as_ref()) else {
            if param.required {
                return Err(InputError::MissingParam {
                    name: param.name.clone(),
                    help: sentence(&param.help),
                    expected: param.kind.to_string(),
                });
            }
            continue;
        };
        let named = || match param.kind {
            ParamType::Pubkey => names.get(text).copied().map(Value::Pubkey),
            _ => None,
        };
        let value = param.kind.parse(text).or_else(named).ok_or_else(|| InputError::BadParam {
            name: param.name.clone(),
            value: text.clone(),
            expected: param.kind.to_string(),
        })?;
        params.push((param.name.clone(), value));
    }
    let mut roles = Vec::new();
    for role in &descriptor.roles {
        let Some(text) = inputs.roles.get(&role.name) else {
            return Err(InputError::UnboundRole { name: role.name.clone(), help: sentence(&role.help) });
        };
        let key = text.parse().ok().or_else(|| names.get(text).copied());
        let key = key.ok_or_else(|| InputError::BadRole { name: role.name.clone(), value: text.clone() })?;
        roles.push((role.name.clone(), key));
    }
    Ok(Checked { params, roles })
}

/// A help text as a part of a longer line.
fn sentence(help: &str) -> String {
    help.trim().trim_end_matches('.').to_owned()
}
