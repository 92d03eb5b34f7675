//! stderr: the log's lines, and on a terminal a panel below them that is redrawn in place.
//!
//! Lines and panel are written together, and nothing else writes to the terminal, so they can't mix. The cursor
//! stays at the start of the row below the panel, so any output after a SIGKILL starts on its own row. The
//! cursor is never hidden, so nothing has to be restored.

use std::io::{self, Write};
use std::time::Duration;

use crossbeam_channel::after;
use unicode_width::UnicodeWidthStr;

use super::queue::Sink;

/// A pipe accepts this many bytes completely or not at all (POSIX, `PIPE_BUF`). So there is never half a line,
/// even if the reader goes away or the process exits while the pipe is full.
const ATOMIC_BYTES: usize = 4_096;
/// How often to retry a stderr that another process made non-blocking.
const TRY_AGAIN: Duration = Duration::from_millis(20);

/// See the module.
pub(super) struct Screen<W> {
    out: W,
    /// The columns of the terminal, read at each drawing.
    columns: fn() -> Option<u16>,
    rows: Vec<String>,
    /// Widths of the rows on the screen.
    drawn: Vec<usize>,
}

impl Screen<io::Stderr> {
    pub(super) fn stderr() -> Self {
        Self::new(io::stderr(), || size().map(|(columns, _)| columns))
    }
}

/// Columns and rows of the terminal behind stderr.
pub(crate) fn size() -> Option<(u16, u16)> {
    terminal_size::terminal_size_of(io::stderr()).map(|(width, height)| (width.0, height.0))
}

impl<W: Write> Screen<W> {
    fn new(out: W, columns: fn() -> Option<u16>) -> Self {
        Self { out, columns, rows: Vec::new(), drawn: Vec::new() }
    }

    fn draw(&mut self, lines: &[Vec<u8>]) -> io::Result<()> {
        let mut bytes = Vec::new();
        let up = self.rows_on_screen();
        if up > 0 {
            bytes.extend(format!("\r\x1b[{up}A").bytes());
            if !lines.is_empty() {
                bytes.extend(b"\x1b[J");
            }
        }
        for line in lines {
            bytes.extend(line);
        }
        for row in &self.rows {
            // Erase the rest of the row after the text, not before it, to avoid flicker.
            bytes.extend(format!("{row}\x1b[K\n").bytes());
        }
        if up > self.rows.len() {
            bytes.extend(b"\x1b[J");
        }
        self.drawn = self.rows.iter().map(|row| row.width()).collect();
        write_fully(&mut self.out, &bytes)
    }

    /// A terminal that has become narrower has wrapped the long rows.
    fn rows_on_screen(&self) -> usize {
        let columns = (self.columns)().map_or(usize::MAX, |columns| usize::from(columns).max(1));
        self.drawn.iter().map(|width| width.div_ceil(columns).max(1)).sum()
    }
}

impl<W: Write + Send + 'static> Sink for Screen<W> {
    fn write(&mut self, lines: &[Vec<u8>], panel: Option<Vec<String>>) -> u64 {
        if let Some(rows) = panel {
            self.rows = rows;
        }
        if !self.rows.is_empty() || !self.drawn.is_empty() {
            return if self.draw(lines).is_ok() { 0 } else { lines.len() as u64 };
        }
        let mut lost = 0;
        for part in parts(lines) {
            if write_fully(&mut self.out, &part.concat()).is_err() {
                lost += part.len() as u64;
            }
        }
        lost
    }
}

/// Lines that are written together.
fn parts(lines: &[Vec<u8>]) -> impl Iterator<Item = &[Vec<u8>]> {
    let mut rest = lines;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest.iter().take_while(|line| {
            bytes += line.len();
            bytes <= ATOMIC_BYTES
        });
        let count = fits.count().max(1);
        let (part, others) = rest.split_at_checked(count)?;
        rest = others;
        Some(part)
    })
}

/// Writes everything, even if another process that shares stderr has made it non-blocking.
pub(super) fn write_fully(to: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let _ = after(TRY_AGAIN).recv();
            }
            Err(error) => return Err(error),
        }
    }
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<Vec<u8>> {
        texts.iter().map(|text| format!("{text}\n").into_bytes()).collect()
    }

    /// What a terminal of this size shows after the bytes.
    fn shown(bytes: &[u8], columns: u16) -> String {
        let mut terminal = vt100::Parser::new(24.try_into().unwrap(), columns.try_into().unwrap(), 0);
        // The terminal's driver turns \n into \r\n.
        let text = String::from_utf8(bytes.to_vec()).unwrap().replace('\n', "\r\n");
        terminal.process(text.as_bytes());
        terminal.screen().contents()
    }

    #[test]
    fn lines_go_above_the_panel_and_a_panel_that_goes_leaves_nothing() {
        let mut screen = Screen::new(Vec::new(), || Some(80));
        let panel = |rows: &[&str]| Some(rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>());
        screen.write(&lines(&["one"]), panel(&["10 pages, a long row", "second"]));
        screen.write(&lines(&["two", "three"]), None);
        screen.write(&[], panel(&["11 pages"]));
        assert_eq!(shown(&screen.out, 80), "one\ntwo\nthree\n11 pages");
        screen.write(&lines(&["four"]), panel(&[]));
        assert_eq!(shown(&screen.out, 80), "one\ntwo\nthree\nfour");
        screen.write(&lines(&["five"]), None);
        assert!(screen.out.ends_with(b"five\n") && screen.drawn.is_empty());
    }

    #[test]
    fn a_pipe_gets_lines_whole() {
        let many = vec![b"x".repeat(1_500); 5];
        let sizes: Vec<usize> = parts(&many).map(<[Vec<u8>]>::len).collect();
        assert_eq!(sizes, [2, 2, 1]);
        let large = [b"y".repeat(9_000), b"z".repeat(10)];
        assert_eq!(parts(&large).map(<[Vec<u8>]>::len).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(parts(&[]).count(), 0);
    }
}
