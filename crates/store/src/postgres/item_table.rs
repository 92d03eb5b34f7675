//! The statements of an item type with a table of its own.

use std::fmt::Write as _;

use dragline_core::item_extras::GONE_AT;
use dragline_core::{ColumnType, ItemType, Reference};

use super::children::ChildStatements;
use super::history::HistoryStatements;
use super::merge::{self, MergeStatements};
use crate::identifier::{quoted, quoted_list, quoted_path};
use crate::relations;

/// The SQL name of a column type.
pub(super) fn sql_type(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Text => "text",
        ColumnType::SmallInt => "smallint",
        ColumnType::Integer => "integer",
        ColumnType::BigInt => "bigint",
        ColumnType::Real => "real",
        ColumnType::Double => "double precision",
        ColumnType::Boolean => "boolean",
        ColumnType::Numeric => "numeric",
        ColumnType::Date => "date",
        ColumnType::Timestamp => "timestamptz",
        ColumnType::TextList => "text[]",
        ColumnType::Uuid => "uuid",
        ColumnType::Json => "jsonb",
    }
}

/// The statement that creates the schema of a table.
pub(super) fn schema_ddl(schema: &str) -> String {
    format!("CREATE SCHEMA IF NOT EXISTS {};\n", quoted(schema))
}

/// The statements that create the table, without the foreign keys of these references.
pub(super) fn ddl(item: &ItemType, name: &str, put_off: &[&Reference]) -> String {
    let table = quoted_path(name);
    let mut sql = format!("CREATE TABLE {table} (\n");
    for column in item.columns() {
        let null = if column.nullable { "" } else { " NOT NULL" };
        // Writing to a String cannot fail.
        let _ = writeln!(sql, "    {} {}{null},", quoted(&column.name), sql_type(column.kind));
    }
    sql.push_str(
        "    run_id bigint NOT NULL,\n    source_url text NOT NULL,\n    source_fingerprint bytea,\n",
    );
    sql.push_str("    scraped_at timestamptz NOT NULL DEFAULT now()");
    if item.marks_gone() {
        let _ = write!(sql, ",\n    {GONE_AT} timestamptz");
    }
    if item.is_keyed() {
        let _ = write!(sql, ",\n    PRIMARY KEY ({})", quoted_list(item.key()));
    }
    for reference in item.references().iter().filter(|reference| !put_off.contains(reference)) {
        let _ = write!(sql, ",\n    {}", foreign_key(name, reference));
    }
    // Rows without a key are found by the run and the page that they come from.
    let found_by = if item.is_keyed() { "run_id" } else { "run_id, source_fingerprint" };
    let _ = write!(sql, "\n);\nCREATE INDEX ON {table} ({found_by});\n");
    for columns in relations::indexes(item) {
        let _ = writeln!(sql, "CREATE INDEX ON {table} ({});", quoted_list(columns));
    }
    sql
}

/// The statement that adds the foreign key of a reference to a table that is there.
pub(super) fn add_foreign_key(table: &str, reference: &Reference) -> String {
    format!("ALTER TABLE {} ADD {};\n", quoted_path(table), foreign_key(table, reference))
}

fn foreign_key(table: &str, reference: &Reference) -> String {
    let Reference { column, table: parent, key, is_deferrable, .. } = reference;
    format!(
        "CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}){}",
        quoted(relations::constraint_name(table, column)),
        quoted(column),
        quoted_path(parent),
        quoted(key),
        if *is_deferrable { " DEFERRABLE INITIALLY DEFERRED" } else { "" }
    )
}

/// How rows get into a table. A COPY writes them into a staging table of the session, and one statement moves them
/// from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ItemTable {
    /// The item type.
    pub(super) item: ItemType,
    /// Its table.
    pub(super) name: String,
    /// The name of its staging table.
    pub(super) stage: String,
    /// Creates the staging table.
    pub(super) make_stage: String,
    /// Whether the table has the column `source_fingerprint`. Tables from before schema version 6 lack it until
    /// `dragline schema apply` adds it.
    pub(super) has_fingerprint: bool,
    /// Fills the staging table: the place in the batch, the item's columns, the page's URL and, if the table has
    /// the column, its fingerprint.
    pub(super) copy: String,
    /// Moves the rows from the staging table into the table. Its only parameter is the run.
    pub(super) take: String,
    /// The same, but a row that has not changed is not written. If the item only comes from another page, the row keeps its run and
    /// its time.
    pub(super) take_changed: String,
    /// Deletes the children that their page no longer gives, if the items are children.
    pub(super) children: Option<ChildStatements>,
    /// Computes the values of rows, if the type has columns with a rule.
    pub(super) merge: Option<MergeStatements>,
    /// Keeps the earlier versions of rows and notes changes, if the type has a history or a change feed.
    pub(super) history: Option<HistoryStatements>,
}

