//! A [`Deployment`] in the numbers of the board: raw parameters, derived constants, 16-bit weights, and what rounding cost.

mod choice;

use kenyon_base::{Result, UserError};
use serde::Serialize;

use self::choice::choose_shifts;
use super::board;
use super::fixed;
use super::init::{Derived, RawCells, delta_gain, nudged, resistance};
use crate::deployment::{CellKind, Deployment, Neurons, Population, Projection, Receptor, Synapse, Variable};

pub(super) use choice::held;

/// Number of the largest lost weights that are named.
const NAMED: usize = 10;

/// Choices of the back end.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent choices, each with a name")]
pub struct Options {
    /// Whether weights are divided by the synapse's initial factor, so that a spike adds the described weight to the current.
    pub compensate_init: bool,
    /// Whether time constants move to the nearest raw one whose decay is the ideal one to 15 bits; only where `cm = tau_m`.
    pub nudge: bool,
    /// Whether thresholds are rounded up instead of to the nearest.
    pub thresholds_up: bool,
    /// Whether synapses whose raw weight is 0 are left out.
    pub omit_zeros: bool,
    /// How ring-buffer shifts are chosen.
    pub shifts: Shifts,
}

impl Options {
    /// For lowered networks: the board comes as close to the description as its numbers allow.
    pub const LOWERED: Self =
        Self { compensate_init: true, nudge: true, thresholds_up: true, omit_zeros: true, shifts: Shifts::Mapper };
    /// For descriptions whose numbers are a PyNN script's own: what the released tools load.
    pub const AS_WRITTEN: Self =
        Self { compensate_init: false, nudge: false, thresholds_up: false, omit_zeros: false, shifts: Shifts::Mapper };
}

/// How ring-buffer shifts are chosen, for each population \[exc, inh\].
#[derive(Debug, Clone, PartialEq)]
pub enum Shifts {
    /// By the released mapper's formula.
    Mapper,
    /// By the released mapper, told the largest summed weight of the populations that have one (`max_expected_summed_weight`).
    Expected(Vec<Option<[f64; 2]>>),
    /// As given, one pair per population (that of spike sources is not used).
    Given(Vec<[u8; 2]>),
}

/// A network in the board's numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantised {
    /// Time step in ms.
    pub dt_ms: f64,
    /// Time step, s16.15.
    pub ts: i32,
    /// Steps of a simulation.
    pub steps: u32,
    /// The populations, in the deployment's order.
    pub populations: Vec<QuantisedPopulation>,
    /// The projections, in the deployment's order.
    pub projections: Vec<QuantisedProjection>,
}

/// A population in the board's numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantisedPopulation {
    /// Name of the population.
    pub label: String,
    /// Number of neurons.
    pub n: u32,
    /// What is recorded.
    pub record: Vec<Variable>,
    /// The neurons; none for spike sources.
    pub cells: Option<QuantisedCells>,
}

/// Neurons in the board's numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantisedCells {
    /// Kind of neuron.
    pub kind: CellKind,
    /// Parameters as they are loaded.
    pub raw: RawCells,
    /// What the core computes from them, one for each neuron.
    pub derived: Vec<Derived>,
    /// Factor from input to current of `IF_curr_delta`, s16.15.
    pub delta_gain: i32,
    /// Left shift of the ring buffers \[exc, inh\].
    pub shift: [u8; 2],
    /// The bound on summed input from which the mapper's formula or `max_expected_summed_weight` chose; none if the shifts were given.
    pub bound: Option<[f64; 2]>,
    /// Number of neurons whose time constant was nudged.
    pub nudged: u64,
}

impl QuantisedCells {
    /// Factor of weights: 1024 for conductances.
    pub fn weight_scale(&self) -> f64 {
        weight_scale(self.kind)
    }

    /// The magnitude of a synapse's weight as it is to be loaded, in nA or uS: with `compensate`, divided by the synapse's initial factor.
    pub(crate) fn loaded(&self, synapse: &Synapse, receptor: Receptor, compensate: bool) -> f64 {
        let weight = synapse.weight.abs();
        if !(compensate && self.kind.decays()) {
            return weight;
        }
        let derived = &self.derived[synapse.post as usize];
        let constants = if receptor == Receptor::Excitatory { derived.exc } else { derived.inh };
        weight / (f64::from(constants.init) / 4_294_967_296.0)
    }

