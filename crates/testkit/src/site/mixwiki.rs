//! A wiki of DJ mixes in the markup of MixesDB, always the same for the same number, with known contents.
//!
//! Every form of a track list occurs: ordered lists, `div.list`, parts, headings old and new, gaps, unknown tracks, cues in
//! minutes or hours with unknown digits, labels with and without catalogue numbers, bold prefixes, `w/`, and mixes without a
//! track list. Each mix is in the category of its DJ, with pages of 20. A search finds titles, and the recent changes have the
//! first ten mixes.

use super::wire::Received;
use super::{Answer, Site};

const DJS: usize = 5;
const MIXES_PER_PAGE: usize = 20;
const RECENT: usize = 10;

/// The true data of a mix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WikiMix {
    /// Its place in the wiki, from 0.
    pub number: usize,
    /// Its title.
    pub title: String,
    /// Its DJ, who is also a category.
    pub dj: String,
    /// The lines of its track list; none if it has no track list.
    pub lines: Vec<WikiLine>,
}

/// The true data of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WikiLine {
    /// As it is written.
    pub text: String,
    /// The number of its track; a gap has none.
    pub position: Option<usize>,
    /// The part that it is in.
    pub part: Option<String>,
    /// The earliest moment of its cue.
    pub cue_ms: Option<u64>,
    /// Its artist, if known.
    pub artist: Option<String>,
    /// Its title, if known.
    pub title: Option<String>,
    /// Its label.
    pub label: Option<String>,
    /// Its catalogue number.
    pub catalogue_number: Option<String>,
}

impl WikiMix {
    fn new(number: usize) -> Self {
        let mixed = mix(number);
        let dj = dj(number % DJS);
        let date = format!("{}-{:02}-{:02}", 1994 + mixed % 30, 1 + mixed / 7 % 12, 1 + mixed / 11 % 28);
        // The number makes each title a title of its own.
        let title = match number % 3 {
            0 => format!("{date} - {dj} - Harbour & Sons Podcast {number}"),
            1 => format!("{date} - {dj} @ Night {number}, Kombinat, Köln"),
            _ => format!("{date} - {dj} @ Kombinat, Köln (Night Waves {number}, {date})"),
        };
        let mut mix = Self { number, title, dj, lines: Vec::new() };
        if number % 10 != 9 {
            mix.lines = mix.lines();
        }
        mix
    }

    /// The path of its page.
    pub fn path(&self) -> String {
        format!("/w/{}", encoded(&self.title.replace(' ', "_")))
    }

    /// What the table calls it.
    pub fn source_id(&self) -> String {
        self.title.replace(' ', "_")
    }

    /// Its page with these lines, which may be others than its own.
    pub fn html(&self, lines: &[WikiLine]) -> String {
        let title = escaped(&self.title);
        let list = if lines.is_empty() { String::new() } else { self.list(lines) };
        let state = if lines.is_empty() { "none" } else { "incomplete" };
        let categories: String = [&self.title[..4], &self.dj, "Deep House", &format!("Tracklist: {state}")]
            .iter()
            .map(|name| format!("<li><a href=\"{}\">{}</a></li>", category_path(name), escaped(name)))
            .collect();
        format!(
            "<!DOCTYPE html><html><head><title>{title} - MixesDB</title></head><body>\
             <h1 id=\"firstHeading\"><span class=\"mw-page-title-main\">{title}</span></h1>\
             <div id=\"mw-content-text\"><p>Somebody wrote - something.</p>{list}</div><div id=\"bodyBottom\"></div>\
             <div id=\"mw-normal-catlinks\"><a href=\"/w/Special:Categories\">Categories</a>: <ul>{categories}</ul></div>\
             </body></html>"
        )
    }

    /// Its track list in the form that its number gives.
    fn list(&self, lines: &[WikiLine]) -> String {
        let heading = match self.number % 4 {
            3 => "<h2><span class=\"mw-headline\" id=\"Tracklist\">Tracklist</span></h2>",
            _ => "<div class=\"mw-heading mw-heading2\"><h2 id=\"Tracklist\">Tracklist</h2></div>",
        };
        let mut html = heading.to_owned();
        if self.number % 4 == 1 {
            let tracks =
                lines.iter().map(|line| format!("<div class=\"list-track\">{}</div>\n", marked(&line.text)));
            return format!("{html}<div class=\"list\">{}</div>", tracks.collect::<String>());
        }
        let mut part = None;
        let mut is_open = false;
        for line in lines {
            let is_gap = line.position.is_none();
            if is_open && (line.part != part || is_gap) {
                html.push_str("</ol>");
                is_open = false;
            }
            if line.part != part {
                html.extend(["<dl><dt>", line.part.as_deref().unwrap_or_default(), "</dt></dl>"]);
                part.clone_from(&line.part);
            }
            if is_gap {
                html.extend(["<p>", &line.text, "\n</p>"]);
                continue;
            }
            if !is_open {
                html.push_str("<ol>");
                is_open = true;
            }
            html.extend(["<li>", &marked(&line.text), "</li>\n"]);
        }
        if is_open { html + "</ol>" } else { html }
    }

