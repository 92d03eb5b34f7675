//! The texts of a tree: text nodes, comments, and values of attributes.
//!
//! Most of them are parts of the page's text as they are. What the page writes differently (`&amp;`), and what is so short that
//! html5ever keeps no reference to the page, is in one more text. A text node that grows where neither of the two goes on, such as
//! the words in front of a table that stand between its cells, gets a text of its own, so that it is moved only once.

use html5ever::tendril::StrTendril;

use super::position;

/// This end says that `start` is the position of a list or text of its own.
const OWN: u32 = u32::MAX;

/// Where something is in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    pub(super) const EMPTY: Self = Self { start: 0, end: 0 };

    /// The thing at this position has a list or text of its own.
    pub(super) fn own(at: u32) -> Self {
        Self { start: at, end: OWN }
    }

    /// The position, if the thing has a list or text of its own.
    pub(super) fn as_own(self) -> Option<usize> {
        (self.end == OWN).then_some(self.start as usize)
    }
}

/// All texts. A span lies in the page's text, or, beginning at the length of that, in the other text.
pub(super) struct Texts {
    page: StrTendril,
    page_end: u32,
    /// Where the page's text is in memory. It isn't moved, because the parser's input and this share it.
    address: usize,
    others: String,
    own: Vec<String>,
    own_bytes: usize,
}

impl Texts {
    pub(super) fn new(page: &StrTendril) -> Self {
        let (page, page_end) = (page.clone(), page.len32());
        // A text of a few bytes is in the tendril itself, which is moved. No part of it is shared.
        let address = if page.is_shared() { page.as_ptr().addr() } else { usize::MAX };
        Self { page, page_end, address, others: String::new(), own: Vec::new(), own_bytes: 0 }
    }

    pub(super) fn get(&self, span: Span) -> &str {
        if let Some(at) = span.as_own() {
            &self.own[at]
        } else if span.start < self.page_end {
            &self.page[span.start as usize..span.end as usize]
        } else {
            &self.others[(span.start - self.page_end) as usize..(span.end - self.page_end) as usize]
        }
    }

    /// The bytes of all texts that are not in the page's text.
    pub(super) fn bytes(&self) -> usize {
        self.others.len()
            + self.own_bytes
            + self.own.len() * (size_of::<String>() + super::growing::BLOCK_BYTES)
    }

    /// Keeps a text.
    pub(super) fn keep(&mut self, text: &StrTendril) -> Span {
        match self.in_page(text) {
            Some(span) => span,
            None => self.keep_copy(text),
        }
    }

    /// Adds `text` to the end of another text.
    pub(super) fn extend(&mut self, span: Span, text: &StrTendril) -> Span {
        if let Some(at) = span.as_own() {
            self.own_bytes += text.len();
            self.own[at].push_str(text);
            return span;
        }
        match self.in_page(text) {
            Some(more) if span.start < self.page_end && span.end == more.start => {
                Span { start: span.start, end: more.end }
            }
            None if span.start >= self.page_end && span.end == self.end() => {
                Span { start: span.start, end: self.keep_copy(text).end }
            }
            _ => {
                let whole = [self.get(span), text].concat();
                self.own_bytes += whole.len();
                self.own.push(whole);
                Span::own(position(self.own.len() - 1))
            }
        }
    }

    /// Where the text is in the page's text, if it is a part of that and not a copy. Two texts that are in memory at the same time
    /// can't be at the same place, so its address tells.
    fn in_page(&self, text: &StrTendril) -> Option<Span> {
        if !text.is_shared() {
            return None;
        }
        let start = text.as_ptr().addr().wrapping_sub(self.address);
        let end = start.wrapping_add(text.len());
        if start >= self.page_end as usize || end > self.page_end as usize {
            return None;
        }
        Some(Span { start: u32::try_from(start).ok()?, end: u32::try_from(end).ok()? })
    }

    fn keep_copy(&mut self, text: &str) -> Span {
        let start = self.end();
        self.others.push_str(text);
        Span { start, end: self.end() }
    }

    /// The end of the other text.
    fn end(&self) -> u32 {
        position(self.page_end as usize + self.others.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(page: &StrTendril, from: u32, to: u32) -> StrTendril {
        page.subtendril(from, to - from)
    }

    #[test]
    fn parts_of_the_page_are_not_copied_and_stay_one_part() {
        let page = StrTendril::from("0123456789 0123456789 0123456789");
        let mut texts = Texts::new(&page);
        let first = texts.keep(&part(&page, 0, 11));
        let both = texts.extend(first, &part(&page, 11, 22));
        assert_eq!((texts.get(both), texts.bytes()), ("0123456789 0123456789 ", 0));
        let last = texts.keep(&part(&page, 22, 32));
        assert_eq!(texts.get(last), "0123456789");
        // The same words from somewhere else.
        let copy = texts.keep(&StrTendril::from("0123456789"));
        assert_eq!((texts.get(copy), texts.bytes()), ("0123456789", 10));
        let grown = texts.extend(copy, &StrTendril::from("x"));
        assert_eq!((texts.get(grown), texts.bytes()), ("0123456789x", 11));
    }

    #[test]
    fn a_text_that_grows_between_others_is_moved_once() {
        let page = StrTendril::from("a long part of the page");
        let mut texts = Texts::new(&page);
        for begin in [part(&page, 0, 12), StrTendril::from("a copy"), StrTendril::new()] {
            let mut span = texts.keep(&begin);
            let mut expected = begin.to_string();
            for round in 0..100 {
                texts.keep(&StrTendril::from("between"));
                let more = if round % 3 == 0 { part(&page, 7, 19) } else { StrTendril::from("more") };
                span = texts.extend(span, &more);
                expected.push_str(&more);
                assert_eq!(texts.get(span), expected);
            }
        }
        assert_eq!(texts.own.len(), 3);
    }

    #[test]
    fn an_empty_page_has_texts_too() {
        let mut texts = Texts::new(&StrTendril::new());
        let span = texts.keep(&StrTendril::from("x"));
        let empty = texts.keep(&StrTendril::new());
        assert_eq!((texts.get(span), texts.get(empty), texts.get(Span::EMPTY)), ("x", "", ""));
    }

    #[test]
    fn a_page_of_a_few_bytes_shares_nothing() {
        let mut texts = Texts::new(&StrTendril::from("\n\u{FEFF}<!"));
        let empty = texts.keep(&StrTendril::new());
        let mark = texts.keep(&StrTendril::from("\u{FEFF}"));
        assert_eq!((texts.get(empty), texts.get(mark), texts.bytes()), ("", "\u{FEFF}", 3));
    }
}
