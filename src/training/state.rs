//! A model as a checkpoint, and back: by root id, whatever order the circuit has.

use std::collections::{BTreeMap, HashMap};

use candle_core::{Device, Tensor, WithDType};
use kenyon_base::{Result, UserError};
use kenyon_datasets::SpikeSource;
use kenyon_neurons::point::Real;

use super::model::Model;
use crate::network::parameters::internal;
use crate::network::{Network, Synapses};
use crate::run::checkpoint::Checkpoint;
use crate::run::tensor::TensorData;

/// Kind of the checkpoints of these models.
const KIND: &str = "snn";
/// Root ids of the inputs, in their order.
const INPUTS: &str = "ids/inputs";

/// The checkpoint of a model: ids, types, wiring, parameters.
///
/// # Errors
/// A tensor that cannot be read.
pub fn of_model<F: Real + WithDType>(model: &Model<F>, seed: u64, config_sha256: &str) -> Result<Checkpoint> {
    let network = &model.network;
    let mut checkpoint = Checkpoint::new(KIND, seed, config_sha256);
    checkpoint.set_neurons(&network.neuron_ids);
    let groups: Vec<u64> = network.group.iter().map(|&g| u64::from(g)).collect();
    checkpoint.set_types(&network.group_names, &groups);
    checkpoint.tensors.insert(INPUTS.into(), TensorData::vector(&network.input_ids));
    checkpoint.manifest.wiring_sha256 = Some(model.wiring_sha256.clone());
    for (name, parameter) in model.parameters.iter() {
        checkpoint.tensors.insert(format!("param/{name}"), TensorData::from_candle(parameter.var.as_tensor())?);
    }
    checkpoint.manifest.constraint_violations = model.parameters.violations()?.iter().map(|(_, n)| *n as u64).sum();
    Ok(checkpoint)
}

/// Checks that the samples are divided as when the checkpoint was made: else test samples may have been trained on.
///
/// # Errors
/// `split-mismatch` with both hashes.
pub fn check_samples(checkpoint: &Checkpoint, source: &dyn SpikeSource) -> Result<()> {
    let ours = source.split().sha256();
    match checkpoint.manifest.splits.get("data") {
        Some(theirs) if *theirs == ours => Ok(()),
        other => Err(UserError::bad_data("split-mismatch", "the samples are divided otherwise than in training")
            .file(checkpoint.origin())
            .found(other.map_or("no split", String::as_str))
            .expected(format!("the split with sha256 `{ours}`, else test samples may have been trained on"))
            .mend("use the data set, config and version that the run was made with")),
    }
}

/// Loads the parameters of a checkpoint into a model of the same network.
///
/// Neurons are addressed by root id: where the circuit has them in another order than the checkpoint, every tensor that has one row
/// per neuron, group, pair or pair of types is put in the circuit's order.
///
/// # Errors
/// `id-mismatch` for other neurons, `wiring-mismatch` for the same neurons connected otherwise; tensors that are missing, too many or
/// of another shape; values that break their constraints.
pub fn load<F: Real + WithDType>(model: &Model<F>, checkpoint: &Checkpoint) -> Result<()> {
    checkpoint.check_kind(KIND)?;
    let rows = Rows::between(model, checkpoint)?;
    let mut expected = BTreeMap::new();
    for (name, parameter) in model.parameters.iter() {
        let own = TensorData::from_candle(parameter.var.as_tensor())?;
        expected.insert(name.to_string(), (own.dtype(), own.shape().to_vec()));
    }
    checkpoint.check_tensors("param/", &expected)?;
    for (name, parameter) in model.parameters.iter() {
        let tensor = checkpoint.tensor(&format!("param/{name}"))?.to_candle()?;
        let tensor = match rows.as_ref().and_then(|rows| rows.of(name)) {
            None => tensor,
            Some(rows) => Tensor::from_slice(rows, rows.len(), &Device::Cpu)
                .and_then(|rows| tensor.index_select(&rows, 0))
                .map_err(internal)?,
        };
        parameter.var.set(&tensor).map_err(internal)?;
    }
    match model.parameters.violations()?.first() {
        None => Ok(()),
        Some((name, count)) => Err(UserError::bad_data("constraint", format!("`{name}` breaks its own constraints"))
            .file(checkpoint.origin())
            .found(format!("{count} values"))
            .expected("none: signs, masks and ranges hold in every checkpoint")
            .mend("use another checkpoint of the run")),
    }
}

/// Checks that the checkpoint is of exactly this network in exactly this order, as resuming needs: sums in another order are others.
///
/// # Errors
/// As [`load`], and `id-mismatch` for another order.
pub fn check_order<F: Real>(model: &Model<F>, checkpoint: &Checkpoint) -> Result<()> {
    checkpoint.check_neurons(&model.network.neuron_ids)?;
    checkpoint.check_ids(INPUTS, &model.network.input_ids)?;
    check_wiring(model, checkpoint)
}

fn check_wiring<F: Real>(model: &Model<F>, checkpoint: &Checkpoint) -> Result<()> {
    let ours = &model.wiring_sha256;
    match &checkpoint.manifest.wiring_sha256 {
        Some(theirs) if theirs == ours => Ok(()),
        Some(theirs) => {
            Err(UserError::bad_data("wiring-mismatch", "belongs to the same neurons, but connected or grouped otherwise")
                .file(checkpoint.origin())
                .found(format!("a network with wiring sha256 `{theirs}`"))
                .expected(format!("`{ours}`, that of the circuit and config at hand"))
                .mend("use the circuit and config that the checkpoint was made with"))
        }
        None => {
            tracing::warn!(
                "an earlier version wrote this checkpoint: that its connections are those of the circuit is not checked"
            );
            Ok(())
        }
    }
}

