//! What the parser makes of titles: tables of cases, and properties of all titles.

use proptest::prelude::*;

use super::*;

#[allow(clippy::unnecessary_wraps)] // like the fields that it is compared with
fn date(year: u16, month: u8, day: u8) -> Option<MixDate> {
    let some = |number: u8| (number > 0).then_some(number);
    Some(MixDate { year, month: some(month), day: some(day) })
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

#[allow(clippy::unnecessary_wraps)] // like the fields that it is compared with
fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_date_is_a_day_a_month_or_a_year() {
    for (written, expected) in [
        ("2004", date(2004, 0, 0)),
        ("2004-11", date(2004, 11, 0)),
        ("2004-11-20", date(2004, 11, 20)),
        ("2004-XX-XX", date(2004, 0, 0)),
        ("2004-11-??", date(2004, 11, 0)),
        ("2004-??-20", date(2004, 0, 0)),
        ("2004-11-2?", date(2004, 11, 0)),
        ("2004-13-01", None),
        ("2004-00-01", None),
        ("2004-11-32", None),
        ("2004-1-1", None),
        ("04-11-20", None),
        ("2004-11-20-1", None),
        ("199X", None),
        ("2004-ab", None),
        ("", None),
    ] {
        assert_eq!(MixDate::parse(written), expected, "{written}");
    }
}

#[test]
fn a_show_is_behind_the_artists() {
    let title = MixTitle::of_mixesdb("2003-05-04 - Sasha & John Digweed - Essential Mix 226", &[]);
    assert_eq!(title.date, date(2003, 5, 4));
    assert_eq!(title.artist.as_deref(), Some("Sasha & John Digweed"));
    assert_eq!(title.artists, texts(&["Sasha", "John Digweed"]));
    assert_eq!((title.show, title.show_number), (text("Essential Mix"), text("226")));
    assert_eq!((title.event, title.city), (None, None));
}

#[test]
fn a_place_is_behind_an_at() {
    let title = MixTitle::of_mixesdb(
        "2004-11-20 - Tiefschwarz @ Nite, Fabric, London (Essential Mix, 2004-12-05)",
        &[],
    );
    assert_eq!((title.event, title.venue, title.city), (text("Nite"), text("Fabric"), text("London")));
    assert_eq!((title.show, title.broadcast), (text("Essential Mix"), date(2004, 12, 5)));
    let title = MixTitle::of_mixesdb("2004 - Tiefschwarz @ Robert Johnson, Germany", &[]);
    assert_eq!((title.event, title.city, title.country), (text("Robert Johnson"), None, text("Germany")));
    let title = MixTitle::of_mixesdb("2004 - Tiefschwarz @ Festival, Crans Montana, Switzerland", &[]);
    assert_eq!((title.city, title.country), (text("Crans Montana"), text("Switzerland")));
    let title =
        MixTitle::of_mixesdb("1994 - Tiefschwarz @ Rezerection - Event 2, Royal Hall, Edinburgh", &[]);
    assert_eq!((title.event, title.venue), (text("Rezerection - Event 2"), text("Royal Hall")));
    assert_eq!((title.city, title.show), (text("Edinburgh"), None));
    let title = MixTitle::of_mixesdb("2004 - Tiefschwarz @ A, B, C, D", &[]);
    assert_eq!((title.event, title.venue, title.city), (text("A"), text("B, C"), text("D")));
}

#[test]
fn a_hyphen_in_a_name_does_not_split() {
    let title = MixTitle::of_mixesdb("1986-04-05 - Jean-Michel Jarre - Rendez-Vous", &[]);
    assert_eq!((title.artist, title.show), (text("Jean-Michel Jarre"), text("Rendez-Vous")));
}

#[test]
fn all_forms_of_a_title() {
    // Title, artists, event, city, show, number, notes.
    for (title, artists, event, city, show, number, notes) in [
        ("2007-05-12 - Ricardo Villalobos", vec!["Ricardo Villalobos"], None, None, None, None, vec![]),
        ("2007", vec![], None, None, None, None, vec![]),
        ("200X - A @ B (D, 2009-06)", vec!["A"], Some("B"), None, Some("D"), None, vec![]),
        ("19??-05 - A - D", vec!["A"], None, None, Some("D"), None, vec![]),
        ("2XX1 - A", vec!["2XX1"], None, None, Some("A"), None, vec![]),
        ("Ricardo Villalobos", vec!["Ricardo Villalobos"], None, None, None, None, vec![]),
        ("2007 - A @ B", vec!["A"], Some("B"), None, None, None, vec![]),
        ("2007 - A @ B, C - D 12", vec!["A"], Some("B"), Some("C"), Some("D"), Some("12"), vec![]),
        ("2007 - A @ B - C", vec!["A"], Some("B - C"), None, None, None, vec![]),
        ("2007 - A - D @ B, C", vec!["A"], Some("B"), Some("C"), Some("D"), None, vec![]),
        ("2007 - A - D (Promo Mix)", vec!["A"], None, None, Some("D"), None, vec!["Promo Mix"]),
        (
            "2007 - A @ B (Part 2) (D 3, 2008)",
            vec!["A"],
            Some("B"),
            None,
            Some("D"),
            Some("3"),
            vec!["Part 2"],
        ),
        ("2007 - A - RA Podcast (RA.971)", vec!["A"], None, None, Some("RA Podcast"), Some("RA.971"), vec![]),
        ("2007 - A - Trommel.251", vec!["A"], None, None, Some("Trommel"), Some("251"), vec![]),
        ("2007 - A - Summer 2007", vec!["A"], None, None, Some("Summer 2007"), None, vec![]),
        ("2007 – A – D 12", vec!["A"], None, None, Some("D"), Some("12"), vec![]),
        ("2007 - A - Unknown (D)", vec!["A"], None, None, Some("D"), None, vec!["Unknown"]),
        ("2007 - A @ B (60 Min Mix)", vec!["A"], Some("B"), None, None, None, vec!["60 Min Mix"]),
        ("2007 - A @ B (24 Grad)", vec!["A"], Some("B"), None, Some("24 Grad"), None, vec![]),
        ("2007 - A &amp; C - D", vec!["A", "C"], None, None, Some("D"), None, vec![]),
        ("2007 - A - 12", vec!["A"], None, None, Some("12"), None, vec![]),
        ("2007 - A b2b B, C - D", vec!["A", "B", "C"], None, None, Some("D"), None, vec![]),
    ] {
        let parsed = MixTitle::of_mixesdb(title, &[]);
        assert_eq!(parsed.artists, artists, "{title}");
        assert_eq!((parsed.event.as_deref(), parsed.city.as_deref()), (event, city), "{title}");
        assert_eq!((parsed.show.as_deref(), parsed.show_number.as_deref()), (show, number), "{title}");
        assert_eq!(parsed.notes, notes, "{title}");
        assert_eq!(parsed.raw, title);
    }
}

#[test]
fn a_live_act_is_told_from_a_dj() {
    let title = MixTitle::of_mixesdb("1994-06-25 - Orbital Live @ Glastonbury", &[]);
    assert_eq!((title.artist.as_deref(), title.is_live), (Some("Orbital"), true));
    assert!(!MixTitle::of_mixesdb("1994 - Oliveira @ Live Club", &[]).is_live);
    for (title, artists) in [
        ("2005 - Akufen, Dimbiman (Live PA) @ Fuse, Brussels", vec!["Akufen", "Dimbiman"]),
        ("2005 - Akufen (Live PA) & Dimbiman - Show", vec!["Akufen", "Dimbiman"]),
        ("2005 - Akufen [Live]", vec!["Akufen"]),
        ("2005 - Akufen - Live @ Fuse, Brussels", vec!["Akufen"]),
    ] {
        let parsed = MixTitle::of_mixesdb(title, &[]);
        assert_eq!((parsed.artists, parsed.is_live), (texts(&artists), true), "{title}");
        assert_eq!(parsed.city.is_some(), title.contains("Brussels"), "{title}");
        assert!(parsed.show.is_none_or(|show| show == "Show"), "{title}");
    }
}

#[test]
fn categories_keep_acts_whole() {
    let title = "2008 - Dub & Wheel - Show";
    assert_eq!(MixTitle::of_mixesdb(title, &[]).artists, texts(&["Dub", "Wheel"]));
    assert_eq!(MixTitle::of_mixesdb(title, &["2008", "Dub & Wheel"]).artists, texts(&["Dub & Wheel"]));
}

#[test]
fn titles_of_1001tracklists_end_with_country_and_date() {
    let title = "Bicep - The Warehouse Project, RDM Rotterdam, Netherlands 2023-04-28";
    let parsed = MixTitle::of_1001tracklists(title, &[]);
    assert_eq!((parsed.date, parsed.artists), (date(2023, 4, 28), texts(&["Bicep"])));
    assert_eq!(
        (parsed.event, parsed.venue, parsed.city),
        (text("The Warehouse Project"), text("RDM Rotterdam"), None)
    );
    assert_eq!(parsed.country, text("Netherlands"));
    let parsed = MixTitle::of_1001tracklists("Above & Beyond - Group Therapy 500 2022-10-15", &[]);
    assert_eq!(
        (parsed.artists, parsed.show, parsed.show_number),
        (texts(&["Above & Beyond"]), text("Group Therapy"), text("500"))
    );
    let parsed = MixTitle::of_1001tracklists("A @ Mainstage, Tomorrowland, Boom, Belgium 2019-07-21", &[]);
    assert_eq!((parsed.event, parsed.venue), (text("Mainstage"), text("Tomorrowland")));
    assert_eq!((parsed.city, parsed.country), (text("Boom"), text("Belgium")));
    assert_eq!(MixTitle::of_1001tracklists("A", &[]).artists, texts(&["A"]));
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("2004-11-20".to_owned()),
        Just("2004".to_owned()),
        Just("200X".to_owned()),
        Just(" - ".to_owned()),
        Just(" @ ".to_owned()),
        Just(", ".to_owned()),
        Just(" & ".to_owned()),
        Just(" (".to_owned()),
        Just(")".to_owned()),
        Just(" Live".to_owned()),
        Just(" 226".to_owned()),
        "[A-Za-z0-9é]{1,6}",
        "\\PC{0,4}",
        ".{0,3}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_title_panics_and_the_title_is_kept(title in pieces(), act in "\\PC{0,6}") {
        prop_assert_eq!(&MixTitle::of_mixesdb(&title, &[&act]).raw, &title);
        prop_assert_eq!(&MixTitle::of_1001tracklists(&title, &[&act]).raw, &title);
    }

    #[test]
    fn no_letter_of_a_title_is_lost(title in pieces()) {
        let parsed = MixTitle::of_mixesdb(&title, &[]);
        let mut missing: Vec<char> = tidy(&title).chars().filter(|c| c.is_alphanumeric()).collect();
        let broadcast = parsed.broadcast.map(|date| date.to_string());
        let dates = [parsed.date_text, broadcast].into_iter().flatten();
        let places = [parsed.event, parsed.venue, parsed.city, parsed.country];
        let parts = [parsed.artist, parsed.show, parsed.show_number].into_iter().chain(places);
        let found: String = dates.chain(parts.flatten()).chain(parsed.notes).collect();
        for letter in found.chars().filter(|c| c.is_alphanumeric()) {
            let at = missing.iter().position(|c| *c == letter);
            prop_assert!(at.is_some(), "{:?} is in the fields more often than in {:?}", letter, title);
            missing.remove(at.unwrap_or_default());
        }
        // `Live` is a field of its own. A day without a month is in the title only.
        prop_assert!(missing.iter().all(|c| "LivePA".contains(*c)), "{:?} lost of {:?}", missing, title);
    }
}
