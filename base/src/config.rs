//! Configs in TOML, or in JSON if the name ends so: an unknown key is an error with its line and the nearest known key.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Result, UserError, nearest};
use crate::input;

/// Configs are small; a file above this size is not one.
const LIMIT_BYTES: u64 = 16 << 20;

/// Page that describes the keys of a config, unless its reader names another.
const PAGE: &str = "docs/formats.md";

/// Reads a config file into a `deny_unknown_fields` structure.
///
/// # Errors
/// The place of the first fault, and for an unknown key the nearest known one.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    read_of(path, PAGE)
}

/// As [`read`]; errors send the reader to `page`, which describes the keys.
///
/// # Errors
/// As [`read`].
pub fn read_of<T: DeserializeOwned>(path: &Path, page: &str) -> Result<T> {
    if ends_in(path, "yaml") || ends_in(path, "yml") {
        return Err(UserError::bad_data("unknown-format", "a config is TOML or JSON, not YAML")
            .file(path)
            .expected("a file that ends in `.toml` or `.json`")
            .mend(format!("write it as TOML: `{page}` describes the keys")));
    }
    let text = input::text(path, LIMIT_BYTES).map_err(|error| match error.code() {
        "limit" => UserError::bad_data("limit", "too large for a config").file(path).mend("name the TOML file, not the data"),
        "not-text" => error.expected("a TOML config").mend("name the config"),
        _ => error,
    })?;
    if ends_in(path, "json") { parse_json_of(&text, path, page) } else { parse_of(&text, path, page) }
}

/// Parses TOML text; `path` is named in errors.
pub fn parse<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T> {
    parse_of(text, path, PAGE)
}

/// As [`parse`]; errors send the reader to `page`, which describes the keys.
pub fn parse_of<T: DeserializeOwned>(text: &str, path: &Path, page: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let message = plain(error.message());
        let mut out = UserError::bad_data("bad-config", message.clone()).file(path);
        if let Some(span) = error.span() {
            let before = &text[..span.start.min(text.len())];
            out = out.line(before.matches('\n').count() as u64 + 1);
            let line_start = before.rfind('\n').map_or(0, |i| i + 1);
            let rest = &text[line_start..];
            let line = rest.lines().next().unwrap_or_default().trim();
            if !line.is_empty() {
                out = out.found(line);
            }
        }
        out.mend(suggestion(&message, page))
    })
}

/// Whether a name has this ending, in small letters or not.
fn ends_in(path: &Path, wanted: &str) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(wanted))
}

/// As [`parse_of`] for JSON text.
pub fn parse_json_of<T: DeserializeOwned>(text: &str, path: &Path, page: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        let whole = error.to_string();
        let message = plain(whole.rsplit_once(" at line ").map_or(whole.as_str(), |(before, _)| before));
        let mut out = UserError::bad_data("bad-config", message.clone()).file(path);
        if error.line() > 0 {
            out = out.line(error.line() as u64).column(error.column().to_string());
            let line = text.lines().nth(error.line() - 1).unwrap_or_default();
            let around = around(line, error.column());
            if !around.is_empty() {
                out = out.found(around);
            }
        }
        out.mend(suggestion(&message, page))
    })
}

/// The part of a line that a fault stands in: all of a short one, of a long one what leads to the column.
fn around(line: &str, column: usize) -> &str {
    const LETTERS: usize = 60;
    if line.chars().count() <= LETTERS {
        return line.trim();
    }
    let mut end = column.min(line.len());
    while !line.is_char_boundary(end) {
        end += 1;
    }
    let start = line[..end].char_indices().rev().nth(LETTERS - 1).map_or(0, |(at, _)| at);
    line[start..end].trim()
}

/// The config as TOML text, with every key: what a run stores as its resolved config.
pub fn render<T: Serialize>(config: &T) -> Result<String> {
    toml::to_string_pretty(config).map_err(|e| UserError::failed("config", format!("the config has no TOML form: {e}")))
}

