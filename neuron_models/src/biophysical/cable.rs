//! A tree cut into segments: what the solver sees of a morphology.
//!
//! A section of length L has `nseg` equal segments with one node at each centre, and one zero-area node at its far end; its near
//! end is the node it hangs on (specification of biophysical neurons, section 1; NEURON's discretisation).
//!
//! | module | owns |
//! |---|---|
//! | [`geometry`] | area, axial resistance and diameter from traced points or from length and diameter |
//! | [`table`] | sections, segments and points as CSV |

pub mod geometry;
pub mod table;

use kenyon_base::{Result, UserError};

use crate::biophysical::morphology::tree::find;
use crate::biophysical::morphology::{Region, Section, Tree};

/// Nodes that a cable may have.
const MAX_NODES: f64 = 1e7;

/// How finely sections are cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segments {
    /// A section has `1 + 2 floor(L / max_length_um)` segments, always odd.
    pub max_length_um: f64,
}

impl Segments {
    /// The original cell of Hay et al. 2011: 40 µm.
    pub const HAY: Self = Self { max_length_um: 40.0 };
    /// `TwinProp`'s choice: 24.3 µm.
    pub const TWINPROP: Self = Self { max_length_um: 24.3 };
    /// Finer still: 15 µm.
    pub const FINE: Self = Self { max_length_um: 15.0 };
    /// Names of the presets, for messages and commands.
    pub const PRESETS: [(&'static str, Self); 3] = [("hay", Self::HAY), ("twinprop", Self::TWINPROP), ("fine", Self::FINE)];

    /// The preset of this name.
    ///
    /// # Errors
    /// `unknown-preset`.
    pub fn preset(name: &str) -> Result<Self> {
        Self::PRESETS.iter().find(|(known, _)| *known == name).map(|(_, preset)| *preset).ok_or_else(|| {
            UserError::usage("unknown-preset", "there is no such preset of the segment length")
                .found(name)
                .expected("`hay` (40 µm), `twinprop` (24.3 µm) or `fine` (15 µm)")
        })
    }

    /// Checks the length.
    ///
    /// # Errors
    /// `bad-segment-length`.
    pub fn checked(self) -> Result<Self> {
        let max = self.max_length_um;
        if max.is_finite() && max > 0.0 {
            return Ok(self);
        }
        Err(UserError::usage("bad-segment-length", "no segment has such a largest length")
            .found(format!("{max} µm"))
            .expected("a length above 0 µm")
            .mend("24.3 is usual; Hay et al. used 40"))
    }

    /// Number of segments of a length.
    ///
    /// # Errors
    /// `bad-segment-length`; `limit` beyond ten million.
    pub fn count_of(self, length_um: f64) -> Result<u32> {
        let count = self.checked()?.count(length_um);
        if count <= MAX_NODES { Ok(count as u32) } else { Err(too_many(count)) }
    }

    /// The same, before anyone limits it.
    fn count(self, length_um: f64) -> f64 {
        1.0 + 2.0 * (length_um / self.max_length_um).floor()
    }
}

impl Default for Segments {
    fn default() -> Self {
        Self::TWINPROP
    }
}

/// Passive properties of a section.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Electrics {
    /// Axial resistivity, Ω·cm.
    pub ra_ohm_cm: f64,
    /// Membrane capacitance, µF/cm².
    pub cm_uf_cm2: f64,
}

impl Default for Electrics {
    fn default() -> Self {
        Self { ra_ohm_cm: 100.0, cm_uf_cm2: 1.0 }
    }
}

/// One voltage node: the centre of a segment, or an end without area.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The node towards the root, with a smaller index; `None` for node 0.
    pub parent: Option<u32>,
    /// Axial resistance to the parent's node, MΩ; for node 0 that to its own near end.
    pub ri_mohm: f64,
    /// Membrane area, µm²; 0 at an end.
    pub area_um2: f64,
    /// Membrane capacitance, µF/cm².
    pub cm_uf_cm2: f64,
    /// Index of its section.
    pub section: u32,
    /// Index of its segment within the section; `None` at an end.
    pub segment: Option<u32>,
    /// Mean diameter, µm: for reports, never for areas.
    pub diam_um: f64,
    /// Length of the segment, µm; 0 at an end.
    pub length_um: f64,
    /// Place on the section, 0 to 1.
    pub x: f64,
    /// Path from the near end of the root section to this place, µm.
    pub distance_um: f64,
}

