//! The command line of this program, with the names of its spiders. It is used to parse, and to generate completions
//! and man pages.

use clap::builder::{PossibleValuesParser, Resettable, StyledStr};
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};

use super::own_words::OwnWords;
use crate::arguments::{Arguments, Command as Words, ConfigAction};
use crate::settings::environment;

/// The command line with spiders of these names. The parser knows them as values, so that it can suggest the right one.
pub(super) fn words(spiders: &[String], own: &OwnWords) -> Command {
    let known = PossibleValuesParser::new(spiders.iter().cloned());
    let command = own
        .put_into(Arguments::command())
        .mut_subcommand("crawl", |crawl| crawl.mut_arg("spider", |spider| spider.value_parser(known.clone())))
        .mut_subcommand("reparse", |reparse| {
            let reparse = reparse.mut_arg("of_spider", |spider| spider.value_parser(known.clone()));
            reparse.mut_args(|flag| if is_of_crawls(&flag) { flag.hide(true) } else { flag })
        })
        .mut_subcommand("list", |list| list.mut_arg("spider", |spider| spider.value_parser(known.clone())))
        .mut_subcommand("config", |config| {
            config.mut_subcommand("show", |show| {
                show.mut_arg("spider", |spider| spider.value_parser(known.clone()))
            })
        })
        .mut_subcommand("check", |check| {
            check.mut_arg("spiders", |spiders| spiders.value_parser(known.clone()))
        });
    for_terminals(environment::read(with_log_files_where_they_help(command)))
}

/// Flags that say what is crawled, and when. A reparse takes its pages from the store.
const OF_CRAWLS: [&str; 12] = [
    "start_urls",
    "tag",
    "output",
    "sitemaps",
    "sitemap_tag",
    "max_sitemap_depth",
    "min_interval",
    "incremental",
    "replay",
    "refresh_after",
    "conditional_requests",
    "keep_pages",
];

fn is_of_crawls(flag: &Arg) -> bool {
    OF_CRAWLS.iter().any(|id| flag.get_id() == id)
}

/// The flags for log files, which only a command that runs long needs.
const OF_LOG_FILES: [&str; 4] = ["log_repeats", "log_dir", "log_file_bytes", "log_files"];

/// Every command accepts these flags, but only the help of a long one shows them.
fn with_log_files_where_they_help(command: Command) -> Command {
    let is_of_log_files = |flag: &Arg| OF_LOG_FILES.iter().any(|id| flag.get_id() == id);
    let flags: Vec<Arg> = command.get_arguments().filter(|flag| is_of_log_files(flag)).cloned().collect();
    let command = command.mut_args(|flag| if is_of_log_files(&flag) { flag.hide(true) } else { flag });
    let shown = |command: Command| command.args(flags.clone());
    let command = ["crawl", "reparse", "demo", "serve", "board"]
        .iter()
        .fold(command, |command, name| command.mut_subcommand(name, shown));
    // It only reads the files.
    let of_folder = flags.iter().find(|flag| flag.get_id() == "log_dir").cloned();
    let command =
        command.mut_subcommand("runs", |runs| runs.mut_subcommand("logs", |logs| logs.args(of_folder)));
    // It takes the flags of crawl.
    command.mut_subcommand("config", |config| config.mut_subcommand("show", shown))
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
    let mut arguments = Arguments::from_arg_matches(&matches)?;
    read_lines_of_variable(&mut arguments, &matches);
    Ok((arguments, matches))
}

