//! Compares the tokens and trees of random texts with those of html5ever's tokenizer, for as long as you like.
//!
//! ```console
//! $ cargo run --release -p dragline-html --example fuzz -- SECONDS [SEED] [PAGE...]
//! ```
//!
//! The texts are made of parts that the tokenizer treats in a special way, and of the pages with some changes. At a difference,
//! it prints a short text that shows it, and ends with 1.

#![allow(clippy::expect_used)]

#[path = "../tests/tokens/compared.rs"]
mod compared;
#[path = "../tests/tokens/random.rs"]
mod random;
#[path = "../tests/tokens/same_tree.rs"]
mod same_tree;

use std::env;
use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use self::random::Random;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(seconds) = arguments.next().and_then(|text| text.parse().ok()) else {
        eprintln!("name the seconds, and then, if you like, a seed and pages: fuzz 60 1 *.html");
        return ExitCode::from(2);
    };
    let seed = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let pages: Vec<String> = arguments
        .filter_map(|path| fs::read(path).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .filter(|page| !page.is_empty())
        .collect();
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut random = Random::new(seed);
    let (mut texts, mut bytes) = (0_u64, 0_usize);
    while Instant::now() < end {
        let text = if pages.is_empty() || random.below(2) == 0 {
            random::text(&mut random, 40)
        } else {
            let page = random.below(pages.len());
            random::mutated(&mut random, &pages[page])
        };
        (texts, bytes) = (texts + 1, bytes + text.len());
        if compared::difference(&text).is_some() {
            let short = random::shortened(&text, |text| compared::difference(text).is_some());
            println!("{short:?}\n{}", compared::difference(&short).unwrap_or_default());
            return ExitCode::FAILURE;
        }
    }
    println!("{texts} texts, {bytes} bytes, seed {seed}: no difference");
    ExitCode::SUCCESS
}
