//! `kenyon neuron fi`, `epsp`, `input-resistance`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kenyon_base::{AtomicFile, Result, TOOL, UserError};
use kenyon_neurons::biophysical::curves::{
    Baseline, EpspSpec, FiSpec, ResistanceSpec, Site, epsp_table, fi_curve, input_resistance, spread_sites,
};
use kenyon_neurons::biophysical::model::Model;
use kenyon_neurons::biophysical::placing::SynapseKind;
use kenyon_neurons::biophysical::solver::{Scheme, long_step};
use kenyon_neurons::biophysical::spikes::{Definition, Rule};
use serde::Serialize;
use serde_json::{Value, json};

use super::model::{ModelArgs, describe, site, title};
use super::output;
use crate::cli::context::Context;
use crate::cli::output::TextTable;
use crate::cli::target::Target;

/// Currents of a curve at most.
const MOST_AMPS: f64 = 10_000.0;

/// Spikes by the size of a current step: the f-I curve of a model
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kenyon neuron fi ball-and-stick --from 0 --to 0.5 --by 0.1\n  \
                  kenyon neuron fi l5pc --morphology cell1.asc --amp 0.45,0.55,0.65 -o fi.csv")]
pub(in crate::cli) struct Fi {
    #[command(flatten)]
    model: ModelArgs,
    /// Currents, nA
    #[arg(long, value_name = "NA", value_delimiter = ',', allow_hyphen_values = true, conflicts_with_all = ["from", "to", "by"])]
    amp: Vec<f64>,
    /// First current, nA; the curve may go up or down
    #[arg(long, value_name = "NA", allow_hyphen_values = true, requires_all = ["to", "by"])]
    from: Option<f64>,
    /// Last current, nA
    #[arg(long, value_name = "NA", allow_hyphen_values = true, requires = "from")]
    to: Option<f64>,
    /// Distance of two currents, nA
    #[arg(long, value_name = "NA", allow_hyphen_values = true, requires = "from")]
    by: Option<f64>,
    /// Where the current goes in, SECTION or SECTION:X [default: the soma]
    #[arg(long, value_name = "PLACE")]
    at: Option<String>,
    /// Beginning of the step, ms
    #[arg(long, value_name = "MS", default_value_t = 100.0, allow_negative_numbers = true)]
    delay_ms: f64,
    /// Duration of the step, ms
    #[arg(long, value_name = "MS", default_value_t = 500.0, allow_negative_numbers = true)]
    dur_ms: f64,
    /// Time after the step, ms
    #[arg(long, value_name = "MS", default_value_t = 100.0, allow_negative_numbers = true)]
    after_ms: f64,
    /// Time step, ms
    #[arg(long, value_name = "MS", default_value_t = 0.025, allow_negative_numbers = true)]
    dt_ms: f64,
    /// What counts as a spike
    #[arg(long, value_name = "DEFINITION", default_value = "cross20")]
    spikes: Counting,
    /// Table to write, CSV
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Counting {
    /// Upward crossing of -20 mV
    Cross20,
    /// Maximum of 0 mV or more
    Peak0,
    /// As `TwinProp` counts, in whole ms
    #[value(name = "twinprop_1ms")]
    Twinprop1ms,
}

impl Fi {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let amps_na = self.amps()?;
        let target = target(self.output.as_deref(), &self.model)?;
        let model = self.model.build(context)?;
        warn_of_long_steps(context, self.dt_ms);
        let place = self.at.as_deref().map(|text| site(&model, text)).transpose()?;
        let definition = match self.spikes {
            Counting::Cross20 => Definition::Cross20,
            Counting::Peak0 => Definition::Peak0,
            Counting::Twinprop1ms => Definition::Twinprop1ms,
        };
        let spec = FiSpec {
            amps_na,
            section: place.as_ref().map(|p| p.section.clone()),
            x: place.map_or(0.5, |p| p.x),
            delay_ms: self.delay_ms,
            dur_ms: self.dur_ms,
            after_ms: self.after_ms,
            dt_ms: self.dt_ms,
            spikes: Rule { definition, threshold_mv: None },
        };
        let rows = fi_curve(&model, &spec, context)?;
        let name = definition.name();
        report(context, &model, &json!(spec), &rows, (target, self.output.as_deref()), &[], |table| {
            format!("{}, spikes by {name}\n\n{table}", title(&model))
        })
    }

