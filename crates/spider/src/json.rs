//! Reads JSON as servers send it, into any type.
//!
//! `serde_json` reads the JSON. It refuses a whole document because of half a surrogate pair (`"\ud83d"`, a text that was cut in the
//! middle of an emoji), and it rounds numbers that 64 bits cannot hold. So the text is prepared first: see [`prepare`].
//!
//! The feature `arbitrary_precision` of `serde_json` would keep such numbers too. But a feature holds for the whole program: with
//! it, no type of an author that has `#[serde(untagged)]` or `flatten` could read `1.5` any more. A `RawValue` is only text, and an
//! author would have to know beforehand which numbers are long.

mod prepare;

use std::fmt;

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use self::prepare::{Native, prepare};

/// A type has few fields that hold numbers. Beyond this, all of them are read as the type wants.
const MAX_NAMED: usize = 32;

/// Why a text is not the JSON that was expected.
#[derive(Debug)]
pub(crate) struct JsonError {
    path: Path,
    source: serde_json::Error,
}

/// A value takes this many bytes.
const BYTES_PER_VALUE: usize = 32;
/// A field of an object takes more: its name, and its place in a tree.
const BYTES_PER_FIELD: usize = 64;

/// How much memory the values of a text may take. Their number follows from the signs between them.
pub(crate) fn expected_bytes(text: &str) -> usize {
    let count = |sign: u8| memchr::memchr_iter(sign, text.as_bytes()).count();
    // The text as it is prepared, and the texts of the values.
    2 * text.len()
        + BYTES_PER_VALUE * (count(b',') + count(b'[') + count(b'{'))
        + BYTES_PER_FIELD * count(b':')
}

/// Reads a text as JSON.
///
/// Half a surrogate pair becomes U+FFFD. A number that 64 bits cannot hold exactly stays exact: in a [`Json`](serde_json::Value)
/// it becomes a text, as a `Decimal` does. A field of a number's type, such as `f64`, gets the nearest number that it can hold.
///
/// # Errors
/// When the text is not JSON, or does not have the shape of `T`. The error says where.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    // A byte order mark is not JSON, and a parser may ignore it (RFC 8259, section 8.1).
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut native = Native::default();
    loop {
        let prepared = prepare(text, &native);
        let problem = match parse(&prepared.text) {
            Ok(value) => return Ok(value),
            Err(problem) => problem,
        };
        if !prepared.has_quoted_numbers {
            return Err(problem);
        }
        // A field may want a number and not a text. The next attempt leaves the numbers of this field as they are.
        match problem.field().filter(|name| native.names.len() < MAX_NAMED && !native.names.contains(name)) {
            Some(name) if problem.source.is_data() => native.names.push(name),
            _ => native.is_all = true,
        }
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut reader);
    let value = read.map_err(|error| JsonError { path: error.path().clone(), source: error.into_inner() })?;
    let nowhere = || serde_path_to_error::Track::new().path();
    reader.end().map_err(|source| JsonError { path: nowhere(), source })?;
    Ok(value)
}

impl JsonError {
    /// The name of the innermost field that did not fit.
    fn field(&self) -> Option<String> {
        let mut names = self.path.iter().filter_map(|segment| match segment {
            Segment::Map { key } => Some(key.clone()),
            _ => None,
        });
        names.next_back()
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source.is_data() && self.path.iter().next().is_some() {
            write!(f, "{}: ", self.path)?;
        }
        self.source.fmt(f)
    }
}

impl std::error::Error for JsonError {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::{Value as Json, json};

    use super::*;

    fn written(text: &str) -> String {
        read::<Json>(text).unwrap().to_string()
    }

