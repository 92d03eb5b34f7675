//! Checks in every `Cargo.toml` which package may depend on which.

use std::fs;

use super::source::{files, repository};

/// Each package and those of this workspace that it may name. Engine, pipelines and store know the contracts
/// in core and not each other: `crates/runtime/src/run.rs` joins them. Dependencies of tests do not count.
const MAY_NAME: [(&str, &[&str]); 20] = [
    ("dragline-css", &[]),
    ("dragline-html", &["dragline-css"]),
    ("dragline-derive", &["dragline-css"]),
    ("dragline-spider", &["dragline-css", "dragline-derive", "dragline-html"]),
    ("dragline-core", &["dragline-spider"]),
    ("dragline-flags", &[]),
    ("dragline-malloc", &[]),
    ("dragline-normalize", &[]),
    ("dragline-engine", &["dragline-core", "dragline-flags"]),
    ("dragline-store", &["dragline-core", "dragline-flags"]),
    ("dragline-pipelines", &["dragline-core", "dragline-flags", "dragline-normalize"]),
    ("dragline-serve", &["dragline-core", "dragline-flags"]),
    ("dragline-board", &["dragline-core"]),
    (
        "dragline-runtime",
        &["dragline-board", "dragline-core", "dragline-engine", "dragline-pipelines", "dragline-store"],
    ),
    ("dragline-testkit", &[]),
    ("dragline-renamed", &["dragline"]),
    (
        "dragline-cli",
        &[
            "dragline-board",
            "dragline-core",
            "dragline-engine",
            "dragline-flags",
            "dragline-malloc",
            "dragline-pipelines",
            "dragline-runtime",
            "dragline-serve",
            "dragline-store",
        ],
    ),
    // The facade knows no spider: the bundled ones use it like anybody else.
    (
        "dragline",
        &[
            "dragline-cli",
            "dragline-core",
            "dragline-engine",
            "dragline-normalize",
            "dragline-pipelines",
            "dragline-runtime",
            "dragline-spider",
        ],
    ),
    ("dragline-spiders", &["dragline"]),
    ("dragline-program", &["dragline", "dragline-spiders"]),
];

/// Packages that must stay free of I/O and of any runtime, whatever is convenient.
const WITHOUT_IO: [&str; 4] = ["dragline-core", "dragline-normalize", "dragline-spider", "dragline-spiders"];

/// What brings I/O or a runtime.
const IO: [&str; 6] = ["tokio", "reqwest", "tokio-postgres", "deadpool-postgres", "rusqlite", "futures-util"];

/// The only place that dependencies come from, so that a build elsewhere finds them.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[test]
fn dependencies_point_one_way() {
    for (package, dependencies) in packages() {
        let allowed = MAY_NAME.iter().find(|(name, _)| *name == package);
        let (_, allowed) =
            allowed.unwrap_or_else(|| panic!("say in tests/tidy what {package} may depend on"));
        for dependency in dependencies.iter().filter(|name| name.starts_with("dragline")) {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{package} must not depend on {dependency}, only on {allowed:?}: join them in crates/runtime/src/run.rs"
            );
        }
    }
}

#[test]
fn core_and_spiders_depend_on_no_runtime() {
    for (package, dependencies) in packages().iter().filter(|(name, _)| WITHOUT_IO.contains(&name.as_str())) {
        let found: Vec<_> = dependencies.iter().filter(|name| IO.contains(&name.as_str())).collect();
        assert!(found.is_empty(), "{package} must do without {found:?}");
    }
}

#[test]
fn the_lock_file_names_the_public_registry_alone() {
    let lock: toml::Table = fs::read_to_string(repository().join("Cargo.lock")).unwrap().parse().unwrap();
    for package in lock["package"].as_array().unwrap() {
        if let Some(source) = package.get("source") {
            assert_eq!(source.as_str(), Some(REGISTRY), "{:?}", package["name"]);
        }
    }
}

/// Every package of the workspace with the packages that its program depends on.
fn packages() -> Vec<(String, Vec<String>)> {
    let mut manifests = files(|name| name == "Cargo.toml");
    // These are other people's crawlers, built elsewhere for a benchmark.
    manifests.retain(|path| !path.starts_with("benches/others/"));
    assert!(manifests.len() >= MAY_NAME.len(), "manifests are missing: {manifests:?}");
    manifests.iter().map(|path| package(path)).collect()
}

fn package(path: &str) -> (String, Vec<String>) {
    let text = fs::read_to_string(repository().join(path)).unwrap();
    let manifest: toml::Table = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
    let name = manifest["package"]["name"].as_str().unwrap_or_default().to_owned();
    let mut names = Vec::new();
    for section in ["dependencies", "build-dependencies"] {
        for (key, value) in manifest.get(section).and_then(toml::Value::as_table).into_iter().flatten() {
            // A dependency may go by another name here than the one that it has.
            let real = value.get("package").and_then(toml::Value::as_str).unwrap_or(key);
            names.push(real.to_owned());
        }
    }
    (name, names)
}
