//! `kenyon odors make`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kenyon_base::{Provenance, Result, Source, UserError, config};
use kenyon_connectome::circuit::file;
use kenyon_datasets::SpikeSource;
use kenyon_datasets::odors::{
    FolderSpec, Geometry, InputLayer, Missing, OdorGenerator, OdorSpec, Quantity, SampleFolder, build, ceiling, store,
    write_folder,
};
use serde::Deserialize;
use serde_json::json;

use super::info::{self, Description};
use crate::cli::context::Context;
use crate::cli::eval::at_least_one;
use crate::cli::target::Target;
use crate::odors::{input_layer, labels_from_types};

/// Make input spikes of odours for the receptor neurons of a circuit, with a split and the accuracy that the counts allow.
///
/// Without a response table the built-in synthetic one is taken, made for the receptors that the circuit has.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kenyon odors make --circuit circuit.h5 -o odors.h5\n  \
    kenyon odors make --receptor-map receptor_to_root_ids.csv --table DoOR_selected.csv.gz -o odors.h5\n  \
    kenyon odors make recipe.toml --circuit circuit.h5 --concentration 0.25,0.5,1 -o odors.h5 --json\n  \
    kenyon odors make --import old_samples/ --assume-order receptor_to_root_ids.csv -o odors.h5")]
pub(in crate::cli) struct Make {
    /// Recipe; a config with a section `[odors]`, or its keys alone. See `docs/odors.md`
    #[arg(value_name = "CONFIG")]
    config: Option<PathBuf>,
    /// File to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Circuit whose receptor neurons are the inputs
    #[arg(long, value_name = "CIRCUIT")]
    circuit: Option<PathBuf>,
    #[command(flatten)]
    recipe: Recipe,
    /// Do not measure the ceiling
    #[arg(long)]
    no_ceiling: bool,
    /// Also write one HDF5 file per sample into this folder, as the reference system does
    #[arg(long, value_name = "DIR")]
    samples: Option<PathBuf>,
    /// Pack a folder of one HDF5 file per sample instead of generating
    #[arg(long, value_name = "DIR", conflicts_with_all = ["config", "circuit", "receptor_map", "table", "missing",
        "merge_duplicates", "max_odors", "repeats", "onset_ms", "duration_ms", "concentration", "spontaneous_hz", "samples"])]
    import: Option<PathBuf>,
    /// Root ids in the order of the inputs of `--import`: a list, or a receptor map with one input per row
    #[arg(long, value_name = "FILE", requires = "import")]
    assume_order: Option<PathBuf>,
}

