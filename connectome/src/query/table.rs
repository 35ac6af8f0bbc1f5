//! What a query is asked of: named text columns over neurons, and keyword lists.

use std::sync::Arc;

use kenyon_base::Result;

use super::ManyCategorical;
use crate::Categorical;

/// A column of texts.
#[derive(Debug, Clone)]
pub enum Field {
    /// One text per neuron.
    One(Arc<Categorical>),
    /// Several texts per neuron.
    Many(Arc<ManyCategorical>),
}

impl Field {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::One(column) => column.len(),
            Self::Many(column) => column.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Distinct values by code; value 0 is the blank.
    pub fn values(&self) -> &[String] {
        match self {
            Self::One(column) => column.values(),
            Self::Many(column) => column.values(),
        }
    }
}

/// Neurons with text columns and keyword lists: what [`Query::select`](super::Query::select) works on.
///
/// The fields `root_id` and `list` come from [`root_ids`](Table::root_ids) and [`list`](Table::list); the others from
/// [`field`](Table::field).
pub trait Table {
    /// Number of neurons.
    fn rows(&self) -> usize;

    /// Root id by row.
    fn root_ids(&self) -> &[u64];

    /// Names of the text columns on offer.
    ///
    /// Any case, and any alias of a canonical name, will do.
    fn fields(&self) -> Vec<String>;

    /// The column of that name, spelled as in [`fields`](Table::fields); `None` if there is none.
    ///
    /// Asked once per field and selection, so a table may build the column here.
    ///
    /// # Errors
    /// What keeps the table from building it, such as an unreadable file.
    fn field(&self, name: &str) -> Result<Option<Field>>;

    /// Names of the keyword lists.
    fn lists(&self) -> Vec<String>;

    /// Rows of the neurons in that list, ascending; `None` if there is no such list.
    ///
    /// # Errors
    /// What keeps the table from reading it.
    fn list(&self, name: &str) -> Result<Option<Vec<u32>>>;
}
