//! Counts the heads that an HTTP/2 server sends for each request, because interim answers (1xx) are heads too.

use std::collections::HashMap;

use super::heads::{HeadProblem, MAX_INTERIM_ANSWERS};

/// The first bytes of a frame: length, type, flags, stream (RFC 9113 §4.1).
const HEAD_BYTES: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const END_STREAM: u8 = 1;
/// Most requests on one connection whose heads are counted. A client has far fewer in flight, but it may have given some up.
const MAX_STREAMS: usize = 10_000;

/// The frames of a connection.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; HEAD_BYTES],
    held: usize,
    /// What is left of the frame's content.
    content_left: usize,
    /// Heads by stream.
    heads: HashMap<u32, usize>,
}

impl Frames {
    /// Takes bytes of the connection.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Result<(), HeadProblem> {
        while !bytes.is_empty() {
            if self.content_left > 0 {
                let taken = self.content_left.min(bytes.len());
                self.content_left -= taken;
                bytes = &bytes[taken..];
                continue;
            }
            let taken = (HEAD_BYTES - self.held).min(bytes.len());
            self.head[self.held..self.held + taken].copy_from_slice(&bytes[..taken]);
            self.held += taken;
            bytes = &bytes[taken..];
            if self.held == HEAD_BYTES {
                self.held = 0;
                self.begin()?;
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), HeadProblem> {
        let [high, middle, low, kind, flags, stream @ ..] = self.head;
        self.content_left = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        let stream = u32::from_be_bytes(stream);
        let is_end = matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0;
        if is_end || kind == RST_STREAM {
            self.heads.remove(&stream);
        } else if kind == HEADERS {
            if self.heads.len() >= MAX_STREAMS {
                self.heads.clear();
            }
            let heads = self.heads.entry(stream).or_default();
            *heads += 1;
            // One more is the head of the answer itself.
            if *heads > MAX_INTERIM_ANSWERS + 1 {
                return Err(HeadProblem::Interim);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, stream], content].concat()
    }

    fn taken(frames: &[Vec<u8>]) -> Result<(), HeadProblem> {
        let all = frames.concat();
        for piece in [1, 5, 1000] {
            let mut counted = Frames::default();
            for bytes in all.chunks(piece) {
                counted.take(bytes)?;
            }
        }
        Ok(())
    }

    #[test]
    fn interim_answers_are_counted_by_request() {
        let head = |stream| frame(HEADERS, 0, stream, b"\x88");
        assert_eq!(taken(&vec![head(1); 101]), Ok(()));
        assert_eq!(taken(&vec![head(1); 102]), Err(HeadProblem::Interim));
        assert_eq!(taken(&[vec![head(1); 101], vec![head(3); 101]].concat()), Ok(()));
        let whole = [head(1), frame(DATA, 0, 1, &[1; 200]), frame(DATA, END_STREAM, 1, b"")];
        assert_eq!(taken(&vec![whole.concat(); 200]), Ok(()));
    }
}
