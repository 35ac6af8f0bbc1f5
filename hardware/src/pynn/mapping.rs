//! What sPyNNaker's mapper made of an exported network, beside our own images.

use std::path::Path;

use kenyon_base::Result;

use super::network::pynn_label;
use super::read::{open, read};
use crate::spinnaker::image::report::{MappingComparison, MappingReport, compare_report};
use crate::spinnaker::{Options, Shifts, quantise};

/// Compares the memory images and routes of an exported folder with the report that a run of sPyNNaker left in `report`, on a virtual
/// board or a real one.
///
/// # Errors
/// Bad data: a changed export, no report, a report of another network.
pub fn mapping(dir: &Path, report: &Path) -> Result<MappingComparison> {
    let deployment = read(dir)?;
    let shifts = open(dir)?.shifts();
    // The tables hold what the program hands to PyNN, but for the weights: on this target it divides them by the initial factors.
    let options = Options { compensate_init: true, shifts: Shifts::Given(shifts), ..Options::AS_WRITTEN };
    let network = quantise(&deployment, &options)?;
    let labels: Vec<String> = deployment.populations.iter().enumerate().map(|(k, p)| pynn_label(&p.label, k)).collect();
    compare_report(&MappingReport::read(report)?, &network, &labels)
}
