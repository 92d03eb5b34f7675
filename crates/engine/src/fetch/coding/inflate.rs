//! Inflates (RFC 1951) data in the frame of gzip (RFC 1952) or zlib (RFC 1950), or without a frame.
//!
//! The library also has decoders for these frames, but they require the checksum at the end. Many servers leave it out, and
//! browsers accept this. So here a body is complete after its last block. If there is a checksum, it must be correct.

use std::io::{self, ErrorKind};

use adler2::Adler32;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::{DecodeV2, DeflateDecoder};
use crc32fast::Hasher;

/// The format does not limit the name and comment in the header of gzip.
const MAX_HEADER_BYTES: usize = 64 << 10;

/// The frame around the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Gzip,
    Zlib,
    None,
}

/// Inflates one member.
pub(super) struct Inflate {
    frame: Frame,
    blocks: DeflateDecoder,
    part: Part,
    /// The part of the header or trailer that has arrived.
    held: Vec<u8>,
    sum: Sum,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Header,
    Blocks,
    Trailer,
    End,
}

/// The checksum of the output.
enum Sum {
    Crc { crc: Hasher, bytes: u32 },
    Adler(Adler32),
    None,
}

impl Inflate {
    pub(super) fn new(frame: Frame) -> Self {
        Self {
            frame,
            blocks: DeflateDecoder::new(),
            part: Part::Header,
            held: Vec::new(),
            sum: Sum::of(frame),
        }
    }

    /// Starts the next member.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.blocks.reinit()?;
        self.part = Part::Header;
        self.held.clear();
        self.sum = Sum::of(self.frame);
        Ok(())
    }

    /// Whether all blocks have been decoded.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.part, Part::Trailer | Part::End)
    }

    /// Decodes as far as input and room allow. Returns whether the member has ended.
    pub(super) fn decode(
        &mut self,
        input: &mut PartialBuffer<&[u8]>,
        output: &mut WriteBuffer<'_>,
    ) -> io::Result<bool> {
        loop {
            match self.part {
                Part::Header => {
                    let before = self.held.len();
                    self.held.extend_from_slice(input.unwritten());
                    let Some(length) = self.frame.header_bytes(&self.held)? else {
                        input.advance(self.held.len() - before);
                        return Ok(false);
                    };
                    // Take only the rest of the header from the last piece. The blocks follow it.
                    input.advance(length.saturating_sub(before));
                    self.held.clear();
                    self.part = Part::Blocks;
                    if input.unwritten().is_empty() {
                        return Ok(false);
                    }
                }
                Part::Blocks => {
                    let prior = output.written_len();
                    let is_over = self.blocks.decode(input, output)?;
                    self.sum.update(&output.written()[prior..]);
                    if !is_over {
                        return Ok(false);
                    }
                    self.part = Part::Trailer;
                }
                Part::Trailer => {
                    let missing = self.frame.trailer_bytes() - self.held.len();
                    let rest = input.unwritten();
                    let taken = missing.min(rest.len());
                    self.held.extend_from_slice(&rest[..taken]);
                    input.advance(taken);
                    if taken < missing {
                        return Ok(false);
                    }
                    self.sum.check(&self.held)?;
                    self.part = Part::End;
                }
                Part::End => return Ok(true),
            }
        }
    }
}

impl Frame {
    fn trailer_bytes(self) -> usize {
        match self {
            Self::Gzip => 8,
            Self::Zlib => 4,
            Self::None => 0,
        }
    }

    /// The length of the header, if it is complete.
    fn header_bytes(self, start: &[u8]) -> io::Result<Option<usize>> {
        match self {
            Self::Gzip => gzip_header_bytes(start),
            Self::Zlib if start.get(1).is_some_and(|flags| flags & 0x20 != 0) => {
                Err(invalid("it needs a dictionary"))
            }
            Self::Zlib => Ok((start.len() >= 2).then_some(2)),
            Self::None => Ok(Some(0)),
        }
    }
}

/// RFC 1952 §2.3.
fn gzip_header_bytes(start: &[u8]) -> io::Result<Option<usize>> {
    let [_, _, method, flags, _, _, _, _, _, _, ..] = start else { return Ok(None) };
    if *method != 8 || flags & 0xe0 != 0 {
        return Err(invalid("its gzip header is invalid"));
    }
    let mut length = Some(10);
    let flag = |bit: u8| flags & 1 << bit != 0;
    if flag(2) {
        length = length.and_then(|at| match start.get(at..at + 2) {
            Some(&[low, high]) => Some(at + 2 + usize::from(u16::from_le_bytes([low, high]))),
            _ => None,
        });
    }
    for text in [3, 4] {
        if flag(text) {
            length =
                length.and_then(|at| Some(at + start.get(at..)?.iter().position(|byte| *byte == 0)? + 1));
        }
    }
    if flag(1) {
        length = length.map(|at| at + 2);
    }
    match length.filter(|length| *length <= start.len()) {
        None if start.len() > MAX_HEADER_BYTES => Err(invalid("its header does not end")),
        length => Ok(length),
    }
}

impl Sum {
    fn of(frame: Frame) -> Self {
        match frame {
            Frame::Gzip => Self::Crc { crc: Hasher::new(), bytes: 0 },
            Frame::Zlib => Self::Adler(Adler32::new()),
            Frame::None => Self::None,
        }
    }

    fn update(&mut self, piece: &[u8]) {
        match self {
            Self::Crc { crc, bytes } => {
                crc.update(piece);
                // RFC 1952 counts the size modulo 2^32.
                #[allow(clippy::cast_possible_truncation)]
                let more = piece.len() as u32;
                *bytes = bytes.wrapping_add(more);
            }
            Self::Adler(sum) => sum.write_slice(piece),
            Self::None => {}
        }
    }

    fn check(&self, trailer: &[u8]) -> io::Result<()> {
        let is_right = match self {
            Self::Crc { crc, bytes } => {
                let sum = crc.clone().finalize().to_le_bytes();
                trailer == [sum, bytes.to_le_bytes()].concat()
            }
            Self::Adler(sum) => trailer == sum.checksum().to_be_bytes(),
            Self::None => true,
        };
        if is_right { Ok(()) } else { Err(invalid("its checksum is wrong")) }
    }
}

fn invalid(problem: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, problem.to_owned())
}
