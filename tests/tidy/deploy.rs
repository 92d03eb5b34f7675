//! What `deploy` and the Dockerfile name is there: variables, commands and flags, spiders, paths. No engine is needed to
//! find that a file has not followed the program.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use saphyr::{LoadableYamlNode as _, Yaml};

use super::source::{extension, files, repository};
use crate::stored::dragline;

/// Variables of the program that have no name of its own.
const OTHER_VARIABLES: [&str; 2] = ["DATABASE_URL", "SHUTDOWN_TIMEOUT_SECONDS"];
/// Variables without a prefix of ours that the program or its libraries read.
const STANDARD: [&str; 14] = [
    "DATABASE_URL",
    "WEB_CONCURRENCY",
    "PORT",
    "NO_COLOR",
    "TERM",
    "HOSTNAME",
    "USER",
    "LOGNAME",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];
/// What a path in a container begins with, where this repository's files are mounted in Compose.
const MOUNTED_FROM: &str = "./";

#[test]
fn yaml_is_yaml() {
    let mut documents = 0;
    for path in yaml() {
        let text = read(&path);
        let loaded = Yaml::load_from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        for document in &loaded {
            assert!(document.is_mapping(), "{path}: not a mapping at its top");
        }
        documents += loaded.len();
    }
    assert!(documents > 5, "files are missing: {:?}", yaml());
}

#[test]
fn variables_are_those_of_the_settings_reference() {
    let reference = read("docs/settings.md");
    let mut named = BTreeSet::new();
    for path in deployed() {
        for variable in variables(&read(&path)) {
            let is_known =
                reference.contains(&format!("`{variable}`")) || OTHER_VARIABLES.contains(&variable.as_str());
            assert!(is_known, "{path} names {variable}, which docs/settings.md does not know");
            named.insert(variable);
        }
    }
    assert!(named.contains("DRAGLINE_LISTEN") && named.contains("DATABASE_URL"), "{named:?}");
}

#[test]
fn calls_are_understood() {
    let mut calls = BTreeSet::new();
    for path in yaml() {
        let text = read(&path);
        for document in Yaml::load_from_str(&text).unwrap() {
            each(&document, &mut |key, value| {
                if ["args", "command"].contains(&key)
                    && let Some(words) = value.as_sequence()
                    && words.first().and_then(Yaml::as_str) == Some("crawl")
                {
                    calls.insert(words.iter().map(|word| word.as_str().unwrap().to_owned()).collect());
                }
            });
        }
    }
    for path in files(|name| ["service", "cron"].contains(&extension(name))) {
        for line in read(&path).lines().filter(|line| !line.starts_with('#')) {
            let Some((_, call)) = line.split_once("dragline crawl ") else { continue };
            let call = call.split(['|', '>']).next().unwrap().replace("%i", "quotes").replace(" 2", "");
            calls.insert(
                ["crawl"].into_iter().chain(call.split_whitespace()).map(str::to_owned).collect::<Vec<_>>(),
            );
        }
    }
    assert!(!calls.is_empty());
    for call in calls {
        // The program reads all words of the crawl and knows its spider, but fetches nothing, because the start URL is invalid.
        let missing = ["--start-url", "ftp://nowhere.example/"];
        let finished = dragline().args(&call).args(missing).run();
        finished.assert_code(2).assert_stderr("the start URL");
        assert!(!finished.stderr.contains("unexpected argument"), "{finished}");
    }
}

