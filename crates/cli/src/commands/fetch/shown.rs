//! The description of a visit: each request, its answer, and the time it took.

use std::fmt::Write as _;
use std::time::Duration;

use dragline_core::counted::counted;
use dragline_core::{Response, secrets};
use dragline_engine::{Hop, HopAnswer, RobotsRule, RobotsTxt, Visit};
use http::StatusCode;
use http::header::CONTENT_ENCODING;
use serde_json::{Value as Json, json};

/// The text for people.
pub(super) fn text(visit: &Visit) -> String {
    let mut text = String::new();
    for (at, hop) in visit.hops.iter().enumerate() {
        let is_last = at + 1 == visit.hops.len();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} {}", hop.queued.request.method(), url(hop));
        let _ = writeln!(text, "  robots   {}", robots(&hop.robots));
        for sitemap in robots_txt(&hop.robots).into_iter().flat_map(|file| &file.sitemaps) {
            let _ = writeln!(text, "  sitemap  {sitemap}");
        }
        if let Some(answer) = &hop.answer {
            answered(&mut text, answer);
        }
        match (&visit.end, is_last) {
            (Ok(page), true) => {
                let coding = hop.answer.as_ref().and_then(coding);
                let coding = coding.map_or_else(String::new, |coding| format!(", sent as {coding}"));
                let _ = writeln!(text, "  body     {}{coding}", counted(page.body.len(), "byte"));
            }
            (Err(problem), true) => {
                let _ = writeln!(text, "  end      {problem}");
            }
            _ => {}
        }
    }
    text
}

fn answered(text: &mut String, answer: &HopAnswer) {
    let reason = StatusCode::from_u16(answer.status).ok().and_then(|status| status.canonical_reason());
    let reason = reason.map_or_else(String::new, |reason| format!(" {reason}"));
    let _ = writeln!(text, "  status   {:?} {}{reason}", answer.version, answer.status);
    let connect = match answer.connect {
        Some(time) => format!("connected after {}", seconds(time)),
        None => "connected before".to_owned(),
    };
    let (first, total) = (seconds(answer.first_byte), seconds(answer.total));
    let _ = writeln!(text, "  time     {connect}, first byte after {first}, in all {total}");
    for (name, value) in &answer.headers {
        let _ = writeln!(text, "  header   {name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
}

/// The JSON for programs.
pub(super) fn json(visit: &Visit) -> Json {
    let hops: Vec<Json> = visit.hops.iter().map(hop).collect();
    let last = visit.hops.last();
    json!({
        "url": visit.hops.first().map(url),
        "final_url": last.map(url),
        "status": last.and_then(|hop| hop.answer.as_ref()).map(|answer| answer.status),
        "bytes": visit.end.as_ref().ok().map(|page: &Response| page.body.len()),
        "content_encoding": last.and_then(|hop| hop.answer.as_ref()).and_then(coding),
        "error": visit.end.as_ref().err().map(ToString::to_string),
        "hops": hops,
    })
}

fn hop(hop: &Hop) -> Json {
    let answer = hop.answer.as_ref().map(|answer| {
        let headers: Vec<Json> = answer
            .headers
            .iter()
            .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
            .collect();
        json!({
            "http_version": format!("{:?}", answer.version),
            "status": answer.status,
            "headers": headers,
            "connect_seconds": answer.connect.map(|time| time.as_secs_f64()),
            "first_byte_seconds": answer.first_byte.as_secs_f64(),
            "total_seconds": answer.total.as_secs_f64(),
        })
    });
    json!({
        "method": hop.queued.request.method().as_str(),
        "url": url(hop),
        "robots": robots(&hop.robots),
        "robots_txt": robots_txt(&hop.robots).map(robots_json),
        "answer": answer,
    })
}

fn robots(rule: &RobotsRule) -> String {
    let (word, file) = match rule {
        RobotsRule::NotAsked => return "not asked".to_owned(),
        RobotsRule::Unreachable(reason) => return format!("unreachable: {reason}"),
        RobotsRule::Allowed(file) => ("allowed", file),
        RobotsRule::Denied(file) => ("denied", file),
    };
    let line = file.decided_by.as_ref().map_or_else(String::new, |line| format!(" ({line})"));
    let delay = file.honoured_delay.map_or_else(String::new, |delay| {
        let asked = file.crawl_delay.filter(|asked| *asked > delay);
        let asked =
            asked.map_or_else(String::new, |asked| format!(" (it asks for {} s)", asked.as_secs_f64()));
        format!(", one request in {} s{asked}", delay.as_secs_f64())
    });
    format!("{word}{line}{delay}")
}

fn robots_json(file: &RobotsTxt) -> Json {
    json!({
        "line": file.decided_by.as_ref().map(|by| by.line),
        "rule": file.decided_by.as_ref().map(|by| &by.rule),
        "crawl_delay_seconds": file.crawl_delay.map(|delay| delay.as_secs_f64()),
        "honoured_delay_seconds": file.honoured_delay.map(|delay| delay.as_secs_f64()),
        "sitemaps": file.sitemaps,
    })
}

fn robots_txt(rule: &RobotsRule) -> Option<&RobotsTxt> {
    match rule {
        RobotsRule::Allowed(file) | RobotsRule::Denied(file) => Some(file),
        RobotsRule::NotAsked | RobotsRule::Unreachable(_) => None,
    }
}

fn coding(answer: &HopAnswer) -> Option<&str> {
    answer.headers.get(CONTENT_ENCODING)?.to_str().ok()
}

/// People paste this output elsewhere.
fn url(hop: &Hop) -> String {
    secrets::hide_in_url(hop.queued.request.url())
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}
