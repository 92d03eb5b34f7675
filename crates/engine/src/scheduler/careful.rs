//! After a process that ended without recording how, pages are taken up with care: `dragline_core::suspects` has the rules.
//!
//! While the scheduler watches, each page is marked in the store before it is taken up: before the body of its answer is read, or
//! before a crawl thread gets it if it has no body. A page that only waits for its site has no mark.
//!
//! Suspects are held back. They are tried one at a time, with nothing else in hand: at once if no process has ended with one of
//! them only, and later otherwise.

use std::collections::{HashSet, VecDeque};
use std::mem::take;
use std::time::{Duration, Instant};

use dragline_core::counted::counted;
use dragline_core::suspects::{CarefulStart, MarkedPage, PageMarks, Suspect};
use dragline_core::{Fingerprint, PageOutcome, QueuedRequest, Reason};
use tokio::sync::{mpsc, oneshot};

use super::Scheduler;
use super::awaited::Awaited;
use crate::hosts::HostId;
use crate::job::WaitingWork;
use crate::mark_gate::{AskForMark, Marker};

/// How many pages are marked at once.
const MARKED_AT_ONCE: usize = 64;
/// Marks are a sign of life too: a page that ends the process does so at a known age. If no page is taken up, an empty set of marks
/// says it.
const MARK_EVERY: Duration = Duration::from_secs(1);
/// After a trial that took too long, the other pages have this time before the next trial.
const REST_OF_TRIALS: Duration = Duration::from_secs(60);
/// How long a suspect with deaths keeps all other pages waiting if its host can't be asked.
const PATIENCE_WITH_HOST: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct Careful {
    /// Pages are marked until then. `None` if they are not marked.
    watches_until: Option<Instant>,
    /// Suspects with deaths are tried from then on.
    settled_at: Instant,
    /// Until then, no suspect is tried.
    rests_until: Instant,
    /// How long a suspect without a death may take.
    patience: Duration,
    /// Suspects that are not tried yet. Those with deaths come last.
    untried: VecDeque<Suspect>,
    /// Suspects that are not tried any more, and not given up yet.
    doomed: Vec<Suspect>,
    trying: Option<Trial>,
    /// Downloads ask through this that their pages are marked.
    asks: (mpsc::Sender<AskForMark>, mpsc::Receiver<AskForMark>),
    marking: Awaited<Unmarked>,
    /// Pages in hand that are marked.
    marked: HashSet<Fingerprint>,
    put_down: Vec<Fingerprint>,
    marks_are_open: bool,
    /// Whether these are the last ones.
    last_is_open: bool,
    is_ending: bool,
    marked_at: Instant,
}

/// A suspect that is tried with nothing else in hand.
struct Trial {
    fingerprint: Fingerprint,
    host: HostId,
    since: Instant,
    deaths: u32,
}

/// A page that waits until it is marked. It has a credit meanwhile.
#[derive(Debug)]
struct Unmarked {
    page: MarkedPage,
    then: Then,
}

/// What comes after the mark.
#[derive(Debug)]
enum Then {
    /// A download goes on.
    Download(oneshot::Sender<()>),
    /// A crawl thread gets the page.
    Work(Box<WaitingWork>),
}

impl Careful {
    pub(super) fn new(start: Option<&CarefulStart>, concurrency: usize, now: Instant) -> Self {
        let mut careful = Self {
            watches_until: None,
            settled_at: now,
            rests_until: now,
            patience: Duration::ZERO,
            untried: VecDeque::new(),
            doomed: Vec::new(),
            trying: None,
            // Each download that asks has a credit.
            asks: mpsc::channel(concurrency.max(1)),
            marking: Awaited::default(),
            marked: HashSet::new(),
            put_down: Vec::new(),
            marks_are_open: false,
            last_is_open: false,
            is_ending: false,
            marked_at: now,
        };
        if let Some(start) = start {
            careful.watches_until = now.checked_add(start.watches_for());
            (careful.settled_at, careful.patience) = (now + start.settles_after(), start.patience());
            let (doomed, mut untried): (Vec<_>, Vec<_>) =
                start.suspects.iter().cloned().partition(Suspect::is_given_up);
            // Those without a death first, and the others by their deaths: the sort keeps the order otherwise.
            untried.sort_by_key(|suspect| suspect.deaths > 0);
            (careful.doomed, careful.untried) = (doomed, untried.into());
        }
        careful
    }

    /// Whether only the suspect that is tried may be claimed, or nothing.
    pub(super) fn is_quiet(&self, now: Instant) -> bool {
        self.trying.is_some() || self.next_is_due(now)
    }

