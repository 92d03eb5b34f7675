//! The error of a spider's methods: anything, with its causes in one line.

use std::fmt;

/// The result of a spider's methods.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a page could not be parsed, or a spider could not start.
pub struct Error(Box<dyn std::error::Error + Send + Sync>);

impl Error {
    /// An error with this message.
    pub fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string().into())
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Returns early with an [`Error`]: `bail!("no price in {url}")`.
#[macro_export]
macro_rules! bail {
    ($($message:tt)+) => {
        return ::std::result::Result::Err($crate::error::Error::new(::std::format!($($message)+)))
    };
}
