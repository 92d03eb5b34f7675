//! Where the spider `mixesdb` starts, and which lists it follows. What it makes of pages in all forms is in its samples.

// clippy.toml allows these in test functions; here every function serves one.
#![allow(clippy::unwrap_used)]

use dragline::StoredPage;
use dragline::prelude::*;
use dragline_spiders::mixesdb::MixesDb;

fn start(args: &[(&str, &str)]) -> Result<Vec<String>> {
    let args = args.iter().fold(Args::default(), |args, (name, value)| args.with_value(*name, *value));
    Ok(MixesDb.start(&args)?.iter().map(|request| request.url().to_string()).collect())
}

#[test]
fn the_crawl_starts_at_what_the_arguments_name() {
    let site = "https://www.mixesdb.com";
    for (args, paths) in [
        (&[][..], &["/db/index.php?title=Special%3ARecentChanges&namespace=0&limit=500&days=7"][..]),
        (
            &[("recent_days", "2")],
            &["/db/index.php?title=Special%3ARecentChanges&namespace=0&limit=500&days=2"],
        ),
        (
            &[("search_query", "essential mix, köln")],
            &["/db/index.php?title=Special%3ASearch&search=essential+mix%2C+k%C3%B6ln&fulltext=1&limit=100"],
        ),
        (&[("search_artists", "Ben Klock, Surgeon")], &["/w/Category:Ben_Klock", "/w/Category:Surgeon"]),
        (&[("categories", "Category:Boiler Room")], &["/w/Category:Boiler_Room"]),
        (&[("categories", "AC/DC"), ("search_artists", "Ø")], &["/w/Category:%C3%98", "/w/Category:AC/DC"]),
    ] {
        let expected: Vec<String> = paths.iter().map(|path| format!("{site}{path}")).collect();
        assert_eq!(start(args).unwrap(), expected, "{args:?}");
    }
    assert_eq!(
        start(&[("site", "http://127.0.0.1:8080/x"), ("categories", "A")]).unwrap(),
        ["http://127.0.0.1:8080/w/Category:A"]
    );
    for (name, value, error) in [
        ("recent_days", "0", "recent_days is 0; it must be from 1 to 90"),
        ("recent_days", "91", "must be from 1 to 90"),
        ("categories", "Category:", "is empty"),
    ] {
        assert!(start(&[(name, value)]).unwrap_err().to_string().contains(error), "{name}={value}");
    }
}

#[test]
fn the_categories_in_a_category_are_followed_on_demand() {
    let html = "<ul id=catSubcatsList><li><a href=/w/Category:Inner>Inner</a></ul><ul id=catMixesList></ul>";
    let page = StoredPage::new("https://www.mixesdb.com/w/Category:Outer", html).with_tag("list");
    assert!(page.clone().parse(&MixesDb).unwrap().requests().is_empty());
    let out = page.with_arg("sub_categories", "true").parse(&MixesDb).unwrap();
    let followed: Vec<&str> = out.requests().iter().map(|request| request.url().as_str()).collect();
    assert_eq!(followed, ["https://www.mixesdb.com/w/Category:Inner"]);
}
