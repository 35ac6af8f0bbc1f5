//! `NumPy`'s `.npy` arrays and `.npz` archives.
//!
//! Read within limits: a size that a header declares is checked against what is there before memory is asked for.

use std::fs::File;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use kenyon_base::{AtomicFile, Result, UserError};
use npyz::{DType, NpyFile, Order, WriterBuilder};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Largest array, decompressed.
const LIMIT_BYTES: u64 = 16 << 30;
/// Largest ratio of decompressed to compressed size beyond the first [`RATIO_FREE_BYTES`].
const LIMIT_RATIO: u64 = 1000;
const RATIO_FREE_BYTES: u64 = 16 << 20;
/// Largest number of arrays in an archive.
const LIMIT_ENTRIES: usize = 65_535;
/// A header nests a tuple in a dict; one that nests deeper is none.
const LIMIT_BRACKETS: usize = 16;

/// Numbers of an array in the type of the file.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are the types")]
pub enum Values {
    Bool(Vec<bool>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// An array in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Length of each axis; empty for a scalar.
    pub shape: Vec<usize>,
    /// The numbers.
    pub values: Values,
}

macro_rules! for_all {
    ($values:expr, $v:ident => $body:expr) => {
        match $values {
            Values::Bool($v) => $body,
            Values::I8($v) => $body,
            Values::I16($v) => $body,
            Values::I32($v) => $body,
            Values::I64($v) => $body,
            Values::U8($v) => $body,
            Values::U16($v) => $body,
            Values::U32($v) => $body,
            Values::U64($v) => $body,
            Values::F32($v) => $body,
            Values::F64($v) => $body,
        }
    };
}

/// A number of a file as `f64`.
trait Number: Copy {
    fn number(self) -> f64;
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Number for $type {
            #[allow(clippy::cast_lossless, reason = "one text for all types")]
            fn number(self) -> f64 {
                self as f64
            }
        }
    )*};
}

number!(i8, i16, i32, i64, u8, u16, u32, u64, f32, f64);

impl Number for bool {
    fn number(self) -> f64 {
        f64::from(u8::from(self))
    }
}

impl Array {
    /// An array of doubles.
    ///
    /// # Panics
    /// If the shape does not fit.
    pub fn of_f64(shape: &[usize], values: Vec<f64>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "shape of the array");
        Self { shape: shape.to_vec(), values: Values::F64(values) }
    }

    /// The numbers as doubles; whole numbers beyond 2^53 are rounded.
    pub fn to_f64(&self) -> Vec<f64> {
        for_all!(&self.values, v => v.iter().map(|x| x.number()).collect())
    }

    /// The numbers as whole numbers; `None` if one is not whole.
    pub fn to_i64(&self) -> Option<Vec<i64>> {
        if let Values::I64(values) = &self.values {
            return Some(values.clone());
        }
        let exact = |x: f64| (x.fract() == 0.0 && x.abs() < 9.0e15).then_some(x as i64);
        for_all!(&self.values, v => v.iter().map(|x| exact(x.number())).collect())
    }

    /// The same numbers as doubles or singles, as `like` has them.
    #[must_use]
    pub fn in_type_of(&self, like: &Self) -> Self {
        let values = match like.values {
            Values::F32(_) => Values::F32(self.to_f64().into_iter().map(|x| x as f32).collect()),
            _ => Values::F64(self.to_f64()),
        };
        Self { shape: self.shape.clone(), values }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Reads one `.npy` file.
///
/// # Errors
/// If the file is missing, truncated, or holds anything but numbers.
pub fn read_npy(path: &Path) -> Result<Array> {
    let bytes = std::fs::read(path).map_err(|e| UserError::cannot_read(path, &e))?;
    parse(&bytes).map_err(|cause| bad(path, cause))
}

fn bad(path: &Path, cause: String) -> UserError {
    UserError::bad_data("bad-npy", "is no array of numbers")
        .file(path)
        .found(cause)
        .mend("write it again with numpy.save or numpy.savez")
}

/// An array from the bytes of a `.npy` file; in case of a fault, what it is.
fn parse(bytes: &[u8]) -> std::result::Result<Array, String> {
    let text = |e: std::io::Error| e.to_string();
    let header_length = match bytes {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => 10 + usize::from(u16::from_le_bytes([*a, *b])),
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d, ..] => {
            12usize.saturating_add(u32::from_le_bytes([*a, *b, *c, *d]) as usize)
        }
        _ => return Err("no NumPy header".into()),
    };
    let Some(header) = bytes.get(..header_length) else { return Err("a header that is cut off".into()) };
    // The parser of the header is recursive: refuse what nests before it does.
    if header[8..].iter().filter(|b| matches!(b, b'(' | b'[' | b'{')).count() > LIMIT_BRACKETS {
        return Err("a nested header".into());
    }
    let npy = NpyFile::new(bytes).map_err(text)?;
    let DType::Plain(kind) = npy.dtype() else { return Err("records instead of numbers".into()) };
    let kind = kind.to_string();
    let shape: Vec<usize> = npy.shape().iter().map(|n| *n as usize).collect();
    let width: usize = kind.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().map_err(|_| format!("type {kind}"))?;
    let length = npy.shape().iter().try_fold(1u64, |all, n| all.checked_mul(*n)).ok_or("a shape beyond all memory")?;
    if length.checked_mul(width as u64) != Some((bytes.len() - header_length) as u64) {
        return Err(format!("{} bytes for the shape {shape:?}", bytes.len() - header_length));
    }
    let fortran = npy.order() == Order::Fortran;
    macro_rules! read {
        ($variant:ident) => {
            Values::$variant(in_row_order(npy.into_vec().map_err(text)?, &shape, fortran))
        };
    }
    let values = match kind.trim_start_matches(['<', '>', '|', '=']) {
        "b1" => read!(Bool),
        "i1" => read!(I8),
        "i2" => read!(I16),
        "i4" => read!(I32),
        "i8" => read!(I64),
        "u1" => read!(U8),
        "u2" => read!(U16),
        "u4" => read!(U32),
        "u8" => read!(U64),
        "f4" => read!(F32),
        "f8" => read!(F64),
        _ => return Err(format!("type {kind}")),
    };
    Ok(Array { shape, values })
}

