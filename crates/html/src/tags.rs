//! What begins with `<`: tags, and where they lead to comments and declarations.

use html5ever::LocalName;
use html5ever::tokenizer::{TagKind, TokenSink};

use crate::bytes::{CHANGES_IN_NAME, ENDS_TAG_NAME, SPACE, class, scan};
use crate::tokenizer::{Tokenizer, TooManyAttributes};

impl<Sink: TokenSink> Tokenizer<'_, Sink> {
    /// Reads what begins at the `<` at `start`. The byte after it says that it is not text.
    pub(crate) fn markup(&mut self, start: usize) -> Result<(), TooManyAttributes> {
        let after = start + 2;
        match self.bytes[start + 1] {
            b'!' => self.declaration(after),
            b'?' => self.bogus_comment(start + 1),
            b'/' => match self.bytes[after] {
                b'>' => self.at = after + 1,
                next if next.is_ascii_alphabetic() => return self.tag(TagKind::EndTag, after),
                _ => self.bogus_comment(after),
            },
            _ => return self.tag(TagKind::StartTag, start + 1),
        }
        Ok(())
    }

    /// Reads a tag whose name begins here. A tag that the file ends in is not a token.
    pub(crate) fn tag(&mut self, kind: TagKind, start: usize) -> Result<(), TooManyAttributes> {
        let (name_end, seen) = scan(self.bytes, start, ENDS_TAG_NAME);
        let mut at = name_end;
        let self_closing = loop {
            let Some(&byte) = self.bytes.get(at) else {
                self.attributes.clear();
                self.at = at;
                return Ok(());
            };
            match byte {
                b'>' => break false,
                b'/' if self.bytes.get(at + 1) == Some(&b'>') => {
                    at += 1;
                    break true;
                }
                b'/' => at += 1,
                _ if class(byte) & SPACE != 0 => at += 1,
                _ => at = self.attribute(kind, at)?,
            }
        };
        self.at = at + 1;
        let name = self.name(start, name_end, seen);
        self.send_tag(kind, name, &self.text[start..name_end], self_closing);
        Ok(())
    }

    /// The name that is written here, in lower case. `seen` are the classes of its bytes.
    pub(crate) fn name(&mut self, start: usize, end: usize, seen: u8) -> LocalName {
        if seen & CHANGES_IN_NAME == 0 {
            return self.names.get(self.text, start, end);
        }
        let name = self.text[start..end].to_ascii_lowercase().replace('\0', "\u{FFFD}");
        self.names.get(&name, 0, name.len())
    }
}
