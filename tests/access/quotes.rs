//! A stored copy of quotes.toscrape.com: its login and its API. These tests run only if the stored sites are next to the
//! repository.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use dragline_testkit::{Answer, Received, Site};
use serde_json::Value as Json;

use crate::stored::{Stored, example};

const PASSWORD: &str = "open sesame";

fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/sites/quotes.toscrape.com");
    folder.is_dir().then_some(folder)
}

/// The stored pages. `/login` takes the token of its form, with the cookie that it gave; who is logged in sees `Logout`.
fn site() -> Option<Site> {
    let folder = folder()?;
    let manifest: Vec<Json> =
        serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let get = manifest
        .into_iter()
        .filter(|entry| entry["method"] == "GET" && entry["status"] == 200 && entry["file"].is_string());
    let pages: HashMap<String, (String, Vec<u8>)> = get
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            (text("path"), (text("content_type"), fs::read(folder.join(text("file"))).unwrap()))
        })
        .collect();
    let login = String::from_utf8(pages["/login"].1.clone()).unwrap();
    let token =
        login.split("name=\"csrf_token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let was_asked = AtomicBool::new(false);
    let answer = move |asked: &Received| {
        let cookie = asked.header("cookie").unwrap_or_default();
        if (asked.method.as_str(), asked.path.as_str()) == ("POST", "/login") {
            let body = format!("csrf_token={token}&username=ann&password=open+sesame");
            let is_right = cookie == "session=form" && asked.body == body.as_bytes();
            return Some(if is_right && was_asked.load(Ordering::SeqCst) {
                Answer::redirect(302, "/").header("Set-Cookie", "session=ann; Path=/; HttpOnly")
            } else {
                Answer::text("wrong").status(403)
            });
        }
        let (kind, body) = pages.get(&asked.path)?;
        let mut body = body.clone();
        if cookie == "session=ann" && kind.starts_with("text/html") {
            let text = String::from_utf8(body).unwrap();
            body =
                text.replace("<a href=\"/login\">Login</a>", "<a href=\"/logout\">Logout</a>").into_bytes();
        }
        let answer = Answer::new(200).header("Content-Type", kind).body(body);
        Some(if asked.path == "/login" {
            was_asked.store(true, Ordering::SeqCst);
            answer.header("Set-Cookie", "session=form; Path=/; HttpOnly")
        } else {
            answer
        })
    };
    Some(Site::builder().handler(answer).start())
}

#[test]
fn the_login_opens_all_pages() {
    let Some(site) = site() else { return };
    let stored = Stored::sqlite();
    example("members_and_api")
        .args([
            "crawl",
            "members",
            "--start-url",
            &site.url("/login"),
            "--store",
            &stored.url(),
            "--rate",
            "0",
        ])
        .env("MEMBER_PASSWORD", PASSWORD)
        .run()
        .assert_code(0)
        // The form, ten lists of quotes, and the redirect behind the login.
        .assert_stdout("done 11, failed 0, skipped 1, dead 0, queued 0");
    let rows = stored.query("SELECT data FROM crawl_items WHERE item_type = 'members_page'");
    assert!(rows.iter().all(|row| row[0].contains("/logout")), "{rows:?}");
}

#[test]
fn the_api_gives_all_quotes() {
    let Some(site) = site() else { return };
    let stored = Stored::sqlite();
    example("members_and_api")
        .args([
            "crawl",
            "api",
            "--start-url",
            &site.url("/api/quotes?page=1"),
            "--store",
            &stored.url(),
            "--rate",
            "0",
        ])
        .run()
        .assert_code(0)
        .assert_stdout("done 10, failed 0");
    let truth: Json =
        serde_json::from_slice(&fs::read(folder().unwrap().join("truth.json")).unwrap()).unwrap();
    let quotes = truth["quotes"].as_array().map_or(100, Vec::len);
    let rows = stored.query("SELECT item_key FROM crawl_items WHERE item_type = 'note'");
    assert_eq!(rows.len(), quotes);
}
