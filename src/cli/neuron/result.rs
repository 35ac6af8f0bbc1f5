//! The files of a simulation: HDF5 with everything, CSV for the eye and for other programs.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use kenyon_base::{AtomicFile, Container, ContainerWriter, Provenance, Result, UserError};
use kenyon_neurons::biophysical::placing::PlacedSynapse;
use kenyon_neurons::biophysical::protocol::Outcome;
use serde_json::Value;

/// Format of `result.h5`.
const FORMAT: &str = "kenyon-neuron-simulation";
/// Its version.
const VERSION: u32 = 1;
/// Traces of a picture at most, unless they are picked.
const MOST_DRAWN: usize = 24;

/// Traces and spikes of a simulation.
#[derive(Debug)]
pub(super) struct Recorded<'a> {
    /// Name of the model.
    pub(super) model: String,
    /// Time step, ms.
    pub(super) dt_ms: f64,
    /// Traces.
    pub(super) traces: Vec<Column<'a>>,
    /// Spikes, ms.
    pub(super) spikes_ms: Vec<f64>,
    /// When it was interrupted, ms.
    pub(super) stopped_ms: Option<f64>,
    /// Traces that a picture leaves out.
    pub(super) left_out: usize,
}

/// One trace.
#[derive(Debug)]
pub(super) struct Column<'a> {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) section: String,
    pub(super) x: f64,
    /// Steps between samples.
    pub(super) every: u64,
    pub(super) values: Cow<'a, [f64]>,
}

impl<'a> Recorded<'a> {
    pub(super) fn of(model: String, dt_ms: f64, outcome: &'a Outcome) -> Self {
        let traces = outcome.traces.iter().map(|trace| Column {
            name: trace.name.clone(),
            unit: trace.unit.into(),
            section: trace.section.clone(),
            x: trace.x,
            every: trace.every,
            values: Cow::Borrowed(&trace.values),
        });
        Self {
            model,
            dt_ms,
            traces: traces.collect(),
            spikes_ms: outcome.spikes.times_ms.clone(),
            stopped_ms: (!outcome.complete).then_some(outcome.steps as f64 * dt_ms),
            left_out: 0,
        }
    }

    /// Leaves as many traces as a picture has room for, and says what was left out.
    pub(super) fn only_what_can_be_drawn(&mut self) -> Option<String> {
        self.left_out = self.traces.len().saturating_sub(MOST_DRAWN);
        self.traces.truncate(MOST_DRAWN);
        (self.left_out > 0).then(|| {
            let all = self.left_out + MOST_DRAWN;
            format!("the picture shows the first {MOST_DRAWN} of {all} traces; pick others with `kenyon neuron plot RESULT --trace NAME`")
        })
    }

    /// Reads `result.h5`, or that of the folder that is named.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let path = if path.is_dir() { path.join("result.h5") } else { path.to_path_buf() };
        let file = Container::open(&path, FORMAT, VERSION).map_err(|error| match error.code() {
            "format" => UserError::bad_data("format", "is no result of `neuron simulate`")
                .file(&path)
                .mend("name the folder that `kenyon neuron simulate` wrote, or the result.h5 in it"),
            _ => error,
        })?;
        let names = file.read_text("trace/name")?;
        let n = names.len();
        let (units, sections) = (file.read_text("trace/unit")?, file.read_text("trace/section")?);
        let (x, every) = (file.read_len::<f64>("trace/x", n)?, file.read_len::<u64>("trace/every_steps", n)?);
        let dt_ms = file.read_len::<f64>("dt_ms", 1)?[0];
        let model = file.read_text("model")?.into_iter().next().unwrap_or_default();
        if units.len() != n || sections.len() != n || !(dt_ms.is_finite() && dt_ms > 0.0) {
            return Err(UserError::bad_data("bad-length", "its traces do not fit together")
                .file(&path)
                .mend("simulate it again"));
        }
        let traces = names.into_iter().zip(units).zip(sections).enumerate().map(|(k, ((name, unit), section))| {
            let values = Cow::Owned(file.read(&format!("values/{k}"))?);
            Ok(Column { name, unit, section, x: x[k], every: every[k], values })
        });
        let traces = traces.collect::<Result<_>>()?;
        let settings: Option<Value> = file.read_text("settings")?.first().and_then(|text| serde_json::from_str(text).ok());
        let settings = settings.filter(|settings| settings["complete"] == false);
        let stopped_ms = settings.and_then(|settings| settings["steps"].as_f64()).map(|steps| steps * dt_ms);
        Ok(Self { model, dt_ms, traces, spikes_ms: file.read("spikes_ms")?, stopped_ms, left_out: 0 })
    }
}

