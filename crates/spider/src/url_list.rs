//! Several URLs in one text, as people write them after a flag, in a variable or in a settings file.

/// The URLs in a text. A comma or white space separates two URLs only if `http://` or `https://` follows. Any other comma is
/// part of a URL, as in `https://a.example/list?ids=1,2,3`.
///
/// ```
/// use dragline_spider::url_list;
///
/// let urls = url_list::split("https://a.example/?ids=1,2, https://b.example/x,y");
/// assert_eq!(urls, ["https://a.example/?ids=1,2", "https://b.example/x,y"]);
/// ```
pub fn split(text: &str) -> Vec<&str> {
    let is_between = |c: char| c == ',' || c.is_whitespace();
    let mut urls = Vec::new();
    let (mut begin, mut at) = (0, 0);
    while let Some(found) = text[at..].find(is_between) {
        let end = at + found;
        let next = end + (text[end..].len() - text[end..].trim_start_matches(is_between).len());
        if begins_url(&text[next..]) {
            urls.push(&text[begin..end]);
            begin = next;
        }
        at = next;
    }
    urls.push(&text[begin..]);
    urls.into_iter().map(str::trim).filter(|url| !url.is_empty()).collect()
}

fn begins_url(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        text.get(..scheme.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(scheme))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_separates_only_where_a_url_begins_after_it() {
        for (text, urls) in [
            ("https://a.example/", &["https://a.example/"][..]),
            ("https://a.example/?ids=1,2,3", &["https://a.example/?ids=1,2,3"]),
            ("https://a.example/p,1;q=http,https", &["https://a.example/p,1;q=http,https"]),
            ("http://a.example/,HTTPS://b.example/", &["http://a.example/", "HTTPS://b.example/"]),
            (" http://a.example/ ,\n http://b.example/\n", &["http://a.example/", "http://b.example/"]),
            ("http://a.example/\nhttp://b.example/?x=1,2", &["http://a.example/", "http://b.example/?x=1,2"]),
            ("http://a.example/?to=https://b.example/", &["http://a.example/?to=https://b.example/"]),
            ("http://a.example/?to=x%2Chttps://b.example/", &["http://a.example/?to=x%2Chttps://b.example/"]),
            ("nonsense,more", &["nonsense,more"]),
            ("", &[]),
            (" ", &[]),
        ] {
            assert_eq!(split(text), urls, "{text:?}");
        }
    }
}