/// For every row of our tensors the row of the checkpoint's.
struct Rows {
    by_name: HashMap<&'static str, Vec<u32>>,
}

impl Rows {
    /// None if both have the same order.
    fn between<F: Real>(model: &Model<F>, checkpoint: &Checkpoint) -> Result<Option<Self>> {
        let network = &model.network;
        let stored = checkpoint.neurons().unwrap_or_default();
        let inputs: Vec<u64> = checkpoint.values(INPUTS)?;
        if stored == network.neuron_ids && inputs == network.input_ids {
            check_wiring(model, checkpoint)?;
            return Ok(None);
        }
        let place = |ids: &[u64]| ids.iter().copied().zip(0..).collect::<HashMap<u64, u32>>();
        let (hidden_at, input_at) = (place(&stored), place(&inputs));
        let rows = |ids: &[u64], at: &HashMap<u64, u32>| ids.iter().map(|id| at.get(id).copied()).collect::<Option<Vec<u32>>>();
        let same = |ids: &[u64], theirs: &[u64], at: &HashMap<u64, u32>| {
            rows(ids, at).filter(|_| ids.len() == theirs.len() && at.len() == theirs.len())
        };
        let Some(hidden) = same(&network.neuron_ids, &stored, &hidden_at) else {
            return Err(checkpoint.check_neurons(&network.neuron_ids).expect_err("the ids differ"));
        };
        let Some(input) = same(&network.input_ids, &inputs, &input_at) else {
            return Err(checkpoint.check_ids(INPUTS, &network.input_ids).expect_err("the ids differ"));
        };
        if checkpoint.manifest.wiring_sha256.is_none() {
            // Without the wiring, rows of pairs cannot be told apart.
            checkpoint.check_neurons(&network.neuron_ids)?;
            checkpoint.check_ids(INPUTS, &network.input_ids)?;
        }
        check_wiring(model, checkpoint)?;
        let groups = place_of_groups(network, &checkpoint.manifest.types);
        let Some(groups) = groups else {
            return Err(UserError::bad_data("id-mismatch", "names other groups of neurons than the circuit has")
                .file(checkpoint.origin())
                .mend("use the circuit and config that the checkpoint was made with"));
        };
        Ok(Some(Self::new(network, &groups, hidden, &input)))
    }

    /// Stored places of our groups, neurons and inputs; the wiring is the same.
    fn new(network: &Network, groups: &[u32], hidden: Vec<u32>, input: &[u32]) -> Self {
        let mut by_name = HashMap::new();
        for name in ["i_c", "leak", "threshold", "reset"] {
            by_name.insert(name, groups.to_vec());
        }
        let [from_inputs, among_hidden] = [pairs(&network.input, input, &hidden), pairs(&network.recurrent, &hidden, &hidden)];
        by_name.insert("pair_gain_input", type_pairs(&network.input, &from_inputs));
        by_name.insert("pair_gain_recurrent", type_pairs(&network.recurrent, &among_hidden));
        by_name.insert("theta_input", from_inputs.clone());
        by_name.insert("w_input", from_inputs);
        by_name.insert("theta_recurrent", among_hidden.clone());
        by_name.insert("w_recurrent", among_hidden);
        by_name.insert("w_readout", ranks(network.readout.len(), |at| hidden[network.readout[at] as usize]));
        by_name.insert("factor_pre", hidden.clone());
        by_name.insert("factor_post", hidden);
        Self { by_name }
    }

    /// None for tensors without such rows.
    fn of(&self, name: &str) -> Option<&[u32]> {
        self.by_name.get(name).map(Vec::as_slice)
    }
}

/// Stored place of each of our groups, by name.
fn place_of_groups(network: &Network, stored: &[String]) -> Option<Vec<u32>> {
    let at: HashMap<&str, u32> = stored.iter().map(String::as_str).zip(0..).collect();
    network.group_names.iter().map(|name| at.get(name.as_str()).copied()).collect()
}

/// Rank of each of `n` items by its key.
fn ranks<K: Ord>(n: usize, key: impl Fn(usize) -> K) -> Vec<u32> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&at| key(at));
    let mut rank = vec![0; n];
    order.into_iter().zip(0..).for_each(|(at, place)| rank[at] = place);
    rank
}

/// Stored place of each of our pairs: pairs are stored by sender, then receiver.
fn pairs(synapses: &Synapses, senders: &[u32], receivers: &[u32]) -> Vec<u32> {
    ranks(synapses.len(), |at| (senders[synapses.pre[at] as usize], receivers[synapses.post[at] as usize]))
}

/// Stored number of each of our pairs of types: they count in the order in which they first appear among the stored pairs.
fn type_pairs(synapses: &Synapses, pairs: &[u32]) -> Vec<u32> {
    let mut first = vec![u32::MAX; synapses.type_pairs()];
    for (&place, &code) in pairs.iter().zip(&synapses.type_pair) {
        first[code as usize] = first[code as usize].min(place);
    }
    ranks(first.len(), |code| first[code])
}
