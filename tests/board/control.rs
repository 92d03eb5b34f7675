//! Actions on the page: who may do what, what it does, and what is refused.

use std::path::Path;

use dragline_testkit::ask_socket;
use tempfile::TempDir;

use super::browser::{assert_accessible, axe};
use super::web_driver::Browser;
use super::*;

const TOKEN: &str = "0123456789abcdef0123";

/// A settings file with one schedule.
fn config() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dragline.toml");
    std::fs::write(&file, "[schedule.nightly]\nspider = 'site'\ncron = '30 3 * * *'\n").unwrap();
    let file = file.display().to_string();
    (folder, file)
}

/// A board on which ann may do things.
fn controlled(stored: &Stored, config: &str) -> Board {
    let token = format!("ann:{TOKEN}");
    Board::with(stored, &["--config", config, "--allow-control", "--control-token", &token])
}

fn words(method: &str, path: &str, host: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}

const JSON: &str = "Content-Type: application/json";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

impl Board {
    fn post(&self, path: &str, headers: &[&str], body: &str) -> Asked {
        ask_with(&self.address, &words("POST", path, &self.address, headers, body)).unwrap()
    }

    /// Asks for an action as a program does.
    fn act(&self, body: &str) -> (u16, Json) {
        let bearer = format!("Authorization: Bearer {TOKEN}");
        let asked = self.post("/api/v1/actions", &[JSON, &bearer], body);
        let answer: Json = serde_json::from_str(&asked.body).unwrap_or_else(|_| panic!("{asked:?}"));
        Description::of(&self.address).check_of("post", "/api/v1/actions", asked.status, &answer);
        (asked.status, answer)
    }
}

/// The value of a hidden field.
fn field(page: &str, name: &str) -> String {
    let at =
        page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("{name}: {page}"));
    at.split('"').next().unwrap().to_owned()
}

on_both_stores!(what_a_command_does_can_be_done_on_the_page);

