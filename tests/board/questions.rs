//! What a person wants to know in the morning, with a browser and nothing else. The crawls are real, and the server of the page runs one of them.

use std::fs;
use std::path::PathBuf;

use chrono::{Timelike as _, Utc};

use super::nights::{age, night};
use super::web_driver::Browser;
use super::*;
use tempfile::TempDir;

/// A person, who sees a page and clicks on links.
struct Person {
    browser: Browser,
    address: String,
    pictures: Option<PathBuf>,
    clicks: usize,
}

impl Person {
    fn begins(&mut self) {
        self.browser.open(&format!("http://{}/", self.address));
        self.clicks = 0;
    }

    /// Clicks on the first link with this text in a part of the page.
    fn clicks_on(&mut self, part: &str, text: &str) {
        let before = self.browser.value("return location.pathname");
        let clicked = self.browser.value(&format!(
            "const link = [...document.querySelectorAll('[data-part={part}] a')].find((it) => it.textContent.includes('{text}'));
             if (link) link.click(); return Boolean(link)"
        ));
        assert_eq!(clicked, true, "{text} in {part}: {}", self.sees(part));
        self.browser.wait("the next page is there", &format!("return location.pathname !== {before}"));
        self.browser.wait("it is complete", "return document.readyState === 'complete'");
        self.clicks += 1;
    }

    /// The text of a part of the page.
    fn sees(&self, part: &str) -> String {
        let text = self.browser.value(&format!(
            "const part = document.querySelector('[data-part={part}]'); return part ? part.innerText : ''"
        ));
        text.as_str().unwrap().to_owned()
    }

    /// The page of a run that goes on, when there is something to see.
    fn takes_the_picture_of_the_documents(&self, site: &Site) {
        if let Some(folder) = &self.pictures {
            wait_for("its charts have a course", SOON, || (site.total_hits() > 400).then_some(()));
            self.takes_a_picture("host");
            fs::write(folder.join("board.png"), self.browser.picture(1_045, 0.7)).unwrap();
        }
    }

    fn takes_a_picture(&self, name: &str) {
        if let Some(folder) = &self.pictures {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join(format!("question-{name}.png")), self.browser.picture(2_400, 1.0)).unwrap();
        }
    }
}

/// Nine nights of a shop, of which the last one is slow; a night of the news that failed; and a catalogue that takes minutes.
struct Morning {
    stored: Stored,
    folder: TempDir,
    broken: Site,
    busy: Site,
    /// None of the schedules is due during the test.
    hour: u32,
    config: String,
}

impl Morning {
    fn new() -> Self {
        let stored = Stored::sqlite();
        let shop = || Site::builder().generated(30, 3).page("/page/3.html", Answer::new(404));
        let (quick, slow) = (shop().start(), shop().delay(Duration::from_millis(1_500)).start());
        let broken = Site::builder().page("/", Answer::new(503).body("down for maintenance")).start();
        let busy = Site::builder().generated(2_000, 4).delay(Duration::from_millis(60)).start();
        let folder = tempfile::tempdir().unwrap();
        for number in 1..=8 {
            night(&stored, &quick, "shop", &[]);
            age(&stored, 1, number);
        }
        night(&stored, &slow, "shop", &[]);
        let log_dir = folder.path().join("logs/news").display().to_string();
        night(&stored, &broken, "news", &["--log-dir", &log_dir]);
        let hour = (Utc::now().hour() + 12) % 24;
        let schedule = |(name, site): (&str, &Site)| {
            format!(
                "[schedule.{name}]\nspider = 'site'\ncron = '{} {hour} * * *'\nstart_urls = ['{}']\nrate = 20\nhost_concurrency = 4\n",
                name.len(),
                site.url("/")
            )
        };
        let file = folder.path().join("dragline.toml");
        fs::write(&file, [("shop", &quick), ("news", &broken), ("catalogue", &busy)].map(schedule).concat())
            .unwrap();
        let config = file.display().to_string();
        Self { stored, folder, broken, busy, hour, config }
    }

