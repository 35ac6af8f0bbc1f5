//! Published parameters of synapses, by name.
//!
//! `rat`, `human` and their mixtures: pyramidal cells of layer 5 (Eyal et al. 2018; Beniaguev, Segev & London 2021).
//! `bs_*`: the Ball & Stick neuron.

use std::collections::BTreeMap;

use kenyon_base::{Result, UserError, nearest};
use serde::{Deserialize, Serialize};

use super::kinetics::{Kinetics, MagnesiumBlock, Receptor};

/// Time constants and conductance of one receptor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conductance {
    /// Time constant of the rise, ms; 0 for a jump to the peak (an exponential synapse).
    pub rise_ms: f64,
    /// Time constant of the fall, ms.
    pub decay_ms: f64,
    /// Peak of an event of weight 1, µS.
    pub gmax_us: f64,
}

/// The receptors of excitatory (AMPA and NMDA) and of inhibitory synapses (GABA A, and B if it is used).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SynapseSet {
    /// Its name, or that of the published set that it was made from.
    pub name: &'static str,
    /// AMPA.
    pub ampa: Conductance,
    /// NMDA.
    pub nmda: Conductance,
    /// GABA A.
    pub gaba_a: Conductance,
    /// GABA B; its conductance is 0 in all sets, to be set by who wants it.
    pub gaba_b: Conductance,
    /// Steepness of the block by magnesium, 1/mV.
    pub gamma_per_mv: f64,
    /// Magnesium outside, mM.
    pub mg_mm: f64,
    /// Reversal potential of AMPA and NMDA, mV.
    pub e_exc_mv: f64,
    /// Reversal potential of GABA A, mV.
    pub e_inh_mv: f64,
    /// Reversal potential of GABA B, mV.
    pub e_gaba_b_mv: f64,
}

impl SynapseSet {
    /// A receptor of this kind, and the peak conductance (µS) of an event of weight 1.
    pub fn receptor(&self, kind: ReceptorKind) -> (Receptor, f64) {
        match kind {
            ReceptorKind::Ampa => (self.ampa_receptor(), self.ampa.gmax_us),
            ReceptorKind::Nmda => (self.nmda_receptor(), self.nmda.gmax_us),
            ReceptorKind::GabaA => (self.gaba_a_receptor(), self.gaba_a.gmax_us),
            ReceptorKind::GabaB => (self.gaba_b_receptor(), self.gaba_b.gmax_us),
        }
    }

    /// AMPA as a receptor; its conductance stands in [`SynapseSet::ampa`].
    pub fn ampa_receptor(&self) -> Receptor {
        receptor(self.ampa, self.e_exc_mv)
    }

    /// NMDA as a receptor; its conductance stands in [`SynapseSet::nmda`].
    pub fn nmda_receptor(&self) -> Receptor {
        let magnesium = Some(MagnesiumBlock { gamma_per_mv: self.gamma_per_mv, mg_mm: self.mg_mm });
        Receptor { magnesium, ..receptor(self.nmda, self.e_exc_mv) }
    }

    /// GABA A as a receptor; its conductance stands in [`SynapseSet::gaba_a`].
    pub fn gaba_a_receptor(&self) -> Receptor {
        receptor(self.gaba_a, self.e_inh_mv)
    }

    /// GABA B as a receptor; its conductance stands in [`SynapseSet::gaba_b`].
    pub fn gaba_b_receptor(&self) -> Receptor {
        receptor(self.gaba_b, self.e_gaba_b_mv)
    }
}

fn receptor(c: Conductance, reversal_mv: f64) -> Receptor {
    let kinetics = if c.rise_ms > 0.0 {
        Kinetics::DoubleExponential { rise_ms: c.rise_ms, decay_ms: c.decay_ms }
    } else {
        Kinetics::Exponential { decay_ms: c.decay_ms }
    };
    Receptor { kinetics, reversal_mv, magnesium: None }
}

const fn conductance(rise_ms: f64, decay_ms: f64, gmax_us: f64) -> Conductance {
    Conductance { rise_ms, decay_ms, gmax_us }
}

const RAT: SynapseSet = SynapseSet {
    name: "rat",
    ampa: conductance(0.2, 1.7, 4e-4),
    nmda: conductance(0.29, 43.0, 3e-4),
    gaba_a: conductance(0.2, 8.0, 7e-4),
    gaba_b: conductance(3.5, 260.9, 0.0),
    gamma_per_mv: 0.062,
    mg_mm: 1.0,
    e_exc_mv: 0.0,
    e_inh_mv: -80.0,
    e_gaba_b_mv: -97.0,
};

const HUMAN: SynapseSet = SynapseSet {
    name: "human",
    ampa: conductance(0.3, 1.8, 8.8e-4),
    nmda: conductance(5.0, 43.0, 1.31e-3),
    gamma_per_mv: 0.078,
    ..RAT
};

const BALL_AND_STICK: SynapseSet = SynapseSet {
    name: "bs_ampa",
    ampa: conductance(0.3, 3.0, 4e-4),
    nmda: conductance(2.0, 70.0, 0.0),
    gaba_a: conductance(0.2, 8.0, 1e-3),
    e_inh_mv: -85.0,
    ..RAT
};

/// Every set.
pub static SYNAPSE_SETS: [SynapseSet; 8] = [
    RAT,
    SynapseSet { name: "rat_human_gamma", gamma_per_mv: 0.078, ..RAT },
    HUMAN,
    SynapseSet { name: "human_rat_gamma", gamma_per_mv: 0.062, ..HUMAN },
    SynapseSet { name: "rat_no_nmda", nmda: conductance(0.29, 43.0, 0.0), ..RAT },
    BALL_AND_STICK,
    SynapseSet { name: "bs_nmda_rodent", nmda: conductance(2.0, 70.0, 4e-4), ..BALL_AND_STICK },
    SynapseSet { name: "bs_nmda_human", nmda: conductance(2.0, 70.0, 8e-4), gamma_per_mv: 0.08, ..BALL_AND_STICK },
];

