//! Which answers a spider accepts as pages, in addition to the usual ones.

use std::ops::RangeInclusive;

use crate::type_pattern::{TypePattern, TypePatternError};

/// The answers that a spider accepts as pages: what [`Spider::accepts`](crate::Spider::accepts) returns.
///
/// An answer with a status of 2xx and a type of the setting `accept_types` is always a page. This adds to it. Dragline reads
/// it once, before the first request.
///
/// ```
/// use dragline_spider::Accepts;
///
/// let accepts = Accepts::new().with_status(404).with_statuses(500..=599).with_type("application/pdf");
/// assert!(accepts.has_status(200) && accepts.has_status(404) && !accepts.has_status(403));
/// assert!(accepts.check().is_ok());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepts {
    statuses: Vec<RangeInclusive<u16>>,
    types: Vec<String>,
}

/// What is wrong with an [`Accepts`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptsError {
    /// A status or a range that no answer can have.
    #[error("{first} to {last} is not a range of HTTP statuses; they go from 100 to 999")]
    Statuses {
        /// The first status of the range.
        first: u16,
        /// The last one.
        last: u16,
    },
    /// An invalid type.
    #[error(transparent)]
    Type(#[from] TypePatternError),
}

impl Accepts {
    /// Accepts only the usual answers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Accepts pages with this status.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        self.with_statuses(status..=status)
    }

    /// Accepts pages with any of these statuses.
    #[must_use]
    pub fn with_statuses(mut self, statuses: RangeInclusive<u16>) -> Self {
        self.statuses.push(statuses);
        self
    }

    /// Accepts pages of this type: `application/pdf`, or with one star `image/*`.
    #[must_use]
    pub fn with_type(mut self, pattern: impl Into<String>) -> Self {
        self.types.push(pattern.into());
        self
    }

    /// Whether an answer with this status is a page.
    pub fn has_status(&self, status: u16) -> bool {
        (200..300).contains(&status) || self.statuses.iter().any(|statuses| statuses.contains(&status))
    }

    /// The types, as patterns.
    ///
    /// # Errors
    /// [`AcceptsError::Type`] for the first one that is invalid.
    pub fn types(&self) -> Result<Vec<TypePattern>, AcceptsError> {
        self.types.iter().map(|pattern| Ok(pattern.parse()?)).collect()
    }

    /// Checks statuses and types.
    ///
    /// # Errors
    /// [`AcceptsError`] for the first one that is invalid.
    pub fn check(&self) -> Result<(), AcceptsError> {
        let is_wrong = |statuses: &&RangeInclusive<u16>| {
            statuses.is_empty() || *statuses.start() < 100 || *statuses.end() > 999
        };
        if let Some(statuses) = self.statuses.iter().find(is_wrong) {
            return Err(AcceptsError::Statuses { first: *statuses.start(), last: *statuses.end() });
        }
        self.types().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_is_always_accepted_and_nothing_else_by_default() {
        let accepted: Vec<u16> = (0..=999).filter(|status| Accepts::new().has_status(*status)).collect();
        assert_eq!(accepted, (200..300).collect::<Vec<u16>>());
    }

    #[test]
    fn a_mistake_is_named() {
        let told = |accepts: Accepts| accepts.check().unwrap_err().to_string();
        assert!(told(Accepts::new().with_type("html")).contains("\"html\" is not a type such as text/html"));
        for (accepts, numbers) in [
            (Accepts::new().with_status(404).with_status(40), "40 to 40"),
            (Accepts::new().with_statuses(500..=5999), "500 to 5999"),
            (Accepts::new().with_statuses(RangeInclusive::new(499, 400)), "499 to 400"),
        ] {
            assert!(told(accepts).starts_with(numbers));
        }
    }
}