    /// Whether suspects are held back.
    pub(super) fn holds_back(&self) -> bool {
        !self.untried.is_empty() || !self.doomed.is_empty()
    }

    /// When the next trial may begin, if that is later than now.
    pub(super) fn next_moment(&self, now: Instant) -> Option<Instant> {
        self.next_trial_at().filter(|at| *at > now)
    }

    fn is_watching(&self) -> bool {
        self.watches_until.is_some()
    }

    fn next_is_due(&self, now: Instant) -> bool {
        self.next_trial_at().is_some_and(|at| now >= at)
    }

    fn next_trial_at(&self) -> Option<Instant> {
        let next = self.untried.front()?;
        Some(if next.deaths == 0 { self.rests_until } else { self.rests_until.max(self.settled_at) })
    }

    /// A page has ended, or a request goes back into the window, to be tried again later. It did not end the process.
    pub(super) fn goes_back(&mut self, fingerprint: &Fingerprint) {
        if self.trying.as_ref().is_some_and(|trial| trial.fingerprint == *fingerprint) {
            self.trying = None;
        }
        if self.marked.remove(fingerprint) {
            self.put_down.push(*fingerprint);
        }
    }

    /// Has the page of a download marked before its body is read, while pages are marked.
    pub(super) fn marker(&self, queued: &QueuedRequest) -> Option<Marker> {
        self.is_watching().then(|| Marker::new(MarkedPage::from(queued), self.asks.0.clone()))
    }

    /// The next download that waits until its page is marked.
    pub(super) async fn ask_for_mark(&mut self) -> Option<AskForMark> {
        self.asks.1.recv().await
    }

    /// A download waits until its page is marked.
    pub(super) fn put_ask(&mut self, ask: AskForMark) {
        let AskForMark { page, marked } = ask;
        if self.is_watching() {
            self.marking.put(Unmarked { page, then: Then::Download(marked) });
        } else {
            let _ = marked.send(());
        }
    }

    /// Work whose page need not be marked, or is. The other work waits.
    pub(super) fn marked(&mut self, work: WaitingWork) -> Option<WaitingWork> {
        let queued = work.queued();
        if !self.is_watching() || self.marked.contains(&queued.fingerprint) {
            return Some(work);
        }
        let page = MarkedPage::from(queued);
        self.marking.put(Unmarked { page, then: Then::Work(Box::new(work)) });
        None
    }

    /// Marks to store now, if there are some.
    fn marks(&mut self, now: Instant) -> Option<PageMarks> {
        if !self.is_watching() || self.marks_are_open {
            return None;
        }
        let taken_up: Vec<MarkedPage> =
            self.marking.ask(MARKED_AT_ONCE).iter().map(|unmarked| unmarked.page.clone()).collect();
        let is_last = self.is_ending && taken_up.is_empty();
        let is_due = now >= self.marked_at + MARK_EVERY;
        if taken_up.is_empty() && !is_due && !is_last {
            return None;
        }
        let mut put_down = take(&mut self.put_down);
        put_down.retain(|page| taken_up.iter().all(|taken| taken.fingerprint != *page));
        (self.marks_are_open, self.last_is_open, self.marked_at) = (true, is_last, now);
        Some(PageMarks { taken_up, put_down, is_last })
    }
}

impl Scheduler {
    /// Holds the suspects back: a refill does not bring them.
    pub(super) fn hold_suspects(&mut self, now: Instant) {
        let suspects: Vec<QueuedRequest> =
            self.careful.untried.iter().chain(&self.careful.doomed).map(|it| it.queued.clone()).collect();
        for queued in suspects {
            if let Some(host) = self.host_named(&queued.host, now) {
                self.in_hand.enter(queued.fingerprint, host);
            }
        }
    }

    /// Gives up what ended the process too often, and tries the next suspect when nothing else is in hand.
    pub(super) fn be_careful(&mut self, now: Instant) {
        while self.may_claim()
            && let Some(suspect) = self.careful.doomed.pop()
        {
            self.give_up_suspect(suspect, now);
        }
        self.look_after_trial(now);
        if self.careful.trying.is_none() && self.in_hand.out() == 0 && self.careful.next_is_due(now) {
            self.try_next(now);
        }
        let is_over = self.careful.watches_until.is_some_and(|until| now >= until);
        self.careful.is_ending = is_over && self.careful.trying.is_none() && !self.careful.holds_back();
    }

    /// Claims the suspect that is tried, and nothing else.
    pub(super) fn claim_trial(&mut self, now: Instant) {
        let Some(Trial { host, fingerprint, .. }) = self.careful.trying else { return };
        while self.end.is_none()
            && self.may_claim()
            && self.window.is_ready(&mut self.hosts, host)
            && self.window.best(host).is_some_and(|best| best.queued.fingerprint == fingerprint)
        {
            self.step(host, now);
        }
    }

