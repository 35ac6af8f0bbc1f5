//! A network as hardware sees it: populations of `IF_curr_exp` cells, projections of synapses, input spikes.
//!
//! # Units
//! Time in ms or whole steps, potential in mV, current and weight in nA, capacitance in nF.

use std::ops::RangeInclusive;

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

/// Steps of s16.15, SpiNNaker's number format, in one unit.
pub(crate) const FIXED: f64 = 32_768.0;

/// Version of the description.
pub const VERSION: u32 = 1;

/// A network lowered for hardware.
///
/// Everything is plain data; [`check`](Self::check) says whether it makes sense. Back ends check before they write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// [`VERSION`].
    pub version: u32,
    /// Name for people.
    pub name: String,
    /// Time step.
    pub dt_ms: f64,
    /// Steps of a simulation, lead-in included.
    pub steps: u32,
    /// Steps before the first input step of the trained network; spikes of [`Sample`]s already stand after them.
    pub lead_in_steps: u32,
    /// The populations.
    pub populations: Vec<Population>,
    /// The projections, one for each (pre, post, receptor).
    pub projections: Vec<Projection>,
    /// Inputs to run.
    pub samples: Vec<Sample>,
    /// How the readout becomes an answer.
    pub decision: Decision,
    /// The readout, where it is computed on the host from recorded spikes.
    pub host_readout: Option<HostReadout>,
    /// What the network was made from: name and sha256.
    pub sources: Vec<(String, String)>,
}

/// A group of neurons of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// Name of the population: any text.
    pub label: String,
    /// What it is for.
    pub role: Role,
    /// Id of each neuron: its `root_id`, or for a readout the number of its class.
    pub ids: Vec<u64>,
    /// Name of each neuron, such as its cell type or the odour; any text. Empty where there are none.
    pub names: Vec<String>,
    /// What the neurons are.
    pub cells: Cells,
    /// What is recorded.
    pub record: Vec<Variable>,
    /// mV and nA per unit of the trained network, a power of two.
    pub v_scale: f64,
}

/// What a population is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Spike sources.
    Input,
    /// Spiking neurons.
    Hidden,
    /// Integrators whose potential is the answer.
    Readout,
}

/// What can be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variable {
    /// Spikes.
    Spikes,
    /// Membrane potential.
    V,
}

/// What the neurons of a population are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Cells {
    /// `SpikeSourceArray`: spikes come from a [`Sample`].
    SpikeSource,
    /// `IF_curr_exp`.
    IfCurrExp(Box<IfCurrExp>),
}

/// Parameters of `IF_curr_exp`, one value per neuron.
///
/// Per step: `I = g_E - g_I + i_offset`; unless refractory `V <- I R + v_rest + E (V - I R - v_rest)` with
/// `E = exp(-dt/tau_m)`, `R = tau_m/cm`; at `V >= v_thresh` a spike, `V <- v_reset`; `g <- g exp(-dt/tau_syn)`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IfCurrExp {
    /// Membrane time constant.
    pub tau_m_ms: Vec<f64>,
    /// Capacitance.
    pub cm_nf: Vec<f64>,
    /// Decay of excitatory current.
    pub tau_syn_e_ms: Vec<f64>,
    /// Decay of inhibitory current.
    pub tau_syn_i_ms: Vec<f64>,
    /// Constant current.
    pub i_offset_na: Vec<f64>,
    /// Resting potential.
    pub v_rest_mv: Vec<f64>,
    /// Potential after a spike.
    pub v_reset_mv: Vec<f64>,
    /// Threshold: reaching it is a spike.
    pub v_thresh_mv: Vec<f64>,
    /// Potential at the start.
    pub v_init_mv: Vec<f64>,
    /// Time after a spike during which the potential stays at `v_reset`.
    pub tau_refrac_ms: Vec<f64>,
}

impl IfCurrExp {
    /// The parameters under PyNN's names, in PyNN's order; `v` is the initial value.
    pub fn columns(&self) -> [(&'static str, &[f64]); 10] {
        [
            ("tau_m", &self.tau_m_ms),
            ("cm", &self.cm_nf),
            ("tau_syn_E", &self.tau_syn_e_ms),
            ("tau_syn_I", &self.tau_syn_i_ms),
            ("i_offset", &self.i_offset_na),
            ("v_rest", &self.v_rest_mv),
            ("v_reset", &self.v_reset_mv),
            ("v_thresh", &self.v_thresh_mv),
            ("tau_refrac", &self.tau_refrac_ms),
            ("v", &self.v_init_mv),
        ]
    }
}

/// Synapses from one population to another at one receptor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Projection {
    /// Index of the sending population.
    pub pre: u32,
    /// Index of the receiving population.
    pub post: u32,
    /// Receptor.
    pub receptor: Receptor,
    /// The synapses, sorted by sender, receiver, delay; no two agree in all three.
    pub synapses: Vec<Synapse>,
}

