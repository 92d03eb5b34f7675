//! Which function of a spider parses a page: a route for each tag.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use crate::error::{Error, Result};
use crate::extract::Extract;
use crate::item::Item;
use crate::nearest::nearest;
use crate::output::Output;
use crate::page::Page;
use crate::request::Request;

/// A function for each kind of page, for [`Spider::routes`](crate::Spider::routes).
///
/// ```
/// # extern crate dragline_spider as dragline;
/// use dragline::StoredPage;
/// use dragline::prelude::*;
///
/// #[derive(Item)]
/// struct Book { title: String }
///
/// struct Books;
///
/// impl Spider for Books {
///     fn name(&self) -> &str { "books" }
///     fn items(&self) -> Vec<ItemType> { vec![Book::item_type()] }
///     fn start(&self, _args: &Args) -> Result<Vec<Request>> {
///         Ok(vec![Request::get("https://books.example/")?])
///     }
///     fn routes(&self) -> Router {
///         Router::new().with_start(list).with("book", book)
///     }
/// }
///
/// fn list(page: &Page, out: &mut Output) {
///     out.follow_all(page, "a.book").with_tag("book");
/// }
///
/// fn book(page: &Page, out: &mut Output) -> Result<()> {
///     out.item(Book { title: page.text("h1")? });
///     Ok(())
/// }
///
/// let page = StoredPage::new("https://books.example/1", "<h1>Rope</h1>").with_tag("book");
/// assert_eq!(page.parse(&Books)?.items()[0].get("title"), Some(&"Rope".into()));
/// # Ok::<(), Error>(())
/// ```
#[derive(Default)]
pub struct Router(Vec<(Cow<'static, str>, Box<Route>)>);

type Route = dyn Fn(&dyn Any, &Page, &mut Output) -> Result<()> + Send + Sync;

/// A function that parses pages: `fn(&Page, &mut Output)`, or a method of a spider with `&self` before that. It returns nothing
/// or a `Result<()>`. `Form` is the form of the function, and the compiler infers it.
pub trait ParsePage<Form>: Send + Sync + 'static {
    /// Parses a page of `spider`.
    ///
    /// # Errors
    /// The errors of the function. It is also an error if the function is a method of another type of spider.
    fn parse_page(&self, spider: &dyn Any, page: &Page, out: &mut Output) -> Result<()>;
}

/// A function that returns `R` is a `ParsePage<Free<R>>`.
#[derive(Debug)]
pub struct Free<R>(PhantomData<R>);

/// A method of the spider `S` that returns `R` is a `ParsePage<Method<S, R>>`.
#[derive(Debug)]
pub struct Method<S, R>(PhantomData<(S, R)>);

/// What a function that parses pages may return.
pub trait Parsed {
    /// Converts it to a result.
    ///
    /// # Errors
    /// The error that the function returned.
    fn into_result(self) -> Result<()>;
}

impl Parsed for () {
    fn into_result(self) -> Result<()> {
        Ok(())
    }
}

impl Parsed for Result<()> {
    fn into_result(self) -> Result<()> {
        self
    }
}

impl<F, R> ParsePage<Free<R>> for F
where
    R: Parsed,
    F: Fn(&Page, &mut Output) -> R + Send + Sync + 'static,
{
    fn parse_page(&self, _spider: &dyn Any, page: &Page, out: &mut Output) -> Result<()> {
        self(page, out).into_result()
    }
}

impl<S, F, R> ParsePage<Method<S, R>> for F
where
    S: 'static,
    R: Parsed,
    F: Fn(&S, &Page, &mut Output) -> R + Send + Sync + 'static,
{
    fn parse_page(&self, spider: &dyn Any, page: &Page, out: &mut Output) -> Result<()> {
        match spider.downcast_ref::<S>() {
            Some(spider) => self(spider, page, out).into_result(),
            None => Err(Error::new(format!(
                "the route for the tag {:?} is a method of {}, which is not this spider",
                page.tag(),
                std::any::type_name::<S>()
            ))),
        }
    }
}

/// A tag that no route has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no route of the spider has the tag {tag:?}{}; its routes are {known}",
    .similar.as_ref().map(|tag| format!(" (did you mean {tag:?}?)")).unwrap_or_default()
)]
pub struct UnknownTag {
    tag: String,
    similar: Option<String>,
    known: String,
}

