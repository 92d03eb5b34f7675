//! `dragline list`: all spiders in short, or one in detail.

use std::sync::Arc;

use dragline_core::arguments::Presence;
use dragline_core::{Argument, Column, ItemType, Spider};

use super::table::table;
use super::{find_spider, print};
use crate::arguments::List;
use crate::exit::Exit;
use crate::failed::Failed;

pub(super) fn run(arguments: &List, spiders: &[Arc<dyn Spider>]) -> Result<Exit, Failed> {
    let text = match &arguments.spider {
        Some(name) => one(&**find_spider(name, spiders)?),
        None => all(spiders),
    };
    print(&text)?;
    Ok(Exit::Finished)
}

fn all(spiders: &[Arc<dyn Spider>]) -> String {
    let rows = spiders.iter().flat_map(|spider| {
        let name = spider.name().to_owned();
        let about = spider.description().to_owned();
        spider.items().into_iter().enumerate().map(move |(at, item)| {
            [first(at, &name), item.name().to_owned(), place(&item), key(&item), first(at, &about)]
        })
    });
    table(["spider", "item", "table", "key", "about"], rows)
}

fn one(spider: &dyn Spider) -> String {
    let mut text = match spider.description() {
        "" => format!("{}\n", spider.name()),
        description => format!("{}: {description}\n", spider.name()),
    };
    let arguments: Vec<[String; 4]> = spider.arguments().iter().map(argument).collect();
    if arguments.is_empty() {
        text.push_str("\nno arguments\n");
    } else {
        text.push('\n');
        text.push_str(&table(["argument", "type", "default", "about"], arguments));
    }
    let columns = spider.items().into_iter().flat_map(|item| {
        let columns = item.columns().iter().enumerate();
        let rows: Vec<_> = columns.map(|(at, column)| column_row(at, column, &item)).collect();
        rows
    });
    text.push('\n');
    text.push_str(&table(["item", "table", "column", "type", ""], columns));
    let samples = spider.samples();
    if samples.is_empty() {
        text.push_str("\nno samples\n");
    } else {
        let rows = samples.iter().map(|sample| [sample.name(), tag(sample.tag()), sample.url().to_owned()]);
        text.push('\n');
        text.push_str(&table(["sample", "tag", "url"], rows));
    }
    text
}

fn argument(argument: &Argument) -> [String; 4] {
    let default = match (argument.presence(), argument.shown_default()) {
        (Presence::Required, _) => "required",
        (_, Some(default)) => default,
        _ => "-",
    };
    [argument.name().to_owned(), argument.kind().to_owned(), default.to_owned(), argument.help().to_owned()]
}

fn column_row(at: usize, column: &Column, item: &ItemType) -> [String; 5] {
    let note = match (item.is_key_column(&column.name), column.nullable) {
        (true, _) => "key",
        (false, true) => "may be null",
        (false, false) => "",
    };
    [
        first(at, item.name()),
        first(at, &place(item)),
        column.name.clone(),
        column.kind.to_string(),
        note.to_owned(),
    ]
}

fn place(item: &ItemType) -> String {
    item.table().unwrap_or("crawl_items").to_owned()
}

fn key(item: &ItemType) -> String {
    if item.is_keyed() { item.key().join(", ") } else { "none, appended".to_owned() }
}

fn tag(tag: &str) -> String {
    if tag.is_empty() { "-".to_owned() } else { tag.to_owned() }
}

/// Shows a text that several lines share, in the first of them only.
fn first(at: usize, text: &str) -> String {
    if at == 0 { text.to_owned() } else { String::new() }
}