    fn amps(&self) -> Result<Vec<f64>> {
        if let (Some(from), Some(to), Some(by)) = (self.from, self.to, self.by) {
            // Downwards the distance may be written with its sign or without.
            let step = if to < from { -by.abs() } else { by };
            let count = (to - from) / step;
            if !(step.is_finite() && step != 0.0 && (0.0..MOST_AMPS).contains(&count)) {
                return Err(UserError::usage("bad-range", "these are no currents")
                    .found(format!("from {from} to {to} by {by} nA"))
                    .expected(format!("a distance that leads from the first to the last in fewer than {MOST_AMPS} currents")));
            }
            // 0.30000000000000004 nA is meant to be 0.3 nA.
            let round = |amp: f64| (amp * 1e9).round() / 1e9 + 0.0;
            return Ok((0..=(count + 1e-9) as u32).map(|k| round(from + f64::from(k) * step)).collect());
        }
        if self.amp.is_empty() {
            return Err(
                UserError::usage("no-currents", "no current is given").mend("add `--amp 0.1,0.2` or `--from 0 --to 1 --by 0.1`")
            );
        }
        Ok(self.amp.clone())
    }
}

/// What a single event does: the change of potential at the synapse and at the soma
#[derive(Debug, Args)]
#[command(after_help = "Each synapse is alone; changes are those from the same cell without the event.\n\n\
                  Examples:\n  kenyon neuron epsp ball-and-stick\n  kenyon neuron epsp l5pc --morphology cell1.asc --at 'apic[36]:0.5' --weight 4")]
pub(in crate::cli) struct Epsp {
    #[command(flatten)]
    model: ModelArgs,
    /// Place of a synapse, SECTION or SECTION:X; repeatable
    #[arg(long, value_name = "PLACE", conflicts_with = "count")]
    at: Vec<String>,
    /// Number of dendritic segments, evenly spread over their order
    #[arg(long, value_name = "N", default_value_t = 16)]
    count: usize,
    /// Excitatory or inhibitory
    #[arg(long, value_name = "KIND", default_value = "exc")]
    kind: Kind,
    /// Weight of the event
    #[arg(long, value_name = "W", default_value_t = 1.0, allow_negative_numbers = true)]
    weight: f64,
    /// When it arrives, ms
    #[arg(long, value_name = "MS", default_value_t = 20.0, allow_negative_numbers = true)]
    time_ms: f64,
    /// How long is looked, ms from the beginning
    #[arg(long, value_name = "MS", default_value_t = 140.0, allow_negative_numbers = true)]
    duration_ms: f64,
    /// Time step, ms
    #[arg(long, value_name = "MS", default_value_t = 0.025, allow_negative_numbers = true)]
    dt_ms: f64,
    /// Table to write, CSV
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// AMPA and NMDA
    Exc,
    /// GABA A
    Inh,
}

impl Epsp {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let target = target(self.output.as_deref(), &self.model)?;
        let model = self.model.build(context)?;
        warn_of_long_steps(context, self.dt_ms);
        let sites = sites(&model, &self.at, self.count)?;
        let kind = match self.kind {
            Kind::Exc => SynapseKind::Exc,
            Kind::Inh => SynapseKind::Inh,
        };
        let spec =
            EpspSpec { kind, weight: self.weight, time_ms: self.time_ms, duration_ms: self.duration_ms, dt_ms: self.dt_ms };
        let rows = epsp_table(&model, &sites, &spec, context)?;
        report(context, &model, &json!(spec), &rows, (target, self.output.as_deref()), &[], |table| {
            let (name, set) = (title(&model), model.set_name().to_string());
            format!("{name}, one {} event of weight {} at {} ms, set {set}\n\n{table}", kind.name(), spec.weight, spec.time_ms)
        })
    }
}

/// Input resistance: the change of potential by a small current
#[derive(Debug, Args)]
#[command(after_help = "The cell is looked at when the current ends. What its potential is compared with:\n  \
                  onset    the potential when the current begins (with `--delay-ms`, so that the cell is at rest by then)\n  \
                  control  the same cell without the current, at the same time (without `--delay-ms`: cells begin off their rest)\n\n\
                  Examples:\n  kenyon neuron input-resistance ball-and-stick\n  \
                  kenyon neuron input-resistance l5pc --morphology cell1.asc --amp -0.1 --delay-ms 150 --duration-ms 150")]