fn in_row_order<T: Copy>(values: Vec<T>, shape: &[usize], fortran: bool) -> Vec<T> {
    if !fortran || shape.len() < 2 {
        return values;
    }
    let mut index = vec![0; shape.len()];
    let mut out = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        let at = index.iter().zip(shape).rev().fold(0, |at, (i, n)| at * n + i);
        out.push(values[at]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    out
}

/// An open `.npz` archive.
#[derive(Debug)]
pub struct NpzReader {
    path: PathBuf,
    archive: ZipArchive<File>,
}

impl NpzReader {
    /// Opens an archive.
    ///
    /// # Errors
    /// If the file is missing or no archive.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| UserError::cannot_read(path, &e))?;
        let archive = ZipArchive::new(file).map_err(|e| {
            UserError::bad_data("bad-npz", "is no archive of arrays")
                .file(path)
                .found(e.to_string())
                .mend("write it again with numpy.savez")
        })?;
        if archive.len() > LIMIT_ENTRIES {
            return Err(UserError::bad_data("limit", "holds too many arrays")
                .file(path)
                .found(archive.len().to_string())
                .expected(format!("at most {LIMIT_ENTRIES}"))
                .mend("name the archive that belongs to this format"));
        }
        Ok(Self { path: path.to_path_buf(), archive })
    }

    /// Names of the arrays, sorted.
    pub fn names(&self) -> Vec<String> {
        let stems = self.archive.file_names().filter_map(|n| Some(n.ok()?.strip_suffix(".npy")?.to_string()));
        let mut names: Vec<String> = stems.collect();
        names.sort_unstable();
        names
    }

    /// Reads one array.
    ///
    /// # Errors
    /// If there is none of this name, or it is damaged.
    pub fn read(&mut self, name: &str) -> Result<Array> {
        let names = self.names();
        let path = &self.path;
        let in_array = |e: UserError| e.dataset(name);
        let entry = self.archive.by_name(&format!("{name}.npy")).map_err(|_| {
            in_array(
                UserError::bad_data("no-such-array", "lacks an array")
                    .file(path)
                    .expected(format!("`{name}`"))
                    .found(names.join(", "))
                    .mend("write it again with all arrays that the format asks for"),
            )
        })?;
        let limit = LIMIT_BYTES.min(RATIO_FREE_BYTES + entry.compressed_size().saturating_mul(LIMIT_RATIO));
        let mut bytes = Vec::new();
        let read = entry.take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|e| in_array(bad(path, e.to_string())))?;
        if bytes.len() as u64 > limit {
            return Err(in_array(
                UserError::bad_data("limit", "an array unpacks to an unreasonable size")
                    .file(path)
                    .mend("check where the file comes from"),
            ));
        }
        parse(&bytes).map_err(|cause| in_array(bad(path, cause)))
    }
}

