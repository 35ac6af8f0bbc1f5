//! Sets of rows, one bit each.

/// A set of rows out of `rows`; bits beyond the last row are always clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bits {
    words: Vec<u64>,
    rows: usize,
}

impl Bits {
    pub(super) fn empty(rows: usize) -> Self {
        Self { words: vec![0; rows.div_ceil(64)], rows }
    }

    pub(super) fn full(rows: usize) -> Self {
        let mut out = Self::empty(rows);
        out.negate();
        out
    }

    /// The rows whose code is marked in `hit`.
    pub(super) fn from_codes(codes: &[u32], hit: &[bool]) -> Self {
        let words = codes
            .chunks(64)
            .map(|chunk| chunk.iter().enumerate().fold(0, |word, (bit, &code)| word | u64::from(hit[code as usize]) << bit))
            .collect();
        Self { words, rows: codes.len() }
    }

    /// Adds a row; `false` if there is no such row.
    pub(super) fn insert(&mut self, row: usize) -> bool {
        if row < self.rows {
            self.words[row / 64] |= 1 << (row % 64);
        }
        row < self.rows
    }

    pub(super) fn negate(&mut self) {
        for word in &mut self.words {
            *word = !*word;
        }
        if let (Some(last), used @ 1..) = (self.words.last_mut(), self.rows % 64) {
            *last &= (1 << used) - 1;
        }
    }

    pub(super) fn and(&mut self, other: &Self) {
        self.zip(other, |a, b| a & b);
    }

    pub(super) fn or(&mut self, other: &Self) {
        self.zip(other, |a, b| a | b);
    }

    pub(super) fn minus(&mut self, other: &Self) {
        self.zip(other, |a, b| a & !b);
    }

    fn zip(&mut self, other: &Self, f: impl Fn(u64, u64) -> u64) {
        for (a, &b) in self.words.iter_mut().zip(&other.words) {
            *a = f(*a, b);
        }
    }

    /// The rows in the set, ascending.
    pub(super) fn to_rows(&self) -> Vec<u32> {
        let count: u32 = self.words.iter().map(|word| word.count_ones()).sum();
        let mut out = Vec::with_capacity(count as usize);
        for (index, &word) in self.words.iter().enumerate() {
            let mut left = word;
            while left != 0 {
                out.push(index as u32 * 64 + left.trailing_zeros());
                left &= left - 1;
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_appears_beyond_the_last_one() {
        for rows in [0, 1, 63, 64, 65, 128, 130] {
            assert_eq!(Bits::full(rows).to_rows().len(), rows);
            assert!(Bits::empty(rows).to_rows().is_empty());
            assert!(!Bits::empty(rows).insert(rows));
        }
    }

    #[test]
    fn codes_become_the_rows_they_mark() {
        let codes: Vec<u32> = (0..200).map(|row| row % 3).collect();
        let rows = Bits::from_codes(&codes, &[false, true, false]).to_rows();
        assert_eq!(rows, (0..200).filter(|row| row % 3 == 1).collect::<Vec<u32>>());
    }
}
