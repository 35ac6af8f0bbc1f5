//! Trees that need no file: Ball & Stick, the uniform cable, the binary tree of Rallpack 2.

use kenyon_base::Result;

use super::{Attachment, Region, Section, Shape, Tree};

/// Levels of the binary tree of Rallpack 2.
const RALLPACK2_LEVELS: i32 = 10;

/// A section given by length and diameter, with a fixed number of segments.
pub(super) fn cylinder(
    name: String,
    region: Region,
    parent: Option<(u32, f64)>,
    length_um: f64,
    diam_um: f64,
    nseg: u32,
) -> Section {
    Section {
        name,
        region,
        parent: parent.map(|(section, x)| Attachment { section, x }),
        shape: Shape::Cylinder { length_um, diam_um },
        nseg: Some(nseg),
    }
}

/// Ball & Stick: a soma of 25 µm and one dendrite at its far end.
///
/// The soma is `soma[0]` with one segment, the dendrite `dend[0]` with `nseg`; the tree bears the
/// [short name](ball_and_stick_name) of the neuron.
///
/// # Errors
/// `bad-morphology` if a number is not above zero.
pub fn ball_and_stick(dend_length_um: f64, dend_diam_um: f64, nseg: u32) -> Result<Tree> {
    let soma = cylinder("soma[0]".into(), Region::Soma, None, 25.0, 25.0, 1);
    let dend = cylinder("dend[0]".into(), Region::Basal, Some((0, 1.0)), dend_length_um, dend_diam_um, nseg);
    Tree::new(ball_and_stick_name(dend_length_um, dend_diam_um, nseg), vec![soma, dend])
}

/// Short name of a Ball & Stick neuron, under which published data sets know it.
///
/// # Example
/// ```
/// use kenyon_neurons::biophysical::morphology::builtin::ball_and_stick_name;
///
/// assert_eq!(ball_and_stick_name(2048.0, 1.0, 8), "BallAndStickNeuron_Soma_Hay2011_Dend_Lxd_2048um_x_1_0um_8segs");
/// ```
pub fn ball_and_stick_name(dend_length_um: f64, dend_diam_um: f64, nseg: u32) -> String {
    let length = dend_length_um.trunc();
    format!("BallAndStickNeuron_Soma_Hay2011_Dend_Lxd_{length}um_x_{dend_diam_um:.1}um_{nseg}segs").replace('.', "_")
}

/// An unbranched cable `dend[0]` of even diameter: Rallpack 1 and 3 with 1000 µm, 1 µm and 1000 segments.
///
/// # Errors
/// `bad-morphology` if a number is not above zero.
pub fn uniform_cable(length_um: f64, diam_um: f64, nseg: u32) -> Result<Tree> {
    Tree::new("uniform cable", vec![cylinder("dend[0]".into(), Region::Basal, None, length_um, diam_um, nseg)])
}

/// The binary tree of Rallpack 2: ten levels, 1,023 sections of one segment.
///
/// The root is 32 µm long and 16 µm thick; from level to level the diameter is divided by 2^(2/3) and the length by 2^(1/3),
/// so that the tree equals a cylinder of 16 µm by 320 µm. Section `dend[i]` has the children `dend[2i+1]` and `dend[2i+2]`.
///
/// # Errors
/// None in fact.
pub fn rallpack2() -> Result<Tree> {
    let mut sections = Vec::new();
    for level in 0..RALLPACK2_LEVELS {
        let diam = 16.0 / 2_f64.powf(2.0 * f64::from(level) / 3.0);
        let length = 32.0 / 2_f64.powf(f64::from(level) / 3.0);
        for _ in 0..1 << level {
            let index = sections.len() as u32;
            let parent = index.checked_sub(1).map(|below| (below / 2, 1.0));
            sections.push(cylinder(format!("dend[{index}]"), Region::Basal, parent, length, diam, 1));
        }
    }
    Tree::new("rallpack 2", sections)
}
