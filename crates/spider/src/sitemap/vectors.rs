//! Recorded results of Scrapy's tests, if the files are there.

use dragline_testkit::vectors;
use serde_json::Value as Json;
use url::Url;

use super::{Sitemap, moment};

#[test]
fn recorded_sitemaps_are_read_alike() {
    let url: Url = "http://www.example.com/sitemap.xml".parse().unwrap();
    for row in vectors::rows("sitemap_scrapy.json") {
        let expected: Vec<&Json> =
            row["entries"].as_array().unwrap().iter().filter(|entry| entry["loc"].is_string()).collect();
        let entries = match Sitemap::read(&vectors::bytes(&row["input"]), &url) {
            Ok(sitemap) => {
                assert_eq!(sitemap.kind.as_str(), row["type"], "{}", row["test"]);
                sitemap.entries
            }
            Err(error) => {
                // Scrapy gives the name of any first element.
                assert!(expected.is_empty(), "{}: {error}", row["test"]);
                continue;
            }
        };
        assert_eq!(entries.len(), expected.len(), "{}", row["test"]);
        for (entry, expected) in entries.iter().zip(expected) {
            let wanted = url.join(expected["loc"].as_str().unwrap()).unwrap();
            assert_eq!(entry.url, wanted, "{}", row["test"]);
            assert_eq!(
                entry.lastmod,
                expected["lastmod"].as_str().and_then(moment::moment),
                "{}",
                row["test"]
            );
            assert_eq!(entry.changefreq.as_deref(), expected["changefreq"].as_str(), "{}", row["test"]);
            let priority = expected["priority"].as_str().and_then(|text| text.parse::<f32>().ok());
            assert_eq!(entry.priority, priority, "{}", row["test"]);
            let alternates: Vec<&str> =
                expected["alternate"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
            assert_eq!(
                entry.alternates.iter().map(Url::as_str).collect::<Vec<_>>(),
                alternates,
                "{}",
                row["test"]
            );
        }
    }
}
