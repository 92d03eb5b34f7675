//! Texts that look like secrets.

use std::borrow::Cow;
use std::sync::LazyLock;

use percent_encoding::percent_decode_str;
use regex::{Captures, Regex};
use serde_json::Value as Json;
use url::Url;

use super::given;
use super::names::is_secret_name;

/// What stands in place of a secret.
pub const HIDDEN: &str = "***";

/// A shape, and what is shown instead of a text of this shape.
struct Shape {
    pattern: Regex,
    shown: fn(&Captures<'_>) -> String,
}

/// In this order: what one leaves is not read again as another.
static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    [
        // scheme://user:password@host. A password may contain an @, and even a slash if the port is not a number.
        (r#"(?i)\b([a-z][a-z0-9+.-]*://)([^\s/?#"<>\\]*)@"#, user_of_url as fn(&Captures<'_>) -> String),
        (r#"(?i)\b([a-z][a-z0-9+.-]*://)([^\s/?#"<>@:\[\]\\]+:[0-9]*[^\s/?#"<>@0-9\\][^\s"<>@\\]*)@"#, user_of_url),
        // user:password@host. The address behind mailto: has no password.
        (r#"(^|[\s"'=(,`])([\w.+-]+):([^\s:@/"'`]+)@([\w.\[-])"#, |found| {
            let is_address = found[2].eq_ignore_ascii_case("mailto");
            let shown = if is_address { &found[3] } else { HIDDEN };
            format!("{}{}:{shown}@{}", &found[1], &found[2], &found[4])
        }),
        // A parameter of a URL's path, and then of its query or fragment.
        (r#"(;)([^=&;#?/\s"'<>`\\]+)=([^&;#?\s"'<>`)\\]+)"#, |found| {
            named(found, &decoded(&found[2]), format!(";{}={HIDDEN}", &found[2]))
        }),
        (r#"([?&#])([^=&;#?/\s"'<>`\\]+)=([^&;#\s"'<>`)\\]+)"#, |found| {
            named(found, &decoded(&found[2]), format!("{}{}={HIDDEN}", &found[1], &found[2]))
        }),
        // name=value and name = 'the value'
        (r#"(^|[\s"'(,{\[`])([A-Za-z_][\w.\[\]-]*)(\s?=\s?)("[^"\n]*"|'[^'\n]*'|\\"[^"\\\n]*\\"|[^\s"'`<>\\]+)"#, |found| {
            named(found, &found[2], format!("{}{}{}{HIDDEN}", &found[1], &found[2], &found[3]))
        }),
        // "name": "value" of JSON, also in a text that is quoted itself
        (r#"(\\?")([\w. -]+)(\\?"\s*:\s*\\?")((?:[^"\\]|\\[^"])*)"#, |found| {
            named(found, &found[2], format!("{}{}{}{HIDDEN}", &found[1], &found[2], &found[3]))
        }),
        // A header, to the end of its line
        (r#"(?i)\b(authorization|cookie|[a-z]+(?:-[a-z0-9]+)+)(:[ \t]*)([^\n"'`…\\]+)"#, |found| {
            named(found, &found[1], format!("{}{}{HIDDEN}", &found[1], &found[2]))
        }),
        (r"(?i)\b(bearer|basic)(\s+)([\w.~+/=-]+)", credentials),
        // A JSON web token
        (r"(?-u)\beyJ[\w-]{4,}\.[\w-]{4,}\.[\w-]*", hidden),
        (KEYS, hidden),
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)", hidden),
    ]
    .into_iter()
    .filter_map(|(pattern, shown)| Some(Shape { pattern: Regex::new(pattern).ok()?, shown }))
    .collect()
});

