//! Arrays that grow row by row as they are written, and are read by ranges of rows.
//!
//! Every chunk carries HDF5's Fletcher-32 checksum: a changed byte is an error when its chunk is read, and no other chunk is
//! lost with it. A file of any size can so be checked piece by piece.

use std::marker::PhantomData;
use std::ops::Range;
use std::path::PathBuf;

use hdf5::Dataset;
use ndarray::{ArrayView, Ix1, Ix2, Ix3, IxDyn};

use super::{PlainFile, PlainWriter};
use crate::container::Element;
use crate::error::{Result, UserError};

/// A compressed array `[rows, ..row]` under construction.
#[derive(Debug)]
pub struct RowWriter<T> {
    dataset: Dataset,
    target: PathBuf,
    name: String,
    /// Shape of one row: empty for single numbers, at most two axes.
    row: Vec<usize>,
    chunk: usize,
    written: usize,
    waiting: Vec<T>,
}

impl PlainWriter {
    /// Starts an array whose number of rows is known at its end only; call [`RowWriter::finish`] before the file's.
    ///
    /// `row` is the shape of one row (empty: single numbers; at most two axes), `chunk` the number of rows that are
    /// compressed together. The bytes of the file do not depend on the sizes of the pieces that are appended.
    ///
    /// # Errors
    /// A failed write.
    ///
    /// # Panics
    /// If `row` has more than two axes.
    pub fn rows<T: Element>(&self, name: &str, row: &[usize], chunk: usize) -> Result<RowWriter<T>> {
        assert!(row.len() <= 2, "rows have at most two axes");
        let chunk = chunk.max(1);
        // No axis of a chunk may be 0.
        let extent: Vec<usize> = std::iter::once(chunk).chain(row.iter().map(|&n| n.max(1))).collect();
        let builder = self.hdf5.new_dataset::<T>().obj_track_times(false).create_intermediate_group(true);
        let builder = builder.chunk(extent).shuffle().deflate(1).fletcher32();
        let created = match *row {
            [] => builder.shape(0..).create(name),
            [a] => builder.shape((0.., a)).create(name),
            [a, b, ..] => builder.shape((0.., a, b)).create(name),
        };
        let dataset = created.map_err(|e| Self::broken(&self.target, name, &e))?;
        let (target, name) = (self.target.clone(), name.to_string());
        Ok(RowWriter { dataset, target, name, row: row.to_vec(), chunk, written: 0, waiting: Vec::new() })
    }
}

impl<T: Element> RowWriter<T> {
    fn width(&self) -> usize {
        self.row.iter().product()
    }