/// What a section became.
#[derive(Debug, Clone, PartialEq)]
pub struct CableSection {
    /// Name, as in the tree.
    pub name: String,
    /// Region.
    pub region: Region,
    /// Parent section and the place on it, 0 to 1.
    pub parent: Option<(u32, f64)>,
    /// Number of traced points; 0 for a cylinder.
    pub point_count: u32,
    /// Length, µm.
    pub length_um: f64,
    /// Number of segments.
    pub nseg: u32,
    /// Node of the first segment; the others follow it.
    pub first_node: u32,
    /// Node of the far end.
    pub end_node: u32,
    /// Node that the near end hangs on; `None` for a root section whose near end bears nothing.
    pub near_node: Option<u32>,
    /// Axial resistivity, Ω·cm.
    pub ra_ohm_cm: f64,
    /// Axial resistance from the last segment's centre to the far end, MΩ.
    pub ri_end_mohm: f64,
    /// Membrane area, µm².
    pub area_um2: f64,
    /// Path distance of the near end, µm.
    pub distance0_um: f64,
    /// Path distance of the far end, µm.
    pub distance1_um: f64,
}

impl CableSection {
    /// The nodes of its segments.
    pub fn segment_nodes(&self) -> std::ops::Range<usize> {
        self.first_node as usize..(self.first_node + self.nseg) as usize
    }
}

/// A neuron as nodes in an order where every parent comes before its children.
///
/// Node 0 is the root. Per section, in the order of the tree: the centres of its segments, then its far end. Only where a section
/// hangs on the near end of the root does a node for that end precede them, with area 0 like a far end and `x` 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Cable {
    /// Sections, in the order of the tree.
    pub sections: Vec<CableSection>,
    /// Nodes, parents first.
    pub nodes: Vec<Node>,
}

impl Cable {
    /// Cuts a tree into segments, with the same passive properties everywhere.
    ///
    /// # Errors
    /// As [`Self::with`].
    pub fn new(tree: &Tree, segments: Segments, electrics: Electrics) -> Result<Self> {
        Self::with(tree, segments, |_| electrics)
    }

    /// Cuts a tree into segments, with the passive properties that `electrics` states for each section.
    ///
    /// Takes time and memory proportional to the points and nodes.
    ///
    /// # Errors
    /// `bad-segment-length`, `bad-electrics`, or `limit` if there would be more than ten million nodes.
    pub fn with(tree: &Tree, segments: Segments, electrics: impl Fn(&Section) -> Electrics) -> Result<Self> {
        segments.checked()?;
        let lengths: Vec<f64> = tree.sections().iter().map(Section::length_um).collect();
        let count = |section: &Section, length_um: f64| section.nseg.map_or_else(|| segments.count(length_um), f64::from);
        let counts: Vec<f64> = tree.sections().iter().zip(&lengths).map(|(s, &length)| count(s, length)).collect();
        let nodes: f64 = counts.iter().map(|count| count + 1.0).sum();
        if nodes > MAX_NODES {
            return Err(too_many(nodes));
        }
        let mut cable =
            Self { sections: Vec::with_capacity(tree.sections().len()), nodes: Vec::with_capacity(nodes as usize + 1) };
        if near_end_bears_a_section(tree) {
            let diam_um = geometry::diameter_at_start(&tree.sections()[0].shape);
            cable.nodes.push(end(None, 0.0, 0, diam_um, 0.0, 0.0));
        }
        for (index, section) in tree.sections().iter().enumerate() {
            let electrics = electrics(section);
            for value in [electrics.ra_ohm_cm, electrics.cm_uf_cm2] {
                if !(value.is_finite() && value > 0.0) {
                    return Err(UserError::usage("bad-electrics", "axial resistivity and capacitance must be above 0")
                        .found(format!("{value} in `{}`", section.name)));
                }
            }
            cable.push(index as u32, section, lengths[index], counts[index] as u32, electrics);
        }
        Ok(cable)
    }

