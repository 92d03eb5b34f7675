//! The cache of each thread for compiled selectors and regular expressions.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Most selectors and expressions are written in code, so there are few. A spider can also build them from data, and the limit
/// keeps these from filling the memory.
const MAX_CACHED: usize = 1_000;

/// A bounded cache. When it is full, it forgets everything.
pub(crate) struct Cache<T>(RefCell<HashMap<Box<str>, Rc<T>>>);

impl<T> Cache<T> {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(HashMap::new()))
    }

    /// The compiled form of `text`: from the cache, or from `compile`.
    ///
    /// # Panics
    /// If it cannot be compiled. That is a mistake in the spider, and fails the page.
    pub(crate) fn get<E: std::fmt::Display>(
        &self,
        text: &str,
        compile: impl FnOnce() -> Result<T, E>,
    ) -> Rc<T> {
        if let Some(found) = self.0.borrow().get(text) {
            return Rc::clone(found);
        }
        let compiled = match compile() {
            Ok(compiled) => Rc::new(compiled),
            Err(error) => panic!("{error}"),
        };
        let mut cache = self.0.borrow_mut();
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(text.into(), Rc::clone(&compiled));
        compiled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_compiled_once_and_the_cache_is_bounded() {
        let cache = Cache::new();
        let of = |text: &str| cache.get(text, || Ok::<_, String>(text.to_owned()));
        assert!(Rc::ptr_eq(&of("li.next a"), &of("li.next a")));
        for number in 0..2 * MAX_CACHED {
            of(&format!("#id-{number}"));
        }
        assert!(cache.0.borrow().len() <= MAX_CACHED);
    }
}