/// Keys that say whose they are: AWS, GitHub, GitLab, Stripe, keys of the form `sk-`, Slack, Google, `SendGrid`, npm,
/// Hugging Face, `DigitalOcean`. They are ASCII. With the letters of all alphabets, `\w{20,}` took four fifths of the time that this
/// module needs before its first text.
const KEYS: &str = r"(?-u)\b(?:(?:AKIA|ASIA)[0-9A-Z]{8,}|gh[pousr]_\w{6,}|github_pat_\w{6,}|glpat-[\w-]{6,}|[rsp]k_(?:live|test)_\w+|sk-[\w-]{16,}|xox[abeoprs]-[\w-]{6,}|AIza[\w-]{20,}|SG\.[\w-]{10,}\.[\w-]{10,}|npm_\w{20,}|hf_\w{20,}|do[op]_v1_\w{20,})";

/// A text without its secrets, for people.
///
/// ```
/// use dragline_spider::secrets::hide;
///
/// assert_eq!(hide("no route to postgres://me:hunter2@db/crawls"), "no route to postgres://me:***@db/crawls");
/// assert_eq!(hide("GET https://a.example/?page=2&token=hunter2"), "GET https://a.example/?page=2&token=***");
/// ```
pub fn hide(text: &str) -> Cow<'_, str> {
    let by_shape = SHAPES.iter().fold(Cow::Borrowed(text), |text, shape| {
        match shape.pattern.replace_all(&text, shape.shown) {
            Cow::Borrowed(_) => text,
            Cow::Owned(hidden) => Cow::Owned(hidden),
        }
    });
    given::hide(by_shape)
}

/// A URL without its secrets, for people.
pub fn hide_in_url(url: &Url) -> String {
    hide(url.as_str()).into_owned()
}

/// Every text in a JSON value without its secrets.
pub fn hide_in_json(json: &mut Json) {
    match json {
        Json::String(text) => {
            if let Cow::Owned(hidden) = hide(text) {
                *text = hidden;
            }
        }
        Json::Array(list) => list.iter_mut().for_each(hide_in_json),
        Json::Object(map) => map.values_mut().for_each(hide_in_json),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// The value of an argument or a setting of this name, for people.
pub fn hide_value<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if is_secret_name(name) || given::is_given(value) { Cow::Borrowed(HIDDEN) } else { hide(value) }
}

/// A website's user name may be a token, so it is hidden, too. That of a database says who was refused.
fn user_of_url(found: &Captures<'_>) -> String {
    let is_of_web = ["http", "https", "ws", "wss"]
        .iter()
        .any(|scheme| found[1].trim_end_matches("://").eq_ignore_ascii_case(scheme));
    match found[2].split_once(':') {
        Some((user, _)) if !is_of_web => format!("{}{user}:{HIDDEN}@", &found[1]),
        None if !is_of_web => found[0].to_owned(),
        _ => format!("{}{HIDDEN}@", &found[1]),
    }
}

/// `shown` if the name is secret, or else what was found.
fn named(found: &Captures<'_>, name: &str, shown: String) -> String {
    if is_secret_name(name) { shown } else { found[0].to_owned() }
}

fn decoded(name: &str) -> Cow<'_, str> {
    percent_decode_str(name).decode_utf8_lossy()
}

/// `Bearer` and `Basic` are also words: what follows must not be one.
fn credentials(found: &Captures<'_>) -> String {
    let (scheme, value) = (&found[1], &found[3]);
    let is_word = value.chars().all(char::is_alphabetic)
        && (value.chars().skip(1).all(char::is_lowercase) || value == "TOKEN");
    let is_credential =
        if scheme.eq_ignore_ascii_case("basic") { !is_word && value.len() >= 8 } else { !is_word };
    if is_credential { format!("{scheme}{}{HIDDEN}", &found[2]) } else { found[0].to_owned() }
}

