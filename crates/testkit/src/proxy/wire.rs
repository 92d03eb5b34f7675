//! As much of the frontend's side of the protocol as the strikes need (`PostgreSQL` manual, "Message Formats").

/// The version in a start-up message, as opposed to the codes of other untyped messages (SSL, cancel).
const PROTOCOL_3: u8 = 3;
/// The text of the query, as it is sent.
const COMMIT: &[u8] = b"COMMIT\0";

/// Reads along with what a client sends, in pieces of any size.
#[derive(Debug, Default)]
pub(super) struct Frontend {
    /// Messages have a type from the start-up message on.
    typed: bool,
    head: Vec<u8>,
    kind: u8,
    /// Bytes of the message's body that have not come yet.
    left: usize,
    query: Vec<u8>,
}

/// Something that came with a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Rows of a COPY.
    CopyData {
        /// Where in the piece they begin.
        at: usize,
        /// How many of them are in the piece.
        bytes: usize,
    },
    /// The end of a COPY, good or bad.
    CopyEnd,
    /// The simple query `COMMIT`, whole.
    Commit,
}

impl Frontend {
    /// Reads a piece.
    pub(super) fn read(&mut self, piece: &[u8]) -> Vec<Seen> {
        let mut seen = Vec::new();
        let mut at = 0;
        while at < piece.len() {
            if self.left == 0 {
                self.head.push(piece[at]);
                at += 1;
                self.begin_message(&mut seen);
                continue;
            }
            let bytes = self.left.min(piece.len() - at);
            match self.kind {
                b'd' => seen.push(Seen::CopyData { at, bytes }),
                b'Q' if self.query.len() < COMMIT.len() + 1 => {
                    self.query.extend_from_slice(&piece[at..at + bytes]);
                }
                _ => {}
            }
            at += bytes;
            self.left -= bytes;
            if self.left == 0 && self.kind == b'Q' && self.query == COMMIT {
                seen.push(Seen::Commit);
            }
        }
        seen
    }

    /// Once the head is whole: what follows.
    fn begin_message(&mut self, seen: &mut Vec<Seen>) {
        // Untyped: length, code. Typed: type, length. The length counts itself.
        let (kind, length, counted) = match (self.typed, self.head.as_slice()) {
            (false, [a, b, c, d, major_high, major, _, _]) => {
                self.typed = *major_high == 0 && *major == PROTOCOL_3;
                (0, [*a, *b, *c, *d], 8)
            }
            (true, [kind, a, b, c, d]) => (*kind, [*a, *b, *c, *d], 4),
            _ => return,
        };
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        self.kind = kind;
        self.left = length.saturating_sub(counted);
        self.head.clear();
        self.query.clear();
        if matches!(kind, b'c' | b'f') {
            seen.push(Seen::CopyEnd);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind], length.as_slice(), body].concat()
    }

    fn conversation() -> Vec<u8> {
        let start = [0, 0, 0, 12, 0, 3, 0, 0, b'u', 0, b'x', 0];
        let ssl = [0, 0, 0, 8, 4, 210, 22, 47];
        [
            ssl.to_vec(),
            start.to_vec(),
            message(b'Q', b"BEGIN\0"),
            message(b'd', b"a row of eight"),
            message(b'c', b""),
            message(b'Q', b"COMMIT and more\0"),
            message(b'Q', b"COMMIT\0"),
        ]
        .concat()
    }

    #[test]
    fn rows_and_commits_are_seen() {
        let seen = Frontend::default().read(&conversation());
        assert!(
            matches!(seen.as_slice(), [Seen::CopyData { bytes: 14, .. }, Seen::CopyEnd, Seen::Commit]),
            "{seen:?}"
        );
    }

    #[test]
    fn pieces_may_be_cut_anywhere() {
        let mut frontend = Frontend::default();
        let seen: Vec<Seen> = conversation().iter().flat_map(|byte| frontend.read(&[*byte])).collect();
        let rows = seen.iter().filter(|seen| matches!(seen, Seen::CopyData { bytes: 1, .. })).count();
        assert_eq!(rows, 14);
        assert_eq!(seen.iter().filter(|seen| **seen == Seen::Commit).count(), 1);
    }
}
