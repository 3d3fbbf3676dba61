//! Whether a receipt is so: the journal is a chain that ends at its head, all that it says follows from the journal, and exactly
//! the components that it names, run again, make the calls of the journal and come to its end.

use super::claims::{Receipt, chapters};
use crate::{
    history::{Chapter, RecordError},
    instance::{Entry, Header},
    replay::{Build, Replayed, Replayer},
};
use std::{collections::BTreeMap, path::PathBuf};
use valence_journal::{Car, CarError, Record as _};
use valence_sandbox::Digest;

/// Why a receipt is not so.
#[derive(Debug, thiserror::Error)]
pub enum Mismatch {
    /// The journal is no chain, or ends elsewhere.
    #[error(transparent)]
    Journal(#[from] CarError),
    /// Something that the receipt says does not follow from the journal.
    #[error("the receipt says that {what} is {claimed}, and its journal says {found}")]
    Claim {
        /// What.
        what: &'static str,
        /// By the receipt.
        claimed: String,
        /// By the journal.
        found: String,
    },
    /// The episodes are not one run.
    #[error("episode {episode} does not follow the one before it: {what}")]
    Episode {
        /// Which.
        episode: u32,
        /// Why.
        what: String,
    },
    /// An entry is not what it says.
    #[error("entry {entry} of episode {episode} is not what it says: {what}")]
    Entry {
        /// In which episode.
        episode: u32,
        /// Which.
        entry: u64,
        /// How.
        what: String,
    },
    /// The component was not given.
    #[error("episode {episode} ran the component {digest}, which was not given; the given ones are {given}")]
    Component {
        /// Which.
        episode: u32,
        /// Its digest.
        digest: String,
        /// Those that were.
        given: String,
    },
    /// A record that cannot be read or run.
    #[error("episode {episode} cannot be run again: {why}")]
    Unrunnable {
        /// Which.
        episode: u32,
        /// Why.
        why: RecordError,
    },
    /// It runs differently.
    #[error("episode {} does not run as its journal says", .0.episode)]
    Replay(Box<Replayed>),
}

/// What was proved.
#[derive(Clone, Debug, PartialEq)]
pub struct Proved {
    /// Each episode, as it ran again.
    pub episodes: Vec<Replayed>,
}

/// Proves receipts.
pub struct Proof {
    replayer: Replayer,
    components: BTreeMap<[u8; 32], Vec<u8>>,
}

impl Proof {
    /// With these flows and drivers; `cache` is where compiled components are kept.
    pub fn new(components: impl IntoIterator<Item = Vec<u8>>, cache: Option<PathBuf>) -> Proof {
        let components = components.into_iter().map(|bytes| (Digest::of(&bytes).0, bytes)).collect();
        Proof { replayer: Replayer::new(cache), components }
    }

    /// Checks a receipt with its journal, the bytes of a CAR file.
    ///
    /// # Errors
    /// The first [`Mismatch`].
    pub async fn check(&mut self, receipt: &Receipt, car: &[u8]) -> Result<Proved, Mismatch> {
        let car = Car::read(car)?;
        car.verify()?;
        let unrunnable = |episode, why| Mismatch::Unrunnable { episode, why };
        let chapters = chapters(car).map_err(|why| unrunnable(0, why))?;
        follow(&chapters)?;
        let found = Receipt::claims(&chapters).map_err(|why| unrunnable(0, why))?;
        compare(receipt, &found)?;
        let mut episodes = Vec::new();
        for chapter in &chapters {
            let build = self.build(chapter)?;
            let replayed = self.replayer.replay(chapter, &build).await;
            let replayed = replayed.map_err(|why| unrunnable(chapter.episode, why))?;
            if !replayed.verdict.is_same() {
                return Err(Mismatch::Replay(Box::new(replayed)));
            }
            episodes.push(replayed);
        }
        Ok(Proved { episodes })
    }