impl ItemTable {
    /// The statements of an item type. `number` makes the name of its staging table unique.
    pub(super) fn new(item: &ItemType, table: &str, number: usize, has_fingerprint: bool) -> Self {
        let stage = format!("stage_item_{number}");
        let (name, table) = (table.to_owned(), quoted_path(table));
        let source = if has_fingerprint { "source_url, source_fingerprint" } else { "source_url" };
        let columns = quoted_list(item.columns().iter().map(|column| column.name.as_str()));
        Self {
            item: item.clone(),
            // No column of an item can have the name "#". The other columns take their types from the table, so its rules for
            // lengths, ranges and domains apply.
            make_stage: format!(
                "CREATE TEMP TABLE {stage} ON COMMIT DELETE ROWS AS
                 SELECT 0 AS \"#\", {columns}, {source}{} FROM {table} WITH NO DATA",
                kept_columns(item)
            ),
            copy: format!("COPY pg_temp.{stage} (\"#\", {columns}, {source}) FROM STDIN"),
            take: take(item, &table, &columns, source, &stage),
            take_changed: take_changed(item, &table, &columns, source, &stage),
            children: ChildStatements::new(item, &stage),
            merge: MergeStatements::new(item, &stage, source),
            history: HistoryStatements::new(item, &stage, &columns, source),
            name,
            stage,
            has_fingerprint,
        }
    }
}

fn take(item: &ItemType, table: &str, columns: &str, source: &str, stage: &str) -> String {
    let into = format!("INSERT INTO {table} ({columns}, run_id, {source}, scraped_at)");
    if !item.is_keyed() {
        return format!("{into} SELECT {columns}, $1, {source}, now() FROM pg_temp.{stage} ORDER BY \"#\"");
    }
    let (key, of_run) = (quoted_list(item.key()), OfRun::of(item));
    let into = of_run.insert(table, columns, source);
    let updated =
        item.columns().iter().map(|column| column.name.as_str()).filter(|name| !item.is_key_column(name));
    let of_row = std::iter::once("run_id").chain(source.split(", ")).chain(["scraped_at"]).map(str::to_owned);
    let assignments = updated.map(quoted).chain(of_row).map(|column| format!("{column} = EXCLUDED.{column}"));
    let assignments: Vec<String> = assignments.chain(is_back(item)).collect();
    let values = of_run.values(columns, source);
    // One row for each key, the last one of the batch. The type of the key column decides which keys are equal. All flushes
    // take keys in this order, so no two of them wait for each other.
    format!(
        "{into}
         SELECT DISTINCT ON ({key}) {values} FROM pg_temp.{stage}
         ORDER BY {key}, \"#\" DESC
         ON CONFLICT ({key}) DO UPDATE SET {}",
        assignments.join(", ")
    )
}

fn take_changed(item: &ItemType, table: &str, columns: &str, source: &str, stage: &str) -> String {
    if !item.is_keyed() {
        return take(item, table, columns, source, stage);
    }
    let key = quoted_list(item.key());
    let own = own_columns(item);
    let same = |columns: &[&str], old: &str, new: &str| same_columns(item, columns, old, new);
    let same_key: Vec<String> =
        item.key().iter().map(quoted).map(|name| format!("old.{name} = new.{name}")).collect();
    let of_page: Vec<&str> = source.split(", ").collect();
    let is_same_item = same(&own, table, "EXCLUDED");
    let assigned = own.iter().chain(&of_page).map(|name| {
        let name = quoted(name);
        format!("{name} = EXCLUDED.{name}")
    });
    let kept = ["run_id", "scraped_at"].into_iter().map(|name| {
        format!("{name} = CASE WHEN {is_same_item} THEN {table}.{name} ELSE EXCLUDED.{name} END")
    });
    let assignments: Vec<String> = assigned.chain(kept).chain(is_back(item)).collect();
    let of_run = OfRun::of(item);
    format!(
        "{}
         SELECT {} FROM (
             SELECT DISTINCT ON ({key}) * FROM pg_temp.{stage} ORDER BY {key}, \"#\" DESC
         ) new
         WHERE NOT EXISTS (
             SELECT FROM {table} old WHERE {} AND {} AND {}{} OFFSET 0
         )
         ORDER BY {key}
         ON CONFLICT ({key}) DO UPDATE SET {}",
        of_run.insert(table, columns, source),
        of_run.values(columns, source),
        same_key.join(" AND "),
        same(&own, "old", "new"),
        same(&of_page, "old", "new"),
        is_not_marked(item, "old"),
        assignments.join(", ")
    )
}

