//! Compares answers of the API with its description, `openapi.json`. It understands the part of JSON Schema that the description
//! uses, and fails on any other word. A library for all of JSON Schema would change features of shared dependencies, which then
//! have to be built once more.

use serde_json::Value as Json;

/// The description that a board serves.
pub(super) struct Description(Json);

/// Words that only explain.
const SILENT: [&str; 5] = ["description", "format", "maximum", "maxLength", "minLength"];

impl Description {
    pub(super) fn of(address: &str) -> Self {
        Self(serde_json::from_str(&super::asked(address, "/api/v1/openapi.json").body).unwrap())
    }

    /// Fails unless this is an answer to this path.
    pub(super) fn check(&self, path: &str, status: u16, answer: &Json) {
        self.check_of("get", path, status, answer);
    }

    /// The same for another method.
    pub(super) fn check_of(&self, method: &str, path: &str, status: u16, answer: &Json) {
        let path = path.split('?').next().unwrap();
        let fits = |pattern: &str| {
            let (pattern, path) = (pattern.split('/'), path.split('/'));
            pattern.clone().count() == path.clone().count()
                && pattern.zip(path).all(|(pattern, part)| pattern == part || pattern.starts_with('{'))
        };
        let paths = self.0["paths"].as_object().unwrap();
        let described = paths
            .get(path)
            .or_else(|| paths.iter().find(|(pattern, _)| fits(pattern)).map(|(_, described)| described))
            .unwrap_or_else(|| panic!("{path} is not described"));
        let answers = &described[method]["responses"];
        let described = answers.get(status.to_string()).unwrap_or(&answers["default"]);
        self.fits(&described["content"]["application/json"]["schema"], answer, path);
    }

    /// Fails unless this is a refusal.
    pub(super) fn check_refusal(&self, answer: &Json) {
        self.fits(&serde_json::json!({ "$ref": "#/components/schemas/Refused" }), answer, "refused");
    }

    fn fits(&self, schema: &Json, value: &Json, at: &str) {
        if let Err(problem) = self.compare(schema, value, at) {
            panic!("{problem}");
        }
    }

    fn compare(&self, schema: &Json, value: &Json, at: &str) -> Result<(), String> {
        let wrong = |what: String| Err(format!("{at}: {what}: {value}"));
        let schema = match schema {
            Json::Object(schema) => schema,
            Json::Bool(true) => return Ok(()),
            other => return wrong(format!("no schema: {other}")),
        };
        for (word, said) in schema {
            match word.as_str() {
                "$ref" => {
                    let name = said.as_str().unwrap().trim_start_matches('#');
                    let found = self.0.pointer(name).ok_or_else(|| format!("{name} is missing"))?;
                    self.compare(found, value, at)?;
                }
                "type" => {
                    let types: Vec<&str> = match said {
                        Json::Array(types) => types.iter().filter_map(Json::as_str).collect(),
                        one => vec![one.as_str().unwrap()],
                    };
                    if !types.iter().any(|kind| is_of(kind, value)) {
                        return wrong(format!("not of the type {types:?}"));
                    }
                }
                "enum" if !said.as_array().unwrap().contains(value) => {
                    return wrong(format!("none of {said}"));
                }
                "enum" => {}
                "minimum" if value.as_f64().is_some_and(|value| value < said.as_f64().unwrap()) => {
                    return wrong(format!("less than {said}"));
                }
                "minimum" | "required" if !value.is_object() => {}
                "required" => {
                    for name in said.as_array().unwrap() {
                        if value.get(name.as_str().unwrap()).is_none() {
                            return wrong(format!("{name} is missing"));
                        }
                    }
                }
                "properties" => {
                    for (name, of) in said.as_object().unwrap() {
                        if let Some(value) = value.get(name) {
                            self.compare(of, value, &format!("{at}.{name}"))?;
                        }
                    }
                }
                "additionalProperties" => {
                    let known = schema.get("properties").and_then(Json::as_object);
                    for (name, value) in value.as_object().into_iter().flatten() {
                        if known.is_some_and(|known| known.contains_key(name)) {
                            continue;
                        }
                        if said == false {
                            return Err(format!("{at}: {name} is not described"));
                        }
                        self.compare(said, value, &format!("{at}.{name}"))?;
                    }
                }
                "items" | "minItems" if schema.contains_key("prefixItems") => {}
                "items" => {
                    for (number, value) in value.as_array().into_iter().flatten().enumerate() {
                        self.compare(said, value, &format!("{at}[{number}]"))?;
                    }
                }
                "prefixItems" => {
                    let (schemas, values) = (said.as_array().unwrap(), value.as_array().unwrap());
                    if schemas.len() != values.len() {
                        return wrong(format!("not {} entries", schemas.len()));
                    }
                    for (schema, value) in schemas.iter().zip(values) {
                        self.compare(schema, value, at)?;
                    }
                }
                "oneOf" => {
                    let schemas = said.as_array().unwrap();
                    let told: Vec<_> = schemas.iter().map(|schema| self.compare(schema, value, at)).collect();
                    if told.iter().filter(|told| told.is_ok()).count() != 1 {
                        return Err(format!("{at}: {told:?}"));
                    }
                }
                word if SILENT.contains(&word) => {}
                word => return Err(format!("{at}: this test does not understand {word}")),
            }
        }
        Ok(())
    }
}

fn is_of(kind: &str, value: &Json) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no such type: {other}"),
    }
}

#[test]
fn a_wrong_answer_is_noticed() {
    let board = serde_json::json!({ "components": { "schemas": {
        "A": { "type": "object", "properties": { "n": { "type": ["integer", "null"], "minimum": 0 } },
               "required": ["n"], "additionalProperties": false }
    } } });
    let description = Description(board);
    let schema = serde_json::json!({ "$ref": "#/components/schemas/A" });
    let fits = |value: Json| description.compare(&schema, &value, "a").is_ok();
    assert!(fits(serde_json::json!({ "n": 1 })) && fits(serde_json::json!({ "n": null })));
    for wrong in ["{}", "[]", r#"{"n": -1}"#, r#"{"n": "1"}"#, r#"{"n": 1.5}"#, r#"{"n": 1, "m": 2}"#] {
        assert!(!fits(serde_json::from_str(wrong).unwrap()), "{wrong}");
    }
}
