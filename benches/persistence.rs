//! Measures how many rows per second the persistence pipeline stores by itself, compared with the databases' own tools.
//!
//! ```console
//! $ cargo bench -p dragline-pipelines                       # its own Postgres, with fsync on
//! $ cargo bench -p dragline-pipelines -- PAGES ITEMS ROUNDS # items per page
//! $ FLUSH_ROWS=4000 cargo bench -p dragline-pipelines       # with a different batch size
//! $ FLUSH_GROWTH=1 cargo bench -p dragline-pipelines        # without growing batches
//! $ HISTORY=1 cargo bench -p dragline-pipelines             # instead: the cost of a history
//! $ CHANGES=1 cargo bench -p dragline-pipelines             # instead: the cost of a change feed
//! ```
//!
//! One thread submits page outcomes from memory. The clock runs from the first submit to the receipt that makes the
//! last page durable. For comparison, psql copies only the rows of the items into a table like the one that Dragline
//! created, with the same columns, key and index. COPY can't replace existing rows. Instead, psql copies them into a
//! temporary table and upserts from there, in one transaction. A third psql variant also marks each page as done, as
//! a flush must: it updates the same table of requests by a join with a temporary table of fingerprints. Each round has
//! its own database and does everything once. The order alternates.

// A benchmark may panic, and it prints.
// A float represents counts of this size exactly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::cast_precision_loss, missing_docs)]

#[path = "persistence/history.rs"]
mod history;

use std::sync::LazyLock;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use dragline_core::bridge::{OutcomeSink, ReceiptSink, StoreEvent};
use dragline_core::pulse::NoPulse;
use dragline_core::stop::Stop;
use dragline_core::store::{ProcessInfo, RunSpec, RunState};
use dragline_core::{Column, ColumnType, ItemRecord, ItemType, PageOutcome, QueuedRequest, Request, Value};
use dragline_pipelines::persistence::{PersistencePipeline, PersistenceSettings, RunEnd};
use dragline_store::StoreSettings;
use dragline_testkit::OwnServer;

static PRODUCT: LazyLock<ItemType> = LazyLock::new(|| {
    ItemType::builder("product")
        .with_table("products")
        .with_key(["sku"])
        .with_columns([
            Column::new("sku", ColumnType::Text),
            Column::new("title", ColumnType::Text),
            Column::nullable("category", ColumnType::Text),
            Column::nullable("price", ColumnType::Numeric),
            Column::nullable("stock", ColumnType::Integer),
            Column::nullable("description", ColumnType::Text),
        ])
        .build()
        .unwrap()
});

const LIMIT: Duration = Duration::from_secs(600);

#[derive(Clone)]
struct Load {
    pages: usize,
    items: usize,
    item: ItemType,
    /// Whether every row has another price than at first.
    is_changed: bool,
    /// The rows as text, for the databases' own tools.
    file: PathBuf,
    /// The pages' fingerprints.
    pages_file: PathBuf,
}

/// One way of storing the rows, and how long it took in each round.
struct Way {
    name: String,
    times: Vec<f64>,
    cpu: Vec<Cpu>,
    /// Bytes of write-ahead log, where they are counted.
    wal: Vec<f64>,
}

/// Seconds of processor time.
#[derive(Clone, Copy, Default)]
struct Cpu {
    ours: f64,
    server: f64,
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let [pages, items, rounds] = match numbers.as_slice() {
        &[pages, items, rounds] => [pages, items, rounds],
        [] => [5_000, 20, 7],
        _ => panic!("all of PAGES ITEMS ROUNDS, or none"),
    };
    let folder = tempfile::tempdir().unwrap();
    let (file, pages_file) = (folder.path().join("rows.tsv"), folder.path().join("pages.tsv"));
    let load = Load { pages, items, item: PRODUCT.clone(), is_changed: false, file, pages_file };
    let bytes = load.write_file();
    let rows = pages * items;
    println!("{pages} pages, {rows} items, {} bytes a row in psql's file, {rounds} rounds", bytes / rows);
    let extras = [("HISTORY", history::Extra::History), ("CHANGES", history::Extra::Changes)];
    if let Some((_, extra)) = extras.into_iter().find(|(variable, _)| std::env::var_os(variable).is_some()) {
        return history::compare(extra, &load, rounds, folder.path());
    }
    postgres(&load, rounds);
    sqlite(&load, rounds, folder.path());
}

impl Load {
    fn rows(&self) -> usize {
        self.pages * self.items
    }

