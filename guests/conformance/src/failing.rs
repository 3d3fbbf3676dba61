//! How a run ends, logs, and what it was given.
//!
//! - `params`: → every param that has a value but `scenario`, as `NAME=VALUE …`. `roles`: → `payer=ADDRESS`.
//! - `instance`: → the instance's id.
//! - `episodes`: continues until `number` episodes have ended → `EPISODE episodes, state STATE`; the state counts in a byte.
//! - `continue-large`: continues with `number` bytes of state.
//! - `log-levels`: one line of each level, with `text`. `log-many`: `number` lines. `log-long`: a line of `number` bytes.
//! - `fail-param`, `fail-step`, `fail-other`: the three kinds of error, with `text`.
//! - `panic`: a panic with `text`. `overflow-index`: a panic by an index out of bounds.
//! - `done-large`: done with a text of `number` bytes.

use std::fmt::Write;

use valence_flow::prelude::*;

use crate::{Params, Roles};

pub fn run(scenario: &str, params: &Params, roles: &Roles, flow: &Flow) -> Option<FlowResult> {
    let text = params.text.clone();
    Some(match scenario {
        "params" => done(given(params)),
        "roles" => done(format!("{:?}", roles.payer)),
        "instance" => done(flow.instance()),
        "episodes" => episodes(params, flow),
        "continue-large" => params.count().and_then(|bytes| continue_with(vec![7; bytes])),
        "log-levels" => {
            log::debug!("debug {text}");
            log::info!("info {text}");
            log::warn!("warn {text}");
            log::error!("error {text}");
            done("logged")
        }
        "log-many" => {
            for line in 0..params.number {
                log::info!("line {line}");
            }
            done("logged")
        }
        "log-long" => params.count().and_then(|bytes| {
            log::info!("{}", "l".repeat(bytes));
            done("logged")
        }),
        "fail-param" => Err(FlowError::param("text", text)),
        "fail-step" => Err(FlowError::Step { name: "try".to_owned(), reason: text }),
        "fail-other" => Err(FlowError::other("by-request", text)),
        "panic" => panic!("{text}"),
        "overflow-index" => {
            let bytes = text.as_bytes();
            done(bytes[bytes.len()].to_string())
        }
        "done-large" => params.count().and_then(|bytes| done("d".repeat(bytes))),
        _ => return None,
    })
}

fn given(params: &Params) -> String {
    let mut text = String::new();
    let mut say = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let space = if text.is_empty() { "" } else { " " };
            // Writing to a String cannot fail.
            let _ = write!(text, "{space}{name}={value}");
        }
    };
    say("key", params.key.map(|key| key.to_string()));
    say("other", params.other.map(|key| key.to_string()));
    say("number", Some(params.number.to_string()));
    say("signed", Some(params.signed.to_string()));
    say("small", Some(params.small.to_string()));
    say("text", Some(params.text.clone()));
    say("flag", Some(params.flag.to_string()));
    say("amount", params.amount.as_ref().map(ToString::to_string));
    text
}

fn episodes(params: &Params, flow: &Flow) -> FlowResult {
    let ended = flow.state().and_then(|state| state.first()).copied().unwrap_or(0);
    if u64::from(ended) < params.number {
        return continue_with([ended.saturating_add(1)]);
    }
    done(format!("{} episodes, state {ended}", flow.episode()))
}
