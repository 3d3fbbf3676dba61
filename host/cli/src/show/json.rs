//! One JSON object a line. `host/cli/EVENTS.md` documents the schema.

use crate::{args::Output, exit::Fail};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};
use std::io::{self, Write};

/// Prints a value on one line.
pub fn line(output: Output, value: &impl Serialize) {
    let mut bytes = Vec::new();
    let written = match output {
        Output::Json => value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Spaced)),
        _ => value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, CompactFormatter)),
    };
    if written.is_ok() {
        bytes.push(b'\n');
        // Whoever reads may have gone; there is nobody left to tell.
        let _ = io::stdout().lock().write_all(&bytes);
    }
}

/// The error that ended a command, as an event.
pub fn error(output: Output, fail: &Fail) {
    line(
        output,
        &serde_json::json!({ "event": "error", "message": format!("{:#}", fail.error), "exit-code": fail.code }),
    );
}

/// A space behind each comma and colon, still on one line.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }
    fn begin_object_key<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }
    fn begin_object_value<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        w.write_all(b": ")
    }
}
