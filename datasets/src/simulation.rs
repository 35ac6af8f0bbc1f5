//! Simulation sets: what a biophysical neuron is shown, what it answered, and the store of both. No neuron is known here.
//!
//! | file | owns |
//! |---|---|
//! | `spec` | [`SetConfig`]: the recipe of a set, presets |
//! | `plan` | [`SetPlan`]: which simulations there are, and the input of each |
//! | `ball`, `l5pc` | the two generators of inputs |
//! | `given` | inputs that are read from files |
//! | `labels` | spikes, near spikes, rates and capped voltages of a trace |
//! | `filter`, `stats`, `normalise` | flags, statistics, subsets of a given mean rate |
//! | `about`, `record` | what a set and a simulation are |
//! | `journal`, `writer` | [`SetWriter`]: finished simulations beside the target, then one HDF5 file |
//! | `store` | [`SimStore`]: a set opened for reading |
//! | `select` | simulations of a set as a set of their own |
//! | `shards` | sets made in pieces |
//! | `reference_layout`, `twinprop_layout`, `npy`, `pickle` | the folders of the two reference systems, read and written |
//! | `loader` | [`Loader`]: windows in batches |
//! | `draw` | random quantities with the same bits everywhere |

mod about;
mod ball;
mod draw;
mod filter;
mod given;
mod journal;
mod l5pc;
mod labels;
mod loader;
mod normalise;
mod npy;
mod pickle;
mod plan;
mod record;
mod reference_layout;
mod select;
mod shards;
mod spec;
mod stats;
mod store;
mod twinprop_layout;
mod writer;

pub use about::{Neuron, Origin, SetAbout, SynapseRow, WeightType};
pub use ball::{BallSpec, Ends};
pub use filter::{Criterion, FilterSpec, Summary};
pub use given::{GivenInputs, WeightedSpikes, source};
pub use l5pc::{Bound, L5pcSpec, spike_probability};
pub use labels::{LabelSpec, Labels, NO_CAP_MV, RateRule, SpikeRule, capped, inst_rate, near_spike, peaks, spike_times};
pub use loader::{Loader, LoaderSpec, Window, WindowBatch, WindowPrefetch, Windows};
pub use normalise::{NormaliseSpec, Normalised, normalise};
pub use npy::Csr;
pub use plan::{Event, Input, Item, SetPlan, Shard};
pub use record::{Extra, LEFT_BOUNDS, Record};
pub use reference_layout::{ReferenceFolder, export_reference, neuron_file_name};
pub use select::{Range, SelectSpec, Selected, SelectedPart, select};
pub use shards::{Manifest, PartRange, ShardFile, manifest_path, merge, shard_path};
pub use spec::{Counts, GeneratorSpec, PRESETS, Part, SetConfig};
pub use stats::{BINS, Figures, Histogram, ISI_BINS, Pooled, QUANTITIES, Statistics};
pub use store::{Entry, SimStore, StoredLabels};
pub use twinprop_layout::{TwinpropFolder, export_twinprop, read_weighted_spikes};
pub use writer::{PartReport, SetReport, SetWriter, VERSION, snapshot};
