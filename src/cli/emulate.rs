//! `kenyon emulate`: what a SpiNNaker board would compute, bit for bit.
//!
//! | module | owns |
//! |---|---|
//! | `shifts` | how ring-buffer shifts are chosen; for `lint` too |
//! | `tables` | the recorded spikes and rows as files |

pub(super) mod shifts;
mod tables;

use std::path::PathBuf;

use clap::Args;
use kenyon_base::{AtomicDir, AtomicFile, Progress as _, Result, UserError, nearest};
use kenyon_hardware::lint::{self, Activity, Finding, Known};
use kenyon_hardware::spinnaker::{Emulator, Options, Quantised, Run, answer, emulate_batch, quantise};
use kenyon_hardware::{Deployment, Role, Sample};
use serde_json::{Value, json};

use self::shifts::{How, Named, choose};
use super::context::Context;
use super::lint::Board;
use super::output::{TextTable, count, percent};

/// Samples whose results are held at a time.
const AT_ONCE: usize = 64;
/// Neurons above which a single sample is worth several threads.
const LARGE: u32 = 20_000;

/// What a `SpiNNaker` board would compute, bit for bit: spikes, recorded variables, saturations
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kenyon emulate network.h5 -o emulated\n  kenyon emulate network.json --input 3 --shifts mapper -o third --json"
)]
pub(super) struct Emulate {
    /// Network as a deployment: HDF5, or JSON if the name ends in `.json`
    #[arg(value_name = "DEPLOYMENT")]
    deployment: PathBuf,
    /// Sample to run: its name, its number from 0, or `all`
    #[arg(long, value_name = "SAMPLE", default_value = "all")]
    input: String,
    /// Folder to write; it must not exist or be empty
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// How the left shifts of the ring buffers are chosen [default: measured, or mapper with `--as-written` or without samples]
    #[arg(long, value_name = "HOW")]
    shifts: Option<How>,
    /// Shifts of one population, exc and inh; all others keep theirs. Repeatable
    #[arg(long, value_name = "LABEL=E,I")]
    shift: Vec<String>,
    /// Largest summed weight of one population (nA, uS), exc and inh: sets its shifts; all others keep theirs. Repeatable
    #[arg(long, value_name = "LABEL=E,I")]
    max_expected_summed_weight: Vec<String>,
    /// Machine that is to hold the network, for the lint
    #[arg(long, value_name = "BOARD", value_enum, default_value = "spinn5")]
    machine: Board,
    /// Emulate even what lint says cannot run on the machine; never what no neuron can have
    #[arg(long)]
    force: bool,
    /// Load the numbers as a `PyNN` script would: no compensation of the synapse's initial factor, no nudged time constants,
    /// thresholds to the nearest
    #[arg(long)]
    as_written: bool,
}