    /// Raw steps in 1 nA or uS.
    pub(crate) fn raw_per_unit(&self, receptor: Receptor) -> f64 {
        f64::from(15 - i32::from(self.shift[receptor as usize])).exp2() * self.weight_scale()
    }

    /// The raw value of a weight as it is to be loaded, rounded, whether or not 16 bits hold it.
    pub(crate) fn raw_weight(&self, loaded: f64, receptor: Receptor) -> f64 {
        (loaded * self.raw_per_unit(receptor)).round_ties_even()
    }
}

/// A projection in the board's numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantisedProjection {
    /// Index of the sending population.
    pub pre: u32,
    /// Index of the receiving population.
    pub post: u32,
    /// Receptor.
    pub receptor: Receptor,
    /// The synapses in the deployment's order, those left out missing.
    pub synapses: Vec<RawSynapse>,
    /// What rounding did.
    pub statistics: WeightStatistics,
}

/// A synapse as it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawSynapse {
    /// Sender: position in its population.
    pub pre: u32,
    /// Receiver: position in its population.
    pub post: u32,
    /// Magnitude; the input is this, shifted left, as s16.15.
    pub weight: u16,
    /// Delay in steps.
    pub delay: u16,
}

/// What rounding did to the weights of a projection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WeightStatistics {
    /// Synapses in the deployment.
    pub synapses: u64,
    /// Those whose raw weight is 0.
    pub zeroed: u64,
    /// Their share of the sum of magnitudes.
    pub zeroed_share: f64,
    /// The largest of them: ids of sender and receiver, and the weight as described.
    pub largest_zeroed: Vec<(u64, u64, f64)>,
    /// Those whose raw weight leaves 16 bits: the board loads its low 16 bits.
    pub clipped: u64,
    /// One step of raw weight, in nA or uS.
    pub quantum: f64,
    /// Largest weight as loaded, compensated if asked, in nA or uS.
    pub largest: f64,
}

impl Quantised {
    /// The same network with the spikes of all neurons recorded, so that they can be counted.
    #[must_use]
    pub fn watching_spikes(&self) -> Self {
        let mut out = self.clone();
        for population in out.populations.iter_mut().filter(|p| p.cells.is_some() && !p.record.contains(&Variable::Spikes)) {
            population.record.push(Variable::Spikes);
        }
        out
    }

    /// Whether any weight leaves 16 bits; such a network runs on the board with wrong weights.
    pub fn clipped(&self) -> u64 {
        self.projections.iter().map(|p| p.statistics.clipped).sum()
    }
}

/// Puts a deployment into the board's numbers.
///
/// # Errors
/// Bad data if a value does not fit the format, a time constant or capacitance rounds to 0, a shift is above 15, or a delay needs an
/// extension of the board's ring buffers.
pub fn quantise(deployment: &Deployment, options: &Options) -> Result<Quantised> {
    let (mut cells, weights, ts) = prepared(deployment, options)?;
    for (k, cells) in cells.iter_mut().enumerate() {
        let Some(cells) = cells else { continue };
        (cells.shift, cells.bound) = choose_shifts(deployment, options, k, cells.weight_scale(), &weights);
        for receptor in [Receptor::Excitatory, Receptor::Inhibitory] {
            held(deployment, k, receptor, cells.shift[receptor as usize])?;
        }
    }
    let projections = deployment.projections.iter().zip(&weights).map(|(projection, weights)| {
        let post = cells[projection.post as usize].as_ref().expect("the structure is checked");
        quantise_projection(deployment, projection, post, weights, options.omit_zeros)
    });
    let projections = projections.collect::<Result<Vec<_>>>()?;
    let populations = deployment.populations.iter().zip(cells).map(|(population, cells)| QuantisedPopulation {
        label: population.label.clone(),
        n: population.ids.len() as u32,
        record: population.record.clone(),
        cells,
    });
    let populations = populations.collect();
    Ok(Quantised { dt_ms: deployment.dt_ms, ts, steps: deployment.steps, populations, projections })
}

