//! How a crawl ended, in one word. The command line makes its exit code of it.

/// How a crawl ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrawlOutcome {
    /// The frontier is empty, or a limit was reached.
    Finished,
    /// Finished as well, but the [verdict](crate::CrawlReport::verdict) names problems that a person should look at.
    FinishedWithProblems,
    /// Stopped early; the same crawl resumes.
    Stopped,
    /// An error ended it, too many pages failed, or no page at all was done. All that was stored is safe.
    Failed,
    /// The stop was forced; the same crawl resumes.
    Forced,
}
