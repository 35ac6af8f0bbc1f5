//! `kenyon certify`: a run's network on samples, as trained, lowered, and as the board computes it.
//!
//! | file | subject |
//! |---|---|
//! | here | the steps: lower, choose shifts, lint, run, freeze |
//! | `compared` | what other simulators did with the same network |
//! | `drift` | what became of a population's spikes |
//! | `page` | the certificate for people |

mod compared;
mod drift;
mod page;

use std::path::{Path, PathBuf};

use candle_core::WithDType;
use kenyon_base::{Progress, Result, TOOL, UserError, digest};
use kenyon_datasets::split::Part;
use kenyon_hardware::certificate::{
    Accuracies, BoardFit, BundleWriter, Certificate, FORMAT, Inputs, LIMITS, LintLine, Lowered, PopulationDrift, ProjectionLoss,
    Quantiles, ReadoutPlace, RingBuffer, Rounding, SampleRow, SpikesHash, TARGET, Verdict, accuracies, at_risk, divergence,
    trained_time,
};
use kenyon_hardware::interpreter::Interpreter;
use kenyon_hardware::lint::{self, Activity, Finding, Known, PopulationActivity, Severity, Training};
use kenyon_hardware::readout::{self, Rows};
use kenyon_hardware::spinnaker::packing::Machine;
use kenyon_hardware::spinnaker::{Options, Quantised, Run, Shifts, emulate_batch, measured_shifts, readout_rows};
use kenyon_hardware::{Decision, Deployment, Sample};
use kenyon_neurons::point::Real;

use self::drift::{Drift, first_difference};
use super::lower::{self, LowerOptions};
use super::of_run;
use crate::training::loaded::Loaded;
use crate::training::traces::Trace;

/// Samples that decide scale and shifts; they are of the validation part, never of the part that is judged.
pub(crate) const CALIBRATION_SAMPLES: usize = 16;
/// Samples that run at the same time.
const CHUNK: usize = 8;

/// Choices of a certificate.
#[derive(Debug, Clone)]
pub struct CertifyOptions {
    /// How the network is lowered.
    pub lower: LowerOptions,
    /// How it is put into the board's numbers; the shifts are chosen by what calibration samples do unless they are given.
    pub board: Options,
    /// Whether `board.shifts` are to be used as they are.
    pub keep_shifts: bool,
    /// The machine that it must fit.
    pub machine: Machine,
    /// Largest loss of accuracy, as the lower end of the interval of the paired difference.
    pub max_loss: f64,
    /// Folders of `kenyon export pynn` whose results are set beside.
    pub compare: Vec<PathBuf>,
    /// Seed that goes into the certificate.
    pub seed: u64,
}

impl Default for CertifyOptions {
    fn default() -> Self {
        Self {
            lower: LowerOptions::default(),
            board: Options::LOWERED,
            keep_shifts: false,
            machine: Machine::Spinn5 { boards: 1 },
            max_loss: 0.02,
            compare: Vec::new(),
            seed: 1,
        }
    }
}

/// Predicts what the board makes of `samples` and writes the bundle to `dir`.
///
/// # Errors
/// What the board cannot hold; samples that cannot be read; `cannot-write`.
pub fn certify<F: Real + WithDType>(
    loaded: &Loaded<F>,
    samples: &[u32],
    options: &CertifyOptions,
    dir: &Path,
    progress: &dyn Progress,
) -> Result<Certificate> {
    progress.stage("choosing the scale", None);
    let calibration = loaded.samples(Part::Validation, Some(CALIBRATION_SAMPLES));
    let calibration = if calibration.is_empty() { loaded.samples(Part::Train, Some(CALIBRATION_SAMPLES)) } else { calibration };
    certify_lowered(loaded, &of_run(loaded, &calibration, &options.lower)?, samples, options, dir, progress)
}

