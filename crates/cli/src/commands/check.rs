//! `dragline check`: the spiders' samples, without a network and without a store.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dragline_core::counted::counted;
use dragline_core::{Sample, Spider};

use super::table::table;
use super::{find_spider, print};
use crate::arguments::Check;
use crate::check::{Checked, Found, check};
use crate::exit::Exit;
use crate::failed::Failed;
use crate::program::Program;

const DIFFER: &str = "fix the spider; or, if the new results are right, run check --accept and read the change \
                      before you commit it";

pub(super) fn run(arguments: &Check, program: &Program) -> Result<Exit, Failed> {
    let spiders: Vec<Arc<dyn Spider>> = if arguments.spiders.is_empty() {
        program.spiders.clone()
    } else {
        let named = arguments.spiders.iter().map(|name| find_spider(name, &program.spiders).cloned());
        named.collect::<Result<_, _>>()?
    };
    let checked = check(&spiders, &program.pipelines);
    let mut accepted = Vec::new();
    for checked in checked.iter().filter(|_| arguments.accept) {
        accepted.extend(accept(checked)?);
    }
    print(&told(&spiders, &checked, arguments.accept.then_some(&*accepted)))?;
    if checked.is_empty() {
        return Err(Failed::error("nothing was checked, because there are no samples")
            .hint("return stored pages from the spider's samples(); see docs/writing-a-spider.md"));
    }
    let mistakes = checked.iter().filter(|checked| matches!(checked.found, Found::Mistake(_))).count();
    let differ = checked.iter().filter(|checked| matches!(checked.found, Found::Other { .. })).count();
    match (mistakes, differ - accepted.len()) {
        (0, 0) => Ok(Exit::Finished),
        (0, left) => {
            let what = format!("{left} of {} not as expected", counted(checked.len(), "sample"));
            Err(Failed::error(what).hint(DIFFER))
        }
        (bad, _) => Err(Failed::error(format!(
            "{bad} of {} with a mistake in the spider",
            counted(checked.len(), "sample")
        ))),
    }
}

/// Writes the current result of a sample as the expected one. `None` if there is nothing to write.
fn accept(checked: &Checked) -> Result<Option<PathBuf>, Failed> {
    let Found::Other { now, .. } = &checked.found else { return Ok(None) };
    let page = source_file(&checked.sample)?;
    let mut name = page.into_os_string();
    name.push(".json");
    let path = PathBuf::from(name);
    fs::write(&path, now)
        .map_err(|error| Failed::error(format!("cannot write {}: {error}", path.display())))?;
    Ok(Some(path))
}

/// Finds the sample's page in the source tree, in this folder or one above it. It must be the page that was
/// checked.
fn source_file(sample: &Sample) -> Result<PathBuf, Failed> {
    let here = env::current_dir().map_err(|error| Failed::error(format!("the current folder: {error}")))?;
    let wanted = sample.page_path();
    let Some(found) = here.ancestors().map(|folder| folder.join(wanted)).find(|path| path.is_file()) else {
        return Err(Failed::error(format!(
            "{} is not in this folder or any folder above it",
            wanted.display()
        ))
        .hint("run check --accept in the program's source tree"));
    };
    if fs::read(&found).ok().as_deref() != Some(sample.body()) {
        let path = found.display();
        return Err(Failed::error(format!("{path} is not the page that this program was built with"))
            .hint("build the program and try again: cargo run -- check --accept"));
    }
    Ok(found)
}

/// A line for each sample. After them comes what differs and was not accepted, and the files that were written.
fn told(spiders: &[Arc<dyn Spider>], checked: &[Checked], accepted: Option<&[PathBuf]>) -> String {
    let (is_accepting, accepted) = (accepted.is_some(), accepted.unwrap_or_default());
    let mut rows: Vec<[String; 3]> = Vec::new();
    for spider in spiders {
        let before = rows.len();
        for checked in checked.iter().filter(|checked| checked.spider == spider.name()) {
            let verdict = match &checked.found {
                Found::AsExpected => "as expected",
                Found::Other { .. } if is_accepting => "accepted",
                Found::Other { .. } => "differs",
                Found::Mistake(_) => "mistake",
            };
            rows.push([checked.spider.clone(), checked.sample.name(), verdict.to_owned()]);
        }
        if rows.len() == before {
            rows.push([spider.name().to_owned(), "-".to_owned(), "no samples".to_owned()]);
        }
    }
    let mut text = table(["spider", "sample", "verdict"], rows);
    for Checked { spider, sample, found } in checked {
        // Writing to a String cannot fail.
        let _ = match found {
            Found::AsExpected => Ok(()),
            // Its file says what it is now, and version control what it was.
            Found::Other { .. } if is_accepting => Ok(()),
            Found::Other { diff, .. } => write!(text, "\n{diff}"),
            Found::Mistake(mistake) => writeln!(text, "\n{spider} {}: {mistake}", sample.name()),
        };
    }
    if is_accepting {
        text.push('\n');
        for path in accepted {
            let _ = writeln!(text, "written: {}", shown(path).display());
        }
        if accepted.is_empty() {
            text.push_str("nothing was written: no result differs from the expected one\n");
        }
    }
    text
}

/// Relative to the current folder, if it is inside.
fn shown(path: &Path) -> &Path {
    env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path)
}
