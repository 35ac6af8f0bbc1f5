//! `kenyon demo`: the whole path on the built-in synthetic fly, or on a real dump. So far it goes as far as the circuit.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use kenyon_base::{AtomicFile, Progress, Result, UserError};
use kenyon_connectome::circuit::{self, CircuitSpec, file};
use kenyon_connectome::import::{self, ImportSpec};
use kenyon_connectome::synth::{self, SynthSpec};
use kenyon_connectome::{Pack, pack};
use serde_json::json;

use super::context::Context;
use super::output::count;

/// The config of the demonstration, which is also a ready example.
const CONFIG: &str = include_str!("../../examples/synthetic_fly.toml");

/// The whole path on the built-in synthetic fly, or with `--data` on a real dump.
///
/// Today the path leads from the dump to the circuit; training, export and the report follow in later versions.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kenyon demo\n  kenyon demo --data codex_783/ --connections connections --run real_fly")]
pub(super) struct Demo {
    /// Folder of Codex downloads instead of the synthetic fly
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Connection table of `--data`, needed if there are several
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "data")]
    connections: Vec<String>,
    /// Folder for everything that is made; it must not exist or be empty
    #[arg(long, value_name = "DIR", default_value = "kenyon_demo")]
    run: PathBuf,
}

impl Demo {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        if self.run.is_file() {
            return Err(UserError::usage("not-a-folder", "is a file").file(&self.run).mend("name a folder with `--run`"));
        }
        if fs::read_dir(&self.run).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(UserError::usage("not-empty", "already exists and is not empty")
                .file(&self.run)
                .mend("name another folder with `--run`, or remove this one first"));
        }
        let create = || fs::create_dir_all(&self.run).map_err(|e| UserError::cannot_write(&self.run, &e));
        let at = |name: &str| self.run.join(name);

        let data = if let Some(dir) = &self.data {
            dir.clone()
        } else {
            context.stage("generating the synthetic fly", None);
            let fly = synth::generate(&SynthSpec { seed: context.seed, ..SynthSpec::default() })?;
            create()?;
            fly.write(&at("fly"))?;
            context.note(&format!("1. synthetic fly in Codex format: {}", at("fly").display()));
            at("fly")
        };

        let spec = ImportSpec { connections: self.connections.clone(), ..ImportSpec::default() };
        let (connectome, imported) = import::import(&data, &spec, context).map_err(|error| match error.code() {
            "several-connection-tables" => error.mend("choose one of them with `--connections NAME`"),
            _ => error,
        })?;
        create()?;
        pack::write(&connectome, &at("fly.h5"))?;
        drop(connectome);
        context.note(&format!(
            "2. connectome: {} neurons, {} rows, {} pairs, {} synapses -> {}",
            count(imported.neurons),
            count(imported.rows),
            count(imported.pairs),
            count(imported.synapses),
            at("fly.h5").display()
        ));

        AtomicFile::write(&at("circuit.toml"), CONFIG.as_bytes())?;
        let mut config = CircuitSpec::read(&at("circuit.toml"))?;
        config.completion.seed.get_or_insert(context.seed);
        let opened = Pack::open(&at("fly.h5"))?;
        let built = circuit::build(&opened, &config, &at("circuit.toml"), context)?;
        super::circuit::warn(&built, &opened.tables()?, context);
        file::write(&built, &at("circuit.h5"))?;
        let info = circuit::info::describe(&built);
        context.note(&format!(
            "3. circuit: {} neurons in {} populations, {} pairs -> {}",
            count(info.neurons),
            info.populations.len(),
            count(info.pairs),
            at("circuit.h5").display()
        ));
        let report = json!({
            "run": self.run,
            "synthetic": imported.synthetic,
            "connectome": { "neurons": imported.neurons, "rows": imported.rows, "pairs": imported.pairs, "synapses": imported.synapses },
            "circuit": info,
        });
        write_json(&at("demo.json"), &report)?;
        context.print(&report, || {
            format!(
                "\n{}\n\nLook closer:\n  kenyon circuit info {} --influence 'type = \"ORN_DA1\"'\n  kenyon connectome query {} 'type ~ \"^KC\" and side = right'",
                super::circuit::info_text(&info),
                at("circuit.h5").display(),
                at("fly.h5").display()
            )
        });
        Ok(())
    }
}

fn write_json(path: &Path, value: &serde_json::Value) -> Result<()> {
    let text = serde_json::to_string_pretty(value).expect("a report is plain data");
    AtomicFile::write(path, (text + "\n").as_bytes())
}
