//! Checks of settings for values that the types allow but that are invalid.

use std::fmt::{Debug, Display};
use std::time::Duration;

use crate::error::EngineError;

/// Refuses `value` for the setting `name` unless it is `possible`.
pub(crate) fn require(
    possible: bool,
    name: &'static str,
    value: &dyn Display,
    problem: &'static str,
) -> Result<(), EngineError> {
    if possible { Ok(()) } else { Err(EngineError::Setting { name, value: value.to_string(), problem }) }
}

/// Refuses 0 for each of these settings.
pub(crate) fn at_least_one<const N: usize>(settings: [(&'static str, usize); N]) -> Result<(), EngineError> {
    let mut settings = settings.into_iter();
    settings.try_for_each(|(name, value)| require(value > 0, name, &value, "it must be at least 1"))
}

/// Refuses a duration of zero for each of these settings.
pub(crate) fn longer_than_zero<const N: usize>(
    settings: [(&'static str, Duration); N],
) -> Result<(), EngineError> {
    let mut settings = settings.into_iter();
    settings.try_for_each(|(name, value)| {
        require(!value.is_zero(), name, &as_debugged(&value), "it must be longer than zero")
    })
}

/// A value as text, if it has no `Display` or one with hundreds of digits.
pub(crate) fn as_debugged(value: &impl Debug) -> String {
    format!("{value:?}")
}
