//! The rule for "the same request": how the URLs of two requests are compared.
//!
//! A run keeps one rule from its first start to its last. Requests are stored under fingerprints made by this rule, and another
//! rule would treat done pages as new. So the rule is stored with the run's arguments.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use url::Url;

use crate::canonical::{Ignored, canonical_without, verbatim_without};

/// Decides when two requests are the same. The method, the URL, the body and the session always count. The rule says which
/// parts of the URL count.
///
/// ```
/// use dragline_spider::{Fingerprint, Request, SameRequest};
///
/// let rule = SameRequest::canonical().with_ignored(["utm_*", "gclid"]);
/// let fingerprint = |url| Request::get(url).map(|request| Fingerprint::by(&rule, &request));
/// assert_eq!(
///     fingerprint("https://shop.example/list?page=2&sort=price&utm_source=mail")?,
///     fingerprint("https://shop.example/list?sort=price&page=2")?,
/// );
/// # Ok::<(), dragline_spider::RequestError>(())
/// ```
///
/// Whatever the rule, a request is sent to the URL as it was found first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SameRequest {
    is_verbatim: bool,
    /// Sorted, without duplicates.
    ignored: Arc<[String]>,
    /// Whether the ignored parameters of the path do count. Runs that began before there was a rule for paths keep it so.
    keeps_path_parameters: bool,
}

impl SameRequest {
    /// The default rule: URLs are the same if they have the same canonical spelling. The order of parameters, the escaping of
    /// characters and the fragment do not count.
    pub fn canonical() -> Self {
        Self::default()
    }

    /// URLs are the same if they are spelled alike, except for the fragment. Use it for a site where `?a=1&b=2` and `?b=2&a=1`
    /// are different pages.
    pub fn verbatim() -> Self {
        Self { is_verbatim: true, ..Self::default() }
    }

    /// Adds parameters that do not count: those of the query (`?name=value`) and those of the path (`/item;name=value`). A `*` at
    /// the end stands for the rest of the name. Upper and lower case differ in a query. They are the same in a path, because
    /// servers write `;jsessionid=` and name the cookie `JSESSIONID`.
    ///
    /// ```
    /// use dragline_spider::SameRequest;
    ///
    /// let rule = SameRequest::canonical().with_ignored(["jsessionid"]);
    /// let spelling = |url: &str| rule.spelling(&url.parse().unwrap());
    /// assert_eq!(spelling("http://a.example/item;jsessionid=1F/2?page=2"), "http://a.example/item/2?page=2");
    /// ```
    #[must_use]
    pub fn with_ignored<P: Into<String>>(mut self, parameters: impl IntoIterator<Item = P>) -> Self {
        let named = parameters.into_iter().map(Into::into).filter(|name: &String| !name.is_empty());
        let mut ignored: Vec<String> = self.ignored.iter().cloned().chain(named).collect();
        ignored.sort_unstable();
        ignored.dedup();
        self.ignored = ignored.into();
        self
    }

    /// The part of a URL that counts.
    pub fn spelling(&self, url: &Url) -> String {
        let ignored = Ignored { names: &self.ignored, in_path: !self.keeps_path_parameters };
        if self.is_verbatim { verbatim_without(url, ignored) } else { canonical_without(url, ignored) }
    }

    /// Its stored form.
    pub fn to_json(&self) -> Json {
        json!({
            "urls": self.urls(),
            "ignored_parameters": &*self.ignored,
            "path_parameters": if self.keeps_path_parameters { "count" } else { "ignored" },
        })
    }

    /// From its stored form. `None` if the text is invalid.
    pub fn from_json(json: &Json) -> Option<Self> {
        let rule = match json["urls"].as_str()? {
            "canonical" => Self::canonical(),
            "verbatim" => Self::verbatim(),
            _ => return None,
        };
        let ignored: Option<Vec<&str>> =
            json["ignored_parameters"].as_array()?.iter().map(Json::as_str).collect();
        let rule = rule.with_ignored(ignored?);
        // Version 6 stored no rule for paths. Without ignored parameters, there is nothing to tell apart.
        let keeps_path_parameters = match json["path_parameters"].as_str() {
            Some("ignored") => false,
            Some("count") => true,
            Some(_) => return None,
            None => !rule.ignored.is_empty(),
        };
        Some(Self { keeps_path_parameters, ..rule })
    }

    fn urls(&self) -> &'static str {
        if self.is_verbatim { "verbatim" } else { "canonical" }
    }
}

