//! The parameters of a connection, under libpq's names: what the URL says, and the environment for the rest.
//!
//! A URL is read as libpq reads it (`PostgreSQL` manual, section 34.1.1.2), and so is its other form, `host=db
//! dbname=crawls`. No error repeats a value, because any part of a URL may hold a password.

use dragline_core::StoreError;
use percent_encoding::percent_decode_str;

use super::surroundings::Surroundings;

/// The origin of a value that does not come from a variable.
const URL: &str = "the store's URL";

/// The supported parameters, and their variables.
const KNOWN: [(&str, &str); 23] = [
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("dbname", "PGDATABASE"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("passfile", "PGPASSFILE"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("sslnegotiation", "PGSSLNEGOTIATION"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("application_name", "PGAPPNAME"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("options", "PGOPTIONS"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ("load_balance_hosts", "PGLOADBALANCEHOSTS"),
    // These have no variable, and Dragline has limits of its own for them.
    ("tcp_user_timeout", ""),
    ("keepalives", ""),
    ("keepalives_idle", ""),
    ("keepalives_interval", ""),
    ("keepalives_retries", ""),
];

/// Whether a store is named in libpq's other form. A file or a URL has no `=` before the first `:` or `/`.
pub(crate) fn is_keyword_form(text: &str) -> bool {
    text.split_once(['=', ':', '/', '?']).is_some_and(|(name, _)| {
        text[name.len()..].starts_with('=') && KNOWN.iter().any(|(known, _)| *known == name.trim())
    })
}

/// Parameters and where each came from.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<Parameter>);

struct Parameter {
    name: &'static str,
    value: String,
    /// The variable, or `None` for the URL.
    variable: Option<&'static str>,
}

impl std::fmt::Debug for Parameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Parameters {
    /// Reads a URL, or the other form, and the environment.
    ///
    /// # Errors
    /// [`StoreError::Setup`].
    pub(super) fn read(text: &str, around: &Surroundings) -> Result<Self, StoreError> {
        let mut parameters = Self::default();
        match text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
            Some(rest) => parameters.url(rest)?,
            None => parameters.keywords(text)?,
        }
        for (name, variable) in KNOWN {
            if parameters.get(name).is_none()
                && let Some(value) = around.variable(variable)
            {
                parameters.0.push(Parameter { name, value, variable: Some(variable) });
            }
        }
        Ok(parameters)
    }

    /// A parameter's value. An empty one counts as missing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.find(name).map(|parameter| parameter.value.as_str())
    }

    /// Whether the URL itself names it.
    pub(super) fn in_url(&self, name: &str) -> bool {
        self.find(name).is_some_and(|parameter| parameter.variable.is_none())
    }

    /// Where a parameter was found, in words.
    pub(super) fn origin(&self, name: &str) -> String {
        match self.variable(name) {
            Some(variable) => variable.to_owned(),
            None => format!("{name} in {URL}"),
        }
    }

    /// The same for a parameter whose name is clear from its place.
    pub(super) fn source(&self, name: &str) -> &'static str {
        self.variable(name).unwrap_or(URL)
    }

    fn variable(&self, name: &str) -> Option<&'static str> {
        self.find(name).and_then(|parameter| parameter.variable)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|parameter| (parameter.name, parameter.value.as_str()))
    }

    /// The error for a parameter.
    pub(super) fn wrong(&self, name: &str, problem: &str, hint: impl Into<String>) -> StoreError {
        StoreError::Setup { problem: format!("{} {problem}", self.origin(name)), hint: hint.into() }
    }

    fn find(&self, name: &str) -> Option<&Parameter> {
        // The last one counts, and an empty one leaves the choice to the environment.
        self.0.iter().rev().find(|parameter| parameter.name == name && !parameter.value.is_empty())
    }

    fn push(&mut self, name: &str, value: String) -> Result<(), StoreError> {
        let Some((name, _)) = KNOWN.iter().find(|(known, _)| *known == name) else {
            return Err(unknown(name));
        };
        self.0.push(Parameter { name, value, variable: None });
        Ok(())
    }

    /// `[user[:password]@][host[:port],…][/database][?name=value&…]`.
    fn url(&mut self, text: &str) -> Result<(), StoreError> {
        // A password may hold a `?`, but neither `/` nor `@` as they are.
        let rest = match text.split_once(['@', '/']) {
            Some((credentials, rest)) if text[credentials.len()..].starts_with('@') => {
                let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
                self.push("user", decoded(user)?)?;
                self.push("password", decoded(password)?)?;
                rest
            }
            _ => text,
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
        // If a password contains `@` or `/`, the rest of it must not be mistaken for a name and shown.
        if place.contains('@') {
            return Err(unreadable());
        }
        self.hosts(hosts)?;
        self.push("dbname", decoded(database)?)?;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(unreadable)?;
            match (decoded(name)?.as_str(), value) {
                // This is the name in drivers for Java. libpq accepts it too.
                ("ssl", "true") => self.push("sslmode", "require".to_owned())?,
                (name, value) => self.push(name, decoded(value)?)?,
            }
        }
        Ok(())
    }

    fn hosts(&mut self, text: &str) -> Result<(), StoreError> {
        let (mut hosts, mut ports) = (Vec::new(), Vec::new());
        for place in text.split(',') {
            let (host, port) = match place.strip_prefix('[') {
                Some(v6) => {
                    let (host, rest) = v6.split_once(']').ok_or_else(unreadable)?;
                    (host, if rest.is_empty() { "" } else { rest.strip_prefix(':').ok_or_else(unreadable)? })
                }
                None => place.split_once(':').unwrap_or((place, "")),
            };
            hosts.push(decoded(host)?);
            ports.push(decoded(port)?);
        }
        self.push("host", joined(&hosts))?;
        self.push("port", joined(&ports))
    }

    /// `name=value name='a value'`, with `\` as the escape character.
    fn keywords(&mut self, text: &str) -> Result<(), StoreError> {
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (name, value) = rest.split_once('=').ok_or_else(unreadable)?;
            let value = value.trim_start();
            let quoted = value.starts_with('\'');
            let mut characters = value.char_indices().skip(usize::from(quoted));
            let (mut read, mut end) = (String::new(), (!quoted).then_some(value.len()));
            while let Some((at, character)) = characters.next() {
                match character {
                    '\\' => read.extend(characters.next().map(|(_, escaped)| escaped)),
                    '\'' if quoted => {
                        end = Some(at + 1);
                        break;
                    }
                    space if !quoted && space.is_whitespace() => {
                        end = Some(at);
                        break;
                    }
                    other => read.push(other),
                }
            }
            self.push(name.trim_end(), read)?;
            rest = value[end.ok_or_else(unreadable)?..].trim_start();
        }
        Ok(())
    }
}

