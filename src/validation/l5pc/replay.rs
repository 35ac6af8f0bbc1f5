//! A run: the cell as its description asks, simulated, and compared with everything there is of it.

use std::collections::BTreeMap;

use kenyon_base::{Result, UserError};
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::recording::{Probe, Quantity, Recorder};
use kenyon_neurons::biophysical::solver::{Cells, Electrode, Settings, Waveform};

use super::probes::{Places, probe};
use super::protocol::Protocol;
use super::runs::{Bars, Kind, Run};
use super::segments::{self, Source};
use super::{Folder, inputs, layout, versus};
use crate::validation::Findings;
use crate::validation::spikes::{Crossing, crossings};
use crate::validation::traces::{Traces, ms};

/// Threshold of a spike at the soma, mV.
pub(super) const THRESHOLD_MV: f64 = -20.0;
/// A cut whose first potentials deviate by more is none that the reference had, mV.
const FITS_MV: f64 = 1e-6;
/// So much of a run tells one cut from another: this, or this much after its first current, ms.
const START_MS: f64 = 20.0;
const AFTER_ONSET_MS: f64 = 10.0;

/// What our cell did.
pub(super) struct Outcome {
    /// Column, whole trace.
    pub(super) columns: BTreeMap<String, Vec<f64>>,
    pub(super) soma: Vec<f64>,
    /// Section, place, potential of every segment at the end.
    pub(super) segments: Vec<(String, f64, f64)>,
    /// The same by section and [`place`].
    pub(super) finals: BTreeMap<(String, u64), f64>,
}

/// What there is of the reference's run.
struct Reference<'a> {
    traces: &'a [Traces],
    spikes: Option<&'a [Crossing]>,
    /// Until when potentials must agree, ms.
    end_ms: f64,
    bars: &'a Bars,
}

/// A place on a section as a key.
pub(super) fn place(x: f64) -> u64 {
    (x * 1e9).round() as u64
}

/// Replays a run and compares everything there is of it.
pub(super) fn compare(folder: &Folder, run: &Run) -> Result<Findings> {
    let mut findings = Findings::new("mV");
    let protocol = Protocol::read(&folder.path(&run.json))?;
    if let Some(missing) = layout::counted(folder, run)? {
        return Err(UserError::bad_data("no-synapses", format!("{missing}, and there is no `synapses.csv`"))
            .file(folder.path(&run.dir))
            .mend("give `synapses.csv` and `events.csv` beside it"));
    }
    let references = run.traces(folder)?;
    versus::columns(&mut findings, folder, run, &protocol, &references)?;
    let bars = run.kind(&protocol).bars();
    let theirs = versus::expected(folder, run, &protocol, &references, &mut findings)?;
    let end_ms = versus::window_ms(theirs.as_deref(), &references, &bars);
    let (source, outcome) = cut_and_simulate(
        folder,
        run,
        &protocol,
        &Reference { traces: &references, spikes: theirs.as_deref(), end_ms, bars: &bars },
        &mut findings,
    )?;
    versus::voltages(&mut findings, &protocol, &references, &outcome, &bars, end_ms)?;
    let ours = crossings(&outcome.soma, protocol.dt_ms, THRESHOLD_MV);
    match &theirs {
        Some(theirs) => versus::spikes(&mut findings, theirs, &ours, &bars, protocol.dt_ms),
        None => findings.missing(format!("spikes (no `{}`; ours: {})", run.spikes.display(), ours.len())),
    }
    if let Some(finals) = &run.finals {
        versus::finals(&mut findings, folder, finals, &outcome)?;
    }
    tell_missing(&mut findings, folder, run, &protocol);
    findings.remark(format!("{} segments, {}: from {}", outcome.segments.len(), source.cut.words(), source.from));
    if run.inputs {
        findings.remarks(inputs::too_late(folder, &run.dir, &protocol)?);
    }
    if !protocol.unused.is_empty() {
        findings.remark(format!("keys without meaning here: {}", protocol.unused.join(", ")));
    }
    layout::write(folder, run, &protocol, &references, &outcome, &ours)?;
    Ok(findings)
}

/// Names what the published folder has of such a run, and this one has not.
fn tell_missing(findings: &mut Findings, folder: &Folder, run: &Run, protocol: &Protocol) {
    let kind = run.kind(protocol);
    for file in [&run.npz, &run.dec] {
        let usual = kind != Kind::Convergence || file != &run.npz;
        if usual && !folder.has(file) {
            findings.missing(format!("no `{}`", file.display()));
        }
    }
    if kind == Kind::Rest && run.finals.is_none() {
        findings.missing("no final potentials");
    }
}

