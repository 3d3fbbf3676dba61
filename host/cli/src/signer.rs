//! `--signer COMMAND`: whom proposals are offered to.

use crate::exit::Fail;
use std::{process::Command, sync::Arc};
use valence_runtime::{CommandSigner, ProposalSigner};

/// Who signs.
#[derive(clap::Args)]
pub struct Signing {
    /// Offer each proposal to this program: it gets one line of JSON on stdin; exit code 0 approves, any other rejects, and its first
    /// line says why
    #[arg(long, value_name = "COMMAND")]
    pub signer: Option<String>,
}

impl Signing {
    pub fn signer(&self) -> Result<Option<Arc<dyn ProposalSigner>>, Fail> {
        let Some(command) = &self.signer else { return Ok(None) };
        match CommandSigner::new(command) {
            Some(signer) => Ok(Some(Arc::new(signer))),
            None => Err(Fail::input("`--signer` without a command; name a program, with arguments after it")),
        }
    }

    /// Another process owns the data dir, and has a signer of its own or none.
    pub fn not_here(&self, process: u32) -> Result<(), Fail> {
        match &self.signer {
            None => Ok(()),
            Some(_) => Err(Fail::input(format!(
                "process {process} owns this data dir, and its signer decides; give --signer to `valence serve`, or take another --data-dir"
            ))),
        }
    }

    pub fn pass_on(&self, command: &mut Command) {
        if let Some(signer) = &self.signer {
            command.args(["--signer", signer]);
        }
    }
}
