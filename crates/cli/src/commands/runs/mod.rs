//! `dragline runs`: shows runs and the rows that are gone, reopens them, ends them, and prunes them.

mod cancel;
mod columns;
mod compare;
mod gone;
mod kept;
mod lineage;
mod list;
mod logs;
mod prune;
mod prune_changes;
mod prune_kept;
mod retry;
mod show;
mod standing;

pub(crate) use self::cancel::cancelled;
pub(super) use self::kept::print_kept_body;
pub(crate) use self::retry::requeued;

use std::sync::Arc;
use std::time::Duration;

use dragline_core::kept_page::KeptRequest;
use dragline_core::runs::{RunAdmin, RunAsk, RunRecord};
use dragline_core::{Spider, StoreError};
use dragline_store::StoreSettings;
use url::Url;

use crate::arguments::RunAction;
use crate::commands::which_run::find_run;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::settings::Common;
use dragline_runtime::blocking::Blocking;

/// Time limit of one read. For a run with millions of requests, it takes seconds.
const READ_LIMIT: Duration = Duration::from_secs(120);

pub(super) fn run(action: &RunAction, common: &Common, spiders: &[Arc<dyn Spider>]) -> Result<Exit, Failed> {
    let runs = Runs::open(common)?;
    let exit = match action {
        RunAction::List(list) => list::run(list, &runs, spiders),
        RunAction::Show { run, kept: Some(url), .. } => kept::show(run, url, &runs),
        RunAction::Show { run, path, json, .. } => show::run(run, path.as_deref(), *json, &runs, spiders),
        RunAction::Compare { run, with, json } => compare::run(run, with.as_deref(), *json, &runs, spiders),
        RunAction::Gone(gone) => gone::run(gone, &runs, spiders),
        RunAction::Cancel { run } => cancel::run(run, &runs, common),
        RunAction::Logs(logs) => logs::run(logs, &runs, common),
        RunAction::Retry(retry) => retry::run(retry, &runs),
        RunAction::End { run } => retry::end(run, &runs),
        RunAction::Prune(prune) => prune::run(prune, &runs, spiders),
    };
    runs.close();
    exit
}

/// The store, for commands that look at its runs.
pub(crate) struct Runs {
    admin: Box<dyn RunAdmin>,
    blocking: Blocking,
}

impl Runs {
    pub(crate) fn open(common: &Common) -> Result<Self, Failed> {
        // A hung process keeps its run here. Only a crawl may take it over, because it continues it.
        let settings = StoreSettings { take_over_after: None, ..common.store_settings()? };
        let admin = common.open_runs(&settings)?;
        let runs = Self { admin, blocking: Blocking::new()? };
        runs.wait("connect", runs.admin.reach())?;
        Ok(runs)
    }

    fn wait<T>(&self, what: &str, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, Failed> {
        Ok(self.blocking.wait(&*self.admin, what, READ_LIMIT, work)?)
    }

    fn list(&self, ask: &RunAsk) -> Result<Vec<RunRecord>, Failed> {
        self.wait("reading the runs", self.admin.list_runs(ask))
    }

    pub(super) fn find(&self, run: &str) -> Result<RunRecord, Failed> {
        find_run(&*self.admin, &self.blocking, run)
    }

    /// The kept answers of pages with this URL, the newest first. There is at least one.
    pub(super) fn kept_pages(&self, run: &RunRecord, url: &str) -> Result<Vec<KeptRequest>, Failed> {
        let stored = Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.to_string());
        let pages = self.wait("reading a kept page", self.admin.kept_pages(run.run_id, &stored))?;
        if pages.is_empty() && run.pruned_at().is_some() {
            return Err(standing::pruned(run));
        }
        if pages.is_empty() && run.kept_pruned_at().is_some() {
            return Err(standing::kept_pruned(run));
        }
        if pages.is_empty() {
            let problem = format!("run {} (id {}) has kept nothing of {stored}", run.name, run.run_id);
            return Err(Failed::error(problem).hint(
                "a crawl with --keep-pages keeps all pages, and one with --keep-failed keeps failed ones",
            ));
        }
        Ok(pages)
    }

    pub(crate) fn close(&self) {
        let _ = self.wait("closing", async {
            self.admin.close().await;
            Ok(())
        });
    }

    /// Takes the lock of a run, which fails while a process works on it.
    fn lock(&self, run: &RunRecord) -> Result<(), Failed> {
        let locked = self.admin.lock_run(&run.name, Duration::ZERO);
        self.wait("locking the run", async { Ok(locked.await) })?.map_err(|error| match &error {
            StoreError::Locked { .. } => {
                Failed::from(error).hint("stop it first (SIGTERM loses nothing), or wait until it ends")
            }
            _ => error.into(),
        })
    }
}
