//! The board's numbers in the forward pass: what the last epochs of a deploy-aware training run with.
//!
//! | value | what the board holds |
//! |---|---|
//! | weight | a multiple of `q = 2^(shift - 15) init_hat / G`, at most 65,535 of them, of its own sign or 0 |
//! | `I_c`, reset | a multiple of 1 / (32768 G) |
//! | membrane decay | a multiple of 1 / 32768: time constants are nudged there |
//! | synaptic decay | that of the time constant as s16.15 |
//! | threshold | exact to 1 / (32768 G), left as it is |
//!
//! `G` is the population's scale, `shift` that of the receptor's ring buffers, `init_hat` the factor that the board puts on every input.
//! Both are chosen once, as [`crate::transfer::certify`] chooses them. A readout on the host stays as it is. The gradient goes straight
//! through: it is that of the plain network at the rounded values.

use candle_core::{DType, Tensor, WithDType};
use kenyon_base::{Result, UserError};
use kenyon_datasets::{Batch, Remap, SpikeSource};
use kenyon_hardware::Deployment;
use kenyon_hardware::spinnaker::init::synapse;
use kenyon_hardware::spinnaker::shift::MAX_SHIFT;
use kenyon_hardware::spinnaker::{Options, Shifts, SynapseConstants, fixed, measured_shifts, quantise};
use kenyon_neurons::point::Real;
use serde::{Deserialize, Serialize};

use super::loss::LossSpec;
use super::model::Model;
use crate::network::parameters::internal;
use crate::network::{Effective, Network, Synapses};
use crate::transfer::certify::CALIBRATION_SAMPLES;
use crate::transfer::{LowerOptions, decision, lower};

/// Steps of s16.15 and of the board's decays in one unit.
const ONE: f64 = fixed::ONE;
/// Steps of u0.32 in one unit.
const ONE_U032: f64 = 4_294_967_296.0;

/// Largest weight that a synapse holds.
const LARGEST_RAW: f64 = 65_535.0;

/// The resolution of a population's values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolution {
    /// Scale: mV per unit of potential.
    pub v_scale: f64,
    /// Shifts of the ring buffers \[exc, inh\].
    pub shifts: [u8; 2],
}

/// The resolution of a network's values; part of the state of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Of each population of hidden neurons, in the network's order.
    pub hidden: Vec<Resolution>,
    /// Of the readout; none if it is computed on the host.
    pub readout: Option<Resolution>,
}

/// Checks that a network can be lowered at all, before it is trained for it.
///
/// # Errors
/// `cannot-lower`, or what the board cannot hold.
pub fn check<F: Real + WithDType>(model: &Model<F>, source: &dyn SpikeSource, loss: &LossSpec) -> Result<()> {
    let decision = decision(loss, model.network.spec.dt_ms, source.steps())?;
    // Neither the lead-in nor the shifts are known before the end of training.
    let options = LowerOptions { v_scale: Some(1.0), lead_in_steps: 0, decision, ..LowerOptions::default() };
    let deployment = lower(model, "network", source.classes(), source.steps(), &[], &options)?;
    let shifts = Shifts::Given(vec![[MAX_SHIFT; 2]; deployment.populations.len()]);
    quantise(&deployment, &Options { shifts, ..Options::LOWERED }).map(drop)
}

impl Resolution {
    /// One step of a weight, and the value that `weight` has on the board whose synapses have these `constants`.
    fn weight(self, constants: SynapseConstants, weight: f64) -> f64 {
        let unit = (15.0 - f64::from(self.shifts[usize::from(weight < 0.0)])).exp2();
        let init = f64::from(constants.init) / ONE_U032;
        // In the order of the back end, so that ties fall as they do there.
        let raw = (weight.abs() * self.v_scale / init * unit).round_ties_even().min(LARGEST_RAW);
        (raw / unit * init / self.v_scale).copysign(weight)
    }

    /// What the board has of a potential or current.
    fn value(self, value: f64) -> f64 {
        (value * self.v_scale * ONE).round() / ONE / self.v_scale
    }
}

