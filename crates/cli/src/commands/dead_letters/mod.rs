//! `dragline dead-letters`: shows what the store refused, and stores it after the cause is fixed.

mod export;
mod list;
mod retry;

pub(crate) use self::retry::applied;

use std::time::Duration;

use dragline_core::letters::{LetterAsk, StoredLetter};
use dragline_core::prune;
use dragline_core::runs::RunAdmin;

use crate::arguments::LetterAction;
use crate::commands::which_run::find_run;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::program::Program;
use crate::settings::Common;
use dragline_runtime::blocking::Blocking;

/// Time limit of one read.
const READ_LIMIT: Duration = Duration::from_secs(30);
/// Number of letters to read at once. A letter may be as large as a page.
const LETTERS_PER_READ: usize = 50;

pub(super) fn run(action: &LetterAction, common: &Common, program: &Program) -> Result<Exit, Failed> {
    match action {
        LetterAction::List(list) => list::list(list, &Letters::open(common)?),
        LetterAction::Show { letter_id } => list::show(*letter_id, &Letters::open(common)?),
        LetterAction::Retry(retry) => retry::run(retry, common, program),
        LetterAction::Export { file, run } => export::run(file, run.as_deref(), common),
    }
}

/// A store, and its letters.
struct Letters {
    store: Box<dyn RunAdmin>,
    blocking: Blocking,
}

impl Letters {
    fn open(common: &Common) -> Result<Self, Failed> {
        let store = common.open_runs(&common.store_settings()?)?;
        let blocking = Blocking::new()?;
        blocking.wait(&*store, "connect", READ_LIMIT, store.connect())?;
        Ok(Self { store, blocking })
    }

    /// A query for the letters of a run, or for all letters.
    fn of(&self, run: Option<&str>) -> Result<LetterAsk, Failed> {
        let Some(name) = run else { return Ok(LetterAsk::default()) };
        let found = find_run(&*self.store, &self.blocking, name)?;
        if prune::lost_letters(&found.stats) {
            let problem = format!("run {} (id {}) was pruned with --letters", found.name, found.run_id);
            return Err(Failed::error(problem).hint("its dead letters are no longer in the store"));
        }
        Ok(LetterAsk { run_id: Some(found.run_id), ..LetterAsk::default() })
    }

    /// Passes letters to `each`, oldest first, until it returns `false`.
    fn read(
        &self,
        ask: LetterAsk,
        mut each: impl FnMut(StoredLetter) -> Result<bool, Failed>,
    ) -> Result<(), Failed> {
        let mut ask = LetterAsk { limit: LETTERS_PER_READ, ..ask };
        loop {
            let letters = self.store.read_letters(&ask);
            let letters = self.blocking.wait(&*self.store, "reading dead letters", READ_LIMIT, letters)?;
            let Some(last) = letters.last() else { return Ok(()) };
            ask.after = last.letter_id;
            for letter in letters {
                if !each(letter)? {
                    return Ok(());
                }
            }
        }
    }
}
