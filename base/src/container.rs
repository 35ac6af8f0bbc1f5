//! HDF5 files with a format name, a version, provenance, and a seal over every byte.
//!
//! The first 512 bytes are HDF5's user block and hold the SHA-256 of all that follows, so that one changed byte anywhere is
//! found before the HDF5 library interprets it. Plain `h5py` opens the file without knowing about the seal.
//!
//! Object times are off and data sets are written in one call each: the same content gives the same bytes.

mod growing;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use hdf5::types::{FixedUnicode, TypeDescriptor, VarLenUnicode};
use hdf5::{Dataset, H5Type};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::atomic::AtomicFile;
use crate::digest;
use crate::error::{Result, UserError};

pub use growing::{Growing, Slices};

/// Size of the user block in bytes.
const SEAL_BYTES: usize = 512;
/// Start of the seal line.
const SEAL: &str = "kenyon sha256 ";
/// Elements per chunk of compressed data sets.
const CHUNK: usize = 1 << 14;

/// A file that something was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// File name, without the folders above the one that was read, so that the same data give the same bytes anywhere.
    pub name: String,
    /// What it was read as, for example `connections`.
    pub kind: String,
    /// SHA-256 of the file as it lies on disk.
    pub sha256: String,
    /// Size on disk in bytes.
    pub bytes: u64,
    /// Data rows read.
    pub rows: u64,
}

/// Where a file comes from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Tool and version that wrote it.
    #[serde(default)]
    pub tool: String,
    /// What it was made from.
    pub sources: Vec<Source>,
    /// Steps and options in order of application.
    pub steps: Vec<serde_json::Value>,
    /// Whether any part is synthetic.
    pub synthetic: bool,
}

/// Numbers that a container holds.
pub trait Element: H5Type + Copy + private::Sealed {}

mod private {
    pub trait Sealed {}
}

macro_rules! elements {
    ($($t:ty),*) => { $(impl private::Sealed for $t {} impl Element for $t {})* };
}
elements!(u8, u16, u32, u64, i8, i16, i32, i64, half::f16, f32, f64);

/// Writes one container; nothing appears under the final name before [`finish`](Self::finish).
#[derive(Debug)]
pub struct ContainerWriter {
    hdf5: hdf5::File,
    file: AtomicFile,
    target: PathBuf,
}

impl ContainerWriter {
    /// Starts a container of the given format.
    pub fn create(target: &Path, format: &str, version: u32) -> Result<Self> {
        let file = AtomicFile::create(target)?;
        let hdf5 = hdf5::File::with_options()
            .with_fcpl(|p| p.userblock(SEAL_BYTES as u64).obj_track_times(false))
            .create(file.temporary())
            .map_err(|e| broken_write(target, "/", &e))?;
        let writer = Self { hdf5, file, target: target.to_path_buf() };
        writer.attribute("format", format)?;
        writer.attribute("format_version", &version.to_string())?;
        writer.attribute("tool", crate::TOOL)?;
        Ok(writer)
    }

    fn attribute(&self, name: &str, value: &str) -> Result<()> {
        let text: VarLenUnicode = value.parse().expect("our own names hold no NUL");
        self.hdf5
            .new_attr::<VarLenUnicode>()
            .create(name)
            .and_then(|a| a.write_scalar(&text))
            .map_err(|e| broken_write(&self.target, name, &e))
    }

    /// Writes a one-dimensional array, contiguous and uncompressed.
    pub fn write<T: Element>(&self, name: &str, data: &[T]) -> Result<()> {
        self.hdf5
            .new_dataset::<T>()
            .obj_track_times(false)
            .create_intermediate_group(true)
            .shape(data.len())
            .create(name)
            .and_then(|d| d.write_raw(data))
            .map_err(|e| broken_write(&self.target, name, &e))
    }

    /// Writes UTF-8 strings: of fixed length up to 256 bytes (compressed), of variable length above.
    ///
    /// # Errors
    /// A NUL character inside a string, or a failed write.
    pub fn write_text<S: AsRef<str>>(&self, name: &str, data: &[S]) -> Result<()> {
        let longest = data.iter().map(|s| s.as_ref().len()).max().unwrap_or(0);
        match longest {
            0..=8 => self.write_fixed::<8, S>(name, data),
            9..=16 => self.write_fixed::<16, S>(name, data),
            17..=32 => self.write_fixed::<32, S>(name, data),
            33..=64 => self.write_fixed::<64, S>(name, data),
            65..=128 => self.write_fixed::<128, S>(name, data),
            129..=256 => self.write_fixed::<256, S>(name, data),
            _ => self.write_strings::<VarLenUnicode, S>(name, data, |s| s.parse().ok()),
        }
    }

