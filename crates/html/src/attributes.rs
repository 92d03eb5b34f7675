//! The attributes of a tag.

use std::collections::HashSet;
use std::mem;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{TagKind, TokenSink};
use html5ever::{Attribute, LocalName, QualName, ns};
use memchr::{memchr, memchr2, memchr3};

use crate::bytes::{CHANGES_IN_VALUE, ENDS_ATTRIBUTE_NAME, ENDS_UNQUOTED_VALUE, class, scan, skip_space};
use crate::references::Place;
use crate::tokenizer::{Tokenizer, TooManyAttributes};

/// Up to here, comparing a new name with each earlier one takes less time than hashing it.
const FEW: usize = 24;

impl<Sink: TokenSink> Tokenizer<'_, Sink> {
    /// Reads the attribute that begins here. Returns where to go on. An end tag's attributes are not kept.
    pub(crate) fn attribute(&mut self, kind: TagKind, start: usize) -> Result<usize, TooManyAttributes> {
        // A `=` at the beginning belongs to the name.
        let (name_end, seen) = scan(self.bytes, start + 1, ENDS_ATTRIBUTE_NAME);
        let seen = seen | class(self.bytes[start]);
        let after_name = skip_space(self.bytes, name_end);
        let (value, end) = if self.bytes.get(after_name) == Some(&b'=') {
            self.value(skip_space(self.bytes, after_name + 1))
        } else {
            (StrTendril::new(), after_name)
        };
        if kind == TagKind::StartTag {
            let name = self.name(start, name_end, seen);
            self.attributes.add(name, value)?;
        }
        Ok(end)
    }

    /// The value that begins here, and where to go on.
    fn value(&self, start: usize) -> (StrTendril, usize) {
        match self.bytes.get(start) {
            Some(quote @ (b'"' | b'\'')) => self.quoted(start + 1, *quote),
            Some(_) => {
                let (end, seen) = scan(self.bytes, start, ENDS_UNQUOTED_VALUE);
                let value = if seen & CHANGES_IN_VALUE == 0 {
                    self.part(start, end)
                } else {
                    self.expanded(start, end, Place::Attribute)
                };
                (value, end)
            }
            None => (StrTendril::new(), start),
        }
    }

    fn quoted(&self, start: usize, quote: u8) -> (StrTendril, usize) {
        let rest = &self.bytes[start..];
        let found = if self.has_nul { memchr3(quote, b'&', 0, rest) } else { memchr2(quote, b'&', rest) };
        match found {
            Some(found) if rest[found] == quote => {
                let end = start + found;
                (self.part(start, end), end + 1)
            }
            Some(found) => match memchr(quote, &rest[found..]) {
                Some(more) => {
                    let end = start + found + more;
                    (self.expanded(start, end, Place::Attribute), end + 1)
                }
                None => (StrTendril::new(), self.bytes.len()),
            },
            None => (StrTendril::new(), self.bytes.len()),
        }
    }
}

/// The attributes of the tag that is read now. The first of several with the same name counts.
pub(crate) struct Attributes {
    list: Vec<Attribute>,
    /// Their names, if they are more than a few.
    names: HashSet<LocalName>,
    had_duplicates: bool,
    max: usize,
}

impl Default for Attributes {
    fn default() -> Self {
        Self { list: Vec::new(), names: HashSet::new(), had_duplicates: false, max: usize::MAX }
    }
}

impl Attributes {
    pub(crate) fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    pub(crate) fn add(&mut self, name: LocalName, value: StrTendril) -> Result<(), TooManyAttributes> {
        if self.has(&name) {
            self.had_duplicates = true;
            return Ok(());
        }
        if self.list.len() >= self.max {
            return Err(TooManyAttributes);
        }
        self.list.push(Attribute { name: QualName::new(None, ns!(), name), value });
        Ok(())
    }

    fn has(&mut self, name: &LocalName) -> bool {
        if self.list.len() < FEW {
            return self.list.iter().any(|known| known.name.local == *name);
        }
        if self.names.is_empty() {
            self.names.extend(self.list.iter().map(|known| known.name.local.clone()));
        }
        !self.names.insert(name.clone())
    }

    /// The attributes, and whether there were several with the same name.
    pub(crate) fn take(&mut self) -> (Vec<Attribute>, bool) {
        if self.list.is_empty() {
            return (Vec::new(), false);
        }
        // The list is kept for the next tag. The token gets one without unused room, because it stays in the tree.
        let mut exact = Vec::with_capacity(self.list.len());
        exact.append(&mut self.list);
        if !self.names.is_empty() {
            self.names = HashSet::new();
        }
        (exact, mem::take(&mut self.had_duplicates))
    }

    pub(crate) fn clear(&mut self) {
        self.take();
    }
}
