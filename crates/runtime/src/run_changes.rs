//! Compares the start URLs, arguments and sitemaps that a resumed run began with and those of this start. A run keeps the requests
//! that it began with, so a difference may be unexpected.

use dragline_core::Args;
use dragline_core::secrets::is_credential_name;
use dragline_core::store::OpenedRun;
use serde_json::{Value as Json, json};

use crate::run_spec::SITEMAPS;
use crate::settings::CrawlSettings;

/// Warns if a resumed run began with other start URLs, arguments or sitemaps. A run with the default name began with the same ones,
/// because its name depends on them.
pub(crate) fn say(run: &OpenedRun, settings: &CrawlSettings) {
    let Some(resumed) = run.resumed.as_ref().filter(|_| settings.reparse.is_none()) else { return };
    if settings.run_name.is_none() {
        say_credentials(&settings.args);
    }
    for change in changes(&resumed.args, &settings.args, &settings.engine.sitemaps.shown()) {
        let Change { what, began_with, set_now } = change;
        tracing::warn!(
            %began_with,
            %set_now,
            "the {what} changed since the run began; this run keeps the requests that it began with, and the \
             next run uses the new ones (--fresh begins it now, and --run gives it a name of its own)"
        );
    }
}

/// Credentials are not part of a run's name, so a nightly job with its next token continues the same run. The value of such an
/// argument may say what is crawled all the same, so the log names the argument.
fn say_credentials(args: &Args) {
    let names: Vec<&str> =
        args.iter().map(|(name, _)| name).filter(|name| is_credential_name(name)).collect();
    if !names.is_empty() {
        tracing::info!(
            arguments = names.join(", "),
            "the name of a run does not depend on these secret arguments, so this run goes on even if their values \
             are new"
        );
    }
}

struct Change {
    what: &'static str,
    began_with: Json,
    set_now: Json,
}

fn changes(began_with: &Json, args: &Args, sitemaps: &[String]) -> Vec<Change> {
    // The order of start URLs and sitemaps says nothing about what is crawled.
    let list = |urls: &Json| {
        let mut urls: Vec<String> =
            urls.as_array().into_iter().flatten().filter_map(|url| url.as_str().map(str::to_owned)).collect();
        urls.sort();
        json!(urls)
    };
    let of = |name: &str| began_with.get(name).cloned().unwrap_or(Json::Null);
    let text = |value: Json| if value.is_null() { json!("") } else { value };
    let arguments = |value: Json| if value.is_null() { json!({}) } else { value };
    [
        ("start URLs", list(&of("start_urls")), list(&json!(args.shown_start_urls()))),
        ("tag of the start URLs", text(of("start_tag")), json!(args.start_tag())),
        ("arguments", arguments(of("args")), json!(args.shown())),
        ("setting `sitemaps`", list(&of(SITEMAPS)), list(&json!(sitemaps))),
    ]
    .into_iter()
    .filter(|(_, began_with, set_now)| began_with != set_now)
    .map(|(what, began_with, set_now)| Change { what, began_with, set_now })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_the_begin_is_named() {
        let urls = ["http://b.example/", "http://a.example/"].map(|url| url.parse().unwrap());
        let args = Args::new(urls.to_vec(), [("tag".to_owned(), "love".to_owned())].into());
        let began =
            json!({ "start_urls": ["http://a.example/", "http://b.example/"], "args": { "tag": "love" } });
        let found = |began: &Json, args: &Args, sitemaps: &[&str]| {
            let sitemaps: Vec<String> = sitemaps.iter().map(|url| (*url).to_owned()).collect();
            changes(began, args, &sitemaps).into_iter().map(|change| change.what).collect::<Vec<_>>()
        };
        assert!(found(&began, &args, &[]).is_empty());
        assert_eq!(found(&began, &args.clone().with_value("tag", "life"), &[]), ["arguments"]);
        assert!(found(&began, &args.clone().with_value("token", "new"), &[]).is_empty());
        assert_eq!(found(&began, &args.clone().with_start_tag("book"), &[]), ["tag of the start URLs"]);
        assert_eq!(found(&began, &args, &["http://a.example/s.xml"]), ["setting `sitemaps`"]);
        let elsewhere = Args::default().with_value("tag", "love");
        assert_eq!(found(&began, &elsewhere, &[]), ["start URLs"]);
        assert!(found(&json!({}), &Args::default(), &[]).is_empty(), "an early version stored none of them");
    }
}
