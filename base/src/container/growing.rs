//! Long arrays: written piece by piece with bounded memory, read by slice.

use std::marker::PhantomData;
use std::ops::Range;
use std::path::PathBuf;

use hdf5::Dataset;

use super::{Container, ContainerWriter, Element, broken_read, broken_write};
use crate::error::{Result, UserError};

/// A one-dimensional, compressed array that grows as it is written.
///
/// Elements are written in whole chunks, so the bytes of the file do not depend on the sizes of the pieces.
#[derive(Debug)]
pub struct Growing<T> {
    dataset: Dataset,
    target: PathBuf,
    name: String,
    chunk: usize,
    written: usize,
    waiting: Vec<T>,
}

impl ContainerWriter {
    /// Starts an array whose length is known at its end only; call [`Growing::finish`] before the container's.
    ///
    /// `chunk` is the number of elements that are compressed together: a reader of one element reads as many.
    pub fn grow<T: Element>(&self, name: &str, chunk: usize) -> Result<Growing<T>> {
        let chunk = chunk.max(1);
        let dataset = self
            .hdf5
            .new_dataset::<T>()
            .obj_track_times(false)
            .create_intermediate_group(true)
            .chunk(chunk)
            .shuffle()
            .deflate(1)
            .shape(0..)
            .create(name)
            .map_err(|e| broken_write(&self.target, name, &e))?;
        let target = self.target.clone();
        Ok(Growing { dataset, target, name: name.into(), chunk, written: 0, waiting: Vec::with_capacity(chunk) })
    }
}

impl<T: Element> Growing<T> {
    /// Elements handed over so far.
    pub fn len(&self) -> usize {
        self.written + self.waiting.len()
    }

    /// Whether nothing was handed over yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends `data`.
    pub fn append(&mut self, mut data: &[T]) -> Result<()> {
        while !data.is_empty() {
            let (now, later) = data.split_at(data.len().min(self.chunk - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            data = later;
            if self.waiting.len() == self.chunk {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let end = self.written + self.waiting.len();
        self.dataset
            .resize(end)
            .and_then(|()| self.dataset.write_slice(&self.waiting, self.written..end))
            .map_err(|e| broken_write(&self.target, &self.name, &e))?;
        self.written = end;
        self.waiting.clear();
        Ok(())
    }

    /// Writes what waits and returns the length.
    pub fn finish(mut self) -> Result<usize> {
        if !self.waiting.is_empty() {
            self.flush()?;
        }
        Ok(self.written)
    }
}

/// An array of a container, read by slice.
#[derive(Debug)]
pub struct Slices<T> {
    dataset: Dataset,
    path: PathBuf,
    name: String,
    len: usize,
    element: PhantomData<T>,
}

impl Container {
    /// Opens a one-dimensional array for reading by slice.
    pub fn slices<T: Element>(&self, name: &str) -> Result<Slices<T>> {
        let dataset = self.dataset(name)?;
        let len = dataset.size();
        Ok(Slices { dataset, path: self.path.clone(), name: name.into(), len, element: PhantomData })
    }
}

impl<T: Element> Slices<T> {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads the elements of `range`.
    ///
    /// # Errors
    /// `bad-length` if the range reaches beyond the array.
    pub fn read(&self, range: Range<usize>) -> Result<Vec<T>> {
        if range.end > self.len || range.start > range.end {
            return Err(UserError::bad_data("bad-length", "a data set is shorter than another one says")
                .file(&self.path)
                .dataset(&self.name)
                .found(format!("{} elements", self.len))
                .expected(format!("at least {}", range.end))
                .mend("make the file again"));
        }
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let array = self.dataset.read_slice_1d::<T, _>(range).map_err(|e| broken_read(&self.path, &self.name, &e))?;
        Ok(array.into_raw_vec_and_offset().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Provenance;

    #[test]
    fn an_array_in_pieces_reads_back_by_slice_and_its_bytes_do_not_depend_on_the_pieces() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let data: Vec<u16> = (0..1000).map(|i| (i * i % 777) as u16).collect();
        let write = |name: &str, piece: usize| {
            let path = dir.path().join(name);
            let writer = ContainerWriter::create(&path, "test", 1).expect("created");
            let mut array = writer.grow::<u16>("events/column", 64).expect("started");
            for part in data.chunks(piece) {
                array.append(part).expect("appended");
            }
            assert_eq!(array.finish().expect("finished"), 1000);
            writer.finish(&Provenance::default()).expect("finished");
            path
        };
        let (a, b) = (write("a.h5", 7), write("b.h5", 500));
        assert!(std::fs::read(&a).expect("read") == std::fs::read(b).expect("read"));
        let container = Container::open(&a, "test", 1).expect("opened");
        let slices = container.slices::<u16>("events/column").expect("there");
        for range in [0..1000, 0..0, 63..65, 990..1000, 1000..1000] {
            assert_eq!(slices.read(range.clone()).expect("read"), data[range]);
        }
        assert_eq!(slices.read(990..1001).expect_err("too far").code(), "bad-length");
    }

    #[test]
    fn an_array_may_stay_empty() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.h5");
        let writer = ContainerWriter::create(&path, "test", 1).expect("created");
        assert_eq!(writer.grow::<u32>("none", 8).expect("started").finish().expect("finished"), 0);
        writer.finish(&Provenance::default()).expect("finished");
        assert!(Container::open(&path, "test", 1).expect("opened").read::<u32>("none").expect("read").is_empty());
    }
}
