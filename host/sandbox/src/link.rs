//! Pure drivers composed into a flow, so that a driver call is a plain call inside one component. What a driver may do
//! is decided by what it imports: a pure one imports types only. Drivers with stores and grants of their own are not here;
//! their calls pass the door (`valence_door::HostCall`) like everything else.

use crate::{error::LoadError, inspect::Anatomy};
use wac_graph::{CompositionGraph, EncodeOptions, types::Package};

/// What a pure driver may import.
const TYPES: &str = "valence:flow/types@";

/// A component with its anatomy.
pub(crate) struct Part<'a> {
    pub bytes: &'a [u8],
    pub anatomy: &'a Anatomy,
}

impl Part<'_> {
    fn gives(&self, flow: &Part<'_>) -> Vec<String> {
        self.anatomy.exports.iter().filter(|e| flow.anatomy.imports.contains(e)).cloned().collect()
    }
}

/// The parts that really go into the component, in an order that does not depend on how they were given: drivers that
/// export nothing which the flow imports stay out.
pub(crate) fn choose<'a>(flow: &Part<'_>, drivers: &[Part<'a>]) -> Result<Vec<Part<'a>>, LoadError> {
    let mut chosen: Vec<Part<'a>> = Vec::new();
    for driver in drivers {
        let gives = driver.gives(flow);
        let (Some(first), name) = (gives.first(), driver.anatomy.exports.join(", ")) else { continue };
        if let Some(other) = chosen.iter().find(|d| d.gives(flow).iter().any(|g| gives.contains(g))) {
            let other = other.anatomy.digest;
            return Err(LoadError::Driver(
                name,
                format!("the driver {other} already gives the flow `{first}`; keep one of the two"),
            ));
        }
        if let Some(import) = driver.anatomy.imports.iter().find(|i| !i.starts_with(TYPES)) {
            return Err(LoadError::Driver(
                name,
                format!(
                    "it imports `{import}`; a driver that is composed into a flow may import `valence:flow/types` only"
                ),
            ));
        }
        chosen.push(Part { bytes: driver.bytes, anatomy: driver.anatomy });
    }
    chosen.sort_by_key(|d| d.anatomy.digest);
    Ok(chosen)
}

/// The flow with its drivers as one component.
pub(crate) fn compose(flow: &Part<'_>, drivers: &[Part<'_>]) -> Result<Vec<u8>, LoadError> {
    let mut graph = CompositionGraph::new();
    let mut register = |name: &str, part: &Part<'_>| -> Result<_, String> {
        let package =
            Package::from_bytes(name, None, part.bytes.to_vec(), graph.types_mut()).map_err(|e| format!("{e:#}"))?;
        graph.register_package(package).map_err(|e| format!("{e:#}"))
    };
    let mut plugs = Vec::new();
    for (place, driver) in drivers.iter().enumerate() {
        let id = register(&format!("valence:driver{place}"), driver)
            .map_err(|e| LoadError::Driver(driver.anatomy.exports.join(", "), e))?;
        plugs.push(id);
    }
    let socket = register("valence:flow-itself", flow).map_err(LoadError::Damaged)?;
    let names = || drivers.iter().flat_map(|d| d.anatomy.exports.clone()).collect::<Vec<_>>().join(", ");
    wac_graph::plug(&mut graph, plugs, socket).map_err(|e| {
        LoadError::Driver(
            names(),
            format!("its functions are not those that the flow imports ({e}); build both against the same WIT"),
        )
    })?;
    graph
        .encode(EncodeOptions { validate: false, ..EncodeOptions::default() })
        .map_err(|e| LoadError::Driver(names(), format!("{e:#}")))
}
