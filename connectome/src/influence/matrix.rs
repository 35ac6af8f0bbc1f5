//! The signed circuit as a sparse matrix `E[post, pre]`, stored by postsynaptic row.

use kenyon_base::{Result, UserError};
use rayon::prelude::*;

use crate::edges::Edges;

/// Below this many entries a product on one thread is faster than waking the others.
const PARALLEL_FROM: usize = 100_000;

/// Square sparse matrix, stored row by row.
#[derive(Debug, Clone)]
pub(super) struct Matrix {
    offsets: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f64>,
}

/// Checks that there is one sign per neuron and that each is -1, 0 or 1.
pub(super) fn check_signs(edges: &Edges, sign: Option<&[i8]>) -> Result<()> {
    let Some(sign) = sign else { return Ok(()) };
    if sign.len() != edges.neurons as usize {
        return Err(UserError::bad_data("neuron-lengths", "a neuron column has the wrong length")
            .column("sign")
            .found(sign.len().to_string())
            .expected(format!("{}, one entry per neuron", edges.neurons)));
    }
    match sign.iter().position(|s| !(-1..=1).contains(s)) {
        Some(at) => Err(UserError::bad_data("bad-sign", "a sign is none")
            .row(at as u64 + 1)
            .column("sign")
            .found(sign[at].to_string())
            .expected("-1, 0 or 1")),
        None => Ok(()),
    }
}

/// Checks that every neuron of a list is in the circuit.
pub(super) fn check_neurons(edges: &Edges, what: &str, neurons: impl IntoIterator<Item = u32>) -> Result<()> {
    match neurons.into_iter().find(|&neuron| neuron >= edges.neurons) {
        Some(neuron) => Err(UserError::usage("unknown-neuron", format!("{what}: no such neuron in the circuit"))
            .found(neuron.to_string())
            .expected(format!("below {}", edges.neurons))),
        None => Ok(()),
    }
}

impl Matrix {
    /// `E[post, pre]` = synapses times the sign of `pre`; edges of sign 0 or with a silenced end are absent.
    pub(super) fn signed(edges: &Edges, sign: Option<&[i8]>, silenced: &[bool]) -> Self {
        let entries = edges.triples().filter_map(|(pre, post, count)| {
            let sign = sign.map_or(1, |sign| sign[pre as usize]);
            let present = sign != 0 && !silenced[pre as usize] && !silenced[post as usize];
            present.then(|| (post, pre, f64::from(sign) * f64::from(count)))
        });
        Self::from_entries(edges.neurons as usize, &entries.collect::<Vec<_>>())
    }

    /// Groups (row, column, value) by row with a counting sort.
    pub(super) fn from_entries(rows: usize, entries: &[(u32, u32, f64)]) -> Self {
        let mut offsets = vec![0_usize; rows + 1];
        for entry in entries {
            offsets[entry.0 as usize + 1] += 1;
        }
        for at in 1..offsets.len() {
            offsets[at] += offsets[at - 1];
        }
        let mut next = offsets.clone();
        let mut columns = vec![0; entries.len()];
        let mut values = vec![0.0; entries.len()];
        for &(row, column, value) in entries {
            let slot = &mut next[row as usize];
            columns[*slot] = column;
            values[*slot] = value;
            *slot += 1;
        }
        Self { offsets, columns, values }
    }

    pub(super) fn rows(&self) -> usize {
        self.offsets.len() - 1
    }

    pub(super) fn entries(&self) -> usize {
        self.values.len()
    }

    /// (column, value) of the entries of a row.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = (u32, f64)> {
        let range = self.offsets[row]..self.offsets[row + 1];
        self.columns[range.clone()].iter().copied().zip(self.values[range].iter().copied())
    }

    /// All (row, column, value).
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32, f64)> {
        (0..self.rows()).flat_map(move |row| self.row(row).map(move |(column, value)| (row as u32, column, value)))
    }

    /// `out = E x`; each row is summed in its own order, so the result does not depend on the number of threads.
    pub(super) fn multiply(&self, x: &[f64], out: &mut [f64]) {
        let dot = |row: usize| self.row(row).map(|(column, value)| value * x[column as usize]).sum::<f64>();
        if self.entries() < PARALLEL_FROM {
            for (row, out) in out.iter_mut().enumerate() {
                *out = dot(row);
            }
        } else {
            out.par_iter_mut().enumerate().with_min_len(512).for_each(|(row, out)| *out = dot(row));
        }
    }

    /// Sums of absolute values of rows and of columns.
    pub(super) fn absolute_sums(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut rows, mut columns) = (vec![0.0; self.rows()], vec![0.0; self.rows()]);
        for (row, column, value) in self.iter() {
            rows[row as usize] += value.abs();
            columns[column as usize] += value.abs();
        }
        (rows, columns)
    }

    /// An upper bound of the spectral radius: the smaller of the row-sum and the column-sum norm.
    pub(super) fn norm_bound(&self) -> f64 {
        let (rows, columns) = self.absolute_sums();
        let largest = |sums: Vec<f64>| sums.into_iter().fold(0.0, f64::max);
        largest(rows).min(largest(columns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_on_many_threads_is_the_same_to_the_last_bit() {
        let n = 700_u32;
        let entries: Vec<_> =
            (0..n).flat_map(|row| (0..200).map(move |k| (row, (row * 7 + k * 3) % n, f64::from(k) / 7.0 - 3.0))).collect();
        let matrix = Matrix::from_entries(n as usize, &entries);
        assert!(matrix.entries() >= PARALLEL_FROM);
        let x: Vec<f64> = (0..n).map(|i| f64::from(i).sin()).collect();
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut out = vec![0.0; n as usize];
            pool.install(|| matrix.multiply(&x, &mut out));
            out
        };
        assert_eq!(with(1), with(4));
    }

    #[test]
    fn silenced_neurons_and_sign_zero_leave_no_entry() {
        let edges = Edges::from_triples(4, &[(0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 0, 5)]);
        let matrix = Matrix::signed(&edges, Some(&[1, -1, 0, 1]), &[false, false, false, true]);
        assert_eq!(matrix.iter().collect::<Vec<_>>(), [(1, 0, 2.0), (2, 1, -3.0)]);
    }
}
