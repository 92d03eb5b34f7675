//! Tables in schemas: each is found, whatever the search path, and the order of writing follows their foreign keys.

use std::time::Duration;

use dragline_core::{ColumnType, ItemRecord, ItemType, PageOutcome, StoreError, Value};
use dragline_store::open_admin;
use dragline_testkit::database;

use crate::support::{done, settings, spec, store};

fn item(name: &str, table: &str) -> ItemType {
    let item = ItemType::builder(name).with_table(table).with_key(["name"]);
    let item = item.with_column("name", ColumnType::Text).with_nullable_column("parent", ColumnType::Text);
    item.build().unwrap()
}

fn row(of: &ItemType, name: &str, parent: Option<&str>) -> ItemRecord {
    let parent = parent.map_or(Value::Null, Value::from);
    ItemRecord { item_type: of.clone(), values: vec![name.into(), parent] }
}

/// By their names, the children come first.
#[tokio::test]
async fn parents_come_first_wherever_the_search_path_leads() {
    for path in ["public", "shop, public"] {
        let database = database();
        let name = database.name();
        database.query(&format!("CREATE SCHEMA shop; ALTER DATABASE {name} SET search_path = {path}"));
        let (child, parent) = (item("child", "shop.a_child"), item("parent", "shop.b_parent"));
        let items = [child.clone(), parent.clone()];
        let store = store(&database.url());
        store.connect().await.unwrap();
        store.prepare_items(&items).await.unwrap();
        database.query("ALTER TABLE shop.a_child ADD FOREIGN KEY (parent) REFERENCES shop.b_parent");
        store.prepare_items(&items).await.unwrap();
        store.lock_run("run", Duration::ZERO).await.unwrap();
        let run = store.open_run(&spec("run", 1)).await.unwrap();
        let items = vec![row(&child, "jane", Some("anne")), row(&parent, "anne", None)];
        let receipt = store.flush(&run.key, &[PageOutcome { items, ..done(0) }]).await;
        let receipt = receipt.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(receipt.tables.keys().collect::<Vec<_>>(), ["shop.a_child", "shop.b_parent"]);
        assert_eq!(database.value("SELECT parent FROM shop.a_child"), "anne");
        store.close().await;
    }
}

#[tokio::test]
async fn tables_of_one_name_in_two_schemas_are_two_tables() {
    let database = database();
    database.query("CREATE SCHEMA one; CREATE SCHEMA two");
    let items = [item("a", "one.books"), item("b", "two.books"), item("c", "one_books"), item("d", "books")];
    let store = store(&database.url());
    store.connect().await.unwrap();
    store.prepare_items(&items).await.unwrap();
    store.lock_run("run", Duration::ZERO).await.unwrap();
    let run = store.open_run(&spec("run", 1)).await.unwrap();
    let rows = items.iter().map(|item| row(item, item.name(), None)).collect();
    store.flush(&run.key, &[PageOutcome { items: rows, ..done(0) }]).await.unwrap();
    for (table, name) in [("one.books", "a"), ("two.books", "b"), ("one_books", "c"), ("public.books", "d")] {
        assert_eq!(database.value(&format!("SELECT string_agg(name, ' ') FROM {table}")), name, "{table}");
    }
    let summary = store.summary(run.key.run_id, &items).await.unwrap();
    assert!(summary.items.iter().all(|(_, rows)| *rows == 1), "{:?}", summary.items);
    store
        .try_tables(&run.key, &[PageOutcome { items: vec![row(&items[0], "x", None)], ..done(0) }])
        .await
        .unwrap();
    store.close().await;
}

#[tokio::test]
async fn circular_foreign_keys_are_mended_by_the_statement_that_is_told() {
    let database = database();
    let items = [item("a", "shop.a"), item("b", "shop.b")];
    let admin = open_admin(&database.url(), &settings()).unwrap();
    assert!(admin.apply(&items).await.unwrap().contains(&"created the schema shop".to_owned()));
    database.query(
        "ALTER TABLE shop.a ADD FOREIGN KEY (parent) REFERENCES shop.b;
         ALTER TABLE shop.b ADD FOREIGN KEY (parent) REFERENCES shop.a",
    );
    let Err(StoreError::Schema { problem, remedy }) = admin.check(&items).await else { panic!() };
    assert!(problem.contains("tables shop.a and shop.b refer to each other"), "{problem}");
    database.query(&remedy);
    admin.check(&items).await.unwrap();
    admin.close().await;
}

#[tokio::test]
async fn a_schema_that_may_not_be_used_is_told_with_its_grant() {
    let database = database();
    let guest = format!("guest_of_{}", database.name());
    database.query(&format!(
        "CREATE SCHEMA hidden; CREATE ROLE {guest} LOGIN PASSWORD 'its-own'; GRANT ALL ON SCHEMA public TO {guest}"
    ));
    let url = database.url();
    let (_, address) = url.rsplit_once('@').unwrap();
    let store = store(&format!("postgres://{guest}:its-own@{address}"));
    store.connect().await.unwrap();
    let error = store.prepare_items(&[item("a", "hidden.a")]).await.unwrap_err();
    let hint = error.hint().unwrap_or_default();
    assert!(matches!(error, StoreError::Setup { .. }) && hint.contains("ON SCHEMA hidden TO"), "{error:?}");
    store.close().await;
}