    fn lines(&self) -> Vec<WikiLine> {
        let count = 8 + mix(self.number) % 20;
        let mut position = 0;
        let lines = (0..count).map(|at| {
            let line = self.line(at, &mut position);
            let is_parted = self.number % 4 == 2;
            let part = is_parted.then(|| format!("Part {}", 1 + at * 2 / count));
            WikiLine { part, ..line }
        });
        lines.collect()
    }

    fn line(&self, at: usize, position: &mut usize) -> WikiLine {
        let mixed = mix(self.number * 100 + at);
        if at > 0 && mixed.is_multiple_of(13) {
            return WikiLine { text: "...".to_owned(), ..WikiLine::default() };
        }
        let joins = at > 0 && mixed % 17 == 1;
        *position += usize::from(!joins);
        let (cue, cue_ms) = self.cue(at, mixed);
        let artist = match mixed % 11 {
            0 => None,
            1 => Some(format!("Jean-Michel {}", mixed % 40)),
            2 => Some(format!("Ø [Phase {}]", mixed % 40)),
            3 => Some(format!("Surge & DJ T-{} feat. Ines", mixed % 40)),
            _ => Some(format!("Artist {}", mixed % 60)),
        };
        let title = match (&artist, mixed / 13 % 9) {
            (None, _) | (_, 0) => None,
            (_, 1) => Some(format!("Rendez-Vous {} (Some One Remix)", mixed % 90)),
            (_, 2) => Some(format!("One - Two {}", mixed % 90)),
            _ => Some(format!("Title {}", mixed % 90)),
        };
        let label = (artist.is_some() && !(mixed / 29).is_multiple_of(3))
            .then(|| format!("R&S-Label {}", mixed % 30));
        let catalogue_number =
            label.as_ref().filter(|_| mixed / 29 % 3 > 1).map(|_| format!("CAT-{at} {}", mixed % 70));
        let name = match (&artist, &title) {
            (None, _) => if mixed.is_multiple_of(2) { "?" } else { "ID - ID" }.to_owned(),
            (Some(artist), None) => format!("{artist} - ?"),
            (Some(artist), Some(title)) if mixed.is_multiple_of(5) => format!("{artist} – {title}"),
            (Some(artist), Some(title)) => format!("{artist} - {title}"),
        };
        let record = match (&label, &catalogue_number) {
            (Some(label), Some(number)) => format!(" [{label} - {number}]"),
            (Some(label), None) => format!(" [{label}]"),
            _ => String::new(),
        };
        let before = match (joins, mixed % 19) {
            (true, _) => "w/ ",
            (_, 2) => "'''Intro:''' ",
            _ => "",
        };
        let position = Some(*position);
        let text = format!("{cue}{before}{name}{record}");
        WikiLine { text, position, part: None, cue_ms, artist, title, label, catalogue_number }
    }

    /// The cue of a line in the form that the mix has.
    fn cue(&self, at: usize, mixed: usize) -> (String, Option<u64>) {
        let minutes = at * 4;
        let ms = u64::try_from(minutes).unwrap_or_default() * 60_000;
        match (self.number % 5, mixed % 7) {
            (0, _) => (String::new(), None),
            (1, _) => {
                let seconds = mixed % 60;
                let extra = u64::try_from(seconds).unwrap_or_default() * 1_000;
                (format!("[{}:{:02}:{seconds:02}] ", minutes / 60, minutes % 60), Some(ms + extra))
            }
            (_, 0) => ("[???] ".to_owned(), None),
            (_, 1) => (format!("[{:02}?] ", minutes / 10), Some(ms / 600_000 * 600_000)),
            _ => (format!("[{minutes:03}] "), Some(ms)),
        }
    }
}

