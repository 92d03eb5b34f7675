//! Writes WARC records, each in a gzip member of its own, so that a reader can begin at any of them.

use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat, Utc};
use data_encoding::BASE32;
use dragline_core::KeptAnswer;
use dragline_core::program;
use dragline_core::runs::RunRecord;
use flate2::write::GzEncoder;
use http::StatusCode;
use sha2::{Digest, Sha256};
use url::Url;

use super::ORIGINAL;

/// The headers of an answer that describe how it was transferred. The stored body is the one behind all of that.
const OF_TRANSFER: [&str; 5] =
    ["content-encoding", "transfer-encoding", "content-length", "connection", "keep-alive"];

/// Whether the records are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Not at all: `FILE.warc`.
    None,
    /// Each record for itself: `FILE.warc.gz`.
    Gzip,
}

/// Writes records.
pub(crate) struct WarcWriter<W: Write> {
    out: W,
    compression: Compression,
    /// The id of the record that describes the file.
    info: String,
}

impl<W: Write> WarcWriter<W> {
    /// Writes to `out`.
    pub(crate) fn new(out: W, compression: Compression) -> Self {
        Self { out, compression, info: String::new() }
    }

    /// Describes the file. This is its first record.
    pub(crate) fn info(&mut self, run: &RunRecord) -> io::Result<()> {
        self.info = record_id(&["warcinfo", &run.run_id.to_string(), &run.name, &moment(&run.started_at)]);
        let block = format!(
            "software: {}/{}\r\nformat: WARC File Format 1.1\r\n\
             conformsTo: http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/\r\n\
             isPartOf: {}\r\n\
             description: The pages that run {} of the spider {} got. Cookies and other headers with secrets are left out. The bodies are \
             without content and transfer codings; the headers that named these have {ORIGINAL} in front.\r\n",
            program::name(),
            env!("CARGO_PKG_VERSION"),
            one_line(&run.name),
            run.run_id,
            one_line(&run.spider),
        );
        let fields = [
            ("WARC-Type", "warcinfo".to_owned()),
            ("WARC-Record-ID", self.info.clone()),
            ("WARC-Date", moment(&run.started_at)),
            ("WARC-Block-Digest", digest(&Sha256::digest(&block))),
            ("Content-Type", "application/warc-fields".to_owned()),
        ];
        self.record(&fields, block.as_bytes(), &[])
    }

    /// Writes an answer with its body.
    pub(crate) fn response(&mut self, answer: &KeptAnswer, body: &[u8]) -> io::Result<()> {
        let date = moment(&answer.fetched_at);
        let head = head(answer, body.len());
        let block = Sha256::new().chain_update(&head).chain_update(body).finalize();
        let target = target_uri(&answer.url);
        let fields = [
            ("WARC-Type", "response".to_owned()),
            ("WARC-Record-ID", record_id(&["response", &answer.run_id.to_string(), &target, &date])),
            ("WARC-Warcinfo-ID", self.info.clone()),
            ("WARC-Date", date),
            ("WARC-Target-URI", target),
            ("WARC-Payload-Digest", digest(answer.body.hash())),
            ("WARC-Block-Digest", digest(&block)),
            ("Content-Type", "application/http; msgtype=response".to_owned()),
        ];
        self.record(&fields, &head, body)
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// One record: its fields, and a block of two parts.
    fn record(&mut self, fields: &[(&str, String)], head: &[u8], body: &[u8]) -> io::Result<()> {
        match self.compression {
            Compression::None => write_record(&mut self.out, fields, head, body),
            Compression::Gzip => {
                // The member has no time and no name, so the same record is always the same bytes.
                let mut member = GzEncoder::new(&mut self.out, flate2::Compression::default());
                write_record(&mut member, fields, head, body)?;
                member.finish().map(drop)
            }
        }
    }
}

fn write_record(out: &mut impl Write, fields: &[(&str, String)], head: &[u8], body: &[u8]) -> io::Result<()> {
    out.write_all(b"WARC/1.1\r\n")?;
    for (name, value) in fields {
        write!(out, "{name}: {value}\r\n")?;
    }
    write!(out, "Content-Length: {}\r\n\r\n", head.len() + body.len())?;
    out.write_all(head)?;
    out.write_all(body)?;
    out.write_all(b"\r\n\r\n")
}

/// The status line and the headers. The version of HTTP was not kept.
fn head(answer: &KeptAnswer, body_bytes: usize) -> Vec<u8> {
    let reason = StatusCode::from_u16(answer.status).ok().and_then(|status| status.canonical_reason());
    let mut head = format!("HTTP/1.1 {} {}\r\n", answer.status, reason.unwrap_or("Unknown"));
    for (name, value) in &answer.headers {
        let prefix = if OF_TRANSFER.contains(&name.as_str()) { ORIGINAL } else { "" };
        head.extend([prefix, name, ": ", &one_line(value), "\r\n"]);
    }
    let length = body_bytes.to_string();
    head.extend(["content-length: ", &length, "\r\n\r\n"]);
    head.into_bytes()
}

/// The URL without user and password, which are secrets.
fn target_uri(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut url) if !url.username().is_empty() || url.password().is_some() => {
            // Both only fail for a URL that cannot have them.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.into()
        }
        _ => one_line(url),
    }
}

