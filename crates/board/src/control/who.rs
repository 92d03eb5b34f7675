//! The person or program that asks, and whether a request was made on purpose.
//!
//! A program sends its token in the header `Authorization`. A person signs in once, and then has a session. A page of another site
//! can make a browser send requests with the cookie of that session, so a request of a browser must come from a page of this
//! server: the browser says where it comes from, and the form has a secret of the session.

use axum::response::Response;
use http::header::{AUTHORIZATION, COOKIE, HOST, HeaderName, ORIGIN};
use http::{HeaderMap, StatusCode};

use super::Controlled;
use super::sessions::{Session, is_same};
use super::tokens::NotAccepted;
use crate::answer::Refused;
use crate::bound::Caller;

/// The cookie of a session.
pub(crate) const COOKIE_NAME: &str = "dragline_session";
/// The field of a form that has the secret of its session.
pub(crate) const FORM_TOKEN: &str = "form_token";
/// Where a browser says that a request comes from.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

tokio::task_local! {
    /// The person who looks at the page that is being made. A page has many parts, and any of them may have a button.
    pub(crate) static VIEWER: Viewer;
}

/// A person who looks at a page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Viewer {
    /// Whether anything can be done here.
    pub(crate) is_controlled: bool,
    /// The name, if that is known.
    pub(crate) name: Option<String>,
    /// The secret of the forms. Without it, the page has no buttons.
    pub(crate) form_token: Option<String>,
    /// Whether signing out means something.
    pub(crate) has_session: bool,
}

/// The person for whom the page is being made.
pub(crate) fn viewer() -> Viewer {
    VIEWER.try_with(Clone::clone).unwrap_or_default()
}

/// Somebody who may act.
pub(crate) struct Who {
    /// For the log and the list of actions.
    pub(crate) name: String,
    session: Option<Session>,
}

impl Controlled {
    /// The person of a request for a page.
    pub(crate) fn viewer(&self, headers: &HeaderMap, caller: Option<&Caller>) -> Viewer {
        let session = self.session(headers);
        let by_socket =
            matches!(caller, Some(Caller::Unix(_))).then(|| caller.map(Caller::to_string)).flatten();
        let has_session = session.is_some();
        Viewer {
            is_controlled: true,
            name: session.as_ref().map(|session| session.name.clone()).or_else(|| by_socket.clone()),
            // Without a session, there is nothing that another page could use.
            form_token: session
                .map(|session| session.form_token)
                .or_else(|| by_socket.map(|_| String::new())),
            has_session,
        }
    }

    /// The person or program that asks for an action. Refuses a request that another site has made a browser send.
    pub(crate) fn who(&self, headers: &HeaderMap, caller: Option<&Caller>) -> Result<Who, Refused> {
        let is_browser = comes_from_here(headers)?;
        let from = caller.map_or_else(|| "somewhere".to_owned(), Caller::to_string);
        if let Some(given) = headers.get(AUTHORIZATION) {
            let secret = given.to_str().ok().and_then(|text| text.strip_prefix("Bearer "));
            let secret = secret.ok_or_else(|| unknown("the header Authorization must be `Bearer TOKEN`"))?;
            let name = self.tokens.name_of(secret, &from).map_err(not_accepted)?;
            return Ok(Who { name: format!("{name} from {from}"), session: None });
        }
        if let Some(session) = self.session(headers) {
            if !is_browser {
                return Err(forbidden("the request doesn't say which page it comes from")
                    .hint("a program sends its token in the header Authorization"));
            }
            return Ok(Who { name: format!("{} from {from}", session.name), session: Some(session) });
        }
        match caller {
            Some(Caller::Unix(_)) => Ok(Who { name: from, session: None }),
            _ => Err(unknown("this needs a token").hint(
                "sign in at /login, or send the header Authorization with the word Bearer and the token",
            )),
        }
    }