    /// Appends a section and its nodes.
    fn push(&mut self, index: u32, section: &Section, length_um: f64, nseg: u32, electrics: Electrics) {
        let (near_node, distance0_um) = match section.parent {
            Some(at) => {
                let parent = &self.sections[at.section as usize];
                (self.place(at.section, at.x), parent.distance0_um + at.x * parent.length_um)
            }
            None => (self.nodes.first().map(|_| 0), 0.0),
        };
        let cut = geometry::cut(&section.shape, length_um, nseg, electrics.ra_ohm_cm);
        let first_node = self.nodes.len() as u32;
        let mut towards_root = near_node;
        let mut right_half = 0.0;
        let mut area_um2 = 0.0;
        for (k, segment) in cut.iter().enumerate() {
            let x = (k as f64 + 0.5) / f64::from(nseg);
            self.nodes.push(Node {
                parent: towards_root,
                ri_mohm: right_half + segment.ri_left_mohm,
                area_um2: segment.area_um2,
                cm_uf_cm2: electrics.cm_uf_cm2,
                section: index,
                segment: Some(k as u32),
                diam_um: segment.diam_um,
                length_um: length_um / f64::from(nseg),
                x,
                distance_um: distance0_um + x * length_um,
            });
            towards_root = Some(first_node + k as u32);
            right_half = segment.ri_right_mohm;
            area_um2 += segment.area_um2;
        }
        let distance1_um = distance0_um + length_um;
        self.nodes.push(end(towards_root, right_half, index, geometry::diameter_at_end(&section.shape), 1.0, distance1_um));
        self.sections.push(CableSection {
            name: section.name.clone(),
            region: section.region,
            parent: section.parent.map(|at| (at.section, at.x)),
            point_count: section.shape.points().len() as u32,
            length_um,
            nseg,
            first_node,
            end_node: first_node + nseg,
            near_node,
            ra_ohm_cm: electrics.ra_ohm_cm,
            ri_end_mohm: right_half,
            area_um2,
            distance0_um,
            distance1_um,
        });
    }

    /// Node at the place `x` of a section, by NEURON's rule; `None` at a near end of the root that bears nothing.
    fn place(&self, section: u32, x: f64) -> Option<u32> {
        let section = &self.sections[section as usize];
        if x <= 0.0 {
            section.near_node
        } else if x >= 1.0 {
            Some(section.end_node)
        } else {
            let segment = ((x * f64::from(section.nseg)) as u32).min(section.nseg - 1);
            Some(section.first_node + segment)
        }
    }

    /// Node at the place `x` of a section.
    ///
    /// NEURON's rule: segment `floor(x nseg)`; 0 is the node that the section hangs on, 1 its far end. The near end of the root has
    /// a node only where a section hangs on it; otherwise its first segment stands for it.
    ///
    /// # Errors
    /// `unknown-section`; `bad-place` if `x` is not between 0 and 1.
    pub fn node_at(&self, section: &str, x: f64) -> Result<u32> {
        let index = self.find(section)?;
        if !(0.0..=1.0).contains(&x) {
            return Err(UserError::usage("bad-place", format!("no such place on section `{section}`"))
                .found(x.to_string())
                .expected("a number from 0 (near end) to 1 (far end)"));
        }
        Ok(self.place(index, x).unwrap_or(self.sections[index as usize].first_node))
    }

    /// Index of the section of this name.
    ///
    /// # Errors
    /// `unknown-section`, with the nearest name there is.
    pub fn find(&self, section: &str) -> Result<u32> {
        find(self.sections.iter().map(|s| s.name.as_str()), section)
    }

    /// Number of segments of all sections.
    pub fn segment_count(&self) -> usize {
        self.sections.iter().map(|s| s.nseg as usize).sum()
    }

    /// Membrane area, µm².
    pub fn area_um2(&self) -> f64 {
        self.sections.iter().map(|s| s.area_um2).sum()
    }

