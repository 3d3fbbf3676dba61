//! One instruction in words: what it does, with which values, and to which accounts.

use super::{Names, units};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use solana_sdk::{
    instruction::Instruction,
    message::{AccountKeys, compiled_instruction::CompiledInstruction},
    pubkey::Pubkey,
};
use solana_transaction_status::parse_instruction;

/// A decoded instruction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ShownInstruction {
    /// The program's name, or its address.
    pub program: String,
    /// The program's address.
    pub program_id: String,
    /// What it does, e.g. `transferChecked`; none where the program is not one that can be decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Its values, with names and decimals.
    pub fields: Vec<Field>,
    /// Its accounts, in order.
    pub accounts: Vec<ShownAccount>,
    /// Its data, base64.
    pub data: String,
}

/// A value of a decoded instruction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Which.
    pub name: String,
    /// As shown.
    pub value: String,
}

/// An account of an instruction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownAccount {
    /// Base58.
    pub address: String,
    /// Its role or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Must it sign?
    pub signer: bool,
    /// May it change?
    pub writable: bool,
}

/// Decodes an instruction.
pub(crate) fn show(instruction: &Instruction, names: &Names) -> ShownInstruction {
    let accounts = instruction.accounts.iter().map(|meta| ShownAccount {
        address: meta.pubkey.to_string(),
        name: names.name(&meta.pubkey),
        signer: meta.is_signer,
        writable: meta.is_writable,
    });
    let (action, fields) = parse(instruction, names).unwrap_or_default();
    ShownInstruction {
        program: names.of(&instruction.program_id),
        program_id: instruction.program_id.to_string(),
        action,
        fields,
        accounts: accounts.collect(),
        data: crate::transaction::base64(&instruction.data),
    }
}

fn parse(instruction: &Instruction, names: &Names) -> Option<(Option<String>, Vec<Field>)> {
    // The parser takes indices into a list of keys; the instruction's own accounts are such a list.
    let keys: Vec<Pubkey> = instruction.accounts.iter().map(|meta| meta.pubkey).collect();
    let compiled = CompiledInstruction {
        program_id_index: 0,
        accounts: (0..keys.len()).map(u8::try_from).collect::<Result<_, _>>().ok()?,
        data: instruction.data.clone(),
    };
    let parsed =
        parse_instruction::parse(&instruction.program_id, &compiled, &AccountKeys::new(&keys, None), None).ok()?;
    match parsed.parsed {
        Value::String(memo) => {
            Some((Some("memo".to_owned()), vec![Field { name: "text".to_owned(), value: one_line(&memo) }]))
        }
        Value::Object(parts) => {
            let action = parts.get("type").and_then(Value::as_str).map(ToOwned::to_owned);
            let mut fields = Vec::new();
            if let Some(Value::Object(info)) = parts.get("info") {
                let mint = info.get("mint").and_then(Value::as_str).and_then(|m| m.parse().ok());
                let holding = ["source", "account"].iter().find_map(|n| info.get(*n)?.as_str()?.parse().ok());
                for (name, value) in info {
                    flatten(name, value, names, mint.as_ref(), holding.as_ref(), &mut fields);
                }
            }
            Some((action, fields))
        }
        _ => None,
    }
}

fn flatten(
    name: &str,
    value: &Value,
    names: &Names,
    mint: Option<&Pubkey>,
    holding: Option<&Pubkey>,
    out: &mut Vec<Field>,
) {
    let number = || value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let shown = match (name, value) {
        (_, Value::Null) => return,
        ("lamports", _) => number().map(|n| format!("{} SOL", units(n, 9))),
        ("amount", _) => number().map(|n| match (mint, holding) {
            (Some(mint), _) => names.amount_of(mint, n),
            (None, Some(account)) => names.amount_in(account, n),
            (None, None) => format!("{n} units"),
        }),
        (_, Value::Object(parts)) => match (parts.get("amount"), parts.get("decimals")) {
            (Some(amount), Some(decimals)) => {
                let amount = amount.as_str().and_then(|a| a.parse().ok());
                let decimals = decimals.as_u64().and_then(|d| u8::try_from(d).ok());
                amount.zip(decimals).map(|(amount, decimals)| match mint {
                    Some(mint) => format!("{} {}", units(amount, decimals), names.of(mint)),
                    None => units(amount, decimals),
                })
            }
            _ => {
                for (inner, value) in parts {
                    flatten(inner, value, names, mint, holding, out);
                }
                return;
            }
        },
        (_, Value::String(text)) => Some(text.parse().map_or_else(|_| one_line(text), |key| names.of(&key))),
        _ => None,
    };
    let value = shown.unwrap_or_else(|| value.to_string());
    // The token amount says what `amount` said, with decimals.
    let name = if name == "tokenAmount" { "amount" } else { name };
    out.push(Field { name: name.to_owned(), value });
}

/// Text from a transaction is from outside: on a terminal it may not move the cursor.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
