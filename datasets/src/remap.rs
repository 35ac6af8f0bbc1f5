//! From the columns of a data set to the inputs of a network, by root id.

use std::collections::HashMap;

use kenyon_base::{Result, UserError};

/// Which input of a network each column of a data set drives.
///
/// # Example
/// ```
/// use kenyon_datasets::Remap;
///
/// let remap = Remap::new(&[30, 10], &[10, 20, 30])?;
/// assert_eq!((remap.input(0), remap.input(1)), (2, 0));
/// assert_eq!(remap.undriven(), 1);
/// # Ok::<(), kenyon_base::UserError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remap {
    inputs: Vec<u32>,
    undriven: usize,
}

impl Remap {
    /// Finds every column of `data` among the inputs of `network`.
    ///
    /// # Errors
    /// `input-mismatch` with both counts if a column is no input of the network, `repeated-input` if either names an id twice.
    pub fn new(data: &[u64], network: &[u64]) -> Result<Self> {
        let position = positions(network, "network")?;
        positions(data, "data set")?;
        let inputs: Vec<Option<u32>> = data.iter().map(|id| position.get(id).copied()).collect();
        let missing = inputs.iter().filter(|i| i.is_none()).count();
        if missing > 0 {
            let first = data.iter().zip(&inputs).find(|(_, i)| i.is_none()).map_or(0, |(&id, _)| id);
            return Err(UserError::bad_data("input-mismatch", "the data set was made for other input neurons")
                .found(format!(
                    "{} input columns in the data set, {missing} of them (first: {first}) not among the network's inputs",
                    data.len()
                ))
                .expected(format!("ids of the network's {} inputs", network.len()))
                .mend("make the data set from the same circuit: `kenyon odors make --circuit CIRCUIT -o FILE`"));
        }
        let undriven = network.len() - data.len();
        Ok(Self { inputs: inputs.into_iter().flatten().collect(), undriven })
    }

    /// The input that `column` drives.
    pub fn input(&self, column: u32) -> u32 {
        self.inputs[column as usize]
    }

    /// Inputs of the network that no column drives: they stay silent.
    pub fn undriven(&self) -> usize {
        self.undriven
    }

    /// Whether every column drives the input of its own number, so that nothing needs to be remapped.
    pub fn is_identity(&self) -> bool {
        self.undriven == 0 && self.inputs.iter().zip(0..).all(|(&input, column)| input == column)
    }
}

/// Position of every id; each may occur once.
fn positions(ids: &[u64], whose: &str) -> Result<HashMap<u64, u32>> {
    let mut position = HashMap::with_capacity(ids.len());
    for (&id, i) in ids.iter().zip(0..) {
        if position.insert(id, i).is_some() {
            return Err(UserError::bad_data("repeated-input", format!("the {whose} names an input neuron twice"))
                .found(id.to_string())
                .expected("one input per root id")
                .mend("make it again with this version"));
        }
    }
    Ok(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_inputs_are_an_error_with_both_counts() {
        let error = Remap::new(&[1, 2, 9], &[1, 2, 3, 4]).expect_err("9 is no input");
        let text = error.to_string();
        assert!(
            error.code() == "input-mismatch" && text.contains("3 input columns") && text.contains("network's 4 inputs"),
            "{text}"
        );
        assert!(text.contains("(first: 9)"), "{text}");
    }

    #[test]
    fn an_id_that_occurs_twice_is_refused_on_either_side() {
        assert_eq!(Remap::new(&[1, 1], &[1, 2]).expect_err("twice").code(), "repeated-input");
        assert_eq!(Remap::new(&[1], &[2, 1, 2]).expect_err("twice").code(), "repeated-input");
    }

    #[test]
    fn the_same_order_needs_no_remapping() {
        assert!(Remap::new(&[5, 6], &[5, 6]).expect("found").is_identity());
        assert!(!Remap::new(&[6, 5], &[5, 6]).expect("found").is_identity());
        assert!(!Remap::new(&[5], &[5, 6]).expect("found").is_identity());
    }
}
