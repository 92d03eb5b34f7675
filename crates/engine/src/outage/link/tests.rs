//! The decisions about single failures and answers.

use super::*;

fn link() -> Link {
    Link::new(&OutageSettings::default())
}

fn fail(link: &mut Link, host: &str, fault: Fault, others: &[&str], now: Instant) -> Judgement {
    let others: Vec<Arc<str>> = others.iter().map(|host| (*host).into()).collect();
    let failed = Failed { who: host.into(), fault, error: "connection refused", is_known_to_fail: false };
    link.failed(failed, &others, now)
}

fn answer(link: &mut Link, host: &str, now: Instant) -> News {
    let request = Request::get(format!("http://{host}/")).unwrap();
    link.answered(&host.into(), &request, Proof::WayWorks, now, now)
}

#[test]
fn too_few_hosts_are_judged_at_once() {
    let (mut link, now) = (link(), Instant::now());
    for _ in 0..10 {
        assert_eq!(fail(&mut link, "a", Fault::HostOrWay, &["b"], now), Judgement::Now);
        assert_eq!(fail(&mut link, "b", Fault::HostOrWay, &["a"], now), Judgement::Now);
    }
    assert!(link.may_send() && matches!(link.step(0, now), Step::Nothing));
    assert_eq!(fail(&mut link, "c", Fault::Request, &["a", "b"], now), Judgement::Now);
}

#[test]
fn an_answer_of_another_host_ends_a_doubt() {
    let (mut link, now) = (link(), Instant::now());
    assert_eq!(fail(&mut link, "a", Fault::HostOrWay, &["b", "c"], now), Judgement::Later);
    let old = Request::get("http://b/").unwrap();
    assert_eq!(link.answered(&"b".into(), &old, Proof::Nothing, now, now), News::Nothing);
    if let Some(early) = now.checked_sub(DOUBT_FOR) {
        let news = link.answered(&"b".into(), &old, Proof::WayWorks, early, now);
        assert_eq!(news, News::Nothing, "it may have been answered before the link broke");
    }
    assert_eq!(answer(&mut link, "b", now), News::Cleared);
    assert_eq!(answer(&mut link, "b", now), News::Nothing);
}

#[test]
fn a_doubt_is_settled_by_asking_a_host_that_answered_before() {
    let (mut link, now) = (link(), Instant::now());
    answer(&mut link, "b", now);
    fail(&mut link, "a", Fault::HostOrWay, &["b", "c"], now);
    assert!(matches!(link.step(3, now), Step::Nothing));
    let later = now + DOUBT_FOR;
    assert!(matches!(link.step(3, later), Step::Ask(host, _) if &*host == "b"));
    assert!(matches!(link.step(3, later), Step::Nothing), "one at a time");
    assert_eq!(link.probe_answered(later), News::Cleared);
    // Now it does not answer either, but two hosts are too few.
    fail(&mut link, "a", Fault::HostOrWay, &["b", "c"], now);
    assert!(matches!(link.step(3, later), Step::Ask(..)));
    link.probe_failed("b".into(), Fault::HostOrWay, "connection refused", later);
    assert!(matches!(link.step(3, later), Step::Judge) && link.outage().is_none());
}

#[test]
fn a_host_that_answered_before_and_has_no_name_or_no_route_now_shows_an_outage() {
    for fault in [Fault::Names, Fault::Way] {
        let (mut link, now) = (link(), Instant::now());
        answer(&mut link, "b", now);
        assert_eq!(fail(&mut link, "a", Fault::HostOrWay, &["b", "c"], now), Judgement::Later);
        let later = now + DOUBT_FOR;
        assert!(matches!(link.step(8, later), Step::Ask(host, _) if &*host == "b"));
        link.probe_failed("b".into(), fault, "no answer of a name server", later);
        assert!(matches!(link.step(8, later), Step::Pause), "{fault:?}");
        assert_eq!(link.outage().map(|(_, error)| error), Some("no answer of a name server"));
    }
}

#[test]
fn if_nobody_answers_it_is_an_outage_until_somebody_does() {
    let (mut link, now) = (link(), Instant::now());
    for host in ["a", "b", "c"] {
        assert_eq!(fail(&mut link, host, Fault::HostOrWay, &["a", "b", "c"], now), Judgement::Later);
    }
    assert!(!link.may_send());
    assert!(matches!(link.step(2, now), Step::Nothing), "two requests may still be answered");
    assert!(matches!(link.step(0, now), Step::Pause) && link.outage().is_some());
    assert_eq!(fail(&mut link, "d", Fault::HostOrWay, &[], now), Judgement::Excused);
    let mut at = now;
    for _ in 0..20 {
        at = link.next_step().unwrap();
        assert!(matches!(link.step(0, at), Step::Try));
        link.probe_ended(at);
        assert!(link.next_step().unwrap() <= at + LONGEST_PAUSE);
    }
    let request = Request::get("http://a/").unwrap();
    let early = now.checked_sub(Duration::from_secs(9)).unwrap_or(now);
    let news = link.answered(&"a".into(), &request, Proof::WayWorks, early, at);
    assert!(news == News::Nothing || early == now, "it may have been answered before the link broke");
    assert_eq!(answer(&mut link, "a", at), News::Over);
    assert!(link.may_send() && link.outage().is_none());
}

#[test]
fn a_failure_of_ours_is_an_outage_at_once_and_not_for_ever() {
    let (mut link, now) = (link(), Instant::now());
    assert_eq!(fail(&mut link, "a", Fault::Ours, &[], now), Judgement::Excused);
    link.slept(Duration::from_secs(3600));
    let (early, late) = (now + Duration::from_secs(5399), now + Duration::from_secs(5400));
    assert!(matches!(link.step(0, early), Step::Try));
    assert!(matches!(link.step(0, late), Step::GiveUp(what) if what.starts_with("connection refused")));
}

#[test]
fn a_host_without_a_name_says_nothing_about_name_servers() {
    let (mut link, now) = (link(), Instant::now());
    answer(&mut link, "127.0.0.1", now);
    assert_eq!(fail(&mut link, "a.example", Fault::Names, &[], now), Judgement::Later);
    assert_eq!(answer(&mut link, "127.0.0.2", now), News::Nothing);
    assert!(matches!(link.step(0, now), Step::Pause), "nobody can be asked");
    assert_eq!(answer(&mut link, "127.0.0.2", now), News::Nothing);
    assert_eq!(answer(&mut link, "b.example", now), News::Over);
}

#[test]
fn without_a_route_one_host_is_enough_unless_others_get_through() {
    let (mut link, now) = (link(), Instant::now());
    assert_eq!(fail(&mut link, "a", Fault::Way, &[], now), Judgement::Later);
    assert!(matches!(link.step(0, now), Step::Pause));
    answer(&mut link, "b", now);
    assert_eq!(fail(&mut link, "a", Fault::Way, &[], now), Judgement::Later);
    assert!(link.may_send() && matches!(link.step(0, now), Step::Ask(..)));
    assert_eq!(link.probe_answered(now), News::Cleared);
}
