//! `NumPy`'s `.npy` arrays, byte for byte as `numpy.save` writes them, and the sparse matrices of `scipy.sparse.save_npz`.

use std::fs::{self, File};
use std::io::{Cursor, Read, Write};
use std::path::Path;

use half::f16;
use kenyon_base::{AtomicFile, Result, UserError};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Largest array, decompressed.
const LIMIT_BYTES: u64 = 4 << 30;
/// Largest ratio of decompressed to compressed size beyond the first [`RATIO_FREE_BYTES`].
const LIMIT_RATIO: u64 = 1000;
const RATIO_FREE_BYTES: u64 = 16 << 20;
/// Digits that numpy leaves room for, so that the first axis can grow.
const GROWTH_DIGITS: usize = 21;

/// An array as its file holds it: little-endian, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Npy {
    /// Type, for example `<f2` or `|b1`.
    pub(super) descr: String,
    /// Length of each axis.
    pub(super) shape: Vec<usize>,
    /// The elements.
    pub(super) data: Vec<u8>,
}

fn bad(path: &Path, cause: impl Into<String>) -> UserError {
    UserError::bad_data("bad-npy", "is not an array as this layout has it")
        .file(path)
        .found(cause.into())
        .mend("write it again with numpy.save, or leave the simulation out")
}

/// Bytes of an element of a type.
fn width(descr: &str) -> Option<usize> {
    let kind = descr.strip_prefix(['<', '|'])?;
    let (letter, size) = kind.split_at_checked(1)?;
    let size: usize = size.parse().ok()?;
    match (letter, size) {
        ("b" | "S", _) if size <= 64 => Some(size),
        ("f", 2 | 4 | 8) | ("i" | "u", 1 | 2 | 4 | 8) => Some(size),
        _ => None,
    }
}

impl Npy {
    /// An array of given type and shape.
    pub(super) fn new(descr: &str, shape: &[usize], data: Vec<u8>) -> Self {
        Self { descr: descr.into(), shape: shape.to_vec(), data }
    }

    /// The array as a file: version 1, aligned to 64 bytes, as numpy writes it.
    pub(super) fn encode(&self) -> Vec<u8> {
        let axes: Vec<String> = self.shape.iter().map(ToString::to_string).collect();
        let shape = match axes.as_slice() {
            [one] => format!("({one},)"),
            _ => format!("({})", axes.join(", ")),
        };
        let mut header = format!("{{'descr': '{}', 'fortran_order': False, 'shape': {shape}, }}", self.descr);
        if let Some(first) = axes.first() {
            header.push_str(&" ".repeat(GROWTH_DIGITS.saturating_sub(first.len())));
        }
        let padded = (10 + header.len() + 1).next_multiple_of(64);
        header.push_str(&" ".repeat(padded - 11 - header.len()));
        header.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(&self.data);
        bytes
    }

    /// Parses a file of version 1, 2 or 3 in row order and little-endian.
    fn decode(bytes: &[u8]) -> std::result::Result<Self, String> {
        let (header, data) = match bytes {
            [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, rest @ ..] => {
                rest.split_at_checked(usize::from(u16::from_le_bytes([*a, *b])))
            }
            [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d, rest @ ..] => {
                rest.split_at_checked(u32::from_le_bytes([*a, *b, *c, *d]) as usize)
            }
            _ => return Err("no NumPy header".into()),
        }
        .ok_or("a header that is cut off")?;
        let header = std::str::from_utf8(header).map_err(|_| "a header that is no text")?;
        let value = |key: &str| -> std::result::Result<&str, String> {
            let at = header.find(&format!("'{key}'")).ok_or(format!("a header without `{key}`"))?;
            let rest = &header[at + key.len() + 2..];
            Ok(rest.trim_start().strip_prefix(':').ok_or("a malformed header")?.trim_start())
        };
        let descr = value("descr")?.strip_prefix('\'').and_then(|r| r.split('\'').next()).ok_or("records instead of numbers")?;
        if !value("fortran_order")?.starts_with("False") {
            return Err("columns first (`fortran_order`)".into());
        }
        let shape = value("shape")?.strip_prefix('(').and_then(|r| r.split_once(')')).ok_or("a malformed shape")?.0;
        let axes = shape.split(',').map(str::trim).filter(|a| !a.is_empty());
        let shape: Vec<usize> =
            axes.map(|a| a.parse().map_err(|_| format!("the axis `{a}`"))).collect::<std::result::Result<_, _>>()?;
        let size = width(descr).ok_or(format!("type {descr}"))?;
        let expected = shape.iter().try_fold(size, |all, &n| all.checked_mul(n)).ok_or("a shape beyond all memory")?;
        if expected != data.len() {
            return Err(format!("{} bytes for the shape {shape:?}", data.len()));
        }
        Ok(Self { descr: descr.into(), shape, data: data.to_vec() })
    }

