//! One line of a track list: `[012] Artist - Title (Somebody Remix) [Label - CAT 001]`.
//!
//! The parser is a function of the line and never fails: the worst line is a title. It loses nothing, because the line itself is
//! kept as [`TrackLine::raw`].
//!
//! | in the line | becomes |
//! |---|---|
//! | `[012]`, `[1:02:33]`, `[3?]` at the beginning | [`TrackLine::cue`] |
//! | `'''Intro:'''`: bold, with a colon | [`TrackLine::prefix`] |
//! | `w/` or `+` at the beginning | [`TrackLine::joins_previous`]: played together with the track of the line before |
//! | `...` and nothing else | [`TrackLine::is_gap`]: nobody knows how many tracks are missing here |
//! | the first ` - ` (or en or em dash) outside of brackets | ends the artist. A hyphen without spaces is part of a name |
//! | `?`, `ID` as the artist or the title | `None`. The track exists all the same |
//! | `? with a remark` as the title | `None`, and [`Track::remark`] |
//! | `[Label]`, `[Label - CATNO]`, `[Label CAT 001]`, `[Label] [CAT 001]` at the end | [`Track::label`], [`Track::catalogue_number`] |
//! | `(promo)`, `+ MC` and the like behind the label | [`Track::remark`] |
//! | ` w/ ` or ` + ` between two tracks | two [`Track`]s of one line |

mod record;

use serde::Serialize;

use self::record::{split_comment, split_label, split_record};
use super::artists::{self, Credit, is_unknown};
use super::cue::Cue;
use super::markup;
use super::version::remixers;

/// A line of a track list, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TrackLine {
    /// The line as it came.
    pub raw: String,
    /// The number before the track, if somebody typed one: `7.`
    pub number: Option<String>,
    /// When it begins.
    pub cue: Option<Cue>,
    /// What a bold prefix says about the track, without its colon: `Intro`.
    pub prefix: Option<String>,
    /// Whether it is played together with the track before (`w/` or `+`).
    pub joins_previous: bool,
    /// Whether an unknown number of tracks is missing here. Such a line has no tracks.
    pub is_gap: bool,
    /// One track, or all tracks of a mashup, in the order of the line.
    pub tracks: Vec<Track>,
}

/// A track, as a line names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Track {
    /// The artists, as the line writes them. `None` if they are unknown, or if the line only has a title.
    pub artist: Option<String>,
    /// The title with its version. `None` if it is unknown.
    pub title: Option<String>,
    /// What the line says about an unknown track (`bassline resembles another record`), or behind the label (`(promo)`).
    pub remark: Option<String>,
    /// The label, as the line writes it. It may say `Unreleased`.
    pub label: Option<String>,
    /// The number of the record in the label's catalogue.
    pub catalogue_number: Option<String>,
    /// Whether nobody knows which track it is: its title is unknown, perhaps up to its version (`? (Somebody Edit)`).
    pub is_unknown: bool,
    /// Whether the line says that no label has released it yet.
    pub is_unreleased: bool,
    /// Everybody with a part in it: artists, guests, remixers.
    pub credits: Vec<Credit>,
}

/// Signs that stand between artist and title, if there are spaces around them.
pub(super) const DASHES: &[char] = &['-', '–', '—', '‐', '‑', '‒', '―', '−'];
/// A longer line is taken as a title as it is. The longest real ones have some 300 bytes, and the time that a line takes grows with
/// the square of its length.
const MAX_LINE_BYTES: usize = 1_024;
/// Between the tracks of a mashup.
const JOINERS: &[&str] = &[" w/ ", " + "];

impl TrackLine {
    /// Takes a line apart. Its markup is that of the wiki: `'''bold'''`, `''italics''`.
    pub fn parse(line: &str) -> Self {
        let text = markup::tidy(line);
        let mut parsed = Self { raw: line.to_owned(), ..Self::default() };
        if text.len() > MAX_LINE_BYTES {
            parsed.tracks.push(Track::parse_name(&text, None));
            return parsed;
        }
        let rest = text.strip_prefix("# ").unwrap_or(&text);
        let (number, rest) = split_number(rest, 1);
        let (cue, rest) = split_cue(rest);
        // `[00:00] 01. Artist - Title`. With one digit, it is rather a name: `3. Raum`.
        let (number, rest) =
            if number.is_none() && cue.is_some() { split_number(rest, 2) } else { (number, rest) };
        let (prefix, rest) = markup::split_bold_prefix(rest);
        let plain = markup::without_quotes(rest);
        // The whole line may be in italics, and so the cue, too.
        let (cue, rest) = if cue.is_some() { (cue, plain.as_str()) } else { split_cue(&plain) };
        parsed.number = number.map(str::to_owned);
        parsed.cue = cue;
        parsed.prefix = prefix.map(str::to_owned);
        let after_with = rest.get(..2).filter(|with| with.eq_ignore_ascii_case("w/")).map(|_| &rest[2..]);
        let joined = after_with.or_else(|| rest.strip_prefix("+ ")).map(str::trim_start);
        parsed.joins_previous = joined.is_some();
        let rest = joined.unwrap_or(rest);
        parsed.is_gap = is_gap(rest);
        if !parsed.is_gap {
            parsed.tracks = mashed(rest).into_iter().map(Track::parse).collect();
        }
        parsed
    }
}

