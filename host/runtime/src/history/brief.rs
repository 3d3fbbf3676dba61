//! An entry on one line, without its details: for lists over many instances.

use super::{Line, Said};

impl Line {
    /// What the entry says, in a few words.
    pub fn brief(&self) -> String {
        match &self.said {
            Said::Began(header) if header.before.is_some() => {
                format!("episode {} of {} began", self.episode, header.flow)
            }
            Said::Began(header) => format!("{} began", header.flow),
            Said::Call { log: Some((level, message)), .. } => format!("{level} {message}"),
            Said::Call { asked, .. } => asked.clone(),
            Said::Intent { step, description, .. } => format!("step {step}: {description}"),
            Said::Built(built) => {
                let what: Vec<String> = built
                    .instructions
                    .iter()
                    .map(|i| format!("{} {}", i.program, i.action.as_deref().unwrap_or("call")))
                    .collect();
                format!("try {} built: {}", built.attempt, what.join(", "))
            }
            Said::Decided { attempt, rejected: None, .. } => format!("try {attempt} approved"),
            Said::Decided { attempt, rejected: Some(why), .. } => format!("try {attempt} rejected: {why}"),
            Said::Executed { attempt, landed, failure: None, .. } => format!("try {attempt} executed in slot {landed}"),
            Said::Executed { attempt, landed, failure: Some(why), .. } => {
                format!("try {attempt} failed in slot {landed}: {why}")
            }
            Said::Retry { attempt, next, why, .. } => format!("try {attempt} failed: {why}; again in slot {next}"),
            Said::Reply { told, .. } => format!("told: {told}"),
            Said::Paused { reason, message, .. } => format!("paused ({reason}): {message}"),
            Said::Resumed { by, .. } => format!("resumed by {by}"),
            Said::Ended { outcome, value, .. } if outcome == "continue" => {
                format!("{outcome}: {} characters of state", value.len())
            }
            Said::Ended { outcome, value, .. } => format!("{outcome}: {value}"),
            Said::Operator { action, instance, by, detail } => {
                let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
                format!("{by}: {action} {instance}{detail}")
            }
            Said::Over { instance, outcome, .. } => format!("{instance} is over: {outcome}"),
        }
    }
}
