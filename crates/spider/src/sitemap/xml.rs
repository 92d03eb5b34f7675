//! The entries of an XML sitemap or feed, as they are written.
//!
//! Elements are known by their names without the prefix, because many sites give wrong namespaces. So their place decides: a
//! field of an entry is a child of its element. `<image:loc>` is deeper, and does not count.
//!
//! End tags may be missing or wrong. The end of an entry, or the beginning of the next one, puts everything right again.

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::entry::SitemapKind;

/// A longer field is no URL, date or number.
const MAX_FIELD_BYTES: usize = 8 << 10;
/// A page has fewer languages.
const MAX_ALTERNATES: usize = 1_000;

/// An entry as it is written.
#[derive(Debug, Default)]
pub(super) struct RawEntry {
    /// `<loc>`, the text of `<link>`, or the `href` of `<link>`.
    loc: Option<String>,
    /// `<guid>`, unless it says that it is not a URL.
    guid: Option<String>,
    /// `<lastmod>`, `<updated>`.
    changed: Option<String>,
    /// `<pubDate>`, `<dc:date>`, `<published>`.
    published: Option<String>,
    pub(super) changefreq: Option<String>,
    pub(super) priority: Option<String>,
    pub(super) alternates: Vec<String>,
}

/// See the module.
pub(super) struct XmlEntries<'a> {
    reader: Reader<&'a [u8]>,
    kind: SitemapKind,
    /// How many elements are open.
    depth: usize,
    open: Option<OpenEntry>,
    is_over: bool,
    problem: Option<String>,
}

/// An entry whose end has not come.
struct OpenEntry {
    /// The name of its element.
    name: String,
    depth: usize,
    raw: RawEntry,
    field: Option<OpenField>,
}

struct OpenField {
    field: Field,
    depth: usize,
    text: String,
    /// Whether it is too long, or has an entity that only the document knows.
    is_unusable: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Loc,
    Guid,
    Changed,
    Published,
    ChangeFrequency,
    Priority,
}

/// The name of the first element, without its prefix.
pub(super) fn root(text: &str) -> Option<String> {
    let mut reader = tolerant(text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag) | Event::Empty(tag)) => {
                return Some(local(&tag).chars().take(40).collect());
            }
            Ok(Event::Eof) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// The kind of a document with this first element.
pub(super) fn kind_of(root: &str) -> Option<SitemapKind> {
    let kinds = [
        ("urlset", SitemapKind::UrlSet),
        ("sitemapindex", SitemapKind::Index),
        ("rss", SitemapKind::Rss),
        ("rdf", SitemapKind::Rss),
        ("feed", SitemapKind::Atom),
    ];
    kinds.into_iter().find(|(name, _)| root.eq_ignore_ascii_case(name)).map(|(_, kind)| kind)
}

fn tolerant(text: &str) -> Reader<&[u8]> {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.allow_dangling_amp = true;
    config.allow_unmatched_ends = true;
    config.check_end_names = false;
    reader
}

impl<'a> XmlEntries<'a> {
    pub(super) fn new(text: &'a str, kind: SitemapKind) -> Self {
        Self { reader: tolerant(text), kind, depth: 0, open: None, is_over: false, problem: None }
    }

    /// Why the rest could not be read.
    pub(super) fn take_problem(&mut self) -> Option<String> {
        self.problem.take()
    }

    /// An element begins. Returns an entry that ends with it.
    fn begin(&mut self, tag: &BytesStart<'_>) -> Option<RawEntry> {
        self.depth += 1;
        let depth = self.depth;
        let name = local(tag);
        if depth > 1 && is_entry(self.kind, name) {
            let qualified = tag.name();
            let is_new = self.open.as_ref().is_none_or(|open| open.name == qualified.as_ref());
            if is_new {
                let name = qualified.as_ref().to_owned();
                let next = OpenEntry { name, depth, raw: RawEntry::default(), field: None };
                return self.open.replace(next).map(OpenEntry::finish);
            }
        }
        if let Some(open) = &mut self.open
            && depth == open.depth + 1
        {
            open.close_field();
            open.begin(self.kind, name, tag, depth);
        }
        None
    }

    /// An element ends. Returns the entry that ends with it.
    fn end(&mut self, name: &str) -> Option<RawEntry> {
        if let Some(open) = self.open.take_if(|open| open.name == name) {
            self.depth = open.depth - 1;
            return Some(open.finish());
        }
        if let Some(open) = &mut self.open
            && open.field.as_ref().is_some_and(|field| self.depth <= field.depth)
        {
            open.close_field();
        }
        // A stray end must not make the fields of the open entry look like its neighbours.
        let floor = self.open.as_ref().map_or(0, |open| open.depth);
        self.depth = self.depth.saturating_sub(1).max(floor);
        None
    }

    fn add(&mut self, text: &str) {
        if let Some(field) = self.open.as_mut().and_then(|open| open.field.as_mut()) {
            field.add(text);
        }
    }

    fn add_reference(&mut self, reference: &BytesRef<'_>) {
        let Some(field) = self.open.as_mut().and_then(|open| open.field.as_mut()) else { return };
        match reference.resolve_char_ref() {
            Ok(Some(char)) => field.add(char.encode_utf8(&mut [0; 4])),
            Ok(None) => match resolve_predefined_entity(reference) {
                Some(text) => field.add(text),
                None => field.is_unusable = true,
            },
            Err(_) => field.is_unusable = true,
        }
    }

