//! `kenyon neuron dataset`: simulation sets for twins.
//!
//! | module | owns |
//! |---|---|
//! | here | making a set |
//! | `files` | what is done with sets: merging shards, looking at one, the reference systems' folders |
//! | `select` | simulations of a set as a set of their own |
//! | `outputs` | names and folders of what is written |

mod files;
mod outputs;
mod select;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use kenyon_base::{Progress as _, Result, UserError};
use kenyon_datasets::simulation::{Part, Shard, shard_path};
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::output::{TextTable, count};
use crate::simulation::generate::{generate, run};
use crate::simulation::{Dataset as Resolved, DatasetConfig};

/// Simulate a neuron on generated inputs: a set to train twins on
///
/// A run that is interrupted goes on where it was when the command is given again; a set that is complete stays as it is. The same seed
/// gives the same file at any number of threads, shards and interruptions; it is that of the config (`[set] seed`, 0 without it) unless
/// `--seed` is given.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(
    after_help = "Examples:\n  kenyon neuron dataset examples/ball_and_stick_set.toml -o set.h5\n  kenyon neuron dataset set.toml -o set.h5 --dry-run\n  kenyon neuron dataset set.toml -o set.h5 --shard 3/8\n  kenyon neuron dataset merge set.shard-*.h5 -o set.h5\n  kenyon neuron dataset info set.h5"
)]
pub(in crate::cli) struct Dataset {
    #[command(subcommand)]
    verb: Option<files::Verb>,
    /// Config: TOML, or JSON if its name ends so
    #[arg(value_name = "CONFIG", required = true)]
    config: Option<PathBuf>,
    /// Set to write; with `--shard` the shards lie beside it
    #[arg(short, long, value_name = "FILE", required = true)]
    output: Option<PathBuf>,
    /// Make this piece of the set only, for job arrays: piece i of n
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Say how much work and space it would be, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the statistics page here [default: beside the set, with the ending `html`]
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
}

impl Dataset {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        match (&self.verb, &self.config, &self.output) {
            (Some(verb), ..) => verb.run(context),
            (None, Some(config), Some(output)) => {
                let read = DatasetConfig::read(config)?;
                let resolved = read.resolve(config, context.given_seed)?;
                if resolved.plan.items(Shard::WHOLE).is_empty() {
                    return Err(UserError::bad_data("bad-simulation-set", "the set would hold no simulation")
                        .file(config)
                        .key("set.counts")
                        .mend("give the number of simulations of a part, for example `counts = { train = 24 }`"));
                }
                for note in &resolved.model.notes {
                    context.note(note);
                }
                let inputs = [vec![config.clone()], read.inputs(config)].concat();
                self.make(&resolved, output, &inputs, context)
            }
            (None, ..) => Err(UserError::usage("usage", "names no config").mend("kenyon neuron dataset CONFIG -o FILE")),
        }
    }

    fn make(&self, set: &Resolved, output: &Path, inputs: &[PathBuf], context: &Context) -> Result<()> {
        let shard = self.shard.unwrap_or(Shard::WHOLE);
        let path = shard_path(output, shard);
        let inputs = || inputs.iter().map(PathBuf::as_path);
        let target = outputs::set(&path, inputs())?;
        let written = shard == Shard::WHOLE || self.page.is_some();
        let shown = self.page.clone().unwrap_or_else(|| path.with_extension("html"));
        let page = written.then(|| outputs::page(&shown, inputs().chain([path.as_path()]))).transpose()?;
        if self.dry_run {
            return budget(set, shard, context);
        }
        let start = Instant::now();
        let done = generate(&set.plan, &set.neuron, &set.settings, &path, shard, "", context)?;
        let wall_s = start.elapsed().as_secs_f64();
        if done.complete {
            context.note(&format!("complete already: {}", path.display()));
        } else {
            target.written(context);
        }
        if let Some(page) = page.filter(|page| !(done.complete && page.existed())) {
            outputs::write_page(&path, &page, context)?;
        }
        let report = json!({
            "output": path, "page": written.then_some(&shown), "set": done.report, "found": done.found,
            "complete_already": done.complete, "simulated": done.simulated, "simulated_ms": done.simulated_ms, "wall_s": wall_s, "notes": set.model.notes,
        });
        context.print(&report, || {
            let mut table = TextTable::new(&["part", "simulations", "kept", "events", "drawn again"]);
            for part in &done.report.parts {
                table.row([
                    part.part.name().to_string(),
                    count(part.simulations as u64),
                    count(part.kept as u64),
                    count(part.events),
                    count(part.repeated),
                ]);
            }
            let mut text = table.render();
            let _ = write!(text, "\n{} simulated", of_time(done.simulated_ms));
            if done.found > 0 {
                let _ = write!(text, ", {} found from an earlier run", count(done.found as u64));
            }
            let _ = write!(text, "\n{}: {}", if done.complete { "set" } else { "written" }, path.display());
            if written {
                let _ = write!(text, "\npage: {}", shown.display());
            }
            text
        });
        Ok(())
    }
}

/// Simulated time in words.
fn of_time(ms: u64) -> String {
    format!("{:.1} s", ms as f64 / 1e3)
}

/// Inputs that the estimate measures.
const PROBED: usize = 8;

/// What a set would cost: measured on the first inputs, at most 200 ms of them.
fn budget(set: &Resolved, shard: Shard, context: &Context) -> Result<()> {
    let items = set.plan.items(shard);
    let config = set.plan.config();
    let simulated_s = items.len() as f64 * f64::from(config.bins()) / 1e3;
    context.stage("measuring", None);
    let mut inputs: Vec<_> = items.iter().take(PROBED).map(|item| set.plan.input(item.part, item.index)).collect();
    let events: usize = inputs.iter().map(|input| input.events.len()).sum();
    let measured_ms = config.bins().min(200);
    for input in &mut inputs {
        input.events.retain(|e| e.t < measured_ms);
        (input.bins, input.warmup) = (measured_ms, 0);
    }
    let start = Instant::now();
    run(&set.neuron, &set.settings, &inputs)?;
    // A group of eight takes the time of eight cells, however many of them are needed.
    let core_per_s = start.elapsed().as_secs_f64() / (PROBED as f64 * f64::from(measured_ms) / 1e3);
    let (core_s, per_simulation) = (core_per_s * simulated_s, events as f64 / inputs.len().max(1) as f64);
    let bytes = items.len() as f64
        * (per_simulation * 5.0 + f64::from(config.duration_ms) * (4.0 + set.neuron.branches.len() as f64 * 1.6));
    let report = json!({
        "simulations": items.len(), "simulated_s": simulated_s, "core_s_per_simulated_s": core_per_s, "core_s": core_s,
        "bytes_estimate": bytes, "parts": Part::ALL.map(|p| (p.name(), items.iter().filter(|i| i.part == p).count())),
        "notes": set.model.notes,
    });
    context.print(&report, || {
        format!(
            "{} simulations of {} ms: {:.0} s of simulated time\nabout {:.3} s of one core for each, {:.2} core hours in all (measured by the clock on {measured_ms} ms)\nabout {:.1} MB",
            count(items.len() as u64),
            config.bins(),
            simulated_s,
            core_per_s,
            core_s / 3600.0,
            bytes / 1e6
        )
    });
    Ok(())
}
