//! From a mix to its rows.

use std::collections::BTreeSet;

use dragline::prelude::*;

use super::keys::{self, TrackKeys};
use super::tables::{Artist, Playlist, PlaylistArtist, PlaylistTrack, Track, TrackCredit};
use crate::catalogue::mix::{Entry, Mix};
use crate::catalogue::mix_title::MixDate;
use crate::catalogue::track_line;

/// Emits a mix, its DJs, its tracks, and everybody who has a part in one.
pub fn emit(mix: &Mix, out: &mut Output) {
    let playlist = playlist(mix);
    let mut rows = Rows { playlist: playlist.key(), out, artists: BTreeSet::new(), tracks: BTreeSet::new() };
    rows.out.item(playlist);
    rows.djs(&mix.title.artists);
    let mut stretches = Stretches::default();
    for entry in &mix.entries {
        rows.entry(entry, stretches.of(entry));
    }
}

fn playlist(mix: &Mix) -> Playlist {
    let title = &mix.title;
    let date_text = title.date_text.clone().or_else(|| title.date.map(|date| date.to_string()));
    Playlist {
        source: mix.source.as_str().to_owned(),
        source_id: mix.source_id.clone(),
        title: title.raw.clone(),
        djs: title.artists.clone(),
        date: title.date.and_then(day),
        date_text,
        event: title.event.clone(),
        venue: title.venue.clone(),
        city: title.city.clone(),
        country: title.country.clone(),
        show: title.show.clone(),
        show_number: title.show_number.clone(),
        styles: mix.styles.clone(),
        completeness: mix.completeness.map(|completeness| completeness.as_str().to_owned()),
        parse_status: mix.parse_status.as_str().to_owned(),
    }
}

fn day(date: MixDate) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(date.year.into(), date.month?.into(), date.day?.into())
}

/// The rows of one mix. A track that the mix names twice is emitted once, and so is an artist in one spelling.
struct Rows<'o> {
    playlist: Key<Playlist>,
    out: &'o mut Output,
    artists: BTreeSet<(String, String)>,
    tracks: BTreeSet<TrackKeys>,
}

impl Rows<'_> {
    fn djs(&mut self, names: &[String]) {
        let mut known = BTreeSet::new();
        for (place, name) in (1..).zip(names) {
            let Some(artist) = self.artist(name) else { continue };
            if known.insert(artist.uuid()) {
                self.out.item(PlaylistArtist { playlist: self.playlist, artist, place, name: name.clone() });
            }
        }
    }

    fn entry(&mut self, entry: &Entry, stretch: u32) {
        let (line, playlist) = (&entry.line, self.playlist);
        let row = |place: u32| PlaylistTrack {
            playlist,
            entry: entry.entry,
            place,
            position: entry.position,
            stretch,
            part: entry.part.clone(),
            cue_ms: line.cue.as_ref().and_then(|cue| cue.at_ms),
            cue_precision_ms: line.cue.as_ref().and_then(|cue| cue.precision_ms),
            raw_line: line.raw.clone(),
            artist: None,
            title: None,
            label: None,
            catalogue_number: None,
            is_unknown: false,
            is_gap: line.is_gap,
            joins_previous: line.joins_previous || place > 1,
            track: None,
        };
        if line.tracks.is_empty() {
            self.out.item(row(1));
        }
        for (place, named) in (1..).zip(&line.tracks) {
            let track = self.track(named);
            self.credits(entry.entry, place, named, track);
            self.out.item(PlaylistTrack {
                artist: named.artist.clone(),
                title: named.title.clone(),
                label: named.label.clone(),
                catalogue_number: named.catalogue_number.clone(),
                is_unknown: track.is_none(),
                track,
                ..row(place)
            });
        }
    }

    fn credits(&mut self, entry: u32, place: u32, named: &track_line::Track, track: Option<Key<Track>>) {
        for (credit, of) in (1..).zip(&named.credits) {
            let Some(artist) = self.artist(&of.name) else { continue };
            let (role, name) = (of.role.as_str().to_owned(), of.name.clone());
            let playlist = self.playlist;
            self.out.item(TrackCredit { playlist, entry, place, credit, artist, role, name, track });
        }
    }

    fn artist(&mut self, name: &str) -> Option<Key<Artist>> {
        let name_key = keys::artist(name)?;
        let key = Artist::key_of(&name_key);
        if self.artists.insert((name_key.clone(), name.to_owned())) {
            self.out.item(Artist { name_key, names: vec![name.to_owned()] });
        }
        Some(key)
    }

    fn track(&mut self, named: &track_line::Track) -> Option<Key<Track>> {
        let keys = keys::track(named)?;
        let key = Track::key_of(&keys.artists, &keys.title, &keys.version);
        if self.tracks.insert(keys.clone()) {
            self.out.item(Track {
                artist_keys: keys.artists,
                title_key: keys.title,
                version_key: keys.version,
            });
        }
        Some(key)
    }
}

/// Counts the stretches in which tracks follow each other, from 1. Nobody knows how many tracks a gap stands for, and a part is a
/// record or an hour of its own.
#[derive(Default)]
struct Stretches<'m> {
    number: u32,
    /// The line before: its part, and whether it was a gap.
    before: Option<(Option<&'m str>, bool)>,
}

impl<'m> Stretches<'m> {
    /// The stretch of the next line. A gap belongs to the stretch that it ends.
    fn of(&mut self, entry: &'m Entry) -> u32 {
        let part = entry.part.as_deref();
        if self.before != Some((part, false)) {
            self.number += 1;
        }
        self.before = Some((part, entry.line.is_gap));
        self.number
    }
}

#[cfg(test)]
mod tests;
