//! Reading response tables: DoOR's own layouts and any table of odours × receptors.
//!
//! The first column is the odour; the header names the receptors, with a cell above the odours or, as R writes it, without.
//! The separator (`,`, `;` or tab) is told by the header.

use std::collections::BTreeMap;
use std::path::Path;

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

use super::table::ResponseTable;
use crate::text::{Record, Text};

/// What to do about values that were not measured (`NA`, or nothing).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// They are an error.
    #[default]
    Error,
    /// They become 0, and the number of them is recorded.
    Zero,
}

impl ResponseTable {
    /// Reads a table, plain or gzip.
    ///
    /// # Errors
    /// Everything that is not a table of numbers, with line, row (of data, from 1) and column.
    pub fn read(path: &Path, missing: Missing) -> Result<Self> {
        let text = Text::read(path, "odor_responses")?;
        let first = text.content.lines().find(|l| !l.trim().is_empty()).unwrap_or_default();
        let separator = [b';', b'\t', b','].into_iter().find(|&s| outside_quotes(first, s)).unwrap_or(b',');
        let records = text.records(separator)?;
        let Some((header, rows)) = records.split_first() else {
            return Err(UserError::bad_data("empty-file", "holds no line").file(path).line(1).mend("download the file again"));
        };
        if rows.is_empty() {
            return Err(UserError::bad_data("no-rows", "has a header but no rows")
                .file(path)
                .line(header.line + 1)
                .expected("one row per odour")
                .mend("download the file again"));
        }
        let receptors = receptors(path, header, rows)?;
        let mut table = Self {
            odors: Vec::with_capacity(rows.len()),
            receptors,
            values: Vec::with_capacity(rows.len() * header.fields.len()),
            synthetic: false,
            source: None,
            notes: Vec::new(),
            lines: rows.iter().map(|r| r.line).collect(),
        };
        let mut zeros = 0_u64;
        let mut outside = 0_u64;
        for (record, row) in rows.iter().zip(1_u64..) {
            let here = |error: UserError| error.file(path).line(record.line).row(row);
            let name = &record.fields[0];
            if name.is_empty() || name == "NA" {
                return Err(here(UserError::bad_data("bad-odor", "a row without an odour name"))
                    .column("odor")
                    .found(name)
                    .expected("a name in the first column")
                    .mend("name the odour, or remove the row"));
            }
            table.odors.push(name.clone());
            for (field, receptor) in record.fields[1..].iter().zip(&table.receptors) {
                let value = number(field, missing).map_err(|error| here(error).column(receptor))?;
                zeros += u64::from(value.is_none());
                let value = value.unwrap_or(0.0);
                outside += u64::from(!(0.0..=1.0).contains(&value));
                table.values.push(value);
            }
        }
        if zeros > 0 {
            let (values, were) = if zeros == 1 { ("value", "was") } else { ("values", "were") };
            table.notes.push(format!("{zeros} {values} that {were} not measured taken as 0"));
        }
        if outside > 0 {
            table.notes.push(format!("{outside} {} outside 0 to 1", if outside == 1 { "value" } else { "values" }));
        }
        let mut source = text.source;
        source.rows = rows.len() as u64;
        table.source = Some(source);
        Ok(table)
    }
}

fn outside_quotes(line: &str, separator: u8) -> bool {
    let mut quoted = false;
    line.bytes().any(|b| {
        quoted ^= b == b'"';
        !quoted && b == separator
    })
}

/// Receptor names of the header; every row must have one field more.
fn receptors(path: &Path, header: &Record, rows: &[Record]) -> Result<Vec<String>> {
    let width = header.fields.len();
    // R leaves the cell above the row names out; that rule holds for all rows or for none.
    let one_short = rows.iter().all(|r| r.fields.len() == width + 1);
    if !one_short && let Some((ragged, row)) = rows.iter().zip(1_u64..).find(|(r, _)| r.fields.len() != width) {
        return Err(UserError::bad_data("ragged-row", "a row with another number of fields than the header")
            .file(path)
            .line(ragged.line)
            .row(row)
            .found(format!("{} fields", ragged.fields.len()))
            .expected(format!("{width}, or {} in every row if the header has no cell above the odours", width + 1))
            .mend("a decimal comma or a separator inside a name splits a field: use `.` for decimals and quote such names"));
    }
    let names = if one_short { &header.fields[..] } else { &header.fields[1..] };
    if names.is_empty() {
        return Err(UserError::bad_data("no-receptors", "the header names no receptor")
            .file(path)
            .line(header.line)
            .expected("`,`, `;` or tab between the odour and the receptors")
            .mend("name a response table such as DoOR_selected.csv.gz"));
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, name) in names.iter().enumerate() {
        let fault = if name.is_empty() {
            Some("a column without a name")
        } else if name.parse::<f64>().is_ok() {
            Some("a number where a receptor name belongs: the header is missing")
        } else if seen.insert(name, i).is_some() {
            Some("two columns of the same name")
        } else {
            None
        };
        if let Some(fault) = fault {
            return Err(UserError::bad_data("bad-header", fault)
                .file(path)
                .line(header.line)
                .column((i + 2).to_string())
                .found(name)
                .expected("receptor names, each once")
                .mend("mend the header, or download the file again"));
        }
    }
    Ok(names.to_vec())
}

