//! The first value that is not a number.

use kenyon_base::UserError;

/// A value that is not finite: in which tensor, and at which step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `mem`, `syn`, `out`, a segment's name, `w2`, or `gradient of …`.
    pub tensor: String,
    /// Step, where there is one.
    pub step: Option<usize>,
    /// Sample of the batch, where there is one.
    pub sample: Option<usize>,
    /// Neuron or output, where there is one.
    pub index: Option<usize>,
}

impl Fault {
    pub(super) fn in_tensor(tensor: impl Into<String>, index: usize) -> Self {
        Self { tensor: tensor.into(), step: None, sample: None, index: Some(index) }
    }

    /// The error that the user sees.
    pub fn to_user_error(&self) -> UserError {
        UserError::failed("not-a-number", self.to_string())
            .mend("lower the learning rate, clip gradients, or narrow the ranges of the parameters")
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` is not a finite number", self.tensor)?;
        if let Some(step) = self.step {
            write!(f, " at step {step}")?;
        }
        if let Some(sample) = self.sample {
            write!(f, ", sample {sample}")?;
        }
        if let Some(index) = self.index {
            write!(f, ", index {index}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
