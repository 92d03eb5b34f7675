//! The arguments that a spider declares: their names, types and meanings.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::args::Args;
use crate::argument_error::{ArgumentError, ArgumentProblem};
use crate::nearest::nearest;
use crate::secrets::{hide, is_secret_name};
use crate::url_list;

/// Names that `-a` gives another meaning: `-a limit=20` is `--limit 20`, for every spider.
const RESERVED: [&str; 4] = ["start_urls", "start_url", "limit", "force_run"];

/// A URL in everyday words.
const URL: &str = "URL";

/// A struct that holds a spider's arguments. `#[derive(SpiderArgs)]` implements it; see
/// [`Args::typed`].
pub trait SpiderArgs: Sized + Send + Sync + 'static {
    /// The arguments, for [`Spider::arguments`](crate::Spider::arguments).
    fn arguments() -> Arguments;

    /// Reads the struct.
    ///
    /// # Errors
    /// When a required argument is missing, or a value does not fit its type.
    fn from_args(args: &Args) -> Result<Self, ArgumentError>;
}

/// The arguments that a spider declares. A crawl with any other argument does not start.
///
/// ```
/// use dragline_spider::{Args, Arguments};
///
/// let declared = Arguments::new()
///     .with_optional("category", "Only this category")
///     .with_required("api_key", "The key of your account");
/// let error = declared.check(&Args::default()).unwrap_err();
/// assert_eq!(error.to_string(), "the argument \"api_key\" is missing: give it with -a api_key=…");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Arguments(Vec<Argument>);

/// One argument of [`Arguments`].
#[derive(Clone, Debug)]
pub struct Argument {
    name: String,
    help: String,
    kind: String,
    presence: Presence,
    is_list: bool,
    is_list_of_urls: bool,
    /// Whether a text is a value of the type; the error says why it is not.
    check: fn(&str) -> Result<(), String>,
}

/// What happens when an argument is not given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Presence {
    /// Nothing. The spider works without it.
    Optional,
    /// The crawl does not start.
    Required,
    /// This is its value.
    Default(String),
}

impl Arguments {
    /// No arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text that may be left out.
    #[must_use]
    pub fn with_optional(self, name: impl Into<String>, help: impl Into<String>) -> Self {
        self.declared::<String>(name, help, Presence::Optional)
    }

    /// Adds a text that must be given.
    #[must_use]
    pub fn with_required(self, name: impl Into<String>, help: impl Into<String>) -> Self {
        self.declared::<String>(name, help, Presence::Required)
    }

