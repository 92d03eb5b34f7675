//! What can be done on the page.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Add a tick of a schedule that is due now.
    RunNow {
        /// The schedule.
        schedule: String,
    },
    /// Skip the ticks of a schedule from now on.
    Pause {
        /// The schedule.
        schedule: String,
    },
    /// Let a paused schedule go on.
    Resume {
        /// The schedule.
        schedule: String,
    },
    /// Stop the crawl of a run that a server executes.
    Cancel {
        /// The run.
        #[serde(deserialize_with = "whole")]
        run_id: i64,
    },
    /// Put the failed requests of a run back to be fetched again.
    RetryFailed {
        /// The run.
        #[serde(deserialize_with = "whole")]
        run_id: i64,
    },
    /// Store the dead letters of a run, after their cause was mended.
    ApplyDeadLetters {
        /// The run.
        #[serde(deserialize_with = "whole")]
        run_id: i64,
    },
}

impl Action {
    /// Its name in the API, in forms and in the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RunNow { .. } => "run_now",
            Self::Pause { .. } => "pause",
            Self::Resume { .. } => "resume",
            Self::Cancel { .. } => "cancel",
            Self::RetryFailed { .. } => "retry_failed",
            Self::ApplyDeadLetters { .. } => "apply_dead_letters",
        }
    }

    /// The schedule that it is about.
    pub fn schedule(&self) -> Option<&str> {
        match self {
            Self::RunNow { schedule } | Self::Pause { schedule } | Self::Resume { schedule } => {
                Some(schedule)
            }
            _ => None,
        }
    }

    /// The run that it is about.
    pub fn run_id(&self) -> Option<i64> {
        match self {
            Self::Cancel { run_id } | Self::RetryFailed { run_id } | Self::ApplyDeadLetters { run_id } => {
                Some(*run_id)
            }
            _ => None,
        }
    }

    /// From its name, and what it is about.
    pub(crate) fn of(name: &str, schedule: Option<&str>, run_id: Option<i64>) -> Option<Self> {
        let of_schedule = |make: fn(String) -> Self| schedule.map(|name| make(name.to_owned()));
        let of_run = |make: fn(i64) -> Self| run_id.map(make);
        match name {
            "run_now" => of_schedule(|schedule| Self::RunNow { schedule }),
            "pause" => of_schedule(|schedule| Self::Pause { schedule }),
            "resume" => of_schedule(|schedule| Self::Resume { schedule }),
            "cancel" => of_run(|run_id| Self::Cancel { run_id }),
            "retry_failed" => of_run(|run_id| Self::RetryFailed { run_id }),
            "apply_dead_letters" => of_run(|run_id| Self::ApplyDeadLetters { run_id }),
            _ => None,
        }
    }
}

/// A whole number, also if it is written as `7.0`: for JSON, that is the same one.
fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    let number = serde_json::Number::deserialize(from)?;
    let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < WHOLE_FLOATS);
    #[allow(clippy::cast_possible_truncation)] // it is whole, and small enough
    let whole = number.as_i64().or(float.map(|float| float as i64));
    whole.ok_or_else(|| D::Error::custom("run_id must be a whole number"))
}

/// Below this, a float holds each whole number exactly.
const WHOLE_FLOATS: f64 = 9_007_199_254_740_992.0;

/// Does what is asked, with the code of the commands. It blocks, and runs on a thread of its own.
pub trait Control: Send + Sync {
    /// What was done, in words.
    ///
    /// # Errors
    /// Why it was not done.
    fn act(&self, action: &Action, who: &str) -> Result<String, ActionRefused>;
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionRefused {
    /// The reason.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}
