//! Reading accounts, and the clock.
//!
//! - `get`: `key` whole → `LAMPORTS OWNER LEN`, or `none`.
//! - `get-slice`: `number` bytes of `key` from 0 → the bytes in hex.
//! - `get-many`: `key` and `other` → `some none at slot N`.
//! - `get-too-many`: 101 keys.
//! - `get-repeatedly`: `key`, `number` times → `N`.
//! - `find`: all of program `key` whose data has `number` bytes → their addresses, one space between.
//! - `find-by-bytes`: of program `key`, those with `other` at offset `number`, its first 4 bytes of data → `ADDRESS=HEX …`.
//! - `token-account`: `key` → `AMOUNT of MINT for OWNER`.
//! - `mint`: `key` → `SUPPLY at DECIMALS`.
//! - `rent`: of `number` bytes → lamports.
//! - `clock`: → `slot N time T`.

use valence_flow::prelude::*;

use crate::Params;

pub fn run(scenario: &str, params: &Params) -> Option<FlowResult> {
    Some(match scenario {
        "get" => whole(params),
        "get-slice" => slice(params),
        "get-many" => many(params),
        "get-too-many" => too_many(params),
        "get-repeatedly" => repeatedly(params),
        "find" => by_size(params),
        "find-by-bytes" => by_bytes(params),
        "token-account" => token_account(params),
        "mint" => mint(params),
        "rent" => rent_of(params),
        "clock" => {
            let now = now();
            done(format!("slot {} time {}", now.slot, now.time))
        }
        _ => return None,
    })
}

fn whole(params: &Params) -> FlowResult {
    done(match get(params.key()?)? {
        Some(account) => format!("{} {} {}", account.lamports, account.owner_key(), account.data.len()),
        None => "none".to_owned(),
    })
}

fn slice(params: &Params) -> FlowResult {
    done(match account::get_slice(params.key()?, 0..params.number)? {
        Some(account) => hex(&account.data),
        None => "none".to_owned(),
    })
}

fn many(params: &Params) -> FlowResult {
    let snapshot = get_all([params.key()?, params.other()?])?;
    let there = |account: &Option<Account>| if account.is_some() { "some" } else { "none" };
    let words: Vec<_> = snapshot.accounts.iter().map(there).collect();
    done(format!("{} at slot {}", words.join(" "), snapshot.moment.slot))
}

fn too_many(params: &Params) -> FlowResult {
    let snapshot = get_all(std::iter::repeat_n(params.key()?, 101))?;
    done(format!("{} accounts", snapshot.accounts.len()))
}

fn repeatedly(params: &Params) -> FlowResult {
    let mut times = 0;
    while times < params.number {
        get(params.key()?)?;
        times = times.saturating_add(1);
    }
    done(times.to_string())
}

fn by_size(params: &Params) -> FlowResult {
    let found = find(params.key()?).size(params.number).all()?;
    let addresses: Vec<_> = found.accounts.iter().map(|found| found.address().to_string()).collect();
    done(addresses.join(" "))
}

fn by_bytes(params: &Params) -> FlowResult {
    let found = find(params.key()?).bytes_at(params.number, params.other()?).slice(0..4).all()?;
    let lines = found.accounts.iter().map(|found| format!("{}={}", found.address(), hex(&found.account.data)));
    done(lines.collect::<Vec<_>>().join(" "))
}

fn token_account(params: &Params) -> FlowResult {
    let account = TokenAccount::get(params.key()?)?;
    done(format!("{} of {} for {}", account.amount, account.mint, account.owner))
}

fn mint(params: &Params) -> FlowResult {
    let mint = Mint::get(params.key()?)?;
    done(format!("{} at {}", mint.supply, mint.decimals))
}

fn rent_of(params: &Params) -> FlowResult {
    done(rent::exempt_minimum(params.number)?.to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
