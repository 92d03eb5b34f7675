//! `[schedule.NAME]` in `dragline.toml`: when a spider is crawled, with settings and arguments for these crawls only.
//!
//! ```toml
//! [schedule.books-nightly]
//! spider = "books"
//! cron = "30 3 * * *"
//! time_zone = "Europe/Berlin"
//! rate = 0.5
//! args = { category = "poetry" }
//! ```
//!
//! The keys that say when and how are in [`ScheduleSettings`]. The others are those of a spider's table, and come before it.

use std::ops::Range;

use clap::Command;
use dragline_serve::{Schedule, ScheduleSettings, check_name};
use toml::Spanned;
use toml::de::{DeString, DeValue};

use super::known::Known;
use super::spiders::{self, SpiderTable};

/// A schedule, and the settings of its crawls.
#[derive(Clone, Debug)]
pub(super) struct ScheduleTable {
    pub(super) schedule: Schedule,
    pub(super) settings: SpiderTable,
}

/// What is wrong, and what to do.
type Problem = (String, String);

pub(super) const SCHEDULES: &str = "write a table for each schedule, such as [schedule.nightly], with spider, cron, and settings of \
                                    [crawl]";

pub(super) const NO_TABLE: &str = "`schedule` must have a table for each schedule";

/// The keys that say when and how.
pub(super) fn own_keys() -> Known {
    let of_spider = spiders::known();
    let own = ScheduleSettings::command();
    let listed: Vec<&str> = own.get_arguments().map(|flag| flag.get_id().as_str()).collect();
    let names = format!(
        "the table of a schedule has {}, {}, and the settings of a spider's table",
        listed.join(", "),
        spiders::ARGUMENTS
    );
    // An unknown name may be meant to be one of either kind.
    let is_new = |id: &str| !listed.contains(&id);
    let others = of_spider.flags.get_arguments().filter(|flag| is_new(flag.get_id().as_str())).cloned();
    let flags: Command = own.clone().args(others.collect::<Vec<_>>());
    Known { table: "schedule", flags, names }
}

/// Reads a table. A problem comes with its place.
pub(super) fn read(
    name: &Spanned<DeString<'_>>,
    value: &DeValue<'_>,
    known: &Known,
    spiders: &[String],
    line_of: impl Fn(usize) -> usize,
) -> Result<ScheduleTable, (Range<usize>, Problem)> {
    let at_name = |what: String| (name.span(), (what, SCHEDULES.to_owned()));
    let DeValue::Table(table) = value else { return Err(at_name(NO_TABLE.to_owned())) };
    check_name(name.get_ref()).map_err(at_name)?;
    let own = ScheduleSettings::command();
    let (mut settings, mut words) = (SpiderTable::new(String::new()), Vec::new());
    for (key, value) in table {
        let (at, line) = (key.span(), line_of(key.span().start));
        if key.get_ref() == spiders::ARGUMENTS {
            settings.take_arguments(value.get_ref(), line).map_err(|problem| (at, problem))?;
            continue;
        }
        let entry = known.entry(key.get_ref(), value.get_ref(), line).map_err(|problem| (at, problem))?;
        if own.get_arguments().any(|flag| flag.get_id() == &*entry.key) {
            words.extend(entry.values.iter().map(|value| format!("--{}={value}", entry.key)));
        } else {
            settings.entries.push(entry);
        }
    }
    let schedule = Schedule::new(name.get_ref(), &words)
        .map_err(|error| at_name(format!("the schedule {:?}: {error}", name.get_ref())))?;
    spiders::check_name(&schedule.spider, spiders).map_err(|problem| (name.span(), problem))?;
    Ok(ScheduleTable { schedule, settings })
}
