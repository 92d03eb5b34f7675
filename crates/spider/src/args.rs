//! Arguments of a run: `-a NAME=VALUE` and `--start-url URL`.

use std::collections::BTreeMap;

use url::Url;

/// What the user gave to the spider.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args {
    start_urls: Vec<Url>,
    values: BTreeMap<String, String>,
}

impl Args {
    /// Arguments from their parts.
    pub fn new(start_urls: Vec<Url>, values: BTreeMap<String, String>) -> Self {
        Self { start_urls, values }
    }

    /// The start URLs that the user named. If there are any, they replace the spider's own.
    pub fn start_urls(&self) -> &[Url] {
        &self.start_urls
    }

    /// The value of an argument.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// All arguments, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The arguments that may be stored and shown. Those named like a secret are left out.
    pub fn shown(&self) -> BTreeMap<String, String> {
        self.values
            .iter()
            .filter(|(name, _)| !is_secret(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

/// Whether an argument of this name is neither stored nor shown.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "token", "secret", "key"].iter().any(|word| name.contains(word))
}
