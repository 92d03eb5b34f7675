//! Vectors of public test suites, if they are available.
//!
//! They are other people's work and not part of this repository. The cases that must always be tested are written in its
//! tests by hand. If the folder `shared` is next to the checkout, or if the variable `DRAGLINE_SHARED` names it, the tests
//! also use everything in `shared/conformance`.

use std::path::{Path, PathBuf};
use std::{env, fs};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value as Json;

/// Reads and parses a file of vectors. If it is missing, prints a line and returns `None`.
///
/// # Panics
/// If it exists and cannot be read. A test that skipped it would pass without testing anything.
pub fn read(file: &str) -> Option<Json> {
    let path = path(file)?;
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some(serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// The list `vectors` of such a file. Empty if the file is missing.
///
/// # Panics
/// As [`read`] does, and if the file has no such list.
pub fn rows(file: &str) -> Vec<Json> {
    let Some(mut vectors) = read(file) else { return Vec::new() };
    match vectors["vectors"].take() {
        Json::Array(rows) => rows,
        _ => panic!("{file} has no list of vectors"),
    }
}

/// The path of a file or folder of vectors. If it is missing, prints a line and returns `None`.
pub fn path(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = env::var_os("DRAGLINE_SHARED").map_or_else(beside, PathBuf::from);
    let path = shared.join("conformance").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("tested without the vectors of {}, which is not there", path.display());
    None
}

/// The bytes of a value: text, or an object whose `$b64` holds them as base64.
///
/// # Panics
/// If it is neither.
pub fn bytes(value: &Json) -> Vec<u8> {
    match value.get("$b64").and_then(Json::as_str) {
        Some(coded) => BASE64_STANDARD.decode(coded).expect("base64"),
        None => value.as_str().unwrap_or_else(|| panic!("{value} is neither text nor bytes")).into(),
    }
}
