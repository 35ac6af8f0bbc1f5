//! From a circuit to a network: inputs, hidden neurons, synapses, groups that share parameters, readout.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use kenyon_base::{Result, Streams, UserError, nearest};
use kenyon_connectome::{Circuit, Query};
use rand_distr::{Distribution, StandardNormal};
use serde::Serialize;

use super::presynaptic::{Presynaptic, takes_part};
use super::spec::{ModelKind, NetworkSpec, Share, WeightForm};
use crate::analysis::Population;

/// Transmitters that have a gain; the last stands for neurons without one.
pub const TRANSMITTERS: [&str; 7] = ["ach", "gaba", "glut", "da", "ser", "oct", "unknown"];

/// Synapses of one block, sorted by (pre, post), each pair once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Synapses {
    /// Number of senders.
    pub senders: usize,
    /// Sender of each pair.
    pub pre: Vec<u32>,
    /// Receiver of each pair.
    pub post: Vec<u32>,
    /// Synapses of each pair.
    pub syn_count: Vec<u32>,
    /// Signed start weight of each pair at gain 1 and scale 1.
    pub base: Vec<f64>,
    /// Sign of each pair's sender: -1, 0 or 1.
    pub sign: Vec<i8>,
    /// Transmitter of each pair, an index of [`TRANSMITTERS`].
    pub nt: Vec<u32>,
    /// Pair of cell types of each pair, an index that counts within the block.
    pub type_pair: Vec<u32>,
}

impl Synapses {
    /// Number of connected pairs.
    pub fn len(&self) -> usize {
        self.pre.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pre.is_empty()
    }

    /// Row pointers of the compressed sparse rows, one row per sender.
    pub fn row_ptr(&self) -> Vec<u32> {
        let mut ptr = vec![0; self.senders + 1];
        for &pre in &self.pre {
            ptr[pre as usize + 1] += 1;
        }
        for i in 1..ptr.len() {
            ptr[i] += ptr[i - 1];
        }
        ptr
    }

    /// Number of different pairs of cell types.
    pub fn type_pairs(&self) -> usize {
        self.type_pair.iter().max().map_or(0, |&m| m as usize + 1)
    }
}

/// What a build left out, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Pairs from hidden neurons onto inputs; with presynaptic inhibition those whose sender does not inhibit.
    pub onto_inputs: u64,
    /// Pairs among inputs.
    pub among_inputs: u64,
    /// Pairs whose sender a lesion silenced.
    pub silenced: u64,
}

/// A network: the stored order of a circuit split into inputs and hidden neurons, with everything that parameters hang on.
#[derive(Debug, Clone)]
pub struct Network {
    /// The config it was built from.
    pub spec: NetworkSpec,
    /// Root ids of the inputs, in the circuit's order.
    pub input_ids: Vec<u64>,
    /// Root ids of the hidden neurons, in the circuit's order.
    pub neuron_ids: Vec<u64>,
    /// Populations of the hidden neurons, as ranges.
    pub populations: Vec<(String, Range<usize>)>,
    /// Whether a population is silent for the most part by nature: Kenyon cells are.
    pub sparse: Vec<bool>,
    /// Group of each hidden neuron: those of one group share intrinsic parameters.
    pub group: Vec<u32>,
    /// Names of the groups.
    pub group_names: Vec<String>,
    /// Cell type of each hidden neuron, blank if unknown.
    pub types: Vec<String>,
    /// Hidden neurons that are read out, ascending.
    pub readout: Vec<u32>,
    /// Synapses from inputs.
    pub input: Synapses,
    /// Synapses among hidden neurons.
    pub recurrent: Synapses,
    /// Inhibition of inputs, if the config wants it.
    pub presynaptic: Option<Presynaptic>,
    /// Synaptic time constants in ms by channel.
    pub tau_syn_ms: Vec<f64>,
    /// Channel of each input.
    pub input_channel: Vec<u16>,
    /// Channel of each hidden neuron.
    pub channel: Vec<u16>,
    /// Axonal delay of each hidden neuron in steps beyond the two of every synapse.
    pub delay: Vec<u16>,
    /// Number of classes.
    pub classes: usize,
    /// What was left out.
    pub left_out: LeftOut,
    /// SHA-256 of the circuit's stored order.
    pub order_sha256: String,
}