    /// Stores the marks of pages that wait for them.
    pub(super) fn ask_for_marks(&mut self, now: Instant) {
        if self.end.is_some() {
            return;
        }
        let Some(marks) = self.careful.marks(now) else { return };
        if let Err(refused) = self.parts.sink.mark(marks) {
            self.fail(&refused.to_string());
        }
    }

    /// The marks are stored, so these pages may be taken up.
    pub(super) fn on_marked(&mut self) {
        self.careful.marks_are_open = false;
        for Unmarked { page, then } in self.careful.marking.answered() {
            self.careful.marked.insert(page.fingerprint);
            match then {
                Then::Work(work) => self.hand_over_now(*work),
                Then::Download(marked) => {
                    if marked.send(()).is_err() {
                        // The download has ended meanwhile.
                        self.careful.goes_back(&page.fingerprint);
                    }
                }
            }
        }
        if take(&mut self.careful.last_is_open) {
            tracing::info!(
                "no page has ended the process, so pages are not marked any more before they are fetched"
            );
            self.careful.watches_until = None;
            self.careful.marked.clear();
            // Pages that have come to wait since then go on.
            self.let_unmarked_go_on();
        }
    }

    fn let_unmarked_go_on(&mut self) {
        self.careful.marking.ask(usize::MAX);
        for Unmarked { then, .. } in self.careful.marking.answered() {
            match then {
                Then::Work(work) => self.hand_over_now(*work),
                // If the download has ended, nobody waits.
                Then::Download(marked) => drop(marked.send(())),
            }
        }
    }

    /// A trial ends with its page. If that takes too long, or the page can't be fetched now, the others go on meanwhile.
    fn look_after_trial(&mut self, now: Instant) {
        let Some(trial) = &self.careful.trying else { return };
        let is_over = !self.in_hand.holds(&trial.fingerprint);
        if is_over && trial.deaths > 0 {
            tracing::info!("the page that may have ended the process is through, and the process lives");
        }
        let patience = if trial.deaths == 0 {
            self.careful.patience
        } else if self.in_hand.out() == 0 {
            PATIENCE_WITH_HOST
        } else {
            Duration::MAX
        };
        let is_slow = now.saturating_duration_since(trial.since) > patience;
        if is_over || is_slow {
            self.careful.trying = None;
        }
        if is_slow && !is_over {
            tracing::debug!("the page that is tried takes long, so the other pages go on");
            self.careful.rests_until = now + REST_OF_TRIALS;
        }
    }

    fn try_next(&mut self, now: Instant) {
        let Some(Suspect { queued, deaths }) = self.careful.untried.pop_front() else { return };
        let (fingerprint, url) = (queued.fingerprint, queued.request.url().as_str());
        if deaths > 0 {
            tracing::warn!(
                url,
                deaths,
                "trying this page with nothing else in hand: it may have ended the process"
            );
        } else {
            tracing::debug!(url, "trying this page with nothing else in hand");
        }
        let Some(host) = self.host_named(&queued.host, now) else {
            // There are too many hosts. A refill brings it later.
            self.in_hand.leave(&fingerprint);
            return self.backlog.missed_a_host();
        };
        self.in_hand.enter(fingerprint, host);
        self.window.put_first(host, queued);
        self.careful.trying = Some(Trial { fingerprint, host, since: now, deaths });
    }

    /// Ends the request of a page that has ended the process again and again. The spider is not told, because it may be the spider's
    /// code that does it.
    fn give_up_suspect(&mut self, suspect: Suspect, now: Instant) {
        let Suspect { queued, deaths } = suspect;
        let Some(host) = self.host_named(&queued.host, now) else {
            return self.careful.doomed.push(Suspect { queued, deaths });
        };
        self.in_hand.enter(queued.fingerprint, host);
        self.window.put_first(host, queued);
        self.with_credit(host, |scheduler, waiting, credit| {
            let times = counted(deaths, "time");
            let url = waiting.queued.request.url().as_str();
            tracing::warn!(url, deaths, "this page ended the process {times} and is given up");
            let detail = format!(
                "{url} ended the process {times}, each time as the only page in hand: a stack overflow, an abort, or killed \
                 for its memory"
            );
            scheduler.parts.stats.given_up.add(1);
            let outcome = PageOutcome::failed(&waiting.queued, Reason::KillsTheProcess, &detail);
            scheduler.submit(outcome.with_answer(None, deaths).with_credit(credit));
        });
    }
}
