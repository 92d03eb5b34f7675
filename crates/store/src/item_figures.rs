//! What both stores agree on about the figures of columns: how a statement is divided, and what is measured of which type.

use dragline_core::{Column, ColumnType};
use serde_json::Value as Json;

/// The number of columns that one statement reads. Postgres returns at most 1,664 values per row, and a column has seven.
pub(crate) const MAX_COLUMNS_AT_ONCE: usize = 100;

/// White space that doesn't fill a text: space, tab, line feed, carriage return, no-break space.
pub(crate) const BLANK: [u32; 5] = [32, 9, 10, 13, 160];

/// How the values of a column are put in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ordered {
    /// Numbers.
    Number,
    /// Dates and times. Their texts sort as they do.
    Moment,
    /// The order of its values says nothing, and their lengths do.
    Length,
    /// Neither their order nor their length says anything.
    Nothing,
}

/// How the values of a column are measured.
pub(crate) fn ordered(column: &Column) -> Ordered {
    match column.kind {
        ColumnType::SmallInt
        | ColumnType::Integer
        | ColumnType::BigInt
        | ColumnType::Real
        | ColumnType::Double
        | ColumnType::Numeric => Ordered::Number,
        ColumnType::Date | ColumnType::Timestamp => Ordered::Moment,
        ColumnType::Text | ColumnType::TextList => Ordered::Length,
        ColumnType::Boolean | ColumnType::Uuid | ColumnType::Json => Ordered::Nothing,
    }
}

/// A number as it is kept: a whole one without a fraction, in every store.
pub(crate) fn number(value: f64) -> Json {
    // Whole numbers up to here are exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[allow(clippy::cast_possible_truncation)] // it is whole and fits
        return Json::from(value as i64);
    }
    Json::from(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_form() {
        assert_eq!(number(3.0).to_string(), "3");
        assert_eq!(number(-2.5).to_string(), "-2.5");
        assert_eq!(number(1e300).to_string(), "1e+300");
        assert_eq!(number(f64::NAN), Json::Null);
    }
}
