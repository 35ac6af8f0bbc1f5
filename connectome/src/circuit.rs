//! Circuits: a chosen part of the connectome with populations, signs and a stored neuron order.
//!
//! | file | owns |
//! |---|---|
//! | [`spec`] | the config of `kenyon circuit build` |
//! | [`build()`] | from a pack and a config to a circuit |
//! | [`mod@file`] | the circuit as one HDF5 file |
//! | [`info`] | populations, projections, degrees, what was cut |
//! | [`lesion`] | removing or silencing neurons |
//! | [`shuffle`] | null models of a circuit |
//!
//! # Stored order
//! Neurons are sorted by (population in the order of the config, cell type, side in the order left, right, center, blank,
//! root id), comparing bytes. Every consumer addresses neurons through [`Circuit::root_ids`], whose SHA-256 names the order.

pub mod build;
pub mod file;
pub mod info;
pub mod lesion;
pub mod shuffle;
pub mod spec;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use kenyon_base::{Provenance, Result, Source, digest};
use petgraph::graph::DiGraph;
use serde::Serialize;

use crate::Categorical;
use crate::codex::Nt;
use crate::edges::Edges;
use crate::query::{Field, ManyCategorical, Table};
use crate::signs;

pub use build::{BuildReport, build};
pub use spec::CircuitSpec;

/// A circuit: neurons in stored order, grouped by population, and the connections among them.
#[derive(Debug, Clone, Default)]
pub struct Circuit {
    /// Root ids in stored order.
    pub root_ids: Vec<u64>,
    /// Population names in the order of the config.
    pub populations: Vec<String>,
    /// Population of each neuron, ascending.
    pub population: Vec<u32>,
    /// Attributes (`type`, `class`, `sub_class`, `side`, …) in stored order.
    pub attributes: BTreeMap<String, Arc<Categorical>>,
    /// Receptor labels, if the dump had a receptor map.
    pub receptors: Option<Arc<ManyCategorical>>,
    /// Transmitter.
    pub nt: Vec<Nt>,
    /// Sign: -1, 0 or 1.
    pub sign: Vec<i8>,
    /// Whether the neuron is driven by odours (a receptor neuron) rather than by the circuit.
    pub input: Vec<bool>,
    /// Whether a lesion silenced it.
    pub silenced: Vec<bool>,
    /// Connections, by position in the stored order.
    pub edges: Edges,
    /// What the build did.
    pub report: BuildReport,
    /// Where it comes from.
    pub provenance: Provenance,
    /// The file it was read from, if it was; becomes a source of what is made from it.
    pub origin: Option<Source>,
}

/// A population: a node of the circuit's graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Population {
    /// Name.
    pub name: String,
    /// Its neurons in the stored order.
    pub neurons: Range<u32>,
}

/// All connections from one population to another: an edge of the circuit's graph.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Projection {
    /// Connected pairs.
    pub pairs: u64,
    /// Synapses.
    pub synapses: u64,
    /// Pairs that were generated, not measured.
    pub synthetic_pairs: u64,
    /// Synapses of excitatory neurons.
    pub excitatory: u64,
    /// Synapses of inhibitory neurons.
    pub inhibitory: u64,
}

/// What of a circuit is a statistical stand-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Generated {
    /// Whether anything is.
    pub synthetic: bool,
    /// Whether the whole fly is.
    pub fly: bool,
    /// Pairs that a completion generated.
    pub pairs: u64,
    /// All pairs.
    pub of_pairs: u64,
}

impl Circuit {
    /// Number of neurons.
    pub fn len(&self) -> usize {
        self.root_ids.len()
    }

    /// Whether it has no neurons.
    pub fn is_empty(&self) -> bool {
        self.root_ids.is_empty()
    }

    /// What of the circuit was generated and not measured.
    pub fn generated(&self) -> Generated {
        let pairs = self.edges.synthetic.iter().filter(|&&synthetic| synthetic).count() as u64;
        // Circuits of earlier versions do not say of what pack they were built.
        let built = self.provenance.steps.iter().rev().find_map(|step| step.get("synthetic_pack")?.as_bool());
        let fly = built.unwrap_or(self.provenance.synthetic && self.report.completion.is_empty());
        Generated { synthetic: self.provenance.synthetic, fly, pairs, of_pairs: self.edges.len() as u64 }
    }

    /// SHA-256 of the stored order.
    pub fn order_sha256(&self) -> String {
        digest::sha256_ids(&self.root_ids)
    }

    /// Neurons of each population, as ranges of the stored order.
    pub fn ranges(&self) -> Vec<Range<u32>> {
        (0..self.populations.len() as u32)
            .map(|p| {
                let start = self.population.partition_point(|&q| q < p) as u32;
                start..self.population.partition_point(|&q| q <= p) as u32
            })
            .collect()
    }