impl Network {
    /// Builds the network of `circuit`; `config` is named in errors.
    ///
    /// # Errors
    /// A spec that fits no neuron of the circuit: unknown populations or transmitters, an empty readout, no inputs.
    pub fn build(circuit: &Circuit, spec: &NetworkSpec, classes: usize, seed: u64, config: &Path) -> Result<Self> {
        spec.validate(config)?;
        let streams = Streams::new(seed);
        let bad = |code, key: &str, message: String| UserError::bad_data(code, message).file(config).key(key);
        let inputs: Vec<u32> = (0..circuit.len() as u32).filter(|&i| circuit.input[i as usize]).collect();
        let hidden: Vec<u32> = (0..circuit.len() as u32).filter(|&i| !circuit.input[i as usize]).collect();
        if inputs.is_empty() || hidden.is_empty() {
            return Err(bad("no-inputs", "network", "the circuit has no inputs, or nothing but inputs".into())
                .found(format!("{} inputs, {} other neurons", inputs.len(), hidden.len()))
                .expected("receptor neurons and neurons they drive")
                .mend("build the circuit with receptor neurons, or name them with `selection.inputs`"));
        }
        let populations = populations(circuit, &hidden);
        not_inputs(circuit, spec, config)?;
        known(spec.delay_ms.keys(), populations.iter().map(|(name, _)| name.as_str()), config, "network.delay_ms")?;
        known(spec.weights.gain.keys(), TRANSMITTERS, config, "network.weights.gain")?;
        known(spec.tau_syn_by_nt_ms.keys(), TRANSMITTERS, config, "network.tau_syn_by_nt_ms")?;
        let projections = projection_names(circuit);
        known(spec.weights.projection.keys(), projections.iter().map(String::as_str), config, "network.weights.projection")?;

        let types = circuit.attribute("type");
        let type_of = |i: u32| types.get(i as usize).to_string();
        let readout = readout(circuit, &hidden, spec, config)?;
        let (group, group_names) = groups(circuit, &hidden, spec.share);
        let mut left_out = LeftOut::default();
        let position = positions(circuit.len(), [&inputs, &hidden]);
        let presynaptic = Presynaptic::build(circuit, spec, &position, config)?;
        let blocks = Blocks { circuit, spec, position, senders: [inputs.len(), hidden.len()] };
        let (input, recurrent) = blocks.synapses(streams, &mut left_out);
        let (tau_syn_ms, channel_of) = channels(spec);
        let class = circuit.attribute("class");
        let is_kenyon = |at: usize| class.get(hidden[at] as usize) == "Kenyon_Cell";
        let sparse = populations.iter().map(|(name, range)| name.starts_with("KC") || range.clone().all(is_kenyon)).collect();
        let channel = |rows: &[u32]| rows.iter().map(|&i| channel_of[nt(circuit, i)]).collect();
        let delay = |i: &u32| {
            let ms = spec.delay_ms.get(&circuit.populations[circuit.population[*i as usize] as usize]).copied().unwrap_or(0.0);
            (ms / spec.dt_ms).round() as u16
        };
        Ok(Self {
            spec: spec.clone(),
            input_ids: inputs.iter().map(|&i| circuit.root_ids[i as usize]).collect(),
            neuron_ids: hidden.iter().map(|&i| circuit.root_ids[i as usize]).collect(),
            populations,
            sparse,
            group,
            group_names,
            types: hidden.iter().map(|&i| type_of(i)).collect(),
            readout,
            input,
            recurrent,
            presynaptic,
            tau_syn_ms,
            input_channel: channel(&inputs),
            channel: channel(&hidden),
            delay: hidden.iter().map(delay).collect(),
            classes,
            left_out,
            order_sha256: circuit.order_sha256(),
        })
    }

    /// The populations as the activity monitor wants them.
    pub fn watched(&self) -> Vec<Population> {
        let mut driven = vec![false; self.neuron_ids.len()];
        self.input.post.iter().chain(&self.recurrent.post).for_each(|&post| driven[post as usize] = true);
        let watched = |((name, range), &sparse): (&(String, Range<usize>), &bool)| Population {
            name: name.clone(),
            neurons: (range.start as u32..range.end as u32).collect(),
            sparse,
            driven: driven[range.clone()].contains(&true),
            graded: self.spec.model == ModelKind::Nonspiking,
        };
        self.populations.iter().zip(&self.sparse).map(watched).collect()
    }
}

/// Index of a neuron's transmitter in [`TRANSMITTERS`].
fn nt(circuit: &Circuit, neuron: u32) -> usize {
    let word = circuit.nt[neuron as usize].word().to_lowercase();
    TRANSMITTERS.iter().position(|&t| t == word).unwrap_or(TRANSMITTERS.len() - 1)
}

