//! Lowering: a trained network as populations of `IF_curr_exp` cells, projections and inputs.
//!
//! The mapping of cells and weights is [`kenyon_hardware::lowering`]'s. Here every neuron and weight of the network is put in its place:
//! populations keep the circuit's names and root ids, weights of 0 are left out, each projection holds one sign.

use std::collections::BTreeMap;

use candle_core::{DType, Tensor, WithDType};
use kenyon_base::{Result, UserError};
use kenyon_datasets::Batch;
use kenyon_hardware::interpreter::{Interpreter, Peak};
use kenyon_hardware::lowering::{self, INPUT_DELAY, Lif, RECURRENT_DELAY};
use kenyon_hardware::{Cells, Decision, Deployment, HostReadout, Population, Projection, Role, Sample, Variable};
use kenyon_neurons::point::Real;

use crate::network::parameters::internal;
use crate::network::spec::ModelKind;
use crate::network::{Network, Synapses};
use crate::training::loss::{self, LossSpec};
use crate::training::model::Model;

/// Choices of a lowering.
#[derive(Debug, Clone, PartialEq)]
pub struct LowerOptions {
    /// mV per unit of potential, a power of two; none chooses one per population from what the samples do.
    pub v_scale: Option<f64>,
    /// Steps before a sample begins.
    pub lead_in_steps: u32,
    /// Where the readout is computed.
    pub readout: Readout,
    /// How readout traces become a class.
    pub decision: Decision,
}

impl Default for LowerOptions {
    fn default() -> Self {
        Self { v_scale: None, lead_in_steps: 2, readout: Readout::default(), decision: Decision::Max }
    }
}

/// Where the readout of a lowered network is computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Readout {
    /// On the device up to 256 classes of 2,000 neurons, else on the host: a larger one takes hours to load.
    #[default]
    Auto,
    /// By integrators on the device.
    Device,
    /// On the host, from recorded spikes.
    Host,
}

impl Readout {
    /// Most weights of a readout on the device that nobody asked for.
    const MOST: usize = 256 * 2_000;

    fn on_host(self, sources: usize, classes: usize) -> bool {
        match self {
            Self::Auto => sources * classes > Self::MOST,
            Self::Device => false,
            Self::Host => true,
        }
    }
}

/// Scale where no sample tells the range.
const USUAL_SCALE: f64 = 256.0;
/// Most samples that decide the scale; at least as many as decide the shifts, so that these fit.
const CALIBRATION_SAMPLES: usize = 64;

/// Index of the population of spike sources in a lowered network; the circuit's populations follow it in their order.
const INPUT: u32 = 0;

/// Population and position of each hidden neuron in a lowered network.
pub(crate) fn places(network: &Network) -> Vec<(u32, u32)> {
    let populations = (INPUT + 1..).zip(&network.populations);
    populations.flat_map(|(population, (_, range))| (0..range.len() as u32).map(move |i| (population, i))).collect()
}

/// Lowers a model of samples of `steps` steps; `classes` names its outputs, `samples` are inputs to go with it.
///
/// Where no scale is given, the first samples run at scale 1, and each population gets the largest power of two (at most 1,024) that
/// keeps its potentials, inputs and currents below a quarter of the range of s16.15, and its heaviest synapse below a half.
///
/// # Errors
/// `cannot-lower` for models or synapses that `IF_curr_exp` cells cannot follow.
pub fn lower<F: Real + WithDType>(
    model: &Model<F>,
    name: &str,
    classes: &[String],
    steps: usize,
    samples: &[Batch],
    options: &LowerOptions,
) -> Result<Deployment> {
    if model.network.spec.noise > 0.0 {
        tracing::warn!("the network was trained with noise, which no cell of the board has: it is lowered without");
    }
    let at = |scales: &dyn Fn(usize) -> f64| scaled(model, name, classes, steps, samples, options, scales);
    if let Some(scale) = options.v_scale {
        return at(&|_| scale);
    }
    let unscaled = at(&|_| 1.0)?;
    if unscaled.samples.is_empty() {
        return at(&|_| USUAL_SCALE);
    }
    let interpreter = Interpreter::new(&unscaled);
    let mut peaks = vec![Peak::default(); unscaled.populations.len()];
    for sample in unscaled.samples.iter().take(CALIBRATION_SAMPLES) {
        let outcome = interpreter.run(sample);
        peaks = peaks.iter().zip(outcome.peaks).map(|(a, b)| a.max(b)).collect();
    }
    // The heaviest synapse must fit too, even one that is silent in these samples: with its compensation below twice as much.
    for projection in &unscaled.projections {
        let heaviest = projection.synapses.iter().map(|s| s.weight).fold(0.0, f64::max);
        let peak = &mut peaks[projection.post as usize];
        peak.g = peak.g.max(heaviest / 2.0);
    }
    at(&|population| lowering::scale(peaks[population]))
}

