//! What the parser makes of lines: tables of cases, each with a mistake that somebody made before, and properties of all lines.

use proptest::prelude::*;

use super::*;
use crate::catalogue::artists::{Role, is_guests};
use crate::catalogue::version::is_version;

/// A line, and the cue in ms, artist, title, label and catalogue number of its only track.
type Case = (
    &'static str,
    Option<u64>,
    Option<&'static str>,
    Option<&'static str>,
    Option<&'static str>,
    Option<&'static str>,
);

const MINUTE: u64 = 60_000;

fn assert_cases(cases: &[Case]) {
    for (line, cue, artist, title, label, catalogue_number) in cases {
        let parsed = TrackLine::parse(line);
        let [track] = parsed.tracks.as_slice() else { panic!("{line}: {parsed:?}") };
        assert_eq!(parsed.raw, *line);
        assert_eq!(parsed.cue.as_ref().and_then(|cue| cue.at_ms), *cue, "the cue of {line}");
        assert_eq!(track.artist.as_deref(), *artist, "the artist of {line}");
        assert_eq!(track.title.as_deref(), *title, "the title of {line}");
        assert_eq!(track.label.as_deref(), *label, "the label of {line}");
        assert_eq!(track.catalogue_number.as_deref(), *catalogue_number, "the catalogue number of {line}");
    }
}

#[test]
fn the_parts_of_a_line_are_found() {
    assert_cases(&[
        (
            "[012] Shackleton - You Bring Me Down (Peverelist Remix) [Skull Disco - SKULLCD002II]",
            Some(12 * MINUTE),
            Some("Shackleton"),
            Some("You Bring Me Down (Peverelist Remix)"),
            Some("Skull Disco"),
            Some("SKULLCD002II"),
        ),
        ("Sage - Orchid Dance", None, Some("Sage"), Some("Orchid Dance"), None, None),
        ("Sage – Orchid Dance", None, Some("Sage"), Some("Orchid Dance"), None, None),
        ("Sage — Orchid Dance", None, Some("Sage"), Some("Orchid Dance"), None, None),
        ("  Sage\u{a0}-\tOrchid   Dance ", None, Some("Sage"), Some("Orchid Dance"), None, None),
        ("# [1:02:33] A - B", Some(3_753_000), Some("A"), Some("B"), None, None),
        ("[12:05] A - B", Some(725_000), Some("A"), Some("B"), None, None),
        ("12:05 A - B", Some(725_000), Some("A"), Some("B"), None, None),
        ("(1:12:05) A - B", Some(4_325_000), Some("A"), Some("B"), None, None),
        ("00:00 - A - B", Some(0), Some("A"), Some("B"), None, None),
        ("20:17 - A Song", None, Some("20:17"), Some("A Song"), None, None),
        ("7. A - B", None, Some("A"), Some("B"), None, None),
        ("07) [03] A - B", Some(3 * MINUTE), Some("A"), Some("B"), None, None),
        ("808 State - Cubik", None, Some("808 State"), Some("Cubik"), None, None),
        ("''[04] A - B''", Some(4 * MINUTE), Some("A"), Some("B"), None, None),
        ("'''A''' - B", None, Some("A"), Some("B"), None, None),
        ("[00:00] 01. A - B", Some(0), Some("A"), Some("B"), None, None),
        ("[04] 3. Raum - B", Some(4 * MINUTE), Some("3. Raum"), Some("B"), None, None),
        ("Rock &amp; Roll - B", None, Some("Rock & Roll"), Some("B"), None, None),
        ("A \u{200e}– B", None, Some("A"), Some("B"), None, None),
    ]);
}

#[test]
fn cues_are_read_also_with_unknown_digits() {
    assert_cases(&[
        ("[3?] A - B", Some(30 * MINUTE), Some("A"), Some("B"), None, None),
        ("[??] A - B", None, Some("A"), Some("B"), None, None),
        ("[0??] A - B", Some(0), Some("A"), Some("B"), None, None),
    ]);
    assert_eq!(TrackLine::parse("[??] A - B").cue.unwrap().text, "??");
    // A record of the label 3024 is not 3024 minutes late.
    assert_eq!(TrackLine::parse("Martyn - Vancouver [3024]").cue, None);
}