    /// What `#[derive(SpiderArgs)]` writes for a field.
    #[doc(hidden)]
    #[must_use]
    pub fn declared<T>(mut self, name: impl Into<String>, help: impl Into<String>, presence: Presence) -> Self
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.0.push(Argument {
            name: name.into(),
            help: help.into(),
            kind: kind_of::<T>(),
            presence,
            is_list: false,
            is_list_of_urls: false,
            check: |text| parse::<T>(text).map(drop),
        });
        self
    }

    /// What `#[derive(SpiderArgs)]` writes for a field of type `Vec<T>`.
    #[doc(hidden)]
    #[must_use]
    pub fn declared_list<T>(
        self,
        name: impl Into<String>,
        help: impl Into<String>,
        presence: Presence,
    ) -> Self
    where
        T: FromStr<Err: fmt::Display>,
    {
        let mut declared = self.declared::<T>(name, help, presence);
        if let Some(argument) = declared.0.last_mut() {
            argument.is_list = true;
            argument.is_list_of_urls = argument.kind == URL;
            argument.kind = format!("{}, several with commas", argument.kind);
        }
        declared
    }

    /// All of them, in the order in which they are declared.
    pub fn iter(&self) -> impl Iterator<Item = &Argument> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a crawl may start with these arguments.
    ///
    /// # Errors
    /// When an argument is not declared, a required one is missing, a value does not fit its type, or the declaration
    /// itself is wrong.
    pub fn check(&self, args: &Args) -> Result<(), ArgumentError> {
        self.check_declaration()?;
        for (name, _) in args.iter() {
            if self.find(name).is_none() {
                return Err(self.unknown(name));
            }
        }
        self.iter().try_for_each(|argument| match self.text(args, &argument.name)? {
            Some(text) => argument.check(text).map_err(|problem| ArgumentError::new(problem, self)),
            None => Ok(()),
        })
    }

    /// The value of a field of type `Option<T>`.
    #[doc(hidden)]
    pub fn optional<T>(&self, args: &Args, name: &str) -> Result<Option<T>, ArgumentError>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let text = self.text(args, name)?;
        text.map(|text| parse(text).map_err(|why| self.invalid(name, text, &why))).transpose()
    }

    /// The value of a field of type `T`.
    #[doc(hidden)]
    pub fn required<T>(&self, args: &Args, name: &str) -> Result<T, ArgumentError>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let missing = || ArgumentError::new(ArgumentProblem::Missing { name: name.to_owned() }, self);
        self.optional(args, name)?.ok_or_else(missing)
    }

    /// The values of a field of type `Vec<T>`.
    #[doc(hidden)]
    pub fn list<T>(&self, args: &Args, name: &str) -> Result<Vec<T>, ArgumentError>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let Some(text) = self.text(args, name)? else { return Ok(Vec::new()) };
        let is_of_urls = self.find(name).is_some_and(|argument| argument.is_list_of_urls);
        let parts = parts(text, is_of_urls).into_iter();
        parts.map(|part| parse(&part).map_err(|why| self.invalid(name, &part, &why))).collect()
    }

    fn find(&self, name: &str) -> Option<&Argument> {
        self.iter().find(|argument| argument.name == name)
    }

    /// The text of an argument: as given, or its default.
    fn text<'a>(&'a self, args: &'a Args, name: &str) -> Result<Option<&'a str>, ArgumentError> {
        match (args.get(name), self.find(name).map(Argument::presence)) {
            (Some(text), _) => Ok(Some(text)),
            (None, Some(Presence::Default(text))) => Ok(Some(text)),
            (None, Some(Presence::Required)) => {
                Err(ArgumentError::new(ArgumentProblem::Missing { name: name.to_owned() }, self))
            }
            (None, _) => Ok(None),
        }
    }

    fn unknown(&self, name: &str) -> ArgumentError {
        let similar = nearest(name, self.iter().map(Argument::name)).map(str::to_owned);
        ArgumentError::new(ArgumentProblem::Unknown { name: name.to_owned(), similar }, self)
    }

    fn invalid(&self, name: &str, text: &str, why: &str) -> ArgumentError {
        let kind = self.find(name).map_or_else(String::new, |argument| argument.kind.clone());
        ArgumentError::new(invalid(name, &kind, text, why), self)
    }

    fn check_declaration(&self) -> Result<(), ArgumentError> {
        let wrong = |argument: &Argument, problem: &str| {
            let (name, problem) = (argument.name.clone(), problem.to_owned());
            Err(ArgumentError::new(ArgumentProblem::Declaration { name, problem }, self))
        };
        for (at, argument) in self.iter().enumerate() {
            if RESERVED.contains(&argument.name.as_str()) {
                return wrong(argument, "this name has a meaning of its own for every spider");
            }
            if argument.name.is_empty() || argument.name.contains('=') {
                return wrong(argument, "nobody could give an argument of this name");
            }
            if self.0[..at].iter().any(|earlier| earlier.name == argument.name) {
                return wrong(argument, "it is declared twice");
            }
            if let Presence::Default(text) = &argument.presence
                && let Err(problem) = argument.check(text)
            {
                return wrong(argument, &format!("its default does not fit its type ({problem})"));
            }
        }
        Ok(())
    }
}

