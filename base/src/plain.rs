//! HDF5 files of others: no seal, no format name, every promise checked.

mod rows;
mod text;

use std::path::{Path, PathBuf};

use hdf5::types::TypeDescriptor;
use hdf5::{Attribute, Dataset, H5Type, Location};

use crate::atomic::AtomicFile;
use crate::container::Element;
use crate::error::{Result, UserError};

pub use rows::{RowReader, RowWriter};

/// Order of events in a file, as SONATA enumerates it; the names are those in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, H5Type)]
#[repr(i8)]
#[allow(non_camel_case_types, reason = "the names of the variants are written into the file")]
pub enum Sorting {
    /// No order.
    none = 0,
    /// By node, then by time.
    by_id = 1,
    /// By time.
    by_time = 2,
}

/// Elements that one data set of a foreign file may declare.
const LIMIT_ELEMENTS: usize = 1 << 26;

/// A foreign HDF5 file opened for reading.
#[derive(Debug)]
pub struct PlainFile {
    hdf5: hdf5::File,
    path: PathBuf,
}

impl PlainFile {
    /// Opens `path`.
    ///
    /// # Errors
    /// Missing, not a regular file, or not HDF5.
    pub fn open(path: &Path) -> Result<Self> {
        let meta = std::fs::metadata(path).map_err(|e| UserError::cannot_read(path, &e))?;
        if !meta.is_file() {
            return Err(UserError::bad_data("not-a-file", "is not a regular file").file(path).mend("name an HDF5 file"));
        }
        let hdf5 = hdf5::File::open(path).map_err(|e| {
            UserError::bad_data("not-hdf5", format!("is not an HDF5 file, or a damaged one ({e})"))
                .file(path)
                .byte(0)
                .mend("copy or make the file again")
        })?;
        Ok(Self { hdf5, path: path.to_path_buf() })
    }

    /// Reads a data set of any shape, row by row, with its shape; empty shape for a single number.
    ///
    /// # Errors
    /// `missing-dataset`, `bad-type` with both types, `limit`, or that HDF5 cannot read it.
    pub fn read<T: Element>(&self, name: &str) -> Result<(Vec<usize>, Vec<T>)> {
        let dataset = self.dataset(name)?;
        let kind = dataset.dtype().and_then(|t| t.to_descriptor()).map_err(|e| self.unreadable(name, &e))?;
        self.check_number::<T>(name, &kind)?;
        if dataset.size() > LIMIT_ELEMENTS {
            return Err(UserError::bad_data("limit", "a data set declares too many elements")
                .file(&self.path)
                .dataset(name)
                .found(dataset.size().to_string())
                .expected(format!("at most {LIMIT_ELEMENTS}"))
                .mend("split the file"));
        }
        let shape = dataset.shape();
        Ok((shape, dataset.read_raw::<T>().map_err(|e| self.unreadable(name, &e))?))
    }

    /// Reads a single number, stored as such or as an array of one.
    pub fn number<T: Element>(&self, name: &str) -> Result<T> {
        let (shape, data) = self.read::<T>(name)?;
        match data[..] {
            [one] => Ok(one),
            _ => Err(self.bad_shape(name, &shape, "one number")),
        }
    }

    /// Reads the numbers of an attribute of the object `name`, an array or a single one.
    ///
    /// # Errors
    /// `missing-attribute`, `bad-type`, or that HDF5 cannot read it.
    pub fn attribute<T: Element>(&self, name: &str, attribute: &str) -> Result<Vec<T>> {
        let found = self.attribute_of(name, attribute)?;
        let place = format!("{name}@{attribute}");
        let kind = found.dtype().and_then(|t| t.to_descriptor()).map_err(|e| self.unreadable(&place, &e))?;
        self.check_number::<T>(&place, &kind)?;
        found.read_raw::<T>().map_err(|e| self.unreadable(&place, &e))
    }

    /// Whether there is a data set or group of this name.
    pub fn has(&self, name: &str) -> bool {
        // HDF5 asks for every part of the path by itself.
        let mut path = String::new();
        name.split('/').filter(|part| !part.is_empty()).all(|part| {
            path = format!("{path}/{part}");
            self.hdf5.link_exists(&path)
        })
    }

    /// Whether `name` is a group.
    pub fn is_group(&self, name: &str) -> bool {
        self.hdf5.group(name).is_ok()
    }

    /// Names of what a group holds, sorted; empty if there is no such group.
    pub fn members(&self, group: &str) -> Vec<String> {
        let mut names = self.hdf5.group(group).and_then(|g| g.member_names()).unwrap_or_default();
        names.sort_unstable();
        names
    }

    fn dataset(&self, name: &str) -> Result<Dataset> {
        self.hdf5.dataset(name).map_err(|_| {
            UserError::bad_data("missing-dataset", "a data set is missing")
                .file(&self.path)
                .dataset(name)
                .mend("make the file again, or name the right one")
        })
    }

