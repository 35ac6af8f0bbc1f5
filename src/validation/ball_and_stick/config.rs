//! Parameters of the Ball & Stick neuron, in files and by name.

use std::collections::BTreeMap;
use std::path::Path;

use kenyon_base::{Result, UserError};
use kenyon_neurons::biophysical::cable::Segments;
use kenyon_neurons::biophysical::morphology::{Attachment, Region, Section, Shape, Tree};
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::recipe::{Density, Placed, Recipe};
use kenyon_neurons::biophysical::synapse::{Kinetics, MagnesiumBlock, Receptor};
use serde_json::{Map, Value};

use crate::validation::keys;

/// Keys of the parameters with their defaults: the published neuron with human NMDA and without SK.
const DEFAULTS: [(&str, f64); 27] = [
    ("nseg", 8.0),
    ("soma_L_um", 25.0),
    ("soma_diam_um", 25.0),
    ("dend_L_um", 2048.0),
    ("dend_diam_um", 1.0),
    ("Ra_ohm_cm", 150.0),
    ("cm_uF_cm2", 1.0),
    ("Rm_dend_ohm_cm2", 20_000.0),
    ("e_pas_mV", -85.0),
    ("g_pas_soma_S_cm2", 3e-5),
    ("celsius", 6.3),
    ("dt_ms", 0.025),
    ("v_init_mV", -85.0),
    ("gmax_AMPA_uS", 4e-4),
    ("gmax_NMDA_uS", 8e-4),
    ("gamma_NMDA_per_mV", 0.08),
    ("mg_mM", 1.0),
    ("tau_r_AMPA_ms", 0.3),
    ("tau_d_AMPA_ms", 3.0),
    ("tau_r_NMDA_ms", 2.0),
    ("tau_d_NMDA_ms", 70.0),
    ("e_exc_mV", 0.0),
    ("gmax_GABA_uS", 1e-3),
    ("tau_r_GABA_ms", 0.2),
    ("tau_d_GABA_ms", 8.0),
    ("e_GABA_mV", -85.0),
    ("rho", 1.0),
];
/// The same, after the others: no SK.
const SK_FACTOR: (&str, f64) = ("sk_factor", 0.0);
/// Receptors that a kind of synapse stands for: AMPA, NMDA (µS), gamma (1/mV).
const KINDS: [(&str, [f64; 3]); 3] =
    [("AMPA", [4e-4, 0.0, 0.062]), ("NMDA_rodent", [4e-4, 4e-4, 0.062]), ("NMDA_human", [4e-4, 8e-4, 0.08])];

/// Parameters of a neuron, each under its key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Params {
    values: BTreeMap<&'static str, f64>,
    /// Keys that nothing was made of.
    pub(super) unused: Vec<String>,
}

impl Default for Params {
    fn default() -> Self {
        Self { values: DEFAULTS.into_iter().chain([SK_FACTOR]).collect(), unused: Vec::new() }
    }
}

impl Params {
    /// Reads parameters; what is not named has its default.
    ///
    /// # Errors
    /// A value that is no number, a number of segments that is none, a kind of synapse that is not known.
    pub(super) fn read(object: &Map<String, Value>, path: &Path) -> Result<Self> {
        let mut params = Self::default();
        if let Some(kind) = object.get("synapse_kind").and_then(Value::as_str) {
            // Numbers of their own go before the name.
            let known = params.take_kind(kind);
            if !known && !object.contains_key("gmax_NMDA_uS") {
                return Err(keys::bad(path, "names a kind of synapse that is not known").key("synapse_kind").found(kind));
            }
        }
        for (key, value) in object {
            match DEFAULTS.iter().chain([&SK_FACTOR]).find(|(known, _)| known == key) {
                Some((known, _)) => {
                    params.values.insert(known, keys::number(object, known, path)?);
                }
                None if key == "synapse_kind" || value.is_string() => {}
                None => params.unused.push(key.clone()),
            }
        }
        let nseg = params.get("nseg");
        if !(1.0..=100_000.0).contains(&nseg) || nseg.fract() != 0.0 {
            return Err(keys::bad(path, "is no number of segments").key("nseg").found(nseg.to_string()));
        }
        Ok(params)
    }

