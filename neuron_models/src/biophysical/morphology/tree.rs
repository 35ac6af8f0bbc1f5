//! A tree of unbranched sections, checked when it is made.

use std::collections::HashSet;
use std::fmt;

use kenyon_base::{Result, UserError, nearest};
use serde::{Deserialize, Serialize};

/// Part of the neuron that a section belongs to.
///
/// Written as `soma`, `axon`, `basal`, `apical` or `custom-<type>`, where the type is the number of an SWC file (0 and from 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Region {
    /// Cell body (SWC type 1).
    Soma,
    /// Axon (SWC type 2).
    Axon,
    /// Basal dendrite (SWC type 3).
    Basal,
    /// Apical dendrite (SWC type 4).
    Apical,
    /// Any other type of an SWC file; 0 is "undefined".
    Custom(u16),
}

impl Region {
    /// The region of an SWC type.
    pub const fn from_swc(kind: u16) -> Self {
        match kind {
            1 => Self::Soma,
            2 => Self::Axon,
            3 => Self::Basal,
            4 => Self::Apical,
            other => Self::Custom(other),
        }
    }

    /// The SWC type of the region.
    pub const fn swc(self) -> u16 {
        match self {
            Self::Soma => 1,
            Self::Axon => 2,
            Self::Basal => 3,
            Self::Apical => 4,
            Self::Custom(kind) => kind,
        }
    }

    /// What NEURON calls the sections of this region, before the number in brackets.
    pub fn stem(self) -> String {
        match self {
            Self::Soma => "soma".into(),
            Self::Axon => "axon".into(),
            Self::Basal => "dend".into(),
            Self::Apical => "apic".into(),
            Self::Custom(kind) => format!("dend_{kind}"),
        }
    }

    /// Whether it is a basal or an apical dendrite.
    pub const fn is_dendrite(self) -> bool {
        matches!(self, Self::Basal | Self::Apical)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Soma => f.write_str("soma"),
            Self::Axon => f.write_str("axon"),
            Self::Basal => f.write_str("basal"),
            Self::Apical => f.write_str("apical"),
            Self::Custom(kind) => write!(f, "custom-{kind}"),
        }
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.to_string()
    }
}

impl TryFrom<String> for Region {
    type Error = UserError;

    fn try_from(text: String) -> Result<Self> {
        let custom = || text.strip_prefix("custom-")?.parse().ok().filter(|kind| !(1..=4).contains(kind)).map(Self::Custom);
        match text.as_str() {
            "soma" => Ok(Self::Soma),
            "axon" => Ok(Self::Axon),
            "basal" => Ok(Self::Basal),
            "apical" => Ok(Self::Apical),
            _ => custom().ok_or_else(|| {
                UserError::usage("unknown-region", "there is no such region")
                    .found(&text)
                    .expected("`soma`, `axon`, `basal`, `apical` or `custom-<SWC type>`")
            }),
        }
    }
}

/// A point of a traced section, in µm; all four numbers are rounded to single precision, as NEURON stores them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Place, µm.
    pub xyz: [f64; 3],
    /// Diameter, µm.
    pub diam: f64,
}

impl Point {
    /// A point at `(x, y, z)` with a diameter, all rounded to single precision.
    pub fn new(x: f64, y: f64, z: f64, diam: f64) -> Self {
        let single = |value: f64| f64::from(value as f32);
        Self { xyz: [x, y, z].map(single), diam: single(diam) }
    }

    /// Distance to another point, µm.
    ///
    /// As in NEURON the differences of the coordinates are single precision too; their squares and the root are double.
    pub fn distance(&self, other: &Self) -> f64 {
        let [x, y, z] = [0, 1, 2].map(|i| f64::from((self.xyz[i] - other.xyz[i]) as f32));
        (x * x + y * y + z * z).sqrt()
    }

    /// Whether it lies where another point lies.
    pub fn coincides(&self, other: &Self) -> bool {
        self.distance(other) <= 0.0
    }

    /// Whether place and diameter are numbers and the diameter is above zero.
    pub fn is_sound(&self) -> bool {
        self.xyz.iter().all(|c| c.is_finite()) && self.diam.is_finite() && self.diam > 0.0
    }
}

/// What a section looks like.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Traced points, at least two, the diameter linear between them.
    Points(Vec<Point>),
    /// Length and diameter alone.
    Cylinder {
        /// Length, µm.
        length_um: f64,
        /// Diameter, µm.
        diam_um: f64,
    },
}

impl Shape {
    /// The traced points; empty for a cylinder.
    pub fn points(&self) -> &[Point] {
        match self {
            Self::Points(points) => points,
            Self::Cylinder { .. } => &[],
        }
    }

    /// Length along the section, µm.
    pub fn length_um(&self) -> f64 {
        match self {
            Self::Points(points) => points.windows(2).map(|pair| pair[0].distance(&pair[1])).sum(),
            Self::Cylinder { length_um, .. } => *length_um,
        }
    }
}