    fn write_fixed<const N: usize, S: AsRef<str>>(&self, name: &str, data: &[S]) -> Result<()> {
        self.write_strings::<FixedUnicode<N>, S>(name, data, |s| s.parse().ok())
    }

    fn write_strings<T: H5Type, S: AsRef<str>>(&self, name: &str, data: &[S], make: impl Fn(&str) -> Option<T>) -> Result<()> {
        let fail = |e: hdf5::Error| broken_write(&self.target, name, &e);
        let builder = self.hdf5.new_dataset::<T>().obj_track_times(false).create_intermediate_group(true);
        let dataset = if data.is_empty() {
            builder.shape(0).create(name).map_err(fail)?
        } else {
            builder.chunk(data.len().min(CHUNK)).deflate(1).shape(data.len()).create(name).map_err(fail)?
        };
        for (i, part) in data.chunks(CHUNK).enumerate() {
            let strings: Option<Vec<T>> = part.iter().map(|s| make(s.as_ref())).collect();
            let Some(strings) = strings else {
                return Err(UserError::bad_data("nul-in-text", "a text holds a NUL character").dataset(name).mend("remove it"));
            };
            let start = i * CHUNK;
            dataset.write_slice(&strings, start..start + strings.len()).map_err(fail)?;
        }
        Ok(())
    }

    /// Writes the provenance, seals the file and renames it to its final name.
    pub fn finish(self, provenance: &Provenance) -> Result<()> {
        let mut provenance = provenance.clone();
        provenance.tool = crate::TOOL.to_string();
        let json = serde_json::to_string_pretty(&provenance).expect("provenance is plain data");
        self.write_strings::<VarLenUnicode, _>("provenance", &[json], |s| s.parse().ok())?;
        let Self { hdf5, mut file, target } = self;
        hdf5.close().map_err(|e| broken_write(&target, "/", &e))?;
        seal(&mut file).map_err(|e| UserError::cannot_write(&target, &e))?;
        file.commit()
    }
}

fn seal(file: &mut AtomicFile) -> std::io::Result<()> {
    let mut on_disk = File::options().read(true).write(true).open(file.temporary())?;
    on_disk.seek(SeekFrom::Start(SEAL_BYTES as u64))?;
    let block = seal_block(&digest::sha256_reader(&mut on_disk)?);
    on_disk.seek(SeekFrom::Start(0))?;
    on_disk.write_all(&block)
}

fn seal_block(hash: &str) -> [u8; SEAL_BYTES] {
    let mut block = [0; SEAL_BYTES];
    let line = format!("{SEAL}{hash}\n");
    block[..line.len()].copy_from_slice(line.as_bytes());
    block
}

/// A container opened for reading, its seal checked.
#[derive(Debug)]
pub struct Container {
    hdf5: hdf5::File,
    path: PathBuf,
    sha256: String,
    provenance: Provenance,
}

impl Container {
    /// Opens a container of the given format, up to the given version.
    ///
    /// # Errors
    /// `not-a-container`, `checksum`, `format`, `version`, or that the file cannot be read.
    pub fn open(path: &Path, format: &str, version: u32) -> Result<Self> {
        let sha256 = check_seal(path)?;
        let hdf5 = hdf5::File::open(path).map_err(|e| broken_read(path, "/", &e))?;
        let attribute = |name: &str| -> Result<String> {
            let text = hdf5.attr(name).and_then(|a| a.read_scalar::<VarLenUnicode>()).map_err(|e| broken_read(path, name, &e))?;
            Ok(text.as_str().to_string())
        };
        let found = attribute("format")?;
        if found != format {
            return Err(UserError::bad_data("format", "is another kind of file")
                .file(path)
                .found(found)
                .expected(format!("`{format}`"))
                .mend("name the right file"));
        }
        let found = attribute("format_version")?;
        if !found.parse::<u32>().is_ok_and(|v| (1..=version).contains(&v)) {
            return Err(UserError::bad_data("version", "was written by a newer version of kenyon")
                .file(path)
                .found(found)
                .expected(format!("format version 1 to {version}"))
                .mend("update kenyon, or make the file again with this version"));
        }
        let mut container = Self { hdf5, path: path.to_path_buf(), sha256, provenance: Provenance::default() };
        let text = container.read_text("provenance")?;
        container.provenance = text.first().and_then(|t| serde_json::from_str(t).ok()).ok_or_else(|| {
            UserError::bad_data("provenance", "its provenance cannot be read").file(path).mend("make the file again")
        })?;
        Ok(container)
    }

