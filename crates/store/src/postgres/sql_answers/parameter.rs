//! A JSON value as a parameter of a statement. It is sent as text, so the server reads it by the type that the parameter has there.

use std::error::Error;
use std::fmt::Write as _;

use bytes::BytesMut;
use serde_json::Value as Json;
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type, to_sql_checked};

/// See the module.
#[derive(Debug)]
pub(super) struct Parameter<'a>(pub(super) &'a Json);

impl ToSql for Parameter<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Some(text) = text(self.0, kind) else { return Ok(IsNull::Yes) };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_kind: &Type) -> bool {
        true
    }

    fn encode_format(&self, _kind: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// The value as the server reads it. `None` is NULL.
fn text(value: &Json, kind: &Type) -> Option<String> {
    match value {
        Json::Null => None,
        _ if matches!(*kind, Type::JSON | Type::JSONB) => Some(value.to_string()),
        Json::String(text) => Some(text.clone()),
        Json::Array(values) => match kind.kind() {
            Kind::Array(of) => Some(array(values, of)),
            _ => Some(value.to_string()),
        },
        Json::Bool(_) | Json::Number(_) | Json::Object(_) => Some(value.to_string()),
    }
}

/// `{"a","b \" c",NULL}`
fn array(values: &[Json], of: &Type) -> String {
    let mut all = String::from("{");
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            all.push(',');
        }
        match text(value, of) {
            None => all.push_str("NULL"),
            Some(text) => {
                // Writing to a String cannot fail.
                let _ = write!(all, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            }
        }
    }
    all.push('}');
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_written_as_the_type_of_its_parameter_needs_it() {
        for (value, kind, written) in [
            (json!("FR \"x\""), Type::TEXT, Some("FR \"x\"")),
            (json!(17), Type::INT8, Some("17")),
            (json!(true), Type::BOOL, Some("true")),
            (json!(null), Type::TEXT, None),
            (json!(null), Type::JSONB, None),
            (json!("x"), Type::JSONB, Some("\"x\"")),
            (json!({"a": 1}), Type::JSON, Some("{\"a\":1}")),
            (json!(["a", "b\\ \"c", null]), Type::TEXT_ARRAY, Some("{\"a\",\"b\\\\ \\\"c\",NULL}")),
            (json!([1, 2]), Type::INT4_ARRAY, Some("{\"1\",\"2\"}")),
            (json!([]), Type::TEXT_ARRAY, Some("{}")),
        ] {
            assert_eq!(text(&value, &kind).as_deref(), written, "{value} as {kind}");
        }
    }
}
