//! A sitemap that is a text: one URL per line.

use url::Url;

/// A longer line is no URL.
const MAX_LINE_BYTES: usize = 8 << 10;

/// The lines that say something.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    // Some authors write comments, although the protocol has none.
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The URL of a line. It has to be absolute, because any text has lines.
pub(super) fn url(line: &str) -> Option<Url> {
    if line.len() > MAX_LINE_BYTES {
        return None;
    }
    let url = Url::parse(line).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}
