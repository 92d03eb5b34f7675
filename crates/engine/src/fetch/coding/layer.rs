//! Decodes one coding of a body piece by piece, and tolerates wrong labels.

use std::io;

use bytes::{Bytes, BytesMut};
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};

use super::decoder::{Coding, Decoder, DetectedCoding, ZSTD_WINDOW_LOG, has_control, is_utf8};
use crate::fetch::errors::FetchError;
use crate::size_text::size_text;

/// Largest size of a decoded piece.
pub(super) const PIECE_BYTES: usize = 32 << 10;
/// Most members of one body. `bgzip` makes one of each 64 KiB, so a body of 64 MiB has some 1,000. Endless empty members cost time
/// and yield nothing.
pub(super) const MAX_MEMBERS: usize = 10_000;
/// How much input without output is remembered. It may turn out to be text.
const MAX_SILENT_BYTES: usize = 64 << 10;

/// One coding of a body.
pub(super) struct Layer {
    coding: Coding,
    state: LayerState,
    input: Bytes,
    /// Input that has yielded no output; `None` after the first output.
    silent: Option<Bytes>,
    /// Bytes of input that are still allowed, so that endless input without output is an error.
    room: usize,
    limit_bytes: usize,
    buffer: Box<[u8]>,
    /// Whether there may be more output without further input.
    is_pending: bool,
    /// Members that have begun after the first one.
    more_members: usize,
}

enum LayerState {
    /// Too few bytes have arrived to know the coding.
    Unknown,
    /// The body was never encoded.
    Plain,
    /// The body is being decoded.
    Coded(Decoder),
    /// A member has ended, and another may follow.
    Between(Decoder),
    /// The rest is ignored.
    Over,
}

impl Layer {
    /// A layer for a body of at most `max_bytes`.
    pub(super) fn new(coding: Coding, max_bytes: usize) -> Self {
        Self {
            coding,
            state: LayerState::Unknown,
            input: Bytes::new(),
            silent: Some(Bytes::new()),
            // Data that does not compress well becomes slightly larger.
            room: max_bytes.saturating_mul(2),
            limit_bytes: max_bytes,
            buffer: Box::default(),
            is_pending: false,
            more_members: 0,
        }
    }

    /// The coding.
    pub(super) fn coding(&self) -> Coding {
        self.coding
    }

    /// Adds the next piece of input.
    pub(super) fn feed(&mut self, piece: Bytes) -> Result<(), FetchError> {
        let excess = FetchError::TooLarge { limit_bytes: self.limit_bytes };
        self.room = self.room.checked_sub(piece.len()).ok_or(excess)?;
        // Only a few bytes can be left here, while the coding is unknown.
        self.input = joined(&self.input, piece);
        Ok(())
    }

