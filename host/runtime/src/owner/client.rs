//! A client of a data dir's owner.

use super::{
    DataDir, OwnerError, socket,
    wire::{Reply, Request},
};
use std::{io::ErrorKind, path::Path, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// How long an owner may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to an owner, for one request.
pub struct Client {
    path: String,
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
    /// The owner's process.
    pub process: u32,
}

impl Client {
    /// Calls the owner of this folder; none where nobody answers, or the owner is about to end.
    ///
    /// # Errors
    /// Where the socket cannot be used at all, or is another version's.
    pub async fn connect(dir: &Path) -> Result<Option<Client>, OwnerError> {
        let path = DataDir::socket(dir).display().to_string();
        let trouble = |why: String| OwnerError::Socket { path: path.clone(), why };
        let (short, _folder) = match socket::at(dir, "socket") {
            Ok(at) => at,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => {
                return Err(trouble(format!("the owner cannot be asked: {e}; look after the rights of the folder")));
            }
        };
        let stream = match UnixStream::connect(short).await {
            Ok(stream) => stream,
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => return Ok(None),
            Err(e) => {
                return Err(trouble(format!("the owner cannot be asked: {e}; look after the rights of the socket")));
            }
        };
        let (read, write) = stream.into_split();
        let mut client = Client { path: path.clone(), read: BufReader::new(read), write, process: 0 };
        let hello = tokio::time::timeout(PATIENCE, client.next()).await;
        match hello.map_err(|_| trouble("the owner does not answer; wait, or end its process".to_owned()))? {
            Ok(Some(Reply::Hello { version, process })) if version == env!("CARGO_PKG_VERSION") => {
                client.process = process;
                Ok(Some(client))
            }
            Ok(Some(Reply::Hello { version, process })) => Err(trouble(format!(
                "process {process} owns this data dir, and it is valence {version}, not {}; end it first",
                env!("CARGO_PKG_VERSION")
            ))),
            Ok(None | Some(Reply::Closing)) => Ok(None),
            Ok(Some(_)) => Err(trouble("what answers there is no owner of a data dir; remove that file".to_owned())),
            Err(error) => Err(error),
        }
    }

    /// Asks; the answers come with [`Client::next`].
    ///
    /// # Errors
    /// Where the owner has gone.
    pub async fn ask(&mut self, request: &Request, parts: &[Vec<u8>]) -> Result<(), OwnerError> {
        let mut line = serde_json::to_vec(request).map_err(|e| OwnerError::Request(e.to_string()))?;
        line.push(b'\n');
        let mut sent = self.write.write_all(&line).await;
        for part in parts {
            if sent.is_ok() {
                sent = self.write.write_all(part).await;
            }
        }
        match sent {
            Ok(()) => Ok(()),
            // It may have said why before it hung up.
            Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(e) => Err(self.gone(&e.to_string())),
        }
    }

    /// The next answer; none where the owner has hung up.
    ///
    /// # Errors
    /// Where the owner has gone, or speaks otherwise.
    pub async fn next(&mut self) -> Result<Option<Reply>, OwnerError> {
        let mut line = Vec::new();
        match self.read.read_until(b'\n', &mut line).await {
            Ok(0) => Ok(None),
            Ok(_) => {
                serde_json::from_slice(&line).map(Some).map_err(|e| self.gone(&format!("it speaks otherwise: {e}")))
            }
            Err(e) if e.kind() == ErrorKind::ConnectionReset => Ok(None),
            Err(e) => Err(self.gone(&e.to_string())),
        }
    }

    /// The owner hung up before its last word.
    pub fn gone(&self, why: &str) -> OwnerError {
        OwnerError::Socket {
            path: self.path.clone(),
            why: format!("the owner has gone ({why}); `valence ps` shows how far it came, `valence resume` goes on"),
        }
    }
}