/// Whole numbers by the name that serde gives them.
const WHOLE: [(&str, &str); 8] = [
    ("u8", "a whole number from 0 to 255"),
    ("u16", "a whole number from 0 to 65535"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("u64", "a whole number from 0 to 9223372036854775807"),
    ("usize", "a whole number from 0 to 9223372036854775807"),
    ("i8", "a whole number from -128 to 127"),
    ("i32", "a whole number from -2147483648 to 2147483647"),
    ("i64", "a whole number"),
];

/// Serde's message without the names of types.
fn plain(message: &str) -> String {
    if let Some((before, _)) = message.split_once(", expected struct ") {
        return format!("{before}, expected a table of keys");
    }
    // A number in quotes is no question of range.
    let quoted = message.starts_with("invalid type: string");
    match WHOLE.iter().find_map(|(name, words)| Some((message.strip_suffix(name)?.strip_suffix("expected ")?, words))) {
        Some((before, _)) if quoted => format!("{before}expected a whole number, without quotes"),
        Some((before, words)) => format!("{before}expected {words}"),
        None => message.to_string(),
    }
}

/// What to do: the nearest of serde's expected names in "unknown field `x`, expected one of `a`, `b`", else the page to read.
fn suggestion(message: &str, page: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let first = quoted.next().unwrap_or_default();
    if message.starts_with("missing field") {
        return format!("add `{first}`; `{page}` describes every key");
    }
    let known: Vec<&str> = quoted.collect();
    let unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    match nearest(first, known.iter().copied()).filter(|_| unknown) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("`{page}` describes the keys and their types"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::fs;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Spec {
        #[expect(dead_code, reason = "only the key matters here")]
        threshold: u32,
    }

    #[test]
    fn an_unknown_key_names_its_line_and_the_nearest_key() {
        let error = parse::<Spec>("\ntreshold = 3\n", Path::new("c.toml")).expect_err("the key is misspelt");
        let text = error.to_string();
        assert!(text.starts_with("c.toml, line 2"), "{text}");
        assert!(text.ends_with("did you mean `threshold`?"), "{text}");
    }

    #[test]
    fn a_config_in_json_has_the_same_errors() {
        let error = parse_json_of::<Spec>("{\n \"treshold\": 3\n}", Path::new("c.json"), PAGE).expect_err("misspelt");
        let text = error.to_string();
        assert!(text.starts_with("c.json, line 2, column `") && text.ends_with("did you mean `threshold`?"), "{text}");
        assert_eq!(parse_json_of::<Spec>("{\"threshold\": ", Path::new("c.json"), PAGE).expect_err("cut").line_number(), Some(1));
    }

    #[test]
    fn a_fault_in_a_long_line_is_shown_with_what_leads_to_it() {
        let text = format!("{{ \"a\": \"{}\", \"treshold\": 3 }}", "ä".repeat(200));
        let error = parse_json_of::<Spec>(&text, Path::new("c.json"), PAGE).expect_err("misspelt").to_string();
        assert!(error.contains("line 1, column `"), "{error}");
        let text = format!("{{ {} \"treshold\": 3 }}", " ".repeat(200));
        let error = parse_json_of::<Spec>(&text, Path::new("c.json"), PAGE).expect_err("misspelt").to_string();
        assert!(error.contains("found `{ \"treshold\"`") || error.contains("found `\"treshold\"`"), "{error}");
    }

    #[test]
    fn a_number_that_does_not_fit_is_told_in_words() {
        for text in ["-5", "5.0", "4294967296"] {
            let error = parse::<Spec>(&format!("threshold = {text}"), Path::new("c.toml")).expect_err("no count");
            assert!(error.to_string().contains("expected a whole number from 0 to 4294967295"), "{error}");
        }
        let error = parse::<Spec>("threshold = \"8\"", Path::new("c.toml")).expect_err("a text").to_string();
        assert!(error.contains("expected a whole number, without quotes"), "{error}");
        let error = parse::<Spec>("threshold = 100000000000000000000", Path::new("c.toml")).expect_err("no count");
        assert_eq!(error.line_number(), Some(1), "{error}");
    }

    #[test]
    fn a_missing_key_is_named_with_the_page_that_describes_it() {
        let text = parse_of::<Spec>("", Path::new("c.toml"), "docs/training.md").expect_err("no key").to_string();
        assert!(text.ends_with("add `threshold`; `docs/training.md` describes every key"), "{text}");
        let text = parse_of::<Spec>("threshold = [", Path::new("c.toml"), "docs/training.md").expect_err("no TOML").to_string();
        assert!(text.ends_with("`docs/training.md` describes the keys and their types"), "{text}");
    }

    #[test]
    fn a_file_that_is_no_text_is_told() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("pack.h5");
        fs::write(&path, b"kenyon\xff\0").expect("written");
        assert_eq!(read::<Spec>(&path).expect_err("no text").code(), "not-text");
    }

    #[test]
    fn a_wrong_type_names_its_line() {
        let error = parse::<Spec>("threshold = \"many\"", Path::new("c.toml")).expect_err("a string is no count");
        assert_eq!(error.line_number(), Some(1));
    }
}
