//! The catalogue of DJ mixes: what the pages of MixesDB and 1001tracklists say, as values of one domain.
//!
//! ```text
//!  a page ─► reader: mixesdb, tracklists1001 ─► mix: a Mix with its Entries ─► bronze: rows
//!               │ uses
//!               ├─► mix_title     2004-11-20 - Tiefschwarz @ Fabric, London
//!               └─► track_line    [012] Artist - Title (Somebody Remix) [Label - CAT 001]
//!                      uses cue, artists, version
//! ```
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
pub mod track_line;
pub mod tracklists1001;
pub mod version;
