//! Canonical bytes of a flow: compact JSON with the fields in the order of the structs and without those that have their default. The
//! same flow has the same bytes, so that their digest names it, as a component's names that.

use super::{
    fault::{ProtocolFlowError, clip, one_line},
    flow::ProtocolFlow,
};
use serde::{Deserialize, Serialize};
use valence_sandbox::Digest;

/// What canonical bytes begin with. No component does.
const MARK: &[u8] = b"{\"valence-flow\":";
/// The version of the form. An older one stays readable.
const VERSION: u32 = 1;
/// Bytes of a flow, in a file or stored.
pub(super) const SIZE: usize = 1 << 20;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Written<'a> {
    valence_flow: u32,
    flow: &'a ProtocolFlow,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Read {
    valence_flow: u32,
    flow: ProtocolFlow,
}

impl ProtocolFlow {
    /// Whether these are the bytes of a declared flow, and not of a component.
    pub fn is_stored(bytes: &[u8]) -> bool {
        bytes.starts_with(MARK)
    }

    /// The flow's canonical bytes.
    ///
    /// # Errors
    /// As [`ProtocolFlow::validate`], and where there are more than 1 MiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ProtocolFlowError> {
        self.validate()?;
        let wrong = |what: String| ProtocolFlowError { place: format!("flow `{}`", clip(&self.id)), line: None, what };
        let bytes =
            serde_json::to_vec(&Written { valence_flow: VERSION, flow: self }).map_err(|e| wrong(e.to_string()))?;
        if bytes.len() > SIZE {
            return Err(wrong(format!(
                "{} bytes are more than the {SIZE} that a flow may have; split it",
                bytes.len()
            )));
        }
        Ok(bytes)
    }

    /// The flow of canonical bytes.
    ///
    /// # Errors
    /// What is wrong with them: they are of another version, damaged, not canonical, or the flow is not valid.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProtocolFlowError> {
        let wrong = |what: String| ProtocolFlowError { place: "the stored flow".to_owned(), line: None, what };
        if bytes.len() > SIZE || !ProtocolFlow::is_stored(bytes) {
            return Err(wrong(
                "these are not the bytes of a declared flow; give the file that it was declared in".to_owned(),
            ));
        }
        let read: Read = serde_json::from_slice(bytes)
            .map_err(|e| wrong(one_line(&format!("it is damaged: {e}; load it again from its file"))))?;
        if read.valence_flow != VERSION {
            let version = read.valence_flow;
            return Err(wrong(format!(
                "it has version {version} of the form, and this host knows {VERSION}; use a newer host"
            )));
        }
        // Otherwise two digests would name one flow.
        if read.flow.to_bytes()? != bytes {
            return Err(wrong("its bytes are not in canonical form; load it again from its file".to_owned()));
        }
        Ok(read.flow)
    }

    /// The digest of the canonical bytes.
    ///
    /// # Errors
    /// As [`ProtocolFlow::to_bytes`].
    pub fn digest(&self) -> Result<Digest, ProtocolFlowError> {
        Ok(Digest::of(&self.to_bytes()?))
    }
}
