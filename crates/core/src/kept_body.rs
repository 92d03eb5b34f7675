//! A whole body as `--keep-pages` stores it: compressed, and named by its hash, so that a store has it once.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

use crate::earlier::BodyHash;

/// The level of zstd. docs/benchmarks.md compares it with others.
const LEVEL: i32 = 3;

thread_local! {
    // Each of them has buffers of some 100 KiB to 1 MiB, so a crawl thread keeps its own for all of its pages.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// People and files get a body of this size at most. A crawl has its own limit, and keeps nothing that is larger.
pub const MAX_SHOWN_BYTES: usize = 1 << 30;

/// A whole body, compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBody {
    hash: BodyHash,
    body_bytes: u64,
    frame: Vec<u8>,
}

/// Why a kept body cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeptBodyError {
    /// It is larger than the reader takes.
    #[error("the kept body has {bytes} bytes, and the limit is {max_bytes} (--max-body)")]
    TooLarge {
        /// Its length.
        bytes: u64,
        /// The limit.
        max_bytes: usize,
    },
    /// It was changed or cut off in the store.
    #[error("the kept body is damaged: {problem}; remove it with `runs prune`, and fetch its page again")]
    Damaged {
        /// What is wrong with it.
        problem: String,
    },
}

impl KeptBody {
    /// Compresses a body with this hash.
    ///
    /// # Errors
    /// If the system has not enough memory.
    pub fn pack(body: &[u8], hash: BodyHash) -> io::Result<Self> {
        COMPRESSOR.with_borrow_mut(|slot| {
            let compressor = match slot {
                Some(compressor) => compressor,
                None => slot.insert(compressor()?),
            };
            let mut frame = compressor.compress(body)?;
            // It was made for the worst case.
            frame.shrink_to_fit();
            Ok(Self { hash, body_bytes: body.len() as u64, frame })
        })
    }

    /// A body as a store has it.
    pub fn stored(hash: BodyHash, body_bytes: u64, frame: Vec<u8>) -> Self {
        Self { hash, body_bytes, frame }
    }

    /// The body, if it has no more than `max_bytes`.
    ///
    /// # Errors
    /// If it is larger, or if the frame is not that of such a body.
    pub fn read(&self, max_bytes: usize) -> Result<Vec<u8>, KeptBodyError> {
        let capacity = usize::try_from(self.body_bytes).ok().filter(|bytes| *bytes <= max_bytes);
        let Some(capacity) = capacity else {
            return Err(KeptBodyError::TooLarge { bytes: self.body_bytes, max_bytes });
        };
        let damaged = |problem: String| KeptBodyError::Damaged { problem };
        let body = DECOMPRESSOR.with_borrow_mut(|slot| {
            let decompressor = match slot {
                Some(decompressor) => decompressor,
                None => slot.insert(Decompressor::new()?),
            };
            decompressor.decompress(&self.frame, capacity)
        });
        let body = body.map_err(|error| damaged(error.to_string()))?;
        if body.len() != capacity {
            return Err(damaged(format!("it has {} bytes, and should have {capacity}", body.len())));
        }
        Ok(body)
    }

    /// SHA-256 of the body.
    pub fn hash(&self) -> &BodyHash {
        &self.hash
    }

    /// The length of the body.
    pub fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// One zstd frame, with a checksum.
    pub fn frame(&self) -> &[u8] {
        &self.frame
    }
}

fn compressor() -> io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(LEVEL)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    Ok(compressor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::earlier::body_hash;

    fn pack(body: &[u8]) -> KeptBody {
        KeptBody::pack(body, body_hash(body)).unwrap()
    }

    proptest! {
        #[test]
        fn a_body_comes_back_as_it_was(body in prop::collection::vec(any::<u8>(), 0..3000)) {
            let kept = pack(&body);
            prop_assert_eq!(kept.body_bytes(), body.len() as u64);
            prop_assert_eq!(kept.read(body.len()).unwrap(), body);
        }

        #[test]
        fn a_changed_byte_is_noticed(at in 0_usize..100, change in 1_u8..) {
            let body = b"<p>one</p><p>two</p><p>three</p>".repeat(20);
            let mut kept = pack(&body);
            let at = at % kept.frame.len();
            kept.frame[at] ^= change;
            match kept.read(1 << 20) {
                Err(KeptBodyError::Damaged { .. }) => {}
                // Some bits of the frame's header mean nothing.
                read => prop_assert_eq!(read.unwrap(), body),
            }
        }
    }

    #[test]
    fn text_gets_small_and_noise_hardly_grows() {
        assert!(pack(&b"<li class=item>".repeat(1000)).frame().len() < 100);
        let noise: Vec<u8> =
            (0..10_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        assert!(pack(&noise).frame().len() < noise.len() + 64);
        assert!(pack(b"").frame().len() < 32);
    }

    #[test]
    fn a_limit_holds_whatever_the_frame_says() {
        let kept = pack(&vec![0; 100_000]);
        let told = kept.read(99_999).unwrap_err();
        assert_eq!(told, KeptBodyError::TooLarge { bytes: 100_000, max_bytes: 99_999 });
        let understated = KeptBody::stored(*kept.hash(), 10, kept.frame().to_vec());
        let overstated = KeptBody::stored(*kept.hash(), 100_001, kept.frame().to_vec());
        for wrong in [understated, overstated] {
            assert!(matches!(wrong.read(1 << 20), Err(KeptBodyError::Damaged { .. })));
        }
    }
}
