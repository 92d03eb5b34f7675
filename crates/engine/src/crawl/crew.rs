//! The crew: all crawl threads, and the supervisor that replaces a thread whose parse does not end.
//!
//! A thread cannot be killed. If it does not return from user code within the parse time-out, it is left behind: its page
//! fails, a new thread takes its place, and a late result is refused. If this happens more often than there are crawl
//! threads, the spider is beyond help and the run stops.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{select, tick};
use dragline_core::probe::reach;
use dragline_core::stop::StopReason;
use dragline_core::worker::{JoinError, Worker};
use dragline_core::{PageKey, PageOutcome, Reason};

use super::desk::{Activity, Desks, PageInHand};
use super::{CrawlThread, Station};

/// How often the supervisor looks at the desks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The crawl threads.
#[derive(Debug)]
pub struct Crew {
    desks: Desks,
    members: Arc<Mutex<CrewMembers>>,
    supervisor: Worker<()>,
}

/// A thread that has not ended.
#[derive(Clone, Debug)]
pub struct LeftBehind {
    /// Its name.
    pub thread: String,
    /// What it does, if that is known.
    pub activity: Option<Activity>,
}

#[derive(Debug, Default)]
struct CrewMembers {
    /// The thread at each desk.
    at_desks: Vec<Worker<()>>,
    left_behind: Vec<LeftBehind>,
}

impl Crew {
    /// Starts a thread at each desk, and the supervisor.
    pub(super) fn start(station: Arc<Station>) -> io::Result<Self> {
        let desks = station.desks.clone();
        let members = Arc::new(Mutex::new(CrewMembers::default()));
        for index in 0..desks.count() {
            lock(&members).at_desks.push(CrawlThread::start(index, &station)?);
        }
        let watched = Arc::clone(&members);
        let supervisor = Worker::spawn("crawl-supervisor", move || supervise(&station, &watched))?;
        Ok(Self { desks, members, supervisor })
    }

    /// What each thread does.
    pub fn desks(&self) -> &Desks {
        &self.desks
    }

    /// Waits until `deadline` for all threads that are not left behind. Gives those that have not ended by then.
    ///
    /// # Errors
    /// If a thread died of a panic outside of user code.
    pub fn join_until(&self, deadline: Instant) -> Result<Vec<LeftBehind>, JoinError> {
        self.supervisor.join_until(deadline)?;
        let mut members = lock(&self.members);
        let mut left_behind = std::mem::take(&mut members.left_behind);
        for (index, worker) in members.at_desks.iter().enumerate() {
            match worker.join_until(deadline) {
                Ok(()) => {}
                Err(JoinError::StillRunning(thread)) => {
                    left_behind.push(LeftBehind { thread, activity: self.desks.activity(index) });
                }
                Err(error @ JoinError::Panicked { .. }) => return Err(error),
            }
        }
        Ok(left_behind)
    }
}

fn lock(members: &Mutex<CrewMembers>) -> MutexGuard<'_, CrewMembers> {
    members.lock().unwrap_or_else(PoisonError::into_inner)
}

fn supervise(station: &Arc<Station>, members: &Mutex<CrewMembers>) {
    let ticks = tick(LOOK_EVERY.min(station.parse_timeout / 4).max(Duration::from_millis(1)));
    loop {
        select! {
            recv(station.finish) -> _ => return,
            recv(station.stop.abandoned()) -> _ => return,
            recv(ticks) -> _ => {}
        }
        reach("supervisor: looks");
        for index in 0..station.desks.count() {
            if let Some(page) = station.desks.take_overdue(index, station.parse_timeout) {
                leave_behind(station, members, index, page);
            }
        }
    }
}

/// Fails the page of a thread that does not return, and puts another thread at its desk.
fn leave_behind(station: &Arc<Station>, members: &Mutex<CrewMembers>, index: usize, page: PageInHand) {
    let url = page.activity.url.clone();
    let limit = station.parse_timeout.as_secs_f64();
    let mut members = lock(members);
    let left = LeftBehind { thread: format!("crawl-{index}"), activity: Some(page.activity.clone()) };
    members.left_behind.push(left);
    tracing::error!(
        url,
        thread = index,
        "the spider has not returned within {limit} s: the page fails, and its thread is left behind"
    );
    let key = PageKey { fingerprint: page.fingerprint, url };
    let (reason, detail) = page
        .failure
        .clone()
        .unwrap_or_else(|| (Reason::ParseTimeout, format!("parse: did not come back within {limit} s")));
    let mut outcome = PageOutcome::failed(key, reason, &detail).with_answer(page.status, page.attempts);
    page.travel_with(&mut outcome);
    station.submit(outcome);

    if members.left_behind.len() > station.desks.count() {
        station.stop.request(StopReason::ParsesHang);
        return;
    }
    match CrawlThread::start(index, station) {
        Ok(worker) => members.at_desks[index] = worker,
        Err(error) => {
            station.stop.request(StopReason::Failed(format!("no thread could replace a stuck one: {error}")));
        }
    }
}
