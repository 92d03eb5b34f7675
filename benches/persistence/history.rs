//! The cost of a history: the same rows are stored three times, with and without one.

use std::path::Path;

use super::{Bridge, Cpu, Load, PRODUCT, Way, median, sqlite_url};

/// Stores the same rows three times, with and without a history: new, as they were, and all changed.
pub(super) fn compare(load: &Load, rounds: usize, folder: &Path) {
    let with_history = PRODUCT.to_builder().with_history().build().unwrap();
    let nights = [("new rows", false), ("rows as they were", false), ("every row changed", true)];
    let server = dragline_testkit::durable_server();
    let mut ways: Vec<[Way; 4]> = nights
        .iter()
        .map(|(name, _)| {
            ["Postgres, ", "Postgres with history, ", "SQLite, ", "SQLite with history, "]
                .map(|store| Way::new(format!("{store}{name}")))
        })
        .collect();
    for round in 0..rounds {
        let mut order = [0, 1, 2, 3];
        order.rotate_left(round % 4);
        for way in order {
            let name = format!("round_{round}_{way}");
            let item = if way % 2 == 1 { with_history.clone() } else { PRODUCT.clone() };
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
                let versions = "SELECT count(*) FROM products_history";
                if way == 1 {
                    assert_eq!(server.psql(&name, versions), [[load.rows().to_string()]]);
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