/// Predicts what the board makes of `samples` by a network that was lowered before, with the samples that choose its shifts.
///
/// # Errors
/// As [`certify`].
pub fn certify_lowered<F: Real + WithDType>(
    loaded: &Loaded<F>,
    deployment: &Deployment,
    samples: &[u32],
    options: &CertifyOptions,
    dir: &Path,
    progress: &dyn Progress,
) -> Result<Certificate> {
    if samples.is_empty() {
        return Err(
            UserError::bad_data("no-samples", "there is no sample to certify by").mend("choose a part that holds samples")
        );
    }
    let comparisons = compared::compared(deployment, &options.compare)?;
    let mut board = options.board.clone();
    if !options.keep_shifts {
        board.shifts = Shifts::Given(measured_shifts(deployment, &board, &deployment.samples)?.shifts);
    }
    let training = training(loaded);
    let known = Known { training: Some(&training), combined_cores: true, ..Known::default() };
    let linted = lint::quantised(deployment, &board, Some(options.machine), &known);
    let Some(network) = linted.quantised else {
        lint::stop(&linted.findings, false)?;
        return Err(UserError::check_failed("not-covered", "uses something that the emulator does not know"));
    };
    let bundle = BundleWriter::create(dir, deployment)?;
    let judge = Judge::new(loaded, deployment, &network, bundle);
    let judged = judge.run(samples, progress)?;
    let known = Known { activity: Some(&judged.activity), ..known };
    let linted = lint::quantised(deployment, &board, Some(options.machine), &known);
    let rounding = lint::Rounding::of(deployment, &network, &board);
    let fit = linted.fit.as_ref().expect("a machine was named");
    let accuracy = accuracies(&judged.rows);
    let frozen = judged.bundle.freeze(&comparisons)?;
    let certificate = Certificate {
        format: FORMAT.into(),
        tool: TOOL.into(),
        target: TARGET.into(),
        inputs: inputs(deployment, samples, &frozen.sha256, options.seed),
        deployment: lowered(deployment, board.nudge),
        populations: judged.populations,
        projections: projections(deployment, &network),
        ring_buffer: judged.ring_buffer,
        rounding: self::rounding(&rounding),
        fit: BoardFit {
            machine: fit.machine.clone(),
            cores: fit.cores.into(),
            cores_available: fit.cores_available.into(),
            chips: fit.chips.into(),
            sdram_bytes: fit.sdram_bytes,
            routing_entries: fit.routing_entries.into(),
        },
        lint: linted.findings.iter().map(LintLine::from).collect(),
        divergence: divergence(&judged.rows),
        at_risk: at_risk(&judged.rows),
        comparisons,
        spikes_sha256: judged.spikes_sha256,
        limits: LIMITS.map(String::from).to_vec(),
        verdict: verdict(&accuracy, &linted.findings, options.max_loss),
        accuracy,
    };
    certificate.check()?;
    frozen.finish(&certificate, &page::page(&certificate, &deployment.name))?;
    Ok(certificate)
}

/// The page of a certificate, as [`certify`] writes it.
pub fn page(certificate: &Certificate, name: &str) -> String {
    page::page(certificate, name)
}

fn verdict(accuracy: &Accuracies, findings: &[Finding], max_loss: f64) -> Verdict {
    let sound = findings.iter().all(|f| f.severity != Severity::Error);
    if sound && accuracy.paired.ci95[0] >= -max_loss { Verdict::Pass } else { Verdict::Fail }
}

fn training<F: Real + WithDType>(loaded: &Loaded<F>) -> Training {
    let network = &loaded.model.network;
    Training {
        dt_ms: network.spec.dt_ms,
        steps: loaded.setup.source.steps() as u32,
        refractory_steps: 1,
        ids: network.input_ids.iter().chain(&network.neuron_ids).copied().collect(),
    }
}

