//! Robots rules on pages: `X-Robots-Tag`, `<meta name="robots">` and `rel="nofollow"`.
//!
//! These rules are meant for search engines, so they are obeyed only if a setting asks for it. Two of them matter to a crawl:
//! `nofollow` (do not follow the links) and `noindex` (do not keep the items). `none` means both. Rules for all robots and rules
//! for this crawler apply together.

use std::collections::HashSet;

use dragline_core::{Page, Request};
use http::Method;
use url::Url;

use crate::refusals::Refusals;
use crate::robots::{PageRule, RobotsSettings};
use crate::scope::LinkRefusal;

/// The rules of a page that are obeyed.
#[derive(Debug, Default)]
pub(crate) struct PageRobots {
    /// Do not follow the links of the page.
    nofollow: bool,
    /// Do not keep the items of the page.
    noindex: bool,
    /// The targets of links that must not be followed.
    links: HashSet<Url>,
}

impl PageRobots {
    /// # Panics
    /// Panics if the page cannot be parsed, as [`Page::select`] does.
    pub(crate) fn of(page: &Page, settings: &RobotsSettings) -> Self {
        let obeys = |rule| settings.page.contains(&rule);
        let mut said = Self::default();
        if settings.page.is_empty() {
            return said;
        }
        for tag in page.response().headers.get_all("x-robots-tag") {
            said.hear(&String::from_utf8_lossy(tag.as_bytes()), settings.agent());
        }
        if page.is_html() {
            for meta in page.select("meta[name][content]") {
                let name = meta.own_attr("name").unwrap_or_default().trim();
                if name.eq_ignore_ascii_case("robots") || name.eq_ignore_ascii_case(settings.agent()) {
                    said.hear_rules(meta.own_attr("content").unwrap_or_default());
                }
            }
            if obeys(PageRule::Nofollow) && !said.nofollow {
                said.links = links(page);
            }
        }
        said.nofollow &= obeys(PageRule::Nofollow);
        said.noindex &= obeys(PageRule::Noindex);
        said
    }

    /// The requests of the page that may be made. `refusals` gets the others.
    pub(crate) fn allowed(&self, requests: Vec<Request>, refusals: &mut impl Refusals) -> Vec<Request> {
        let (forbidden, allowed): (Vec<Request>, Vec<Request>) =
            requests.into_iter().partition(|request| self.forbids(request));
        for request in forbidden {
            tracing::debug!(url = request.url().as_str(), "not followed, because the page forbids it");
            refusals.link(LinkRefusal::NoFollow, request.url());
        }
        allowed
    }

    fn forbids(&self, request: &Request) -> bool {
        if self.nofollow || self.links.is_empty() || *request.method() != Method::GET {
            return self.nofollow;
        }
        let mut url = request.url().clone();
        url.set_fragment(None);
        self.links.contains(&url)
    }

    /// Whether the items of the page must not be kept.
    pub(crate) fn forbids_items(&self) -> bool {
        self.noindex
    }

    /// Reads one `X-Robots-Tag`. It has rules for all robots, and after `name:` rules for one robot.
    fn hear(&mut self, tag: &str, agent: &str) {
        let mut is_for_us = true;
        for part in tag.split(',') {
            let rule = match part.split_once(':') {
                Some((name, _)) if has_value(name.trim()) || name.trim().contains(' ') => continue,
                Some((name, rule)) => {
                    is_for_us = name.trim().eq_ignore_ascii_case(agent);
                    rule
                }
                None => part,
            };
            if is_for_us {
                self.hear_rules(rule);
            }
        }
    }

    fn hear_rules(&mut self, rules: &str) {
        for rule in rules.split(|between: char| between == ',' || between.is_whitespace()) {
            let is = |name: &str| rule.eq_ignore_ascii_case(name);
            self.nofollow |= is("nofollow") || is("none");
            self.noindex |= is("noindex") || is("none");
        }
    }
}

/// Whether a rule has a value after a colon. A date in the value may have more colons, and spaces.
fn has_value(name: &str) -> bool {
    let valued = ["unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"];
    valued.iter().any(|rule| name.eq_ignore_ascii_case(rule))
}