    /// Path distances of all places from the near end of the section `origin`, along the tree in whatever direction.
    ///
    /// With `apic[0]` as origin these are the distances of apical gradients.
    pub fn paths_from(&self, origin: u32) -> Paths {
        // Where the path from the origin down to the root enters each section that it passes.
        let mut enters: Vec<Option<f64>> = vec![None; self.sections.len()];
        let mut at = Some((origin, 0.0));
        while let Some((section, x)) = at {
            enters[section as usize] = Some(x);
            at = self.sections[section as usize].parent;
        }
        let to_root = |(section, x): (u32, f64)| {
            let section = &self.sections[section as usize];
            section.distance0_um + x * section.length_um
        };
        let start = to_root((origin, 0.0));
        // Where the way from a section to the origin leaves the branch of the section: the section passed and the place on it.
        let mut meets: Vec<(u32, f64)> = Vec::with_capacity(self.sections.len());
        let mut paths = Vec::with_capacity(self.sections.len());
        for (index, section) in self.sections.iter().enumerate() {
            let meet = match (enters[index], section.parent) {
                (Some(_), _) | (None, None) => (index as u32, 0.0),
                (None, Some((parent, x))) if enters[parent as usize].is_some() => (parent, x),
                (None, Some((parent, _))) => meets[parent as usize],
            };
            meets.push(meet);
            let enter = enters[meet.0 as usize].unwrap_or(0.0);
            let um = |place: (u32, f64), meet_x: f64| {
                if meet.0 == origin {
                    return to_root(place) - start;
                }
                let common = to_root((meet.0, meet_x.min(enter)));
                (start - common) + (to_root(place) - common)
            };
            let place = |x: f64| um((index as u32, x), if enters[index].is_some() { x } else { meet.1 });
            let bend = enters[index].filter(|_| index as u32 != origin).map(|x| (x, place(x)));
            paths.push(Path { near_um: place(0.0), far_um: place(1.0), bend });
        }
        Paths(paths)
    }
}

/// Path distances from one place, section by section: see [`Cable::paths_from`].
#[derive(Debug, Clone, PartialEq)]
pub struct Paths(Vec<Path>);

/// Distances of one section.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Path {
    near_um: f64,
    far_um: f64,
    /// Where the path to the root enters the section, and its distance: from there it grows both ways.
    bend: Option<(f64, f64)>,
}

impl Paths {
    /// Distance of the near and the far end of a section, µm.
    pub fn ends(&self, section: u32) -> (f64, f64) {
        let path = self.0[section as usize];
        (path.near_um, path.far_um)
    }

    /// Distance of the place `x` of a section, µm.
    pub fn at(&self, section: u32, x: f64) -> f64 {
        let Path { near_um, far_um, bend } = self.0[section as usize];
        match bend {
            Some((enter, least)) if x < enter => least + (enter - x) / enter * (near_um - least),
            Some((enter, least)) if x > enter => least + (x - enter) / (1.0 - enter) * (far_um - least),
            Some((_, least)) => least,
            None => near_um + x * (far_um - near_um),
        }
    }
}

fn too_many(nodes: f64) -> UserError {
    UserError::bad_data("limit", "the neuron would have too many segments")
        .found(format!("{nodes:.3e} nodes"))
        .expected(format!("at most {MAX_NODES:.0e}"))
        .mend("choose a larger segment length, and check that the coordinates are in µm")
}

/// A node without area.
fn end(parent: Option<u32>, ri_mohm: f64, section: u32, diam_um: f64, x: f64, distance_um: f64) -> Node {
    Node { parent, ri_mohm, area_um2: 0.0, cm_uf_cm2: 0.0, section, segment: None, diam_um, length_um: 0.0, x, distance_um }
}

/// Whether a section hangs, directly or through others, on the near end of the root.
fn near_end_bears_a_section(tree: &Tree) -> bool {
    let mut at_root = vec![true; tree.sections().len()];
    for (index, section) in tree.sections().iter().enumerate().skip(1) {
        at_root[index] = section.parent.is_some_and(|at| at.x <= 0.0 && at_root[at.section as usize]);
    }
    at_root[1..].contains(&true)
}
