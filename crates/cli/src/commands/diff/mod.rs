//! `dragline diff RUN [RUN]`: rows that are new, changed and gone.

mod output;

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::time::Duration;

use dragline_core::diff::{DiffAsk, RowChange, saw_whole_site, tells_gone};
use dragline_core::runs::{RunAdmin, RunAsk, RunRecord};
use dragline_core::store::RunState;
use dragline_core::{ItemType, RunKind, Spider};
use dragline_runtime::blocking::Blocking;

use self::output::{Counts, Output};
use super::find_spider;
use super::which_run::find_run;
use crate::arguments::{Diff, DiffFormat};
use crate::exit::Exit;
use crate::export::{item_types, to_stdout, unwritable};
use crate::failed::Failed;
use crate::settings::Common;

const FIND_LIMIT: Duration = Duration::from_secs(30);
/// Millions of rows need some time, but a store that hangs must not take forever.
const READ_LIMIT: Duration = Duration::from_secs(3600);
/// How many earlier runs to look at for one that saw the whole site.
const RUNS_LOOKED_AT: usize = 1000;
/// Of how many of them to count the requests.
const RUNS_INSPECTED: usize = 30;

/// The store, and how to wait for it.
struct Runs {
    admin: Box<dyn RunAdmin>,
    blocking: Blocking,
}

/// Two runs of one name.
struct Sides {
    /// `None` for the state before every run.
    from: Option<RunRecord>,
    to: RunRecord,
}

/// Whether rows that the later run did not see are gone.
enum Gone {
    /// Those that this run or a later one saw.
    Since(i64),
    /// The same. Runs before this one could not tell either, so some rows may have gone away before it without a word.
    SinceUnsure(i64),
    /// There was no row before.
    Nothing,
    /// The later run can't tell, for this reason.
    Unknown(String),
}

impl Gone {
    fn since(&self) -> Option<i64> {
        match self {
            Self::Since(run_id) | Self::SinceUnsure(run_id) => Some(*run_id),
            Self::Nothing | Self::Unknown(_) => None,
        }
    }
}

pub(super) fn run(arguments: &Diff, common: &Common, spiders: &[Arc<dyn Spider>]) -> Result<Exit, Failed> {
    let admin = common.open_runs(&common.store_settings()?)?;
    let runs = Runs { admin, blocking: Blocking::new()? };
    runs.wait("connect", FIND_LIMIT, runs.admin.reach())?;
    let sides = runs.sides(arguments)?;
    let spider = find_spider(&sides.to.spider, spiders)?;
    let items = item_types(&**spider, arguments.item.as_deref())?;
    let gone = runs.gone(&sides, arguments.later.is_some())?;
    to_stdout(|stdout| {
        let mut out = Output::new(arguments.format, BufWriter::new(stdout));
        runs.compare(&sides, &items, &gone, &mut out)
    })?;
    let _ = runs.wait("closing", FIND_LIMIT, async {
        runs.admin.close().await;
        Ok(())
    });
    Ok(Exit::Finished)
}

impl Runs {
    fn wait<T>(
        &self,
        what: &str,
        limit: Duration,
        work: impl Future<Output = Result<T, dragline_core::StoreError>>,
    ) -> Result<T, Failed> {
        Ok(self.blocking.wait(&*self.admin, what, limit, work)?)
    }

    fn sides(&self, arguments: &Diff) -> Result<Sides, Failed> {
        let run = find_run(&*self.admin, &self.blocking, &arguments.run)?;
        let Some(later) = &arguments.later else {
            return Ok(Sides { from: self.whole_before(&run)?, to: run });
        };
        let later = find_run(&*self.admin, &self.blocking, later)?;
        if later.name != run.name {
            return Err(Failed::usage(format!(
                "run {} has the name {}, and run {} has the name {}",
                run.run_id, run.name, later.run_id, later.name
            ))
            .hint("compare two runs of one name: `dragline runs list` shows them"));
        }
        if later.run_id <= run.run_id {
            let problem = format!("run {} is not later than run {}", later.run_id, run.run_id);
            return Err(Failed::usage(problem).hint("name the earlier run first, and then the later one"));
        }
        Ok(Sides { from: Some(run), to: later })
    }

    /// The last run of the same name before this one that saw the whole site.
    fn whole_before(&self, run: &RunRecord) -> Result<Option<RunRecord>, Failed> {
        Ok(self.finished_before(run)?.into_iter().find(|run| saw_whole_site(run).is_ok()))
    }

    /// The finished runs of the same name before this one, the newest first.
    fn finished_before(&self, run: &RunRecord) -> Result<Vec<RunRecord>, Failed> {
        let ask = RunAsk {
            name: Some(run.name.clone()),
            kind: Some(RunKind::Crawl),
            state: Some(RunState::Finished),
            older_than: Some(run.run_id),
            limit: RUNS_LOOKED_AT,
            ..RunAsk::default()
        };
        self.wait("reading the runs", FIND_LIMIT, self.admin.list_runs(&ask))
    }

    fn tells_gone(&self, run: &RunRecord) -> Result<Result<(), String>, Failed> {
        // Most runs say it by themselves, and counting takes time.
        if let Err(reason) = saw_whole_site(run) {
            return Ok(Err(reason));
        }
        let figures = self.wait("looking at the run", READ_LIMIT, self.admin.inspect_run(run.run_id, &[]))?;
        Ok(tells_gone(run, &figures))
    }