/// A text that cannot begin another header.
fn one_line(text: &str) -> String {
    text.replace(['\r', '\n', '\0'], " ")
}

/// An id that depends only on what the record is about (RFC 9562 §5.8, version 8), so that a second export has the same.
fn record_id(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let hash = hasher.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes[6] = 0x80 | bytes[6] & 0x0f;
    bytes[8] = 0x80 | bytes[8] & 0x3f;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    format!("<urn:uuid:{}>", parts.join("-"))
}

fn digest(hash: &[u8]) -> String {
    format!("sha256:{}", BASE32.encode(hash))
}

fn moment(at: &DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::earlier::body_hash;
    use dragline_core::{Fingerprint, KeptBody};

    fn answer(url: &str, headers: &[(&str, &str)]) -> KeptAnswer {
        KeptAnswer {
            fingerprint: Fingerprint::from_bytes(&[1; 16]).unwrap(),
            run_id: 7,
            url: url.to_owned(),
            status: 299,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            fetched_at: DateTime::UNIX_EPOCH,
            body: KeptBody::pack(b"body", body_hash(b"body")).unwrap(),
        }
    }

    fn written(answer: &KeptAnswer, compression: Compression) -> Vec<u8> {
        let mut out = Vec::new();
        let mut warc = WarcWriter::new(&mut out, compression);
        warc.response(answer, b"body").unwrap();
        warc.finish().unwrap();
        out
    }

    #[test]
    fn headers_of_the_transfer_do_not_contradict_the_body() {
        let headers = [("content-encoding", "gzip"), ("content-length", "99"), ("etag", "\"e\"")];
        let record = written(&answer("http://a.example/", &headers), Compression::None);
        let record = String::from_utf8(record).unwrap();
        let (_, http) = record.split_once("\r\n\r\n").unwrap();
        assert_eq!(
            http,
            "HTTP/1.1 299 Unknown\r\nx-archive-orig-content-encoding: gzip\r\nx-archive-orig-content-length: 99\r\n\
             etag: \"e\"\r\ncontent-length: 4\r\n\r\nbody\r\n\r\n"
        );
        let length = http.len() - "\r\n\r\n".len();
        assert!(record.contains(&format!("\r\nContent-Length: {length}\r\n")), "{record}");
    }

    #[test]
    fn secrets_and_line_ends_do_not_get_into_fields() {
        let record =
            written(&answer("http://u:hunter2@a.example/x", &[("x", "a\r\nb: c")]), Compression::None);
        let record = String::from_utf8(record).unwrap();
        assert!(record.contains("WARC-Target-URI: http://a.example/x\r\n") && !record.contains("hunter2"));
        assert!(record.contains("\r\nx: a  b: c\r\n"), "{record}");
    }

    #[test]
    fn the_same_record_is_the_same_bytes_and_another_one_has_another_id() {
        let one = answer("http://a.example/1", &[]);
        assert_eq!(written(&one, Compression::Gzip), written(&one, Compression::Gzip));
        let id = |answer: &KeptAnswer| {
            let record = String::from_utf8(written(answer, Compression::None)).unwrap();
            record.lines().find(|line| line.starts_with("WARC-Record-ID")).unwrap().to_owned()
        };
        assert_ne!(id(&one), id(&answer("http://a.example/2", &[])));
        assert!(id(&one).starts_with("WARC-Record-ID: <urn:uuid:"), "{}", id(&one));
        assert_eq!(&id(&one)[40..41], "8", "the version of the UUID: {}", id(&one));
    }
}
