//! The views that belong to the tables of item types: created, compared and replaced.

use dragline_core::{ColumnType, ItemType, ItemTypeBuilder, StoreError, View};
use dragline_store::{SchemaAdmin, StoreSettings, open_admin};

use super::fixture::{connected, execute, prepared, run};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    views_are_created_once_after_all_tables,
    a_crawl_leaves_another_view_and_apply_replaces_it,
    a_view_that_loses_a_column_is_made_anew_with_those_that_use_it,
    the_remedy_of_check_mends_it,
    the_printed_schema_makes_them_too,
    a_view_that_cannot_work_is_told,
    a_table_of_the_same_name_is_told,
    a_view_of_a_table_that_may_not_be_made_waits_for_apply,
);

const CHEAPEST: View = View::new(
    "cheapest",
    "SELECT shop, min(price) AS price, count(*) AS offers FROM offers GROUP BY shop -- each",
);
const CHEAP: View = View::new("cheap", "\n  SELECT shop, price FROM cheapest WHERE price < 10\n");

/// Shops come first, and their view needs the table of offers.
fn types(views: &[View]) -> Vec<ItemType> {
    let shop = ItemType::builder("shop").with_table("shops").with_column("name", ColumnType::Text);
    let offer = ItemType::builder("offer").with_table("offers").with_column("shop", ColumnType::Text);
    let offer = offer.with_column("price", ColumnType::Integer).with_key(["shop"]).build().unwrap();
    let shop = views.iter().cloned().fold(shop, ItemTypeBuilder::with_view);
    vec![shop.build().unwrap(), offer]
}

fn both() -> Vec<ItemType> {
    types(&[CHEAPEST, CHEAP])
}

fn admin(stored: &Stored) -> Box<dyn SchemaAdmin> {
    open_admin(&stored.url(), &StoreSettings::default()).unwrap()
}

/// What `schema apply` does.
fn applied(stored: &Stored, items: &[ItemType]) -> Vec<String> {
    run(async { admin(stored).apply(items).await.unwrap() })
}

/// What `schema check` finds: the problem and the remedy.
fn found(stored: &Stored, items: &[ItemType]) -> Option<(String, String)> {
    match run(async { admin(stored).check(items).await }) {
        Ok(()) => None,
        Err(StoreError::Schema { problem, remedy }) => Some((problem, remedy)),
        Err(other) => panic!("{other:?}"),
    }
}

fn with_an_offer(stored: &Stored) {
    let now = if let Stored::Postgres(_) = stored { "now()" } else { "''" };
    execute(
        stored,
        &format!(
            "INSERT INTO offers (shop, price, run_id, source_url, scraped_at) VALUES ('a', 5, 1, '', {now})"
        ),
    );
}

fn prepare(stored: &Stored, items: &[ItemType]) {
    run(async { prepared(stored, items).await.close().await });
}

fn views_are_created_once_after_all_tables(stored: &Stored) {
    run(async {
        let (one, other) = (connected(stored).await, connected(stored).await);
        let types = both();
        let (first, second) = tokio::join!(one.prepare_items(&types), other.prepare_items(&types));
        first.unwrap();
        second.unwrap();
    });
    with_an_offer(stored);
    assert_eq!(stored.count("SELECT count(*) FROM cheap WHERE shop = 'a' AND price = 5"), 1);
    assert_eq!(found(stored, &both()), None);
    assert_eq!(applied(stored, &both()), <[String; 0]>::default());
}

fn a_crawl_leaves_another_view_and_apply_replaces_it(stored: &Stored) {
    prepare(stored, &both());
    with_an_offer(stored);
    let changed =
        types(&[CHEAPEST, View::new("cheap", "SELECT shop, price, price * 2 AS twice FROM cheapest")]);
    // A privilege would be lost with the view.
    if let Stored::Postgres(_) = stored {
        execute(stored, "GRANT SELECT ON cheap TO PUBLIC");
    }
    prepare(stored, &changed);
    let (problem, _) = found(stored, &changed).unwrap();
    assert_eq!(problem, "view cheap has another SELECT than the item type shop");
    assert_eq!(applied(stored, &changed), ["replaced the view cheap"]);
    assert_eq!(found(stored, &changed), None);
    assert_eq!(stored.count("SELECT count(*) FROM cheap WHERE twice = 10"), 1);
    if let Stored::Postgres(_) = stored {
        let public =
            "SELECT count(*) FROM pg_class, aclexplode(relacl) WHERE oid = 'cheap'::regclass AND grantee = 0";
        assert_eq!(stored.count(public), 1);
    }
}