/// The shifts of the released mapper's formula, of every population, also those beyond what a ring buffer holds.
///
/// # Errors
/// As [`quantise`], but for shifts.
pub fn mapper_shifts(deployment: &Deployment, options: &Options) -> Result<Vec<[u8; 2]>> {
    shifts_of(deployment, &Options { shifts: Shifts::Mapper, ..options.clone() })
}

/// The shifts that the options choose, of every population, also those beyond what a ring buffer holds.
///
/// # Errors
/// As [`quantise`], but for shifts.
pub(crate) fn shifts_of(deployment: &Deployment, options: &Options) -> Result<Vec<[u8; 2]>> {
    let (cells, weights, _) = prepared(deployment, options)?;
    let shifts = cells.iter().enumerate().map(|(k, cells)| match cells {
        Some(cells) => choose_shifts(deployment, options, k, cells.weight_scale(), &weights).0,
        None => [0; 2],
    });
    Ok(shifts.collect())
}

/// What is known before there are shifts: cells, weights as they are to be loaded, the raw time step.
type Prepared = (Vec<Option<QuantisedCells>>, Vec<Vec<f64>>, i32);

fn prepared(deployment: &Deployment, options: &Options) -> Result<Prepared> {
    deployment.check_structure()?;
    let ts = fixed::raw(deployment.dt_ms)
        .filter(|ts| *ts > 0)
        .ok_or_else(|| outside("time step", "dt", deployment.dt_ms).expected("a time step of at least 1/32768 ms"))?;
    let cells = deployment.populations.iter().map(|population| match population.cells.neurons() {
        None => Ok(None),
        Some(neurons) => quantise_cells(population, neurons, ts, deployment.dt_ms, options).map(Some),
    });
    let cells = cells.collect::<Result<Vec<_>>>()?;
    let mut weights = Vec::with_capacity(deployment.projections.len());
    for projection in &deployment.projections {
        let post = cells[projection.post as usize].as_ref().expect("the structure is checked");
        weights.push(loaded_weights(deployment, projection, post, options)?);
    }
    Ok((cells, weights, ts))
}

fn quantise_cells(population: &Population, neurons: &Neurons, ts: i32, dt_ms: f64, options: &Options) -> Result<QuantisedCells> {
    let mut raw = RawCells::default();
    for (name, values) in neurons.columns() {
        let positive = matches!(name, "tau_m" | "cm" | "tau_syn_E" | "tau_syn_I");
        let column = raw.column_mut(name);
        for (i, &value) in values.iter().enumerate() {
            let encode = if name == "v_thresh" && options.thresholds_up { fixed::raw_up } else { fixed::raw };
            let place = || format!("{}, neuron {i} (id {})", population.label, population.ids[i]);
            let raw = encode(value).ok_or_else(|| outside(&place(), name, value))?;
            if positive && raw <= 0 || name == "tau_refrac" && raw < 0 {
                return Err(outside(&place(), name, value).expected("a value of at least 1/32768"));
            }
            column.push(raw);
        }
    }
    let mut moved = 0;
    for i in 0..raw.len() {
        if options.nudge && neurons.tau_m_ms[i].to_bits() == neurons.cm_nf[i].to_bits() {
            let to = nudged(ts, raw.tau_m[i], neurons.tau_m_ms[i] / dt_ms);
            moved += u64::from(to != raw.tau_m[i]);
            (raw.tau_m[i], raw.cm[i]) = (to, to);
        }
        if resistance(raw.tau_m[i], raw.cm[i]) > i64::from(i32::MAX) {
            let place = format!("{}, neuron {i} (id {})", population.label, population.ids[i]);
            return Err(outside(&place, "tau_m / cm", neurons.tau_m_ms[i] / neurons.cm_nf[i]));
        }
    }
    let derived = (0..raw.len()).map(|i| raw.derive(neurons.kind, ts, i)).collect();
    let kind = neurons.kind;
    Ok(QuantisedCells { kind, raw, derived, delta_gain: delta_gain(ts), shift: [0; 2], bound: None, nudged: moved })
}

