//! How many instructions our tokenizer and our tree need compared with html5ever's tokenizer and `scraper`'s tree.
//!
//! ```console
//! $ cargo bench -p dragline-html --bench parse -- PAGE...
//! ```
//!
//! It counts with `valgrind --tool=callgrind` if valgrind is installed: it runs itself once for each way, and subtracts a run that
//! only reads the pages. Without valgrind, or with `--seconds`, it measures seconds: medians of nine rounds, one after the other.

use std::env;
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::time::Instant;
use std::{fs, iter};

use dragline_html::{GrowingTree, Input, Tokenizer};
use html5ever::TokenizerResult;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer as Theirs, TokenizerOpts,
};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts, TreeSink};
use scraper::{Html, HtmlTreeSink};

const ROUNDS: usize = 9;

/// What is measured: its name, and what it does with a page.
type Way = (&'static str, fn(&str));

const WAYS: [Way; 6] = [
    ("nothing", |_| {}),
    ("html5ever's tokenizer", |page| theirs(page, Null)),
    ("our tokenizer", |page| ours(page, |_| Null)),
    ("html5ever's tokenizer, scraper's tree", |page| theirs(page, builder(scrapers_tree()))),
    ("our tokenizer, scraper's tree", |page| ours(page, |_| builder(scrapers_tree()))),
    ("our tokenizer, our tree", |page| ours(page, |input| builder(GrowingTree::new(input, page.len() / 24)))),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let (flags, pages): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| argument.starts_with("--"));
    if pages.is_empty() {
        eprintln!("name the pages: cargo bench -p dragline-html --bench parse -- *.html");
        return ExitCode::from(2);
    }
    let texts: Vec<String> = pages
        .iter()
        .filter_map(|path| fs::read(path).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect();
    if let Some(way) = flags.iter().find_map(|flag| flag.strip_prefix("--way=")?.parse::<usize>().ok()) {
        for text in &texts {
            WAYS[way].1(text);
        }
        return ExitCode::SUCCESS;
    }
    let bytes: usize = texts.iter().map(String::len).sum();
    println!("{} pages, {bytes} bytes", texts.len());
    let by_seconds = flags.iter().any(|flag| *flag == "--seconds");
    if by_seconds || !print_instructions(&pages, bytes) {
        print_seconds(&texts, bytes);
    }
    ExitCode::SUCCESS
}

/// `false` if valgrind is not there.
fn print_instructions(pages: &[&String], bytes: usize) -> bool {
    let counts: Option<Vec<u64>> = (0..WAYS.len()).map(|way| instructions(way, pages)).collect();
    let Some(counts) = counts else { return false };
    for ((name, _), count) in WAYS.iter().zip(&counts).skip(1) {
        #[expect(clippy::cast_precision_loss, reason = "a figure with one decimal")]
        let per_byte = count.saturating_sub(counts[0]) as f64 / bytes as f64;
        println!("{per_byte:>8.1} instructions per byte: {name}");
    }
    true
}

fn instructions(way: usize, pages: &[&String]) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().ok()?)
        .arg(format!("--way={way}"))
        .args(pages)
        .output()
        .ok()?;
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = report.lines().find_map(|line| line.split_once("Collected : "))?;
    line.1.trim().parse().ok()
}

fn print_seconds(texts: &[String], bytes: usize) {
    let round = || {
        WAYS.map(|(_, way)| {
            let start = Instant::now();
            for text in texts {
                way(text);
            }
            start.elapsed().as_secs_f64()
        })
    };
    let rounds: Vec<[f64; WAYS.len()]> = iter::repeat_with(round).take(ROUNDS).collect();
    for (way, (name, _)) in WAYS.iter().enumerate().skip(1) {
        let mut seconds: Vec<f64> = rounds.iter().map(|round| round[way]).collect();
        seconds.sort_by(f64::total_cmp);
        #[expect(clippy::cast_precision_loss, reason = "a figure with one decimal")]
        let nanoseconds = seconds[ROUNDS / 2] * 1e9 / bytes as f64;
        println!("{nanoseconds:>8.2} ns per byte: {name}");
    }
}

/// Takes every token, and does with it only what keeps the tokenizer right.
struct Null;

impl TokenSink for Null {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let token = black_box(token);
        match &token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => match &*tag.name {
                "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
                "style" | "iframe" | "xmp" | "noembed" | "noframes" => {
                    TokenSinkResult::RawData(RawKind::Rawtext)
                }
                "script" => TokenSinkResult::RawData(RawKind::ScriptData),
                _ => TokenSinkResult::Continue,
            },
            _ => TokenSinkResult::Continue,
        }
    }
}

fn builder<Sink: TreeSink>(sink: Sink) -> TreeBuilder<Sink::Handle, Sink> {
    TreeBuilder::new(sink, TreeBuilderOpts::default())
}

fn scrapers_tree() -> HtmlTreeSink {
    HtmlTreeSink::new(Html::new_document())
}

fn ours<Sink: TokenSink>(page: &str, sink: impl FnOnce(&Input) -> Sink) {
    let input = Input::from(page);
    let mut tokenizer = Tokenizer::new(&input, sink(&input));
    let done = tokenizer.run();
    black_box((done.is_ok(), &tokenizer.sink));
}

fn theirs(page: &str, sink: impl TokenSink) {
    let tokenizer = Theirs::new(sink, TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(page));
    while !matches!(tokenizer.feed(&input), TokenizerResult::Done) {}
    tokenizer.end();
    black_box(&tokenizer.sink);
}
