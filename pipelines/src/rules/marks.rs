//! The two columns that say how good a row is.

use dragline_core::rust_decimal::Decimal;
use dragline_core::{ColumnType, Error, ItemRecord, ItemType, Result, Value};

/// The column for [`VALID`] or [`WARNING`].
const STATUS: &str = "validation_status";
/// The column for the share of rules that the item follows.
const SCORE: &str = "data_quality_score";

const VALID: &str = "valid";
const WARNING: &str = "warning";

/// Digits of a score after the point.
const SCORE_DIGITS: u32 = 4;

/// Checks the types of the two columns, if an item type has them.
pub(super) fn check(item: &ItemType) -> Result<()> {
    let scores: &[ColumnType] = &[ColumnType::Real, ColumnType::Double, ColumnType::Numeric];
    for (column, kinds) in [(STATUS, &[ColumnType::Text][..]), (SCORE, scores)] {
        let kind = item.position(column).map(|at| item.columns()[at].kind);
        if let Some(kind) = kind.filter(|kind| !kinds.contains(kind)) {
            let fitting: Vec<String> = kinds.iter().map(ToString::to_string).collect();
            return Err(Error::new(format!(
                "rules: {}.{column} has the type {kind}, and the step fills it with {}: give the column that type, or another name",
                item.name(),
                fitting.join(" or ")
            )));
        }
    }
    Ok(())
}

/// Fills the two columns of an item that broke `broken` of its `all` rules.
pub(super) fn set(record: &mut ItemRecord, broken: usize, all: usize) {
    if let Some(status) = record.get_mut(STATUS) {
        *status = Value::from(if broken == 0 { VALID } else { WARNING });
    }
    let Some(at) = record.item_type.position(SCORE) else { return };
    let score = Decimal::from(all - broken) / Decimal::from(all.max(1));
    let score = score.round_dp(SCORE_DIGITS).normalize();
    record.values[at] = match record.item_type.columns()[at].kind {
        ColumnType::Numeric => Value::Decimal(score),
        _ => Value::Float(score.try_into().unwrap_or_default()),
    };
}
