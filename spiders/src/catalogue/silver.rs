//! The refined layer: artists, tracks, playlists, and which track is played at which place.
//!
//! | what it is | tables | its columns follow from |
//! |---|---|---|
//! | what many pages share | `artists`, `tracks` | its id, and `names` from all pages |
//! | what one page says | `playlists`, `playlist_artists`, `playlist_tracks`, `track_credits` | the page |
//!
//! So no value depends on which of two pages is stored last, a killed and resumed crawl gives the same rows, and no two pages
//! contradict each other. Pages write a name (`Björk`) in several ways: `artists` has all of them, the rows of the pages have their own, and
//! the views (`views.rs`) choose the most frequent one.
//!
//! A view over `playlist_tracks` shows which track follows which, so the answer is right after every change.

mod emit;
mod keys;
mod tables;
mod views;

pub use self::emit::emit;
pub use self::tables::item_types;