impl Track {
    /// Reads `Artist - Title [Label - CATNO]`.
    pub fn parse(text: &str) -> Self {
        let (text, comment) = split_comment(text.trim());
        let (name, label, number) = split_record(text);
        let track = Self::parse_name(name, label);
        let remarks: Vec<&str> = track.remark.as_deref().into_iter().chain(comment).collect();
        Self {
            is_unreleased: label.is_some_and(|label| label.eq_ignore_ascii_case("unreleased")),
            catalogue_number: number.map(str::to_owned),
            remark: Some(remarks.join(" ")).filter(|remark| !remark.is_empty()),
            ..track
        }
    }

    /// Reads `Artist - Title`, of which a page gives the label apart.
    pub fn parse_name(name: &str, label: Option<&str>) -> Self {
        if name.len() > MAX_LINE_BYTES {
            return Self {
                title: known(name).map(str::to_owned),
                label: label.map(str::to_owned),
                ..Self::default()
            };
        }
        let (artist, title) = match split_artist(name.trim()) {
            Some((artist, title)) => (known(artist), known(title)),
            None => (None, known(name)),
        };
        let (title, remark) = title.map_or((None, None), split_remark);
        Self {
            is_unknown: title.is_none_or(|title| title.split(" (").next().is_some_and(is_unknown)),
            remark: remark.map(str::to_owned),
            credits: credits(artist, title),
            artist: artist.map(str::to_owned),
            title: title.map(str::to_owned),
            label: label.and_then(known).map(str::to_owned),
            ..Self::default()
        }
    }
}

fn credits(artist: Option<&str>, title: Option<&str>) -> Vec<Credit> {
    let mut credits = artist.map(|artist| artists::of_artist(artist, &[])).unwrap_or_default();
    if let Some(title) = title {
        let more = artists::of_title(title).into_iter().chain(remixers(title));
        credits.extend(more.filter(|credit| !credits.contains(credit)).collect::<Vec<_>>());
    }
    credits
}

fn known(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty() && !is_unknown(text)).then_some(text)
}

/// `7. Artist - Title`: a number of `least` to three digits with a dot or a bracket.
fn split_number(text: &str, least: usize) -> (Option<&str>, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = text[digits..].strip_prefix(['.', ')']).and_then(|rest| rest.strip_prefix(' '));
    match rest {
        Some(rest) if (least..=3).contains(&digits) => (Some(&text[..digits]), rest),
        _ => (None, text),
    }
}

/// A cue at the beginning: in square brackets, or with a colon also in round ones or bare.
fn split_cue(text: &str) -> (Option<Cue>, &str) {
    let bracketed = |open: char, close: char| text.strip_prefix(open).and_then(|rest| rest.split_once(close));
    let found = if let Some((inner, rest)) = bracketed('[', ']') {
        Cue::parse(inner.trim()).map(|cue| (cue, rest))
    } else {
        let (inner, rest) = bracketed('(', ')').unwrap_or_else(|| text.split_once(' ').unwrap_or((text, "")));
        // `20:17 - Song` is a band with its song.
        let is_artist = !text.starts_with('(')
            && split_at_dash(rest.trim_start())
                .is_some_and(|(before, after)| before.is_empty() && split_at_dash(after).is_none());
        Cue::parse(inner).filter(|cue| cue.text.contains(':') && !is_artist).map(|cue| (cue, rest))
    };
    match found {
        Some((cue, rest)) => {
            let rest = rest.trim_start();
            // `00:00 - Artist - Title`
            let after_dash = rest.strip_prefix(DASHES).and_then(|after| after.strip_prefix(' '));
            (Some(cue), after_dash.filter(|after| split_at_dash(after).is_some()).unwrap_or(rest))
        }
        None => (None, text),
    }
}

