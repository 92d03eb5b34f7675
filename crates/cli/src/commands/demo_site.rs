//! The built-in site of the demo, and the spider that crawls it.
//!
//! The server answers GET requests with generated pages, one connection at a time. That is enough for a demo.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dragline_core::prelude::*;
use dragline_core::worker::Worker;

const BOOKS: usize = 60;
const BOOKS_PER_SHELF: usize = 12;
/// The same port each time, if it is free. The rows of two demos then have the same URLs.
const PORT: u16 = 8311;
/// A silent client must not hold up the others.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// A book of the demo's shop.
#[derive(Item)]
#[item(table = "demo_books", key = "isbn")]
pub(super) struct DemoBook {
    isbn: String,
    title: String,
    author: String,
    price: Decimal,
    in_stock: i32,
    published: NaiveDate,
    tags: Vec<String>,
}

/// Crawls the demo's site.
pub(super) struct Shelf;

/// The name of the demo's spider.
pub(super) const SPIDER: &str = "demo";

impl Spider for Shelf {
    fn name(&self) -> &str {
        SPIDER
    }

    fn items(&self) -> Vec<ItemType> {
        vec![DemoBook::item_type()]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        bail!("the demo serves its own site: run `dragline demo`")
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        if page.tag() == "book" {
            out.item(DemoBook {
                isbn: page.attr("article", "data-isbn")?,
                title: page.text("h1")?,
                author: page.text(".author")?,
                price: page.text(".price")?.parse()?,
                in_stock: page.text(".stock")?.parse()?,
                published: page.attr("time", "datetime")?.parse()?,
                tags: page.texts(".tag"),
            });
        } else {
            out.follow_all(page, "a.book").with_tag("book");
            out.follow_all(page, "a.next");
        }
        Ok(())
    }
}

/// The running site; dropping it ends it.
pub(super) struct DemoSite {
    url: String,
    listener: TcpListener,
    ended: Arc<AtomicBool>,
    _thread: Worker<()>,
}

impl DemoSite {
    /// Starts to serve.
    pub(super) fn serve() -> io::Result<Self> {
        let listener =
            TcpListener::bind(("127.0.0.1", PORT)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)))?;
        let url = format!("http://{}/", listener.local_addr()?);
        let (accepting, ended) = (listener.try_clone()?, Arc::new(AtomicBool::new(false)));
        let end = Arc::clone(&ended);
        let thread = Worker::spawn("demo-site", move || {
            for connection in accepting.incoming() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                // A connection that breaks is the client's problem.
                let _ = connection.and_then(answer);
            }
        })?;
        Ok(Self { url, listener, ended, _thread: thread })
    }

    /// Where it is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for DemoSite {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // One last connection wakes the thread.
        if let Ok(address) = self.listener.local_addr() {
            let _ = TcpStream::connect(address).and_then(|stream| stream.shutdown(Shutdown::Both));
        }
    }
}

fn answer(mut connection: TcpStream) -> io::Result<()> {
    connection.set_read_timeout(Some(READ_TIMEOUT))?;
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut request_line = String::new();
    reader.read_line(&mut request_line)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let path = request_line.split(' ').nth(1).unwrap_or("/");
    let (status, body) = match page(path) {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", "<!doctype html><title>Not found</title>".to_owned()),
    };
    write!(
        connection,
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn page(path: &str) -> Option<String> {
    let numbered = |prefix: &str, count: usize| {
        let number: usize = path.strip_prefix(prefix)?.parse().ok()?;
        (number < count).then_some(number)
    };
    if path == "/" {
        Some(shelf(0))
    } else if let Some(number) = numbered("/shelf/", BOOKS.div_ceil(BOOKS_PER_SHELF)) {
        Some(shelf(number))
    } else {
        numbered("/book/", BOOKS).map(book)
    }
}

fn shelf(number: usize) -> String {
    let first = number * BOOKS_PER_SHELF;
    let books: String = (first..BOOKS.min(first + BOOKS_PER_SHELF))
        .map(|book| format!("<li><a class=book href=/book/{book}>{}</a></li>\n", title(book)))
        .collect();
    let next = if first + BOOKS_PER_SHELF < BOOKS {
        format!("<a class=next href=/shelf/{}>next</a>", number + 1)
    } else {
        String::new()
    };
    format!("<!doctype html><title>Shelf {number}</title><h1>Shelf {number}</h1><ul>\n{books}</ul>{next}")
}

fn book(number: usize) -> String {
    let author = AUTHORS[number % AUTHORS.len()];
    let (year, month) = (1900 + number * 2, 1 + number % 12);
    format!(
        "<!doctype html><title>{title}</title><article data-isbn=\"978-0-00-{number:06}\"><h1>{title}</h1>\
         <p class=author>{author}</p><p class=price>{}.{:02}</p><p class=stock>{}</p>\
         <time datetime=\"{year}-{month:02}-15\">{year}</time><i class=tag>demo</i><i class=tag>{}</i></article>",
        5 + number % 20,
        (number * 37) % 100,
        number % 7,
        NOUNS[number % NOUNS.len()].to_lowercase(),
        title = title(number),
    )
}

fn title(number: usize) -> String {
    let (adjective, noun) =
        (ADJECTIVES[number / NOUNS.len() % ADJECTIVES.len()], NOUNS[number % NOUNS.len()]);
    format!("The {adjective} {noun}")
}

const ADJECTIVES: [&str; 6] = ["Silken", "Patient", "Wandering", "Hidden", "Northern", "Last"];
const NOUNS: [&str; 10] =
    ["Thread", "Orchard", "Harbour", "Lantern", "Meadow", "Weaver", "Archive", "Tide", "Signal", "Garden"];
const AUTHORS: [&str; 7] =
    ["A. Diadem", "M. Pisaura", "L. Orbis", "T. Domestica", "S. Salticus", "N. Clavipes", "W. Argyroneta"];
