//! What each byte means in a tag.

/// Tab, line feed, form feed, space. There is no CR: the input has none.
pub(crate) const SPACE: u8 = 1;
/// White space, `/`, `>`.
pub(crate) const ENDS_TAG_NAME: u8 = 2;
/// White space, `/`, `>`, `=`.
pub(crate) const ENDS_ATTRIBUTE_NAME: u8 = 4;
/// White space, `>`.
pub(crate) const ENDS_UNQUOTED_VALUE: u8 = 8;
/// A name with one of these is written differently: upper-case letters, NUL.
pub(crate) const CHANGES_IN_NAME: u8 = 16;
/// A value with one of these may be written differently: `&`, NUL.
pub(crate) const CHANGES_IN_VALUE: u8 = 32;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let spaces = [b'\t', b'\n', 0x0C, b' '];
    let mut index = 0;
    while index < spaces.len() {
        classes[spaces[index] as usize] = SPACE | ENDS_TAG_NAME | ENDS_ATTRIBUTE_NAME | ENDS_UNQUOTED_VALUE;
        index += 1;
    }
    classes[b'/' as usize] = ENDS_TAG_NAME | ENDS_ATTRIBUTE_NAME;
    classes[b'>' as usize] = ENDS_TAG_NAME | ENDS_ATTRIBUTE_NAME | ENDS_UNQUOTED_VALUE;
    classes[b'=' as usize] = ENDS_ATTRIBUTE_NAME;
    classes[b'&' as usize] = CHANGES_IN_VALUE;
    classes[0] = CHANGES_IN_NAME | CHANGES_IN_VALUE;
    let mut letter = b'A';
    while letter <= b'Z' {
        classes[letter as usize] = CHANGES_IN_NAME;
        letter += 1;
    }
    classes
}

/// The classes of a byte.
pub(crate) fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

/// The position of the first byte of this class from `from` on, or else the end. Also the classes of all bytes before it.
pub(crate) fn scan(bytes: &[u8], from: usize, wanted: u8) -> (usize, u8) {
    let mut seen = 0;
    for (offset, byte) in bytes[from..].iter().enumerate() {
        let class = class(*byte);
        if class & wanted != 0 {
            return (from + offset, seen);
        }
        seen |= class;
    }
    (bytes.len(), seen)
}

/// The position of the first byte from `from` on that is not white space, or else the end.
pub(crate) fn skip_space(bytes: &[u8], from: usize) -> usize {
    let spaces = bytes[from..].iter().take_while(|byte| class(**byte) & SPACE != 0).count();
    from + spaces
}
