//! `crawl_items`: every item type without a table of its own.

use dragline_core::store::{RunKey, StoreResult};
use dragline_core::{ItemRecord, PageOutcome};

use super::copy_text::CopyText;
use super::flush::Conflict;
use super::session::Session;
use crate::columns::data_and_hash;

/// The table.
pub(super) const TABLE: &str = "crawl_items";

/// Its staging table.
pub(super) const STAGE: &str = "stage_items";

/// Makes that.
pub(super) const MAKE_STAGE: &str = "CREATE TEMP TABLE stage_items (
    place integer, item_type text, item_key text COLLATE \"C\", url text, data jsonb, content_hash text
) ON COMMIT DELETE ROWS";

const COPY: &str =
    "COPY pg_temp.stage_items (place, item_type, item_key, url, data, content_hash) FROM STDIN";

/// One row per key, the last of the batch; a row without a key is no other's double. Keys in one order for
/// all flushes.
const TAKE: &str = "INSERT INTO crawl_items
        (spider, item_type, item_key, run_id, url, data, content_hash, scraped_at)
    SELECT DISTINCT ON (item_type COLLATE \"C\", item_key, CASE WHEN item_key IS NULL THEN place END)
        $1, item_type, item_key, $2, url, data, content_hash, now()
    FROM pg_temp.stage_items
    ORDER BY item_type COLLATE \"C\", item_key, CASE WHEN item_key IS NULL THEN place END, place DESC
    ON CONFLICT (spider, item_type, item_key) DO UPDATE SET
        run_id = EXCLUDED.run_id, url = EXCLUDED.url, data = EXCLUDED.data,
        content_hash = EXCLUDED.content_hash, scraped_at = EXCLUDED.scraped_at";

/// Stores items; gives back how many rows were written.
pub(super) async fn insert(
    session: &Session,
    run: &RunKey,
    records: &[(&PageOutcome, &ItemRecord)],
    conflict: Conflict,
) -> StoreResult<u64> {
    let mut rows = CopyText::default();
    for (place, (outcome, record)) in records.iter().enumerate() {
        let (data, hash) = data_and_hash(record);
        rows.plain(place);
        rows.text(record.item_type.name());
        rows.optional(record.key_text().as_deref());
        rows.text(&outcome.url);
        rows.text(&data);
        rows.plain(hash);
        rows.end_row();
    }
    let take = conflict.statement(TAKE, TABLE);
    session.staged_change(COPY, rows, &take, &[&&*run.spider, &run.run_id]).await
}