#[test]
fn a_hyphen_in_a_name_does_not_split() {
    assert_cases(&[
        ("Jean-Michel Jarre - Oxygène", None, Some("Jean-Michel Jarre"), Some("Oxygène"), None, None),
        ("Jean-Michel", None, None, Some("Jean-Michel"), None, None),
        ("DJ T-1000 - Thumper", None, Some("DJ T-1000"), Some("Thumper"), None, None),
        ("Photek - Ni-Ten-Ichi-Ryu", None, Some("Photek"), Some("Ni-Ten-Ichi-Ryu"), None, None),
        ("A - B - C", None, Some("A"), Some("B - C"), None, None),
        ("Ø [Phase - X] - Title", None, Some("Ø [Phase - X]"), Some("Title"), None, None),
        ("Intro (A - B Sample)", None, None, Some("Intro (A - B Sample)"), None, None),
        ("A :( - B", None, Some("A :("), Some("B"), None, None),
        // Somebody forgot one of the two spaces.
        ("Speedy J -De-Orbit", None, Some("Speedy J"), Some("De-Orbit"), None, None),
        ("LFO- Tied Up", None, Some("LFO"), Some("Tied Up"), None, None),
        ("Pre-War - Pre- And Post-War", None, Some("Pre-War"), Some("Pre- And Post-War"), None, None),
        ("-Ms- - B", None, Some("-Ms-"), Some("B"), None, None),
    ]);
}

#[test]
fn a_label_is_kept_with_and_without_a_catalogue_number() {
    assert_cases(&[
        ("A - B [Warp]", None, Some("A"), Some("B"), Some("Warp"), None),
        ("A - B [Warp - WAP 105]", None, Some("A"), Some("B"), Some("Warp"), Some("WAP 105")),
        ("A - B [S-B-Productions]", None, Some("A"), Some("B"), Some("S-B-Productions"), None),
        ("A - B [Scanner - NN-2001-011]", None, Some("A"), Some("B"), Some("Scanner"), Some("NN-2001-011")),
        ("A - B [Sub - Label - 7]", None, Some("A"), Some("B"), Some("Sub - Label"), Some("7")),
        ("A - B [Label - ?]", None, Some("A"), Some("B"), Some("Label"), None),
        ("A - B [?]", None, Some("A"), Some("B"), None, None),
        ("A - B [Dixon Remix]", None, Some("A"), Some("B [Dixon Remix]"), None, None),
        (
            "A - B [Dixon Remix] [Innervisions]",
            None,
            Some("A"),
            Some("B [Dixon Remix]"),
            Some("Innervisions"),
            None,
        ),
        ("A - B [Live]", None, Some("A"), Some("B [Live]"), None, None),
        ("A - B [Process]", None, Some("A"), Some("B"), Some("Process"), None),
        ("Intro [Label - 001]", None, None, Some("Intro"), Some("Label"), Some("001")),
        ("[Intro]", None, None, Some("[Intro]"), None, None),
        ("? [Klockworks]", None, None, None, Some("Klockworks"), None),
        ("A - B - [Warp]", None, Some("A"), Some("B"), Some("Warp"), None),
        ("A - [B]", None, Some("A"), Some("[B]"), None, None),
        ("A - B [Warp", None, Some("A"), Some("B"), Some("Warp"), None),
        ("A - B (C Remix [Warp]", None, Some("A"), Some("B (C Remix"), Some("Warp"), None),
        ("A - B [[Warp - WAP 1]]", None, Some("A"), Some("B"), Some("Warp"), Some("WAP 1")),
        ("A - B [feat. C]", None, Some("A"), Some("B [feat. C]"), None, None),
        ("A - \u{2206}[n][n[1]]", None, Some("A"), Some("\u{2206}[n][n[1]]"), None, None),
    ]);
    assert_cases(&[
        ("A - B [Metalheadz METH 007]", None, Some("A"), Some("B"), Some("Metalheadz"), Some("METH 007")),
        ("A - B [Plus 8 PLUS8025]", None, Some("A"), Some("B"), Some("Plus 8"), Some("PLUS8025")),
        ("A - B [Search 404-5]", None, Some("A"), Some("B"), Some("Search"), Some("404-5")),
        ("A - B [Drumcode 09]", None, Some("A"), Some("B"), Some("Drumcode"), Some("09")),
        ("A - B [Warp / WAP 105]", None, Some("A"), Some("B"), Some("Warp"), Some("WAP 105")),
        ("A - B [Warp] [WAP 105]", None, Some("A"), Some("B"), Some("Warp"), Some("WAP 105")),
        // Names of labels.
        ("A - B [Plus 8]", None, Some("A"), Some("B"), Some("Plus 8"), None),
        ("A - B [Studio 54]", None, Some("A"), Some("B"), Some("Studio 54"), None),
        ("A - B [FUSE LONDON 12]", None, Some("A"), Some("B"), Some("FUSE LONDON 12"), None),
        ("A - B [GPH01]", None, Some("A"), Some("B"), Some("GPH01"), None),
        ("A - B [430 West]", None, Some("A"), Some("B"), Some("430 West"), None),
    ]);
    let unreleased = TrackLine::parse("A - ? [Unreleased]").tracks.remove(0);
    assert!(unreleased.is_unreleased && unreleased.is_unknown);
    assert_eq!(unreleased.label.as_deref(), Some("Unreleased"), "the page's own word is kept");
}

