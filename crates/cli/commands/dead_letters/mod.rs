//! `dragline dead-letters`: looking at what the store refused, and applying it once the cause is mended.

mod export;
mod list;
mod retry;

use std::sync::Arc;
use std::time::Duration;

use dragline_core::Store;
use dragline_core::letters::{LetterAsk, StoredLetter};

use crate::app::App;
use crate::arguments::LetterAction;
use crate::blocking::Blocking;
use crate::exit::{Exit, Failed};
use crate::settings::Common;

/// One read, or one look for a run.
const READ_LIMIT: Duration = Duration::from_secs(30);
/// Letters read at once: a letter may be as large as a page.
const LETTERS_PER_READ: usize = 50;

pub(super) fn run(action: &LetterAction, common: &Common, app: &App) -> Result<Exit, Failed> {
    match action {
        LetterAction::List(list) => list::list(list, &Letters::open(common)?),
        LetterAction::Show { letter_id } => list::show(*letter_id, &Letters::open(common)?),
        LetterAction::Retry(retry) => retry::run(retry, common, app),
        LetterAction::Export { file, run } => export::run(file, run.as_deref(), common),
    }
}

/// A store, and its letters.
struct Letters {
    store: Arc<dyn Store>,
    blocking: Blocking,
}

impl Letters {
    fn open(common: &Common) -> Result<Self, Failed> {
        let store = dragline_store::open(&common.store.0, &common.store_settings()?)?;
        let blocking = Blocking::new()?;
        blocking.wait(&*store, "connect", READ_LIMIT, store.connect())?;
        Ok(Self { store, blocking })
    }

    /// An ask for the letters of a run, or of all.
    fn of(&self, run: Option<&str>) -> Result<LetterAsk, Failed> {
        let Some(name) = run else { return Ok(LetterAsk::default()) };
        let found = self.store.find_run(name);
        let found = self.blocking.wait(&*self.store, "finding the run", READ_LIMIT, found)?;
        let found = found.ok_or_else(|| {
            Failed::error(format!("{} holds no run {name:?}", self.store.location()))
                .hint("the report of a crawl names its run; a run is found by id or by name")
        })?;
        Ok(LetterAsk { run_id: Some(found.run_id), ..LetterAsk::default() })
    }

    /// Gives letters to `each`, oldest first, until it has seen enough: then it says `false`.
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