/// Every key must be a known name.
fn known<'a, S: AsRef<str> + 'a>(
    keys: impl Iterator<Item = &'a S>,
    names: impl IntoIterator<Item = &'a str> + Clone,
    config: &Path,
    section: &str,
) -> Result<()> {
    for key in keys.map(AsRef::as_ref) {
        if names.clone().into_iter().any(|name| name == key) {
            continue;
        }
        let mend = match nearest(key, names.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("choose from {}", names.into_iter().collect::<Vec<_>>().join(", ")),
        };
        let error = UserError::bad_data("unknown-name", "names nothing in this circuit").file(config).key(section);
        return Err(error.found(key).mend(mend));
    }
    Ok(())
}

/// Spikes of inputs come from the samples, at their times: a delay of theirs would mean nothing.
fn not_inputs(circuit: &Circuit, spec: &NetworkSpec, config: &Path) -> Result<()> {
    for (name, range) in circuit.populations.iter().zip(circuit.ranges()) {
        let range = range.start as usize..range.end as usize;
        if spec.delay_ms.contains_key(name) && !range.is_empty() && circuit.input[range].iter().all(|&input| input) {
            return Err(UserError::bad_data("input-delay", "holds inputs, whose spikes come from the samples and have no delay")
                .file(config)
                .key("network.delay_ms")
                .found(name)
                .expected("populations of hidden neurons")
                .mend(format!("take `{name}` out; `odors.onset_ms` moves the stimulus")));
        }
    }
    Ok(())
}

fn projection_names(circuit: &Circuit) -> BTreeSet<String> {
    let name = |i: u32| circuit.populations[circuit.population[i as usize] as usize].as_str();
    circuit.edges.triples().map(|(pre, post, _)| format!("{}->{}", name(pre), name(post))).collect()
}

/// Populations of the hidden neurons, in the stored order.
fn populations(circuit: &Circuit, hidden: &[u32]) -> Vec<(String, Range<usize>)> {
    let mut out: Vec<(String, Range<usize>)> = Vec::new();
    for (at, &i) in hidden.iter().enumerate() {
        let name = &circuit.populations[circuit.population[i as usize] as usize];
        match out.last_mut() {
            Some((last, range)) if last == name => range.end = at + 1,
            _ => out.push((name.clone(), at..at + 1)),
        }
    }
    out
}

fn readout(circuit: &Circuit, hidden: &[u32], spec: &NetworkSpec, config: &Path) -> Result<Vec<u32>> {
    let key = "network.readout.query";
    let chosen = if spec.readout.query.trim().is_empty() {
        hidden.to_vec()
    } else {
        let query = Query::parse(&spec.readout.query).map_err(|e| e.in_config(config, key))?;
        query.select(circuit).map_err(|e| e.in_config(config, key))?
    };
    // A silenced neuron sends nothing, neither to other neurons nor to the readout.
    let sends = chosen.iter().filter(|&&row| !circuit.silenced[row as usize]);
    let rows: Vec<u32> = sends.filter_map(|row| hidden.binary_search(row).ok().map(|at| at as u32)).collect();
    if rows.is_empty() {
        return Err(UserError::bad_data("no-readout", "no hidden neuron of the circuit matches the query")
            .file(config)
            .key(key)
            .found(spec.readout.query.clone())
            .expected("at least one neuron that is neither an input nor silenced")
            .mend("name a population of the circuit, for example `population = KC`, or set `query = \"\"` to read all"));
    }
    Ok(rows)
}

/// Group of each hidden neuron, and the names of the groups.
fn groups(circuit: &Circuit, hidden: &[u32], share: Share) -> (Vec<u32>, Vec<String>) {
    let types = circuit.attribute("type");
    let name = |i: u32| {
        let population = &circuit.populations[circuit.population[i as usize] as usize];
        match share {
            Share::Neuron => circuit.root_ids[i as usize].to_string(),
            Share::Type if types.get(i as usize).is_empty() => format!("{population} without a type"),
            Share::Type => types.get(i as usize).to_string(),
            Share::Population => population.clone(),
            Share::All => "all".into(),
        }
    };
    let mut codes: BTreeMap<String, u32> = BTreeMap::new();
    let mut names = Vec::new();
    let group = hidden
        .iter()
        .map(|&i| {
            *codes.entry(name(i)).or_insert_with_key(|name| {
                names.push(name.clone());
                names.len() as u32 - 1
            })
        })
        .collect();
    (group, names)
}

