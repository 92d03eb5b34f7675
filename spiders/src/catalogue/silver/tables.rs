//! The tables of the refined layer.

use dragline::prelude::*;

use super::views;

/// Somebody who plays or makes tracks, in all spellings of the name.
#[derive(Item)]
#[item(table = "artists", id = "=name_key", view = views::ARTIST_NAMES, view = views::ARTIST_SETS)]
pub(super) struct Artist {
    /// The name under `name_key_v1`.
    pub(super) name_key: String,
    /// All spellings that any page has, of both sites.
    #[item(merge = "union")]
    pub(super) names: Vec<String>,
}

/// A track, in all spellings.
#[derive(Item)]
#[item(table = "tracks", id = "=artist_keys, =title_key, =version_key", view = views::TRACK_NAMES)]
pub(super) struct Track {
    /// The keys of its primary artists, separated by ` ; `.
    pub(super) artist_keys: String,
    pub(super) title_key: String,
    /// `original`, or the keys of its versions.
    pub(super) version_key: String,
}

/// A mix. Its `source_url` is a column that every table has.
#[derive(Item)]
#[item(table = "playlists", id = "=source, =source_id")]
pub(super) struct Playlist {
    pub(super) source: String,
    pub(super) source_id: String,
    pub(super) title: String,
    /// The names of the DJs, as the title writes them.
    pub(super) djs: Vec<String>,
    /// The day, if it is known.
    pub(super) date: Option<NaiveDate>,
    /// The date as exactly as it is known: `2004-11`, `200X`.
    pub(super) date_text: Option<String>,
    pub(super) event: Option<String>,
    pub(super) venue: Option<String>,
    pub(super) city: Option<String>,
    pub(super) country: Option<String>,
    pub(super) show: Option<String>,
    pub(super) show_number: Option<String>,
    pub(super) styles: Vec<String>,
    /// `complete`, `incomplete` or `none`, if the page says it.
    pub(super) completeness: Option<String>,
    /// `tracklist` or `no_tracklist`.
    pub(super) parse_status: String,
}

/// A DJ of a mix.
#[derive(Item)]
#[item(table = "playlist_artists", key = "playlist, artist", children_of = Playlist)]
pub(super) struct PlaylistArtist {
    pub(super) playlist: Key<Playlist>,
    pub(super) artist: Key<Artist>,
    /// From 1, in the order of the title.
    pub(super) place: u32,
    pub(super) name: String,
}

/// A track at its place in a mix, or a gap.
#[derive(Item)]
#[item(
    table = "playlist_tracks",
    key = "playlist, entry, place",
    children_of = Playlist,
    index = "playlist, stretch, position",
    view = views::TRACK_TRANSITIONS,
    view = views::TRACK_ADJACENCY,
    view = views::NEXT_TRACKS,
    view = views::TOP_TRANSITIONS
)]
pub(super) struct PlaylistTrack {
    pub(super) playlist: Key<Playlist>,
    /// The number of the line, from 1.
    pub(super) entry: u32,
    /// The number of the track in its line, from 1. Only a line with a mashup has several.
    pub(super) place: u32,
    /// The number of the track in the mix. A gap has none, and tracks that play together share one.
    pub(super) position: Option<u32>,
    /// Tracks follow each other only within a stretch. Behind a gap, and with each part, a new one begins.
    pub(super) stretch: u32,
    pub(super) part: Option<String>,
    pub(super) cue_ms: Option<u64>,
    /// The track begins less than this after `cue_ms`.
    pub(super) cue_precision_ms: Option<u64>,
    pub(super) raw_line: String,
    pub(super) artist: Option<String>,
    /// With its version.
    pub(super) title: Option<String>,
    pub(super) label: Option<String>,
    pub(super) catalogue_number: Option<String>,
    /// Whether nobody knows the artist or the title, so that `track` is null.
    pub(super) is_unknown: bool,
    pub(super) is_gap: bool,
    /// Whether it plays together with the track before.
    pub(super) joins_previous: bool,
    pub(super) track: Option<Key<Track>>,
}

/// Somebody with a part in a track, as a line says it.
#[derive(Item)]
#[item(table = "track_credits", key = "playlist, entry, place, credit", children_of = Playlist, view = views::TRACK_ARTISTS)]
pub(super) struct TrackCredit {
    pub(super) playlist: Key<Playlist>,
    pub(super) entry: u32,
    pub(super) place: u32,
    /// The number of the name in its track, from 1.
    pub(super) credit: u32,
    pub(super) artist: Key<Artist>,
    /// `primary`, `featured` or `remixer`.
    pub(super) role: String,
    pub(super) name: String,
    /// `None` if the line does not name the track.
    pub(super) track: Option<Key<Track>>,
}

/// The item types of the refined layer.
pub fn item_types() -> Vec<ItemType> {
    vec![
        Artist::item_type(),
        Track::item_type(),
        Playlist::item_type(),
        PlaylistArtist::item_type(),
        PlaylistTrack::item_type(),
        TrackCredit::item_type(),
    ]
}
