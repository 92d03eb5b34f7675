//! The kind of a run: not every run asks a site for its pages.

use std::fmt;

/// The kind of a run. It never changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunKind {
    /// It fetches its pages.
    #[default]
    Crawl,
    /// It parses kept pages of other runs once more.
    Reparse,
    /// It reads kept pages, and fetches those that are not kept.
    Replay,
    /// Its pages come from a file.
    Import,
}

impl RunKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Crawl, Self::Reparse, Self::Replay, Self::Import];

    /// Its stored form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Crawl => "crawl",
            Self::Reparse => "reparse",
            Self::Replay => "replay",
            Self::Import => "import",
        }
    }

    /// From its stored form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for RunKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_as_it_is_written() {
        for kind in RunKind::ALL {
            assert_eq!(RunKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(RunKind::parse("Crawl"), None);
    }
}
