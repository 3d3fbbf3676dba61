//! What is on record of an episode, in the order in which a replay meets it, compared with the calls that come.

use super::{
    Entry, Header, Resumed,
    offer::{Executed, Offer},
};
use std::{ops::Range, sync::Arc};
use valence_door::{Bytes, Divergence, HostCall, HostReply, Moment, Stop};
use valence_journal::{Block, EntryError, Stamp};

/// Why a journal cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PastError {
    /// It has no header.
    #[error("the journal does not begin with a header; `valence verify` shows what is wrong with it")]
    NoHeader,
    /// An entry of another shape.
    #[error("entry {0} cannot be read: {1}; it was written by another version of valence, or changed")]
    Unreadable(u64, EntryError),
}

/// The key of a wait.
const WAIT: &str = "account-watch.wait";

/// The record of an episode so far.
pub(crate) struct Past {
    /// All that the replay depends on.
    pub header: Box<Header>,
    /// The moment at which the episode began.
    pub began: Moment,
    /// What was changed since: in order.
    pub resumed: Vec<Resumed>,
    /// The number that the next entry will have.
    pub length: u64,
    /// Whether it has waited.
    pub waited: bool,
    /// The slot of its last end, where it has one.
    pub ended_in: u64,
    /// How it ended, where it did.
    pub end: Option<(String, Vec<u8>, u64)>,
    /// All of it, shared with whoever read it: a record may be large.
    blocks: Arc<Vec<Block>>,
    /// The place of the next entry.
    place: usize,
    /// Numbers of entries that a retry has made void.
    void: Vec<Range<u64>>,
}

/// What the guest did next.
enum Next {
    /// A call without an effect.
    Call(HostCall, HostReply),
    /// A call with one, and what became of it.
    Emit(String, HostCall, Box<Offer>),
}

/// What a replay meets.
struct Met {
    /// The entry's number.
    entry: u64,
    /// The moment that the flow knew afterwards.
    moment: Moment,
    /// About how many bytes of journal it took.
    weight: u64,
    next: Next,
}

/// What the record says of a call.
pub(crate) enum Recalled {
    /// The flow was told this.
    Told { reply: HostReply, moment: Moment, weight: u64 },
    /// It is an effect under this id that has not come to its end; nothing comes after it.
    Open { entry: u64, proposal: String, offer: Box<Offer>, moment: Moment, weight: u64 },
    /// Nothing: the record ends before it.
    Nothing,
}

impl Past {
    /// Reads a record.
    ///
    /// # Errors
    /// [`PastError`] where it is none.
    pub(crate) fn read(blocks: impl Into<Arc<Vec<Block>>>) -> Result<Past, PastError> {
        let blocks = blocks.into();
        let first = blocks.first().ok_or(PastError::NoHeader)?;
        let (began, Entry::Header(header)) = open(first)? else { return Err(PastError::NoHeader) };
        let mut past = Past {
            header,
            began,
            resumed: Vec::new(),
            length: u64::try_from(blocks.len()).unwrap_or(u64::MAX),
            waited: false,
            ended_in: 0,
            end: None,
            blocks: Arc::default(),
            place: 1,
            void: Vec::new(),
        };
        for block in blocks.iter().skip(1) {
            // Only these few are opened now; the rest when the replay comes to them.
            match block.kind() {
                "resumed" => {
                    past.end = None;
                    if let (_, Entry::Resumed(how)) = open(block)? {
                        past.void.extend(how.keep.map(|keep| keep..block.seq()));
                        past.resumed.push(*how);
                    }
                }
                "end" => {
                    if let (moment, Entry::End { outcome, value, fuel }) = open(block)? {
                        past.ended_in = moment.slot;
                        past.end = Some((outcome, value.into_vec(), fuel));
                    }
                }
                "call" => past.waited |= block.key() == Some(WAIT),
                _ => {}
            }
        }
        past.blocks = blocks;
        Ok(past)
    }

    /// The next entry that counts.
    fn peek(&mut self) -> Option<&Block> {
        let counts = |block: &&Block| {
            !matches!(block.kind(), "paused" | "end") && !self.void.iter().any(|void| void.contains(&block.seq()))
        };
        let skipped = self.blocks.get(self.place..)?.iter().position(|block| counts(&block))?;
        self.place = self.place.saturating_add(skipped);
        self.blocks.get(self.place)
    }

