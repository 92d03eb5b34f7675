//! The scheduler: the single owner of hosts, window, limits and credits. It is one loop without locks, and it never blocks.
//!
//! In each turn it looks at the clock once, claims what it may claim, and asks for more of the frontier if there is room. Then
//! it waits for whatever comes first: an event from the store, a finished fetch, a returned credit, a timer, a stop. `claim`
//! chooses and dispatches, `landing` decides what becomes of a finished fetch, `refill` talks with the store, `robots` does
//! what robots.txt asks for, and `outage` pauses the crawl when the network fails.

mod awaited;
mod backlog;
mod budgets;
mod careful;
mod claim;
mod failed_share;
mod in_hand;
mod invalid_share;
mod kept;
mod landing;
mod limits;
mod look_ups;
mod outage;
mod pacing;
mod refill;
mod revisits;
mod robots;
mod sleep;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use dragline_core::budget::{ByteBudget, Stage};
use dragline_core::credit::Credits;
use dragline_core::hold::Hold;
use dragline_core::pulse::{Beating, Pulse};
use dragline_core::stop::StopReason;
use dragline_core::{Fingerprint, PageOutcome, StoreEvent};
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};

use self::awaited::Awaited;
use self::backlog::Backlog;
use self::budgets::Budgets;
use self::careful::Careful;
use self::failed_share::FailedShare;
use self::in_hand::InHand;
use self::kept::AwaitingAnswer;
use self::landing::Landed;
use self::limits::Limits;
use self::outage::NetworkWatch;
use self::revisits::AwaitingLinks;
use self::sleep::SleepWatch;
use crate::crawl_end::CrawlEnd;
use crate::download_thread::DownloadThread;
use crate::downloads::Downloads;
use crate::error::EngineError;
use crate::hosts::Hosts;
use crate::job::WaitingJob;
use crate::mark_gate::AskForMark;
use crate::parts::EngineParts;
use crate::receipts::ReceiptReceiver;
use crate::scope::Scope;
use crate::settings::EngineSettings;
use crate::window::Window;

/// Longest time between two turns. Heartbeats are due once a second.
const IDLE_TURN: Duration = Duration::from_millis(500);
/// Shortest time between two heartbeats, because there may be thousands of turns in a second.
const BEAT_EVERY: Duration = Duration::from_millis(250);
/// Events and fetches taken in one turn, so that neither keeps the other waiting.
const TAKEN_PER_TURN: usize = 64;

/// See the module.
pub(crate) struct Scheduler {
    parts: EngineParts,
    receipts: ReceiptReceiver,
    pages: Sender<WaitingJob>,
    pulse: Arc<dyn Pulse>,
    hold: Hold,
    /// Notified when a credit or memory comes back, and when somebody asks for a stop.
    wake: Arc<Notify>,
    credits: Credits,
    budget: ByteBudget,
    downloads: Downloads,
    /// Fetches in flight. They are abandoned with the scheduler, and their requests are still queued.
    fetches: JoinSet<Landed>,
    robots_fetches: usize,
    network: NetworkWatch,
    sleep: SleepWatch,
    hosts: Hosts,
    window: Window,
    in_hand: InHand,
    limits: Limits,
    budgets: Budgets,
    failed_share: FailedShare,
    backlog: Backlog,
    awaited_links: Awaited<AwaitingLinks>,
    awaited_answers: Awaited<AwaitingAnswer>,
    /// What the look-ups ask that are under way.
    asked: HashSet<Fingerprint>,
    careful: Careful,
    scope: Scope,
    phase: CrawlPhase,
    /// Set by whoever finds that the crawl cannot go on.
    end: Option<CrawlEnd>,
    /// How many outcomes the persistence thread had taken when it was last asked to flush at once.
    flush_asked_at: u64,
    beaten_at: Option<Instant>,
}

/// How the crawl stands.
#[derive(Debug)]
enum CrawlPhase {
    /// Requests are claimed.
    Running,
    /// A limit ends the claiming. Pages in hand still finish.
    Draining(StopReason),
    /// Somebody asked for a stop. Fetches in flight may finish until then.
    Stopping { deadline: Instant },
}

