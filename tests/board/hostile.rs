//! Titles, URLs, names, arguments and log lines that try to become a part of the page.

use super::*;

/// A script in all the forms in which a text may be placed.
const ATTACKS: [&str; 4] = [
    "</title></script><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' autofocus onfocus='alert(1)",
    "{{constructor.constructor('alert(1)')()}}\u{202e}",
];

/// A run whose every text is hostile, with a log in `folder`.
pub(super) fn hostile_run(stored: &Stored, folder: &std::path::Path) -> Site {
    let links: String = ATTACKS
        .iter()
        .enumerate()
        .map(|(at, attack)| format!("<a href=\"/{at}?q={}\">x</a>", attack.replace('"', "&quot;")))
        .chain(["<a href=/broken>x</a>".to_owned()])
        .collect();
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let page = move |attack: &str, links: &str| {
        Answer::html(format!("<title>{}</title><h1>{0}</h1>{links}", escaped(attack)))
    };
    let site = Site::builder().page("/", page(ATTACKS[0], &links)).page("/broken", Answer::new(500));
    let site = site.handler(move |asked| {
        let number = asked.path.trim_start_matches('/').split('?').next()?.parse::<usize>().ok()?;
        Some(page(ATTACKS.get(number)?, ""))
    });
    let site = site.start();
    crawl_site(&site.url("/"), stored)
        .args(["--retries", "0", "--log-dir"])
        .arg(folder)
        .args(["--run", ATTACKS[1]])
        .run();
    let text = ATTACKS.concat().replace('\'', "''");
    for state in ["waiting", "failed"] {
        stored.execute(&format!(
            "insert into crawl_ticks (schedule, due_at, kind, state, reason, run_name, cancel, ended_at) values
             ('evil', '2026-11-30T0{}:00:00.000000Z', 'cron', '{state}', '{text}', 'evil', '{text}', {})",
            state.len(),
            if state == "failed" { "'2026-11-30T09:00:00.000000Z'" } else { "null" },
        ));
    }
    stored.execute(&format!(
        "insert into crawl_schedules (name, definition, first_seen_at, known_until, paused_at, paused_by) values
         ('evil', '{}', '2026-11-30T00:00:00.000000Z', '2026-11-30T00:00:00.000000Z', '2026-11-30T00:00:00.000000Z', '{text}')",
        serde_json::json!({ "spider": ATTACKS[0], "cron": [ATTACKS[1]], "time_zone": ATTACKS[1], "enabled": true })
    ));
    site
}

#[test]
fn no_text_becomes_a_part_of_the_page() {
    let (stored, folder) = (Stored::sqlite(), tempfile::tempdir().unwrap());
    let _site = hostile_run(&stored, folder.path());
    assert!(stored.pages("done") >= 2, "{:?}", stored.runs());
    let board = Board::with(&stored, &["--log-dir", folder.path().to_str().unwrap()]);
    let mut texts = 0;
    for path in [
        "/",
        "/runs",
        "/runs/1",
        "/spiders/site",
        "/schedules",
        "/schedules/evil",
        "/items/page?contains=alert",
        "/items/page?contains=%22%3E%3Cscript%3E",
    ] {
        let page = board.ask(path);
        assert_eq!(page.status, 200, "{path}: {page:?}");
        let document = scraper::Html::parse_document(&page.body);
        let all = scraper::Selector::parse("*").unwrap();
        for element in document.select(&all) {
            let element = element.value();
            assert!(element.name() != "img" && element.name() != "iframe", "{path}: {element:?}");
            let is_own_script = element.attr("src") == Some("/assets/board.js");
            assert!(element.name() != "script" || is_own_script, "{path}: {element:?}");
            for (name, value) in element.attrs() {
                assert!(
                    !name.starts_with("on") && name != "style" && name != "autofocus",
                    "{path}: {element:?}"
                );
                let is_address = ["href", "src", "action"].contains(&name);
                let is_safe =
                    ["/", "http://", "https://", "#", "data:,"].iter().any(|begin| value.starts_with(begin));
                assert!(!is_address || is_safe, "{path}: {element:?}");
            }
        }
        texts += page.body.matches("alert(1)").count();
    }
    assert!(texts > 5, "the texts are shown all the same: {texts}");
    let log = board.api("/api/v1/runs/1/log");
    assert!(log["lines"].as_array().unwrap().len() > 2, "{log}");
    board.api("/api/v1/items/page");
}

#[test]
fn secrets_are_hidden_everywhere() {
    let (stored, folder) = (Stored::sqlite(), tempfile::tempdir().unwrap());
    let site = Site::builder()
        .page("/", Answer::html("<title>Bearer abcdefghijklmnopqrstuvwxyz0123456789</title><a href='/x?api_key=hunter2hunter2'>x</a>"))
        .page("/x?api_key=hunter2hunter2", Answer::new(500))
        .start();
    let flags = ["--retries", "0", "--log-dir"];
    crawl_site(&site.url("/"), &stored).args(flags).arg(folder.path()).run();
    let board = Board::with(&stored, &["--log-dir", folder.path().to_str().unwrap()]);
    for path in [
        "/",
        "/runs",
        "/runs/1",
        "/items/page",
        "/spiders/site",
        "/api/v1/overview",
        "/api/v1/runs/1",
        "/api/v1/runs/1/log",
        "/api/v1/items/page",
    ] {
        let answer = board.ask(path);
        assert_eq!(answer.status, 200, "{path}");
        for secret in ["hunter2", "abcdefghijklmnopqrstuvwxyz0123456789"] {
            assert!(!answer.body.contains(secret), "{path}: {}", answer.body);
        }
    }
}