/// Writes arrays as a compressed `.npz` archive, whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn write_npz<'a>(path: &Path, arrays: impl IntoIterator<Item = (&'a str, &'a Array)>) -> Result<()> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let failed = |e: std::io::Error| UserError::cannot_write(path, &e);
    for (name, array) in arrays {
        let bytes = for_all!(&array.values, v => npy_bytes(&array.shape, v)).map_err(failed)?;
        let large = bytes.len() as u64 >= u64::from(u32::MAX);
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(large);
        zip.start_file(format!("{name}.npy"), options).map_err(|e| failed(std::io::Error::other(e)))?;
        zip.write_all(&bytes).map_err(failed)?;
    }
    let archive = zip.finish().map_err(|e| failed(std::io::Error::other(e)))?;
    AtomicFile::write(path, &archive.into_inner())
}

fn npy_bytes<T: npyz::AutoSerialize + Copy>(shape: &[usize], values: &[T]) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(size_of_val(values) + 128);
    let shape: Vec<u64> = shape.iter().map(|n| *n as u64).collect();
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(&mut bytes).begin_nd()?;
    writer.extend(values.iter().copied())?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(arrays: &[(&str, Array)]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.npz");
        write_npz(&path, arrays.iter().map(|(name, array)| (*name, array))).expect("written");
        (dir, path)
    }

    #[test]
    fn arrays_come_back_with_shape_and_type() {
        let arrays = [
            ("scalar", Array::of_f64(&[], vec![0.1])),
            ("matrix", Array { shape: vec![2, 3], values: Values::F32(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.5]) }),
            ("counts", Array { shape: vec![3], values: Values::U8(vec![0, 1, 255]) }),
            ("ids", Array { shape: vec![2], values: Values::I64(vec![720_575_940_000_000_001, -1]) }),
            ("none", Array::of_f64(&[0, 4], vec![])),
        ];
        let (_dir, path) = archive(&arrays);
        let mut reader = NpzReader::open(&path).expect("opened");
        assert_eq!(reader.names(), ["counts", "ids", "matrix", "none", "scalar"]);
        for (name, array) in arrays {
            assert_eq!(reader.read(name).expect("read"), array);
        }
    }

    #[test]
    fn an_array_in_column_order_is_read_in_row_order() {
        let mut bytes = npy_bytes(&[2, 3], &[1u8, 4, 2, 5, 3, 6]).expect("written");
        let at = bytes.windows(5).position(|w| w == b"False").expect("row order");
        bytes[at..at + 5].copy_from_slice(b"True ");
        assert_eq!(parse(&bytes).expect("parsed").values, Values::U8(vec![1, 2, 3, 4, 5, 6]));
    }

    #[test]
    fn damaged_arrays_are_refused_without_a_panic() {
        let good = npy_bytes(&[2, 2], &[1.0f64, 2.0, 3.0, 4.0]).expect("written");
        for end in 0..good.len() {
            assert!(parse(&good[..end]).is_err(), "cut at {end}");
        }
        for at in 0..128 {
            for byte in [0, b'(', b'9', b'\'', 0xff] {
                let mut bytes = good.clone();
                bytes[at] = byte;
                let _ = parse(&bytes);
            }
        }
        let nested = [b"\x93NUMPY\x02\x00\xa0\x86\x01\x00".as_slice(), &vec![b'('; 100_000]].concat();
        assert!(parse(&nested).is_err());
    }

    #[test]
    fn a_missing_array_is_named_with_those_that_are_there() {
        let (_dir, path) = archive(&[("w1", Array::of_f64(&[1], vec![1.0]))]);
        let error = NpzReader::open(&path).and_then(|mut r| r.read("w2")).expect_err("there is no w2");
        assert_eq!((error.code(), error.exit_code()), ("no-such-array", 3));
        assert!(error.to_string().contains("w1"), "{error}");
    }
}