pub(in crate::cli) struct InputResistance {
    #[command(flatten)]
    model: ModelArgs,
    /// Where the current goes in, SECTION or SECTION:X; repeatable [default: the soma]
    #[arg(long, value_name = "PLACE")]
    at: Vec<String>,
    /// Current, nA
    #[arg(long, value_name = "NA", default_value_t = 0.001, allow_hyphen_values = true)]
    amp: f64,
    /// When it begins, ms
    #[arg(long, value_name = "MS", default_value_t = 0.0, allow_negative_numbers = true)]
    delay_ms: f64,
    /// How long it flows, ms
    #[arg(long, value_name = "MS", default_value_t = 600.0, allow_negative_numbers = true)]
    duration_ms: f64,
    /// Time step, ms
    #[arg(long, value_name = "MS", default_value_t = 0.025, allow_negative_numbers = true)]
    dt_ms: f64,
    /// What the potential is compared with [default: `onset` with `--delay-ms`, else `control`]
    #[arg(long, value_name = "BASELINE")]
    baseline: Option<Against>,
    /// Table to write, CSV
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Against {
    /// The potential when the current begins
    Onset,
    /// The same cell without the current
    Control,
}

impl InputResistance {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let target = target(self.output.as_deref(), &self.model)?;
        let model = self.model.build(context)?;
        warn_of_long_steps(context, self.dt_ms);
        let sites = if self.at.is_empty() {
            let (section, x) = model.soma();
            vec![Site::at(&model, &section, x)?]
        } else {
            sites(&model, &self.at, 0)?
        };
        let (baseline, against) = match self.baseline {
            Some(Against::Control) => (Baseline::Control, "the same cell without it"),
            None if self.delay_ms <= 0.0 => (Baseline::Control, "the same cell without it"),
            Some(Against::Onset) | None => (Baseline::Onset, "the potential when it begins"),
        };
        let spec = ResistanceSpec {
            amp_na: self.amp,
            delay_ms: self.delay_ms,
            duration_ms: self.duration_ms,
            dt_ms: self.dt_ms,
            baseline,
        };
        let rows = input_resistance(&model, &sites, &spec, context)?;
        let warnings: Vec<String> = rows.iter().filter_map(|row| row.warning(&spec)).collect();
        for warning in &warnings {
            context.warn(warning);
        }
        report(context, &model, &json!(spec), &rows, (target, self.output.as_deref()), &warnings, |table| {
            let (amp, delay, duration) = (spec.amp_na, spec.delay_ms, spec.duration_ms);
            format!("{}, {amp} nA for {duration} ms from {delay} ms on, against {against}\n\n{table}", title(&model))
        })
    }
}

fn warn_of_long_steps(context: &Context, dt_ms: f64) {
    if let Some(note) = long_step(dt_ms, Scheme::ImplicitEuler) {
        context.warn(&note);
    }
}

fn sites(model: &Model, at: &[String], count: usize) -> Result<Vec<Site>> {
    let sites = if at.is_empty() {
        spread_sites(model, count)
    } else {
        at.iter().map(|text| site(model, text)).collect::<Result<_>>()?
    };
    if sites.is_empty() {
        return Err(
            UserError::usage("no-places", "there is no place to look at").mend("raise `--count`, or name places with `--at`")
        );
    }
    Ok(sites)
}

fn target<'a>(path: Option<&'a Path>, model: &ModelArgs) -> Result<Option<Target<'a>>> {
    let checked = |path| output::file(path, "csv", "tables are").and_then(|()| Target::new(path, model.inputs()));
    path.map(checked).transpose()
}

/// Writes and prints the rows of a table.
fn report(
    context: &Context,
    model: &Model,
    spec: &Value,
    rows: &[impl Serialize],
    (target, path): (Option<Target<'_>>, Option<&Path>),
    warnings: &[String],
    text: impl FnOnce(String) -> String,
) -> Result<()> {
    let rows: Vec<Value> = rows.iter().map(|row| json!(row)).collect();
    if let (Some(target), Some(path)) = (target, path) {
        AtomicFile::write(path, csv(&rows).as_bytes())?;
        target.written(context);
    }
    let document = json!({ "code": TOOL, "scheme": "implicit-euler", "model": describe(model), "settings": spec, "rows": rows, "warnings": warnings, "output": path });
    context.print(&document, || {
        let written = path.map(|path| format!("\nwritten: {}", path.display())).unwrap_or_default();
        text(aligned(&rows)) + &written
    });
    Ok(())
}

fn columns(rows: &[Value]) -> Vec<&str> {
    rows.first().and_then(Value::as_object).map(|row| row.keys().map(String::as_str).collect()).unwrap_or_default()
}

/// Rows as CSV; what is not there is empty.
fn csv(rows: &[Value]) -> String {
    let columns = columns(rows);
    let mut out = columns.join(",") + "\n";
    for row in rows {
        let cells = columns.iter().map(|column| match &row[*column] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => unsigned_zero(other.to_string()),
        });
        out += &(cells.collect::<Vec<_>>().join(",") + "\n");
    }
    out
}

/// Zero has no sign.
fn unsigned_zero(number: String) -> String {
    match number.strip_prefix('-') {
        Some(digits) if digits.parse() == Ok(0.0) => digits.into(),
        _ => number,
    }
}

fn aligned(rows: &[Value]) -> String {
    let columns = columns(rows);
    let mut table = TextTable::new(&columns);
    for row in rows {
        table.row(columns.iter().map(|column| match &row[*column] {
            Value::Null => "-".to_string(),
            Value::String(text) => text.clone(),
            other => match (other.as_u64(), other.as_f64()) {
                (None, Some(number)) if *column != "amp_na" => unsigned_zero(format!("{number:.4}")),
                _ => unsigned_zero(other.to_string()),
            },
        }));
    }
    table.render()
}
