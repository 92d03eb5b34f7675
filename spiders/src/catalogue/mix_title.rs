//! The title of a mix page: `2004-11-20 - Tiefschwarz @ Fabric, London (Essential Mix, 2004-12-05)`.
//!
//! MixesDB begins a title with the date and then writes the artists, and either the show or, behind an `@`, the place:
//!
//! ```text
//! YYYY[-MM[-DD]] - Artist[ & Artist|, Artist] - Show [NNN]
//! YYYY[-MM[-DD]] - Artist @ Event, Venue, City[ (Show, YYYY-MM-DD)]
//! ```
//!
//! The last place may also be a country. 1001tracklists ends a title with the date, and with the country before it: `Artist - Event, Venue, Country YYYY-MM-DD` or
//! `Artist @ …`. Both are read by functions of the title that never fail; the title itself is kept.

use std::fmt;

use serde::Serialize;

use super::artists::{is_unknown, names};
use super::countries::is_country;
use super::markup::tidy;
use super::track_line::DASHES;

/// A day, a month or a year, whatever the page knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct MixDate {
    /// The year.
    pub year: u16,
    /// The month, 1 to 12.
    pub month: Option<u8>,
    /// The day of the month.
    pub day: Option<u8>,
}

/// A title, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MixTitle {
    /// The title as it came.
    pub raw: String,
    /// The date as the title writes it: `2004-11`, `200X`.
    pub date_text: Option<String>,
    /// When it was played, as exactly as the title says. `None` if the year is unknown.
    pub date: Option<MixDate>,
    /// The artists who played it, as the title writes them.
    pub artist: Option<String>,
    /// The same artists, one by one.
    pub artists: Vec<String>,
    /// Whether it was played live, and not from records.
    pub is_live: bool,
    /// The event or the club: what comes first behind the `@`. Only a title of three parts (`Event, Venue, City`) tells both.
    pub event: Option<String>,
    /// The venue, if the title names an event and a venue.
    pub venue: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// The country.
    pub country: Option<String>,
    /// The radio show or podcast, without the number.
    pub show: Option<String>,
    /// The number of the show: `226`, or `RA.971`.
    pub show_number: Option<String>,
    /// The day on which the show was on air, if the title has it.
    pub broadcast: Option<MixDate>,
    /// Other remarks in brackets at the end: `Promo Mix`.
    pub notes: Vec<String>,
}

/// Instead of a show, it only says that somebody recorded it.
const LIVE: &str = "Live";

/// A bracket that begins with one of these words is a remark, and not the name of a show.
const NOTE_WORDS: &[&str] = &[
    "promo",
    "part",
    "pt",
    "pt.",
    "day",
    "disc",
    "cd",
    "cd1",
    "cd2",
    "tape",
    "side",
    "live",
    "vinyl",
    "unmixed",
    "continuous",
    "warm",
    "warm-up",
    "opening",
    "closing",
    "b2b",
    "incomplete",
    "excerpt",
    "preview",
    "set",
    "1st",
    "2nd",
    "3rd",
    "dj",
    "stage",
    "room",
    "main",
    "bootleg",
    "remastered",
    "early",
    "late",
];

impl MixDate {
    /// Reads `YYYY`, `YYYY-MM` or `YYYY-MM-DD`. A month or day that is written with `?` or `X` is unknown.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let year = parts.next().filter(|year| year.len() == 4)?;
        let year = Some(year).filter(|year| year.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
        let (month, day) = (parts.next().map(two_digits), parts.next().map(two_digits));
        if parts.next().is_some() {
            return None;
        }
        let in_range = |part: Option<Part>, most: u8| match part {
            None | Some(Part::Unknown) => Some(None),
            Some(Part::Number(number)) => (1..=most).contains(&number).then_some(Some(number)),
            Some(Part::Neither) => None,
        };
        let (month, day) = (in_range(month, 12)?, in_range(day, 31)?);
        Some(Self { year, month, day: day.filter(|_| month.is_some()) })
    }
}

/// As exactly as it is known: `2004`, `2004-11`, `2004-11-20`.
impl fmt::Display for MixDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        for part in [self.month, self.day].into_iter().flatten() {
            write!(f, "-{part:02}")?;
        }
        Ok(())
    }
}