/// What the board has of a membrane's decay.
fn membrane(decay: f64) -> f64 {
    (decay * ONE).round() / ONE
}

/// What the board has of a synapse with this decay.
fn synaptic(decay: f64, dt_ms: f64) -> Result<SynapseConstants> {
    let tau = fixed::raw(-dt_ms / decay.ln()).filter(|raw| *raw > 0);
    let constants = tau.zip(fixed::raw(dt_ms)).map(|(tau, ts)| synapse(ts, tau)).filter(|c| c.init > 0);
    constants.ok_or_else(|| {
        UserError::failed("no-synaptic-input", "a synapse came to decay too fast, or too slowly, for the board")
            .found(format!("a decay of {decay} per step"))
            .mend("leave `alpha` and `readout_alpha` untrained, or train without `--deploy-aware`")
    })
}

fn values(tensor: &Tensor) -> Result<Vec<f64>> {
    tensor.flatten_all().and_then(|t| t.to_dtype(DType::F64)?.to_vec1::<f64>()).map_err(internal)
}

/// Exactly `rounded`, with the gradient of `tensor`.
fn straight_through(tensor: &Tensor, rounded: Vec<f64>) -> Result<Tensor> {
    let rounded = Tensor::from_vec(rounded, tensor.shape(), tensor.device()).and_then(|t| t.to_dtype(tensor.dtype()));
    rounded.and_then(|rounded| rounded + (tensor - tensor.detach())?).map_err(internal)
}

impl Grid {
    /// The resolution that the network as it is now gets on the board, by the validation samples that a certificate would use.
    ///
    /// # Errors
    /// What the board cannot hold; a stored sample that cannot be read.
    pub fn choose<F: Real + WithDType>(
        model: &Model<F>,
        source: &dyn SpikeSource,
        remap: Option<&Remap>,
        loss: &LossSpec,
    ) -> Result<Self> {
        let decision = decision(loss, model.network.spec.dt_ms, source.steps())?;
        let split = source.split();
        let part = if split.validation.is_empty() { &split.train } else { &split.validation };
        let samples = [Batch::load(source, &part[..part.len().min(CALIBRATION_SAMPLES)], remap)?];
        let lowered = |lead_in_steps| {
            let options = LowerOptions { lead_in_steps, decision, ..LowerOptions::default() };
            lower(model, "network", source.classes(), source.steps(), &samples, &options)
        };
        let usual = LowerOptions::default().lead_in_steps;
        let deployment = match lowered(usual) {
            // Training may still move the neuron, and no resolution hangs on it.
            Err(error) if error.code() == "lead-in-crosses-threshold" => lowered(0)?,
            other => other?,
        };
        let shifts = measured_shifts(&deployment, &Options::LOWERED, &deployment.samples)?.shifts;
        Ok(Self::of(&model.network, &deployment, &shifts))
    }

    /// The resolution of a lowered network with these shifts, one pair per population of `deployment`.
    pub fn of(network: &Network, deployment: &Deployment, shifts: &[[u8; 2]]) -> Self {
        let all = deployment.populations.iter().zip(shifts);
        let mut all = all.map(|(p, &shifts)| Resolution { v_scale: p.v_scale, shifts });
        // Behind the inputs stand the network's populations, then the readout if it is on the device.
        let hidden = all.by_ref().skip(1).take(network.populations.len()).collect();
        Self { hidden, readout: all.next() }
    }

