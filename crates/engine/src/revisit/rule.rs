//! For how long a page counts as fresh.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use dragline_core::{EarlierPage, Request};
use dragline_flags::{duration, text};
use regex::Regex;

/// How long pages count as fresh, and which pages.
#[derive(Clone, Debug)]
pub struct RefreshRule {
    pages: Pages,
    age: Age,
    /// As it was written.
    text: String,
}

#[derive(Clone, Debug)]
enum Pages {
    All,
    Tag(String),
    Url(Regex),
}

/// After which time a page is fetched again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Age {
    least: Duration,
    most: Duration,
}

impl RefreshRule {
    /// All pages are fresh for this long.
    pub fn after(age: Duration) -> Self {
        Self { pages: Pages::All, age: Age { least: age, most: age }, text: text::duration(age) }
    }

    /// Reads `30d`, `1d..30d`, `tag:detail=30d` or `url:/archive/=90d`.
    ///
    /// # Errors
    /// A description of the problem.
    pub fn parse(text: &str) -> Result<Self, String> {
        let written = text.trim();
        // An expression may contain the sign too, but no age does.
        let (pages, age) = match written.rsplit_once('=') {
            None => (Pages::All, written),
            Some((pages, age)) => (Pages::parse(pages)?, age),
        };
        Ok(Self { pages, age: Age::parse(age)?, text: written.to_owned() })
    }

    pub(super) fn is_for_all(&self) -> bool {
        matches!(self.pages, Pages::All)
    }

    /// How long this rule lets a page be fresh. `None` if the rule is not about the page.
    fn age_for(&self, request: &Request, earlier: &EarlierPage) -> Option<Duration> {
        let is_meant = match &self.pages {
            Pages::All => true,
            Pages::Tag(tag) => request.tag() == tag,
            Pages::Url(pattern) => pattern.is_match(request.url().as_str()),
        };
        is_meant.then(|| self.age.of(earlier))
    }
}

impl Pages {
    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("tag", tag)) => Ok(Self::Tag(tag.trim().to_owned())),
            Some(("url", pattern)) => Regex::new(pattern).map(Self::Url).map_err(|error| {
                let error = error.to_string();
                let problem = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
                format!("{pattern:?} is not a regular expression: {problem}")
            }),
            _ => Err(format!("{text:?} is not a rule; examples: tag:detail=30d, url:/archive/=90d")),
        }
    }
}

impl Age {
    fn parse(text: &str) -> Result<Self, String> {
        let parse = |text: &str| {
            let age =
                duration(text).map_err(|_| format!("{text:?} is not an age; examples: 20h, 30d, 1d..30d"))?;
            if age.is_zero() {
                Err("an age must be longer than 0; examples: 20h, 30d".to_owned())
            } else {
                Ok(age)
            }
        };
        let (least, most) = match text.split_once("..") {
            Some((least, most)) => (parse(least)?, parse(most)?),
            None => (parse(text)?, parse(text)?),
        };
        if least > most {
            return Err(format!(
                "{} is longer than {}; write the shorter one first",
                text::duration(least),
                text::duration(most)
            ));
        }
        Ok(Self { least, most })
    }

    /// A page that has changed n times since it was first seen changes about once in an n-th of that time. One change more is
    /// assumed, so that the time between two visits of a page that has never changed at most doubles.
    fn of(self, earlier: &EarlierPage) -> Duration {
        let observed = (earlier.checked_at - earlier.first_at).to_std().unwrap_or_default();
        (observed / earlier.changes.saturating_add(1)).clamp(self.least, self.most)
    }
}

impl FromStr for RefreshRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl fmt::Display for RefreshRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for RefreshRule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// How much the store's clock may be ahead of ours. A later visit says nothing.
const CLOCKS_DIFFER: Duration = Duration::from_secs(300);