    /// Which rows are gone. If the earlier run could not tell, nobody has reported the rows yet that went away before it. They are those that
    /// the last run saw that could tell, or a later one.
    fn gone(&self, sides: &Sides, is_chosen: bool) -> Result<Gone, Failed> {
        let Some(from) = &sides.from else { return Ok(Gone::Nothing) };
        if let Err(reason) = self.tells_gone(&sides.to)? {
            return Ok(Gone::Unknown(reason));
        }
        if is_chosen || self.tells_gone(from)?.is_ok() {
            return Ok(Gone::Since(from.run_id));
        }
        for run in self.finished_before(from)?.iter().take(RUNS_INSPECTED) {
            if self.tells_gone(run)?.is_ok() {
                return Ok(Gone::Since(run.run_id));
            }
        }
        Ok(Gone::SinceUnsure(from.run_id))
    }

    /// Whether a run of the name began after the later one.
    fn has_successor(&self, run: &RunRecord) -> Result<bool, Failed> {
        let ask = RunAsk { name: Some(run.name.clone()), limit: 1, ..RunAsk::default() };
        let newest = self.wait("reading the runs", FIND_LIMIT, self.admin.list_runs(&ask))?;
        Ok(newest.first().is_some_and(|newest| newest.run_id > run.run_id))
    }

    /// Writes what differs. Returns the number of rows.
    fn compare(
        &self,
        sides: &Sides,
        items: &[ItemType],
        gone: &Gone,
        out: &mut Output<impl Write + Send>,
    ) -> Result<u64, Failed> {
        let Sides { from, to } = sides;
        match from {
            Some(from) => out.title(&format!("run {} of {}, compared with run {}", to.run_id, to.name, from.run_id)),
            None => out.title(&format!(
                "run {} of {}, compared with an empty table, because no earlier run of this name saw the whole site",
                to.run_id, to.name
            )),
        }
        .map_err(|error| unwritable(&error))?;
        let ask = DiffAsk {
            spider: to.spider.clone(),
            name: to.name.clone(),
            from: from.as_ref().map_or(0, |from| from.run_id),
            to: to.run_id,
            gone_since: gone.since(),
        };
        let knows_gone = !matches!(gone, Gone::Unknown(_));
        let mut all = 0;
        for item in items {
            let counts = self.compare_type(&ask, item, out)?;
            all += counts.all();
            out.end_of_type(item, counts, knows_gone).map_err(|error| unwritable(&error))?;
        }
        for note in self.notes(sides, items, gone)? {
            out.note(&note).map_err(|error| unwritable(&error))?;
        }
        out.flush().map_err(|error| unwritable(&error))?;
        Ok(all)
    }

    fn compare_type(
        &self,
        ask: &DiffAsk,
        item: &ItemType,
        out: &mut Output<impl Write + Send>,
    ) -> Result<Counts, Failed> {
        let mut counts = Counts::default();
        // Keep errors of the output apart from errors of the store.
        let mut fault: Option<io::Error> = None;
        let mut each = |change: RowChange| {
            counts.add(&change);
            self.blocking.still_here();
            let cut = self.blocking.is_cut();
            let room = if cut { Err(io::Error::other("cut off by a signal")) } else { Ok(()) };
            room.and_then(|()| out.change(item, &change)).map_err(|error| {
                let kind = error.kind();
                fault = Some(error);
                io::Error::from(kind)
            })
        };
        let read = self.admin.diff_rows(ask, item, &mut each);
        let read = self.wait("comparing rows", READ_LIMIT, read);
        if let Some(error) = fault {
            return Err(unwritable(&error));
        }
        read?;
        Ok(counts)
    }

    /// Sentences about what is not known, and why.
    fn notes(&self, sides: &Sides, items: &[ItemType], gone: &Gone) -> Result<Vec<String>, Failed> {
        let mut notes = Vec::new();
        for item in items {
            let name = item.name();
            if !item.is_keyed() {
                notes.push(format!("{name}: its rows have no key, so they can't be compared"));
            } else if item.table().is_none() {
                notes.push(format!(
                    "{name}: new and changed rows are not known, because it has no history; a history needs a table of its own: \
                     #[item(table = \"…\", history)]"
                ));
            } else if !item.keeps_history() {
                notes.push(format!(
                    "{name}: new and changed rows are not known, because it has no history: #[item(history)] keeps one from \
                     then on"
                ));
            }
        }
        match gone {
            Gone::Unknown(reason) => notes.push(format!("gone rows are not known: {reason}")),
            Gone::SinceUnsure(run_id) => notes.push(format!(
                "run {run_id} and the {RUNS_INSPECTED} runs before it could not tell which rows were gone, so rows that went away \
                 before run {run_id} are not among these"
            )),
            Gone::Since(_) | Gone::Nothing => {}
        }
        if gone.since().is_some() && self.has_successor(&sides.to)? {
            notes.push(format!(
                "rows that were gone in run {} are not among these if a later run has seen them again",
                sides.to.run_id
            ));
        }
        Ok(notes)
    }
}

/// Whether a format is for people.
fn is_for_people(format: DiffFormat) -> bool {
    format == DiffFormat::Text
}