    /// Reads a file that must have this type and shape.
    pub(super) fn read(path: &Path, descr: &str, shape: &[usize]) -> Result<Self> {
        let npy = Self::read_any(path)?;
        if npy.descr == descr && npy.shape == shape {
            return Ok(npy);
        }
        Err(bad(path, format!("{} {:?}", npy.descr, npy.shape)).expected(format!("{descr} {shape:?}")))
    }

    /// Reads a file of any type and shape.
    pub(super) fn read_any(path: &Path) -> Result<Self> {
        let fail = |e: std::io::Error| UserError::cannot_read(path, &e);
        if fs::metadata(path).map_err(fail)?.len() > LIMIT_BYTES {
            return Err(bad(path, "more than 4 GiB"));
        }
        Self::decode(&fs::read(path).map_err(fail)?).map_err(|cause| bad(path, cause))
    }

    /// Writes the file, in a folder that appears as a whole.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, self.encode()).map_err(|e| UserError::cannot_write(path, &e))
    }

    /// Half-precision elements.
    pub(super) fn halves(&self) -> Vec<f16> {
        self.data.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]])).collect()
    }

    /// Single-precision elements.
    pub(super) fn singles(&self) -> Vec<f32> {
        self.data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    }

    /// Whole numbers or fractions of any width as doubles.
    fn doubles(&self) -> Option<Vec<f64>> {
        macro_rules! read {
            ($type:ty) => {
                self.data
                    .chunks_exact(size_of::<$type>())
                    .map(|b| <$type>::from_le_bytes(b.try_into().expect("whole elements")) as f64)
                    .collect()
            };
        }
        #[allow(clippy::cast_lossless, reason = "one text for all types")]
        Some(match self.descr.trim_start_matches(['<', '|']) {
            "f2" => self.halves().into_iter().map(f16::to_f64).collect(),
            "f4" => read!(f32),
            "f8" => read!(f64),
            "i1" => read!(i8),
            "i2" => read!(i16),
            "i4" => read!(i32),
            "i8" => read!(i64),
            "u1" | "b1" => read!(u8),
            "u2" => read!(u16),
            "u4" => read!(u32),
            "u8" => read!(u64),
            _ => return None,
        })
    }
}

/// A sparse matrix, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Csr {
    /// Rows and columns.
    pub shape: [usize; 2],
    /// Where each row begins.
    pub ptr: Vec<u32>,
    /// Column and value, increasing by column in a row.
    pub entries: Vec<(u32, f64)>,
}

impl Csr {
    /// Reads what `scipy.sparse.save_npz` wrote of a CSR matrix; repeated entries are added.
    ///
    /// # Errors
    /// `bad-npz` with what is wrong.
    pub fn read(path: &Path) -> Result<Self> {
        let bad = |cause: String| {
            UserError::bad_data("bad-npz", "is no sparse matrix of weighted spikes")
                .file(path)
                .found(cause)
                .expected("a CSR matrix as `scipy.sparse.save_npz` writes it")
                .mend("write it again with `scipy.sparse.save_npz(path, matrix.tocsr())`")
        };
        let file = File::open(path).map_err(|e| UserError::cannot_read(path, &e))?;
        let mut archive = ZipArchive::new(file).map_err(|e| bad(e.to_string()))?;
        let mut array = |name: &str| -> Result<Npy> {
            let entry = archive.by_name(&format!("{name}.npy")).map_err(|_| bad(format!("no array `{name}`")))?;
            let limit = LIMIT_BYTES.min(RATIO_FREE_BYTES + entry.compressed_size().saturating_mul(LIMIT_RATIO));
            let mut bytes = Vec::new();
            entry.take(limit + 1).read_to_end(&mut bytes).map_err(|e| bad(e.to_string()))?;
            if bytes.len() as u64 > limit {
                return Err(bad(format!("an unreasonable size of `{name}`")));
            }
            Npy::decode(&bytes).map_err(|cause| bad(format!("in `{name}`: {cause}")))
        };
        let format = array("format")?;
        if format.data.strip_prefix(b"csr").is_none_or(|rest| rest.iter().any(|&b| b != 0)) {
            return Err(bad(format!("format {}", String::from_utf8_lossy(&format.data))));
        }
        let mut whole = |name: &str, limit: f64| -> Result<Vec<usize>> {
            let values = array(name)?.doubles().ok_or_else(|| bad(format!("the type of `{name}`")))?;
            match values.iter().find(|v| v.fract() != 0.0 || !(0.0..=limit).contains(*v)) {
                Some(odd) => Err(bad(format!("{odd} in `{name}`"))),
                None => Ok(values.into_iter().map(|v| v as usize).collect()),
            }
        };
        let shape = whole("shape", 1e9)?;
        let &[rows, columns] = &shape[..] else { return Err(bad(format!("shape {shape:?}"))) };
        let (indices, ptr) = (whole("indices", columns as f64 - 1.0)?, whole("indptr", f64::from(u32::MAX))?);
        let data = array("data")?.doubles().ok_or_else(|| bad("the type of `data`".into()))?;
        let sound =
            ptr.len() == rows + 1 && ptr[0] == 0 && ptr.is_sorted() && ptr[rows] == indices.len() && data.len() == indices.len();
        if !sound {
            return Err(bad("arrays whose lengths do not fit".into()));
        }
        if let Some(odd) = data.iter().find(|v| !v.is_finite()) {
            return Err(bad(format!("{odd} in `data`")));
        }
        let mut out = Self { shape: [rows, columns], ptr: vec![0], entries: Vec::with_capacity(data.len()) };
        for row in ptr.windows(2) {
            let mut line: Vec<(u32, f64)> = (row[0]..row[1]).map(|i| (indices[i] as u32, data[i])).collect();
            line.sort_by_key(|e| e.0);
            line.dedup_by(|later, kept| {
                let same = later.0 == kept.0;
                if same {
                    kept.1 += later.1;
                }
                same
            });
            out.entries.extend(line);
            out.ptr.push(out.entries.len() as u32);
        }
        Ok(out)
    }

