//! The links between steps, and what is refused in them: a link to nowhere, a step that nobody comes to, and a cycle without a
//! way out.
//!
//! From every step there must be a way to an end along links that the file gives: `on_success`, or the next step in the
//! list where it is absent, and `on_failure` where it is given. A cycle from which there is none is refused. That a
//! step without `on_failure` may pause or fail the flow, and that the timeout ends it in any case, is no way out: those are accidents, and
//! a keeper loop says `on-failure = "end"`.

use super::{
    fault::{At, Checked, clip, fault},
    flow::ProtocolFlow,
};

/// Links that are no step's name.
pub(super) const RESERVED: [&str; 2] = ["end", "fail"];

/// Where a flow goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// The step at this place.
    Step(usize),
    /// The flow is done.
    End,
    /// The flow failed.
    Fail,
}

impl ProtocolFlow {
    /// Where a link leads; none: to no step of this flow.
    fn follow(&self, name: &str) -> Option<Link> {
        match name {
            "end" => Some(Link::End),
            "fail" => Some(Link::Fail),
            _ => self.place(name).map(Link::Step),
        }
    }

    /// The place of the step of this name.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.steps.iter().position(|s| s.name == name)
    }

    /// Where the flow goes on when the step at this place landed; none: an unknown link.
    pub(super) fn after_success(&self, place: usize) -> Option<Link> {
        match self.steps.get(place).and_then(|s| s.on_success.as_deref()) {
            Some(name) => self.follow(name),
            None => {
                let next = place.saturating_add(1);
                Some(if next < self.steps.len() { Link::Step(next) } else { Link::End })
            }
        }
    }

    /// Where it goes on when the step did not land; none: nowhere, or an unknown link.
    pub(super) fn after_failure(&self, place: usize) -> Option<Link> {
        self.follow(self.steps.get(place)?.on_failure.as_deref()?)
    }

    /// Where a step can lead.
    fn links(&self, place: usize) -> impl Iterator<Item = Link> {
        self.after_success(place).into_iter().chain(self.after_failure(place))
    }
}

pub(super) fn check(flow: &ProtocolFlow) -> Checked {
    for (place, step) in flow.steps.iter().enumerate() {
        for (field, link) in [("on-success", &step.on_success), ("on-failure", &step.on_failure)] {
            if let Some(name) = link.as_deref().filter(|name| flow.follow(name).is_none()) {
                let what = format!(
                    "`{field}` names no step: there is no `{}`; give a step's name, `end` or `fail`",
                    clip(name)
                );
                return fault(what).at(field).at(place).at("steps");
            }
        }
    }
    let reached = reached(flow);
    if let Some(place) = (0..flow.steps.len()).find(|place| reached.get(*place) != Some(&true)) {
        return fault("no link leads to this step; link to it or remove it").at(place).at("steps");
    }
    let ending = ending(flow);
    if let Some(place) = (0..flow.steps.len()).find(|place| ending.get(*place) != Some(&true)) {
        let what = "the flow goes round for ever from here: no link of this cycle leaves it; give one of its steps a link that does, such as on-failure = \"end\"";
        return fault(what).at(place).at("steps");
    }
    Ok(())
}

/// Which steps a run can come to.
fn reached(flow: &ProtocolFlow) -> Vec<bool> {
    let mut reached = vec![false; flow.steps.len()];
    let mut open = vec![0];
    while let Some(place) = open.pop() {
        match reached.get_mut(place) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        open.extend(flow.links(place).filter_map(|link| match link {
            Link::Step(next) => Some(next),
            Link::End | Link::Fail => None,
        }));
    }
    reached
}

/// From which steps a run can come to an end: found backwards, from the ends.
fn ending(flow: &ProtocolFlow) -> Vec<bool> {
    let mut before = vec![Vec::new(); flow.steps.len()];
    let mut open = Vec::new();
    for place in 0..flow.steps.len() {
        for link in flow.links(place) {
            match link {
                Link::Step(next) => {
                    if let Some(list) = before.get_mut(next) {
                        list.push(place);
                    }
                }
                Link::End | Link::Fail => open.push(place),
            }
        }
    }
    let mut ending = vec![false; flow.steps.len()];
    while let Some(place) = open.pop() {
        match ending.get_mut(place) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        open.extend(before.get(place).into_iter().flatten().copied());
    }
    ending
}
