//! A network ready to run: parameters, engine, and the pass from input spikes to readout and spike counts.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor, WithDType};
use kenyon_base::Result;
use kenyon_datasets::Batch;
use kenyon_neurons::point::{Real, Surrogate};

use super::config::TrainSpec;
use super::engine::{
    Checkpoint, Csr, Engine, EngineSpec, Events, GradMask, Presynaptic, Record, Spiking, Topology, noise_key, spiking,
};
use crate::network::build::keeps_signs;
use crate::network::parameters::{self, Effective, Parameters, internal};
use crate::network::{Network, Synapses};

/// A network with parameters and engine.
#[derive(Debug)]
pub struct Model<F: Real> {
    /// Who is connected.
    pub network: Network,
    /// Values.
    pub parameters: Parameters,
    /// Who is connected to whom, as [`Network::wiring_sha256`] has it.
    pub wiring_sha256: String,
    pub(super) engine: Arc<Engine<F>>,
    readout: Tensor,
}

/// What one batch gave.
#[derive(Debug)]
pub struct Pass {
    /// Readout trace [T+1, B, C].
    pub out: Tensor,
    /// Spikes of each hidden neuron [B, N].
    pub counts: Tensor,
    /// The values that the engine ran with.
    pub effective: Effective,
}

/// Inhibition of inputs in the engine's terms.
fn presynaptic(network: &Network) -> Option<Presynaptic> {
    let wiring = network.presynaptic.as_ref()?;
    let mut row_ptr = vec![0; network.neuron_ids.len() + 1];
    wiring.pre.iter().for_each(|&pre| row_ptr[pre as usize + 1] += 1);
    (1..row_ptr.len()).for_each(|i| row_ptr[i] += row_ptr[i - 1]);
    Some(Presynaptic {
        pattern: Csr { rows: network.neuron_ids.len(), row_ptr, col: wiring.post.clone() },
        strength: wiring.syn_count.iter().map(|&n| f64::from(n) * wiring.strength).collect(),
        decay: (-network.spec.dt_ms / wiring.tau_ms).exp(),
    })
}

fn csr(synapses: &Synapses) -> Csr {
    Csr { rows: synapses.senders, row_ptr: synapses.row_ptr(), col: synapses.post.clone() }
}

/// The engine's wiring of a network.
pub fn topology(network: &Network) -> Topology {
    let n = network.neuron_ids.len();
    let mut topology = Topology::new(network.input_ids.len(), n, network.classes, csr(&network.input), csr(&network.recurrent));
    topology.readout.clone_from(&network.readout);
    topology.channels = network.tau_syn_ms.len();
    if topology.channels > 1 {
        topology.channel_of_input.clone_from(&network.input_channel);
        topology.channel_of_neuron.clone_from(&network.channel);
    }
    topology.delay = network.delay.iter().any(|&d| d > 0).then(|| network.delay.clone());
    topology.presynaptic = presynaptic(network);
    topology
}

/// Which gradients the engine has to compute for the trained parameters.
pub fn gradients(parameters: &Parameters) -> GradMask {
    let trained: Vec<&str> = parameters.trained().map(|(name, _)| name).collect();
    let any = |names: &[&str]| names.iter().any(|name| trained.contains(name));
    let both = any(&["gain", "scale"]);
    GradMask {
        i_c: any(&["i_c"]),
        leak: any(&["leak"]),
        alpha: any(&["alpha"]),
        threshold: any(&["threshold"]),
        reset: any(&["reset"]),
        readout_decay: any(&["readout_alpha", "readout_beta"]),
        w1: both || any(&["pair_gain_input", "theta_input", "w_input"]),
        v: both || any(&["pair_gain_recurrent", "theta_recurrent", "w_recurrent", "factor_pre", "factor_post"]),
        w2: any(&["w_readout"]),
    }
}

impl<F: Real + WithDType> Model<F> {
    /// A model of `network` that runs samples of `steps` steps.
    ///
    /// # Errors
    /// A wiring or setting that the engine refuses.
    pub fn new(network: Network, parameters: Parameters, train: &TrainSpec, surrogate: Surrogate, steps: usize) -> Result<Self> {
        let spec = EngineSpec {
            model: parameters::model(&network),
            surrogate,
            detach_recurrent: train.detach_recurrent,
            attach_reset: train.attach_reset,
            checkpoint: if train.checkpoint_time { Checkpoint::Sqrt } else { Checkpoint::All },
            tbptt: train.truncate,
            noise_sigma: network.spec.noise,
            gradients: gradients(&parameters),
            ..EngineSpec::new(steps)
        };
        let engine = Arc::new(Engine::new(topology(&network), spec)?);
        let readout = Tensor::from_slice(&network.readout, network.readout.len(), &Device::Cpu).map_err(internal)?;
        let wiring_sha256 = network.wiring_sha256();
        Ok(Self { network, parameters, wiring_sha256, engine, readout })
    }

