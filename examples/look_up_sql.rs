//! A program whose tracks get their label from a database. docs/writing-a-pipeline.md explains look-ups.
//!
//! The pages list tracks: `<li class=track data-album=ALBUM>TITLE`. The database is not the one where Dragline stores the tracks. It has
//! these tables:
//!
//! ```sql
//! CREATE TABLE labels (label_id integer PRIMARY KEY, name text NOT NULL, founded integer);
//! CREATE TABLE albums (album text PRIMARY KEY, label_id integer NOT NULL REFERENCES labels);
//! ```
//!
//! ```sh
//! export LABELS_URL=postgres://reader:PASSWORD@db.example/catalogue
//! cargo run --example look_up_sql -- crawl charts --start-url https://charts.example/
//! ```

use std::process::ExitCode;

use dragline::prelude::*;
use dragline::{Enrich, LookUp, SqlDatabase};
use serde::Deserialize;

fn main() -> ExitCode {
    let catalogue = SqlDatabase::from_variable("catalogue", "LABELS_URL")
        .statement(
            "label_of_album",
            "SELECT name, founded FROM albums JOIN labels ON labels.label_id = albums.label_id WHERE album = $1",
        )
        .with_max_rows(10);
    dragline::app(spiders![Charts]).pipeline(Enrich::new("labels", Labels).with_database(catalogue)).run()
}

#[derive(Item)]
#[item(table = "tracks", key = "title")]
struct Track {
    title: String,
    album: String,
    #[item(merge = "fill")]
    label: Option<String>,
    #[item(merge = "fill")]
    label_founded: Option<i32>,
}

/// Asks the catalogue for the label of a track.
struct Labels;

/// A row of the answer.
#[derive(Deserialize)]
struct Label {
    name: String,
    founded: Option<i32>,
}

impl LookUp for Labels {
    type Item = Track;

    fn columns(&self) -> &[&str] {
        &["label", "label_founded"]
    }

    fn request(&self, track: &Track) -> Result<Option<Request>> {
        if track.album.is_empty() {
            return Ok(None);
        }
        Ok(Some(Request::sql("catalogue", "label_of_album", [track.album.as_str()])?))
    }

    fn fill(&self, track: &mut Track, answer: &Page) -> Result<()> {
        let labels: Vec<Label> = answer.json()?;
        if let Some(label) = labels.into_iter().next() {
            track.label = Some(label.name);
            track.label_founded = label.founded;
        }
        Ok(())
    }
}

struct Charts;

impl Spider for Charts {
    fn name(&self) -> &str {
        "charts"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Track::item_type()]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        bail!("give the page of a chart with --start-url")
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        for track in page.select("li.track") {
            let album = track.own_attr("data-album").unwrap_or_default().to_owned();
            out.item(Track { title: track.full_text(), album, label: None, label_founded: None });
        }
        out.follow_all(page, "a");
        Ok(())
    }
}