/// What ended a wait.
enum Woken {
    Event(Option<StoreEvent>),
    AskForMark(AskForMark),
    Landed(Box<Result<Landed, JoinError>>),
    ForATurn,
}

impl Scheduler {
    pub(crate) fn new(thread: DownloadThread<'_>) -> Result<Self, EngineError> {
        let DownloadThread { mut parts, run, downloaders, databases, receipts, pages, pulse, hold } = thread;
        parts.settings = fitting(parts.settings);
        let (settings, spider) = (Arc::clone(&parts.settings), &*parts.spider);
        let wake = Arc::new(Notify::new());
        let waker = || {
            let wake = Arc::clone(&wake);
            move || wake.notify_one()
        };
        let credits = Credits::new(settings.concurrency, waker());
        let budget = ByteBudget::new(settings.memory_budget_bytes, waker());
        parts.stop.on_change(waker());
        let start_hosts = run.start_hosts.iter().map(String::as_str);
        Ok(Self {
            scope: Scope::new(&settings.links, spider, start_hosts)?,
            downloads: Downloads::new(
                &settings,
                spider,
                downloaders.with_databases(&databases),
                budget.clone(),
                &run.cookies,
                parts.revisits.clone(),
            )?,
            hosts: Hosts::new(&settings, &run.hosts),
            window: Window::new(&settings),
            in_hand: InHand::new(settings.window.requests),
            limits: Limits::new(&settings.limits, run.done, Instant::now()),
            budgets: Budgets::new(&settings.links, run.tally.clone()),
            failed_share: FailedShare::new(
                settings.limits.failed_share,
                run.resumed.as_ref().map(|resumed| &resumed.pages),
            ),
            backlog: Backlog::new(),
            awaited_links: Awaited::default(),
            awaited_answers: Awaited::default(),
            asked: HashSet::new(),
            careful: Careful::new(run.careful.as_ref(), settings.concurrency, Instant::now()),
            fetches: JoinSet::new(),
            robots_fetches: 0,
            network: NetworkWatch::new(&settings.outage),
            sleep: SleepWatch::begin(),
            phase: CrawlPhase::Running,
            end: None,
            flush_asked_at: 0,
            beaten_at: None,
            parts,
            receipts,
            pages,
            pulse,
            hold,
            wake,
            credits,
            budget,
        })
    }

    /// Crawls until an end is reached.
    pub(crate) async fn run(mut self) -> CrawlEnd {
        self.hold_suspects(Instant::now());
        loop {
            let now = Instant::now();
            self.beat(now);
            if let Some(end) = self.turn(now) {
                tracing::debug!(%end, "the scheduler ends");
                self.show(now);
                return end;
            }
            self.show(now);
            self.tell_of_waits();
            let wake_at = tokio::time::Instant::from_std(self.next_turn(now));
            let woken = tokio::select! {
                event = self.receipts.recv() => Woken::Event(event),
                Some(ask) = self.careful.ask_for_mark() => Woken::AskForMark(ask),
                Some(landed) = self.fetches.join_next() => Woken::Landed(Box::new(landed)),
                () = self.wake.notified() => Woken::ForATurn,
                () = tokio::time::sleep_until(wake_at) => Woken::ForATurn,
            };
            // Before anything else: a fetch that has ended may have been in flight during a jump.
            self.look_at_the_clock();
            match woken {
                Woken::Event(Some(event)) => self.on_event(event),
                Woken::AskForMark(ask) => self.careful.put_ask(ask),
                Woken::Event(None) => self.fail("the persistence thread has ended"),
                Woken::Landed(landed) => self.on_landed(*landed),
                Woken::ForATurn => {}
            }
            self.take_what_is_there();
        }
    }

