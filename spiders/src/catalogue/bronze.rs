//! The raw layer: what each page says, one row for each mix and one for each line of its track list.
//!
//! A row keeps the parts of its text as JSON (`data`), and the SHA-256 of that JSON, so that a change is one comparison. A key has
//! no column that may be null. The lines are children of their mix, so two mixes never share a row, and the lines of a mix are
//! always those of its page.

use dragline::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::mix::{Entry, Mix};

/// A mix, without its track list.
#[derive(Item)]
#[item(table = "bronze_playlists", id = "=source, =source_id")]
struct BronzePlaylist {
    source: String,
    /// The site's name of the mix.
    source_id: String,
    title: String,
    /// `tracklist` or `no_tracklist`.
    parse_status: String,
    /// How many lines the track list has.
    entries: u32,
    /// How many of them are tracks.
    tracks: u32,
    scraper_version: String,
    data: Json,
    content_hash: String,
}

/// A line of a track list.
#[derive(Item)]
#[item(table = "bronze_tracks", key = "playlist, entry", children_of = BronzePlaylist)]
struct BronzeTrack {
    playlist: Key<BronzePlaylist>,
    source: String,
    /// The `source_id` of its mix.
    playlist_id: String,
    /// The number of the line, from 1.
    entry: u32,
    /// The number of the track, from 1. A gap has none.
    position: Option<u32>,
    raw_line: String,
    scraper_version: String,
    data: Json,
    content_hash: String,
}

/// A mix as it is in `bronze_playlists.data`: the entries have rows of their own.
#[derive(Serialize)]
struct PlaylistData<'m> {
    title: &'m super::mix_title::MixTitle,
    styles: &'m [String],
    categories: &'m [String],
    completeness: Option<super::mix::Completeness>,
}

/// The item types of both spiders.
pub fn item_types() -> Vec<ItemType> {
    vec![BronzePlaylist::item_type(), BronzeTrack::item_type()]
}

/// Emits a mix and its lines.
///
/// # Errors
/// If a value cannot be written as JSON, which no value of these types can be.
pub fn emit(mix: &Mix, scraper_version: &str, out: &mut Output) -> Result<()> {
    let playlist = PlaylistData {
        title: &mix.title,
        styles: &mix.styles,
        categories: &mix.categories,
        completeness: mix.completeness,
    };
    let (data, content_hash) = json(&playlist)?;
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    out.item(BronzePlaylist {
        source: mix.source.as_str().to_owned(),
        source_id: mix.source_id.clone(),
        title: mix.title.raw.clone(),
        parse_status: mix.parse_status.as_str().to_owned(),
        entries: count(mix.entries.len()),
        tracks: count(mix.entries.iter().filter(|entry| !entry.line.is_gap).count()),
        scraper_version: scraper_version.to_owned(),
        data,
        content_hash,
    });
    for entry in &mix.entries {
        out.item(track(mix, entry, scraper_version)?);
    }
    Ok(())
}

fn track(mix: &Mix, entry: &Entry, scraper_version: &str) -> Result<BronzeTrack> {
    let (data, content_hash) = json(entry)?;
    Ok(BronzeTrack {
        playlist: BronzePlaylist::key_of(mix.source.as_str(), &mix.source_id),
        source: mix.source.as_str().to_owned(),
        playlist_id: mix.source_id.clone(),
        entry: entry.entry,
        position: entry.position,
        raw_line: entry.line.raw.clone(),
        scraper_version: scraper_version.to_owned(),
        data,
        content_hash,
    })
}

/// A value as JSON, and the SHA-256 of its text.
fn json(value: &impl Serialize) -> Result<(Json, String)> {
    let json = dragline::serde_json::to_value(value)?;
    let hash = Sha256::digest(json.to_string()).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((json, hash))
}