/// What a row gets from the run that stores it. With rules for columns, the staging table says which rows keep what they have.
struct OfRun {
    run_id: &'static str,
    scraped_at: &'static str,
    /// The mark of a row that is gone, if a row may keep it.
    gone_at: Option<&'static str>,
}

impl OfRun {
    fn of(item: &ItemType) -> Self {
        if item.has_merges() {
            let gone_at = item.marks_gone().then_some("\"#gone\"");
            Self { run_id: "coalesce(\"#run\", $1)", scraped_at: "coalesce(\"#at\", now())", gone_at }
        } else {
            Self { run_id: "$1", scraped_at: "now()", gone_at: None }
        }
    }

    fn insert(&self, table: &str, columns: &str, source: &str) -> String {
        let mark = self.gone_at.map(|_| format!(", {GONE_AT}")).unwrap_or_default();
        format!("INSERT INTO {table} ({columns}, run_id, {source}, scraped_at{mark})")
    }

    fn values(&self, columns: &str, source: &str) -> String {
        let mark = self.gone_at.map(|mark| format!(", {mark}")).unwrap_or_default();
        format!("{columns}, {}, {source}, {}{mark}", self.run_id, self.scraped_at)
    }
}

/// The columns of a staging table for what a row keeps.
fn kept_columns(item: &ItemType) -> String {
    if !item.has_merges() {
        return String::new();
    }
    let each = merge::KEPT.iter().map(|(name, kind)| format!(", NULL::{kind} AS \"{name}\""));
    each.collect()
}

/// A row that is seen again is no longer gone.
fn is_back(item: &ItemType) -> Option<String> {
    let mark = if item.has_merges() { format!("EXCLUDED.{GONE_AT}") } else { "NULL".to_owned() };
    item.marks_gone().then(|| format!("{GONE_AT} = {mark}"))
}

/// The condition that a row is not marked as gone, after other conditions.
pub(super) fn is_not_marked(item: &ItemType, row: &str) -> String {
    if item.marks_gone() { format!(" AND {row}.{GONE_AT} IS NULL") } else { String::new() }
}

/// The columns that are not part of the key.
pub(super) fn own_columns(item: &ItemType) -> Vec<&str> {
    item.columns()
        .iter()
        .map(|column| column.name.as_str())
        .filter(|name| !item.is_key_column(name))
        .collect()
}

/// The condition that two rows have the same value in a column. A table may have json, which has no equality, or a text type
/// for which A and a are the same.
pub(super) fn is_same(item: &ItemType, column: &str, old: &str, new: &str) -> String {
    let kind = item.position(column).map(|at| item.columns()[at].kind);
    let cast = match kind {
        Some(ColumnType::Text | ColumnType::Json) => "::text COLLATE \"C\"",
        _ => "",
    };
    let name = quoted(column);
    format!("{old}.{name}{cast} IS NOT DISTINCT FROM {new}.{name}{cast}")
}

