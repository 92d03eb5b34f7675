//! `--keep-pages`: every answer that a spider gets is kept whole, with its page, and each body once.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use dragline_core::kept_body::MAX_SHOWN_BYTES;
use dragline_core::{Fingerprint, KeptAnswer, KeptAsk, Request};
use dragline_store::StoreSettings;
use dragline_testkit::{Answer, Dragline, Finished, Received, Site};
use serde_json::Value as Json;

use crate::stored::{Stored, crawl_nasty, crawl_site, dragline, on_both_stores};

on_both_stores!(
    every_page_is_kept_whole,
    a_page_that_fails_in_its_parse_is_kept_whole,
    an_unchanged_night_keeps_nothing_new,
    kept_pages_are_listed_and_printed,
    an_export_is_a_warc_file,
    an_import_gives_back_what_was_exported,
    a_killed_import_goes_on,
    files_of_other_tools_are_imported,
    a_damaged_file_is_refused_with_its_place,
);

/// The newest kept answer of a page, if there is one.
fn answer(stored: &Stored, spider: &str, url: &str, up_to_run: Option<i64>) -> Option<KeptAnswer> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let pages = vec![Fingerprint::of(&Request::get(url).unwrap())];
    let ask = KeptAsk { spider: spider.to_owned(), pages, up_to_run, max_bytes: 0 };
    runtime.block_on(async {
        let store = dragline_store::open(&stored.url(), &StoreSettings::default()).unwrap();
        store.connect().await.unwrap();
        let found = store.kept_answers(&ask).await.unwrap();
        store.close().await;
        found.answers.into_iter().next()
    })
}

fn body(answer: &KeptAnswer) -> Vec<u8> {
    answer.body.read(MAX_SHOWN_BYTES).unwrap()
}

fn kept_paths(site: &Site, stored: &Stored) -> Vec<String> {
    let rows = stored.query("SELECT url FROM crawl_kept_pages WHERE body_hash IS NOT NULL ORDER BY url");
    rows.into_iter().map(|row| row[0].replace(&site.url(""), "")).collect()
}

fn keeping(crawl: Dragline) -> Dragline {
    crawl.arg("--keep-pages").args(["--retries", "0"])
}