impl Emulate {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let deployment = Deployment::read(&self.deployment)?;
        let chosen = self.samples(&deployment)?;
        let samples: Vec<Sample> = chosen.iter().map(|&k| deployment.samples[k].clone()).collect();
        let base = if self.as_written { Options::AS_WRITTEN } else { Options::LOWERED };
        let named = Named::parse(&deployment, &self.shift, &self.max_expected_summed_weight)?;
        let how = self.shifts.unwrap_or_else(|| How::by_itself(self.as_written, &samples));
        let in_file = |e: UserError| e.file(&self.deployment);
        let (options, measured) = choose(&deployment, &base, &samples, how, &named, context).map_err(in_file)?;
        // As emulated, synapses and neurons share cores: where the board would split them, lint says so.
        let known = Known::default();
        let mut linted = lint::quantised(&deployment, &options, Some(self.machine.into()), &known);
        lint::stop(&linted.findings, self.force).map_err(in_file)?;
        let before = linted.findings.clone();
        super::lint::warn(&before, &[], context);
        let network = match linted.quantised.take() {
            Some(network) => network,
            None => quantise(&deployment, &options).map_err(in_file)?,
        };
        let folder = AtomicDir::create(&self.output)?;
        let mut writer = tables::Writer::create(folder.path(), &network, samples.len())?;
        context.stage("emulate", Some(samples.len() as u64));
        let mut reports = Vec::with_capacity(samples.len());
        let mut totals = Totals::default();
        let mut activity: Option<Activity> = None;
        let watched = network.watching_spikes();
        for (block, indices) in samples.chunks(AT_ONCE).zip(chosen.chunks(AT_ONCE)) {
            for ((sample, &k), run) in block.iter().zip(indices).zip(emulate(&watched, block, context)) {
                let seen = Activity::of(&deployment, &watched, sample, &run);
                activity = Some(activity.map_or(seen.clone(), |all| all.merge(seen)));
                writer.add(&network, &deployment, k, &run)?;
                totals.add(&deployment, sample, &run);
                reports.push(report(&deployment, sample, k, &run));
            }
        }
        if let Some(activity) = &activity {
            linted.see(&deployment, activity, &known);
            super::lint::warn(&linted.findings, &before, context);
        }
        let mut files = writer.finish()?;
        files.push("summary.json".into());
        let summary = json!({
            "deployment": self.deployment,
            "name": deployment.name,
            "output": self.output,
            "steps": deployment.steps,
            "dt_ms": deployment.dt_ms,
            "as_written": self.as_written,
            "populations": populations(&network),
            "projections": projections(&deployment, &network),
            "measured": measured,
            "spikes": totals.spikes,
            "saturations": totals.saturations,
            "wraps": totals.wraps,
            "accuracy": totals.accuracy(),
            "samples": reports,
            "lint": linted.findings,
            "files": files,
            "note": note(&linted.findings),
        });
        let text = serde_json::to_string_pretty(&summary).expect("plain data") + "\n";
        AtomicFile::write(&folder.path().join("summary.json"), text.as_bytes())?;
        folder.commit()?;
        context.print(&summary, || self.text(&summary, &totals));
        totals.verdict()
    }

    /// Indices of the samples to run.
    fn samples(&self, deployment: &Deployment) -> Result<Vec<usize>> {
        let all = &deployment.samples;
        if all.is_empty() {
            return Err(UserError::bad_data("no-samples", "holds no sample to run")
                .file(&self.deployment)
                .mend("export it with `--samples`"));
        }
        if self.input == "all" {
            return Ok((0..all.len()).collect());
        }
        let named = all.iter().position(|s| s.name == self.input);
        let found = named.or_else(|| self.input.parse().ok().filter(|k| *k < all.len()));
        found.map(|k| vec![k]).ok_or_else(|| {
            let hint = nearest(&self.input, all.iter().map(|s| s.name.as_str()))
                .map_or_else(|| "name a sample, its number, or `all`".to_string(), |name| format!("did you mean `{name}`?"));
            UserError::usage("unknown-sample", "no sample of this name or number")
                .found(&self.input)
                .expected(format!("a name, a number from 0 to {}, or `all`", all.len() - 1))
                .mend(hint)
        })
    }

    fn text(&self, summary: &Value, totals: &Totals) -> String {
        let mut table = TextTable::new(&["population", "neurons", "shift exc", "shift inh", "spikes"]);
        for (k, population) in summary["populations"].as_array().into_iter().flatten().enumerate() {
            let shift = |i: usize| population["shift"][i].as_u64().map_or_else(|| "-".into(), |p| p.to_string());
            table.row([
                population["label"].as_str().unwrap_or_default().to_string(),
                count(population["n"].as_u64().unwrap_or(0)),
                shift(0),
                shift(1),
                count(totals.by_population.get(k).copied().unwrap_or(0)),
            ]);
        }
        let accuracy = totals.accuracy().map(|a| format!("\naccuracy {}", percent(a))).unwrap_or_default();
        let zeroed: u64 = summary["projections"].as_array().into_iter().flatten().filter_map(|p| p["zeroed"].as_u64()).sum();
        format!(
            "{}\n{} samples, {} spikes, {} saturations; {} weights round to 0{accuracy}\nwritten: {}",
            table.render(),
            totals.samples,
            count(totals.spikes),
            count(totals.saturations),
            count(zeroed),
            self.output.display()
        )
    }
}

/// The runs of a few samples, in their order.
fn emulate(network: &Quantised, samples: &[Sample], context: &Context) -> Vec<Run> {
    let neurons: u32 = network.populations.iter().map(|p| p.n).sum();
    if samples.len() == 1 && neurons > LARGE {
        let run = Emulator::with_parts(network, rayon::current_num_threads()).run(&samples[0].spikes);
        context.advance(1);
        return vec![run];
    }
    emulate_batch(network, samples, |_, run| {
        context.advance(1);
        run.clone()
    })
}

