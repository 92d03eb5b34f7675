//! A page's form as a request: filled as the page fills it, changed by the spider, submitted as a browser would.
//!
//! This follows the HTML standard, section 4.10.22 (form submission). `controls` decides which fields count, and `encoding`
//! writes them.

mod controls;
mod encoding;

use encoding_rs::{Encoding, UTF_8};
use url::Url;

use self::controls::{Button, Control, Kind};
use self::encoding::{Enctype, Entry, Written};
use crate::error::{Error, Result};
use crate::node::Node;
use crate::page::Page;
use crate::request::Request;

/// A form.
///
/// The request contains everything that a browser would send: hidden fields (such as the token against forged requests),
/// chosen options, ticked boxes, and the button. The spider fills in what a person would type.
///
/// ```
/// use dragline_spider::StoredPage;
///
/// let html = "<form action=/login method=post><input type=hidden name=token value=t1>
///             <input name=user><input type=password name=pass><button>Log in</button></form>";
/// let page = StoredPage::new("https://shop.example/account", html).page()?;
/// let form = page.form("form[action='/login']")?;
/// let request = form.with_field("user", "ann").with_field("pass", "a b&c").submit()?;
/// assert_eq!(request.url().as_str(), "https://shop.example/login");
/// assert_eq!(request.body(), Some("token=t1&user=ann&pass=a+b%26c".as_bytes()));
///
/// let no_field = page.form("form")?.with_field("email", "a@b.example").submit().unwrap_err().to_string();
/// assert_eq!(no_field, "the form \"form\" has no field \"email\"; it has token, user, pass");
/// # Ok::<(), dragline_spider::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Form {
    /// How the spider found it, for errors.
    selector: String,
    /// A request of the page. The form's request belongs to the same session.
    template: Request,
    action: Target,
    charset: &'static Encoding,
    controls: Vec<Control>,
    /// The submit buttons, in the order of the page, and the one that is clicked.
    buttons: Vec<Button>,
    clicked: Option<usize>,
    /// The first field, choice or button that the spider named and that this form does not have.
    problem: Option<String>,
}

/// Where and how a form is sent.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The URL, or the reason why it is invalid.
    url: Result<Url, String>,
    method: Method,
    enctype: Enctype,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Get,
    Post,
    /// It closes a dialog of the page and sends nothing.
    Dialog,
}

impl Form {
    pub(crate) fn on(page: &Page, form: Node<'_>, selector: &str) -> Result<Self> {
        if form.name() != "form" {
            let name = form.name();
            return Err(Error::new(format!("{selector:?} matches an element {name}, not a form")));
        }
        let action = Target {
            url: destination(page, form.own_attr("action")),
            method: Method::of(form.own_attr("method")),
            enctype: Enctype::of(form.own_attr("enctype")),
        };
        let (controls, buttons) = controls::of(page, form, &action);
        Ok(Self {
            selector: selector.to_owned(),
            template: page.response().queued.request.clone(),
            charset: charset(form.own_attr("accept-charset"), page.encoding()),
            action,
            controls,
            // Pressing Enter clicks the first one (4.10.22.2, implicit submission).
            clicked: (!buttons.is_empty()).then_some(0),
            buttons,
            problem: None,
        })
    }

    /// The fields and their values in the order of the page: everything that would be sent, except the button.
    pub fn fields(&self) -> Vec<(&str, &str)> {
        self.controls.iter().flat_map(Control::sent).collect()
    }

    /// Fills in the first field of this name. In a choice (`select`, radio buttons, check boxes), it takes the option with this
    /// value. [`Form::submit`] returns an error if the form has no such field or choice.
    #[must_use]
    pub fn with_field(mut self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        let mut choices = Vec::new();
        for at in 0..self.controls.len() {
            if self.controls[at].name != name {
                continue;
            }
            if self.controls[at].take(&value) {
                if matches!(self.controls[at].kind, Kind::Radio { .. }) {
                    self.leave_others(name, at);
                }
                return self;
            }
            choices.extend(self.controls[at].choices().into_iter().map(str::to_owned));
        }
        if choices.is_empty() {
            return self.without_such_field(name);
        }
        let (form, choices) = (&self.selector, choices.join(", "));
        let problem =
            format!("the field {name:?} of the form {form:?} has no choice {value:?}; it has {choices}");
        self.with_problem(problem)
    }

    /// Unticks all check boxes and choices of this name. [`Form::submit`] returns an error if the form has no such field.
    #[must_use]
    pub fn without_choices(mut self, name: &str) -> Self {
        let mut found = false;
        for control in self.controls.iter_mut().filter(|control| control.name == name) {
            control.clear();
            found = true;
        }
        if found { self } else { self.without_such_field(name) }
    }

