//! A neuron with everything that a simulation must know of it, from a short description.
//!
//! A [`ModelSpec`] names one of the [`CELLS`], or a morphology and a recipe, and what deviates from them. [`ModelSpec::build`] makes
//! the [`Neuron`] and says in words what a reader of any result must know of it.
//!
//! | module | owns |
//! |---|---|
//! | here | the description, and what is made of it |
//! | [`cells`] | the cells that come along |
//! | [`shape`] | where the shape comes from |
//! | [`super::placing`] | synapses: one excitatory and one inhibitory on each dendritic segment, in named orders |

pub mod cells;
pub mod shape;

use std::path::Path;

use kenyon_base::{Result, UserError, input};
use serde::{Deserialize, Serialize};

pub use cells::{CELLS, Cell};
pub use shape::{BallAndStick, EvenCable, Morphology, Traced};

use cells::Kind;

use super::cable::Segments;
use super::mechanism::CHANNELS;
use super::morphology::{Region, Tree, edit};
use super::neuron::Neuron;
use super::recipe::{Placement, Recipe};
use super::synapse::{OwnSets, SynapseSet, own_or_shipped};

/// Largest recipe, bytes.
const LARGEST_RECIPE: u64 = 16 << 20;
/// Largest factor of densities: a slip of the pen above it.
const LARGEST_FACTOR: f64 = 1e6;

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
    /// Largest length of a segment, µm; not beside a Ball & Stick or cable that is described here, which counts its segments itself.
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
    pub synapse_set: SynapseSet,
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
        self.build_with(folder, celsius, &OwnSets::new())
    }

    /// As [`Self::build`]; `synapse_set` may also be one of these own sets.
    ///
    /// # Errors
    /// As [`Self::build`].
    pub fn build_with(&self, folder: &Path, celsius: Option<f64>, own: &OwnSets) -> Result<Model> {
        let at = |key: &str| {
            let key = format!("model.{key}");
            move |error: UserError| {
                // What cannot be opened is named by a key; what is wrong inside a file has its place there.
                if matches!(error.code(), "not-found" | "is-a-directory" | "not-a-file" | "no-permission") {
                    return error.in_data().key(&key).mend(format!("check the path that `{key}` names"));
                }
                let placed = error.path().is_some() || error.key_name().is_some_and(|known| known.starts_with("model."));
                if placed { error } else { error.in_data().key(key) }
            }
        };
        let cell = self.cell.as_deref().map(Cell::named).transpose().map_err(at("cell"))?;
        let mut notes = Vec::new();
        if let Some(length) = self.max_segment_um {
            Segments { max_length_um: length }.checked().map_err(at("max_segment_um"))?;
        }
        let mut morphology = shape::choose(self.morphology.as_ref(), cell, &mut notes).map_err(at("morphology"))?;
        // What is left of the largest length once the shape has said its word: a cylinder counts its segments itself.
        let max_segment_um = match (&mut morphology, self.max_segment_um) {
            (Morphology::File(_) | Morphology::Grown(_), given) => Some(given.unwrap_or(Segments::TWINPROP.max_length_um)),
            (_, None) => None,
            (cylinder, Some(_)) if self.morphology.is_some() => {
                return Err(at("max_segment_um")(shape::stated_twice(cylinder, self.max_segment_um)));
            }
            (cylinder, Some(length)) => {
                cylinder.cut(length).map_err(at("max_segment_um"))?;
                None
            }
        };
        let replace_axon = self.replace_axon.unwrap_or(matches!(morphology, Morphology::File(_)));
        let mut max_segment_um = max_segment_um;
        let tree = morphology.tree(folder, replace_axon, &mut notes).map_err(at("morphology"))?;
        let (tree, whole) = if cell.is_some_and(|c| c.kind == Kind::OnlySoma) {
            let fine = self.max_segment_um.unwrap_or(edit::ONLY_SOMA_SEGMENT_UM);
            max_segment_um = Some(fine);
            notes.push(
                "the stubs keep the densities that they have in the whole cell: distances are relative to its longest path"
                    .into(),
            );
            (edit::only_soma(tree.clone(), fine).map_err(at("morphology"))?, Some(tree))
        } else {
            (tree, None)
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
        if recipe.placement == Placement::Centre {
            notes.push("densities are placed at the centre of every segment, not as in the reference cell".into());
        }
        let placement = recipe.placement;
        let set_name = self.synapse_set.clone().or(cell.map(|c| c.synapse_set.to_string())).unwrap_or_else(|| "rat".into());
        let synapse_set = own_or_shipped(own, &set_name).map_err(at("synapse_set"))?;
        let segments = max_segment_um.map_or_else(Segments::default, |max_length_um| Segments { max_length_um });
        let mut neuron = Neuron::part_of(whole.as_ref(), &tree, segments, recipe).map_err(|error| match error.code() {
            "bad-segment-length" => at("max_segment_um")(error),
            "limit" => match morphology.segments_key().filter(|_| self.max_segment_um.is_none()) {
                Some(key) => at(key)(error.mend("choose fewer segments")),
                None => at("max_segment_um")(error),
            },
            "no-membrane" if replace_axon && error.what().contains("`axon`") => at("recipe")(error.mend(
                "`replace_axon`, which is on for files, puts two stubs in the axon's place, also where none was traced: set \
                 `replace_axon = false`, or add the region to the recipe",
            )),
            _ => at("recipe")(error),
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
            max_segment_um,
            replace_axon: Some(replace_axon),
            placement: Some(placement),
            rho: Some(rho),
            sk_factor: Some(sk_factor),
            passive: Some(passive),
        };
        Ok(Model { spec, tree, neuron, synapse_set, notes })
    }
}

impl Model {
    /// Where spikes are looked for unless said otherwise: the middle of the first soma, or of the root.
    pub fn soma(&self) -> (String, f64) {
        let sections = &self.neuron.cable.sections;
        let section = sections.iter().find(|s| s.region == Region::Soma).unwrap_or(&sections[0]);
        (section.name.clone(), 0.5)
    }

    /// Name of the set of its synapses.
    pub fn set_name(&self) -> &str {
        self.spec.synapse_set.as_deref().unwrap_or(self.synapse_set.name)
    }

    /// Name for headings.
    pub fn name(&self) -> String {
        self.spec.cell.clone().unwrap_or_else(|| format!("{} with {}", self.tree.name(), self.neuron.recipe.name))
    }
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
    Recipe::parse(&input::text(&path, LARGEST_RECIPE)?, &path)
}

fn scale(neuron: &mut Neuron, rho: f64, sk_factor: f64) -> std::result::Result<(), (&'static str, UserError)> {
    // To the bit: a factor of 1 leaves densities as they are.
    for (key, factor) in [("rho", rho), ("sk_factor", sk_factor)] {
        if !(0.0..=LARGEST_FACTOR).contains(&factor) {
            let error = UserError::usage("bad-number", "densities cannot be multiplied by this").found(factor.to_string());
            return Err((
                key,
                error.expected(format!("0 to {LARGEST_FACTOR:e}")).mend("1 leaves them as they are, 0 takes them away"),
            ));
        }
    }
    for info in CHANNELS.iter().filter(|info| !info.gates.is_empty()) {
        neuron.scale_channel(info.name, rho).map_err(|e| ("rho", e))?;
    }
    neuron.scale_channel("SK_E2", sk_factor).map_err(|e| ("sk_factor", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ball(dend_length_um: f64, dend_diam_um: f64) -> Morphology {
        Morphology::BallAndStick(BallAndStick { dend_length_um, dend_diam_um, segments: 8 })
    }

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
    fn a_largest_length_of_segments_is_obeyed_or_refused_and_never_only_written_down() {
        let mut spec = ModelSpec::cell("ball-and-stick");
        assert_eq!(build(&spec).expect("sound").spec.max_segment_um, None);
        spec.max_segment_um = Some(10.0);
        let fine = build(&spec).expect("sound");
        assert_eq!(fine.neuron.cable.sections.iter().map(|s| s.nseg).collect::<Vec<_>>(), [1, 409]);
        assert!(fine.tree.name().ends_with("_409segs") && fine.spec.max_segment_um.is_none());
        assert_eq!(build(&fine.spec).expect("again").spec, fine.spec);
        spec.morphology = fine.spec.morphology;
        let error = build(&spec).expect_err("stated twice").to_string();
        assert!(error.contains("model.max_segment_um") && error.contains("segments = 409"), "{error}");
        for length in [0.0, -3.0, f64::NAN, 1e-9] {
            let spec = ModelSpec { max_segment_um: Some(length), ..ModelSpec::cell("ball-and-stick") };
            let error = build(&spec).expect_err("no length").to_string();
            assert!(error.contains("model.max_segment_um"), "{error}");
        }
    }

    #[test]
    fn the_cell_without_nmda_has_none() {
        let model = build(&ModelSpec::cell("l5pc-no-nmda")).expect("sound");
        assert!(model.synapse_set.nmda.gmax_us.abs() < 1e-300);
    }

    #[test]
    fn a_recipe_without_an_axon_for_a_file_without_one_is_told_where_the_axon_comes_from() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(dir.path().join("bare.swc"), "1 1 0 0 0 5 -1\n2 3 0 10 0 1 1\n3 3 0 50 0 1 2\n").expect("written");
        let mut spec = ModelSpec::cell("ball-and-stick");
        spec.morphology = Some(Morphology::file("bare.swc"));
        spec.recipe = Some("ball-and-stick".into());
        let error = spec.build(dir.path(), None).expect_err("no region for the stubs").to_string();
        assert!(error.contains("`axon`") && error.contains("`replace_axon = false`"), "{error}");
        spec.replace_axon = Some(false);
        spec.build(dir.path(), None).expect("sound");
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
            (with(|s| s.morphology = Some(Morphology::file("absent.asc"))), "absent.asc"),
            (with(|s| s.morphology = Some(Morphology::file("absent.asc"))), "`model.morphology`"),
            (with(|s| s.recipe = Some("absent.toml".into())), "`model.recipe`"),
            (
                with(|s| {
                    let dend = BallAndStick { segments: 20_000_000, ..BallAndStick::default() };
                    s.morphology = Some(Morphology::BallAndStick(dend));
                }),
                "`model.morphology.ball_and_stick.segments`",
            ),
            (with(|s| s.cell = None), "model.morphology"),
            (with(|s| s.morphology = Some(ball(1e300, 1.0))), "model.morphology.ball_and_stick.dend_length_um"),
            (with(|s| s.morphology = Some(ball(1.0, 1e300))), "model.morphology.ball_and_stick.dend_diam_um"),
            (with(|s| s.morphology = Some(ball(f64::NAN, 1.0))), "1e-3 to 1e6 µm"),
        ] {
            assert!(error.contains(words), "{words}: {error}");
        }
    }
}
