//! `kenyon connectome synth`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kenyon_base::{Progress, Result};
use kenyon_connectome::synth::{self, SynthSpec};

use crate::cli::context::Context;
use crate::cli::output::{TextTable, count};

/// Write a synthetic fly in Codex format, made from published statistics; no neuron of it is real.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kenyon connectome synth --seed 1 -o synthetic_fly\n  \
    kenyon connectome synth --background-neurons 139255 --rows 5300000 -o whole_brain")]
pub(in crate::cli) struct Synth {
    /// Folder to write; it must not exist or be empty
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Part of the pathway
    #[arg(long, value_enum, default_value_t)]
    preset: Preset,
    /// Factor on the numbers of cells and connections
    #[arg(long, value_name = "X", default_value_t = 1.0, allow_negative_numbers = true)]
    scale: f64,
    /// Neurons of the whole dump, the pathway included
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    background_neurons: Option<usize>,
    /// Connection rows of the whole dump, the pathway's included
    #[arg(long, value_name = "M", allow_negative_numbers = true)]
    rows: Option<usize>,
}

/// Part of the pathway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Preset {
    /// The whole pathway: about 9,600 connected neurons, 214,000 rows
    #[default]
    Full,
    /// Receptor neurons, antennal lobe, mushroom body
    Core,
    /// The whole pathway at one twentieth
    Tiny,
}

impl From<Preset> for synth::Preset {
    fn from(preset: Preset) -> Self {
        match preset {
            Preset::Full => Self::Full,
            Preset::Core => Self::Core,
            Preset::Tiny => Self::Tiny,
        }
    }
}

impl Synth {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let spec = SynthSpec {
            seed: context.seed,
            preset: self.preset.into(),
            scale: self.scale,
            background_neurons: self.background_neurons,
            rows: self.rows,
        };
        context.stage("generating the fly", None);
        let fly = synth::generate(&spec)?;
        context.stage("writing", None);
        let written = fly.write(&self.output)?;
        context.print(&written, || {
            let mut table = TextTable::new(&["file", "rows"]);
            for file in &written.files {
                table.row([file.name.clone(), count(file.rows)]);
            }
            format!(
                "synthetic fly: {} neurons ({} of the pathway, {} connected), {} rows\n\n{}\nwritten: {}",
                count(written.neurons as u64),
                count(written.pathway_neurons as u64),
                count(written.connected_neurons as u64),
                count(written.rows as u64),
                table.render(),
                self.output.display()
            )
        });
        Ok(())
    }
}
