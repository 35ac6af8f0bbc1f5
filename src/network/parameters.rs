//! The parameters of a network: named tensors, which of them are trained, and the values of each neuron and synapse that
//! follow from them.
//!
//! | tensor | shape | meaning |
//! |---|---|---|
//! | `i_c` | groups | bias, subtracted from the synaptic input |
//! | `leak` | groups | exp(-dt/tau_mem) (LIF, non-spiking) or dt/tau_mem (LIF2, QIF) |
//! | `alpha` | channels | exp(-dt/tau_syn) |
//! | `threshold`, `reset` | groups | potentials |
//! | `gain` | transmitters | magnitude per synapse, see [`TRANSMITTERS`]; all forms but `free` |
//! | `scale` | 1 | factor on all weights; all forms but `free` |
//! | `pair_gain_input`, `pair_gain_recurrent` | pairs of types | form `type-pair` |
//! | `theta_input`, `theta_recurrent` | pairs | log of a factor on each weight, form `log-magnitude` |
//! | `w_input`, `w_recurrent` | pairs | free values, form `free` |
//! | `factor_pre`, `factor_post` | hidden × rank | form `low-rank` |
//! | `readout_alpha`, `readout_beta` | 1 | decays of the readout |
//! | `w_readout` | read out × classes | readout weights |

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor, Var};
use kenyon_base::{Result, Streams, UserError, nearest};
use kenyon_neurons::point::{PointModel, QifNeuron};
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};

use super::build::{Network, Synapses, TRANSMITTERS};
use super::constraints::Constraint;
use super::spec::{Fan, ModelKind, WeightForm};

/// One parameter tensor.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Values.
    pub var: Var,
    /// What every value must obey, always.
    pub constraint: Constraint,
    /// Whether the optimiser may change it.
    pub trained: bool,
}

/// All parameters of a network.
#[derive(Debug, Clone)]
pub struct Parameters {
    tensors: BTreeMap<String, Parameter>,
    form: WeightForm,
    index: Index,
}

/// Index tensors that spread parameters over neurons and synapses.
#[derive(Debug, Clone)]
struct Index {
    group: Tensor,
    input: BlockIndex,
    recurrent: BlockIndex,
}

#[derive(Debug, Clone)]
struct BlockIndex {
    base: Tensor,
    nt: Tensor,
    type_pair: Tensor,
    pre: Tensor,
    post: Tensor,
}

impl BlockIndex {
    fn new(synapses: &Synapses, dtype: DType) -> candle_core::Result<Self> {
        let codes = |codes: &[u32]| Tensor::from_slice(codes, codes.len(), &Device::Cpu);
        Ok(Self {
            base: Tensor::from_slice(&synapses.base, synapses.len(), &Device::Cpu)?.to_dtype(dtype)?,
            nt: codes(&synapses.nt)?,
            type_pair: codes(&synapses.type_pair)?,
            pre: codes(&synapses.pre)?,
            post: codes(&synapses.post)?,
        })
    }
}

/// Values of each neuron and synapse, in the order in which the engine takes them.
#[derive(Debug, Clone)]
pub struct Effective {
    /// `i_c`, `leak`, `threshold`, `reset` by hidden neuron.
    pub i_c: Tensor,
    /// See [`Parameters`].
    pub leak: Tensor,
    /// By channel.
    pub alpha: Tensor,
    /// By hidden neuron.
    pub threshold: Tensor,
    /// By hidden neuron.
    pub reset: Tensor,
    /// One value.
    pub readout_alpha: Tensor,
    /// One value.
    pub readout_beta: Tensor,
    /// By stored pair from inputs.
    pub w_input: Tensor,
    /// By stored pair among hidden neurons.
    pub w_recurrent: Tensor,
    /// Read out × classes.
    pub w_readout: Tensor,
}

/// A candle error is a fault of ours: shapes are fixed by the network.
#[expect(clippy::needless_pass_by_value, reason = "its place is in `map_err`")]
pub(crate) fn internal(error: candle_core::Error) -> UserError {
    UserError::failed("tensor", format!("a tensor operation failed: {error}"))
}

