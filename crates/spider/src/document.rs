//! Parses text into a tree of elements, within limits.
//!
//! At many tags, the parsing algorithm of the HTML standard searches all open elements, and it reopens the formatting that a
//! paragraph left open. So 100,000 nested elements (500 KB) take a minute, and a few hundred kilobytes of formatting can
//! grow to gigabytes. Browsers flatten everything deeper than a few hundred elements. This code counts the work instead. A
//! page that is ten thousand elements deep is parsed, and a page that would take hours fails.

use std::cell::{Cell, RefCell};
use std::fmt;

use dragline_html::{
    GrowingTree, Handle, Input, NODE_BYTES, NodeId, Step, Tokenizer, TooManyAttributes, Tree,
};
use encoding_rs::Encoding;
use html5ever::tokenizer::{Token, TokenSink, TokenSinkResult};
use html5ever::tree_builder::{Tracer, TreeBuilder, TreeBuilderOpts, TreeSink};

use crate::encoding;
use crate::page_memory::{MemoryExcess, PageMemory};

mod self_closed;

/// How many open elements the parser may look at, summed over all tokens. 15,000 nested elements reach this limit in about
/// a second, and so do 50 MB of a page with normal nesting.
const MAX_WORK: usize = 120_000_000;

/// How many different attributes one tag may have. No honest element has a hundred.
const MAX_ATTRIBUTES: usize = 30_000;

/// How many pairs of attributes may be compared with each other, or moved to make room. Formatting elements with many attributes are
/// compared with each other, even if only few are open, and each further `<html>` or `<body>` tag adds its attributes to those that
/// the element has. A tag with 30,000 attributes, which are allowed, takes a quarter of this. Without a sum, a page of 20 MB has room for
/// a hundred such tags, or for three million `<body b1>`, `<body b2>` …, which take hours.
const MAX_ATTRIBUTE_PAIRS: usize = 4_000_000_000;

/// A tag with fewer attributes takes no time worth counting.
const MANY_ATTRIBUTES: usize = 32;

/// A formatting element (`<b>`, `<a>` …) is compared with each open one, attribute by attribute (the "Noah's Ark clause"). Comparing
/// an attribute takes as long as looking at this many open elements.
const WORK_PER_ATTRIBUTE: usize = 4;

/// With fewer open elements, these comparisons take no time worth counting. Few honest pages have more.
const MANY_OPEN: usize = 48;

/// How many different names a page may give its elements and attributes, not counting those of the HTML standard and those of up
/// to 7 bytes. All others are in one hash table with 4,096 lists. A new name is compared with the whole list, so a million names
/// (34 MB) take minutes, and the other crawl threads wait for the same lists. Custom elements and `data-` attributes of an honest
/// page have a few hundred.
const MAX_NAMES: usize = 20_000;

/// Documentation has about 25 bytes of text per node. News and shops have more.
const BYTES_PER_NODE: usize = 24;

/// Counting takes time too, so it happens only once per this number of tokens.
const TOKENS_PER_COUNT: usize = 16;

/// Why a page cannot be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooMuch {
    /// The product of its length and its depth.
    Depth,
    /// Its memory.
    Memory(MemoryExcess),
    /// The attributes of one element.
    Attributes,
    /// The names of its elements and attributes.
    Names,
}

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Depth => f.write_str("the page's elements nest too deep to be parsed"),
            Self::Memory(excess) => excess.fmt(f),
            Self::Attributes => f.write_str("elements of the page have too many attributes to be parsed"),
            Self::Names => {
                f.write_str("the page's elements and attributes have too many different names to be parsed")
            }
        }
    }
}

/// Parses a body as a browser without scripting does: the content of `noscript` is elements.
pub(crate) fn parse(body: &[u8], encoding: &'static Encoding, memory: &PageMemory) -> Result<Tree, TooMuch> {
    let mut text = Text::new(body.len(), memory);
    encoding::each_piece(body, encoding, |piece| text.push(piece));
    text.parse()
}

/// Parses a page that claims to be XML, as tolerantly as HTML.
pub(crate) fn parse_xml(
    body: &[u8],
    encoding: &'static Encoding,
    memory: &PageMemory,
) -> Result<Tree, TooMuch> {
    let mut text = Text::new(body.len(), memory);
    self_closed::in_two_tags(&encoding.decode(body).0, |part| {
        text.push(part);
    });
    text.parse()
}

