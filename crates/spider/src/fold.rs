//! Text with white space folded: every run of it is one space, and none is left at the ends.

/// Joins pieces of text, and folds white space within them and between them.
#[derive(Default)]
pub(crate) struct Fold {
    folded: String,
    gap: bool,
}

impl Fold {
    /// The next piece.
    pub(crate) fn push(&mut self, mut piece: &str) {
        loop {
            let word = piece.trim_start();
            self.gap |= word.len() < piece.len();
            if word.is_empty() {
                return;
            }
            if self.gap && !self.folded.is_empty() {
                self.folded.push(' ');
            }
            self.gap = false;
            let end = end_of_word(word);
            self.folded.push_str(&word[..end]);
            piece = &word[end..];
        }
    }

    /// White space.
    pub(crate) fn gap(&mut self) {
        self.gap = true;
    }

    /// All pieces.
    pub(crate) fn finish(self) -> String {
        self.folded
    }
}

/// Where white space begins. ASCII is decided without a look at Unicode's tables.
fn end_of_word(text: &str) -> usize {
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            b'!'..=b'~' => at += 1,
            _ => match text[at..].chars().next() {
                Some(character) if !character.is_whitespace() => at += character.len_utf8(),
                _ => break,
            },
        }
    }
    at
}

/// The folded text of some pieces.
pub(crate) fn fold<'t>(pieces: impl Iterator<Item = &'t str>) -> String {
    let mut folded = Fold::default();
    pieces.for_each(|piece| folded.push(piece));
    folded.finish()
}

#[cfg(test)]
mod tests {
    use super::fold;
    use proptest::prelude::*;

    proptest! {
        /// Compares this with how the standard library splits at white space.
        #[test]
        fn folded_text_is_its_words(pieces in prop::collection::vec("[a-z \\n\u{a0}\u{2003}é€\u{1}\u{7f}]{0,8}", 0..6)) {
            let whole = pieces.concat();
            let expected = whole.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(fold(pieces.iter().map(String::as_str)), expected);
        }
    }
}