/// Time constant of each channel, and the channel of each transmitter.
fn channels(spec: &NetworkSpec) -> (Vec<f64>, [u16; TRANSMITTERS.len()]) {
    let mut taus = vec![spec.tau_syn_ms];
    let channel = TRANSMITTERS.map(|nt| {
        // One of its own even where it starts with the value of another: training moves them apart.
        let Some(&tau) = spec.tau_syn_by_nt_ms.get(nt) else { return 0 };
        taus.push(tau);
        taus.len() as u16 - 1
    });
    (taus, channel)
}

/// Index of each of `neurons` neurons in the list that it stands in.
fn positions(neurons: usize, lists: [&[u32]; 2]) -> Vec<u32> {
    let mut out = vec![0; neurons];
    for list in lists {
        list.iter().zip(0..).for_each(|(&i, at)| out[i as usize] = at);
    }
    out
}

/// What the synapses are made from.
struct Blocks<'a> {
    circuit: &'a Circuit,
    spec: &'a NetworkSpec,
    /// Index of each neuron of the circuit among the inputs or the hidden neurons.
    position: Vec<u32>,
    /// Number of inputs and of hidden neurons.
    senders: [usize; 2],
}

impl Blocks<'_> {
    /// Synapses from inputs, and among hidden neurons.
    fn synapses(&self, streams: Streams, left_out: &mut LeftOut) -> (Synapses, Synapses) {
        let circuit = self.circuit;
        let [mut input, mut recurrent] = self.senders.map(|senders| Synapses { senders, ..Synapses::default() });
        let norm = self.spec.weights.normalise.then(|| self.norms());
        let types = circuit.attribute("type");
        let mut pairs: [BTreeMap<(u32, u32), u32>; 2] = Default::default();
        let mut jitter = streams.stream("network/jitter");
        for (pre, post, syn_count) in circuit.edges.triples() {
            let draw: f64 = StandardNormal.sample(&mut jitter);
            if circuit.silenced[pre as usize] {
                left_out.silenced += 1;
                continue;
            }
            let block = match (circuit.input[pre as usize], circuit.input[post as usize]) {
                (true, true) => {
                    left_out.among_inputs += 1;
                    continue;
                }
                (false, true) => {
                    left_out.onto_inputs += u64::from(!takes_part(self.spec, circuit.sign[pre as usize]));
                    continue;
                }
                (true, false) => 0,
                (false, false) => 1,
            };
            let populations = (circuit.population[pre as usize], circuit.population[post as usize]);
            let name = |p: u32| &circuit.populations[p as usize];
            let projection = format!("{}->{}", name(populations.0), name(populations.1));
            let sign = circuit.sign[pre as usize];
            let mut base = f64::from(sign) * f64::from(syn_count);
            base *= self.spec.weights.projection.get(&projection).copied().unwrap_or(1.0);
            base *= (self.spec.weights.jitter * draw).exp();
            if let Some(norm) = &norm {
                base *= norm.get(&(populations.0, post)).copied().unwrap_or(1.0);
            }
            let known = &mut pairs[block];
            let next = known.len() as u32;
            let type_pair = *known.entry((types.codes()[pre as usize], types.codes()[post as usize])).or_insert(next);
            let synapses = if block == 0 { &mut input } else { &mut recurrent };
            synapses.pre.push(self.position[pre as usize]);
            synapses.post.push(self.position[post as usize]);
            synapses.syn_count.push(syn_count);
            synapses.base.push(base);
            synapses.sign.push(sign);
            synapses.nt.push(nt(circuit, pre) as u32);
            synapses.type_pair.push(type_pair);
        }
        (input, recurrent)
    }

    /// Factor by (sending population, receiving neuron): mean over the receiving population of the synapses received from
    /// there, divided by those that the neuron receives.
    fn norms(&self) -> BTreeMap<(u32, u32), f64> {
        let circuit = self.circuit;
        let mut received: BTreeMap<(u32, u32), f64> = BTreeMap::new();
        for (pre, post, n) in circuit.edges.triples() {
            *received.entry((circuit.population[pre as usize], post)).or_default() += f64::from(n);
        }
        let mut means: BTreeMap<(u32, u32), (f64, f64)> = BTreeMap::new();
        for (&(from, post), &sum) in &received {
            let mean = means.entry((from, circuit.population[post as usize])).or_default();
            mean.0 += sum;
            mean.1 += 1.0;
        }
        let factor = |(&(from, post), &sum): (&(u32, u32), &f64)| {
            let mean = means[&(from, circuit.population[post as usize])];
            ((from, post), mean.0 / mean.1 / sum)
        };
        received.iter().map(factor).collect()
    }
}

/// Whether a form keeps the sign of every presynaptic neuron (Dale's law).
pub const fn keeps_signs(form: WeightForm) -> bool {
    !matches!(form, WeightForm::LowRank)
}
