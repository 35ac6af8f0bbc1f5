//! Writes a tree as SWC.

use std::fmt::Write as _;
use std::path::Path;

use kenyon_base::{AtomicFile, Result};

use crate::biophysical::cable::geometry::arc;
use crate::biophysical::morphology::{Point, Region, Tree, layout};

/// Writes a tree as SWC, whole or not at all.
///
/// # Errors
/// The file cannot be written.
pub fn write(tree: &Tree, path: &Path) -> Result<()> {
    AtomicFile::write(path, text(tree).as_bytes())
}

/// A tree as the text of an SWC file, in µm.
///
/// Sections without traced points get places as in the picture. The first point of a section is left out where it repeats its
/// parent's last. A section hangs on the sample of its parent that is nearest to its place there. Read back, sections that follow
/// each other without a branch or change of region are one, and what hangs on the soma hangs on its middle.
pub fn text(tree: &Tree) -> String {
    let placed = layout::placed(tree);
    let mut out = String::from("# id type x y z radius parent; places and radii in um\n");
    let mut next = 1_u64;
    // Id of each section's first sample and of its second.
    let mut ids: Vec<[u64; 2]> = Vec::with_capacity(placed.len());
    for (section, points) in tree.sections().iter().zip(&placed) {
        let mut parent = section.parent.map(|at| {
            let above = &placed[at.section as usize];
            let index = nearest(above, at.x);
            let [first, second] = ids[at.section as usize];
            (if index == 0 { first } else { second + index as u64 - 1 }, above[index])
        });
        // What hangs on the soma is read from its own first sample on.
        let on_soma = section.parent.is_some_and(|at| tree.sections()[at.section as usize].region == Region::Soma);
        let shared = parent.filter(|(_, above)| above == &points[0] && !on_soma);
        let first = shared.map_or(next, |(sample, _)| sample);
        ids.push([first, if shared.is_some() { next } else { next + 1 }]);
        for point in &points[usize::from(shared.is_some())..] {
            let Point { xyz: [x, y, z], diam } = point;
            let above = parent.map_or("-1".to_string(), |(sample, _)| sample.to_string());
            writeln!(out, "{next} {} {x} {y} {z} {} {above}", section.region.swc(), diam / 2.0).expect("a string takes it");
            parent = Some((next, *point));
            next += 1;
        }
    }
    out
}

/// Index of the point nearest to the share `x` of the length; the last one for 1.
fn nearest(points: &[Point], x: f64) -> usize {
    if x >= 1.0 {
        return points.len() - 1;
    }
    let arc = arc(points);
    let place = x * arc[arc.len() - 1];
    (1..points.len()).fold(0, |best, i| if (arc[i] - place).abs() < (arc[best] - place).abs() { i } else { best })
}
