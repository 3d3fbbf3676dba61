//! How an embedded chain is described from outside: the files that it starts from. What is in them is read by whoever opens the
//! chain, so that one process can hand a description to another.

use super::OwnerError;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use valence_chain::ChainSpec;

/// The files of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ChainDescription {
    /// A `chain.toml`; none is an empty chain.
    pub file: Option<PathBuf>,
    /// Account-JSON files, each with its address where it is given.
    pub accounts: Vec<(Option<String>, PathBuf)>,
    /// Programs: address in base58 and `.so` file.
    pub programs: Vec<(String, PathBuf)>,
}

impl ChainDescription {
    /// Reads the files.
    ///
    /// # Errors
    /// The first thing that is wrong with them.
    pub fn load(&self) -> Result<ChainSpec, OwnerError> {
        let key = |text: &str| {
            text.parse().map_err(|_| OwnerError::Request(format!("`{text}` is not an address in base58; correct it")))
        };
        let mut spec = match &self.file {
            Some(file) => ChainSpec::load(file)?,
            None => ChainSpec::default(),
        };
        for (address, file) in &self.accounts {
            let address = address.as_deref().map(key).transpose()?;
            spec = spec.with_account_file(address, file)?;
        }
        for (id, file) in &self.programs {
            spec = spec.with_program_file(key(id)?, file)?;
        }
        Ok(spec)
    }

    /// The same, for a process that stands in another folder.
    pub fn absolute(mut self) -> Self {
        let whole = |path: &mut PathBuf| {
            // Where there is no working folder any more, the path as it is will say so.
            *path = std::path::absolute(Path::new(path)).unwrap_or_else(|_| path.clone());
        };
        self.file.iter_mut().for_each(whole);
        self.accounts.iter_mut().for_each(|(_, path)| whole(path));
        self.programs.iter_mut().for_each(|(_, path)| whole(path));
        self
    }
}
