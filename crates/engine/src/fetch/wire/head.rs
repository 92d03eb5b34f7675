//! Cleans the head of an HTTP/1 answer: the invalid lines are left out, a folded line is joined, and the rest stays as it is.
//!
//! Browsers and curl read an answer with such lines. The lines that say where the body ends are an exception: if one of them is
//! damaged, two readers can disagree about the end of the body, so the answer is refused (RFC 9112 §11.2).

/// A head that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ReadHead {
    /// The head as valid HTTP; `None` if it was valid from the beginning.
    pub(super) cleaned: Option<Vec<u8>>,
    /// Lines that were left out.
    pub(super) skipped: usize,
    /// Whether it announces another head (RFC 9110 §15.2).
    pub(super) is_interim: bool,
}

/// The line that says where the body ends is damaged.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DamagedFraming;

/// The line before the current one, because the next one may continue it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    StartLine,
    Kept,
    Skipped,
}

/// Reads a head, from its start line to the empty line.
pub(super) fn read(head: &[u8]) -> Result<ReadHead, DamagedFraming> {
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let start = lines.by_ref().find(|line| !line.is_empty()).unwrap_or_default();
    let mut fields: Vec<(&[u8], Vec<u8>)> = Vec::new();
    let (mut before, mut skipped, mut is_valid) = (Before::StartLine, 0, true);
    for line in lines.filter(|line| !line.is_empty()) {
        let kept = if is_space(line[0]) {
            is_valid = false;
            match (before, fields.pop()) {
                (Before::Kept, Some((name, _))) if is_framing(name) => return Err(DamagedFraming),
                (Before::Kept, Some(_)) if has_control(trim(line)) => None,
                // RFC 9112 §5.2: a fold means a space.
                (Before::Kept, Some((name, value))) => Some((name, joined(value, trim(line)))),
                (_, last) => {
                    fields.extend(last);
                    if before == Before::Skipped {
                        // It belongs to the line that was left out.
                        continue;
                    }
                    None
                }
            }
        } else {
            let field = field(line);
            // RFC 9112 §5.1: the space before the colon is left out.
            is_valid &= field.is_some_and(|(name, _)| line.get(name.len()) == Some(&b':'));
            field.map(|(name, value)| (name, value.to_vec()))
        };
        before = match kept {
            Some(field) => {
                fields.push(field);
                Before::Kept
            }
            None if names_framing(line) => return Err(DamagedFraming),
            None => {
                skipped += 1;
                Before::Skipped
            }
        };
    }
    let status = start.get(9..12).filter(|status| status.iter().all(u8::is_ascii_digit));
    let is_interim = status.is_some_and(|status| status[0] == b'1' && status != b"101");
    let cleaned = (!is_valid).then(|| written(start, &fields));
    Ok(ReadHead { cleaned, skipped, is_interim })
}

/// Name and value of a valid line.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line[..colon].trim_ascii_end();
    let value = trim(&line[colon + 1..]);
    let is_valid = !name.is_empty() && name.iter().all(|byte| is_token(*byte)) && !has_control(value);
    is_valid.then_some((name, value))
}

fn joined(mut value: Vec<u8>, more: &[u8]) -> Vec<u8> {
    if !value.is_empty() && !more.is_empty() {
        value.push(b' ');
    }
    value.extend_from_slice(more);
    value
}

fn written(start: &[u8], fields: &[(&[u8], Vec<u8>)]) -> Vec<u8> {
    let mut head = Vec::new();
    head.extend_from_slice(start);
    head.extend_from_slice(b"\r\n");
    for (name, value) in fields {
        head.extend_from_slice(&[name, &b": "[..], value, b"\r\n"].concat());
    }
    head.extend_from_slice(b"\r\n");
    head
}

