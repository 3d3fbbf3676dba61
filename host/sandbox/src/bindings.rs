//! The WIT contract as Rust, generated; nothing else in this crate runs the generator.

mod generated {
    #![allow(
        missing_docs,
        clippy::indexing_slicing,
        clippy::unreachable,
        clippy::panic,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )]
    wasmtime::component::bindgen!({
        path: "../../wit/flow",
        world: "protocol-flow",
        imports: { default: async | trappable },
        exports: { default: async },
    });
}

pub(crate) use generated::{
    ProtocolFlow as World, ProtocolFlowPre as WorldPre,
    exports::valence::flow::flow,
    valence::flow::{account_watch, clock, log, simulate, tx_build, types},
};