/// The targets of links with `rel=nofollow`, except those that a link without it also leads to.
fn links(page: &Page) -> HashSet<Url> {
    let (mut forbidden, mut followed) = (HashSet::new(), HashSet::new());
    for link in page.select("a[href], area[href]") {
        let Ok(request) = page.request(link.own_attr("href").unwrap_or_default()) else { continue };
        let mut words = link.own_attr("rel").unwrap_or_default().split_ascii_whitespace();
        let is_forbidden = words.any(|word| word.eq_ignore_ascii_case("nofollow"));
        let urls = if is_forbidden { &mut forbidden } else { &mut followed };
        urls.insert(request.url().clone());
    }
    forbidden.retain(|url| !followed.contains(url));
    forbidden
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::Response;

    fn said(headers: &[&'static str], html: &str, nofollow: bool, noindex: bool) -> PageRobots {
        let request = Request::get("http://a.example/").unwrap();
        let mut response = Response::stored(request, html.to_owned());
        for value in headers {
            response.headers.append("x-robots-tag", http::HeaderValue::from_static(value));
        }
        let rules = [(nofollow, PageRule::Nofollow), (noindex, PageRule::Noindex)];
        let page = rules.into_iter().filter_map(|(is_obeyed, rule)| is_obeyed.then_some(rule)).collect();
        let settings = RobotsSettings { page, ..RobotsSettings::default() };
        PageRobots::of(&Page::new(response), &settings)
    }

    #[test]
    fn headers_and_metas_are_heard() {
        let rules = |headers: &[&'static str], html: &str| {
            let said = said(headers, html, true, true);
            (said.nofollow, said.noindex)
        };
        for (header, expected) in [
            ("nofollow", (true, false)),
            ("NOINDEX, NoFollow", (true, true)),
            ("none", (true, true)),
            ("all", (false, false)),
            ("otherbot: none", (false, false)),
            ("Dragline: nofollow", (true, false)),
            ("otherbot: noindex, nofollow, dragline: noindex", (false, true)),
            ("unavailable_after: 25 Jun 2030 15:00:00 PST, nofollow", (true, false)),
            ("unavailable_after: Tue, 25 Jun 2030 15:00:00 PST, nofollow", (true, false)),
            ("max-snippet:0, noindex", (false, true)),
            ("nofollowing", (false, false)),
        ] {
            assert_eq!(rules(&[header], ""), expected, "{header}");
        }
        assert_eq!(rules(&["otherbot: none", "noindex"], ""), (false, true));
        for (html, expected) in [
            ("<meta name=robots content='noindex,nofollow'>", (true, true)),
            ("<META NAME='ROBOTS' CONTENT='Index, NoFollow'>", (true, false)),
            ("<meta name=dragline content=none>", (true, true)),
            ("<meta name=googlebot content=none>", (false, false)),
            ("<p>nofollow</p>", (false, false)),
        ] {
            assert_eq!(rules(&[], html), expected, "{html}");
        }
        let partly = said(&["none"], "", false, true);
        assert!(partly.forbids_items() && !partly.forbids(&Request::get("http://a.example/x").unwrap()));
    }

    #[test]
    fn links_are_forbidden_unless_another_one_leads_there() {
        let html = "<a href=/a rel='external NoFollow'>a</a> <a href=/b rel=nofollow>b</a> <a href=/b#x>b</a> \
            <a href=/c>c</a>";
        let get = |path: &str| Request::get(format!("http://a.example{path}")).unwrap();
        let obeyed = said(&[], html, true, false);
        assert!(obeyed.forbids(&get("/a")) && obeyed.forbids(&get("/a#part")));
        assert!(!obeyed.forbids(&get("/b")) && !obeyed.forbids(&get("/c")) && !obeyed.forbids(&get("/d")));
        assert!(!obeyed.forbids(&Request::post("http://a.example/a", "x").unwrap()));
        assert!(!said(&[], html, false, true).forbids(&get("/a")));
    }
}
