//! Texts in the files of others: of fixed or variable length, ASCII or UTF-8.

use hdf5::types::{FixedAscii, FixedUnicode, TypeDescriptor, VarLenAscii, VarLenUnicode};
use hdf5::{Container, H5Type};

use super::{PlainFile, PlainWriter};
use crate::error::{Result, UserError};

/// Longest text of fixed length that is read, in bytes.
const LONGEST: usize = 1_024;

impl PlainFile {
    /// Reads the texts of a data set of any shape, row by row, with its shape; empty shape for a single text.
    ///
    /// # Errors
    /// `missing-dataset`, `bad-type` if it holds no texts, or that HDF5 cannot read it.
    pub fn texts(&self, name: &str) -> Result<(Vec<usize>, Vec<String>)> {
        let dataset = self.dataset(name)?;
        Ok((dataset.shape(), self.strings(name, &dataset)?))
    }

    /// Reads a single text.
    ///
    /// # Errors
    /// As [`texts`](Self::texts); `bad-shape` if there are several.
    pub fn text(&self, name: &str) -> Result<String> {
        let (shape, texts) = self.texts(name)?;
        match <[String; 1]>::try_from(texts) {
            Ok([one]) => Ok(one),
            Err(_) => Err(self.bad_shape(name, &shape, "one text")),
        }
    }

    /// Reads the texts of an attribute of the object `name`.
    ///
    /// # Errors
    /// `missing-attribute`, `bad-type` if it holds no texts.
    pub fn attribute_texts(&self, name: &str, attribute: &str) -> Result<Vec<String>> {
        let found = self.attribute_of(name, attribute)?;
        self.strings(&format!("{name}@{attribute}"), &found)
    }

    fn strings(&self, name: &str, of: &Container) -> Result<Vec<String>> {
        let unreadable = |e: hdf5::Error| self.unreadable(name, &e);
        macro_rules! read {
            ($kind:ty) => {
                of.read_raw::<$kind>().map_err(unreadable)?.iter().map(|s| s.as_str().to_string()).collect()
            };
        }
        Ok(match of.dtype().and_then(|t| t.to_descriptor()).map_err(unreadable)? {
            TypeDescriptor::VarLenUnicode => read!(VarLenUnicode),
            TypeDescriptor::VarLenAscii => read!(VarLenAscii),
            TypeDescriptor::FixedUnicode(n) if n <= LONGEST => read!(FixedUnicode<LONGEST>),
            TypeDescriptor::FixedAscii(n) if n <= LONGEST => read!(FixedAscii<LONGEST>),
            other => {
                return Err(self.bad_type(name, &other, &format!("texts of variable length, or of at most {LONGEST} bytes")));
            }
        })
    }
}

impl PlainWriter {
    /// Writes texts as UTF-8 of variable length in an array of the given shape; an empty shape is a single text.
    ///
    /// # Errors
    /// A NUL character in a text, or a failed write; `data` must have as many elements as `shape` says.
    pub fn write_texts<S: AsRef<str>>(&self, name: &str, shape: &[usize], data: &[S]) -> Result<()> {
        self.write_any(name, shape, &self.encoded(name, data)?)
    }

    /// Writes a text as attribute of the object `name`.
    ///
    /// # Errors
    /// A NUL character in the text, or a failed write.
    pub fn attribute_text(&self, name: &str, attribute: &str, text: &str) -> Result<()> {
        self.attribute_any(name, attribute, &[], &self.encoded(name, &[text])?)
    }

    fn encoded<S: AsRef<str>>(&self, name: &str, data: &[S]) -> Result<Vec<VarLenUnicode>> {
        let nul = || {
            UserError::bad_data("nul-in-text", "a text holds a NUL character").file(&self.target).dataset(name).mend("remove it")
        };
        data.iter().map(|s| s.as_ref().parse().map_err(|_| nul())).collect()
    }

    /// Writes numbers or texts as attribute of the object `name`.
    pub(super) fn attribute_any<T: H5Type>(&self, name: &str, attribute: &str, shape: &[usize], data: &[T]) -> Result<()> {
        let object = self.object(name)?;
        let builder = object.new_attr::<T>();
        let written = match *shape {
            [] => builder.create(attribute).and_then(|a| a.write_scalar(&data[0])),
            _ => builder.shape(shape).create(attribute).and_then(|a| a.write_raw(data)),
        };
        written.map_err(|e| Self::broken(&self.target, &format!("{name}@{attribute}"), &e))
    }
}
