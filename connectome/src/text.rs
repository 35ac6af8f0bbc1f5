//! Text columns with few distinct values, stored as codes.

use std::collections::HashMap;

/// One text per row, stored as a code into the distinct values.
///
/// Code 0 is always the empty text, which stands for "blank".
///
/// # Example
/// ```
/// use kenyon_connectome::Categorical;
///
/// let column: Categorical = ["KC", "", "KC"].into_iter().collect();
/// assert_eq!(column.get(2), "KC");
/// assert_eq!(column.codes(), [1, 0, 1]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Categorical {
    values: Vec<String>,
    codes: Vec<u32>,
    index: HashMap<String, u32, foldhash::fast::FixedState>,
}

impl Default for Categorical {
    fn default() -> Self {
        Self { values: vec![String::new()], codes: Vec::new(), index: [(String::new(), 0)].into_iter().collect() }
    }
}

impl Categorical {
    /// `rows` blank rows.
    pub fn blank(rows: usize) -> Self {
        Self { codes: vec![0; rows], ..Self::default() }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// Code of `text`, added to the values if new.
    pub fn intern(&mut self, text: &str) -> u32 {
        if let Some(&code) = self.index.get(text) {
            return code;
        }
        let code = u32::try_from(self.values.len()).expect("fewer than 2^32 distinct texts");
        self.values.push(text.to_string());
        self.index.insert(text.to_string(), code);
        code
    }

    /// Appends a row.
    pub fn push(&mut self, text: &str) {
        let code = self.intern(text);
        self.codes.push(code);
    }

    /// Sets a row.
    pub fn set(&mut self, row: usize, text: &str) {
        self.codes[row] = self.intern(text);
    }

    /// Sets a row to the value with this code.
    ///
    /// # Panics
    /// If no value has this code.
    pub fn set_code(&mut self, row: usize, code: u32) {
        assert!((code as usize) < self.values.len(), "a code stands for a value");
        self.codes[row] = code;
    }

    /// Text of a row.
    pub fn get(&self, row: usize) -> &str {
        &self.values[self.codes[row] as usize]
    }

    /// Distinct values by code; value 0 is the empty text.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// Codes by row.
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// Texts by row.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.codes.iter().map(|&c| self.values[c as usize].as_str())
    }

    /// The rows at `rows`, in that order.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let mut out = Self::default();
        for &row in rows {
            out.push(self.get(row as usize));
        }
        out
    }
}

impl<S: AsRef<str>> FromIterator<S> for Categorical {
    fn from_iter<I: IntoIterator<Item = S>>(texts: I) -> Self {
        let mut out = Self::default();
        for text in texts {
            out.push(text.as_ref());
        }
        out
    }
}
