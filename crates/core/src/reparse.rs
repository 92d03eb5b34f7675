//! A reparse: a run that parses kept pages of other runs once more.

use serde_json::{Value as Json, json};

/// Whose pages are parsed once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReparseOf {
    /// Those of this run.
    Run(i64),
    /// Those of all runs of the spider, each page once.
    Spider,
}

/// What a reparse does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reparse {
    /// Whose pages it parses.
    pub of: ReparseOf,
    /// Whether it queues and fetches new links. Otherwise it stores them as skipped.
    pub follows_links: bool,
}

/// The requests of a reparse, by what becomes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReparseCounts {
    /// Pages that were or will be parsed once more.
    pub pages: u64,
    /// Pages of which no whole answer is kept.
    pub not_kept: u64,
    /// Pages that a later run has fetched, so that older values must not replace newer ones.
    pub fetched_later: u64,
    /// New links that are not followed.
    pub not_followed: u64,
}

impl Reparse {
    /// Where it stands among a run's arguments.
    pub const ARGUMENT: &'static str = "reparse";

    /// Its form among the arguments of a run.
    pub fn to_json(self) -> Json {
        let of = match self.of {
            ReparseOf::Run(run_id) => json!(run_id),
            ReparseOf::Spider => json!("spider"),
        };
        json!({ "of": of, "follow": self.follows_links })
    }

    /// From this form.
    pub fn from_json(json: &Json) -> Option<Self> {
        let of = match json.get("of")? {
            Json::String(_) => ReparseOf::Spider,
            run_id => ReparseOf::Run(run_id.as_i64()?),
        };
        Some(Self { of, follows_links: json.get("follow")?.as_bool()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reparse_is_read_as_it_was_stored() {
        for of in [ReparseOf::Run(12), ReparseOf::Spider] {
            for follows_links in [false, true] {
                let reparse = Reparse { of, follows_links };
                assert_eq!(Reparse::from_json(&reparse.to_json()), Some(reparse));
            }
        }
        assert_eq!(Reparse::from_json(&json!({ "of": 12 })), None);
    }
}
