//! A program only for the tests. On each page, its spider `nasty` does what the last part of the page's path says. Its
//! spider `zoo` is well-behaved, and emits items for every kind of table. Its spider `attic` has requests of every kind, its
//! spider `shop` has lists and details, its spider `branches` has a table in a schema, its spider
//! `ledger` keeps the earlier versions of rows, its spider `kin` has parents and children, its spider `stall` is mended, and
//! the items of its spider `market` have to follow rules, and those of its spider `chart` are looked up.

#[path = "upgrade/attic.rs"]
mod attic;
#[path = "schemas/branches.rs"]
mod branches;
#[path = "look_ups/chart.rs"]
mod chart;
#[path = "nights/ledger.rs"]
mod ledger;
#[path = "arguments/library.rs"]
mod library;
#[path = "rules/market.rs"]
mod market;
#[path = "kin/mixes.rs"]
mod mixes;
#[path = "merged/sets.rs"]
mod sets;
#[path = "watch/shelf.rs"]
mod shelf;
#[path = "verdict/shop.rs"]
mod shop;
#[path = "reparse/stall.rs"]
mod stall;

use std::process::ExitCode;
use std::sync::Mutex;

use dragline::prelude::*;
use dragline::{ColumnType, ItemRecord, Value};

/// Stored in a table of its own.
#[derive(Item)]
#[item(table = "nasty_things", key = "url")]
struct Thing {
    url: String,
    text: String,
    number: Option<f64>,
    count: u64,
}

/// Stored in `crawl_items`, without a key.
#[derive(Item)]
struct Note {
    url: String,
}

/// Not declared by the spider.
#[derive(Item)]
struct Stranger {
    url: String,
}

/// Keeps memory, as a spider should not.
static HOARD: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

struct Nasty;

impl Spider for Nasty {
    fn name(&self) -> &str {
        "nasty"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Thing::item_type(), Note::item_type()]
    }

    fn samples(&self) -> Vec<Sample> {
        let page = |path: &str| sample!("nasty_pages/new.html", format!("https://nasty.example/{path}"));
        vec![page("panic"), page("stranger"), page("nul"), page("gone").with_status(404), page("new")]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        bail!("this spider needs --start-url")
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        let url = page.url().to_string();
        out.follow_all(page, "a");
        out.item(Note { url: url.clone() });
        let thing = |text: &str, number: f64| Thing {
            url: url.clone(),
            text: text.to_owned(),
            number: Some(number),
            count: text.len() as u64,
        };
        match page.url().path().rsplit('/').next().unwrap_or_default() {
            "hang" => loop {
                std::thread::park();
            },
            "hoard" => HOARD.lock().map_err(|_| Error::new("poisoned"))?.push(vec![7; 8 << 20]),
            "helper" => {
                // As a browser would, it leaves the process group. Nobody waits for it.
                let mut helper = std::process::Command::new("sleep");
                let helper =
                    std::os::unix::process::CommandExt::process_group(helper.arg("1000"), 0).spawn()?;
                out.item(thing(&helper.id().to_string(), 1.0));
            }
            "abort" => std::process::abort(),
            "deep" => drop(depth(u64::MAX)),
            "drowsy" => std::thread::park_timeout(std::time::Duration::from_millis(20)),
            "panic" => panic!("this page is not to my taste"),
            "error" => bail!("no price on the page"),
            "selector" => drop(page.select("a[[[")),
            "stranger" => out.item(Stranger { url: url.clone() }),
            "nan" => out.item(thing("not a number", f64::NAN)),
            "big" => out.item(Thing { count: i64::MAX.cast_unsigned(), ..thing("big", 1.0) }),
            "overflow" => out.item(Thing { count: u64::MAX, ..thing("overflow", 1.0) }),
            "nul" => out.item(thing("a\0b", 1.0)),
            "huge" => out.item(thing(&"x".repeat(20 << 20), 1.0)),
            text => out.item(thing(text, 1.5)),
        }
        Ok(())
    }
}

/// Overflows the stack.
fn depth(left: u64) -> u64 {
    let below = std::hint::black_box([left; 64]);
    if left == 0 { 0 } else { 1 + depth(left - 1).max(below[7]) }
}

/// In a table of its own, with a key.
#[derive(Item)]
#[item(table = "zoo_cages", key = "url")]
struct Cage {
    url: String,
    title: Option<String>,
    doors: i64,
    weight: f64,
    names: Vec<String>,
}

/// In a table of its own, appended.
#[derive(Item)]
#[item(table = "zoo_visits")]
struct Visit {
    door: String,
    number: i64,
}

/// In `crawl_items`, with a key.
#[derive(Item)]
#[item(key = "url")]
struct Animal {
    url: String,
    title: Option<String>,
}

/// In `crawl_items`, appended.
#[derive(Item)]
struct Footprint {
    url: String,
}

struct Zoo;

