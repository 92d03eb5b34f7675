//! What the check of the settings refuses, by concern.

use super::*;

fn told(change: impl FnOnce(&mut EngineSettings)) -> String {
    EngineSettings::default().but(change).validate().unwrap_err().to_string()
}

#[test]
fn the_defaults_are_valid_and_nonsense_is_named() {
    EngineSettings::default().validate().unwrap();
    assert_eq!(told(|it| it.concurrency = 0), "concurrency = 0 cannot be: it must be at least 1");
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-9] {
        assert!(told(|it| it.pace.rate_per_second = Some(rate)).starts_with("rate_per_second = "), "{rate}");
    }
    assert_eq!(
        told(|it| it.pace.rate_per_second = Some(1e-320)),
        "rate_per_second = 1e-320 cannot be: it must be a number between 1/86400 and 1e9"
    );
    for agent in ["a\nb", "a\u{7f}b", "\0"] {
        let told = told(|it| agent.clone_into(&mut it.client.user_agent));
        assert!(told.starts_with("user_agent = \"") && !told.contains('\n'), "{told}");
    }
    let foxes =
        EngineSettings::default().but(|it| it.client.user_agent = "Füchse/1 (+http://a.example)".into());
    foxes.validate().unwrap();
    assert!(told(|it| it.concurrency = usize::MAX).contains("at most"));
    assert!(told(|it| it.crawl_threads = 1_000_000).contains("at most"));
}

#[test]
fn each_concern_is_checked() {
    assert!(told(|it| it.limits.failed_share = Some(1.5)).starts_with("max_failed_share = 1.5"));
    assert!(told(|it| it.window.per_host = 0).starts_with("window_per_host = 0"));
    assert!(told(|it| it.pace.host_concurrency = 0).starts_with("host_concurrency = 0"));
    assert!(told(|it| it.robots.agent.clear()).starts_with("robots_agent = \"\""));
    assert!(told(|it| it.links.max_url_bytes = 0).starts_with("max_url_bytes = 0"));
    assert!(told(|it| it.fetch.read_timeout = Duration::ZERO).starts_with("read_timeout = 0ns"));
}
