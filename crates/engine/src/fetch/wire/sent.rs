//! Follows what is written on a connection, so that it is known when a new request begins.

use memchr::memmem;

/// The longest head of a request that is followed. The client's own limits are far below.
const MAX_HEAD_BYTES: usize = 1 << 20;

/// The requests on a connection.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// The part of a head that has been written.
    head: Vec<u8>,
    /// What is left of its body.
    body_left: u64,
    /// The end of a request is not known. This can only be if a spider sets a strange header.
    is_lost: bool,
}

impl Sent {
    /// Takes bytes that were written. Returns whether a new request begins among them.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> bool {
        let mut has_begun = false;
        while !bytes.is_empty() && !self.is_lost {
            if self.body_left > 0 {
                let taken = usize::try_from(self.body_left).unwrap_or(usize::MAX).min(bytes.len());
                self.body_left -= taken as u64;
                bytes = &bytes[taken..];
                continue;
            }
            has_begun |= self.head.is_empty();
            // The end may lie across two pieces.
            let from = self.head.len().saturating_sub(3);
            let before = self.head.len();
            self.head.extend_from_slice(bytes);
            match memmem::find(&self.head[from..], b"\r\n\r\n") {
                Some(found) => {
                    let length = from + found + 4;
                    bytes = &bytes[length - before..];
                    match body_bytes(&self.head[..length]) {
                        Some(body) => self.body_left = body,
                        None => self.is_lost = true,
                    }
                    self.head.clear();
                }
                None => {
                    self.is_lost = self.head.len() > MAX_HEAD_BYTES;
                    bytes = &[];
                }
            }
        }
        has_begun
    }
}

/// The length of the body after this head; `None` if it has no number.
fn body_bytes(head: &[u8]) -> Option<u64> {
    let mut length = 0;
    for line in head.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            length = std::str::from_utf8(value).ok()?.parse().ok()?;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") || name.eq_ignore_ascii_case(b"upgrade") {
            return None;
        }
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_begins_where_the_one_before_ends() {
        let get = "GET / HTTP/1.1\r\nhost: a.example\r\n\r\n";
        let post = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n12\r\n\r";
        let all = [get, post, get, post].concat();
        let begins: Vec<usize> = [0, get.len(), get.len() + post.len(), 2 * get.len() + post.len()].into();
        for piece in [1, 2, 3, 7, 40] {
            let (mut sent, mut at, mut found) = (Sent::default(), 0, 0);
            for bytes in all.as_bytes().chunks(piece) {
                let expected = begins.iter().any(|begin| (at..at + bytes.len()).contains(begin));
                assert_eq!(sent.take(bytes), expected, "{piece} at {at}");
                found += usize::from(expected);
                at += bytes.len();
            }
            assert!(found > 1, "{piece}");
        }
    }

    #[test]
    fn a_request_without_a_known_end_is_the_last_that_is_followed() {
        let mut sent = Sent::default();
        assert!(sent.take(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"));
        assert!(!sent.take(b"GET / HTTP/1.1\r\n\r\n"));
    }
}