#[test]
fn a_comment_behind_the_label_is_a_remark() {
    for (line, title, label, remark) in [
        ("A - B [L] (promo)", "B", Some("L"), Some("(promo)")),
        ("A - B (Dub) [L - 1] (loop)", "B (Dub)", Some("L"), Some("(loop)")),
        ("A - B [L] * new", "B", Some("L"), Some("* new")),
        ("A - B [L] + MC", "B", Some("L"), Some("+ MC")),
        ("A - B [L] out next week", "B", Some("L"), Some("out next week")),
        ("A - B [L - 1] [CDR]", "B", Some("L"), Some("[CDR]")),
        ("A - B [C] D", "B [C] D", None, None),
        ("A - B [L] (C Remix)", "B [L] (C Remix)", None, None),
        ("A - B [L] (feat. C)", "B [L] (feat. C)", None, None),
        ("A - [B] (loud)", "[B] (loud)", None, None),
        ("Intro [B] (loud)", "Intro [B] (loud)", None, None),
    ] {
        let track = TrackLine::parse(line).tracks.remove(0);
        assert_eq!(track.title.as_deref(), Some(title), "{line}");
        assert_eq!((track.label.as_deref(), track.remark.as_deref()), (label, remark), "{line}");
    }
}

#[test]
fn unknown_tracks_are_tracks() {
    for (line, artist, title) in [
        ("?", None, None),
        ("[022] ?", None, None),
        ("[022]", None, None),
        ("ID", None, None),
        ("ID - ID", None, None),
        ("N/A - ID", None, None),
        ("[12] unknown", None, None),
        ("Unknown Artist - Unknown", None, None),
        ("", None, None),
        ("Ayesha - ?", Some("Ayesha"), None),
        ("Ayesha - ID", Some("Ayesha"), None),
        ("Gerkin Jerks - ? (Speedy J Edit)", Some("Gerkin Jerks"), Some("? (Speedy J Edit)")),
    ] {
        let track = TrackLine::parse(line).tracks.remove(0);
        assert_eq!((track.artist.as_deref(), track.title.as_deref()), (artist, title), "{line}");
        assert!(track.is_unknown, "{line}");
    }
    for (line, artist, remark) in [
        ("? bassline resembles another record", None, "bassline resembles another record"),
        ("[107] A - ?? sounds (like) - B [L]", Some("A"), "sounds (like) - B"),
        ("+ ? static discharge", None, "static discharge"),
    ] {
        let track = TrackLine::parse(line).tracks.remove(0);
        assert_eq!(
            (track.artist.as_deref(), track.title, track.remark.as_deref()),
            (artist, None, Some(remark)),
            "{line}"
        );
        assert!(track.is_unknown, "{line}");
    }
    for line in [
        "? - Known",
        "Unknown Artist - B",
        "A - The Unknown",
        "A - Untitled",
        "Identity",
        "A - ?uestion",
        "A - IDs",
    ] {
        assert!(!TrackLine::parse(line).tracks[0].is_unknown, "{line}");
    }
}

#[test]
fn a_gap_is_not_a_track() {
    for line in ["...", " … ", "....", "# ...", "[045] ...", "''...''"] {
        let parsed = TrackLine::parse(line);
        assert!(parsed.is_gap && parsed.tracks.is_empty(), "{line}: {parsed:?}");
    }
    for line in ["", ".", "...and more", "Fred again.. - ..."] {
        assert!(!TrackLine::parse(line).is_gap, "{line}");
    }
}

