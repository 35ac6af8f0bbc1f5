//! A network ready to run: parameters, engine, and the pass from input spikes to readout and spike counts.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor, WithDType};
use kenyon_base::Result;
use kenyon_datasets::Batch;
use kenyon_neurons::point::{Real, Surrogate};

use super::config::TrainSpec;
use super::deploy_aware::Grid;
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
    grid: Option<Grid>,
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
    /// All that the engine put out, recorded traces included.
    pub spiking: Spiking,
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

/// The effective parameters in the engine's order: what is lost in a step in the place of decays.
fn flat(e: &Effective, exact: bool) -> candle_core::Result<Tensor> {
    // Exact in floating point for decays from 1/2 to 1.
    let lost = |decay: &Tensor| decay.affine(-1.0, 1.0);
    let rise = if exact { lost(&e.leak)? } else { e.leak.clone() };
    let (syn_loss, out_syn_loss, out_rise) = (lost(&e.alpha)?, lost(&e.readout_alpha)?, lost(&e.readout_beta)?);
    let parts = [&e.i_c, &rise, &syn_loss, &e.threshold, &e.reset, &out_syn_loss, &out_rise, &e.w_input, &e.w_recurrent];
    Tensor::cat(&parts, 0)
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
        Ok(Self { network, parameters, wiring_sha256, engine, readout, grid: None })
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

    /// The board's numbers that passes run with instead of the plain parameters, if any.
    pub fn grid(&self) -> Option<&Grid> {
        self.grid.as_ref()
    }

    /// Runs with the board's numbers from now on, or with the plain parameters.
    ///
    /// # Errors
    /// `bad-state` for numbers of another network.
    pub fn set_grid(&mut self, grid: Option<Grid>) -> Result<()> {
        grid.iter().try_for_each(|grid| grid.check_fits(&self.network))?;
        self.grid = grid;
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
        let (effective, spiking) = if record || self.record().neurons.is_empty() {
            self.through(&self.engine, batch, record, noise)?
        } else {
            let plain = EngineSpec { record: Record::default(), ..self.engine.spec().clone() };
            self.through(&Arc::new(self.engine.with_spec(plain)?), batch, false, noise)?
        };
        let parts = || Ok::<_, candle_core::Error>((spiking.out()?, spiking.counts()?));
        let (out, counts) = parts().map_err(internal)?;
        Ok(Pass { out, counts, effective, spiking })
    }

    /// Neurons whose traces are put out beside readout and counts.
    pub fn record(&self) -> &Record {
        &self.engine.spec().record
    }

    /// Puts out these traces from now on, in passes through which gradients flow and in [`traces`](Self::traces).
    ///
    /// # Errors
    /// A neuron that does not exist.
    pub fn set_record(&mut self, record: Record) -> Result<()> {
        let spec = EngineSpec { record, ..self.engine.spec().clone() };
        self.engine = Arc::new(self.engine.with_spec(spec)?);
        Ok(())
    }

    /// All traces of a batch, without gradient; noise is as in evaluation.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn traces(&self, batch: &Batch) -> Result<Spiking> {
        Ok(self.through(&self.engine, batch, false, (0, u64::MAX))?.1)
    }

    /// Runs a batch and gives the spikes of every neuron too: [T, B, N], packed; without gradients.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_recorded(&self, batch: &Batch) -> Result<(Pass, Vec<F>)> {
        let (effective, spiking) = self.recorded(batch)?;
        let parts =
            || Ok::<_, candle_core::Error>((spiking.out()?, spiking.counts()?, spiking.spikes()?.flatten_all()?.to_vec1::<F>()?));
        let (out, counts, spikes) = parts().map_err(internal)?;
        Ok((Pass { out, counts, effective, spiking }, spikes))
    }

    /// A pass without gradients that puts out the spikes of every hidden neuron.
    pub(super) fn recorded(&self, batch: &Batch) -> Result<(Effective, Spiking)> {
        let neurons = (0..self.network.neuron_ids.len() as u32).collect();
        let record = Record { neurons, mem: false, spikes: true };
        let engine = self.engine.with_spec(EngineSpec { record, ..self.engine.spec().clone() })?;
        self.through(&Arc::new(engine), batch, false, (0, u64::MAX))
    }

    fn through(&self, engine: &Arc<Engine<F>>, batch: &Batch, record: bool, noise: (u64, u64)) -> Result<(Effective, Spiking)> {
        let keys = batch.samples.iter().map(|&sample| noise_key(noise.0, u64::from(sample), noise.1)).collect();
        let events = Events::new(batch.len(), batch.steps, self.network.input_ids.len(), batch.ptr.clone(), batch.idx.clone())?;
        let events = Arc::new(events.with_noise_keys(keys));
        let mut effective = self.parameters.effective()?;
        if let Some(grid) = &self.grid {
            effective = grid.apply(&self.network, &effective)?;
        }
        let e = &effective;
        let done = flat(e, self.engine.spec().model.is_exact()).and_then(|f| spiking(engine, &events, &f, &e.w_readout, record));
        let done = done.map_err(|error| engine.take_fault().map_or_else(|| internal(error), |fault| fault.to_user_error()))?;
        Ok((effective, done))
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
