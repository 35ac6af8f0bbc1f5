//! Columns over time: `NumPy` archives and tables, read, compared, written.

use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};

use super::table::{self, Column, Table};
use crate::npz::{Array, NpzReader, write_npz};

/// Name of the column of times.
pub const TIME: &str = "t_ms";
/// Samples farther apart than this say too little, ms.
const STRIDE_MS: f64 = 1.0;
/// Deviations whose first times are reported, mV.
pub const LEVELS_MV: [f64; 3] = [1e-6, 1e-4, 1e-2];

/// Columns over time from one file.
#[derive(Debug, Clone)]
pub struct Traces {
    /// The file.
    pub path: PathBuf,
    /// Times, ms.
    pub t_ms: Vec<f64>,
    /// Names and samples, without the times.
    pub columns: Vec<Trace>,
}

/// A column over time.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Its name.
    pub name: String,
    /// Its samples.
    pub samples: Vec<f64>,
    /// Significant digits it is written with; none if with all.
    pub digits: Option<i32>,
}

impl Traces {
    /// Reads `.npz` or CSV, by the ending.
    ///
    /// # Errors
    /// As the readers of both; columns of different length, a column of times that does not rise.
    pub fn read(path: &Path) -> Result<Self> {
        let traces = if path.extension().is_some_and(|end| end == "npz") { Self::of_npz(path)? } else { Self::of_csv(path)? };
        if traces.t_ms.is_empty() || traces.t_ms.windows(2).any(|pair| pair[1] <= pair[0]) {
            return Err(bad(path, "times do not rise from row to row").column(TIME));
        }
        Ok(traces)
    }

    /// The potential of the soma.
    pub fn soma(&self) -> Option<&Trace> {
        self.columns.iter().find(|column| column.name == "v_soma")
    }

    fn of_npz(path: &Path) -> Result<Self> {
        let mut reader = NpzReader::open(path)?;
        let mut columns = Vec::new();
        let mut t_ms = None;
        for name in reader.names() {
            let array = reader.read(&name)?;
            if array.shape.len() != 1 {
                return Err(bad(path, "an array is no column").dataset(&name).found(format!("{:?}", array.shape)));
            }
            let samples = array.to_f64();
            if let Some(at) = samples.iter().position(|x| !x.is_finite()) {
                return Err(bad(path, "a sample is no finite number").dataset(&name).found(format!("sample {at}")));
            }
            if name == TIME {
                t_ms = Some(samples);
            } else {
                columns.push(Trace { name, samples, digits: None });
            }
        }
        let t_ms = t_ms.ok_or_else(|| bad(path, "lacks the times").expected(TIME))?;
        if let Some(other) = columns.iter().find(|c| c.samples.len() != t_ms.len()) {
            return Err(bad(path, "arrays differ in length").dataset(&other.name).found(other.samples.len().to_string()));
        }
        Ok(Self { path: path.to_path_buf(), t_ms, columns })
    }

    fn of_csv(path: &Path) -> Result<Self> {
        let table = Table::read(path)?;
        let t_ms = table.numbers(TIME)?;
        let mut columns = Vec::new();
        for name in table.header().iter().filter(|name| *name != TIME) {
            let digits = Some(table.digits(name) as i32).filter(|digits| *digits < 15);
            columns.push(Trace { name: name.clone(), samples: table.numbers(name)?, digits });
        }
        Ok(Self { path: path.to_path_buf(), t_ms, columns })
    }

    /// The step of each sample.
    ///
    /// # Errors
    /// A time that is no multiple of the step, or beyond the last of `steps`.
    pub fn steps(&self, dt_ms: f64, steps: u64) -> Result<Vec<usize>> {
        let of = |(row, t): (usize, &f64)| {
            let step = (t / dt_ms).round();
            // Times may have been summed up step by step.
            if (t - step * dt_ms).abs() > 1e-3 * dt_ms || step < 0.0 || step > steps as f64 {
                return Err(bad(&self.path, "a time is none that the run passes")
                    .row(row as u64 + 1)
                    .column(TIME)
                    .found(t.to_string())
                    .expected(format!("a multiple of {dt_ms} ms up to {} ms", steps as f64 * dt_ms)));
            }
            Ok(step as usize)
        };
        self.t_ms.iter().enumerate().map(of).collect()
    }

    /// What is wrong with the sampling, if anything: rows stand evenly, from 0 ms on, at most 1 ms apart, and reach the last one before
    /// the end of the run. `at` is [`Self::steps`] of a run of so many steps.
    pub fn gap(&self, at: &[usize], dt_ms: f64, steps: u64) -> Option<String> {
        let file = self.path.file_name().unwrap_or_default().to_string_lossy();
        let time = |step: usize| ms(step as f64 * dt_ms);
        let (first, last) = (*at.first()?, *at.last()?);
        let end = ms(steps as f64 * dt_ms);
        let stride = at.get(1).map_or(0, |second| second - first);
        if first > 0 {
            Some(format!("{file} begins at {}", time(first)))
        } else if let Some(pair) = at.windows(2).find(|pair| pair[1] - pair[0] != stride) {
            Some(format!("{file} does not go on evenly after {}", time(pair[0])))
        } else if (last + stride) as u64 <= steps || stride == 0 && steps > 0 {
            Some(format!("{file} ends at {}, the run at {end}", time(last)))
        } else if stride > 1 && stride as f64 * dt_ms > STRIDE_MS * (1.0 + 1e-9) {
            Some(format!("{file} has a row for {} alone", time(stride)))
        } else {
            None
        }
    }

