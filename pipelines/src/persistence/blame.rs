//! Decides whether the store is away, or works and only fails at this batch.
//!
//! A store that is away is waited for, however long. If it does other work, waiting helps nobody: a batch is tried in parts, and
//! a page that fails again and again on its own is dead. To find out, a trivial transaction is tried on the same tables.

use dragline_core::store::{RunKey, StoreError};

use super::context::PersistenceContext;
use super::pieces::Piece;

/// What a failure says about the whole store, whatever was tried: read-only, disk full, too many connections, starting up, I/O
/// error. With `SQLite`: busy (three forms), locked, read-only, I/O error, full, cannot open, locking protocol.
const OF_THE_STORE: [&str; 15] = [
    "25006", "53100", "53300", "57P03", "58000", "58030", "5", "261", "517", "6", "8", "10", "13", "14", "15",
];

/// The server's own limits on time, memory and temporary files. If a page exceeds one, it will again. Each try takes long.
const EXCEEDED_LIMITS: [&str; 6] = ["57014", "25P03", "25P04", "53200", "53400", "57P05"];

/// How much such a failure counts. The others may be conflicts with somebody else, or a connection that broke.
const WEIGHT_OF_LIMIT: u32 = 3;

/// How much this failure counts against the piece. 0 if the store is at fault.
pub(super) async fn weight(
    context: &PersistenceContext,
    run: &RunKey,
    piece: &Piece,
    error: &StoreError,
) -> u32 {
    let code = match error {
        StoreError::GaveUp { sqlstate, .. } | StoreError::Unavailable { sqlstate, .. } => sqlstate.as_deref(),
        _ => return 0,
    };
    if code.is_some_and(|code| OF_THE_STORE.contains(&code)) {
        return 0;
    }
    if context.store.try_tables(run, &piece.outcomes).await.is_err() {
        return 0;
    }
    if code.is_some_and(|code| EXCEEDED_LIMITS.contains(&code)) { WEIGHT_OF_LIMIT } else { 1 }
}
