//! One value of each type, made when somebody first asks for it.

use std::any::Any;
use std::sync::OnceLock;

/// Values of different types. A value is never replaced or removed, so a reference to it stays valid.
#[derive(Default)]
pub(crate) struct TypedValues(OnceLock<Box<Entry>>);

struct Entry {
    value: Box<dyn Any + Send + Sync>,
    rest: TypedValues,
}

impl TypedValues {
    /// The value of type `T`. The first call makes it; an error is not kept.
    pub(crate) fn get_or_try_insert<T, E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E>
    where
        T: Any + Send + Sync,
    {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let mut made = Some(Entry { value: Box::new(make()?), rest: Self::default() });
        let mut place = &self.0;
        loop {
            // Another thread may have been first. What it put here may be of another type, and then ours goes behind it.
            let entry = place.get_or_init(|| match made.take() {
                Some(entry) => Box::new(entry),
                None => unreachable!("an entry that was put into the list has the type that is looked for"),
            });
            if let Some(value) = entry.value.downcast_ref() {
                return Ok(value);
            }
            place = &entry.rest.0;
        }
    }

    fn get<T: Any>(&self) -> Option<&T> {
        let mut place = &self.0;
        while let Some(entry) = place.get() {
            if let Some(value) = entry.value.downcast_ref() {
                return Some(value);
            }
            place = &entry.rest.0;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::thread;

    use super::*;

    #[test]
    fn each_type_has_one_value_also_when_threads_race() {
        let values = TypedValues::default();
        thread::scope(|scope| {
            for number in 0..4_u32 {
                let values = &values;
                scope.spawn(move || {
                    let one = values.get_or_try_insert(|| Ok::<_, Infallible>(number)).unwrap();
                    let again = values.get_or_try_insert(|| Ok::<_, Infallible>(number + 10)).unwrap();
                    assert!(std::ptr::eq(one, again));
                    assert_eq!(values.get_or_try_insert(|| Ok::<_, Infallible>("text")), Ok(&"text"));
                });
            }
        });
        assert!(values.get::<u32>().is_some_and(|number| *number < 4));
    }

    #[test]
    fn an_error_is_not_kept() {
        let values = TypedValues::default();
        assert_eq!(values.get_or_try_insert(|| Err::<u32, _>("no")), Err("no"));
        assert_eq!(values.get_or_try_insert(|| Ok::<_, &str>(7_u32)), Ok(&7));
    }
}
