//! Invalid settings are refused.

use super::*;

fn problem(change: impl FnOnce(&mut EngineSettings)) -> String {
    EngineSettings::default().but(change).validate().unwrap_err().to_string()
}

#[test]
fn the_defaults_are_valid_and_errors_name_the_setting() {
    EngineSettings::default().validate().unwrap();
    assert_eq!(problem(|it| it.concurrency = 0), "concurrency = 0 is invalid: it must be at least 1");
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-9] {
        assert!(
            problem(|it| it.pace.rate_per_second = Some(rate)).starts_with("rate_per_second = "),
            "{rate}"
        );
    }
    assert_eq!(
        problem(|it| it.pace.rate_per_second = Some(1e-320)),
        "rate_per_second = 1e-320 is invalid: it must be a number between 1/86400 and 1e9"
    );
    for agent in ["a\nb", "a\u{7f}b", "\0"] {
        let problem = problem(|it| agent.clone_into(&mut it.client.user_agent));
        assert!(problem.starts_with("user_agent = \"") && !problem.contains('\n'), "{problem}");
    }
    let foxes =
        EngineSettings::default().but(|it| it.client.user_agent = "Füchse/1 (+http://a.example)".into());
    foxes.validate().unwrap();
    assert!(problem(|it| it.concurrency = usize::MAX).contains("at most"));
    assert!(problem(|it| it.crawl_threads = 1_000_000).contains("at most"));
}

#[test]
fn the_settings_of_each_part_are_checked() {
    assert!(problem(|it| it.limits.failed_share = Some(1.5)).starts_with("max_failed_share = 1.5"));
    assert!(problem(|it| it.limits.invalid_share = Some(-0.5)).starts_with("max_invalid_share = -0.5"));
    assert!(problem(|it| it.window.per_host = 0).starts_with("window_per_host = 0"));
    assert!(problem(|it| it.pace.host_concurrency = 0).starts_with("host_concurrency = 0"));
    assert!(problem(|it| it.robots.agent = Some(String::new())).starts_with("robots_agent = \"\""));
    assert!(problem(|it| it.links.max_url_bytes = 0).starts_with("max_url_bytes = 0"));
    assert!(problem(|it| it.fetch.read_timeout = Duration::ZERO).starts_with("read_timeout = 0ns"));
}
