//! Where the shape of a model comes from.

use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

use super::cells::{Cell, Kind};
use crate::biophysical::cable::Segments;
use crate::biophysical::morphology::{ReadOptions, Tree, Unit, builtin, edit, grown, read};

/// Seed of the grown tree that stands in where no morphology is named.
const STAND_IN_SEED: u64 = 1;

/// A dendrite of the Ball & Stick neuron.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BallAndStick {
    /// Length of the dendrite, µm.
    #[serde(default = "dend_length_um")]
    pub dend_length_um: f64,
    /// Diameter of the dendrite, µm.
    #[serde(default = "dend_diam_um")]
    pub dend_diam_um: f64,
    /// Segments of the dendrite.
    #[serde(default = "dend_segments")]
    pub segments: u32,
}

fn dend_length_um() -> f64 {
    2048.0
}

fn dend_diam_um() -> f64 {
    1.0
}

fn dend_segments() -> u32 {
    8
}

/// An even cable.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvenCable {
    /// Length, µm.
    #[serde(default = "cable_length_um")]
    pub length_um: f64,
    /// Diameter, µm.
    #[serde(default = "dend_diam_um")]
    pub diam_um: f64,
    /// Segments.
    #[serde(default = "cable_segments")]
    pub segments: u32,
}

fn cable_length_um() -> f64 {
    1000.0
}

fn cable_segments() -> u32 {
    100
}

/// A traced morphology, and how it is read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Traced {
    /// An ASC or SWC file, found from the folder of the file that names it.
    pub path: PathBuf,
    /// Unit of an SWC file; µm unless its extent says that it cannot be.
    pub unit: Option<Unit>,
    /// Whether what would be guessed is refused.
    pub strict: bool,
}

/// Where the shape comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Keys", into = "Keys")]
pub enum Morphology {
    /// A file.
    File(Traced),
    /// A pyramidal cell grown from this seed.
    Grown(u64),
    /// Ball & Stick.
    BallAndStick(BallAndStick),
    /// An even cable.
    Cable(EvenCable),
}

/// A [`Morphology`] as it is written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<Unit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grown: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ball_and_stick: Option<BallAndStick>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cable: Option<EvenCable>,
}

impl TryFrom<Keys> for Morphology {
    type Error = String;

    fn try_from(keys: Keys) -> std::result::Result<Self, String> {
        let of_file = keys.unit.is_some() || keys.strict.is_some();
        match keys {
            Keys { file: Some(path), unit, strict, grown: None, ball_and_stick: None, cable: None } => {
                Ok(Self::File(Traced { path, unit, strict: strict.unwrap_or(false) }))
            }
            _ if of_file => Err("`unit` and `strict` belong to a morphology from a `file`".into()),
            Keys { file: None, grown: Some(seed), ball_and_stick: None, cable: None, .. } => Ok(Self::Grown(seed)),
            Keys { file: None, grown: None, ball_and_stick: Some(b), cable: None, .. } => Ok(Self::BallAndStick(b)),
            Keys { file: None, grown: None, ball_and_stick: None, cable: Some(c), .. } => Ok(Self::Cable(c)),
            _ => Err("a morphology is exactly one of `file`, `grown`, `ball_and_stick`, `cable`".into()),
        }
    }
}

impl From<Morphology> for Keys {
    fn from(shape: Morphology) -> Self {
        match shape {
            Morphology::File(Traced { path, unit, strict }) => {
                Self { file: Some(path), unit, strict: strict.then_some(true), ..Self::default() }
            }
            Morphology::Grown(seed) => Self { grown: Some(seed), ..Self::default() },
            Morphology::BallAndStick(b) => Self { ball_and_stick: Some(b), ..Self::default() },
            Morphology::Cable(c) => Self { cable: Some(c), ..Self::default() },
        }
    }
}

impl Default for BallAndStick {
    fn default() -> Self {
        Self { dend_length_um: dend_length_um(), dend_diam_um: dend_diam_um(), segments: dend_segments() }
    }
}

impl Default for EvenCable {
    fn default() -> Self {
        Self { length_um: cable_length_um(), diam_um: dend_diam_um(), segments: cable_segments() }
    }
}