/// What cron would mail, when the container of the cron line ends with `code`.
fn mailed(code: u8) -> String {
    let text = read("deploy/cron/dragline.cron");
    let line = text.lines().find(|line| line.contains("docker run")).unwrap();
    let command = line.split_once(" root ").unwrap().1;
    let folder = tempfile::tempdir().unwrap();
    let shell = |script: &str| {
        let shell = text.lines().find_map(|line| line.strip_prefix("SHELL=")).unwrap();
        let output = Command::new(shell).args(["-c", script]).current_dir(folder.path()).output().unwrap();
        assert!(output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    // Neither of the two is here.
    let printed = shell(&format!(
        "docker() {{ echo a line of the log; return {code}; }}; logger() {{ cat > journal; }}; {command}"
    ));
    assert_eq!(fs::read_to_string(folder.path().join("journal")).unwrap(), "a line of the log\n");
    printed
}

#[test]
fn cron_mails_ends_that_want_a_person_and_no_others() {
    assert_eq!([mailed(0), mailed(75)], ["", ""]);
    for code in [1, 2, 70, 125] {
        assert_eq!(mailed(code), format!("dragline quotes: exit {code}, see journalctl -t dragline\n"));
    }
}

#[test]
fn what_compose_mounts_is_there() {
    let text = read("deploy/compose.yaml");
    let compose = &Yaml::load_from_str(&text).unwrap()[0];
    let mut mounted = 0;
    each(compose, &mut |key, value| {
        for volume in value.as_sequence().into_iter().flatten().filter_map(Yaml::as_str) {
            if key == "volumes" && volume.starts_with(MOUNTED_FROM) {
                let path = repository().join("deploy").join(volume.split(':').next().unwrap());
                assert!(path.exists(), "deploy/compose.yaml mounts {volume}, and it is not there");
                mounted += 1;
            }
        }
    });
    assert!(mounted >= 3, "{mounted}");
}

#[test]
fn the_image_tells_the_version_of_the_program() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let version = manifest["workspace"]["package"]["version"].as_str().unwrap();
    let label = format!("org.opencontainers.image.version=\"{version}\"");
    assert!(read("Dockerfile").contains(&label), "the Dockerfile has no {label}");
}

#[test]
fn grace_periods_leave_room_for_a_stop() {
    let seconds = |path: &str, key: &str| -> Vec<u64> {
        let lines = read(path).lines().map(str::to_owned).collect::<Vec<_>>();
        let found = lines.iter().filter_map(|line| line.trim().strip_prefix(key)).map(|value| {
            let digits: String = value.chars().filter(char::is_ascii_digit).collect();
            digits.parse().unwrap()
        });
        found.collect()
    };
    for (path, key) in [
        ("deploy/compose.yaml", "stop_grace_period:"),
        ("deploy/kubernetes/job.yaml", "terminationGracePeriodSeconds:"),
        ("deploy/kubernetes/cronjob.yaml", "terminationGracePeriodSeconds:"),
        ("deploy/systemd/dragline@.service", "TimeoutStopSec="),
    ] {
        let found = seconds(path, key);
        // The default of SHUTDOWN_TIMEOUT_SECONDS, and something for the report.
        assert!(!found.is_empty() && found.iter().all(|seconds| *seconds >= 10), "{path}: {key} {found:?}");
    }
    // A server stops all of its crawls within 25 s.
    assert!(seconds("deploy/compose.yaml", "stop_grace_period:").contains(&30));
    assert_eq!(seconds("deploy/kubernetes/serve.yaml", "terminationGracePeriodSeconds:"), [30]);
}

#[test]
fn a_drained_node_loses_its_server() {
    let documents = Yaml::load_from_str(&read("deploy/kubernetes/serve.yaml")).unwrap();
    let text = |document: &Yaml<'_>, path: &[&str]| -> String {
        let found = path.iter().try_fold(document, |at, key| at.as_mapping_get(key));
        format!("{:?}", found.unwrap_or_else(|| panic!("{path:?} is missing")))
    };
    let of_kind = |kind: &str| {
        let is_it =
            |document: &&Yaml<'_>| document.as_mapping_get("kind").and_then(Yaml::as_str) == Some(kind);
        documents.iter().find(is_it).unwrap_or_else(|| panic!("a {kind} is missing"))
    };
    let (deployment, budget) = (of_kind("Deployment"), of_kind("PodDisruptionBudget"));
    let selected = text(budget, &["spec", "selector", "matchLabels"]);
    assert_eq!(selected, text(deployment, &["spec", "template", "metadata", "labels"]));
    // A single replica with `minAvailable: 1` could never be drained.
    let may_go = budget.as_mapping_get("spec").and_then(|spec| spec.as_mapping_get("maxUnavailable"));
    assert_eq!(may_go.and_then(Yaml::as_integer), Some(1));
}

