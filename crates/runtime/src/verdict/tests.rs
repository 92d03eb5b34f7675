//! Nights that were good, and nights that were not.

use super::*;
use dragline_core::store::PageCounts;

/// A run that can be made worse step by step.
#[derive(Clone, Default)]
struct Night {
    settings: VerdictSettings,
    max_failed_share: Option<f64>,
    figures: EndFigures,
    tags: Vec<TagPages>,
    found: Vec<String>,
    rows_written: u64,
    requests: Option<u64>,
    barren_pages: u64,
    rules: RuleCounts,
    max_invalid_share: Option<f64>,
    good: Vec<GoodRun>,
}

impl Night {
    /// Pages that are done, failed and dead.
    fn of(done: u64, failed: u64, dead: u64) -> Self {
        let ended = [(PageState::Done, done), (PageState::Failed, failed), (PageState::Dead, dead)];
        let pages = PageCounts { queued: 0, ended: ended.into() };
        Self { figures: EndFigures { pages, ..EndFigures::default() }, ..Self::default() }
    }

    fn items(mut self, items: &[(&str, u64)]) -> Self {
        self.figures.items = items.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect();
        self.rows_written = self.figures.all_items();
        self
    }

    fn tag(mut self, tag: &str, done: u64, failed: u64) -> Self {
        self.tags.push(TagPages { tag: tag.to_owned(), done, failed });
        self
    }

    fn barren(mut self) -> Self {
        self.barren_pages = 1;
        self
    }

    fn cut_by(mut self, limit: &str, value: u64) -> Self {
        self.figures.cut_by.insert(limit.to_owned(), value);
        self
    }

    fn after(mut self, good: &Self) -> Self {
        let run_id = 7 - i64::try_from(self.good.len()).unwrap();
        self.good.push(GoodRun { run_id, figures: good.figures.clone() });
        self
    }

    fn tolerating(mut self, share: f64) -> Self {
        self.settings.tolerated_failed_share = Some(share);
        self
    }

    fn problems(&self) -> Vec<String> {
        let verdict = judge(&Evidence {
            settings: &self.settings,
            max_failed_share: self.max_failed_share,
            figures: &self.figures,
            failing_tags: &self.tags,
            declared: &["quote".to_owned(), "author".to_owned()],
            found: &self.found,
            rows_written: self.rows_written,
            requests: self.requests,
            barren_pages: self.barren_pages,
            rules: &self.rules,
            max_invalid_share: self.max_invalid_share,
            good: &self.good,
            most_frequent: Some("error in parse".to_owned()),
        });
        verdict.problems.into_iter().map(|problem| problem.code).collect()
    }

    #[track_caller]
    fn is_good(&self) {
        assert_eq!(self.problems(), Vec::<String>::new());
    }

    #[track_caller]
    fn has(&self, codes: &[&str]) {
        assert_eq!(self.problems(), codes);
    }
}

const SOME: &[(&str, u64)] = &[("quote", 10), ("author", 3)];

#[test]
fn a_few_failed_pages_say_nothing() {
    Night::of(1_000, 30, 0).items(SOME).tag("", 1_000, 30).is_good();
    Night::of(3, 1, 0).items(SOME).tag("", 3, 1).is_good();
    Night::of(1, 2, 0).items(SOME).tag("", 1, 2).is_good();
    Night::of(40, 4, 0).items(SOME).tag("", 40, 4).is_good();
}

#[test]
fn a_share_of_failed_pages_is_told() {
    Night::of(40, 5, 0).items(SOME).tag("", 40, 5).has(&["failed_share"]);
    Night::of(2, 3, 0).items(SOME).tag("", 2, 3).has(&["failed_tag"]);
    Night::of(1, 8, 0).items(SOME).tag("", 1, 8).has(&["failed_share"]);
    Night::of(990, 10, 0).items(SOME).tag("", 990, 10).tolerating(0.01).is_good();
    Night::of(989, 11, 0).items(SOME).tag("", 989, 11).tolerating(0.01).has(&["failed_share"]);
    Night::of(99, 1, 0).items(SOME).tolerating(0.0).has(&["failed_share"]);
    Night::of(1, 99, 0).items(SOME).tag("", 1, 99).tolerating(1.0).is_good();
    let stopped_at = Night { max_failed_share: Some(0.05), ..Night::of(90, 6, 0).items(SOME) };
    stopped_at.has(&["failed_share"]);
}

#[test]
fn pages_of_one_kind_that_fail_are_not_hidden_by_the_others() {
    let night = Night::of(200, 8, 0).items(SOME).tag("detail", 0, 8);
    night.has(&["failed_tag"]);
    Night::of(200, 2, 0).items(SOME).tag("detail", 0, 2).is_good();
    Night::of(200, 8, 0).items(SOME).tag("detail", 8, 8).is_good();
}

#[test]
fn a_single_start_page_that_fails_or_dies_is_told() {
    Night::of(0, 1, 0).has(&["no_page_done"]);
    Night::of(0, 0, 1).has(&["no_page_done", "dead_pages"]);
    Night::of(100, 0, 1).items(SOME).has(&["dead_pages"]);
}