    /// The next piece of output, if the input yields one.
    pub(super) fn produce(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            match &mut self.state {
                LayerState::Unknown => match self.coding.tell(&self.input) {
                    DetectedCoding::TooEarly => return Ok(None),
                    DetectedCoding::Plain => self.state = LayerState::Plain,
                    DetectedCoding::Coded(decoder) => self.state = LayerState::Coded(decoder),
                },
                LayerState::Plain => {
                    return Ok(Some(self.input.split_off(0)).filter(|piece| !piece.is_empty()));
                }
                LayerState::Coded(_) if self.input.is_empty() && !self.is_pending => return Ok(None),
                LayerState::Coded(_) => {
                    if let Some(piece) = self.decode()? {
                        return Ok(Some(piece));
                    }
                }
                LayerState::Between(decoder) => match decoder.goes_on_with(&self.input) {
                    None => return Ok(None),
                    Some(true) => self.restart()?,
                    Some(false) => self.state = LayerState::Over,
                },
                LayerState::Over => {
                    self.input.clear();
                    return Ok(None);
                }
            }
        }
    }

    /// Decodes once.
    fn decode(&mut self) -> Result<Option<Bytes>, FetchError> {
        let LayerState::Coded(decoder) = &mut self.state else { return Ok(None) };
        if self.buffer.is_empty() {
            self.buffer = vec![0; PIECE_BYTES].into_boxed_slice();
        }
        let mut input = PartialBuffer::new(&self.input[..]);
        let mut output = WriteBuffer::new_initialized(&mut self.buffer);
        let is_at_end = match decoder.decode(&mut input, &mut output) {
            Ok(is_at_end) => is_at_end,
            // Without input, the error only means that nothing was pending. A real error comes again.
            Err(_) if self.input.is_empty() => false,
            Err(_) if self.is_text() => {
                self.take_as_plain();
                return Ok(None);
            }
            Err(error) => return Err(self.coding.undecodable(&plain_words(&error))),
        };
        let (used, made) = (input.written_len(), output.written_len());
        self.is_pending = output.has_no_spare_space() && !is_at_end;
        if used == 0 && made == 0 && !self.input.is_empty() && !is_at_end {
            return Err(self.coding.undecodable("it makes no progress"));
        }
        let taken = self.input.split_to(used);
        if made == 0 {
            let silent = self.silent.take().map(|silent| joined(&silent, taken));
            self.silent = silent.filter(|silent| silent.len() <= MAX_SILENT_BYTES);
        } else {
            self.silent = None;
        }
        if is_at_end && let LayerState::Coded(decoder) = std::mem::replace(&mut self.state, LayerState::Over)
        {
            self.state = LayerState::Between(decoder);
        }
        Ok((made > 0).then(|| Bytes::copy_from_slice(&self.buffer[..made])))
    }

    /// Starts the next member.
    fn restart(&mut self) -> Result<(), FetchError> {
        self.more_members += 1;
        if self.more_members >= MAX_MEMBERS {
            return Err(self.coding.undecodable(&format!("it has more than {MAX_MEMBERS} members")));
        }
        if let LayerState::Between(mut decoder) = std::mem::replace(&mut self.state, LayerState::Over) {
            decoder.restart().map_err(|error| self.coding.undecodable(&error.to_string()))?;
            self.state = LayerState::Coded(decoder);
        }
        Ok(())
    }

    /// The last piece of output, after the end of the input.
    pub(super) fn end(&mut self) -> Result<Option<Bytes>, FetchError> {
        match &self.state {
            // A body that is too short for its coding was never encoded.
            LayerState::Unknown | LayerState::Plain => {
                self.state = LayerState::Plain;
                self.produce()
            }
            LayerState::Between(_) | LayerState::Over => Ok(None),
            LayerState::Coded(decoder) if decoder.is_whole() => Ok(None),
            LayerState::Coded(_) if self.is_text() => {
                self.take_as_plain();
                self.produce()
            }
            LayerState::Coded(_) => Err(FetchError::CutOff { coding: self.coding.name(), is_as_sent: false }),
        }
    }

    /// Whether the input has yielded no output and looks like text, so its label is wrong.
    fn is_text(&self) -> bool {
        let Some(silent) = &self.silent else { return false };
        !has_control(silent) && !has_control(&self.input) && is_utf8(&[&silent[..], &self.input[..]].concat())
    }

    fn take_as_plain(&mut self) {
        self.input = joined(&self.silent.take().unwrap_or_default(), self.input.split_off(0));
        self.state = LayerState::Plain;
    }
}

/// The library's error in plain words.
fn plain_words(error: &io::Error) -> String {
    let text = error.to_string();
    // This error can only be recognized by its text (ZSTD_error_frameParameter_windowTooLarge).
    if text == "Frame requires too much memory for decoding" {
        let most = size_text(1 << ZSTD_WINDOW_LOG);
        return format!("it needs a window larger than {most}, which no client has to support (RFC 9659)");
    }
    text
}

fn joined(first: &Bytes, second: Bytes) -> Bytes {
    if first.is_empty() {
        return second;
    }
    let mut both = BytesMut::from(&first[..]);
    both.extend_from_slice(&second);
    both.freeze()
}