fn every_page_is_kept_whole(stored: &Stored) {
    let links =
        "<a href=/a>x</a><a href=/moved>x</a><a href=/gone>x</a><a href=/none>x</a><a href=/sent>x</a>";
    let noise: Vec<u8> = (0..20_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let noisy = [b"<title>n</title>\0", &noise[..]].concat();
    let site = Site::builder()
        .page("/", Answer::html(links).header("Set-Cookie", "a=hunter2").header("X-Tag", "t"))
        .page("/a", Answer::html("").body(noisy.clone()))
        .page("/moved", Answer::redirect(302, "/a?moved"))
        .page("/a?moved", Answer::html("").body(noisy.clone()))
        .page("/gone", Answer::html("<p>gone</p>").status(404))
        .page("/none", Answer::html(""))
        .page("/sent", Answer::html("<meta http-equiv=refresh content='0; url=/a'>"))
        .robots("User-agent: *\nDisallow: /private")
        .start();
    let began = dragline_core::chrono::Utc::now();
    let done = keeping(crawl_site(&site.url("/"), stored)).run();
    done.assert_code(0).assert_stdout("kept      5 pages, ").assert_stdout(" of new bodies");
    assert_eq!(kept_paths(&site, stored), ["/", "/a", "/a?moved", "/none", "/sent"]);
    assert_eq!(stored.count("SELECT count(*) FROM crawl_bodies"), 4, "two of them are the same");

    let find = |path: &str| answer(stored, "site", &site.url(path), None);
    let start = find("/").unwrap();
    assert_eq!((start.status, body(&start)), (200, links.as_bytes().to_vec()));
    assert_eq!(start.url, site.url("/"));
    assert!(start.fetched_at >= began && start.fetched_at <= dragline_core::chrono::Utc::now());
    assert!(start.headers.contains(&("x-tag".to_owned(), "t".to_owned())), "{:?}", start.headers);
    assert!(!format!("{:?}", start.headers).contains("hunter2"));
    assert_eq!(body(&find("/a").unwrap()), noisy);
    assert_eq!(body(&find("/none").unwrap()), b"");
    assert_eq!(find("/gone"), None);

    // The environment asks for it too, and without being asked, nothing is kept.
    crawl_site(&site.url("/a"), stored).run().assert_code(0);
    assert_eq!(stored.count("SELECT count(*) FROM crawl_kept_pages"), 5);
    let again = crawl_site(&site.url("/a"), stored).env("DRAGLINE_KEEP_PAGES", "true").run();
    again.assert_code(0).assert_stdout("kept      1 page, 0 B of new bodies");
    assert_eq!(stored.count("SELECT count(*) FROM crawl_kept_pages"), 6);
    assert_eq!(stored.count("SELECT count(*) FROM crawl_bodies"), 4);
}

fn a_page_that_fails_in_its_parse_is_kept_whole(stored: &Stored) {
    let site = Site::builder()
        .page("/", Answer::html("<a href=/panic>x</a><a href=/gone>x</a>"))
        .page("/panic", Answer::html("x".repeat(100_000)))
        .page("/gone", Answer::html("gone").status(404))
        .start();
    let crawl = keeping(crawl_nasty(&site.url("/"), stored)).args(["--tolerated-failed-share", "1"]);
    crawl.arg("--keep-failed=10").run().assert_stdout("kept      2 pages");
    assert_eq!(stored.pages("failed"), 2);
    assert_eq!(kept_paths(&site, stored), ["/", "/panic"]);
    let panic = answer(stored, "nasty", &site.url("/panic"), None).unwrap();
    assert_eq!(body(&panic).len(), 100_000);
    // The crawl does not read an answer with an error status to its end, so its beginning is kept, as without --keep-pages.
    let beginnings = "SELECT url, body_bytes FROM crawl_kept_pages WHERE body IS NOT NULL";
    assert_eq!(stored.query(beginnings), [[site.url("/gone"), "4".to_owned()]]);
}

fn an_unchanged_night_keeps_nothing_new(stored: &Stored) {
    let version = |page: &'static str, tag: &'static str| {
        move |asked: &Received| {
            let answer = Answer::html(format!("<title>{page} {tag}</title><a href=/two>x</a>"));
            if asked.header("if-none-match") == Some(tag) { Answer::new(304) } else { answer }
                .header("ETag", tag)
        }
    };
    let site = |one: &'static str| {
        Site::builder().handler(move |asked| match asked.path.as_str() {
            "/" => Some(version("one", one)(asked)),
            "/two" => Some(version("two", "\"2\"")(asked)),
            _ => None,
        })
    };
    let first = site("\"1\"").start();
    let address = first.host();
    let url = first.url("/");
    let night = || keeping(crawl_site(&url, stored)).arg("--incremental").run();
    night().assert_code(0).assert_stdout("kept      2 pages");
    let bodies = || stored.count("SELECT count(*) FROM crawl_bodies");
    let unchanged = night();
    unchanged.assert_code(0).assert("nothing is kept", !unchanged.stdout.contains("\nkept "));
    assert_eq!((bodies(), stored.count("SELECT count(*) FROM crawl_kept_pages")), (2, 2));
    drop(first);
    let _changed = site("\"1b\"").bind(&address).start();
    night().assert_code(0).assert_stdout("kept      1 page, ");
    assert_eq!((bodies(), stored.count("SELECT count(*) FROM crawl_kept_pages")), (3, 3));

    // The older answer stands for a page that was not sent again.
    let run_of =
        |path: &str, up_to_run| answer(stored, "site", &format!("{url}{path}"), up_to_run).unwrap().run_id;
    assert_eq!([run_of("", Some(1)), run_of("", Some(2)), run_of("", None)], [1, 1, 3]);
    assert_eq!([run_of("two", Some(2)), run_of("two", None)], [1, 1]);
}

fn pages(stored: &Stored, words: &[&str]) -> Dragline {
    dragline().arg("pages").args(words).args(["--store", &stored.url()])
}

fn done(stored: &Stored, words: &[&str]) -> Finished {
    let finished = pages(stored, words).run();
    finished.assert_code(0);
    finished
}

/// A start page and two others, one of them with bytes of every kind.
fn small_site() -> Site {
    let every_byte: Vec<u8> = (0..=255).cycle().take(3000).collect();
    Site::builder()
        .page("/", Answer::html("<a href=/one>x</a><a href=/two>x</a>").header("X-Token", "hunter2"))
        .page("/one", Answer::html("").body([b"<title>1</title>", &every_byte[..]].concat()))
        .page("/two", Answer::html("<title>ä</title>").header("ETag", "\"2\""))
        .start()
}

