//! `kenyon neuron dataset`: simulation sets for twins.
//!
//! | module | owns |
//! |---|---|
//! | here | making a set |
//! | `budget` | what it would cost |
//! | `files` | what is done with sets: merging shards, looking at one, the reference systems' folders |
//! | `select` | simulations of a set as a set of their own |
//! | `outputs` | names and folders of what is written |

mod budget;
mod files;
mod outputs;
mod select;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use kenyon_base::{Result, UserError};
use kenyon_datasets::simulation::{Manifest, Shard, SimStore, manifest_path, shard_path};
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::neuron::simulate::stop_flag;
use crate::cli::output::{TextTable, count};
use crate::cli::target::Target;
use crate::simulation::generate::{Job, generate};
use crate::simulation::{Dataset as Resolved, DatasetConfig};

/// Simulate a neuron on generated inputs: a set to train twins on
///
/// A run that is interrupted goes on where it was when the command is given again (Ctrl-C and SIGTERM let it finish the simulations that
/// are under way, a second one ends it at once); a set that is complete stays as it is. The same seed
/// gives the same file at any number of threads, shards and interruptions; it is that of the config (`[set] seed`, 0 without it) unless
/// `--seed` is given: the default that stands beside `--seed` below is that of other commands.
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
        let list = manifest_path(&path);
        let list = (shard != Shard::WHOLE).then(|| Target::new(&list, inputs())).transpose()?;
        if self.dry_run {
            return budget::print(set, shard, context);
        }
        let start = Instant::now();
        let last = |set: &Path| {
            list.as_ref().map_or(Ok(()), |list| Manifest::made(set)?.write(list.path()))?;
            page.as_ref().map_or(Ok(()), |page| outputs::write_page(set, page, context))
        };
        let job = Job {
            plan: &set.plan,
            neuron: &set.neuron,
            settings: &set.settings,
            target: &path,
            shard,
            created: &outputs::created(),
            stop: &stop_flag(),
            last: &last,
        };
        let done = generate(&job, context)?;
        let wall_s = start.elapsed().as_secs_f64();
        if done.complete {
            context.note(&format!("complete already: {}", path.display()));
            page.as_ref()
                .filter(|page| !page.path().exists())
                .map_or(Ok(()), |page| outputs::write_page(&path, page, context))?;
        } else {
            target.written(context);
        }
        let left_bounds = outputs::left_bounds(&SimStore::open(&path)?);
        outputs::warn_of(&left_bounds, context);
        outputs::note_none_kept(&SimStore::open(&path)?, context);
        let report = json!({
            "output": path, "page": written.then_some(&shown), "set": done.report, "found": done.found,
            "complete_already": done.complete, "simulated": done.simulated, "simulated_ms": done.simulated_ms, "wall_s": wall_s, "notes": set.model.notes,
            "manifest": list.as_ref().map(Target::path), "left_bounds": left_bounds,
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
