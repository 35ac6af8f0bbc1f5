//! A measured value, or the reason why there is none; matrices of responses.

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

/// Version of the definitions, printed with every report.
pub const METRICS_VERSION: u32 = 1;

/// A value with its number of observations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// The value; `null` if there is none.
    pub value: Option<f64>,
    /// Observations it rests on.
    pub n: u64,
    /// Observations that could not enter.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
    /// Why there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Measure {
    /// A value over `n` observations. One that is not finite becomes a reason.
    pub fn new(value: f64, n: usize) -> Self {
        if value.is_finite() {
            return Self { value: Some(value), n: n as u64, left_out: 0, reason: None };
        }
        Self::none(n, "the value is too large or not defined")
    }

    /// No value.
    pub fn none(n: usize, reason: impl Into<String>) -> Self {
        Self { value: None, n: n as u64, left_out: 0, reason: Some(reason.into()) }
    }

    /// Mean of the values that are there; the others are counted as left out.
    pub fn mean_of(values: impl IntoIterator<Item = Option<f64>>, if_none: &str) -> Self {
        let (mut there, mut left_out) = (Vec::new(), 0);
        for value in values {
            match value {
                Some(value) => there.push(value),
                None => left_out += 1,
            }
        }
        let measure = match super::sum::mean(&there) {
            Some(mean) => Self::new(mean, there.len()),
            None => Self::none(0, if_none),
        };
        Self { left_out, ..measure }
    }

    /// States how many observations could not enter.
    #[must_use]
    pub fn leaving_out(mut self, count: usize) -> Self {
        self.left_out = count as u64;
        self
    }
}

/// Responses, one row per stimulus and one column per neuron.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f64],
    rows: usize,
    columns: usize,
}

impl<'a> Matrix<'a> {
    /// Row-major values of `rows` stimuli and `columns` neurons.
    ///
    /// # Errors
    /// If the shape does not hold the values, or one is not finite.
    pub fn new(values: &'a [f64], rows: usize, columns: usize) -> Result<Self> {
        if rows.checked_mul(columns) != Some(values.len()) {
            return Err(UserError::failed("shape", format!("{} responses are no {rows} × {columns} matrix", values.len())));
        }
        check_finite("responses", values)?;
        Ok(Self { values, rows, columns })
    }

    /// Number of stimuli.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of neurons.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Responses of all neurons to stimulus `row`.
    pub fn row(&self, row: usize) -> &'a [f64] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// Responses of neuron `column` to all stimuli.
    pub fn column(&self, column: usize) -> Vec<f64> {
        (0..self.rows).map(|row| self.values[row * self.columns + column]).collect()
    }
}

/// An error if a value is NaN or infinite.
pub(super) fn check_finite(what: &str, values: &[f64]) -> Result<()> {
    match values.iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(at) => Err(UserError::bad_data("not-finite", format!("element {at} of the {what}"))
            .found(values[at].to_string())
            .expected("a finite number")),
    }
}
