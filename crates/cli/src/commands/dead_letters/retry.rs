//! `dragline dead-letters retry`: rebuilds the items from their payloads, and stores them the usual way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use dragline_core::counted::counted;
use dragline_core::letters::LetterAsk;
use dragline_core::stop::Stop;
use dragline_core::{ItemPipeline, Spider};
use dragline_pipelines::letters::{RefusedLetter, Retry, RetryReport};
use dragline_pipelines::{ItemPipelineSettings, item_pipelines};

use super::Letters;
use crate::arguments::RetryLetters;
use crate::commands::demo_site::Shelf;
use crate::commands::print;
use crate::commands::table::table;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::program::Program;
use crate::settings::Common;

/// Time limit of a retry. It is long enough for a hundred thousand letters, and ends the wait for a store that hangs.
const RETRY_LIMIT: Duration = Duration::from_secs(3600);

pub(super) fn run(arguments: &RetryLetters, common: &Common, program: &Program) -> Result<Exit, Failed> {
    let (text, done) = applied(arguments, common, program)?;
    print(&text)?;
    Ok(if done? { Exit::Finished } else { Exit::Error })
}

/// Applies dead letters. Says what became of them, also if the store fails in between, and whether all of them were applied.
pub(crate) fn applied(
    arguments: &RetryLetters,
    common: &Common,
    program: &Program,
) -> Result<(String, Result<bool, Failed>), Failed> {
    let letters = Letters::open(common)?;
    let mut ask = letters.of(arguments.run.as_deref())?;
    let mut missing = BTreeSet::new();
    if !arguments.all {
        ask.letter_ids = Some(arguments.letter_ids.clone());
        missing = not_there(&letters, &ask, &arguments.letter_ids)?;
    }
    let replace_nul = arguments.replace_nul || common.flags::<ItemPipelineSettings>(&[])?.replace_nul;
    let steps = steps_by_spider(common, program, replace_nul)?;
    // The demo's letters can be retried too, although its spider isn't listed.
    let known = |name: &str| {
        let spider = program.spiders.iter().find(|spider| spider.name() == name).map(|spider| spider.items());
        spider.or_else(|| (Shelf.name() == name).then(|| Shelf.items()))
    };
    let mut retry = Retry {
        store: &*letters.store,
        types: &known,
        steps: &|spider| steps.get(spider).map_or(&[], Vec::as_slice),
        accept_lost_nul: replace_nul,
        whole_pages: false,
        // A signal ends this process at once. Letters that were applied stay applied.
        stop: &Stop::new(),
        epoch: None,
        max_pages: None,
        prepared: Vec::new(),
    };
    let mut report = RetryReport::default();
    let work = retry.run(ask, &mut report);
    let done = letters.blocking.wait(&*letters.store, "applying dead letters", RETRY_LIMIT, work);
    let are_all = done.map(|()| report.refused == 0 && missing.is_empty()).map_err(Failed::from);
    Ok((told(&report, &missing), are_all))
}

/// The steps of each spider. The settings file may have a list for each.
fn steps_by_spider(
    common: &Common,
    program: &Program,
    replace_nul: bool,
) -> Result<BTreeMap<String, Vec<Box<dyn ItemPipeline>>>, Failed> {
    let known = program.spiders.iter().map(|spider| (spider.name(), spider.items()));
    let mut steps = BTreeMap::new();
    for (name, items) in known.chain([(Shelf.name(), Shelf.items())]) {
        let settings = common.flags_of_spider::<ItemPipelineSettings>(name)?;
        let settings = ItemPipelineSettings { replace_nul, ..settings };
        let of_spider = item_pipelines(&settings, &program.pipelines, &items)
            .map_err(|error| Failed::usage(format!("spider {name}: {error}")))?;
        steps.insert(name.to_owned(), of_spider);
    }
    Ok(steps)
}

/// The `wanted` ids that the query does not find.
fn not_there(letters: &Letters, ask: &LetterAsk, wanted: &[i64]) -> Result<BTreeSet<i64>, Failed> {
    let mut missing: BTreeSet<i64> = wanted.iter().copied().collect();
    letters.read(ask.clone(), |letter| {
        missing.remove(&letter.letter_id);
        Ok(!missing.is_empty())
    })?;
    Ok(missing)
}

fn told(report: &RetryReport, missing: &BTreeSet<i64>) -> String {
    let RetryReport { applied, pages_done, refused, told } = report;
    let mut text = format!(
        "applied {}; {} {} done\n",
        counted(*applied, "dead letter"),
        counted(*pages_done, "more page"),
        if *pages_done == 1 { "is" } else { "are" },
    );
    for letter_id in missing {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "there is no dead letter {letter_id}; a letter is removed once it is applied, and by `runs prune --letters`"
        );
    }
    if *refused > 0 {
        let _ = writeln!(text, "refused {refused}, which stay in crawl_dead_letters:");
        text.push_str(&table(["id", "item", "code", "error", "page"], told.iter().map(row)));
        let untold = refused - told.len() as u64;
        if untold > 0 {
            let _ = writeln!(text, "… and {untold} more");
        }
    }
    text
}

fn row(letter: &RefusedLetter) -> [String; 5] {
    [
        letter.letter_id.to_string(),
        letter.item_type.clone(),
        letter.sqlstate.clone().unwrap_or_else(|| "-".to_owned()),
        letter.error.replace('\n', " "),
        letter.url.clone(),
    ]
}