    fn spec(&self, name: &str) -> RunSpec {
        RunSpec {
            name: name.to_owned(),
            spider: "bench".to_owned(),
            kind: dragline_core::RunKind::Crawl,
            args: dragline_core::serde_json::Value::Null,
            start: (0..self.pages).map(start).collect(),
            reparse: None,
            fresh: false,
            force: false,
            after_run: None,
            min_interval: None,
            tally: dragline_core::tally::TallyOf::default(),
            incremental: false,
            keeps_pages: false,
            process: ProcessInfo { pid: std::process::id(), hostname: "here".to_owned() },
        }
    }

    fn outcomes(&self) -> Vec<PageOutcome> {
        (0..self.pages).map(|page| self.outcome(page)).collect()
    }

    fn outcome(&self, page: usize) -> PageOutcome {
        let queued = start(page);
        let mut outcome = PageOutcome::done(&queued);
        outcome.status = Some(200);
        outcome.items = (0..self.items).map(|item| self.product(page * self.items + item)).collect();
        outcome
    }

    /// Writes the rows in COPY's text format. Returns the number of bytes.
    fn write_file(&self) -> usize {
        let mut text = String::new();
        for page in 0..self.pages {
            let outcome = self.outcome(page);
            for record in &outcome.items {
                for value in &record.values {
                    match value {
                        Value::Text(field) => text.push_str(field),
                        Value::Int(number) => write!(text, "{number}").unwrap(),
                        Value::Decimal(number) => write!(text, "{number}").unwrap(),
                        other => panic!("no column has {other:?}"),
                    }
                    text.push('\t');
                }
                writeln!(text, "1\t{}", outcome.url).unwrap();
            }
        }
        std::fs::write(&self.file, &text).unwrap();
        let pages: String =
            (0..self.pages).map(|page| format!("\\\\x{}\n", start(page).fingerprint)).collect();
        std::fs::write(&self.pages_file, pages).unwrap();
        text.len()
    }
}

fn start(page: usize) -> QueuedRequest {
    QueuedRequest::start(Request::get(format!("http://shop.example/list?page={page}")).unwrap(), page)
}

impl Load {
    /// About 200 bytes with the page's URL. Keys come in random order, as on a site.
    fn product(&self, number: usize) -> ItemRecord {
        let scattered = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let text = |text: String| Value::Text(text);
        let price = number % 900 + usize::from(self.is_changed);
        ItemRecord {
            item_type: self.item.clone(),
            values: vec![
                text(format!("{scattered:016x}")),
                text(format!("A thing for the house, number {number}, in one of four colours")),
                text(format!("household/{}", number % 40)),
                Value::Decimal(format!("{price}.{:02}", number % 100).parse().unwrap()),
                Value::Int(i64::try_from(number % 50).unwrap()),
                text(format!("It does what it says, {scattered:x} times, and can be washed.")),
            ],
        }
    }
}

fn postgres(load: &Load, rounds: usize) {
    let server = dragline_testkit::durable_server();
    let mut ways = [
        "\\copy into a keyed table",
        "\\copy, and each page's state",
        "Dragline, new rows",
        "\\copy and upsert, rows there",
        "Dragline, rows there",
    ]
    .map(Way::new);
    for round in 0..rounds {
        let database = format!("round_{round}");
        server.query(&format!("CREATE DATABASE {database}"));
        let url = server.url_of(&database);
        // Creates Dragline's tables, and the one for psql.
        drop(Bridge::open(&url, load, "tables"));
        for table in ["beside", "with_pages"] {
            server.psql(&database, &format!("CREATE TABLE {table} (LIKE products INCLUDING ALL)"));
        }
        // Alternate the order within each group. The second group needs the rows of the first.
        for group in [&[0, 1, 2][..], &[3, 4]] {
            let mut order = group.to_vec();
            if round % 2 == 1 {
                order.reverse();
            }
            for way in order {
                server.query("CHECKPOINT");
                let before = Cpu::now(&server);
                let seconds = match way {
                    0 => psql(&url, &copy("beside", &load.file)),
                    1 => psql(&url, &copy_with_pages(load)),
                    2 => Bridge::open(&url, load, "new").store(load),
                    3 => psql(&url, &upsert(&load.file)),
                    _ => Bridge::open(&url, load, "again").store(load),
                };
                ways[way].times.push(seconds);
                ways[way].cpu.push(Cpu::now(&server).since(before));
            }
        }
        let [rows, pages] = [load.rows(), load.pages].map(|count| count.to_string());
        for table in ["products", "beside", "with_pages"] {
            assert_eq!(server.psql(&database, &format!("SELECT count(*) FROM {table}")), [[rows.clone()]]);
        }
        let done = "SELECT count(*) FROM crawl_requests WHERE state = 'done' GROUP BY run_id";
        assert_eq!(server.psql(&database, done), vec![[pages]; 3]);
        server.query(&format!("DROP DATABASE {database} WITH (FORCE)"));
    }
    println!("\nPostgres");
    Way::print(&[&ways[..3], &ways[3..]], load.rows());
}

