//! Item types against real tables: every difference is reported, and its statement fixes it.

use std::sync::LazyLock;

use dragline_core::{Column, ColumnType, ItemType, StoreError};
use dragline_store::open_admin;
use dragline_testkit::database;

use crate::support::{QUOTE, settings, store};

static ALL: LazyLock<ItemType> = LazyLock::new(|| {
    ItemType::builder("everything")
        .with_table("order")
        .with_key(["user", "n"])
        .with_columns([
            Column::new("user", ColumnType::Text),
            Column::new("n", ColumnType::BigInt),
            Column::nullable("small", ColumnType::SmallInt),
            Column::nullable("int", ColumnType::Integer),
            Column::nullable("real", ColumnType::Real),
            Column::nullable("double", ColumnType::Double),
            Column::nullable("truth", ColumnType::Boolean),
            Column::nullable("price", ColumnType::Numeric),
            Column::nullable("day", ColumnType::Date),
            Column::nullable("moment", ColumnType::Timestamp),
            Column::nullable("tags", ColumnType::TextList),
            Column::nullable("extra", ColumnType::Json),
        ])
        .build()
        .unwrap()
});

#[tokio::test]
async fn the_tables_that_are_made_are_the_tables_that_are_wanted() {
    let database = database();
    let admin = open_admin(&database.url(), &settings()).unwrap();
    let items = [
        QUOTE.clone(),
        ALL.clone(),
        QUOTE
            .to_builder()
            .with_name("log")
            .with_table("log")
            .with_key::<&str>([])
            .without_auto_create()
            .build()
            .unwrap(),
    ];
    let Err(StoreError::Schema { remedy, .. }) = admin.check(&items).await else { panic!() };
    database.query(&remedy);
    admin.check(&items).await.unwrap();
    assert_eq!(admin.apply(&items).await.unwrap(), Vec::<String>::new());
    admin.close().await;

    let other = dragline_testkit::database();
    let admin = open_admin(&other.url(), &settings()).unwrap();
    assert_eq!(admin.apply(&items).await.unwrap().len(), 4);
    admin.check(&items).await.unwrap();
    let printed = dragline_testkit::database();
    printed.query(&admin.ddl(&items).unwrap());
    admin.close().await;
    let admin = open_admin(&printed.url(), &settings()).unwrap();
    admin.check(&items).await.unwrap();
    admin.close().await;
}

#[tokio::test]
async fn every_remedy_mends_what_it_is_for() {
    for wrong in [
        "ALTER TABLE \"order\" DROP COLUMN price",
        "ALTER TABLE \"order\" DROP COLUMN run_id",
        "ALTER TABLE \"order\" ALTER COLUMN n TYPE smallint",
        "ALTER TABLE \"order\" ALTER COLUMN double TYPE text",
        "ALTER TABLE \"order\" ALTER COLUMN tags TYPE text",
        "ALTER TABLE \"order\" ALTER COLUMN \"user\" TYPE bytea USING ''",
        "ALTER TABLE \"order\" ALTER COLUMN price SET NOT NULL",
        "ALTER TABLE \"order\" ADD COLUMN more text NOT NULL",
        "ALTER TABLE \"order\" DROP CONSTRAINT order_pkey",
        "ALTER TABLE \"order\" DROP CONSTRAINT order_pkey, ALTER COLUMN n DROP NOT NULL",
        "ALTER TABLE \"order\" DROP CONSTRAINT order_pkey, ADD UNIQUE (\"user\", n) DEFERRABLE",
        "ALTER TABLE \"order\" DROP CONSTRAINT order_pkey; CREATE UNIQUE INDEX ON \"order\" (\"user\", n) WHERE n > 0",
        "ALTER TABLE \"order\" DROP CONSTRAINT order_pkey; CREATE UNIQUE INDEX ON \"order\" (\"user\") INCLUDE (n)",
        "ALTER TABLE \"order\" DROP COLUMN int; ALTER TABLE \"order\" ADD COLUMN int integer GENERATED ALWAYS AS (1) STORED",
    ] {
        let database = database();
        let store = store(&database.url());
        store.connect().await.unwrap();
        store.prepare_items(std::slice::from_ref(&*ALL)).await.unwrap();
        database.query(wrong);
        let error = store.prepare_items(std::slice::from_ref(&*ALL)).await.unwrap_err();
        let StoreError::Schema { problem, remedy } = &error else { panic!("{wrong}: {error:?}") };
        assert!(!remedy.contains("::text::text;"), "{remedy}");
        assert!(problem.starts_with("table order: "), "{problem}");
        database.query(remedy);
        store
            .prepare_items(std::slice::from_ref(&*ALL))
            .await
            .unwrap_or_else(|error| panic!("{wrong}: {remedy}: {error}"));
        store.close().await;
    }
}

#[tokio::test]
async fn a_partitioned_table_is_taken_by_its_key_and_else_told() {
    for (partition_by, is_mended) in [("text", true), ("run_id", false)] {
        let database = database();
        database.query(&format!(
            "CREATE TABLE quotes (text text NOT NULL, n integer, run_id bigint NOT NULL, source_url text NOT NULL,
                                  scraped_at timestamptz NOT NULL DEFAULT now()) PARTITION BY HASH ({partition_by});
             CREATE TABLE quotes_0 PARTITION OF quotes FOR VALUES WITH (MODULUS 1, REMAINDER 0)"
        ));
        let store = store(&database.url());
        store.connect().await.unwrap();
        let Err(StoreError::Schema { remedy, .. }) = store.prepare_items(std::slice::from_ref(&*QUOTE)).await
        else {
            panic!()
        };
        assert_eq!(remedy.contains("CREATE UNIQUE INDEX"), is_mended, "{remedy}");
        assert_eq!(remedy.contains(&format!("partitioned by HASH ({partition_by})")), !is_mended, "{remedy}");
        database.query(&remedy);
        assert_eq!(store.prepare_items(std::slice::from_ref(&*QUOTE)).await.is_ok(), is_mended);
        store.close().await;
    }
}

#[tokio::test]
async fn a_table_that_may_not_be_made_is_told_with_its_ddl() {
    let database = database();
    let store = store(&database.url());
    store.connect().await.unwrap();
    let item = QUOTE.to_builder().without_auto_create().build().unwrap();
    let Err(StoreError::Schema { problem, remedy }) = store.prepare_items(std::slice::from_ref(&item)).await
    else {
        panic!()
    };
    assert_eq!(problem, "table quotes is missing");
    assert!(remedy.starts_with("CREATE TABLE \"quotes\" ("), "{remedy}");
    database.query("CREATE VIEW quotes AS SELECT 1 AS n");
    let Err(StoreError::Schema { problem, .. }) = store.prepare_items(std::slice::from_ref(&item)).await
    else {
        panic!()
    };
    assert_eq!(problem, "quotes is not a table");
    store.close().await;
}
