//! The floor: a minimal program that fetches a list of URLs, parses each page, and does nothing else.
//!
//! A crawl costs more than the floor because it follows links, extracts data, and stores it durably.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use crate::measured::{self, Measured};
use scraper::Html;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Measures the floor for a list of URLs, one per line.
pub(crate) fn measured(list: &str) -> Measured {
    let run = measured::run(measured::this().arg("floor"), list);
    let pages = list.lines().count();
    assert!(run.printed.starts_with(&format!("{pages} pages")), "the floor read {}", run.printed);
    run
}

/// Fetches the URLs on standard input, `concurrency` at a time, and prints the number of pages.
pub(crate) fn run(concurrency: usize) {
    let mut list = String::new();
    std::io::stdin().read_to_string(&mut list).expect("a list of URLs on standard input");
    let urls: Vec<String> = list.lines().map(str::to_owned).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let (pages, nodes) = runtime.block_on(fetch(urls, concurrency));
    println!("{pages} pages, {nodes} nodes");
}

async fn fetch(urls: Vec<String>, concurrency: usize) -> (usize, usize) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
    let free = Arc::new(Semaphore::new(concurrency));
    let mut fetches = JoinSet::new();
    let (mut pages, mut nodes) = (0, 0);
    for url in urls {
        let free = Arc::clone(&free).acquire_owned().await.expect("an open semaphore");
        let client = client.clone();
        fetches.spawn(async move {
            let answer = client.get(&url).send().await.unwrap_or_else(|error| panic!("{url}: {error}"));
            let text = answer.text().await.unwrap_or_else(|error| panic!("{url}: {error}"));
            drop(free);
            Html::parse_document(&text).tree.values().len()
        });
        while let Some(parsed) = fetches.try_join_next() {
            (pages, nodes) = (pages + 1, nodes + parsed.expect("a page"));
        }
    }
    while let Some(parsed) = fetches.join_next().await {
        (pages, nodes) = (pages + 1, nodes + parsed.expect("a page"));
    }
    (pages, nodes)
}
