//! `--log`: the log level of each module.
//!
//! In `info,dragline_engine=debug`, the plain level applies to Dragline and to the spiders in any crate.
//! Libraries log WARN and above unless they are named. An invalid filter is an error, because with a typo the
//! log would be empty.

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::error::LogError;

const LEVELS: [(&str, LevelFilter); 6] = [
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

/// Dragline's own modules. A spider may have any name.
const OWN: [&str; 10] = [
    "dragline",
    "dragline_cli",
    "dragline_core",
    "dragline_derive",
    "dragline_engine",
    "dragline_pipelines",
    "dragline_runtime",
    "dragline_spider",
    "dragline_spiders",
    "dragline_store",
];

/// Libraries that log a lot about themselves.
const LIBRARIES: [&str; 16] = [
    "deadpool",
    "deadpool_postgres",
    "h2",
    "html5ever",
    "hyper",
    "hyper_util",
    "log",
    "mio",
    "reqwest",
    "rusqlite",
    "rustls",
    "selectors",
    "tokio",
    "tokio_postgres",
    "tower",
    "want",
];

/// It warns when a session is lost. Every outage begins that way, and the store logs that itself, with the
/// result.
const QUIET: &str = "deadpool";

/// Reads a filter. The default is `info`.
pub(super) fn parse(filter: Option<&str>) -> Result<Targets, LogError> {
    let (mut general, mut modules) = (LevelFilter::INFO, Vec::new());
    for part in filter.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            None => general = level(part).ok_or_else(|| wrong(part, "is not a level"))?,
            Some((module, word)) => {
                let module = module.trim().replace('-', "_");
                let known = level(word.trim()).ok_or_else(|| wrong(part, "has no level"))?;
                check_module(part, &module)?;
                modules.push((module, known));
            }
        }
    }
    let libraries = LIBRARIES.map(|name| {
        let most = if name.starts_with(QUIET) { LevelFilter::ERROR } else { LevelFilter::WARN };
        (name.to_owned(), general.min(most))
    });
    // A later target of the same name replaces an earlier one, and a longer target comes before a shorter one.
    Ok(Targets::new().with_default(general).with_targets(libraries).with_targets(modules))
}

fn level(word: &str) -> Option<LevelFilter> {
    LEVELS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, level)| *level)
}

fn check_module(part: &str, module: &str) -> Result<(), LogError> {
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !module.split("::").all(is_name) {
        return Err(wrong(part, "has no module"));
    }
    let head = module.split("::").next().unwrap_or(module);
    if head.starts_with("dragline") && !OWN.contains(&head) {
        let problem = "names a module that Dragline does not have";
        return Err(LogError::filter(part, problem, format!("it has {}", OWN.join(", "))));
    }
    Ok(())
}

fn wrong(part: &str, problem: &'static str) -> LogError {
    LogError::filter(
        part,
        problem,
        "levels are off, error, warn, info, debug, trace; by module: info,dragline_engine=debug",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    fn speaks(filter: &str, module: &str, level: Level) -> bool {
        parse(Some(filter)).unwrap().would_enable(module, &level)
    }

    #[test]
    fn a_level_is_for_dragline_and_spiders_and_a_module_has_its_own() {
        assert!(speaks("", "dragline_store", Level::INFO) && !speaks("", "dragline_store", Level::DEBUG));
        assert!(speaks("debug", "my_spiders::shop", Level::DEBUG), "spiders live anywhere");
        assert!(!speaks("debug", "hyper::proto", Level::INFO) && speaks("debug", "hyper", Level::WARN));
        assert!(speaks("debug,hyper=trace", "hyper::proto", Level::TRACE));
        // The names of its crates.
        assert!(
            !speaks("debug", "deadpool.postgres", Level::WARN)
                && speaks("info", "deadpool.postgres", Level::ERROR)
        );
        assert!(speaks("info,deadpool=warn", "deadpool.postgres", Level::WARN));
        assert!(!speaks("error", "h2", Level::WARN) && !speaks("off", "dragline", Level::ERROR));
        let filter =
            "warn, Dragline-Engine=nonsense".replace("Dragline-Engine=nonsense", "dragline-engine=DEBUG");
        assert!(speaks(&filter, "dragline_engine::scheduler", Level::DEBUG));
        assert!(!speaks(&filter, "dragline_store", Level::INFO));
    }

    #[test]
    fn what_cannot_be_meant_is_told() {
        for wrong in [
            "inof",
            "dragline_engine",
            "dragline_engin=debug",
            "hyper=loud",
            "=info",
            "a b=info",
            "info;debug",
        ] {
            let failed = parse(Some(wrong)).unwrap_err();
            assert!(failed.is_usage() && failed.hint().is_some(), "{wrong}");
            assert!(failed.to_string().contains(wrong), "{failed}");
        }
    }
}