fn kept_pages_are_listed_and_printed(stored: &Stored) {
    let site = small_site();
    keeping(crawl_site(&site.url("/"), stored)).args(["--run", "kept"]).run().assert_code(0);
    let listed = done(stored, &["list", "kept"]);
    let lines: Vec<&str> = listed.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{listed}");
    let headings = ["STATUS", "BYTES", "STORED", "RUN", "FETCHED", "AT", "URL"];
    assert!(lines[0].split_whitespace().eq(headings), "{listed}");
    let line = lines.iter().find(|line| line.ends_with("/one")).unwrap();
    assert!(line.split_whitespace().take(2).eq(["200", "3016"]), "{line}");
    let json = done(stored, &["list", "kept", "--json", "--url", "/t.o$", "--url", "nothing"]);
    let json: Json = serde_json::from_str(&json.stdout).unwrap();
    let told = (&json["url"], &json["status"], &json["whole"]);
    assert_eq!(told, (&site.url("/two").into(), &200.into(), &true.into()));
    let none = pages(stored, &["list", "kept", "--url", "three"]).run();
    none.assert_code(1).assert_stderr("no page whose URL matches \"three\"");
    pages(stored, &["list", "kept", "--url", "("]).run().assert_code(2).assert_stderr("regex");
    pages(stored, &["list", "nobody"]).run().assert_code(1).assert_stderr("has no run \"nobody\"");

    let shown = done(stored, &["show", "kept", &site.url("/two")]);
    assert_eq!(shown.stdout, "<title>ä</title>");
    let headers = done(stored, &["show", "kept", &site.url("/"), "--headers"]);
    headers.assert_stdout("status: 200").assert_stdout("content-type: text/html");
    headers.assert("secrets are not kept", !headers.stdout.contains("hunter2"));
    let none = pages(stored, &["show", "kept", &site.url("/three")]).run();
    none.assert_code(1).assert_stderr("has kept nothing of");

    // A run without --keep-pages, and one that found its pages unchanged.
    crawl_site(&site.url("/"), stored).args(["--run", "plain"]).run().assert_code(0);
    let plain = pages(stored, &["list", "plain"]).run();
    plain.assert_code(1).assert_stderr("has kept no pages").assert_stderr("--keep-pages");
    for _ in 0..2 {
        let night = keeping(crawl_site(&site.url("/"), stored)).args(["--run", "nights", "--incremental"]);
        night.run().assert_code(0);
    }
    let unchanged = done(stored, &["list", "nights", "--json"]);
    let lines: Vec<Json> = unchanged.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|page| page["kept_by_run"] == 3), "{unchanged}");
    let shown = done(stored, &["show", "nights", &site.url("/two")]);
    assert_eq!(shown.stdout, "<title>ä</title>");
}

/// A record of a WARC file, read by the letter of the standard.
#[derive(Debug)]
struct WarcRecord {
    fields: BTreeMap<String, String>,
    block: Vec<u8>,
}

impl WarcRecord {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).unwrap_or_else(|| panic!("{name} is missing: {self:?}"))
    }

    /// Head and body of an HTTP answer.
    fn http(&self) -> (String, &[u8]) {
        let end = self.block.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        (String::from_utf8(self.block[..end].to_vec()).unwrap(), &self.block[end + 4..])
    }
}

/// Reads one record, and nothing may be behind it.
fn strict_record(bytes: &[u8]) -> WarcRecord {
    let end = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let header = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = header.split("\r\n");
    assert_eq!(lines.next(), Some("WARC/1.1"));
    let fields = lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{line:?}")));
    let fields: BTreeMap<String, String> =
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let rest = &bytes[end + 4..];
    let length: usize = fields["Content-Length"].parse().unwrap();
    assert_eq!(&rest[length..], b"\r\n\r\n", "two line ends, and nothing behind them");
    for name in ["WARC-Type", "WARC-Record-ID", "WARC-Date", "WARC-Block-Digest", "Content-Type"] {
        assert!(fields.contains_key(name), "{name}: {fields:?}");
    }
    WarcRecord { fields, block: rest[..length].to_vec() }
}