/// The recipe by flags; each outdoes its key in the config.
#[derive(Debug, Args)]
struct Recipe {
    /// Receptor map (`receptor_label,root_id`), instead of the labels of the circuit
    #[arg(long, value_name = "CSV")]
    receptor_map: Option<PathBuf>,
    /// Response table, odours × receptors [default: synthetic]
    #[arg(long, value_name = "CSV")]
    table: Option<PathBuf>,
    /// What to do about responses that were not measured
    #[arg(long, value_enum)]
    missing: Option<MissingArg>,
    /// Join rows of equal name
    #[arg(long)]
    merge_duplicates: bool,
    /// At most so many odours
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    max_odors: Option<usize>,
    /// Samples per odour [default: 100]
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    repeats: Option<usize>,
    /// Steps per sample [default: 500]
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    steps: Option<usize>,
    /// Length of a step in ms [default: 1]
    #[arg(long, value_name = "MS", allow_negative_numbers = true)]
    dt_ms: Option<f64>,
    /// Begin of the stimulus in ms: one number, several, or `A..B` [default: 0]
    #[arg(long, value_name = "MS", value_parser = quantity, allow_negative_numbers = true)]
    onset_ms: Option<Quantity>,
    /// Length of the stimulus in ms: one number, several, or `A..B` [default: 70..500]
    #[arg(long, value_name = "MS", value_parser = quantity, allow_negative_numbers = true)]
    duration_ms: Option<Quantity>,
    /// Factor on the responses: one number, several, or `A..B` [default: 0.5]
    #[arg(long, value_name = "C", value_parser = quantity, allow_negative_numbers = true)]
    concentration: Option<Quantity>,
    /// Rate without a stimulus in Hz [default: 8]
    #[arg(long, value_name = "HZ", allow_negative_numbers = true)]
    spontaneous_hz: Option<f64>,
    /// One more, empty, step at the end, as in the reference system
    #[arg(long)]
    parity_bins: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MissingArg {
    /// They are an error
    Error,
    /// They become 0
    Zero,
}

/// `0.5`, `0.25,0.5,1` or `70..500`.
fn quantity(text: &str) -> std::result::Result<Quantity, String> {
    let number = |t: &str| t.trim().parse::<f64>().map_err(|_| format!("`{t}` is not a number"));
    if let Some((from, to)) = text.split_once("..") {
        return Ok(Quantity::Range { from: number(from)?, to: number(to)? });
    }
    let mut list = text.split(',').map(number).collect::<std::result::Result<Vec<f64>, String>>()?;
    Ok(if list.len() == 1 { Quantity::Fixed(list.remove(0)) } else { Quantity::List(list) })
}

/// Page that describes every key of a recipe.
const PAGE: &str = "docs/odors.md";

/// A config of any command that has a section `[odors]`; its other sections are not looked at.
#[derive(Debug, Deserialize)]
struct Sections {
    odors: OdorSpec,
}

/// Reads a recipe: the section `[odors]`, or a file of its keys alone.
fn read_recipe(path: &Path) -> Result<OdorSpec> {
    let text = std::fs::read_to_string(path).map_err(|e| UserError::cannot_read(path, &e))?;
    let has_section = text.lines().any(|line| line.trim_start().starts_with("[odors"));
    if has_section {
        config::parse_of::<Sections>(&text, path, PAGE).map(|s| s.odors)
    } else {
        config::parse_of(&text, path, PAGE)
    }
}

/// The recipe with its files named without folders, so that the same data give the same bytes anywhere.
fn without_folders(spec: &OdorSpec) -> OdorSpec {
    let name = |path: &PathBuf| path.file_name().map(PathBuf::from);
    OdorSpec {
        table: spec.table.as_ref().and_then(name),
        receptor_map: spec.receptor_map.as_ref().and_then(name),
        ..spec.clone()
    }
}

impl Make {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        if let Some(dir) = &self.import {
            return self.pack(dir, context);
        }
        let spec = self.spec()?;
        let inputs = [&self.config, &self.circuit, &spec.table, &spec.receptor_map];
        let target = Target::new(&self.output, inputs.into_iter().flatten().map(PathBuf::as_path))?;
        let generator = self.generator(&spec, context)?;
        let drives = generator.mapping();
        if !drives.without_column.is_empty() {
            context.warn(&format!(
                "receptors without a column in the response table get no odour drive: {}",
                drives.without_column.join(", ")
            ));
        }
        for note in &generator.table().notes {
            context.note(&format!("response table: {note}"));
        }
        let ceiling = if self.no_ceiling { None } else { ceiling(&generator, &generator.split().test, context)? };
        if let Some(dir) = &self.samples {
            let all: Vec<u32> = (0..generator.len() as u32).collect();
            write_folder(&generator, &all, dir, context)?;
        }
        let about = store::Description {
            labels: generator.layer().labels.clone(),
            recipe: Some(without_folders(generator.spec())),
            mapping: Some(drives.clone()),
            geometry: Some(Geometry::of(generator.table())),
            ceiling,
            notes: generator.table().notes.clone(),
            provenance: self.provenance(&generator)?,
        };
        store::write(&generator, &about, &self.output, context)?;
        target.written(context);
        self.print(context)
    }

    /// Packs a folder of samples.
    fn pack(&self, dir: &Path, context: &Context) -> Result<()> {
        Target::new(&self.output, self.assume_order.as_deref())?;
        let target = Target::outside(&self.output, dir)?;
        let r = &self.recipe;
        let spec = FolderSpec {
            steps: r.steps.unwrap_or(500) + usize::from(r.parity_bins),
            dt_us: (r.dt_ms.unwrap_or(1.0) * 1e3).round() as u64,
            order: self.assume_order.clone(),
            seed: context.seed,
            ..FolderSpec::default()
        };
        let folder = SampleFolder::open(dir, &spec, context)?;
        for note in &folder.notes {
            context.warn(note);
        }
        let mut steps = vec![json!({ "step": "odors import", "samples": folder.len(), "notes": folder.notes })];
        if let Some(order) = &self.assume_order {
            steps.push(json!({ "assumed_order": order.file_name().map(|n| n.to_string_lossy()) }));
        }
        let provenance = Provenance { steps, ..Provenance::default() };
        let about = store::Description { notes: folder.notes.clone(), provenance, ..store::Description::default() };
        store::write(&folder, &about, &self.output, context)?;
        target.written(context);
        self.print(context)
    }