/// Sign of a synapse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receptor {
    /// Current is added.
    Excitatory,
    /// Current is taken away.
    Inhibitory,
}

/// One synapse.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Synapse {
    /// Sender: position in its population.
    pub pre: u32,
    /// Receiver: position in its population.
    pub post: u32,
    /// Magnitude, above zero; the receptor holds the sign.
    pub weight_na: f64,
    /// Delay, at least one step.
    pub delay_steps: u32,
}

/// One input to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// Name for people: any text.
    pub name: String,
    /// Number of the right class, where one is known.
    pub class: Option<u32>,
    /// Spikes (population, neuron, step), lead-in included, sorted; no two are equal.
    pub spikes: Vec<(u32, u32, u32)>,
}

/// How the readout over time becomes an answer: the class with the largest value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Largest value over time.
    #[default]
    Max,
    /// Mean over time.
    Mean,
    /// Last value.
    Last,
}

/// A readout that the host computes from recorded spikes: `flt <- a flt + s W`, `out <- b out + (1 - b) flt` (old `flt`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostReadout {
    /// Index of the population that is read.
    pub pre: u32,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Decay of the filter per step.
    pub decay_syn: f64,
    /// Decay of the integrator per step.
    pub decay_mem: f64,
    /// Weights that are not zero: (sender, class, signed weight in units of the trained network), sorted.
    pub weights: Vec<(u32, u32, f64)>,
}

impl Deployment {
    /// A network without populations.
    pub fn new(name: impl Into<String>, dt_ms: f64, steps: u32) -> Self {
        Self {
            version: VERSION,
            name: name.into(),
            dt_ms,
            steps,
            lead_in_steps: 0,
            populations: Vec::new(),
            projections: Vec::new(),
            samples: Vec::new(),
            decision: Decision::default(),
            host_readout: None,
            sources: Vec::new(),
        }
    }

    /// Adds a population and returns its index.
    pub fn add(&mut self, population: Population) -> u32 {
        self.populations.push(population);
        self.populations.len() as u32 - 1
    }

    /// Number of synapses.
    pub fn synapses(&self) -> usize {
        self.projections.iter().map(|p| p.synapses.len()).sum()
    }

    /// Checks that the description makes sense: sizes agree, numbers are finite, delays are at least one step, indices exist.
    ///
    /// # Errors
    /// Bad data, naming population or projection and neuron.
    pub fn check(&self) -> Result<()> {
        let whole = |code, message: &str, found: f64, expected: &str| {
            Err(UserError::bad_data(code, message).found(found.to_string()).expected(expected))
        };
        if self.version != VERSION {
            return whole("deployment-version", "unknown version of a deployment", f64::from(self.version), "1");
        }
        if !(self.dt_ms.is_finite() && self.dt_ms > 0.0) {
            return whole("bad-time-step", "bad time step", self.dt_ms, "a time above 0 ms");
        }
        if self.steps == 0 || self.lead_in_steps >= self.steps {
            return whole("no-steps", "no step to simulate", f64::from(self.steps), "more steps than the lead-in has");
        }
        for population in &self.populations {
            population.check()?;
        }
        for (i, projection) in self.projections.iter().enumerate() {
            self.check_projection(projection)?;
            let twin = |p: &Projection| (p.pre, p.post, p.receptor) == (projection.pre, projection.post, projection.receptor);
            if self.projections[..i].iter().any(twin) {
                return Err(bad(self.place(projection), "described twice").mend("join its synapses into one projection"));
            }
        }
        self.samples.iter().try_for_each(|sample| self.check_sample(sample))?;
        self.host_readout.iter().try_for_each(|readout| self.check_host_readout(readout))
    }

    fn population(&self, index: u32, place: &str) -> Result<&Population> {
        self.populations.get(index as usize).ok_or_else(|| {
            bad(place, "unknown population")
                .found(index.to_string())
                .expected(format!("an index below {}", self.populations.len()))
        })
    }

    /// A projection in words.
    fn place(&self, projection: &Projection) -> String {
        let name = |i: u32| self.populations.get(i as usize).map_or("?", |p| p.label.as_str());
        format!("{} -> {} ({:?})", name(projection.pre), name(projection.post), projection.receptor).to_lowercase()
    }

