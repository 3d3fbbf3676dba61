//! A report as a kept chain keeps it: the columns of `executions`, and the rest as JSON. The accounts themselves are not in it: they go
//! on changing, and may be large.

use crate::{
    BalanceChange, Execution, InnerInstruction, Moment, ReturnData, TokenChange, TxFailure, TxReport,
    report::{Effects, Recalled},
    spec::Key,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

/// One row of `executions`, without number and seal.
pub(super) struct Row {
    pub slot: u64,
    pub unix_time: i64,
    pub landed: bool,
    pub failure: Option<String>,
    pub fee: u64,
    pub units: u64,
    pub report: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    failure: Option<Failure>,
    loaded_bytes: Option<u32>,
    /// All accounts of the transaction, with their lamports.
    accounts: Vec<Balance>,
    /// Its token accounts, in base units.
    tokens: Vec<Token>,
    inner: Vec<Inner>,
    returned: Option<Returned>,
    logs: Vec<String>,
}

/// Why it failed; the words are in the column.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    instruction: Option<u8>,
    program: Option<Key>,
    custom: Option<u32>,
    kind: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Balance {
    address: Key,
    before: u64,
    after: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    account: Key,
    mint: Key,
    owner: Key,
    program: Key,
    decimals: Option<u8>,
    before: u64,
    after: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    instruction: u8,
    depth: u8,
    program: Key,
    accounts: Vec<Key>,
    data: Base64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Returned {
    program: Key,
    data: Base64,
}

/// Bytes that are written in base64.
#[derive(Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Base64(Vec<u8>);

impl Clone for Base64 {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl TryFrom<String> for Base64 {
    type Error = base64::DecodeError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        BASE64_STANDARD.decode(text).map(Self)
    }
}

impl From<Base64> for String {
    fn from(bytes: Base64) -> Self {
        BASE64_STANDARD.encode(bytes.0)
    }
}

impl Row {
    pub fn of(report: &Execution) -> Result<Self, serde_json::Error> {
        let keys = |keys: Vec<_>| keys.into_iter().map(Key).collect();
        let told = Told {
            failure: report.outcome.as_ref().err().map(|failure| Failure {
                instruction: failure.instruction,
                program: failure.program.map(Key),
                custom: failure.custom,
                kind: failure.kind.clone(),
            }),
            loaded_bytes: report.loaded_accounts_data_size,
            accounts: report
                .balances()
                .into_iter()
                .map(|b| Balance { address: Key(b.account), before: b.before, after: b.after })
                .collect(),
            tokens: report
                .token_balances()
                .into_iter()
                .map(|t| Token {
                    account: Key(t.account),
                    mint: Key(t.mint),
                    owner: Key(t.owner),
                    program: Key(t.program),
                    decimals: t.decimals,
                    before: t.before,
                    after: t.after,
                })
                .collect(),
            inner: report
                .inner_instructions()
                .into_iter()
                .map(|i| Inner {
                    instruction: i.instruction,
                    depth: i.depth,
                    program: Key(i.program),
                    accounts: keys(i.accounts),
                    data: Base64(i.data),
                })
                .collect(),
            returned: report
                .return_data
                .as_ref()
                .map(|r| Returned { program: Key(r.program), data: Base64(r.data.clone()) }),
            logs: report.logs.clone(),
        };
        Ok(Self {
            slot: report.moment.slot,
            unix_time: report.moment.unix_time,
            landed: report.landed,
            failure: report.outcome.as_ref().err().map(|failure| failure.error.clone()),
            fee: report.fee,
            units: report.units_consumed,
            report: serde_json::to_string(&told)?,
        })
    }

    pub fn report(self) -> Result<Execution, serde_json::Error> {
        let told: Told = serde_json::from_str(&self.report)?;
        let outcome = match (told.failure, self.failure) {
            (Some(failure), Some(error)) => Err(TxFailure {
                instruction: failure.instruction,
                program: failure.program.map(|key| key.0),
                custom: failure.custom,
                kind: failure.kind,
                error,
            }),
            _ => Ok(()),
        };
        let keys = |keys: Vec<Key>| keys.into_iter().map(|key| key.0).collect();
        let balance = |b: Balance| BalanceChange { account: b.address.0, before: b.before, after: b.after };
        let token = |t: Token| TokenChange {
            account: t.account.0,
            mint: t.mint.0,
            owner: t.owner.0,
            program: t.program.0,
            decimals: t.decimals,
            before: t.before,
            after: t.after,
        };
        let inner = |i: Inner| InnerInstruction {
            instruction: i.instruction,
            depth: i.depth,
            program: i.program.0,
            accounts: keys(i.accounts),
            data: i.data.0,
        };
        Ok(TxReport {
            moment: Moment { slot: self.slot, unix_time: self.unix_time },
            outcome,
            landed: self.landed,
            units_consumed: self.units,
            fee: self.fee,
            loaded_accounts_data_size: told.loaded_bytes,
            logs: told.logs,
            return_data: told.returned.map(|r| ReturnData { program: r.program.0, data: r.data.0 }),
            effects: Effects::Recalled(Recalled {
                keys: told.accounts.iter().map(|b| b.address.0).collect(),
                balances: told.accounts.into_iter().map(balance).collect(),
                tokens: told.tokens.into_iter().map(token).collect(),
                inner: told.inner.into_iter().map(inner).collect(),
            }),
        })
    }
}