/// A response; `None` if it was not measured.
fn number(field: &str, missing: Missing) -> Result<Option<f64>> {
    if matches!(field, "" | "NA" | "NaN" | "nan") {
        return match missing {
            Missing::Zero => Ok(None),
            Missing::Error => Err(UserError::bad_data("missing-value", "a response that was not measured")
                .found(field)
                .expected("a number")
                .mend("set `missing = \"zero\"` (`--missing zero`) to take what was not measured as 0")),
        };
    }
    match field.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Some(value)),
        _ => Err(UserError::bad_data("bad-response", "not a response")
            .found(field)
            .expected("a finite number, usually from 0 to 1")
            .mend(if field.contains(',') {
                "write decimals with a point: a spreadsheet wrote a decimal comma"
            } else {
                "download the file again"
            })),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use proptest::prelude::*;

    fn read_bytes(bytes: &[u8], missing: Missing) -> Result<ResponseTable> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("responses.csv");
        std::fs::write(&path, bytes).expect("written");
        ResponseTable::read(&path, missing)
    }

    fn read(text: &str) -> Result<ResponseTable> {
        read_bytes(text.as_bytes(), Missing::Error)
    }

    fn code(text: &str) -> String {
        read(text).expect_err(text).code().to_string()
    }

    #[test]
    fn the_layouts_of_door_and_of_others_give_the_same_table() {
        let expected = read("Or,Or1a,Or2a\nwater,0,0.5\n\"2,3-butanedione\",1e-1,1\n").expect("valid");
        assert_eq!(expected.odors, ["water", "2,3-butanedione"]);
        assert_eq!(expected.values, [0.0, 0.5, 0.1, 1.0]);
        for text in [
            "\"Or1a\";\"Or2a\"\r\n\"water\";0;0.5\r\n\"2,3-butanedione\";0.1;1",
            "\u{feff}\"\",Or1a,Or2a\n\nwater,0,0.5\n\"2,3-butanedione\",0.1,1\n",
            "odor\tOr1a\tOr2a\nwater\t0\t0.5\n2,3-butanedione\t0.1\t1\n",
        ] {
            let table = read(text).expect(text);
            assert_eq!(
                (table.odors, table.receptors, table.values),
                (expected.odors.clone(), expected.receptors.clone(), expected.values.clone())
            );
        }
    }

    #[test]
    fn a_quoted_line_end_is_part_of_the_name() {
        let table = read("o,Or1a\n\"two\nlines\",0.5\nb,0.25\n").expect("valid");
        assert_eq!(table.odors, ["two\nlines", "b"]);
    }

    #[test]
    fn malformed_tables_are_told_apart() {
        for (text, expected) in [
            ("", "empty-file"),
            ("\n\n", "empty-file"),
            ("o,Or1a\n", "no-rows"),
            ("o\na\n", "no-receptors"),
            ("o,Or1a,Or2a\na,1,2,3\nb,1,2\n", "ragged-row"),
            ("o,Or1a,Or2a\na,1\n", "ragged-row"),
            ("o,Or1a,Or1a\na,1,2\n", "bad-header"),
            ("o,Or1a,\na,1,2\n", "bad-header"),
            ("a,0.5,0.25\nb,1,2\n", "bad-header"),
            ("o,Or1a\n,1\n", "bad-odor"),
            ("o;Or1a\nNA;1\n", "bad-odor"),
            ("o;Or1a\na;0,5\n", "bad-response"),
            ("o,Or1a\na,inf\n", "bad-response"),
            ("o,Or1a\na,1e400\n", "bad-response"),
            ("o,Or1a\na,high\n", "bad-response"),
            ("o,Or1a\na,NA\n", "missing-value"),
            ("o,Or1a\n\"a,1\n", "open-quote"),
            ("o,Or1a\na\0,1\n", "nul-byte"),
        ] {
            assert_eq!(code(text), expected, "{text:?}");
        }
        assert_eq!(read_bytes(b"o,Or1a\na\xff,1\n", Missing::Error).expect_err("bytes").code(), "not-utf8");
        assert_eq!(read_bytes(b"\xff\xfeo\0", Missing::Error).expect_err("UTF-16").code(), "not-utf8");
        let wide = format!("o{}\n", ",x".repeat(5000));
        assert_eq!(code(&wide), "limit");
        assert_eq!(code(&format!("o,Or1a\n{},1\n", "x".repeat(2 << 20))), "limit");
    }

    #[test]
    fn an_error_names_line_row_and_column() {
        let error = read("o,Or1a,Or2a\n\na,0,1\nb,0,x\n").expect_err("x is no number").to_string();
        assert!(error.contains("responses.csv, line 4, row 2, column `Or2a`"), "{error}");
        let error = read("o;Or1a\na;0,5\n").expect_err("a comma").to_string();
        assert!(error.contains("decimal comma"), "{error}");
    }

    #[test]
    fn the_line_of_a_cell_is_that_of_an_editor_whatever_ends_the_lines() {
        for (text, line) in [
            ("odor,Or42b\r\nx,0.5\r\ny,abc\r\n", 3),
            ("odor,Or42b\nx,0.5\ny,abc\n", 3),
            ("\r\n\r\nodor,Or42b\r\n\r\n\r\nx,0.5\r\n\r\ny,abc", 8),
            ("odor,Or42b\n\n\nx,0.5\n\ny,abc", 6),
            ("\u{feff}odor,Or42b\r\n\"two\r\nlines\",0.5\r\ny,abc\r\n", 4),
        ] {
            assert_eq!(read(text).expect_err(text).line_number(), Some(line), "{text:?}");
        }
    }

    #[test]
    fn what_was_not_measured_becomes_0_only_when_asked() {
        let table = read_bytes(b"Or1a;Or2a\nx;NA;0.5\ny;;NaN\n", Missing::Zero).expect("valid");
        assert_eq!(table.values, [0.0, 0.5, 0.0, 0.0]);
        assert_eq!(table.notes, ["3 values that were not measured taken as 0"]);
    }

    #[test]
    fn truncated_and_concatenated_gzip() {
        use std::io::Write as _;
        let gz = |text: &str| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(text.as_bytes()).expect("memory");
            encoder.finish().expect("memory")
        };
        let mut two = gz("o,Or1a\na,0.5\n");
        two.extend(gz("b,0.25\n"));
        assert_eq!(read_bytes(&two, Missing::Error).expect("valid").values, [0.5, 0.25]);
        let whole = gz(&(0..5000).fold("o,Or1a\n".to_string(), |text, i| text + &format!("odour {i},0.{i}\n")));
        let error = read_bytes(&whole[..whole.len() / 2], Missing::Error).expect_err("truncated");
        assert!(error.code() == "truncated" && error.line_number().is_some_and(|l| l > 1), "{error}");
        let bomb = gz(&"0".repeat(40 << 20));
        assert_eq!(read_bytes(&bomb, Missing::Error).expect_err("a bomb").code(), "limit");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_table_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(table) = read_bytes(&bytes, Missing::Zero) {
                prop_assert_eq!(table.values.len(), table.odors.len() * table.receptors.len());
            }
        }

        #[test]
        fn a_written_table_is_read_back(
            rows in prop::collection::vec(("[a-z\", ;()-]{1,12}", prop::collection::vec(-1.0_f64..2.0, 3)), 1..20),
        ) {
            let mut text = "odor,A1,A2,A3\n".to_string();
            for (name, values) in &rows {
                let _ = writeln!(text, "\"x{}\",{},{},{}", name.replace('"', "\"\""), values[0], values[1], values[2]);
            }
            let table = read(&text).expect("valid");
            let expected: Vec<f64> = rows.iter().flat_map(|r| r.1.clone()).collect();
            prop_assert_eq!(table.values, expected);
            let names: Vec<String> = rows.iter().map(|r| format!("x{}", r.0).trim().to_string()).collect();
            prop_assert_eq!(table.odors, names);
        }
    }
}
