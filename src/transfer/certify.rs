//! `kenyon certify`: a run's network on samples, as trained, lowered, and as the board computes it.
//!
//! | file | subject |
//! |---|---|
//! | here | the steps: lower, choose shifts, lint, run, freeze |
//! | `compared` | what other simulators did with the same network |
//! | `page` | the certificate for people |
//!
//! What a document says of what was run is [`kenyon_hardware::certificate`]'s.

mod compared;
mod page;

use std::path::{Path, PathBuf};

use candle_core::WithDType;
use kenyon_base::{Progress, Result, TOOL, UserError};
use kenyon_datasets::split::Part;
use kenyon_hardware::certificate::{
    BundleWriter, Certificate, Choices, Data, Evidence, NotCovered, SampleRow, Seen, Sources, Trial, remedied,
};
use kenyon_hardware::interpreter::Interpreter;
use kenyon_hardware::lint::{self, Finding, Known, Training};
use kenyon_hardware::readout::{self, Rows};
use kenyon_hardware::spinnaker::packing::Machine;
use kenyon_hardware::spinnaker::{Options, Quantised, Run, Shifts, emulate_batch, measured_shifts, readout_rows};
use kenyon_hardware::{Decision, Deployment, Sample};
use kenyon_neurons::point::Real;

use super::lower::{self, LowerOptions};
use super::of_run::{self, of_run};
use crate::training::deploy_aware::Grid;
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
    /// Part of the data set that the samples are of.
    pub part: Part,
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
            part: Part::Test,
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
        board.shifts = Shifts::Given(measured_shifts(deployment, &board, &deployment.samples).map_err(mended)?.shifts);
    }
    let training = training(loaded);
    let known = Known { training: Some(&training), combined_cores: true, ..Known::default() };
    let linted = lint::quantised(deployment, &board, Some(options.machine), &known);
    let Some(network) = linted.quantised else {
        let findings: Vec<Finding> = linted.findings.into_iter().map(remedied).collect();
        lint::stop(&findings, false)?;
        return Err(UserError::check_failed("not-covered", "uses something that the emulator does not know"));
    };
    // From here on as whoever verifies the bundle has it.
    let deployment = Deployment { samples: Vec::new(), ..deployment.clone() };
    let choices = choices(loaded, samples.len(), options).board(&board, &network);
    same_grid(loaded, &deployment, &choices.shifts, progress);
    let mut bundle = BundleWriter::create(dir, &deployment, &choices)?;
    let (rows, seen) = Judge::new(loaded, &deployment, &network).run(samples, &mut bundle, progress)?;
    let frozen = bundle.freeze(&comparisons)?;
    let evidence = Evidence {
        deployment: &deployment,
        network: &network,
        choices: &choices,
        rows: &rows,
        seen,
        comparisons: &comparisons,
        bundle_sha256: &frozen.sha256,
    };
    let certificate = evidence.certificate();
    certificate.check()?;
    frozen.finish(&certificate, &page::page(&certificate, &deployment.name))?;
    Ok(certificate)
}

/// Writes to `dir` that nothing can be predicted of a run, by the error that lowering or rounding it ended with.
///
/// # Errors
/// `error` itself unless it means that the emulator does not [cover](NotCovered::applies) the network; `cannot-write`.
pub fn not_covered<F: Real + WithDType>(
    loaded: &Loaded<F>,
    samples: &[u32],
    options: &CertifyOptions,
    error: UserError,
    dir: &Path,
) -> Result<NotCovered> {
    if !NotCovered::applies(&error) {
        return Err(error);
    }
    let sources = of_run::sources(loaded)?;
    let named = |word: &str| {
        let found = sources.iter().find(|(name, _)| name.starts_with(word));
        found.map_or_else(|| "0".repeat(64), |(_, sha256)| sha256.clone())
    };
    let inputs = Sources {
        checkpoint_sha256: named("checkpoint"),
        circuit_sha256: named("circuit"),
        seed: options.seed,
        run_seed: loaded.folder.manifest().seed,
        synthetic_circuit: of_run::is_synthetic(loaded),
    };
    let document = NotCovered::new(inputs, choices(loaded, samples.len(), options).data, options.max_loss, &error);
    document.write(dir, &page::not_covered(&document))?;
    Ok(document)
}

/// What was chosen, but for the board's numbers.
fn choices<F: Real + WithDType>(loaded: &Loaded<F>, samples: usize, options: &CertifyOptions) -> Choices {
    let part = match options.part {
        Part::Train => "train",
        Part::Validation => "validation",
        Part::Test => "test",
    };
    let available = loaded.samples(options.part, None).len() as u64;
    Choices {
        tool: TOOL.into(),
        data: Data { part: part.into(), samples: samples as u64, available },
        seed: options.seed,
        run_seed: loaded.folder.manifest().seed,
        max_loss: options.max_loss,
        machine: options.machine.name(),
        compensate_init: false,
        nudged: false,
        thresholds_up: false,
        omit_zeros: false,
        shifts: Vec::new(),
    }
}

