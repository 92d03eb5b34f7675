//! A site behind a login, with an API. It checks everything that it requires, and answers 403 if something is
//! missing.
//!
//! `/login` gives a cookie and a form with a matching token. `POST /login` requires both and the password, and gives another
//! cookie. Only this cookie opens `/notes/1` to `/notes/N`. `/api/notes?page=1` and further, in JSON, is for scripts, and
//! requires the header `X-Requested-With`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Answer, Received, Site, SiteBuilder};

/// The user and the password that the site knows.
pub const MEMBER: (&str, &str) = ("ann", "tangerine & lime");

/// Sessions by their cookie.
#[derive(Default)]
struct Sessions {
    by_cookie: HashMap<String, Session>,
    given: usize,
}

struct Session {
    token: String,
    user: Option<String>,
}

impl Site {
    /// A site of `notes` pages for members, and as many in the API.
    pub fn members(notes: usize) -> SiteBuilder {
        let sessions = Arc::new(Mutex::new(Sessions::default()));
        Self::builder().handler(move |asked| {
            let mut sessions = sessions.lock().unwrap_or_else(PoisonError::into_inner);
            Some(sessions.answer(asked, notes))
        })
    }
}

impl Sessions {
    fn answer(&mut self, asked: &Received, notes: usize) -> Answer {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        match (asked.method.as_str(), path) {
            ("GET", "/login") => self.form(),
            ("POST", "/login") => self.log_in(asked),
            ("GET", "/api/notes") if asked.header("x-requested-with") != Some("XMLHttpRequest") => {
                forbidden("not a script")
            }
            ("GET", "/api/notes") => {
                let page = query.strip_prefix("page=").and_then(|page| page.parse().ok()).unwrap_or(1);
                Answer::new(200).header("Content-Type", "application/json").body(api_page(page, notes))
            }
            ("GET", path) => {
                match path.strip_prefix("/notes/").and_then(|number| number.parse::<usize>().ok()) {
                    Some(number) if (1..=notes).contains(&number) => self.note(asked, number, notes),
                    _ => Answer::new(404),
                }
            }
            _ => Answer::new(405),
        }
    }

    fn form(&mut self) -> Answer {
        let (cookie, token) = self.give(None);
        let form = format!(
            "<title>Log in</title><form id=search action=/search><input name=q></form>
             <form id=login action=/login method=post>
             <input type=hidden name=csrf_token value='{token}'>
             <input name=user><input type=password name=password><input type=checkbox name=stay checked>
             <button name=go value=in>Log in</button></form>"
        );
        Answer::html(form).header("Set-Cookie", &format!("session={cookie}; Path=/; HttpOnly"))
    }

    fn log_in(&mut self, asked: &Received) -> Answer {
        let expected = self.of(asked).map(|session| {
            let (user, password) = (MEMBER.0, "tangerine+%26+lime");
            // As a form writes them.
            let token =
                session.token.replace('/', "%2F").replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
            format!("csrf_token={token}&user={user}&password={password}&stay=on&go=in")
        });
        if expected.is_none_or(|expected| expected.as_bytes() != asked.body) {
            return forbidden("wrong cookie, token or password");
        }
        let (cookie, _) = self.give(Some(MEMBER.0.to_owned()));
        Answer::redirect(302, "/notes/1").header("Set-Cookie", &format!("session={cookie}; Path=/; HttpOnly"))
    }

    fn note(&self, asked: &Received, number: usize, notes: usize) -> Answer {
        let Some(user) = self.of(asked).and_then(|session| session.user.as_ref()) else {
            return forbidden("members only");
        };
        let next = if number < notes {
            format!("<a rel=next href=/notes/{}>next</a>", number + 1)
        } else {
            String::new()
        };
        Answer::html(format!(
            "<title>Note {number}</title><p class=user>{user}</p><a href=/logout>Log out</a>{next}"
        ))
    }

    fn give(&mut self, user: Option<String>) -> (String, String) {
        self.given += 1;
        let (cookie, token) = (format!("s{}", self.given), format!("t{}/+&=", self.given));
        self.by_cookie.insert(cookie.clone(), Session { token: token.clone(), user });
        (cookie, token.replace('&', "&amp;"))
    }

    fn of(&self, asked: &Received) -> Option<&Session> {
        let cookie = asked.header("cookie")?.strip_prefix("session=")?;
        self.by_cookie.get(cookie)
    }
}

fn forbidden(why: &str) -> Answer {
    Answer::text(why).status(403)
}

fn api_page(page: usize, notes: usize) -> String {
    let note = serde_json::json!([{ "number": page, "text": format!("note {page}") }]);
    serde_json::json!({ "page": page, "has_next": page < notes, "notes": note }).to_string()
}