#[test]
fn a_run_without_items_is_told_unless_the_site_had_none() {
    Night::of(5, 0, 0).barren().has(&["nothing_stored"]);
    Night::of(5, 0, 0).is_good();
    Night::of(1, 0, 0).barren().cut_by("limit", 1).is_good();
    Night::of(5, 0, 0).barren().cut_by("max_depth", 1).is_good();
    let mut taken_over = Night::of(5, 0, 0).barren();
    taken_over.rows_written = 9;
    taken_over.is_good();
    let mut may_be_empty = Night::of(5, 0, 0).barren();
    may_be_empty.settings.may_be_empty = vec!["quote".to_owned()];
    may_be_empty.has(&["nothing_stored"]);
    may_be_empty.settings.may_be_empty.push("author".to_owned());
    may_be_empty.is_good();
}

#[test]
fn a_run_whose_requests_were_all_skipped_is_told() {
    let mut night = Night::default();
    night.is_good();
    night.figures.pages.ended.insert(PageState::Skipped, 1);
    night.has(&["nothing_stored"]);
}

#[test]
fn deleted_requests_are_told_also_if_nothing_is_left() {
    let night = Night { requests: Some(12), ..Night::of(10, 2, 0).items(SOME) };
    night.is_good();
    Night { requests: Some(13), ..night.clone() }.has(&["requests_lost"]);
    Night { requests: Some(1), ..Night::default() }.has(&["requests_lost"]);
    Night { requests: None, ..night }.is_good();
}

#[test]
fn quarantined_items_are_a_sign_that_there_was_something_to_store() {
    let mut night = Night::of(5, 0, 0);
    night.figures.dead_letters = 50;
    night.has(&["nothing_stored"]);
}

#[test]
fn an_item_type_that_went_missing_is_told() {
    let before = Night::of(100, 0, 0).items(SOME);
    let lost = Night::of(100, 0, 0).items(&[("quote", 10), ("author", 0)]);
    lost.clone().barren().after(&before).has(&["items_lost"]);
    lost.clone().after(&before).is_good();
    lost.clone().barren().is_good();
    let mut excused = lost.clone().barren().after(&before);
    excused.settings.may_be_empty = vec!["author".to_owned()];
    excused.is_good();
    let found = Night { found: vec!["author".to_owned()], ..lost.clone().barren().after(&before) };
    found.is_good();
    // A night without news between the two does not hide it.
    lost.barren().after(&Night::of(1, 0, 0)).after(&before).has(&["items_lost"]);
}

#[test]
fn a_run_is_compared_only_with_one_that_saw_no_more() {
    let whole = Night::of(1_000, 0, 0).items(SOME);
    let cut = |limit: u64| Night::of(limit, 0, 0).cut_by("limit", limit);
    let empty = |limit: u64| cut(limit).items(&[]).barren();
    empty(100).after(&whole).is_good();
    empty(100).after(&cut(200).items(SOME)).is_good();
    empty(100).after(&cut(100).items(SOME)).has(&["items_lost", "items_lost"]);
    empty(1).after(&cut(1).items(SOME)).is_good();
    Night::of(1_000, 0, 0).barren().after(&cut(100).items(SOME)).has(&[
        "items_lost",
        "items_lost",
        "nothing_stored",
    ]);
    empty(100).after(&whole).after(&cut(50).items(SOME)).has(&["items_lost", "items_lost"]);
}

#[test]
fn the_texts_name_numbers() {
    let night = Night::of(2, 8, 0).items(SOME);
    let evidence = |settings: &VerdictSettings| {
        let night = night.clone();
        let verdict = judge(&Evidence {
            settings,
            max_failed_share: None,
            figures: &night.figures,
            failing_tags: &[TagPages { tag: "detail".to_owned(), done: 0, failed: 8 }],
            declared: &[],
            found: &[],
            rows_written: 0,
            requests: None,
            barren_pages: 0,
            rules: &RuleCounts::default(),
            max_invalid_share: None,
            good: &[],
            most_frequent: Some("error in parse".to_owned()),
        });
        verdict.problems.into_iter().map(|problem| problem.text).collect::<Vec<_>>()
    };
    assert_eq!(
        evidence(&VerdictSettings::default()),
        [
            "8 of 10 pages failed or died (80.0 %; at most 10.0 % may); the most frequent reason: error in parse",
            "8 of 8 pages with the tag \"detail\" failed or died (100.0 %)",
        ]
    );
}

#[test]
fn too_many_invalid_items_make_a_run_bad() {
    let mut rules = RuleCounts::default();
    (0..4).for_each(|number| rules.item(number == 0));
    let night =
        |max| Night { rules: rules.clone(), max_invalid_share: max, ..Night::of(40, 0, 0).items(SOME) };
    night(None).is_good();
    night(Some(0.25)).is_good();
    night(Some(0.2)).has(&["invalid_share"]);
}