    fn attribute_of(&self, name: &str, attribute: &str) -> Result<Attribute> {
        object(&self.hdf5, name).and_then(|o| o.attr(attribute)).map_err(|_| {
            UserError::bad_data("missing-attribute", "an attribute is missing")
                .file(&self.path)
                .dataset(format!("{name}@{attribute}"))
                .mend("make the file again, or name the right one")
        })
    }

    fn check_number<T: Element>(&self, name: &str, kind: &TypeDescriptor) -> Result<()> {
        let wanted = T::type_descriptor();
        let number = |t: &TypeDescriptor| {
            (matches!(t, TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_)), matches!(t, TypeDescriptor::Float(_)))
        };
        let ((int, float), (wants_int, wants_float)) = (number(kind), number(&wanted));
        // A fraction must not be cut to a whole number in silence; the other way loses nothing here.
        if int && (wants_int || wants_float) || float && wants_float {
            return Ok(());
        }
        Err(self.bad_type(name, kind, &wanted.to_string()))
    }

    fn bad_type(&self, name: &str, found: &TypeDescriptor, expected: &str) -> UserError {
        UserError::bad_data("bad-type", "a data set has the wrong type")
            .file(&self.path)
            .dataset(name)
            .found(found.to_string())
            .expected(expected)
            .mend("make the file again, or name the right one")
    }

    fn bad_shape(&self, name: &str, shape: &[usize], expected: &str) -> UserError {
        UserError::bad_data("bad-shape", "a data set has the wrong shape")
            .file(&self.path)
            .dataset(name)
            .found(format!("{shape:?}"))
            .expected(expected)
            .mend("make the file again")
    }

    fn unreadable(&self, name: &str, error: &hdf5::Error) -> UserError {
        UserError::bad_data("hdf5-read", format!("HDF5 could not read it: {error}"))
            .file(&self.path)
            .dataset(name)
            .mend("copy or make the file again")
    }
}

/// The group or data set of a file.
fn object(file: &hdf5::File, name: &str) -> hdf5::Result<Location> {
    let group = file.group(name).map(|g| (*g).clone());
    group.or_else(|_| file.dataset(name).map(|d| (**d).clone()))
}

/// Writes an HDF5 file in a layout that others defined; nothing appears before [`finish`](Self::finish).
#[derive(Debug)]
pub struct PlainWriter {
    hdf5: hdf5::File,
    file: AtomicFile,
    target: PathBuf,
}

impl PlainWriter {
    /// Starts the file.
    pub fn create(target: &Path) -> Result<Self> {
        let file = AtomicFile::create(target)?;
        let hdf5 = hdf5::File::with_options()
            .with_fcpl(|p| p.obj_track_times(false))
            .create(file.temporary())
            .map_err(|e| Self::broken(target, "/", &e))?;
        Ok(Self { hdf5, file, target: target.to_path_buf() })
    }

    /// Writes an array of the given shape, row by row; an empty shape is a single number.
    ///
    /// # Errors
    /// A failed write; `data` must have as many elements as `shape` says.
    pub fn write<T: Element>(&self, name: &str, shape: &[usize], data: &[T]) -> Result<()> {
        self.write_any(name, shape, data)
    }

    fn write_any<T: H5Type>(&self, name: &str, shape: &[usize], data: &[T]) -> Result<()> {
        let builder = self.hdf5.new_dataset::<T>().obj_track_times(false).create_intermediate_group(true);
        let written = match *shape {
            [] => builder.create(name).and_then(|d| d.write_scalar(&data[0])),
            [n] => builder.shape(n).create(name).and_then(|d| d.write_raw(data)),
            _ => builder.shape(shape).create(name).and_then(|d| d.write_raw(data)),
        };
        written.map_err(|e| Self::broken(&self.target, name, &e))
    }

    /// Writes a matrix of `rows` by `columns`, compressed, row after row: `row` fills the row of its number, which holds zeros.
    ///
    /// One row is in memory at a time.
    ///
    /// # Errors
    /// A failed write.
    pub fn write_rows<T: Element + Default>(
        &self,
        name: &str,
        [rows, columns]: [usize; 2],
        mut row: impl FnMut(usize, &mut [T]),
    ) -> Result<()> {
        let fail = |e: hdf5::Error| Self::broken(&self.target, name, &e);
        let builder = self.hdf5.new_dataset::<T>().obj_track_times(false).create_intermediate_group(true);
        let dataset =
            builder.chunk((1, columns.max(1))).shuffle().deflate(1).shape((rows, columns)).create(name).map_err(fail)?;
        let mut buffer = vec![T::default(); columns];
        for number in 0..rows {
            buffer.fill(T::default());
            row(number, &mut buffer);
            dataset.write_slice(&buffer, (number, ..)).map_err(fail)?;
        }
        Ok(())
    }

    /// Makes a group; those above it too.
    ///
    /// # Errors
    /// A failed write, or something of this name exists.
    pub fn group(&self, name: &str) -> Result<()> {
        let builder = self.hdf5.create_group_builder().obj_track_times(false).create_intermediate_group(true);
        builder.create(name).map(|_| ()).map_err(|e| Self::broken(&self.target, name, &e))
    }