/// Sums over samples.
#[derive(Default)]
struct Totals {
    samples: u64,
    by_population: Vec<u64>,
    spikes: u64,
    saturations: u64,
    wraps: u64,
    with_class: u64,
    right: u64,
    /// A readout that reached its threshold.
    reset: Option<String>,
}

impl Totals {
    fn add(&mut self, deployment: &Deployment, sample: &Sample, run: &Run) {
        self.samples += 1;
        self.by_population.resize(run.populations.len(), 0);
        for (k, population) in run.populations.iter().enumerate() {
            self.by_population[k] += population.spike_count;
            let role = deployment.populations[k].role;
            self.spikes += if role == Role::Input { 0 } else { population.spike_count };
            if role == Role::Readout && population.spike_count > 0 {
                self.reset.get_or_insert_with(|| format!("{} in sample {}", deployment.populations[k].label, sample.name));
            }
        }
        self.saturations += run.saturations();
        self.wraps += run.wraps();
        if let (Some(class), Some(answer)) = (sample.class, answer(deployment, run)) {
            self.with_class += 1;
            self.right += u64::from(answer.class == class);
        }
    }

    fn accuracy(&self) -> Option<f64> {
        (self.with_class > 0).then(|| self.right as f64 / self.with_class as f64)
    }

    /// Numbers that left their format make the results ones that nobody means.
    fn verdict(&self) -> Result<()> {
        if let Some(place) = &self.reset {
            return Err(UserError::check_failed("readout-reset", "a readout reached its threshold and was reset")
                .key(place)
                .mend("export with a lower `--weight-scale`"));
        }
        if self.wraps > 0 {
            return Err(UserError::check_failed("wrapped", "sums left 32 bits and wrapped; the results are written")
                .found(format!("{} neuron steps", self.wraps))
                .expected("none")
                .mend("export with a lower `--weight-scale`"));
        }
        Ok(())
    }
}

/// What the results are worth.
fn note(findings: &[Finding]) -> String {
    let mut text = "the core was emulated; no physical board has been compared".to_string();
    if findings.iter().any(|f| f.code == "W7") {
        text += "; below 1 ms the released tools put synapses and neurons on cores of their own, which are not emulated bit for bit: these \
                 are the results of cores that hold both";
    }
    if findings.iter().any(|f| f.code == "E7") {
        text += "; weights leave 16 bits, and their low bits were used, as a board would";
    }
    text
}

fn report(deployment: &Deployment, sample: &Sample, index: usize, run: &Run) -> Value {
    let answer = answer(deployment, run);
    json!({
        "sample": index,
        "name": sample.name,
        "class": sample.class,
        "predicted": answer.as_ref().map(|a| a.class),
        "value": answer.as_ref().map(|a| a.values[a.class as usize]),
        "spikes": run.populations.iter().map(|p| p.spike_count).collect::<Vec<_>>(),
        "saturations": run.populations.iter().map(|p| p.saturations).collect::<Vec<_>>(),
        "wraps": run.wraps(),
    })
}

fn populations(network: &Quantised) -> Vec<Value> {
    let describe = |p: &kenyon_hardware::spinnaker::QuantisedPopulation| {
        let cells = p.cells.as_ref();
        json!({
            "label": p.label,
            "n": p.n,
            "cells": cells.map(|c| c.kind.pynn_name()),
            "shift": cells.map(|c| c.shift),
            "summed_weight_bound": cells.map(|c| c.bound),
            "nudged": cells.map(|c| c.nudged),
        })
    };
    network.populations.iter().map(describe).collect()
}

fn projections(deployment: &Deployment, network: &Quantised) -> Vec<Value> {
    let label = |p: u32| &deployment.populations[p as usize].label;
    let describe = |p: &kenyon_hardware::spinnaker::QuantisedProjection| {
        let mut value = json!(p.statistics);
        value["pre"] = json!(label(p.pre));
        value["post"] = json!(label(p.post));
        value["receptor"] = json!(p.receptor.name());
        value
    };
    network.projections.iter().map(describe).collect()
}
