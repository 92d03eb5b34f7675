//! Shows the progress of a crawl: a display below the log on a terminal, and otherwise a line in the log every
//! few seconds. Both have the same numbers.
//!
//! This is our own and not `indicatif`, because the log's thread must be the only one that writes to the terminal: so a
//! terminal that nobody reads never blocks the crawl.

mod figures;
mod panel;

use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use dragline_core::PageState;
use dragline_core::worker::Worker;
use tracing::info;

use crate::logging::{LogHandle, size};
use crate::running::Running;
use figures::{Figures, Pace, Sources};

/// How often the display is drawn.
const DRAWN_EVERY: Duration = Duration::from_millis(200);
/// The interval over which the display shows a pace.
const PACE_OVER: Duration = Duration::from_secs(5);
/// How often to check a log without a display.
const TICK: Duration = Duration::from_millis(500);
/// How long the end of the display waits for its thread.
const END: Duration = Duration::from_millis(500);
/// The size of a terminal that doesn't report one.
const USUAL_SIZE: (u16, u16) = (80, 24);

/// How a crawl shows its progress.
#[derive(Clone, Copy, Debug)]
pub struct ProgressSettings {
    /// The form.
    pub form: ProgressForm,
    /// Time between two lines in the log.
    pub every: Duration,
}

/// The form in which progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProgressForm {
    /// A display on a terminal, otherwise lines in the log.
    #[default]
    Auto,
    /// The same, with a line for each busy host.
    Hosts,
    /// Lines in the log.
    Lines,
    /// No progress.
    None,
}

/// Dropping it removes the display, so the terminal is clean, unless the terminal is blocked.
pub struct Progress {
    end: Option<Sender<()>>,
    thread: Worker<()>,
    screen: Option<LogHandle>,
}

/// Starts to show progress.
///
/// # Errors
/// When the operating system refuses a thread.
pub fn start(settings: ProgressSettings, running: &Running, log: LogHandle) -> io::Result<Progress> {
    let sources = Sources::of(running, log.counts().clone());
    let (end, ended) = bounded::<()>(0);
    let has_screen = log.has_screen() && matches!(settings.form, ProgressForm::Auto | ProgressForm::Hosts);
    let screen = has_screen.then(|| log.clone());
    let with_hosts = settings.form == ProgressForm::Hosts;
    if with_hosts {
        sources.watch_hosts();
    }
    let lines = (!has_screen && settings.form != ProgressForm::None).then_some(settings.every);
    let thread = Worker::spawn("progress", move || {
        let tick = if has_screen { DRAWN_EVERY } else { TICK };
        let mut pace = Pace::over(lines.unwrap_or(PACE_OVER));
        let mut next_line = lines.map(|every| Instant::now() + every);
        while ended.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
            log.tell_repeats();
            let figures = sources.figures(&mut pace);
            if has_screen {
                log.show_panel(panel::rows(&figures, with_hosts, size().unwrap_or(USUAL_SIZE)));
            }
            if let (Some(at), Some(every)) = (next_line, lines)
                && Instant::now() >= at
            {
                next_line = Some(at + every);
                say(&figures, with_hosts);
            }
        }
    })?;
    Ok(Progress { end: Some(end), thread, screen })
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end.take();
        let _ = self.thread.join_until(Instant::now() + END);
        if let Some(log) = &self.screen {
            log.end_panel();
        }
    }
}

/// The line in the log, and one for each busy host if somebody asked for them. The list may also be there because a page shows it.
fn say(figures: &Figures, with_hosts: bool) {
    let count = |state| figures.pages.of(state);
    info!(
        done = count(PageState::Done),
        failed = count(PageState::Failed),
        skipped = count(PageState::Skipped),
        dead = count(PageState::Dead),
        queued = figures.pages.queued,
        items = figures.items,
        fetched = figures.fetched,
        pages_per_second = tenths(figures.pages_per_second),
        bytes_per_second = tenths(figures.bytes_per_second),
        in_flight = figures.in_flight,
        window = figures.window,
        waiting_hosts = figures.waiting_hosts,
        retries = figures.retries,
        errors = figures.errors,
        last_commit_s = tenths(figures.last_commit.as_secs_f64()),
        outage_s = figures.outage.map(|outage| tenths(outage.as_secs_f64())),
        network_outage_s = figures.network_outage.map(|outage| tenths(outage.as_secs_f64())),
        elapsed_s = tenths(figures.elapsed.as_secs_f64()),
        limit = figures.limit,
        left_s = figures.left.map(|left| tenths(left.as_secs_f64())),
        "crawling"
    );
    for host in figures.hosts.busiest.iter().filter(|_| with_hosts) {
        info!(
            host = &*host.name,
            in_flight = host.in_flight,
            queued = host.queued,
            rests_s = host.rests_for.map(|(rest, _)| tenths(rest.as_secs_f64())),
            rests_because = host.rests_for.map(|(_, why)| why.as_str()),
            "busy host"
        );
    }
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
