//! `dragline healthcheck`.

mod ask;

use super::print;
use super::words::parse;
use crate::arguments::{Arguments, Command, Healthcheck};
use crate::exit::Exit;
use crate::failed::Failed;
use crate::settings::file::File;
use ask::{Where, ask};
use dragline_runtime::shown;

/// Uses `given` from flags and variables, and for the rest the crawl's settings in the settings file. An
/// invalid file is ignored, because a health check must always answer.
pub(super) fn run(given: Arguments, words: clap::Command, spiders: &[String]) -> Result<Exit, Failed> {
    // The spider is known if its variable is set, as in a container.
    let spider = std::env::var("DRAGLINE_SPIDER").ok();
    let (file, wrong) = match File::read(given.config.as_deref(), spiders) {
        Ok(file) => (file, None),
        Err(failed) => (File::default(), Some(failed)),
    };
    let file = file.for_spider(spider.as_deref());
    let all = parse(file.beneath(words)).map_or(given, |(all, _)| all);
    let Command::Healthcheck(check) = all.command else { return Ok(Exit::Finished) };
    let Healthcheck { listen, heartbeat_file, max_age } = check;
    if listen.is_none() && heartbeat_file.is_none() {
        let hint = wrong.map_or_else(
            || {
                "or set `listen` or `heartbeat_file` in [crawl] of dragline.toml, where the crawl reads it too"
                    .to_owned()
            },
            |failed| format!("ignoring the settings file, because it is invalid: {}", failed.what),
        );
        return Err(Failed::usage(
            "it is not known where the crawl is; add --listen ADDR or --heartbeat-file FILE (one is enough)",
        )
        .hint(hint));
    }
    let place =
        Where { endpoint: listen.as_ref(), file: heartbeat_file.as_deref().map(|file| (file, max_age)) };
    let (word, line, exit) = match ask(&place) {
        Ok(line) => ("healthy", line, Exit::Finished),
        Err(line) => ("unhealthy", line, Exit::Error),
    };
    print(&shown(&format!("{word}: {line}\n")))?;
    Ok(exit)
}
