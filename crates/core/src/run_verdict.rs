//! What a run held when it ended, and the verdict on it. The store keeps both in the run's row.
//!
//! The figures are kept because they can't be counted later: a row with a key belongs to the last run that saw it.

use std::collections::BTreeMap;

use dragline_spider::secrets;
use serde_json::{Map, Value as Json, json};

use crate::item_figures::{self, FigureDrop, ItemFigures};
use crate::outcome::PageState;
use crate::store::PageCounts;

/// A kind of problem. People write the codes in queries and alerts, so never rename one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// Pages failed or died, and none was done.
    NoPageDone,
    /// Too large a share of the pages failed or died.
    FailedShare,
    /// Most pages of one kind, which have the same tag, failed or died.
    FailedTag,
    /// The store refused items, and their pages are dead.
    DeadPages,
    /// An item type had rows in an earlier run, and has none.
    ItemsLost,
    /// The run stored no item at all.
    NothingStored,
    /// A column has fewer filled values than `--min-filled` asks for.
    TooFewFilled,
    /// There are fewer rows than `--min-items` asks for.
    TooFewItems,
    /// More rows are gone than `--max-gone-share` allows, so none was removed or marked.
    TooManyGone,
    /// Requests of the run were deleted while it was crawled.
    RequestsLost,
    /// More items broke a rule than `--max-invalid-share` allows.
    InvalidShare,
}

impl ProblemKind {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 11] = [
        Self::NoPageDone,
        Self::FailedShare,
        Self::FailedTag,
        Self::DeadPages,
        Self::ItemsLost,
        Self::NothingStored,
        Self::TooFewFilled,
        Self::TooFewItems,
        Self::TooManyGone,
        Self::RequestsLost,
        Self::InvalidShare,
    ];

    /// Those with which a finished run counts as failed: its exit code is 1, and it may be tried again at once.
    pub const FAILURES: [Self; 5] =
        [Self::NoPageDone, Self::TooFewFilled, Self::TooFewItems, Self::RequestsLost, Self::InvalidShare];

    /// Its stored form.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoPageDone => "no_page_done",
            Self::FailedShare => "failed_share",
            Self::FailedTag => "failed_tag",
            Self::DeadPages => "dead_pages",
            Self::ItemsLost => "items_lost",
            Self::NothingStored => "nothing_stored",
            Self::TooFewFilled => "too_few_filled",
            Self::TooFewItems => "too_few_items",
            Self::TooManyGone => "too_many_gone",
            Self::RequestsLost => "requests_lost",
            Self::InvalidShare => "invalid_share",
        }
    }
}

/// One problem of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The code of its kind. A newer program may know others.
    pub code: String,
    /// What it is, for people.
    pub text: String,
}

impl Problem {
    /// A problem of this kind. Its text is stored, so it has no secrets.
    pub fn new(kind: ProblemKind, text: impl Into<String>) -> Self {
        Self { code: kind.code().to_owned(), text: secrets::hide(&text.into()).into_owned() }
    }
}

/// The verdict on a finished run. Without problems, the run is good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunVerdict {
    /// What a person should look at.
    pub problems: Vec<Problem>,
}

impl RunVerdict {
    /// The stored form of a good verdict.
    pub const GOOD: &str = "good";
    /// The stored form of the other one.
    pub const PROBLEMS: &str = "problems";

    /// Whether nothing has to be looked at.
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    /// Its stored form.
    pub fn as_str(&self) -> &'static str {
        if self.is_good() { Self::GOOD } else { Self::PROBLEMS }
    }

    /// The stored form of its problems.
    pub fn problems_json(&self) -> Json {
        self.problems.iter().map(|problem| json!({ "code": problem.code, "text": problem.text })).collect()
    }

    /// From the stored forms. `None` for a run without a verdict.
    pub fn parse(verdict: Option<&str>, problems: &Json) -> Option<Self> {
        verdict?;
        let text = |problem: &Json, key: &str| problem[key].as_str().unwrap_or_default().to_owned();
        let problems = problems.as_array().into_iter().flatten();
        let problems =
            problems.map(|problem| Problem { code: text(problem, "code"), text: text(problem, "text") });
        Some(Self { problems: problems.collect() })
    }
}

