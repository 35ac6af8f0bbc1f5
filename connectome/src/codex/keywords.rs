//! Keyword files: root ids separated by commas, spaces or line ends.

use std::collections::HashSet;
use std::path::Path;

use kenyon_base::{Result, UserError};

use super::fields::id_mend;
use super::source::{Limits, TextSource};

/// Bytes a keyword file may have: a million ids and to spare.
const LIMIT_BYTES: usize = 64 << 20;

/// A list of root ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeywordList {
    /// Ids in the order of the file, each once.
    pub ids: Vec<u64>,
    /// How many ids occurred again.
    pub duplicates: u64,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// Name of the list in a file: its stem without `root_ids_` (or a trailing `_root_ids`).
///
/// # Example
/// ```
/// # use std::path::Path;
/// use kenyon_connectome::codex::keywords::list_name;
/// assert_eq!(list_name(Path::new("codex_keywords/root_ids_class_MBON.txt")), "class_MBON");
/// assert_eq!(list_name(Path::new("olfactory_network_root_ids.txt")), "olfactory_network");
/// ```
pub fn list_name(path: &Path) -> String {
    let stem = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = stem.strip_suffix(".gz").unwrap_or(&stem);
    let stem = stem.strip_suffix(".txt").unwrap_or(stem);
    let name = stem.strip_prefix("root_ids_").unwrap_or(stem);
    let name = name.strip_suffix("_root_ids").unwrap_or(name);
    // The name becomes the name of a data set, which must not be empty or a dot.
    if name.chars().all(|c| c == '.') { format!("list_{stem}") } else { name.to_string() }
}

/// Reads a keyword file; an empty file is an empty list.
///
/// # Errors
/// Anything but decimal root ids, with line and column.
pub fn read(path: &Path) -> Result<KeywordList> {
    let compressed = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"));
    if !compressed && std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() == 0) {
        let (sha256, bytes) = (kenyon_base::digest::sha256_ids(&[]), 0);
        return Ok(KeywordList { sha256, bytes, ..KeywordList::default() });
    }
    let mut source = TextSource::open(path, Limits::default())?;
    let mut text = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = source.read(&mut buffer, || memchr::memchr_iter(b'\n', &text).count() as u64)?;
        if n == 0 {
            break;
        }
        text.extend_from_slice(&buffer[..n]);
        if text.len() > LIMIT_BYTES {
            return Err(UserError::bad_data("limit", format!("a keyword list of more than {LIMIT_BYTES} bytes"))
                .file(path)
                .mend("name a list of root ids"));
        }
    }
    let mut list = parse(&text, path)?;
    (list.sha256, list.bytes) = source.finish()?;
    Ok(list)
}

fn parse(text: &[u8], path: &Path) -> Result<KeywordList> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let mut list = KeywordList::default();
    let mut seen = HashSet::new();
    for (line, content) in text.split(|&b| b == b'\n').enumerate() {
        for (position, piece) in content.split(|&b| b == b',').enumerate() {
            for word in piece.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()) {
                let word = String::from_utf8_lossy(word);
                let id = Some(&word).filter(|w| w.bytes().all(|b| b.is_ascii_digit())).and_then(|w| w.parse().ok());
                let Some(id) = id else {
                    return Err(UserError::bad_data("id-not-integer", "not a root id")
                        .file(path)
                        .line(line as u64 + 1)
                        .row(line as u64 + 1)
                        .column((position + 1).to_string())
                        .found(&*word)
                        .expected("root ids separated by commas, each a whole number of up to 20 digits")
                        .mend(id_mend(&word)));
                };
                if seen.insert(id) {
                    list.ids.push(id);
                } else {
                    list.duplicates += 1;
                }
            }
        }
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Result<KeywordList> {
        parse(text.as_bytes(), Path::new("root_ids_X.txt"))
    }

    #[test]
    fn spaces_line_ends_and_a_trailing_comma_are_tolerated() {
        let list = ids("1, 2,\r\n3,2,").expect("valid");
        assert_eq!((list.ids, list.duplicates), (vec![1, 2, 3], 1));
        assert!(ids("").expect("valid").ids.is_empty());
    }

    #[test]
    fn letters_are_an_error_with_line_and_position() {
        let text = ids("1,2\n3,KC").expect_err("letters").to_string();
        assert!(text.contains("line 2") && text.contains("column `2`") && text.contains("`KC`"), "{text}");
    }
}
