//! A neuron with everything that a simulation must know of it, from a short description.
//!
//! A [`ModelSpec`] names one of the [`CELLS`], or a morphology and a recipe, and what deviates from them. [`ModelSpec::build`] makes
//! the [`Neuron`] and says in words what a reader of any result must know of it.
//!
//! | module | owns |
//! |---|---|
//! | here | the description, the cells that come along |
//! | [`super::placing`] | synapses: one excitatory and one inhibitory on each dendritic segment, in named orders |

use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError, nearest};
use serde::{Deserialize, Serialize};

use super::cable::Segments;
use super::mechanism::CHANNELS;
use super::morphology::{ReadOptions, Region, Tree, builtin, edit, grown, read};
use super::neuron::Neuron;
use super::recipe::{Placement, Recipe};
use super::synapse::{SynapseSet, synapse_set};

/// Seed of the grown tree that stands in where no morphology is named.
const STAND_IN_SEED: u64 = 1;

/// A cell that comes along.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    recipe: &'static str,
    synapse_set: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// On a traced morphology, or on a grown one.
    Traced,
    /// The same, the dendrites reduced to stubs.
    OnlySoma,
    BallAndStick,
    Cable,
}

const L5PC: Cell = Cell {
    name: "l5pc",
    about: "layer 5b pyramidal cell of Hay et al. 2011 in the variant of Shai et al. 2015",
    recipe: "l5pc",
    synapse_set: "rat",
    kind: Kind::Traced,
};

/// The cells that come along.
pub const CELLS: [Cell; 7] = [
    L5PC,
    Cell { name: "l5pc-hay", about: "the same cell with the densities of Hay et al. 2011", recipe: "l5pc-hay", ..L5PC },
    Cell {
        name: "l5pc-passive-dendrites",
        about: "the same cell without active channels in its dendrites",
        recipe: "l5pc-passive-dendrites",
        ..L5PC
    },
    Cell { name: "l5pc-no-nmda", about: "the same cell with synapses without NMDA", synapse_set: "rat_no_nmda", ..L5PC },
    Cell { name: "l5pc-only-soma", about: "the same cell with two stubs for dendrites", kind: Kind::OnlySoma, ..L5PC },
    Cell {
        name: "ball-and-stick",
        about: "active soma of Hay et al. 2011 on a passive dendrite",
        recipe: "ball-and-stick",
        synapse_set: "bs_nmda_human",
        kind: Kind::BallAndStick,
    },
    Cell {
        name: "squid-cable",
        about: "even cable with the membrane of the squid axon (Hodgkin & Huxley 1952)",
        recipe: "squid",
        synapse_set: "bs_ampa",
        kind: Kind::Cable,
    },
];

impl Cell {
    /// The cell of this name.
    ///
    /// # Errors
    /// `unknown-cell`, listing the names.
    pub fn named(name: &str) -> Result<&'static Self> {
        CELLS.iter().find(|cell| cell.name == name).ok_or_else(|| {
            let names = CELLS.map(|cell| cell.name);
            let mend = nearest(name, names).map_or_else(
                || "choose one of them, or give `morphology` and `recipe`".into(),
                |close| format!("did you mean `{close}`?"),
            );
            UserError::usage("unknown-cell", "there is no such cell").found(name).expected(names.join(", ")).mend(mend)
        })
    }
}

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

/// Where the shape comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Morphology {
    /// An ASC or SWC file, found from the folder of the file that names it.
    File(PathBuf),
    /// A pyramidal cell grown from this seed.
    Grown(u64),
    /// Ball & Stick.
    BallAndStick(BallAndStick),
    /// An even cable.
    Cable(EvenCable),
}

/// Description of a model: a cell that comes along, or a morphology and a recipe, and what deviates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// One of the [`CELLS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<String>,
    /// Shape, instead of the cell's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub morphology: Option<Morphology>,
    /// Membrane, instead of the cell's own: a shipped recipe or a TOML file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// Receptors of the synapses, instead of the cell's own set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synapse_set: Option<String>,
    /// Largest length of a segment, µm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_segment_um: Option<f64>,
    /// Whether the axon is replaced by two stubs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace_axon: Option<bool>,
    /// Where within a segment densities are evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// Factor of every channel with gates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rho: Option<f64>,
    /// Factor of `SK_E2`, besides `rho`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sk_factor: Option<f64>,
    /// Only the leak is left of the channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passive: Option<bool>,
}

/// A model that can be simulated.
#[derive(Debug, Clone)]
pub struct Model {
    /// The description with everything filled in that it left open.
    pub spec: ModelSpec,
    /// The shape.
    pub tree: Tree,
    /// The neuron.
    pub neuron: Neuron,
    /// Receptors of its synapses.
    pub synapse_set: &'static SynapseSet,
    /// What a reader of a result must know.
    pub notes: Vec<String>,
}

impl ModelSpec {
    /// A cell that comes along, nothing deviating.
    pub fn cell(name: &str) -> Self {
        Self { cell: Some(name.into()), ..Self::default() }
    }

