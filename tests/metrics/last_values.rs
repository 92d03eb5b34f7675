//! What a process leaves in the textfile that does not end as it should.

use super::*;

#[test]
fn a_crawl_that_cannot_begin_leaves_its_exit_code() {
    let textfile = Textfile::new();
    let crawl = dragline().args(["crawl", "site", "--start-url", "http://127.0.0.1:9/"]);
    let nowhere = ["--store", "postgres://me@127.0.0.1:9/db", "--operation-timeout", "300ms"];
    textfile.of(crawl.args(nowhere).args(["--startup-timeout", "1s"])).run().assert_code(1);
    let told = textfile.told();
    told.is(&[("dragline_exit_code", 1.0), ("dragline_run_state{state=running}", 0.0)]);
    assert!(!told.samples.contains_key("dragline_run_id{}"), "{}", told.text);
}

#[test]
fn dead_letters_and_refused_rows_are_counted() {
    let site = Site::builder()
        .page("/", Answer::html("<a href=/fine>f</a><a href=/panic>p</a>"))
        .page("/fine", Answer::html("f"))
        .page("/panic", Answer::html("p"))
        .start();
    let (stored, textfile) = (Stored::postgres(), Textfile::new());
    example("nasty_spiders").args(["schema", "apply", "--store", &stored.url()]).run().assert_code(0);
    stored.execute("alter table nasty_things add check (false) not valid");
    textfile.of(crawl_nasty(&site.url("/"), &stored)).run();
    let told = textfile.told();
    let letters = stored.count("select count(*) from crawl_dead_letters") as f64;
    assert!(letters > 0.0);
    told.is(&[
        ("dragline_dead_letters_total", letters),
        ("dragline_dead_letters_kept", letters),
        ("dragline_rows_total{table=crawl_dead_letters}", letters),
        ("dragline_pages_total{outcome=dead}", stored.pages("dead") as f64),
        ("dragline_pages_total{outcome=failed}", stored.pages("failed") as f64),
    ]);
}

#[test]
fn a_file_that_cannot_be_is_told_before_the_first_request() {
    let (site, stored) = (Site::generated(2, 1), Stored::sqlite());
    let crawl = crawl_site(&site.url("/"), &stored);
    let refused = crawl.clone().args(["--metrics-textfile", "nowhere/crawl.prom"]).run();
    refused.assert_code(1).assert_stderr("nowhere/crawl.prom").assert_stderr("--metrics-textfile");
    crawl.args(["--metrics-textfile", "/dev/null"]).run().assert_code(1).assert_stderr("not a regular file");
    assert_eq!(site.total_hits(), 0);
}