    /// One turn. Gives the end, when it has come.
    fn turn(&mut self, now: Instant) -> Option<CrawlEnd> {
        if self.parts.stop.is_abandoned() {
            return Some(CrawlEnd::Stopped(self.stop_reason()));
        }
        if let Some(end) = self.end.take() {
            return Some(end);
        }
        self.hosts.wake(now);
        self.window.wake(now);
        self.change_phase(now);
        self.watch_network(now);
        if let Some(end) = self.end.take() {
            return Some(end);
        }
        match &self.phase {
            CrawlPhase::Running => {
                if self.limits.are_reached() {
                    return Some(self.judged(CrawlEnd::LimitReached));
                }
                self.be_careful(now);
                if self.careful.is_quiet(now) {
                    self.claim_trial(now);
                } else {
                    self.claim(now);
                }
                self.ask_for_more();
                if self.in_hand.is_empty() && self.backlog.is_known_to_be_empty() {
                    return Some(self.judged(CrawlEnd::Finished));
                }
            }
            CrawlPhase::Draining(reason) => {
                if self.in_hand.out() == 0 {
                    let reached = self.limits.are_reached();
                    let is_over = self.in_hand.is_empty() && self.backlog.is_known_to_be_empty();
                    return Some(match reason {
                        _ if reached => CrawlEnd::LimitReached,
                        // A resume would find nothing to do.
                        StopReason::MaxFailedShare(_) | StopReason::MaxInvalidShare(_) if is_over => {
                            self.judged(CrawlEnd::Finished)
                        }
                        reason => CrawlEnd::Stopped(reason.clone()),
                    });
                }
            }
            CrawlPhase::Stopping { deadline } => {
                let pages = self.fetches.len() - self.robots_fetches - self.network.probes;
                if pages == 0 || now >= *deadline {
                    tracing::debug!(pages, "fetches in flight are abandoned");
                    return Some(CrawlEnd::Stopped(self.stop_reason()));
                }
            }
        }
        self.ask_for_links();
        self.ask_for_answers();
        self.ask_for_marks(now);
        self.flush_if_idle(now);
        self.end.take()
    }

    fn change_phase(&mut self, now: Instant) {
        if matches!(self.phase, CrawlPhase::Stopping { .. }) {
            return;
        }
        if self.parts.stop.is_requested() {
            self.phase = CrawlPhase::Stopping { deadline: now + self.parts.settings.stop_grace };
        } else if matches!(self.phase, CrawlPhase::Running)
            && let Some(reason) = self.reason_to_stop(now)
        {
            tracing::info!(%reason, "no more requests are claimed; pages in hand finish");
            self.phase = CrawlPhase::Draining(reason);
        }
    }

    /// Why nothing more may be claimed, if that is so. Pages in hand still finish.
    fn reason_to_stop(&self, now: Instant) -> Option<StopReason> {
        let reason = self.limits.reason_to_stop(now);
        let max_invalid = self.parts.settings.limits.invalid_share;
        reason.or_else(|| self.failed_share.is_exceeded().map(StopReason::MaxFailedShare)).or_else(|| {
            let exceeded = self.parts.stats.rules(|rules| invalid_share::exceeded(max_invalid, rules));
            exceeded.map(StopReason::MaxInvalidShare)
        })
    }

    /// A good end, unless too many pages failed on the way.
    fn judged(&self, end: CrawlEnd) -> CrawlEnd {
        self.failed_share.of_all().map_or(end, CrawlEnd::TooManyFailed)
    }

    fn next_turn(&self, now: Instant) -> Instant {
        let stop_deadline = match &self.phase {
            CrawlPhase::Stopping { deadline } => Some(*deadline),
            CrawlPhase::Running | CrawlPhase::Draining(_) => None,
        };
        let limit = self.limits.deadline().filter(|_| matches!(self.phase, CrawlPhase::Running));
        let wakes = [
            self.hosts.next_wake(),
            self.window.next_wake(),
            self.network.link.next_step(),
            self.careful.next_moment(now),
        ];
        let wakes = wakes.into_iter().flatten().filter(|_| matches!(self.phase, CrawlPhase::Running));
        let moments = [stop_deadline, limit].into_iter().flatten().chain(wakes);
        moments.fold(now + IDLE_TURN, Instant::min)
    }

