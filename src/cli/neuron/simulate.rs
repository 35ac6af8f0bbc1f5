//! `kenyon neuron simulate`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;
use kenyon_base::{AtomicDir, AtomicFile, Provenance, Result, Source, TOOL, UserError, digest};
use kenyon_neurons::biophysical::model::Morphology;
use kenyon_neurons::biophysical::protocol::{Outcome, Prepared, Protocol, Synapses};
use kenyon_neurons::biophysical::synapse::Release;
use serde_json::{Value, json};

use super::model::{describe, title};
use super::result::{self, Recorded};
use super::{output, picture};
use crate::cli::context::Context;
use crate::cli::output::{TextTable, count, of};

/// A protocol simulated: traces and spikes as HDF5 and CSV, with everything that made them
#[derive(Debug, Args)]
#[command(
    after_help = "Writes result.h5, traces.csv, spikes.csv and summary.json into DIR; docs/neurons.md describes the keys of a protocol.\n\n\
                  `--seed` replaces the seed of `release` where the protocol makes it probabilistic; nothing else is left to chance.\n\n\
                  Examples:\n  kenyon neuron simulate examples/neuron_step.toml -o step --plot\n  \
                  kenyon neuron simulate examples/neuron_bac.toml -o bac --json"
)]
pub(in crate::cli) struct Simulate {
    /// Protocol: TOML, or JSON if the name ends in `.json`
    #[arg(value_name = "PROTOCOL")]
    protocol: PathBuf,
    /// Folder to write; it must not exist or be empty
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Draw the traces too: plot.svg
    #[arg(long)]
    plot: bool,
}

impl Simulate {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        output::folder(&self.output)?;
        let mut protocol = Protocol::read(&self.protocol)?;
        if let Some(seed) = context.given_seed {
            if protocol.release == Release::Deterministic {
                context.note("nothing in this protocol is left to chance: `--seed` changes nothing");
            }
            protocol.release = protocol.release.with_seed(seed);
        }
        let mut prepared = protocol.prepare(&self.protocol)?;
        prepared.model.notes.iter().for_each(|note| context.warn(note));
        // Before the work, so that a folder that is taken is told at once.
        let folder = AtomicDir::create(&self.output)?;
        let outcome = prepared.run(context, &stop_flag())?;
        let settings = settings(&prepared, &outcome);
        let provenance = Provenance {
            tool: String::new(),
            sources: self.sources(&protocol)?,
            steps: vec![json!({ "command": "neuron simulate", "settings": settings })],
            synthetic: matches!(prepared.model.spec.morphology, Some(Morphology::Grown(_))),
        };
        let mut recorded = Recorded::of(title(&prepared.model), prepared.protocol.dt_ms, &outcome);
        result::write_hdf5(&folder.path().join("result.h5"), &recorded, &prepared.synapses, &settings, &provenance)?;
        let mut files = vec!["result.h5".to_string()];
        files.extend(result::write_tables(folder.path(), &recorded)?);
        if self.plot {
            recorded.only_what_can_be_drawn().iter().for_each(|note| context.note(note));
            AtomicFile::write(&folder.path().join("plot.svg"), picture::svg(&recorded).as_bytes())?;
            files.push("plot.svg".into());
        }
        files.push("summary.json".into());
        let mut summary = settings;
        summary["sources"] = json!(provenance.sources);
        summary["files"] = json!(files);
        let text = serde_json::to_string_pretty(&summary).expect("plain data") + "\n";
        AtomicFile::write(&folder.path().join("summary.json"), text.as_bytes())?;
        folder.commit()?;
        summary["output"] = json!(self.output);
        context.print(&summary, || self.text(&prepared, &outcome));
        if outcome.complete {
            return Ok(());
        }
        let reached = outcome.steps as f64 * prepared.protocol.dt_ms;
        Err(UserError::failed("interrupted", format!("stopped at {reached:.3} ms; what there is was written"))
            .file(&self.output)
            .mend("remove the folder and run it again"))
    }

    fn sources(&self, protocol: &Protocol) -> Result<Vec<Source>> {
        let folder = self.protocol.parent().unwrap_or(Path::new("."));
        let named = protocol.files().into_iter().map(|(kind, path)| (kind, folder.join(path)));
        [("protocol", self.protocol.clone())].into_iter().chain(named).map(|(kind, path)| source(kind, &path)).collect()
    }

    fn text(&self, prepared: &Prepared, outcome: &Outcome) -> String {
        let mut table = TextTable::new(&["trace", "place", "samples", "least", "most", "last", "unit"]);
        for trace in outcome.traces.iter().take(20) {
            let (least, most) = range(&trace.values);
            table.row([
                trace.name.clone(),
                format!("{}({:.4})", trace.section, trace.x),
                count(trace.values.len() as u64),
                short(least),
                short(most),
                short(trace.values.last().copied().unwrap_or(f64::NAN)),
                trace.unit.into(),
            ]);
        }
        let more = outcome.traces.len().saturating_sub(20);
        let more = if more > 0 { format!("… and {}\n", of(more as u64, "more trace")) } else { String::new() };
        let spikes = &outcome.spikes;
        let first: Vec<String> = spikes.times_ms.iter().take(8).map(|t| format!("{t:.3}")).collect();
        let dots = if spikes.times_ms.len() > 8 { ", …" } else { "" };
        let when = if first.is_empty() { String::new() } else { format!(" at {}{dots} ms", first.join(", ")) };
        format!(
            "{}: {}, {}, {}, {}{}; {} ms in steps of {} ms\n\n{}{more}\n{} ({}, {}({})){when}\nwritten: {}",
            title(&prepared.model),
            of(prepared.model.neuron.cable.sections.len() as u64, "section"),
            of(prepared.model.neuron.cable.segment_count() as u64, "segment"),
            of(prepared.synapses.len() as u64, "synapse"),
            of(prepared.event_count as u64, "event"),
            match prepared.protocol.release {
                Release::Deterministic => String::new(),
                Release::Probabilistic { probability, seed } => format!(" released with probability {probability}, seed {seed}"),
            },
            prepared.protocol.duration_ms,
            prepared.protocol.dt_ms,
            table.render(),
            of(spikes.times_ms.len() as u64, "spike"),
            spikes.at.definition.name(),
            spikes.at.section.as_deref().unwrap_or_default(),
            spikes.at.x.unwrap_or_default(),
            self.output.display(),
        )
    }
}