/// One line for each argument: `  pages (integer, default 3): How many pages`.
impl fmt::Display for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, argument) in self.iter().enumerate() {
            let line_break = if at == 0 { "" } else { "\n" };
            write!(f, "{line_break}  {argument}")?;
        }
        Ok(())
    }
}

impl Argument {
    /// Its name, as in `-a NAME=VALUE`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it means, for people.
    pub fn help(&self) -> &str {
        &self.help
    }

    /// Its type in words: `text`, `integer`, `date` …
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What happens when it is not given.
    pub fn presence(&self) -> &Presence {
        &self.presence
    }

    /// Its default, unless its name is like a secret.
    pub fn shown_default(&self) -> Option<&str> {
        match &self.presence {
            Presence::Default(text) if !is_secret_name(&self.name) => Some(text),
            _ => None,
        }
    }

    fn check(&self, text: &str) -> Result<(), ArgumentProblem> {
        let check =
            |text: &str| (self.check)(text).map_err(|why| invalid(&self.name, &self.kind, text, &why));
        if self.is_list {
            parts(text, self.is_list_of_urls).iter().try_for_each(|part| check(part))
        } else {
            check(text)
        }
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.name, self.kind)?;
        match (&self.presence, self.shown_default()) {
            (Presence::Required, _) => f.write_str(", required")?,
            (_, Some(text)) => write!(f, ", default {text}")?,
            _ => {}
        }
        f.write_str(")")?;
        if self.help.is_empty() { Ok(()) } else { write!(f, ": {}", self.help) }
    }
}

fn invalid(name: &str, kind: &str, text: &str, why: &str) -> ArgumentProblem {
    let problem = format!(" {text:?} ({why})");
    // What is wrong may repeat the text.
    let is_shown = !is_secret_name(name) && hide(&problem) == problem;
    let problem = if is_shown { problem } else { String::new() };
    ArgumentProblem::Invalid { name: name.to_owned(), kind: kind.to_owned(), problem }
}

fn parse<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<T, String> {
    let text = match text.to_ascii_lowercase().as_str() {
        "yes" | "1" if is_bool::<T>() => "true",
        "no" | "0" if is_bool::<T>() => "false",
        _ => text,
    };
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// The values of a list. In a list of URLs, a comma separates only where a URL begins after it. In other lists, `\,` is a
/// comma within a value.
fn parts(text: &str, is_of_urls: bool) -> Vec<Cow<'_, str>> {
    if is_of_urls {
        return url_list::split(text).into_iter().map(Cow::Borrowed).collect();
    }
    let (mut parts, mut begin) = (Vec::new(), 0);
    for (at, _) in text.match_indices(',') {
        if !text[begin..at].ends_with('\\') {
            parts.push(&text[begin..at]);
            begin = at + 1;
        }
    }
    parts.push(&text[begin..]);
    let parts = parts.into_iter().map(str::trim).filter(|part| !part.is_empty());
    let unescaped = |part| {
        if str::contains(part, "\\,") { Cow::Owned(part.replace("\\,", ",")) } else { Cow::Borrowed(part) }
    };
    parts.map(unescaped).collect()
}

fn is_bool<T>() -> bool {
    std::any::type_name::<T>() == "bool"
}

/// A type in everyday words. A type that is not known here has its own name.
fn kind_of<T>() -> String {
    let path = std::any::type_name::<T>();
    let name = path.split('<').next().unwrap_or(path);
    let name = name.rsplit("::").next().unwrap_or(name);
    let kind = match name {
        "String" => "text",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "integer",
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "integer, 0 or more",
        "f32" | "f64" | "Decimal" => "number",
        "bool" => "true or false",
        "Url" => URL,
        "NaiveDate" => "date, as 2026-12-31",
        "DateTime" => "date and time, as 2026-12-31T23:59:59Z",
        other => other,
    };
    kind.to_owned()
}

#[cfg(test)]
mod tests;
