//! `[spider.NAME]` in `dragline.toml`: settings and arguments for one spider only.
//!
//! ```toml
//! [spider.books]
//! rate = 0.5
//! start_urls = ["https://books.example/"]
//! args = { category = "poetry" }
//! ```
//!
//! They come between `[crawl]` and the environment.

use clap::{Arg, Command, CommandFactory};
use toml::de::DeValue;

use super::Entry;
use super::known::{Known, texts};
use crate::arguments::Arguments;

/// The key of the spider's arguments.
pub(super) const ARGUMENTS: &str = "args";
/// The group of flags that say what is crawled. Only the table of a spider can have them.
const START: &str = "Start";

/// A table with the settings of one spider.
#[derive(Clone, Debug)]
pub(super) struct SpiderTable {
    pub(super) spider: String,
    pub(super) entries: Vec<Entry>,
    /// `NAME=VALUE`, with the line.
    pub(super) arguments: Vec<(String, usize)>,
}

/// What is wrong, and what to do.
type Problem = (String, String);

impl SpiderTable {
    pub(super) fn new(spider: String) -> Self {
        Self { spider, entries: Vec::new(), arguments: Vec::new() }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// Reads `args`: a table, or a list of `NAME=VALUE`. The values aren't repeated, because they may be secrets.
    pub(super) fn take_arguments(&mut self, value: &DeValue<'_>, line: usize) -> Result<(), Problem> {
        let hint = || "write args = { category = \"poetry\" }, or args = [\"category=poetry\"]".to_owned();
        let wrong = |what: &str| (what.to_owned(), hint());
        let mut given: Vec<(String, String)> = Vec::new();
        if let DeValue::Table(table) = value {
            for (name, value) in table {
                let name = name.get_ref().to_string();
                let Some(values) = texts(value.get_ref()) else {
                    return Err(wrong(&format!(
                        "the argument `{name}` must be a text, a number, or true or false"
                    )));
                };
                given.push((name, values.join(",")));
            }
        } else {
            let values = texts(value).ok_or_else(|| wrong("`args` must be a table or a list of texts"))?;
            for one in values {
                let (name, value) =
                    one.split_once('=').ok_or_else(|| wrong("an entry of `args` is not NAME=VALUE"))?;
                given.push((name.to_owned(), value.to_owned()));
            }
        }
        for (name, value) in given {
            if matches!(&*name, "" | "limit" | "force_run" | "start_url") {
                return Err(wrong(&format!(
                    "`{name}` is not an argument; settings go directly into the spider's table"
                )));
            }
            self.arguments.push((format!("{name}={value}"), line));
        }
        Ok(())
    }
}

/// Whether the flag says what is crawled.
pub(super) fn is_start(command: &Command, flag: &Arg) -> bool {
    let start = command.get_groups().find(|group| group.get_id() == START);
    start.is_some_and(|group| group.get_args().any(|id| id == flag.get_id()))
}

/// The keys of a spider's table: those of `[crawl]`, and what is crawled.
pub(super) fn known() -> Known {
    let all = Arguments::command();
    let crawl = all.find_subcommand("crawl").unwrap_or(&all);
    let start = crawl.get_arguments().filter(|flag| is_start(crawl, flag) && flag.get_id() != ARGUMENTS);
    let start = start.cloned().map(|flag| flag.env(clap::builder::Resettable::Reset));
    let of_crawl = Known::of_crawl();
    let flags = of_crawl.flags.args(start);
    let names: Vec<&str> = flags.get_arguments().map(|flag| flag.get_id().as_str()).collect();
    let names = format!("the table of a spider has {ARGUMENTS}, and the settings {}", names.join(", "));
    Known { table: "spider", flags, names }
}

/// A table for a spider that this program doesn't have would have no effect.
pub(super) fn check_name(name: &str, spiders: &[String]) -> Result<(), Problem> {
    if spiders.iter().any(|spider| spider == name) {
        return Ok(());
    }
    Err((format!("this program has no spider {name:?}"), format!("it has {}", spiders.join(", "))))
}