    /// The file it was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of its content.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Where it comes from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Whether a data set of this name exists.
    pub fn has(&self, name: &str) -> bool {
        self.hdf5.link_exists(name)
    }

    /// Names of the data sets in a group, sorted; empty if there is no such group.
    pub fn names(&self, group: &str) -> Vec<String> {
        let mut names = self.hdf5.group(group).and_then(|g| g.member_names()).unwrap_or_default();
        names.sort_unstable();
        names
    }

    fn dataset(&self, name: &str) -> Result<Dataset> {
        let dataset = self.hdf5.dataset(name).map_err(|_| {
            UserError::bad_data("missing-dataset", "a data set is missing")
                .file(&self.path)
                .dataset(name)
                .mend("make the file again with this version")
        })?;
        if dataset.ndim() != 1 {
            return Err(UserError::bad_data("bad-shape", "a data set has the wrong shape")
                .file(&self.path)
                .dataset(name)
                .found(format!("{:?}", dataset.shape()))
                .expected("one dimension"));
        }
        Ok(dataset)
    }

    /// Reads a one-dimensional array.
    pub fn read<T: Element>(&self, name: &str) -> Result<Vec<T>> {
        self.dataset(name)?.read_raw::<T>().map_err(|e| broken_read(&self.path, name, &e))
    }

    /// Reads a one-dimensional array that must have `len` elements.
    pub fn read_len<T: Element>(&self, name: &str, len: usize) -> Result<Vec<T>> {
        let data = self.read(name)?;
        if data.len() == len {
            return Ok(data);
        }
        Err(UserError::bad_data("bad-length", "a data set has the wrong length")
            .file(&self.path)
            .dataset(name)
            .found(data.len().to_string())
            .expected(format!("{len} elements"))
            .mend("make the file again"))
    }

    /// Hands every string of a data set to `each`, in order.
    pub fn for_each_text(&self, name: &str, mut each: impl FnMut(&str)) -> Result<()> {
        let dataset = self.dataset(name)?;
        let fail = |e: hdf5::Error| broken_read(&self.path, name, &e);
        let kind = dataset.dtype().and_then(|t| t.to_descriptor()).map_err(fail)?;
        macro_rules! visit {
            ($t:ty) => {
                for s in dataset.read_raw::<$t>().map_err(fail)? {
                    each(s.as_str());
                }
            };
        }
        match kind {
            TypeDescriptor::FixedUnicode(8) => visit!(FixedUnicode<8>),
            TypeDescriptor::FixedUnicode(16) => visit!(FixedUnicode<16>),
            TypeDescriptor::FixedUnicode(32) => visit!(FixedUnicode<32>),
            TypeDescriptor::FixedUnicode(64) => visit!(FixedUnicode<64>),
            TypeDescriptor::FixedUnicode(128) => visit!(FixedUnicode<128>),
            TypeDescriptor::FixedUnicode(256) => visit!(FixedUnicode<256>),
            TypeDescriptor::VarLenUnicode => visit!(VarLenUnicode),
            other => {
                return Err(UserError::bad_data("bad-type", "a data set has the wrong type")
                    .file(&self.path)
                    .dataset(name)
                    .found(format!("{other}"))
                    .expected("UTF-8 strings as kenyon writes them"));
            }
        }
        Ok(())
    }

    /// Reads all strings of a data set.
    pub fn read_text(&self, name: &str) -> Result<Vec<String>> {
        let mut out = Vec::new();
        self.for_each_text(name, |s| out.push(s.to_string()))?;
        Ok(out)
    }
}

/// Checks that the content is what was sealed; returns its SHA-256.
fn check_seal(path: &Path) -> Result<String> {
    let unreadable = |e: std::io::Error| UserError::cannot_read(path, &e);
    let meta = std::fs::metadata(path).map_err(unreadable)?;
    if !meta.is_file() {
        return Err(UserError::bad_data("not-a-file", "is not a regular file").file(path).mend("name a file that kenyon wrote"));
    }
    let mut file = File::open(path).map_err(unreadable)?;
    let mut block = [0; SEAL_BYTES];
    let sealed = file.read_exact(&mut block).is_ok() && block.starts_with(SEAL.as_bytes());
    if !sealed {
        return Err(UserError::bad_data("not-a-container", "was not written by kenyon, or its first bytes are damaged")
            .file(path)
            .byte(0)
            .mend("name a file that kenyon wrote, or make it again"));
    }
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let n = file.read(&mut buffer).map_err(unreadable)?;
        if n == 0 {
            break;
        }
        hash.update(&buffer[..n]);
    }
    let hash = digest::hex(hash.finalize());
    if block != seal_block(&hash) {
        return Err(UserError::bad_data("checksum", "its content is not what was written: at least one byte has changed")
            .file(path)
            .expected("the SHA-256 stored in its first 512 bytes")
            .found(hash)
            .mend("make the file again from its sources, or restore a copy"));
    }
    Ok(hash)
}