    /// Whether there is a column of this name.
    pub fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.name == name)
    }

    /// Writes our own samples at these times under the file's names; `ours[c][k]` is sample k of column c.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, to: &Path, ours: &[Vec<f64>]) -> Result<()> {
        let names = std::iter::once(TIME).chain(self.columns.iter().map(|c| c.name.as_str()));
        let samples = std::iter::once(&self.t_ms).chain(ours);
        if to.extension().is_some_and(|end| end == "npz") {
            if let Some(folder) = to.parent() {
                std::fs::create_dir_all(folder).map_err(|e| UserError::cannot_write(folder, &e))?;
            }
            let arrays: Vec<(&str, Array)> =
                names.zip(samples).map(|(name, x)| (name, Array::of_f64(&[x.len()], x.clone()))).collect();
            return write_npz(to, arrays.iter().map(|(name, array)| (*name, array)));
        }
        let columns: Vec<(&str, Column)> = names.zip(samples).map(|(name, x)| (name, Column::Numbers(x.clone()))).collect();
        table::write(to, &columns.iter().map(|(name, column)| (*name, column)).collect::<Vec<_>>())
    }
}

impl Trace {
    /// Half a unit of the last digit that a value is written with.
    pub fn rounding(&self, value: f64) -> f64 {
        match self.digits {
            Some(digits) if value != 0.0 => 0.500_001 * 10_f64.powi(value.abs().log10().floor() as i32 + 1 - digits),
            _ => 0.0,
        }
    }
}

/// A time in words: reference times may have been summed up step by step, with the noise of that.
pub fn ms(t_ms: f64) -> String {
    format!("{} ms", (t_ms * 1e6).round() / 1e6)
}

/// What there is to say of events that come too late to do anything in a run that ends then, ms.
pub fn too_late(times_ms: &[f64], last_due_ms: f64, end_ms: f64) -> Option<String> {
    let late = times_ms.iter().filter(|t| **t > last_due_ms).count();
    let first = times_ms.iter().position(|t| *t > last_due_ms)?;
    Some(format!(
        "{late} of {} events come too late to do anything (row {}: {}; the run ends at {})",
        times_ms.len(),
        first + 1,
        ms(times_ms[first]),
        ms(end_ms)
    ))
}

fn bad(path: &Path, message: &str) -> UserError {
    UserError::bad_data("bad-traces", message).file(path).mend("take the file from the reference again")
}

/// How far potentials lie apart, over time.
#[derive(Debug, Clone, Default)]
pub struct Distance {
    /// The largest deviation, mV.
    pub largest: f64,
    /// Where that is: column, ms.
    pub at: (String, f64),
    /// First times beyond [`LEVELS_MV`], ms.
    pub first: [Option<f64>; 3],
    /// The largest deviation beyond the rounding of the file, up to the end of the window.
    pub in_window: f64,
    /// Where that is.
    pub in_window_at: (String, f64),
}

impl Distance {
    /// Compares a column; deviations up to `window_ms` count for [`Self::in_window`].
    pub fn see(&mut self, trace: &Trace, ours: &[f64], t_ms: &[f64], window_ms: f64) {
        for ((&theirs, &ours), &t) in trace.samples.iter().zip(ours).zip(t_ms) {
            let error = (ours - theirs).abs();
            let error = if error.is_nan() { f64::INFINITY } else { error };
            if error > self.largest {
                (self.largest, self.at) = (error, (trace.name.clone(), t));
            }
            let rounding = trace.rounding(theirs);
            for (first, level) in self.first.iter_mut().zip(LEVELS_MV) {
                if error > level + rounding && first.is_none_or(|before| t < before) {
                    *first = Some(t);
                }
            }
            if t <= window_ms && error - rounding > self.in_window {
                (self.in_window, self.in_window_at) = (error - rounding, (trace.name.clone(), t));
            }
        }
    }

    /// The largest deviation and the first times, in words.
    pub fn words(&self) -> String {
        if self.largest <= 0.0 {
            return "|dV| 0".into();
        }
        let first = |(level, first): (f64, Option<f64>)| match first {
            Some(t) => format!("above {level:e} mV from {}", ms(t)),
            None => format!("never above {level:e} mV"),
        };
        let levels: Vec<String> = LEVELS_MV.into_iter().zip(self.first).map(first).collect();
        format!("|dV| up to {:.3e} mV ({} at {}), {}", self.largest, self.at.0, ms(self.at.1), levels.join(", "))
    }
}
