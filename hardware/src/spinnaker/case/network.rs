//! `network.json` of a case as a [`Deployment`].
//!
//! Whole numbers may be written as `32.0`. A neuron of a spike source that names a step twice sends one packet: its core keeps one bit per
//! neuron and step.

use std::collections::BTreeMap;
use std::fmt;

use kenyon_base::{Result, UserError};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

use crate::deployment::{
    CellKind, Cells, Deployment, Neurons, Population, Projection, Receptor, Role, Sample, Synapse, Variable,
};

/// Potential at the start unless a script sets it: PyNN's default, whatever `v_rest` is.
const V_INIT_MV: f64 = -65.0;
/// Largest whole number that every smaller one in f64 is told apart from.
const EXACT: f64 = 9_007_199_254_740_992.0;

#[derive(Deserialize)]
pub(super) struct Network {
    timestep_ms: f64,
    pub(super) steps: Index,
    pub(super) populations: Vec<PopulationEntry>,
    #[serde(default)]
    projections: Vec<ProjectionEntry>,
    #[serde(default)]
    pub(super) n_ring_buffer_saturations: BTreeMap<String, Whole>,
}

#[derive(Deserialize)]
pub(super) struct PopulationEntry {
    pub(super) label: String,
    #[serde(rename = "type")]
    kind: String,
    pub(super) n: Index,
    #[serde(default)]
    pub(super) spike_steps: Option<Vec<Vec<Index>>>,
    #[serde(default)]
    parameters: BTreeMap<String, Vec<f64>>,
    #[serde(default)]
    pub(super) state_raw: Option<Vec<BTreeMap<String, Whole>>>,
    #[serde(default)]
    pub(super) ring_buffer_left_shift: Option<[Whole; 2]>,
}

#[derive(Deserialize)]
struct ProjectionEntry {
    pre: String,
    post: String,
    receptor: Receptor,
    connections: Vec<(Index, Index, f64, f64)>,
}

/// A whole number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole(pub(super) i64);

/// A whole number from 0 to 2^32 - 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Index(pub(super) u32);

/// Reads a whole number within a range. Out of it is an error here, where the parser still knows the place.
struct Within(i64, i64);

impl Within {
    fn check<E: Error>(&self, value: i64, found: Unexpected) -> std::result::Result<i64, E> {
        if (self.0..=self.1).contains(&value) { Ok(value) } else { Err(E::invalid_value(found, self)) }
    }
}

impl Visitor<'_> for Within {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "a whole number from {} to {}", self.0, self.1)
    }

    fn visit_i64<E: Error>(self, v: i64) -> std::result::Result<i64, E> {
        self.check(v, Unexpected::Signed(v))
    }

    fn visit_u64<E: Error>(self, v: u64) -> std::result::Result<i64, E> {
        let value = i64::try_from(v).map_err(|_| E::invalid_value(Unexpected::Unsigned(v), &self))?;
        self.check(value, Unexpected::Unsigned(v))
    }

    fn visit_f64<E: Error>(self, v: f64) -> std::result::Result<i64, E> {
        let whole = v.fract() == 0.0 && v.abs() <= EXACT;
        if whole { self.check(v as i64, Unexpected::Float(v)) } else { Err(E::invalid_value(Unexpected::Float(v), &self)) }
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        from.deserialize_any(Within(i64::MIN, i64::MAX)).map(Self)
    }
}

impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        from.deserialize_any(Within(0, u32::MAX.into())).map(|value| Self(value as u32))
    }
}

