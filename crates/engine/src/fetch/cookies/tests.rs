//! Where cookies are sent, which changes are stored, and the limits on jars.

use super::*;

fn get(url: &str) -> Request {
    Request::get(url).unwrap()
}

fn headers(cookies: &[&str]) -> HeaderMap {
    cookies.iter().map(|cookie| (SET_COOKIE, HeaderValue::from_str(cookie).unwrap())).collect()
}

fn jars() -> Jars {
    Jars::new(CookieMode::Stored, &[])
}

fn sent(jars: &Jars, request: &Request) -> String {
    jars.header(request).map_or_else(String::new, |header| header.to_str().unwrap().to_owned())
}

fn after(url: &str, cookies: &[&str], then: &str) -> String {
    let jars = jars();
    jars.receive(&get(url), &headers(cookies));
    sent(&jars, &get(then))
}

#[test]
fn a_cookie_is_sent_only_where_it_belongs() {
    let page = "http://www.shop.example/a/b";
    for (cookie, to, expected) in [
        ("s=1", "http://www.shop.example/a/c", "s=1"),
        ("s=1", "http://www.shop.example/x", ""),
        ("s=1; Path=/", "http://www.shop.example:8080/x", "s=1"),
        ("s=1; Path=/", "http://shop.example/", ""),
        ("s=1; Path=/; Domain=shop.example", "http://shop.example/", "s=1"),
        ("s=1; Path=/; Domain=.shop.example", "https://m.shop.example/", "s=1"),
        ("s=1; Path=/; Domain=other.example", "http://other.example/", ""),
        ("s=1; Path=/; Secure", "http://www.shop.example/", ""),
        ("s=1; Path=/; Secure", "https://www.shop.example/", "s=1"),
        ("s=1; Path=/; Max-Age=0", page, ""),
        ("s=1; Path=/; Expires=Wed, 21 Oct 2015 07:28:00 GMT", page, ""),
        ("s=1; Path=/; Max-Age=100; Expires=Wed, 21 Oct 2015 07:28:00 GMT", page, "s=1"),
        // Each of these dates is in the past, in a form that a strict reader does not know.
        ("s=1; Path=/; Expires=Thu, 1 Jan 1970 00:00:00 GMT", page, ""),
        ("s=1; Path=/; Expires=Thursday, 1-Jan-1970 00:00:00 UTC", page, ""),
        ("s=1; Path=/; expires=Thu 01 Jan 1970 00:00:00 +0000", page, ""),
        ("s=1; Path=/; Expires=\"Thu, 01-Jan-70 0:0:1\"", page, ""),
        ("s=1; Path=/; Max-Age=; Expires=Thu, 1 Jan 1970 00:00:00", page, ""),
        ("s=1; Path=/; Max-Age=-5", page, ""),
        // Of several, the last that can be read counts. One that can't be read does not delete the cookie.
        ("s=1; Path=/; Expires=1 Jan 2099 00:00:00; Expires=1 Jan 1970 00:00:00", page, ""),
        ("s=1; Path=/; Expires=1 Jan 1970 00:00:00; Expires=1 Jan 2099 00:00:00; Expires=0", page, "s=1"),
        ("s=1; Path=/; Expires=0", page, "s=1"),
        ("s=1; Path=/; Max-Age=soon; Max-Age=", page, "s=1"),
        ("s=\"a b\"; HttpOnly; SameSite=Strict; Path=/", page, "s=\"a b\""),
        ("nonsense", page, ""),
    ] {
        assert_eq!(after(page, &[cookie], to), expected, "{cookie}");
    }
    assert_eq!(after(page, &["a=1; Path=/", "b=2; Path=/a", "c=3; Path=/"], page), "b=2; a=1; c=3");
    assert_eq!(after(page, &["a=1; Path=/", "a=2; Path=/"], page), "a=2");
    assert_eq!(after("http://127.0.0.1:1/", &["a=1"], "http://127.0.0.1:2/"), "a=1");
}