impl Parameters {
    /// Start values of `network`, seeded; nothing is trained yet.
    ///
    /// # Errors
    /// A tensor operation fails for lack of memory.
    pub fn start(network: &Network, seed: u64, dtype: DType) -> Result<Self> {
        let parameters = Self::build(network, seed, dtype).map_err(internal)?;
        parameters.project()?;
        Ok(parameters)
    }

    fn build(network: &Network, seed: u64, dtype: DType) -> candle_core::Result<Self> {
        let streams = Streams::new(seed);
        let spec = &network.spec;
        let mut tensors = BTreeMap::new();
        let mut add = |name: &str, values: Vec<f64>, shape: &[usize], constraint: Constraint| -> candle_core::Result<()> {
            let tensor = Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)?;
            tensors.insert(name.to_string(), Parameter { var: Var::from_tensor(&tensor)?, constraint, trained: false });
            Ok(())
        };
        let groups = network.group_names.len();
        let start = Intrinsics::start(network, streams);
        let model = model(network);
        let (least, most) = if model.is_exact() { ((-1.0_f64 / 3.0).exp(), 0.995) } else { (1.0 / 400.0, 1.0 / 3.0) };
        let leaks = around(least, most, &start.leak, dtype);
        let bias = if spec.model == ModelKind::Qif { (0.0, 2.0) } else { (-1.0, 1.0) };
        let biases = around(bias.0, bias.1, &start.i_c, dtype);
        add("i_c", start.i_c, &[groups], biases)?;
        add("leak", start.leak, &[groups], leaks)?;
        let decay = |tau: f64| (-spec.dt_ms / tau).exp();
        let alpha: Vec<f64> = network.tau_syn_ms.iter().map(|&tau| decay(tau)).collect();
        let decays = around(0.0, 0.999, &alpha, dtype);
        add("alpha", alpha, &[network.tau_syn_ms.len()], decays)?;
        // That a reset stays below its threshold is seen to by the projection.
        add("threshold", start.threshold, &[groups], Constraint::Range { least: 0.01, most: 3.0 })?;
        add("reset", start.reset, &[groups], Constraint::Range { least: -1.0, most: 1.0 })?;
        for (name, tau) in [("readout_alpha", spec.readout.tau_syn_ms), ("readout_beta", spec.readout.tau_mem_ms)] {
            let value = [decay(tau)];
            add(name, value.to_vec(), &[1], around(0.0, 0.999, &value, dtype))?;
        }