/// The variable of `-a` has an argument in each line. After the flag, a line break is part of the value, so the parser can't
/// separate them.
fn read_lines_of_variable(arguments: &mut Arguments, matches: &ArgMatches) {
    let of = |name| matches.subcommand_matches(name);
    let (crawl, config) = (of("crawl").or_else(|| of("reparse")), of("config"));
    let Some(matches) = crawl.or_else(|| config?.subcommand_matches("show")) else { return };
    if matches.value_source("args") != Some(ValueSource::EnvVariable) {
        return;
    }
    let given = match &mut arguments.command {
        Words::Crawl(crawl) => &mut crawl.flags.start.args,
        Words::Reparse(reparse) => &mut reparse.flags.start.args,
        Words::Config { action: ConfigAction::Show(show) } => &mut show.flags.start.args,
        _ => return,
    };
    let lines = given.iter().flat_map(|lines| lines.lines()).map(str::trim).filter(|line| !line.is_empty());
    *given = lines.map(str::to_owned).collect();
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
    use std::sync::Arc;

    use dragline_core::{Args, Column, ColumnType, ItemType, Request, Result, Spider};

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

    /// A spider of this name with one item type.
    fn named(name: &str) -> Arc<dyn Spider> {
        Arc::new(Named(name.to_owned()))
    }

    struct Named(String);

    impl Spider for Named {
        fn name(&self) -> &str {
            &self.0
        }

        fn items(&self) -> Vec<ItemType> {
            vec![
                ItemType::builder("offer")
                    .with_columns([Column::new("url", ColumnType::Text)])
                    .build()
                    .unwrap(),
            ]
        }

        fn start(&self, _args: &Args) -> Result<Vec<Request>> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn a_program_of_its_own_speaks_of_itself() {
        let spiders = ["shoes", "hats"].map(str::to_owned);
        let own = OwnWords::new("shops", &spiders.each_ref().map(|name| named(name)));
        let mut words = words(&spiders, &own);
        words.build();
        let mut examples = 0;
        each(&words, "shops", &mut |path, command| {
            let mut command = command.clone();
            for help in [command.render_help().to_string(), command.render_long_help().to_string()] {
                for word in
                    ["quotes", "toscrape", "crawl site", "dragline crawl", "dragline runs", "--item quote"]
                {
                    assert!(!help.contains(word), "{path} --help names {word}:\n{help}");
                }
                assert!(help.contains("Usage: shops"), "{path}:\n{help}");
                examples += help.lines().filter(|line| line.starts_with("  shops ")).count();
            }
        });
        assert!(examples > 60, "{examples}");
        let help = words.clone().render_long_help().to_string();
        assert!(help.contains("  shops crawl shoes --limit 20 -o shoes.jsonl"), "{help}");
        assert!(help.contains("  shops crawl hats --start-url https://example.com/"), "{help}");
        assert!(words.render_version().starts_with("shops (dragline "), "{}", words.render_version());
        let without =
            OwnWords::new("shops", &[]).put_into(Arguments::command()).render_long_help().to_string();
        assert!(without.contains("shops crawl SPIDER --limit 20"), "{without}");
    }

    #[test]
    fn only_commands_that_run_long_show_the_flags_for_log_files() {
        let spiders = ["quotes".to_owned()];
        let mut words = words(&spiders, &OwnWords::new("dragline", &[named("quotes")]));
        words.build();
        each(&words, "", &mut |path, command| {
            let help = command.clone().render_long_help().to_string();
            let runs_long =
                [" crawl", " reparse", " demo", " serve", " board", " config show"].contains(&path);
            assert_eq!(help.contains("--log-dir"), runs_long || path == " runs logs", "{path}");
            assert_eq!(help.contains("--log-repeats"), runs_long, "{path}");
            assert!(
                help.contains("--log-format") || path.ends_with(" help") || path.contains(" help "),
                "{path}"
            );
        });
        for call in [
            "dragline list --log-dir x",
            "dragline --log-dir x crawl quotes",
            "dragline crawl quotes --log-dir x",
        ] {
            let matches = words.clone().try_get_matches_from(split(call)).unwrap();
            let dir: Option<&std::path::PathBuf> = matches.get_one("log_dir");
            assert_eq!(dir.unwrap().to_str(), Some("x"), "{call}");
        }
    }

    #[test]
    fn every_command_has_an_example_and_every_example_is_understood() {
        let spiders = ["books", "quotes", "site"].map(str::to_owned);
        let words = words(&spiders, &OwnWords::new("dragline", &spiders.each_ref().map(|name| named(name))));
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
