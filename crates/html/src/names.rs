//! The names of elements and attributes.
//!
//! Making a name takes time. One with more than seven bytes is in a table that all threads share: each look-up computes a slow
//! hash, and may take a lock. So a page keeps the names that it has seen.

use html5ever::LocalName;

/// A name up to this length is found by its bytes as one number.
const SHORT_BYTES: usize = 7;
/// Pages rarely have more than a hundred different names of a kind. A name may push another one out.
const SLOTS: usize = 256;
/// A longer name is not kept, so that the table stays small.
const MAX_KEPT_BYTES: usize = 64;

/// The names that this page has seen.
pub(crate) struct Names {
    /// Empty until the first name comes, because many pages of an API are a few bytes.
    short: Vec<(u64, LocalName)>,
    long: Vec<Option<LocalName>>,
}

impl Names {
    pub(crate) fn new() -> Self {
        Self { short: Vec::new(), long: Vec::new() }
    }

    /// The name that is written at these bytes of the text. It must have no NUL.
    pub(crate) fn get(&mut self, text: &str, start: usize, end: usize) -> LocalName {
        let name = &text[start..end];
        if name.len() > SHORT_BYTES {
            return self.get_long(name);
        }
        let Some(word) = text.as_bytes()[start..].first_chunk().filter(|_| start < end) else {
            return LocalName::from(name);
        };
        let unused_bits = 64 - 8 * name.len();
        let number = u64::from_le_bytes(*word) << unused_bits >> unused_bits;
        let Some((known, found)) = self.short.get_mut(slot(number)) else {
            return self.first_short(name);
        };
        if *known != number {
            (*known, *found) = (number, LocalName::from(name));
        }
        found.clone()
    }

    #[cold]
    fn first_short(&mut self, name: &str) -> LocalName {
        // No name is the number 0, because no name has a NUL.
        self.short = vec![(0, LocalName::default()); SLOTS];
        LocalName::from(name)
    }

    #[cold]
    fn first_long(&mut self, name: &str) -> LocalName {
        self.long = vec![None; SLOTS];
        LocalName::from(name)
    }

    fn get_long(&mut self, name: &str) -> LocalName {
        if name.len() > MAX_KEPT_BYTES {
            return LocalName::from(name);
        }
        let word = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let (first, last) = (word(name.as_bytes().first_chunk()), word(name.as_bytes().last_chunk()));
        let slot = slot(first ^ last.rotate_left(23) ^ name.len() as u64);
        let Some(kept) = self.long.get_mut(slot) else { return self.first_long(name) };
        match kept {
            Some(known) if **known == *name => known.clone(),
            _ => kept.insert(LocalName::from(name)).clone(),
        }
    }
}

/// Where a name with this number is kept: a multiplicative hash, of which the upper bits are the best.
fn slot(number: u64) -> usize {
    (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_again_also_after_another_took_its_place() {
        let mut names = Names::new();
        let long = (0..3 * SLOTS).map(|number| format!("attribute-{number}"));
        let short = (0..3 * SLOTS).map(|number| format!("a{number}"));
        let mut all: Vec<String> = long.chain(short).collect();
        all.extend(["", "é", "1234567", "12345678", "blockquote"].map(str::to_owned));
        all.push("x".repeat(MAX_KEPT_BYTES + 1));
        for name in all.iter().chain(&all) {
            // What follows a name doesn't matter.
            for text in [name.clone(), format!("{name}>"), format!("{name} and more")] {
                assert_eq!(names.get(&text, 0, name.len()), LocalName::from(&**name), "{text}");
            }
        }
    }
}