    /// Makes the model; paths start at `folder`.
    ///
    /// # Errors
    /// An unknown cell, recipe or set; a file that cannot be read; a number that no neuron has. The key is named as
    /// `model.KEY`.
    pub fn build(&self, folder: &Path, celsius: Option<f64>) -> Result<Model> {
        let at = |key: &str| {
            let key = format!("model.{key}");
            move |error: UserError| if error.path().is_some() { error } else { error.in_data().key(key) }
        };
        let cell = self.cell.as_deref().map(Cell::named).transpose().map_err(at("cell"))?;
        let mut notes = Vec::new();
        let morphology = self.morphology(cell, &mut notes).map_err(at("morphology"))?;
        let replace_axon = self.replace_axon.unwrap_or(matches!(morphology, Morphology::File(_)));
        let tree = tree(&morphology, folder, replace_axon, &mut notes).map_err(at("morphology"))?;
        let mut max_segment_um = self.max_segment_um.unwrap_or(Segments::TWINPROP.max_length_um);
        let tree = if cell.is_some_and(|c| c.kind == Kind::OnlySoma) {
            let fine = self.max_segment_um.unwrap_or(edit::ONLY_SOMA_SEGMENT_UM);
            let tree = edit::only_soma(tree, fine).map_err(|error| {
                let key = if error.code() == "bad-segment-length" { "max_segment_um" } else { "morphology" };
                at(key)(error)
            })?;
            max_segment_um = fine;
            tree
        } else {
            tree
        };
        let recipe_name = match (&self.recipe, cell) {
            (Some(name), _) => name.clone(),
            (None, Some(cell)) => cell.recipe.to_string(),
            (None, None) => {
                return Err(UserError::bad_data("no-recipe", "the model does not say what its membrane is made of")
                    .key("model.recipe")
                    .mend("add `recipe` (a shipped one or a TOML file), or name a `cell`"));
            }
        };
        let mut recipe = recipe(&recipe_name, folder).map_err(at("recipe"))?;
        recipe.placement = self.placement.unwrap_or(recipe.placement);
        recipe.celsius = celsius.unwrap_or(recipe.celsius);
        recipe.check().map_err(|e| e.in_data().key("celsius"))?;
        if recipe.placement == Placement::Centre && self.placement.is_some() {
            notes.push("densities are placed at the centre of every segment, not as in the reference cell".into());
        }
        let placement = recipe.placement;
        let set_name = self.synapse_set.clone().or(cell.map(|c| c.synapse_set.to_string())).unwrap_or_else(|| "rat".into());
        let synapse_set = synapse_set(&set_name).map_err(at("synapse_set"))?;
        let segments = Segments { max_length_um: max_segment_um };
        let mut neuron = Neuron::new(&tree, segments, recipe).map_err(|error| {
            let key = if matches!(error.code(), "bad-segment-length" | "limit") { "max_segment_um" } else { "recipe" };
            at(key)(error)
        })?;
        let published_sk = cell.is_some_and(|c| c.kind == Kind::BallAndStick);
        let (rho, sk_factor) = (self.rho.unwrap_or(1.0), self.sk_factor.unwrap_or(if published_sk { 0.0 } else { 1.0 }));
        scale(&mut neuron, rho, sk_factor).map_err(|(key, error)| at(key)(error))?;
        let passive = self.passive.unwrap_or(false);
        if passive {
            neuron.make_passive();
        }
        let spec = Self {
            cell: self.cell.clone(),
            morphology: Some(morphology),
            recipe: Some(recipe_name),
            synapse_set: Some(set_name),
            max_segment_um: Some(max_segment_um),
            replace_axon: Some(replace_axon),
            placement: Some(placement),
            rho: Some(rho),
            sk_factor: Some(sk_factor),
            passive: Some(passive),
        };
        Ok(Model { spec, tree, neuron, synapse_set, notes })
    }

    fn morphology(&self, cell: Option<&Cell>, notes: &mut Vec<String>) -> Result<Morphology> {
        match (&self.morphology, cell.map(|c| c.kind)) {
            (Some(given), _) => Ok(given.clone()),
            (None, Some(Kind::Traced | Kind::OnlySoma)) => {
                notes.push(format!(
                    "NOT the published cell: no morphology was named, so a pyramidal tree grown from seed {STAND_IN_SEED} stands in; \
                     name the traced one with `morphology = {{ file = \"cell1.asc\" }}`"
                ));
                Ok(Morphology::Grown(STAND_IN_SEED))
            }
            (None, Some(Kind::BallAndStick)) => Ok(Morphology::BallAndStick(BallAndStick {
                dend_length_um: dend_length_um(),
                dend_diam_um: dend_diam_um(),
                segments: dend_segments(),
            })),
            (None, Some(Kind::Cable)) => Ok(Morphology::Cable(EvenCable {
                length_um: cable_length_um(),
                diam_um: dend_diam_um(),
                segments: cable_segments(),
            })),
            (None, None) => Err(UserError::bad_data("no-morphology", "the model has no shape")
                .mend("name a `cell`, or give `morphology` and `recipe`")),
        }
    }
}

