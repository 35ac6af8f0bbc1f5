//! Response tables: how strongly each odour drives each receptor.

use std::collections::BTreeMap;

use kenyon_base::{Result, Source, UserError, nearest};

/// Responses of receptors to odours.
///
/// Rows are classes, and their names may repeat: positions are what counts.
///
/// # Units
/// Values as DoOR gives them: 0 (no response, or not measured) to 1 (the strongest of the receptor). Inhibition is negative.
///
/// # Shapes
/// `values`: odours × receptors, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseTable {
    /// Odour names in the order of the rows.
    pub odors: Vec<String>,
    /// Receptor names in the order of the columns, each once.
    pub receptors: Vec<String>,
    /// Responses.
    pub values: Vec<f64>,
    /// Whether it was generated and not measured.
    pub synthetic: bool,
    /// The file that it was read from.
    pub source: Option<Source>,
    /// What the reader did besides reading, in words.
    pub notes: Vec<String>,
    /// Line of each row in the file that it was read from; 0 for a row that is not from one line of a file.
    pub lines: Vec<u64>,
}

impl ResponseTable {
    /// Responses to odour `odor`.
    pub fn row(&self, odor: usize) -> &[f64] {
        let n = self.receptors.len();
        &self.values[odor * n..(odor + 1) * n]
    }

    /// Response of receptor `receptor` to odour `odor`.
    pub fn value(&self, odor: usize, receptor: usize) -> f64 {
        self.row(odor)[receptor]
    }

    /// Line of row `odor` in its file; 0 if it has none.
    pub fn line(&self, odor: usize) -> u64 {
        self.lines.get(odor).copied().unwrap_or(0)
    }

    /// Column of a receptor.
    pub fn receptor(&self, name: &str) -> Option<usize> {
        self.receptors.iter().position(|r| r == name)
    }

    /// Rows with an odour name.
    ///
    /// # Errors
    /// `unknown-odor` with the nearest name.
    pub fn rows_named(&self, name: &str) -> Result<Vec<usize>> {
        let rows: Vec<usize> = (0..self.odors.len()).filter(|&i| self.odors[i] == name).collect();
        if !rows.is_empty() {
            return Ok(rows);
        }
        let near = nearest(name, self.odors.iter().map(String::as_str));
        Err(UserError::bad_data("unknown-odor", "no row of the response table has this name")
            .found(name)
            .expected(format!("one of its {} odour names", self.odors.len()))
            .mend(near.map_or_else(|| "see the first column of the table".into(), |n| format!("did you mean `{n}`?"))))
    }

    /// Joins rows of equal name: of every receptor the mean of the non-zero values.
    #[must_use]
    pub fn merge_duplicates(&self) -> Self {
        let mut rows: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (i, name) in self.odors.iter().enumerate() {
            rows.entry(name).or_default().push(i);
        }
        let first: Vec<usize> = (0..self.odors.len()).filter(|&i| rows[self.odors[i].as_str()][0] == i).collect();
        let mut values = Vec::with_capacity(first.len() * self.receptors.len());
        for &i in &first {
            let same = &rows[self.odors[i].as_str()];
            values.extend((0..self.receptors.len()).map(|r| {
                let known: Vec<f64> = same.iter().map(|&row| self.value(row, r)).filter(|&v| v != 0.0).collect();
                if known.is_empty() { 0.0 } else { known.iter().sum::<f64>() / known.len() as f64 }
            }));
        }
        let mut notes = self.notes.clone();
        notes.push(format!("{} rows of a repeated name merged", self.odors.len() - first.len()));
        let lines = first.iter().map(|&i| if rows[self.odors[i].as_str()].len() == 1 { self.line(i) } else { 0 }).collect();
        Self { odors: first.iter().map(|&i| self.odors[i].clone()).collect(), values, notes, lines, ..self.clone() }
    }

    /// The rows at `rows`, in that order.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        Self {
            odors: rows.iter().map(|&i| self.odors[i].clone()).collect(),
            values: rows.iter().flat_map(|&i| self.row(i)).copied().collect(),
            lines: rows.iter().map(|&i| self.line(i)).collect(),
            ..self.clone()
        }
    }

    /// Adds a mixture as a further row: the weighted sum of the responses to its components.
    ///
    /// # Errors
    /// `unknown-odor`, `ambiguous-odor` if a name stands for several rows, `bad-mixture`.
    pub fn push_mixture(&mut self, name: Option<&str>, components: &[String], weights: &[f64]) -> Result<()> {
        let bad = |what: &str| {
            UserError::bad_data("bad-mixture", format!("a mixture {what}"))
                .found(components.join(" + "))
                .expected("at least two odours with one finite weight above 0 each")
                .mend("for example `{ odors = [\"a\", \"b\"], weights = [0.5, 0.5] }`")
        };
        if components.len() < 2 || weights.len() != components.len() {
            return Err(bad("with too few odours or another number of weights"));
        }
        if !weights.iter().all(|w| w.is_finite() && *w > 0.0) {
            return Err(bad("with a weight that is not above 0"));
        }
        let mut row = vec![0.0; self.receptors.len()];
        for (component, &weight) in components.iter().zip(weights) {
            let rows = self.rows_named(component)?;
            if rows.len() > 1 {
                return Err(UserError::bad_data("ambiguous-odor", "several rows of the response table have this name")
                    .found(component)
                    .expected("a name that occurs once")
                    .mend("set `merge_duplicates = true`, or take another odour"));
            }
            for (sum, &v) in row.iter_mut().zip(self.row(rows[0])) {
                *sum += weight * v;
            }
        }
        self.odors.push(name.map_or_else(|| components.join(" + "), ToString::to_string));
        self.values.extend(row);
        self.lines.resize(self.odors.len(), 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> ResponseTable {
        ResponseTable {
            odors: ["a", "b", "a"].map(String::from).to_vec(),
            receptors: ["Or1", "Or2"].map(String::from).to_vec(),
            values: vec![0.2, 0.0, 0.5, 0.1, 0.4, 0.6],
            synthetic: false,
            source: None,
            notes: vec![],
            lines: vec![],
        }
    }

    #[test]
    fn merging_averages_what_was_measured() {
        let merged = table().merge_duplicates();
        assert_eq!(merged.odors, ["a", "b"]);
        let expected = [0.3, 0.6, 0.5, 0.1];
        assert!(merged.values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{:?}", merged.values);
    }

    #[test]
    fn a_mixture_is_the_weighted_sum_of_unambiguous_odours() {
        let mut merged = table().merge_duplicates();
        let components = ["a".to_string(), "b".to_string()];
        merged.push_mixture(None, &components, &[0.5, 0.5]).expect("valid");
        assert_eq!(merged.odors[2], "a + b");
        assert!((merged.value(2, 0) - 0.4).abs() < 1e-15 && (merged.value(2, 1) - 0.35).abs() < 1e-15);
        let code = |error: Result<()>| error.expect_err("refused").code().to_string();
        assert_eq!(code(table().push_mixture(None, &components, &[0.5, 0.5])), "ambiguous-odor");
        assert_eq!(code(merged.push_mixture(None, &components, &[0.5])), "bad-mixture");
        assert_eq!(code(merged.push_mixture(None, &components, &[0.5, f64::NAN])), "bad-mixture");
        assert_eq!(code(merged.push_mixture(None, &["a".into(), "c".into()], &[0.5, 0.5])), "unknown-odor");
    }
}