/// Whether a page was seen so recently that it need not be fetched. The first rule that is about the page counts, and a rule for
/// all pages comes last.
pub(super) fn is_fresh(
    rules: &[RefreshRule],
    request: &Request,
    earlier: &EarlierPage,
    now: DateTime<Utc>,
) -> bool {
    let (general, special): (Vec<_>, Vec<_>) = rules.iter().partition(|rule| rule.is_for_all());
    let age = special.into_iter().chain(general).find_map(|rule| rule.age_for(request, earlier));
    let Some(age) = age else { return false };
    match (now - earlier.checked_at).to_std() {
        Ok(since) => since < age,
        Err(_) => (earlier.checked_at - now).to_std().is_ok_and(|ahead| ahead <= CLOCKS_DIFFER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use dragline_core::ParserVersion;
    use dragline_core::earlier::Validators;

    const DAY: TimeDelta = TimeDelta::days(1);

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn seen(first: TimeDelta, last: TimeDelta, changes: u32) -> EarlierPage {
        EarlierPage {
            validators: Validators::default(),
            body_hash: [0; 32],
            parser: ParserVersion::from_bytes(&[0; 16]).unwrap(),
            first_at: now() - first,
            checked_at: now() - last,
            changes,
        }
    }

    fn fresh(rules: &[&str], request: &Request, earlier: &EarlierPage) -> bool {
        let rules: Vec<RefreshRule> = rules.iter().map(|rule| RefreshRule::parse(rule).unwrap()).collect();
        is_fresh(&rules, request, earlier, now())
    }

    fn page(url: &str, tag: &str) -> Request {
        Request::get(url).unwrap().with_tag(tag)
    }

    #[test]
    fn a_page_is_fresh_until_its_age_is_reached() {
        let page = page("http://a.example/", "");
        let hours = |hours| seen(DAY * 9, TimeDelta::hours(hours), 0);
        assert!(!fresh(&[], &page, &hours(0)));
        assert!(fresh(&["20h"], &page, &hours(19)) && !fresh(&["20h"], &page, &hours(20)));
        assert!(fresh(&["20h"], &page, &seen(DAY, TimeDelta::minutes(-4), 0)), "clocks differ a little");
        assert!(!fresh(&["20h"], &page, &seen(DAY, TimeDelta::minutes(-6), 0)), "a clock was wrong");
    }

    #[test]
    fn the_first_rule_about_a_page_counts_and_the_general_one_comes_last() {
        let rules = ["1d", "tag:detail=30d", "url:/archive/.*=x=90d"];
        let two_days = seen(DAY * 9, DAY * 2, 0);
        assert!(!fresh(&rules, &page("http://a.example/", "list"), &two_days));
        assert!(fresh(&rules, &page("http://a.example/", "detail"), &two_days));
        let sixty = seen(DAY * 99, DAY * 60, 0);
        assert!(fresh(&rules, &page("http://a.example/archive/1?a=x", ""), &sixty));
        assert!(!fresh(&rules, &page("http://a.example/archive/1?a=x", "detail"), &sixty));
    }

    #[test]
    fn a_page_that_changes_often_is_visited_often() {
        let age = |first: i64, last: i64, changes| {
            Age::parse("1d..30d")
                .unwrap()
                .of(&seen(DAY * i32::try_from(first).unwrap(), DAY * i32::try_from(last).unwrap(), changes))
                .as_secs()
                / 86_400
        };
        assert_eq!(age(0, 0, 0), 1, "a new page");
        assert_eq!((age(9, 1, 0), age(9, 1, 1), age(9, 1, 7)), (8, 4, 1));
        assert_eq!(age(400, 1, 0), 30, "never longer than the bound");
    }

    #[test]
    fn a_wrong_rule_says_what_to_write() {
        for (wrong, says) in [
            ("", "not an age"),
            ("soon", "not an age"),
            ("0", "longer than 0"),
            ("30d..1d", "write the shorter one first"),
            ("detail=30d", "tag:detail=30d"),
            ("url:(=30d", "not a regular expression"),
            ("tag:detail=", "not an age"),
        ] {
            let problem = RefreshRule::parse(wrong).unwrap_err();
            assert!(problem.contains(says), "{wrong}: {problem}");
        }
        assert_eq!(RefreshRule::parse(" tag:a=1d..2d ").unwrap().to_string(), "tag:a=1d..2d");
    }
}
