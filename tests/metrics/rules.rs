//! Alerts and dashboard: they name metrics that there are, and do what their own tests say. That each query answers
//! beside a crawl is shown by `tests/dashboards.sh`.

use super::documents::{documented, of_a_server, promtool};
use super::*;

#[test]
fn alerts_and_dashboard_name_metrics_that_there_are() {
    let known: BTreeSet<String> = documented().union(&of_a_server()).cloned().collect();
    for file in ["prometheus/alerts.yml", "prometheus/alerts_test.yml", "grafana/dragline.json"] {
        let text = fs::read_to_string(repository().join("deploy").join(file)).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let ours = ["dragline_", "pipeline_", "log_events_"];
        let named: BTreeSet<&str> =
            words.filter(|word| ours.iter().any(|begin| word.starts_with(begin))).collect();
        assert!(named.len() > 10, "{file}");
        for name in named {
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let is_known = known.contains(name) || family.is_some_and(|family| known.contains(family));
            assert!(
                is_known,
                "{file} names {name}, which is not a metric (docs/metrics.md, docs/operating.md)"
            );
        }
    }
}

#[test]
fn alerts_do_what_their_tests_say() {
    let folder = repository().join("deploy/prometheus");
    let alerts = fs::read_to_string(folder.join("alerts.yml")).unwrap();
    let tests = fs::read_to_string(folder.join("alerts_test.yml")).unwrap();
    for alert in alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(tests.contains(&format!("alertname: {alert}\n")), "alerts_test.yml has no test of {alert}");
    }
    for check in [["check", "config", "prometheus.yml"], ["test", "rules", "alerts_test.yml"]] {
        let Some(mut promtool) = promtool() else { return };
        let done = promtool.args(check).current_dir(&folder).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{check:?}: {said}");
    }
}
