//! The links of a page, as they are kept for later runs: a JSON list of requests without their defaults.

use dragline_core::{Request, RequestOptions};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::columns::{RequestRow, json_text};

/// A request without its defaults, so that a plain link is little more than its URL.
#[derive(Debug, Serialize, Deserialize)]
struct KeptLink {
    url: String,
    #[serde(default = "get", skip_serializing_if = "is_get")]
    method: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Vec<u8>>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    tag: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    meta: Map<String, Json>,
    #[serde(default, skip_serializing_if = "is_zero")]
    priority: i32,
    #[serde(default, skip_serializing_if = "is_false")]
    dont_filter: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    options: RequestOptions,
}

fn get() -> String {
    Method::GET.to_string()
}

fn is_get(method: &str) -> bool {
    method == Method::GET.as_str()
}

fn is_default(options: &RequestOptions) -> bool {
    *options == RequestOptions::default()
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(number: &i32) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_false(value: &bool) -> bool {
    !*value
}

/// The links as JSON text.
pub(crate) fn links_text(links: &[Request]) -> String {
    let kept: Vec<KeptLink> = links
        .iter()
        .map(|link| {
            let row = RequestRow::of_request(link);
            let RequestRow { url, method, headers, body, tag, meta, options, priority, dont_filter, .. } =
                row;
            KeptLink { url, method, headers, body, tag, meta, priority, dont_filter, options }
        })
        .collect();
    json_text(&kept)
}

/// The links of such a text.
///
/// # Errors
/// A message that says what cannot be read.
pub(crate) fn read_links(text: &str) -> Result<Vec<Request>, String> {
    let kept: Vec<KeptLink> =
        serde_json::from_str(text).map_err(|error| format!("the links of a page cannot be read: {error}"))?;
    kept.into_iter().map(KeptLink::into_request).collect()
}

impl KeptLink {
    fn into_request(self) -> Result<Request, String> {
        let Self { url, method, headers, body, tag, meta, priority, dont_filter, options } = self;
        let of_frontier = RequestRow::default();
        RequestRow { url, method, headers, body, tag, meta, options, priority, dont_filter, ..of_frontier }
            .into_request()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_link_is_kept_as_its_url() {
        let link = Request::get("http://a.example/x?y=1").unwrap();
        let text = links_text(std::slice::from_ref(&link));
        assert_eq!(text, r#"[{"url":"http://a.example/x?y=1"}]"#);
        assert_eq!(read_links(&text).unwrap(), [link]);
        assert_eq!(read_links("[]").unwrap(), []);
    }

    #[test]
    fn whatever_a_request_carries_is_kept() {
        let link = Request::get("http://a.example/search")
            .unwrap()
            .with_method(Method::POST)
            .with_body(vec![0, 255, b'a'])
            .with_header("X-Own", "1")
            .with_tag("page")
            .with_meta("rank", 3)
            .with_priority(-2)
            .with_session("ann")
            .with_max_retries(0)
            .without_filter();
        assert_eq!(read_links(&links_text(std::slice::from_ref(&link))).unwrap(), [link]);
    }

    #[test]
    fn a_text_that_cannot_be_read_says_so() {
        for text in ["", "{}", r#"[{"url":"nonsense"}]"#, r#"[{"url":"http://a.example/","method":"G T"}]"#] {
            assert!(read_links(text).is_err(), "{text}");
        }
    }
}