    fn print(&self, context: &Context) -> Result<()> {
        let report = Description::read(&self.output)?;
        context.print(&report, || format!("{}\nwritten: {}", info::text(&report), self.output.display()));
        Ok(())
    }

    /// The recipe with all flags, its paths from the working folder.
    fn spec(&self) -> Result<OdorSpec> {
        let (mut spec, folder) = match &self.config {
            Some(path) => (read_recipe(path)?, path.parent().unwrap_or(Path::new("")).to_path_buf()),
            None => (OdorSpec::default(), PathBuf::new()),
        };
        // Paths of the config are relative to it, those of flags to the working folder.
        spec.table = spec.table.map(|p| folder.join(p));
        spec.receptor_map = spec.receptor_map.map(|p| folder.join(p));
        if let Some(config) = &self.config {
            let flags = [self.recipe.table.is_some(), self.recipe.receptor_map.is_some()];
            for ((key, file), by_flag) in [("table", &spec.table), ("receptor_map", &spec.receptor_map)].into_iter().zip(flags) {
                let missing = file.as_ref().filter(|_| !by_flag).and_then(|file| Some((file, std::fs::metadata(file).err()?)));
                if let Some((file, cause)) = missing {
                    let mend = format!(
                        "named by key `{key}` of `{}`: mend the path there; it is relative to that file",
                        config.display()
                    );
                    return Err(UserError::cannot_read(file, &cause).mend(mend));
                }
            }
        }
        self.recipe.apply(&mut spec);
        if let Some(path) = &self.config {
            spec.check().map_err(|e| e.file(path))?;
        }
        Ok(spec)
    }

    fn generator(&self, spec: &OdorSpec, context: &Context) -> Result<OdorGenerator> {
        let layer = match (&self.circuit, &spec.receptor_map) {
            (Some(path), map) => {
                let circuit = file::read(path)?;
                if map.is_none() && labels_from_types(&circuit) {
                    context.note("the circuit has no receptor map: receptors follow from the cell types (`ORN_<glomerulus>`)");
                }
                input_layer(&circuit).map_err(|e| e.file(path))?
            }
            (None, Some(map)) => InputLayer::read(map)?,
            (None, None) => {
                return Err(UserError::usage("no-inputs", "says nothing about the input neurons")
                    .mend("give `--circuit circuit.h5`, or `--receptor-map receptor_to_root_ids.csv`"));
            }
        };
        build(spec, Path::new(""), context.seed, layer)
    }

    fn provenance(&self, generator: &OdorGenerator) -> Result<Provenance> {
        let mut sources: Vec<Source> =
            [generator.table().source.clone(), generator.layer().source.clone()].into_iter().flatten().collect();
        if let Some(path) = &self.circuit {
            let (sha256, bytes) = std::fs::metadata(path)
                .and_then(|meta| Ok((kenyon_base::digest::sha256_file(path)?, meta.len())))
                .map_err(|e| UserError::cannot_read(path, &e))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            sources.push(Source { name, kind: "circuit".into(), sha256, bytes, rows: generator.inputs().len() as u64 });
        }
        let steps = vec![json!({ "step": "odors make", "seed": generator.spec().seed })];
        Ok(Provenance { sources, steps, synthetic: generator.table().synthetic, ..Provenance::default() })
    }
}

impl Recipe {
    fn apply(&self, spec: &mut OdorSpec) {
        fn set<T: Clone>(key: &mut T, flag: Option<&T>) {
            if let Some(value) = flag {
                key.clone_from(value);
            }
        }
        spec.receptor_map = self.receptor_map.clone().or(spec.receptor_map.take());
        spec.table = self.table.clone().or(spec.table.take());
        spec.max_odors = self.max_odors.or(spec.max_odors);
        spec.merge_duplicates |= self.merge_duplicates;
        spec.parity_bins |= self.parity_bins;
        match self.missing {
            Some(MissingArg::Zero) => spec.missing = Missing::Zero,
            Some(MissingArg::Error) => spec.missing = Missing::Error,
            None => {}
        }
        set(&mut spec.repeats, self.repeats.as_ref());
        set(&mut spec.steps, self.steps.as_ref());
        set(&mut spec.dt_ms, self.dt_ms.as_ref());
        set(&mut spec.onset_ms, self.onset_ms.as_ref());
        set(&mut spec.duration_ms, self.duration_ms.as_ref());
        set(&mut spec.concentration, self.concentration.as_ref());
        set(&mut spec.spontaneous_hz, self.spontaneous_hz.as_ref());
    }
}
