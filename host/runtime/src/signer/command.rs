//! A signer that is a program: started once for each proposal.

use super::{Proposal, ProposalSigner, Verdict};
use std::process::Stdio;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::Command,
};

/// Bytes of a program's words that are read; the rest is thrown away.
const WORDS: u64 = 4096;
/// Characters of a reason.
const REASON: usize = 500;

/// Offers each proposal to a program: its JSON, one line, on stdin. Exit code 0 approves; any other rejects, and the first line on
/// stdout, or else on stderr, says why. It may take days. It is killed when the instance is cancelled or its host ends, and started
/// again with the same proposal when the instance goes on.
#[derive(Clone, Debug)]
pub struct CommandSigner {
    program: String,
    arguments: Vec<String>,
}

impl CommandSigner {
    /// From a program and its arguments, parted by spaces; none where there is no program. No shell reads it.
    pub fn new(command: &str) -> Option<CommandSigner> {
        let mut words = command.split_whitespace().map(str::to_owned);
        let program = words.next()?;
        Some(CommandSigner { program, arguments: words.collect() })
    }
}

#[async_trait::async_trait]
impl ProposalSigner for CommandSigner {
    async fn offer(&self, proposal: &Proposal) -> Result<Verdict, String> {
        let failed = |e: std::io::Error| format!("{}: {e}; name a program that can be run with --signer", self.program);
        let mut line = serde_json::to_vec(proposal).map_err(|e| e.to_string())?;
        line.push(b'\n');
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().map_err(failed)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let tell = async {
            if let Some(mut stdin) = stdin {
                // One that decides without reading is its own master.
                let _ = stdin.write_all(&line).await;
            }
        };
        let ((), said, complained, status) = tokio::join!(tell, words(stdout), words(stderr), child.wait());
        let status = status.map_err(failed)?;
        if status.success() {
            return Ok(Verdict::Approved);
        }
        let reason = [said, complained].into_iter().find(|words| !words.is_empty());
        Ok(Verdict::Rejected(reason.unwrap_or_else(|| format!("{} ended with {status}", self.program))))
    }
}

/// The first line with something in it.
async fn words(from: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut from) = from else { return String::new() };
    let mut bytes = Vec::new();
    // What cannot be read is not said.
    let _ = (&mut from).take(WORDS).read_to_end(&mut bytes).await;
    let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(REASON).collect()
}