    /// The name of a token that somebody signs in with.
    pub(crate) fn sign_in(&self, headers: &HeaderMap, secret: &str, from: &str) -> Result<&str, Refused> {
        comes_from_here(headers)?;
        self.tokens.name_of(secret, from).map_err(not_accepted)
    }

    fn session(&self, headers: &HeaderMap) -> Option<Session> {
        self.sessions.find(session_id(headers)?)
    }
}

impl Who {
    /// Refuses a form that was not made for this session.
    pub(crate) fn check_form(&self, given: &str) -> Result<(), Refused> {
        match &self.session {
            Some(session) if !is_same(&session.form_token, given) => {
                Err(forbidden("the form is not one of your session").hint("load its page again"))
            }
            _ => Ok(()),
        }
    }
}

/// The id in the cookie.
pub(crate) fn session_id(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, id)| id)
}

/// Whether a browser says that the request comes from a page of this server. `false` for a program.
fn comes_from_here(headers: &HeaderMap) -> Result<bool, Refused> {
    let elsewhere = || {
        forbidden("the request comes from a page of another site").hint("use the buttons of the page itself")
    };
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text(&FETCH_SITE) {
        return if site == "same-origin" { Ok(true) } else { Err(elsewhere()) };
    }
    let Some(origin) = text(&ORIGIN) else { return Ok(false) };
    let host = text(&HOST).unwrap_or_default();
    let is_here = origin.split_once("://").is_some_and(|(_, named)| named.eq_ignore_ascii_case(host));
    if is_here { Ok(true) } else { Err(elsewhere()) }
}

fn forbidden(what: &str) -> Refused {
    Refused::new(StatusCode::FORBIDDEN, what)
}

fn unknown(what: &str) -> Refused {
    Refused::new(StatusCode::UNAUTHORIZED, what)
}

fn not_accepted(why: NotAccepted) -> Refused {
    match why {
        NotAccepted::Wrong => unknown("this is not a token of this server"),
        NotAccepted::TooManyWrong => {
            Refused::new(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens from this address")
                .hint("try it again in a minute")
        }
    }
}

/// Sets the cookie of a session, or takes it away.
pub(crate) fn set_cookie(answer: &mut Response, id: Option<&str>) {
    let age = id.map_or(0, |_| super::sessions::LASTS.as_secs());
    let id = id.unwrap_or_default();
    let cookie = format!("{COOKIE_NAME}={id}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}");
    if let Ok(cookie) = cookie.parse() {
        answer.headers_mut().insert(http::header::SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair =
            |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn only_a_page_of_this_server_may_ask() {
        let asks =
            |pairs: &[(&str, &str)]| comes_from_here(&headers(pairs)).map_err(|refused| refused.status);
        assert_eq!(asks(&[("host", "a:1")]), Ok(false));
        assert_eq!(asks(&[("host", "a:1"), ("origin", "http://a:1")]), Ok(true));
        assert_eq!(asks(&[("host", "a:1"), ("sec-fetch-site", "same-origin"), ("origin", "null")]), Ok(true));
        for wrong in [
            [("host", "a:1"), ("origin", "null")],
            [("host", "a:1"), ("origin", "http://evil.example")],
            [("host", "a:1"), ("origin", "http://a:2")],
            [("host", "a:1"), ("origin", "http://a:1.evil.example")],
            [("host", "a:1"), ("sec-fetch-site", "cross-site")],
            [("host", "a:1"), ("sec-fetch-site", "same-site")],
            [("host", "a:1"), ("sec-fetch-site", "none")],
        ] {
            assert_eq!(asks(&wrong), Err(StatusCode::FORBIDDEN), "{wrong:?}");
        }
        let cookies = headers(&[("cookie", "a=b; dragline_session=7; c=d")]);
        assert_eq!(session_id(&cookies), Some("7"));
        assert_eq!(session_id(&headers(&[("cookie", "xdragline_session=7")])), None);
    }
}
