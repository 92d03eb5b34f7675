//! A program whose tracks get their ISRC and their release date from MusicBrainz. docs/writing-a-pipeline.md explains look-ups.
//!
//! The pages list tracks: `<li class=track><b>ARTIST</b> <i>TITLE</i>`.
//!
//! ```sh
//! cargo run --example look_up -- crawl charts --start-url https://charts.example/ --user-agent 'charts/1.0 (you@example.com)'
//! ```
//!
//! MusicBrainz allows one request per second: put `[host."musicbrainz.org"]` with `rate = 1` into the settings file.

use std::env;
use std::process::ExitCode;

use dragline::prelude::*;
use dragline::{Enrich, LookUp};
use serde::Deserialize;

fn main() -> ExitCode {
    // A mirror, or a server for tests.
    let server = env::var("MUSICBRAINZ").unwrap_or_else(|_| "https://musicbrainz.org".to_owned());
    dragline::app(spiders![Charts]).pipeline(Enrich::new("musicbrainz", MusicBrainz { server })).run()
}

#[derive(Item)]
#[item(table = "tracks", id = "artist, title")]
struct Track {
    artist: String,
    title: String,
    isrc: Option<String>,
    released: Option<NaiveDate>,
}

/// Asks MusicBrainz for the recording of a track.
struct MusicBrainz {
    server: String,
}

/// A part of its answer. See <https://musicbrainz.org/doc/MusicBrainz_API/Search>.
#[derive(Deserialize)]
struct Recordings {
    recordings: Vec<Recording>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Recording {
    #[serde(default)]
    isrcs: Vec<String>,
    /// Some dates are only a year.
    first_release_date: Option<String>,
}

impl LookUp for MusicBrainz {
    type Item = Track;

    fn columns(&self) -> &[&str] {
        &["isrc", "released"]
    }

    fn request(&self, track: &Track) -> Result<Option<Request>> {
        if track.isrc.is_some() {
            return Ok(None);
        }
        let quoted = |text: &str| format!("\"{}\"", text.replace(['"', '\\'], " "));
        let query = format!("recording:{} AND artist:{}", quoted(&track.title), quoted(&track.artist));
        let mut url = Request::get(format!("{}/ws/2/recording", self.server))?.url().clone();
        url.query_pairs_mut()
            .append_pair("query", &query)
            .append_pair("fmt", "json")
            .append_pair("limit", "1");
        Ok(Some(Request::from_url(url)?))
    }

    fn fill(&self, track: &mut Track, answer: &Page) -> Result<()> {
        let found: Recordings = answer.json()?;
        if let Some(recording) = found.recordings.into_iter().next() {
            track.isrc = recording.isrcs.into_iter().next();
            track.released = recording.first_release_date.and_then(|date| date.parse().ok());
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
            let (artist, title) = (track.text("b")?, track.text("i")?);
            out.item(Track { artist, title, isrc: None, released: None });
        }
        out.follow_all(page, "a.next");
        Ok(())
    }
}