impl Network {
    /// The network with the case's spikes as its only sample.
    pub(super) fn deployment(&self, name: String) -> Result<Deployment> {
        let steps = self.steps.0;
        let mut out = Deployment::new(name, self.timestep_ms, steps);
        let mut index = BTreeMap::new();
        let mut spikes = Vec::new();
        for (k, entry) in (0..).zip(&self.populations) {
            check_label(&entry.label)?;
            if index.insert(entry.label.as_str(), k).is_some() {
                return Err(UserError::bad_data("case", "two populations have one label").key(&entry.label));
            }
            let (cells, record) = entry.cells()?;
            for (neuron, sent) in (0..).zip(entry.spike_steps.iter().flatten()) {
                // A spike after the end is never sent.
                spikes.extend(sent.iter().filter(|t| t.0 < steps).map(|t| (k, neuron, t.0)));
            }
            let role = if entry.spike_steps.is_some() { Role::Input } else { Role::Hidden };
            let ids = (0..u64::from(entry.n.0)).collect();
            out.add(Population { label: entry.label.clone(), role, ids, names: Vec::new(), cells, record, v_scale: 1.0 });
        }
        spikes.sort_unstable();
        spikes.dedup();
        out.samples.push(Sample { name: "reference".into(), class: None, spikes });
        for (k, entry) in self.projections.iter().enumerate() {
            let find = |label: &str| {
                index.get(label).copied().ok_or_else(|| {
                    let known = index.keys().copied().collect::<Vec<_>>().join(", ");
                    UserError::bad_data("case", "unknown population")
                        .key(format!("projections[{k}]"))
                        .found(label)
                        .expected(known)
                })
            };
            let (pre, post) = (find(&entry.pre)?, find(&entry.post)?);
            let synapses = entry.connections.iter();
            let synapses =
                synapses.map(|&(pre, post, weight, delay_steps)| Synapse { pre: pre.0, post: post.0, weight, delay_steps });
            out.projections.push(Projection { pre, post, receptor: entry.receptor, synapses: synapses.collect() });
        }
        Ok(out)
    }
}

/// Labels are parts of file names.
fn check_label(label: &str) -> Result<()> {
    if label.is_empty() || label.contains(['/', '\\', '\0']) || label.contains("..") {
        return Err(UserError::bad_data("case-label", "the label of a population can be no part of a file name")
            .key("label")
            .found(label)
            .expected("a name without `/`, `\\` and `..`"));
    }
    Ok(())
}

impl PopulationEntry {
    fn cells(&self) -> Result<(Cells, Vec<Variable>)> {
        let bad = |message: &str| UserError::bad_data("case", message).key(&self.label);
        let sized = |name: &str, found: usize| {
            if found == self.n.0 as usize {
                return Ok(());
            }
            Err(bad(&format!("`{name}` does not match the neurons")).found(found.to_string()).expected(self.n.0.to_string()))
        };
        let kind = match self.kind.as_str() {
            "SpikeSourceArray" => {
                let lists = self.spike_steps.as_ref().ok_or_else(|| bad("has no `spike_steps`"))?;
                sized("spike_steps", lists.len())?;
                return Ok((Cells::SpikeSource, Vec::new()));
            }
            "IF_curr_exp" => CellKind::CurrExp,
            "IF_curr_delta" => CellKind::CurrDelta,
            "IF_cond_exp" => CellKind::CondExp,
            other => {
                return Err(UserError::bad_data("not-emulated", "cells of this kind are not emulated")
                    .key(&self.label)
                    .found(other)
                    .expected("SpikeSourceArray, IF_curr_exp, IF_curr_delta or IF_cond_exp"));
            }
        };
        if self.spike_steps.is_some() {
            return Err(bad("neurons have no `spike_steps`"));
        }
        let mut neurons = Neurons { kind, ..Neurons::default() };
        for (name, column) in neurons.columns_mut().into_iter().filter(|(name, _)| *name != "v") {
            let values = self.parameters.get(name).ok_or_else(|| bad("has no parameter of this name").expected(name))?;
            // Before anything is made of that size.
            sized(name, values.len())?;
            column.clone_from(values);
        }
        neurons.v_init_mv = vec![V_INIT_MV; self.n.0 as usize];
        let record = vec![Variable::V, Variable::GsynExc, Variable::GsynInh, Variable::Spikes];
        Ok((Cells::Neurons(Box::new(neurons)), record))
    }
}