fn copy(table: &str, file: &Path) -> String {
    let columns = "sku, title, category, price, stock, description, run_id, source_url";
    format!("\\copy {table} ({columns}) from '{}'\n", file.display())
}

/// The pages belong to the run that was opened to create the tables.
fn copy_with_pages(load: &Load) -> String {
    format!(
        "BEGIN;\nCREATE TEMP TABLE pages (fingerprint bytea) ON COMMIT DROP;\n\\copy pages from '{}'\n{}
         ANALYZE pages;
         UPDATE crawl_requests SET state = 'done', attempts = 1, status = 200, done_at = now() FROM pages
         WHERE run_id = (SELECT run_id FROM crawl_runs WHERE name = 'tables')
           AND crawl_requests.fingerprint = pages.fingerprint AND state = 'queued';\nCOMMIT;\n",
        load.pages_file.display(),
        copy("with_pages", &load.file),
    )
}

fn upsert(file: &Path) -> String {
    let set = ["title", "category", "price", "stock", "description", "run_id", "source_url", "scraped_at"]
        .map(|column| format!("{column} = EXCLUDED.{column}"));
    format!(
        "BEGIN;\nCREATE TEMP TABLE stage (LIKE beside INCLUDING DEFAULTS) ON COMMIT DROP;\n{}
         INSERT INTO beside SELECT * FROM stage ON CONFLICT (sku) DO UPDATE SET {};\nCOMMIT;\n",
        copy("stage", file),
        set.join(", ")
    )
}

/// Seconds that psql needs for a script, including its start.
fn psql(url: &str, script: &str) -> f64 {
    use std::io::Write as _;
    let begun = Instant::now();
    let mut psql = Command::new("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program psql");
    psql.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(psql.wait().unwrap().success());
    begun.elapsed().as_secs_f64()
}

fn sqlite(load: &Load, rounds: usize, folder: &Path) {
    let mut ways = ["an insert in a loop, one transaction", "Dragline, new rows"].map(Way::new);
    for round in 0..rounds {
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for way in order {
            let file = folder.join(format!("{round}-{way}.db"));
            let before = Cpu::own();
            let seconds = if way == 0 {
                insert(load, &file)
            } else {
                Bridge::open(&sqlite_url(&file), load, "new").store(load)
            };
            ways[way].times.push(seconds);
            ways[way].cpu.push(Cpu::own().since(before));
            std::fs::remove_file(&file).unwrap();
        }
    }
    println!("\nSQLite");
    Way::print(&[&ways], load.rows());
}

fn sqlite_url(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

/// A minimal program that stores the rows.
fn insert(load: &Load, file: &Path) -> f64 {
    drop(Bridge::open(&sqlite_url(file), load, "tables"));
    let outcomes = load.outcomes();
    let mut database = rusqlite::Connection::open(file).unwrap();
    let begun = Instant::now();
    let transaction = database.transaction().unwrap();
    {
        let columns = "sku, title, category, price, stock, description, run_id, source_url, scraped_at";
        let sql = format!(
            "INSERT INTO products ({columns}) VALUES (?, ?, ?, ?, ?, ?, 1, ?, '2026-01-01T00:00:00Z')"
        );
        let mut insert = transaction.prepare(&sql).unwrap();
        for outcome in &outcomes {
            for record in &outcome.items {
                for (place, value) in record.values.iter().enumerate() {
                    match value {
                        Value::Text(text) => insert.raw_bind_parameter(place + 1, text).unwrap(),
                        Value::Int(number) => insert.raw_bind_parameter(place + 1, number).unwrap(),
                        Value::Decimal(number) => {
                            insert.raw_bind_parameter(place + 1, number.to_string()).unwrap();
                        }
                        other => panic!("no column has {other:?}"),
                    }
                }
                insert.raw_bind_parameter(record.values.len() + 1, &outcome.url).unwrap();
                insert.raw_execute().unwrap();
            }
        }
    }
    transaction.commit().unwrap();
    begun.elapsed().as_secs_f64()
}

/// The persistence pipeline of one run.
struct Bridge {
    pipeline: PersistencePipeline,
    sink: Arc<dyn OutcomeSink>,
    events: Receiver<StoreEvent>,
}

struct Events(Sender<StoreEvent>);

impl ReceiptSink for Events {
    fn deliver(&self, event: StoreEvent) {
        self.0.try_send(event).unwrap();
    }
}

/// The value of an environment variable, or the default.
fn given(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |number| number.parse().expect("a number"))
}

