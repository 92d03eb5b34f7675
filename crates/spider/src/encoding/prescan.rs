//! Finds the encoding that a page declares, before the page can be decoded: "prescan a byte stream to determine its encoding"
//! and "get an XML encoding" of the HTML standard, section 13.2.3.2.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

use super::labelled;

/// How far into a page the search goes. The standard looks at 1,024 bytes and restarts the parser if a declaration comes
/// later. Looking further has the same result.
const PRESCAN_BYTES: usize = 32 * 1024;

/// The encoding that the page names, if it names one.
pub(super) fn declared(body: &[u8]) -> Option<&'static Encoding> {
    let head = &body[..body.len().min(PRESCAN_BYTES)];
    Scanner { bytes: head, at: 0 }.meta_encoding().or_else(|| xml_encoding(head)).map(readable)
}

/// A page that could be read this far is not in UTF-16, whatever it declares.
fn readable(encoding: &'static Encoding) -> &'static Encoding {
    if encoding == UTF_16LE || encoding == UTF_16BE {
        UTF_8
    } else if encoding == X_USER_DEFINED {
        WINDOWS_1252
    } else {
        encoding
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The name and the value, in lower case.
type Attribute = (Vec<u8>, Vec<u8>);

impl Scanner<'_> {
    fn meta_encoding(&mut self) -> Option<&'static Encoding> {
        while self.at < self.bytes.len() {
            let rest = &self.bytes[self.at..];
            match rest {
                // The dashes that open a comment may also be those that close it.
                [b'<', b'!', b'-', b'-', ..] => self.at += 2 + find(&rest[2..], b"-->")? + 2,
                [b'<', m, e, t, a, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ' | b'/', ..]
                    if [*m, *e, *t, *a].eq_ignore_ascii_case(b"meta") =>
                {
                    self.at += 5;
                    if let Some(encoding) = self.meta() {
                        return Some(encoding);
                    }
                }
                [b'<', letter, ..] | [b'<', b'/', letter, ..] if letter.is_ascii_alphabetic() => {
                    self.skip_until(|byte| is_space(byte) || byte == b'>');
                    while self.attribute().is_some() {}
                }
                [b'<', b'!' | b'/' | b'?', ..] => self.skip_until(|byte| byte == b'>'),
                _ => {}
            }
            self.at += 1;
        }
        None
    }

    /// The encoding that a `meta` element names, read to its end.
    fn meta(&mut self) -> Option<&'static Encoding> {
        let (mut names, mut is_pragma, mut needs_pragma, mut found) = (Vec::new(), false, false, None);
        while let Some((name, value)) = self.attribute() {
            match name.as_slice() {
                name if names.iter().any(|known| known == name) => {}
                b"http-equiv" => is_pragma = value == b"content-type",
                b"content" if found.is_none() => {
                    found = charset_in(&value).map(labelled);
                    needs_pragma = found.is_some();
                }
                b"charset" => (found, needs_pragma) = (Some(labelled(&value)), false),
                _ => {}
            }
            names.push(name);
        }
        // An element that is cut off declares nothing.
        let is_whole = self.at < self.bytes.len();
        found.flatten().filter(|_| is_whole && (is_pragma || !needs_pragma))
    }

    /// The next attribute of the element. `None` at its end and at the end of the bytes.
    fn attribute(&mut self) -> Option<Attribute> {
        self.skip_until(|byte| !is_space(byte) && byte != b'/');
        let mut name = Vec::new();
        loop {
            match self.peek()? {
                b'=' if !name.is_empty() => break,
                byte if is_space(byte) => {
                    self.skip_until(|byte| !is_space(byte));
                    if self.peek()? == b'=' {
                        break;
                    }
                    return Some((name, Vec::new()));
                }
                b'>' if name.is_empty() => return None,
                b'/' | b'>' => return Some((name, Vec::new())),
                byte => name.push(byte.to_ascii_lowercase()),
            }
            self.at += 1;
        }
        self.at += 1;
        self.skip_until(|byte| !is_space(byte));
        let value = match self.peek()? {
            quote @ (b'"' | b'\'') => {
                self.at += 1;
                let value = self.lower_until(|byte| byte == quote);
                self.peek()?;
                self.at += 1;
                value
            }
            _ => self.lower_until(|byte| is_space(byte) || byte == b'>'),
        };
        Some((name, value))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_until(&mut self, is_end: impl Fn(u8) -> bool) {
        let rest = self.bytes[self.at..].iter();
        self.at += rest.take_while(|byte| !is_end(**byte)).count();
    }

    fn lower_until(&mut self, is_end: impl Fn(u8) -> bool) -> Vec<u8> {
        let start = self.at;
        self.skip_until(is_end);
        self.bytes[start..self.at].to_ascii_lowercase()
    }
}

/// The label in the `content` of a `meta` element ("extracting a character encoding from a meta element").
fn charset_in(content: &[u8]) -> Option<&[u8]> {
    let mut rest = content;
    loop {
        rest = skip_spaces(&rest[find(rest, b"charset")? + b"charset".len()..]);
        if let [b'=', value @ ..] = rest {
            return match skip_spaces(value) {
                [quote @ (b'"' | b'\''), value @ ..] => {
                    let end = value.iter().position(|byte| byte == quote)?;
                    Some(&value[..end])
                }
                value => {
                    let end = value.iter().position(|byte| is_space(*byte) || *byte == b';');
                    Some(&value[..end.unwrap_or(value.len())])
                }
            };
        }
    }
}

/// The encoding in an XML declaration.
fn xml_encoding(head: &[u8]) -> Option<&'static Encoding> {
    match head {
        [b'<', 0, b'?', 0, b'x', 0, ..] => return Some(UTF_16LE),
        [0, b'<', 0, b'?', 0, b'x', ..] => return Some(UTF_16BE),
        _ => {}
    }
    let declaration = head.strip_prefix(b"<?xml")?;
    let declaration = &declaration[..find(declaration, b">")?];
    let after = skip_spaces(&declaration[find(declaration, b"encoding")? + b"encoding".len()..]);
    let [quote @ (b'"' | b'\''), value @ ..] = skip_spaces(after.strip_prefix(b"=")?) else { return None };
    let label = &value[..value.iter().position(|byte| byte == quote)?];
    labelled(label).filter(|_| !label.iter().any(|byte| is_space(*byte)))
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

fn skip_spaces(bytes: &[u8]) -> &[u8] {
    let spaces = bytes.iter().take_while(|byte| is_space(**byte)).count();
    &bytes[spaces..]
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_encoding_in_many_ways() {
        for (page, expected) in [
            ("<meta charset=iso8859-2>", "ISO-8859-2"),
            ("<META CHARSET = 'KOI8-R' />", "KOI8-R"),
            ("<!doctype html><html><head><meta/charset=\"gbk\">", "GBK"),
            ("<meta http-equiv=content-type content='text/html; charset=windows-1251'>", "windows-1251"),
            ("<meta content='text/html;charset = \"euc-jp\"' http-equiv=Content-Type>", "EUC-JP"),
            ("<meta http-equiv=content-type content='charset charset=big5;x'>", "Big5"),
            ("<meta http-equiv=content-type content=text/html charset=utf-8>", "UTF-8"),
            ("<meta charset=nonsense><meta charset=latin2>", "ISO-8859-2"),
            ("<meta charset=latin2><meta charset=latin1>", "ISO-8859-2"),
            ("<meta charset=latin2 charset=latin1>", "ISO-8859-2"),
            ("<meta <meta charset='euc-jp'>", "EUC-JP"),
            ("<meta test\" charset=iso8859-2><p>\"</p>", "ISO-8859-2"),
            ("<script>'<meta charset=latin2>'</script>", "ISO-8859-2"),
            ("<!--><meta charset=latin2>", "ISO-8859-2"),
            ("<meta charset=utf-16>", "UTF-8"),
            ("<meta charset=x-user-defined>", "windows-1252"),
            ("<?xml version='1.0' encoding='koi8-r'?><html>", "KOI8-R"),
            ("<?xml version='1.0' encoding='koi8-r'?><meta charset=gbk>", "GBK"),
            ("<\0?\0x\0m\0l\0", "UTF-8"),
        ] {
            assert_eq!(declared(page.as_bytes()).map(Encoding::name), Some(expected), "{page}");
        }
    }

    #[test]
    fn what_only_looks_like_a_declaration_is_none() {
        for page in [
            "",
            "<meta charset=latin2",
            "<meta charset='latin2>",
            "<metal charset=latin2>",
            "<meta charset=latin2\"><p>\"</p>",
            "<!-- <meta charset=latin2> -->",
            "<p title='<meta charset=latin2>'>",
            "<head></head><p title=\"x><meta charset=latin2><p>\"</p>",
            "<meta test=\"' charset=latin2><p>\"'</p>",
            "<meta content='text/html; charset=latin2'>",
            "<meta content='text/html; charset=latin2' http-equiv=refresh>",
            "<meta http-equiv=content-type content='text/html; charset=\"latin2'>",
            "<? <meta charset=latin2",
            "<?xml version='1.0' encoding='koi8 r'?>",
            "<?xml version='1.0' encoding=koi8-r?>",
            "<?xml version='1.0'?><html encoding='koi8-r'>",
            "text < meta charset=latin2",
        ] {
            assert_eq!(declared(page.as_bytes()), None, "{page}");
        }
    }

    #[test]
    fn a_declaration_may_come_late_but_not_at_the_end_of_the_world() {
        let after = |gap: usize| format!("<!--{}--><meta charset=latin2>", "x".repeat(gap));
        assert!(declared(after(4_097).as_bytes()).is_some());
        assert!(declared(after(PRESCAN_BYTES).as_bytes()).is_none());
    }
}
