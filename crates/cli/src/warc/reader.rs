//! Reads WARC records from a file, plain or compressed with gzip. Only one block is in memory at a time.
//!
//! Real files break some rules of the format, and these do no harm: lines that end with a line feed only, any number of line ends
//! between two records, versions before 1.0, and one gzip member for the whole file. A file that is cut off or damaged is an error
//! that names the record and its place.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

/// A line of a record's header may be this long. A URL may be 64 KiB.
const MAX_LINE_BYTES: usize = 256 << 10;
/// All lines of a record's header together.
const MAX_HEADER_BYTES: usize = 1 << 20;
/// The first bytes of a gzip member.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Why a file cannot be read any further.
#[derive(Debug)]
pub(crate) struct WarcFault {
    /// The number of the record, from 1.
    record: u64,
    /// Where it begins in the file; in one that is compressed, where its gzip member begins.
    offset: u64,
    problem: String,
}

impl fmt::Display for WarcFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {} at byte {}: {}", self.record, self.offset, self.problem)
    }
}

/// A record without its block.
#[derive(Debug)]
pub(crate) struct Record {
    fields: Vec<(String, String)>,
    /// The length of its block.
    pub(crate) length: u64,
}

impl Record {
    /// The value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let named = self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }
}

/// Reads records one by one.
pub(crate) struct WarcReader<R: BufRead> {
    input: BufReader<Members<R>>,
    record: u64,
    offset: u64,
    /// What is left of the block of the current record.
    left: u64,
}

impl<R: BufRead> WarcReader<R> {
    /// Reads `file` from its beginning.
    ///
    /// # Errors
    /// If its first bytes cannot be read.
    pub(crate) fn new(file: R) -> io::Result<Self> {
        Ok(Self { input: BufReader::new(Members::of(file)?), record: 0, offset: 0, left: 0 })
    }