/// The text of a page. The texts and the values of attributes in the tree are parts of it, so it is in memory only once.
struct Text<'m> {
    input: Input,
    body_bytes: usize,
    memory: &'m PageMemory,
    excess: Option<MemoryExcess>,
}

impl<'m> Text<'m> {
    fn new(body_bytes: usize, memory: &'m PageMemory) -> Self {
        let input = Input::with_capacity(body_bytes.min(memory.left()));
        Self { input, body_bytes, memory, excess: None }
    }

    /// Adds a piece. `false` if the page may not take the memory for it.
    fn push(&mut self, piece: &str) -> bool {
        if self.excess.is_none() {
            self.excess = self.memory.take(piece.len()).err();
        }
        if self.excess.is_none() {
            let is_first = self.input.as_str().is_empty();
            // Some pages have a second byte order mark. As text, it would begin the body before the head.
            let marked = piece.strip_prefix('\u{FEFF}').filter(|_| is_first);
            self.input.push(marked.unwrap_or(piece));
        }
        self.excess.is_none()
    }

    fn parse(self) -> Result<Tree, TooMuch> {
        if let Some(excess) = self.excess {
            return Err(TooMuch::Memory(excess));
        }
        let bounded = Bounded::new(&self.input, self.body_bytes, self.memory);
        let mut tokenizer = Tokenizer::new(&self.input, bounded).with_max_attributes(MAX_ATTRIBUTES);
        while tokenizer.step().map_err(|TooManyAttributes| TooMuch::Attributes)? == Step::More {
            tokenizer.sink.check()?;
        }
        let bounded = tokenizer.sink;
        bounded.count();
        bounded.check()?;
        Ok(bounded.builder.sink.finish())
    }
}

/// The tree builder. After too much work, it ignores all further tokens.
struct Bounded {
    builder: TreeBuilder<Handle, GrowingTree>,
    memory: PageMemory,
    /// The bytes of the tree that were taken from `memory`.
    taken: Cell<usize>,
    tokens: Cell<usize>,
    work: Cell<usize>,
    /// The attributes of the tags since the last count, where they may have to be compared with those of open elements.
    new_attributes: Cell<usize>,
    /// The pairs of attributes within each tag.
    attribute_pairs: Cell<usize>,
    excess: Cell<Option<TooMuch>>,
}

impl Bounded {
    fn new(input: &Input, body_bytes: usize, memory: &PageMemory) -> Self {
        let options = TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() };
        // Reserve room for the nodes of a typical page, so that the list is not moved again and again.
        let nodes = (body_bytes / BYTES_PER_NODE).min(memory.left() / NODE_BYTES);
        let tree = GrowingTree::new(input, nodes).with_max_attribute_pairs(MAX_ATTRIBUTE_PAIRS);
        Self {
            builder: TreeBuilder::new(tree, options),
            memory: memory.clone(),
            taken: Cell::new(0),
            tokens: Cell::new(0),
            work: Cell::new(0),
            new_attributes: Cell::new(0),
            attribute_pairs: Cell::new(0),
            excess: Cell::new(None),
        }
    }

    fn check(&self) -> Result<(), TooMuch> {
        self.excess.get().map_or(Ok(()), Err)
    }

    fn count(&self) {
        let open = OpenElements(Cell::new(0));
        self.builder.trace_handles(&open);
        let mut work = open.0.get() * TOKENS_PER_COUNT;
        let new_attributes = self.new_attributes.take();
        if new_attributes > 0 && open.0.get() > MANY_OPEN {
            let formatting = OpenFormatting::default();
            self.builder.trace_handles(&formatting);
            work += formatting.count() * new_attributes * WORK_PER_ATTRIBUTE;
        }
        self.work.set(self.work.get().saturating_add(work));
        let bytes = self.builder.sink.bytes();
        let pairs = self.attribute_pairs.get().saturating_add(self.builder.sink.attribute_pairs());
        if self.work.get() > MAX_WORK {
            self.excess.set(Some(TooMuch::Depth));
        } else if pairs > MAX_ATTRIBUTE_PAIRS {
            self.excess.set(Some(TooMuch::Attributes));
        } else if self.builder.sink.names() > MAX_NAMES {
            self.excess.set(Some(TooMuch::Names));
        } else if let Err(refused) = self.memory.take(bytes.saturating_sub(self.taken.get())) {
            self.excess.set(Some(TooMuch::Memory(refused)));
        }
        self.taken.set(bytes);
    }

    /// Counts what a tag's attributes cost beyond the tag.
    fn count_attributes(&self, attributes: usize) {
        self.new_attributes.set(self.new_attributes.get() + attributes);
        if attributes >= MANY_ATTRIBUTES {
            self.attribute_pairs.set(self.attribute_pairs.get().saturating_add(attributes * attributes));
        }
    }
}

