//! The views of the catalogue, which answer what people ask. They are right in Postgres and in SQLite.

use dragline::View;

/// Each artist, in the spelling that is most frequent.
pub(super) const ARTIST_NAMES: View = View::new("artist_names", include_str!("../views/artist_names.sql"));

/// Each track, in the spelling that is most frequent.
pub(super) const TRACK_NAMES: View = View::new("track_names", include_str!("../views/track_names.sql"));

/// The people with a part in a track, as its lines name them. The place is the first one that a line gives.
pub(super) const TRACK_ARTISTS: View = View::new("track_artists", include_str!("../views/track_artists.sql"));

/// Each time that a track follows another one in a mix, at a distance of 1 to 3 positions. An unknown track counts as
/// a position. Nothing follows over a gap or from one part to the next, and tracks that play together don't follow
/// each other.
pub(super) const TRACK_TRANSITIONS: View =
    View::new("track_transitions", include_str!("../views/track_transitions.sql"));

/// How often, and in how many mixes. `track_transitions` has the mixes themselves.
pub(super) const TRACK_ADJACENCY: View =
    View::new("track_adjacency", include_str!("../views/track_adjacency.sql"));

/// What is played after a track, which you name by its keys.
pub(super) const NEXT_TRACKS: View = View::new("next_tracks", include_str!("../views/next_tracks.sql"));

/// The 100 most frequent transitions.
pub(super) const TOP_TRANSITIONS: View =
    View::new("top_transitions", include_str!("../views/top_transitions.sql"));

/// The mixes of an artist: as the DJ, and as somebody with a part in a track that is played.
pub(super) const ARTIST_SETS: View = View::new("artist_sets", include_str!("../views/artist_sets.sql"));
