//! From what a bundle holds, and what its samples did, to the document.
//!
//! `certify` and `verify` both end here: the one with the fast emulator's runs, the other with the plain one's and nothing from the
//! certificate itself.

use kenyon_base::digest;

use super::accuracy::{accuracies, at_risk, divergence, margins};
use super::verdict::verdict;
use super::{
    BoardFit, Certificate, Choices, Comparison, FORMAT, Inputs, LIMITS, LintLine, Lowered, ProjectionLoss, Quantiles,
    ReadoutPlace, RingBuffer, Rounding, SampleRow, Seen, TARGET, remedied,
};
use crate::deployment::{Deployment, Projection};
use crate::lint::{self, Known, PopulationActivity, Training};
use crate::spinnaker::{Quantised, QuantisedProjection};

/// Everything that a certificate is made of.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The network, without samples.
    pub deployment: &'a Deployment,
    /// The same in the board's numbers.
    pub network: &'a Quantised,
    /// What was chosen.
    pub choices: &'a Choices,
    /// One row per sample.
    pub rows: &'a [SampleRow],
    /// What the samples did.
    pub seen: Seen,
    /// What other simulators did.
    pub comparisons: &'a [Comparison],
    /// Hash of the bundle.
    pub bundle_sha256: &'a str,
}

impl Evidence<'_> {
    /// The document.
    ///
    /// # Panics
    /// If there is no sample, or the machine has no known name.
    pub fn certificate(self) -> Certificate {
        let (d, choices) = (self.deployment, self.choices);
        let machine = choices.machine().expect("a known machine");
        let (populations, spikes_sha256, activity) = self.seen.finish();
        let training = training(d);
        let known = Known { training: Some(&training), activity: Some(&activity), combined_cores: true, ..Known::default() };
        let linted = lint::quantised(d, &choices.options(), Some(machine), &known);
        let fit = linted.fit.expect("a machine was named");
        let rounded = lint::Rounding::of(d, self.network, &choices.options());
        let lint: Vec<LintLine> = linted.findings.into_iter().map(|finding| LintLine::from(&remedied(finding))).collect();
        let accuracy = accuracies(self.rows);
        let sum = |of: fn(&PopulationActivity) -> u64| activity.populations.iter().map(of).sum::<u64>();
        Certificate {
            format: FORMAT.into(),
            tool: choices.tool.clone(),
            target: TARGET.into(),
            inputs: self::inputs(d, choices, self.rows, self.bundle_sha256),
            data: choices.data.clone(),
            deployment: lowered(d, choices.nudged),
            populations,
            projections: projections(d, self.network),
            ring_buffer: RingBuffer {
                saturations: self.rows.iter().map(|row| row.saturations).sum(),
                worst_sum: activity.populations.iter().flat_map(|p| p.worst_slot).max().unwrap_or(0),
                wraps: sum(|p| p.wraps),
            },
            rounding: rounding(&rounded),
            fit: BoardFit {
                machine: fit.machine,
                cores: fit.cores.into(),
                cores_available: fit.cores_available.into(),
                chips: fit.chips.into(),
                sdram_bytes: fit.sdram_bytes,
                routing_entries: fit.routing_entries.into(),
            },
            divergence: divergence(self.rows),
            margins: margins(self.rows),
            at_risk: at_risk(self.rows),
            turned: accuracy.n - accuracy.same_answer.emulator,
            comparisons: self.comparisons.to_vec(),
            spikes_sha256,
            limits: LIMITS.map(String::from).to_vec(),
            max_loss: choices.max_loss,
            verdict: verdict(&accuracy, &lint, choices.max_loss),
            lint,
            accuracy,
        }
    }
}

/// What a lowered network was trained with, as its lowering tells.
pub(super) fn training(d: &Deployment) -> Training {
    Training {
        dt_ms: d.dt_ms,
        steps: d.steps.saturating_sub(d.lead_in_steps + 1),
        refractory_steps: 1,
        ids: d.populations.iter().filter(|p| p.role != crate::deployment::Role::Readout).flat_map(|p| &p.ids).copied().collect(),
    }
}

/// Hash of the source of a deployment whose name begins with `word`; 64 zeros if it names none.
pub(super) fn source(d: &Deployment, word: &str) -> String {
    let found = d.sources.iter().find(|(name, _)| name.starts_with(word));
    found.map_or_else(|| "0".repeat(64), |(_, sha256)| sha256.clone())
}

fn inputs(d: &Deployment, choices: &Choices, rows: &[SampleRow], bundle: &str) -> Inputs {
    let mut split = digest::Hasher::default();
    for row in rows {
        split.update(&row.sample.to_le_bytes());
    }
    Inputs {
        checkpoint_sha256: source(d, "checkpoint"),
        circuit_sha256: source(d, "circuit"),
        split_sha256: split.finish(),
        bundle_sha256: bundle.into(),
        seed: choices.seed,
        run_seed: choices.run_seed,
        synthetic_circuit: d.synthetic,
    }
}

fn lowered(d: &Deployment, nudged: bool) -> Lowered {
    let scales = d.populations.iter().filter(|p| p.cells.neurons().is_some());
    Lowered {
        dt_ms: d.dt_ms,
        steps: d.steps,
        lead_in_steps: d.lead_in_steps,
        readout: if d.host_readout.is_some() { ReadoutPlace::Host } else { ReadoutPlace::Device },
        v_scale: scales.map(|p| (p.label.clone(), p.v_scale as u32)).collect(),
        nudged,
    }
}

fn projections(d: &Deployment, network: &Quantised) -> Vec<ProjectionLoss> {
    let label = |k: u32| d.populations[k as usize].label.clone();
    let row = |(described, loaded): (&Projection, &QuantisedProjection)| {
        let scale = d.populations[described.post as usize].v_scale;
        let cells = network.populations[described.post as usize].cells.as_ref().expect("neurons receive");
        let statistics = &loaded.statistics;
        ProjectionLoss {
            pre: label(described.pre),
            post: label(described.post),
            receptor: described.receptor.name().into(),
            n: statistics.synapses,
            zeroed: statistics.zeroed,
            zeroed_mass: statistics.zeroed_share,
            clipped: statistics.clipped,
            shift: cells.shift[described.receptor as usize].into(),
            quantum: statistics.quantum / scale,
            max_weight: statistics.largest / scale,
        }
    };
    d.projections.iter().zip(&network.projections).map(row).collect()
}

/// The worst population of each kind of parameter.
fn rounding(of: &lint::Rounding) -> Rounding {
    let worst = |names: &[&str]| {
        let all = of.populations.iter().flat_map(|p| &p.parameters).filter(|p| names.contains(&p.name.as_str()));
        all.fold(Quantiles::default(), |worst, p| Quantiles { max: worst.max.max(p.max), p50: worst.p50.max(p.p50) })
    };
    Rounding {
        tau_m: worst(&["tau_m"]),
        tau_syn: worst(&["tau_syn_E", "tau_syn_I"]),
        init: worst(&["init_E", "init_I"]),
        i_offset: worst(&["i_offset"]),
        v_thresh: worst(&["v_thresh"]),
    }
}