/// Lowers a model with a given scale for each population.
fn scaled<F: Real + WithDType>(
    model: &Model<F>,
    name: &str,
    classes: &[String],
    steps: usize,
    samples: &[Batch],
    options: &LowerOptions,
    scales: &dyn Fn(usize) -> f64,
) -> Result<Deployment> {
    let network = &model.network;
    if network.spec.model != ModelKind::Lif {
        return refuse("only the exact LIF model has a counterpart on the board", "train with `network.model = \"lif\"`");
    }
    if network.presynaptic.is_some() {
        return refuse("neurons inhibit inputs, which no cell of the board does", "leave `presynaptic_inhibition` out");
    }
    let effective = model.parameters.effective()?;
    let values = |tensor: &Tensor| -> Result<Vec<f64>> {
        tensor.flatten_all().and_then(|t| t.to_dtype(DType::F64)?.to_vec1::<f64>()).map_err(internal)
    };
    let (i_c, leak) = (values(&effective.i_c)?, values(&effective.leak)?);
    let (threshold, reset) = (values(&effective.threshold)?, values(&effective.reset)?);
    let dt_ms = network.spec.dt_ms;
    let mut out = Deployment::new(name, dt_ms, steps as u32 + options.lead_in_steps + 1);
    out.lead_in_steps = options.lead_in_steps;
    out.decision = options.decision;
    out.add(Population {
        label: "input".into(),
        role: Role::Input,
        ids: network.input_ids.clone(),
        names: Vec::new(),
        cells: Cells::SpikeSource,
        record: Vec::new(),
        v_scale: 1.0,
    });
    let places = places(network);
    let (w_input, w_recurrent) = (values(&effective.w_input)?, values(&effective.w_recurrent)?);
    let decay_syn = synaptic_decays(network, &values(&effective.alpha)?, &w_input, &w_recurrent)?;
    for (label, range) in &network.populations {
        let part = |v: &[f64]| v[range.clone()].to_vec();
        let (decay_mem, i_c, threshold, reset) = (part(&leak), part(&i_c), part(&threshold), part(&reset));
        let decay_syn = [0, 1].map(|receptor: usize| &decay_syn[receptor][range.clone()]);
        let lif = Lif { decay_syn, decay_mem: &decay_mem, i_c: &i_c, threshold: &threshold, reset: &reset };
        let v_scale = scales(out.populations.len());
        out.add(Population {
            label: label.clone(),
            role: Role::Hidden,
            ids: network.neuron_ids[range.clone()].to_vec(),
            names: network.types[range.clone()].to_vec(),
            cells: Cells::Neurons(Box::new(lowering::spiking(&lif, dt_ms, v_scale, options.lead_in_steps)?)),
            record: vec![Variable::Spikes],
            v_scale,
        });
    }
    let decays = (values(&effective.readout_alpha)?[0], values(&effective.readout_beta)?[0]);
    let w_readout = values(&effective.w_readout)?;
    let mut wires = Wires::default();
    wires.input(&network.input, &w_input, &places);
    wires.recurrent(network, &w_recurrent, &places);
    let counts = options.decision == Decision::Count;
    if counts && options.readout == Readout::Device {
        return refuse("the decision counts spikes, which no cell does", "read on the host: `--readout host`");
    }
    if counts || options.readout.on_host(network.readout.len(), classes.len()) {
        let columns = classes.len();
        let weights = w_readout.iter().enumerate().filter(|(_, w)| **w != 0.0);
        out.host_readout = Some(HostReadout {
            sources: network.readout.iter().map(|&neuron| places[neuron as usize]).collect(),
            classes: classes.to_vec(),
            decay_syn: decays.0,
            decay_mem: decays.1,
            weights: weights.map(|(k, &w)| ((k / columns) as u32, (k % columns) as u32, w)).collect(),
        });
    } else {
        let v_scale = scales(out.populations.len());
        let readout = out.add(Population {
            label: "readout".into(),
            role: Role::Readout,
            ids: (0..classes.len() as u64).collect(),
            names: classes.to_vec(),
            cells: Cells::Neurons(Box::new(lowering::integrators(classes.len(), decays.0, decays.1, dt_ms)?)),
            record: vec![Variable::V],
            v_scale,
        });
        wires.readout(network, &w_readout, &places, readout);
    }
    for ((pre, post), weights) in wires.0 {
        let split = lowering::split(weights, out.populations[post as usize].v_scale)?;
        for (receptor, synapses) in split.into_receptors() {
            out.projections.push(Projection { pre, post, receptor, synapses });
        }
    }
    for batch in samples {
        for b in 0..batch.len() {
            out.samples.push(sample(batch, b, options.lead_in_steps));
        }
    }
    out.check()?;
    Ok(out)
}

