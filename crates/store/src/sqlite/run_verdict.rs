//! The verdict on a run: what it needs from the store, and where it is kept.

use dragline_core::run_verdict::{EndFigures, GoodRun, RunVerdict, TagPages};
use dragline_core::store::{Earlier, PageCounts, RunKey, RunSpec, RunSummary};
use rusqlite::{Connection, params};
use serde_json::Value as Json;

use super::fault::Fault;
use crate::figures;

/// Keeps the figures of a run that has ended, and the verdict on it.
pub(super) fn judge(
    connection: &Connection,
    run: &RunKey,
    figures: &EndFigures,
    verdict: Option<&RunVerdict>,
) -> Result<(), Fault> {
    let problems = verdict.map_or_else(|| Json::Array(Vec::new()), RunVerdict::problems_json);
    connection.execute(
        "UPDATE crawl_runs SET figures = ?3,
             verdict = CASE WHEN state = 'finished' THEN ?4 END,
             problems = CASE WHEN state = 'finished' THEN ?5 ELSE '[]' END
         WHERE run_id = ?1 AND epoch = ?2",
        params![
            run.run_id,
            run.epoch,
            figures.to_json().to_string(),
            verdict.map(RunVerdict::as_str),
            problems.to_string()
        ],
    )?;
    Ok(())
}

/// Good runs to compare a run with. Where each run has a name of its own, these are the runs with the same arguments.
pub(super) fn good_runs(connection: &Connection, spec: &RunSpec) -> Result<Vec<GoodRun>, Fault> {
    let mut select = connection.prepare(
        "SELECT run_id, figures FROM crawl_runs
         WHERE (name = ?1 OR args = ?3) AND spider = ?2 AND verdict = 'good' AND figures IS NOT NULL AND kind = 'crawl'
         ORDER BY name = ?1 DESC, run_id DESC LIMIT ?4",
    )?;
    let values = params![spec.name, spec.spider, spec.args.to_string(), Earlier::MAX_GOOD];
    let rows = select.query_map(values, |row| {
        let figures = EndFigures::from_json(&row.get::<_, Json>("figures")?);
        Ok(GoodRun { run_id: row.get("run_id")?, figures })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Requests by state, and the pages of the tags that failed most. Both come from one pass over the run's requests.
pub(super) fn page_counts_and_tags(
    connection: &Connection,
    run_id: i64,
) -> Result<(PageCounts, Vec<TagPages>), Fault> {
    let mut select = connection.prepare(
        "WITH counted AS MATERIALIZED (
             SELECT tag, state, count(*) AS requests FROM crawl_requests WHERE run_id = ?1 GROUP BY tag, state
         ), failing AS (
             SELECT tag FROM counted WHERE state IN ('failed', 'dead')
             GROUP BY tag ORDER BY sum(requests) DESC, tag LIMIT ?2
         )
         SELECT NULL AS tag, state, sum(requests) AS requests FROM counted GROUP BY state
         UNION ALL SELECT tag, state, requests FROM counted WHERE tag IN (SELECT tag FROM failing)",
    )?;
    let rows = select.query_map(params![run_id, RunSummary::MAX_TAGS], |row| {
        Ok((row.get::<_, Option<String>>("tag")?, row.get::<_, String>("state")?, row.get("requests")?))
    })?;
    Ok(figures::by_state_and_tag(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter()))
}
