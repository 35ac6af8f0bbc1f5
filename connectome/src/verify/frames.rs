//! A table as polars reads it, in blocks: memory does not grow with the file.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use kenyon_base::{Result, UserError};
use memchr::{memchr_iter, memrchr};
use polars::prelude::{CsvReadOptions, DataFrame, SerReader, StringChunked};

use crate::codex::Column;

/// Decompressed bytes that make a block.
const BLOCK: usize = 8 << 20;

/// Reads a table block by block; every column is text.
pub(super) struct Frames {
    path: PathBuf,
    source: Box<dyn Read>,
    header: Vec<u8>,
    separator: u8,
    /// Bytes read and not yet parsed.
    rest: Vec<u8>,
    at_end: bool,
}

impl Frames {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let unreadable = |e: std::io::Error| UserError::cannot_read(path, &e);
        let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
        let compressed = file.fill_buf().map_err(unreadable)?.starts_with(&[0x1f, 0x8b]);
        let source: Box<dyn Read> = if compressed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
        let mut frames =
            Self { path: path.to_path_buf(), source, header: Vec::new(), separator: b',', rest: Vec::new(), at_end: false };
        frames.fill(BLOCK)?;
        if frames.rest.starts_with("\u{feff}".as_bytes()) {
            frames.rest.drain(..3);
        }
        while frames.header.trim_ascii().is_empty() && !frames.rest.is_empty() {
            let end = memchr_iter(b'\n', &frames.rest).map(|at| at + 1).find(|&end| closed(&frames.rest[..end]));
            let end = end.unwrap_or(frames.rest.len());
            frames.header = frames.rest.drain(..end).collect();
        }
        let count = |byte| memchr_iter(byte, &frames.header).count();
        if count(b'\t') > count(b',') {
            frames.separator = b'\t';
        }
        Ok(frames)
    }

    /// Reads on until `wanted` bytes are at hand or the file ends.
    fn fill(&mut self, wanted: usize) -> Result<()> {
        let missing = wanted.saturating_sub(self.rest.len()) as u64;
        let read = self.source.by_ref().take(missing).read_to_end(&mut self.rest);
        let read = read.map_err(|e| UserError::cannot_read(&self.path, &e))?;
        self.at_end = (read as u64) < missing;
        Ok(())
    }

    /// The next block of rows; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<DataFrame>> {
        let mut wanted = BLOCK;
        loop {
            self.fill(wanted)?;
            let end = if self.at_end { Some(self.rest.len()) } else { last_record_end(&self.rest) };
            let Some(end) = end else {
                wanted += BLOCK;
                continue;
            };
            if end == 0 {
                return Ok(None);
            }
            let records: Vec<u8> = self.rest.drain(..end).collect();
            if !records.trim_ascii().is_empty() {
                return self.parse(&records).map(Some);
            }
        }
    }

    fn parse(&self, records: &[u8]) -> Result<DataFrame> {
        let text = [self.header.trim_ascii_end(), b"\n", records.strip_suffix(b"\r").unwrap_or(records), b"\n"].concat();
        CsvReadOptions::default()
            .with_infer_schema_length(Some(0))
            .map_parse_options(|options| options.with_separator(self.separator))
            .into_reader_with_file_handle(Cursor::new(text))
            .finish()
            .map_err(|e| self.unreadable(e))
    }

    /// An error of the second reader.
    pub(super) fn unreadable(&self, what: impl std::fmt::Display) -> UserError {
        UserError::bad_data("second-reader", format!("the second reader cannot read it: {what}"))
            .file(&self.path)
            .mend("import it again")
    }
}

/// Whether every quote that is opened in `text` is closed there.
fn closed(text: &[u8]) -> bool {
    memchr_iter(b'"', text).count().is_multiple_of(2)
}

/// Where the last complete record of `text` ends: at a line end outside quotes.
fn last_record_end(text: &[u8]) -> Option<usize> {
    let mut end = memrchr(b'\n', text)? + 1;
    while !closed(&text[..end]) {
        end = memrchr(b'\n', &text[..end - 1])? + 1;
    }
    Some(end)
}

/// A column of a frame, under its name or an alias.
pub(super) fn column(frame: &DataFrame, wanted: Column) -> Option<StringChunked> {
    let name = frame.get_column_names().into_iter().find(|name| Column::from_header(name) == Some(wanted))?;
    frame.column(name).ok()?.str().ok().cloned()
}

/// Whether row `i` was a blank line.
pub(super) fn is_blank(frame: &DataFrame, i: usize) -> bool {
    frame.columns().iter().all(|column| {
        let text = column.str().ok().and_then(|texts| texts.get(i));
        text.is_none_or(|text| text.trim().is_empty())
    })
}
