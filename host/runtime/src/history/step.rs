//! A step line by line: what two builds of a flow that emit different steps are compared by. Templates are decoded like
//! transactions; an account that only the chain could resolve stands under what the template says of it.

use super::{
    names::Known,
    words::{hex, seed_words, who},
};
use crate::{conditions, decode, transaction::TOKEN};
use solana_sdk::{
    instruction::{AccountMeta, Instruction},
    pubkey::Pubkey,
};
use valence_door::{AccountRef, Condition, InstructionTemplate, ProgramRef, Seat, Seed, Step};

/// All that a step says.
pub(crate) fn lines(step: &Step, give_up: &[Condition], known: &Known) -> Vec<String> {
    let retry = &step.retry;
    let mut lines = vec![
        format!("step {}  {}", step.name, step.description),
        format!("fee payer {}", if step.fee_payer.is_empty() { "the first signer" } else { &step.fee_payer }),
        format!(
            "tries {}, delay {} ms, growing by {}/1000, then {:?}",
            retry.max_attempts, retry.delay_ms, retry.backoff_milli, retry.exhausted
        ),
    ];
    lines.extend(step.compute_unit_limit.map(|units| format!("limit {units} CU")));
    lines.extend(step.priority_fee.map(|price| format!("priority fee {price} micro-lamports")));
    lines.extend(step.conditions.iter().map(|c| format!("if {}", conditions::say(c, &known.names))));
    lines.extend(give_up.iter().map(|c| format!("until {}", conditions::say(c, &known.names))));
    for (place, template) in (1u32..).zip(&step.instructions) {
        instruction(place, template, known, &mut lines);
    }
    lines
}

fn instruction(place: u32, template: &InstructionTemplate, known: &Known, lines: &mut Vec<String>) {
    let mut names = known.names.clone();
    let program = match &template.program {
        ProgramRef::Key(key) => (*key).into(),
        // Which of the two it is only the chain knows; both speak alike.
        ProgramRef::TokenProgramOf(_) => TOKEN,
    };
    let mut accounts = Vec::new();
    for account in &template.accounts {
        let (key, called) = reference(&account.account, known);
        if let Some(called) = called {
            names.add_role(key, called);
        }
        accounts.push(AccountMeta { pubkey: key, is_signer: account.signer, is_writable: account.writable });
    }
    let shown = decode::show(&Instruction { program_id: program, accounts, data: template.data.to_vec() }, &names);
    let called = match &template.program {
        ProgramRef::TokenProgramOf(mint) => format!("the token program of {}", who(mint, known)),
        ProgramRef::Key(_) => shown.program,
    };
    match &shown.action {
        Some(action) => {
            lines.push(format!("{place} {called} {action}"));
            lines.extend(shown.fields.iter().map(|field| format!("{place}   {} {}", field.name, field.value)));
        }
        None => lines.push(format!("{place} {called}")),
    }
    for account in &shown.accounts {
        let flags = match (account.signer, account.writable) {
            (true, true) => "signs, changes",
            (true, false) => "signs",
            (false, true) => "changes",
            (false, false) => "is read",
        };
        lines.push(format!("{place}   account {} {flags}", account.name.as_ref().unwrap_or(&account.address)));
    }
    // Decoded words may hide a byte.
    lines.push(format!("{place}   data 0x{}", hex(&template.data)));
}

/// A role or an address in words.
pub(crate) fn seat(seat: &Seat, known: &Known) -> String {
    match seat {
        Seat::Key(key) => who(key, known),
        Seat::Role(role) => role.clone(),
    }
}

/// The address, or one that stands for it; and what it is called where it has no name of its own.
fn reference(account: &AccountRef, known: &Known) -> (Pubkey, Option<String>) {
    let stands_for = |called: String| {
        let key = Pubkey::new_from_array(solana_sdk::hash::hash(called.as_bytes()).to_bytes());
        (key, Some(called))
    };
    match account {
        AccountRef::Key(key) => ((*key).into(), None),
        AccountRef::Role(role) => match known.roles.get(role) {
            Some(key) => ((*key).into(), Some(role.clone())),
            None => stands_for(format!("role {role}, which is not bound")),
        },
        AccountRef::Pda { program, seeds } => {
            let said: Vec<String> = seeds
                .iter()
                .map(|seed| match seed {
                    Seed::Bytes(bytes) => seed_words(bytes, known),
                    Seed::Seat(s) => seat(s, known),
                })
                .collect();
            stands_for(format!("address of {} from {}", who(program, known), said.join(", ")))
        }
        AccountRef::AssociatedToken { wallet, mint } => {
            stands_for(format!("token account of {} for {}", seat(wallet, known), who(mint, known)))
        }
        AccountRef::TokenProgramOf(mint) => stands_for(format!("token program of {}", who(mint, known))),
    }
}
