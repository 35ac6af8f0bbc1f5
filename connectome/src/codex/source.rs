//! Opening a text file: plain or gzip (recognised by its magic bytes), with limits, hashed on the way.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use kenyon_base::digest::HashingReader;
use kenyon_base::{Result, UserError};

/// Bounds that keep a hostile or damaged file from filling memory or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Decompressed bytes per file.
    pub decompressed: u64,
    /// Decompressed bytes per compressed byte, checked after the first 16 MiB.
    pub ratio: u64,
    /// Bytes per record.
    pub line: usize,
    /// Bytes per field.
    pub field: usize,
    /// Fields per record.
    pub columns: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { decompressed: 16 << 30, ratio: 1000, line: 1 << 20, field: 1 << 16, columns: 4096 }
    }
}

/// Below this many decompressed bytes the ratio is not judged.
const RATIO_FREE: u64 = 16 << 20;

type Raw = BufReader<HashingReader<File>>;

#[derive(Debug)]
enum Inner {
    Plain(Raw),
    Gzip(Box<MultiGzDecoder<Raw>>),
}

/// A text file being read.
#[derive(Debug)]
pub struct TextSource {
    path: PathBuf,
    inner: Inner,
    delivered: u64,
    limits: Limits,
}

impl TextSource {
    /// Opens `path`.
    ///
    /// # Errors
    /// Missing, unreadable, a folder or a pipe, empty, UTF-16, or compressed with something other than gzip.
    pub fn open(path: &Path, limits: Limits) -> Result<Self> {
        let unreadable = |e: io::Error| UserError::cannot_read(path, &e);
        let meta = std::fs::metadata(path).map_err(unreadable)?;
        if meta.is_dir() {
            return Err(UserError::bad_data("is-a-directory", "is a folder").file(path).mend("name a file inside it"));
        }
        if !meta.is_file() {
            return Err(UserError::bad_data("not-a-file", "is not a regular file")
                .file(path)
                .mend("copy its content into a file"));
        }
        let mut raw = BufReader::with_capacity(1 << 17, HashingReader::new(File::open(path).map_err(unreadable)?));
        let start = raw.fill_buf().map_err(unreadable)?;
        if start.is_empty() {
            return Err(UserError::bad_data("empty-file", "is empty")
                .file(path)
                .line(1)
                .expected("a text with a header")
                .mend("download the file again"));
        }
        refuse_foreign(path, start)?;
        let inner = if start.starts_with(GZIP) { Inner::Gzip(Box::new(MultiGzDecoder::new(raw))) } else { Inner::Plain(raw) };
        Ok(Self { path: path.to_path_buf(), inner, delivered: 0, limits })
    }

    /// The file being read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The limits it is read under.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Decompressed bytes handed out so far.
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Compressed bytes used so far, if the file is compressed. Those that wait in the buffer do not count: they would hide a
    /// bomb for gigabytes.
    fn compressed(&self) -> Option<u64> {
        match &self.inner {
            Inner::Plain(_) => None,
            Inner::Gzip(decoder) => {
                let raw = decoder.get_ref();
                Some(raw.get_ref().bytes() - raw.buffer().len() as u64)
            }
        }
    }

    /// Reads decompressed bytes; `Ok(0)` is the end. `last_line` is the last complete line handed out so far.
    pub fn read(&mut self, buffer: &mut [u8], last_line: impl Fn() -> u64) -> Result<usize> {
        loop {
            let result = match &mut self.inner {
                Inner::Plain(raw) => raw.read(buffer),
                Inner::Gzip(decoder) => decoder.read(buffer),
            };
            match result {
                Ok(n) => {
                    if self.delivered == 0 && matches!(self.inner, Inner::Gzip(_)) {
                        refuse_foreign(&self.path, &buffer[..n])?;
                        refuse_nested(&self.path, &buffer[..n])?;
                    }
                    self.delivered += n as u64;
                    self.check_limits(&last_line)?;
                    return Ok(n);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.broken(&e, last_line())),
            }
        }
    }

