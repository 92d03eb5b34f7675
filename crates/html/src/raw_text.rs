//! The content of `script`, `style`, `title` and others, which only their own end tag ends.

use html5ever::tokenizer::{TagKind, Token, TokenSink};
use memchr::{memchr, memchr2};

use crate::bytes::{ENDS_TAG_NAME, class};
use crate::references::Place;
use crate::tokenizer::{Content, Tokenizer, TooManyAttributes};

/// What a script looks like to old browsers: `<script><!-- … --></script>`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    /// After `<!--`. Its two dashes are here, and may also be those of `-->`.
    Once(usize),
    /// After `<!-- … <script>`. Here, `</script>` doesn't end the script.
    Twice(usize),
}

impl<Sink: TokenSink> Tokenizer<'_, Sink> {
    /// Reads the whole content and the end tag.
    pub(crate) fn raw_text(&mut self, content: Content) -> Result<(), TooManyAttributes> {
        let start = self.at;
        let found = match content {
            Content::ScriptData => self.script_end(start),
            _ => self.raw_text_end(start),
        };
        let end = found.unwrap_or(self.bytes.len());
        if start < end {
            let text = match content {
                Content::Rcdata => self.expanded(start, end, Place::Text),
                _ => self.without_nul(start, end),
            };
            self.send(Token::CharacterTokens(text));
        }
        self.set_content(Content::Data);
        self.at = end;
        match found {
            Some(end) => self.tag(TagKind::EndTag, end + 2),
            None => Ok(()),
        }
    }

    /// The `<` of the end tag.
    fn raw_text_end(&self, start: usize) -> Option<usize> {
        let mut at = start;
        loop {
            at += memchr(b'<', &self.bytes[at..])?;
            if self.is_open_end_tag(at) {
                return Some(at);
            }
            at += 1;
        }
    }

    /// The `<` of the end tag of a script.
    fn script_end(&self, start: usize) -> Option<usize> {
        let mut at = start;
        let mut escape = Escape::None;
        loop {
            let rest = &self.bytes[at..];
            at += match escape {
                Escape::None => memchr(b'<', rest)?,
                Escape::Once(_) | Escape::Twice(_) => memchr2(b'<', b'>', rest)?,
            };
            match escape {
                Escape::Once(dashes) | Escape::Twice(dashes) if self.bytes[at] == b'>' => {
                    let ends = self.bytes[dashes..at].ends_with(b"--");
                    escape = if ends { Escape::None } else { escape };
                }
                Escape::None | Escape::Once(_) if self.is_open_end_tag(at) => return Some(at),
                Escape::None if self.bytes[at + 1..].starts_with(b"!--") => escape = Escape::Once(at + 2),
                Escape::Once(dashes) if self.is_name(at + 1, b"script") => escape = Escape::Twice(dashes),
                Escape::Twice(dashes)
                    if self.bytes.get(at + 1) == Some(&b'/') && self.is_name(at + 2, b"script") =>
                {
                    escape = Escape::Once(dashes);
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Whether the end tag of the open element begins at this `<`.
    fn is_open_end_tag(&self, at: usize) -> bool {
        let open = self.open.as_bytes();
        self.bytes.get(at + 1) == Some(&b'/')
            && !open.is_empty()
            && self.is_name(at + 2, open)
            && open.iter().all(u8::is_ascii_alphabetic)
    }

    /// Whether this name is here, in any case, and ends here.
    fn is_name(&self, at: usize, name: &[u8]) -> bool {
        let end = at + name.len();
        self.bytes.get(end).is_some_and(|next| class(*next) & ENDS_TAG_NAME != 0)
            && self.bytes[at..end].eq_ignore_ascii_case(name)
    }
}
