//! Published parameters of synapses, by name.
//!
//! `rat`, `human` and their mixtures: pyramidal cells of layer 5 (Eyal et al. 2018; Beniaguev, Segev & London 2021).
//! `bs_*`: the Ball & Stick neuron.

use kenyon_base::{UserError, nearest};

use super::kinetics::{Kinetics, MagnesiumBlock, Receptor};

/// Time constants and conductance of one receptor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conductance {
    /// Time constant of the rise, ms.
    pub rise_ms: f64,
    /// Time constant of the fall, ms.
    pub decay_ms: f64,
    /// Peak of an event of weight 1, µS.
    pub gmax_us: f64,
}

/// The receptors of excitatory (AMPA and NMDA) and of inhibitory synapses (GABA A, and B if it is used).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SynapseSet {
    /// Its name.
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
    let kinetics = Kinetics::DoubleExponential { rise_ms: c.rise_ms, decay_ms: c.decay_ms };
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
pub fn synapse_set(name: &str) -> Result<&'static SynapseSet, UserError> {
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