/// What a run held when it ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndFigures {
    /// Requests by state.
    pub pages: PageCounts,
    /// Rows by item type, as far as this run was the last to see them.
    pub items: BTreeMap<String, u64>,
    /// Dead letters.
    pub dead_letters: u64,
    /// The limits that kept the run from seeing the whole site, each with its value: `limit`, `max_depth` and so on.
    pub cut_by: BTreeMap<String, u64>,
    /// What the columns of its rows hold. Empty if that could not be read, or if the run was only stopped.
    pub columns: ItemFigures,
    /// What is far below the earlier runs.
    pub drops: Vec<FigureDrop>,
    /// Rows by item type that were removed at the end of the run, because the site no longer has them.
    pub gone: BTreeMap<String, u64>,
    /// Rows by item type that were marked for the same reason.
    pub marked: BTreeMap<String, u64>,
}

impl EndFigures {
    /// The rows of all item types.
    pub fn all_items(&self) -> u64 {
        self.items.values().sum()
    }

    /// The stored form.
    pub fn to_json(&self) -> Json {
        let mut pages: Map<String, Json> =
            PageState::ALL.iter().map(|state| (state.to_string(), self.pages.of(*state).into())).collect();
        pages.insert("queued".to_owned(), self.pages.queued.into());
        let drops: Vec<Json> = self.drops.iter().map(FigureDrop::to_json).collect();
        json!({
            "pages": pages,
            "items": self.items,
            "dead_letters": self.dead_letters,
            "cut_by": self.cut_by,
            "columns": item_figures::to_json(&self.columns),
            "drops": drops,
            "gone": self.gone,
            "marked": self.marked,
        })
    }

    /// From the stored form. What is missing there counts as zero.
    pub fn from_json(json: &Json) -> Self {
        let numbers = |key: &str| -> BTreeMap<String, u64> {
            let numbers = json[key].as_object().into_iter().flatten();
            numbers.filter_map(|(name, number)| Some((name.clone(), number.as_u64()?))).collect()
        };
        let mut pages = PageCounts::default();
        for (state, count) in numbers("pages").into_iter().filter(|(_, count)| *count > 0) {
            match PageState::parse(&state) {
                Some(state) => drop(pages.ended.insert(state, count)),
                None => pages.queued = count,
            }
        }
        Self {
            pages,
            items: numbers("items"),
            dead_letters: json["dead_letters"].as_u64().unwrap_or_default(),
            cut_by: numbers("cut_by"),
            columns: item_figures::from_json(&json["columns"]),
            drops: json["drops"].as_array().into_iter().flatten().filter_map(FigureDrop::from_json).collect(),
            gone: numbers("gone"),
            marked: numbers("marked"),
        }
    }
}

/// An earlier run that was good.
#[derive(Clone, Debug, PartialEq)]
pub struct GoodRun {
    /// Its id.
    pub run_id: i64,
    /// What it held when it ended.
    pub figures: EndFigures,
}

/// The pages of one tag. Skipped ones don't count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagPages {
    /// The tag, which is empty for pages without one.
    pub tag: String,
    /// Pages that are done.
    pub done: u64,
    /// Pages that failed or are dead.
    pub failed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item_figures::ColumnFigures;

    #[test]
    fn the_stored_forms_are_read_again() {
        let verdict = RunVerdict { problems: vec![Problem::new(ProblemKind::DeadPages, "7 pages are dead")] };
        assert_eq!(RunVerdict::parse(Some(verdict.as_str()), &verdict.problems_json()), Some(verdict));
        assert_eq!(RunVerdict::parse(Some("good"), &json!([])), Some(RunVerdict::default()));
        assert_eq!(RunVerdict::parse(None, &json!([])), None);
        let ended = [(PageState::Done, 3), (PageState::Dead, 1)];
        let figures = EndFigures {
            pages: PageCounts { queued: 2, ended: ended.into() },
            items: [("quote".to_owned(), 30)].into(),
            dead_letters: 4,
            cut_by: [("limit".to_owned(), 4)].into(),
            columns: [("quote".to_owned(), [("text".to_owned(), ColumnFigures::default())].into())].into(),
            drops: Vec::new(),
            gone: [("quote".to_owned(), 2)].into(),
            marked: [("quote".to_owned(), 3)].into(),
        };
        assert_eq!(EndFigures::from_json(&figures.to_json()), figures);
        assert_eq!(EndFigures::from_json(&Json::Null), EndFigures::default());
    }
}