/// The records of a file, each of which is a gzip member.
fn strict_records(file: &Path) -> Vec<WarcRecord> {
    let bytes = std::fs::read(file).unwrap();
    let (mut rest, mut records) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let mut member = flate2::bufread::GzDecoder::new(rest);
        let mut record = Vec::new();
        member.read_to_end(&mut record).unwrap();
        rest = member.into_inner();
        records.push(strict_record(&record));
    }
    records
}

fn an_export_is_a_warc_file(stored: &Stored) {
    let site = small_site();
    keeping(crawl_site(&site.url("/"), stored)).args(["--run", "kept"]).run().assert_code(0);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let export = |to: &Path| done(stored, &["export", "kept", "-o", to.to_str().unwrap()]);
    export(&path("one.warc.gz")).assert_stderr("exported");
    let records = strict_records(&path("one.warc.gz"));
    let types: Vec<&str> = records.iter().map(|record| record.field("WARC-Type")).collect();
    assert_eq!(types, ["warcinfo", "response", "response", "response"]);
    let info = &records[0];
    let about = String::from_utf8(info.block.clone()).unwrap();
    assert!(about.contains("software: dragline/") && about.contains("\r\nisPartOf: kept\r\n"), "{about}");
    let is_one = |record: &&WarcRecord| record.fields.get("WARC-Target-URI") == Some(&site.url("/one"));
    let one = records.iter().find(is_one).unwrap();
    assert_eq!(one.field("Content-Type"), "application/http; msgtype=response");
    assert_eq!(one.field("WARC-Warcinfo-ID"), info.field("WARC-Record-ID"));
    let (head, body) = one.http();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\ncontent-length: 3016"), "{head}");
    assert_eq!((body.len(), &body[..16]), (3016, &b"<title>1</title>"[..]));
    let all = records.iter().flat_map(|record| record.block.clone()).collect::<Vec<u8>>();
    assert!(!String::from_utf8_lossy(&all).contains("hunter2"));

    // Twice the same, and plain as well.
    export(&path("two.warc.gz"));
    let bytes = |name: &str| std::fs::read(path(name)).unwrap();
    assert_eq!(bytes("one.warc.gz"), bytes("two.warc.gz"));
    export(&path("plain.warc"));
    let mut unpacked = Vec::new();
    flate2::read::MultiGzDecoder::new(&bytes("one.warc.gz")[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, bytes("plain.warc"));
    let only = path("only.warc.gz");
    done(stored, &["export", "kept", "-o", only.to_str().unwrap(), "--url", "/two$"]);
    assert_eq!(strict_records(&only).len(), 2);
    let left: Vec<PathBuf> = std::fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().path()).collect();
    assert_eq!(left.len(), 4, "no temporary file is left: {left:?}");

    pages(stored, &["export", "kept", "-o", "x.zip"]).run().assert_code(2).assert_stderr(".warc.gz");
    let nowhere = path("none.warc");
    let none = pages(stored, &["export", "kept", "-o", nowhere.to_str().unwrap(), "--url", "three"]).run();
    none.assert_code(1).assert_stderr("no page whose URL matches");
    assert!(!nowhere.exists());
    let lost = pages(stored, &["export", "kept", "-o", "/nowhere/x.warc"]).run();
    lost.assert_code(1).assert_stderr("cannot write /nowhere/x.warc").assert_stderr("the same command");
}

fn import(stored: &Stored, file: &Path, more: &[&str]) -> Dragline {
    pages(stored, &["import", file.to_str().unwrap(), "--spider", "site"]).args(more)
}

/// The kept pages of a run.
fn kept(stored: &Stored, run_id: usize) -> Vec<Vec<String>> {
    let sql = "SELECT url, status, headers, body_hash, body_bytes, fetched_at FROM crawl_kept_pages WHERE run_id = ";
    stored.query(&format!("{sql}{run_id} ORDER BY url"))
}

