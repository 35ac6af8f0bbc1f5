//! What the readers of morphologies share: options, limits, notes on what was skipped or mended.

use std::fmt;
use std::path::Path;

use kenyon_base::{Result, UserError, input};
use serde::{Deserialize, Serialize};

use super::{Tree, asc, swc};

/// Notes that are kept in full; beyond them they are counted.
const NOTES_KEPT: usize = 1000;

/// Unit of the coordinates in a file that does not state one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Micrometres.
    Um,
    /// Nanometres, as in skeletons of electron microscopy.
    Nm,
}

impl Unit {
    /// Micrometres in one unit.
    pub const fn um(self) -> f64 {
        match self {
            Self::Um => 1.0,
            Self::Nm => 1e-3,
        }
    }
}

/// What a reader accepts before it gives up with the error `limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of a line.
    pub line: usize,
    /// Bytes of a word or string.
    pub field: usize,
    /// Parentheses inside each other.
    pub nesting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1 << 30, line: 1 << 20, field: 1 << 16, nesting: 1000 }
    }
}

/// How a morphology is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Refuse what the tolerant reader would guess, with its place: unknown words, diameters of zero, no soma or several, several
    /// trees. What the formats allow is read or left out, and listed, all the same: markers, spines, outlines that are no soma, ids
    /// in any order, further columns.
    pub strict: bool,
    /// Unit of an SWC file; without it µm, unless the extent says that it cannot be.
    pub unit: Option<Unit>,
    /// Limits.
    pub limits: Limits,
}

/// Why a note was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    /// Stands in the file and is no part of the tree.
    Skipped,
    /// Was mended.
    Repaired,
    /// Is in the tree, and worth a look.
    Warning,
}

impl NoteKind {
    /// So many of them, in words.
    fn counted(self, n: usize) -> String {
        match self {
            Self::Warning if n == 1 => "1 warning".into(),
            Self::Warning => format!("{n} warnings"),
            other => format!("{n} {other}"),
        }
    }
}

impl fmt::Display for NoteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Skipped => "skipped",
            Self::Repaired => "repaired",
            Self::Warning => "warning",
        })
    }
}

/// Something the reader skipped, mended or wondered about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Why it was made.
    pub kind: NoteKind,
    /// Line of the file, from 1; `None` if it is about the whole.
    pub line: Option<u64>,
    /// What it is about.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}: {}", self.kind, self.text),
            None => write!(f, "{}: {}", self.kind, self.text),
        }
    }
}

/// The notes of a reading, the first thousand in full.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Notes {
    entries: Vec<Note>,
    more: u64,
}

impl Notes {
    /// Adds a note.
    pub fn push(&mut self, kind: NoteKind, line: impl Into<Option<u64>>, text: impl Into<String>) {
        if self.entries.len() < NOTES_KEPT {
            self.entries.push(Note { kind, line: line.into(), text: text.into() });
        } else {
            self.more += 1;
        }
    }

    /// The notes in the order they were made.
    pub fn entries(&self) -> &[Note] {
        &self.entries
    }

    /// How many further notes were counted only.
    pub fn more(&self) -> u64 {
        self.more
    }

    /// How many there are, by kind, in one line: "34 skipped, 1 repaired"; `None` if there are none.
    ///
    /// Notes that were counted only are named as such.
    pub fn counts(&self) -> Option<String> {
        let kinds = [NoteKind::Skipped, NoteKind::Repaired, NoteKind::Warning];
        let counted = kinds.map(|kind| (self.of(kind).count(), kind));
        let mut parts: Vec<String> = counted.iter().filter(|(n, _)| *n > 0).map(|(n, kind)| kind.counted(*n)).collect();
        if self.more > 0 {
            parts.push(format!("{} more", self.more));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// Notes of one kind.
    pub fn of(&self, kind: NoteKind) -> impl Iterator<Item = &Note> {
        self.entries.iter().filter(move |note| note.kind == kind)
    }
}

/// A tree with what its reader had to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The tree.
    pub tree: Tree,
    /// What was skipped, mended or noticed.
    pub notes: Notes,
}

/// Reads a morphology, ASC or SWC by the ending of its name.
///
/// # Errors
/// `unknown-format` for another ending, and those of the readers.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Loaded> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    match ending.as_deref() {
        Some("asc") => asc::read(path, options).map(|read| read.loaded),
        Some("swc") => swc::read(path, options),
        other => Err(UserError::usage("unknown-format", "the format of the morphology is not known")
            .file(path)
            .found(other.unwrap_or_default())
            .expected("a file that ends in `.asc` (Neurolucida) or `.swc`")),
    }
}

/// Bytes of a regular file that is no larger than the limit.
pub(super) fn bytes(path: &Path, limits: &Limits) -> Result<Vec<u8>> {
    input::bytes(path, limits.bytes).map_err(|error| match error.code() {
        "limit" => error.mend("check that it is a morphology"),
        _ => error,
    })
}

/// Refuses what cannot be a text of this format; a byte order mark of UTF-8 is taken off.
pub(super) fn text<'a>(bytes: &'a [u8], path: &Path, limits: &Limits) -> Result<&'a [u8]> {
    if bytes.len() as u64 > limits.bytes {
        return Err(UserError::bad_data("limit", format!("the file is larger than {} bytes", limits.bytes))
            .file(path)
            .mend("check that it is a morphology"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(UserError::bad_data("empty-file", "the file is empty").file(path).mend("write or download it again"));
    }
    let (mut line, mut start) = (1, 0);
    for (at, &byte) in bytes.iter().enumerate() {
        if byte == b'\n' {
            (line, start) = (line + 1, at + 1);
        } else if byte < 0x20 && !matches!(byte, b'\t' | b'\r' | 0x0b | 0x0c | 0x1a) {
            return Err(UserError::bad_data("binary", "the file is not text")
                .file(path)
                .line(line)
                .column((at - start + 1).to_string())
                .found(format!("byte 0x{byte:02x}"))
                .mend("decompress it, or save it as plain text in UTF-8"));
        }
        if byte != b'\n' && at - start >= limits.line {
            return Err(UserError::bad_data("limit", format!("the line is longer than {} bytes", limits.line))
                .file(path)
                .line(line));
        }
    }
    Ok(bytes)
}
