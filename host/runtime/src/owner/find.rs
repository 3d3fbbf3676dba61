//! An instance as a person names it: by its name, its number, or a beginning of its name that no other one shares.

use crate::error::RuntimeError;
use valence_journal::{HOST, Instance as Row, InstanceFilter, Store};

/// Rows that are read at once.
const PAGE: u64 = 1000;
/// Names that are told where a beginning fits several.
const TOLD: usize = 4;

/// The instance that is meant.
///
/// # Errors
/// Where none or more than one is meant, or the store cannot be read.
pub fn find_instance(store: &dyn Store, id: &str) -> Result<Row, RuntimeError> {
    if let Some(row) = store.instance_named(id)?.filter(|row| row.id != HOST.instance) {
        return Ok(row);
    }
    if let Ok(number) = id.parse::<u64>() {
        let row = if number == HOST.instance { None } else { store.instance(number)? };
        return row.ok_or_else(|| RuntimeError::NoInstance(id.to_owned()));
    }
    let mut found: Vec<Row> = Vec::new();
    let mut filter = InstanceFilter { limit: PAGE, ..InstanceFilter::default() };
    // Every page begins behind the last row of the one before, so this ends.
    while !id.is_empty() && found.len() <= TOLD {
        let page = store.instances(&filter)?;
        let Some(last) = page.last() else { break };
        filter.after = last.id;
        found.extend(page.into_iter().filter(|row| row.name.starts_with(id)));
    }
    match found.len() {
        0 => Err(RuntimeError::NoInstance(id.to_owned())),
        1 => found.pop().ok_or_else(|| RuntimeError::NoInstance(id.to_owned())),
        _ => {
            let mut names: Vec<String> = found.iter().take(TOLD).map(|row| format!("`{}`", row.name)).collect();
            if found.len() > TOLD {
                names.push("…".to_owned());
            }
            let what =
                format!("is the beginning of several: {}; write more of the one that is meant", names.join(", "));
            Err(RuntimeError::State(id.to_owned(), what))
        }
    }
}