/// The set called `name`.
///
/// # Errors
/// If there is none: the message lists the names.
pub fn synapse_set(name: &str) -> Result<&'static SynapseSet> {
    SYNAPSE_SETS.iter().find(|set| set.name == name).ok_or_else(|| {
        let names: Vec<_> = SYNAPSE_SETS.iter().map(|set| set.name).collect();
        let mend = nearest(name, names.iter().copied())
            .map_or_else(|| "choose one of them".into(), |close| format!("did you mean `{close}`?"));
        UserError::usage("unknown-synapse-set", format!("there is no set of synapses `{name}`"))
            .found(format!("`{name}`"))
            .expected(names.join(", "))
            .mend(mend)
    })
}

/// Kinds of receptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceptorKind {
    /// AMPA.
    Ampa,
    /// NMDA, blocked by magnesium.
    Nmda,
    /// GABA A.
    GabaA,
    /// GABA B.
    GabaB,
}

impl ReceptorKind {
    /// `ampa`, `nmda`, `gaba_a` or `gaba_b`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ampa => "ampa",
            Self::Nmda => "nmda",
            Self::GabaA => "gaba_a",
            Self::GabaB => "gaba_b",
        }
    }
}

/// Own sets by name, as a protocol describes them.
pub type OwnSets = BTreeMap<String, OwnSet>;

/// A set of one's own: a shipped one and what deviates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnSet {
    /// The shipped set that it starts from.
    pub from: String,
    /// AMPA.
    #[serde(default)]
    pub ampa: OwnConductance,
    /// NMDA.
    #[serde(default)]
    pub nmda: OwnConductance,
    /// GABA A.
    #[serde(default)]
    pub gaba_a: OwnConductance,
    /// GABA B.
    #[serde(default)]
    pub gaba_b: OwnConductance,
    /// Steepness of the block by magnesium, 1/mV.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gamma_per_mv: Option<f64>,
    /// Magnesium outside, mM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mg_mm: Option<f64>,
    /// Reversal potential of AMPA and NMDA, mV.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e_exc_mv: Option<f64>,
    /// Reversal potential of GABA A, mV.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e_inh_mv: Option<f64>,
    /// Reversal potential of GABA B, mV.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e_gaba_b_mv: Option<f64>,
}

/// What deviates of one receptor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnConductance {
    /// Time constant of the rise, ms; 0 for an exponential synapse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rise_ms: Option<f64>,
    /// Time constant of the fall, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decay_ms: Option<f64>,
    /// Peak of an event of weight 1, µS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gmax_us: Option<f64>,
}

impl OwnSet {
    /// The set.
    ///
    /// # Errors
    /// `unknown-synapse-set` for `from`, `bad-number`, `bad-kinetics`, with the key within the table.
    pub fn set(&self) -> Result<SynapseSet> {
        let mut set = *synapse_set(&self.from).map_err(|e| e.in_data().key("from"))?;
        let within = |key: &str, value: f64, low: f64, high: f64, unit: &str| {
            if (low..=high).contains(&value) {
                return Ok(value);
            }
            let error = UserError::bad_data("bad-number", "no synapse has this").key(key).found(format!("{value} {unit}"));
            Err(error.expected(format!("{low} to {high} {unit}")))
        };
        for (key, own, c) in [
            ("ampa", self.ampa, &mut set.ampa),
            ("nmda", self.nmda, &mut set.nmda),
            ("gaba_a", self.gaba_a, &mut set.gaba_a),
            ("gaba_b", self.gaba_b, &mut set.gaba_b),
        ] {
            c.rise_ms = within(&format!("{key}.rise_ms"), own.rise_ms.unwrap_or(c.rise_ms), 0.0, 1e6, "ms")?;
            c.decay_ms = within(&format!("{key}.decay_ms"), own.decay_ms.unwrap_or(c.decay_ms), 1e-3, 1e6, "ms")?;
            c.gmax_us = within(&format!("{key}.gmax_us"), own.gmax_us.unwrap_or(c.gmax_us), 0.0, 1e3, "µS")?;
            receptor(*c, 0.0).kinetics.checked().map_err(|e| e.in_data().key(key))?;
        }
        set.gamma_per_mv = within("gamma_per_mv", self.gamma_per_mv.unwrap_or(set.gamma_per_mv), 0.0, 1.0, "1/mV")?;
        set.mg_mm = within("mg_mm", self.mg_mm.unwrap_or(set.mg_mm), 0.0, 1e3, "mM")?;
        for (key, own, e) in [
            ("e_exc_mv", self.e_exc_mv, &mut set.e_exc_mv),
            ("e_inh_mv", self.e_inh_mv, &mut set.e_inh_mv),
            ("e_gaba_b_mv", self.e_gaba_b_mv, &mut set.e_gaba_b_mv),
        ] {
            *e = within(key, own.unwrap_or(*e), -500.0, 500.0, "mV")?;
        }
        Ok(set)
    }
}

/// The own set of this name, or the shipped one.
///
/// # Errors
/// `unknown-synapse-set`, with the nearest name of both.
pub fn own_or_shipped(own: &OwnSets, name: &str) -> Result<SynapseSet> {
    if let Some(set) = own.get(name) {
        return set.set();
    }
    synapse_set(name).copied().map_err(|error| match nearest(name, own.keys().map(String::as_str)) {
        Some(close) => error.mend(format!("did you mean `{close}`?")),
        None => error,
    })
}
