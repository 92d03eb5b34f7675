//! The actions of the page: each is what a command does, with the same code.

use std::sync::Arc;

use dragline_board::{Action, ActionRefused, Control, Controls, Token};

use super::board::FilePlan;
use super::runs::Runs;
use super::schedule::{Schedules, add_tick, set_pause};
use super::{dead_letters, runs};
use crate::arguments::{ControlFlags, RetryLetters, RetryRun};
use crate::failed::Failed;
use crate::program::Program;
use crate::settings::Common;

/// What the operator allows. `is_private`: only the user of this process can reach the page.
pub(crate) fn controls(
    flags: &ControlFlags,
    common: &Common,
    program: &Program,
    plan: &FilePlan,
    is_private: bool,
) -> Result<Option<Controls>, Failed> {
    if !flags.allow_control {
        return Ok(None);
    }
    let mut texts: Vec<String> = flags.control_tokens.iter().map(|token| token.0.clone()).collect();
    if let Some(file) = &flags.control_token_file {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failed::error(format!("cannot read {}: {error}", file.display())))?;
        texts.extend(text.lines().map(str::to_owned));
    }
    let lines = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    let mut tokens = Vec::new();
    for line in lines {
        dragline_core::secrets::remember(line.split_once(':').map_or(line, |(_, secret)| secret));
        tokens.push(Token::parse(line).map_err(|error| {
            Failed::usage(format!("a token of --control-token is wrong: {error}"))
                .hint("`openssl rand -hex 16` makes a good one; write it as TOKEN or NAME:TOKEN")
        })?);
    }
    if tokens.is_empty() && !is_private {
        return Err(Failed::usage("--allow-control needs a token, because others can reach the page").hint(
            "set DRAGLINE_CONTROL_TOKEN or --control-token-file, or listen at a socket that only you can open: --listen unix:PATH",
        ));
    }
    let control = Arc::new(Commands {
        common: common.clone(),
        program: Program {
            spiders: program.spiders.clone(),
            pipelines: program.pipelines.clone(),
            downloaders: program.downloaders.clone(),
        },
        plan: plan.clone(),
    });
    Ok(Some(Controls { control, tokens }))
}

/// Does what the commands do. Each action has sessions and locks of its own, which end with it.
struct Commands {
    common: Common,
    program: Program,
    plan: FilePlan,
}

impl Control for Commands {
    fn act(&self, action: &Action, who: &str) -> Result<String, ActionRefused> {
        let done = match action {
            Action::RunNow { schedule } => self.run_now(schedule, who),
            Action::Pause { schedule } => self.pause(schedule, Some(who)),
            Action::Resume { schedule } => self.pause(schedule, None),
            Action::Cancel { run_id } => self.with_runs(|runs| {
                runs::cancelled(&run_id.to_string(), runs, &self.common, &format!("cancelled by {who}"))
            }),
            Action::RetryFailed { run_id } => {
                let ask = RetryRun {
                    run: run_id.to_string(),
                    failed: true,
                    status: Vec::new(),
                    reason: None,
                    error: None,
                    host: None,
                };
                self.with_runs(|runs| runs::requeued(&ask, runs))
            }
            Action::ApplyDeadLetters { run_id } => {
                let ask = RetryLetters {
                    letter_ids: Vec::new(),
                    all: true,
                    run: Some(run_id.to_string()),
                    replace_nul: false,
                };
                let applied = dead_letters::applied(&ask, &self.common, &self.program);
                applied.and_then(|(text, done)| match done {
                    Ok(_) => Ok(text),
                    Err(failed) => {
                        Err(Failed { what: format!("{}; before that: {text}", failed.what), ..failed })
                    }
                })
            }
        };
        done.map_err(|failed| ActionRefused { what: failed.what, hint: failed.hint })
    }
}

impl Commands {
    fn run_now(&self, name: &str, who: &str) -> Result<String, Failed> {
        let schedule = self.plan.of_name(name).ok_or_else(|| no_such_schedule(name))?;
        let store = Schedules::open(&self.common)?;
        let added = add_tick(&schedule, &store, &format!("asked for by {who}"));
        store.close();
        added
    }

    fn pause(&self, name: &str, who: Option<&str>) -> Result<String, Failed> {
        let schedule = self.plan.of_name(name).ok_or_else(|| no_such_schedule(name))?;
        let store = Schedules::open(&self.common)?;
        let set = set_pause(&schedule, &store, who);
        store.close();
        set
    }

    fn with_runs(&self, work: impl FnOnce(&Runs) -> Result<String, Failed>) -> Result<String, Failed> {
        let runs = Runs::open(&self.common)?;
        let done = work(&runs);
        runs.close();
        done
    }
}

fn no_such_schedule(name: &str) -> Failed {
    Failed::error(format!("the settings file of this process has no schedule {name:?}"))
        .hint("the schedules are listed at /schedules")
}
