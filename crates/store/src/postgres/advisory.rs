//! Advisory locks: who holds one is known to every session of the database, and they end with their session.

/// The number of a lock; `of` is an SQL expression. Two schemas of one database may have runs of the same name and workers of the same
/// number, so the number of a lock depends on the table too.
pub(super) fn key(kind: &str, of: &str) -> String {
    format!("hashtextextended('dragline {kind} ' || {of}::text, 'crawl_runs'::regclass::oid::bigint)")
}

/// Whether the row `held` of `pg_locks` is that lock, and a session of this database holds it.
pub(super) fn is_held(kind: &str, of: &str) -> String {
    format!(
        "held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
         AND (held.classid::bigint << 32 | held.objid::bigint) = {}
         AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        key(kind, of)
    )
}
