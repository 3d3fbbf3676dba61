//! Lines for the operator: `log::info!("{} tokens", n)`, and likewise `debug!`, `warn!` and `error!`.

pub use crate::bindings::valence::flow::log::{Level, write};

/// Writes a line at level debug; takes what `format!` takes.
#[doc(inline)]
pub use crate::__log_debug as debug;
/// Writes a line at level error; takes what `format!` takes.
#[doc(inline)]
pub use crate::__log_error as error;
/// Writes a line at level info; takes what `format!` takes.
#[doc(inline)]
pub use crate::__log_info as info;
/// Writes a line at level warn; takes what `format!` takes.
#[doc(inline)]
pub use crate::__log_warn as warn;

#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($arg:tt)*) => { $crate::log::write($crate::log::Level::Debug, &::std::format!($($arg)*)) };
}
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($arg:tt)*) => { $crate::log::write($crate::log::Level::Info, &::std::format!($($arg)*)) };
}
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($arg:tt)*) => { $crate::log::write($crate::log::Level::Warn, &::std::format!($($arg)*)) };
}
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($arg:tt)*) => { $crate::log::write($crate::log::Level::Error, &::std::format!($($arg)*)) };
}
