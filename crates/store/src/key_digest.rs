//! What identifies a row of `crawl_items`, in addition to its spider and item type.
//!
//! An index cannot hold a key of any length, and items without a key need something that identifies them as well. So both
//! have a digest. If a page is parsed or flushed again, its items get the same digests.

use dragline_core::{Fingerprint, PageOutcome, PageState};
use sha2::{Digest, Sha256};

/// An item's digest.
pub(crate) type KeyDigest = [u8; 16];

/// Where an item without a key comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin {
    /// The page's item with this number.
    Item(usize),
    /// The item with this number that the spider emitted for a failed request. A retry of the request may give items of the page.
    Failure(usize),
    /// The dead letter with this id. The page may also have items.
    Letter(i64),
}

impl Origin {
    /// The origin of the page's item with this number. If the items are dead letters that are retried, `letters` has the id for
    /// each item.
    pub(crate) fn of(page: &PageOutcome, number: usize, letters: &[i64]) -> Self {
        match letters.get(number) {
            Some(id) => Self::Letter(*id),
            None if page.state == PageState::Failed => Self::Failure(number),
            None => Self::Item(number),
        }
    }
}

/// The digest of an item with a key.
pub(crate) fn of_key(key: &str) -> KeyDigest {
    shortened(Sha256::digest(key.as_bytes()).as_slice())
}

/// The digest of an item without a key.
pub(crate) fn of_origin(run_id: i64, page: &Fingerprint, origin: Origin) -> KeyDigest {
    let (kind, number) = match origin {
        Origin::Item(number) => (0_u8, number as u64),
        Origin::Letter(letter_id) => (1, letter_id.unsigned_abs()),
        Origin::Failure(number) => (2, number as u64),
    };
    let mut hasher = Sha256::new();
    // Each part has a fixed length, so two origins never give the same bytes.
    hasher.update(run_id.to_le_bytes());
    hasher.update(page.as_bytes());
    hasher.update([kind]);
    hasher.update(number.to_le_bytes());
    shortened(hasher.finalize().as_slice())
}

fn shortened(digest: &[u8]) -> KeyDigest {
    let mut bytes = KeyDigest::default();
    let length = bytes.len();
    bytes.copy_from_slice(&digest[..length]);
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_key_has_the_digest_that_schema_sql_describes() {
        // As `printf a | sha256sum` prints it.
        assert_eq!(of_key("a")[..4], [0xca, 0x97, 0x81, 0x12]);
        assert_ne!(of_key(&"a".repeat(10_000)), of_key(&"a".repeat(10_001)));
    }

    #[test]
    fn items_without_a_key_are_told_apart_by_where_they_come_from() {
        let [one, other] = [[1; 16], [2; 16]].map(|bytes| Fingerprint::from_bytes(&bytes).unwrap());
        let digests = [
            of_origin(1, &one, Origin::Item(0)),
            of_origin(1, &one, Origin::Item(1)),
            of_origin(1, &one, Origin::Letter(1)),
            of_origin(1, &one, Origin::Failure(1)),
            of_origin(1, &other, Origin::Item(0)),
            of_origin(2, &one, Origin::Item(0)),
        ];
        assert_eq!(digests.iter().collect::<BTreeSet<_>>().len(), digests.len());
        assert_eq!(of_origin(1, &one, Origin::Item(1)), digests[1], "the same page parsed again");
    }
}