    /// The next record; `None` at the end of the file. The rest of the block before it is skipped.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, WarcFault> {
        self.skip_block()?;
        let is_end = self.skip_line_ends().map_err(|error| self.fault_between(&error))?;
        if is_end {
            return Ok(None);
        }
        self.record += 1;
        self.offset = self.input.get_ref().offset(self.input.buffer().len() as u64);
        let record = self.header().map_err(|problem| self.fault(&problem))?;
        self.left = record.length;
        Ok(Some(record))
    }

    /// The block of the record that was read last.
    pub(crate) fn block(&mut self) -> Result<Vec<u8>, WarcFault> {
        let mut block = Vec::new();
        let read = self.input.by_ref().take(self.left).read_to_end(&mut block);
        let read = read.map_err(|error| self.fault(&error))? as u64;
        self.left -= read;
        if self.left > 0 { Err(self.cut_off()) } else { Ok(block) }
    }

    /// An error of the record that was read last.
    pub(crate) fn fault(&self, problem: &dyn fmt::Display) -> WarcFault {
        WarcFault { record: self.record, offset: self.offset, problem: problem.to_string() }
    }

    /// An error behind the block of a record: its gzip member is damaged, or the next one.
    fn fault_between(&self, error: &io::Error) -> WarcFault {
        let offset = self.input.get_ref().offset(self.input.buffer().len() as u64);
        let record = self.record + u64::from(self.record == 0 || offset != self.offset);
        WarcFault { record, offset, problem: error.to_string() }
    }

    fn cut_off(&self) -> WarcFault {
        self.fault(&format!("the file ends in the middle of it, {} bytes too early", self.left))
    }

    fn skip_block(&mut self) -> Result<(), WarcFault> {
        let skipped = io::copy(&mut self.input.by_ref().take(self.left), &mut io::sink());
        self.left -= skipped.map_err(|error| self.fault(&error))?;
        if self.left > 0 { Err(self.cut_off()) } else { Ok(()) }
    }

    /// Whether the file ends here.
    fn skip_line_ends(&mut self) -> io::Result<bool> {
        loop {
            let buffer = self.input.fill_buf()?;
            match buffer.first() {
                None => return Ok(true),
                Some(b'\r' | b'\n') => self.input.consume(1),
                Some(_) => return Ok(false),
            }
        }
    }

    fn header(&mut self) -> Result<Record, String> {
        let mut room = MAX_HEADER_BYTES;
        let begins = self.input.fill_buf().map_err(|error| error.to_string())?;
        if !begins.starts_with(&b"WARC/"[..begins.len().min(5)]) {
            let begins = String::from_utf8_lossy(&begins[..begins.len().min(20)]);
            return Err(format!("it begins with {begins:?}, and not with WARC/1.1"));
        }
        let version = self.line(&mut room)?;
        if !(version.starts_with("WARC/0.") || version.starts_with("WARC/1.")) {
            return Err(format!("its version is {version}, and this program reads WARC/1.1 and older ones"));
        }
        let mut fields: Vec<(String, String)> = Vec::new();
        loop {
            let line = self.line(&mut room)?;
            if line.is_empty() {
                break;
            }
            if line.starts_with([' ', '\t']) {
                let Some((_, value)) = fields.last_mut() else {
                    return Err("its first field has no name".to_owned());
                };
                value.push(' ');
                value.push_str(line.trim());
                continue;
            }
            let Some((name, value)) = line.split_once(':') else {
                return Err(format!("the line {line:?} of its header has no colon"));
            };
            fields.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        let mut record = Record { fields, length: 0 };
        let length = record.field("Content-Length").ok_or("it has no Content-Length")?;
        record.length = length.parse().map_err(|_| format!("its Content-Length is {length:?}"))?;
        Ok(record)
    }

    /// The next line without its end.
    fn line(&mut self, room: &mut usize) -> Result<String, String> {
        let mut line = Vec::new();
        let most = MAX_LINE_BYTES.min(*room);
        let read = self.input.by_ref().take(most as u64).read_until(b'\n', &mut line);
        read.map_err(|error| error.to_string())?;
        *room -= line.len();
        if line.pop() != Some(b'\n') {
            let is_long = line.len() + 1 >= most;
            return Err(if is_long {
                format!("its header is longer than {most} bytes")
            } else {
                "the file ends in the middle of its header".to_owned()
            });
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        String::from_utf8(line).map_err(|_| "its header is not UTF-8".to_owned())
    }
}

/// The bytes of a file, or of its gzip members one after the other. One call never reads from two members, so behind a record that
/// has a member of its own, the next member is not begun.
enum Members<R: BufRead> {
    Plain { file: Counted<R> },
    Gzip { member: Option<GzDecoder<Counted<R>>>, begins_at: u64 },
}

impl<R: BufRead> Members<R> {
    fn of(file: R) -> io::Result<Self> {
        let mut file = Counted { file, read: 0 };
        if file.fill_buf()?.starts_with(&GZIP) {
            Ok(Self::Gzip { member: Some(GzDecoder::new(file)), begins_at: 0 })
        } else {
            Ok(Self::Plain { file })
        }
    }

    /// Where the next record begins, if `buffered` bytes that were read already belong to it and those behind it.
    fn offset(&self, buffered: u64) -> u64 {
        match self {
            Self::Plain { file } => file.read - buffered,
            Self::Gzip { begins_at, .. } => *begins_at,
        }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (member, begins_at) = match self {
            Self::Plain { file } => return file.read(into),
            Self::Gzip { member, begins_at } => (member, begins_at),
        };
        loop {
            let Some(mut current) = member.take() else { return Ok(0) };
            let read = current.read(into)?;
            if read > 0 || into.is_empty() {
                *member = Some(current);
                return Ok(read);
            }
            let mut file = current.into_inner();
            // Some tools fill the last block of a file with zeros.
            let rest = file.fill_buf()?;
            if rest.is_empty() || rest.iter().all(|byte| *byte == 0) && !rest.starts_with(&GZIP) {
                return Ok(0);
            }
            if !rest.starts_with(&GZIP[..rest.len().min(2)]) {
                let problem = format!("the bytes at {} do not begin a gzip member", file.read);
                return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
            }
            *begins_at = file.read;
            *member = Some(GzDecoder::new(file));
        }
    }
}

/// Counts what was read.
struct Counted<R: BufRead> {
    file: R,
    read: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.read += read as u64;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.file.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.file.consume(bytes);
        self.read += bytes as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use flate2::write::GzEncoder;

    fn record(fields: &str, block: &str) -> Vec<u8> {
        format!("WARC/1.1\r\n{fields}Content-Length: {}\r\n\r\n{block}\r\n\r\n", block.len()).into_bytes()
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut member = GzEncoder::new(Vec::new(), flate2::Compression::default());
        member.write_all(bytes).unwrap();
        member.finish().unwrap()
    }

    /// The fields `N` and the blocks of all records, or the error.
    fn read(file: &[u8]) -> Result<Vec<(String, String)>, String> {
        let mut reader = WarcReader::new(file).map_err(|error| error.to_string())?;
        let mut records = Vec::new();
        while let Some(record) = reader.next().map_err(|fault| fault.to_string())? {
            let block = reader.block().map_err(|fault| fault.to_string())?;
            let name = record.field("n").unwrap_or_default().to_owned();
            records.push((name, String::from_utf8(block).unwrap()));
        }
        Ok(records)
    }

    fn expected() -> Vec<(String, String)> {
        [("one", "first"), ("two", ""), ("three  folded", "third\r\n\r\n")]
            .map(|(name, block)| (name.to_owned(), block.to_owned()))
            .to_vec()
    }

    fn records() -> [Vec<u8>; 3] {
        [
            record("N: one\r\n", "first"),
            record("n:two\r\n", ""),
            record("N: three\r\n  folded\r\n", "third\r\n\r\n"),
        ]
    }

    #[test]
    fn plain_and_compressed_files_are_read() {
        let expected: Vec<_> =
            expected().into_iter().map(|(name, block)| (name.replace("  ", " "), block)).collect();
        let plain = records().concat();
        assert_eq!(read(&plain).unwrap(), expected);
        assert_eq!(read(&packed(&plain)).unwrap(), expected);
        let each = records().map(|record| packed(&record)).concat();
        assert_eq!(read(&each).unwrap(), expected);
        assert_eq!(read(&[each, vec![0; 100]].concat()).unwrap(), expected, "filled with zeros");
        let line_feeds = String::from_utf8(record("N: one\r\n", "first")).unwrap().replace("\r\n", "\n");
        assert_eq!(read(line_feeds.as_bytes()).unwrap(), [expected[0].clone()]);
        assert_eq!(read(b"").unwrap(), []);
        // The line ends behind the last block are missing.
        assert_eq!(read(&plain[..plain.len() - 4]).unwrap(), expected);
    }

    #[test]
    fn a_block_that_nobody_reads_is_skipped() {
        let file = records().concat();
        let mut reader = WarcReader::new(&file[..]).unwrap();
        let mut names = Vec::new();
        while let Some(record) = reader.next().unwrap() {
            names.push(record.field("N").unwrap().to_owned());
        }
        assert_eq!(names, ["one", "two", "three folded"]);
    }

    #[test]
    fn the_error_names_the_record_and_its_place() {
        let [one, two, three] = records();
        let second = one.len();
        let plain = [one.clone(), two.clone()].concat();
        for (wrong, problem) in [
            (b"nonsense\r\n\r\n".to_vec(), "it begins with \"nonsense".to_owned()),
            (b"WARC/2.0\r\n\r\n".to_vec(), "its version is WARC/2.0".to_owned()),
            (b"WARC/1.1\r\nN: x\r\n\r\n".to_vec(), "it has no Content-Length".to_owned()),
            (b"WARC/1.1\r\nContent-Length: ten\r\n\r\n".to_vec(), "its Content-Length is \"ten\"".to_owned()),
            (b"WARC/1.1\r\nno field\r\n\r\n".to_vec(), "has no colon".to_owned()),
            (b"WARC/1.1\r\nN: x".to_vec(), "ends in the middle of its header".to_owned()),
            (b"WARC/1.1\r\nContent-Length: 9\r\n\r\nabc".to_vec(), "6 bytes too early".to_owned()),
            (
                [b"WARC/1.1\r\nN: ".to_vec(), vec![b'x'; 300 << 10]].concat(),
                "longer than 262144 bytes".to_owned(),
            ),
        ] {
            let error = read(&[one.clone(), wrong].concat()).unwrap_err();
            assert!(error.starts_with(&format!("record 2 at byte {second}: ")), "{error}");
            assert!(error.contains(&problem), "{error}");
        }
        let packed_one = packed(&plain);
        let cut = [packed_one.clone(), packed(&three)[..40].to_vec()].concat();
        let error = read(&cut).unwrap_err();
        assert!(error.starts_with(&format!("record 3 at byte {}: ", packed_one.len())), "{error}");
        let mut damaged = packed(&three);
        let crc = damaged.len() - 6;
        damaged[crc] ^= 1;
        let error = read(&[packed_one.clone(), damaged].concat()).unwrap_err();
        assert!(error.contains("record 3"), "{error}");
        let error = read(&[packed_one, b"WARC/1.1".to_vec()].concat()).unwrap_err();
        assert!(error.contains("do not begin a gzip member"), "{error}");
    }
}
