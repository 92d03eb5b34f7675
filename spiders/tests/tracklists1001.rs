//! What the spider `tracklists1001` makes of a real page, where it is at hand. What it makes of pages in all forms is in its
//! samples.

// clippy.toml allows these in test functions; here every function serves one.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use dragline::StoredPage;
use dragline::prelude::*;
use dragline_spiders::tracklists1001::Tracklists1001;

/// A file of the real site, from a folder next to the repository. Without the folder, nothing can be tested.
fn real(name: &str) -> Option<String> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/pages/1001tracklists"));
    folder.exists().then(|| fs::read_to_string(folder.join(name)).unwrap())
}

#[test]
fn every_row_of_the_real_page_is_right() {
    let Some(truth) = real("truth.json") else { return };
    let truth: Json = serde_json::from_str(&truth).unwrap();
    for (name, truth) in truth.as_object().unwrap() {
        let url = truth["canonical"].as_str().unwrap();
        let out = StoredPage::new(url, real(name).unwrap()).with_tag("mix").parse(&Tracklists1001).unwrap();
        let items = out.to_json()["items"].as_array().unwrap().clone();
        let is_raw = |item: &Json| item.get("bronze_playlist").or_else(|| item.get("bronze_track")).is_some();
        let items: Vec<Json> = items.into_iter().filter(is_raw).collect();
        let playlist = &items[0]["bronze_playlist"];
        let title = &playlist["data"]["title"];
        assert_eq!(playlist["title"], truth["title"]);
        assert_eq!(title["artist"], truth["author"]);
        assert_eq!(playlist["data"]["styles"], truth["genres"]);
        assert_eq!(playlist["tracks"], truth["num_rows"]);
        let date = &title["date"];
        let date = format!(
            "{}-{:02}-{:02}",
            date["year"],
            date["month"].as_u64().unwrap(),
            date["day"].as_u64().unwrap()
        );
        assert_eq!(truth["date"], date);

        let rows = truth["tracks"].as_array().unwrap();
        assert_eq!(items.len() - 1, rows.len());
        for (item, row) in items[1..].iter().zip(rows) {
            let (item, data) = (&item["bronze_track"], &item["bronze_track"]["data"]);
            let (facts, track) = (&data["row"], &data["line"]["tracks"][0]);
            assert_eq!(item["position"], row["trno"].as_u64().unwrap() + 1);
            for (found, name) in [
                ("row_id", "row_id"),
                ("track_id", "track_id"),
                ("number", "number"),
                ("cue_seconds", "cue_seconds"),
            ]
            .into_iter()
            .chain([("duration", "duration"), ("genre", "genre"), ("track_url", "url")])
            {
                assert_eq!(facts[found], row[name], "{name} of {row}");
            }
            assert_eq!(track["label"], row["label"], "{row}");
            // A row without a name is `ID - ID`.
            let shown = row["name"].as_str().unwrap_or("ID - ID");
            assert_eq!(item["raw_line"], shown);
            let (artist, title) = shown.split_once(" - ").unwrap();
            let known = |text: &str| if text == "ID" { Json::Null } else { text.into() };
            assert_eq!((&track["artist"], &track["title"]), (&known(artist), &known(title)));
            let first = track["credits"].get(0).map_or(&Json::Null, |credit| &credit["name"]);
            assert_eq!(first, &row["byArtist"], "{row}");
        }
    }
}
