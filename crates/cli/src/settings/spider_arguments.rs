//! The arguments from `-a NAME=VALUE`, and the start URLs.

use std::collections::BTreeMap;

use dragline_core::url_list;
use dragline_runtime::start_url;
use url::Url;

use crate::failed::Failed;

/// The values of `-a NAME=VALUE`: arguments for the spider, and three that mean the same as flags.
#[derive(Debug, Default)]
pub(super) struct SpiderArguments {
    pub(super) start_urls: Vec<Url>,
    pub(super) limit: Option<u64>,
    pub(super) force_run: bool,
    pub(super) values: BTreeMap<String, String>,
}

impl SpiderArguments {
    /// The arguments of the settings file, and before them those that were given. `has_start_urls` tells whether start URLs
    /// were given in another way.
    pub(super) fn combined(
        file: &[(String, usize)],
        given: &[String],
        has_start_urls: bool,
    ) -> Result<Self, Failed> {
        let of_file: Vec<String> = file.iter().map(|(argument, _)| argument.clone()).collect();
        let (mut all, given) = (Self::split(&of_file)?, Self::split(given)?);
        all.values.extend(given.values);
        if has_start_urls || !given.start_urls.is_empty() {
            all.start_urls = given.start_urls;
        }
        Ok(Self { limit: given.limit, force_run: given.force_run, ..all })
    }

    pub(super) fn split(given: &[String]) -> Result<Self, Failed> {
        let mut split = Self::default();
        for argument in given {
            let Some((name, value)) = argument.split_once('=').filter(|(name, _)| !name.is_empty()) else {
                // It isn't repeated, because it may be a secret.
                return Err(
                    Failed::usage("an argument (-a) is not NAME=VALUE").hint("example: -a category=travel")
                );
            };
            match name {
                "start_urls" | "start_url" => {
                    for url in url_list::split(value) {
                        split.start_urls.push(start_url(url)?);
                    }
                }
                "limit" => {
                    let limit = value.parse();
                    split.limit = Some(limit.map_err(|_| {
                        Failed::usage(format!("-a limit={value}: not a number of pages"))
                            .hint("example: -a limit=20")
                    })?);
                }
                "force_run" => {
                    split.force_run = match value.to_ascii_lowercase().as_str() {
                        "true" | "1" | "yes" => true,
                        "false" | "0" | "no" => false,
                        _ => {
                            return Err(Failed::usage(format!(
                                "-a force_run={value}: must be true or false"
                            )));
                        }
                    };
                }
                _ => {
                    split.values.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        Ok(split)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(given: &[&str]) -> Result<SpiderArguments, Failed> {
        SpiderArguments::split(&given.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn three_arguments_mean_the_same_as_flags() {
        let split = split(&[
            "start_urls=http://a.example/,http://b.example/",
            "limit=7",
            "force_run=true",
            "tag=x=y",
        ])
        .unwrap();
        assert_eq!(split.start_urls.len(), 2);
        let one = ["start_urls=http://a.example/?ids=1,2,3"];
        assert_eq!(self::split(&one).unwrap().start_urls, ["http://a.example/?ids=1,2,3".parse().unwrap()]);
        assert_eq!((split.limit, split.force_run), (Some(7), true));
        assert_eq!(split.values.get("tag").map(String::as_str), Some("x=y"));
    }

    #[test]
    fn a_given_argument_goes_before_that_of_the_file() {
        let file = ["tag=love", "lang=de", "start_urls=http://a.example/"].map(|it| (it.to_owned(), 1));
        let combined = |given: &[&str], has_start_urls| {
            let given: Vec<String> = given.iter().map(|it| (*it).to_owned()).collect();
            SpiderArguments::combined(&file, &given, has_start_urls).unwrap()
        };
        let all = combined(&["tag=life", "limit=3"], false);
        let values: Vec<_> = all.values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(values, ["lang=de", "tag=life"]);
        assert_eq!((all.start_urls.len(), all.limit), (1, Some(3)));
        assert!(combined(&[], true).start_urls.is_empty());
        let named = combined(&["start_urls=http://b.example/"], false);
        assert_eq!(named.start_urls, ["http://b.example/".parse().unwrap()]);
    }

    #[test]
    fn wrong_arguments_are_usage_errors() {
        for wrong in [
            "noequals",
            "=x",
            "limit=many",
            "force_run=perhaps",
            "start_urls=nonsense",
            "start_urls=ftp://a/",
        ] {
            let failed = split(&[wrong]).unwrap_err();
            assert_eq!(failed.exit, crate::exit::Exit::Usage, "{wrong}");
        }
    }
}
