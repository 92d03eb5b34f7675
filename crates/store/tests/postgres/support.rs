//! Stores on fresh databases, and outcomes in few words.

use std::sync::LazyLock;

use std::sync::Arc;
use std::time::Duration;

use dragline_core::queued_request::QueuedRequest;
use dragline_core::store::{OpenedRun, ProcessInfo, RunSpec};
use dragline_core::{Column, ColumnType, ItemRecord, ItemType, PageOutcome, Request, Store, Value};
use dragline_store::{StoreSettings, open};
use dragline_testkit::{TestDatabase, patience};

pub(crate) static QUOTE: LazyLock<ItemType> = LazyLock::new(|| {
    ItemType::builder("quote")
        .with_table("quotes")
        .with_key(["text"])
        .with_columns([Column::new("text", ColumnType::Text), Column::nullable("n", ColumnType::Integer)])
        .build()
        .unwrap()
});

pub(crate) static PAGE: LazyLock<ItemType> = LazyLock::new(|| {
    ItemType::builder("page")
        .with_key(["url"])
        .with_columns([Column::new("url", ColumnType::Text), Column::nullable("title", ColumnType::Text)])
        .build()
        .unwrap()
});

pub(crate) fn settings() -> StoreSettings {
    StoreSettings { connect_timeout: patience(Duration::from_secs(5)), ..StoreSettings::default() }
}

pub(crate) fn store(url: &str) -> Arc<dyn Store> {
    open(url, &settings()).unwrap()
}

/// A store on a fresh database, with a run whose start requests are `/0`, `/1` … `/{pages - 1}`.
pub(crate) async fn run_of(database: &TestDatabase, pages: usize) -> (Arc<dyn Store>, OpenedRun) {
    let store = store(&database.url());
    store.connect().await.unwrap();
    store.prepare_items(&[QUOTE.clone(), PAGE.clone()]).await.unwrap();
    let run = store.open_run(&spec("run", pages)).await.unwrap();
    (store, run)
}

pub(crate) fn spec(name: &str, pages: usize) -> RunSpec {
    RunSpec {
        name: name.to_owned(),
        spider: "spider".to_owned(),
        kind: dragline_core::RunKind::Crawl,
        args: serde_json::json!({"start_urls": ["http://a.example/"]}),
        start: (0..pages).map(page).collect(),
        reparse: None,
        fresh: false,
        force: false,
        after_run: None,
        min_interval: None,
        tally: dragline_core::tally::TallyOf::default(),
        incremental: false,
        keeps_pages: false,
        process: ProcessInfo { pid: 4711, hostname: "test-host".to_owned() },
    }
}

pub(crate) fn page(number: usize) -> QueuedRequest {
    QueuedRequest::start(Request::get(format!("http://a.example/{number}")).unwrap(), 0)
}

pub(crate) fn done(number: usize) -> PageOutcome {
    let queued = page(number);
    let mut outcome = PageOutcome::done(&queued);
    outcome.status = Some(200);
    outcome
}

pub(crate) fn quote(text: &str, n: i64) -> ItemRecord {
    ItemRecord { item_type: QUOTE.clone(), values: vec![Value::Text(text.to_owned()), Value::Int(n)] }
}

pub(crate) fn page_item(url: &str, title: &str) -> ItemRecord {
    ItemRecord {
        item_type: PAGE.clone(),
        values: vec![Value::Text(url.to_owned()), Value::Text(title.to_owned())],
    }
}

/// A page done with one quote.
pub(crate) fn with_quote(number: usize, text: &str, n: i64) -> PageOutcome {
    PageOutcome { items: vec![quote(text, n)], ..done(number) }
}

/// Sessions of the store under test that the server still has.
pub(crate) fn sessions(database: &TestDatabase) -> usize {
    let sql = "SELECT count(*) FROM pg_stat_activity
               WHERE application_name = 'dragline' AND datname = current_database()";
    database.value(sql).parse().unwrap()
}

/// A bounded wait for something that the server shows a little later; shorter than it waits for a lock.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..320 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("waited 8 s in vain until {what}");
}
