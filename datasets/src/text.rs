//! Small text tables: plain or gzip, checked for encoding and size, split into records with their line numbers.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use kenyon_base::digest::HashingReader;
use kenyon_base::{Result, Source, UserError};

/// Decompressed bytes that a table may have: the largest response table has under 1 MiB.
const LIMIT_BYTES: u64 = 256 << 20;
/// Decompressed bytes per compressed byte, judged after the first 16 MiB.
const LIMIT_RATIO: u64 = 1000;
const RATIO_FREE: u64 = 16 << 20;
/// Bytes of one line, bytes of one field, fields of one record.
const LIMIT_LINE: usize = 1 << 20;
const LIMIT_FIELD: usize = 1 << 16;
const LIMIT_COLUMNS: usize = 4096;

/// The text of a file.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) path: PathBuf,
    pub(crate) content: String,
    pub(crate) source: Source,
}

/// One record with the line on which it begins.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) line: u64,
    pub(crate) fields: Vec<String>,
}

impl Text {
    /// Reads a whole file; `kind` says in the provenance what it was read as.
    ///
    /// # Errors
    /// Missing, not a regular file, empty, truncated gzip, not UTF-8, a NUL byte, or above a limit.
    pub(crate) fn read(path: &Path, kind: &str) -> Result<Self> {
        let unreadable = |e: std::io::Error| UserError::cannot_read(path, &e);
        let meta = std::fs::metadata(path).map_err(unreadable)?;
        if !meta.is_file() {
            return Err(UserError::bad_data("not-a-file", "is not a regular file").file(path).mend("name a file"));
        }
        let mut raw = HashingReader::new(File::open(path).map_err(unreadable)?);
        let mut start = [0; 2];
        let mut have = 0;
        while have < 2 {
            match raw.read(&mut start[have..]).map_err(unreadable)? {
                0 => break,
                n => have += n,
            }
        }
        if have == 0 {
            return Err(empty(path));
        }
        let compressed = start[..have] == [0x1f, 0x8b];
        let whole = std::io::Cursor::new(start[..have].to_vec()).chain(raw);
        let mut bytes = Vec::new();
        let limit =
            if compressed { LIMIT_BYTES.min(RATIO_FREE.max(meta.len().saturating_mul(LIMIT_RATIO))) } else { LIMIT_BYTES };
        let (read, raw) = if compressed {
            let mut decoder = MultiGzDecoder::new(BufReader::new(whole));
            let read = (&mut decoder).take(limit + 1).read_to_end(&mut bytes);
            (read, decoder.into_inner().into_inner().into_inner().1)
        } else {
            let mut whole = whole;
            let read = (&mut whole).take(limit + 1).read_to_end(&mut bytes);
            (read, whole.into_inner().1)
        };
        if let Err(error) = read {
            let lines = line_ends(&bytes);
            let message = format!("cannot be read to its end ({error}); the last good line is {lines}");
            return Err(UserError::bad_data("truncated", message).file(path).line(lines + 1).mend("download the file again"));
        }
        if bytes.len() as u64 > limit {
            return Err(UserError::bad_data("limit", format!("more than {limit} bytes of text"))
                .file(path)
                .mend("name the table itself, not an archive"));
        }
        if bytes.is_empty() {
            return Err(empty(path));
        }
        let content = decode(path, bytes)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (sha256, bytes) = raw.finish().map_err(unreadable)?;
        let source = Source { name, kind: kind.into(), sha256, bytes, rows: 0 };
        Ok(Self { path: path.into(), content, source })
    }

    /// Splits the text into records; blank lines are skipped. Quotes follow RFC 4180.
    ///
    /// # Errors
    /// An unterminated quote, or a line, field or record above the limits.
    pub(crate) fn records(&self, separator: u8) -> Result<Vec<Record>> {
        if let Some((line, _)) = self.content.lines().enumerate().find(|(_, l)| l.len() > LIMIT_LINE) {
            return Err(self.error("limit", line as u64 + 1, format!("a line of more than {LIMIT_LINE} bytes")));
        }
        self.check_quotes()?;
        let mut reader =
            csv::ReaderBuilder::new().delimiter(separator).has_headers(false).flexible(true).from_reader(self.content.as_bytes());
        let mut records = Vec::new();
        let mut lines = Lines { bytes: self.content.as_bytes(), at: 0, line: 1 };
        for record in reader.records() {
            let record = record.map_err(|e| {
                UserError::bad_data("bad-csv", format!("cannot be read as a table: {e}")).file(&self.path).mend("mend the file")
            })?;
            let line = lines.of_record(record.position().map_or(0, |p| p.byte() as usize));
            if record.len() > LIMIT_COLUMNS {
                return Err(self.error("limit", line, format!("more than {LIMIT_COLUMNS} columns")));
            }
            if record.iter().any(|field| field.len() > LIMIT_FIELD) {
                return Err(self.error("limit", line, format!("a field of more than {LIMIT_FIELD} bytes")));
            }
            records.push(Record { line, fields: record.iter().map(|f| f.trim().to_string()).collect() });
        }
        Ok(records)
    }

    fn error(&self, code: &'static str, line: u64, message: String) -> UserError {
        UserError::bad_data(code, message).file(&self.path).line(line).mend("mend the file, or download it again")
    }

    /// Finds a quote that is never closed; the csv reader would take the rest of the file for one field.
    fn check_quotes(&self) -> Result<()> {
        let (mut open, mut line) = (None, 1);
        for byte in self.content.bytes() {
            match byte {
                b'"' => open = if open.is_some() { None } else { Some(line) },
                b'\n' => line += 1,
                _ => {}
            }
        }
        match open {
            Some(line) => Err(self.error("open-quote", line, "a quote that is never closed".into())),
            None => Ok(()),
        }
    }
}

/// Counts lines up to where records begin.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// Line of the record that the reader says to begin at `byte`: it counts line ends and blank lines before it as its own.
    fn of_record(&mut self, byte: usize) -> u64 {
        let blank = self.bytes[byte..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        self.line += line_ends(&self.bytes[self.at..byte + blank]);
        self.at = byte + blank;
        self.line
    }
}

fn line_ends(bytes: &[u8]) -> u64 {
    bytes.split(|&b| b == b'\n').count() as u64 - 1
}

fn empty(path: &Path) -> UserError {
    UserError::bad_data("empty-file", "is empty").file(path).line(1).mend("download the file again")
}

/// Bytes as text, without a byte-order mark.
fn decode(path: &Path, bytes: Vec<u8>) -> Result<String> {
    let line_of = |at: usize| line_ends(&bytes[..at]) + 1;
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(UserError::bad_data("not-utf8", "is UTF-16 text").file(path).line(1).byte(0).mend("save it as UTF-8"));
    }
    if let Some(at) = bytes.iter().position(|&b| b == 0) {
        return Err(UserError::bad_data("nul-byte", "holds a NUL byte")
            .file(path)
            .line(line_of(at))
            .byte(at as u64)
            .mend("it is no text table, or damaged: download it again"));
    }
    if let Err(error) = std::str::from_utf8(&bytes) {
        let at = error.valid_up_to();
        return Err(UserError::bad_data("not-utf8", "is not UTF-8 text")
            .file(path)
            .line(line_of(at))
            .byte(at as u64)
            .mend("save it as UTF-8"));
    }
    let text = String::from_utf8(bytes).expect("checked above");
    Ok(text.strip_prefix('\u{feff}').map(ToString::to_string).unwrap_or(text))
}
