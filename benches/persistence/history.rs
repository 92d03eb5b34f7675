//! The cost of a history, and of a change feed: the same rows are stored three times, with and without it.

use std::path::Path;

use dragline_core::ItemType;

use super::{Bridge, Cpu, Load, PRODUCT, Way, median, sqlite_url};

/// What an item type may ask for in addition.
#[derive(Clone, Copy)]
pub(super) enum Extra {
    History,
    Changes,
}

impl Extra {
    fn item(self) -> ItemType {
        let item = PRODUCT.to_builder();
        let item = match self {
            Self::History => item.with_history(),
            Self::Changes => item.with_changes(),
        };
        item.build().unwrap()
    }

    fn name(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Changes => "change feed",
        }
    }

    /// How often it was written to in the three nights.
    fn written(self, load: &Load) -> (&'static str, usize) {
        match self {
            Self::History => ("SELECT count(*) FROM products_history", load.rows()),
            Self::Changes => ("SELECT count(*) FROM crawl_changes", 2 * load.rows()),
        }
    }
}

/// Stores the same rows three times, with and without something in addition: new, as they were, and all changed.
pub(super) fn compare(extra: Extra, load: &Load, rounds: usize, folder: &Path) {
    let nights = [("new rows", false), ("rows as they were", false), ("every row changed", true)];
    let server = dragline_testkit::durable_server();
    let mut ways: Vec<[Way; 4]> = nights
        .iter()
        .map(|(name, _)| {
            let with = |store: &str| format!("{store} with {}", extra.name());
            [String::from("Postgres"), with("Postgres"), String::from("SQLite"), with("SQLite")]
                .map(|store| Way::new(format!("{store}, {name}")))
        })
        .collect();
    for round in 0..rounds {
        let mut order = [0, 1, 2, 3];
        order.rotate_left(round % 4);
        for way in order {
            let name = format!("round_{round}_{way}");
            let item = if way % 2 == 1 { extra.item() } else { PRODUCT.clone() };
            let url = if way < 2 {
                server.query(&format!("CREATE DATABASE {name}"));
                server.url_of(&name)
            } else {
                sqlite_url(&folder.join(&name))
            };
            let wal = || server.query("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::text");
            for (night, (_, is_changed)) in nights.iter().enumerate() {
                let load = Load { item: item.clone(), is_changed: *is_changed, ..load.clone() };
                server.query("CHECKPOINT");
                let (before, cpu): (f64, _) = (wal()[0][0].parse().unwrap(), Cpu::now(&server));
                let bridge = Bridge::open(&url, &load, &format!("night {night}"));
                ways[night][way].times.push(bridge.store(&load));
                ways[night][way].cpu.push(Cpu::now(&server).since(cpu));
                ways[night][way].wal.push(wal()[0][0].parse::<f64>().unwrap() - before);
            }
            if way < 2 {
                if way == 1 {
                    let (count, rows) = extra.written(load);
                    assert_eq!(server.psql(&name, count), [[rows.to_string()]]);
                }
                server.query(&format!("DROP DATABASE {name} WITH (FORCE)"));
            }
        }
    }
    println!();
    let groups: Vec<&[Way]> = ways.iter().flat_map(|ways| [&ways[..2], &ways[2..]]).collect();
    Way::print(&groups, load.rows());
    println!("\nWrite-ahead log of Postgres in bytes a row");
    for way in ways.iter().flat_map(|ways| &ways[..2]) {
        println!("{:<44}{:>10.0}", way.name, median(&way.wal) / load.rows() as f64);
    }
}
