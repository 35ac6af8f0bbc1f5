//! Who is connected to whom, as one hash that does not hang on the stored order.

use std::collections::HashMap;

use kenyon_base::digest;

use super::build::{Network, Synapses};

impl Network {
    /// SHA-256 over neurons, groups, delays, pairs, their start weights, readout and inhibition of inputs, all by root id.
    ///
    /// Two networks with the same hash are one network, perhaps in another order: the parameters of one mean the same in the other.
    pub fn wiring_sha256(&self) -> String {
        let mut bytes = Vec::new();
        let mut inputs: Vec<(u64, u16)> = self.input_ids.iter().copied().zip(self.input_channel.iter().copied()).collect();
        inputs.sort_unstable();
        section(&mut bytes, inputs.len());
        for (id, channel) in inputs {
            words(&mut bytes, &[id, u64::from(channel)]);
        }
        let mut hidden: Vec<usize> = (0..self.neuron_ids.len()).collect();
        hidden.sort_unstable_by_key(|&i| self.neuron_ids[i]);
        section(&mut bytes, hidden.len());
        for i in hidden {
            words(&mut bytes, &[self.neuron_ids[i], u64::from(self.channel[i]), u64::from(self.delay[i])]);
            for text in [&self.group_names[self.group[i] as usize], &self.types[i]] {
                section(&mut bytes, text.len());
                bytes.extend_from_slice(text.as_bytes());
            }
        }
        block(&mut bytes, &self.input, &self.input_ids, &self.neuron_ids);
        block(&mut bytes, &self.recurrent, &self.neuron_ids, &self.neuron_ids);
        let mut readout: Vec<u64> = self.readout.iter().map(|&i| self.neuron_ids[i as usize]).collect();
        readout.sort_unstable();
        section(&mut bytes, readout.len());
        words(&mut bytes, &readout);
        if let Some(own) = &self.presynaptic {
            let id = |at: usize| [self.neuron_ids[own.pre[at] as usize], self.input_ids[own.post[at] as usize]];
            let mut pairs: Vec<[u64; 3]> =
                (0..own.len()).map(|at| [id(at)[0], id(at)[1], u64::from(own.syn_count[at])]).collect();
            pairs.sort_unstable();
            section(&mut bytes, pairs.len());
            for pair in &pairs {
                words(&mut bytes, pair);
            }
        }
        digest::sha256_reader(bytes.as_slice()).expect("memory is always readable")
    }
}

fn section(bytes: &mut Vec<u8>, len: usize) {
    words(bytes, &[len as u64]);
}

fn words(bytes: &mut Vec<u8>, words: &[u64]) {
    for word in words {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
}

fn block(bytes: &mut Vec<u8>, synapses: &Synapses, senders: &[u64], receivers: &[u64]) {
    let ids = |at: usize| (senders[synapses.pre[at] as usize], receivers[synapses.post[at] as usize]);
    let mut order: Vec<usize> = (0..synapses.len()).collect();
    order.sort_unstable_by_key(|&at| ids(at));
    section(bytes, order.len());
    // Pairs of types count in the order in which they first appear, here by root id.
    let mut seen: HashMap<u32, u64> = HashMap::new();
    for at in order {
        let next = seen.len() as u64;
        let type_pair = *seen.entry(synapses.type_pair[at]).or_insert(next);
        let (pre, post) = ids(at);
        let [sign, nt] = [synapses.sign[at] as u64, u64::from(synapses.nt[at])];
        words(bytes, &[pre, post, u64::from(synapses.syn_count[at]), sign, nt, type_pair, synapses.base[at].to_bits()]);
    }
}