impl TokenSink for Bounded {
    type Handle = Handle;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<Handle> {
        self.tokens.set(self.tokens.get() + 1);
        if self.tokens.get().is_multiple_of(TOKENS_PER_COUNT) && self.excess.get().is_none() {
            self.count();
        }
        if let Token::TagToken(tag) = &token {
            self.count_attributes(tag.attrs.len());
        }
        match self.excess.get() {
            None => self.builder.process_token(token, line),
            Some(_) => TokenSinkResult::Continue,
        }
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.builder.adjusted_current_node_present_but_not_in_html_namespace()
    }
}

/// Counts the open elements of the tree builder, and the formatting that it will reopen.
struct OpenElements(Cell<usize>);

impl Tracer for OpenElements {
    type Handle = Handle;

    fn trace_handle(&self, _: &Handle) {
        self.0.set(self.0.get() + 1);
    }
}

/// Finds the open elements that are formatting. The tree builder has them in two lists, so it gives each of them twice.
#[derive(Default)]
struct OpenFormatting(RefCell<Vec<NodeId>>);

impl OpenFormatting {
    fn count(self) -> usize {
        let mut handles = self.0.into_inner();
        handles.sort_unstable();
        handles.windows(2).filter(|pair| pair[0] == pair[1]).count()
    }
}

impl Tracer for OpenFormatting {
    type Handle = Handle;

    fn trace_handle(&self, handle: &Handle) {
        self.0.borrow_mut().push(handle.id());
    }
}

