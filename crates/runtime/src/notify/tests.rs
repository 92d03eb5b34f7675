//! Messages, with a real server that takes them, refuses them, hangs or is absent.

use std::sync::Arc;
use std::time::Instant as Clock;

use dragline_core::stop::{Stop, StopReason};
use dragline_core::worker::Worker;
use dragline_testkit::{Answer, Site};

use super::*;

const PATIENCE: Duration = Duration::from_secs(3);

fn deliver_to(url: &str, limit: Duration) -> Result<u32, String> {
    let address = NotifyAddress::parse(url, None).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let poster = Poster::new(&ClientSettings::default()).unwrap();
    runtime.block_on(deliver(&poster, &address, "{\"a\":1}", limit))
}

#[test]
fn a_server_that_fails_once_is_asked_again() {
    let site = Site::builder().answers("/hook", [Answer::new(500), Answer::new(204)]).start();
    assert_eq!(deliver_to(&site.url("/hook"), PATIENCE), Ok(2));
    let received = site.received();
    let [first, second] = &*received else { panic!("{received:?}") };
    for asked in [first, second] {
        assert_eq!((asked.method.as_str(), &*asked.body), ("POST", b"{\"a\":1}".as_slice()));
        assert_eq!(asked.header("content-type"), Some("application/json"));
    }
    assert!(second.at - first.at >= FIRST_PAUSE);
}

#[test]
fn a_server_that_asks_for_more_time_than_there_is_is_not_asked_again() {
    let busy = Answer::new(429).header("Retry-After", "60");
    let site = Site::builder().answers("/hook", [busy, Answer::new(200)]).start();
    let problem = deliver_to(&site.url("/hook"), PATIENCE).unwrap_err();
    assert!(problem.contains("HTTP 429") && site.hits("/hook") == 1, "{problem}");
}

#[test]
fn a_refusal_is_final() {
    for (status, says) in
        [(302, "moved"), (403, "refuses the address"), (404, "nobody"), (400, "--notify-format")]
    {
        let site = Site::builder().page("/hook", Answer::new(status).header("Location", "/there")).start();
        let problem = deliver_to(&site.url("/hook"), PATIENCE).unwrap_err();
        assert!(problem.contains(says) && site.total_hits() == 1, "{problem}");
    }
}

#[test]
fn nobody_holds_up_the_end_for_longer_than_the_limit() {
    let hangs = Site::builder().page("/hook", Answer::new(200)).start();
    hangs.hold();
    let absent = {
        let site = Site::builder().start();
        site.url("/hook")
    };
    let limit = Duration::from_secs(1);
    for (url, says) in [(hangs.url("/hook"), "does not answer"), (absent, "connection refused")] {
        let began = Clock::now();
        let problem = deliver_to(&url, limit).unwrap_err();
        assert!(problem.contains(says), "{problem}");
        // The machine may be busy.
        assert!(began.elapsed() < limit + PATIENCE, "{:?}", began.elapsed());
        assert!(!problem.contains("/hook"), "{problem}");
    }
    assert_eq!(hangs.hits("/hook"), 2, "a server that hangs once is asked again");
}

#[test]
fn all_addresses_share_one_limit() {
    let (hangs, well) = (Site::builder().start(), Site::builder().page("/b", Answer::new(200)).start());
    hangs.hold();
    let address = |url: &str| NotifyAddress::parse(url, None).unwrap();
    let messages = vec![
        (address(&hangs.url("/a")), "{}".to_owned()),
        (address(&well.url("/b")), "{}".to_owned()),
        (address(&hangs.url("/c")), "{}".to_owned()),
    ];
    let poster = Poster::new(&ClientSettings::default()).unwrap();
    let blocking = Blocking::new().unwrap();
    let limit = Duration::from_secs(1);
    let began = Clock::now();
    assert!(blocking.unless_cut(deliver_all(poster, messages, limit)).is_some());
    assert!(began.elapsed() < limit + PATIENCE, "{:?}", began.elapsed());
    assert_eq!(well.hits("/b"), 1);
}

#[test]
fn a_signal_cuts_it_off() {
    let hangs = Arc::new(Site::builder().start());
    hangs.hold();
    let stop = Stop::new();
    let blocking = Blocking::new().unwrap().until(&stop);
    let poster = Poster::new(&ClientSettings::default()).unwrap();
    let address = NotifyAddress::parse(&hangs.url("/hook"), None).unwrap();
    let (site, cut) = (Arc::clone(&hangs), stop.clone());
    let signal = Worker::spawn("signal", move || {
        dragline_testkit::wait_until("the message is on its way", PATIENCE, || site.waiting() > 0);
        cut.request(StopReason::Signal("SIGTERM"));
    });
    let began = Clock::now();
    let done = blocking.unless_cut(deliver_all(poster, vec![(address, "{}".to_owned())], 10 * PATIENCE));
    assert!(done.is_none() && began.elapsed() < 2 * PATIENCE, "{:?}", began.elapsed());
    signal.unwrap().join_until(Clock::now() + PATIENCE).unwrap();
}

#[test]
fn an_address_is_a_secret() {
    let token = "T0/B0/xk3Jq9ZpLm2Rw8Vt";
    let address = NotifyAddress::parse(&format!("https://hooks.slack.com/services/{token}"), None).unwrap();
    assert_eq!(format!("{address:?}"), "NotifyAddress(hooks.slack.com, Slack)");
    for text in [
        format!("no route to https://hooks.slack.com/services/{token}"),
        format!("POST /services/{token}"),
        "the token xk3Jq9ZpLm2Rw8Vt".to_owned(),
    ] {
        let hidden = secrets::hide(&text);
        assert!(!hidden.contains("xk3Jq9ZpLm2Rw8Vt"), "{hidden}");
    }
    assert_eq!(secrets::hide("all services are well"), "all services are well");
    for wrong in
        ["", "hunter2-hunter2", "ftp://me:hunter2@a.example/", "mailto:hunter2@a.example", "https://:hunter2"]
    {
        let problem = NotifyAddress::parse(wrong, None).unwrap_err();
        assert!(problem.contains("https://host/path") && !problem.contains("hunter2"), "{problem}");
    }
}

#[test]
fn the_host_decides_the_format_unless_it_is_given() {
    for (host, format) in [
        ("hooks.slack.com", NotifyFormat::Slack),
        ("slack.com", NotifyFormat::Slack),
        ("discord.com", NotifyFormat::Discord),
        ("ptb.discord.com", NotifyFormat::Discord),
        ("discordapp.com", NotifyFormat::Discord),
        ("notslack.com", NotifyFormat::Plain),
        ("slack.com.example", NotifyFormat::Plain),
        ("127.0.0.1", NotifyFormat::Plain),
    ] {
        assert_eq!(NotifyFormat::of_host(host), format, "{host}");
    }
    let address = NotifyAddress::parse("https://chat.example/hook", Some(NotifyFormat::Slack)).unwrap();
    assert_eq!(address.format, NotifyFormat::Slack);
}