    /// Adds a field after those of the page, as a script of the page would.
    #[must_use]
    pub fn with_extra_field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.controls.push(Control { name: name.into(), kind: Kind::Text { value: value.into() } });
        self
    }

    /// Clicks the button of this name, or otherwise the one with this value or text. Without this call, the form clicks its first
    /// button.
    /// [`Form::submit`] returns an error if the form has no such button.
    #[must_use]
    pub fn with_button(mut self, button: &str) -> Self {
        let by_name = self.buttons.iter().position(|it| it.name == button);
        let found =
            by_name.or_else(|| self.buttons.iter().position(|it| it.value == button || it.text == button));
        if found.is_none() {
            let shown: Vec<&str> = self.buttons.iter().map(Button::shown).collect();
            let (form, has) = (&self.selector, list(&shown, "button"));
            let problem = format!("the form {form:?} has no button {button:?}; it has {has}");
            return self.with_problem(problem);
        }
        self.clicked = found;
        self
    }

    /// Submits without a button, as a script would.
    #[must_use]
    pub fn without_button(mut self) -> Self {
        self.clicked = None;
        self
    }

    /// The request that a browser would send.
    ///
    /// # Errors
    /// If the form does not have a field, choice or button that you named. The error lists those that it has. It is also an
    /// error if a browser would send no request, because the form closes a dialog or does not lead to http or https.
    pub fn submit(self) -> Result<Request> {
        if let Some(problem) = self.problem {
            return Err(Error::new(problem));
        }
        let entries = self.entries();
        let button = self.clicked.and_then(|at| self.buttons.get(at));
        let Target { url, method, enctype } = button.map_or(&self.action, |button| &button.target);
        let form = &self.selector;
        let mut url = url
            .clone()
            .map_err(|problem| Error::new(format!("the form {form:?} leads nowhere: {problem}")))?;
        match method {
            Method::Dialog => {
                Err(Error::new(format!("the form {form:?} closes a dialog of the page and sends nothing")))
            }
            Method::Get => {
                url.set_query(Some(&encoding::urlencoded(&entries, self.charset)));
                Ok(Request::from_url(url)?.found_on(&self.template))
            }
            Method::Post => {
                let Written { content_type, body } = enctype.write(&entries, self.charset);
                let request = Request::from_url(url)?.with_method(http::Method::POST).with_body(body);
                Ok(request.with_header("Content-Type", content_type).found_on(&self.template))
            }
        }
    }

    /// The entries to send (4.10.22.4, constructing the entry list).
    fn entries(&self) -> Vec<Entry<'_>> {
        let charset = self.charset.name();
        let mut entries: Vec<(usize, Entry<'_>)> = Vec::new();
        for (at, control) in self.controls.iter().enumerate() {
            for (name, value) in control.sent() {
                let is_charset =
                    matches!(control.kind, Kind::Hidden { .. }) && name.eq_ignore_ascii_case("_charset_");
                let value = if is_charset { charset } else { value };
                entries.push((at, Entry::new(name, value, matches!(control.kind, Kind::File))));
            }
        }
        if let Some(button) = self.clicked.and_then(|at| self.buttons.get(at)) {
            // The button has its place among the fields.
            let place = entries.iter().position(|(at, _)| *at >= button.before).unwrap_or(entries.len());
            let own = button
                .sent()
                .into_iter()
                .map(|(name, value)| (button.before, Entry::new(&name, &value, false)));
            entries.splice(place..place, own);
        }
        entries.into_iter().map(|(_, entry)| entry).collect()
    }

    fn leave_others(&mut self, name: &str, chosen: usize) {
        for (at, control) in self.controls.iter_mut().enumerate() {
            if at != chosen && control.name == name {
                control.clear();
            }
        }
    }

    fn with_problem(mut self, problem: String) -> Self {
        self.problem.get_or_insert(problem);
        self
    }

    fn without_such_field(self, name: &str) -> Self {
        let mut names: Vec<&str> = Vec::new();
        for control in &self.controls {
            if !control.name.is_empty() && !names.contains(&control.name.as_str()) {
                names.push(&control.name);
            }
        }
        let (form, has) = (&self.selector, list(&names, "field"));
        let problem = format!("the form {form:?} has no field {name:?}; it has {has}");
        self.with_problem(problem)
    }
}

impl Target {
    /// The same, unless a submit button overrides it.
    fn by_button(&self, page: &Page, button: Node<'_>) -> Self {
        Self {
            url: button
                .own_attr("formaction")
                .map_or_else(|| self.url.clone(), |to| destination(page, Some(to))),
            method: button.own_attr("formmethod").map_or(self.method, |method| Method::of(Some(method))),
            enctype: button
                .own_attr("formenctype")
                .map_or(self.enctype, |enctype| Enctype::of(Some(enctype))),
        }
    }
}

impl Method {
    fn of(attribute: Option<&str>) -> Self {
        match attribute.unwrap_or_default().to_ascii_lowercase().as_str() {
            "post" => Self::Post,
            "dialog" => Self::Dialog,
            _ => Self::Get,
        }
    }
}

/// An empty action is the page itself, whatever its `<base>` says (4.10.22.3, step 12).
fn destination(page: &Page, action: Option<&str>) -> Result<Url, String> {
    match action.map(str::trim).filter(|action| !action.is_empty()) {
        None => Ok(page.url().clone()),
        Some(action) => page.link(action).map(|link| link.url().clone()).map_err(|error| error.to_string()),
    }
}

/// The encoding of the fields (4.10.22.5).
fn charset(accepted: Option<&str>, of_page: &'static Encoding) -> &'static Encoding {
    let Some(accepted) = accepted else { return of_page.output_encoding() };
    let mut labels = accepted.split_ascii_whitespace();
    let known = labels.find_map(|label| Encoding::for_label_no_replacement(label.as_bytes()));
    known.unwrap_or(UTF_8).output_encoding()
}

fn list(names: &[&str], what: &str) -> String {
    if names.is_empty() { format!("no {what} at all") } else { names.join(", ") }
}

#[cfg(test)]
mod tests;
