//! A crawl inside a program that has its own async runtime. The program goes on serving HTTP while it crawls.
//!
//! ```sh
//! cargo run --example own_pipeline -- demo --serve   # in another terminal: a site to crawl
//! cargo run --example embed -- http://127.0.0.1:8311/
//! curl http://127.0.0.1:8312/                        # how far it is, and at the end what it found
//! ```
//!
//! The crawl has threads of its own. It does not touch this program's subscriber, panic hook or signal handlers.

use std::convert::Infallible;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use dragline::prelude::*;
use dragline::{Crawl, CrawlError, CrawlReport, PageState};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// The address to serve at, if the second argument does not give one.
const ADDRESS: &str = "127.0.0.1:8312";

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let site = words.next().ok_or("which site? embed URL [ADDRESS] [STORE]")?;
    let listener = TcpListener::bind(words.next().as_deref().unwrap_or(ADDRESS)).await?;
    println!("serving http://{}/", listener.local_addr()?);
    let store = words.next().unwrap_or_else(|| "sqlite:embed.db".to_owned());

    let crawl = Crawl::new(Titles).start_url(site).store(store).limit(100).fresh(true);
    let said = Arc::new(Mutex::new("crawling\n".to_owned()));
    let result = Arc::clone(&said);
    tokio::spawn(async move {
        let text = told(&crawl.run_async().await);
        *result.lock().unwrap_or_else(PoisonError::into_inner) = text;
    });

    loop {
        let (stream, _) = listener.accept().await?;
        let said = Arc::clone(&said);
        tokio::spawn(http1::Builder::new().serve_connection(
            TokioIo::new(stream),
            service_fn(move |_| {
                let text = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
                async move { Ok::<_, Infallible>(hyper::Response::new(Full::<Bytes>::from(text))) }
            }),
        ));
    }
}

fn told(crawled: &std::result::Result<CrawlReport, CrawlError>) -> String {
    match crawled {
        Ok(report) => {
            let done = report.pages(PageState::Done).unwrap_or_default();
            format!("run {} {}: {done} pages done\n", report.run_id(), report.state().as_str())
        }
        Err(error) => format!("error: {error}\nhint: {}\n", error.hint().unwrap_or("none")),
    }
}

/// Follows every link, and keeps the title of every page.
struct Titles;

#[derive(Item)]
#[item(table = "titles", key = "url")]
struct Title {
    url: String,
    title: String,
}

impl Spider for Titles {
    fn name(&self) -> &str {
        "titles"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Title::item_type()]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        Ok(Vec::new())
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        out.item(Title { url: page.url().to_string(), title: page.text("title")? });
        out.follow_all(page, "a");
        Ok(())
    }
}