/// Factor of weights: conductances are kept in 1/1024 uS.
fn weight_scale(kind: CellKind) -> f64 {
    if kind.conducts() { 1024.0 } else { 1.0 }
}

/// Magnitudes in nA or uS as they are to be loaded.
fn loaded_weights(
    deployment: &Deployment,
    projection: &Projection,
    post: &QuantisedCells,
    options: &Options,
) -> Result<Vec<f64>> {
    let slots = board::delay_slots(post.raw.len() as u32);
    let mut weights = Vec::with_capacity(projection.synapses.len());
    for s in &projection.synapses {
        let place = || format!("{}, synapse {} -> {}", deployment.place(projection), s.pre, s.post);
        if s.delay_steps.is_nan() || s.delay_steps < 0.0 || s.delay() > slots {
            return Err(UserError::bad_data(
                "delay-extension",
                "delay outside the ring buffers; delay extensions are not emulated",
            )
            .key(place())
            .found(format!("{} steps", s.delay_steps))
            .expected(format!("1 to {slots} steps for a population of {} neurons", post.raw.len()))
            .mend("shorten the delay, or split the population into smaller ones"));
        }
        let weight = post.loaded(s, projection.receptor, options.compensate_init);
        if weight.is_infinite() && s.weight.is_finite() {
            return Err(UserError::bad_data("no-synaptic-input", "the synapse decays too fast to carry any input")
                .key(place())
                .mend("raise `tau_syn`, or shorten the time step"));
        }
        if !weight.is_finite() {
            return Err(UserError::bad_data("weight-not-finite", "bad weight").key(place()).found(s.weight.to_string()));
        }
        weights.push(weight);
    }
    Ok(weights)
}

fn quantise_projection(
    deployment: &Deployment,
    projection: &Projection,
    post: &QuantisedCells,
    weights: &[f64],
    omit_zeros: bool,
) -> Result<QuantisedProjection> {
    let mut synapses = Vec::with_capacity(weights.len());
    let (mut zeroed, mut clipped, mut lost, mut sum) = (Vec::new(), 0u64, 0.0, 0.0);
    for (i, (s, &weight)) in projection.synapses.iter().zip(weights).enumerate() {
        sum += weight;
        let raw = post.raw_weight(weight, projection.receptor);
        if raw >= 2f64.powi(53) {
            let place = format!("{}, synapse {} -> {}", deployment.place(projection), s.pre, s.post);
            return Err(outside(&place, "weight", s.weight));
        }
        if raw == 0.0 {
            zeroed.push(i);
            lost += weight;
            if omit_zeros {
                continue;
            }
        }
        clipped += u64::from(raw > f64::from(u16::MAX));
        let (weight, delay) = (raw as u64 as u16, s.delay() as u16);
        synapses.push(RawSynapse { pre: s.pre, post: s.post, weight, delay });
    }
    let count = zeroed.len() as u64;
    zeroed.sort_by(|a, b| weights[*b].total_cmp(&weights[*a]).then(a.cmp(b)));
    zeroed.truncate(NAMED);
    let ids = |population: u32, i: u32| deployment.populations[population as usize].ids[i as usize];
    let named = zeroed.into_iter().map(|i| {
        let s = &projection.synapses[i];
        (ids(projection.pre, s.pre), ids(projection.post, s.post), s.weight)
    });
    let statistics = WeightStatistics {
        synapses: weights.len() as u64,
        zeroed: count,
        zeroed_share: if sum > 0.0 { lost / sum } else { 0.0 },
        largest_zeroed: named.collect(),
        clipped,
        quantum: 1.0 / post.raw_per_unit(projection.receptor),
        largest: weights.iter().copied().fold(0.0, f64::max),
    };
    Ok(QuantisedProjection { pre: projection.pre, post: projection.post, receptor: projection.receptor, synapses, statistics })
}

fn outside(place: &str, name: &str, value: f64) -> UserError {
    UserError::bad_data("outside-s1615", format!("`{name}` does not fit the board's numbers"))
        .key(place)
        .found(value.to_string())
        .expected("a value from -65536 to 65535.99997")
        .mend("export with a lower `--weight-scale`, or correct the parameter")
}
