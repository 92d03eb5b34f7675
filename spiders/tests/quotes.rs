//! Where the spider `quotes` starts. What it makes of its pages is in its samples.

use dragline::Args;
use dragline::prelude::*;
use dragline_spiders::quotes::Quotes;

#[test]
fn the_crawl_starts_at_the_first_list_or_at_a_tag() {
    let start = |args: &Args| Quotes.start(args).unwrap()[0].url().to_string();
    assert_eq!(start(&Args::default()), "https://quotes.toscrape.com/");
    let args = Args::new(Vec::new(), [("tag".to_owned(), "love".to_owned())].into());
    assert_eq!(start(&args), "https://quotes.toscrape.com/tag/love/");
}
