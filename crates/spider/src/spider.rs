//! The spider: plain synchronous code that says where to start and what a page yields.

use std::any::Any;

use dragline_css::{Selector, SelectorError};

use crate::accepts::Accepts;
use crate::args::Args;
use crate::arguments::Arguments;
use crate::canonical::has_userinfo;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::item_type::ItemType;
use crate::output::Output;
use crate::page::Page;
use crate::request::{Request, RequestError};
use crate::router::Router;
use crate::same_request::SameRequest;
use crate::sample::Sample;
use crate::stay_in::StayIn;

/// A site's crawl. See the crate's `prelude` for all that an implementation needs.
///
/// An error or a panic in [`Spider::parse`] fails only that page, and never the crawl.
pub trait Spider: AsAny + Send + Sync + 'static {
    /// Its name on the command line and in every table.
    fn name(&self) -> &str;

    /// One line for `dragline list`.
    fn description(&self) -> &str {
        ""
    }

    /// The item types that it emits. Their tables are checked before the first request; an undeclared type
    /// fails the page.
    fn items(&self) -> Vec<ItemType>;

    /// The selectors that `parse` uses, so that an invalid one is an error before the first request and not on the
    /// first page that needs it. It is for selectors that are only known at run time, or kept in constants: the
    /// compiler has already checked those of `css!("…")` and `#[item(css = "…")]`.
    fn selectors(&self) -> Vec<&str> {
        Vec::new()
    }

    /// The arguments that it takes: `-a NAME=VALUE`. A crawl with any other argument does not start.
    ///
    /// ```
    /// # extern crate dragline_spider as dragline;
    /// use dragline::prelude::*;
    ///
    /// #[derive(SpiderArgs)]
    /// struct BookArgs {
    ///     /// Only this category
    ///     category: Option<String>,
    /// }
    ///
    /// // `BookArgs::arguments()` is short for this:
    /// let declared = Arguments::new().with_optional("category", "Only this category");
    /// assert_eq!(declared.to_string(), BookArgs::arguments().to_string());
    /// ```
    fn arguments(&self) -> Arguments {
        Arguments::new()
    }

    /// Where to start, unless the user named start URLs.
    ///
    /// # Errors
    /// Any error ends the crawl before it begins, with exit code 2.
    fn start(&self, args: &Args) -> Result<Vec<Request>>;

    /// A function for each kind of page, by the tag of its request: see [`Router`]. A spider needs either this or
    /// [`Spider::parse`].
    fn routes(&self) -> Router {
        Router::new()
    }

    /// What a page yields. By default, this calls the function that [`Spider::routes`] has for the tag of the page. A spider
    /// without routes writes its own `parse`, which may look at [`Page::tag`].
    ///
    /// # Errors
    /// Any error fails this page, and only this page.
    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        self.routes().parse(self.as_any(), page, out)
    }

    /// Headers for every request of this spider, unless the request has its own of that name: `Accept` for an API, or `Referer`.
    /// The setting `header` wins over them. Do not return credentials here: they would go to every host of the run.
    fn headers(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Where its crawl stays: domains, and patterns of URLs. The settings `allow_domain` and `allow` replace these, and `deny` adds
    /// to them. Start requests are always fetched.
    fn stay_in(&self) -> StayIn {
        StayIn::default()
    }

    /// When two of its requests are the same, so that one of them is enough. For example, some parameters may not count
    /// (`SameRequest::canonical().with_ignored(["utm_*"])`). A run keeps the rule that it began with.
    fn same_request(&self) -> SameRequest {
        SameRequest::canonical()
    }

    /// The version of `parse`, as any text. Change it when the same page would now give other items or links. A crawl with
    /// `--incremental` parses only pages that have changed, and after a new version it parses each page once more. A change
    /// of the item types or of the arguments counts as a new version too.
    fn version(&self) -> &str {
        ""
    }

    /// Stored pages of its site, each with the expected result. `dragline check` compares them.
    fn samples(&self) -> Vec<Sample> {
        Vec::new()
    }

    /// Which answers it accepts as pages, besides those with a status of 2xx and a type of the setting `accept_types`. An
    /// answer with another status ends as `failed`, and one of another type as `skipped`.
    fn accepts(&self) -> Accepts {
        Accepts::new()
    }

    /// Handles a request that was given up after its retries. What this emits is stored together with the failed request: an item may
    /// record the failure, and a request may ask for the page somewhere else. The request itself stays `failed`.
    ///
    /// Its requests obey the same rules as those of a page: scope, depth, robots.txt, duplicates. This is not called for a
    /// page that `parse` could not handle.
    ///
    /// Do not emit the failed URL again [without the filter](Request::without_filter). While the URL keeps failing, each failure
    /// emits the next request, one level deeper, and the crawl does not end unless `--max-depth` is set.
    ///
    /// # Errors
    /// After an error or a panic, nothing of what this emitted is stored. The request is `failed` with the reason it had.
    fn failed(&self, _failure: &Failure, _out: &mut Output) -> Result<()> {
        Ok(())
    }
}

