//! The settings of an incremental crawl.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

use super::RefreshRule;
use crate::error::EngineError;

/// What to fetch again of what earlier runs have seen.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(next_help_heading = "Revisits")]
pub struct RevisitSettings {
    /// Fetch and store only what may have changed since earlier runs
    ///
    /// Dragline then keeps a record of each page: its `ETag`, `Last-Modified`, the hash of its body, its links and the
    /// keys of its items. The next run with this flag asks the server for the page only if it has changed. A page
    /// that is unchanged is done without a parse. Its links are followed, and its items count as seen. Item rows
    /// that are as they were are not written again.
    #[arg(long, env = "DRAGLINE_INCREMENTAL", help_heading = "Run", value_parser = BoolishValueParser::new())]
    pub incremental: bool,

    /// Read the pages that earlier runs have kept (--keep-pages), and fetch only the others
    ///
    /// This is for the time in which you write a spider. The run is a replay and says so: no later crawl compares itself
    /// with it or waits because of it. Its name ends in `-replay`, unless you choose one. Pages that redirected and pages
    /// that could not be fetched are asked for again. --incremental doesn't count in a replay.
    #[arg(long, env = "DRAGLINE_REPLAY", help_heading = "Run", value_parser = BoolishValueParser::new(), hide_short_help = true)]
    pub replay: bool,

    /// In an incremental crawl, don't fetch pages that an earlier run asked for less than AGE ago [default: ask for
    /// every page]
    ///
    /// AGE is a time such as `20h` or `30d`, or two times such as `1d..30d`. With two, Dragline asks for each page
    /// about as often as it has changed so far, within these bounds. A rule in front of it makes the age count only for
    /// some pages: `tag:detail=30d` for requests with this tag, `url:/archive/=90d` for URLs that match this regular
    /// expression. Repeat the flag for several rules. The first one that fits a page counts, and an age without a
    /// rule counts for the others. In the variable, write one per line. In the file, use a list. The links of a
    /// page that isn't fetched are followed. A page that a sitemap says has changed since is fetched all the same.
    #[arg(long, env = "DRAGLINE_REFRESH_AFTER", value_name = "[RULE=]AGE", value_delimiter = '\n', value_parser = RefreshRule::parse, hide_short_help = true)]
    pub refresh_after: Vec<RefreshRule>,

    /// In an incremental crawl, send the `ETag` and `Last-Modified` of the last visit, so that the server may answer
    /// that the page is unchanged
    ///
    /// Turn this off for a server that says it although the page has changed. Dragline then compares the body
    /// with that of the last visit.
    #[arg(long, env = "DRAGLINE_CONDITIONAL_REQUESTS", value_name = "BOOL", action = ArgAction::Set, default_value_t = Self::default().conditional_requests, hide_short_help = true)]
    pub conditional_requests: bool,
}

impl Default for RevisitSettings {
    fn default() -> Self {
        Self { incremental: false, replay: false, refresh_after: Vec::new(), conditional_requests: true }
    }
}

impl RevisitSettings {
    /// Whether records of pages are kept and used. A replay does neither: it sees pages as they were once.
    pub fn keeps_records(&self) -> bool {
        self.incremental && !self.replay
    }

    pub(crate) fn validate(&self) -> Result<(), EngineError> {
        if !self.incremental && !self.refresh_after.is_empty() {
            return Err(EngineError::Unusable {
                name: "refresh_after",
                problem: "it needs --incremental: only an incremental crawl knows when a page was seen"
                    .to_owned(),
            });
        }
        let general = self.refresh_after.iter().filter(|rule| rule.is_for_all()).count();
        if general > 1 {
            let problem = "more than one age has no rule in front of it; give one, such as tag:detail=30d";
            return Err(EngineError::Unusable { name: "refresh_after", problem: problem.to_owned() });
        }
        Ok(())
    }
}
