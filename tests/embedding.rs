//! `examples/embed.rs`: a program with its own async runtime goes on serving while it crawls.

use std::time::Duration;

use dragline_testkit::{Dragline, Site, ask, sqlite, wait_for, wait_until};

use crate::stored::example_path;

const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_program_serves_while_it_crawls() {
    let (folder, site) = (tempfile::tempdir().unwrap(), Site::generated(8, 3));
    let file = folder.path().join("embed.db");
    site.hold_after(3);
    let store = format!("sqlite:{}", file.display());
    let embedding =
        Dragline::new(example_path("embed")).args([&site.url("/"), "127.0.0.1:0", &store]).spawn();
    let address = wait_for("the address that it serves at", SOON, || {
        let said = embedding.stdout();
        Some(said.split_once("http://")?.1.split_once('/')?.0.to_owned())
    });
    wait_until("the site to be crawled", SOON, || site.waiting() > 0);
    // The crawl cannot go on, and the program answers.
    assert_eq!(ask(&*address, "/").unwrap().body, "crawling\n");
    site.release();
    let told = wait_for("the crawl's end", SOON, || {
        Some(ask(&*address, "/").unwrap().body).filter(|body| body != "crawling\n")
    });
    assert_eq!(told, "run 1 finished: 8 pages done\n");
    assert_eq!(sqlite::rows(&file, "select count(*) from titles").unwrap(), [["8"]]);
}
