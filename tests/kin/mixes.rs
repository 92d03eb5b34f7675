//! The spider of the tests of parents and children: every page is a mix with the entries that it lists. The artists of the entries
//! are parents that all pages share.

use dragline::prelude::*;

#[derive(Item)]
#[item(table = "kin_artists", id = "name")]
struct Artist {
    name: String,
}

#[derive(Item)]
#[item(table = "kin_mixes", id = "=path")]
struct Mix {
    path: String,
    entries: u32,
}

/// By the name of its table, it comes before its parents.
#[derive(Item)]
#[item(table = "kin_entries", key = "mix, position", children_of = Mix, history)]
struct Entry {
    mix: Key<Mix>,
    position: u32,
    artist: Key<Artist>,
    title: String,
}

/// See the module.
pub(crate) struct Kin;

impl Spider for Kin {
    fn name(&self) -> &str {
        "kin"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Entry::item_type(), Mix::item_type(), Artist::item_type()]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        bail!("this spider needs --start-url")
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        out.follow_all(page, "a");
        let lines = page.select("li");
        let path = page.url().path().to_owned();
        let mix = Mix { path, entries: u32::try_from(lines.len())? };
        for (position, line) in (1..).zip(&lines) {
            let artist = Artist { name: line.text("b")? };
            let title = line.text("i")?;
            out.item(Entry { mix: mix.key(), position, artist: artist.key(), title });
            out.item(artist);
        }
        out.item(mix);
        Ok(())
    }
}
