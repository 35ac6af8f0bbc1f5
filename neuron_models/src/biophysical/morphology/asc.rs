//! Neurolucida's text format (`.asc`, V3).
//!
//! `file = object*`, where an object is a header entry, a contour `( "name" property* point+ )` or a tree
//! `( property* point+ group? )`; a group is `( branch | branch | … )`, a point `( x y z diameter )`.
//! Markers and spines are skipped; what is unknown is refused in strict mode, otherwise skipped and listed.
//!
//! | module | owns |
//! |---|---|
//! | here | what is read, and from what |
//! | `tokens` | words with their places |
//! | `words` | what words mean |
//! | `parser` | objects: contours, trees, points, properties |
//! | `build` | the tree of sections |

mod build;
mod parser;
mod tokens;
mod words;

use std::collections::BTreeMap;
use std::path::Path;

use kenyon_base::Result;
use parser::Parser;
use serde::Serialize;
use tokens::Tokens;

use super::Region;
use super::reading::{self, Loaded, NoteKind, Notes, ReadOptions};

/// What stands in the file, counted; the points of contours and markers too.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Census {
    /// Points, wherever they stand.
    pub points: u64,
    /// Bars between branches.
    pub bars: u64,
    /// Endings by their word.
    pub endings: BTreeMap<String, u64>,
    /// Marker blocks by their symbol.
    pub markers: BTreeMap<String, u64>,
    /// Spines.
    pub spines: u64,
    /// Trees by their type.
    pub trees: BTreeMap<Region, u64>,
    /// Contours: name and points, in the order of the file.
    pub contours: Vec<(String, u64)>,
}

/// A tree from a Neurolucida file, and what the file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct AscRead {
    /// Tree and notes.
    pub loaded: Loaded,
    /// Counts.
    pub census: Census,
}

/// Reads a Neurolucida file.
///
/// # Errors
/// `limit`, `binary`, `empty-file`, `unterminated`, `bad-point`, `not-finite`, `no-soma`, `soma-contour`, `empty-morphology`; in
/// strict mode `unknown-token`, `several-somas`, `zero-diameter` and `no-type` as well, each with line and column.
pub fn read(path: &Path, options: &ReadOptions) -> Result<AscRead> {
    let bytes = reading::bytes(path, &options.limits)?;
    parse(&bytes, path, options)
}

/// Reads the content of a Neurolucida file; `path` stands in messages, and its stem is the name of the tree.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8], path: &Path, options: &ReadOptions) -> Result<AscRead> {
    let bytes = reading::text(bytes, path, &options.limits)?;
    let mut parser = Parser {
        tokens: Tokens::new(bytes, path, options.limits),
        strict: options.strict,
        notes: Notes::default(),
        census: Census::default(),
        contours: Vec::new(),
        trees: Vec::new(),
    };
    parser.file()?;
    let Parser { contours, trees, mut notes, census, .. } = parser;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let tree = build::build(&name, &contours, trees, options.strict, &mut notes).map_err(|error| match error.path() {
        None => error.file(path),
        Some(_) => error,
    })?;
    Ok(AscRead { loaded: Loaded { tree, notes }, census })
}

/// A point as it stands in the file: x, y, z and diameter in µm.
type RawPoint = [f64; 4];

/// An outline of the soma.
struct Contour {
    points: Vec<RawPoint>,
    line: u64,
}

/// A run of points of a tree.
#[derive(Default)]
struct RawBranch {
    /// Index of the branch it continues; that one comes before.
    parent: Option<usize>,
    points: Vec<RawPoint>,
    line: u64,
}

/// A traced tree.
struct RawTree {
    region: Option<Region>,
    branches: Vec<RawBranch>,
    line: u64,
}
