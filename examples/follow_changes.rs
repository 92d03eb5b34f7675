//! Keeps a copy of an item table up to date from the change feed (`#[item(changes)]`), and applies each change exactly once.
//!
//! ```console
//! $ psql -c "CREATE TABLE books_copy (upc text PRIMARY KEY, title text, price numeric)"
//! $ cargo run --example follow_changes -- postgres://me@db/crawls books books_copy upc
//! ```
//!
//! It may be killed at any moment. The position in the feed is stored in the transaction that applies the changes, so both are
//! there or neither.

use std::error::Error;
use std::future::poll_fn;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client, IsolationLevel, NoTls};

/// How many changes one transaction applies at most.
const BATCH: i64 = 500;
/// A notification may get lost, for example with its session. Then the changes are found after this time.
const POLL_EVERY: Duration = Duration::from_secs(10);

/// The table to follow, and its copy. The names are built into statements.
struct Following {
    table: String,
    copy: String,
    key: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, table, copy, key] = arguments.as_slice() else {
        return Err("usage: follow_changes URL TABLE COPY KEY".into());
    };
    let of = Following { table: table.clone(), copy: copy.clone(), key: key.clone() };
    let (mut client, mut connection) = tokio_postgres::connect(url, NoTls).await?;
    let (wake, mut woken) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if matches!(message, AsyncMessage::Notification(_)) {
                // If the channel is full, the reader wakes up anyway.
                let _ = wake.try_send(());
            }
        }
    });
    // First listen, then read. A change in between is then either read or announced.
    client.batch_execute("LISTEN dragline_changes").await?;
    begin(&mut client, &of).await?;
    loop {
        while apply(&mut client, &of).await? == BATCH {}
        // When the connection is gone, the next statement fails.
        let _ = timeout(POLL_EVERY, woken.recv()).await;
    }
}

/// Copies the table, unless this was done before. If old changes were removed that this program has not read, it copies the table once
/// more. Both statements see the same moment, so the copy has exactly the changes up to its position.
async fn begin(client: &mut Client, Following { table, copy, .. }: &Following) -> Result<(), Box<dyn Error>> {
    client
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS followers (copy text PRIMARY KEY, position bigint NOT NULL, changes bigint NOT NULL)",
        )
        .await?;
    let transaction =
        client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).start().await?;
    let is_complete = "SELECT 1 FROM followers
        WHERE copy = $1 AND position + 1 >= coalesce((SELECT min(position) FROM crawl_changes), 0)";
    if transaction.query_opt(is_complete, &[copy]).await?.is_none() {
        transaction
            .batch_execute(&format!(
                "DELETE FROM {copy};
                 INSERT INTO {copy} SELECT of_copy.* FROM {table} of_table,
                     jsonb_populate_record(NULL::{copy}, to_jsonb(of_table)) of_copy"
            ))
            .await?;
        let note = "INSERT INTO followers (copy, position, changes)
            SELECT $1, coalesce(max(position), 0), 0 FROM crawl_changes
            ON CONFLICT (copy) DO UPDATE SET position = EXCLUDED.position";
        transaction.execute(note, &[copy]).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Applies the next changes, and moves the position behind them. Returns their number.
async fn apply(
    client: &mut Client,
    Following { table, copy, key }: &Following,
) -> Result<i64, Box<dyn Error>> {
    let transaction = client.transaction().await?;
    // A second process that follows for the same copy waits here.
    let position = "SELECT position FROM followers WHERE copy = $1 FOR UPDATE";
    let position: i64 = transaction.query_one(position, &[copy]).await?.get(0);
    let next = "SELECT position, kind, item_key, data::text FROM crawl_changes
        WHERE position > $1 AND table_name = $2 ORDER BY position LIMIT $3";
    let changes = transaction.query(next, &[&position, table, &BATCH]).await?;
    let remove = transaction.prepare(&format!("DELETE FROM {copy} WHERE {key}::text = $1")).await?;
    let put =
        format!("INSERT INTO {copy} SELECT * FROM jsonb_populate_record(NULL::{copy}, $1::text::jsonb)");
    let put = transaction.prepare(&put).await?;
    for change in &changes {
        let (kind, item_key, data): (&str, &str, &str) = (change.get(1), change.get(2), change.get(3));
        transaction.execute(&remove, &[&item_key]).await?;
        if kind != "gone" {
            transaction.execute(&put, &[&data]).await?;
        }
    }
    let applied = i64::try_from(changes.len())?;
    if let Some(last) = changes.last() {
        let note = "UPDATE followers SET position = $2, changes = changes + $3 WHERE copy = $1";
        transaction.execute(note, &[copy, &last.get::<_, i64>(0), &applied]).await?;
    }
    transaction.commit().await?;
    Ok(applied)
}