#[test]
fn a_log_out_deletes_the_cookie_whatever_the_form_of_its_date() {
    for date in ["Thu, 1 Jan 1970 00:00:00 UTC", "Thursday, 01-Jan-1970 00:00:00 GMT", "1 Jan 1970 0:0:0"] {
        let (jars, url) = (jars(), get("http://www.shop.example/account"));
        jars.receive(&url, &headers(&["session=ann; Path=/; Expires=Fri, 1 Jan 2099 0:00:00 +0100"]));
        assert_eq!(sent(&jars, &url), "session=ann", "{date}");
        let changes = jars.receive(&url, &headers(&[&format!("session=; Path=/; Expires={date}")]));
        assert_eq!(sent(&jars, &url), "", "{date}");
        assert!(changes.len() == 1 && changes[0].cookie.is_none(), "the store forgets it too: {changes:?}");
    }
}

#[test]
fn a_cookie_for_a_public_suffix_is_refused() {
    assert_eq!(after("http://a.co.uk/", &["s=1; Domain=co.uk"], "http://b.co.uk/"), "");
    assert_eq!(after("http://a.co.uk/", &["s=1; Domain=co.uk"], "http://a.co.uk/"), "");
    assert_eq!(after("http://ann.github.io/", &["s=1; Domain=github.io"], "http://ben.github.io/"), "");
    assert_eq!(after("http://github.io/", &["s=1; Domain=github.io"], "http://github.io/"), "s=1");
    assert_eq!(after("http://github.io/", &["s=1; Domain=github.io"], "http://ann.github.io/"), "");
}

#[test]
fn each_session_has_its_own_jar() {
    let (jars, url) = (jars(), "http://a.example/");
    jars.receive(&get(url).with_session("ann"), &headers(&["s=ann"]));
    jars.receive(&get(url), &headers(&["s=all"]));
    assert_eq!(sent(&jars, &get(url).with_session("ann")), "s=ann");
    assert_eq!(sent(&jars, &get(url).with_session("ben")), "");
    assert_eq!(sent(&jars, &get(url)), "s=all");
    assert_eq!(sent(&jars, &get(url).without_cookies()), "");
    assert!(jars.receive(&get(url).without_cookies(), &headers(&["t=1"])).is_empty());
    assert_eq!(sent(&jars, &get(url)), "s=all");
}

#[test]
fn the_requests_own_cookies_take_precedence() {
    let (jars, url) = (jars(), "http://a.example/");
    jars.receive(&get(url), &headers(&["a=1", "b=2"]));
    assert_eq!(sent(&jars, &get(url).with_header("cookie", "b=mine; c=3")), "a=1; b=mine; c=3");
    assert_eq!(sent(&jars, &get(url).with_header("Cookie", "c=3").without_cookies()), "c=3");
    let off = Jars::new(CookieMode::Off, &[]);
    assert!(off.receive(&get(url), &headers(&["a=1"])).is_empty());
    assert_eq!(
        (sent(&off, &get(url)), sent(&off, &get(url).with_header("Cookie", "c=3"))),
        (String::new(), "c=3".into())
    );
}

#[test]
fn stored_changes_restore_the_jars() {
    let (first, url) = (jars(), "http://www.a.example/");
    let ann = get(url).with_session("ann");
    let mut changes =
        first.receive(&ann, &headers(&["s=1; Domain=a.example; Secure", "t=2; Max-Age=5000", "u=3"]));
    assert!(first.receive(&ann, &headers(&["u=3", "t=2; Max-Age=5010"])).is_empty(), "nothing new");
    assert_eq!(first.receive(&ann, &headers(&["t=2; Max-Age=9000"])).len(), 1);
    changes.extend(first.receive(&ann, &headers(&["u=; Max-Age=0", "s=2; Domain=a.example; Secure"])));
    changes.extend(first.receive(&ann, &headers(&["none=; Max-Age=0"])));
    assert_eq!(changes.len(), 5);
    let stored: Vec<StoredCookie> = dragline_core::cookies::latest(&changes).into_iter().cloned().collect();
    assert!(!format!("{stored:?}").contains("cookie"), "logs must not show a value");

    let resumed = Jars::new(CookieMode::Stored, &stored);
    assert_eq!(sent(&resumed, &ann), "t=2");
    let secure = get("https://m.a.example/").with_session("ann");
    assert_eq!(sent(&resumed, &secure), "s=2");
    assert_eq!(sent(&resumed, &get(url)), "");
    let next = resumed.receive(&ann, &headers(&["v=1"]));
    assert!(next[0].version > changes.iter().map(|change| change.version).max().unwrap());

    let memory = Jars::new(CookieMode::Memory, &stored);
    assert_eq!(sent(&memory, &ann), "");
    assert!(memory.receive(&ann, &headers(&["s=1"])).is_empty());
    assert_eq!(sent(&memory, &ann), "s=1");
}