    /// Writes it as `scipy.sparse.save_npz` does.
    ///
    /// # Errors
    /// A failed write.
    pub fn write(&self, path: &Path) -> Result<()> {
        let le32 = |values: &mut dyn Iterator<Item = u32>| values.flat_map(|v| (v as i32).to_le_bytes()).collect::<Vec<u8>>();
        let n = self.entries.len();
        let arrays = [
            ("indices", Npy::new("<i4", &[n], le32(&mut self.entries.iter().map(|e| e.0)))),
            ("indptr", Npy::new("<i4", &[self.ptr.len()], le32(&mut self.ptr.iter().copied()))),
            ("format", Npy::new("|S3", &[], b"csr".to_vec())),
            ("shape", Npy::new("<i8", &[2], self.shape.iter().flat_map(|&s| (s as u64).to_le_bytes()).collect())),
            ("data", Npy::new("<f8", &[n], self.entries.iter().flat_map(|e| e.1.to_le_bytes()).collect())),
        ];
        let failed = |e: std::io::Error| UserError::cannot_write(path, &e);
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, array) in arrays {
            let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
            zip.start_file(format!("{name}.npy"), options).map_err(|e| failed(std::io::Error::other(e)))?;
            zip.write_all(&array.encode()).map_err(failed)?;
        }
        let archive = zip.finish().map_err(|e| failed(std::io::Error::other(e)))?;
        AtomicFile::write(path, &archive.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_that_numpy_writes() {
        let bytes = Npy::new("|b1", &[3], vec![1, 0, 1]).encode();
        assert_eq!(bytes.len(), 128 + 3);
        assert!(bytes.starts_with(b"\x93NUMPY\x01\x00\x76\x00{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }  "));
        assert_eq!(bytes[127], b'\n');
        for array in [Npy::new("<f2", &[1, 2, 2], vec![0; 8]), Npy::new("|S3", &[], b"csr".to_vec())] {
            assert_eq!(Npy::decode(&array.encode()), Ok(array));
        }
    }

    #[test]
    fn malformed_arrays_are_refused() {
        let good = Npy::new("<f4", &[2], vec![0; 8]).encode();
        assert!(Npy::decode(&good[..20]).is_err() && Npy::decode(&good[..good.len() - 1]).is_err() && Npy::decode(b"").is_err());
        let text = String::from_utf8_lossy(&good[10..128]).into_owned();
        for (from, to) in
            [("<f4", ">f4"), ("<f4", "|O8"), ("False", "True "), ("(2,)", "(9,)"), ("(2,)", "(-,)"), ("shape", "shope")]
        {
            let mut bad = good.clone();
            bad[10..128].copy_from_slice(text.replacen(from, to, 1).as_bytes());
            assert!(Npy::decode(&bad).is_err(), "{to}");
        }
    }

    proptest::proptest! {
        #[test]
        fn bytes_of_any_kind_are_no_panic(header in "[ {}'(),:a-z0-9<|]{0,90}", data in proptest::collection::vec(0_u8.., 0..20)) {
            let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {header}\n");
            let bytes = [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &data].concat();
            let _ = Npy::decode(&bytes);
            let _ = Npy::decode(&data);
        }
    }

    #[test]
    fn a_sparse_matrix_comes_back() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("exc_weighted_spikes.npz");
        let matrix = Csr { shape: [3, 10], ptr: vec![0, 2, 2, 3], entries: vec![(0, 1.0), (9, 0.12345), (4, 2.5)] };
        matrix.write(&path).expect("written");
        assert_eq!(Csr::read(&path).expect("read"), matrix);
        fs::write(&path, b"PK no archive").expect("written");
        assert_eq!(Csr::read(&path).expect_err("no archive").code(), "bad-npz");
    }
}
