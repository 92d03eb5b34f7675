//! The form, and the documents.

use dragline_testkit::bad_server::nobody;

use super::*;

/// Of a crawl that has something of everything: one that runs, and what one leaves.
fn everything() -> [Told; 4] {
    let (site, stored, textfile) = (Site::generated(60, 3), Stored::postgres(), Textfile::new());
    site.hold();
    let crawl =
        crawl_site(&site.url("/"), &stored).args(["--listen", "127.0.0.1:0", "--run", "a \"b\" \\ c"]);
    let mut running = textfile.of(crawl.clone()).spawn();
    wait_until("the start page is asked for", SOON, || site.waiting() == 1);
    let scraped = Told::scrape(&mut running);
    scraped.is(&[
        ("dragline_health_state{state=running}", 1.0),
        ("dragline_health_state{state=stuck}", 0.0),
        ("dragline_run_state{state=running}", 1.0),
        ("dragline_requests_in_flight", 1.0),
        ("dragline_queued_requests", 1.0),
    ]);
    site.release();
    running.finish_within(SOON).assert_code(0);
    // Twice, so that there are runs to compare.
    textfile.of(crawl).run().assert_code(0);
    let left = textfile.told();
    // Rules count from 0, before an item breaks one.
    let market = example("nasty_spiders").args([
        "crawl",
        "market",
        "--start-url",
        &site.url("/"),
        "--rate",
        "0",
        "--may-be-empty",
        "ware",
    ]);
    textfile.of(market.args(["--store", &stored.url()])).run().assert_code(0);
    let with_rules = textfile.told();
    let rule = "dragline_broken_rules_total{type=ware,rule=price range,consequence=dropped}";
    with_rules.is(&[(rule, 0.0)]);
    // So do look-ups, and the export to a collector, which is away here.
    let collector = ("OTEL_EXPORTER_OTLP_ENDPOINT", nobody(""));
    let chart = example("nasty_spiders").env("CHART_API", site.url("")).env(collector.0, collector.1).args([
        "crawl",
        "chart",
        "--start-url",
        &site.url("/"),
    ]);
    textfile.of(chart.args(["--limit", "1", "--store", &stored.url()])).run();
    let with_look_ups = textfile.told();
    [scraped, left, with_rules, with_look_ups]
}

#[test]
fn metrics_have_the_form_and_the_names_of_prometheus_and_are_those_of_the_documents() {
    let told = everything();
    let mut documented = documented();
    for told in &told {
        well_formed(told);
        checked_by_promtool(&told.text);
    }
    for told in &told {
        for (name, kind) in told.families() {
            assert_eq!(known(name).as_deref(), Some(kind), "docs/metrics.md, of {name}");
            documented.remove(name);
        }
    }
    assert!(documented.is_empty(), "a crawl on Postgres tells nothing of {documented:?}");
}

/// The rules that `promtool check metrics` has, and ours.
fn well_formed(told: &Told) {
    let families = told.families();
    for (name, kind) in &families {
        let ours = ["dragline_", "pipeline_", "log_events_total"].iter().any(|begin| name.starts_with(begin));
        assert!(ours, "{name}: what is ours begins so");
        assert_eq!(name.ends_with("_total"), *kind == "counter", "{name} is a {kind}");
        assert!(*kind != "histogram" || name.ends_with("_seconds"), "{name}: a unit");
        for unit in ["_ms", "_millis", "_kb", "_mb", "_percent", "_count", "_sum", "_bucket"] {
            assert!(!name.ends_with(unit), "{name}: base units, and no ending of another kind");
        }
        assert!(told.text.contains(&format!("# HELP {name} ")), "{name} says what it is");
    }
    for (sample, value) in &told.samples {
        let name = sample.split('{').next().unwrap();
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
            let family = name.strip_suffix(end)?;
            (families.get(family) == Some(&"histogram")).then_some(family)
        });
        assert!(families.contains_key(family.unwrap_or(name)), "{sample} belongs to no metric");
        assert!(value.is_finite() && *value >= 0.0, "{sample} {value}");
        assert!(!sample.contains("://") && !sample.contains("127.0.0.1"), "{sample} names a site");
    }
    for name in families.iter().filter(|(_, kind)| **kind == "histogram").map(|(name, _)| name) {
        // By their labels; in the order of their bounds, which the text has.
        let buckets: Vec<f64> = told
            .text
            .lines()
            .filter(|line| line.starts_with(&format!("{name}_bucket")))
            .map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
            .collect();
        for of_one in buckets.chunks(21) {
            assert!(of_one.len() == 21 && of_one.is_sorted(), "{name}: {of_one:?}");
        }
    }
}

/// Debian has it in the package `prometheus`.
pub(super) fn promtool() -> Option<Command> {
    let there =
        Command::new("promtool").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if there.is_err() {
        eprintln!("NOT TESTED by promtool, which is not here (Debian: apt-get install prometheus)");
        return None;
    }
    Some(Command::new("promtool"))
}

fn checked_by_promtool(text: &str) {
    let Some(mut promtool) = promtool() else { return };
    let mut check =
        promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    check.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let checked = check.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && said.is_empty(), "{said}\n{text}");
}

/// The metrics in docs/metrics.md.
pub(super) fn documented() -> BTreeSet<String> {
    rows().into_iter().map(|(name, _)| name).collect()
}

/// The metrics of a server in docs/operating.md.
pub(crate) fn of_a_server() -> BTreeSet<String> {
    let text = fs::read_to_string(repository().join("docs/operating.md")).unwrap();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("dragline_serve_")).map(str::to_owned).collect()
}

fn known(name: &str) -> Option<String> {
    rows().into_iter().find(|(known, _)| known == name).map(|(_, kind)| kind)
}

fn rows() -> Vec<(String, String)> {
    let text = fs::read_to_string(repository().join("docs/metrics.md")).unwrap();
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        Some((cells.next()?.trim_end_matches('`').to_owned(), cells.next()?.to_owned()))
    });
    rows.collect()
}

#[test]
fn the_table_of_metrics_is_made_of_the_declarations() {
    let document = fs::read_to_string(repository().join("docs/metrics.md")).unwrap();
    let call = dragline();
    let copy = call.folder().join("metrics.md");
    fs::write(&copy, &document).unwrap();
    call.clone().args(["config", "reference", "metrics.md"]).run().assert_code(0);
    let same = fs::read_to_string(&copy).unwrap() == document;
    assert!(same, "run `cargo run -- config reference docs/metrics.md`: a metric's declaration has changed");
}
