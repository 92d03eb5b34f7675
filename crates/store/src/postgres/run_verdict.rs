//! The verdict on a run: what it needs from the store, and where it is kept.

use dragline_core::run_verdict::{EndFigures, GoodRun, RunVerdict, TagPages};
use dragline_core::store::{Earlier, PageCounts, RunKey, RunSpec, RunSummary, StoreResult};
use serde_json::Value as Json;

use super::connections::Connections;
use super::runs::count;
use super::session::Session;
use crate::columns::cleaned;
use crate::figures;

/// Requests by state, and the pages of the tags that failed most. Both come from one pass over the run's requests.
const COUNTS_AND_TAGS: &str = "WITH counted AS MATERIALIZED (
        SELECT tag, state, count(*) AS requests FROM crawl_requests WHERE run_id = $1 GROUP BY tag, state
    ), failing AS (
        SELECT tag FROM counted WHERE state IN ('failed', 'dead')
        GROUP BY tag ORDER BY sum(requests) DESC, tag LIMIT $2
    )
    SELECT NULL AS tag, state, sum(requests)::bigint AS requests FROM counted GROUP BY state
    UNION ALL SELECT tag, state, requests FROM counted WHERE tag IN (SELECT tag FROM failing)";

/// Good runs to compare a run with. Where each run has a name of its own, these are the runs with the same arguments.
const GOOD: &str = "SELECT run_id, figures FROM crawl_runs
    WHERE (name = $1 OR args = $3) AND spider = $2 AND verdict = 'good' AND figures IS NOT NULL AND kind = 'crawl'
    ORDER BY (name = $1) DESC, run_id DESC LIMIT $4";

const JUDGE: &str = "UPDATE crawl_runs SET figures = $3,
        verdict = CASE WHEN state = 'finished' THEN $4::text END,
        problems = CASE WHEN state = 'finished' THEN $5::jsonb ELSE '[]' END
    WHERE run_id = $1 AND epoch = $2";

/// Keeps the figures of a run that has ended, and the verdict on it.
pub(super) async fn judge(
    connections: &Connections,
    run: &RunKey,
    figures: &EndFigures,
    verdict: Option<&RunVerdict>,
) -> StoreResult<()> {
    let session = connections.session("keeping the verdict on the run").await?;
    let problems = verdict.map_or_else(|| Json::Array(Vec::new()), RunVerdict::problems_json);
    let (figures, problems) = (cleaned(figures.to_json()), cleaned(problems));
    let verdict = verdict.map(RunVerdict::as_str);
    session.change(JUDGE, &[&run.run_id, &run.epoch, &figures, &verdict, &problems]).await?;
    session.release();
    Ok(())
}

/// The good runs with which the run of `spec` may be compared.
pub(super) async fn good_runs(session: &Session, spec: &RunSpec) -> StoreResult<Vec<GoodRun>> {
    let (args, most) = (cleaned(spec.args.clone()), i64::try_from(Earlier::MAX_GOOD).unwrap_or(i64::MAX));
    let rows = session.rows(GOOD, &[&spec.name, &spec.spider, &args, &most]).await?;
    let good = rows.iter().map(|row| GoodRun {
        run_id: row.get("run_id"),
        figures: EndFigures::from_json(&row.get::<_, Json>("figures")),
    });
    Ok(good.collect())
}

/// Requests by state, and the pages of the tags that failed most.
pub(super) async fn counts_and_tags(
    session: &Session,
    run_id: i64,
) -> StoreResult<(PageCounts, Vec<TagPages>)> {
    let most = i64::try_from(RunSummary::MAX_TAGS).unwrap_or(i64::MAX);
    let rows = session.rows(COUNTS_AND_TAGS, &[&run_id, &most]).await?;
    Ok(figures::by_state_and_tag(rows.iter().map(|row| {
        (row.get::<_, Option<String>>("tag"), row.get::<_, &str>("state"), count(row, "requests"))
    })))
}