    fn build(&self, chapter: &Chapter) -> Result<Build, Mismatch> {
        let digests = Build::digests(&chapter.blocks);
        let digests = digests.map_err(|why| Mismatch::Unrunnable { episode: chapter.episode, why })?;
        let mut bytes = Vec::new();
        for digest in digests {
            let missing = || {
                let given: Vec<String> = self.components.keys().map(|digest| Digest(*digest).to_string()).collect();
                let given = if given.is_empty() { "none".to_owned() } else { given.join(", ") };
                Mismatch::Component { episode: chapter.episode, digest: Digest(digest).to_string(), given }
            };
            bytes.push(self.components.get(&digest).cloned().ok_or_else(missing)?);
        }
        let mut bytes = bytes.into_iter();
        Ok(Build { flow: bytes.next().unwrap_or_default(), drivers: bytes.collect() })
    }
}

fn header(chapter: &Chapter) -> Result<Header, Mismatch> {
    let no = |what: String| Mismatch::Episode { episode: chapter.episode, what };
    let first = chapter.blocks.first().ok_or_else(|| no("it has no entries".to_owned()))?;
    match first.body::<Entry>() {
        Ok(Entry::Header(header)) => Ok(*header),
        Ok(_) => Err(no("its first entry is no header".to_owned())),
        Err(error) => Err(no(error.to_string())),
    }
}

/// Whether each entry is of the kind, and about the thing, that it says: a replay passes over kinds that are not about calls.
fn labelled(chapter: &Chapter) -> Result<(), Mismatch> {
    for block in chapter.blocks.iter() {
        let unlike = |what: String| Mismatch::Entry { episode: chapter.episode, entry: block.seq(), what };
        let entry = block.body::<Entry>().map_err(|e| unlike(e.to_string()))?;
        if entry.kind() != block.kind() || entry.key().as_deref() != block.key() {
            return Err(unlike(format!("it is called `{}` and is `{}`", block.kind(), entry.kind())));
        }
    }
    Ok(())
}

/// Whether the episodes are one run: each names the head before it, begins with what that left, and is about the same.
fn follow(chapters: &[Chapter]) -> Result<(), Mismatch> {
    let mut before: Option<(Header, &Chapter)> = None;
    for (place, chapter) in (0u32..).zip(chapters) {
        let header = header(chapter)?;
        let no = |what: String| Mismatch::Episode { episode: chapter.episode, what };
        labelled(chapter)?;
        let head = before.as_ref().and_then(|(_, chapter)| chapter.head()).map(|head| head.to_string());
        if header.episode != place {
            return Err(no(format!("episode {place} is missing")));
        }
        if header.before != head {
            let say = |head: &Option<String>| head.clone().unwrap_or_else(|| "nothing".to_owned());
            return Err(no(format!("it names {} as the head before it, which is {}", say(&header.before), say(&head))));
        }
        if let Some((first, earlier)) = &before {
            let same = (&first.instance, &first.id, &first.genesis, &first.params, &first.roles)
                == (&header.instance, &header.id, &header.genesis, &header.params, &header.roles);
            if !same {
                return Err(no("it has another instance, flow, cluster, params or roles".to_owned()));
            }
            let left = earlier.blocks.iter().rev().find_map(|block| match block.body::<Entry>() {
                Ok(Entry::End { outcome, value, .. }) if outcome == "continue" => Some(value),
                _ => None,
            });
            if left.is_none() || left != header.state {
                return Err(no("it does not begin with the state that the one before left".to_owned()));
            }
        } else if header.state.is_some() {
            return Err(no("the first one begins with a state".to_owned()));
        }
        before = Some((header, chapter));
    }
    Ok(())
}

/// Whether all that is claimed was found.
fn compare(claimed: &Receipt, found: &Receipt) -> Result<(), Mismatch> {
    let option = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let texts = [
        ("the head", claimed.head.clone(), found.head.clone()),
        ("the flow's digest", claimed.flow.clone(), found.flow.clone()),
        ("the instance", claimed.instance.clone(), found.instance.clone()),
        ("the flow's id", claimed.id.clone(), found.id.clone()),
        ("the outcome", option(&claimed.outcome), option(&found.outcome)),
        ("the value", option(&claimed.value), option(&found.value)),
        ("the fuel", claimed.fuel.to_string(), found.fuel.to_string()),
        ("the list of drivers", claimed.drivers.join(", "), found.drivers.join(", ")),
        ("the genesis hash", claimed.genesis.clone(), found.genesis.clone()),
        ("the engine", claimed.engine.clone(), found.engine.clone()),
        ("the set of params", pairs(&claimed.params), pairs(&found.params)),
        ("the set of roles", pairs(&claimed.roles), pairs(&found.roles)),
        ("the set of limits", pairs(&claimed.limits), pairs(&found.limits)),
    ];
    if let Some((what, claimed, found)) = texts.into_iter().find(|(_, claimed, found)| claimed != found) {
        return Err(Mismatch::Claim { what, claimed, found });
    }
    if claimed.episodes != found.episodes {
        let say = |receipt: &Receipt| serde_json::to_string(&receipt.episodes).unwrap_or_default();
        return Err(Mismatch::Claim { what: "the list of episodes", claimed: say(claimed), found: say(found) });
    }
    Ok(())
}

fn pairs<T: std::fmt::Display>(all: &BTreeMap<String, T>) -> String {
    all.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}