#[test]
fn a_bold_prefix_is_apart() {
    for (line, prefix) in [
        ("'''Intro:''' A - B", "Intro"),
        ("[017] '''Essential New Tune:''' A - B", "Essential New Tune"),
        ("'''Hot''': A - B", "Hot"),
    ] {
        let parsed = TrackLine::parse(line);
        assert_eq!(parsed.prefix.as_deref(), Some(prefix), "{line}");
        assert_eq!(parsed.tracks[0].artist.as_deref(), Some("A"), "{line}");
    }
}

#[test]
fn mashups_are_several_tracks() {
    let tracks = |line: &str| {
        let parsed = TrackLine::parse(line);
        let titles =
            parsed.tracks.iter().map(|track| track.title.clone().unwrap_or_default()).collect::<Vec<_>>();
        (parsed.joins_previous, titles)
    };
    for (line, joins, titles) in [
        ("w/ A - B", true, vec!["B"]),
        ("W/ A - B [L]", true, vec!["B"]),
        ("[04] w/ ?", true, vec![""]),
        ("A - B w/ C - D", false, vec!["B", "D"]),
        ("A - B [L] w/ C - D [M] w/ E - F", false, vec!["B", "D", "F"]),
        ("A - B w/ ?", false, vec!["B", ""]),
        ("A - B w/ w/ C - D", false, vec!["B", "D"]),
        ("+ A - B [L]", true, vec!["B"]),
        ("A - B [L - 1] + C - D (Part 1) [M - 2]", false, vec!["B", "D (Part 1)"]),
        ("A - B + C - D w/ E - F", false, vec!["B", "D", "F"]),
        ("A - B + ?", false, vec!["B", ""]),
        ("A + C - B", false, vec!["B"]),
        ("Orbital - Halcyon + On + On", false, vec!["Halcyon + On + On"]),
        ("A - B + ID?", false, vec!["B + ID?"]),
        ("A w/ Orchestra - B", false, vec!["B"]),
        ("A - B w/ Strings", false, vec!["B w/ Strings"]),
    ] {
        let expected: Vec<String> = titles.into_iter().map(str::to_owned).collect();
        assert_eq!(tracks(line), (joins, expected), "{line}");
    }
    let labels = TrackLine::parse("A - B [L - 1] w/ C - D [M]").tracks;
    assert_eq!((labels[0].label.as_deref(), labels[1].label.as_deref()), (Some("L"), Some("M")));
}

#[test]
fn an_endless_line_is_a_title() {
    for piece in ["A - B w/ ", "(- ", "w/ ", " + ", "() ", "feat. & "] {
        let line = piece.repeat(1_000_000 / piece.len());
        let parsed = TrackLine::parse(&line);
        assert_eq!(parsed.tracks.len(), 1);
        assert_eq!(
            parsed.tracks[0].title.as_deref(),
            Some(line.split_whitespace().collect::<Vec<_>>().join(" ").as_str())
        );
        // The longest line that is taken apart.
        TrackLine::parse(&line[..MAX_LINE_BYTES]);
    }
}

#[test]
fn everybody_is_credited() {
    let line = "Bicep & Hammer ft. Clara La San - Water (feat. X) (Carl Craig Remix) [Ninja Tune]";
    let credits: Vec<(String, Role)> =
        TrackLine::parse(line).tracks.remove(0).credits.into_iter().map(|it| (it.name, it.role)).collect();
    let expected = [
        ("Bicep", Role::Primary),
        ("Hammer", Role::Primary),
        ("Clara La San", Role::Featured),
        ("X", Role::Featured),
        ("Carl Craig", Role::Remixer),
    ];
    assert_eq!(credits, expected.map(|(name, role)| (name.to_owned(), role)));
}

