//! Pages that want memory: fifty-odd kinds, each as large as a body may be.
//!
//! Most of them are cheap to send. What they become (text in another encoding, a tree, texts of an item, rows) is many
//! times as large, unless somebody counts.

mod coded;
mod markup;
mod written;

use crate::site::Answer;

/// A kind of hostile page.
#[derive(Clone, Copy, Debug)]
pub struct HostilePage {
    /// Its name, which is also the last part of its path.
    pub name: &'static str,
    content_type: &'static str,
    coding: Option<coded::Coding>,
    body: fn(usize) -> Vec<u8>,
}

impl HostilePage {
    /// All kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        [written::PAGES, markup::PAGES, coded::PAGES].into_iter().flatten().copied()
    }

    /// The kind of this name.
    ///
    /// # Panics
    /// If no page has this name.
    pub fn named(name: &str) -> Self {
        Self::all().find(|page| page.name == name).unwrap_or_else(|| panic!("no hostile page {name:?}"))
    }

    /// The page with about `bytes` bytes after decompression, and never more.
    pub fn answer(&self, bytes: usize) -> Answer {
        let mut body = (self.body)(bytes);
        body.truncate(bytes);
        let answer = Answer::new(200).header("Content-Type", self.content_type);
        match self.coding {
            Some(coding) => answer.header("Content-Encoding", coding.name()).body(coding.encode(&body)),
            None => answer.body(body),
        }
    }

    const fn html(name: &'static str, body: fn(usize) -> Vec<u8>) -> Self {
        Self::of_type(name, "text/html; charset=utf-8", body)
    }

    const fn of_type(name: &'static str, content_type: &'static str, body: fn(usize) -> Vec<u8>) -> Self {
        Self { name, content_type, coding: None, body }
    }
}

/// `before`, then `unit` again and again, then `after`: `bytes` bytes together.
fn filled(bytes: usize, before: &str, unit: &[u8], after: &str) -> Vec<u8> {
    let room = bytes.saturating_sub(before.len() + after.len());
    let mut body = Vec::with_capacity(bytes);
    body.extend_from_slice(before.as_bytes());
    body.extend_from_slice(&unit.repeat(room / unit.len()));
    body.extend_from_slice(after.as_bytes());
    body
}

/// Units with a number each.
fn numbered(bytes: usize, before: &str, unit: impl Fn(usize) -> String) -> Vec<u8> {
    let mut body = Vec::with_capacity(bytes + 1024);
    body.extend_from_slice(before.as_bytes());
    let mut number = 0;
    while body.len() < bytes {
        body.extend_from_slice(unit(number).as_bytes());
        number += 1;
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn there_are_fifty_kinds_and_none_is_larger_than_asked() {
        let names: BTreeSet<&str> = HostilePage::all().map(|page| page.name).collect();
        assert!(names.len() >= 50 && names.len() == HostilePage::all().count(), "{}", names.len());
        for page in HostilePage::all() {
            let body = (page.body)(10_000);
            assert!(body.len() > 4_000, "{}: {} bytes", page.name, body.len());
        }
    }
}