impl Spider for Zoo {
    fn name(&self) -> &str {
        "zoo"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Cage::item_type(), Visit::item_type(), Animal::item_type(), Footprint::item_type()]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        bail!("this spider needs --start-url")
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        // The pages of the zoo have no such element. Only a page that must hang has one.
        while !page.select("#hang").is_empty() {
            std::thread::park();
        }
        let url = || page.url().to_string();
        let doors: Vec<String> = page.select("a").iter().map(Node::visible_text).collect();
        for (number, door) in (0..).zip(&doors) {
            out.item(Visit { door: door.clone(), number });
        }
        let weight = f64::from(u32::try_from(page.body().len())?) / 7.0;
        let count = i64::try_from(doors.len())?;
        out.item(Cage { url: url(), title: page.title(), doors: count, weight, names: doors });
        out.item(Animal { url: url(), title: page.title() });
        out.item(Footprint { url: url() });
        out.follow_all(page, "a");
        Ok(())
    }

    fn failed(&self, failure: &Failure, out: &mut Output) -> Result<()> {
        // A footprint is appended, so that one too many would show. What is gone may be among the new pages.
        let url = failure.request().url();
        out.item(Footprint { url: url.to_string() });
        if let Some(number) = url.path().strip_prefix("/gone/") {
            out.request(Request::from_url(url.join(&format!("/new/gone-{number}"))?)?);
        }
        Ok(())
    }
}

/// Ten item types that no struct describes: half of them in tables of their own, half of them with a key.
struct Shapes {
    types: Vec<ItemType>,
}

impl Shapes {
    fn new() -> Result<Self> {
        let make = |number: usize| {
            let shape = ItemType::builder(format!("shape_{number}"))
                .with_column("url", ColumnType::Text)
                .with_column("corners", ColumnType::Integer)
                .with_nullable_column("title", ColumnType::Text);
            let shape =
                if number.is_multiple_of(2) { shape.with_table(format!("shapes_{number}")) } else { shape };
            let shape = if number < 5 { shape.with_key(["url"]) } else { shape };
            shape.build()
        };
        Ok(Self { types: (0..10).map(make).collect::<Result<_, _>>()? })
    }
}

impl Spider for Shapes {
    fn name(&self) -> &str {
        "shapes"
    }

    fn items(&self) -> Vec<ItemType> {
        self.types.clone()
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        bail!("this spider needs --start-url")
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        for (corners, shape) in (0_i64..).zip(&self.types) {
            let title = page.title().map_or(Value::Null, Value::Text);
            let fields = [
                ("url", Value::from(page.url().as_str())),
                ("corners", Value::Int(corners)),
                ("title", title),
            ];
            out.record(ItemRecord::from_fields(shape, fields)?);
        }
        out.follow_all(page, "a");
        Ok(())
    }
}

/// Names a selector that is not one.
struct Mistyped;

impl Spider for Mistyped {
    fn name(&self) -> &str {
        "mistyped"
    }

    fn items(&self) -> Vec<ItemType> {
        Vec::new()
    }

    fn selectors(&self) -> Vec<&str> {
        vec!["h1", "li.next a["]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        bail!("this spider needs --start-url")
    }

    fn parse(&self, _page: &Page, _out: &mut Output) -> Result<()> {
        Ok(())
    }
}

/// Repeats what it was given.
struct Indiscreet;

#[derive(Item)]
#[item(key = "text")]
struct Repeated {
    text: String,
}

impl Spider for Indiscreet {
    fn name(&self) -> &str {
        "indiscreet"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Repeated::item_type()]
    }

    fn arguments(&self) -> Arguments {
        let secret =
            ["auth", "pwd", "passwd", "password", "authorization", "cookie", "api_key", "session_id"];
        let plain = ["feed", "key", "keyword", "author"];
        secret.into_iter().chain(plain).fold(Arguments::new(), |all, name| all.with_optional(name, ""))
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        bail!("this spider needs --start-url")
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        let given = page.args().get("auth").unwrap_or("nothing");
        match page.url().path() {
            "/panic" => panic!("refused {given} at {}: {:?}", page.url(), page.args()),
            "/error" => bail!("refused {given} at {}: {:?}", page.url(), page.args()),
            _ => {}
        }
        out.item(Repeated { text: page.url().path().to_owned() });
        out.follow_all(page, "a");
        Ok(())
    }
}

fn main() -> ExitCode {
    let shapes = Shapes::new().unwrap_or_else(|error| panic!("ten item types: {error}"));
    let library = library::Library;
    let spiders = spiders![
        Nasty,
        Zoo,
        Mistyped,
        attic::Attic,
        shapes,
        library,
        shop::Shop,
        shelf::Shelf,
        stall::Stall,
        branches::Branches,
        ledger::Ledger,
        market::Market,
        chart::Chart,
        mixes::Kin,
        sets::Sets,
        Indiscreet
    ];
    let [recording, label] = chart::steps();
    dragline::app(spiders).pipeline(market::rules()).pipeline(recording).pipeline(label).run()
}