fn an_import_gives_back_what_was_exported(stored: &Stored) {
    let site = small_site();
    keeping(crawl_site(&site.url("/"), stored)).args(["--run", "kept"]).run().assert_code(0);
    let folder = tempfile::tempdir().unwrap();
    for name in ["x.warc.gz", "x.warc"] {
        let file = folder.path().join(name);
        done(stored, &["export", "kept", "-o", file.to_str().unwrap()]);
        let imported = import(stored, &file, &[]).run();
        imported.assert_code(0).assert_stdout(&format!("run import-of-{name} (id "));
        imported.assert_stdout("has 3 pages: 3 imported now, 0 B of new bodies");
        imported.assert_stdout("left out: 1 × records of other types");
    }
    let own = kept(stored, 1);
    assert_eq!(own.len(), 3);
    assert_eq!(kept(stored, 2), own);
    assert_eq!(kept(stored, 3), own);
    let rows = stored.query("SELECT kind, state FROM crawl_runs WHERE run_id > 1");
    assert_eq!(rows, [["import", "finished"], ["import", "finished"]]);
    assert_eq!(stored.pages("queued"), 0);
    assert_eq!(answer(stored, "site", &site.url("/one"), None).unwrap().run_id, 3);
    let runs = |words: &[&str]| dragline().arg("runs").args(words).args(["--store", &stored.url()]).run();
    runs(&["list"]).assert_code(0).assert_stdout(", import");
    runs(&["show", "3"]).assert_code(0).assert_stdout("kind      import").assert_stdout("done 3");

    let file = folder.path().join("x.warc");
    // The finished run of a crawl does not stand in the way of an import of the same name.
    import(stored, &file, &["--run", "kept"]).run().assert_code(0).assert_stdout("run kept (id 4)");
    import(stored, &file, &["--tag", "page", "--run", "tagged"]).run().assert_code(0);
    assert_eq!(stored.query("SELECT DISTINCT tag FROM crawl_requests WHERE run_id = 5"), [["page"]]);
    let nobody = pages(stored, &["import", file.to_str().unwrap(), "--spider", "nobody"]).run();
    nobody.assert_code(2).assert_stderr("no spider \"nobody\"");
    let none = import(stored, &folder.path().join("none.warc"), &[]).run();
    none.assert_code(2).assert_stderr("cannot open");
}

