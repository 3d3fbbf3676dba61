//! `run.toml`: the params and roles with which the flow beside it is run when nothing else is said.
//!
//! ```toml
//! [params]
//! threshold = "1000"     # text, number or boolean; a pubkey may be a name from chain.toml
//! [roles]
//! owner = "owner"        # base58, or a name from chain.toml
//! ```

use crate::{error::InputError, inputs::Inputs};
use serde::Deserialize;
use std::{collections::BTreeMap, path::Path};

/// The contents of a `run.toml`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunFile {
    /// What it gives.
    pub inputs: Inputs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    params: BTreeMap<String, Scalar>,
    #[serde(default)]
    roles: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a param is text, a whole number or a boolean; put anything else in quotes")]
enum Scalar {
    Text(String),
    Whole(i64),
    Boolean(bool),
}

impl RunFile {
    /// Reads a file in TOML, or in JSON where its name ends in `.json`.
    ///
    /// # Errors
    /// [`InputError::RunFile`] with the file, the line and what is wrong.
    pub fn load(path: &Path) -> Result<Self, InputError> {
        let place = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|e| InputError::RunFile { place: place.clone(), what: format!("it cannot be read: {e}") })?;
        if path.extension().is_some_and(|e| e == "json") {
            let bad = |e: serde_json::Error| InputError::RunFile {
                place: format!("{place}:{}", e.line()),
                what: e.to_string(),
            };
            return serde_json::from_str::<Raw>(&text).map(Into::into).map_err(bad);
        }
        toml::from_str::<Raw>(&text).map(Into::into).map_err(|e| {
            let line = e.span().and_then(|s| text.get(..s.start)).map(|before| before.matches('\n').count() + 1);
            let what = e.message().lines().collect::<Vec<_>>().join(" ");
            InputError::RunFile { place: line.map_or(place.clone(), |line| format!("{place}:{line}")), what }
        })
    }
}

impl From<Raw> for RunFile {
    fn from(raw: Raw) -> Self {
        let text = |scalar| match scalar {
            Scalar::Text(text) => text,
            Scalar::Whole(number) => number.to_string(),
            Scalar::Boolean(yes) => yes.to_string(),
        };
        let params = raw.params.into_iter().map(|(name, value)| (name, text(value))).collect();
        RunFile { inputs: Inputs { params, roles: raw.roles } }
    }
}