/// Writes the HDF5 file.
pub(super) fn write_hdf5(
    path: &Path,
    recorded: &Recorded<'_>,
    synapses: &[PlacedSynapse],
    settings: &Value,
    provenance: &Provenance,
) -> Result<()> {
    let file = ContainerWriter::create(path, FORMAT, VERSION)?;
    let traces = &recorded.traces;
    file.write_text("model", &[&recorded.model])?;
    file.write("dt_ms", &[recorded.dt_ms])?;
    file.write_text("trace/name", &traces.iter().map(|t| &t.name).collect::<Vec<_>>())?;
    file.write_text("trace/unit", &traces.iter().map(|t| &t.unit).collect::<Vec<_>>())?;
    file.write_text("trace/section", &traces.iter().map(|t| &t.section).collect::<Vec<_>>())?;
    file.write("trace/x", &traces.iter().map(|t| t.x).collect::<Vec<_>>())?;
    file.write("trace/every_steps", &traces.iter().map(|t| t.every).collect::<Vec<_>>())?;
    for (k, trace) in traces.iter().enumerate() {
        file.write(&format!("values/{k}"), &trace.values)?;
    }
    file.write("spikes_ms", &recorded.spikes_ms)?;
    if !synapses.is_empty() {
        file.write_text("synapse/name", &synapses.iter().map(|s| &s.name).collect::<Vec<_>>())?;
        file.write_text("synapse/kind", &synapses.iter().map(|s| s.kind.name()).collect::<Vec<_>>())?;
        file.write_text("synapse/section", &synapses.iter().map(|s| &s.section).collect::<Vec<_>>())?;
        file.write("synapse/x", &synapses.iter().map(|s| s.x).collect::<Vec<_>>())?;
        file.write_text("synapse/set", &synapses.iter().map(|s| &s.set).collect::<Vec<_>>())?;
        let receptors = synapses.iter().map(|s| s.receptors.iter().map(|r| r.kind.name()).collect::<Vec<_>>().join(" "));
        file.write_text("synapse/receptors", &receptors.collect::<Vec<_>>())?;
    }
    file.write_text("settings", &[serde_json::to_string_pretty(settings).expect("plain data")])?;
    file.finish(provenance)
}

/// Writes spikes and traces as CSV, one file for each time between samples; returns the names of the files.
pub(super) fn write_tables(folder: &Path, recorded: &Recorded<'_>) -> Result<Vec<String>> {
    let mut spikes = String::from("spike,t_ms\n");
    for (k, t) in recorded.spikes_ms.iter().enumerate() {
        let _ = writeln!(spikes, "{k},{t:?}");
    }
    AtomicFile::write(&folder.join("spikes.csv"), spikes.as_bytes())?;
    let mut strides: Vec<u64> = recorded.traces.iter().map(|t| t.every).collect();
    strides.sort_unstable();
    strides.dedup();
    let mut names = vec!["spikes.csv".to_string()];
    for &every in &strides {
        let traces: Vec<&Column<'_>> = recorded.traces.iter().filter(|t| t.every == every).collect();
        let name = if strides.len() == 1 { "traces.csv".to_string() } else { format!("traces_every_{every}.csv") };
        // Line by line: a table may be larger than memory.
        let path = folder.join(&name);
        let mut file = BufWriter::new(AtomicFile::create(&path)?);
        let mut line = String::from("t_ms");
        for trace in &traces {
            line.extend([",", &trace.name]);
        }
        for k in 0..=traces[0].values.len() {
            line.push('\n');
            file.write_all(line.as_bytes()).map_err(|cause| UserError::cannot_write(&path, &cause))?;
            line.clear();
            if k == traces[0].values.len() {
                break;
            }
            // A product of a count and the step, without the digits that the product adds.
            let t = ((k as u64 * every) as f64 * recorded.dt_ms * 1e9).round() / 1e9;
            let _ = write!(line, "{t}");
            for trace in &traces {
                let _ = write!(line, ",{:?}", trace.values[k]);
            }
        }
        file.into_inner().map_err(|cause| UserError::cannot_write(&path, cause.error()))?.commit()?;
        names.push(name);
    }
    Ok(names)
}
