//! The views of the catalogue and the queries of `docs/catalogue.md`, in both stores.

use std::collections::{BTreeMap, BTreeSet};

use dragline_testkit::Site;
use dragline_testkit::site::mixwiki::{WikiLine, WikiMix};

use super::crawl_all;
use super::silver::{is_known, stretches};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(what_follows_a_track_is_what_the_track_lists_say, the_queries_of_the_document_answer,);

/// Artist and title of a track.
type Name = (String, String);

fn name(line: &WikiLine) -> Name {
    (line.artist.clone().unwrap(), line.title.clone().unwrap())
}

/// Each time that a track follows another one: from, to, distance, mix. This looks at the lists, and not at any table.
fn transitions(mixes: &[WikiMix]) -> Vec<(Name, Name, usize, usize)> {
    let mut found = Vec::new();
    for mix in mixes {
        let stretches = stretches(&mix.lines);
        let known = || mix.lines.iter().enumerate().filter(|(_, line)| is_known(line));
        for (from_at, from) in known() {
            for (to_at, to) in known() {
                let distance = to.position.unwrap().saturating_sub(from.position.unwrap());
                if (1..=3).contains(&distance) && stretches[from_at] == stretches[to_at] {
                    found.push((name(from), name(to), distance, mix.number));
                }
            }
        }
    }
    found
}

fn what_follows_a_track_is_what_the_track_lists_say(stored: &Stored) {
    let (site, mixes) = Site::mixwiki(100);
    crawl_all(&site, stored).run().assert_code(0);
    let mut expected: BTreeMap<(Name, Name, usize), (usize, BTreeSet<usize>)> = BTreeMap::new();
    for (from, to, distance, mix) in transitions(&mixes) {
        let (plays, of_mixes) = expected.entry((from, to, distance)).or_default();
        *plays += 1;
        of_mixes.insert(mix);
    }
    assert!(expected.len() > 1_000 && expected.values().any(|(plays, _)| *plays > 1));
    let found = stored.query(
        "select f.artist, f.title, t.artist, t.title, a.distance, a.plays, a.playlists from track_adjacency a
         join track_names f on f.track = a.from_track join track_names t on t.track = a.to_track",
    );
    let number = |text: &String| text.parse::<usize>().unwrap();
    let found: BTreeMap<_, _> = found
        .iter()
        .map(|row| {
            let (from, to) = ((row[0].clone(), row[1].clone()), (row[2].clone(), row[3].clone()));
            ((from, to, number(&row[4])), (number(&row[5]), number(&row[6])))
        })
        .collect();
    let expected: BTreeMap<_, _> =
        expected.into_iter().map(|(key, (plays, of_mixes))| (key, (plays, of_mixes.len()))).collect();
    assert!(found == expected, "{} and {}", found.len(), expected.len());

    // The roles in a track.
    let credits = stored.query(
        "select n.name, a.role, a.place from track_artists a join artist_names n on n.artist = a.artist
         join track_names t on t.track = a.track where t.artist like 'Surge & %' and t.title like '%Remix)' order by 3",
    );
    let roles: BTreeSet<String> = credits.iter().map(|row| format!("{} {}", row[1], row[2])).collect();
    assert_eq!(roles.into_iter().collect::<Vec<_>>(), ["featured 3", "primary 1", "primary 2", "remixer 4"]);
    assert!(credits.iter().all(|row| (row[1] == "remixer") == (row[0] == "Some One")));
}

fn the_queries_of_the_document_answer(stored: &Stored) {
    let document = include_str!("../../docs/catalogue.md");
    let queries: Vec<String> = document
        .split("```sql\n")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("```")?.0.trim_end().trim_end_matches(';').to_owned()))
        .collect();
    let [after, in_which, top, sets, lines, most] = queries.as_slice() else {
        panic!("{} queries", queries.len())
    };
    let (site, mixes) = Site::mixwiki(60);
    crawl_all(&site, stored).run().assert_code(0);
    let transitions = transitions(&mixes);

    // The track with the most followers, in place of the one in the document.
    let mut followers: BTreeMap<&Name, Vec<&Name>> = BTreeMap::new();
    let plain = |(artist, title): &Name| artist.starts_with("Artist ") && title.starts_with("Title ");
    for (from, to, distance, _) in &transitions {
        if *distance == 1 && plain(from) {
            followers.entry(from).or_default().push(to);
        }
    }
    let (from, to) = followers.iter().max_by_key(|(_, to)| to.len()).unwrap();
    assert!(to.len() > 1);
    let of_wiki = |query: &str| {
        query
            .replace("'bicep'", &format!("'{}'", from.0.to_lowercase()))
            .replace("'glue'", &format!("'{}'", from.1.to_lowercase()))
    };
    let found = stored.query(&of_wiki(after));
    let names: BTreeSet<Name> = found.iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    assert_eq!(names, to.iter().map(|name| (*name).clone()).collect());
    assert_eq!(found.iter().map(|row| row[2].parse::<usize>().unwrap()).sum::<usize>(), to.len());
    // The command at the beginning asks the same.
    let command =
        document.lines().find(|line| line.starts_with("psql") && line.contains("next_tracks")).unwrap();
    let command = command.split('"').nth(3).unwrap();
    assert_eq!(stored.query(&of_wiki(command)).len(), found.len());

    let found = stored.query(&of_wiki(in_which));
    assert_eq!(found.len(), transitions.iter().filter(|(of, ..)| of == *from).count());

    let mut counts: BTreeMap<(&Name, &Name), usize> = BTreeMap::new();
    for (from, to, ..) in transitions.iter().filter(|(_, _, distance, _)| *distance == 1) {
        *counts.entry((from, to)).or_default() += 1;
    }
    let found = stored.query(top);
    assert_eq!(found.len(), 100);
    assert_eq!(found[0][0], counts.values().max().unwrap().to_string());
    for row in &found {
        let (from, to) = ((row[1].clone(), row[2].clone()), (row[3].clone(), row[4].clone()));
        assert_eq!(row[0], counts[&(&from, &to)].to_string());
    }

    let of_dj = stored.query(&sets.replace("'bicep'", "'dj 3'"));
    assert_eq!(of_dj.len(), mixes.iter().filter(|mix| mix.dj == "DJ 3").count());
    assert!(of_dj.iter().all(|row| row[0] == "dj"));
    let played = stored.query(&sets.replace("'bicep'", "'surge'"));
    let is_surge = |line: &&WikiLine| line.artist.as_ref().is_some_and(|artist| artist.starts_with("Surge "));
    let of_surge = mixes
        .iter()
        .filter_map(|mix| Some(mix.lines.iter().filter(is_surge).count()).filter(|count| *count > 0));
    let mut of_surge: Vec<usize> = of_surge.collect();
    let mut tracks: Vec<usize> = played.iter().map(|row| row[1].parse().unwrap()).collect();
    of_surge.sort_unstable();
    tracks.sort_unstable();
    assert_eq!(tracks, of_surge);

    assert_eq!(stored.query(lines).len(), mixes.iter().map(|mix| mix.lines.len()).sum::<usize>());

    let mut plays: BTreeMap<Name, usize> = BTreeMap::new();
    for line in mixes.iter().flat_map(|mix| &mix.lines).filter(|line| is_known(line)) {
        *plays.entry(name(line)).or_default() += 1;
    }
    let found = stored.query(most);
    assert_eq!((found.len(), found[0][2].clone()), (20, plays.values().max().unwrap().to_string()));
    for row in found {
        assert_eq!(row[2], plays[&(row[0].clone(), row[1].clone())].to_string());
    }
}