impl Router {
    /// No routes.
    pub fn new() -> Self {
        Self::default()
    }

    /// The function for pages without a tag: those of the start requests, and of links that are followed without one.
    #[must_use]
    pub fn with_start<Form>(self, parse: impl ParsePage<Form>) -> Self {
        self.with("", parse)
    }

    /// The function for pages with this tag: `fn(&Page, &mut Output)`, or a method of the spider (`Self::book`). It
    /// returns nothing or a `Result<()>`.
    #[must_use]
    pub fn with<Form>(mut self, tag: impl Into<Cow<'static, str>>, parse: impl ParsePage<Form>) -> Self {
        self.0.push((tag.into(), Box::new(move |spider, page, out| parse.parse_page(spider, page, out))));
        self
    }

    /// Emits one item for each page with this tag. [`Page::extract`] makes it from the page.
    ///
    /// ```
    /// # extern crate dragline_spider as dragline;
    /// use dragline::prelude::*;
    ///
    /// #[derive(Item)]
    /// struct Book {
    ///     #[item(css = "h1")]
    ///     title: String,
    /// }
    ///
    /// let routes = Router::new().with_item::<Book>("book");
    /// assert_eq!(routes.tags().collect::<Vec<_>>(), ["book"]);
    /// ```
    #[must_use]
    pub fn with_item<T: Item + Extract>(self, tag: impl Into<Cow<'static, str>>) -> Self {
        self.with(tag, |page: &Page, out: &mut Output| out.extract::<T>(page))
    }

    /// Whether it has no routes: then any tag is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tags of its routes; `""` is the route of start requests.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(tag, _)| tag.as_ref())
    }

    /// Checks that there is a route for the page of each of these requests.
    ///
    /// # Errors
    /// When a request has a tag that no route has. A router without routes allows every tag.
    pub fn check<'a>(&self, requests: impl IntoIterator<Item = &'a Request>) -> Result<(), UnknownTag> {
        if self.is_empty() {
            return Ok(());
        }
        let mut unknown = requests.into_iter().map(Request::tag).filter(|tag| self.route(tag).is_none());
        unknown.next().map_or(Ok(()), |tag| Err(self.unknown(tag)))
    }

    /// A tag that has two routes, which is a mistake.
    pub(crate) fn repeated_tag(&self) -> Option<&str> {
        self.tags()
            .enumerate()
            .find(|(at, tag)| self.tags().take(*at).any(|earlier| earlier == *tag))
            .map(|(_, tag)| tag)
    }

    /// Parses a page with the function for its tag.
    pub(crate) fn parse(&self, spider: &dyn Any, page: &Page, out: &mut Output) -> Result<()> {
        match self.route(page.tag()) {
            Some(route) => route(spider, page, out),
            None if self.is_empty() => Err(Error::new(
                "the spider has neither a `parse` nor `routes`, so it makes nothing of a page",
            )),
            None => Err(self.unknown(page.tag()).into()),
        }
    }

    fn route(&self, tag: &str) -> Option<&Route> {
        self.0.iter().find(|(own, _)| own == tag).map(|(_, route)| &**route)
    }

    fn unknown(&self, tag: &str) -> UnknownTag {
        let known: Vec<String> = self.tags().map(shown).collect();
        let similar = nearest(tag, self.tags()).map(str::to_owned);
        UnknownTag { tag: tag.to_owned(), similar, known: known.join(", ") }
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Router").field(&self.tags().collect::<Vec<_>>()).finish()
    }
}

fn shown(tag: &str) -> String {
    if tag.is_empty() { "the start (no tag)".to_owned() } else { format!("{tag:?}") }
}

#[cfg(test)]
mod tests;
