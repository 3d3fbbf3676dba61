//! `EVENTS.md` as a program reads it: the fields of each event and part, with their types.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Fields with their types by title; the title `Every event` has those of all.
pub struct Schema(BTreeMap<String, BTreeMap<String, String>>);

/// The title of what stands before all events.
const EVERY: &str = "Every event";

impl Schema {
    pub fn read() -> Self {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/EVENTS.md")).unwrap();
        let mut titles: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        let mut title = String::new();
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("## ").or_else(|| line.strip_prefix("### ")) {
                title = heading.trim_matches('`').to_owned();
            } else if let Some(row) = line.strip_prefix("| `") {
                let (field, rest) = row.split_once("` | ").unwrap();
                let (kind, _) = rest.split_once(" | ").unwrap();
                let known = titles.entry(title.clone()).or_default().insert(field.to_owned(), kind.to_owned());
                assert!(known.is_none(), "{title}.{field} is described twice");
            }
        }
        Schema(titles)
    }

    /// The events that are described.
    pub fn events(&self) -> BTreeSet<&str> {
        let parts = ["instruction", "field", "account", "signer", "balance", "token", EVERY];
        self.0.keys().map(String::as_str).filter(|title| !parts.contains(title)).collect()
    }

    /// Holds an event against its description, and notes in `seen` the fields that it had, as `title.field`.
    pub fn check(&self, event: &Map<String, Value>, seen: &mut BTreeSet<String>) {
        let name = event["event"].as_str().unwrap();
        let mut fields = self.0.get(name).unwrap_or_else(|| panic!("EVENTS.md does not describe `{name}`")).clone();
        if name == "error" {
            fields.insert("event".to_owned(), "text".to_owned());
        } else {
            fields.extend(self.0[EVERY].clone());
        }
        self.check_fields(name, &fields, event, seen);
    }

    fn check_fields(
        &self,
        title: &str,
        fields: &BTreeMap<String, String>,
        object: &Map<String, Value>,
        seen: &mut BTreeSet<String>,
    ) {
        for (field, value) in object {
            let kind = fields.get(field).unwrap_or_else(|| panic!("EVENTS.md does not describe `{title}.{field}`"));
            seen.insert(format!("{title}.{field}"));
            self.check_value(&format!("{title}.{field}"), kind, value, seen);
        }
        for (field, kind) in fields {
            assert!(
                kind.ends_with(", optional") || object.contains_key(field),
                "`{title}` lacks `{field}`: {object:?}"
            );
        }
    }

    fn check_value(&self, place: &str, kind: &str, value: &Value, seen: &mut BTreeSet<String>) {
        let kind = kind.trim_end_matches(", optional");
        if let Some(kind) = kind.strip_suffix(" or null") {
            if !value.is_null() {
                self.check_value(place, kind, value, seen);
            }
            return;
        }
        let fits = match kind {
            "text" => value.is_string(),
            "number" => value.is_i64() || value.is_u64(),
            "boolean" => value.is_boolean(),
            "object of text" => value.as_object().is_some_and(|o| o.values().all(Value::is_string)),
            "list of text" => value.as_array().is_some_and(|all| all.iter().all(Value::is_string)),
            other => {
                let part = other.strip_prefix("list of `").and_then(|p| p.strip_suffix('`'));
                let part = part.unwrap_or_else(|| panic!("{place}: `{other}` is no type that this test knows"));
                for item in value.as_array().unwrap_or_else(|| panic!("{place} is no list: {value}")) {
                    self.check_fields(part, &self.0[part], item.as_object().unwrap(), seen);
                }
                true
            }
        };
        assert!(fits, "{place} is not `{kind}`: {value}");
    }

    /// The fields of these events and of their parts that nobody has seen.
    pub fn unseen(&self, events: &BTreeSet<String>, seen: &BTreeSet<String>) -> Vec<String> {
        let described = |title: &String| {
            let mut fields: BTreeSet<&String> = self.0[title].keys().collect();
            if title != "error" && events.contains(title) {
                fields.extend(self.0[EVERY].keys());
            }
            fields.into_iter().map(|field| format!("{title}.{field}")).collect::<Vec<_>>()
        };
        let parts: BTreeSet<String> = seen.iter().map(|s| s.split('.').next().unwrap().to_owned()).collect();
        parts.iter().chain(events).flat_map(described).filter(|field| !seen.contains(field)).collect()
    }
}