    /// The end of the document, or of what can be read of it.
    fn finish(&mut self, problem: Option<String>) -> Option<RawEntry> {
        self.is_over = true;
        let is_cut_off = self.depth > 0;
        self.problem = problem.or_else(|| is_cut_off.then(|| "it ends in the middle".to_owned()));
        // Its last field may be incomplete.
        let open = self.open.take()?;
        Some(open.raw)
    }
}

impl Iterator for XmlEntries<'_> {
    type Item = RawEntry;

    fn next(&mut self) -> Option<RawEntry> {
        while !self.is_over {
            let found = match self.reader.read_event() {
                Ok(Event::Start(tag)) => self.begin(&tag),
                Ok(Event::Empty(tag)) => {
                    let before = self.begin(&tag);
                    let own = self.end(tag.name().as_ref());
                    // An entry without contents has nothing to say.
                    before.or(own)
                }
                Ok(Event::End(tag)) => self.end(tag.name().as_ref()),
                Ok(Event::Text(text)) => {
                    self.add(&text);
                    None
                }
                Ok(Event::CData(text)) => {
                    self.add(&text);
                    None
                }
                Ok(Event::GeneralRef(reference)) => {
                    self.add_reference(&reference);
                    None
                }
                Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) => None,
                Ok(Event::Eof) => return self.finish(None),
                Err(error) => {
                    let at = self.reader.error_position();
                    return self.finish(Some(format!("its XML is broken at byte {at}: {error}")));
                }
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

impl OpenEntry {
    fn finish(mut self) -> RawEntry {
        self.close_field();
        self.raw
    }

    /// A child of the entry begins.
    fn begin(&mut self, kind: SitemapKind, name: &str, tag: &BytesStart<'_>, depth: usize) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let field = match kind {
            _ if is("link") => match attribute(tag, "href") {
                // That of a feed without one has its URL as text.
                None => Field::Loc,
                Some(href) => return self.raw.link(kind, attribute(tag, "rel").as_deref(), href),
            },
            SitemapKind::Rss if is("guid") => {
                let is_url = attribute(tag, "isPermaLink").is_none_or(|is| !is.eq_ignore_ascii_case("false"));
                if !is_url {
                    return;
                }
                Field::Guid
            }
            SitemapKind::Rss if is("pubDate") || is("date") => Field::Published,
            SitemapKind::Atom if is("updated") => Field::Changed,
            SitemapKind::Atom if is("published") => Field::Published,
            SitemapKind::UrlSet | SitemapKind::Index if is("loc") => Field::Loc,
            SitemapKind::UrlSet | SitemapKind::Index if is("lastmod") => Field::Changed,
            SitemapKind::UrlSet if is("changefreq") => Field::ChangeFrequency,
            SitemapKind::UrlSet if is("priority") => Field::Priority,
            _ => return,
        };
        self.field = Some(OpenField { field, depth, text: String::new(), is_unusable: false });
    }

    fn close_field(&mut self) {
        let Some(OpenField { field, text, is_unusable, .. }) = self.field.take() else { return };
        let text = text.trim();
        if is_unusable || text.is_empty() {
            return;
        }
        let slot = match field {
            Field::Loc => &mut self.raw.loc,
            Field::Guid => &mut self.raw.guid,
            Field::Changed => &mut self.raw.changed,
            Field::Published => &mut self.raw.published,
            Field::ChangeFrequency => &mut self.raw.changefreq,
            Field::Priority => &mut self.raw.priority,
        };
        slot.get_or_insert_with(|| text.to_owned());
    }
}

impl OpenField {
    fn add(&mut self, text: &str) {
        if self.text.len() + text.len() > MAX_FIELD_BYTES {
            self.is_unusable = true;
        } else {
            self.text.push_str(text);
        }
    }
}

impl RawEntry {
    /// Where it is.
    pub(super) fn place(&self) -> Option<&str> {
        self.loc.as_deref().or(self.guid.as_deref())
    }

    /// When it changed.
    pub(super) fn date(&self) -> Option<&str> {
        self.changed.as_deref().or(self.published.as_deref())
    }

    /// `<link href>`.
    fn link(&mut self, kind: SitemapKind, rel: Option<&str>, href: String) {
        let has_rel = |wanted: &str| {
            let mut words = rel.unwrap_or_default().split_ascii_whitespace();
            words.any(|word| word.eq_ignore_ascii_case(wanted))
        };
        match kind {
            // RFC 4287 §4.2.7.2: a link without `rel` is an alternate, which is the page itself.
            SitemapKind::Atom if rel.is_none() || has_rel("alternate") => {
                self.loc.get_or_insert(href);
            }
            SitemapKind::UrlSet if has_rel("alternate") && self.alternates.len() < MAX_ALTERNATES => {
                self.alternates.push(href);
            }
            _ => {}
        }
    }
}

/// Whether an element of this name is an entry. An index with `<url>` and a list with `<sitemap>` are common mistakes.
fn is_entry(kind: SitemapKind, name: &str) -> bool {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    match kind {
        SitemapKind::UrlSet | SitemapKind::Index => is("url") || is("sitemap"),
        SitemapKind::Rss => is("item"),
        SitemapKind::Atom => is("entry"),
        SitemapKind::Text => false,
    }
}

/// The name of an element, without its prefix.
fn local<'t>(tag: &'t BytesStart<'_>) -> &'t str {
    tag.local_name().into_inner()
}

/// The value of an attribute. One with an unknown entity counts as missing.
fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = tag.html_attributes();
    attributes.with_checks(false);
    let found =
        attributes.flatten().find(|found| found.key.local_name().as_ref().eq_ignore_ascii_case(name))?;
    if found.value.len() > MAX_FIELD_BYTES {
        return None;
    }
    Some(found.normalized_value(XmlVersion::Implicit1_0).ok()?.trim().to_owned())
}