    pub(super) fn get(&self, key: &str) -> f64 {
        self.values[key]
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.values.keys().copied()
    }

    pub(super) fn set(&mut self, key: &'static str, value: f64) {
        self.values.insert(key, value);
    }

    pub(super) fn nseg(&self) -> u32 {
        self.get("nseg") as u32
    }

    pub(super) fn dt_ms(&self) -> f64 {
        self.get("dt_ms")
    }

    fn take_kind(&mut self, kind: &str) -> bool {
        let Some((_, values)) = KINDS.iter().find(|(known, _)| *known == kind) else { return false };
        for (key, value) in ["gmax_AMPA_uS", "gmax_NMDA_uS", "gamma_NMDA_per_mV"].into_iter().zip(values) {
            self.values.insert(key, *value);
        }
        true
    }

    /// The neuron.
    ///
    /// # Errors
    /// Lengths, diameters, resistances and densities that cannot be.
    pub(super) fn neuron(&self) -> Result<Neuron> {
        let section = |name: &str, region, parent, length_um, diam_um, nseg| Section {
            name: name.to_string(),
            region,
            parent,
            shape: Shape::Cylinder { length_um, diam_um },
            nseg: Some(nseg),
        };
        let end = Attachment { section: 0, x: 1.0 };
        let soma = section("soma[0]", Region::Soma, None, self.get("soma_L_um"), self.get("soma_diam_um"), 1);
        let dend = section("dend[0]", Region::Basal, Some(end), self.get("dend_L_um"), self.get("dend_diam_um"), self.nseg());
        let tree = Tree::new("ball and stick", vec![soma, dend])?;
        let mut recipe = Recipe::shipped("ball-and-stick")?;
        (recipe.celsius, recipe.v_init_mv) = (self.get("celsius"), self.get("v_init_mV"));
        let leaks = [(Region::Soma, self.get("g_pas_soma_S_cm2")), (Region::Basal, 1.0 / self.get("Rm_dend_ohm_cm2"))];
        for (region, leak) in leaks {
            let membrane = recipe.region.get_mut(&region).expect("the recipe has both");
            (membrane.ra_ohm_cm, membrane.cm_uf_cm2) = (self.get("Ra_ohm_cm"), self.get("cm_uF_cm2"));
            let Some(Placed::Full(placed)) = membrane.channels.get_mut("leak") else { continue };
            (placed.gbar, placed.reversal_mv) = (Density::Even(leak), Some(self.get("e_pas_mV")));
        }
        let mut neuron = Neuron::new(&tree, Segments::default(), recipe)?;
        let active: Vec<&str> = neuron.channels.iter().filter(|c| !c.info.gates.is_empty()).map(|c| c.info.name).collect();
        for name in active {
            neuron.scale_channel(name, self.get("rho"))?;
        }
        neuron.scale_channel("SK_E2", self.get("sk_factor"))?;
        Ok(neuron)
    }

    /// AMPA, NMDA and GABA A with their peak conductances, µS.
    pub(super) fn receptors(&self) -> [(Receptor, f64); 3] {
        let receptor = |name: &str, e: &str, magnesium| {
            let [rise_ms, decay_ms] = ["r", "d"].map(|end| self.get(&format!("tau_{end}_{name}_ms")));
            let kinetics = Kinetics::DoubleExponential { rise_ms, decay_ms };
            (Receptor { kinetics, reversal_mv: self.get(e), magnesium }, self.get(&format!("gmax_{name}_uS")))
        };
        let block = MagnesiumBlock { gamma_per_mv: self.get("gamma_NMDA_per_mV"), mg_mm: self.get("mg_mM") };
        [receptor("AMPA", "e_exc_mV", None), receptor("NMDA", "e_exc_mV", Some(block)), receptor("GABA", "e_GABA_mV", None)]
    }
}

