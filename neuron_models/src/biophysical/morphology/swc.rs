//! SWC: one sample per line, `id type x y z radius parent`.
//!
//! Types are 1 soma, 2 axon, 3 basal, 4 apical; 0 and those from 5 become [`Region::Custom`]. A sample and its parent are the two
//! ends of a frustum. A soma of one sample is a cylinder as long as thick, one of three samples (two beside the first) too;
//! a soma of more samples is a stack of frusta. What begins at the soma starts at its own first sample and hangs on the soma's
//! middle, as in NEURON.

mod samples;
mod soma;
mod write;

use std::path::Path;

use kenyon_base::{Result, UserError};
use samples::Samples;
pub use write::{text, write};

use super::assemble::{Branch, assemble};
use super::reading::{self, Loaded, NoteKind, Notes, ReadOptions};
use super::{Point, Region};

/// Extent that no neuron in µm has: beyond it the unit must be stated.
const LARGEST_EXTENT_UM: f64 = 1e4;

/// Reads an SWC file.
///
/// # Errors
/// `limit`, `binary`, `empty-file`, `bad-sample`, `negative-id`, `duplicate-id`, `missing-parent`, `self-parent`, `cycle`,
/// `bad-radius`, `unit-missing`, `empty-morphology`; in strict mode `zero-radius`, `several-trees`, `several-somas`, `no-soma` and
/// `soma-not-root` as well.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Loaded> {
    let bytes = reading::bytes(path, &options.limits)?;
    parse(&bytes, path, options)
}

/// Reads the content of an SWC file; `path` stands in messages, and its stem is the name of the tree.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8], path: &Path, options: &ReadOptions) -> Result<Loaded> {
    let bytes = reading::text(bytes, path, &options.limits)?;
    let mut notes = Notes::default();
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let tree = Samples::parse(bytes, options, &mut notes)
        .and_then(|mut samples| {
            check_extent(&samples, options)?;
            let root = soma::choose_root(&mut samples, options.strict, &mut notes)?;
            assemble(&name, branches(&samples, root, &mut notes), &mut notes)
        })
        .map_err(|error| error.file(path))?;
    Ok(Loaded { tree, notes })
}

/// Refuses coordinates that cannot be µm if no unit was stated.
fn check_extent(samples: &Samples, options: &ReadOptions) -> Result<()> {
    if options.unit.is_some() {
        return Ok(());
    }
    for (axis, name) in ["x", "y", "z"].into_iter().enumerate() {
        let values = samples.points.iter().map(|point| point.xyz[axis]);
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let extent = values.fold(f64::NEG_INFINITY, f64::max) - low;
        if extent > LARGEST_EXTENT_UM {
            return Err(UserError::bad_data("unit-missing", format!("the extent in {name} is too large for a neuron in µm"))
                .found(extent.to_string())
                .expected(format!("at most {LARGEST_EXTENT_UM:.0} µm"))
                .mend("state the unit: `--unit nm` (beside `file` in a protocol: `unit = \"nm\"`) if the coordinates are nanometres, else `um`"));
        }
    }
    Ok(())
}

/// Cuts the samples reachable from the root into branches, parents first.
///
/// A branch ends where its last sample has not exactly one child of the same type.
fn branches(samples: &Samples, root: usize, notes: &mut Notes) -> Vec<Branch> {
    let children = samples.children();
    let mut branches: Vec<Branch> = Vec::new();
    let is_soma = |sample: usize| samples.kinds[sample] == Region::Soma;
    // A sample that begins a branch, with the branch it hangs on; or none if the branch begins with the root itself.
    let mut pending: Vec<(usize, Option<(usize, f64)>)> = Vec::new();
    let soma = soma::points(samples, &children, root, notes);
    if let Some(points) = soma {
        branches.push(Branch { region: Region::Soma, parent: None, points, line: samples.lines[root] });
        pending.extend(soma::neurites(samples, &children, root).into_iter().rev().map(|sample| (sample, Some((0, 0.5)))));
    } else {
        // The first child carries the root as its first point; the others hang on its near end.
        let first = children.of(root).first().copied();
        pending.extend(children.of(root).iter().skip(1).rev().map(|&sample| (sample as usize, Some((0, 0.0)))));
        pending.extend(first.map(|sample| (sample as usize, None)));
        if first.is_none() {
            let (region, line) = (samples.kinds[root], samples.lines[root]);
            branches.push(Branch { region, parent: None, points: vec![samples.points[root]], line });
        }
    }
    while let Some((start, parent)) = pending.pop() {
        let region = samples.kinds[start];
        let above = samples.parents[start].expect("only the root has no parent");
        let mut points = Vec::new();
        if !is_soma(above) && !samples.points[above].coincides(&samples.points[start]) {
            points.push(samples.points[above]);
        }
        let mut end = start;
        loop {
            points.push(samples.points[end]);
            match children.of(end) {
                [only] if samples.kinds[*only as usize] == region => end = *only as usize,
                _ => break,
            }
        }
        if points.len() == 1 && is_soma(above) {
            notes.push(
                NoteKind::Repaired,
                samples.lines[start],
                "a branch of one sample at the soma, drawn from the soma's sample",
            );
            let Point { xyz, .. } = samples.points[above];
            points.insert(0, Point { xyz, diam: points[0].diam });
        }
        branches.push(Branch { region, parent, points, line: samples.lines[start] });
        let here = branches.len() - 1;
        pending.extend(children.of(end).iter().rev().map(|&child| {
            // Neurites leave a further piece of a branched soma at its end, like any branch.
            (child as usize, Some((here, 1.0)))
        }));
    }
    branches
}