    #[test]
    fn no_number_is_rounded() {
        for number in [
            "0",
            "-1",
            "1.5",
            "19.9",
            "1e3",
            "5e-324",
            "9223372036854775807",
            "18446744073709551615",
            "-9223372036854775808",
            "100000000000000000000",
            "52.520006600000002",
            "19.899999999999999",
            "0.30000000000000004",
            "1.7976931348623157e308",
            "-0.0",
        ] {
            let read = read::<Json>(number).unwrap();
            assert!(read.is_number(), "{number} became {read}");
            assert_eq!(read.as_f64(), number.parse().ok(), "{number}");
        }
        for number in [
            "123456789012345678901234567890",
            "-18446744073709551616000000001",
            "18446744073709551617",
            "12345678901234567.89",
            "1234567890123456.7",
            "0.1000000000000000055511151231257827",
            "1e400",
            "-1E+400",
            "1e-400",
        ] {
            assert_eq!(written(number), format!("{number:?}"));
            assert_eq!(written(&format!("[{{\"a\":{number} }}]")), format!("[{{\"a\":{number:?}}}]"));
        }
        // Anything else stays an error.
        for text in ["01", "1.", ".5", "+1", "1e", "--1", "NaN", "1234567890123456789012345678901x", "-"] {
            assert!(read::<Json>(text).is_err(), "{text}");
        }
        // Digits in a text are a text.
        assert_eq!(
            written(r#"{"123456789012345678901234567890":"\"12345678901234567.89"}"#),
            r#"{"123456789012345678901234567890":"\"12345678901234567.89"}"#
        );
    }

    #[test]
    fn half_a_surrogate_pair_costs_one_character() {
        for (text, expected) in [
            (r#""cut \ud83d""#, "cut \u{fffd}"),
            (r#""\ude00 tail""#, "\u{fffd} tail"),
            (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\uD83D\uDE00""#, "\u{1f600}"),
            (r#""\ud83d\n""#, "\u{fffd}\n"),
            (r#""\ud83d\\ude00""#, "\u{fffd}\\ude00"),
            (r#""\\ud83d""#, "\\ud83d"),
            (r#""\ud7ff\ue000""#, "\u{d7ff}\u{e000}"),
        ] {
            assert_eq!(read::<Json>(text).unwrap(), expected, "{text}");
        }
        assert_eq!(read::<Json>(r#"{"\ud800":1}"#).unwrap(), json!({"\u{fffd}": 1}));
        // A broken escape stays an error.
        for text in [r#""\ud83"#, r#""\ud83""#, r#""\ud83g""#, r#""\u""#, r#""\"#] {
            assert!(read::<Json>(text).is_err(), "{text}");
        }
    }

    #[derive(Deserialize, Debug, PartialEq)]
    struct Place {
        lat: f64,
        points: Option<Vec<f32>>,
        extra: Json,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(untagged)]
    enum Price {
        Number(f64),
        Text(String),
    }

    #[derive(Deserialize, Debug, PartialEq)]
    struct Flat {
        #[serde(flatten)]
        place: Place,
        #[serde(flatten)]
        rest: BTreeMap<String, Json>,
    }

    #[test]
    fn a_typed_field_gets_the_number_that_it_can_hold_and_the_others_stay_exact() {
        let long = "12345678901234567.89";
        let text = format!(r#"[{{"lat":{long},"points":[0.1,{long}],"extra":{{"n":{long}}}}}]"#);
        let places: Vec<Place> = read(&text).unwrap();
        assert_eq!(Some(places[0].lat), long.parse().ok());
        assert_eq!(places[0].extra, json!({"n": long}));
    }

    #[test]
    fn untagged_and_flattened_types_read_numbers() {
        let prices: Vec<Price> = read(r#"[1, 19.90, "free"]"#).unwrap();
        assert_eq!(prices, [Price::Number(1.0), Price::Number(19.9), Price::Text("free".into())]);
        let flat: Flat = read(r#"{"lat":19.90,"extra":null,"more":123456789012345678901234567890}"#).unwrap();
        assert_eq!((flat.place.lat, &flat.rest["more"]), (19.9, &json!("123456789012345678901234567890")));
        // serde keeps the parts of such a type in between, without knowing that the field wants a number.
        let flat: Flat = read(r#"{"lat":12345678901234567.89,"extra":null}"#).unwrap();
        assert_eq!(Some(flat.place.lat), "12345678901234567.89".parse().ok());
    }

    #[test]
    fn an_error_says_where() {
        let error = |text: &str| read::<Vec<Place>>(text).unwrap_err().to_string();
        let fits = r#"{"lat":1,"extra":0}"#;
        assert_eq!(
            error(&format!("[{fits},\n {{\"lat\":\"x\",\"extra\":0}}]")),
            "[1].lat: invalid type: string \"x\", expected f64 at line 2 column 11"
        );
        assert_eq!(
            error(&format!("[{fits},\n {{\"lat\":\"x\",\"extra\":123456789012345678901234567890}}]")),
            "[1].lat: invalid type: string \"x\", expected f64 at line 2 column 11"
        );
        assert_eq!(error("<p>"), "expected value at line 1 column 1");
        assert_eq!(error("[] []"), "trailing characters at line 1 column 4");
        assert_eq!(error("[{"), "EOF while parsing an object at line 1 column 2");
        assert_eq!(error("[{\"lat\":1}]"), "[0]: missing field `extra` at line 1 column 10");
    }
}