impl Model {
    /// Where spikes are looked for unless said otherwise: the middle of the first soma, or of the root.
    pub fn soma(&self) -> (String, f64) {
        let sections = &self.neuron.cable.sections;
        let section = sections.iter().find(|s| s.region == Region::Soma).unwrap_or(&sections[0]);
        (section.name.clone(), 0.5)
    }

    /// Name for headings.
    pub fn name(&self) -> String {
        self.spec.cell.clone().unwrap_or_else(|| format!("{} with {}", self.tree.name(), self.neuron.recipe.name))
    }
}

fn tree(morphology: &Morphology, folder: &Path, replace_axon: bool, notes: &mut Vec<String>) -> Result<Tree> {
    let tree = match morphology {
        Morphology::File(path) => {
            let path = folder.join(path);
            let loaded = read(&path, &ReadOptions::default()).map_err(UserError::in_data)?;
            let count = loaded.notes.entries().len() as u64 + loaded.notes.more();
            if count > 0 {
                let shown = path.display();
                notes.push(format!("{count} notes on the morphology: see `kenyon neuron morphology {shown}`"));
            }
            loaded.tree
        }
        Morphology::Grown(seed) => grown::pyramidal(*seed)?,
        Morphology::BallAndStick(b) => {
            return builtin::ball_and_stick(b.dend_length_um, b.dend_diam_um, b.segments);
        }
        Morphology::Cable(c) => return builtin::uniform_cable(c.length_um, c.diam_um, c.segments),
    };
    if replace_axon { edit::replace_axon(tree) } else { Ok(tree) }
}

/// Whether a recipe is named by its file.
pub(super) fn is_toml(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"))
}

/// A shipped recipe, or the one in a TOML file.
fn recipe(name: &str, folder: &Path) -> Result<Recipe> {
    if !is_toml(name) {
        return Recipe::shipped(name);
    }
    let path = folder.join(name);
    let text = std::fs::read_to_string(&path).map_err(|cause| UserError::cannot_read(&path, &cause))?;
    Recipe::parse(&text, &path)
}

fn scale(neuron: &mut Neuron, rho: f64, sk_factor: f64) -> std::result::Result<(), (&'static str, UserError)> {
    // To the bit: a factor of 1 leaves densities as they are.
    for info in CHANNELS.iter().filter(|info| !info.gates.is_empty()) {
        neuron.scale_channel(info.name, rho).map_err(|e| ("rho", e))?;
    }
    neuron.scale_channel("SK_E2", sk_factor).map_err(|e| ("sk_factor", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(spec: &ModelSpec) -> Result<Model> {
        spec.build(Path::new("."), None)
    }

    #[test]
    fn every_cell_that_comes_along_can_be_built() {
        for cell in CELLS {
            let mut spec = ModelSpec::cell(cell.name);
            if cell.kind == Kind::OnlySoma {
                spec.max_segment_um = Some(5.0);
            }
            let model = build(&spec).unwrap_or_else(|e| panic!("{}: {e}", cell.name));
            assert!(model.neuron.cable.segment_count() > 2, "{}", cell.name);
            let traced = matches!(cell.kind, Kind::Traced | Kind::OnlySoma);
            assert_eq!(model.notes.iter().any(|n| n.contains("NOT the published cell")), traced, "{}", cell.name);
        }
    }

    #[test]
    fn what_is_left_open_stands_in_the_description_afterwards() {
        let model = build(&ModelSpec::cell("ball-and-stick")).expect("sound");
        assert_eq!(model.spec.sk_factor, Some(0.0));
        assert_eq!(model.spec.synapse_set.as_deref(), Some("bs_nmda_human"));
        assert!(model.neuron.density("SK_E2", 0).abs() < 1e-300 && model.neuron.density("Im", 0) > 0.0);
        assert_eq!(build(&model.spec).expect("again").spec, model.spec);
    }

    #[test]
    fn the_cell_without_nmda_has_none() {
        let model = build(&ModelSpec::cell("l5pc-no-nmda")).expect("sound");
        assert!(model.synapse_set.nmda.gmax_us.abs() < 1e-300);
    }

    #[test]
    fn absurd_models_are_refused_with_their_key() {
        let with = |change: fn(&mut ModelSpec)| {
            let mut spec = ModelSpec::cell("ball-and-stick");
            change(&mut spec);
            build(&spec).expect_err("absurd").to_string()
        };
        for (error, words) in [
            (with(|s| s.cell = Some("l5cp".into())), "did you mean `l5pc`"),
            (with(|s| s.rho = Some(f64::NAN)), "model.rho"),
            (with(|s| s.sk_factor = Some(-1.0)), "model.sk_factor"),
            (with(|s| s.recipe = Some("squids".into())), "did you mean `squid`"),
            (with(|s| s.synapse_set = Some("mouse".into())), "model.synapse_set"),
            (with(|s| s.morphology = Some(Morphology::File("absent.asc".into()))), "absent.asc"),
            (with(|s| s.cell = None), "model.morphology"),
        ] {
            assert!(error.contains(words), "{words}: {error}");
        }
    }
}