#[test]
fn schedules_of_the_files_are_read() {
    for path in ["deploy/kubernetes/serve.yaml", "deploy/compose.yaml"] {
        let text = read(path);
        let begin = text.find("[schedule.").unwrap();
        let lines =
            text[begin..].lines().map(str::trim).take_while(|line| !line.is_empty() && *line != "---");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dragline.toml");
        fs::write(&file, lines.collect::<Vec<_>>().join("\n")).unwrap();
        let store = format!("sqlite:{}", folder.path().join("x.db").display());
        let next = ["--config", file.to_str().unwrap(), "schedule", "next", "--store", &store];
        dragline().args(next).run().assert_code(0).assert_stdout("quotes-nightly");
    }
}

#[test]
fn standard_variables_that_the_program_reads_are_in_the_table() {
    let page = read("docs/operating.md");
    let is_name = |text: &&str| {
        let upper = text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        upper && (text.starts_with("PG") || text.starts_with("OTEL_") || STANDARD.contains(text))
    };
    let mut named = BTreeSet::new();
    // A folder called `target` is left out of the files, because that is where Cargo builds.
    let postgres = "crates/store/src/postgres/target/parameters.rs".to_owned();
    for path in files(|name| extension(name) == "rs").into_iter().chain([postgres]) {
        let is_of_the_program = path.starts_with("crates/") && !path.contains("testkit");
        if is_of_the_program {
            let text = read(&path);
            named.extend(text.split('"').filter(is_name).map(str::to_owned));
        }
    }
    assert!(named.len() > 30, "{named:?}");
    for name in named.iter().map(String::as_str).chain(STANDARD) {
        assert!(page.contains(&format!("`{name}`")), "docs/operating.md does not explain {name}");
    }
}

#[test]
fn systemd_has_no_complaint() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        println!("NOT TESTED: deploy/systemd. This machine does not have systemd-analyze.");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut units = Vec::new();
    for path in files(|name| ["service", "timer"].contains(&extension(name))) {
        let name = path.rsplit('/').next().unwrap().replace("@.", "@quotes.");
        let program = dragline().program().display().to_string();
        let unit = folder.path().join(name);
        fs::write(&unit, read(&path).replace("/usr/local/bin/dragline", &program)).unwrap();
        units.push(unit);
    }
    assert_eq!(units.len(), 3, "{units:?}");
    let verified =
        Command::new("systemd-analyze").args(["verify", "--man=no"]).args(&units).output().unwrap();
    let complaints = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && complaints.trim().is_empty(), "{complaints}");
}

/// Calls `visit` with each key and its value, at any depth.
fn each<'a>(node: &'a Yaml<'a>, visit: &mut impl FnMut(&str, &'a Yaml<'a>)) {
    for (key, value) in node.as_mapping().into_iter().flatten() {
        visit(key.as_str().unwrap_or_default(), value);
        each(value, visit);
    }
    for value in node.as_sequence().into_iter().flatten() {
        each(value, visit);
    }
}

/// Names of environment variables that are the program's, or look so.
fn variables(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| word.starts_with("DRAGLINE_") || OTHER_VARIABLES.contains(word))
        .map(str::to_owned)
        .collect()
}

fn yaml() -> Vec<String> {
    let all = files(|name| ["yaml", "yml"].contains(&extension(name)));
    all.into_iter().filter(|path| path.starts_with("deploy/")).collect()
}

fn deployed() -> Vec<String> {
    let all = files(|_| true);
    all.into_iter().filter(|path| path.starts_with("deploy/") || path == "Dockerfile").collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