fn a_killed_import_goes_on(stored: &Stored) {
    // More pages than one batch has.
    let site = Site::generated(700, 3);
    keeping(crawl_site(&site.url("/"), stored)).args(["--run", "kept"]).run().assert_code(0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.warc.gz");
    done(stored, &["export", "kept", "-o", file.to_str().unwrap()]);
    for probe in ["import: requests added", "import: batch stored", "import: requests added:2"] {
        let killed = import(stored, &file, &[]).env("DRAGLINE_PROBE", probe).run();
        killed.assert("it was killed there", killed.stderr.contains("probe: killed"));
        let newest = answer(stored, "site", &site.url("/"), None).unwrap();
        assert_eq!(newest.run_id, 1, "nobody reads half an import");
        let refused = pages(stored, &["export", "2", "-o", "-"]).run();
        refused.assert_code(1).assert_stderr("is an import that has not finished");
    }
    let other = folder.path().join("other.warc.gz");
    done(stored, &["export", "kept", "-o", other.to_str().unwrap(), "--url", "/$"]);
    let refused = import(stored, &other, &["--run", "import-of-x.warc.gz"]).run();
    refused.assert_code(1).assert_stderr("imports another file");
    // A crawl does not take an import over.
    let crawl = crawl_site(&site.url("/"), stored).args(["--run", "import-of-x.warc.gz"]).run();
    crawl.assert_code(1).assert_stderr("is of the kind import, not crawl");
    import(stored, &file, &[]).run().assert_code(0).assert_stdout("has 700 pages: 200 imported now");
    assert_eq!(kept(stored, 2), kept(stored, 1));
    assert_eq!(answer(stored, "site", &site.url("/"), None).unwrap().run_id, 2);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn foreign_record(kind: &str, url: &str, content_type: &str, block: &[u8]) -> Vec<u8> {
    let fields = format!(
        "WARC/1.0\r\nwarc-type: {kind}\r\nWARC-Target-URI: <{url}>\r\nWARC-Date: 2020-01-02T03:04:05Z\r\n\
         WARC-Record-ID: <urn:uuid:1>\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        block.len()
    );
    [fields.as_bytes(), block, b"\r\n\r\n"].concat()
}

fn files_of_other_tools_are_imported(stored: &Stored) {
    let response = |path: &str, block: &[u8]| {
        let url = format!("http://a.example/{path}");
        foreign_record("response", &url, "application/http;msgtype=response", block)
    };
    let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nSet-Cookie: a=hunter2\r\n";
    let packed = gzip(b"<title>packed</title>");
    let after = |headers: &str, body: &[u8]| [html.as_bytes(), headers.as_bytes(), b"\r\n", body].concat();
    let records = [
        foreign_record("warcinfo", "", "application/warc-fields", b"software: other\r\n"),
        foreign_record("request", "http://a.example/", "application/http", b"GET / HTTP/1.1\r\n\r\n"),
        response("chunks", &after("Transfer-Encoding: chunked\r\n", b"7\r\nchunked\r\n0\r\n\r\n")),
        response("packed", &after("Content-Encoding: gzip\r\nContent-Length: 9\r\n", &packed)),
        foreign_record("resource", "http://a.example/resource", "text/html", b"<p>resource</p>"),
        foreign_record("revisit", "http://a.example/again", "application/http", html.as_bytes()),
        foreign_record("response", "dns:a.example", "text/dns", b"1.2.3.4"),
        response("moved", b"HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n"),
        response("gone", b"HTTP/1.1 404 Not Found\r\n\r\ngone"),
        response("x.png", b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\nPNG"),
        response("damaged", &after("Content-Encoding: gzip\r\n", &packed[..20])),
        response("long", &after("", &[b'x'; 3000])),
        response("chunks", &after("", b"later")),
    ];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("foreign.warc.gz");
    std::fs::write(&file, records.map(|record| gzip(&record)).concat()).unwrap();
    let imported = import(stored, &file, &["--max-body", "2kB"]).run();
    imported.assert_code(0).assert_stdout("has 3 pages: 3 imported now");
    for told in [
        "1 × answers of pages that the run had already",
        "2 × records of other types",
        "1 × revisit records",
        "1 × records that are not answers of HTTP",
        "1 × redirects",
        "1 × answers with a status that the spider doesn't accept",
        "1 × answers of a type that the spider doesn't accept",
        "1 × answers longer than --max-body",
        "1 × answers whose body is damaged",
    ] {
        imported.assert_stdout(told);
    }
    let find = |path: &str| answer(stored, "site", &format!("http://a.example/{path}"), None).unwrap();
    assert_eq!(body(&find("chunks")), b"chunked", "the first one counts");
    assert_eq!(body(&find("packed")), b"<title>packed</title>");
    assert_eq!(body(&find("resource")), b"<p>resource</p>");
    let packed = find("packed");
    assert_eq!(packed.headers, [("content-type".to_owned(), "text/html".to_owned())]);
    assert_eq!(packed.fetched_at.to_rfc3339(), "2020-01-02T03:04:05+00:00");

    // A file without anything for this spider.
    std::fs::write(&file, foreign_record("metadata", "http://a.example/", "text/plain", b"x")).unwrap();
    let empty = import(stored, &file, &["--run", "empty"]).run();
    empty.assert_code(1).assert_stderr("has no page for this spider");
    assert_eq!(stored.query("SELECT state FROM crawl_runs WHERE name = 'empty'"), [["failed"]]);
}

fn a_damaged_file_is_refused_with_its_place(stored: &Stored) {
    let site = small_site();
    keeping(crawl_site(&site.url("/"), stored)).args(["--run", "kept"]).run().assert_code(0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.warc");
    done(stored, &["export", "kept", "-o", file.to_str().unwrap()]);
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 20]).unwrap();
    let cut = import(stored, &file, &[]).run();
    cut.assert_code(1).assert_stderr("record 4 at byte").assert_stderr("ends in the middle of it");
    cut.assert_stderr("start the same command again");
    assert_eq!(answer(stored, "site", &site.url("/one"), None).unwrap().run_id, 1, "it is not read");
    std::fs::write(&file, &whole).unwrap();
    import(stored, &file, &[]).run().assert_code(0).assert_stdout("has 3 pages: 3 imported now");
    let text = folder.path().join("x.txt");
    std::fs::write(&text, "<html>").unwrap();
    let refused = import(stored, &text, &[]).run();
    refused
        .assert_code(1)
        .assert_stderr("record 1 at byte 0: it begins with")
        .assert_stderr("is it a WARC file?");
    assert_eq!(stored.runs().len(), 2, "no run was begun for it");
}
