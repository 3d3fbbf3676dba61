//! What a replay came to, as a person or a program reads it.

use super::{
    json,
    terminal::{BAD, BOLD, DIM, GOOD, clean, grouped, paint, say},
};
use crate::args::Output;
use serde_json::json;
use valence_runtime::replay::{Change, Difference, Ended, Replayed, Verdict};

/// Prints what became of an episode.
pub fn replayed(replayed: &Replayed, output: Output) {
    if output.is_json() {
        return json::line(output, &object(replayed));
    }
    let at = paint(BOLD, &format!("episode {}", replayed.episode));
    let calls = match replayed.calls {
        1 => "call".to_owned(),
        n => format!("{} calls", grouped(n)),
    };
    match &replayed.verdict {
        Verdict::Same(end) => {
            say(&format!("{at}  {}", paint(GOOD, &format!("the same {calls}, the same end"))));
            say(&format!("  {}", said(end)));
        }
        Verdict::Open => {
            say(&format!("{at}  {}", paint(GOOD, &format!("the same {calls}, up to where the record stands"))));
        }
        Verdict::Differs(difference) => {
            let bad = match replayed.calls {
                0 => format!("the first call differs, at entry {}", difference.entry),
                _ => format!("after the same {calls}, one differs at entry {}", difference.entry),
            };
            say(&format!("{at}  {}", paint(BAD, &bad)));
            differs(difference);
        }
        Verdict::OtherEnd { recorded, now } => {
            say(&format!("{at}  {}", paint(BAD, &format!("the same {calls}, another end"))));
            say(&format!("  on record  {}", said(recorded)));
            say(&format!("  now        {}", said(now)));
        }
        Verdict::OtherFuel { recorded, now } => {
            say(&format!("{at}  {}", paint(BAD, &format!("the same {calls} and the same end, with other fuel"))));
            say(&format!("  on record  {}", grouped(*recorded)));
            say(&format!("  now        {}", grouped(*now)));
        }
    }
    if !replayed.same_engine {
        say(&paint(DIM, "  it was recorded under another build of the engine, so fuel is not compared"));
    }
}

fn differs(difference: &Difference) {
    let or_end = |call: &Option<String>| call.as_deref().map_or_else(|| "the flow had ended".to_owned(), clean);
    say(&format!("  on record  {}", or_end(&difference.recorded)));
    let now = match (&difference.made, &difference.ended) {
        (None, Some(ended)) => format!("the flow ended: {}", clean(ended)),
        (made, _) => or_end(made),
    };
    say(&format!("  now        {now}"));
    for (change, line) in &difference.step {
        match change {
            Change::Recorded => say(&paint(BAD, &format!("    - {line}"))),
            Change::Made => say(&paint(GOOD, &format!("    + {line}"))),
            Change::Same => say(&paint(DIM, &format!("      {line}"))),
        }
    }
}

/// An end in words.
fn said(end: &Ended) -> String {
    let words = match (end.outcome.as_str(), std::str::from_utf8(&end.value)) {
        ("continue", _) => format!("{} bytes of state", end.value.len()),
        (_, Ok(text)) => clean(text),
        (_, Err(_)) => format!("{} bytes", end.value.len()),
    };
    format!("{}: {words}   {}", paint(BOLD, &end.outcome), paint(DIM, &format!("fuel {}", grouped(end.fuel))))
}

/// The same as an object.
pub fn object(replayed: &Replayed) -> serde_json::Value {
    let end =
        |end: &Ended| json!({ "outcome": end.outcome, "value": String::from_utf8_lossy(&end.value), "fuel": end.fuel });
    let mut object = json!({
        "episode": replayed.episode,
        "same": replayed.verdict.is_same(),
        "calls": replayed.calls,
        "same-build": replayed.same_build,
        "same-engine": replayed.same_engine,
    });
    let more = match &replayed.verdict {
        Verdict::Same(ended) => json!({ "verdict": "same", "end": end(ended) }),
        Verdict::Open => json!({ "verdict": "open" }),
        Verdict::Differs(difference) => json!({ "verdict": "differs", "difference": difference }),
        Verdict::OtherEnd { recorded, now } => {
            json!({ "verdict": "other-end", "recorded": end(recorded), "now": end(now) })
        }
        Verdict::OtherFuel { recorded, now } => json!({ "verdict": "other-fuel", "recorded": recorded, "now": now }),
    };
    if let (Some(object), serde_json::Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
    object
}
