//! What the methods that select take as a selector, and the cache behind selectors that are plain text.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::LazyLock;

use dragline_css::Selector;

/// Most selectors come from code, so there are few. Those that a spider builds from data must not fill the memory.
const MAX_CACHED: usize = 1_000;

thread_local! {
    static COMPILED: RefCell<HashMap<Box<str>, Rc<Selector>>> = RefCell::new(HashMap::new());
}

/// A CSS selector: text, or a compiled [`Selector`].
///
/// Text is compiled when a thread first uses it, and then kept. If it is not a selector, the method that was given
/// it panics, which fails the page. `css!("…")` checks a selector while the spider is compiled, and
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
    /// Compiled by whoever has it.
    Given(&'s Selector),
    /// From this thread's cache.
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

/// The compiled form of `css`, from this thread's cache.
///
/// # Panics
/// When it is not a CSS selector: a mistake in the spider, which fails the page.
fn cached(css: &str) -> Rc<Selector> {
    if let Some(found) = COMPILED.with_borrow(|cache| cache.get(css).cloned()) {
        return found;
    }
    let selector = match Selector::new(css.to_owned()) {
        Ok(selector) => Rc::new(selector),
        Err(error) => panic!("{error}"),
    };
    COMPILED.with_borrow_mut(|cache| {
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(css.into(), Rc::clone(&selector));
    });
    selector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_compiled_once_and_the_cache_is_bounded() {
        let of = |css: &str| match css.compiled() {
            Compiled::Cached(selector) => selector,
            Compiled::Given(_) => unreachable!("text is never compiled already"),
        };
        assert!(Rc::ptr_eq(&of("li.next a"), &of("li.next a")));
        for number in 0..2 * MAX_CACHED {
            of(&format!("#id-{number}"));
        }
        assert!(COMPILED.with_borrow(HashMap::len) <= MAX_CACHED);
    }
}
