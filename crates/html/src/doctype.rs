//! DOCTYPE declarations.

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{Doctype, Token, TokenSink};
use memchr::{memchr, memchr2};

use crate::bytes::{SPACE, class, skip_space};
use crate::tokenizer::Tokenizer;

/// How the declaration goes on after one of its parts.
enum Next {
    /// From here.
    At(usize),
    /// It ends before this position.
    Ended(usize),
}

impl<Sink: TokenSink> Tokenizer<'_, Sink> {
    /// Reads what follows `<!DOCTYPE`.
    pub(crate) fn doctype(&mut self, start: usize) {
        let mut doctype = Doctype::default();
        self.at = match self.doctype_name(start, &mut doctype) {
            Next::Ended(end) => end,
            Next::At(at) => self.doctype_ids(at, &mut doctype),
        };
        self.send(Token::DoctypeToken(doctype));
    }

    fn doctype_name(&self, start: usize, doctype: &mut Doctype) -> Next {
        let start = skip_space(self.bytes, start);
        let is_end = |byte: &u8| *byte == b'>' || class(*byte) & SPACE != 0;
        let end = start + self.bytes[start..].iter().take_while(|byte| !is_end(byte)).count();
        if start < end {
            let name = self.text[start..end].to_ascii_lowercase().replace('\0', "\u{FFFD}");
            doctype.name = Some(StrTendril::from(name));
        }
        let after = skip_space(self.bytes, end);
        match self.bytes.get(after) {
            Some(b'>') => {
                doctype.force_quirks = start == end;
                Next::Ended(after + 1)
            }
            Some(_) => Next::At(after),
            None => {
                doctype.force_quirks = true;
                Next::Ended(after)
            }
        }
    }

    /// Reads what follows the name: at least one byte. Returns where the declaration ends.
    fn doctype_ids(&self, at: usize, doctype: &mut Doctype) -> usize {
        let keyword = self.bytes[at..].get(..6).map(<[u8]>::to_ascii_lowercase);
        let after = at + 6;
        let next = match keyword.as_deref() {
            Some(b"public") => {
                match self.doctype_id(after, true, &mut doctype.public_id, &mut doctype.force_quirks) {
                    Next::At(at) => {
                        self.doctype_id(at, false, &mut doctype.system_id, &mut doctype.force_quirks)
                    }
                    ended @ Next::Ended(_) => ended,
                }
            }
            Some(b"system") => {
                self.doctype_id(after, true, &mut doctype.system_id, &mut doctype.force_quirks)
            }
            _ => {
                doctype.force_quirks = true;
                Next::Ended(self.bogus_doctype(at))
            }
        };
        let at = match next {
            Next::Ended(end) => return end,
            Next::At(at) => skip_space(self.bytes, at),
        };
        // Anything may follow the system identifier.
        doctype.force_quirks |= at == self.bytes.len();
        self.bogus_doctype(at)
    }

    /// Reads a quoted identifier. The second one may be missing.
    fn doctype_id(&self, at: usize, is_needed: bool, id: &mut Option<StrTendril>, quirks: &mut bool) -> Next {
        let start = skip_space(self.bytes, at);
        let quote = match self.bytes.get(start) {
            Some(quote @ (b'"' | b'\'')) => *quote,
            Some(b'>') => {
                *quirks |= is_needed;
                return Next::Ended(start + 1);
            }
            _ => {
                *quirks = true;
                return Next::Ended(self.bogus_doctype(start));
            }
        };
        let start = start + 1;
        let found = memchr2(quote, b'>', &self.bytes[start..]).map(|found| start + found);
        let end = found.unwrap_or(self.bytes.len());
        *id = Some(self.without_nul(start, end));
        match found {
            Some(end) if self.bytes[end] == quote => Next::At(end + 1),
            _ => {
                *quirks = true;
                Next::Ended(self.bytes.len().min(end + 1))
            }
        }
    }

    /// Where a declaration ends whose rest does not count.
    fn bogus_doctype(&self, at: usize) -> usize {
        memchr(b'>', &self.bytes[at..]).map_or(self.bytes.len(), |found| at + found + 1)
    }
}