impl Site {
    /// A wiki with this number of mixes, and the truth about them. The categories are `DJ 0` to `DJ 4`.
    pub fn mixwiki(count: usize) -> (Self, Vec<WikiMix>) {
        let mixes: Vec<WikiMix> = (0..count).map(WikiMix::new).collect();
        let site = mixes
            .iter()
            .fold(Self::builder(), |site, mix| site.page(&mix.path(), Answer::html(mix.html(&mix.lines))));
        let listed = mixes.clone();
        (site.handler(move |asked| list(&listed, asked)).start(), mixes)
    }
}

/// The lists of the wiki: categories, results of a search, recent changes.
fn list(mixes: &[WikiMix], asked: &Received) -> Option<Answer> {
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let value = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(found, _)| *found == name).map(|(_, value)| decoded(value)).next()
    };
    let title = path
        .strip_prefix("/w/")
        .map(decoded)
        .or_else(|| value("title").filter(|_| path == "/db/index.php"))?;
    let first = value("from").and_then(|from| from.parse().ok()).unwrap_or(0);
    if let Some(category) = title.strip_prefix("Category:").map(|name| name.replace('_', " ")) {
        let of_it: Vec<&WikiMix> = mixes.iter().filter(|mix| mix.dj == category).collect();
        let items = of_it.iter().skip(first).take(MIXES_PER_PAGE);
        let items: String = items.map(|mix| format!("<li>{}</li>", link(mix, "cat"))).collect();
        let next = next(of_it.len(), first, &format!("title={}", encoded(&title)));
        let body = format!("<div class=\"listPagination\">{next}</div><ul id=\"catMixesList\">{items}</ul>");
        return (!of_it.is_empty()).then(|| wiki_list(&title, &body));
    }
    match title.as_str() {
        "Special:Search" => {
            let wanted = value("search")?.to_lowercase();
            let found: Vec<&WikiMix> =
                mixes.iter().filter(|mix| mix.title.to_lowercase().contains(&wanted)).collect();
            let items = found.iter().skip(first).take(MIXES_PER_PAGE);
            let items: String = items
                .map(|mix| {
                    format!("<li><div class=\"mw-search-result-heading\">{}</div></li>", link(mix, "x"))
                })
                .collect();
            let query = format!("title=Special:Search&amp;search={}", encoded(&value("search")?));
            let next = next(found.len(), first, &query).replace("<a ", "<a class=\"mw-nextlink\" ");
            Some(wiki_list("Search results", &format!("<ul class=\"mw-search-results\">{items}</ul>{next}")))
        }
        "Special:RecentChanges" => {
            let links: String =
                mixes.iter().take(RECENT).map(|mix| link(mix, "mw-changeslist-title")).collect();
            Some(wiki_list("Recent changes", &format!("<div class=\"mw-changeslist\">{links}</div>")))
        }
        _ => None,
    }
}

fn wiki_list(title: &str, body: &str) -> Answer {
    let title = escaped(title);
    Answer::html(format!("<title>{title} - MixesDB</title><h1 id=\"firstHeading\">{title}</h1>{body}"))
}

fn link(mix: &WikiMix, class: &str) -> String {
    let title = escaped(&mix.title);
    format!("<a class=\"{class}\" href=\"{}\" title=\"{title}\">{title}</a>", escaped(&mix.path()))
}

fn next(count: usize, first: usize, query: &str) -> String {
    let first = first + MIXES_PER_PAGE;
    if first < count {
        format!("(<a href=\"/db/index.php?{query}&amp;from={first}\">next {MIXES_PER_PAGE}</a>)")
    } else {
        String::new()
    }
}

fn dj(number: usize) -> String {
    format!("DJ {number}")
}

fn category_path(name: &str) -> String {
    format!("/w/Category:{}", encoded(&name.replace(' ', "_")))
}

/// Any mixture will do, as long as it is the same each time.
fn mix(number: usize) -> usize {
    (number + 1).wrapping_mul(2_654_435_761) >> 7
}

/// Text as HTML, with bold for the wiki's quotes.
fn marked(text: &str) -> String {
    let mut html = String::new();
    for (at, part) in escaped(text).split("'''").enumerate() {
        html += ["", "</b>"][usize::from(at > 0 && at % 2 == 0)];
        html += ["", "<b>"][at % 2];
        html += part;
    }
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// Percent-encodes what may not stand in a path or a query.
fn encoded(text: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.@:,()".contains(byte);
    let encode =
        |byte: u8| if is_plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&digits, 16).unwrap_or(b'?')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
