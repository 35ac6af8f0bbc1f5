//! Files that users name: regular ones alone, and no more of them than a limit.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Result, UserError};

/// Bytes of a regular file that is no larger than `limit` bytes.
///
/// # Errors
/// A file that cannot be read; `is-a-directory`; `not-a-file` for a pipe or a device, which may have no end; `limit`.
pub fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let cannot = |cause: &std::io::Error| UserError::cannot_read(path, cause);
    let metadata = std::fs::metadata(path).map_err(|cause| cannot(&cause))?;
    if metadata.is_dir() {
        return Err(UserError::bad_data("is-a-directory", "is a folder").file(path).mend("name a file inside it"));
    }
    if !metadata.is_file() {
        return Err(UserError::bad_data("not-a-file", "is not a regular file").file(path).mend("copy its content into a file"));
    }
    let mut bytes = Vec::new();
    if metadata.len() <= limit {
        let file = File::open(path).map_err(|cause| cannot(&cause))?;
        // What is larger than it says (files of the kernel) is not read to its end either.
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|cause| cannot(&cause))?;
        if bytes.len() as u64 <= limit {
            return Ok(bytes);
        }
    }
    Err(UserError::bad_data("limit", format!("the file is larger than {limit} bytes"))
        .file(path)
        .mend("check that it is the file you mean"))
}

/// A regular file of text in UTF-8, without its byte order mark; NUL is no text.
///
/// # Errors
/// As [`bytes`]; `not-text` with the line and the byte.
pub fn text(path: &Path, limit: u64) -> Result<String> {
    let mut bytes = bytes(path, limit)?;
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    let not_text = |bytes: &[u8], at: usize| {
        let line = bytes[..at].split(|byte| *byte == b'\n').count() as u64;
        UserError::bad_data("not-text", "is not a text file")
            .file(path)
            .line(line)
            .byte(at as u64)
            .found(format!("byte 0x{:02x}", bytes[at]))
            .expected("text in UTF-8")
    };
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(not_text(&bytes, at));
    }
    String::from_utf8(bytes).map_err(|e| not_text(e.as_bytes(), e.utf8_error().valid_up_to()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_below_the_limit_are_read() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.txt");
        std::fs::write(&path, b"\xef\xbb\xbfab\n").expect("written");
        assert_eq!(text(&path, 6).expect("read"), "ab\n");
        assert_eq!(text(&path, 5).expect_err("too large").code(), "limit");
        assert_eq!(bytes(dir.path(), 9).expect_err("a folder").code(), "is-a-directory");
        assert_eq!(bytes(&dir.path().join("b"), 9).expect_err("absent").code(), "not-found");
    }

    #[cfg(unix)]
    #[test]
    fn a_device_without_an_end_is_not_read() {
        assert_eq!(bytes(Path::new("/dev/zero"), 9).expect_err("a device").code(), "not-a-file");
    }

    #[test]
    fn what_is_no_text_is_named_with_its_line_and_byte() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.txt");
        for content in [b"ab\nc\xff\n", b"ab\nc\0\n"] {
            std::fs::write(&path, content).expect("written");
            let error = text(&path, 100).expect_err("no text");
            assert!(error.code() == "not-text" && error.line_number() == Some(2), "{error}");
            assert!(error.to_string().contains("byte 4"), "{error}");
        }
    }
}
