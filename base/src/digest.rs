//! SHA-256 of files, streams and id arrays, as lower-case hexadecimal text.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

/// Hexadecimal text of a finished hash.
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    use std::fmt::Write as _;
    bytes.as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 of everything left in `reader`.
pub fn sha256_reader(mut reader: impl Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hex(hash.finalize())),
            Ok(n) => hash.update(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// SHA-256 of a file.
pub fn sha256_file(path: &Path) -> io::Result<String> {
    sha256_reader(File::open(path)?)
}

/// SHA-256 of an id array in little-endian order: the name of a stored neuron order.
pub fn sha256_ids(ids: &[u64]) -> String {
    let mut hash = Sha256::new();
    for id in ids {
        hash.update(id.to_le_bytes());
    }
    hex(hash.finalize())
}

/// SHA-256 of bytes that come piece by piece.
#[derive(Debug, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all of them.
    pub fn finish(self) -> String {
        hex(self.0.finalize())
    }
}

/// A reader that hashes and counts what passes through it.
#[derive(Debug)]
pub struct HashingReader<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> HashingReader<R> {
    /// Wraps `inner`.
    pub fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    /// Bytes that passed through so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads what is left and returns the SHA-256 and the length of the whole.
    pub fn finish(mut self) -> io::Result<(String, u64)> {
        io::copy(&mut self, &mut io::sink())?;
        Ok((hex(self.hash.finalize()), self.bytes))
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hash.update(&buffer[..n]);
        self.bytes += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_stream_has_the_well_known_hash() {
        let expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256_reader(io::empty()).expect("no i/o"), expected);
        assert_eq!(sha256_ids(&[]), expected);
    }

    #[test]
    fn a_hashing_reader_hashes_what_was_not_read_too() {
        let mut reader = HashingReader::new(&b"hello world"[..]);
        let mut two = [0; 2];
        reader.read_exact(&mut two).expect("two bytes are there");
        let (hash, bytes) = reader.finish().expect("no i/o");
        assert_eq!(bytes, 11);
        assert_eq!(hash, sha256_reader(&b"hello world"[..]).expect("no i/o"));
    }
}
