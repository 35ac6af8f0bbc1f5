//! What is done to a tree before it is simulated: the axon replaced, the dendrites reduced.

use kenyon_base::{Result, UserError};

use super::builtin::cylinder;
use super::{Attachment, Region, Section, Tree};
use crate::biophysical::cable::Segments;

/// Length of each section that replaces the axon, µm.
const STUB_LENGTH_UM: f64 = 30.0;
/// Diameter of each section that replaces the axon, µm.
const STUB_DIAM_UM: f64 = 1.0;

/// Segment length of the dendrites that `TwinProp`'s cell without dendrites keeps, µm: 1,042 segments there.
pub const ONLY_SOMA_SEGMENT_UM: f64 = 0.1352;

/// Replaces the traced axon, and all that hangs on it, by two stubs of 30 µm by 1 µm.
///
/// `axon[0]` hangs on the middle of the soma, `axon[1]` on the end of `axon[0]`; each has one segment, and both stand last.
/// [`lost_with_axon`] tells what else goes with it.
///
/// # Errors
/// `no-soma`; `soma-on-axon` if the soma itself hangs on the axon.
pub fn replace_axon(tree: Tree) -> Result<Tree> {
    let name = tree.name().to_string();
    let gone = axon_and_beyond(&tree);
    let soma = |index: &usize| tree.sections()[*index].region == Region::Soma;
    if let Some(lost) = (0..gone.len()).filter(soma).find(|index| gone[*index]) {
        return Err(UserError::bad_data("soma-on-axon", format!("the soma of the morphology `{name}` hangs on its axon"))
            .found(&tree.sections()[lost].name)
            .expected("an axon that hangs on the soma or on a dendrite")
            .mend("keep the traced axon: `replace_axon = false` in the protocol's model"));
    }
    let mut sections = keep(tree, |index| !gone[index]);
    let soma = find_soma(&sections, &name)?;
    let stub = sections.len() as u32;
    for (index, parent) in [(0, (soma, 0.5)), (1, (stub, 1.0))] {
        sections.push(cylinder(format!("axon[{index}]"), Region::Axon, Some(parent), STUB_LENGTH_UM, STUB_DIAM_UM, 1));
    }
    Tree::new(name, sections)
}

/// What must be known of dendrites that hang on the axon, and so go with it when [`replace_axon`] takes it away.
pub fn lost_with_axon(tree: &Tree) -> Option<String> {
    let gone = axon_and_beyond(tree);
    let lost = tree.sections().iter().zip(gone).filter(|(section, gone)| *gone && section.region != Region::Axon);
    let (count, length_um) = lost.fold((0, 0.0), |(count, length), (section, _)| (count + 1, length + section.length_um()));
    let sections = if count == 1 { "1 dendritic section".to_string() } else { format!("{count} dendritic sections") };
    (count > 0).then(|| format!("{sections} ({length_um:.1} µm) hung on the traced axon and went with it"))
}

/// Which sections are axon or hang on it, directly or through others.
fn axon_and_beyond(tree: &Tree) -> Vec<bool> {
    let mut gone = vec![false; tree.sections().len()];
    for (index, section) in tree.sections().iter().enumerate() {
        gone[index] = section.region == Region::Axon || section.parent.is_some_and(|at| gone[at.section as usize]);
    }
    gone
}

/// Keeps of the dendrites only the first basal and the first apical section at the soma, cut into segments of at most
/// `max_segment_um`; soma and axon stay as they are, the soma with one segment.
///
/// With [`ONLY_SOMA_SEGMENT_UM`] the layer 5 cell keeps about as many dendritic segments, hence synapses, as the whole cell.
///
/// # Errors
/// `no-soma`; `bad-segment-length`, `limit`; `no-dendrite` if the tree has no basal or no apical section at the soma.
pub fn only_soma(tree: Tree, max_segment_um: f64) -> Result<Tree> {
    let segments = Segments { max_length_um: max_segment_um }.checked()?;
    let name = tree.name().to_string();
    let soma = find_soma(tree.sections(), &name)?;
    let stub = |region: Region| {
        let at_soma = |s: &Section| s.region == region && s.parent.is_some_and(|at| at.section == soma);
        tree.sections().iter().position(at_soma).ok_or_else(|| {
            UserError::bad_data("no-dendrite", format!("the morphology `{name}` has no {region} dendrite at the soma"))
        })
    };
    let stubs = [stub(Region::Basal)?, stub(Region::Apical)?];
    let mut kept = vec![false; tree.sections().len()];
    for (index, section) in tree.sections().iter().enumerate() {
        let on_kept = section.parent.is_none_or(|at| kept[at.section as usize]);
        kept[index] = on_kept && (matches!(section.region, Region::Soma | Region::Axon) || stubs.contains(&index));
    }
    let mut sections = keep(tree, |index| kept[index]);
    for section in &mut sections {
        if section.region.is_dendrite() {
            section.nseg = Some(segments.count_of(section.length_um())?);
        } else if section.region == Region::Soma {
            section.nseg = Some(1);
        }
    }
    Tree::new(format!("{name}-only-soma"), sections)
}

/// The sections that are kept, with their parents' new numbers; whoever is kept must have a kept parent.
fn keep(tree: Tree, kept: impl Fn(usize) -> bool) -> Vec<Section> {
    let mut place = vec![0_u32; tree.sections().len()];
    let mut sections = Vec::new();
    for (index, mut section) in tree.into_sections().into_iter().enumerate() {
        if kept(index) {
            section.parent = section.parent.map(|at| Attachment { section: place[at.section as usize], ..at });
            place[index] = sections.len() as u32;
            sections.push(section);
        }
    }
    sections
}

/// The first section of the soma.
fn find_soma(sections: &[Section], name: &str) -> Result<u32> {
    sections.iter().position(|section| section.region == Region::Soma).map(|index| index as u32).ok_or_else(|| {
        UserError::bad_data("no-soma", format!("the morphology `{name}` has no soma"))
            .mend("the cell needs a section of region `soma`")
    })
}