    /// A server with the page, which crawls the catalogue.
    fn serve(&self) -> (Running, String) {
        let of = |words: &[&str]| {
            dragline().args(words).args(["--config", &self.config, "--store", &self.stored.url()])
        };
        of(&["schedule", "run", "catalogue"]).run().assert_code(0);
        let server =
            of(&["serve", "--listen", "127.0.0.1:0"]).arg("--log-dir").arg(self.folder.path().join("logs"));
        let mut server = server.limit(patience(Duration::from_secs(120))).spawn();
        server.wait_until("it listens and crawls", SOON, |it| {
            address(&it.stderr()).is_some() && self.busy.total_hits() > 20
        });
        let address = address(&server.stderr()).unwrap();
        (server, address)
    }
}

#[test]
fn four_questions_are_answered_with_one_click_at_most() {
    let morning = Morning::new();
    let (Morning { broken, busy, hour, .. }, (server, address)) = (&morning, morning.serve());
    let Some(browser) = Browser::start() else { return };
    browser.looks(1_200, 800, false);
    let pictures = std::env::var_os("DRAGLINE_TEST_PICTURES").map(PathBuf::from);
    let mut person = Person { browser, address, pictures, clicks: 0 };

    // Which spider failed last night, and why?
    person.begins();
    let seen = person.sees("attention");
    assert!(seen.contains("news") && seen.contains("failed") && !seen.contains("shop"), "{seen}");
    assert!(seen.contains("HTTP 503"), "{seen}");
    person.takes_a_picture("failed-0");
    person.clicks_on("attention", "news");
    let seen = person.sees("errors");
    assert!(
        seen.contains("http_status") && seen.contains("503") && seen.contains(&broken.url("/")),
        "{seen}"
    );
    assert!(person.sees("log").contains("HTTP 503"), "{}", person.sees("log"));
    assert_eq!(person.clicks, 1);
    person.takes_a_picture("failed-1");

    // Is it slower than last week?
    person.begins();
    person.clicks_on("recent", "site");
    let seen = person.sees("compared");
    let seconds = |line: &str| -> f64 {
        let line = seen.lines().find(|it| it.contains(line)).unwrap_or_else(|| panic!("{line}: {seen}"));
        let at = seen.find(line).unwrap();
        let took = seen[at..].split('\t').nth(1).unwrap_or_else(|| panic!("{seen}"));
        took.trim_end_matches(" s").trim().parse().unwrap_or_else(|_| panic!("{took}: {seen}"))
    };
    let (newest, usual, week) = (seconds("Newest finished run"), seconds("Usual"), seconds("A week before"));
    assert!(newest > 6.0 && newest > usual * 1.5 && newest > week * 1.5, "{seen}");
    assert!(person.sees("odd").contains("usually"), "{}", person.sees("odd"));
    assert_eq!(person.clicks, 1);
    person.takes_a_picture("slower");

    // What is one host doing?
    person.begins();
    person.clicks_on("running", "catalogue");
    // The server asks its crawls every 2 s, and the page is up to date by itself.
    person.browser.wait(
        "the crawl has answered",
        "return document.querySelector('[data-part=hosts]').innerText.includes(' of 4')",
    );
    let seen = person.sees("hosts");
    assert!(seen.contains(&busy.host()) && seen.contains("at most 20.0 per second"), "{seen}");
    assert_eq!(person.clicks, 1);
    person.takes_the_picture_of_the_documents(busy);

    // What comes next?
    person.begins();
    let seen = person.sees("next");
    for name in ["shop", "news", "catalogue"] {
        assert!(
            seen.contains(name) && seen.contains(&format!("{hour:02}:0{}", name.len())),
            "{name}: {seen}"
        );
    }
    assert_eq!(person.clicks, 0);
    person.takes_a_picture("next");
    server.signal("TERM");
    server.finish().assert_code(0);
}
