//! The catalogue of DJ mixes: what the texts on pages of MixesDB and 1001tracklists say.
//!
//! ```text
//!  mix_title     2004-11-20 - Tiefschwarz @ Fabric, London
//!  track_line    [012] Artist - Title (Somebody Remix) [Label - CAT 001]
//!     uses cue, artists, version, name_key
//! ```
//!
//! Everything here is a function of its input, without I/O. A parser never fails on a text: it keeps the text and finds what it
//! can.

pub mod artists;
mod countries;
pub mod cue;
mod markup;
pub mod mix_title;
pub mod name_key;
pub mod track_line;
pub mod version;