/// An error of rounding, with a remedy that `kenyon certify` has.
fn mended(error: UserError) -> UserError {
    match error.code() {
        "outside-s1615" | "shift-too-large" => error.mend("lower `--weight-scale`, or leave it out: then samples choose it"),
        _ => error,
    }
}

/// Says where the board's numbers are not those that the network was trained with.
fn same_grid<F: Real + WithDType>(loaded: &Loaded<F>, deployment: &Deployment, shifts: &[[u8; 2]], progress: &dyn Progress) {
    let Some(trained) = loaded.grid() else { return };
    let network = &loaded.model.network;
    let differs = Grid::of(network, deployment, shifts).differences(&trained, network);
    if !differs.is_empty() {
        progress.note(&format!(
            "warning: the network was trained for other numbers of the board than it gets: {}",
            differs.join("; ")
        ));
    }
}

/// The page of a certificate, as [`certify`] writes it.
pub fn page(certificate: &Certificate, name: &str) -> String {
    page::page(certificate, name)
}

/// The page of a network that is not covered, as [`not_covered`] writes it.
pub fn not_covered_page(document: &NotCovered) -> String {
    page::not_covered(document)
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

/// Runs samples through the three models.
struct Judge<'a, F: Real> {
    loaded: &'a Loaded<F>,
    deployment: &'a Deployment,
    network: &'a Quantised,
    interpreter: Interpreter,
    /// Population and position of each hidden neuron of the trained network.
    hidden: Vec<(u32, u32)>,
}

impl<'a, F: Real + WithDType> Judge<'a, F> {
    fn new(loaded: &'a Loaded<F>, deployment: &'a Deployment, network: &'a Quantised) -> Self {
        let hidden = lower::places(&loaded.model.network);
        Self { loaded, deployment, network, interpreter: Interpreter::new(deployment), hidden }
    }

    fn run(&self, samples: &[u32], bundle: &mut BundleWriter, progress: &dyn Progress) -> Result<(Vec<SampleRow>, Seen)> {
        let mut seen = Seen::new(self.deployment, self.network);
        let mut rows = Vec::with_capacity(samples.len());
        progress.stage("certifying", Some(samples.len() as u64));
        for chunk in samples.chunks(CHUNK) {
            for (input, row, trial) in self.chunk(chunk)? {
                bundle.add(&input, &trial, &row)?;
                rows.push(row);
                seen.add(trial);
                progress.advance(1);
            }
        }
        Ok((rows, seen))
    }

    fn chunk(&self, ids: &[u32]) -> Result<Vec<(Sample, SampleRow, Trial)>> {
        let batch = self.loaded.batch(ids)?;
        let traces = self.loaded.model.sample_traces(&batch)?;
        let inputs: Vec<Sample> = (0..batch.len()).map(|b| lower::sample(&batch, b, self.deployment.lead_in_steps)).collect();
        let tried = emulate_batch(self.network, &inputs, |k, run| self.try_one(ids[k], &inputs[k], &traces[k], run));
        Ok(inputs.iter().cloned().zip(tried).map(|(input, (row, trial))| (input, row, trial)).collect())
    }

    fn try_one(&self, id: u32, input: &Sample, trace: &Trace, run: &Run) -> (SampleRow, Trial) {
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
        let classes = self.loaded.model.network.classes;
        let float_rows = match d.decision {
            Decision::Count => readout::rows(d, &float, &[]).expect("a trained network has a readout"),
            _ => Rows { values: trace.out.clone(), classes },
        };
        let interpreted = readout::rows(d, &outcome.spikes, &outcome.v).expect("a trained network has a readout");
        let board_rows = readout_rows(d, run).expect("a trained network has a readout");
        let [float_answer, interpreted, board_answer] = [&float_rows, &interpreted, &board_rows].map(decide);
        let far = |(a, b): (&f64, &f64)| (a - b).abs();
        let trial = Trial::new(d, self.network, input, float, &outcome.spikes, run);
        let row = SampleRow {
            sample: id,
            class: input.class.expect("samples of a run have a class"),
            answers: [float_answer.class, interpreted.class, board_answer.class],
            margin: float_answer.margin(),
            readout_error: float_answer.values.iter().zip(&board_answer.values).map(far).fold(0.0, f64::max),
            ..SampleRow::default()
        };
        (trial.row(d, row), trial)
    }
}
