//! Bounds of lengths and values, and how an error names them.

use std::cmp::Ordering;
use std::ops::{Bound, RangeBounds};

use dragline_core::rust_decimal::Decimal;
use dragline_core::{ColumnType, Value};

/// What lies between two bounds.
#[derive(Clone, Debug)]
pub(super) struct Bounds<T> {
    low: Bound<T>,
    high: Bound<T>,
}

impl<T: Clone> Bounds<T> {
    pub(super) fn of(range: &impl RangeBounds<T>) -> Self {
        Self { low: range.start_bound().cloned(), high: range.end_bound().cloned() }
    }

    pub(super) fn map<U>(self, mut into: impl FnMut(T) -> U) -> Bounds<U> {
        Bounds { low: self.low.map(&mut into), high: self.high.map(into) }
    }

    /// The bounds that are given.
    pub(super) fn given(&self) -> impl Iterator<Item = &T> {
        let given = |bound: &'_ Bound<T>| !matches!(bound, Bound::Unbounded);
        [&self.low, &self.high].into_iter().filter(move |bound| given(bound)).filter_map(
            |bound| match bound {
                Bound::Included(value) | Bound::Excluded(value) => Some(value),
                Bound::Unbounded => None,
            },
        )
    }

    /// Whether `value` lies between them. A value that can't be compared doesn't.
    pub(super) fn contain(&self, value: &T, compare: impl Fn(&T, &T) -> Option<Ordering>) -> bool {
        let against = |bound: &Bound<T>, side: Ordering| match bound {
            Bound::Unbounded => true,
            Bound::Included(bound) => {
                compare(value, bound).is_some_and(|ordering| ordering == side || ordering == Ordering::Equal)
            }
            Bound::Excluded(bound) => compare(value, bound) == Some(side),
        };
        against(&self.low, Ordering::Greater) && against(&self.high, Ordering::Less)
    }

    /// What is allowed, for an error.
    pub(super) fn told(&self, show: impl Fn(&T) -> String) -> String {
        match (&self.low, &self.high) {
            (Bound::Unbounded, Bound::Unbounded) => "anything".to_owned(),
            (Bound::Included(low), Bound::Included(high)) => format!("{} to {}", show(low), show(high)),
            (low, high) => {
                let low = match low {
                    Bound::Included(low) => Some(format!("at least {}", show(low))),
                    Bound::Excluded(low) => Some(format!("more than {}", show(low))),
                    Bound::Unbounded => None,
                };
                let high = match high {
                    Bound::Included(high) => Some(format!("at most {}", show(high))),
                    Bound::Excluded(high) => Some(format!("less than {}", show(high))),
                    Bound::Unbounded => None,
                };
                low.into_iter().chain(high).collect::<Vec<_>>().join(" and ")
            }
        }
    }
}

/// The order of two values. Numbers of different types have one, too.
pub(super) fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Date(one), Value::Date(other)) => Some(one.cmp(other)),
        (Value::Timestamp(one), Value::Timestamp(other)) => Some(one.cmp(other)),
        (Value::Float(_), _) | (_, Value::Float(_)) => as_float(one)?.partial_cmp(&as_float(other)?),
        _ => Some(as_decimal(one)?.cmp(&as_decimal(other)?)),
    }
}

/// Whether a column of this type holds values that can be compared with `bound`.
pub(super) fn fits(bound: &Value, kind: ColumnType) -> bool {
    let is_number = matches!(
        kind,
        ColumnType::SmallInt
            | ColumnType::Integer
            | ColumnType::BigInt
            | ColumnType::Real
            | ColumnType::Double
            | ColumnType::Numeric
    );
    match bound {
        Value::Int(_) | Value::Float(_) | Value::Decimal(_) => is_number,
        Value::Date(_) => kind == ColumnType::Date,
        Value::Timestamp(_) => kind == ColumnType::Timestamp,
        _ => false,
    }
}

fn as_decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Int(number) => Some(Decimal::from(*number)),
        Value::Decimal(number) => Some(*number),
        _ => None,
    }
}

#[allow(clippy::cast_precision_loss)] // it is compared with a float, which has no more digits
fn as_float(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::Decimal(number) => (*number).try_into().ok(),
        _ => None,
    }
}
