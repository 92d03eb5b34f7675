//! Limits and the stop: processes are asked to stop, and killed if they don't.

use std::time::{Duration, Instant};

use dragline_core::counted::counted;
use dragline_core::stop::StopReason;
use tracing::{info, warn};

use super::executed::Executed;
use super::{LAST_WRITES, ServeEnd, Supervisor};
use crate::ending::StopCause;

/// Near the end of a stop, the processes that are left are killed within this time.
const KILL_SPREAD: Duration = Duration::from_secs(2);

impl Supervisor {
    /// Stops and kills processes that are over their limits.
    pub(super) fn keep_limits(&mut self) {
        let grace = self.settings.shutdown_timeout.saturating_sub(KILL_SPREAD);
        let since_stop = self.stopping_since.map(|since| since.elapsed());
        for executed in self.executed.values_mut().filter(|it| it.end.is_none()) {
            if let Some(limit) = executed.schedule.settings.max_runtime
                && executed.cause.is_none()
                && executed.process.began.elapsed() >= limit
            {
                executed.stop(StopCause::TooLong(limit));
            }
            let is_late = executed.stopped_at.is_some_and(|at| at.elapsed() >= grace);
            if (is_late || executed.is_dangerous) && since_stop.is_none() && !executed.is_killed {
                executed.kill(&*self.house);
            }
        }
        // In a stop of the server, the newest process is killed first, and so on, evenly over what is left of the time.
        let Some(over) = since_stop.and_then(|since| since.checked_sub(grace)) else { return };
        let mut left: Vec<&mut Executed> =
            self.executed.values_mut().filter(|it| it.end.is_none() && !it.is_killed).collect();
        left.sort_by_key(|executed| std::cmp::Reverse(executed.process.began));
        let share = over.as_secs_f64() / KILL_SPREAD.saturating_sub(LAST_WRITES).as_secs_f64();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let now = (1.0 + share.min(1.0) * left.len() as f64) as usize;
        for executed in left.into_iter().take(now) {
            self.any_killed = true;
            executed.kill(&*self.house);
        }
    }

    pub(super) fn stop(&mut self, signal: &'static str) {
        self.stops += 1;
        let running = self.executed.values().filter(|it| it.end.is_none()).count();
        match self.stops {
            1 => {
                self.stop.request(StopReason::Signal(signal));
                self.stopping_since = Some(Instant::now());
                let crawls = counted(running as u64, "crawl");
                info!(
                    signal,
                    "stopping: nothing new is started, and {crawls} stop and are resumed later. This is normal during deploys and \
                     restarts. A second signal hurries them"
                );
                for executed in self.executed.values_mut().filter(|it| it.end.is_none()) {
                    executed.stop(StopCause::Server);
                }
            }
            2 => {
                warn!(signal, "hurried: the crawls abandon their pending work, which is still queued");
                for executed in self.executed.values().filter(|it| it.end.is_none()) {
                    executed.process.stop();
                }
            }
            _ => {
                for executed in self.executed.values_mut().filter(|it| it.end.is_none() && !it.is_killed) {
                    self.any_killed = true;
                    executed.kill(&*self.house);
                }
            }
        }
    }

    pub(super) fn end(mut self) -> ServeEnd {
        for executed in self.executed.values_mut().filter(|it| it.end.is_none()) {
            self.any_killed = true;
            executed.kill(&*self.house);
        }
        let server_id = self.server_id;
        let ended = self.asking.ask(|store| store.end_server(server_id, Duration::ZERO));
        if let Err(no_answer) = ended {
            warn!(error = %no_answer, "the end of this server is not in the store; its successor notices it");
        }
        let _ = self.asking.ask(|store| async {
            store.close().await;
            Ok(())
        });
        if self.any_killed { ServeEnd::Forced } else { ServeEnd::Stopped }
    }
}
