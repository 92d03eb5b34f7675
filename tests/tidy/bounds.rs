//! Checks that the bounds in `docs/settings.md` that are not settings are those of the code.

use std::fs;

use super::source::repository;

#[test]
fn the_bounds_in_the_settings_reference_are_those_of_the_code() {
    let reference = fs::read_to_string(repository().join("docs/settings.md")).unwrap();
    let (_, section) = reference.split_once("## Bounds that aren't settings").unwrap();
    let table = section.split("\n## ").next().unwrap();
    let mut rows = 0;
    for row in table.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_, bound, name, file] = cells[..] else { panic!("not four cells: {row}") };
        let (name, file) = (name.trim_matches('`'), file.trim_matches('`'));
        let code =
            fs::read_to_string(repository().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let expression = expression(&code, name).unwrap_or_else(|| panic!("{file} has no value for {name}"));
        let (told, real) = (told(bound), real(expression));
        assert_eq!(told, real, "docs/settings.md says {bound} for {name}; {file} says {expression}");
        rows += 1;
    }
    assert!(rows > 30, "{rows}");
}

/// What a constant, or a field of settings by default, is.
fn expression<'a>(code: &'a str, name: &str) -> Option<&'a str> {
    let constant = code.split_once(&format!("const {name}: ")).and_then(|(_, rest)| rest.split_once("= "));
    if let Some((_, rest)) = constant {
        return rest.split(';').next();
    }
    let defaults = code.split_once("fn default() -> Self").map(|(_, defaults)| defaults)?;
    let (_, rest) = defaults.split_once(&format!(" {name}: "))?;
    rest.split([',', '}']).next().map(str::trim)
}

/// A bound in the document: a number, or one with a unit, in milliseconds or bytes.
fn told(bound: &str) -> u64 {
    let (number, unit) = bound.split_once(' ').unwrap_or((bound, ""));
    let number: u64 = number.replace(',', "").parse().unwrap_or_else(|error| panic!("{bound}: {error}"));
    number
        * match unit {
            "" | "ms" => 1,
            "s" => 1_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            _ => panic!("{bound}: no such unit"),
        }
}

/// The same of an expression in the code.
fn real(expression: &str) -> u64 {
    let inside = |from: &str| expression.strip_prefix(from).and_then(|rest| rest.strip_suffix(')'));
    if let Some(seconds) = inside("Duration::from_secs(") {
        return real(seconds) * 1_000;
    }
    if let Some(millis) = inside("Duration::from_millis(") {
        return real(millis);
    }
    let number =
        |text: &str| text.trim().replace('_', "").parse::<u64>().unwrap_or_else(|_| panic!("{expression}"));
    match expression.split_once("<<") {
        Some((number_of, shift)) => number(number_of) << number(shift),
        None => expression.split('*').map(number).product(),
    }
}
