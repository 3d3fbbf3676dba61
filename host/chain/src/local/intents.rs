//! What became of the intents of a chain that lives in memory only. Those of a kept chain are in its file.

use crate::Execution;
use std::collections::{HashMap, VecDeque};

/// Results that are remembered; the oldest go first. A retry comes soon or, without the process, never.
const MOST: usize = 16_384;

#[derive(Default)]
pub(super) struct Intents {
    results: HashMap<String, Execution>,
    order: VecDeque<String>,
}

impl Intents {
    pub fn get(&self, intent: &str) -> Option<Execution> {
        self.results.get(intent).cloned()
    }

    pub fn put(&mut self, intent: &str, result: Execution) {
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.results.remove(&oldest);
        }
        self.order.push_back(intent.to_owned());
        self.results.insert(intent.to_owned(), result);
    }
}
