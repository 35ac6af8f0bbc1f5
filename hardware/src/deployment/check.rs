//! Whether a description makes sense: sizes agree, indices exist, numbers are ones that a neuron can have.
//!
//! The questions are those of the [lint](crate::lint), which also knows what a particular machine cannot hold.

use kenyon_base::{Result, UserError};

use super::{Deployment, Projection};
use crate::lint;

impl Deployment {
    /// Checks that the description makes sense, as that of a lowered network: its [structure](Self::check_structure), its
    /// [numbers](lint::values), no population without neurons, and one projection for each (pre, post, receptor).
    ///
    /// # Errors
    /// Bad data, naming population or projection and neuron.
    pub fn check(&self) -> Result<()> {
        lint::refuse(&lint::description(self))
    }

    /// Checks that sizes agree and indices exist, so that it can be quantised and run.
    ///
    /// # Errors
    /// Bad data, naming population or projection and neuron.
    pub fn check_structure(&self) -> Result<()> {
        match lint::structure(self).first() {
            None => Ok(()),
            Some(first) => Err(UserError::bad_data("bad-deployment", &first.text).key(&first.place).mend(&first.mend)),
        }
    }

    /// A projection in words.
    pub(crate) fn place(&self, projection: &Projection) -> String {
        let name = |i: u32| self.populations.get(i as usize).map_or("?", |p| p.label.as_str());
        format!("{} -> {} ({})", name(projection.pre), name(projection.post), projection.receptor.name())
    }
}
