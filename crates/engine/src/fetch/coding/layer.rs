//! One coding of a body that is undone, piece by piece, with what forgiveness a wrong label needs.

use bytes::{Bytes, BytesMut};
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};

use super::decoder::{Coding, Decoder, DetectedCoding, has_control, is_utf8};
use crate::fetch::errors::FetchError;

/// What is decoded at once.
pub(super) const PIECE_BYTES: usize = 32 << 10;
/// So much input that yields nothing is remembered: it may prove to be text.
const MAX_SILENT_BYTES: usize = 64 << 10;

/// One coding that is undone.
pub(super) struct Layer {
    coding: Coding,
    state: LayerState,
    input: Bytes,
    /// What was taken in and has yielded nothing; `None` once something came of it.
    silent: Option<Bytes>,
    /// Bytes that may still come in: much input that yields nothing is no page.
    room: usize,
    limit_bytes: usize,
    buffer: Box<[u8]>,
    /// Whether there may be more to come without further input.
    is_pending: bool,
}

enum LayerState {
    /// Too few bytes have come to tell what they are.
    Unknown,
    /// It was never coded.
    Plain,
    /// It is decoded.
    Coded(Decoder),
    /// A member has ended; another may follow.
    Between(Decoder),
    /// Whatever follows means nothing.
    Over,
}

impl Layer {
    /// For a body of which at most `max_bytes` may come.
    pub(super) fn new(coding: Coding, max_bytes: usize) -> Self {
        Self {
            coding,
            state: LayerState::Unknown,
            input: Bytes::new(),
            silent: Some(Bytes::new()),
            // What does not compress grows a little.
            room: max_bytes.saturating_mul(2),
            limit_bytes: max_bytes,
            buffer: Box::default(),
            is_pending: false,
        }
    }

    /// Which coding it is.
    pub(super) fn coding(&self) -> Coding {
        self.coding
    }

    /// Takes the next piece in.
    pub(super) fn feed(&mut self, piece: Bytes) -> Result<(), FetchError> {
        let excess = FetchError::TooLarge { limit_bytes: self.limit_bytes };
        self.room = self.room.checked_sub(piece.len()).ok_or(excess)?;
        // Something is left only while it is unknown what it is: a few bytes.
        self.input = joined(&self.input, piece);
        Ok(())
    }

    /// A piece, if one can be had of what was fed.
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
            // Without input this says that nothing was pending; what is really wrong is said again.
            Err(_) if self.input.is_empty() => false,
            Err(_) if self.is_text() => {
                self.take_as_plain();
                return Ok(None);
            }
            Err(error) => return Err(self.coding.undecodable(&error.to_string())),
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

    /// Begins another member.
    fn restart(&mut self) -> Result<(), FetchError> {
        if let LayerState::Between(mut decoder) = std::mem::replace(&mut self.state, LayerState::Over) {
            decoder.restart().map_err(|error| self.coding.undecodable(&error.to_string()))?;
            self.state = LayerState::Coded(decoder);
        }
        Ok(())
    }

    /// What is left when nothing more comes.
    pub(super) fn end(&mut self) -> Result<Option<Bytes>, FetchError> {
        match &self.state {
            // Less than the first bytes of its coding: it has none.
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
            LayerState::Coded(_) => {
                Err(FetchError::Truncated(format!("its {} is not complete", self.coding.name())))
            }
        }
    }

    /// Whether nothing has come of the input, and it reads like text: then somebody put a wrong label on it.
    fn is_text(&self) -> bool {
        let Some(silent) = &self.silent else { return false };
        !has_control(silent) && !has_control(&self.input) && is_utf8(&[&silent[..], &self.input[..]].concat())
    }

    fn take_as_plain(&mut self) {
        self.input = joined(&self.silent.take().unwrap_or_default(), self.input.split_off(0));
        self.state = LayerState::Plain;
    }
}

fn joined(first: &Bytes, second: Bytes) -> Bytes {
    if first.is_empty() {
        return second;
    }
    let mut both = BytesMut::from(&first[..]);
    both.extend_from_slice(&second);
    both.freeze()
}