    /// The graph of populations and projections; node `i` is population `i`.
    pub fn graph(&self) -> DiGraph<Population, Projection> {
        let mut graph = DiGraph::new();
        let nodes: Vec<_> = self
            .populations
            .iter()
            .zip(self.ranges())
            .map(|(name, neurons)| graph.add_node(Population { name: name.clone(), neurons }))
            .collect();
        let n = nodes.len();
        let mut projections = vec![Projection::default(); n * n];
        for (i, (pre, post, syn_count)) in self.edges.triples().enumerate() {
            let at = self.population[pre as usize] as usize * n + self.population[post as usize] as usize;
            let projection = &mut projections[at];
            projection.pairs += 1;
            projection.synapses += u64::from(syn_count);
            projection.synthetic_pairs += u64::from(self.edges.synthetic[i]);
            match self.sign[pre as usize] {
                1 => projection.excitatory += u64::from(syn_count),
                -1 => projection.inhibitory += u64::from(syn_count),
                _ => {}
            }
        }
        for (at, projection) in projections.into_iter().enumerate().filter(|(_, p)| p.pairs > 0) {
            graph.add_edge(nodes[at / n], nodes[at % n], projection);
        }
        graph
    }

    /// An attribute by name, blank throughout if the circuit does not hold it.
    pub fn attribute(&self, name: &str) -> Arc<Categorical> {
        self.attributes.get(name).cloned().unwrap_or_else(|| Arc::new(Categorical::blank(self.len())))
    }

    /// The neurons at `rows` of this circuit, in ascending order, with the connections among them.
    #[must_use]
    pub fn restrict(&self, rows: &[u32]) -> Self {
        let mut position = vec![u32::MAX; self.len()];
        for (new, &old) in rows.iter().enumerate() {
            position[old as usize] = new as u32;
        }
        let mut edges = Edges::new(rows.len() as u32);
        for (i, (pre, post, syn_count)) in self.edges.triples().enumerate() {
            let (pre, post) = (position[pre as usize], position[post as usize]);
            if pre != u32::MAX && post != u32::MAX {
                edges.pre.push(pre);
                edges.post.push(post);
                edges.syn_count.push(syn_count);
                edges.synthetic.push(self.edges.synthetic[i]);
            }
        }
        Self {
            root_ids: pick(&self.root_ids, rows),
            populations: self.populations.clone(),
            population: pick(&self.population, rows),
            attributes: self.attributes.iter().map(|(name, column)| (name.clone(), Arc::new(column.take(rows)))).collect(),
            receptors: self.receptors.as_ref().map(|labels| Arc::new(labels.take(rows))),
            nt: pick(&self.nt, rows),
            sign: pick(&self.sign, rows),
            input: pick(&self.input, rows),
            silenced: pick(&self.silenced, rows),
            edges,
            report: self.report.clone(),
            provenance: self.provenance.clone(),
            origin: self.origin.clone(),
        }
    }

    /// A copy to be changed: the file that this circuit was read from becomes one of its sources.
    fn successor(&self) -> Self {
        let mut out = self.clone();
        out.provenance.sources.extend(out.origin.take());
        out
    }
}

/// The elements of `column` at `rows`.
fn pick<T: Copy>(column: &[T], rows: &[u32]) -> Vec<T> {
    rows.iter().map(|&row| column[row as usize]).collect()
}

impl Table for Circuit {
    fn rows(&self) -> usize {
        self.len()
    }

    fn root_ids(&self) -> &[u64] {
        &self.root_ids
    }

    fn fields(&self) -> Vec<String> {
        let own = ["population", "nt", "sign", "input"].map(String::from);
        let mut fields: Vec<String> = own.into_iter().chain(self.attributes.keys().cloned()).collect();
        if self.receptors.is_some() {
            fields.push("receptor".into());
        }
        fields
    }

    fn field(&self, name: &str) -> Result<Option<Field>> {
        let one = |column: Categorical| Some(Field::One(Arc::new(column)));
        Ok(match name {
            "population" => one(self.population.iter().map(|&p| self.populations[p as usize].as_str()).collect()),
            "nt" => one(self.nt.iter().map(|nt| nt.word()).collect()),
            "sign" => one(self.sign.iter().map(|&s| signs::word(s)).collect()),
            "input" => one(self.input.iter().map(|&i| if i { "yes" } else { "no" }).collect()),
            "receptor" => self.receptors.clone().map(Field::Many),
            name => self.attributes.get(name).cloned().map(Field::One),
        })
    }

    fn lists(&self) -> Vec<String> {
        Vec::new()
    }

    fn list(&self, _name: &str) -> Result<Option<Vec<u32>>> {
        Ok(None)
    }
}