fn broken_write(path: &Path, object: &str, error: &hdf5::Error) -> UserError {
    let text = error.to_string();
    // What the system said stands inside the library's own message: "…, errno = 28, error message = 'No space left on device', …".
    if let Some((_, rest)) = text.split_once("error message = '") {
        let cause = rest.split('\'').next().unwrap_or_default();
        return UserError::cannot_write(path, &std::io::Error::other(cause));
    }
    UserError::failed("hdf5-write", format!("HDF5 could not write it: {}", one_line(&text)))
        .file(path)
        .dataset(object)
        .mend("check the space left on the disk")
}

/// A message of the library as one line of bounded length.
fn one_line(text: &str) -> String {
    const LIMIT: usize = 200;
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() > LIMIT { flat.chars().take(LIMIT).chain(['…']).collect() } else { flat }
}

fn broken_read(path: &Path, object: &str, error: &hdf5::Error) -> UserError {
    UserError::bad_data("hdf5-read", format!("HDF5 could not read it: {}", one_line(&error.to_string())))
        .file(path)
        .dataset(object)
        .mend("make the file again from its sources")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn sample(path: &Path) {
        let writer = ContainerWriter::create(path, "test", 1).expect("created");
        writer.write("neurons/root_id", &[720_575_940_622_838_154_u64, 2]).expect("written");
        writer.write_text("neurons/type", &["ORN_DA1", "KCg-m é"]).expect("written");
        writer.write_text("neurons/label", &["x".repeat(1000), String::new()]).expect("written");
        writer.write::<u32>("edges/pre", &[]).expect("written");
        writer.write_text::<&str>("edges/none", &[]).expect("written");
        writer.finish(&Provenance::default()).expect("finished");
    }

    #[test]
    fn what_was_written_is_read_back() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.h5");
        sample(&path);
        let container = Container::open(&path, "test", 1).expect("opened");
        assert_eq!(container.read::<u64>("neurons/root_id").expect("read"), [720_575_940_622_838_154, 2]);
        assert_eq!(container.read_text("neurons/type").expect("read"), ["ORN_DA1", "KCg-m é"]);
        assert_eq!(container.read_text("neurons/label").expect("read")[0].len(), 1000);
        assert!(container.read::<u32>("edges/pre").expect("read").is_empty());
        assert_eq!(container.names("neurons"), ["label", "root_id", "type"]);
    }

    #[test]
    fn a_failed_write_is_told_in_one_line_by_its_cause() {
        let said = "file write failed: time = Sat Nov 21\n, filename = 'a.h5', file descriptor = 3, errno = 28, \
            error message = 'No space left on device', buf = 0x55, total write size = 2048";
        let error = broken_write(Path::new("a.h5"), "events/column", &hdf5::Error::Internal(said.into()));
        assert!(error.to_string().starts_with("a.h5: cannot be written: No space left on device; "), "{error}");
        let error = broken_write(Path::new("a.h5"), "x", &hdf5::Error::Internal("two\nlines".into()));
        assert!(!error.to_string().contains('\n'), "{error}");
    }

    #[test]
    fn the_same_content_gives_the_same_bytes() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let paths = ["a.h5", "b.h5"].map(|n| dir.path().join(n));
        for p in &paths {
            sample(p);
        }
        let [a, b] = paths.map(|p| fs::read(p).expect("read"));
        assert!(a == b);
    }

    #[test]
    fn every_single_flipped_byte_is_found() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.h5");
        sample(&path);
        let good = fs::read(&path).expect("read");
        for at in (0..good.len()).step_by(101).chain([0, 13, 80, 511, 512, good.len() - 1]) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).expect("written");
            let error = Container::open(&path, "test", 1).expect_err("one byte is wrong");
            assert_eq!(error.exit_code(), 3, "byte {at}");
        }
    }

    #[test]
    fn a_missing_or_mistyped_data_set_is_named() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.h5");
        sample(&path);
        let container = Container::open(&path, "test", 1).expect("opened");
        assert_eq!(container.read::<u32>("edges/absent").expect_err("absent").code(), "missing-dataset");
        assert_eq!(container.read::<u32>("neurons/type").expect_err("text").code(), "hdf5-read");
        assert_eq!(container.read_text("neurons/root_id").expect_err("numbers").code(), "bad-type");
        assert_eq!(Container::open(&path, "other", 1).expect_err("other format").code(), "format");
    }
}
