//! Dale's law in a dense weight matrix from elsewhere: what a system that projects before its optimiser step leaves behind.

use kenyon_base::{Result, UserError};
use serde::Serialize;

/// Signs and zeros of a matrix whose rows are senders.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DaleReport {
    /// Entries.
    pub entries: u64,
    /// Entries below 0 in excitatory rows and above 0 in the others.
    pub wrong_signs: u64,
    /// Entries that are exactly 0: masked ones must be.
    pub zeros: u64,
    /// Largest magnitude of a wrong sign.
    pub largest_wrong: f64,
}

impl DaleReport {
    /// Counts in `values`, row-major, of which the first `excitatory` rows must not be negative and the others not positive.
    ///
    /// # Example
    /// ```
    /// use kenyon::network::DaleReport;
    ///
    /// let report = DaleReport::of(&[0.5, 0.0, 0.1, -0.2], &[2, 2], 1)?;
    /// assert_eq!((report.wrong_signs, report.zeros, report.largest_wrong), (1, 1, 0.1));
    /// # Ok::<(), kenyon_base::UserError>(())
    /// ```
    ///
    /// # Errors
    /// An array that is no matrix, fewer rows than are excitatory, or a value that is not a number.
    pub fn of(values: &[f64], shape: &[usize], excitatory: usize) -> Result<Self> {
        let &[rows, columns] = shape else {
            return Err(UserError::bad_data("bad-shape", "weights are a matrix")
                .found(format!("{shape:?}"))
                .expected("two axes: senders, receivers")
                .mend("name the array of recurrent weights"));
        };
        if rows * columns != values.len() || excitatory > rows {
            return Err(UserError::bad_data("bad-shape", "the matrix does not hold the rows asked for")
                .found(format!("{} values in {rows} rows of {columns}", values.len()))
                .expected(format!("at least {excitatory} rows"))
                .mend("give the number of excitatory senders of this network"));
        }
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(UserError::bad_data("not-finite", "a weight is not a finite number")
                .row((at / columns) as u64 + 1)
                .column((at % columns).to_string())
                .found(values[at].to_string())
                .mend("use a checkpoint from before training diverged"));
        }
        let wrong = |(i, &v): (usize, &f64)| if i / columns < excitatory { v < 0.0 } else { v > 0.0 };
        let magnitudes = values.iter().enumerate().filter(|&(i, v)| wrong((i, v))).map(|(_, v)| v.abs());
        Ok(Self {
            entries: values.len() as u64,
            wrong_signs: magnitudes.clone().count() as u64,
            zeros: values.iter().filter(|v| v.abs() <= 0.0).count() as u64,
            largest_wrong: magnitudes.fold(0.0, f64::max),
        })
    }

    /// An error unless every sign is right.
    ///
    /// # Errors
    /// `dale` (exit code 4) with the number of wrong signs.
    pub fn check(&self) -> Result<()> {
        if self.wrong_signs == 0 {
            return Ok(());
        }
        Err(UserError::check_failed("dale", "weights have the wrong sign for their sender")
            .found(format!("{} of {} entries, up to {:.6}", self.wrong_signs, self.entries, self.largest_wrong))
            .expected("0 or the sign of the sender throughout")
            .mend("project the weights after the last optimiser step"))
    }
}