    fn check_projection(&self, projection: &Projection) -> Result<()> {
        let place = self.place(projection);
        let (pre, post) = (self.population(projection.pre, &place)?, self.population(projection.post, &place)?);
        if matches!(post.cells, Cells::SpikeSource) {
            return Err(bad(&place, "spike sources receive nothing").mend("project to a population of neurons"));
        }
        let mut before = None;
        for synapse in &projection.synapses {
            let at = || format!("synapse {} -> {}", synapse.pre, synapse.post);
            if synapse.pre as usize >= pre.ids.len() || synapse.post as usize >= post.ids.len() {
                let sizes = format!("positions below {} and {}", pre.ids.len(), post.ids.len());
                return Err(bad(&place, "synapse of a neuron that does not exist").found(at()).expected(sizes));
            }
            if !(synapse.weight_na.is_finite() && synapse.weight_na > 0.0) {
                return Err(bad(&place, format!("bad weight of {}", at()))
                    .found(synapse.weight_na.to_string())
                    .expected("a finite magnitude above 0 nA; the receptor holds the sign"));
            }
            if synapse.delay_steps == 0 {
                return Err(bad(&place, format!("bad delay of {}", at())).found("0").expected("at least one step"));
            }
            let key = (synapse.pre, synapse.post, synapse.delay_steps);
            if before.is_some_and(|b| b >= key) {
                return Err(bad(&place, format!("{} is out of order or occurs twice", at()))
                    .mend("sort by sender, receiver and delay, and add up what is equal"));
            }
            before = Some(key);
        }
        Ok(())
    }

    fn check_sample(&self, sample: &Sample) -> Result<()> {
        let place = format!("sample {}", sample.name);
        for window in sample.spikes.windows(2) {
            if window[0] >= window[1] {
                return Err(bad(&place, "spikes are out of order or occur twice").found(format!("{:?}", window[1])));
            }
        }
        for &(population, neuron, step) in &sample.spikes {
            let found = format!("population {population}, neuron {neuron}, step {step}");
            let sources = self.population(population, &place)?;
            if !matches!(sources.cells, Cells::SpikeSource) {
                return Err(bad(&place, "spike of a population that is no spike source").found(found));
            }
            if neuron as usize >= sources.ids.len() || !(self.lead_in_steps..self.steps).contains(&step) {
                let expected =
                    format!("a neuron below {} and a step from {} to {}", sources.ids.len(), self.lead_in_steps, self.steps - 1);
                return Err(bad(&place, "spike outside").found(found).expected(expected));
            }
        }
        Ok(())
    }

    fn check_host_readout(&self, readout: &HostReadout) -> Result<()> {
        let place = "host readout";
        let pre = self.population(readout.pre, place)?;
        if !pre.record.contains(&Variable::Spikes) {
            return Err(bad(&pre.label, "is read on the host, but its spikes are not recorded").mend("record its spikes"));
        }
        if !(0.0..1.0).contains(&readout.decay_syn) || !(0.0..1.0).contains(&readout.decay_mem) {
            return Err(bad(place, "bad decay").expected("decays from 0 up to but not 1"));
        }
        for &(from, class, weight) in &readout.weights {
            if from as usize >= pre.ids.len() || class as usize >= readout.classes.len() || !weight.is_finite() {
                return Err(bad(place, "bad weight").found(format!("{from} -> {class}: {weight}")));
            }
        }
        Ok(())
    }
}

impl Population {
    fn check(&self) -> Result<()> {
        let n = self.ids.len();
        if n == 0 {
            return Err(bad(&self.label, "empty population").mend("leave it out"));
        }
        if !self.names.is_empty() && self.names.len() != n {
            return Err(bad(&self.label, "names do not match the neurons")
                .found(self.names.len().to_string())
                .expected(format!("{n} or none")));
        }
        let mut ids = self.ids.clone();
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find(|w| w[0] == w[1]) {
            return Err(bad(&self.label, "an id occurs twice").found(twice[0].to_string()));
        }
        let power = self.v_scale > 0.0 && self.v_scale.is_finite() && self.v_scale.log2().fract() == 0.0;
        if !power {
            return Err(bad(&self.label, "bad scale").found(self.v_scale.to_string()).expected("a power of two"));
        }
        match &self.cells {
            Cells::IfCurrExp(cells) => cells.check(&self.label, n),
            Cells::SpikeSource if self.record.contains(&Variable::V) => {
                Err(bad(&self.label, "spike sources have no potential to record"))
            }
            Cells::SpikeSource => Ok(()),
        }
    }
}

impl IfCurrExp {
    fn check(&self, label: &str, n: usize) -> Result<()> {
        // The range of s16.15, in which SpiNNaker keeps them.
        let any: RangeInclusive<f64> = -65_536.0..=65_535.999_97;
        for (name, values) in self.columns() {
            if values.len() != n {
                return Err(bad(label, format!("`{name}` does not match the neurons"))
                    .found(values.len().to_string())
                    .expected(n.to_string()));
            }
            let positive = name.starts_with("tau") && name != "tau_refrac" || name == "cm";
            let wrong = |v: &f64| !any.contains(v) || positive && *v <= 0.0 || name == "tau_refrac" && *v < 0.0;
            if let Some(i) = values.iter().position(wrong) {
                let expected = if positive { "a value above 0 and below 65536" } else { "a value from -65536 to 65535.99997" };
                return Err(bad(label, format!("bad `{name}` of neuron {i}")).found(values[i].to_string()).expected(expected));
            }
        }
        Ok(())
    }
}

fn bad(place: impl Into<String>, message: impl Into<String>) -> UserError {
    UserError::bad_data("bad-deployment", message).key(place)
}
