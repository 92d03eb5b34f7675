//! The catalogue of DJ mixes: what the pages of MixesDB and 1001tracklists say, as values of one domain.
//!
//! ```text
//!  a page ─► reader: mixesdb, tracklists1001 ─► mix: a Mix with its Entries ─► bronze, silver: rows
//!               │ uses
//!               ├─► mix_title     2004-11-20 - Tiefschwarz @ Fabric, London
//!               └─► track_line    [012] Artist - Title (Somebody Remix) [Label - CAT 001]
//!                      uses cue, artists, version
//! ```
//!
//! `bronze` keeps what a page says, and `silver` has what people ask about: artists, tracks, playlists. A page gives both.
//!
//! Everything here is a function of its input, without I/O. A parser never fails on a text: it keeps the text and finds what it
//! can. A reader fails on a page that is not what it should be.

pub mod artists;
mod blocked;
pub mod bronze;
mod countries;
pub mod cue;
mod markup;
pub mod mix;
pub mod mix_title;
pub mod mixesdb;
pub mod silver;
pub mod track_line;
pub mod tracklists1001;
pub mod version;

use dragline::prelude::*;

/// The item types of both layers, for a spider's `items()`.
pub fn item_types() -> Vec<ItemType> {
    bronze::item_types().into_iter().chain(silver::item_types()).collect()
}

/// Emits the rows of a mix in both layers.
///
/// # Errors
/// As [`bronze::emit`].
pub fn emit(mix: &mix::Mix, scraper_version: &str, out: &mut Output) -> Result<()> {
    bronze::emit(mix, scraper_version, out)?;
    silver::emit(mix, out);
    Ok(())
}
