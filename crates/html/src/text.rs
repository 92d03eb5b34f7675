//! Text between tags, and what is written differently in a text: character references, NUL.

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{Token, TokenSink};
use memchr::{memchr, memchr2, memchr3, memmem};

use crate::references::{self, Place};
use crate::tokenizer::{Content, Tokenizer, TooManyAttributes};

const REPLACEMENT: &str = "\u{FFFD}";

impl<Sink: TokenSink> Tokenizer<'_, Sink> {
    /// A text, or what begins with `<`.
    pub(crate) fn data(&mut self) -> Result<(), TooManyAttributes> {
        let start = self.at;
        if self.bytes[start] == b'<' && self.begins_markup(start) {
            return self.markup(start);
        }
        let (end, has_reference) = self.text_end(start);
        let text = if has_reference { self.expanded(start, end, Place::Text) } else { self.part(start, end) };
        self.at = end;
        if !text.is_empty() {
            self.send(Token::CharacterTokens(text));
        }
        if self.bytes.get(end) == Some(&0) {
            self.send(Token::NullCharacterToken);
            self.at = end + 1;
        }
        Ok(())
    }

    /// The end of the text that begins here: markup, NUL, or the end of the file. Also whether it has an `&`.
    fn text_end(&self, start: usize) -> (usize, bool) {
        let mut at = start;
        let mut has_reference = false;
        loop {
            let rest = &self.bytes[at..];
            let found = match (self.has_nul, has_reference) {
                (false, false) => memchr2(b'<', b'&', rest),
                (false, true) => memchr(b'<', rest),
                (true, false) => memchr3(b'<', b'&', 0, rest),
                (true, true) => memchr2(b'<', 0, rest),
            };
            let Some(found) = found else { return (self.bytes.len(), has_reference) };
            at += found;
            match self.bytes[at] {
                b'&' => has_reference = true,
                b'<' if !self.begins_markup(at) => {}
                _ => return (at, has_reference),
            }
            at += 1;
        }
    }

    /// Whether something other than text begins at this `<`.
    fn begins_markup(&self, at: usize) -> bool {
        match self.bytes.get(at + 1) {
            Some(b'!' | b'?') => true,
            Some(b'/') => at + 2 < self.bytes.len(),
            Some(next) => next.is_ascii_alphabetic(),
            None => false,
        }
    }

    /// The content of a CDATA section. NUL is left to the sink.
    pub(crate) fn cdata_section(&mut self) {
        let found = memmem::find(&self.bytes[self.at..], b"]]>").map(|found| self.at + found);
        let end = found.unwrap_or(self.bytes.len());
        let mut start = self.at;
        while start < end {
            let nul = self.find_nul(start, end);
            let text = self.part(start, nul.unwrap_or(end));
            if !text.is_empty() {
                self.send(Token::CharacterTokens(text));
            }
            if nul.is_some() {
                self.send(Token::NullCharacterToken);
            }
            start = nul.map_or(end, |nul| nul + 1);
        }
        self.at = found.map_or(end, |end| end + 3);
        self.set_content(Content::Data);
    }

    /// The rest of the page.
    pub(crate) fn plaintext(&mut self) {
        let text = self.without_nul(self.at, self.bytes.len());
        self.at = self.bytes.len();
        self.send(Token::CharacterTokens(text));
    }

    /// A part of the text, with characters for the references, and U+FFFD for NUL.
    pub(crate) fn expanded(&self, from: usize, to: usize, place: Place) -> StrTendril {
        let mut copy = None;
        let (mut copied, mut at) = (from, from);
        while let Some(found) = self.find_change(at, to) {
            at = found;
            let reference = match self.bytes[at] {
                b'&' => match references::read(&self.bytes[at..to], place) {
                    Some(reference) => Some(reference),
                    None => {
                        at += 1;
                        continue;
                    }
                },
                _ => None,
            };
            let copy = copy.get_or_insert_with(|| room_for(to - from));
            copy.push_slice(&self.text[copied..at]);
            match reference {
                Some(reference) => {
                    reference.push_to(copy);
                    at += reference.length;
                }
                None => {
                    copy.push_slice(REPLACEMENT);
                    at += 1;
                }
            }
            copied = at;
        }
        let Some(mut copy) = copy else { return self.part(from, to) };
        copy.push_slice(&self.text[copied..to]);
        copy
    }

    fn find_change(&self, from: usize, to: usize) -> Option<usize> {
        let part = &self.bytes[from..to];
        let found = if self.has_nul { memchr2(b'&', 0, part) } else { memchr(b'&', part) };
        Some(from + found?)
    }

    /// A part of the text, with U+FFFD for NUL.
    pub(crate) fn without_nul(&self, from: usize, to: usize) -> StrTendril {
        if self.find_nul(from, to).is_none() {
            return self.part(from, to);
        }
        let mut copy = room_for(to - from);
        let mut at = from;
        while let Some(nul) = self.find_nul(at, to) {
            copy.push_slice(&self.text[at..nul]);
            copy.push_slice(REPLACEMENT);
            at = nul + 1;
        }
        copy.push_slice(&self.text[at..to]);
        copy
    }

    fn find_nul(&self, from: usize, to: usize) -> Option<usize> {
        if !self.has_nul {
            return None;
        }
        Some(from + memchr(0, &self.bytes[from..to])?)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a part of a tendril, which has less than 4 GiB")]
fn room_for(bytes: usize) -> StrTendril {
    StrTendril::with_capacity(bytes as u32)
}