    /// Trains exactly these parameters from now on, with this surrogate.
    ///
    /// # Errors
    /// A name that the network lacks.
    pub fn set_trained(&mut self, names: &[String], surrogate: Surrogate) -> Result<()> {
        self.parameters.train(names)?;
        let spec = EngineSpec { surrogate, gradients: gradients(&self.parameters), ..self.engine.spec().clone() };
        self.engine = Arc::new(self.engine.with_spec(spec)?);
        Ok(())
    }

    /// Indices of the neurons that are read out \[K\].
    pub fn readout(&self) -> &Tensor {
        &self.readout
    }

    /// Whether signs of presynaptic neurons hold by construction.
    pub fn keeps_signs(&self) -> bool {
        keeps_signs(self.network.spec.weights.form)
    }

    /// Runs a batch; with `record`, gradients can flow back. `noise` is (seed, epoch) of the noise.
    ///
    /// # Errors
    /// A value that is not finite, by tensor and step.
    pub fn run(&self, batch: &Batch, record: bool, noise: (u64, u64)) -> Result<Pass> {
        let (effective, done) = self.through(&self.engine, batch, record, noise)?;
        let parts = || Ok::<_, candle_core::Error>((done.out()?, done.counts()?));
        let (out, counts) = parts().map_err(internal)?;
        Ok(Pass { out, counts, effective })
    }

    /// Runs a batch and gives the spikes of every neuron too: [T, B, N], packed; without gradients.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_recorded(&self, batch: &Batch) -> Result<(Pass, Vec<F>)> {
        let neurons = (0..self.network.neuron_ids.len() as u32).collect();
        let record = Record { neurons, mem: false, spikes: true };
        let engine = self.engine.with_spec(EngineSpec { record, ..self.engine.spec().clone() })?;
        let (effective, done) = self.through(&Arc::new(engine), batch, false, (0, u64::MAX))?;
        let parts = || Ok::<_, candle_core::Error>((done.out()?, done.counts()?, done.spikes()?.flatten_all()?.to_vec1::<F>()?));
        let (out, counts, spikes) = parts().map_err(internal)?;
        Ok((Pass { out, counts, effective }, spikes))
    }

    fn through(&self, engine: &Arc<Engine<F>>, batch: &Batch, record: bool, noise: (u64, u64)) -> Result<(Effective, Spiking)> {
        let keys = batch.samples.iter().map(|&sample| noise_key(noise.0, u64::from(sample), noise.1)).collect();
        let events = Events::new(batch.len(), batch.steps, self.network.input_ids.len(), batch.ptr.clone(), batch.idx.clone())?;
        let events = Arc::new(events.with_noise_keys(keys));
        let effective = self.parameters.effective()?;
        let e = &effective;
        let parts =
            [&e.i_c, &e.leak, &e.alpha, &e.threshold, &e.reset, &e.readout_alpha, &e.readout_beta, &e.w_input, &e.w_recurrent];
        let done = Tensor::cat(&parts, 0).and_then(|flat| spiking(engine, &events, &flat, &e.w_readout, record));
        let done = done.map_err(|error| engine.take_fault().map_or_else(|| internal(error), |fault| fault.to_user_error()))?;
        Ok((effective, done))
    }

    /// Spikes of every hidden neuron in the first sample of a batch, as (neuron, step), by step.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn spikes(&self, batch: &Batch) -> Result<Vec<(u32, u32)>> {
        let neurons = (0..self.network.neuron_ids.len() as u32).collect();
        let record = Record { neurons, mem: false, spikes: true };
        let engine = self.engine.with_spec(EngineSpec { record, ..self.engine.spec().clone() })?;
        let done = self.through(&Arc::new(engine), batch, false, (0, u64::MAX))?.1;
        let trace = done
            .spikes()
            .and_then(|t| t.narrow(1, 0, 1)?.squeeze(1)?.to_dtype(DType::F32)?.to_vec2::<f32>())
            .map_err(internal)?;
        let spikes = trace.iter().enumerate().flat_map(|(t, row)| {
            row.iter().enumerate().filter(|(_, s)| **s > 0.0).map(move |(neuron, _)| (neuron as u32, t as u32))
        });
        Ok(spikes.collect())
    }

    /// The error of a candle operation, or the engine's fault behind it.
    pub fn explained(&self, error: candle_core::Error) -> kenyon_base::UserError {
        self.engine.take_fault().map_or_else(|| internal(error), |fault| fault.to_user_error())
    }

    /// Type of the numbers.
    pub fn dtype(&self) -> DType {
        F::DTYPE
    }
}
