//! The spider of the tests of merged columns: every page is a set of tracks. Facts about artists and tracks come from many pages.

use dragline::prelude::*;

/// With all that an item type may ask for.
#[derive(Item)]
#[item(table = "sets_artists", id = "name", history, changes, gone_mark)]
struct Artist {
    name: String,
    #[item(merge = "add")]
    sets: u32,
    #[item(merge = "add")]
    plays: u32,
    #[item(merge = "min")]
    first_seen: NaiveDate,
    #[item(merge = "max")]
    last_seen: NaiveDate,
    #[item(merge = "union")]
    labels: Vec<String>,
}

/// Without anything else.
#[derive(Item)]
#[item(table = "sets_tracks", key = "title")]
struct Track {
    title: String,
    #[item(merge = "add")]
    sets: Option<Decimal>,
    #[item(merge = "fill")]
    isrc: Option<String>,
}

/// See the module. `-a weight=N` counts each set N times.
pub(crate) struct Sets;

impl Spider for Sets {
    fn name(&self) -> &str {
        "sets"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Artist::item_type(), Track::item_type()]
    }

    fn arguments(&self) -> Arguments {
        Arguments::new().with_optional("weight", "how often a set counts")
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        bail!("this spider needs --start-url")
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        out.follow_all(page, "a");
        let Some(day) = page.texts("time").into_iter().next() else { return Ok(()) };
        let day: NaiveDate = day.parse()?;
        let weight: u32 = page.args().get("weight").unwrap_or("1").parse()?;
        let lines = page.select("li");
        for line in &lines {
            let name = line.text("b")?;
            let plays = lines.iter().filter(|other| other.text("b").is_ok_and(|other| other == name)).count();
            out.item(Artist {
                name,
                sets: weight,
                plays: u32::try_from(plays)? * weight,
                first_seen: day,
                last_seen: day,
                labels: line.texts("u"),
            });
            let isrc = line.texts("s").into_iter().next();
            out.item(Track {
                title: line.text("i")?,
                sets: Some(Decimal::new(5, 1) * Decimal::from(weight)),
                isrc,
            });
        }
        Ok(())
    }
}