fn is_gap(text: &str) -> bool {
    let text = text.trim();
    text.chars().all(|c| c == '.' || c == '…') && (text.contains('…') || text.len() >= 2)
}

/// A title that begins with a `?` and goes on: a remark follows, or a version in brackets.
fn split_remark(title: &str) -> (Option<&str>, Option<&str>) {
    match title.split_once(' ') {
        Some((mark, remark)) if mark.starts_with('?') && is_unknown(mark) && !remark.starts_with('(') => {
            (None, Some(remark.trim()))
        }
        _ => (Some(title), None),
    }
}

/// The tracks of a mashup. A joiner inside of one track (`Somebody w/ Orchestra - Title`, `A + B - Title`) does not count: each
/// track needs a dash, or must be unknown.
fn mashed(text: &str) -> Vec<&str> {
    let mut tracks = Vec::new();
    let (mut start, mut from) = (0, 0);
    while let Some((at, length)) = find_joiner(&text[from..]).map(|(at, length)| (from + at, length)) {
        let is_track = |part: &str| {
            let (part, _) = split_label(part.trim());
            split_artist(part).is_some() || is_unknown(part)
        };
        let after = &text[at + length..];
        let next = find_joiner(after).map_or(after, |(end, _)| &after[..end]);
        if is_track(&text[start..at]) && (is_track(after) || is_track(next)) {
            tracks.push(&text[start..at]);
            start = at + length;
            from = start;
        } else {
            // The space behind one may be the space before the next.
            from = at + length - 1;
        }
    }
    tracks.push(&text[start..]);
    tracks
}

/// Where the first joiner is, and how long it is.
fn find_joiner(text: &str) -> Option<(usize, usize)> {
    let found = JOINERS.iter().filter_map(|joiner| Some((find_ignoring_case(text, joiner)?, joiner.len())));
    found.min()
}

fn find_ignoring_case(text: &str, needle: &str) -> Option<usize> {
    text.as_bytes().windows(needle.len()).position(|window| window.eq_ignore_ascii_case(needle.as_bytes()))
}

/// Splits at the first dash that is not in brackets. If the brackets are not balanced, they don't count.
fn split_artist(text: &str) -> Option<(&str, &str)> {
    let is_balanced = depth(text) == Some(0);
    let is_outside = |at: usize| depth(&text[..at]) == Some(0);
    let outside = dashes(text).find(|(at, _)| is_outside(*at));
    let free = outside.or_else(|| if is_balanced { None } else { dashes(text).next() });
    // `Artist -Title`: somebody forgot a space.
    let (at, length) = free.or_else(|| half_free_dashes(text).find(|(at, _)| is_outside(*at)))?;
    Some((&text[..at], &text[at + length..]))
}

/// Where dashes are that have a space on one side and a letter or digit on the other.
fn half_free_dashes(text: &str) -> impl Iterator<Item = (usize, usize)> {
    text.char_indices().filter_map(move |(at, c)| {
        let (before, after) = (&text[..at], &text[at + c.len_utf8()..]);
        let is_half_free = (before.ends_with(' ') && after.starts_with(char::is_alphanumeric))
            || (before.ends_with(char::is_alphanumeric) && after.starts_with(' '));
        (DASHES.contains(&c) && is_half_free).then_some((at, c.len_utf8()))
    })
}

fn split_at_dash(text: &str) -> Option<(&str, &str)> {
    dashes(text).next().map(|(at, length)| (&text[..at], &text[at + length..]))
}

fn last_dash(text: &str) -> Option<(&str, &str)> {
    dashes(text).last().map(|(at, length)| (&text[..at], &text[at + length..]))
}

/// Where dashes are that have a space or an end of the text on both sides, and how many bytes each has.
fn dashes(text: &str) -> impl Iterator<Item = (usize, usize)> {
    text.char_indices().filter_map(move |(at, c)| {
        let after = &text[at + c.len_utf8()..];
        let is_free = (at == 0 || text[..at].ends_with(' ')) && (after.is_empty() || after.starts_with(' '));
        (DASHES.contains(&c) && is_free).then_some((at, c.len_utf8()))
    })
}

/// How many brackets are open at the end of a text. `None` if one closes that was not opened.
fn depth(text: &str) -> Option<usize> {
    text.chars().try_fold(0_usize, |depth, c| match c {
        '(' | '[' | '{' => Some(depth + 1),
        ')' | ']' | '}' => depth.checked_sub(1),
        _ => Some(depth),
    })
}

#[cfg(test)]
mod tests;
