//! `kenyon emulate`: what a SpiNNaker board would compute, bit for bit.
//!
//! | module | owns |
//! |---|---|
//! | `tables` | the recorded spikes and rows as files |

mod tables;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kenyon_base::{AtomicDir, AtomicFile, Progress as _, Result, UserError, nearest};
use kenyon_hardware::spinnaker::{Emulator, Options, Quantised, Run, Shifts, answer, emulate_batch, measured_shifts, quantise};
use kenyon_hardware::{Deployment, Role, Sample};
use serde_json::{Value, json};

use super::context::Context;
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
    /// Shifts of one population, exc and inh, instead of the chosen ones; repeatable
    #[arg(long, value_name = "LABEL=E,I", conflicts_with = "max_expected_summed_weight")]
    shift: Vec<String>,
    /// Largest summed weight of one population, exc and inh, that the mapper is told; repeatable
    #[arg(long, value_name = "LABEL=E,I")]
    max_expected_summed_weight: Vec<String>,
    /// Load the numbers as a `PyNN` script would: no compensation of the synapse's initial factor, no nudged time constants,
    /// thresholds to the nearest
    #[arg(long)]
    as_written: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum How {
    /// The released mapper's formula
    Mapper,
    /// The least that hold twice the largest input of the samples
    Measured,
}

impl Emulate {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let deployment = Deployment::read(&self.deployment)?;
        let chosen = self.samples(&deployment)?;
        let samples: Vec<Sample> = chosen.iter().map(|&k| deployment.samples[k].clone()).collect();
        let base = if self.as_written { Options::AS_WRITTEN } else { Options::LOWERED };
        let (shifts, measured) = self.choose(&deployment, &base, &samples, context)?;
        let network = quantise(&deployment, &Options { shifts, ..base }).map_err(|e| e.file(&self.deployment))?;
        refuse_clipped(&deployment, &network)?;
        let folder = AtomicDir::create(&self.output)?;
        let mut writer = tables::Writer::create(folder.path(), &network, samples.len())?;
        context.stage("emulate", Some(samples.len() as u64));
        let mut reports = Vec::with_capacity(samples.len());
        let mut totals = Totals::default();
        for (block, indices) in samples.chunks(AT_ONCE).zip(chosen.chunks(AT_ONCE)) {
            for ((sample, &k), run) in block.iter().zip(indices).zip(emulate(&network, block, context)) {
                writer.add(&network, &deployment, k, &run)?;
                totals.add(&deployment, sample, &run);
                reports.push(report(&deployment, sample, k, &run));
            }
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
            "files": files,
            "note": "the core was emulated; no physical board has been compared",
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

    /// The rule for shifts, and the measurement behind it.
    fn choose(
        &self,
        deployment: &Deployment,
        base: &Options,
        samples: &[Sample],
        context: &Context,
    ) -> Result<(Shifts, Option<Value>)> {
        if !self.max_expected_summed_weight.is_empty() {
            if self.shifts == Some(How::Measured) {
                return Err(UserError::usage("shift-choice", "`--max-expected-summed-weight` is for the mapper's formula")
                    .mend("leave one of both out"));
            }
            let mut expected = vec![None; deployment.populations.len()];
            for text in &self.max_expected_summed_weight {
                let (k, pair) = pair::<f64>(deployment, text, "numbers above 0", |x| x.is_finite() && *x > 0.0)?;
                expected[k] = Some(pair);
            }
            return Ok((Shifts::Expected(expected), None));
        }
        let by_itself = if self.as_written || samples.is_empty() { How::Mapper } else { How::Measured };
        let (mut shifts, measured) = match self.shifts.unwrap_or(by_itself) {
            How::Mapper if self.shift.is_empty() => return Ok((Shifts::Mapper, None)),
            How::Mapper => {
                let network = quantise(deployment, base)?;
                (network.populations.iter().map(|p| p.cells.as_ref().map_or([0; 2], |c| c.shift)).collect(), None)
            }
            How::Measured => {
                context.stage("measure the input", None);
                let choice = measured_shifts(deployment, base, samples)?;
                (choice.shifts.clone(), Some(json!(choice)))
            }
        };
        for text in &self.shift {
            let (k, pair) = pair::<u8>(deployment, text, "whole numbers from 0 to 15", |p| *p <= 15)?;
            shifts[k] = pair;
        }
        Ok((Shifts::Given(shifts), measured))
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

/// `LABEL=E,I`: index of the population and the pair.
fn pair<T: std::str::FromStr + Copy>(
    deployment: &Deployment,
    text: &str,
    expected: &str,
    fits: impl Fn(&T) -> bool,
) -> Result<(usize, [T; 2])> {
    let (label, values) = text.rsplit_once('=').unwrap_or((text, ""));
    let found = deployment.populations.iter().position(|p| p.label == label && p.cells.neurons().is_some());
    let Some(k) = found else {
        let labels: Vec<&str> =
            deployment.populations.iter().filter(|p| p.cells.neurons().is_some()).map(|p| p.label.as_str()).collect();
        return Err(UserError::usage("unknown-population", "no neurons of this name").found(label).expected(labels.join(", ")));
    };
    let values: Vec<T> = values.split(',').filter_map(|v| v.trim().parse().ok()).filter(|v| fits(v)).collect();
    match values[..] {
        [exc, inh] => Ok((k, [exc, inh])),
        _ => Err(UserError::usage("bad-pair", format!("bad pair for `{label}`"))
            .found(text)
            .expected(format!("LABEL=E,I with two {expected}"))),
    }
}

/// A weight that leaves 16 bits is loaded as something else: no network that anyone means.
fn refuse_clipped(deployment: &Deployment, network: &Quantised) -> Result<()> {
    let Some(projection) = network.projections.iter().find(|p| p.statistics.clipped > 0) else { return Ok(()) };
    let label = |p: u32| &deployment.populations[p as usize].label;
    Err(UserError::bad_data(
        "weight-leaves-16-bits",
        "weights leave 16 bits at the chosen shift; the board would load their low bits",
    )
    .key(format!("{} -> {} ({})", label(projection.pre), label(projection.post), projection.receptor.name()))
    .found(format!("{} weights, the largest {}", projection.statistics.clipped, projection.statistics.largest))
    .expected(format!("at most {}", 65_535.0 * projection.statistics.quantum))
    .mend("raise the shift or `--max-expected-summed-weight`"))
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
                .mend("lower `v_scale` or the readout's weights"));
        }
        if self.wraps > 0 {
            return Err(UserError::check_failed("wrapped", "sums left 32 bits and wrapped; the results are written")
                .found(format!("{} neuron steps", self.wraps))
                .expected("none")
                .mend("lower `v_scale` or the weights"));
        }
        Ok(())
    }
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
