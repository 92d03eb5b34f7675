//! What identifies an artist and a track: names folded by `name_key_v1`, so that all spellings of a track are one.

use std::collections::BTreeSet;

use dragline::normalize::name_key_v1;

use crate::catalogue::artists::{Credit, Role};
use crate::catalogue::track_line;
use crate::catalogue::version;

/// Separates keys. A key has either no signs or no spaces, so this cannot be part of one.
const BETWEEN: &str = " ; ";
/// The version of a track without one. A part of an id is never empty.
const ORIGINAL: &str = "original";
/// Versions that are the track itself.
const SAME_AS_ORIGINAL: &[&str] = &[ORIGINAL, "original mix", "original version"];

/// What identifies a track.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TrackKeys {
    /// Those of the primary artists, in the order of the alphabet: `A & B` and `B & A` made the same track.
    pub(super) artists: String,
    /// That of the title, without versions and guests.
    pub(super) title: String,
    /// Those of the versions from left to right.
    pub(super) version: String,
}

/// The key of an artist. `None` if the name has nothing that could identify somebody.
pub(super) fn artist(name: &str) -> Option<String> {
    Some(name_key_v1(name)).filter(|key| !key.is_empty())
}

/// The keys of a track. `None` if its artist or its title is unknown.
pub(super) fn track(track: &track_line::Track) -> Option<TrackKeys> {
    let title = track.title.as_deref().filter(|_| !track.is_unknown)?;
    let is_primary = |credit: &&Credit| credit.role == Role::Primary;
    let artists: BTreeSet<String> =
        track.credits.iter().filter(is_primary).filter_map(|credit| artist(&credit.name)).collect();
    if artists.is_empty() {
        return None;
    }
    let (name, versions) = version::split(title);
    let versions: Vec<String> = versions
        .iter()
        .map(|version| name_key_v1(version))
        .filter(|key| !key.is_empty() && !SAME_AS_ORIGINAL.contains(&key.as_str()))
        .collect();
    let title = Some(name_key_v1(&name)).filter(|key| !key.is_empty())?;
    let version = if versions.is_empty() { ORIGINAL.to_owned() } else { versions.join(BETWEEN) };
    Some(TrackKeys { artists: artists.into_iter().collect::<Vec<_>>().join(BETWEEN), title, version })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::track_line::TrackLine;

    fn keys(line: &str) -> Option<[String; 3]> {
        let keys = track(&TrackLine::parse(line).tracks[0])?;
        Some([keys.artists, keys.title, keys.version])
    }

    #[test]
    fn all_spellings_of_a_track_are_one() {
        let glue = ["bicep", "glue", "original"].map(str::to_owned);
        for line in [
            "Bicep - Glue",
            "[012] BICEP - glue [Ninja Tune - ZEN 1]",
            "Bicep – Glue (Original Mix)",
            "Bicep feat. Clara La San - Glue",
            "Bicep - Glue (feat. Clara La San)",
        ] {
            assert_eq!(keys(line), Some(glue.clone()), "{line}");
        }
        assert_eq!(keys("Surgeon & Björk - X"), keys("Bjork, SURGEON - x"));
        assert_eq!(keys("Surgeon & Björk - X").unwrap()[0], "bjork ; surgeon");
    }

    #[test]
    fn versions_are_tracks_of_their_own() {
        for (line, title, version) in [
            ("A - Glue (Hammer Remix)", "glue", "hammer remix"),
            ("A - Glue (feat. B) (Hammer Remix)", "glue", "hammer remix"),
            ("A - Glue (Hammer Remix) (feat. B)", "glue", "hammer remix"),
            ("A - Oxygène (Part 4) (X Remix) (Dub)", "oxygene part 4", "x remix ; dub"),
            ("A - (I) Remix", "i remix", "original"),
            ("A - (Live Version)", "live version", "original"),
            ("A - !!!", "!!!", "original"),
        ] {
            let found = keys(line).unwrap();
            assert_eq!((found[1].as_str(), found[2].as_str()), (title, version), "{line}");
        }
    }

    #[test]
    fn a_track_that_nobody_knows_has_no_keys() {
        for line in
            ["?", "ID - ID", "Bicep - ?", "? - Glue", "Glue", "Bicep - ? (Hammer Remix)", "ID & ID - Glue"]
        {
            assert_eq!(keys(line), None, "{line}");
        }
    }
}