    /// Takes whatever else has come in, so that a busy crawl looks for work once and not after each event.
    fn take_what_is_there(&mut self) {
        for _ in 0..TAKEN_PER_TURN {
            let Some(landed) = self.fetches.try_join_next() else { break };
            self.on_landed(landed);
        }
        for _ in 0..TAKEN_PER_TURN {
            let Some(event) = self.receipts.try_recv() else { break };
            self.on_event(event);
        }
    }

    /// Asks for a flush when the persistence thread has outcomes and there is nothing to fetch. To wait for a fuller batch
    /// would only cost time then.
    fn flush_if_idle(&mut self, now: Instant) {
        let credits_of_pages = self.credits.in_use().saturating_sub(self.robots_fetches);
        let unreceipted = self.in_hand.out().saturating_sub(credits_of_pages);
        let has_something_to_fetch =
            self.may_claim() && self.window.has_queued() && !self.careful.is_quiet(now);
        let has_credits = self.credits.in_use() < self.parts.settings.concurrency;
        // Counted from the beginning, so that an outcome that comes just as another gets its receipt is not missed.
        let taken = self.in_hand.ended() + unreceipted as u64;
        if unreceipted > 0 && has_credits && !has_something_to_fetch && taken != self.flush_asked_at {
            self.flush_asked_at = taken;
            self.parts.sink.flush_now();
        }
    }

    /// Submits an outcome that needs no crawl thread.
    fn submit(&mut self, outcome: PageOutcome) {
        if let Err(refused) = self.parts.sink.submit(outcome) {
            self.fail(&refused.to_string());
        }
    }

    /// The crawl cannot go on. That is not a failure if somebody asked for a stop.
    fn fail(&mut self, what: &str) {
        if self.end.is_none() {
            let reason = self.parts.stop.reason().cloned();
            self.end = Some(CrawlEnd::Stopped(reason.unwrap_or_else(|| StopReason::Failed(what.to_owned()))));
        }
    }

    fn stop_reason(&self) -> StopReason {
        self.parts
            .stop
            .reason()
            .cloned()
            .unwrap_or_else(|| StopReason::Failed("stopped without a reason".to_owned()))
    }

    /// Says whether all that is left has to wait. After a turn, a request in the window has to wait if it could be claimed. A crawl
    /// that stops says nothing new, so its last word is from before the stop.
    fn tell_of_waits(&self) {
        if matches!(self.phase, CrawlPhase::Running) {
            let is_idle = self.in_hand.out() == 0 && self.robots_fetches == 0;
            let has_to_wait = if self.network.link.may_send() { is_idle && self.may_fetch() } else { true };
            let has_more = self.window.len() > 0 || self.careful.holds_back();
            self.parts.sink.waits(has_to_wait && has_more);
        }
    }

    fn beat(&mut self, now: Instant) {
        if self.beaten_at.is_none_or(|at| now >= at + BEAT_EVERY) {
            self.beaten_at = Some(now);
            self.pulse.beat(Beating::Scheduler);
        }
    }

    fn show(&self, now: Instant) {
        self.parts.stats.in_flight.set(self.credits.in_use());
        self.parts.stats.window_requests.set(self.window.len());
        self.parts.stats.waiting_hosts.set(self.hosts.resting());
        self.parts.stats.waiting_pages.set(self.pages.len());
        self.parts.stats.connections.set(self.downloads.http().connections());
        for stage in Stage::ALL {
            self.parts.stats.hold_bytes(stage, self.budget.held_in(stage));
        }
        let busy = || self.hosts.busy(now, |id| self.window.held_by(id));
        self.parts.stats.hosts.write(now, busy);
    }
}

/// The settings with as many requests in flight as there may be connections.
fn fitting(settings: Arc<EngineSettings>) -> Arc<EngineSettings> {
    let connections = settings.max_connections();
    if settings.concurrency <= connections {
        return settings;
    }
    tracing::warn!(
        concurrency = settings.concurrency,
        connections,
        "there may be fewer connections than requests in flight, so fewer requests are sent at once; raise the limit on open files (ulimit -n) or `max_connections`, or lower `concurrency`"
    );
    Arc::new(EngineSettings { concurrency: connections, ..EngineSettings::clone(&settings) })
}