    /// Writes numbers as attribute of the group or data set `name`; an empty shape is a single number.
    ///
    /// # Errors
    /// A failed write, or there is no such object.
    pub fn attribute<T: Element>(&self, name: &str, attribute: &str, shape: &[usize], data: &[T]) -> Result<()> {
        self.attribute_any(name, attribute, shape, data)
    }

    /// Writes, as attribute `sorting` of the group `name`, in which order its events stand: an HDF5 enumeration.
    ///
    /// # Errors
    /// A failed write, or there is no such object.
    pub fn attribute_sorting(&self, name: &str, sorting: Sorting) -> Result<()> {
        self.attribute_any(name, "sorting", &[], &[sorting])
    }

    fn object(&self, name: &str) -> Result<Location> {
        object(&self.hdf5, name).map_err(|e| Self::broken(&self.target, name, &e))
    }

    /// Renames the file to its final name.
    pub fn finish(self) -> Result<()> {
        let Self { hdf5, file, target } = self;
        hdf5.close().map_err(|e| Self::broken(&target, "/", &e))?;
        file.commit()
    }

    fn broken(target: &Path, name: &str, error: &hdf5::Error) -> UserError {
        UserError::failed("hdf5-write", format!("HDF5 could not write it: {error}"))
            .file(target)
            .dataset(name)
            .mend("check the space left on the disk")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back_with_its_shape() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("0_water.hdf5");
        let writer = PlainWriter::create(&path).expect("created");
        writer.write("data", &[2, 2], &[0.001, 5.0, 0.25, 7.0]).expect("written");
        writer.write("none", &[0, 2], &[0.0_f64; 0]).expect("written");
        writer.write("target", &[], &[3_i64]).expect("written");
        writer.finish().expect("finished");
        let file = PlainFile::open(&path).expect("opened");
        assert_eq!(file.read::<f64>("data").expect("read"), (vec![2, 2], vec![0.001, 5.0, 0.25, 7.0]));
        assert_eq!(file.read::<f64>("none").expect("read"), (vec![0, 2], vec![]));
        assert_eq!(file.number::<i64>("target").expect("read"), 3);
        assert_eq!(file.read::<i64>("data").expect_err("fractions").code(), "bad-type");
        assert_eq!(file.number::<f64>("data").expect_err("four numbers").code(), "bad-shape");
        assert_eq!(file.read::<f64>("absent").expect_err("absent").code(), "missing-dataset");
    }

    #[test]
    fn texts_attributes_groups_and_rows_are_read_back() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("graph.h5");
        let writer = PlainWriter::create(&path).expect("created");
        writer.write_texts("node/edges", &[2, 2], &["a", "b", "b", "é"]).expect("written");
        writer.write_texts("version", &[], &["1.0"]).expect("written");
        writer.group("node/empty").expect("made");
        writer.attribute("/", "magic", &[], &[0x0A7A_u32]).expect("written");
        writer.attribute("/", "version", &[2], &[0_u32, 1]).expect("written");
        writer.attribute_text("node/edges", "units", "ms").expect("written");
        writer.write_rows("weight", [3, 2], |i, row: &mut [f32]| row[i % 2] = i as f32).expect("written");
        assert_eq!(writer.write_texts("bad", &[], &["a\0b"]).expect_err("NUL").code(), "nul-in-text");
        writer.finish().expect("finished");

        let file = PlainFile::open(&path).expect("opened");
        assert_eq!(file.texts("node/edges").expect("read"), (vec![2, 2], ["a", "b", "b", "é"].map(String::from).to_vec()));
        assert_eq!(file.text("version").expect("read"), "1.0");
        assert_eq!(file.text("node/edges").expect_err("four").code(), "bad-shape");
        assert_eq!(file.members("node"), ["edges", "empty"]);
        assert!(file.is_group("node/empty") && !file.is_group("version"));
        assert!(file.has("node/edges") && !file.has("node/absent/deeper"));
        assert_eq!(file.attribute::<u32>("/", "magic").expect("read"), [0x0A7A]);
        assert_eq!(file.attribute::<u64>("/", "version").expect("read"), [0, 1]);
        assert_eq!(file.attribute_texts("node/edges", "units").expect("read"), ["ms"]);
        assert_eq!(file.attribute::<u32>("node", "absent").expect_err("absent").code(), "missing-attribute");
        assert_eq!(file.read::<f64>("weight").expect("read"), (vec![3, 2], vec![0.0, 0.0, 0.0, 1.0, 2.0, 0.0]));
        assert_eq!(file.texts("weight").expect_err("numbers").code(), "bad-type");
        assert_eq!(file.read::<f64>("version").expect_err("text").code(), "bad-type");
    }

    #[test]
    fn a_file_that_is_no_hdf5_is_an_error_with_its_name() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.hdf5");
        std::fs::write(&path, "not HDF5").expect("written");
        let error = PlainFile::open(&path).expect_err("no HDF5");
        assert_eq!((error.code(), error.path()), ("not-hdf5", Some(path.as_path())));
        assert_eq!(PlainFile::open(dir.path()).expect_err("a folder").code(), "not-a-file");
    }
}
