//! The arguments from `-a NAME=VALUE`, and the start URLs.

use std::collections::BTreeMap;

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
    pub(super) fn split(given: &[String]) -> Result<Self, Failed> {
        let mut split = Self::default();
        for argument in given {
            let Some((name, value)) = argument.split_once('=').filter(|(name, _)| !name.is_empty()) else {
                return Err(Failed::usage(format!("-a {argument:?} is not NAME=VALUE"))
                    .hint("example: -a category=travel"));
            };
            match name {
                "start_urls" | "start_url" => {
                    for url in value.split(',').map(str::trim).filter(|url| !url.is_empty()) {
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
        assert_eq!((split.limit, split.force_run), (Some(7), true));
        assert_eq!(split.values.get("tag").map(String::as_str), Some("x=y"));
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
