//! HDF5 files of others: no seal, no format name, every promise checked.

use std::path::{Path, PathBuf};

use crate::atomic::AtomicFile;
use crate::container::Element;
use crate::error::{Result, UserError};

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
        let here = |error: UserError| error.file(&self.path).dataset(name);
        let dataset = self.hdf5.dataset(name).map_err(|_| {
            here(UserError::bad_data("missing-dataset", "a data set is missing"))
                .mend("make the file again, or name the right one")
        })?;
        let unreadable = |e: hdf5::Error| {
            here(UserError::bad_data("hdf5-read", format!("HDF5 could not read it: {e}"))).mend("copy or make the file again")
        };
        let kind = dataset.dtype().and_then(|t| t.to_descriptor()).map_err(unreadable)?;
        let wanted = T::type_descriptor();
        let number = |t: &hdf5::types::TypeDescriptor| {
            use hdf5::types::TypeDescriptor as D;
            (matches!(t, D::Integer(_) | D::Unsigned(_)), matches!(t, D::Float(_)))
        };
        let ((int, float), (wants_int, wants_float)) = (number(&kind), number(&wanted));
        // A fraction must not be cut to a whole number in silence; the other way loses nothing here.
        if !(int && (wants_int || wants_float) || float && wants_float) {
            return Err(here(UserError::bad_data("bad-type", "a data set has the wrong type"))
                .found(kind.to_string())
                .expected(wanted.to_string())
                .mend("make the file again, or name the right one"));
        }
        if dataset.size() > LIMIT_ELEMENTS {
            return Err(here(UserError::bad_data("limit", "a data set declares too many elements"))
                .found(dataset.size().to_string())
                .expected(format!("at most {LIMIT_ELEMENTS}"))
                .mend("split the file"));
        }
        let shape = dataset.shape();
        Ok((shape, dataset.read_raw::<T>().map_err(unreadable)?))
    }

    /// Reads a single number, stored as such or as an array of one.
    pub fn number<T: Element>(&self, name: &str) -> Result<T> {
        let (shape, data) = self.read::<T>(name)?;
        match data[..] {
            [one] => Ok(one),
            _ => Err(UserError::bad_data("bad-shape", "a data set has the wrong shape")
                .file(&self.path)
                .dataset(name)
                .found(format!("{shape:?}"))
                .expected("one number")
                .mend("make the file again")),
        }
    }
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
        let builder = self.hdf5.new_dataset::<T>().obj_track_times(false).create_intermediate_group(true);
        let written = match *shape {
            [] => builder.create(name).and_then(|d| d.write_scalar(&data[0])),
            [n] => builder.shape(n).create(name).and_then(|d| d.write_raw(data)),
            _ => builder.shape(shape).create(name).and_then(|d| d.write_raw(data)),
        };
        written.map_err(|e| Self::broken(&self.target, name, &e))
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
    fn a_file_that_is_no_hdf5_is_an_error_with_its_name() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.hdf5");
        std::fs::write(&path, "not HDF5").expect("written");
        let error = PlainFile::open(&path).expect_err("no HDF5");
        assert_eq!((error.code(), error.path()), ("not-hdf5", Some(path.as_path())));
        assert_eq!(PlainFile::open(dir.path()).expect_err("a folder").code(), "not-a-file");
    }
}