impl Bridge {
    fn open(url: &str, load: &Load, run: &str) -> Self {
        let store = dragline_store::open(url, &StoreSettings::default()).unwrap();
        let defaults = PersistenceSettings::default();
        let settings = PersistenceSettings {
            flush_rows: given("FLUSH_ROWS", defaults.flush_rows),
            flush_growth: given("FLUSH_GROWTH", defaults.flush_growth),
            ..defaults
        };
        let pipeline = PersistencePipeline::new(store, settings, Stop::new(), Arc::new(NoPulse));
        let (sender, events) = bounded(load.pages + 1);
        pipeline.open_spider(load.spec(run), vec![load.item.clone()], Box::new(Events(sender))).unwrap();
        Self { sink: pipeline.sink(), pipeline, events }
    }

    /// Seconds until everything is durable.
    fn store(self, load: &Load) -> f64 {
        let outcomes = load.outcomes();
        let begun = Instant::now();
        for outcome in outcomes {
            self.sink.submit(outcome).unwrap();
        }
        // The scheduler does this when it has nothing else to do.
        self.sink.flush_now();
        let mut durable = 0;
        while durable < load.pages {
            match self.events.recv_timeout(LIMIT).unwrap() {
                StoreEvent::Receipt(receipt) => durable += receipt.pages.len(),
                other => panic!("a receipt was expected, not {other:?}"),
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        let end = RunEnd { state: RunState::Finished, reason: "complete".to_owned() };
        let report = self.pipeline.close_spider(end, Instant::now() + LIMIT);
        assert!(report.error.is_none(), "{report:?}");
        seconds
    }
}

impl Way {
    fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), times: Vec::new(), cpu: Vec::new(), wal: Vec::new() }
    }

    /// The median of each variant, compared with the first of its group.
    fn print(groups: &[&[Self]], rows: usize) {
        println!(
            "{:<44}{:>10}{:>10}{:>10}{:>10}{:>12}",
            "", "rows/s", "least", "most", "ratio", "CPU µs/row"
        );
        for group in groups {
            let base = median(&group[0].times);
            for way in *group {
                let (times, rows) = (&way.times, rows as f64);
                let rate = |seconds: f64| rows / seconds;
                let least = times.iter().copied().fold(f64::MIN, f64::max);
                let most = times.iter().copied().fold(f64::MAX, f64::min);
                let per_row =
                    |of: fn(&Cpu) -> f64| median(&way.cpu.iter().map(of).collect::<Vec<_>>()) / rows * 1e6;
                println!(
                    "{:<44}{:>10.0}{:>10.0}{:>10.0}{:>9.0}%{:>7.1}+{:.1}",
                    way.name,
                    rate(median(times)),
                    rate(least),
                    rate(most),
                    base / median(times) * 100.0,
                    per_row(|cpu| cpu.ours),
                    per_row(|cpu| cpu.server),
                );
            }
        }
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

impl Cpu {
    fn own() -> Self {
        Self { ours: stat("self").map_or(0.0, |stat| stat.own + stat.children), server: 0.0 }
    }

    /// Processor time of this process and of psql, and that of all server processes, including ended ones.
    fn now(server: &OwnServer) -> Self {
        let postmaster = server.query("SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1)");
        let postmaster = postmaster[0][0].clone();
        let mut sum = stat(&postmaster).map_or(0.0, |stat| stat.own + stat.children);
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            if let Some(stat) = process.file_name().to_str().and_then(stat)
                && stat.parent == postmaster
            {
                sum += stat.own;
            }
        }
        Self { server: sum, ..Self::own() }
    }

    fn since(self, before: Self) -> Self {
        Self { ours: self.ours - before.ours, server: self.server - before.server }
    }
}

struct Stat {
    parent: String,
    own: f64,
    children: f64,
}

/// Reads `/proc/PID/stat` (proc(5)). A tick is a hundredth of a second on every Linux.
fn stat(pid: &str) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let seconds = |at: usize| fields[at].parse::<f64>().ok().map(|ticks| ticks / 100.0);
    Some(Stat {
        parent: fields[1].to_owned(),
        own: seconds(11)? + seconds(12)?,
        children: seconds(13)? + seconds(14)?,
    })
}