/// Any type as `dyn Any`, so that a [`Router`] can call the methods of a spider.
#[doc(hidden)]
pub trait AsAny {
    /// The value itself.
    fn as_any(&self) -> &dyn Any;
}

impl<T: Any> AsAny for T {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A list of spiders for `dragline::run`: `spiders![Quotes, Books]`.
#[macro_export]
macro_rules! spiders {
    ($($spider:expr),* $(,)?) => {{
        let spiders: ::std::vec::Vec<::std::sync::Arc<dyn $crate::spider::Spider>> =
            ::std::vec![$(::std::sync::Arc::new($spider)),*];
        spiders
    }};
}

/// The start requests of a run: one for each start URL that the user named, or otherwise the spider's own.
///
/// # Errors
/// Those of the spider; when one of its selectors is invalid; when a URL cannot be fetched or contains a password; when
/// a request has a tag that no route of the spider has; and when there is a tag for start URLs and no start URL.
pub fn start_requests(spider: &dyn Spider, args: &Args) -> Result<Vec<Request>> {
    check_selectors(spider)?;
    let named: Result<Vec<Request>, RequestError> =
        args.start_urls().iter().cloned().map(Request::from_url).collect();
    let tagged = |request: Request| request.with_tag(args.start_tag());
    let named: Vec<Request> = named?.into_iter().map(tagged).collect();
    if named.is_empty() && !args.start_tag().is_empty() {
        return Err(Error::new(format!(
            "the tag {:?} is for start URLs, and none is given; it sets the tags of its own start requests itself",
            args.start_tag()
        )));
    }
    let requests = if named.is_empty() { spider.start(args)? } else { named };
    let routes = spider.routes();
    if let Some(tag) = routes.repeated_tag() {
        return Err(Error::new(format!("it has two routes for the tag {tag:?}")));
    }
    routes.check(&requests)?;
    match requests.iter().map(Request::url).find(|url| has_userinfo(url)) {
        Some(url) => {
            Err(RequestError::Userinfo { host: url.host_str().unwrap_or_default().to_owned() }.into())
        }
        None => Ok(requests),
    }
}

/// Compiles the selectors that a spider names in [`Spider::selectors`].
///
/// # Errors
/// The first invalid one.
pub fn check_selectors(spider: &dyn Spider) -> Result<(), SelectorError> {
    spider.selectors().into_iter().try_for_each(|css| Selector::new(css.to_owned()).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct From(&'static str);

    impl Spider for From {
        fn name(&self) -> &str {
            "from"
        }

        fn items(&self) -> Vec<ItemType> {
            Vec::new()
        }

        fn start(&self, _args: &Args) -> Result<Vec<Request>> {
            Ok(vec![Request::get(self.0)?])
        }

        fn parse(&self, _page: &Page, _out: &mut Output) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_start_url_with_a_password_is_refused_without_showing_it() {
        assert_eq!(start_requests(&From("http://a.example/@me"), &Args::default()).unwrap().len(), 1);
        for url in
            ["http://user:hunter2@a.example/", "http://hunter2@a.example/", "http://:hunter2@a.example/"]
        {
            let error = start_requests(&From(url), &Args::default()).unwrap_err().to_string();
            assert!(error.contains("a.example") && !error.contains("hunter2"), "{error}");
        }
    }
}