#[test]
fn jars_are_limited_and_lose_their_oldest_cookies() {
    let (jars, request) = (jars(), get("http://a.example/"));
    for number in 0..MAX_PER_SITE {
        jars.receive(&request, &headers(&[&format!("c{number}=1")]));
    }
    // This makes the oldest cookie the newest.
    jars.receive(&request, &headers(&["c0=2"]));
    let changes = jars.receive(&request, &headers(&["more=1"]));
    let gone: Vec<&str> =
        changes.iter().filter(|change| change.cookie.is_none()).map(|change| change.name.as_str()).collect();
    assert_eq!(gone, ["c1"]);
    assert_eq!(sent(&jars, &request).split("; ").count(), MAX_PER_SITE);

    assert!(
        jars.receive(&request, &headers(&[&format!("large={}", "x".repeat(MAX_COOKIE_BYTES))])).is_empty()
    );
    let large = "x".repeat(4_000);
    for number in 0..3_000 {
        let host = get(&format!("http://host{number}.example/"));
        jars.receive(&host, &headers(&[&format!("c={large}")]));
    }
    let inner = jars.lock();
    assert!(inner.bytes <= MAX_BYTES && inner.bytes > MAX_BYTES - 2 * MAX_COOKIE_BYTES);
    assert_eq!(inner.bytes, inner.ages.values().map(|place| place.bytes).sum::<usize>());
    assert_eq!(inner.sites.len(), inner.ages.len());
}

#[test]
fn a_cookie_has_the_length_that_browsers_allow() {
    let page = "http://a.example/a/b";
    let sent_bytes = |cookie: &str| after(page, &[cookie], page).len();
    let value = "x".repeat(lengths::MAX_PAIR_BYTES - 1);
    assert_eq!(sent_bytes(&format!("s={value}")), "s=".len() + value.len());
    assert_eq!(sent_bytes(&format!(" s = {value} ; Secure=")), 0, "it is for https");
    assert_eq!(sent_bytes(&format!("s=x{value}")), 0);
    assert_eq!(sent_bytes(&format!("{value}xy=")), 0);
    // An attribute that is too long counts as absent.
    let path = "/a".repeat(lengths::MAX_ATTRIBUTE_BYTES / 2);
    assert_eq!(after(page, &[&format!("s=1; Path={path}")], page), "");
    assert_eq!(after(page, &[&format!("s=1; Path={path}a")], page), "s=1");
    assert_eq!(after(page, &[&format!("s=1; Path=/; Path={path}a")], "http://a.example/"), "s=1");
    assert_eq!(after(page, &[&format!("s=1; Domain={}", "x".repeat(2_000))], page), "s=1");
}

/// Otherwise a resumed run would not send what an undisturbed one sends.
#[test]
fn a_cookie_that_no_store_keeps_is_not_taken() {
    let (jars, request) = (jars(), get("http://a.example/"));
    let changes = jars.receive(&request, &headers(&[&format!("{}=1", "n".repeat(2_700)), "s=2"]));
    assert_eq!(sent(&jars, &request), "s=2");
    assert!(changes.len() == 1 && changes[0].fits());
    // Without an attribute for it, the path is that of the page.
    let deep = get(&format!("http://a.example/{}/b", "p".repeat(3_000)));
    assert!(jars.receive(&deep, &headers(&["t=1"])).is_empty());
    assert_eq!(sent(&jars, &deep), "s=2");
}
