//! `crawl_items`: every item type without a table of its own.

use dragline_core::store::{RunKey, StoreResult};

use super::copy_text::CopyText;
use super::flush::{Conflict, ItemOfPage};
use super::session::Session;
use crate::columns::write_data;
use crate::key_digest;

/// The table.
pub(super) const TABLE: &str = "crawl_items";

/// Its staging table.
pub(super) const STAGE: &str = "stage_items";

/// Creates the staging table.
pub(super) const MAKE_STAGE: &str = "CREATE TEMP TABLE stage_items (
    place integer, item_type text, item_key text, key_digest bytea, fingerprint bytea, url text, data jsonb,
    content_hash text
) ON COMMIT DELETE ROWS";

const COPY: &str = "COPY pg_temp.stage_items
    (place, item_type, item_key, key_digest, fingerprint, url, data, content_hash) FROM STDIN";

/// Takes one row for each key, the last one of the batch. All flushes take their keys in the same order.
const TAKE: &str = "INSERT INTO crawl_items
        (spider, item_type, item_key, key_digest, run_id, fingerprint, url, data, content_hash, scraped_at)
    SELECT DISTINCT ON (item_type COLLATE \"C\", key_digest)
        $1, item_type, item_key, key_digest, $2, fingerprint, url, data, content_hash, now()
    FROM pg_temp.stage_items
    ORDER BY item_type COLLATE \"C\", key_digest, place DESC
    ON CONFLICT (spider, item_type, key_digest) DO UPDATE SET
        run_id = EXCLUDED.run_id, fingerprint = EXCLUDED.fingerprint, url = EXCLUDED.url, data = EXCLUDED.data,
        content_hash = EXCLUDED.content_hash, scraped_at = EXCLUDED.scraped_at";

/// The same, but a row that has not changed is not written. If the item only comes from another page, the row keeps its run and
/// its time.
const TAKE_CHANGED: &str = "INSERT INTO crawl_items
        (spider, item_type, item_key, key_digest, run_id, fingerprint, url, data, content_hash, scraped_at)
    SELECT $1, item_type, item_key, key_digest, $2, fingerprint, url, data, content_hash, now()
    FROM (
        SELECT DISTINCT ON (item_type COLLATE \"C\", key_digest) * FROM pg_temp.stage_items
        ORDER BY item_type COLLATE \"C\", key_digest, place DESC
    ) new
    WHERE NOT EXISTS (
        SELECT FROM crawl_items old
        WHERE old.spider = $1 AND old.item_type = new.item_type AND old.key_digest = new.key_digest
        AND old.content_hash = new.content_hash AND old.fingerprint = new.fingerprint OFFSET 0
    )
    ORDER BY item_type COLLATE \"C\", key_digest
    ON CONFLICT (spider, item_type, key_digest) DO UPDATE SET
        run_id = CASE WHEN crawl_items.content_hash = EXCLUDED.content_hash
            THEN crawl_items.run_id ELSE EXCLUDED.run_id END,
        scraped_at = CASE WHEN crawl_items.content_hash = EXCLUDED.content_hash
            THEN crawl_items.scraped_at ELSE EXCLUDED.scraped_at END,
        fingerprint = EXCLUDED.fingerprint, url = EXCLUDED.url, data = EXCLUDED.data,
        content_hash = EXCLUDED.content_hash";

/// Stores items, and returns how many rows it wrote.
pub(super) async fn insert(
    session: &Session,
    run: &RunKey,
    items: &[ItemOfPage<'_>],
    conflict: Conflict,
) -> StoreResult<u64> {
    let mut left = items.iter().enumerate();
    let next_row = |row: &mut CopyText| {
        let Some((place, ItemOfPage { page, record, origin })) = left.next() else { return false };
        let key = record.key_text();
        let digest = match &key {
            Some(key) => key_digest::of_key(key),
            None => key_digest::of_origin(run.run_id, &page.fingerprint, *origin),
        };
        row.plain(place);
        row.text(record.item_type.name());
        row.optional(key.as_deref());
        row.bytes(&digest);
        row.bytes(page.fingerprint.as_bytes());
        row.text(&page.shown_url());
        // Every value can be expressed in JSON, and the row takes everything.
        let hash = row.written(|out| write_data(record, out)).unwrap_or_default();
        row.plain(hash);
        row.end_row();
        true
    };
    let take = conflict.statement(if run.leaves_unchanged_rows() { TAKE_CHANGED } else { TAKE }, TABLE);
    session.staged_change(COPY, next_row, &take, &[&&*run.spider, &run.run_id]).await
}
