//! Each crawl thread works at a desk, and the page that it parses lies there for all to see.
//!
//! The one that takes a page from its desk owns its outcome, credit and charge. Normally the thread does so when it is done.
//! If the parse takes too long, the supervisor comes first. Then the thread returns to an empty desk, or to one at which
//! another thread works, and its result is refused.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dragline_core::budget::{Charge, Stage};
use dragline_core::credit::Credit;
use dragline_core::fetched::Arrival;
use dragline_core::suspension::Since;
use dragline_core::{Fetched, Fingerprint, PageOutcome, Reason, Response, StoredCookie};

use crate::job::{GivenUp, Job};

/// The desks of all crawl threads. Clones share them.
#[derive(Clone, Debug)]
pub struct Desks(Arc<DesksShared>);

#[derive(Debug)]
struct DesksShared {
    desks: Box<[Mutex<Option<PageInHand>>]>,
    tickets: AtomicU64,
    parse_timeout: Duration,
}

/// What a crawl thread does.
#[derive(Clone, Debug)]
pub struct Activity {
    /// The page's URL.
    pub url: String,
    /// Since when.
    pub since: Since,
}

/// The right to take a page back from its desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// A page in user code.
#[derive(Debug)]
pub(super) struct PageInHand {
    ticket: Ticket,
    pub(super) fingerprint: Fingerprint,
    pub(super) status: Option<u16>,
    pub(super) attempts: u32,
    /// Why its request was given up, if it was. Then the spider's `failed` has it, and not `parse`.
    pub(super) failure: Option<(Reason, String)>,
    pub(super) activity: Activity,
    credit: Option<Credit>,
    charge: Option<Charge>,
    cookies: Vec<StoredCookie>,
    /// The run that kept the answer, if it was not fetched now.
    kept_by: Option<i64>,
}

impl Desks {
    /// Empty desks.
    pub(super) fn new(threads: usize, parse_timeout: Duration) -> Self {
        let desks = (0..threads).map(|_| Mutex::new(None)).collect();
        Self(Arc::new(DesksShared { desks, tickets: AtomicU64::new(0), parse_timeout }))
    }

    /// How long a page may lie on a desk. After that, the supervisor takes it away.
    pub fn parse_timeout(&self) -> Duration {
        self.0.parse_timeout
    }

    /// What the thread at desk `index` does; `None` while it waits for a page.
    pub fn activity(&self, index: usize) -> Option<Activity> {
        self.desk(index).as_ref().map(|page| page.activity.clone())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.desks.len()
    }

    /// Lays a job's page on a desk, together with its credit, charge and cookies.
    pub(super) fn lay(&self, index: usize, job: &mut Job) -> Ticket {
        let ticket = Ticket(self.0.tickets.fetch_add(1, Ordering::Relaxed));
        let (queued, status, attempts, failure) = match job {
            Job::Parse(fetched, _) => {
                let response = &fetched.response;
                (&response.queued, Some(response.status), response.attempts, None)
            }
            Job::GivenUp(given_up, _) => {
                let failure = &given_up.failure;
                let why = (failure.reason(), failure.error().to_owned());
                (failure.queued(), failure.status(), failure.attempts(), Some(why))
            }
            Job::AsBefore(page, _) => (&page.queued, page.status, page.attempts, None),
        };
        let activity = Activity { url: queued.request.url().to_string(), since: Since::now() };
        let fingerprint = queued.fingerprint;
        let kept_by = match job {
            Job::Parse(fetched, _) => fetched.arrival.kept_by,
            Job::GivenUp(given_up, _) => given_up.kept_by,
            Job::AsBefore(..) => None,
        };
        let (credit, charge, cookies) = match job {
            Job::Parse(Fetched { credit, charge, cookies, .. }, _)
            | Job::GivenUp(GivenUp { credit, charge, cookies, .. }, _) => {
                (credit, charge, std::mem::take(cookies))
            }
            Job::AsBefore(page, _) => {
                let cookies = std::mem::take(&mut page.cookies);
                (&mut page.credit, &mut page.charge, cookies)
            }
        };
        let page = PageInHand {
            ticket,
            fingerprint,
            status,
            attempts,
            activity,
            credit: credit.take(),
            charge: charge.take(),
            cookies,
            failure,
            kept_by,
        };
        *self.desk(index) = Some(page);
        ticket
    }

    /// Takes a page back. `None` if somebody else has taken it.
    pub(super) fn take(&self, index: usize, ticket: Ticket) -> Option<PageInHand> {
        self.desk(index).take_if(|page| page.ticket == ticket)
    }

    /// Takes a page away that has been there for longer than `limit`.
    pub(super) fn take_overdue(&self, index: usize, limit: Duration) -> Option<PageInHand> {
        self.desk(index).take_if(|page| page.activity.since.elapsed() > limit)
    }

    /// Reserves memory for the page on a desk: this many bytes altogether. `false` if there are none now, or if somebody else has
    /// taken the page.
    pub(super) fn reserve(&self, index: usize, ticket: Ticket, bytes: usize) -> bool {
        let mut desk = self.desk(index);
        let Some(page) = desk.as_mut().filter(|page| page.ticket == ticket) else { return false };
        page.charge.as_mut().is_none_or(|charge| charge.reserve(bytes))
    }

    fn desk(&self, index: usize) -> MutexGuard<'_, Option<PageInHand>> {
        self.0.desks[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PageInHand {
    /// Goes back to where it was before a crawl thread took it: it waits for memory.
    pub(super) fn waiting_again(self, response: Response, arrival: Arrival) -> Fetched {
        let Self { credit, mut charge, cookies, .. } = self;
        if let Some(charge) = &mut charge {
            charge.set(response.body.len());
            charge.enter(Stage::Waiting);
        }
        Fetched { response, credit, charge, cookies, arrival }
    }

    /// Gives credit, charge and cookies to the page's outcome. The charge is for the outcome now, because the body is gone.
    pub(super) fn travel_with(self, outcome: &mut PageOutcome) {
        (outcome.credit, outcome.charge, outcome.cookies) = (self.credit, self.charge, self.cookies);
        outcome.read_from = self.kept_by;
        let bytes = outcome.size();
        if let Some(charge) = &mut outcome.charge {
            charge.enter(Stage::Storing);
            charge.set(bytes);
        }
    }
}
