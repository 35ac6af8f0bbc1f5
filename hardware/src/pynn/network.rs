//! `network.json`: everything about a network that is no table, names included.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::prediction::{self, Prediction};
use super::{FORMAT, Options, VERSION};
use crate::deployment::{Deployment, Role, Synapse};
use crate::lint::Finding;
use crate::spinnaker::Quantised;

/// Names of the tables that were written.
pub(super) struct Names {
    pub(super) cells: Vec<String>,
    pub(super) projections: Vec<String>,
    pub(super) samples: Vec<String>,
    pub(super) expected: Vec<String>,
    pub(super) readout: Option<String>,
}

impl Names {
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        let lists = [&self.cells, &self.projections, &self.samples, &self.expected];
        lists.into_iter().flatten().chain(&self.readout).map(String::as_str)
    }
}

/// What the file tells about.
pub(super) struct Whole<'a> {
    pub(super) deployment: &'a Deployment,
    pub(super) board: &'a Quantised,
    pub(super) expected_sums: &'a [Option<[f64; 2]>],
    pub(super) predictions: &'a [Prediction],
    /// Errors of the lint that were overridden.
    pub(super) forced: &'a [&'a Finding],
}

impl Whole<'_> {
    /// The content of the file.
    pub(super) fn json(&self, names: &Names, files: &BTreeMap<String, String>, options: &Options) -> Value {
        let d = self.deployment;
        let readout = d.host_readout.as_ref().map(|readout| {
            json!({
                "sources": readout.sources,
                "classes": readout.classes,
                "decay_syn": readout.decay_syn,
                "decay_mem": readout.decay_mem,
                "file": names.readout,
            })
        });
        let delays = d.projections.iter().flat_map(|p| &p.synapses).map(Synapse::delay);
        json!({
            "format": FORMAT,
            "version": VERSION,
            "tool": kenyon_base::TOOL,
            "name": d.name,
            "synthetic": d.synthetic,
            "sources": d.sources,
            "dt_ms": d.dt_ms,
            "steps": d.steps,
            "lead_in_steps": d.lead_in_steps,
            "max_delay_steps": delays.max().unwrap_or(1),
            "core": if options.split { "split" } else { "combined" },
            "decision": d.decision,
            "expected_by": prediction::BY,
            "forced": self.forced,
            "populations": self.populations(names),
            "projections": self.projections(names),
            "samples": self.samples(names),
            "host_readout": readout,
            "files": files,
        })
    }

    fn populations(&self, names: &Names) -> Vec<Value> {
        let d = self.deployment;
        let all = d.populations.iter().zip(&self.board.populations).zip(&names.cells).zip(self.expected_sums).enumerate();
        all.map(|(index, (((population, board), cells), sums))| {
            let record: Vec<&str> = population.record.iter().map(|v| v.name()).collect();
            let columns = board.cells.as_ref().map(|c| c.raw.columns()).unwrap_or_default();
            let parameters: Vec<&str> = columns.iter().map(|(name, _)| *name).filter(|name| *name != "v").collect();
            json!({
                "index": index,
                "label": population.label,
                "pynn_label": pynn_label(&population.label, index),
                "role": match population.role { Role::Input => "input", Role::Hidden => "hidden", Role::Readout => "readout" },
                "model": population.cells.pynn_name(),
                "n": population.ids.len(),
                "cells": cells,
                "parameters": parameters,
                "record": record,
                "v_scale": population.v_scale,
                "ring_buffer_left_shift": board.cells.as_ref().map(|c| c.shift),
                "max_expected_summed_weight": sums,
                "names": population.names,
            })
        })
        .collect()
    }

    fn projections(&self, names: &Names) -> Vec<Value> {
        let all = self.board.projections.iter().zip(&names.projections);
        all.map(|(projection, file)| {
            let statistics = &projection.statistics;
            json!({
                "pre": projection.pre,
                "post": projection.post,
                "receptor": projection.receptor.name(),
                "synapses": statistics.synapses,
                "quantum": statistics.quantum,
                "zeroed": statistics.zeroed,
                "zeroed_share": statistics.zeroed_share,
                "file": file,
            })
        })
        .collect()
    }

    fn samples(&self, names: &Names) -> Vec<Value> {
        let all = self.deployment.samples.iter().zip(&names.samples).zip(&names.expected).zip(self.predictions);
        all.map(|(((sample, file), expected), prediction)| {
            let answer = prediction.readout.as_ref().map(|(_, answer)| answer);
            json!({
                "name": sample.name,
                "class": sample.class,
                "spikes": sample.spikes.len(),
                "file": file,
                "expected": {
                    "file": expected,
                    "spikes": prediction.spikes.len(),
                    "values": answer.map(|a| &a.values),
                    "answer": answer.map(|a| a.class),
                },
            })
        })
        .collect()
    }
}

/// A label that is safe wherever PyNN and its back ends put it: ASCII letters, digits, `_`, at most 32, unique by its number.
pub(crate) fn pynn_label(label: &str, index: usize) -> String {
    let safe: String = label.chars().take(20).map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("{safe}_{index}")
}
