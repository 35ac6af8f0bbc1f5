//! Which model a one-line command means: a cell by name, or the model of a protocol, and what deviates.

use std::path::{Path, PathBuf};

use clap::Args;
use kenyon_base::{Result, UserError};
use kenyon_neurons::biophysical::curves::Site;
use kenyon_neurons::biophysical::model::{CELLS, Cell, Model, ModelSpec, Morphology, Traced};
use kenyon_neurons::biophysical::protocol::{Protocol, named_in};
use serde_json::{Value, json};

use super::morphology::UnitArg;
use crate::cli::context::Context;

/// The model of a command.
#[derive(Debug, Args)]
pub(super) struct ModelArgs {
    /// A cell (`l5pc`, `l5pc-hay`, `l5pc-passive-dendrites`, `l5pc-no-nmda`, `l5pc-only-soma`, `ball-and-stick`, `squid-cable`), or a
    /// protocol (TOML, JSON) whose model and temperature are taken
    #[arg(value_name = "MODEL")]
    model: String,
    /// Morphology, ASC or SWC, instead of the model's own
    #[arg(long, value_name = "FILE")]
    morphology: Option<PathBuf>,
    /// Unit of an SWC morphology: `um` unless its extent says that it cannot be
    #[arg(long, value_name = "UNIT", requires = "morphology")]
    unit: Option<UnitArg>,
    /// Largest length of a segment, µm; of Ball & Stick and the cable it cuts the dendrite, whose 8 or 100 segments are the model's
    /// own otherwise
    #[arg(long, value_name = "UM", allow_negative_numbers = true)]
    max_segment_um: Option<f64>,
    /// Set of the synapses' receptors, such as `rat`, `human`, `bs_ampa`
    #[arg(long, value_name = "NAME")]
    synapse_set: Option<String>,
    /// Factor of every channel with gates
    #[arg(long, value_name = "FACTOR", allow_negative_numbers = true)]
    rho: Option<f64>,
    /// Factor of the channel `SK_E2`
    #[arg(long, value_name = "FACTOR", allow_negative_numbers = true)]
    sk_factor: Option<f64>,
    /// Temperature, °C
    #[arg(long, value_name = "C", allow_negative_numbers = true)]
    celsius: Option<f64>,
}

impl ModelArgs {
    /// Makes the model and says what must be known of it.
    pub(super) fn build(&self, context: &Context) -> Result<Model> {
        let path = Path::new(&self.model);
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let is_file = matches!(ending.as_str(), "toml" | "json");
        if matches!(ending.as_str(), "asc" | "swc") {
            return Err(UserError::usage("no-membrane", "a morphology alone is no model")
                .found(&self.model)
                .expected("a cell or a protocol")
                .mend(format!("name the cell and give it the shape: `l5pc --morphology {}`", self.model)));
        }
        if !is_file {
            Cell::named(&self.model)?;
        }
        let mut protocol = if is_file { Protocol::read(path)? } else { Protocol::of(ModelSpec::cell(&self.model)) };
        let folder = if is_file { path.parent().unwrap_or(Path::new(".")) } else { Path::new(".") };
        let spec = &mut protocol.model;
        if let Some(file) = &self.morphology {
            // From here, not from the folder of the protocol.
            let path = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            let unit = self.unit.map(UnitArg::unit);
            spec.morphology = Some(Morphology::File(Traced { path, unit, strict: false }));
        }
        spec.max_segment_um = self.max_segment_um.or(spec.max_segment_um);
        spec.synapse_set = self.synapse_set.clone().or(spec.synapse_set.take());
        spec.rho = self.rho.or(spec.rho);
        spec.sk_factor = self.sk_factor.or(spec.sk_factor);
        protocol.celsius = self.celsius.or(protocol.celsius);
        let model = protocol.build_model(folder).map_err(|error| match self.option_of(&error) {
            Some(option) => error.in_usage().key(option),
            None if self.morphology.is_some() && error.code() == "not-found" && error.key_name() == Some("model.morphology") => {
                error.key("--morphology").mend("check the path")
            }
            None if is_file => named_in(error, path),
            None => error,
        })?;
        model.notes.iter().for_each(|note| context.warn(note));
        Ok(model)
    }

    /// The option that an error is about, if what it says was given by one.
    fn option_of(&self, error: &UserError) -> Option<&'static str> {
        let options = [
            ("model.max_segment_um", "--max-segment-um", self.max_segment_um.is_some()),
            ("model.synapse_set", "--synapse-set", self.synapse_set.is_some()),
            ("model.rho", "--rho", self.rho.is_some()),
            ("model.sk_factor", "--sk-factor", self.sk_factor.is_some()),
            ("celsius", "--celsius", self.celsius.is_some()),
        ];
        if error.code() == "unknown-format" && self.morphology.is_some() {
            return Some("--morphology");
        }
        options.iter().find(|(key, _, given)| *given && error.key_name() == Some(key)).map(|(_, option, _)| *option)
    }

    /// Files that are read.
    pub(super) fn inputs(&self) -> Vec<&Path> {
        self.morphology.as_deref().into_iter().chain([Path::new(&self.model)]).collect()
    }
}

/// A place given as `SECTION` or `SECTION:X`.
pub(super) fn site(model: &Model, text: &str) -> Result<Site> {
    let (section, x) = match text.rsplit_once(':') {
        None => (text, 0.5),
        Some((section, x)) => {
            let x = x.parse().map_err(|_| {
                UserError::usage("bad-place", "is no place").found(text).expected("SECTION, or SECTION:X with X from 0 to 1")
            })?;
            (section, x)
        }
    };
    Site::at(model, section, x)
}

/// Name of a model for headings: a published cell on a grown tree is not that cell.
pub(super) fn title(model: &Model) -> String {
    match (&model.spec.cell, &model.spec.morphology) {
        (Some(cell), Some(Morphology::Grown(_))) => format!("{cell} on a grown tree, not the published cell"),
        _ => model.name(),
    }
}

/// What every result says of its model.
pub(super) fn describe(model: &Model) -> Value {
    let about = model.spec.cell.as_deref().and_then(|name| CELLS.iter().find(|c| c.name == name)).map(|cell| cell.about);
    json!({
        "name": title(model),
        "about": about,
        "morphology_name": model.tree.name(),
        "spec": model.spec,
        "sections": model.neuron.cable.sections.len(),
        "segments": model.neuron.cable.segment_count(),
        "area_um2": model.neuron.cable.area_um2(),
        "celsius": model.neuron.recipe.celsius,
        "placement": model.neuron.recipe.placement,
        "synapse_set": model.set_name(),
        "notes": model.notes,
    })
}
