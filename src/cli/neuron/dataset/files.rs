//! What is done with simulation sets: shards merged, a set looked at, folders of the reference systems read and written.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use kenyon_base::{Result, UserError};
use kenyon_datasets::simulation::{
    LEFT_BOUNDS, Manifest, ReferenceFolder, SetAbout, SimStore, TwinpropFolder, export_reference, export_twinprop, merge,
    neuron_file_name, snapshot,
};
use serde_json::{Map, Value, json};

use super::outputs;
use super::select::Select;
use crate::cli::context::Context;
use crate::cli::output::{TextTable, count};
use crate::cli::target::Target;
use crate::simulation::{DatasetConfig, page};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    Merge(Merge),
    Info(Info),
    Import(Import),
    Export(Export),
    Select(Select),
    Snapshot(Snapshot),
}

impl Verb {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        match self {
            Self::Merge(merge) => merge.run(context),
            Self::Info(info) => info.run(context),
            Self::Import(import) => import.run(context),
            Self::Export(export) => export.run(context),
            Self::Select(select) => select.run(context),
            Self::Snapshot(snapshot) => snapshot.run(context),
        }
    }
}

/// Put the shards of a set together: the bytes of a set that was made at once
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kenyon neuron dataset merge set.shard-*.h5 -o set.h5")]
pub(super) struct Merge {
    /// All shards, in one folder; or the manifest that lists them
    #[arg(value_name = "SHARD", required = true)]
    shards: Vec<PathBuf>,
    /// Set to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

impl Merge {
    fn run(&self, context: &Context) -> Result<()> {
        let inputs = || self.shards.iter().map(PathBuf::as_path);
        let target = outputs::set(&self.output, inputs())?;
        let shown = self.output.with_extension("html");
        let page = outputs::page(&shown, inputs())?;
        let (manifest, report) = match self.shards.as_slice() {
            [only] if only.extension().is_some_and(|end| end == "json") => (only.clone(), merge(only, &self.output, context)?),
            shards => {
                let folder = shards[0].parent().unwrap_or(Path::new("."));
                if let Some(elsewhere) = shards.iter().find(|s| s.parent().unwrap_or(Path::new(".")) != folder) {
                    return Err(UserError::usage("several-folders", "the shards lie in several folders")
                        .file(elsewhere)
                        .mend("copy them into one folder"));
                }
                let path =
                    folder.join(format!("{}.manifest.json", self.output.file_stem().unwrap_or_default().to_string_lossy()));
                let list = Target::new(&path, inputs())?;
                let manifest = Manifest::of(shards)?;
                let report = manifest.join(folder, &self.output, context)?;
                // Only when all is well: the list of a set that cannot be merged is of no use.
                manifest.write(&path)?;
                list.written(context);
                (path, report)
            }
        };
        target.written(context);
        outputs::write_page(&self.output, &page, context)?;
        context.print(&json!({ "output": self.output, "page": shown, "manifest": manifest, "set": report }), || {
            let all: usize = report.parts.iter().map(|p| p.simulations).sum();
            format!(
                "{} simulations\nmanifest: {}\nwritten: {}\npage: {}",
                count(all as u64),
                manifest.display(),
                self.output.display(),
                shown.display()
            )
        });
        Ok(())
    }
}

/// Write what a run has finished so far, while it goes on or after it was interrupted, as a set
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kenyon neuron dataset snapshot set.h5 -o so_far.h5")]
pub(super) struct Snapshot {
    /// Set that the run writes (a shard by its own name); its journal lies beside it
    #[arg(value_name = "SET")]
    set: PathBuf,
    /// Set to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

impl Snapshot {
    fn run(&self, context: &Context) -> Result<()> {
        let target = outputs::set(&self.output, [self.set.as_path()])?;
        if self.output == self.set {
            return Err(UserError::usage("same-file", "the run writes its set there itself")
                .file(&self.output)
                .mend("choose another name for what is finished so far"));
        }
        let report = snapshot(&self.set, &self.output, context)?;
        target.written(context);
        context.print(&json!({ "output": self.output, "parts": report.parts }), || {
            let all: usize = report.parts.iter().map(|p| p.simulations).sum();
            format!("{} simulations\nwritten: {}", count(all as u64), self.output.display())
        });
        Ok(())
    }
}

/// What a set holds; with `--page` its statistics as a page
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kenyon neuron dataset info set.h5 --page set.html")]
pub(super) struct Info {
    /// Set
    #[arg(value_name = "SET")]
    set: PathBuf,
    /// Write the statistics page here
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
}

impl Info {
    fn run(&self, context: &Context) -> Result<()> {
        let store = SimStore::open(&self.set)?;
        if let Some(page) = &self.page {
            let page = outputs::page(page, [self.set.as_path()])?;
            outputs::write_page(&self.set, &page, context)?;
        }
        let about = store.about();
        let parts: Vec<_> = store
            .parts()
            .into_iter()
            .map(|part| {
                let entries = store.entries(part);
                json!({
                    "part": part, "simulations": entries.len(), "kept": store.kept(part).len(), "flagged": store.flags(part),
                    "left_bounds": entries.iter().filter(|e| e.left_bounds_ms.is_some()).count(),
                    "spikes": entries.iter().map(|e| u64::from(e.n_spikes)).sum::<u64>(),
                })
            })
            .collect();
        let left_bounds = outputs::left_bounds(&store);
        outputs::warn_of(&left_bounds, context);
        outputs::note_none_kept(&store, context);
        let (neuron, notes) = (page::neuron_name(about), page::neuron_notes(about));
        let report = json!({
            "set": self.set, "neuron": neuron, "notes": notes, "about": about, "shard": store.shard().to_string(), "parts": parts, "left_bounds": left_bounds,
        });
        context.print(&report, || {
            let mut table = TextTable::new(&["part", "simulations", "kept", "spikes", "flagged by"]);
            for part in &parts {
                let number = |key: &str| count(part[key].as_u64().unwrap_or(0));
                let name = part["part"].as_str().unwrap_or_default().to_string();
                let flags = part["flagged"].as_object().map(in_words).unwrap_or_default();
                table.row([name, number("simulations"), number("kept"), number("spikes"), flags]);
            }
            let notes = notes.iter().fold(String::new(), |all, note| all + "\nnote: " + note);
            format!(
                "{} ({}): {neuron}; seed {}, {} segments, {} ms each after {} ms of warm-up; dt {} ms, {}, {} °C, order `{}`{notes}\n\n{}",
                about.name,
                about.kind,
                about.seed,
                about.nseg,
                about.duration_ms,
                about.warmup_ms,
                about.neuron.dt_ms,
                about.neuron.scheme,
                about.neuron.celsius,
                about.neuron.synapse_order,
                table.render()
            )
        });
        Ok(())
    }
}

/// Criteria with the number of simulations that each of them flags.
fn in_words(flags: &Map<String, Value>) -> String {
    flags.iter().map(|(criterion, n)| format!("{criterion} {n}")).collect::<Vec<_>>().join(", ")
}

/// Layouts of the reference systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Layout {
    /// Folders of `.npy` files (Ball & Stick)
    Npy,
    /// A folder per simulation (`TwinProp`)
    Twinprop,
}

/// A folder of a reference system as a set in one file
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kenyon neuron dataset import data/BallAndStick --config set.toml --layout npy -o set.h5")]
pub(super) struct Import {
    /// Folder with train, valid, test
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Its layout
    #[arg(long, value_name = "LAYOUT", value_enum)]
    layout: Layout,
    /// Config that describes the neuron and the set: what a folder does not say of itself
    #[arg(long, value_name = "CONFIG")]
    config: PathBuf,
    /// Set to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

impl Import {
    fn run(&self, context: &Context) -> Result<()> {
        let target = outputs::set(&self.output, [self.config.as_path()])?;
        Target::outside(&self.output, &self.dir)?;
        std::fs::read_dir(&self.dir).map_err(|cause| UserError::cannot_read(&self.dir, &cause))?;
        let set = DatasetConfig::read(&self.config)?.resolve(&self.config, context.given_seed)?;
        for note in &set.model.notes {
            context.note(note);
        }
        let known = SetAbout::of(&set.plan, set.neuron.about(&set.settings), "");
        let neuron = page::neuron_name(&known);
        let report = match self.layout {
            Layout::Npy => ReferenceFolder::open(&self.dir)?.import(known, &self.output, context)?,
            Layout::Twinprop => TwinpropFolder::open(&self.dir)?.import(known, &self.output, context)?,
        };
        target.written(context);
        let document = json!({ "output": self.output, "neuron": neuron, "notes": set.model.notes, "set": report });
        context.print(&document, || {
            let all: usize = report.parts.iter().map(|p| p.simulations).sum();
            format!("{} simulations of {neuron}\nwritten: {}", count(all as u64), self.output.display())
        });
        Ok(())
    }
}

/// A set as a folder of a reference system
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kenyon neuron dataset export set.h5 --layout npy -o BallAndStick")]
pub(super) struct Export {
    /// Set
    #[arg(value_name = "SET")]
    set: PathBuf,
    /// Layout to write
    #[arg(long, value_name = "LAYOUT", value_enum)]
    layout: Layout,
    /// Folder to write; it must not exist or be empty
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Write simulations too that a filter flags
    #[arg(long)]
    flagged: bool,
}

impl Export {
    fn run(&self, context: &Context) -> Result<()> {
        let store = SimStore::open(&self.set)?;
        let written = match self.layout {
            Layout::Npy => {
                let model = &store.about().neuron.parameters["model"];
                let dendrite_um = model["morphology"]["ball_and_stick"]["dend_length_um"].as_f64().unwrap_or(0.0);
                let sk = model["sk_factor"].as_f64().unwrap_or(0.0);
                let nmda = model["synapse_set"].as_str().is_some_and(|set| set.contains("nmda"));
                let name = neuron_file_name(dendrite_um, sk, nmda, &store.about().name, "");
                export_reference(&store, &self.output, &name, self.flagged, context)?
            }
            Layout::Twinprop => export_twinprop(&store, &self.output, self.flagged, context)?,
        };
        let mut flags: BTreeMap<String, usize> = BTreeMap::new();
        for (criterion, n) in store.parts().into_iter().flat_map(|part| store.flags(part)) {
            *flags.entry(criterion).or_default() += n;
        }
        let left_bounds = flags.remove(LEFT_BOUNDS).unwrap_or(0);
        let left_out = if self.flagged { BTreeMap::new() } else { flags };
        let report = json!({ "output": self.output, "simulations": written, "left_out": left_out, "left_bounds": left_bounds });
        context.print(&report, || {
            let mut text = format!("{} simulations", count(written as u64));
            if !left_out.is_empty() {
                let words: Vec<String> = left_out.iter().map(|(criterion, n)| format!("{criterion} {n}")).collect();
                let _ = write!(text, "\nleft out, flagged by the filter: {} (`--flagged` writes them too)", words.join(", "));
            }
            if left_bounds > 0 {
                let _ = write!(text, "\nleft out, without an answer because a potential left all bounds: {left_bounds}");
            }
            let _ = write!(text, "\nwritten: {}", self.output.display());
            text
        });
        Ok(())
    }
}
