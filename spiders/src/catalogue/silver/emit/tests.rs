//! The rows of mixes in all forms.

use super::*;
use crate::catalogue::mix::{Completeness, EntryList, ParseStatus, Source};
use crate::catalogue::mix_title::MixTitle;
use crate::catalogue::track_line::TrackLine;

/// A mix with these lines. A line `;Part 1` begins a part.
fn mix(title: &str, lines: &[&str]) -> Mix {
    let mut list = EntryList::default();
    for line in lines {
        match line.strip_prefix(';') {
            Some(part) => list.begin_part(part.to_owned()),
            None => list.push(TrackLine::parse(line), None),
        }
    }
    let entries = list.finish().unwrap();
    Mix {
        source: Source::MixesDb,
        source_id: title.replace(' ', "_"),
        title: MixTitle::of_mixesdb(title, &[]),
        styles: Vec::new(),
        categories: Vec::new(),
        completeness: Some(Completeness::Incomplete),
        parse_status: ParseStatus::of(&entries),
        entries,
    }
}

/// The emitted items of a type.
fn items(mix: &Mix, item_type: &str) -> Vec<Json> {
    let mut out = Output::new();
    emit(mix, &mut out);
    let all = out.to_json()["items"].as_array().unwrap().clone();
    all.into_iter().filter_map(|item| item.get(item_type).cloned()).collect()
}

/// Some fields of each item, as text.
fn fields(items: &[Json], names: &[&str]) -> Vec<String> {
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    items
        .iter()
        .map(|item| names.iter().map(|name| text(&item[*name])).collect::<Vec<_>>().join(" | "))
        .collect()
}

#[test]
fn an_unknown_track_keeps_its_position_and_refers_to_no_track() {
    let mix =
        mix("2004 - Marlow - Show", &["[012] A - X [Label]", "?", "B - ?", "? - Y", "w/ C - Z [Label - 7]"]);
    let rows = items(&mix, "playlist_track");
    assert_eq!(
        fields(&rows, &["position", "is_unknown", "artist", "title", "label", "catalogue_number", "cue_ms"]),
        [
            "1 | false | A | X | Label | null | 720000",
            "2 | true | null | null | null | null | null",
            "3 | true | B | null | null | null | null",
            "4 | true | null | Y | null | null | null",
            "4 | false | C | Z | Label | 7 | null",
        ]
    );
    let unknown = rows.iter().filter(|row| row["track"].is_null()).count();
    assert_eq!((unknown, items(&mix, "track").len()), (3, 2));
    // Somebody who plays an unknown track is an artist all the same.
    assert_eq!(fields(&items(&mix, "artist"), &["name_key"]), ["marlow", "a", "b", "c"]);
}

#[test]
fn an_artist_has_each_spelling_of_the_mix() {
    let mix = mix("2004 - Björk - Show", &["BJÖRK - X", "Bjork - Y", "BJÖRK - Z"]);
    assert_eq!(
        fields(&items(&mix, "artist"), &["name_key", "names"]),
        [r#"bjork | ["Björk"]"#, r#"bjork | ["BJÖRK"]"#, r#"bjork | ["Bjork"]"#]
    );
}

#[test]
fn the_tracks_of_a_mashup_are_rows_of_one_line() {
    let mix = mix("2004 - Marlow - Show", &["A - X", "B - Y w/ C feat. D - Z (E Remix)"]);
    assert_eq!(
        fields(&items(&mix, "playlist_track"), &["entry", "place", "position", "title", "joins_previous"]),
        ["1 | 1 | 1 | X | false", "2 | 1 | 2 | Y | false", "2 | 2 | 2 | Z (E Remix) | true"]
    );
    assert_eq!(
        fields(&items(&mix, "track_credit"), &["entry", "place", "credit", "role", "name"]),
        [
            "1 | 1 | 1 | primary | A",
            "2 | 1 | 1 | primary | B",
            "2 | 2 | 1 | primary | C",
            "2 | 2 | 2 | featured | D",
            "2 | 2 | 3 | remixer | E"
        ]
    );
}

#[test]
fn a_gap_and_a_part_begin_a_new_stretch() {
    let lines = [";One", "A - X", "B - Y", "...", "C - Z", ";Two", "D - V", "E - W"];
    let rows = items(&mix("2004 - Marlow - Show", &lines), "playlist_track");
    assert_eq!(
        fields(&rows, &["stretch", "position", "is_gap", "is_unknown", "part"]),
        [
            "1 | 1 | false | false | One",
            "1 | 2 | false | false | One",
            "1 | null | true | false | One",
            "2 | 3 | false | false | One",
            "3 | 4 | false | false | Two",
            "3 | 5 | false | false | Two",
        ]
    );
}

#[test]
fn a_mix_without_a_track_list_is_a_playlist() {
    let mix = mix("2004-11-20 - Marlow, MARLOW & Surge @ Night, Kombinat, Köln", &[]);
    assert_eq!(
        fields(
            &items(&mix, "playlist"),
            &["date", "date_text", "event", "venue", "city", "completeness", "parse_status"]
        ),
        ["2004-11-20 | 2004-11-20 | Night | Kombinat | Köln | incomplete | no_tracklist"]
    );
    // Two spellings are one DJ.
    assert_eq!(fields(&items(&mix, "playlist_artist"), &["place", "name"]), ["1 | Marlow", "3 | Surge"]);
    assert!(items(&mix, "playlist_track").is_empty());
    let of_month = super::playlist(&self::mix("2004-11 - Marlow - Show", &[]));
    assert_eq!((of_month.date, of_month.date_text.as_deref()), (None, Some("2004-11")));
}

#[test]
fn what_pages_share_is_the_same_from_each() {
    let one = mix("2004 - Marlow - Show", &["Björk feat. X - Jóga (Original Mix) [Label]"]);
    let other = mix("2005 - MARLOW - Other", &["[07] BJÖRK – jóga"]);
    let tracks = items(&one, "track");
    assert!(!tracks.is_empty() && items(&other, "track").iter().all(|track| tracks.contains(track)));
    // Only the spellings of an artist differ. The store keeps those of all pages.
    let of_artists = ["id", "name_key"];
    let artists = fields(&items(&one, "artist"), &of_artists);
    let of_other = fields(&items(&other, "artist"), &of_artists);
    assert_eq!((artists.len(), of_other.len()), (3, 2));
    assert!(of_other.iter().all(|artist| artists.contains(artist)));
}
