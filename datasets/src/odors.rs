//! Odours: from a response table and receptor neurons to input spikes.
//!
//! | file | owns |
//! |---|---|
//! | [`spec`] | the recipe: section `[odors]` of a config |
//! | `table`, `table_file` | response tables, and reading them |
//! | `synthetic` | a made-up table, for work without any download |
//! | `geometry` | sparseness, overlap and dimension of a table |
//! | `receptors` | the input layer: one input per root id, its receptors, its drive |
//! | `glomeruli` | receptors by cell type, where there is no receptor map |
//! | `draw` | counter-based random numbers, spikes by skipping |
//! | `generator` | samples on the fly |
//! | `store` | the same samples in one HDF5 file |
//! | `folder` | one HDF5 file per sample, as the reference system writes |
//! | `ceiling` | what an ideal observer of the counts reaches |
//!
//! # Example
//! ```
//! use kenyon_base::Silent;
//! use kenyon_datasets::odors::{InputLayer, OdorSpec, build, ceiling};
//! use kenyon_datasets::{Batch, SpikeSource};
//!
//! let labels = ["Or42b", "Or59b", "Or92a"].map(|r| vec![r.to_string()]).to_vec();
//! let layer = InputLayer::new(vec![11, 12, 13], labels)?;
//! let spec = OdorSpec { max_odors: Some(4), repeats: 10, ..OdorSpec::default() };
//! let odors = build(&spec, std::path::Path::new("."), 1, layer)?;
//! assert_eq!((odors.len(), odors.split().test.len()), (40, 4));
//!
//! let batch = Batch::load(&odors, &odors.split().train[..16], None)?;
//! assert_eq!(batch.ptr.len(), 16 * 500 + 1);
//! let best = ceiling(&odors, &odors.split().test, &Silent)?.expect("there are test samples");
//! assert!(best.accuracy >= best.chance);
//! # Ok::<(), kenyon_base::UserError>(())
//! ```

mod ceiling;
pub(crate) mod draw;
mod folder;
mod generator;
mod geometry;
mod glomeruli;
mod receptors;
pub mod spec;
pub mod store;
mod synthetic;
mod table;
mod table_file;

#[cfg(test)]
pub(crate) mod fixtures;

pub use ceiling::{Ceiling, ceiling};
pub use folder::{FolderSpec, SampleFolder, write_folder};
pub use generator::{OdorGenerator, build};
pub use geometry::Geometry;
pub use glomeruli::{glomeruli, receptors_of_type};
pub use receptors::{ALIASES, Combine, Drives, InputLayer, Mapping};
pub use spec::{MixtureSpec, OdorSpec, Quantity};
pub use store::SpikeStore;
pub use synthetic::{ODORS as SYNTHETIC_ODORS, table as synthetic_table};
pub use table::ResponseTable;
pub use table_file::Missing;
