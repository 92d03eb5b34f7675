//! The help of a program with spiders of its own: its own name, and its own spiders in the examples.

use std::sync::Arc;

use clap::Command;
use clap::builder::{Resettable, StyledStr};
use dragline_core::Spider;

/// The names that the texts in `arguments` use.
const PROGRAM: &str = "dragline";
const SPIDER: &str = "quotes";
const ANOTHER: &str = "site";
const ITEM: &str = "quote";
const PAGE: &str = "https://quotes.toscrape.com/";

/// The names of this program.
pub(crate) struct OwnWords {
    program: String,
    /// What stands for `quotes`, `site` and `quote`. `None` for the program that has these spiders.
    spiders: Option<[String; 3]>,
}

impl OwnWords {
    pub(crate) fn new(program: &str, spiders: &[Arc<dyn Spider>]) -> Self {
        let program = program.to_owned();
        let has = |name: &str| spiders.iter().any(|spider| spider.name() == name);
        if has(SPIDER) && has(ANOTHER) {
            return Self { program, spiders: None };
        }
        let first = spiders.first();
        let item = first.and_then(|spider| spider.items().first().map(|item| item.name().to_owned()));
        let named = |spider: Option<&Arc<dyn Spider>>| {
            spider.map_or_else(|| "SPIDER".to_owned(), |spider| spider.name().to_owned())
        };
        let item = item.unwrap_or_else(|| "TYPE".to_owned());
        Self { program, spiders: Some([named(first), named(spiders.last()), item]) }
    }

    /// The command line with these names in every text.
    pub(crate) fn put_into(&self, command: Command) -> Command {
        let subcommands: Vec<String> = command
            .get_subcommands()
            .map(|sub| sub.get_name().to_owned())
            .chain(["help".to_owned()])
            .collect();
        let version = command.get_version().unwrap_or_default().to_owned();
        let command = self.texts(command, &subcommands);
        if self.program == PROGRAM {
            return command;
        }
        // The version is that of the library.
        command.name(self.program.clone()).version(format!("({PROGRAM} {version})"))
    }

    fn texts(&self, command: Command, subcommands: &[String]) -> Command {
        let own = |text: Option<&StyledStr>| match text {
            Some(text) => Resettable::Value(StyledStr::from(self.in_text(&text.to_string(), subcommands))),
            None => Resettable::Reset,
        };
        let (about, long_about) = (own(command.get_about()), own(command.get_long_about()));
        let (after, long_after) = (own(command.get_after_help()), own(command.get_after_long_help()));
        let command =
            command.about(about).long_about(long_about).after_help(after).after_long_help(long_after);
        let command = command.mut_args(|flag| {
            let (help, long_help) = (own(flag.get_help()), own(flag.get_long_help()));
            flag.help(help).long_help(long_help)
        });
        let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        names
            .into_iter()
            .fold(command, |command, name| command.mut_subcommand(name, |sub| self.texts(sub, subcommands)))
    }

    /// Lines that begin with two spaces are examples.
    fn in_text(&self, text: &str, subcommands: &[String]) -> String {
        let mut text = text.to_owned();
        for subcommand in subcommands {
            text =
                text.replace(&format!("{PROGRAM} {subcommand}"), &format!("{} {subcommand}", self.program));
        }
        let Some(spiders) = &self.spiders else { return text };
        let lines = text
            .split('\n')
            .map(|line| if line.starts_with("  ") { in_example(line, spiders) } else { line.to_owned() });
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn in_example(line: &str, [spider, another, item]: &[String; 3]) -> String {
    // The reader gets an explanation after the command.
    let (call, about) = line[2..].find("  ").map_or((line, ""), |at| line.split_at(at + 2));
    let call = call.replace(PAGE, "https://example.com/");
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut own = String::new();
    // The pieces are words and what is between them, in turn.
    let mut rest = call.as_str();
    while let Some(first) = rest.chars().next() {
        let is_word = is_of_word(first);
        let end = rest.find(|c| is_of_word(c) != is_word).unwrap_or(rest.len());
        own.push_str(match &rest[..end] {
            SPIDER => spider,
            ANOTHER => another,
            ITEM => item,
            other => other,
        });
        rest = &rest[end..];
    }
    own + about
}
