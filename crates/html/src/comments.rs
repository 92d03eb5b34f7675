//! Comments, and everything that counts as one.

use html5ever::tokenizer::{Token, TokenSink};
use memchr::memchr;

use crate::tokenizer::{Content, Tokenizer};

const CDATA: &[u8] = b"[CDATA[";
const DOCTYPE: &[u8] = b"doctype";

impl<Sink: TokenSink> Tokenizer<'_, Sink> {
    /// Reads what follows `<!`.
    pub(crate) fn declaration(&mut self, start: usize) {
        let rest = &self.bytes[start..];
        if rest.starts_with(b"--") {
            self.comment(start + 2);
        } else if rest.get(..DOCTYPE.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(DOCTYPE)) {
            self.doctype(start + DOCTYPE.len());
        } else if rest.starts_with(CDATA)
            && self.sink.adjusted_current_node_present_but_not_in_html_namespace()
        {
            self.at = start + CDATA.len();
            self.set_content(Content::CdataSection);
        } else {
            self.bogus_comment(start);
        }
    }

    /// A comment up to the next `>`, whatever is in it.
    pub(crate) fn bogus_comment(&mut self, start: usize) {
        let found = memchr(b'>', &self.bytes[start..]).map(|found| start + found);
        let end = found.unwrap_or(self.bytes.len());
        self.send_comment(start, end);
        self.at = found.map_or(end, |end| end + 1);
    }

    /// A comment after `<!--`.
    fn comment(&mut self, start: usize) {
        let (end, after) = comment_end(self.bytes, start);
        self.send_comment(start, end);
        self.at = after;
    }

    fn send_comment(&self, from: usize, to: usize) {
        self.send(Token::CommentToken(self.without_nul(from, to)));
    }
}

/// Where the text of a comment ends, and where to go on.
fn comment_end(bytes: &[u8], start: usize) -> (usize, usize) {
    for abrupt in [&b">"[..], b"->"] {
        if bytes[start..].starts_with(abrupt) {
            return (start, start + abrupt.len());
        }
    }
    let mut at = start;
    while let Some(found) = memchr(b'>', &bytes[at..]) {
        at += found;
        if let Some(end) = end_mark(&bytes[start..at]) {
            return (start + end, at + 1);
        }
        at += 1;
    }
    // The file ends in the comment. What may have been the beginning of its end does not belong to it.
    let rest = &bytes[start..];
    let end = end_mark(rest).unwrap_or_else(|| rest.strip_suffix(b"-").unwrap_or(rest).len());
    (start + end, bytes.len())
}

/// Where `--` or `--!` begins, if the comment ends with it.
fn end_mark(comment: &[u8]) -> Option<usize> {
    let without = comment.strip_suffix(b"--").or_else(|| comment.strip_suffix(b"--!"))?;
    Some(without.len())
}