/// The rule in one line, for people.
impl std::fmt::Display for SameRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} URLs", self.urls())?;
        if self.ignored.is_empty() {
            return Ok(());
        }
        write!(f, " without {}", self.ignored.join(", "))?;
        if self.keeps_path_parameters { f.write_str(" in the query") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(rule: &SameRequest, url: &str) -> String {
        rule.spelling(&Url::parse(url).unwrap())
    }

    #[test]
    fn ignored_parameters_do_not_count() {
        let canonical = SameRequest::canonical().with_ignored(["utm_*", "gclid", "säson"]);
        let verbatim = SameRequest::verbatim().with_ignored(["utm_*"]).with_ignored(["gclid", "säson", ""]);
        for (found, as_canonical, as_verbatim) in [
            ("?utm_source=a&b=2&a=1#x", "?a=1&b=2", "?b=2&a=1"),
            ("?b=2&utm_=&gclid&a=%7e", "?a=~&b=2", "?b=2&a=%7e"),
            ("?b=2;a=1&gclid=3", "?a=1&b=2", "?b=2;a=1"),
            ("?b=2;gclid=3&a=1", "?a=1&b=2", "?b=2;a=1"),
            ("?utm%5fmedium=x", "", ""),
            ("?s%C3%A4son=2&S%C3%A4son=1", "?S%C3%A4son=1", "?S%C3%A4son=1"),
            ("?gclids=1&xutm_=2&utm=3", "?gclids=1&utm=3&xutm_=2", "?gclids=1&xutm_=2&utm=3"),
            ("?&a=1&utm_a", "?a=1", "?&a=1"),
            ("?", "", "?"),
            ("", "", ""),
        ] {
            let found = format!("http://a.example/%7e{found}");
            assert_eq!(spelled(&canonical, &found), format!("http://a.example/~{as_canonical}"), "{found}");
            assert_eq!(spelled(&verbatim, &found), format!("http://a.example/%7e{as_verbatim}"), "{found}");
        }
        assert_eq!(
            spelled(&SameRequest::canonical().with_ignored(["*"]), "http://a.example/?a"),
            "http://a.example/"
        );
    }

    #[test]
    fn ignored_parameters_of_a_path_do_not_count_in_any_segment() {
        let ignored = ["jsessionid", "cf*", "säson", "v"];
        let canonical = SameRequest::canonical().with_ignored(ignored);
        let verbatim = SameRequest::verbatim().with_ignored(ignored);
        for (found, spelling) in [
            ("/item/1;jsessionid=0AF", "/item/1"),
            ("/item/1;JSessionID=0AF!-12?a=1", "/item/1?a=1"),
            ("/shop;jsessionid=0AF/item/1", "/shop/item/1"),
            ("/;jsessionid=0AF", "/"),
            ("/item;color=red;jsessionid=0AF;size=2", "/item;color=red;size=2"),
            ("/item;cfid=1;cftoken=2;x", "/item;x"),
            ("/item;jsessionid", "/item"),
            ("/item;jsessionids=1;", "/item;jsessionids=1;"),
            ("/jsessionid=1;a=jsessionid=2", "/jsessionid=1;a=jsessionid=2"),
            ("/x;v=1,2", "/x"),
            ("/item;s%C3%A4son=2", "/item"),
            ("/item;jsessionid=a%2Fb/c", "/item/c"),
        ] {
            let (found, spelling) =
                (format!("http://a.example{found}"), format!("http://a.example{spelling}"));
            assert_eq!(spelled(&canonical, &found), spelling, "{found}");
            assert_eq!(spelled(&verbatim, &found), spelling, "{found}");
        }
        // An escaped semicolon means the same to the canonical rule.
        assert_eq!(spelled(&canonical, "http://a.example/item%3bjsessionid=1"), "http://a.example/item");
    }

    #[test]
    fn a_run_from_before_the_rule_for_paths_keeps_its_rule() {
        let wanted = SameRequest::canonical().with_ignored(["jsessionid"]);
        let stored = json!({ "urls": "canonical", "ignored_parameters": ["jsessionid"] });
        let rule = SameRequest::from_json(&stored).unwrap();
        let found = "http://a.example/item;jsessionid=1?jsessionid=2";
        assert_eq!(spelled(&rule, found), "http://a.example/item;jsessionid=1");
        assert_eq!(rule.to_string(), "canonical URLs without jsessionid in the query");
        assert_ne!(rule, wanted);
        assert_eq!(SameRequest::from_json(&rule.to_json()), Some(rule));
        let nothing_ignored = json!({ "urls": "verbatim", "ignored_parameters": [] });
        assert_eq!(SameRequest::from_json(&nothing_ignored), Some(SameRequest::verbatim()));
    }

    #[test]
    fn verbatim_is_as_found_but_for_the_fragment() {
        let found = "http://a.example/%7e?b=2&a=1&&c;d=%2f+%20?";
        assert_eq!(spelled(&SameRequest::verbatim(), &format!("{found}#top")), found);
    }

    #[test]
    fn a_rule_is_stored_and_comes_back() {
        for rule in [
            SameRequest::canonical(),
            SameRequest::verbatim(),
            SameRequest::canonical().with_ignored(["utm_*", "a,b \"c\""]),
            SameRequest::verbatim().with_ignored(["*"]),
        ] {
            assert_eq!(SameRequest::from_json(&rule.to_json()), Some(rule));
        }
        // However it was put together.
        let rule = SameRequest::canonical().with_ignored(["b", "a"]);
        assert_eq!(rule, SameRequest::canonical().with_ignored(["a"]).with_ignored(["b", "a"]));
        assert_eq!(rule.to_string(), "canonical URLs without a, b");
        for other in [
            json!(null),
            json!({}),
            json!({ "urls": "sorted", "ignored_parameters": [] }),
            json!({ "urls": "verbatim" }),
            json!({ "urls": "verbatim", "ignored_parameters": [], "path_parameters": "sorted" }),
        ] {
            assert_eq!(SameRequest::from_json(&other), None, "{other}");
        }
    }
}
