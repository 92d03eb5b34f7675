//! How long the parts of a cookie may be (RFC 6265bis §5.6 and §5.7). Browsers have the same limits.

/// Of name and value together. A longer cookie is ignored.
pub(super) const MAX_PAIR_BYTES: usize = 4_096;
/// Of the value of an attribute. A longer attribute is ignored, and the cookie is not.
pub(super) const MAX_ATTRIBUTE_BYTES: usize = 1_024;

/// The text of a `Set-Cookie` header without the attributes that are too long. `None` if the cookie itself is.
pub(super) fn read(header: &[u8]) -> Option<String> {
    let mut parts = header.split(|byte| *byte == b';');
    let pair = parts.next().unwrap_or_default();
    let (name, value) = halves(pair);
    if name.len() + value.len() > MAX_PAIR_BYTES {
        return None;
    }
    let mut text = String::from_utf8_lossy(pair).into_owned();
    for attribute in parts.filter(|attribute| halves(attribute).1.len() <= MAX_ATTRIBUTE_BYTES) {
        text.push(';');
        text.push_str(&String::from_utf8_lossy(attribute));
    }
    Some(text)
}

/// What is before the first `=` and after it, without white space around either.
fn halves(part: &[u8]) -> (&[u8], &[u8]) {
    let at = part.iter().position(|byte| *byte == b'=').unwrap_or(part.len());
    let after = part.get(at + 1..).unwrap_or_default();
    (part[..at].trim_ascii(), after.trim_ascii())
}
