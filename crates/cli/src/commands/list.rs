//! `dragline list`.

use std::sync::Arc;

use dragline_core::Spider;

use super::print;
use super::table::table;
use crate::exit::Exit;
use crate::failed::Failed;

pub(super) fn run(spiders: &[Arc<dyn Spider>]) -> Result<Exit, Failed> {
    let rows = spiders.iter().flat_map(|spider| {
        let name = spider.name().to_owned();
        let items = spider.items();
        let about = spider.description().to_owned();
        items.into_iter().enumerate().map(move |(at, item)| {
            let first = |text: &str| if at == 0 { text.to_owned() } else { String::new() };
            let key = if item.is_keyed() { item.key().join(", ") } else { "none, appended".to_owned() };
            let place = item.table().unwrap_or("crawl_items").to_owned();
            [first(&name), item.name().to_owned(), place, key, first(&about)]
        })
    });
    print(&table(["spider", "item", "table", "key", "about"], rows))?;
    Ok(Exit::Finished)
}
