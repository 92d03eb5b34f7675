//! The heads of the answers on an HTTP/1 connection. After a request was sent, the bytes are held until a head is complete. It is
//! cleaned, and then everything passes until the next request. Interim answers (1xx) end here: nobody wants to see them.

use bytes::{Buf, BytesMut};

use super::head::{self, DamagedFraming};

/// Most interim answers before an answer. A server that works for a minute sends a few; Go accepts five.
pub(super) const MAX_INTERIM_ANSWERS: usize = 100;
/// hyper reads no larger heads (the default of its `max_buf_size`), and has a clear error for them.
const MAX_HEAD_BYTES: usize = 8192 + 4096 * 100;

/// An answer that cannot be read, so it must not be asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::fetch) enum HeadProblem {
    #[error("the answer's header that says where the body ends is damaged")]
    Framing,
    #[error("more than {MAX_INTERIM_ANSWERS} interim answers (1xx) came before the answer")]
    Interim,
}

impl HeadProblem {
    /// Whether an error that has passed through the client was this one.
    pub(in crate::fetch) fn is_text(text: &str) -> bool {
        [Self::Framing, Self::Interim].iter().any(|problem| text.ends_with(&problem.to_string()))
    }
}

/// The answers of one connection.
#[derive(Debug, Default)]
pub(super) struct Heads {
    is_in_head: bool,
    held: BytesMut,
    /// Up to here, `held` has no end of a head.
    searched: usize,
    ready: BytesMut,
    interim: usize,
    skipped: usize,
}

impl Heads {
    /// A request was sent, so a head is next.
    pub(super) fn expect(&mut self) {
        self.is_in_head = true;
        (self.interim, self.skipped) = (0, 0);
    }

    /// Whether the bytes of the connection pass as they are.
    pub(super) fn are_passing(&self) -> bool {
        !self.is_in_head
    }

    /// What the client may read now.
    pub(super) fn ready(&mut self) -> &mut BytesMut {
        &mut self.ready
    }

    /// Lines that were left out of the last answer and the interim answers before it.
    pub(super) fn skipped(&self) -> usize {
        self.skipped
    }

    /// Takes bytes of the connection. Returns whether a head is complete.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<bool, HeadProblem> {
        self.held.extend_from_slice(bytes);
        while let Some(length) = self.end_of_head() {
            let read = head::read(&self.held[..length]).map_err(|DamagedFraming| HeadProblem::Framing)?;
            self.skipped += read.skipped;
            self.searched = 0;
            if !read.is_interim {
                if let Some(cleaned) = read.cleaned {
                    self.held.advance(length);
                    self.ready.extend_from_slice(&cleaned);
                }
                self.pass();
                return Ok(true);
            }
            self.held.advance(length);
            self.interim += 1;
            if self.interim > MAX_INTERIM_ANSWERS {
                return Err(HeadProblem::Interim);
            }
        }
        if self.held.len() > MAX_HEAD_BYTES || !begins_like_http(&self.held) {
            // The client has an error for this.
            self.pass();
        }
        Ok(false)
    }

    /// The connection has ended. The client gets the rest, and finds out that it is not complete.
    pub(super) fn end(&mut self) {
        self.pass();
    }

    fn pass(&mut self) {
        self.ready.unsplit(self.held.split());
        (self.is_in_head, self.searched) = (false, 0);
    }

    /// The length of the first head in `held`: up to an empty line, but not one before the start line.
    fn end_of_head(&mut self) -> Option<usize> {
        let begin = self.held.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
        let mut from = self.searched.max(begin);
        while let Some(found) = memchr::memchr(b'\n', &self.held[from..]) {
            let next = from + found + 1;
            match self.held[next..] {
                [b'\n', ..] => return Some(next + 1),
                [b'\r', b'\n', ..] => return Some(next + 2),
                [] | [b'\r'] => break,
                _ => from = next,
            }
        }
        // The last line may end in the next piece.
        self.searched = from;
        None
    }
}

fn begins_like_http(held: &[u8]) -> bool {
    let begin = held.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(held.len());
    let start = &held[begin..];
    start.iter().zip(b"HTTP/1.").all(|(byte, expected)| byte == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that the client reads of an answer that comes in pieces of this size.
    fn passed(answer: &[u8], piece: usize) -> Result<(Vec<u8>, usize), HeadProblem> {
        let mut heads = Heads::default();
        let mut all = Vec::new();
        heads.expect();
        for bytes in answer.chunks(piece) {
            if heads.are_passing() {
                all.extend_from_slice(bytes);
            } else {
                heads.take(bytes)?;
                all.extend_from_slice(&heads.ready().split());
            }
        }
        heads.end();
        all.extend_from_slice(&heads.ready().split());
        Ok((all, heads.skipped()))
    }

    #[test]
    fn only_the_head_is_changed_whatever_the_size_of_the_pieces() {
        let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nnonsense\r\n\r\n";
        let ok = "HTTP/1.1 200 OK\r\nA: 1\r\n\r\n";
        let body = "body\r\n\r\nHTTP/1.1 103 X\r\nnonsense\r\n\r\n";
        for (answer, expected, skipped) in [
            (format!("{ok}{body}"), format!("{ok}{body}"), 0),
            (format!("\r\n{ok}{body}"), format!("\r\n{ok}{body}"), 0),
            (format!("{hint}{hint}{ok}{body}"), format!("{ok}{body}"), 2),
            (
                format!("HTTP/1.1 200 OK\nbad\nA:  1\n 2\n\n{body}"),
                format!("HTTP/1.1 200 OK\r\nA: 1 2\r\n\r\n{body}"),
                1,
            ),
            ("HTTP/1.1 200 OK\r\nA: hal".to_owned(), "HTTP/1.1 200 OK\r\nA: hal".to_owned(), 0),
            ("SSH-2.0-x\r\n\r\nmore".to_owned(), "SSH-2.0-x\r\n\r\nmore".to_owned(), 0),
            ("\r\n\r\n".to_owned(), "\r\n\r\n".to_owned(), 0),
            (format!("HTTP/1.1 101 X\r\nnonsense\r\n\r\n{body}"), format!("HTTP/1.1 101 X\r\n\r\n{body}"), 1),
        ] {
            for piece in [1, 2, 3, 7, 1000] {
                let found = passed(answer.as_bytes(), piece).unwrap();
                let found = (String::from_utf8(found.0).unwrap(), found.1);
                assert_eq!(found, (expected.clone(), skipped), "{piece} at once: {answer:?}");
            }
        }
    }

    #[test]
    fn interim_answers_are_limited() {
        let hint = "HTTP/1.1 103 Early Hints\r\n\r\n";
        let ok = "HTTP/1.1 200 OK\r\n\r\n";
        let answer = |count| [hint.repeat(count), ok.to_owned()].concat();
        assert_eq!(passed(answer(100).as_bytes(), 999), Ok((ok.into(), 0)));
        assert_eq!(passed(answer(101).as_bytes(), 999), Err(HeadProblem::Interim));
    }

    #[test]
    fn a_head_without_end_is_left_to_the_client() {
        let answer = ["HTTP/1.1 200 OK\r\n", &"X-A: b\r\n".repeat(100_000)].concat();
        assert_eq!(passed(answer.as_bytes(), 9999), Ok((answer.into(), 0)));
    }
}
