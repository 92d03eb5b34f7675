//! A mix and its track list, whatever site they come from.

use dragline::prelude::*;
use serde::Serialize;

use super::mix_title::MixTitle;
use super::track_line::TrackLine;

/// The longest real track lists, of radio shows that last for days, have some 1,000 lines.
const MAX_ENTRIES: usize = 10_000;

/// The site that a mix comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Source {
    /// mixesdb.com
    #[serde(rename = "mixesdb")]
    MixesDb,
    /// 1001tracklists.com
    #[serde(rename = "1001tracklists")]
    Tracklists1001,
}

/// A mix, as one page tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mix {
    /// The site.
    pub source: Source,
    /// The name by which the site knows it. Never empty.
    pub source_id: String,
    /// Its title, taken apart.
    pub title: MixTitle,
    /// Its styles. On MixesDB these are the categories that the title does not explain.
    pub styles: Vec<String>,
    /// Everything that the page is filed under, as the site writes it.
    pub categories: Vec<String>,
    /// What the page says about its own track list.
    pub completeness: Option<Completeness>,
    /// What the reader found.
    pub parse_status: ParseStatus,
    /// The lines of the track list, in the order of the page. Gaps are lines, too.
    pub entries: Vec<Entry>,
}

/// Whether all tracks of a mix are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// All are.
    Complete,
    /// Some are not.
    Incomplete,
    /// Nobody knows any.
    None,
}

/// Whether a page has a track list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParseStatus {
    /// It has one.
    Tracklist,
    /// It is a mix, and nobody has written a track list yet.
    NoTracklist,
}

/// A line of a track list and its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The number of the line, from 1. Every line has one of its own, so it is part of a key.
    pub entry: u32,
    /// The number of the track, from 1, over all parts. A track that plays together with the one before (`w/`) has the same
    /// number, and a gap has none. Unknown tracks count.
    pub position: Option<u32>,
    /// The part of the mix that the line is in: `Part 1`.
    pub part: Option<String>,
    /// What the line says.
    pub line: TrackLine,
    /// What else the site says about the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<SiteRow>,
}

/// What 1001tracklists says about a row besides its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SiteRow {
    /// The site's number of the row.
    pub row_id: String,
    /// The site's name of the track, if it knows the track.
    pub track_id: Option<String>,
    /// The path of the track's page.
    pub track_url: Option<String>,
    /// The number that the page shows.
    pub number: Option<String>,
    /// The cue as the page has it, in seconds. 0 may mean that the page has no cue.
    pub cue_seconds: Option<u32>,
    /// As the page has it: `PT4M6S`.
    pub duration: Option<String>,
    /// The track's style.
    pub genre: Option<String>,
}

/// Numbers the lines of a track list while they are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct EntryList {
    entries: Vec<Entry>,
    position: u32,
    part: Option<String>,
}

impl Source {
    /// Its name in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MixesDb => "mixesdb",
            Self::Tracklists1001 => "1001tracklists",
        }
    }
}

impl Completeness {
    /// Its name in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::None => "none",
        }
    }
}

impl ParseStatus {
    /// Its name in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tracklist => "tracklist",
            Self::NoTracklist => "no_tracklist",
        }
    }

    /// The status of a page with these entries.
    pub(crate) fn of(entries: &[Entry]) -> Self {
        if entries.is_empty() { Self::NoTracklist } else { Self::Tracklist }
    }
}

impl EntryList {
    /// The lines from here on are in this part.
    pub(crate) fn begin_part(&mut self, name: String) {
        self.part = Some(name).filter(|name| !name.is_empty());
    }

    pub(crate) fn push(&mut self, line: TrackLine, row: Option<SiteRow>) {
        let is_not_counted = line.is_gap || (line.joins_previous && self.position > 0);
        if !is_not_counted {
            self.position += 1;
        }
        self.entries.push(Entry {
            entry: u32::try_from(self.entries.len() + 1).unwrap_or(u32::MAX),
            position: (!line.is_gap).then_some(self.position),
            part: self.part.clone(),
            line,
            row,
        });
    }

    /// The entries.
    ///
    /// # Errors
    /// If there are more than any mix can have: then the page is something else.
    pub(crate) fn finish(self) -> Result<Vec<Entry>> {
        match self.entries.len() {
            0..=MAX_ENTRIES => Ok(self.entries),
            count => bail!("the track list has {count} lines, and more than {MAX_ENTRIES} are not read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_a_number_and_every_track_a_position() {
        let mut list = EntryList::default();
        for line in ["w/ A - B", "A - B", "...", "w/ C - D", "?", "E - F"] {
            if line == "?" {
                list.begin_part("Part 2".to_owned());
            }
            list.push(TrackLine::parse(line), None);
        }
        let entries = list.finish().unwrap();
        assert_eq!(entries.iter().map(|entry| entry.entry).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        let positions: Vec<Option<u32>> = entries.iter().map(|entry| entry.position).collect();
        assert_eq!(positions, [Some(1), Some(2), None, Some(2), Some(3), Some(4)]);
        assert_eq!((entries[3].part.as_deref(), entries[4].part.as_deref()), (None, Some("Part 2")));
    }

    #[test]
    fn an_endless_list_is_an_error() {
        let mut list = EntryList::default();
        (0..MAX_ENTRIES).for_each(|_| list.push(TrackLine::parse("?"), None));
        assert!(list.clone().finish().is_ok());
        list.push(TrackLine::parse("?"), None);
        assert!(list.finish().unwrap_err().to_string().contains("10001 lines"));
    }
}