        let scale = spec.weights.scale;
        let start_gain = |nt: &str| {
            let gain = spec.weights.gain.get(nt).copied().unwrap_or(0.1);
            if spec.weights.wsf_squared { gain * scale } else { gain }
        };
        if spec.weights.form != WeightForm::Free {
            let gain: Vec<f64> = TRANSMITTERS.iter().map(|nt| start_gain(nt)).collect();
            let gains = around(0.01, f64::INFINITY, &gain, dtype);
            add("gain", gain, &[TRANSMITTERS.len()], gains)?;
            add("scale", vec![scale], &[1], around(1e-4, f64::INFINITY, &[scale], dtype))?;
        }
        let blocks = [("input", &network.input), ("recurrent", &network.recurrent)];
        let gain_of = |nt: u32| start_gain(TRANSMITTERS[nt as usize]) * scale;
        for (block, synapses) in blocks.into_iter().filter(|(_, synapses)| !synapses.is_empty()) {
            let n = synapses.len();
            match spec.weights.form {
                WeightForm::Gain | WeightForm::LowRank => {}
                WeightForm::TypePair => {
                    let pairs = synapses.type_pairs();
                    let positive = Constraint::Range { least: 0.0, most: f64::INFINITY };
                    add(&format!("pair_gain_{block}"), vec![1.0; pairs], &[pairs], positive)?;
                }
                WeightForm::LogMagnitude => {
                    add(&format!("theta_{block}"), vec![0.0; n], &[n], Constraint::Range { least: -8.0, most: 8.0 })?;
                }
                WeightForm::Free => {
                    let values: Vec<f64> = synapses.base.iter().zip(&synapses.nt).map(|(b, &nt)| b * gain_of(nt)).collect();
                    add(&format!("w_{block}"), values, &[n], Constraint::Signs(synapses.sign.clone()))?;
                }
            }
        }
        if spec.weights.form == WeightForm::LowRank {
            let (n, rank) = (network.neuron_ids.len(), spec.weights.rank);
            // The product of two such factors has the standard deviation 1 / sqrt(senders) at any rank.
            let sd = ((n as f64).powf(-0.5) / (rank as f64).sqrt()).sqrt();
            for name in ["factor_pre", "factor_post"] {
                add(name, normal(streams, name, n * rank, sd), &[n, rank], Constraint::Free)?;
            }
        }
        let read = network.readout.len();
        let fan = match spec.readout.fan {
            Fan::Senders => read,
            Fan::Columns => network.classes,
        };
        let sd = spec.readout.init / (fan as f64).sqrt();
        add("w_readout", normal(streams, "w_readout", read * network.classes, sd), &[read, network.classes], Constraint::Free)?;
        Ok(Self {
            tensors,
            form: spec.weights.form,
            index: Index {
                group: Tensor::from_slice(&network.group, network.group.len(), &Device::Cpu)?,
                input: BlockIndex::new(&network.input, dtype)?,
                recurrent: BlockIndex::new(&network.recurrent, dtype)?,
            },
        })
    }

    /// All parameters by name, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.tensors.iter().map(|(name, parameter)| (name.as_str(), parameter))
    }

    /// The parameters that are trained, in the order of names.
    pub fn trained(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.iter().filter(|(_, parameter)| parameter.trained)
    }

    /// One parameter.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.tensors.get(name)
    }

    /// Trains exactly these parameters.
    ///
    /// # Errors
    /// `unknown-parameter` for a name that this network lacks, with the nearest one.
    pub fn train(&mut self, names: &[String]) -> Result<()> {
        for name in names {
            if !self.tensors.contains_key(name) {
                return Err(self.unknown("train.trained", name, &[]));
            }
        }
        for (name, parameter) in &mut self.tensors {
            parameter.trained = names.contains(name);
        }
        Ok(())
    }

    /// The error for a `word` that `key` of a config holds and that is neither a parameter nor one of the `sets` of them.
    pub fn unknown(&self, key: &str, word: &str, sets: &[&str]) -> UserError {
        let known: Vec<&str> = sets.iter().copied().chain(self.tensors.keys().map(String::as_str)).collect();
        let choose = || format!("choose from {}", known.join(", "));
        UserError::bad_data("unknown-parameter", "names no parameter of this network, and no set of them")
            .key(key)
            .found(word)
            .expected("a set or a parameter that the form of the weights has")
            .mend(nearest(word, known.iter().copied()).map_or_else(choose, |near| format!("did you mean `{near}`?")))
    }

    /// Values by neuron and synapse; differentiable by every parameter.
    ///
    /// # Errors
    /// A tensor operation fails for lack of memory.
    pub fn effective(&self) -> Result<Effective> {
        self.spread().map_err(internal)
    }

    fn spread(&self) -> candle_core::Result<Effective> {
        let of = |name: &str| self.tensors[name].value();
        let by_group = |name: &str| of(name).index_select(&self.index.group, 0);
        Ok(Effective {
            i_c: by_group("i_c")?,
            leak: by_group("leak")?,
            alpha: of("alpha"),
            threshold: by_group("threshold")?,
            reset: by_group("reset")?,
            readout_alpha: of("readout_alpha"),
            readout_beta: of("readout_beta"),
            w_input: self.weights("input", &self.index.input)?,
            w_recurrent: self.weights("recurrent", &self.index.recurrent)?,
            w_readout: of("w_readout"),
        })
    }

    fn weights(&self, block: &str, index: &BlockIndex) -> candle_core::Result<Tensor> {
        let of = |name: &str| self.tensors[name].value();
        if index.base.elem_count() == 0 {
            return Ok(index.base.clone());
        }
        if self.form == WeightForm::Free {
            return Ok(of(&format!("w_{block}")));
        }
        if self.form == WeightForm::LowRank && block == "recurrent" {
            let factor = |name: &str, rows: &Tensor| of(name).index_select(rows, 0);
            return (factor("factor_pre", &index.pre)? * factor("factor_post", &index.post)?)?.sum(1);
        }
        let start = index.base.mul(&of("gain").index_select(&index.nt, 0)?)?.broadcast_mul(&of("scale"))?;
        match self.form {
            WeightForm::TypePair => start.mul(&of(&format!("pair_gain_{block}")).index_select(&index.type_pair, 0)?),
            WeightForm::LogMagnitude => start.mul(&of(&format!("theta_{block}")).exp()?),
            _ => Ok(start),
        }
    }
}

