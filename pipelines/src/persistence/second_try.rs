//! Before a run ends, it tries items once more whose parent was missing: the parent may have come later.
//!
//! By then these items are dead letters, so a kill loses nothing: the resumed run tries them at its end. If all items of
//! a page are stored, the page becomes `done`. Otherwise they stay dead letters.

use std::sync::Arc;

use crossbeam_channel::Sender;
use dragline_core::ItemType;
use dragline_core::letters::{LetterAsk, MISSING_PARENT};
use dragline_core::outcome::PageState;
use dragline_core::store::{RunKey, StoreError, StoreResult};
use tracing::info;

use super::context::PersistenceContext;
use crate::letters::{Retry, RetryReport};
use crate::pause::pause;

/// The order for a second try.
pub(super) struct SecondTry {
    /// How many pages the run may have `done` in all.
    pub(super) page_limit: Option<u64>,
    pub(super) answer: Sender<RetryReport>,
}

/// Tries until the store answers, and then sends the report. After a stop nobody waits for it any longer.
pub(super) async fn second_try(
    context: Arc<PersistenceContext>,
    run: Arc<RunKey>,
    items: Arc<[ItemType]>,
    asked: SecondTry,
) {
    let (mut report, mut back_off) = (RetryReport::default(), context.settings.back_off());
    loop {
        match try_once(&context, &run, &items, asked.page_limit, &mut report).await {
            Ok(()) => break,
            Err(error) if error.is_retryable() || matches!(error, StoreError::Cancelled) => {
                if context.writing.lasts(&error, 0).is_none() {
                    return context.fail(error);
                }
                if !pause(&mut back_off, &context.stop).await {
                    return;
                }
            }
            Err(error) => return context.fail(error),
        }
    }
    context.writing.is_over();
    if report.applied + report.refused > 0 {
        info!(
            letters = report.applied,
            pages = report.pages_done,
            still_refused = report.refused,
            "items whose parent was missing were tried once more"
        );
    }
    context.progress.revived(&report);
    // The receiver may have given up waiting.
    let _ = asked.answer.try_send(report);
}

async fn try_once(
    context: &PersistenceContext,
    run: &RunKey,
    items: &[ItemType],
    page_limit: Option<u64>,
    report: &mut RetryReport,
) -> StoreResult<()> {
    let max_pages = match page_limit {
        None => None,
        Some(limit) => {
            let done = context.store.summary(run.run_id, &[]).await?.pages.of(PageState::Done);
            Some(report.pages_done + limit.saturating_sub(done))
        }
    };
    let ask = LetterAsk {
        run_id: Some(run.run_id),
        sqlstates: Some(MISSING_PARENT.map(str::to_owned).to_vec()),
        ..LetterAsk::default()
    };
    let types = |spider: &str| (spider == &*run.spider).then(|| items.to_vec());
    let mut retry = Retry {
        store: &*context.store,
        types: &types,
        // These items have passed the steps before.
        steps: &|_| &[],
        accept_lost_nul: false,
        whole_pages: true,
        epoch: Some(run.epoch),
        stop: &context.stop,
        max_pages,
        prepared: items.to_vec(),
    };
    (report.refused, report.told) = (0, Vec::new());
    retry.run(ask, report).await
}
