//! Folders depend on each other one way: no two folders of a crate are in a cycle.
//!
//! The check compares the `use` declarations and the paths that begin with `crate`, `super` or `self`, outside tests.
//! A name that a module re-exports counts for the module that it comes from. Two files of one folder may need each other.
//! From a folder, no chain of files may lead to a second folder and back to the first. The check does not see what only a
//! compiler knows: methods and macros.

use std::collections::{BTreeMap, BTreeSet};

use super::source::SourceFile;
use super::sources;

/// Re-exports that are followed from one name, at most.
const MAX_HOPS: usize = 6;

type Module = Vec<String>;

/// A crate's modules, each with its code.
type Modules = BTreeMap<Module, String>;

#[test]
fn no_two_folders_are_in_a_cycle() {
    let mut crates: BTreeMap<String, Modules> = BTreeMap::new();
    for source in sources().filter(|source| !source.is_for_tests()) {
        if let Some((root, module)) = place(&source) {
            crates.entry(root).or_default().insert(module, source.code);
        }
    }
    assert!(crates.len() > 8, "crates are missing: {:?}", crates.keys());
    let found: Vec<String> = crates
        .iter()
        .flat_map(|(root, modules)| cycles(modules).map(move |it| format!("{root}: {it}")))
        .collect();
    assert!(found.is_empty(), "move what both sides need to a place of its own: {found:#?}");
}

/// The crate that a file belongs to, and its module there.
fn place(source: &SourceFile) -> Option<(String, Module)> {
    let (root, path) = source.path.split_once("/src/")?;
    let mut module: Module = path.strip_suffix(".rs")?.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|name| matches!(&**name, "mod" | "lib" | "main")) {
        module.pop();
    }
    let is_for_tests =
        module.iter().any(|name| name.ends_with("tests") || name == "vectors" || name == "bin");
    (!is_for_tests).then(|| (root.to_owned(), module))
}

/// The cycles that hold two folders, in words.
fn cycles(modules: &Modules) -> impl Iterator<Item = String> {
    let mut arrows: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (from, code) in modules {
        for path in paths(code) {
            let Some(to) = resolved(modules, from, &path, MAX_HOPS) else { continue };
            let shared = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
            // A module and what is inside of it are one place.
            if shared < from.len() && shared < to.len() {
                arrows.entry(from[..=shared].to_vec()).or_default().insert(to[..=shared].to_vec());
            }
        }
    }
    let is_folder =
        |module: &Module| modules.keys().any(|other| other.len() > module.len() && other.starts_with(module));
    let folders: Vec<Module> = arrows.keys().filter(|module| is_folder(module)).cloned().collect();
    let reached: Vec<_> = folders.iter().map(|folder| reached_from(folder, &arrows)).collect();
    let mut found = Vec::new();
    for (at, one) in folders.iter().enumerate() {
        for (other_at, other) in folders.iter().enumerate().skip(at + 1) {
            if reached[at].contains(other) && reached[other_at].contains(one) {
                found.push(format!("{} and {}", one.join("::"), other.join("::")));
            }
        }
    }
    found.into_iter()
}

fn reached_from(start: &Module, arrows: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<Module> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![start]);
    while let Some(module) = next.pop() {
        for to in arrows.get(module).into_iter().flatten() {
            if reached.insert(to.clone()) {
                next.push(to);
            }
        }
    }
    reached
}

/// The paths that some code names, each spelled out.
fn paths(code: &str) -> Vec<String> {
    let mut paths: Vec<String> = uses(code).flat_map(|(_, tree)| spelled_out(&tree)).collect();
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
    let words = code.split(|c: char| !is_word(c));
    paths.extend(
        words
            .filter(|word| ["crate::", "super::", "self::"].iter().any(|head| word.starts_with(head)))
            .map(|word| word.trim_end_matches(':').to_owned()),
    );
    paths
}

/// The `use` declarations: whether each is a re-export, and its tree.
fn uses(code: &str) -> impl Iterator<Item = (bool, String)> {
    code.split(';').filter_map(|statement| {
        let (before, tree) = statement.rsplit_once("use ")?;
        let before = before.trim_end();
        let is_use = before.is_empty() || before.ends_with(['}', ')', ']']) || before.ends_with("pub");
        let is_export = before.ends_with("pub")
            || before.rsplit_once("pub(").is_some_and(|(_, rest)| rest.ends_with(')'));
        (is_use || is_export).then(|| (is_export, tree.to_owned()))
    })
}

/// The paths of a tree such as `a::{b, c::{d, e}}`.
fn spelled_out(tree: &str) -> Vec<String> {
    let Some((head, rest)) = tree.split_once('{') else {
        let name = tree.split(" as ").next().unwrap_or(tree);
        return vec![name.split_whitespace().collect()];
    };
    let inside = rest.rsplit_once('}').map_or(rest, |(inside, _)| inside);
    let (mut depth, mut start, mut parts) = (0_usize, 0, Vec::new());
    for (at, c) in inside.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&inside[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inside[start..]);
    let parts = parts.into_iter().map(str::trim).filter(|part| !part.is_empty());
    parts.flat_map(|part| spelled_out(&format!("{}{part}", head.trim()))).collect()
}

/// The module that a path leads to, seen from `from`; `None` where it leads out of the crate.
fn resolved(modules: &Modules, from: &Module, path: &str, hops: usize) -> Option<Module> {
    let mut names = path.split("::").peekable();
    let mut at = match *names.peek()? {
        "crate" => {
            names.next();
            Module::new()
        }
        "self" | "super" => from.clone(),
        child => {
            let inside: Module = from.iter().cloned().chain([child.to_owned()]).collect();
            modules.contains_key(&inside).then(|| from.clone())?
        }
    };
    for name in names {
        if name == "self" {
            continue;
        }
        if name == "super" {
            at.pop();
            continue;
        }
        at.push(name.to_owned());
        if modules.contains_key(&at) {
            continue;
        }
        at.pop();
        let exported = uses(modules.get(&at)?).filter(|(is_export, _)| *is_export);
        let exported = exported.flat_map(|(_, tree)| spelled_out(&tree));
        let source = exported.into_iter().find(|path| path.rsplit("::").next() == Some(name) && path != name);
        return match source {
            Some(source) if hops > 0 => resolved(modules, &at, &source, hops - 1),
            _ => Some(at),
        };
    }
    Some(at)
}

#[test]
fn a_cycle_through_a_file_and_a_re_export_is_found() {
    let crate_of = |files: &[(&str, &str)]| -> Modules {
        let module =
            |path: &str| path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
        files.iter().map(|(path, code)| (module(path), (*code).to_owned())).collect()
    };
    let fine = [
        ("", "pub mod a; pub mod b;"),
        ("a", "use crate::b::One;"),
        ("a::x", "use super::Two;"),
        ("b", ""),
        ("b::y", ""),
    ];
    assert_eq!(cycles(&crate_of(&fine)).count(), 0);
    let round = [
        ("", "pub use a::x::Back;"),
        ("a", "use crate::{b::{One, Two}, c};"),
        ("a::x", ""),
        ("b", ""),
        ("b::y", "fn f() { crate::c::go() }"),
        ("c", "pub(crate) use crate::Back;"),
    ];
    assert_eq!(cycles(&crate_of(&round)).collect::<Vec<_>>(), ["a and b"]);
}
