//! `valence:flow/log`.

use super::FlowState;
use crate::{
    bindings::log::{Host, Level},
    limits::Limit,
};
use valence_door::HostCall;

impl Host for FlowState {
    async fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        // A line costs its record too, so that a flood of empty lines ends as well.
        let bytes = u64::try_from(message.len()).unwrap_or(u64::MAX).saturating_add(16);
        self.meter.count(Limit::log_bytes, |c| &mut c.log_bytes, bytes)?;
        self.pass(HostCall::Log { level: level.into(), message }).await.map(drop)
    }
}
