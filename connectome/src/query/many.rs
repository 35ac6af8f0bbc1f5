//! Text columns with several values per row, stored as codes.

use std::collections::HashMap;

/// Several texts per row, stored as codes into the distinct values.
///
/// Value 0 is always the empty text. A row holds each text once, in the order given; blank texts are left out, so a row
/// without texts is "blank".
///
/// # Example
/// ```
/// use kenyon_connectome::query::ManyCategorical;
///
/// let receptors: ManyCategorical = [vec!["Or49a", "Or85f"], vec![], vec!["Or49a"]].into_iter().collect();
/// assert_eq!(receptors.get(0).collect::<Vec<_>>(), ["Or49a", "Or85f"]);
/// assert_eq!(receptors.get(1).count(), 0);
/// assert_eq!(receptors.values(), ["", "Or49a", "Or85f"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManyCategorical {
    values: Vec<String>,
    /// Row `i` owns `codes[offsets[i]..offsets[i + 1]]`.
    offsets: Vec<usize>,
    codes: Vec<u32>,
}

impl Default for ManyCategorical {
    fn default() -> Self {
        Self { values: vec![String::new()], offsets: vec![0], codes: Vec::new() }
    }
}

impl ManyCategorical {
    /// Column from one list of texts per row.
    pub fn from_rows<R, T>(rows: R) -> Self
    where
        R: IntoIterator<Item = T>,
        T: IntoIterator<Item: AsRef<str>>,
    {
        let mut out = Self::default();
        let mut index: HashMap<String, u32> = HashMap::new();
        for row in rows {
            let begin = out.codes.len();
            for text in row {
                let text = text.as_ref();
                if text.is_empty() {
                    continue;
                }
                let code = index.get(text).copied().unwrap_or_else(|| {
                    let code = u32::try_from(out.values.len()).expect("fewer than 2^32 distinct texts");
                    out.values.push(text.to_string());
                    index.insert(text.to_string(), code);
                    code
                });
                if !out.codes[begin..].contains(&code) {
                    out.codes.push(code);
                }
            }
            out.offsets.push(out.codes.len());
        }
        out
    }

    /// `rows` blank rows.
    pub fn blank(rows: usize) -> Self {
        Self { offsets: vec![0; rows + 1], ..Self::default() }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Texts of a row; none if it is blank.
    pub fn get(&self, row: usize) -> impl Iterator<Item = &str> {
        self.codes(row).iter().map(|&code| self.values[code as usize].as_str())
    }

    /// Codes of a row; none if it is blank.
    pub fn codes(&self, row: usize) -> &[u32] {
        &self.codes[self.offsets[row]..self.offsets[row + 1]]
    }

    /// Distinct values by code; value 0 is the empty text.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// The rows at `rows`, in that order.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        Self::from_rows(rows.iter().map(|&row| self.get(row as usize)))
    }
}

impl<T> FromIterator<T> for ManyCategorical
where
    T: IntoIterator<Item: AsRef<str>>,
{
    fn from_iter<R: IntoIterator<Item = T>>(rows: R) -> Self {
        Self::from_rows(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_holds_each_text_once_and_no_blanks() {
        let column = ManyCategorical::from_rows([vec!["Ir75a", "Ir75", "Ir75", ""], vec![""]]);
        assert_eq!(column.get(0).collect::<Vec<_>>(), ["Ir75a", "Ir75"]);
        assert_eq!(column.codes(1), [0u32; 0]);
        assert_eq!(column.len(), 2);
    }

    #[test]
    fn taken_rows_keep_their_texts_and_drop_unused_values() {
        let column = ManyCategorical::from_rows([vec!["a", "b"], vec![], vec!["c"]]);
        let taken = column.take(&[2, 1]);
        assert_eq!(taken, ManyCategorical::from_rows([vec!["c"], vec![]]));
        assert_eq!(taken.values(), ["", "c"]);
    }

    #[test]
    fn a_blank_column_has_rows_and_one_value() {
        let column = ManyCategorical::blank(3);
        assert_eq!((column.len(), column.values().len()), (3, 1));
        assert_eq!(column, ManyCategorical::from_rows(vec![Vec::<&str>::new(); 3]));
    }
}
