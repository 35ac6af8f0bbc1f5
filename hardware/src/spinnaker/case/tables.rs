//! The recorded tables of a case.

use std::fs;
use std::path::Path;

use kenyon_base::{Result, UserError};

use super::Expected;

/// Recorded tables of rows, by the ends of their names.
pub(super) const TABLES: [(usize, &str); 3] = [(0, "v"), (1, "gsyn_exc"), (2, "gsyn_inh")];
/// The table of spikes.
const SPIKES: &str = "spikes";

impl Expected {
    /// Reads the tables of a population; those that are not there are noted.
    pub(super) fn read_tables(&mut self, folder: &Path, label: &str, n: usize, steps: u32) -> Result<()> {
        let path = |end: &str| folder.join(format!("{label}_{end}.csv"));
        let ends = TABLES.iter().map(|t| t.1).chain([SPIKES]);
        // A population without neurons has nothing to record.
        if n > 0 {
            self.missing = ends.filter(|end| !path(end).is_file()).map(|end| format!("{label}_{end}.csv")).collect();
        }
        for ((_, end), rows) in TABLES.iter().zip(&mut self.rows) {
            let path = path(end);
            if !path.is_file() {
                continue;
            }
            let mut values = Vec::new();
            let mut read = 0u32;
            read_csv(&path, n, |line, row| {
                if row[0] != i64::from(read) {
                    return Err(off(&path, line, "step", row[0]).expected(read.to_string()));
                }
                read += 1;
                for (i, &value) in row[1..].iter().enumerate() {
                    values.push(i32::try_from(value).map_err(|_| off(&path, line, &format!("n{i}"), value))?);
                }
                Ok(())
            })?;
            if read != steps {
                return Err(UserError::bad_data("case-rows", "does not have one row for each step")
                    .file(&path)
                    .found(read.to_string())
                    .expected(steps.to_string()));
            }
            *rows = Some(values);
        }
        let path = path(SPIKES);
        if !path.is_file() {
            return Ok(());
        }
        let mut spikes = Vec::new();
        read_table(&path, &["step".into(), "neuron".into()], |line, row| {
            let within = |column: usize, name: &str, end: usize| {
                let place = off(&path, line, name, row[column]).expected(format!("a number below {end}"));
                u32::try_from(row[column]).ok().filter(|x| (*x as usize) < end).ok_or(place)
            };
            spikes.push((within(0, "step", steps as usize)?, within(1, "neuron", n)?));
            Ok(())
        })?;
        spikes.sort_unstable();
        self.spikes = Some(spikes);
        Ok(())
    }
}

/// Rows of a table with a column for each neuron.
fn read_csv(path: &Path, n: usize, take: impl FnMut(u64, &[i64]) -> Result<()>) -> Result<()> {
    let header = std::iter::once("step".to_string()).chain((0..n).map(|i| format!("n{i}"))).collect::<Vec<_>>();
    read_table(path, &header, take)
}

/// Rows of a table of whole numbers with this header, by the numbers of their lines; empty lines at the end are none.
fn read_table(path: &Path, header: &[String], mut take: impl FnMut(u64, &[i64]) -> Result<()>) -> Result<()> {
    let text = fs::read_to_string(path).map_err(|e| UserError::cannot_read(path, &e).in_data())?;
    let mut lines = text.trim_end().lines();
    let found = lines.next().unwrap_or_default().trim_end();
    if found != header.join(",") {
        return Err(UserError::bad_data("case-header", "does not have the columns of this population")
            .file(path)
            .line(1)
            .found(found)
            .expected(header.join(",")));
    }
    let mut row = Vec::with_capacity(header.len());
    for (line, text) in (2..).zip(lines) {
        row.clear();
        row.extend(text.split(',').map_while(|cell| cell.trim().parse::<i64>().ok()));
        if row.len() != header.len() || text.split(',').count() != header.len() {
            return Err(UserError::bad_data("case-row", "is no row of whole numbers")
                .file(path)
                .line(line)
                .found(text)
                .expected(format!("{} whole numbers", header.len())));
        }
        take(line, &row)?;
    }
    Ok(())
}

fn off(path: &Path, line: u64, column: &str, value: i64) -> UserError {
    UserError::bad_data("case-value", "bad value").file(path).line(line).column(column).found(value.to_string())
}
