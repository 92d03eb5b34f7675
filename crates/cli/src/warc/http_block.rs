//! The block of a response record: an HTTP answer as it was received.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::ORIGINAL;

/// An answer in its parts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HttpBlock {
    /// Its status.
    pub(crate) status: u16,
    /// Its headers. An invalid line is left out, as in a crawl.
    pub(crate) headers: HeaderMap,
    /// Its body, without the transfer coding.
    pub(crate) body: Vec<u8>,
}

impl HttpBlock {
    /// Reads a block.
    ///
    /// # Errors
    /// A message if it does not begin like an answer of HTTP.
    pub(crate) fn parse(block: &[u8]) -> Result<Self, String> {
        let mut rest = block;
        let status_line = take_line(&mut rest).ok_or("its HTTP answer has no status line")?;
        let status = status(status_line).ok_or_else(|| {
            format!(
                "its status line is {:?}",
                String::from_utf8_lossy(&status_line[..status_line.len().min(40)])
            )
        })?;
        let mut headers = HeaderMap::new();
        let mut last: Option<HeaderName> = None;
        while let Some(line) = take_line(&mut rest).filter(|line| !line.is_empty()) {
            if line.starts_with(b" ") || line.starts_with(b"\t") {
                continue_header(&mut headers, last.as_ref(), line);
                continue;
            }
            last = add_header(&mut headers, line);
        }
        restore_originals(&mut headers);
        let body = if is_chunked(&headers) {
            // Many tools write the body without the chunks, but leave the header.
            unchunked(rest).unwrap_or_else(|| rest.to_vec())
        } else {
            rest.to_vec()
        };
        headers.remove(header::TRANSFER_ENCODING);
        Ok(Self { status, headers, body })
    }
}

/// The next line without its end. `None` at the end of the block.
fn take_line<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    if rest.is_empty() {
        return None;
    }
    let end = rest.iter().position(|byte| *byte == b'\n');
    let (line, after) = end.map_or((*rest, &[][..]), |end| (&rest[..end], &rest[end + 1..]));
    *rest = after;
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

fn status(line: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(line).ok()?.strip_prefix("HTTP/")?;
    let status = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
    (100..=999).contains(&status).then_some(status)
}

fn add_header(headers: &mut HeaderMap, line: &[u8]) -> Option<HeaderName> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = HeaderName::from_bytes(&line[..colon]).ok()?;
    let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
    headers.append(name.clone(), value);
    Some(name)
}

/// A line that begins with a space belongs to the header before it.
fn continue_header(headers: &mut HeaderMap, last: Option<&HeaderName>, line: &[u8]) {
    let Some(name) = last else { return };
    let mut values: Vec<HeaderValue> = headers.get_all(name).iter().cloned().collect();
    let Some(value) = values.pop() else { return };
    let joined = [value.as_bytes(), b" ", line.trim_ascii()].concat();
    values.push(HeaderValue::from_bytes(&joined).unwrap_or(value));
    headers.remove(name);
    for value in values {
        headers.append(name.clone(), value);
    }
}

/// Headers that an export has put aside get their names back. They describe a transfer that the body no longer needs.
fn restore_originals(headers: &mut HeaderMap) {
    let aside: Vec<(HeaderName, HeaderName)> = headers
        .keys()
        .filter_map(|name| {
            let original = name.as_str().strip_prefix(ORIGINAL)?;
            Some((name.clone(), HeaderName::from_bytes(original.as_bytes()).ok()?))
        })
        .collect();
    if aside.is_empty() {
        return;
    }
    headers.remove(header::CONTENT_LENGTH);
    for (aside, original) in aside {
        let values: Vec<HeaderValue> = headers.get_all(&aside).iter().cloned().collect();
        headers.remove(&aside);
        // The coding is not that of the body here.
        if original != header::CONTENT_ENCODING && original != header::TRANSFER_ENCODING {
            for value in values {
                headers.append(&original, value);
            }
        }
    }
}

fn is_chunked(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::TRANSFER_ENCODING);
    codings.iter().any(|value| value.as_bytes().to_ascii_lowercase().ends_with(b"chunked"))
}

/// The body without its chunks (RFC 9112 §7.1). `None` if it has none.
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = take_line(&mut rest)?;
        let size = line.split(|byte| *byte == b';').next()?;
        let size = usize::from_str_radix(std::str::from_utf8(size).ok()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = &rest[size..];
        take_line(&mut rest).filter(|end| end.is_empty())?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(block: &str) -> HttpBlock {
        HttpBlock::parse(block.as_bytes()).unwrap()
    }

    fn header<'h>(block: &'h HttpBlock, name: &str) -> Option<&'h str> {
        block.headers.get(name).and_then(|value| value.to_str().ok())
    }

    #[test]
    fn an_answer_is_taken_apart() {
        let block = parsed("HTTP/1.1 200 OK\r\nA: 1\r\nB: x\r\n y\r\nbad line\r\nC:\r\n\r\nbody\r\n");
        assert_eq!((block.status, block.body.as_slice()), (200, &b"body\r\n"[..]));
        assert_eq!(
            [header(&block, "a"), header(&block, "b"), header(&block, "c")],
            [Some("1"), Some("x y"), Some("")]
        );
        assert_eq!(block.headers.len(), 3);
        assert_eq!(parsed("HTTP/2 204\nA: 1\n\n").status, 204);
        assert_eq!(parsed("HTTP/1.1 200 OK").body, b"");
        for wrong in ["", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1\r\n\r\n"] {
            assert!(HttpBlock::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn chunks_are_joined_if_there_are_any() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let block = parsed(&format!("{head}4;x=1\r\nWiki\r\nA\r\npedia in\r\n\r\n0\r\nTrailer: x\r\n\r\n"));
        assert_eq!(
            (block.body.as_slice(), header(&block, "transfer-encoding")),
            (&b"Wikipedia in\r\n"[..], None)
        );
        for plain in ["<p>plain</p>", "ff\r\ntoo short", ""] {
            assert_eq!(parsed(&format!("{head}{plain}")).body, plain.as_bytes());
        }
    }

    #[test]
    fn headers_that_an_export_has_put_aside_come_back() {
        let block = parsed(
            "HTTP/1.1 200 OK\r\nx-archive-orig-content-length: 99\r\nx-archive-orig-content-encoding: gzip\r\n\
             content-length: 4\r\n\r\nbody",
        );
        assert_eq!(
            [header(&block, "content-length"), header(&block, "content-encoding")],
            [Some("99"), None]
        );
        assert_eq!(block.headers.len(), 1);
    }
}
