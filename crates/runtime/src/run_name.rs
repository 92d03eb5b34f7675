//! The default name of a run: its spider, and a digest of its start URLs and arguments.

use dragline_core::Args;
use sha2::{Digest, Sha256};

/// The default name of a run. It doesn't contain settings, limits or secrets, so you can resume a run with a
/// different pace or a higher limit.
pub(crate) fn default_run_name(spider: &str, args: &Args) -> String {
    let mut parts: Vec<String> = args.start_urls().iter().map(ToString::to_string).collect();
    parts.sort();
    parts.extend(args.shown().into_iter().map(|(name, value)| format!("{name}={value}")));
    if parts.is_empty() {
        return spider.to_owned();
    }
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let digest: String = hasher.finalize()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{spider}-{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(urls: &[&str], values: &[(&str, &str)]) -> Args {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Args::new(urls.iter().map(|url| url.parse().unwrap()).collect(), values)
    }

    #[test]
    fn what_is_crawled_names_the_run() {
        assert_eq!(default_run_name("quotes", &Args::default()), "quotes");
        let one = default_run_name("site", &args(&["http://a.example/", "http://b.example/"], &[]));
        assert_eq!(one, default_run_name("site", &args(&["http://b.example/", "http://a.example/"], &[])));
        assert_ne!(one, default_run_name("site", &args(&["http://a.example/"], &[])));
        let tagged = default_run_name("quotes", &args(&[], &[("tag", "love")]));
        assert_ne!(tagged, default_run_name("quotes", &args(&[], &[("tag", "life")])));
        assert_eq!(tagged, default_run_name("quotes", &args(&[], &[("tag", "love"), ("api_token", "x")])));
    }
}
