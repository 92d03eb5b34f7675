//! The requests that one call of `Output::follow` or `Output::follow_all` has emitted, to say more about them.

use serde_json::Value as Json;

use super::Request;
use crate::proxy::Proxy;

/// The links that were just followed. They are emitted already; each method says something about all of them.
///
/// ```
/// use dragline_spider::{Output, StoredPage};
///
/// let page = StoredPage::new("https://example.com/", "<li class=next><a href=/page/2>2</a>").page()?;
/// let mut out = Output::new();
/// out.follow_all(&page, "li.next a").with_tag("list").with_priority(5).with_meta("page", 2);
/// assert_eq!((out.requests()[0].tag(), out.requests()[0].priority()), ("list", 5));
/// # Ok::<(), dragline_spider::Error>(())
/// ```
#[derive(Debug)]
pub struct Followed<'a> {
    requests: &'a mut [Request],
}

impl<'a> Followed<'a> {
    pub(crate) fn new(requests: &'a mut [Request]) -> Self {
        Self { requests }
    }

    /// How many links were followed. Links that are not http(s) URLs do not count.
    pub fn count(&self) -> usize {
        self.requests.len()
    }

    /// See [`Request::with_tag`].
    #[allow(clippy::return_self_not_must_use)] // the requests are emitted, whatever happens to this value
    pub fn with_tag(self, tag: &str) -> Self {
        self.each(|request| tag.clone_into(&mut request.tag))
    }

    /// See [`Request::with_priority`].
    #[allow(clippy::return_self_not_must_use)]
    pub fn with_priority(self, priority: i32) -> Self {
        self.each(|request| request.priority = priority)
    }

    /// See [`Request::with_meta`].
    #[allow(clippy::return_self_not_must_use)]
    pub fn with_meta(self, name: &str, value: impl Into<Json>) -> Self {
        let value = value.into();
        self.each(|request| drop(request.meta.insert(name.to_owned(), value.clone())))
    }

    /// See [`Request::with_header`].
    #[allow(clippy::return_self_not_must_use)]
    pub fn with_header(self, name: &str, value: &str) -> Self {
        self.each(|request| request.headers.push((name.to_owned(), value.to_owned())))
    }

    /// See [`Request::with_session`].
    #[allow(clippy::return_self_not_must_use)]
    pub fn with_session(self, name: &str) -> Self {
        self.each(|request| request.options.session = Some(name.to_owned()))
    }

    /// See [`Request::with_proxy`].
    #[allow(clippy::return_self_not_must_use, clippy::needless_pass_by_value)] // as the builder of a request has it
    pub fn with_proxy(self, proxy: Proxy) -> Self {
        self.each(|request| request.options.proxy = Some(proxy.clone()))
    }

    /// See [`Request::with_max_retries`].
    #[allow(clippy::return_self_not_must_use)]
    pub fn with_max_retries(self, retries: u32) -> Self {
        self.each(|request| request.options.max_retries = Some(retries))
    }

    /// See [`Request::without_retries`].
    #[allow(clippy::return_self_not_must_use)]
    pub fn without_retries(self) -> Self {
        self.with_max_retries(0)
    }

    /// See [`Request::without_cookies`].
    #[allow(clippy::return_self_not_must_use)]
    pub fn without_cookies(self) -> Self {
        self.each(|request| request.options.cookies = false)
    }

    /// See [`Request::without_filter`].
    #[allow(clippy::return_self_not_must_use)]
    pub fn without_filter(self) -> Self {
        self.each(|request| request.is_unfiltered = true)
    }

    fn each(self, change: impl Fn(&mut Request)) -> Self {
        self.requests.iter_mut().for_each(change);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn followed_links_are_what_the_builder_of_a_request_makes() {
        let request = || Request::get("http://a.example/").unwrap();
        let mut followed = vec![request(), request()];
        Followed::new(&mut followed)
            .with_tag("book")
            .with_priority(5)
            .with_meta("page", 2)
            .with_header("Accept", "text/html")
            .with_session("ann")
            .with_proxy("http://p.example:3128".parse().unwrap())
            .without_retries()
            .without_cookies()
            .without_filter();
        let expected = request()
            .with_tag("book")
            .with_priority(5)
            .with_meta("page", 2)
            .with_header("Accept", "text/html")
            .with_session("ann")
            .with_proxy("http://p.example:3128".parse().unwrap())
            .without_retries()
            .without_cookies()
            .without_filter();
        assert_eq!(followed, [expected.clone(), expected]);
    }
}