/// Configurations that a file names.
pub(super) fn table_configs(path: &Path) -> Result<BTreeMap<String, Params>> {
    let object = keys::read_object(path)?;
    let one = |(name, value): (&String, &Value)| match value.as_object() {
        Some(params) => Ok((name.clone(), Params::read(params, path)?)),
        None => Err(keys::bad(path, "holds no parameters").key(name).found(value.to_string())),
    };
    object.iter().map(one).collect()
}

/// The parameters that a name stands for: a known one, or its parts, such as `nseg32_1024x1.5_passive`, `rodent_2048x1`.
///
/// # Errors
/// `unknown-config` for a part that is not known.
pub(super) fn by_name(name: &str, known: &BTreeMap<String, Params>) -> Result<Params> {
    let mut params = Params::default();
    let mut rest = name;
    let bases = [("ref_nmda_cable", "NMDA_human", 2048.0, 1.0), ("ref_ampa_point", "AMPA", 128.0, 4.0)];
    let listed = known.iter().filter(|(base, _)| name.starts_with(&format!("{base}_"))).max_by_key(|(base, _)| base.len());
    if let Some((base, listed)) = listed {
        params = listed.clone();
        rest = &name[base.len()..];
    } else if let Some((base, kind, length, diam)) = bases.into_iter().find(|base| name.starts_with(base.0)) {
        params.take_kind(kind);
        params.set("dend_L_um", length);
        params.set("dend_diam_um", diam);
        rest = &name[base.len()..];
    }
    for part in rest.split('_').filter(|part| !part.is_empty()) {
        let number = |prefix: &str| part.strip_prefix(prefix)?.parse::<f64>().ok();
        let size = part.split_once('x').and_then(|(l, d)| Some((l.parse::<f64>().ok()?, d.parse::<f64>().ok()?)));
        match part {
            "passive" => params.set("rho", 0.0),
            "active" => {}
            "ampa" => _ = params.take_kind("AMPA"),
            "rodent" => _ = params.take_kind("NMDA_rodent"),
            "human" | "nmda" => _ = params.take_kind("NMDA_human"),
            _ => {
                if let Some((length, diam)) = size {
                    params.set("dend_L_um", length);
                    params.set("dend_diam_um", diam);
                } else if let Some(nseg) = number("nseg").filter(|n| n.fract() == 0.0 && (1.0..1e5).contains(n)) {
                    params.set("nseg", nseg);
                } else if let Some(factor) = number("sk") {
                    params.set("sk_factor", factor);
                } else if let Some(rho) = number("rho") {
                    params.set("rho", rho);
                } else {
                    return Err(UserError::bad_data("unknown-config", format!("the configuration `{name}` is not known"))
                        .found(part)
                        .mend("describe it in `table_configs.json`"));
                }
            }
        }
    }
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_configurations_are_taken_apart() {
        let get = |name: &str, keys: [&str; 5]| keys.map(|key| by_name(name, &BTreeMap::new()).expect("known").get(key));
        let keys = ["nseg", "dend_L_um", "dend_diam_um", "gmax_NMDA_uS", "rho"];
        assert_eq!(get("nseg32_1024x1.5_passive", keys).map(f64::to_bits), [32.0, 1024.0, 1.5, 8e-4, 0.0_f64].map(f64::to_bits));
        assert_eq!(get("rodent_2048x1", keys).map(f64::to_bits), [8.0, 2048.0, 1.0, 4e-4, 1.0_f64].map(f64::to_bits));
        assert_eq!(get("ref_ampa_point_rho0.5", keys).map(f64::to_bits), [8.0, 128.0, 4.0, 0.0, 0.5_f64].map(f64::to_bits));
        assert!(by_name("ref_ampa_point_frog", &BTreeMap::new()).is_err());
    }
}
