//! The morning after: which run was bad, and whether the last one is like those before it.

use super::*;

on_both_stores!(
    a_bad_run_is_not_hidden_by_a_good_one_of_the_same_spider,
    a_run_is_compared_with_that_of_a_week_ago
);

/// Moves the runs up to this one into the past.
pub(super) fn age(stored: &Stored, days: u32, up_to: i64) {
    let earlier = |column: &str| match stored {
        Stored::Postgres(_) => format!("{column} = {column} - interval '{days} days'"),
        Stored::Sqlite(_) => {
            format!("{column} = strftime('%Y-%m-%dT%H:%M:%f000Z', {column}, '-{days} days')")
        }
    };
    let columns = ["started_at", "finished_at", "heartbeat_at", "last_start_at"].map(earlier).join(", ");
    stored.execute(&format!("update crawl_runs set {columns} where run_id <= {up_to}"));
}

/// A run of this name.
pub(super) fn night(stored: &Stored, site: &Site, name: &str, flags: &[&str]) {
    let ended = crawl_site(&site.url("/"), stored).args(["--retries", "0", "--run", name]).args(flags).run();
    ended.assert("it has crawled", matches!(ended.code, Some(0 | 1)));
}

fn a_bad_run_is_not_hidden_by_a_good_one_of_the_same_spider(stored: &Stored) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dragline.toml");
    let schedule = |name: &str| format!("[schedule.{name}]\nspider = 'site'\ncron = '30 3 * * *'\n");
    std::fs::write(&file, schedule("news") + &schedule("shop") + &schedule("never")).unwrap();
    let broken = Site::builder().page("/", Answer::new(500).body("broken")).start();
    night(stored, &broken, "news", &[]);
    night(stored, &Site::generated(12, 3), "shop", &[]);
    let board = Board::with(stored, &["--config", file.to_str().unwrap()]);
    let schedules = board.api("/api/v1/schedules");
    let last = |name: &str| {
        let all = schedules["schedules"].as_array().unwrap();
        &all.iter().find(|it| it["schedule"] == name).unwrap()["last_run"]
    };
    assert_eq!((&last("news")["run_id"], &last("news")["verdict"]), (&1.into(), &"problems".into()));
    assert_eq!((&last("shop")["state"], &last("shop")["verdict"]), (&"finished".into(), &"good".into()));
    assert!(last("never").is_null(), "{schedules}");
    let part = |path: &str, name: &str| {
        let page = board.ask(path).body;
        let rest = page.split(&format!("data-part=\"{name}\"")).nth(1).unwrap().to_owned();
        rest.split("</section>").next().unwrap().to_owned()
    };
    let attention = part("/", "attention");
    assert!(attention.contains("/runs/1") && attention.contains(">finished with problems<"), "{attention}");
    assert!(!attention.contains("/runs/2"), "{attention}");
    // Each schedule comes once.
    let next = part("/", "next");
    for name in ["news", "shop", "never"] {
        assert_eq!(next.matches(&format!("href=\"/schedules/{name}\"")).count(), 1, "{name}: {next}");
    }
    let table = part("/schedules", "schedules");
    assert!(table.contains("Last run") && table.contains("/runs/1") && table.contains("/runs/2"), "{table}");
    assert!(board.ask("/schedules/news").body.contains("href=\"/runs/1\""));
    // A good run of the same name is the end of the matter.
    night(stored, &Site::generated(12, 3), "news", &["--fresh"]);
    wait_for("nothing needs a look", SOON, || {
        part("/", "attention").contains("is good, or goes on").then_some(())
    });
}

fn a_run_is_compared_with_that_of_a_week_ago(stored: &Stored) {
    let site = site();
    // The run of the same night a week ago began an hour later.
    for (run, days) in [(1, 9), (2, 1), (3, 1), (4, 3), (5, 2)] {
        night(stored, &site, "nightly", &["--limit", if run == 2 { "20" } else { "30" }]);
        age(stored, days, run);
    }
    stored.execute(match stored {
        Stored::Postgres(_) => "update crawl_runs set started_at = started_at + interval '1 hour' where run_id = 3",
        Stored::Sqlite(_) => {
            "update crawl_runs set started_at = strftime('%Y-%m-%dT%H:%M:%f000Z', started_at, '+1 hour') where run_id = 3"
        }
    });
    night(stored, &site, "nightly", &["--limit", "10"]);
    night(stored, &site, "another", &[]);
    let board = Board::of(stored);
    let spider = board.api("/api/v1/spiders/site");
    let days: Vec<i64> = spider["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| {
            let at = run["started_at"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
            (chrono::Utc::now() - at).num_hours()
        })
        .collect();
    assert_eq!(days, [0, 0, 48, 120, 143, 168, 384], "the test's own nights");
    let compared = spider["compared"].as_array().unwrap();
    assert_eq!(compared.len(), 1, "the other name has no earlier run: {spider}");
    let nightly = &compared[0];
    assert_eq!((&nightly["name"], &nightly["run_id"]), (&"nightly".into(), &6.into()));
    assert_eq!(nightly["week_before"], 2, "143 hours are less than a week: {spider}");
    let usual = &nightly["usual"];
    assert_eq!((&usual["runs"], usual["items"].as_f64()), (&5.into(), Some(30.0)), "{spider}");
    let page = board.ask("/spiders/site").body;
    let part = page.split("data-part=\"compared\"").nth(1).unwrap().split("</section>").next().unwrap();
    for told in
        ["href=\"/runs/6\"", "href=\"/runs/2\"", "Usual, of the 5 finished runs before it", "A week before"]
    {
        assert!(part.contains(told), "{told}: {part}");
    }
    // Its columns are next to those of the last run.
    let run = board.api("/api/v1/runs/6");
    let title = run["columns"].as_array().unwrap().iter().find(|it| it["column"] == "title").unwrap();
    assert_eq!(
        (&title["rows"], &title["filled_share"], &title["filled_share_before"]),
        (&10.into(), &1.0.into(), &1.0.into())
    );
    assert!(board.ask("/runs/6").body.contains("the same"));
    // The bars say when their runs were.
    let oldest = spider["runs"].as_array().unwrap().last().unwrap()["started_at"].as_str().unwrap();
    assert!(page.contains(&format!("<span>{}</span>", &oldest[..10])), "{oldest}: {page}");
}
