//! The verdict on a finished run: would its operator call it good?
//!
//! A crawl ends in two steps. [`ending`](crate::ending) says how it ended: finished, stopped or failed. If it is finished, this
//! module judges what it stored. `--max-failed-share` is different: it stops a crawl early, so that a bad night is short.
//!
//! A healthy run must never count as bad, so each rule has something that excuses it. A few failed pages say little. A run that
//! a limit cut short is only compared with one that was cut just as short. Without a page that had contents but no item, a run
//! without items had nothing to store.

use std::collections::BTreeMap;

use dragline_core::run_verdict::{EndFigures, GoodRun, Problem, ProblemKind, RunVerdict, TagPages};
use dragline_core::{PageState, RuleCounts};
use dragline_engine::VerdictSettings;

/// The share of failed and dead pages that a run may have without being told otherwise. Sites have broken links: a few per cent
/// are usual.
const TOLERATED_SHARE: f64 = 0.1;
/// Up to this many failed and dead pages don't say anything about a site, unless the user has set the share.
const FEW_PAGES: u64 = 4;
/// This share of the pages of one tag may fail.
const TOLERATED_SHARE_OF_A_TAG: f64 = 0.5;
/// Up to this many of them don't say anything about the tag.
const FEW_PAGES_OF_A_TAG: u64 = 2;
/// A run that a limit cut short is not judged by its items before this many pages are done, because chance decides which pages
/// they are.
const FEW_PAGES_OF_A_CUT_RUN: u64 = 20;

/// Everything that is known about a finished run.
pub(crate) struct Evidence<'a> {
    pub(crate) settings: &'a VerdictSettings,
    /// The share at which the crawl would have been stopped.
    pub(crate) max_failed_share: Option<f64>,
    pub(crate) figures: &'a EndFigures,
    pub(crate) failing_tags: &'a [TagPages],
    /// The spider's item types.
    pub(crate) declared: &'a [String],
    /// The item types of which this process has found items. Another run may have taken over their rows, or an item pipeline
    /// may have dropped them on purpose.
    pub(crate) found: &'a [String],
    /// Item rows that all starts of the run wrote.
    pub(crate) rows_written: u64,
    /// How many requests the run had at least, if that is known.
    pub(crate) requests: Option<u64>,
    /// Pages with contents, but without an item.
    pub(crate) barren_pages: u64,
    /// The rules that items broke.
    pub(crate) rules: &'a RuleCounts,
    /// The share of items at which the crawl would have been stopped.
    pub(crate) max_invalid_share: Option<f64>,
    /// Earlier good runs, the best to compare with first.
    pub(crate) good: &'a [GoodRun],
    /// The most frequent reason of failures, if it is known.
    pub(crate) most_frequent: Option<String>,
}

/// The verdict.
pub(crate) fn judge(evidence: &Evidence<'_>) -> RunVerdict {
    let pages = evidence.pages();
    let mut problems = Vec::new();
    if pages.done == 0 && pages.failed() > 0 {
        problems.push(Problem::new(ProblemKind::NoPageDone, evidence.no_page_done()));
    } else if evidence.is_share_exceeded() {
        problems.push(Problem::new(ProblemKind::FailedShare, evidence.failed_share()));
    }
    if pages.done > 0 {
        let failing = evidence.failing_tags.iter().filter(|tag| evidence.is_tag_failing(tag));
        problems.extend(failing.map(|tag| Problem::new(ProblemKind::FailedTag, told_tag(tag))));
    }
    if pages.dead > 0 {
        let are = if pages.dead == 1 { "is" } else { "are" };
        let text = format!(
            "{} {are} dead: items were refused; see the dead letters{}",
            of_pages(pages.dead),
            evidence.types_without_rows()
        );
        problems.push(Problem::new(ProblemKind::DeadPages, text));
    }
    problems.extend(evidence.lost_items());
    if let Some(text) = evidence.nothing_stored() {
        problems.push(Problem::new(ProblemKind::NothingStored, text));
    }
    problems.extend(evidence.lost_requests().map(|text| Problem::new(ProblemKind::RequestsLost, text)));
    if let Some(text) = evidence.max_invalid_share.and_then(|max| evidence.rules.too_many_invalid(max)) {
        problems.push(Problem::new(ProblemKind::InvalidShare, text));
    }
    RunVerdict { problems }
}

/// The pages of a run that say something about it. Skipped ones (redirects, robots) don't.
#[derive(Clone, Copy)]
struct JudgedPages {
    done: u64,
    failed_only: u64,
    dead: u64,
}

impl JudgedPages {
    fn failed(self) -> u64 {
        self.failed_only + self.dead
    }

    fn all(self) -> u64 {
        self.done + self.failed()
    }
}