#[cfg(test)]
pub(crate) fn parsed(text: &str) -> Result<Tree, TooMuch> {
    parse(text.as_bytes(), encoding_rs::UTF_8, &PageMemory::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::PIECE_BYTES;
    use encoding_rs::{UTF_8, UTF_16LE, WINDOWS_1252};

    fn elements(html: &str, name: &str) -> usize {
        let selector = dragline_css::Selector::new(name.to_owned()).unwrap();
        parsed(html).unwrap().root().select(&selector.parts()[0].elements).count()
    }

    #[test]
    fn ten_thousand_deep_is_a_page() {
        assert_eq!(elements(&"<div>".repeat(10_000), "div"), 10_000);
        assert_eq!(elements(&"<p><b>".repeat(100), "p > b"), 100);
    }

    #[test]
    fn what_would_take_hours_or_gigabytes_is_refused_in_time() {
        assert_eq!(parsed(&"<div>".repeat(100_000)).err(), Some(TooMuch::Depth));
        let attributes: String = (0..100_000).map(|name| format!(" a{name}")).collect();
        assert_eq!(parsed(&format!("<p{attributes}>")).err(), Some(TooMuch::Attributes));
        let many =
            |unit: fn(usize) -> String| (0..=MAX_NAMES + TOKENS_PER_COUNT).map(unit).collect::<String>();
        for names in [
            many(|number| format!("<element-{number}></element-{number}>")),
            many(|number| format!("<p attribute-{number}=x>")),
        ] {
            assert_eq!(parsed(&names).err(), Some(TooMuch::Names), "{}", &names[..40]);
        }
        for fine in ["<custom-element data-attribute=x></custom-element>", "<blockquote onmouseover=x>"] {
            assert!(parsed(&fine.repeat(2)).is_ok());
        }
        assert!(parsed(&"<custom-element data-attribute=x></custom-element>".repeat(MAX_NAMES + 1)).is_ok());
    }

    #[test]
    fn attributes_are_counted_over_all_tags_that_have_many_and_all_that_add_to_one_element() {
        let list = |count: usize| (0..count).map(|name| format!(" a{name}")).collect::<String>();
        // The names are short, so that they are not counted as names.
        let adding = (0..120_000).map(|name| format!("<body b{name}>")).collect::<String>();
        let wide = list(20_000);
        for refused in [
            adding,
            format!("<body{wide}>{}", (0..30_000).map(|name| format!("<body b{name}>")).collect::<String>()),
            format!("<p{wide}>").repeat(12),
        ] {
            assert_eq!(parsed(&refused).err(), Some(TooMuch::Attributes), "{}", &refused[..20]);
        }
        // Many documents in one file, each with its own tags.
        let documents =
            "<html lang=en class=no-js><body class='a b' id=top data-x=1>x</body></html>".repeat(20_000);
        assert_eq!(elements(&documents, "body[id=top]"), 1);
        assert_eq!(elements(&format!("<p{}>", list(100)).repeat(1_000), "p"), 1_000);
    }

    #[test]
    fn formatting_elements_are_counted_with_their_attributes() {
        let attributes: String = (0..60).map(|name| format!(" a{name}")).collect();
        let different =
            |count: usize| (0..count).map(|number| format!("<b{attributes} z={number}>")).collect::<String>();
        assert_eq!(parsed(&different(2_000)).err(), Some(TooMuch::Depth));
        assert!(parsed(&different(300)).is_ok());
    }

    #[test]
    fn a_tree_stays_within_the_memory_of_its_page() {
        const LIMIT: usize = 16 << 20;
        // Each paragraph reopens what the first one left open.
        let formatting: String =
            (0..400).map(|size| format!("<font size={size} face='a long name'>")).collect();
        let reopening = format!("<p>{formatting}</p>{}", "<p>x</p>".repeat(4_000));
        for large in [
            reopening,
            "<p>".repeat(500_000),
            "<p a b=1 c>".repeat(200_000),
            format!("<p title='{}'>", "x".repeat(LIMIT)),
            "<!--x-->".repeat(500_000),
            format!("<title>{}", "x".repeat(LIMIT + 1)),
            format!("<title>{}", "&amp;x".repeat(LIMIT / 4)),
        ] {
            let refused = parse(large.as_bytes(), UTF_8, &PageMemory::up_to(LIMIT)).err();
            assert_eq!(refused, Some(TooMuch::Memory(MemoryExcess::Limit(LIMIT))), "{}", &large[..20]);
        }
        let fits = format!("<p>{}", "words ".repeat(LIMIT / 16));
        assert!(parse(fits.as_bytes(), UTF_8, &PageMemory::up_to(LIMIT)).is_ok());
    }

    #[test]
    fn a_body_in_pieces_is_parsed_as_a_whole() {
        let unit = "<p title='é &amp; ü'>zwölf <b>Euro</b> €\r\n<script>a < b</script><!-- x -->";
        let html = unit.repeat(3 * PIECE_BYTES / unit.len());
        let whole = scraper::Html::parse_document(&html).html();
        assert!(parsed(&html).unwrap().document().html() == whole);
        let utf_16: Vec<u8> = html.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(parse(&utf_16, UTF_16LE, &PageMemory::default()).unwrap().document().html() == whole);
        assert!(
            parse_xml(html.as_bytes(), UTF_8, &PageMemory::default()).unwrap().document().html() == whole
        );
        let old = "<p>caf\u{e9}</p>".repeat(PIECE_BYTES / 10);
        let old_body: Vec<u8> = WINDOWS_1252.encode(&old).0.into_owned();
        let new = parsed(&old).unwrap().document().html();
        assert!(parse(&old_body, WINDOWS_1252, &PageMemory::default()).unwrap().document().html() == new);
    }

    #[test]
    fn noscript_holds_elements_and_scripts_hold_text() {
        assert_eq!(elements("<body><noscript><a href=x></a></noscript>", "noscript a"), 1);
        assert_eq!(elements("<head><noscript><img></noscript><title>t</title>", "title"), 1);
        assert_eq!(elements("<script>'<a>'</script><script>2</script><a>", "a"), 1);
        assert_eq!(elements("", "html > body"), 1);
    }
}
