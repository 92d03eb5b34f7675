//! spider-rs over a site: follows every link, stores a row for each page.

use std::env::var;
use std::sync::Arc;

use scraper::{Html, Selector};
use spider::page::Page;
use spider::website::Website;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};

const INSERT: &str = "INSERT INTO pages (url, title) VALUES ($1, $2)";

/// Pages that may wait for their subscriber. It must not fall behind: what does not fit is lost.
const WAITING: usize = 4096;

#[tokio::main]
async fn main() {
    let (client, connection) = tokio_postgres::connect(&var("DATABASE_URL").unwrap(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let client = Arc::new(client);
    let mut website = Website::new(&var("START_URL").unwrap());
    website.with_concurrency_limit(var("CONCURRENCY").unwrap().parse().ok());
    website.with_respect_robots_txt(true).with_delay(0);
    let mut pages = website.subscribe(WAITING);
    let storing = tokio::spawn(async move {
        let mut rows = JoinSet::new();
        loop {
            match pages.recv().await {
                Ok(page) => rows.spawn(store(Arc::clone(&client), page)),
                Err(RecvError::Closed) => break,
                Err(RecvError::Lagged(lost)) => panic!("{lost} pages were lost"),
            };
            while let Some(stored) = rows.try_join_next() {
                stored.unwrap();
            }
        }
        while let Some(stored) = rows.join_next().await {
            stored.unwrap();
        }
    });
    website.crawl().await;
    website.unsubscribe();
    drop(website);
    storing.await.unwrap();
}

async fn store(client: Arc<Client>, page: Page) {
    let (url, title) = (page.get_url().to_owned(), title(&page.get_html()));
    drop(page);
    client.execute(INSERT, &[&url, &title]).await.unwrap();
}

fn title(html: &str) -> Option<String> {
    let title = Selector::parse("title").unwrap();
    Html::parse_document(html).select(&title).next().map(|element| element.text().collect())
}
