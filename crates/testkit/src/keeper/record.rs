//! The results of a watch.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::torture::Difference;

/// Slower answers are counted separately.
const PROMPT: Duration = Duration::from_millis(100);

/// What a watch did, and its results.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The seed of its random numbers.
    pub seed: u64,
    /// Runs that reached their end.
    pub rounds: usize,
    /// How often the keeper ended the process and started it again.
    pub restarts: usize,
    /// How often each scene and each end was played.
    pub played: BTreeMap<&'static str, usize>,
    /// Expected states that were reached, and how long it took until the process reported them.
    pub told: BTreeMap<&'static str, Seen>,
    /// Answers of the endpoints, and how long they took.
    pub answers: Seen,
    /// How many of these answers took longer than 100 ms.
    pub slow_answers: usize,
    /// Answers of `dragline healthcheck`, and how long they took.
    pub health_checks: Seen,
    /// The time from SIGTERM to the exit.
    pub stops: Seen,
    /// The time from a graceful end until the server had none of its sessions left.
    pub sessions_gone: Seen,
    /// Rows that were lost or doubled, over all rounds.
    pub difference: Difference,
    /// How long it took.
    pub elapsed: Duration,
}

/// How often something happened, and how long it took at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How often.
    pub times: usize,
    /// The longest.
    pub slowest: Duration,
}

impl Seen {
    pub(super) fn add(&mut self, took: Duration) {
        self.times += 1;
        self.slowest = self.slowest.max(took);
    }
}

impl Record {
    pub(super) fn answered(&mut self, took: Duration) {
        self.answers.add(took);
        self.slow_answers += usize::from(took > PROMPT);
    }

    /// Fails unless every row is there, once.
    ///
    /// # Panics
    /// With the rows that are not, and the seed.
    #[track_caller]
    pub fn assert_nothing_lost_or_doubled(&self) {
        assert_eq!(self.difference, Difference::default(), "seed {}\n{self}", self.seed);
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = |seen: &Seen| format!("{:<6} slowest {:.2} s", seen.times, seen.slowest.as_secs_f64());
        writeln!(f, "seed                           {}", self.seed)?;
        writeln!(f, "runs kept going to their end   {}", self.rounds)?;
        writeln!(f, "restarts                       {}", self.restarts)?;
        for (what, times) in &self.played {
            writeln!(f, "  {what:<28} {times}")?;
        }
        for (state, told) in &self.told {
            writeln!(f, "told {state:<25} {}", seen(told))?;
        }
        writeln!(f, "answers                        {}", seen(&self.answers))?;
        writeln!(f, "  of more than 100 ms          {}", self.slow_answers)?;
        writeln!(f, "health checks                  {}", seen(&self.health_checks))?;
        writeln!(f, "stops                          {}", seen(&self.stops))?;
        writeln!(f, "sessions gone after a stop     {}", seen(&self.sessions_gone))?;
        writeln!(f, "rows lost                      {}", self.difference.lost.len())?;
        writeln!(f, "rows doubled                   {}", self.difference.doubled.len())?;
        write!(f, "seconds                        {:.0}", self.elapsed.as_secs_f64())
    }
}
