//! How much of what the parsers have never seen they get right.

// clippy.toml allows these in test functions; here every function serves one.
#![allow(clippy::unwrap_used)]

use dragline_spiders::catalogue::mix_title::MixTitle;
use dragline_spiders::catalogue::track_line::TrackLine;

/// The part of the fields that must be right.
const WANTED: f64 = 0.97;

/// The rows of a table: fields between tabs, and `-` for none.
fn rows(table: &str) -> Vec<Vec<&str>> {
    table.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect()).collect()
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

/// Compares each row with what was found, and prints what differs.
#[track_caller]
fn assert_right(names: &[&str], rows: &[Vec<&str>], found: impl Fn(&str) -> Vec<String>) {
    let mut right = vec![0_u32; names.len()];
    for row in rows {
        let found = found(row[0]);
        assert_eq!(found.len(), names.len());
        for (at, name) in names.iter().enumerate() {
            if found[at] == row[at + 1] {
                right[at] += 1;
            } else {
                println!("{name} of {:?}: {:?}, and not {:?}", row[0], row[at + 1], found[at]);
            }
        }
    }
    let rows = u32::try_from(rows.len()).unwrap();
    for (name, right) in names.iter().zip(right) {
        let share = f64::from(right) / f64::from(rows);
        println!("{name}: {right} of {rows} right, {share:.3}");
        assert!(share >= WANTED, "{name}: only {right} of {rows} are right");
    }
}

#[test]
fn unseen_track_lines_are_read() {
    let rows = rows(include_str!("catalogue/unseen_lines.tsv"));
    assert_right(&["cue", "artist", "title", "label", "catalogue number"], &rows, |line| {
        let mut parsed = TrackLine::parse(line);
        let track = parsed.tracks.remove(0);
        let cue = parsed.cue.and_then(|cue| cue.at_ms).map(|ms| ms.to_string());
        [cue, track.artist, track.title, track.label, track.catalogue_number].map(or_dash).to_vec()
    });
}

#[test]
fn unseen_titles_are_read() {
    let rows = rows(include_str!("catalogue/unseen_titles.tsv"));
    assert_right(&["date", "artists", "event", "venue", "city", "show", "number"], &rows, |title| {
        let parsed = MixTitle::of_mixesdb(title, &[]);
        let date = parsed.date.map(|date| date.to_string());
        let artists = Some(parsed.artists.join("; ")).filter(|artists| !artists.is_empty());
        [date, artists, parsed.event, parsed.venue, parsed.city, parsed.show, parsed.show_number]
            .map(or_dash)
            .to_vec()
    });
}