    /// The values as the board holds them; gradients go straight through.
    ///
    /// # Errors
    /// `no-synaptic-input` for a synaptic decay that the board cannot hold.
    pub fn apply(&self, network: &Network, e: &Effective) -> Result<Effective> {
        let dt_ms = network.spec.dt_ms;
        let mut of_neuron = Vec::with_capacity(network.neuron_ids.len());
        for ((_, range), resolution) in network.populations.iter().zip(&self.hidden) {
            of_neuron.extend(range.clone().map(|_| *resolution));
        }
        let each = |tensor: &Tensor| -> Result<Tensor> {
            let rounded = values(tensor)?.into_iter().zip(&of_neuron).map(|(x, resolution)| resolution.value(x)).collect();
            straight_through(tensor, rounded)
        };
        let decays = |tensor: &Tensor| straight_through(tensor, values(tensor)?.into_iter().map(membrane).collect());
        let decay_of = |c: SynapseConstants| f64::from(c.decay) / ONE_U032;
        let constants = values(&e.alpha)?.into_iter().map(|decay| synaptic(decay, dt_ms)).collect::<Result<Vec<_>>>()?;
        let weights = |tensor: &Tensor, synapses: &Synapses, channel: &[u16]| -> Result<Tensor> {
            let ends = synapses.pre.iter().zip(&synapses.post);
            let rounded = values(tensor)?
                .into_iter()
                .zip(ends)
                .map(|(w, (&pre, &post))| of_neuron[post as usize].weight(constants[usize::from(channel[pre as usize])], w));
            straight_through(tensor, rounded.collect())
        };
        let mut out = Effective {
            i_c: each(&e.i_c)?,
            leak: decays(&e.leak)?,
            alpha: straight_through(&e.alpha, constants.iter().copied().map(decay_of).collect())?,
            reset: each(&e.reset)?,
            w_input: weights(&e.w_input, &network.input, &network.input_channel)?,
            w_recurrent: weights(&e.w_recurrent, &network.recurrent, &network.channel)?,
            ..e.clone()
        };
        if let Some(readout) = self.readout {
            let constants = synaptic(values(&e.readout_alpha)?[0], dt_ms)?;
            out.readout_alpha = straight_through(&e.readout_alpha, vec![decay_of(constants)])?;
            out.readout_beta = decays(&e.readout_beta)?;
            let rounded = values(&e.w_readout)?.into_iter().map(|w| readout.weight(constants, w)).collect();
            out.w_readout = straight_through(&e.w_readout, rounded)?;
        }
        Ok(out)
    }

    /// Where it is not `other`, in words: what each population has instead.
    pub fn differences(&self, other: &Self, network: &Network) -> Vec<String> {
        let names = network.populations.iter().map(|(label, _)| label.as_str()).chain(["readout"]);
        let [ours, theirs] = [self, other].map(|g| g.hidden.iter().map(|r| Some(*r)).chain([g.readout]).collect::<Vec<_>>());
        let shown = |r: Option<Resolution>| {
            r.map_or_else(|| "the host's".into(), |r| format!("scale {}, shifts {} and {}", r.v_scale, r.shifts[0], r.shifts[1]))
        };
        let differs = names.zip(ours.into_iter().zip(theirs)).filter(|(_, (a, b))| a != b);
        differs.map(|(name, (a, b))| format!("{name} has {} instead of {}", shown(a), shown(b))).collect()
    }

    /// Checks that it is of this network.
    ///
    /// # Errors
    /// `bad-state` if it has other populations.
    pub fn check_fits(&self, network: &Network) -> Result<()> {
        let sound = |r: &Resolution| r.v_scale.is_finite() && r.v_scale > 0.0 && r.shifts.iter().all(|s| *s <= MAX_SHIFT);
        if self.hidden.len() == network.populations.len() && self.hidden.iter().chain(&self.readout).all(sound) {
            return Ok(());
        }
        Err(UserError::bad_data("bad-state", "the state of `grid` does not fit the network").mend("start a new run"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_ends_where_sixteen_bits_end() {
        let constants = synaptic((-1.0f64 / 20.0).exp(), 1.0).unwrap();
        let resolution = Resolution { v_scale: 256.0, shifts: [3, 5] };
        let step = |shift: f64| (shift - 15.0).exp2() * f64::from(constants.init) / ONE_U032 / 256.0;
        let near = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-12 * wanted.abs(), "{found} {wanted}");
        near(resolution.weight(constants, 1e6), LARGEST_RAW * step(3.0));
        near(resolution.weight(constants, -1e6), -LARGEST_RAW * step(5.0));
        near(resolution.weight(constants, 100.4 * step(3.0)), 100.0 * step(3.0));
    }
}