    /// Appends whole rows.
    ///
    /// # Errors
    /// A failed write.
    ///
    /// # Panics
    /// If `data` is not a whole number of rows.
    pub fn append(&mut self, mut data: &[T]) -> Result<()> {
        let width = self.width();
        assert!(width > 0 && data.len().is_multiple_of(width), "whole rows");
        let full = self.chunk * width;
        while !data.is_empty() {
            if self.waiting.is_empty() && data.len() >= full {
                let (now, later) = data.split_at(full);
                self.put(now)?;
                data = later;
                continue;
            }
            let (now, later) = data.split_at(data.len().min(full - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            data = later;
            if self.waiting.len() == full {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let mut waiting = std::mem::take(&mut self.waiting);
        self.put(&waiting)?;
        waiting.clear();
        self.waiting = waiting;
        Ok(())
    }

    fn put(&mut self, data: &[T]) -> Result<()> {
        let rows = data.len() / self.width();
        let (start, end) = (self.written, self.written + rows);
        let shape: Vec<usize> = std::iter::once(end).chain(self.row.iter().copied()).collect();
        let fits = "the shape of whole rows";
        let written = self.dataset.resize(shape).and_then(|()| match *self.row {
            [] => self.dataset.write_slice::<_, T, _, Ix1>(ArrayView::from(data), start..end),
            [a] => {
                let view = ArrayView::from_shape((rows, a), data).expect(fits);
                self.dataset.write_slice::<_, T, _, Ix2>(view, (start..end, ..))
            }
            [a, b, ..] => {
                let view = ArrayView::from_shape((rows, a, b), data).expect(fits);
                self.dataset.write_slice::<_, T, _, Ix3>(view, (start..end, .., ..))
            }
        });
        self.written = end;
        written.map_err(|e| PlainWriter::broken(&self.target, &self.name, &e))
    }

    /// Writes what waits and returns the number of rows.
    ///
    /// # Errors
    /// A failed write.
    pub fn finish(mut self) -> Result<usize> {
        if !self.waiting.is_empty() {
            self.flush()?;
        }
        Ok(self.written)
    }
}

/// An array of a foreign file, read by ranges of rows.
#[derive(Debug)]
pub struct RowReader<T> {
    dataset: Dataset,
    path: PathBuf,
    name: String,
    shape: Vec<usize>,
    element: PhantomData<T>,
}

impl PlainFile {
    /// Opens an array of one to three axes for reading by rows.
    ///
    /// # Errors
    /// `missing-dataset`, `bad-type` or `bad-shape`.
    pub fn rows<T: Element>(&self, name: &str) -> Result<RowReader<T>> {
        let dataset = self.dataset(name)?;
        let kind = dataset.dtype().and_then(|t| t.to_descriptor()).map_err(|e| self.unreadable(name, &e))?;
        self.check_number::<T>(name, &kind)?;
        let shape = dataset.shape();
        if !(1..=3).contains(&shape.len()) {
            return Err(self.bad_shape(name, &shape, "one to three axes"));
        }
        Ok(RowReader { dataset, path: self.path.clone(), name: name.into(), shape, element: PhantomData })
    }
}

impl<T: Element> RowReader<T> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.shape[0]
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shape of one row; empty for single numbers.
    pub fn row(&self) -> &[usize] {
        &self.shape[1..]
    }

    /// Reads the rows of `range`, one after the other.
    ///
    /// # Errors
    /// `bad-length` if the range reaches beyond the array, `limit` if it holds too much, or `hdf5-read`, which a wrong
    /// checksum gives too.
    pub fn read(&self, range: Range<usize>) -> Result<Vec<T>> {
        let at = |e: UserError| e.file(&self.path).dataset(&self.name);
        if range.end > self.len() || range.start > range.end {
            return Err(at(UserError::bad_data("bad-length", "a data set is shorter than another one says")
                .found(format!("{} rows", self.len()))
                .expected(format!("at least {}", range.end))
                .mend("make the file again")));
        }
        let width = self.row().iter().try_fold(range.len(), |all, &n| all.checked_mul(n));
        match width {
            Some(0) => return Ok(Vec::new()),
            Some(n) if n <= super::LIMIT_ELEMENTS => {}
            _ => {
                return Err(at(UserError::bad_data("limit", "a data set declares rows of too many elements")
                    .found(format!("{:?}", self.shape))
                    .expected(format!("at most {} at a time", super::LIMIT_ELEMENTS))
                    .mend("split the file")));
            }
        }
        let read = match self.shape.len() {
            1 => self.dataset.read_slice::<T, _, IxDyn>(range),
            2 => self.dataset.read_slice::<T, _, IxDyn>((range, ..)),
            _ => self.dataset.read_slice::<T, _, IxDyn>((range, .., ..)),
        };
        let array = read.map_err(|e| {
            at(UserError::bad_data("hdf5-read", format!("HDF5 could not read it: {e}"))
                .mend("a byte may have changed: copy or make the file again"))
        })?;
        Ok(array.into_raw_vec_and_offset().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;

    #[test]
    fn rows_are_read_back_by_range_and_their_bytes_do_not_depend_on_the_pieces() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let halves: Vec<f16> = (0..60).map(|i| f16::from_f32(i as f32 / 8.0)).collect();
        let numbers: Vec<u16> = (0..100).collect();
        let write = |name: &str, piece: usize| {
            let path = dir.path().join(name);
            let writer = PlainWriter::create(&path).expect("created");
            let mut matrices = writer.rows::<f16>("train/branch_v", &[2, 3], 1).expect("started");
            let mut singles = writer.rows::<u16>("train/row", &[], 16).expect("started");
            let mut pairs = writer.rows::<f32>("train/pair", &[2], 4).expect("started");
            for part in halves.chunks(6 * piece) {
                matrices.append(part).expect("appended");
            }
            for part in numbers.chunks(piece) {
                singles.append(part).expect("appended");
            }
            pairs.append(&[1.0, 2.0, 3.0, 4.0]).expect("appended");
            assert_eq!((matrices.finish().unwrap(), singles.finish().unwrap(), pairs.finish().unwrap()), (10, 100, 2));
            writer.finish().expect("finished");
            path
        };
        let (a, b) = (write("a.h5", 1), write("b.h5", 7));
        assert!(std::fs::read(&a).expect("read") == std::fs::read(b).expect("read"));
        let file = PlainFile::open(&a).expect("opened");
        let matrices = file.rows::<f16>("train/branch_v").expect("there");
        assert_eq!((matrices.len(), matrices.row()), (10, &[2, 3][..]));
        assert_eq!(matrices.read(3..5).expect("read"), halves[18..30]);
        assert_eq!(file.rows::<u16>("train/row").expect("there").read(15..18).expect("read"), [15, 16, 17]);
        assert_eq!(file.rows::<f32>("train/pair").expect("there").read(1..2).expect("read"), [3.0, 4.0]);
        assert_eq!(matrices.read(9..11).expect_err("too far").code(), "bad-length");
    }

    #[test]
    fn a_changed_byte_is_found_when_its_chunk_is_read() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.h5");
        let writer = PlainWriter::create(&path).expect("created");
        let mut rows = writer.rows::<f32>("v", &[64], 1).expect("started");
        // Numbers that do not compress: their bytes stand in the file as they are.
        let noise: Vec<f32> = (0..128_u64).map(|i| f32::from_bits((crate::random::mix64(i) as u32 >> 9) | 0x3f80_0000)).collect();
        rows.append(&noise).expect("appended");
        rows.finish().expect("finished");
        writer.finish().expect("finished");
        let good = std::fs::read(&path).expect("read");
        let mut caught = 0;
        for at in (good.len() - 300..good.len()).step_by(10) {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            std::fs::write(&path, &bad).expect("written");
            let Ok(file) = PlainFile::open(&path) else { continue };
            let Ok(rows) = file.rows::<f32>("v") else { continue };
            caught += usize::from((0..2).any(|i| rows.read(i..i + 1).is_err_and(|e| e.code() == "hdf5-read")));
        }
        assert!(caught > 5, "{caught}");
    }
}
