//! Credentials, each for one origin. They are sent only there, even after a redirect, and they are never logged or stored.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dragline_core::secrets;
use http::HeaderValue;
use url::Url;

/// A user name with a password, or a token, for one origin. The origin is that of a site or a proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    origin: Origin,
    secret: Secret,
}

/// Scheme, host and port.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Origin(String);

#[derive(Clone, PartialEq, Eq)]
enum Secret {
    /// RFC 7617.
    Basic { user: String, password: String },
    /// RFC 6750.
    Bearer { token: String },
}

impl Credentials {
    /// Parses `ORIGIN=USER:PASSWORD` or `ORIGIN=Bearer TOKEN`. The default scheme of an origin is https.
    ///
    /// # Errors
    /// A description of the problem, without the secret.
    pub fn parse(text: &str) -> Result<Self, String> {
        let how =
            "write ORIGIN=USER:PASSWORD or ORIGIN=Bearer TOKEN, with an origin such as https://shop.example";
        let (origin, secret) = text.split_once('=').ok_or_else(|| format!("it has no =; {how}"))?;
        let secret = secret.trim();
        let origin =
            Origin::parse(origin.trim()).ok_or_else(|| format!("it does not begin with an origin; {how}"))?;
        let secret = match secret.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                Secret::Bearer { token: token.trim().to_owned() }
            }
            _ => {
                let (user, password) = secret.split_once(':').ok_or_else(|| {
                    format!("the part for {} has neither a : nor the word Bearer; {how}", origin.0)
                })?;
                Secret::Basic { user: user.to_owned(), password: password.to_owned() }
            }
        };
        let (Secret::Basic { password: value, .. } | Secret::Bearer { token: value }) = &secret;
        secrets::remember(value);
        let credentials = Self { origin, secret };
        match credentials.header() {
            Some(_) => Ok(credentials),
            None => {
                Err(format!("the part for {} has characters that a header cannot have", credentials.origin.0))
            }
        }
    }

    /// The header `Authorization`.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let text = match &self.secret {
            Secret::Basic { user, password } => {
                format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
            }
            Secret::Bearer { token } => format!("Bearer {token}"),
        };
        let mut header = HeaderValue::from_str(&text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// User name and password, if these are such credentials.
    pub(super) fn user_and_password(&self) -> Option<(&str, &str)> {
        match &self.secret {
            Secret::Basic { user, password } => Some((user, password)),
            Secret::Bearer { .. } => None,
        }
    }
}

/// The credentials for a URL.
pub(super) fn credentials_for<'a>(all: &'a [Credentials], url: &Url) -> Option<&'a Credentials> {
    // Most runs have no credentials.
    let origin = if all.is_empty() { None } else { Origin::of(url) }?;
    all.iter().find(|credentials| credentials.origin == origin)
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let url =
            if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("https://{text}")) }
                .ok()?;
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let has_userinfo = !url.username().is_empty() || url.password().is_some();
        Self::of(&url).filter(|_| is_bare && !has_userinfo)
    }

    fn of(url: &Url) -> Option<Self> {
        let default = if url.scheme().starts_with("socks") { Some(1080) } else { None };
        let port = url.port_or_known_default().or(default)?;
        let host = url.host_str().filter(|host| !host.is_empty())?.to_ascii_lowercase();
        Some(Self(format!("{}://{host}:{port}", url.scheme())))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, …)", self.origin.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str, url: &str) -> Option<String> {
        let all = [Credentials::parse(text).unwrap()];
        let header = credentials_for(&all, &Url::parse(url).unwrap())?.header()?;
        assert!(!format!("{header:?}{all:?}").contains("hunter2"));
        Some(header.to_str().unwrap().to_owned())
    }

    #[test]
    fn they_go_to_their_origin_and_nowhere_else() {
        let basic = Some("Basic bWU6aHVudGVyMg==".to_owned());
        assert_eq!(header("shop.example=me:hunter2", "https://shop.example/a?b"), basic);
        assert_eq!(header("https://Shop.example:443/ = me:hunter2", "https://shop.example/"), basic);
        assert_eq!(header("http://127.0.0.1:81=me:hunter2", "http://127.0.0.1:81/"), basic);
        assert_eq!(
            header("http://a.example=Bearer hunter2=", "http://a.example/").unwrap(),
            "Bearer hunter2="
        );
        assert_eq!(header("http://a.example=me:a:b", "http://a.example/").unwrap(), "Basic bWU6YTpi");
        for elsewhere in [
            "http://shop.example/",
            "https://www.shop.example/",
            "https://shop.example:444/",
            "https://example/",
        ] {
            assert_eq!(header("shop.example=me:hunter2", elsewhere), None, "{elsewhere}");
        }
        let proxy = [Credentials::parse("socks5://p.example=me:hunter2").unwrap()];
        let url = Url::parse("socks5://p.example:1080").unwrap();
        assert_eq!(credentials_for(&proxy, &url).unwrap().user_and_password(), Some(("me", "hunter2")));
    }

    #[test]
    fn errors_do_not_show_the_secret() {
        for text in [
            "hunter2",
            "=me:hunter2",
            "shop.example=hunter2",
            "shop.example/path=me:hunter2",
            "a.example=Bearer hunter2\n2",
            "ftp:/x=a:hunter2",
        ] {
            let told = Credentials::parse(text).unwrap_err();
            assert!(!told.contains("hunter2") && !told.is_empty(), "{told}");
        }
    }
}
