//! How a crawl ended: the state of its run, the reason, and the outcome. Whether a finished run is good is another question,
//! which [`verdict`](crate::verdict) answers.

use dragline_core::stop::{Stop, StopReason};
use dragline_core::store::RunState;
use dragline_core::worker::JoinError;
use dragline_engine::CrawlEnd;

use crate::error_chain::chain;
use crate::outcome::CrawlOutcome;
use crate::stop_report::StopReport;

/// Advice for someone who reads the log later.
const TOO_MANY_FAILED: &str =
    "crawl_requests.error says why each page failed; the site may have changed, or may not accept this pace";

/// The same advice about items.
const TOO_MANY_INVALID: &str = "`dragline dead-letters list` shows quarantined items; the site may have changed, or a rule is too strict";

/// State and reason of the run, and the outcome.
pub(crate) fn ending(end: Result<CrawlEnd, JoinError>, stop: &Stop) -> (RunState, String, CrawlOutcome) {
    match end {
        Ok(CrawlEnd::Finished) => (RunState::Finished, "finished".to_owned(), CrawlOutcome::Finished),
        Ok(CrawlEnd::LimitReached) => (RunState::Finished, "limit".to_owned(), CrawlOutcome::Finished),
        Ok(CrawlEnd::Stopped(reason @ (StopReason::MaxItems | StopReason::MaxDuration))) => {
            (RunState::Finished, reason.to_string(), CrawlOutcome::Finished)
        }
        Ok(CrawlEnd::Stopped(
            reason @ (StopReason::Signal(_)
            | StopReason::Requested
            | StopReason::Recycled
            | StopReason::ParsesHang
            | StopReason::Memory(_)),
        )) => (RunState::Stopped, reason.to_string(), CrawlOutcome::Stopped),
        Ok(CrawlEnd::Stopped(reason @ StopReason::NetworkOutage(_))) => {
            let hint = "look at the network, the name servers and the proxy; run the same command to resume";
            tracing::error!(
                hint,
                "no host could be reached for too long (see the setting `max_network_outage`): {reason}"
            );
            (RunState::Stopped, reason.to_string(), CrawlOutcome::Stopped)
        }
        Ok(CrawlEnd::TooManyFailed(figures)) => {
            let reason = StopReason::MaxFailedShare(figures).to_string();
            tracing::error!(hint = TOO_MANY_FAILED, "{reason}");
            (RunState::Finished, reason, CrawlOutcome::Failed)
        }
        Ok(CrawlEnd::Stopped(reason @ StopReason::MaxFailedShare(_))) => {
            tracing::error!(hint = TOO_MANY_FAILED, "{reason}");
            (RunState::Stopped, reason.to_string(), CrawlOutcome::Failed)
        }
        Ok(CrawlEnd::Stopped(reason @ StopReason::MaxInvalidShare(_))) => {
            tracing::error!(hint = TOO_MANY_INVALID, "{reason}");
            (RunState::Stopped, reason.to_string(), CrawlOutcome::Failed)
        }
        Ok(CrawlEnd::Stopped(reason @ StopReason::Failed(_))) => {
            (RunState::Stopped, reason.to_string(), CrawlOutcome::Failed)
        }
        Ok(CrawlEnd::StoreFailed(error)) => {
            let reason = format!("store: {}", chain(&error));
            let hint = error.hint().unwrap_or("everything stored is safe; run the same command to resume");
            tracing::error!(hint, "{reason}");
            (RunState::Stopped, reason, CrawlOutcome::Failed)
        }
        // The scheduler did not end. This is a bug, unless it was only slow to notice a stop.
        Err(error) => match stop.reason() {
            Some(reason @ (StopReason::Signal(_) | StopReason::Requested))
                if matches!(error, JoinError::StillRunning(_)) =>
            {
                (RunState::Stopped, reason.to_string(), CrawlOutcome::Stopped)
            }
            _ => {
                tracing::error!("{error}; this is a bug in Dragline; run the same command to resume");
                (RunState::Stopped, format!("error: {error}"), CrawlOutcome::Failed)
            }
        },
    }
}

/// The run's state in the store, as far as it is known. A run whose end wasn't written isn't finished.
pub(crate) fn state_after_close(state: RunState, report: &StopReport) -> RunState {
    if report.close.end_written { state } else { RunState::Stopped }
}

/// Takes the close into account: a run that couldn't be closed properly isn't finished, whatever was crawled.
pub(crate) fn outcome_after_close(outcome: CrawlOutcome, report: &StopReport, stop: &Stop) -> CrawlOutcome {
    match outcome {
        _ if stop.is_abandoned() => CrawlOutcome::Forced,
        CrawlOutcome::Finished | CrawlOutcome::Stopped if report.close.end_refused => CrawlOutcome::Failed,
        CrawlOutcome::Finished if !report.close.end_written => CrawlOutcome::Stopped,
        outcome => outcome,
    }
}
