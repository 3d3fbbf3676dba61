//! What a receipt says, as a JSON object. All of it follows from the journal that it carries, and is checked against that.

use crate::{
    history::{Chapter, Record, RecordError},
    instance::{Entry, Header, Past},
    replay::Build,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use valence_journal::{Car, Store};
use valence_sandbox::Digest;

/// The version that is written.
const VERSION: u32 = 1;

/// One episode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EpisodeClaim {
    /// Counts from 0.
    pub episode: u32,
    /// Its last entry, a CID.
    pub head: String,
    /// Its entries.
    pub entries: u64,
    /// Its flow, sha2-256 in hex; an upgrade or a retry may have changed it.
    pub flow: String,
    /// `done`, `continue`, `failed`, `trapped` or `cancelled`; none where it has not ended.
    pub outcome: Option<String>,
    /// Instructions that the flow used in it.
    pub fuel: u64,
}

/// A receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Receipt {
    /// Of this form.
    pub version: u32,
    /// The instance.
    pub instance: String,
    /// The flow's id.
    pub id: String,
    /// The flow that ended, sha2-256 of its component in hex.
    pub flow: String,
    /// Its drivers.
    pub drivers: Vec<String>,
    /// Params by name, as text.
    pub params: BTreeMap<String, String>,
    /// Addresses by role, base58.
    pub roles: BTreeMap<String, String>,
    /// Limits by name, as the last episode had them in the end.
    pub limits: BTreeMap<String, u64>,
    /// The cluster, by its genesis hash.
    pub genesis: String,
    /// The build of the engine.
    pub engine: String,
    /// All episodes.
    pub episodes: Vec<EpisodeClaim>,
    /// The last entry of all, a CID: the whole run in one name.
    pub head: String,
    /// How it ended; none where it has not.
    pub outcome: Option<String>,
    /// The flow's own words.
    pub value: Option<String>,
    /// Instructions, in all episodes.
    pub fuel: u64,
    /// The journal as a CAR file, base64.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub journal: Option<String>,
}

impl Receipt {
    /// The receipt of an instance, with its journal or without.
    ///
    /// # Errors
    /// [`RecordError`] where there is none of this name, or its journal is damaged or gone.
    pub fn of(store: &dyn Store, meant: &str, with_journal: bool) -> Result<Receipt, RecordError> {
        let record = Record::read(store, meant)?.whole()?;
        let mut receipt = Receipt::claims(&record.chapters)?;
        if with_journal {
            let mut car = Vec::new();
            valence_journal::export(store, record.row.id, &mut car)?;
            receipt.journal = Some(BASE64_STANDARD.encode(car));
        }
        Ok(receipt)
    }

    /// What follows from a journal.
    ///
    /// # Errors
    /// [`RecordError`] where it cannot be read.
    pub(super) fn claims(chapters: &[Chapter]) -> Result<Receipt, RecordError> {
        let chapters: Vec<&Chapter> = chapters.iter().filter(|chapter| !chapter.blocks.is_empty()).collect();
        let last = chapters.last().ok_or_else(|| RecordError::Receipt("it has no entries".to_owned()))?;
        let mut episodes = Vec::new();
        for chapter in &chapters {
            episodes.push(episode(chapter)?);
        }
        let past = Past::read(last.blocks.clone())?;
        let mut digests = Build::digests(&last.blocks)?.into_iter().map(|digest| Digest(digest).to_string());
        let header: &Header = &past.header;
        let limits = crate::orchestrator::limits_of(&past);
        let limits = valence_sandbox::Limits::ALL.iter().map(|l| (l.name().to_owned(), limits.get(*l)));
        let (outcome, value) = match past.end {
            // One that goes on has not ended.
            Some((outcome, value, _)) if outcome != "continue" => {
                (Some(outcome), Some(String::from_utf8_lossy(&value).into_owned()))
            }
            _ => (None, None),
        };
        Ok(Receipt {
            version: VERSION,
            instance: header.instance.clone(),
            id: header.id.clone(),
            flow: digests.next().unwrap_or_default(),
            drivers: digests.collect(),
            params: header.params.iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
            roles: header.roles.iter().map(|(name, key)| (name.clone(), key.to_string())).collect(),
            limits: limits.collect(),
            genesis: header.genesis.to_string(),
            engine: header.engine.clone(),
            head: episodes.last().map(|episode| episode.head.clone()).unwrap_or_default(),
            fuel: episodes.iter().fold(0, |sum, episode| sum.saturating_add(episode.fuel)),
            episodes,
            outcome,
            value,
            journal: None,
        })
    }

    /// Reads a receipt.
    ///
    /// # Errors
    /// [`RecordError::Receipt`].
    pub fn read(text: &[u8]) -> Result<Receipt, RecordError> {
        let wrong = |what: String| RecordError::Receipt(what);
        let receipt: Receipt = serde_json::from_slice(text).map_err(|e| wrong(e.to_string()))?;
        if receipt.version != VERSION {
            let version = receipt.version;
            return Err(wrong(format!(
                "it is of version {version}, and this build knows {VERSION}; use a newer valence"
            )));
        }
        Ok(receipt)
    }

    /// The journal that it carries, as a CAR file's bytes.
    ///
    /// # Errors
    /// [`RecordError::Receipt`] where it carries none, or it is not base64.
    pub fn car(&self) -> Result<Vec<u8>, RecordError> {
        let none = || RecordError::Receipt("it carries no journal; give that with --car FILE".to_owned());
        let text = self.journal.as_ref().ok_or_else(none)?;
        BASE64_STANDARD.decode(text).map_err(|e| RecordError::Receipt(format!("its journal is not base64: {e}")))
    }
}

fn episode(chapter: &Chapter) -> Result<EpisodeClaim, RecordError> {
    let past = Past::read(chapter.blocks.clone())?;
    let (outcome, fuel) = past.end.map_or((None, 0), |(outcome, _, fuel)| (Some(outcome), fuel));
    let flow = Build::digests(&chapter.blocks)?.into_iter().next().unwrap_or_default();
    Ok(EpisodeClaim {
        episode: chapter.episode,
        head: chapter.head().map(|head| head.to_string()).unwrap_or_default(),
        entries: u64::try_from(chapter.blocks.len()).unwrap_or(u64::MAX),
        flow: Digest(flow).to_string(),
        outcome,
        fuel,
    })
}

/// The episodes of a CAR file.
pub(super) fn chapters(car: Car) -> Result<Vec<Chapter>, RecordError> {
    let mut chapters = Vec::new();
    for (place, blocks) in (0u32..).zip(car.episodes) {
        // Each says in its first entry which it is; a file that leaves one out is found by the heads.
        let first = blocks.first().map(|block| block.body::<Entry>());
        let episode = match first {
            Some(Ok(Entry::Header(header))) => header.episode,
            _ => place,
        };
        chapters.push(Chapter { episode, blocks: Arc::new(blocks), damage: None });
    }
    Ok(chapters)
}