fn inputs(deployment: &Deployment, samples: &[u32], bundle: &str, seed: u64) -> Inputs {
    let named = |word: &str| {
        let found = deployment.sources.iter().find(|(name, _)| name.starts_with(word));
        found.map_or_else(|| "0".repeat(64), |(_, sha256)| sha256.clone())
    };
    let mut split = digest::Hasher::default();
    for id in samples {
        split.update(&id.to_le_bytes());
    }
    Inputs {
        checkpoint_sha256: named("checkpoint"),
        circuit_sha256: named("circuit"),
        split_sha256: split.finish(),
        bundle_sha256: bundle.into(),
        seed,
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
    let both = d.projections.iter().zip(&network.projections);
    let row = |(described, loaded): (&kenyon_hardware::Projection, &kenyon_hardware::spinnaker::QuantisedProjection)| {
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
    both.map(row).collect()
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

/// What all samples together gave.
struct Judged {
    bundle: BundleWriter,
    rows: Vec<SampleRow>,
    populations: Vec<PopulationDrift>,
    ring_buffer: RingBuffer,
    activity: Activity,
    spikes_sha256: String,
}

/// Runs samples through the three models.
struct Judge<'a, F: Real> {
    loaded: &'a Loaded<F>,
    deployment: &'a Deployment,
    network: &'a Quantised,
    interpreter: Interpreter,
    /// Population and position of each hidden neuron of the trained network.
    hidden: Vec<(u32, u32)>,
    bundle: BundleWriter,
}

/// One sample through all models.
struct Tried {
    row: SampleRow,
    /// Spikes of the trained network in the board's steps, and those of the board within them.
    spikes: [Vec<(u32, u32, u32)>; 2],
    all_spikes: Vec<(u32, u32, u32)>,
    activity: Activity,
}

impl<'a, F: Real + WithDType> Judge<'a, F> {
    fn new(loaded: &'a Loaded<F>, deployment: &'a Deployment, network: &'a Quantised, bundle: BundleWriter) -> Self {
        let hidden = lower::places(&loaded.model.network);
        Self { loaded, deployment, network, interpreter: Interpreter::new(deployment), hidden, bundle }
    }

    fn run(mut self, samples: &[u32], progress: &dyn Progress) -> Result<Judged> {
        let d = self.deployment;
        let neurons: Vec<usize> = (0..d.populations.len()).filter(|&p| d.populations[p].cells.neurons().is_some()).collect();
        let mut drifts: Vec<Drift> =
            neurons.iter().map(|&p| Drift::new(&d.populations[p].label, d.populations[p].ids.len(), d.dt_ms)).collect();
        let mut activity = Activity::default();
        let (mut rows, mut hash) = (Vec::with_capacity(samples.len()), SpikesHash::default());
        progress.stage("certifying", Some(samples.len() as u64));
        for chunk in samples.chunks(CHUNK) {
            for (input, tried) in self.chunk(chunk)? {
                for (drift, &p) in drifts.iter_mut().zip(&neurons) {
                    let [float, emulator] = [0, 1].map(|k: usize| of_population(&tried.spikes[k], p as u32));
                    drift.add(&float, &emulator);
                }
                hash.add(&tried.all_spikes);
                activity = if activity.samples == 0 { tried.activity } else { activity.merge(tried.activity) };
                self.bundle.add(&input, &tried.row)?;
                rows.push(tried.row);
                progress.advance(1);
            }
        }
        let finish = |(drift, &p): (Drift, &usize)| drift.finish(activity.populations[p].max_v, activity.populations[p].max_g);
        let sum = |of: fn(&PopulationActivity) -> u64| activity.populations.iter().map(of).sum::<u64>();
        Ok(Judged {
            bundle: self.bundle,
            rows,
            populations: drifts.into_iter().zip(&neurons).map(finish).collect(),
            ring_buffer: RingBuffer {
                saturations: sum(|p| p.saturations),
                worst_sum: activity.populations.iter().flat_map(|p| p.worst_slot).max().unwrap_or(0),
                wraps: sum(|p| p.wraps),
            },
            activity,
            spikes_sha256: hash.finish(),
        })
    }

    fn chunk(&self, ids: &[u32]) -> Result<Vec<(Sample, Tried)>> {
        let batch = self.loaded.batch(ids)?;
        let traces = self.loaded.model.sample_traces(&batch)?;
        let inputs: Vec<Sample> = (0..batch.len()).map(|b| lower::sample(&batch, b, self.deployment.lead_in_steps)).collect();
        let tried = emulate_batch(self.network, &inputs, |k, run| self.try_one(ids[k], &inputs[k], &traces[k], run));
        Ok(inputs.iter().cloned().zip(tried).collect())
    }

    fn try_one(&self, id: u32, input: &Sample, trace: &Trace, run: &Run) -> Tried {
        let d = self.deployment;
        let decide = |rows: &Rows| readout::decide(d.decision, rows);
        // A spike of the trained network's step t is the board's of t - 1, after the lead-in.
        let shifted = trace.spikes.iter().filter(|s| s.0 + d.lead_in_steps > 0).map(|&(t, neuron)| {
            let (population, position) = self.hidden[neuron as usize];
            (t + d.lead_in_steps - 1, population, position)
        });
        let mut float: Vec<_> = shifted.collect();
        float.sort_unstable();
        let outcome = self.interpreter.run(input);
        let all_spikes = run.spikes();
        let emulated = trained_time(d, &all_spikes);
        let classes = self.loaded.model.network.classes;
        let float_rows = match d.decision {
            Decision::Count => readout::rows(d, &float, &[]).expect("a trained network has a readout"),
            _ => Rows { values: trace.out.clone(), classes },
        };
        let interpreted = readout::rows(d, &outcome.spikes, &outcome.v).expect("a trained network has a readout");
        let board_rows = readout_rows(d, run).expect("a trained network has a readout");
        let [float_answer, interpreted, board_answer] = [&float_rows, &interpreted, &board_rows].map(decide);
        let far = |(a, b): (&f64, &f64)| (a - b).abs();
        let counts = |spikes: &[(u32, u32, u32)]| {
            let mut counts = vec![0u64; d.populations.len()];
            for spike in spikes {
                counts[spike.1 as usize] += 1;
            }
            counts.into_iter().zip(&d.populations).filter(|(_, p)| p.cells.neurons().is_some()).map(|(n, _)| n).collect()
        };
        let row = SampleRow {
            sample: id,
            class: input.class.expect("samples of a run have a class"),
            answers: [float_answer.class, interpreted.class, board_answer.class],
            margin: float_answer.margin(),
            readout_error: float_answer.values.iter().zip(&board_answer.values).map(far).fold(0.0, f64::max),
            diverges: first_difference(&float, &emulated),
            spikes_float: counts(&float),
            spikes_emulator: counts(&emulated),
            saturations: run.saturations(),
        };
        Tried { row, spikes: [float, emulated], all_spikes, activity: Activity::of(d, self.network, input, run) }
    }
}

/// Spikes of one population as (neuron, step), sorted.
fn of_population(spikes: &[(u32, u32, u32)], population: u32) -> Vec<(u32, u32)> {
    let mut own: Vec<_> = spikes.iter().filter(|s| s.1 == population).map(|&(step, _, neuron)| (neuron, step)).collect();
    own.sort_unstable();
    own
}