fn hidden(_found: &Captures<'_>) -> String {
    HIDDEN.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_a_valid_pattern() {
        assert_eq!(SHAPES.len(), 12);
    }

    #[test]
    fn secrets_are_hidden_and_the_rest_stays() {
        for (text, shown) in [
            ("postgres://me:hunter2@db/crawls", "postgres://me:***@db/crawls"),
            ("postgres://me:hunt@er2@db/crawls", "postgres://me:***@db/crawls"),
            ("postgres://me:hunt/er2@db/crawls", "postgres://me:***@db/crawls"),
            ("postgres://me:hunter2@db:port/crawls", "postgres://me:***@db:port/crawls"),
            (
                "postgres://me@db/crawls?password=hunter2&sslmode=require",
                "postgres://me@db/crawls?password=***&sslmode=require",
            ),
            ("host=db password=hunter2 dbname=x", "host=db password=*** dbname=x"),
            ("host=db password='hunter2 x' dbname=x", "host=db password=*** dbname=x"),
            ("host=db password = hunter2&x", "host=db password = ***"),
            ("error: 'mysql://me:hunter2@h/d' is no spider", "error: 'mysql://me:***@h/d' is no spider"),
            ("https://hunter2@a.example/x", "https://***@a.example/x"),
            ("https://me:hunter2@a.example:80/@me", "https://***@a.example:80/@me"),
            ("socks5h://me:hunter2@p:1", "socks5h://me:***@p:1"),
            ("me:hunter2@p.example:8080", "me:***@p.example:8080"),
            (
                "GET https://a.example/?a=1&access%5Ftoken=hunter2&b=2#x",
                "GET https://a.example/?a=1&access%5Ftoken=***&b=2#x",
            ),
            ("https://a.example/x;jsessionid=hunter2?page=2", "https://a.example/x;jsessionid=***?page=2"),
            ("https://a.example/#access_token=hunter2&x=1", "https://a.example/#access_token=***&x=1"),
            ("(https://a.example/?sig=hunter2), next", "(https://a.example/?sig=***), next"),
            (r#"{"user":"me","password":"hunter2"}"#, r#"{"user":"me","password":"***"}"#),
            (r#"body "{\"api_key\": \"hunter2\"}""#, r#"body "{\"api_key\": \"***\"}""#),
            ("Authorization: hunter2 x\nAccept: */*", "Authorization: ***\nAccept: */*"),
            ("sent X-Api-Key: hunter2", "sent X-Api-Key: ***"),
            ("set-cookie: a=hunter2; Path=/", "set-cookie: ***"),
            ("https://a.example=Bearer hunter2", "https://a.example=Bearer ***"),
            ("got bearer hunter2.", "got bearer ***"),
            ("Basic bWU6aHVudGVyMg==", "Basic ***"),
            ("x eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl y", "x *** y"),
            ("AKIAIOSFODNN7EXAMPLE", "***"),
            ("ghp_hunter2hunter2 glpat-hunter2-x sk_live_hunter2", "*** *** ***"),
            ("-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY----- x", "*** x"),
        ] {
            assert_eq!(hide(text), shown);
        }
    }

    #[test]
    fn what_is_no_secret_stays_as_it_is() {
        for text in [
            "https://a.example/list?keyword=love&author=me&page=2",
            "https://medium.example/@me/post",
            "mailto:somebody@a.example",
            "https://[::1]:8080/@me and me@b.example",
            "postgres://me@db/crawls",
            "sqlite:dragline.db",
            "tag=love",
            "-a category=travel",
            "duplicate key value violates unique constraint",
            "Key (text)=(x) already exists",
            "a basic structure, and a bearer of news; Basic Instinct",
            "give it as --auth 'https://a.example=USER:PASSWORD' or 'ORIGIN=Bearer TOKEN'",
            "content-type: text/html",
            "2026-11-26T12:30:00Z INFO started",
            "the argument \"api_token\" is missing",
            "git@github.com:me/x.git",
        ] {
            assert_eq!(hide(text), text);
        }
    }

    #[test]
    fn a_value_is_hidden_by_its_name_or_its_shape() {
        assert_eq!(hide_value("api_key", "x y"), HIDDEN);
        assert_eq!(hide_value("feed", "https://a.example/?token=x"), "https://a.example/?token=***");
        assert_eq!(hide_value("tag", "love"), "love");
        let mut json = serde_json::json!({ "at": ["x", { "url": "https://a.example/?token=x" }], "n": 1 });
        hide_in_json(&mut json);
        assert_eq!(json.to_string(), r#"{"at":["x",{"url":"https://a.example/?token=***"}],"n":1}"#);
    }
}