/// The decision of a run in a deployment's terms, for samples of `steps` steps.
///
/// # Errors
/// `bad-window` for a window outside the samples.
pub fn decision(of: &LossSpec, dt_ms: f64, steps: usize) -> Result<Decision> {
    Ok(match of.decision {
        loss::Decision::Max => Decision::Max,
        loss::Decision::Mean => Decision::Mean,
        loss::Decision::Last => Decision::Last,
        loss::Decision::Count => Decision::Count,
        loss::Decision::Window => {
            let rows = of.rows(dt_ms, steps)?;
            Decision::Window { from: rows.start as u32, to: rows.end as u32 }
        }
    })
}

/// Decay of each hidden neuron's synaptic variable per step: of its excitatory and of its inhibitory synapses.
///
/// A cell has one of each; transmitters of different time constants can share a receptor of the network, but not of a cell.
fn synaptic_decays(network: &Network, alpha: &[f64], w_input: &[f64], w_recurrent: &[f64]) -> Result<[Vec<f64>; 2]> {
    let mut found = [(); 2].map(|()| vec![None; network.neuron_ids.len()]);
    let kinds = [(&network.input, w_input, &network.input_channel), (&network.recurrent, w_recurrent, &network.channel)];
    for (synapses, weights, channel) in kinds {
        for ((&pre, &post), &w) in synapses.pre.iter().zip(&synapses.post).zip(weights).filter(|(_, w)| **w != 0.0) {
            let decay = alpha[usize::from(channel[pre as usize])];
            let known: &mut f64 = found[usize::from(w < 0.0)][post as usize].get_or_insert(decay);
            if known.total_cmp(&decay).is_ne() {
                return refuse(
                    &format!(
                        "neuron {} has {} synapses of different time constants, and a cell has one for each sign",
                        network.neuron_ids[post as usize],
                        if w < 0.0 { "inhibitory" } else { "excitatory" },
                    ),
                    "give the transmitters of one sign the same time constant in `tau_syn_by_nt_ms`, and leave `alpha` untrained",
                );
            }
        }
    }
    // Where nothing arrives any value does.
    Ok(found.map(|decays| decays.into_iter().map(|decay| decay.unwrap_or(alpha[0])).collect()))
}

/// A network that has no counterpart on the board.
fn refuse<T>(what: &str, mend: &str) -> Result<T> {
    Err(UserError::bad_data("cannot-lower", what.to_string()).mend(mend.to_string()))
}

/// A synapse: from, to, value, delay in steps.
type Wire = (u32, u32, f64, u32);

/// Synapses by sending and receiving population.
#[derive(Default)]
struct Wires(BTreeMap<(u32, u32), Vec<Wire>>);

impl Wires {
    fn input(&mut self, synapses: &Synapses, weights: &[f64], places: &[(u32, u32)]) {
        for ((&pre, &post), &w) in synapses.pre.iter().zip(&synapses.post).zip(weights) {
            let (population, to) = places[post as usize];
            self.0.entry((INPUT, population)).or_default().push((pre, to, w, INPUT_DELAY));
        }
    }

    fn recurrent(&mut self, network: &Network, weights: &[f64], places: &[(u32, u32)]) {
        let synapses = &network.recurrent;
        for ((&pre, &post), &w) in synapses.pre.iter().zip(&synapses.post).zip(weights) {
            let ((a, from), (b, to)) = (places[pre as usize], places[post as usize]);
            let delay = RECURRENT_DELAY + u32::from(network.delay[pre as usize]);
            self.0.entry((a, b)).or_default().push((from, to, w, delay));
        }
    }

    fn readout(&mut self, network: &Network, weights: &[f64], places: &[(u32, u32)], readout: u32) {
        for (row, &neuron) in network.readout.iter().enumerate() {
            let (population, from) = places[neuron as usize];
            let own = &weights[row * network.classes..][..network.classes];
            let wires = self.0.entry((population, readout)).or_default();
            wires.extend(own.iter().enumerate().map(|(class, &w)| (from, class as u32, w, RECURRENT_DELAY)));
        }
    }
}

/// Sample `b` of a batch as input of a lowered network.
pub(super) fn sample(batch: &Batch, b: usize, lead_in: u32) -> Sample {
    let steps = batch.steps;
    let mut spikes = Vec::new();
    for t in 0..steps {
        let (from, to) = (batch.ptr[b * steps + t] as usize, batch.ptr[b * steps + t + 1] as usize);
        spikes.extend(batch.idx[from..to].iter().map(|&neuron| (INPUT, neuron, t as u32 + lead_in)));
    }
    spikes.sort_unstable();
    Sample { name: format!("sample {}", batch.samples[b]), class: Some(batch.labels[b]), spikes }
}