/// A list, or `None` if all its places are empty.
fn joined(parts: &[String]) -> String {
    if parts.iter().all(String::is_empty) { String::new() } else { parts.join(",") }
}

fn decoded(text: &str) -> Result<String, StoreError> {
    percent_decode_str(text).decode_utf8().map(Into::into).map_err(|_| unreadable())
}

fn unknown(name: &str) -> StoreError {
    // The name may be a part of a password, so it is shown only if it looks like a name.
    let named = match name {
        "service" | "sslcrl" | "sslcrldir" | "sslpassword" | "gssencmode" | "krbsrvname" | "require_auth"
        | "client_encoding" | "sslsni" | "ssl" | "replication" => {
            format!("the store's URL has {name}, which Dragline does not support")
        }
        _ => "the store's URL has a parameter that is not known".to_owned(),
    };
    let known = KNOWN.map(|(known, _)| known);
    StoreError::Setup { problem: named, hint: format!("these are known: {}", known.join(", ")) }
}

fn unreadable() -> StoreError {
    StoreError::Setup {
        problem: "the store's URL cannot be read".to_owned(),
        hint: "use postgres://USER:PASSWORD@HOST:PORT/DATABASE and write special characters in user and \
               password as %XX (@ is %40)"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(&'static str, String)> {
        let parameters = Parameters::read(text, &Surroundings::default()).unwrap();
        let given = parameters.iter().filter(|(_, value)| !value.is_empty());
        given.map(|(name, value)| (name, value.to_owned())).collect()
    }

    #[test]
    fn a_url_is_read_as_libpq_reads_it() {
        for (url, expected) in [
            ("postgres://", ""),
            ("postgresql:///", ""),
            ("postgres://h", "host=h"),
            ("postgres://h:77/d", "host=h port=77 dbname=d"),
            ("postgres://me@", "user=me"),
            ("postgres://me:p%40ss@h", "user=me password=p@ss host=h"),
            ("postgres://me:p?ss@h/d", "user=me password=p?ss host=h dbname=d"),
            ("postgres://[::1]:77,b/d", "host=::1,b port=77, dbname=d"),
            ("postgres://%2Frun%2Fpg/d", "host=/run/pg dbname=d"),
            ("postgres:///d?host=/run/pg&user=a@b", "dbname=d host=/run/pg user=a@b"),
            ("postgres://h/d?ssl=true", "host=h dbname=d sslmode=require"),
            (r"host = h  password='a \'b\\c' dbname=a\ b", r"host=h password=a 'b\c dbname=a b"),
        ] {
            let read: Vec<_> = read(url).iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(read.join(" "), expected, "{url}");
        }
    }

    #[test]
    fn what_cannot_be_read_shows_no_part_of_it() {
        for url in [
            "postgres://me:hunter2@hunter2@h/d",
            "postgres://me:x/hunter2@h/d",
            "postgres://me:x@h/d?hunter2=1",
            "postgres://me:x@[hunter2/d",
            "postgres://me:x@h/d?hunter2",
            "postgres://me:%ff@h/d",
            "host=h hunter2=1",
            "password='hunter2",
        ] {
            let error = Parameters::read(url, &Surroundings::default()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{url}: {error:?}");
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn the_environment_fills_in_what_the_url_leaves_open() {
        let around = Surroundings::of(&[("PGHOST", "elsewhere"), ("PGPORT", "77"), ("PGUSER", "")]);
        let parameters = Parameters::read("postgres://h", &around).unwrap();
        assert_eq!(parameters.get("host"), Some("h"));
        assert_eq!((parameters.get("port"), parameters.origin("port")), (Some("77"), "PGPORT".to_owned()));
        assert_eq!((parameters.get("user"), parameters.in_url("port")), (None, false));
    }

    #[test]
    fn the_other_form_is_told_from_files_and_urls() {
        assert!(is_keyword_form("host=h dbname=d") && is_keyword_form("dbname = d"));
        for other in ["sqlite:host=1", "host", "postgres://h/d?host=x", "file=x", "./host=1", ""] {
            assert!(!is_keyword_form(other), "{other}");
        }
    }
}
