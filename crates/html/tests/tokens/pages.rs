//! Tokens and trees of pages and random texts are those of html5ever.

use std::fs;
use std::path::{Path, PathBuf};

use dragline_testkit::vectors;

use crate::compared::{difference, ours};
use crate::random::{self, Random, shortened};

/// All pages in a folder.
fn pages(folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            pages(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "html") {
            found.push(String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned());
        }
    }
}

/// The pages in the repository, and those in the folders next to the vectors, if they are there.
pub(crate) fn all_pages() -> Vec<String> {
    let mut found = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    pages(&root.join("spiders/pages"), &mut found);
    pages(&root.join("tests"), &mut found);
    assert!(!found.is_empty(), "no pages in {}", root.display());
    if let Some(vectors) = vectors::path("html5_tokenizer_html5lib.json") {
        for folder in ["pages", "sites", "cases"] {
            let shared = vectors.ancestors().nth(2).unwrap();
            let before = found.len();
            pages(&shared.join(folder), &mut found);
            println!("{} pages in {folder}", found.len() - before);
        }
    }
    found
}

fn check(text: &str) {
    if difference(text).is_some() {
        let short = shortened(text, |text| difference(text).is_some());
        panic!("{short:?}: {}", difference(&short).unwrap());
    }
}

#[test]
fn pages_are_read_as_html5ever_reads_them() {
    for page in all_pages() {
        check(&page);
        // A page may end anywhere.
        for part in 1..8 {
            check(&page[..page.floor_char_boundary(page.len() * part / 8)]);
        }
    }
}

#[test]
fn random_texts_and_changed_pages_are_read_as_html5ever_reads_them() {
    let pages = all_pages();
    let mut random = Random::new(7);
    for _ in 0..1_500 {
        check(&random::text(&mut random, 30));
        let page = random.below(pages.len());
        check(&random::mutated(&mut random, &pages[page]));
    }
}

#[test]
fn a_line_end_after_pre_is_dropped_also_after_an_error() {
    for text in ["<pre>\nx", "<pre></>\nx"] {
        assert_eq!(
            ours(text).1.document().html(),
            "<html><head></head><body><pre>x</pre></body></html>",
            "{text:?}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_as_html5ever_reads_it(text in "([<>/!&;=\"'\\-\\[\\]# \\n\\r\\x00a-eA-E0-9é]|<!--|-->|&#|</script|<script>|<svg>){0,60}") {
        proptest::prop_assert_eq!(difference(&text), None);
    }
}
