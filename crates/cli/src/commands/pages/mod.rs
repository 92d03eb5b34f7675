//! `dragline pages`: lists, prints, exports and imports the answers that runs keep.

mod export;
mod import;
mod list;
mod show;

use std::sync::Arc;
use std::time::Duration;

use dragline_core::runs::{RunAdmin, RunRecord};
use dragline_core::{KeptEntry, KeptListAsk, KeptPlace, Spider, StoreError, secrets};
use dragline_runtime::blocking::Blocking;
use dragline_store::StoreSettings;
use regex::Regex;

use crate::arguments::PageAction;
use crate::commands::which_run::find_run;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::settings::Common;

/// Time limit of one read.
const READ_LIMIT: Duration = Duration::from_secs(60);
/// How many pages are listed at once.
const PAGES_PER_READ: u32 = 500;

pub(super) fn run(action: &PageAction, common: &Common, spiders: &[Arc<dyn Spider>]) -> Result<Exit, Failed> {
    let pages = match action {
        PageAction::Show(show) => return show::run(show, common).map(|()| Exit::Finished),
        // An import may be the first command that uses this database.
        PageAction::Import(_) => Pages::of(common)?,
        _ => Pages::open(common)?,
    };
    let done = match action {
        PageAction::List(list) => list::run(list, &pages),
        PageAction::Export(export) => export::run(export, &pages),
        PageAction::Import(import) => import::run(import, &pages, spiders),
        PageAction::Show(_) => Ok(()),
    };
    pages.blocking.close(&*pages.store, READ_LIMIT);
    done.map(|()| Exit::Finished)
}

/// A store, and its kept pages.
struct Pages {
    store: Box<dyn RunAdmin>,
    blocking: Blocking,
}

impl Pages {
    /// The store, which is not connected yet.
    fn of(common: &Common) -> Result<Self, Failed> {
        let settings = StoreSettings { take_over_after: None, ..common.store_settings()? };
        let store = common.open_runs(&settings)?;
        Ok(Self { store, blocking: Blocking::new()? })
    }

    fn open(common: &Common) -> Result<Self, Failed> {
        let pages = Self::of(common)?;
        pages.wait("connect", pages.store.reach())?;
        Ok(pages)
    }

    fn wait<T>(&self, what: &str, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, Failed> {
        Ok(self.blocking.wait(&*self.store, what, READ_LIMIT, work)?)
    }

    fn find(&self, run: &str) -> Result<RunRecord, Failed> {
        find_run(&*self.store, &self.blocking, run)
    }

    /// Gives the kept pages of a run to `each`, some at a time, until it returns `false`.
    fn each(
        &self,
        run: &RunRecord,
        urls: &[Regex],
        mut each: impl FnMut(Vec<KeptEntry>) -> Result<bool, Failed>,
    ) -> Result<(), Failed> {
        let mut ask = KeptListAsk {
            run_id: run.run_id,
            spider: run.spider.clone(),
            after: KeptPlace::default(),
            limit: PAGES_PER_READ,
        };
        loop {
            let mut listed = self.wait("listing kept pages", self.store.list_kept(&ask))?;
            listed.pages.retain(|page| urls.is_empty() || urls.iter().any(|url| url.is_match(&page.url)));
            if !listed.pages.is_empty() && !each(listed.pages)? {
                return Ok(());
            }
            match listed.next {
                Some(next) => ask.after = next,
                None => return Ok(()),
            }
        }
    }
}

/// The error for a run without kept pages, or without those that were asked for.
fn nothing_kept(run: &RunRecord, urls: &[Regex]) -> Failed {
    let named = format!("run {} (id {})", run.name, run.run_id);
    if let Some(url) = urls.first() {
        let problem = format!("{named} has kept no page whose URL matches {:?}", secrets::hide(url.as_str()));
        return Failed::error(problem).hint("`dragline pages list RUN` shows all of them");
    }
    let removed = if run.pruned_at().is_some() {
        "it was pruned"
    } else if run.kept_pruned_at().is_some() {
        "its kept pages were removed by `runs prune --max-kept`"
    } else {
        "`dragline crawl --keep-pages` keeps pages"
    };
    Failed::error(format!("{named} has kept no pages")).hint(removed)
}
