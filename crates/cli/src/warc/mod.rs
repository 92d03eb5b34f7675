//! WARC 1.1 (ISO 28500:2017, <https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/>): the file format of
//! web archives, as far as kept pages need it.

mod http_block;
mod reader;
mod writer;

pub(crate) use http_block::HttpBlock;
pub(crate) use reader::{Record, WarcFault, WarcReader};
pub(crate) use writer::{Compression, WarcWriter};

/// A header of the answer that no longer fits its body is written under its own name with this in front, as other archiving tools
/// do. The reader takes it away again.
pub(crate) const ORIGINAL: &str = "x-archive-orig-";