impl Evidence<'_> {
    fn pages(&self) -> JudgedPages {
        let of = |state| self.figures.pages.of(state);
        JudgedPages {
            done: of(PageState::Done),
            failed_only: of(PageState::Failed),
            dead: of(PageState::Dead),
        }
    }

    fn is_share_exceeded(&self) -> bool {
        let pages = self.pages();
        let exceeds = |max: f64| is_more(pages.failed(), max, pages.all());
        let tolerated = match self.settings.tolerated_failed_share {
            Some(share) => exceeds(share),
            None => pages.failed() > FEW_PAGES && exceeds(TOLERATED_SHARE),
        };
        tolerated || self.max_failed_share.is_some_and(exceeds)
    }

    /// Whether the pages of one kind fail, for example all details because of a wrong selector, while the others hide it.
    fn is_tag_failing(&self, tag: &TagPages) -> bool {
        let pages = self.pages();
        let is_all = tag.done + tag.failed == pages.all();
        let tolerated = self.settings.tolerated_failed_share.unwrap_or(0.0).max(TOLERATED_SHARE_OF_A_TAG);
        tag.failed > FEW_PAGES_OF_A_TAG
            && is_more(tag.failed, tolerated, tag.done + tag.failed)
            // If all pages have this tag, this is the share of all.
            && !(is_all && self.is_share_exceeded())
    }

    fn no_page_done(&self) -> String {
        let text = format!("no page was done, and {} failed or died", of_pages(self.pages().failed()));
        self.with_reason(text)
    }

    fn failed_share(&self) -> String {
        let (pages, share) = (self.pages(), self.settings.tolerated_failed_share.unwrap_or(TOLERATED_SHARE));
        let share = self.max_failed_share.map_or(share, |max| max.min(share));
        self.with_reason(format!(
            "{} of {} failed or died ({}; at most {} may)",
            pages.failed(),
            of_pages(pages.all()),
            percent(pages.failed(), pages.all()),
            told_share(share)
        ))
    }

    fn with_reason(&self, text: String) -> String {
        match &self.most_frequent {
            Some(reason) => format!("{text}; the most frequent reason: {reason}"),
            None => text,
        }
    }

    /// Item types that had rows in an earlier good run.
    fn lost_items(&self) -> Vec<Problem> {
        if !self.has_barren_pages() {
            return Vec::new();
        }
        let missing =
            self.judged_types().filter(|name| rows(self.figures, name) == 0 && !self.found.contains(name));
        let lost = missing.filter_map(|name| {
            let good = self.comparable().find(|good| rows(&good.figures, name) > 0)?;
            let then = rows(&good.figures, name);
            Some(format!("no {name} was stored; run {} had {then} of them", good.run_id))
        });
        lost.map(|text| Problem::new(ProblemKind::ItemsLost, text)).collect()
    }

    fn nothing_stored(&self) -> Option<String> {
        let pages = self.pages();
        let is_empty = self.figures.all_items() == 0 && self.rows_written == 0 && self.found.is_empty();
        if !is_empty || !self.figures.cut_by.is_empty() || self.judged_types().next().is_none() {
            return None;
        }
        let skipped = self.figures.pages.of(PageState::Skipped);
        match pages {
            _ if pages.all() == 0 && skipped > 0 => {
                Some(format!("nothing was stored: every request was skipped ({skipped} in all)"))
            }
            _ if pages.done > 0 && self.has_barren_pages() => {
                let letters = match self.figures.dead_letters {
                    0 => String::new(),
                    letters => format!("; there are {letters} dead letters"),
                };
                let were = if pages.done == 1 { "was" } else { "were" };
                Some(format!("no item was stored, though {} {were} done{letters}", of_pages(pages.done)))
            }
            _ => None,
        }
    }

    /// The item types of which every row was refused, as the end of a sentence.
    fn types_without_rows(&self) -> String {
        let refused =
            self.declared.iter().filter(|name| rows(self.figures, name) == 0 && self.found.contains(name));
        let refused: Vec<&str> = refused.map(String::as_str).collect();
        if refused.is_empty() {
            String::new()
        } else {
            format!("; no {} was stored", refused.join(" and no "))
        }
    }

    /// A run whose requests were deleted looks finished, because nothing is left to fetch.
    fn lost_requests(&self) -> Option<String> {
        let pages = &self.figures.pages;
        let there = pages.queued + pages.ended.values().sum::<u64>();
        let had = self.requests.filter(|had| there < *had)?;
        Some(format!(
            "{there} requests are in the store, but there were {had}: rows of crawl_requests were deleted"
        ))
    }

    /// Whether the site had something to store.
    fn has_barren_pages(&self) -> bool {
        self.barren_pages > 0 || self.figures.dead_letters > 0
    }

    /// The spider's item types that should have rows.
    fn judged_types(&self) -> impl Iterator<Item = &String> {
        self.declared.iter().filter(|name| !self.settings.may_be_empty.contains(name))
    }

    /// The good runs to compare with: those that saw no more of the site than this run.
    fn comparable(&self) -> impl Iterator<Item = &GoodRun> {
        let cut_by = &self.figures.cut_by;
        let says_enough = cut_by.is_empty() || self.pages().all() >= FEW_PAGES_OF_A_CUT_RUN;
        let is_no_wider = |then: &BTreeMap<String, u64>| {
            cut_by.iter().all(|(name, limit)| then.get(name).is_some_and(|then| then <= limit))
        };
        self.good.iter().filter(move |good| says_enough && is_no_wider(&good.figures.cut_by))
    }
}

fn rows(figures: &EndFigures, item_type: &str) -> u64 {
    figures.items.get(item_type).copied().unwrap_or_default()
}

fn told_tag(tag: &TagPages) -> String {
    let all = tag.done + tag.failed;
    let which = match tag.tag.as_str() {
        "" => String::new(),
        tag => format!(" with the tag {tag:?}"),
    };
    format!("{} of {}{which} failed or died ({})", tag.failed, of_pages(all), percent(tag.failed, all))
}

#[allow(clippy::cast_precision_loss)] // a share of pages: their last digits do not matter
fn is_more(part: u64, share: f64, all: u64) -> bool {
    part as f64 > share * all as f64
}

#[allow(clippy::cast_precision_loss)]
fn percent(part: u64, all: u64) -> String {
    told_share(part as f64 / all.max(1) as f64)
}

fn told_share(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn of_pages(count: u64) -> String {
    format!("{count} page{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
