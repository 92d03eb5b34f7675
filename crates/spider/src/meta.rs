//! Meta as values of the spider's own types.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use crate::error::{Error, Result};

/// All of it as one type.
pub(crate) fn all_as<T: DeserializeOwned>(meta: &Map<String, Json>) -> Result<T> {
    serde_path_to_error::deserialize(meta).map_err(|error| {
        let (path, error) = (error.path().to_string(), error.inner());
        match path.as_str() {
            "." => Error::new(format!("meta: {error}")),
            path => Error::new(format!("meta {path:?}: {error}")),
        }
    })
}

/// One value as a type. A missing value is read as null, so an `Option` becomes `None`.
pub(crate) fn value_as<T: DeserializeOwned>(meta: &Map<String, Json>, name: &str) -> Result<T> {
    match meta.get(name) {
        Some(value) => T::deserialize(value).map_err(|error| Error::new(format!("meta {name:?}: {error}"))),
        None => T::deserialize(&Json::Null)
            .map_err(|_| Error::new(format!("meta {name:?}: the request has none"))),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize, Debug, PartialEq)]
    struct Listing {
        page: u32,
        filters: Vec<String>,
        shelf: Option<String>,
    }

    fn meta(json: Json) -> Map<String, Json> {
        serde_json::from_value(json).unwrap()
    }

    fn error(json: Json) -> String {
        all_as::<Listing>(&meta(json)).unwrap_err().to_string()
    }

    #[test]
    fn all_of_it_fills_a_struct_and_errors_name_the_field() {
        let listing = Listing { page: 2, filters: vec!["new".to_owned()], shelf: None };
        assert_eq!(
            all_as::<Listing>(&meta(json!({"page": 2, "filters": ["new"], "other": 1}))).unwrap(),
            listing
        );
        assert_eq!(error(json!({"filters": []})), "meta: missing field `page`");
        assert_eq!(
            error(json!({"page": "two", "filters": []})),
            "meta \"page\": invalid type: string \"two\", expected u32"
        );
        assert_eq!(
            error(json!({"page": 2, "filters": ["a", 7]})),
            "meta \"filters[1]\": invalid type: integer `7`, expected a string"
        );
    }

    #[test]
    fn one_value_is_read_alone() {
        let meta = meta(json!({"page": 2, "shelf": null}));
        assert_eq!(value_as::<u32>(&meta, "page").unwrap(), 2);
        assert_eq!(value_as::<Option<String>>(&meta, "shelf").unwrap(), None);
        assert_eq!(value_as::<Option<u32>>(&meta, "absent").unwrap(), None);
        let error = |name| value_as::<u8>(&meta, name).unwrap_err().to_string();
        assert_eq!(error("absent"), "meta \"absent\": the request has none");
        assert_eq!(error("shelf"), "meta \"shelf\": invalid type: null, expected u8");
    }
}