    fn check_limits(&self, last_line: &impl Fn() -> u64) -> Result<()> {
        let over = |what: String| {
            UserError::bad_data("limit", what)
                .file(&self.path)
                .line(last_line())
                .expected(format!(
                    "at most {} bytes unpacked, and at most {} times the packed size",
                    self.limits.decompressed, self.limits.ratio
                ))
                .mend("this does not look like a connectome table; unpack it yourself if it is one")
        };
        if self.delivered > self.limits.decompressed {
            return Err(over(format!("limit `decompressed` exceeded: more than {} bytes", self.limits.decompressed)));
        }
        match self.compressed() {
            Some(compressed) if self.delivered > RATIO_FREE && self.delivered / compressed.max(1) > self.limits.ratio => {
                Err(over(format!("limit `ratio` exceeded: it unpacks to more than {} times its size", self.limits.ratio)))
            }
            _ => Ok(()),
        }
    }

    fn broken(&self, cause: &io::Error, last_line: u64) -> UserError {
        if self.compressed().is_none() {
            return UserError::cannot_read(&self.path, cause);
        }
        let place = match last_line {
            0 => "before the end of line 1".to_string(),
            n => format!("after line {n}, the last complete one"),
        };
        let (code, message) = match cause.kind() {
            io::ErrorKind::UnexpectedEof => ("gzip-truncated", format!("the gzip stream ends early, {place}")),
            _ => ("gzip-damaged", format!("the gzip stream is damaged {place} ({cause})")),
        };
        UserError::bad_data(code, message)
            .file(&self.path)
            .line(last_line.max(1))
            .expected("a complete gzip stream")
            .mend("download the file again")
    }

    /// SHA-256 (as on disk) and size on disk; reads what is left.
    pub fn finish(self) -> Result<(String, u64)> {
        let Self { path, inner, .. } = self;
        let raw = match inner {
            Inner::Plain(raw) => raw,
            Inner::Gzip(decoder) => decoder.into_inner(),
        };
        raw.into_inner().finish().map_err(|e| UserError::cannot_read(&path, &e))
    }
}

/// First bytes of a gzip stream.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// Refuses what is neither UTF-8 text nor gzip, by its first bytes.
fn refuse_foreign(path: &Path, start: &[u8]) -> Result<()> {
    const MAGIC: [(&[u8], &str, &str); 9] = [
        (b"\xfd7zXZ\0", "wrong-compression", "is compressed with xz"),
        (b"PK\x03\x04", "wrong-compression", "is a zip archive"),
        (b"BZh", "wrong-compression", "is compressed with bzip2"),
        (b"\x28\xb5\x2f\xfd", "wrong-compression", "is compressed with zstd"),
        (b"\xff\xfe", "not-utf8", "is UTF-16 text"),
        (b"\xfe\xff", "not-utf8", "is UTF-16 text"),
        (b"PAR1", "wrong-format", "is a Parquet file"),
        (b"\x89HDF", "wrong-format", "is an HDF5 file"),
        (b"kenyon sha256 ", "wrong-format", "is an HDF5 file that kenyon wrote"),
    ];
    match MAGIC.iter().find(|(magic, ..)| start.starts_with(magic)) {
        None => Ok(()),
        Some((_, code, what)) => Err(UserError::bad_data(code, *what)
            .file(path)
            .line(1)
            .byte(0)
            .expected("UTF-8 text, plain or compressed with gzip")
            .mend("unpack or convert it first")),
    }
}

/// Refuses gzip inside gzip.
fn refuse_nested(path: &Path, start: &[u8]) -> Result<()> {
    if !start.starts_with(GZIP) {
        return Ok(());
    }
    Err(UserError::bad_data("wrong-compression", "is compressed with gzip twice")
        .file(path)
        .line(1)
        .byte(0)
        .expected("UTF-8 text, plain or compressed with gzip once")
        .mend("unpack it once"))
}