impl Parameter {
    /// The tensor, with its gradient if it is trained.
    fn value(&self) -> Tensor {
        if self.trained { self.var.as_tensor().clone() } else { self.var.as_detached_tensor() }
    }
}

/// The membrane model of a network.
pub fn model(network: &Network) -> PointModel {
    match network.spec.model {
        ModelKind::Lif => PointModel::Lif,
        ModelKind::Lif2 => PointModel::Lif2,
        ModelKind::Qif => PointModel::qif(),
        ModelKind::Nonspiking => PointModel::NonSpiking,
    }
}

/// A range that holds the start values too, as `dtype` rounds them: no parameter is moved before it is trained.
fn around(least: f64, most: f64, start: &[f64], dtype: DType) -> Constraint {
    let stored = |&x: &f64| if dtype == DType::F64 { x } else { f64::from(x as f32) };
    let (low, high) = start.iter().map(stored).fold((least, most), |(low, high), x| (low.min(x), high.max(x)));
    Constraint::Range { least: low, most: high }
}

/// Start values by group.
struct Intrinsics {
    i_c: Vec<f64>,
    leak: Vec<f64>,
    threshold: Vec<f64>,
    reset: Vec<f64>,
}

impl Intrinsics {
    fn start(network: &Network, streams: Streams) -> Self {
        let spec = &network.spec;
        let groups = network.group_names.len();
        let mut out = Self {
            i_c: spread(streams, "i_c", spec.i_c, groups),
            leak: Vec::with_capacity(groups),
            threshold: vec![spec.threshold; groups],
            reset: vec![spec.reset; groups],
        };
        let model = model(network);
        for (i, tau) in spread(streams, "tau_mem", spec.tau_mem_ms, groups).into_iter().enumerate() {
            let mut tau_mem = tau;
            if spec.model == ModelKind::Qif {
                let neuron = QifNeuron::from_lif(tau, out.i_c[i], spec.qif.of_neuron(i, groups));
                tau_mem = neuron.tau_mem;
                (out.i_c[i], out.threshold[i], out.reset[i]) = (neuron.i_c, neuron.threshold, neuron.reset);
            }
            out.leak.push(model.leak(spec.dt_ms, tau_mem));
        }
        out
    }
}

/// `n` values evenly spread over a range, in random order.
fn spread(streams: Streams, label: &str, [first, last]: [f64; 2], n: usize) -> Vec<f64> {
    let step = if n > 1 { (last - first) / (n - 1) as f64 } else { 0.0 };
    let mut values: Vec<f64> = (0..n).map(|i| first + step * i as f64).collect();
    values.shuffle(&mut streams.stream(&format!("network/{label}")));
    values
}

/// `n` normal numbers.
fn normal(streams: Streams, label: &str, n: usize, sd: f64) -> Vec<f64> {
    let mut stream = streams.stream(&format!("network/{label}"));
    (0..n)
        .map(|_| {
            let x: f64 = StandardNormal.sample(&mut stream);
            x * sd
        })
        .collect()
}
