//! kumo over a site: follows every link, stores a row for each page with its own store for Postgres.

use std::env::var;

use kumo::prelude::*;
use kumo::store::PostgresStore;
use serde::Serialize;

#[derive(Serialize)]
struct Row {
    url: String,
    title: Option<String>,
}

struct Pages;

#[async_trait::async_trait]
impl Spider for Pages {
    type Item = Row;

    fn name(&self) -> &str {
        "pages"
    }

    fn start_urls(&self) -> Vec<String> {
        vec![var("START_URL").unwrap()]
    }

    fn allowed_domains(&self) -> Vec<&str> {
        vec!["127.0.0.1"]
    }

    async fn parse(&self, response: &Response) -> Result<Output<Row>, KumoError> {
        let title = response.css("title").first().map(|title| title.text());
        let links = LinkExtractor::new().allow_domains(&["127.0.0.1"]).canonicalize(true).extract(response);
        Ok(Output::new().item(Row { url: response.url().to_string(), title }).follow_many(links))
    }
}

#[tokio::main]
async fn main() {
    let store = PostgresStore::builder(var("DATABASE_URL").unwrap()).table("pages").create_table(false);
    let store = store.add_column("url", "text").unwrap().add_column("title", "text").unwrap();
    CrawlEngine::builder()
        .concurrency(var("CONCURRENCY").unwrap().parse().unwrap())
        .store(store.connect().await.unwrap())
        .run(Pages)
        .await
        .unwrap();
}
