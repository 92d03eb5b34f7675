//! Steps over the items of one type, as the spider's own struct.

use std::fmt;

use super::{ItemPipeline, Verdict};
use crate::from_record::FromRecord;
use crate::item::ItemRecord;
use crate::item_origin::ItemOrigin;
use crate::item_type::ItemType;

/// A step over the items of one type. [`of`] makes it.
pub struct TypedPipeline<T> {
    name: String,
    item_type: ItemType,
    process: Box<Process<T>>,
}

type Process<T> = dyn Fn(T, &ItemOrigin<'_>) -> Verdict<T> + Send + Sync;

/// A step over the items of type `T`. Items of other types pass it unchanged.
///
/// If an earlier step has put a value into the item that `T` cannot hold, the item is quarantined.
///
/// ```
/// # extern crate dragline_spider as dragline;
/// use dragline::prelude::*;
/// use dragline::{Item, ItemOrigin, ItemPipeline, Verdict, item_pipeline};
///
/// #[derive(Item)]
/// struct Offer { title: String, price: f64 }
///
/// let plausible = item_pipeline::of::<Offer>("plausible", |mut offer, origin| {
///     if origin.tag() == "auction" {
///         return Verdict::drop("an auction");
///     }
///     if offer.price <= 0.0 {
///         let reason = format!("a price of {}", offer.price);
///         return Verdict::quarantine(offer, reason);
///     }
///     offer.title.make_ascii_lowercase();
///     Verdict::Keep(offer)
/// });
///
/// let spade = Offer { title: "SPADE".to_owned(), price: 9.5 };
/// let verdict = plausible.process(spade.into_record(), &ItemOrigin::new("https://shop.example/1"));
/// assert!(matches!(verdict, Verdict::Keep(record) if record.json_text() == r#"{"price":9.5,"title":"spade"}"#));
/// ```
pub fn of<T: FromRecord>(
    name: impl Into<String>,
    process: impl Fn(T, &ItemOrigin<'_>) -> Verdict<T> + Send + Sync + 'static,
) -> TypedPipeline<T> {
    TypedPipeline { name: name.into(), item_type: T::item_type(), process: Box::new(process) }
}

impl<T: FromRecord + 'static> ItemPipeline for TypedPipeline<T> {
    fn name(&self) -> &str {
        &self.name
    }

    fn process(&self, record: ItemRecord, origin: &ItemOrigin<'_>) -> Verdict {
        if record.item_type != self.item_type {
            return Verdict::Keep(record);
        }
        match T::from_record(&record) {
            Ok(item) => (self.process)(item, origin).map(T::into_record),
            Err(error) => Verdict::quarantine(record, error),
        }
    }
}

impl<T> fmt::Debug for TypedPipeline<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypedPipeline({:?} over {})", self.name, self.item_type.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::Item as _;
    use crate::value::Value;
    use dragline_derive::Item;

    #[derive(Item)]
    struct Offer {
        title: String,
        price: i32,
    }

    #[derive(Item)]
    struct Note {
        title: String,
    }

    fn record(title: &str, price: i32) -> ItemRecord {
        Offer { title: title.to_owned(), price }.into_record()
    }

    fn sorted_out(record: ItemRecord) -> Verdict {
        let step = of::<Offer>("sorter".to_owned(), |mut offer, origin| match offer.price {
            0 => Verdict::drop(origin.url()),
            ..0 => Verdict::quarantine(offer, "a negative price"),
            _ => {
                offer.title.push('!');
                Verdict::Keep(offer)
            }
        });
        assert_eq!(step.name(), "sorter");
        step.process(record, &ItemOrigin::new("https://shop.example/1"))
    }

    #[test]
    fn a_step_sees_the_struct_and_returns_it() {
        assert_eq!(sorted_out(record("spade", 1)), Verdict::Keep(record("spade!", 1)));
        assert_eq!(sorted_out(record("spade", 0)), Verdict::drop("https://shop.example/1"));
        assert_eq!(
            sorted_out(record("spade", -1)),
            Verdict::quarantine(record("spade", -1), "a negative price")
        );
    }

    #[test]
    fn items_of_other_types_pass_unchanged() {
        let note = Note { title: "spade".to_owned() }.into_record();
        assert_eq!(sorted_out(note.clone()), Verdict::Keep(note));
    }

    #[test]
    fn an_item_that_the_struct_cannot_hold_is_quarantined_whole() {
        let mut spoiled = record("spade", 1);
        *spoiled.get_mut("price").unwrap() = Value::Text("cheap".to_owned());
        let reason = "offer.price is \"cheap\", which its field cannot hold";
        assert_eq!(sorted_out(spoiled.clone()), Verdict::quarantine(spoiled, reason));
    }
}