/// Pieces of lines, so that the properties meet all forms often.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("[012]".to_owned()),
        Just("[1:0?:??]".to_owned()),
        Just(" - ".to_owned()),
        Just(" – ".to_owned()),
        Just("-".to_owned()),
        Just(" w/ ".to_owned()),
        Just("w/".to_owned()),
        Just(" + ".to_owned()),
        Just("?".to_owned()),
        Just("ID".to_owned()),
        Just("N/A".to_owned()),
        Just("Unknown".to_owned()),
        Just("&amp;".to_owned()),
        Just("...".to_owned()),
        Just("'''".to_owned()),
        Just("''".to_owned()),
        Just(":".to_owned()),
        Just(" feat. ".to_owned()),
        Just(" (Some Remix)".to_owned()),
        Just(" [Label CAT 001]".to_owned()),
        Just(" (promo)".to_owned()),
        Just(" [".to_owned()),
        Just("]".to_owned()),
        Just("(".to_owned()),
        Just(")".to_owned()),
        Just("# ".to_owned()),
        Just("7. ".to_owned()),
        Just("\u{a0}".to_owned()),
        "[a-z0-9éÉ]{1,6}",
        "\\PC{0,4}",
        ".{0,3}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// The letters and digits of a text, sorted.
fn letters(text: &str) -> Vec<char> {
    let mut letters: Vec<char> = text.chars().filter(|c| c.is_alphanumeric()).collect();
    letters.sort_unstable();
    letters
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_line_panics_and_no_text_is_lost(line in pieces()) {
        let parsed = TrackLine::parse(&line);
        prop_assert_eq!(&parsed.raw, &line);
        prop_assert_eq!(parsed.is_gap, parsed.tracks.is_empty());
        let mut found = String::new();
        for part in [&parsed.number, &parsed.prefix].into_iter().flatten() {
            found.push_str(part);
        }
        found.push_str(parsed.cue.as_ref().map_or("", |cue| &cue.text));
        for track in &parsed.tracks {
            for part in [&track.artist, &track.title, &track.remark, &track.label, &track.catalogue_number].into_iter().flatten() {
                prop_assert_eq!(part.trim(), part);
                prop_assert!(!part.is_empty());
                found.push_str(part);
            }
        }
        // Only what says that nobody knows, and that two tracks play together, has no place of its own.
        let mut missing = letters(&markup::tidy(&line));
        for letter in letters(&found) {
            let at = missing.iter().position(|c| *c == letter);
            prop_assert!(at.is_some(), "{:?} is in the fields more often than in {:?}", letter, line);
            missing.remove(at.unwrap_or_default());
        }
        if line.to_lowercase().contains("unknown") {
            missing.retain(|c| !"unknowartisckle".contains(c.to_ascii_lowercase()));
        }
        prop_assert!(missing.iter().all(|c| matches!(c, 'I' | 'D' | 'N' | 'A' | 'w' | 'W')), "{:?} lost of {:?}: {:?}", missing, line, parsed);
    }

    #[test]
    fn what_is_written_is_read_again(
        minutes in 0..300_u64,
        artist in "[A-Z][a-zé]{0,8}(-[A-Z][a-z]{1,5})?( & [A-Z][a-z]{1,6})?",
        title in "[A-Z][a-z]{0,4}'?[a-z]{1,5}( [A-Z0-9][a-z0-9]{0,6}){0,2}( \\((Dub|Some One Remix)\\))?",
        label in proptest::option::of("[A-Z][a-z&]{1,9}( [A-Z][a-z]{1,5})?"),
        catalogue_number in proptest::option::of("[A-Z]{2,4}[ -]?[0-9]{1,4}"),
    ) {
        prop_assume!(artist != "ID" && title != "ID");
        // `[Ft Somebody]` and `[Dub Mix]` are parts of the title.
        prop_assume!(label.as_ref().is_none_or(|label| !is_guests(label) && !is_version(label)));
        let number = catalogue_number.filter(|_| label.is_some());
        let record = match (&label, &number) {
            (Some(label), Some(number)) => format!(" [{label} - {number}]"),
            (Some(label), None) => format!(" [{label}]"),
            (None, _) => String::new(),
        };
        let parsed = TrackLine::parse(&format!("[{minutes:03}] {artist} - {title}{record}"));
        let track = &parsed.tracks[0];
        prop_assert_eq!(parsed.cue.as_ref().and_then(|cue| cue.at_ms), Some(minutes * MINUTE));
        prop_assert_eq!(track.artist.as_ref(), Some(&artist));
        prop_assert_eq!(track.title.as_ref(), Some(&title));
        prop_assert_eq!(track.label.as_ref(), label.as_ref());
        prop_assert_eq!(track.catalogue_number.as_ref(), number.as_ref());
    }
}