fn what_a_command_does_can_be_done_on_the_page(stored: &Stored) {
    let (site, (_folder, config)) = (site(), config());
    crawl_site(&site.url("/"), stored).args(["--retries", "0"]).run();
    let board = controlled(stored, &config);
    let (status, done) = board.act(r#"{"action": "run_now", "schedule": "nightly"}"#);
    assert_eq!((status, &done["state"]), (200, &"done".into()), "{done}");
    assert_eq!(done["who"], "ann from 127.0.0.1");
    let tick = stored.query("select kind, state, reason from crawl_ticks");
    assert_eq!(tick, [["manual", "waiting", "asked for by ann from 127.0.0.1"].map(str::to_owned)]);
    for (action, told) in [("pause", "paused nightly"), ("pause", "paused already"), ("resume", "goes on")] {
        let (status, done) = board.act(&format!(r#"{{"action": "{action}", "schedule": "nightly"}}"#));
        assert_eq!(status, 200, "{done}");
        assert!(done["text"].as_str().unwrap().contains(told), "{done}");
        let paused = stored.count("select count(*) from crawl_schedules where paused_by like 'ann%'");
        assert_eq!(paused, usize::from(action == "pause"), "{done}");
    }
    let (status, done) = board.act(r#"{"action": "cancel", "run_id": 1}"#);
    assert_eq!(status, 409, "{done}");
    assert!(done["text"].as_str().unwrap().contains("no server executes the run"), "{done}");
    let (status, done) = board.act(r#"{"action": "retry_failed", "run_id": 1}"#);
    assert_eq!(status, 200, "{done}");
    assert!(done["text"].as_str().unwrap().contains("1 failed request is queued again"), "{done}");
    assert_eq!((stored.pages("failed"), stored.pages("queued")), (0, 1));
    // The lock of the action has ended with it: the crawl goes on with the run.
    crawl_site(&site.url("/"), stored).args(["--retries", "0"]).run();
    assert_eq!(stored.pages("queued"), 0);
    let (status, done) = board.act(r#"{"action": "apply_dead_letters", "run_id": 1}"#);
    assert_eq!(status, 200, "{done}");
    assert!(done["text"].as_str().unwrap().contains("applied 0 dead letters"), "{done}");
    for (body, status) in [
        (r#"{"action": "run_now", "schedule": "nobody"}"#, 409),
        (r#"{"action": "retry_failed", "run_id": 99}"#, 409),
        (r#"{"action": "retry_failed", "run_id": 99.0}"#, 409),
        (r#"{"action": "retry_failed", "run_id": 1.5}"#, 400),
        (r#"{"action": "retry_failed", "run_id": 0}"#, 400),
        (r#"{"action": "retry_failed", "schedule": "nightly"}"#, 400),
        (r#"{"action": "explode", "run_id": 1}"#, 400),
        (r#"{"action": "cancel", "run_id": 1, "more": 1}"#, 400),
        ("nonsense", 400),
    ] {
        assert_eq!(board.act(body).0, status, "{body}");
    }
    let all = board.api("/api/v1/actions");
    assert_eq!(all["actions"][0]["who"], "ann from 127.0.0.1", "{all}");
    board.running.signal("TERM");
    board.running.finish().assert_code(0);
}

#[test]
fn a_run_that_is_crawled_is_left_to_its_process() {
    let (stored, (_folder, config)) = (Stored::sqlite(), config());
    let site = Site::generated(60, 3);
    site.hold_after(10);
    let mut crawl = crawl_site(&site.url("/"), &stored).spawn();
    crawl.wait_until("it crawls", SOON, |_| site.waiting() > 0);
    let board = controlled(&stored, &config);
    let (status, done) = board.act(r#"{"action": "retry_failed", "run_id": 1}"#);
    assert_eq!(status, 409, "{done}");
    assert!(done["hint"].as_str().unwrap().contains("stop it first"), "{done}");
    site.release();
    crawl.finish().assert_code(0);
    let log = board.running.stderr();
    assert!(log.contains("asked for on the page") && log.contains("ann from 127.0.0.1"), "{log}");
    assert!(log.contains("refused: "), "{log}");
}

#[test]
fn the_same_request_is_done_once() {
    let (stored, (_folder, config)) = (Stored::sqlite(), config());
    crawl_site(&Site::generated(5, 2).url("/"), &stored).run().assert_code(0);
    let board = controlled(&stored, &config);
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let mut ids = Vec::new();
    for _ in 0..3 {
        let body = r#"{"action": "run_now", "schedule": "nightly"}"#;
        let asked = board.post("/api/v1/actions", &[JSON, &bearer, "Idempotency-Key: k1"], body);
        let done: Json = serde_json::from_str(&asked.body).unwrap();
        assert_eq!(asked.status, 200, "{asked:?}");
        ids.push(done["id"].clone());
    }
    assert_eq!(ids, [1, 1, 1]);
    let wrong = board.post(
        "/api/v1/actions",
        &[JSON, &bearer, "Idempotency-Key: a b"],
        r#"{"action": "pause", "schedule": "nightly"}"#,
    );
    assert!(wrong.status == 400 && wrong.body.contains("visible ASCII"), "{wrong:?}");
    assert_eq!(stored.count("select count(*) from crawl_ticks"), 1);
}

#[test]
fn nothing_can_be_done_without_permission() {
    let (stored, (folder, config)) = (Stored::sqlite(), config());
    crawl_site(&site().url("/"), &stored).args(["--retries", "0"]).run();
    let body = r#"{"action": "pause", "schedule": "nightly"}"#;
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let plain = Board::with(&stored, &["--config", &config]);
    for path in ["/actions", "/actions/1", "/login", "/logout", "/api/v1/actions"] {
        assert_eq!(plain.ask(path).status, 404, "{path}");
        assert_eq!(plain.post(path, &[JSON, &bearer], body).status, 404, "{path}");
    }
    for path in ["/", "/runs/1", "/schedules/nightly"] {
        let page = plain.ask(path).body;
        assert!(!page.contains("method=\"post\"") && !page.contains("Sign in"), "{path}: {page}");
    }
    let board = controlled(&stored, &config);
    let same = format!("Origin: http://{}", board.address);
    for (headers, status) in [
        (vec![JSON], 401),
        (vec![JSON, "Authorization: Bearer 0123456789abcdef0124"], 401),
        (vec![JSON, "Authorization: Basic eDp5"], 401),
        (vec![JSON, "Cookie: dragline_session=00", &same], 401),
        (vec![JSON, &bearer, "Origin: http://evil.example"], 403),
        (vec![JSON, &bearer, "Sec-Fetch-Site: cross-site"], 403),
        (vec![JSON, &bearer, "Sec-Fetch-Site: same-site", &same], 403),
        (vec![JSON, &bearer, "Origin: null"], 403),
        (vec!["Content-Type: text/plain", &bearer], 415),
        (vec![&bearer], 415),
    ] {
        let refused = board.post("/api/v1/actions", &headers, body);
        assert_eq!(refused.status, status, "{headers:?}: {refused:?}");
        assert!(!refused.body.contains(TOKEN), "{refused:?}");
    }
    let long = format!("{}{body}", " ".repeat(5_000));
    assert_eq!(board.post("/api/v1/actions", &[JSON, &bearer], &long).status, 413);
    // A visitor sees no button, and a session begins only with the token.
    let page = board.ask("/schedules/nightly").body;
    assert!(!page.contains("action=\"/actions\"") && page.contains("href=\"/login\""), "{page}");
    assert_eq!(board.post("/login", &[FORM], "token=wrong").status, 401);
    let evil = board.post("/login", &[FORM, "Origin: http://evil.example"], &format!("token={TOKEN}"));
    assert_eq!(evil.status, 403);
    let signed = board.post("/login", &[FORM, &same], &format!("token={TOKEN}"));
    assert_eq!(signed.status, 303, "{signed:?}");
    let cookie = signed.headers.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
    let seen = ask_with(&board.address, &words("GET", "/schedules/nightly", &board.address, &[&cookie], ""));
    let page = seen.unwrap().body;
    let form = format!("action=pause&schedule=nightly&key=k&form_token={}", field(&page, "form_token"));
    for (headers, form, status) in [
        (vec![FORM, &cookie], form.as_str(), 403),
        (vec![FORM, &cookie, "Origin: http://evil.example"], &form, 403),
        (vec![FORM, &cookie, &same], "action=pause&schedule=nightly", 403),
        (vec![FORM, &cookie, &same], "action=pause&schedule=nightly&form_token=00", 403),
        (vec![JSON, &cookie, &same], body, 415),
    ] {
        assert_eq!(board.post("/actions", &headers, form).status, status, "{headers:?} {form}");
    }
    // The script of another site has the cookie at best, and not the secret of the forms.
    assert_eq!(board.post("/api/v1/actions", &[JSON, &cookie, &same], body).status, 403);
    assert_eq!(stored.count("select count(*) from crawl_schedules where paused_at is not null"), 0);
    let done = board.post("/actions", &[FORM, &cookie, &same], &form);
    assert!(done.status == 303 && done.headers.contains("location: /actions/"), "{done:?}");
    assert_eq!(stored.count("select count(*) from crawl_schedules where paused_at is not null"), 1);
    let out = format!("form_token={}", field(&page, "form_token"));
    assert_eq!(board.post("/logout", &[FORM, &cookie, &same], &out).status, 303);
    assert_eq!(board.post("/actions", &[FORM, &cookie, &same], &form).status, 401);
    // Guesses are bounded.
    let wrong = ["Authorization: Bearer 0123456789abcdef0124", JSON];
    wait_for("guesses are refused", SOON, || {
        (board.post("/api/v1/actions", &wrong, body).status == 429).then_some(())
    });
    for flags in [vec!["--allow-control"], vec!["--allow-control", "--control-token", "short"]] {
        let refused =
            dragline().args(["board", "--listen", "127.0.0.1:0", "--store", &stored.url()]).args(flags);
        refused.run().assert_code(2).assert_stderr("token");
    }
    drop(folder);
}

#[test]
fn the_owner_of_the_socket_needs_no_token() {
    let (stored, (folder, config)) = (Stored::sqlite(), config());
    crawl_site(&Site::generated(5, 2).url("/"), &stored).run().assert_code(0);
    let socket = folder.path().join("page.sock");
    let listen = format!("unix:{}", socket.display());
    let board = dragline().args(["board", "--listen", &listen, "--store", &stored.url()]);
    let mut running = board.args(["--config", &config, "--allow-control"]).spawn();
    running.wait_until("it serves", SOON, |it| it.stdout().contains("until Ctrl-C"));
    let ask = |socket: &Path, headers: &[&str]| {
        let body = r#"{"action": "pause", "schedule": "nightly"}"#;
        ask_socket(socket, &words("POST", "/api/v1/actions", "localhost", headers, body)).unwrap()
    };
    assert_eq!(ask(&socket, &[JSON, "Origin: http://evil.example"]).status, 403);
    let done = ask(&socket, &[JSON]);
    assert!(done.status == 200 && done.body.contains("of this machine"), "{done:?}");
    assert_eq!(stored.count("select count(*) from crawl_schedules where paused_at is not null"), 1);
    running.signal("TERM");
    running.finish().assert_code(0);
}

#[test]
fn a_person_signs_in_and_acts_in_a_browser() {
    let (stored, (_folder, config)) = (Stored::sqlite(), config());
    crawl_site(&site().url("/"), &stored).args(["--retries", "0"]).run();
    let board = controlled(&stored, &config);
    let (Some(browser), Some(axe)) = (Browser::start(), axe()) else { return };
    let pictures = std::env::var_os("DRAGLINE_TEST_PICTURES").map(std::path::PathBuf::from);
    let look = |name: &str| {
        for (width, is_dark) in [(1_200, false), (1_200, true), (375, false)] {
            browser.looks(width, 800, is_dark);
            assert_accessible(&browser, &axe, name);
            let too_wide = browser
                .value("return document.documentElement.scrollWidth > document.documentElement.clientWidth");
            assert_eq!(too_wide, false, "{name} at {width}");
            if let Some(folder) = &pictures {
                std::fs::create_dir_all(folder).unwrap();
                let file = folder.join(format!("{name}-{width}-{is_dark}.png"));
                std::fs::write(file, browser.picture(2_400, 1.0)).unwrap();
            }
        }
    };
    browser.open(&format!("http://{}/login", board.address));
    look("login");
    browser.value(&format!(
        "document.querySelector('input[name=token]').value = '{TOKEN}'; document.querySelector('main form').submit()"
    ));
    browser.wait("it is signed in", "return document.body.textContent.includes('Sign out')");
    browser.open(&format!("http://{}/schedules/nightly", board.address));
    look("schedule-with-buttons");
    let click = |label: &str| {
        browser.value(&format!(
            "[...document.querySelectorAll('main button')].find((it) => it.textContent === '{label}').click()"
        ));
    };
    click("Pause");
    browser.wait("it is done", "return document.body.textContent.includes('paused nightly')");
    look("action");
    browser.open(&format!("http://{}/schedules/nightly", board.address));
    click("Resume");
    browser.wait("it is done", "return document.body.textContent.includes('goes on')");
    browser.open(&format!("http://{}/runs/1", board.address));
    look("run-with-buttons");
    click("Retry failed pages");
    browser.wait("it is done", "return document.body.textContent.includes('queued again')");
    assert_eq!(stored.pages("queued"), 1);
    browser.open(&format!("http://{}/actions", board.address));
    look("actions");
    // Chromium recommends a field for a user's name, and a token has none.
    let complaints = browser.complaints();
    let others: Vec<_> =
        complaints.iter().filter(|line| !line.contains("\"source\":\"recommendation\"")).collect();
    assert!(others.is_empty(), "{others:#?}");
    browser.value("document.querySelector('form[action=\"/logout\"]').submit()");
    browser.wait("it is signed out", "return document.body.textContent.includes('Sign in')");
}
