//! Events made from journal entries: what subscribers were told when an entry was written. What a chain said beside it (changes
//! of balances, program logs) is not in the journal, and left empty.

use super::{Built, Event, EventKind, Position, Use, word_of};
use crate::history::{Known, Line, Said};
use valence_journal::JournalId;

/// The instance of an entry.
pub(super) struct About {
    pub name: Option<String>,
    pub flow: super::FlowId,
    /// The chain's name.
    pub chain: String,
    pub known: Known,
}

/// The event of an entry, if it has one.
pub(super) fn event(journal: JournalId, line: Line, about: &About) -> Option<Event> {
    let at = Position { instance: journal.instance, episode: journal.episode, entry: line.entry };
    let entries = line.entry.saturating_add(1);
    let used = |fuel: u64| Use { fuel, entries, head: line.cid.clone(), ..Use::default() };
    let kind = match line.said {
        Said::Began(header) if journal.episode == 0 => EventKind::FlowStarted {
            name: header.flow.clone(),
            flow: header.flow,
            // Only the component says it.
            version: String::new(),
            digest: header.digest,
            drivers: header.drivers,
            chain: about.chain.clone(),
            params: header.params,
            roles: header.roles,
        },
        Said::Began(_) => EventKind::EpisodeStarted { episode: journal.episode },
        Said::Call { log: Some((level, message)), .. } => EventKind::Log { level: word_of(&level), message },
        Said::Call { woken: Some(reason), .. } => EventKind::Woken { reason },
        Said::Built(built) => EventKind::TransactionBuilt(Box::new(Built {
            step: built.step,
            description: built.description,
            proposal: built.proposal,
            attempt: built.attempt,
            instructions: built.instructions,
            signers: built.signers,
            transaction: built.transaction,
            message: built.message,
            blockhash: built.blockhash,
            last_valid_block_height: 0,
            compute_units: built.compute_units,
            compute_unit_limit: built.compute_unit_limit.unwrap_or(0),
            priority_fee: built.priority_fee,
            fee: 0,
            balances: Vec::new(),
            tokens: Vec::new(),
            logs: Vec::new(),
        })),
        Said::Executed { step, proposal, compute_units, fee, failure, .. } => EventKind::TransactionConfirmed {
            step,
            proposal,
            signature: None,
            compute_units,
            fee,
            balances: Vec::new(),
            tokens: Vec::new(),
            logs: Vec::new(),
            error: failure,
        },
        Said::Retry { step, attempt, why, .. } => {
            EventKind::Warning { message: format!("step `{step}`, try {attempt}: {why}") }
        }
        Said::Reply { step, told, landed, .. } => EventKind::FlowStepCompleted { step, success: landed, outcome: told },
        Said::Paused { reason, message, .. } => {
            EventKind::FlowPaused { outcome: word_of(&reason), result: message, used: used(0) }
        }
        Said::Ended { outcome, value, fuel } if outcome != "continue" => EventKind::FlowCompleted {
            success: outcome == "done",
            outcome: word_of(&outcome),
            result: value,
            used: used(fuel),
        },
        Said::Operator { action, instance, by, detail } => {
            EventKind::AuditLog { actor: "user", action, about: instance, by, detail }
        }
        Said::Over { instance, head, outcome } => EventKind::AuditLog {
            actor: "system",
            action: "ended".to_owned(),
            about: instance,
            by: "host".to_owned(),
            detail: format!("{outcome}, head {head}"),
        },
        Said::Call { .. } | Said::Intent { .. } | Said::Decided { .. } | Said::Resumed { .. } | Said::Ended { .. } => {
            return None;
        }
    };
    let (instance, flow) = (about.name.clone(), about.flow.clone());
    Some(Event { instance, flow, at: Some(at), slot: line.slot, time: line.time, kind })
}