    /// What the record says of the call that the flow makes now.
    ///
    /// # Errors
    /// [`Stop::Diverged`] where another call is on record; [`Stop::Fault`] where the record cannot be read.
    pub(crate) fn recall(&mut self, call: &HostCall) -> Result<Recalled, Stop> {
        let Some(Met { entry, moment, weight, next }) = self.next().map_err(|e| Stop::Fault(e.to_string()))? else {
            return Ok(Recalled::Nothing);
        };
        match next {
            Next::Call(recorded, reply) if recorded == *call => Ok(Recalled::Told { reply, moment, weight }),
            Next::Emit(proposal, recorded, mut offer) if recorded == *call => Ok(match offer.reply.take() {
                Some(reply) => Recalled::Told { reply, moment, weight },
                None => Recalled::Open { entry, proposal, offer, moment, weight },
            }),
            Next::Call(recorded, _) | Next::Emit(_, recorded, _) => {
                let (recorded, made) = (Some(recorded), Some(call.clone()));
                Err(Stop::Diverged(Box::new(Divergence { entry, recorded, made })))
            }
        }
    }

    /// Whether the flow, which has ended, made all the calls on record.
    ///
    /// # Errors
    /// [`Stop::Diverged`] with the first that it did not make.
    pub(crate) fn left_over(&mut self) -> Result<(), Stop> {
        match self.next().map_err(|e| Stop::Fault(e.to_string()))? {
            None => Ok(()),
            Some(Met { entry, next: Next::Call(recorded, _) | Next::Emit(_, recorded, _), .. }) => {
                Err(Stop::Diverged(Box::new(Divergence { entry, recorded: Some(recorded), made: None })))
            }
        }
    }

    /// The next thing that the guest did; none where the record ends.
    fn next(&mut self) -> Result<Option<Met>, PastError> {
        while let Some(block) = self.peek() {
            let entry = block.seq();
            let (moment, body) = open(block)?;
            self.place = self.place.saturating_add(1);
            let weight = valence_journal::Record::weight(&body);
            let (moment, weight, next) = match body {
                Entry::Call { call, reply } => (moment, weight, Next::Call(call, reply)),
                Entry::Intent { proposal, call } => {
                    let (offer, told, more) = self.follow(&proposal)?;
                    (told.unwrap_or(moment), weight.saturating_add(more), Next::Emit(proposal, call, Box::new(offer)))
                }
                // What the host did belongs to an intent; there is nothing for the guest in it.
                _ => continue,
            };
            return Ok(Some(Met { entry, moment, weight, next }));
        }
        Ok(None)
    }

    /// What became of an intent, when the flow was told, and the weight of it all.
    fn follow(&mut self, of: &str) -> Result<(Offer, Option<Moment>, u64), PastError> {
        let (mut offer, mut weight, mut last) = (Offer::default(), 0u64, None);
        while let Some(block) = self.peek().filter(|b| !matches!(b.kind(), "call" | "intent")) {
            let (moment, body) = open(block)?;
            self.place = self.place.saturating_add(1);
            weight = weight.saturating_add(valence_journal::Record::weight(&body));
            match body {
                Entry::Built { proposal, wire, .. } if proposal == of => offer.built(wire),
                Entry::Decided { proposal, rejected, .. } if proposal == of => offer.decided(rejected),
                Entry::Executed { proposal, slot, compute_units, fee, failure, .. } if proposal == of => {
                    last = Some(moment);
                    offer.executed(Executed { slot, compute_units, fee, failure });
                }
                Entry::Retry { proposal, attempt, slot, why } if proposal == of => {
                    last = Some(moment);
                    offer.retry(attempt, slot, why);
                }
                Entry::Reply { proposal, reply } if proposal == of => {
                    offer.reply = Some(reply);
                    return Ok((offer, Some(moment), weight));
                }
                Entry::Resumed(how) if how.tries => offer.forgive(),
                _ => {}
            }
        }
        Ok((offer, last, weight))
    }

    /// Another build, where the instance was given one.
    pub(crate) fn flow(&self) -> &Bytes {
        self.resumed.iter().rev().find_map(|r| r.flow.as_ref()).unwrap_or(&self.header.flow)
    }
}

fn open(block: &Block) -> Result<(Moment, Entry), PastError> {
    let body = block.body().map_err(|e| PastError::Unreadable(block.seq(), e))?;
    let Stamp { slot, time } = block.stamp();
    Ok((Moment { slot, time }, body))
}
