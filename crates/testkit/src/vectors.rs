//! Vectors of public test suites, where they are at hand.
//!
//! They are other people's work and no part of this repository: what must always be tested stands in its tests,
//! by hand. A checkout that has the folder `shared` beside it (or where the variable `DRAGLINE_SHARED` names it)
//! is tested with all of `shared/conformance` too.

use std::path::{Path, PathBuf};
use std::{env, fs};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value as Json;

/// A file of vectors, parsed; `None` and a line that says so where it is not there.
///
/// # Panics
/// When it is there and cannot be read: a test that skips then would pass for nothing.
pub fn read(file: &str) -> Option<Json> {
    let path = path(file)?;
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some(serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// The list `vectors` of such a file; without any where it is not there.
///
/// # Panics
/// As [`read`] does, and when the file has no such list.
pub fn rows(file: &str) -> Vec<Json> {
    let Some(mut vectors) = read(file) else { return Vec::new() };
    match vectors["vectors"].take() {
        Json::Array(rows) => rows,
        _ => panic!("{file} has no list of vectors"),
    }
}

/// Where a file or folder of vectors is; `None` and a line that says so where it is not there.
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
/// When it is neither.
pub fn bytes(value: &Json) -> Vec<u8> {
    match value.get("$b64").and_then(Json::as_str) {
        Some(coded) => BASE64_STANDARD.decode(coded).expect("base64"),
        None => value.as_str().unwrap_or_else(|| panic!("{value} is neither text nor bytes")).into(),
    }
}
