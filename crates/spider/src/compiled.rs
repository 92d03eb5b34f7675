//! The selectors that methods accept, and the cache for those that are plain text.

use std::ops::Deref;
use std::rc::Rc;
use std::sync::LazyLock;

use dragline_css::Selector;

use crate::cache::Cache;

thread_local! {
    static COMPILED: Cache<Selector> = Cache::new();
}

/// A CSS selector: text, or a compiled [`Selector`].
///
/// Text is compiled when a thread first uses it, and then kept. If it is not a valid selector, the method panics, which
/// fails the page. `css!("…")` checks a selector while the spider is compiled, and
/// [`Spider::selectors`](crate::Spider::selectors) names those to check before the first request.
pub trait AsSelector {
    /// The compiled form.
    #[doc(hidden)]
    fn compiled(&self) -> Compiled<'_>;
}

/// A compiled selector, borrowed or from the cache.
#[doc(hidden)]
#[derive(Debug)]
pub enum Compiled<'s> {
    /// The caller has compiled it.
    Given(&'s Selector),
    /// It is in this thread's cache.
    Cached(Rc<Selector>),
}

impl Deref for Compiled<'_> {
    type Target = Selector;

    fn deref(&self) -> &Selector {
        match self {
            Self::Given(selector) => selector,
            Self::Cached(selector) => selector,
        }
    }
}

impl AsSelector for Selector {
    fn compiled(&self) -> Compiled<'_> {
        Compiled::Given(self)
    }
}

impl AsSelector for LazyLock<Selector> {
    fn compiled(&self) -> Compiled<'_> {
        Compiled::Given(self)
    }
}

impl AsSelector for str {
    fn compiled(&self) -> Compiled<'_> {
        Compiled::Cached(cached(self))
    }
}

impl AsSelector for String {
    fn compiled(&self) -> Compiled<'_> {
        Compiled::Cached(cached(self))
    }
}

impl<T: AsSelector + ?Sized> AsSelector for &T {
    fn compiled(&self) -> Compiled<'_> {
        (**self).compiled()
    }
}

fn cached(css: &str) -> Rc<Selector> {
    COMPILED.with(|cache| cache.get(css, || Selector::new(css.to_owned())))
}
