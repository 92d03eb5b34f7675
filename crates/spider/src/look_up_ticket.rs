//! What marks a request as a look-up.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::fingerprint::Fingerprint;

/// Marks a request as a look-up. The engine makes it, and reads it when the answer comes.
///
/// It is part of the fingerprint. Items that need the same answer have one request each, because each of them has to be filled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LookUpTicket {
    /// The name of the step.
    pub step: String,
    /// A digest of the page and of the key of the item. An item that two pages give is stored by both as it is, so it is filled
    /// after each.
    pub of: String,
}

impl LookUpTicket {
    /// The ticket for an item of this type and key, which this page gives.
    pub fn new(step: &str, page: Fingerprint, item: &str, key: &str) -> Self {
        let mut hasher = Sha256::new();
        for part in [page.as_bytes().as_slice(), item.as_bytes(), key.as_bytes()] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut of = String::new();
        for byte in &hasher.finalize()[..16] {
            // Writing to a String cannot fail.
            let _ = write!(of, "{byte:02x}");
        }
        Self { step: step.to_owned(), of }
    }

    /// The tag of the requests of a step. No page of a spider has it.
    pub fn tag(step: &str) -> String {
        format!("enrich:{step}")
    }
}