/// Whether this is the date of a title: one of [`MixDate::parse`], or one with an unknown year (`200X`, `19??-05`).
pub(crate) fn is_date(text: &str) -> bool {
    let (year, rest) = text.split_at_checked(4).unwrap_or((text, ""));
    let known = year.trim_end_matches(['X', 'x', '?']);
    let is_decade = year.len() == 4
        && known.len() < 4
        && matches!(known, "19" | "20" | "199" | "198" | "200" | "201" | "202");
    // With a known year in its place, the rest must be a date.
    MixDate::parse(text).is_some() || (is_decade && MixDate::parse(&format!("2000{rest}")).is_some())
}

/// The month or the day of a date.
enum Part {
    Number(u8),
    Unknown,
    Neither,
}

fn two_digits(text: &str) -> Part {
    let is_unknown = |byte: u8| matches!(byte, b'?' | b'X' | b'x');
    match text.as_bytes() {
        [tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit() => {
            Part::Number((tens - b'0') * 10 + ones - b'0')
        }
        [tens, ones] if (is_unknown(*tens) || tens.is_ascii_digit()) && is_unknown(*ones) => Part::Unknown,
        _ => Part::Neither,
    }
}

impl MixTitle {
    /// Reads a title of MixesDB. `acts` are names that must stay whole, such as the categories of the page.
    pub fn of_mixesdb(title: &str, acts: &[&str]) -> Self {
        let text = tidy(title);
        let mut parsed = Self { raw: title.to_owned(), ..Self::default() };
        let mut rest = text.as_ref();
        let (first, after) = split_at_dash(&text);
        if is_date(first) {
            parsed.date_text = Some(first.to_owned());
            parsed.date = MixDate::parse(first);
            rest = after.unwrap_or_default();
        }
        let (rest, brackets) = split_brackets(rest);
        let (performer, place, show) = match (rest.find(" @ "), split_at_dash(rest)) {
            (Some(at), (performer, _)) if at < performer.len() => {
                let (place, show) = split_show(&rest[at + 3..]);
                (&rest[..at], Some(place), show)
            }
            (_, (performer, Some(behind))) => match split(behind, " @ ") {
                // `Artist - Live @ Club`
                (LIVE, Some(place)) => {
                    parsed.is_live = true;
                    (performer, Some(place), None)
                }
                (show, place) => (performer, place, Some(show)),
            },
            _ => (rest, None, None),
        };
        parsed.set_performer(performer, acts);
        if let Some(place) = place {
            let mut places = place.split(", ").map(|part| Some(part.trim().to_owned())).collect::<Vec<_>>();
            if places.len() > 1 {
                parsed.country = places.pop_if(|last| last.as_deref().is_some_and(is_country)).flatten();
            }
            parsed.city = if places.len() > 1 { places.pop().flatten() } else { None };
            parsed.set_event(places);
        }
        if let Some(show) = show {
            parsed.set_show(show);
        }
        for bracket in brackets {
            parsed.add_bracket(bracket);
        }
        parsed
    }

    /// Reads a title of 1001tracklists.
    pub fn of_1001tracklists(title: &str, acts: &[&str]) -> Self {
        let text = tidy(title);
        let mut parsed = Self { raw: title.to_owned(), ..Self::default() };
        let mut rest = text.as_ref();
        if let Some((before, date)) = text.rsplit_once(' ')
            && let Some(date) = MixDate::parse(date)
        {
            parsed.date_text = Some(date.to_string());
            parsed.date = Some(date);
            rest = before.trim_end();
        }
        let joiner = [" @ ", " - "].into_iter().filter_map(|joiner| rest.find(joiner)).min();
        let Some(at) = joiner else {
            parsed.set_performer(rest, acts);
            return parsed;
        };
        parsed.set_performer(&rest[..at], acts);
        let is_place = rest[at..].starts_with(" @ ") || rest[at + 3..].contains(", ");
        if is_place {
            let mut places =
                rest[at + 3..].split(", ").map(|part| Some(part.trim().to_owned())).collect::<Vec<_>>();
            parsed.country = if places.len() > 1 { places.pop().flatten() } else { None };
            parsed.city = if places.len() > 2 { places.pop().flatten() } else { None };
            parsed.set_event(places);
        } else {
            parsed.set_show(&rest[at + 3..]);
        }
        parsed
    }

    fn set_performer(&mut self, performer: &str, acts: &[&str]) {
        let mut performer = performer.trim().to_owned();
        // One of several may be live: `Akufen, Dimbiman (Live PA)`.
        for live in [" (Live PA)", " [Live PA]", " (Live)", " [Live]"] {
            self.is_live |= performer.contains(live);
            performer = performer.replace(live, "");
        }
        if let Some(bare) = [" Live PA", " Live"].into_iter().find_map(|live| performer.strip_suffix(live)) {
            self.is_live = true;
            performer = bare.to_owned();
        }
        let performer = performer.trim();
        self.artists = names(performer, acts);
        self.artist = Some(performer.to_owned()).filter(|artist| !artist.is_empty());
    }

    /// What comes first, and everything between it and the city.
    fn set_event(&mut self, places: Vec<Option<String>>) {
        let mut places = places.into_iter().flatten();
        self.event = places.next();
        let venue: Vec<String> = places.collect();
        self.venue = Some(venue.join(", ")).filter(|venue| !venue.is_empty());
    }

    /// What a bracket at the end says: the show (perhaps with its date), the number of the show, or a remark.
    fn add_bracket(&mut self, inner: &str) {
        let (name, date) = match inner.rsplit_once(", ") {
            Some((name, date)) if MixDate::parse(date).is_some() => (name, MixDate::parse(date)),
            _ => (inner, None),
        };
        let first_word = name.split(' ').next().unwrap_or_default().to_lowercase();
        let is_number = !name.contains(' ') && name.bytes().any(|byte| byte.is_ascii_digit());
        let is_note = NOTE_WORDS.contains(&first_word.as_str()) || is_length(name);
        if date.is_none() && is_note {
            self.is_live |= first_word == "live";
            self.notes.push(name.to_owned());
        } else if self.show.is_none() {
            self.set_show(name);
            self.broadcast = date;
        } else if self.show_number.is_none() && date.is_none() && is_number {
            self.show_number = Some(name.to_owned());
        } else {
            self.notes.push(inner.to_owned());
        }
    }

    fn set_show(&mut self, text: &str) {
        if is_unknown(text) {
            self.notes.push(text.to_owned());
            return;
        }
        let (show, number) = split_show_number(text);
        self.show = Some(show.to_owned());
        self.show_number = number.map(str::to_owned);
    }
}

/// Takes the brackets off the end. They come in the order of the title.
fn split_brackets(text: &str) -> (&str, Vec<&str>) {
    let mut rest = text.trim_end();
    let mut brackets = Vec::new();
    while let Some((before, inner)) = rest.strip_suffix(')').and_then(|text| text.rsplit_once(" (")) {
        if inner.trim().is_empty() || inner.contains(['(', ')']) {
            break;
        }
        brackets.push(inner.trim());
        rest = before.trim_end();
    }
    brackets.reverse();
    (rest, brackets)
}

/// A show behind the city: `Space, Ibiza - Global 220`. A dash before a comma is part of a name: `Rezerection - Event 2, Hall`.
fn split_show(place: &str) -> (&str, Option<&str>) {
    let last_comma = place.rfind(", ").unwrap_or(place.len());
    match split_at_dash(&place[last_comma..]) {
        (before, Some(show)) => (&place[..last_comma + before.len()], Some(show)),
        (_, None) => (place, None),
    }
}

/// The two sides of the first `joiner`, or the whole text.
fn split<'t>(text: &'t str, joiner: &str) -> (&'t str, Option<&'t str>) {
    text.split_once(joiner).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// The two sides of the first dash with spaces around it, or the whole text.
fn split_at_dash(text: &str) -> (&str, Option<&str>) {
    let dash = text.char_indices().find(|(at, c)| {
        DASHES.contains(c) && text[..*at].ends_with(' ') && text[at + c.len_utf8()..].starts_with(' ')
    });
    dash.map_or((text, None), |(at, c)| (&text[..at - 1], Some(&text[at + c.len_utf8() + 1..])))
}

/// Whether a bracket says how long the mix is: `60 Min Mix`, `2 Hours Set`.
fn is_length(text: &str) -> bool {
    let mut words = text.split(' ');
    words.next().is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        && words.next().is_some_and(|unit| {
            ["min", "mins", "minute", "minutes", "hour", "hours", "hr", "hrs"]
                .iter()
                .any(|it| it.eq_ignore_ascii_case(unit))
        })
}

/// `Techno Germany Podcast 226`, `Trommel.251`: a number at the end. A year is part of the name.
fn split_show_number(text: &str) -> (&str, Option<&str>) {
    let text = text.trim();
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (before, number) = text.split_at(text.len() - digits);
    let is_year = digits == 4 && (number.starts_with("19") || number.starts_with("20"));
    let is_number = (1..=4).contains(&digits) && before.ends_with([' ', '.', '#']) && !is_year;
    let name = before.trim_end_matches(['#', '.', ' ']);
    if is_number && !name.is_empty() { (name, Some(number)) } else { (text, None) }
}

#[cfg(test)]
mod tests;