/// Where a section hangs on its parent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attachment {
    /// Index of the parent section, below the section's own.
    pub section: u32,
    /// Place on the parent, from 0 (its near end) to 1 (its far end).
    pub x: f64,
}

/// An unbranched piece of the neuron.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Name as NEURON gives it: `soma[0]`, `dend[3]`, `apic[36]`.
    pub name: String,
    /// Region it belongs to.
    pub region: Region,
    /// Where it hangs on its parent; `None` for the root.
    pub parent: Option<Attachment>,
    /// Points, or length and diameter.
    pub shape: Shape,
    /// A number of segments that the tree fixes, whatever rule cuts the others.
    pub nseg: Option<u32>,
}

impl Section {
    /// Length, µm.
    pub fn length_um(&self) -> f64 {
        self.shape.length_um()
    }
}

/// The tree of sections of a neuron; section 0 is the root and every parent comes before its children.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    name: String,
    sections: Vec<Section>,
}

impl Tree {
    /// A tree of these sections.
    ///
    /// # Errors
    /// `empty-morphology`; `bad-morphology` if the first section has a parent, another has none or one that comes after it,
    /// a name stands twice, or a length or diameter is not above zero.
    pub fn new(name: impl Into<String>, sections: Vec<Section>) -> Result<Self> {
        let name = name.into();
        if sections.is_empty() {
            return Err(UserError::bad_data("empty-morphology", format!("the morphology `{name}` has no section")));
        }
        let mut names = HashSet::with_capacity(sections.len());
        for (index, section) in sections.iter().enumerate() {
            let bad = |what: &str| UserError::bad_data("bad-morphology", format!("section `{}`: {what}", section.name));
            if !names.insert(section.name.as_str()) {
                return Err(bad("its name stands twice"));
            }
            match section.parent {
                None if index > 0 => return Err(bad("it hangs on no other, and only the first section may")),
                Some(_) if index == 0 => return Err(bad("it is the first section, and hangs on another")),
                Some(at) if at.section as usize >= index => return Err(bad("it comes before the section it hangs on")),
                Some(at) if !(0.0..=1.0).contains(&at.x) => {
                    return Err(bad("its place on the parent is not between 0 and 1").found(at.x.to_string()));
                }
                _ => {}
            }
            match &section.shape {
                Shape::Points(points) => {
                    if points.len() < 2 || !points.iter().all(Point::is_sound) {
                        return Err(bad("it must have two points or more, of finite place and positive diameter"));
                    }
                }
                Shape::Cylinder { length_um, diam_um } => {
                    if !(length_um.is_finite() && diam_um.is_finite() && *diam_um > 0.0) {
                        return Err(bad("its length and diameter must be finite and above zero"));
                    }
                }
            }
            let length = section.length_um();
            if !(length.is_finite() && length > 0.0) {
                return Err(bad("its length must be above zero").found(length.to_string()));
            }
            if section.nseg == Some(0) {
                return Err(bad("it must have at least one segment"));
            }
        }
        Ok(Self { name, sections })
    }

    /// Name of the morphology: of the file, or of the built-in tree.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same tree under another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// All sections, parents before children.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The sections, given away.
    pub fn into_sections(self) -> Vec<Section> {
        self.sections
    }

    /// Index of the section of this name.
    ///
    /// # Errors
    /// `unknown-section`, with the nearest name there is.
    pub fn find(&self, section: &str) -> Result<u32> {
        find(self.sections.iter().map(|s| s.name.as_str()), section)
    }

    /// Number of traced points.
    pub fn point_count(&self) -> usize {
        self.sections.iter().map(|s| s.shape.points().len()).sum()
    }
}

/// Index of a name in a list of section names.
pub(in crate::biophysical) fn find<'a>(names: impl Iterator<Item = &'a str> + Clone, wanted: &str) -> Result<u32> {
    names.clone().position(|name| name == wanted).map(|index| index as u32).ok_or_else(|| {
        // `soma` means `soma[0]`, of many dendrites perhaps another than the first.
        let stem = |name: &str| name.split('[').next() == Some(wanted.trim_end_matches("()"));
        let close = names.clone().find(|name| stem(name)).or_else(|| nearest(wanted, names.clone()));
        let alike = names.clone().filter(|name| stem(name)).count();
        let error = UserError::usage("unknown-section", "the neuron has no such section").found(wanted);
        match close {
            Some(name) if alike > 1 => {
                let last = names.filter(|name| stem(name)).last().unwrap_or(name);
                error.expected(format!("`{name}` to `{last}`")).mend(LISTING)
            }
            Some(name) => error.mend(format!("did you mean `{name}`?")),
            None => error.mend(LISTING),
        }
    })
}

/// Where to see the names of sections.
const LISTING: &str = "`kenyon neuron morphology FILE --sections` lists the names";