fn trim(text: &[u8]) -> &[u8] {
    let begin = text.iter().position(|byte| !is_space(*byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_space(*byte)).map_or(begin, |at| at + 1);
    &text[begin..end]
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 9110 §5.5. Bytes above 0x7f are allowed.
fn has_control(value: &[u8]) -> bool {
    value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t')
}

fn is_framing(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"transfer-encoding")
}

/// Whether another reader could take an invalid line, or what follows a CR in it, for one that says where the body ends.
fn names_framing(line: &[u8]) -> bool {
    line.split(|byte| *byte == b'\r').any(|part| {
        let name = part.split(|byte| *byte == b':').next().unwrap_or_default();
        let letters = name.iter().filter(|byte| is_token(**byte)).map(u8::to_ascii_lowercase);
        let letters: Vec<u8> = letters.collect();
        [&b"content-length"[..], b"transfer-encoding"]
            .iter()
            .any(|framing| letters.windows(framing.len()).any(|window| window == *framing))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(lines: &str) -> (String, usize) {
        let head = format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
        let read = read(head.as_bytes()).unwrap();
        let all = read.cleaned.map_or(head, |cleaned| String::from_utf8(cleaned).unwrap());
        let fields = all.strip_prefix("HTTP/1.1 200 OK\r\n").and_then(|rest| rest.strip_suffix("\r\n"));
        (fields.unwrap().replace("\r\n", "|"), read.skipped)
    }

    #[test]
    fn an_invalid_line_is_left_out_and_the_rest_is_kept() {
        for (lines, expected, skipped) in [
            ("A: 1\r\nB:2\r\n", "A: 1|B:2|", 0),
            ("A: 1\nB:\r\n", "A: 1\nB:|", 0),
            ("A: caf\u{e9}\tx\r\n", "A: caf\u{e9}\tx|", 0),
            ("Set-Cookie: a=\u{1}b\r\nSet-Cookie: c=d\r\n", "Set-Cookie: c=d|", 1),
            ("A: 1\r\nB: \u{7f}\r\n", "A: 1|", 1),
            ("A: 1\0\r\nB: 2\r\n", "B: 2|", 1),
            ("A: 1\rB: 2\r\nC: 3\r\n", "C: 3|", 1),
            ("A: 1\r\r\nB: 2\r\n", "B: 2|", 1),
            ("nonsense\r\nB: 2\r\n", "B: 2|", 1),
            (": nameless\r\nB: 2\r\n", "B: 2|", 1),
            ("a b: 1\r\n\u{e9}: 1\r\n\u{1}: 1\r\nB: 2\r\n", "B: 2|", 3),
            ("A : 1\r\nB\t: 2\r\n", "A: 1|B: 2|", 0),
            ("A\r\n: 1\r\nB: 2\r\n", "B: 2|", 2),
        ] {
            assert_eq!(cleaned(lines), (expected.to_owned(), skipped), "{lines:?}");
        }
    }

    #[test]
    fn a_fold_is_a_space() {
        for (lines, expected, skipped) in [
            ("A: 1\r\n 2\r\n\t 3 \r\nB: 4\r\n", "A: 1 2 3|B: 4|", 0),
            ("A:\r\n  1\r\nB: 2\r\n", "A: 1|B: 2|", 0),
            ("A: 1\r\n \r\n 2\r\n", "A: 1 2|", 0),
            ("A: 1\r\n B: 2\r\n", "A: 1 B: 2|", 0),
            // Before the first field, such a line belongs to nothing (RFC 9112 §2.2).
            (" B: 2\r\nC: 3\r\n", "C: 3|", 1),
            (" B: 2\r\n more\r\nC: 3\r\n", "C: 3|", 1),
            // A field is left out with all its lines.
            ("A: 1\u{1}\r\n 2\r\n 3\r\nB: 4\r\n", "B: 4|", 1),
            ("A: 1\r\n 2\u{1}\r\n 3\r\nB: 4\r\n", "B: 4|", 1),
        ] {
            assert_eq!(cleaned(lines), (expected.to_owned(), skipped), "{lines:?}");
        }
    }

    #[test]
    fn a_damaged_line_about_the_end_of_the_body_refuses_the_answer() {
        for line in [
            "Content-Length: 5\u{1}",
            "Content-Length 5",
            "Content-Length\r\n: 5",
            "Content-Length: 5\r\n 6",
            "Content-Length:\r\n 5",
            "Transfer-Encoding: chunked\0",
            "Transfer-Encoding: x\r\n chunked",
            "\u{1}Transfer-Encoding: chunked",
            "Transfer\u{1}-Encoding: chunked",
            "X Transfer-Encoding: chunked",
            " Transfer-Encoding: chunked",
            "X: 1\rTransfer-Encoding: chunked",
        ] {
            let head = format!("HTTP/1.1 200 OK\r\n{line}\r\nB: 2\r\n\r\n");
            assert_eq!(read(head.as_bytes()), Err(DamagedFraming), "{line:?}");
        }
        assert_eq!(cleaned("Content-Length : 5\r\n"), ("Content-Length: 5|".to_owned(), 0));
    }

    #[test]
    fn heads_before_the_answer_are_known() {
        let is_interim = |start: &str| read(format!("{start}\r\n\r\n").as_bytes()).unwrap().is_interim;
        for (start, expected) in [
            ("HTTP/1.1 100 Continue", true),
            ("HTTP/1.1 103", true),
            ("HTTP/1.1 199 Odd", true),
            ("HTTP/1.1 101 Switching Protocols", false),
            ("HTTP/1.1 200 OK", false),
            ("\r\nHTTP/1.1 100 Continue", true),
            ("HTTP/1.1 1", false),
        ] {
            assert_eq!(is_interim(start), expected, "{start}");
        }
    }
}