/// The condition that two rows have the same values in all these columns.
pub(super) fn same_columns(item: &ItemType, columns: &[&str], old: &str, new: &str) -> String {
    let equal = columns.iter().map(|name| is_same(item, name, old, new));
    std::iter::once("true".to_owned()).chain(equal).collect::<Vec<_>>().join(" AND ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::Column;

    fn columns() -> [Column; 2] {
        [Column::new("text", ColumnType::Text), Column::nullable("order", ColumnType::Integer)]
    }

    #[test]
    fn a_keyed_table_is_made_with_its_key() {
        let item = ItemType::builder("quote")
            .with_table("quotes")
            .with_key(["text"])
            .with_columns(columns())
            .build()
            .unwrap();
        assert_eq!(
            ddl(&item, "quotes", &[]),
            "CREATE TABLE \"quotes\" (\n    \"text\" text NOT NULL,\n    \"order\" integer,\n    \
             run_id bigint NOT NULL,\n    source_url text NOT NULL,\n    \
             source_fingerprint bytea,\n    scraped_at timestamptz NOT NULL DEFAULT now(),\n    PRIMARY KEY (\"text\")\n);\n\
             CREATE INDEX ON \"quotes\" (run_id);\n"
        );
        let take = ItemTable::new(&item, "quotes", 0, true).take;
        assert!(take.contains("DO UPDATE SET \"order\" = EXCLUDED.\"order\", run_id"), "{take}");
        assert!(take.contains("source_fingerprint = EXCLUDED.source_fingerprint"), "{take}");
    }

    #[test]
    fn a_table_in_a_schema_is_named_by_both() {
        let item = ItemType::builder("quote").with_table("shop.quotes").with_key(["text"]);
        let item = item.with_columns(columns()).build().unwrap();
        let ddl = ddl(&item, "shop.quotes", &[]);
        assert!(ddl.starts_with("CREATE TABLE \"shop\".\"quotes\" (\n"), "{ddl}");
        assert!(ddl.ends_with("CREATE INDEX ON \"shop\".\"quotes\" (run_id);\n"), "{ddl}");
        let table = ItemTable::new(&item, "shop.quotes", 0, true);
        assert!(table.take.starts_with("INSERT INTO \"shop\".\"quotes\" ("), "{}", table.take);
        assert!(table.make_stage.contains("FROM \"shop\".\"quotes\" WITH NO DATA"), "{}", table.make_stage);
    }

    #[test]
    fn a_reference_is_a_foreign_key_with_an_index() {
        let artist = Reference::to_id("artist", "artist", "shop.artists");
        let item = ItemType::builder("track").with_table("tracks").with_column("title", ColumnType::Text);
        let item = item.with_column("artist", ColumnType::Uuid).with_nullable_column("of", ColumnType::Uuid);
        let item = item.with_reference(artist).with_reference(Reference::to_id("of", "track", "tracks"));
        let item = item.with_id(["artist", "title"]).with_index(["title", "of"]).build().unwrap();
        let ddl = |put_off: &[&Reference]| ddl(&item, "tracks", put_off);
        let whole = ddl(&[]);
        for part in [
            "(\n    \"id\" uuid NOT NULL,\n",
            ",\n    PRIMARY KEY (\"id\"),\n",
            ",\n    CONSTRAINT \"tracks_artist_fkey\" FOREIGN KEY (\"artist\") REFERENCES \"shop\".\"artists\" (\"id\"),\n",
            "REFERENCES \"tracks\" (\"id\") DEFERRABLE INITIALLY DEFERRED\n);\n",
            "CREATE INDEX ON \"tracks\" (\"title\", \"of\");\nCREATE INDEX ON \"tracks\" (\"artist\");\n",
        ] {
            assert!(whole.contains(part), "{part}\n{whole}");
        }
        let late = &item.references()[0];
        assert!(!ddl(&[late]).contains("shop"));
        assert!(add_foreign_key("tracks", late).starts_with("ALTER TABLE \"tracks\" ADD CONSTRAINT"));
    }

    #[test]
    fn an_older_table_gets_no_fingerprint() {
        let item = ItemType::builder("quote").with_table("quotes").with_columns(columns()).build().unwrap();
        let table = ItemTable::new(&item, "quotes", 0, false);
        assert!(![table.make_stage, table.copy, table.take].concat().contains("source_fingerprint"));
    }

    #[test]
    fn rows_without_a_key_are_appended() {
        let item = ItemType::builder("quote").with_table("quotes").with_columns(columns()).build().unwrap();
        assert!(!ddl(&item, "quotes", &[]).contains("PRIMARY KEY"));
        assert!(
            ddl(&item, "quotes", &[]).ends_with("CREATE INDEX ON \"quotes\" (run_id, source_fingerprint);\n")
        );
        assert!(!ItemTable::new(&item, "quotes", 0, true).take.contains("CONFLICT"));
    }
}
