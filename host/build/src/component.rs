//! A core module into a component: the world that wit-bindgen left in the module's custom section becomes the
//! component's type, and nothing is added to it.

use wit_component::ComponentEncoder;

use crate::error::one_line;

/// Encodes and validates. The error says in one line why the module cannot be a component.
pub(crate) fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    let section = b"component-type";
    if !module.windows(section.len()).any(|window| window == section) {
        return Err("no component-type section".into());
    }
    let encoder = ComponentEncoder::default().validate(true).module(module);
    encoder.and_then(|mut encoder| encoder.encode()).map_err(|error| one_line(&format!("{error:#}")))
}
