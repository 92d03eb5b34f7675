//! The spider of the tests of look-ups. Its pages list tracks: `<li class=track data-title=TITLE data-album=ALBUM>`. Two steps look
//! them up at the address in `CHART_API`: the recording of a track, as a music database has it, and then the label of its album.

use dragline::prelude::*;
use dragline::{Enrich, LookUp};

#[derive(Item)]
#[item(table = "chart_tracks", key = "title")]
struct Track {
    title: String,
    album: String,
    isrc: Option<String>,
    released: Option<NaiveDate>,
    label: Option<String>,
}

/// Where the program asks.
fn api() -> String {
    std::env::var("CHART_API").unwrap_or_else(|_| "http://127.0.0.1:9".to_owned())
}

/// Asks for the recording of a track.
struct Recording(String);

impl LookUp for Recording {
    type Item = Track;

    fn columns(&self) -> &[&str] {
        &["isrc", "released"]
    }

    fn request(&self, track: &Track) -> Result<Option<Request>> {
        match track.title.as_str() {
            title if title.starts_with("instrumental") => Ok(None),
            "unspeakable" => bail!("nobody can ask for this title"),
            "panic" => panic!("no such title"),
            title => Ok(Some(Request::get(format!("{}/ws/2/recording/{title}", self.0))?)),
        }
    }

    fn fill(&self, track: &mut Track, answer: &Page) -> Result<()> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct Found {
            isrcs: Vec<String>,
            first_release_date: NaiveDate,
        }
        let found: Found = answer.json()?;
        track.isrc = found.isrcs.into_iter().next();
        track.released = Some(found.first_release_date);
        Ok(())
    }

    fn missing(&self, track: &mut Track) -> Result<()> {
        track.isrc = Some("none".to_owned());
        Ok(())
    }
}

/// Asks for the label of an album, which many tracks share.
struct Label(String);

impl LookUp for Label {
    type Item = Track;

    fn columns(&self) -> &[&str] {
        &["label"]
    }

    fn request(&self, track: &Track) -> Result<Option<Request>> {
        if track.album.is_empty() {
            return Ok(None);
        }
        Ok(Some(Request::get(format!("{}/album/{}", self.0, track.album))?))
    }

    fn fill(&self, track: &mut Track, answer: &Page) -> Result<()> {
        // The second step sees what the first one has found.
        let isrc = track.isrc.as_deref().unwrap_or("no isrc");
        track.label = Some(format!("{} ({isrc})", answer.body_text()));
        Ok(())
    }
}

/// The steps.
pub(crate) fn steps() -> [Enrich; 2] {
    [Enrich::new("recording", Recording(api())), Enrich::new("label", Label(api()))]
}

/// See the module.
pub(crate) struct Chart;

impl Spider for Chart {
    fn name(&self) -> &str {
        "chart"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Track::item_type()]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        bail!("this spider needs --start-url")
    }

    fn routes(&self) -> Router {
        Router::new().with_start(tracks).with("page", tracks)
    }
}

fn tracks(page: &Page, out: &mut Output) {
    out.follow_all(page, "a").with_tag("page");
    for track in page.select("li.track") {
        let text = |name: &str| track.own_attr(name).unwrap_or_default().to_owned();
        out.item(Track {
            title: text("data-title"),
            album: text("data-album"),
            isrc: None,
            released: None,
            label: None,
        });
    }
}