/// Cuts the cell as is stated and runs it; where nothing is stated firmly and the run does not begin as the reference does, tries the
/// other possible cuts.
fn cut_and_simulate(
    folder: &Folder,
    run: &Run,
    protocol: &Protocol,
    reference: &Reference,
    findings: &mut Findings,
) -> Result<(Source, Outcome)> {
    let choice = segments::choose(folder, run)?;
    findings.remarks(choice.remarks);
    let whole = |source: &Source| simulate(folder, run, protocol, reference.traces, &folder.cut(&source.cut)?, protocol.steps);
    let mut sources = choice.sources.into_iter();
    let first = sources.next().expect("a choice has a source");
    let outcome = whole(&first)?;
    let others: Vec<Source> = sources.collect();
    let (start_ms, limit, unit) = match (reference.traces, reference.spikes.and_then(<[_]>::first)) {
        _ if others.is_empty() => return Ok((first, outcome)),
        ([], None) => return Ok((first, outcome)),
        ([], Some(spike)) => (spike.t_cross_ms + AFTER_ONSET_MS, reference.bars.first_spike_ms, "ms"),
        _ => (reference.end_ms.min((onset_ms(protocol) + AFTER_ONSET_MS).max(START_MS)), FITS_MV, "mV"),
    };
    let start_ms = start_ms.min(protocol.steps as f64 * protocol.dt_ms);
    let misfit = |outcome: &Outcome| versus::misfit(protocol, reference.traces, reference.spikes, outcome, start_ms);
    let before = misfit(&outcome)?;
    if before <= limit {
        return Ok((first, outcome));
    }
    let steps = ((start_ms / protocol.dt_ms).ceil() as u64).min(protocol.steps);
    let what = if unit == "ms" { "the first spike".to_string() } else { format!("the first {} of the reference", ms(start_ms)) };
    for other in others {
        let fit = misfit(&simulate(folder, run, protocol, reference.traces, &folder.cut(&other.cut)?, steps)?)?;
        if fit <= limit {
            let from = format!(
                "{}, chosen because it gives {what} within {fit:.1e} {unit}, while {} (from {}) gives {before:.1e} {unit}",
                other.from,
                first.cut.words(),
                first.from
            );
            let outcome = whole(&other)?;
            return Ok((Source { cut: other.cut, from }, outcome));
        }
    }
    Ok((first, outcome))
}

/// When the first current begins, ms.
fn onset_ms(protocol: &Protocol) -> f64 {
    let onset = |waveform: &Waveform| match waveform {
        Waveform::Step { delay_ms, .. } => *delay_ms,
        Waveform::Epsc { onset_ms, .. } => *onset_ms,
        Waveform::Samples { .. } => 0.0,
    };
    protocol.currents.iter().map(|c| onset(&c.waveform)).reduce(f64::min).unwrap_or(0.0)
}

/// Runs the cell, and records the columns of the references and those of the published folder.
fn simulate(
    folder: &Folder,
    run: &Run,
    protocol: &Protocol,
    references: &[Traces],
    neuron: &Neuron,
    steps: u64,
) -> Result<Outcome> {
    let mut neuron = neuron.clone();
    if let Some(celsius) = protocol.celsius {
        neuron.recipe.celsius = celsius;
    }
    if protocol.cable_only {
        neuron.make_passive();
    }
    let settings = Settings { dt_ms: protocol.dt_ms, v_init_mv: protocol.v_init_mv, ..Settings::default() };
    let mut cells = Cells::new(&neuron, 1, settings)?;
    let at = |section: &str, x: f64| neuron.cable.node_at(section, x).map_err(|e| e.in_data().file(folder.path(&run.json)));
    let mut site = None;
    for current in &protocol.currents {
        let node = at(&current.section, current.x)?;
        if current.epsp {
            site = Some(node);
        }
        cells.add_electrode(Electrode { node, lane: None, waveform: current.waveform.clone() });
    }
    let synapses = if run.inputs { inputs::place(folder, &run.dir, protocol, &neuron, &mut cells)? } else { Vec::new() };
    let places = Places { neuron: &neuron, site, synapses: &synapses };
    let mut probes = vec![Probe { name: "soma".into(), node: at("soma[0]", 0.5)?, quantity: Quantity::V }];
    for reference in references {
        for column in &reference.columns {
            if probes[1..].iter().all(|known| known.name != column.name) {
                probes.push(probe(&column.name, folder, &places).map_err(|e| e.file(&reference.path))?);
            }
        }
    }
    if folder.dump.is_some() {
        let usual = layout::columns(folder, run, protocol)?;
        for column in usual {
            if probes[1..].iter().any(|known| known.name == column) {
                continue;
            }
            probes.push(probe(&column, folder, &places).map_err(|e| e.file(folder.path(&run.json)))?);
        }
    }
    let mut recorder = Recorder::new(&neuron, &cells, probes, 1)?;
    cells.run(steps, &mut recorder)?;
    let column = |k: usize| (recorder.probes()[k].name.clone(), recorder.trace(k, 0).to_vec());
    let nodes = neuron.cable.nodes.iter().enumerate().filter(|(_, node)| node.segment.is_some());
    let name = |section: u32| neuron.cable.sections[section as usize].name.clone();
    let segments: Vec<_> = nodes.map(|(k, n)| (name(n.section), n.x, cells.v_at(k as u32, 0))).collect();
    Ok(Outcome {
        soma: recorder.trace(0, 0).to_vec(),
        columns: (1..recorder.probes().len()).map(column).collect(),
        finals: segments.iter().map(|(name, x, v)| ((name.clone(), place(*x)), *v)).collect(),
        segments,
    })
}