impl Morphology {
    /// The one of a file, read as its ending says and tolerantly.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::File(Traced { path: path.into(), ..Traced::default() })
    }

    /// Cuts a Ball & Stick's dendrite or a cable so that no segment is longer; other shapes are cut later, section by section.
    ///
    /// # Errors
    /// `bad-segment-length`, `limit`.
    pub fn cut(&mut self, max_length_um: f64) -> Result<()> {
        let count = |length_um: f64| Segments { max_length_um }.count_of(length_um);
        match self {
            Self::BallAndStick(b) => b.segments = count(b.dend_length_um)?,
            Self::Cable(c) => c.segments = count(c.length_um)?,
            Self::File(_) | Self::Grown(_) => {}
        }
        Ok(())
    }

    /// The key that counts the segments of a shape which does so itself.
    pub(super) fn segments_key(&self) -> Option<&'static str> {
        match self {
            Self::BallAndStick(_) => Some("morphology.ball_and_stick.segments"),
            Self::Cable(_) => Some("morphology.cable.segments"),
            Self::File(_) | Self::Grown(_) => None,
        }
    }

    /// The tree, with what its reader had to say; a file is looked for from `folder`.
    ///
    /// # Errors
    /// A file that cannot be read; numbers that no shape has.
    pub fn tree(&self, folder: &Path, replace_axon: bool, notes: &mut Vec<String>) -> Result<Tree> {
        let tree = match self {
            Self::File(Traced { path, unit, strict }) => {
                let path = folder.join(path);
                let options = ReadOptions { unit: *unit, strict: *strict, ..ReadOptions::default() };
                let loaded = read(&path, &options).map_err(UserError::in_data)?;
                if let Some(counts) = loaded.notes.counts() {
                    let shown = path.display();
                    notes.push(format!("{shown}: {counts}; `kenyon neuron morphology {shown} --notes` lists them"));
                }
                loaded.tree
            }
            Self::Grown(seed) => grown::pyramidal(*seed)?,
            Self::BallAndStick(b) => {
                dimension("ball_and_stick.dend_length_um", b.dend_length_um)?;
                dimension("ball_and_stick.dend_diam_um", b.dend_diam_um)?;
                return builtin::ball_and_stick(b.dend_length_um, b.dend_diam_um, b.segments);
            }
            Self::Cable(c) => {
                dimension("cable.length_um", c.length_um)?;
                dimension("cable.diam_um", c.diam_um)?;
                return builtin::uniform_cable(c.length_um, c.diam_um, c.segments);
            }
        };
        if !replace_axon {
            return Ok(tree);
        }
        notes.extend(edit::lost_with_axon(&tree).map(|note| note + "; `replace_axon = false` keeps both"));
        edit::replace_axon(tree)
    }
}

/// A length or diameter that some neuron could have.
fn dimension(key: &str, um: f64) -> Result<()> {
    if (1e-3..=1e6).contains(&um) {
        return Ok(());
    }
    Err(UserError::bad_data("bad-number", "no neuron has this size")
        .key(format!("model.morphology.{key}"))
        .found(format!("{um:e} µm"))
        .expected("1e-3 to 1e6 µm"))
}

/// The shape that is given, or the cell's own.
pub(super) fn choose(given: Option<&Morphology>, cell: Option<&Cell>, notes: &mut Vec<String>) -> Result<Morphology> {
    match (given, cell.map(|c| c.kind)) {
        (Some(given), _) => Ok(given.clone()),
        (None, Some(Kind::Traced | Kind::OnlySoma)) => {
            notes.push(format!(
                "NOT the published cell: no morphology was named, so a pyramidal tree grown from seed {STAND_IN_SEED} stands in; \
                 name the traced one with `morphology = {{ file = \"cell1.asc\" }}`"
            ));
            Ok(Morphology::Grown(STAND_IN_SEED))
        }
        (None, Some(Kind::BallAndStick)) => Ok(Morphology::BallAndStick(BallAndStick::default())),
        (None, Some(Kind::Cable)) => Ok(Morphology::Cable(EvenCable::default())),
        (None, None) => Err(UserError::bad_data("no-morphology", "the model has no shape")
            .mend("name a `cell`, or give `morphology` and `recipe`")),
    }
}

/// Says that a shape which counts its segments needs no largest length of them.
pub(super) fn stated_twice(shape: &Morphology, max_length_um: Option<f64>) -> UserError {
    let segments = match shape {
        Morphology::BallAndStick(b) => b.segments,
        Morphology::Cable(c) => c.segments,
        Morphology::File(_) | Morphology::Grown(_) => 0,
    };
    let found =
        max_length_um.map_or_else(String::new, |length| format!("{length} µm, and segments = {segments} in `morphology`"));
    UserError::bad_data("two-kinds", "the number of segments is stated already")
        .found(found)
        .mend("leave `max_segment_um` out, and set `segments` of the morphology")
}
