//! The command line of this program, with the names of its spiders. It is used to parse, and to generate completions
//! and man pages.

use clap::builder::{PossibleValuesParser, Resettable, StyledStr};
use clap::error::{ContextKind, ContextValue};
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};

use crate::arguments::Arguments;
use crate::settings::environment;

/// The command line with spiders of these names. The parser knows them as values, so that it can suggest the right one.
pub(super) fn words(spiders: Vec<String>) -> Command {
    let known = PossibleValuesParser::new(spiders);
    let command = Arguments::command()
        .mut_subcommand("crawl", |crawl| crawl.mut_arg("spider", |spider| spider.value_parser(known.clone())))
        .mut_subcommand("list", |list| list.mut_arg("spider", |spider| spider.value_parser(known.clone())))
        .mut_subcommand("check", |check| {
            check.mut_arg("spiders", |spiders| spiders.value_parser(known.clone()))
        });
    for_terminals(environment::read(command))
}

/// Reads this process's command line.
pub(super) fn parse(mut words: Command) -> Result<(Arguments, ArgMatches), clap::Error> {
    if std::env::args_os().any(|word| word == "-h") {
        words = for_one_screen(words);
    }
    let matches = words.clone().try_get_matches().map_err(|mut error| {
        // Errors show a flag as a built command line does.
        let mut words = words;
        words.build();
        environment::name_variable(&mut error, &words);
        name_spiders(&mut error, &words);
        error
    })?;
    Ok((Arguments::from_arg_matches(&matches)?, matches))
}

/// If the spider is missing, adds the names of all spiders to the error.
fn name_spiders(error: &mut clap::Error, words: &Command) {
    let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) else { return };
    let crawl = words.find_subcommand("crawl");
    let spider = crawl.and_then(|crawl| crawl.get_arguments().find(|flag| flag.get_id() == "spider"));
    let Some(spider) = spider.filter(|spider| missing.contains(&spider.to_string())) else { return };
    let names: Vec<_> = spider.get_possible_values().iter().map(|name| name.get_name().to_owned()).collect();
    let tip = format!("the spiders are {}", names.join(", "));
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
}

/// Removes the backticks from help, because a terminal shows them as they are.
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

/// Removes the environment variables from help: `-h` is a summary.
fn for_one_screen(command: Command) -> Command {
    let command = command.mut_args(|flag| flag.hide_env(true));
    let names: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, for_one_screen))
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
            let helps = [command.get_after_help(), command.get_after_long_help()];
            let help: String = helps.into_iter().flatten().map(|help| format!("{help}\n")).collect();
            let mut found = 0;
            for line in help.lines().filter_map(|line| line.strip_prefix("  dragline")) {
                // The rest of the line is for the shell or for the reader.
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
