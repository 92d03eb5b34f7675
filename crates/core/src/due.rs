//! Whether a new run of a name is due, or the last finished one is too young (`--min-interval`).

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// What the store knows about the runs of a name, before one of them is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunsOfName {
    /// Whether one of them is unfinished, so that the next crawl resumes it.
    pub is_unfinished: bool,
    /// The id of the newest one that finished, however it is judged.
    pub newest_finished: Option<i64>,
    /// The newest one that finished and does not count as failed
    /// ([`ProblemKind::FAILURES`](crate::run_verdict::ProblemKind::FAILURES)).
    pub last_finish: Option<LastFinish>,
    /// The time of this answer, by the store's clock.
    pub now: DateTime<Utc>,
}

/// The end of a finished run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastFinish {
    /// Its id.
    pub run_id: i64,
    /// When it finished, by the store's clock.
    pub at: DateTime<Utc>,
}

/// Whether a new run is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// It may begin.
    Yes,
    /// It may begin, but only because the last run seems to finish in the future: somebody has set the clock back. A wrong
    /// time must not hold up all later runs, so it does not count.
    ClockSetBack(LastFinish),
    /// The last run is too young.
    NotYet(NotDue),
}

/// Why a new run is not due yet. Its text is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotDue {
    /// The name of the runs.
    pub name: String,
    /// The id of the last finished one.
    pub run_id: i64,
    /// When it finished, by the store's clock.
    pub finished_at: DateTime<Utc>,
    /// The least age at which the next run may begin.
    pub min_interval: Duration,
}

impl RunsOfName {
    /// The run with a higher id than `after_run` that has finished, if there is one.
    pub fn finished_after(&self, after_run: i64) -> Option<i64> {
        self.newest_finished.filter(|run_id| *run_id > after_run)
    }

    /// Whether a new run of `name` is due.
    pub fn due(&self, name: &str, min_interval: Duration) -> Due {
        let Some(last) = self.last_finish else { return Due::Yes };
        let Ok(age) = (self.now - last.at).to_std() else { return Due::ClockSetBack(last) };
        if age >= min_interval {
            return Due::Yes;
        }
        Due::NotYet(NotDue { name: name.to_owned(), run_id: last.run_id, finished_at: last.at, min_interval })
    }
}

impl NotDue {
    /// From when on the next run may begin. An interval of thousands of years ends at the end of time.
    pub fn due_at(&self) -> DateTime<Utc> {
        let interval = TimeDelta::from_std(self.min_interval).unwrap_or(TimeDelta::MAX);
        self.finished_at.checked_add_signed(interval).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl fmt::Display for NotDue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOMENT: &str = "%F %T UTC";
        write!(
            f,
            "the last run of the name {} (id {}) finished at {}, and the next one is due at {}",
            self.name,
            self.run_id,
            self.finished_at.format(MOMENT),
            self.due_at().format(MOMENT)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn runs(finished_before: Option<TimeDelta>) -> RunsOfName {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let last_finish = finished_before.map(|before| LastFinish { run_id: 7, at: now - before });
        RunsOfName {
            is_unfinished: false,
            newest_finished: last_finish.map(|last| last.run_id),
            last_finish,
            now,
        }
    }

    #[test]
    fn a_run_is_due_at_its_interval() {
        assert_eq!(runs(None).due("q", HOUR), Due::Yes);
        assert_eq!(runs(Some(TimeDelta::hours(1))).due("q", HOUR), Due::Yes);
        let Due::NotYet(not_due) = runs(Some(TimeDelta::minutes(59))).due("q", HOUR) else { panic!() };
        assert_eq!(not_due.due_at(), runs(None).now + TimeDelta::minutes(1));
        assert_eq!(
            not_due.to_string(),
            "the last run of the name q (id 7) finished at 2023-11-14 21:14:20 UTC, and \
             the next one is due at 2023-11-14 22:14:20 UTC"
        );
        let Due::NotYet(never) = runs(Some(TimeDelta::zero())).due("q", Duration::MAX) else { panic!() };
        assert_eq!(never.due_at(), DateTime::<Utc>::MAX_UTC);
    }

    #[test]
    fn only_a_newer_run_was_finished_meanwhile() {
        let last = runs(Some(TimeDelta::zero()));
        assert_eq!((last.finished_after(6), last.finished_after(7)), (Some(7), None));
        assert_eq!(runs(None).finished_after(0), None);
    }

    #[test]
    fn a_finish_in_the_future_does_not_count() {
        let ahead = runs(Some(TimeDelta::days(-400)));
        assert_eq!(ahead.due("q", HOUR), Due::ClockSetBack(ahead.last_finish.unwrap()));
    }
}