fn source(kind: &str, path: &Path) -> Result<Source> {
    let cannot = |cause: std::io::Error| UserError::cannot_read(path, &cause);
    let bytes = std::fs::metadata(path).map_err(cannot)?.len();
    Ok(Source {
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        kind: kind.into(),
        sha256: digest::sha256_file(path).map_err(cannot)?,
        bytes,
        rows: 0,
    })
}

/// Everything that the numbers depend on, and what they are.
fn settings(prepared: &Prepared, outcome: &Outcome) -> Value {
    let protocol = &prepared.protocol;
    let order = match &protocol.synapses {
        Some(Synapses::PerSegment(order)) => json!(order),
        Some(Synapses::Csv(_)) => json!("table"),
        None => json!("protocol"),
    };
    let traces: Vec<Value> = outcome
        .traces
        .iter()
        .map(|trace| {
            let (least, most) = range(&trace.values);
            json!({
                "name": trace.name,
                "unit": trace.unit,
                "section": trace.section,
                "x": trace.x,
                "every_steps": trace.every,
                "samples": trace.values.len(),
                "least": least,
                "most": most,
                "last": trace.values.last(),
            })
        })
        .collect();
    json!({
        "code": TOOL,
        "model": describe(&prepared.model),
        "duration_ms": protocol.duration_ms,
        "dt_ms": protocol.dt_ms,
        "scheme": protocol.scheme,
        "tables": protocol.tables,
        "v_init_mv": protocol.v_init_mv,
        "celsius": protocol.celsius,
        "placement": prepared.model.neuron.recipe.placement,
        "synapses": prepared.synapses.len(),
        "synapse_order": order,
        "synapse_sets": protocol.synapse_set,
        "release": protocol.release,
        "events": prepared.event_count,
        "clamps": protocol.clamp,
        "voltage_clamps": protocol.voltage_clamp,
        "steps": outcome.steps,
        "complete": outcome.complete,
        "spike_definition": outcome.spikes.at,
        "spike_count": outcome.spikes.times_ms.len(),
        "spikes_ms": outcome.spikes.times_ms,
        "traces": traces,
    })
}

fn range(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)))
}

/// A number of any size in few characters.
fn short(value: f64) -> String {
    // Zero has no sign.
    let value = value + 0.0;
    if value.abs() < f64::MIN_POSITIVE || (1e-3..1e6).contains(&value.abs()) {
        format!("{value:.4}")
    } else {
        format!("{value:.4e}")
    }
}

/// Raised by the first Ctrl-C or SIGTERM, where signals can be heard.
pub(super) fn stop_flag() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // The second one ends the process; in this order, since the first handler looks at the flag before it is raised.
        let _ = signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop));
        let _ = signal_hook::flag::register(signal, Arc::clone(&stop));
    }
    stop
}