fn a_view_that_loses_a_column_is_made_anew_with_those_that_use_it(stored: &Stored) {
    prepare(stored, &both());
    with_an_offer(stored);
    let fewer = View::new("cheapest", "SELECT min(price) AS price, shop FROM offers GROUP BY shop");
    let changed = types(&[fewer, CHEAP]);
    assert_eq!(applied(stored, &changed), ["replaced the view cheapest"]);
    assert_eq!(found(stored, &changed), None);
    assert_eq!(stored.count("SELECT count(*) FROM cheap WHERE price = 5"), 1);
    if let Stored::Postgres(_) = stored {
        // Nobody's view goes away without being asked.
        execute(stored, "CREATE VIEW theirs AS SELECT price FROM cheap");
        let error = run(async { admin(stored).apply(&both()).await }).unwrap_err();
        let told = "the views cannot be created again with other columns: cannot drop view cheap because other objects";
        assert!(error.to_string().starts_with(told), "{error}");
        assert!(error.hint().unwrap().contains("drop what depends on them"), "{error:?}");
        assert_eq!(stored.count("SELECT count(*) FROM theirs"), 1);
    }
}

fn the_remedy_of_check_mends_it(stored: &Stored) {
    prepare(stored, &types(&[]));
    let (problem, remedy) = found(stored, &both()).unwrap();
    assert_eq!(problem, "view cheapest is missing; view cheap is missing");
    execute(stored, &remedy);
    assert_eq!(found(stored, &both()), None);
    let changed = types(&[CHEAPEST, View::new("cheap", "SELECT 1 AS one")]);
    execute(stored, &found(stored, &changed).unwrap().1);
    assert_eq!(found(stored, &changed), None);
}

fn the_printed_schema_makes_them_too(stored: &Stored) {
    // Dragline's own tables are there, so only the rest of the statements is run.
    prepare(stored, &types(&[]));
    let ddl = admin(stored).ddl(&both()).unwrap();
    execute(stored, &ddl[ddl.find("CREATE VIEW").unwrap()..]);
    assert_eq!(found(stored, &both()), None);
}

fn a_view_that_cannot_work_is_told(stored: &Stored) {
    let wrong = types(&[CHEAPEST, View::new("wrong", "SELECT colour FROM cheapest")]);
    let told = |error: StoreError| {
        let StoreError::Setup { problem, .. } = &error else { panic!("{error:?}") };
        assert!(problem.starts_with("the view wrong cannot be created: "), "{problem}");
        assert!(problem.contains("colour"), "{problem}");
    };
    run(async {
        let store = connected(stored).await;
        told(store.prepare_items(&wrong).await.unwrap_err());
        store.close().await;
        told(admin(stored).apply(&wrong).await.unwrap_err());
    });
}

fn a_table_of_the_same_name_is_told(stored: &Stored) {
    prepare(stored, &types(&[]));
    execute(stored, "CREATE TABLE cheap (x text)");
    run(async {
        let store = connected(stored).await;
        let error = store.prepare_items(&both()).await.unwrap_err();
        assert_eq!(error.to_string(), "cheap is not a view, and the item type shop has a view of this name");
        store.close().await;
    });
    assert_eq!(stored.count("SELECT count(*) FROM cheap"), 0);
}

fn a_view_of_a_table_that_may_not_be_made_waits_for_apply(stored: &Stored) {
    let late: Vec<ItemType> =
        both().iter().map(|item| item.to_builder().without_auto_create().build().unwrap()).collect();
    prepare(stored, &types(&[]));
    prepare(stored, &late);
    assert!(found(stored, &late).is_some());
    assert_eq!(applied(stored, &late), ["created the view cheapest", "created the view cheap"]);
}
