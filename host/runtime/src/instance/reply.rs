//! What the chain says, as the door says it. Field by field; account data stays shared.

use crate::transaction::said;
use valence_chain::{self as c, TxReport};
use valence_door as d;

pub(super) fn moment(m: c::Moment) -> d::Moment {
    d::Moment { slot: m.slot, time: m.unix_time }
}

pub(super) fn account(a: c::Account) -> d::Account {
    let data = if a.data.is_empty() { bytes::Bytes::new() } else { bytes::Bytes::from_owner(a.data) };
    d::Account { lamports: a.lamports, owner: a.owner.into(), data, executable: a.executable, rent_epoch: a.rent_epoch }
}

pub(super) fn slice(s: d::Slice) -> c::Slice {
    c::Slice { offset: s.offset, length: s.length }
}

pub(super) fn query(q: &d::ProgramQuery) -> c::ProgramQuery {
    let size = q.size.map(c::Filter::Size);
    let bytes = q.memcmp.iter().map(|m| c::Filter::Bytes { offset: m.offset, bytes: m.bytes.to_vec() });
    c::ProgramQuery {
        program: q.program.into(),
        filters: size.into_iter().chain(bytes).collect(),
        slice: q.slice.clone().map(slice),
    }
}

/// What a transaction would do. Only what changes is told.
pub(super) fn simulation(report: &TxReport) -> d::Simulation {
    let balances = report.balances().into_iter().filter(|b| b.before != b.after);
    let balance = |b: c::BalanceChange| d::BalanceChange { key: b.account.into(), before: b.before, after: b.after };
    let token = |t: c::TokenChange| d::TokenChange {
        key: t.account.into(),
        mint: t.mint.into(),
        owner: t.owner.into(),
        decimals: t.decimals,
        before: t.before,
        after: t.after,
    };
    let post = |(key, a): (_, Option<c::Account>)| d::PostAccount {
        key: solana_sdk::pubkey::Pubkey::into(key),
        account: a.map(account),
    };
    d::Simulation {
        moment: moment(report.moment),
        outcome: report.outcome.as_ref().copied().map_err(|f| said(f, &report.logs)),
        compute_units: report.units_consumed,
        fee: report.fee,
        logs: report.logs.clone(),
        return_data: report
            .return_data
            .as_ref()
            .map(|r| d::ReturnData { program: r.program.into(), data: d::Bytes::from(r.data.clone()) }),
        accounts: if report.outcome.is_ok() {
            report.post_accounts().into_iter().map(post).collect()
        } else {
            Vec::new()
        },
        balances: balances.map(balance).collect(),
        tokens: report.token_changes().into_iter().map(token).collect(),
    }
}
