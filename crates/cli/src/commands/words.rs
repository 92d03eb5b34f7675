//! The words that this program understands, with the names of its spiders: what is parsed, and what completions
//! and man pages are made of.

use clap::builder::{PossibleValuesParser, Resettable, StyledStr};
use clap::error::{ContextKind, ContextValue};
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};

use crate::arguments::Arguments;
use crate::settings::environment;

/// The command line with spiders of these names. The parser knows them as values, so it can suggest the one that was
/// meant.
pub(super) fn words(spiders: Vec<String>) -> Command {
    let known = PossibleValuesParser::new(spiders);
    let command = Arguments::command()
        .mut_subcommand("crawl", |crawl| crawl.mut_arg("spider", |spider| spider.value_parser(known.clone())))
        .mut_subcommand("check", |check| {
            check.mut_arg("spiders", |spiders| spiders.value_parser(known.clone()))
        });
    for_terminals(environment::read(command))
}

/// Reads this process's command line.
pub(super) fn parse(words: Command) -> Result<(Arguments, ArgMatches), clap::Error> {
    let matches = words.clone().try_get_matches().map_err(|mut error| {
        // How a flag is shown in errors is known only of a command line that is built.
        let mut words = words;
        words.build();
        environment::name_variable(&mut error, &words);
        name_spiders(&mut error, &words);
        error
    })?;
    Ok((Arguments::from_arg_matches(&matches)?, matches))
}

/// Where the spider is missing, those that there are.
fn name_spiders(error: &mut clap::Error, words: &Command) {
    let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) else { return };
    let crawl = words.find_subcommand("crawl");
    let spider = crawl.and_then(|crawl| crawl.get_arguments().find(|flag| flag.get_id() == "spider"));
    let Some(spider) = spider.filter(|spider| missing.contains(&spider.to_string())) else { return };
    let names: Vec<_> = spider.get_possible_values().iter().map(|name| name.get_name().to_owned()).collect();
    let tip = format!("the spiders are {}", names.join(", "));
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
}

/// Help as a terminal shows it: the backticks, which make code of a word in the settings reference, are noise there.
fn for_terminals(command: Command) -> Command {
    let plain = |text: Option<&StyledStr>| match text {
        Some(text) => Resettable::Value(StyledStr::from(text.to_string().replace('`', ""))),
        None => Resettable::Reset,
    };
    let (about, long_about) = (plain(command.get_about()), plain(command.get_long_about()));
    let command = command.about(about).long_about(long_about).mut_args(|flag| {
        let (help, long_help) = (plain(flag.get_help()), plain(flag.get_long_help()));
        flag.help(help).long_help(long_help)
    });
    let names: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, for_terminals))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command that has a help, with its name.
    fn each(command: &Command, path: &str, visit: &mut impl FnMut(&str, &Command)) {
        visit(path, command);
        for sub in command.get_subcommands() {
            each(sub, &format!("{path} {}", sub.get_name()), visit);
        }
    }

    /// As a shell splits it, as far as examples need it.
    fn split(call: &str) -> Vec<String> {
        let parts = call.split(['"', '\'']).enumerate();
        parts
            .flat_map(|(at, part)| match at % 2 {
                0 => part.split_whitespace().map(str::to_owned).collect(),
                _ => vec![part.to_owned()],
            })
            .collect()
    }

    #[test]
    fn every_command_has_an_example_and_every_example_is_understood() {
        let words = words(["books", "quotes", "site"].map(str::to_owned).to_vec());
        each(&words, "dragline", &mut |path, command| {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let mut found = 0;
            for line in help.lines().filter_map(|line| line.strip_prefix("  dragline")) {
                // What follows in the line is told to the shell or to the reader.
                let call = line.split("  ").next().unwrap_or(line);
                for call in call.split("&& dragline") {
                    let call = call.split(['|', '>', '&']).next().unwrap_or(call);
                    let parsed = words.clone().try_get_matches_from(split(&format!("dragline{call}")));
                    assert!(
                        parsed.is_ok(),
                        "{path}: `dragline{call}` is not understood: {}",
                        parsed.unwrap_err()
                    );
                }
                found += usize::from(format!("dragline{call} ").starts_with(&format!("{path} ")));
            }
            assert!(found > 0, "{path} --help has no example of {path}");
        });
    }
}
