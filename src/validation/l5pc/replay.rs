//! A run beside its traces, spikes and final potentials.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};
use kenyon_neurons::biophysical::cable::Segments;
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::recording::{Probe, Quantity, Recorder};
use kenyon_neurons::biophysical::solver::{Cells, Electrode, Settings, Synapse};
use kenyon_neurons::biophysical::synapse::{Event, EventQueue, synapse_set};

use super::Folder;
use super::probes::{Places, probe};
use super::protocol::Protocol;
use crate::validation::spikes::{Crossing, crossings, largest_shift};
use crate::validation::table::{self, Column, Table, copy};
use crate::validation::traces::{Distance, Traces};
use crate::validation::{Findings, keys};

/// Threshold of a spike at the soma, mV.
pub(super) const THRESHOLD_MV: f64 = -20.0;
/// Largest deviation of a gate, a concentration, a conductance, relative to the largest value of its trace: ours, beside the bars
/// for potentials.
const OTHER: f64 = 1e-6;
/// Digits of a decimated spike time, ms.
const TIME_DIGIT: f64 = 5e-7;

/// The files of a run, relative to the folder.
#[derive(Debug, Clone)]
pub(super) struct Run {
    json: PathBuf,
    traces: Vec<PathBuf>,
    spikes: PathBuf,
    finals: Option<PathBuf>,
    /// Folder of synapses and events.
    inputs: Option<PathBuf>,
    /// Whether the description looks like that of a run.
    described: bool,
    has_spikes: bool,
}

impl Run {
    /// The run that a JSON file describes, alone or for its whole folder.
    pub(super) fn new(folder: &Folder, json: &Path, whole_folder: bool) -> Self {
        let parent = json.parent().unwrap_or(Path::new("")).to_path_buf();
        let stem = json.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let (traces, spikes) = if whole_folder {
            (["traces.npz".to_string(), "traces_dec.csv".to_string()], "spikes.csv".to_string())
        } else {
            ([format!("{stem}.npz"), format!("{stem}_dec.csv")], format!("{stem}_spikes.csv"))
        };
        let finals = |file: &&PathBuf| {
            let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let suffix = name.strip_prefix("final_v_all_segments").and_then(|rest| rest.strip_suffix(".csv"));
            file.parent() == Some(&*parent) && suffix.is_some_and(|suffix| stem.ends_with(suffix))
        };
        let spikes = parent.join(spikes);
        Self {
            traces: traces.into_iter().map(|t| parent.join(t)).filter(|t| folder.has(t)).collect(),
            has_spikes: folder.has(&spikes),
            spikes,
            finals: folder.files.iter().find(finals).cloned(),
            inputs: whole_folder.then(|| parent.clone()),
            described: keys::read_object(&folder.path(json)).map_or(true, |o| o.contains_key("tstop_ms")),
            json: json.to_path_buf(),
        }
    }

    /// Whether it is one at all.
    pub(super) fn is_a_run(&self) -> bool {
        self.described || !self.traces.is_empty() || self.has_spikes
    }

    fn kind(&self, protocol: &Protocol) -> Kind {
        let path = self.json.to_string_lossy().to_lowercase();
        if protocol.cable_only {
            Kind::CableOnly
        } else if path.contains("convergence") {
            Kind::Convergence
        } else if self.inputs.is_some() {
            Kind::Synaptic
        } else if path.starts_with("bac/") || protocol.currents.iter().any(|c| c.epsp) {
            Kind::Bac
        } else {
            Kind::Currents
        }
    }
}

/// Kinds of runs, which differ in their bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Only the leak.
    CableOnly,
    /// Rest, steps at the soma.
    Currents,
    /// Somatic pulse and dendritic current.
    Bac,
    /// Synapses.
    Synaptic,
    /// A finer time step.
    Convergence,
}

/// Bars of a run.
struct Bars {
    /// Largest |dV| up to the end of the window, mV.
    v_mv: Option<f64>,
    /// How long before the first spike that window ends, ms.
    before_spike_ms: f64,
    first_spike_ms: f64,
    /// None: only the first spike counts.
    spike_ms: Option<f64>,
}

impl Kind {
    fn bars(self) -> Bars {
        let bars = |v_mv, before_spike_ms, first_spike_ms, spike_ms| Bars { v_mv, before_spike_ms, first_spike_ms, spike_ms };
        match self {
            Self::CableOnly => bars(Some(1e-8), 0.0, 0.001, Some(0.025)),
            Self::Currents => bars(Some(1e-6), 1.0, 0.001, Some(0.025)),
            Self::Bac => bars(None, 1.0, 0.025, Some(0.025)),
            Self::Synaptic => bars(Some(1e-6), 0.0, 0.05, Some(0.05)),
            Self::Convergence => bars(None, 1.0, 0.01, None),
        }
    }
}

/// What our cell did.
struct Outcome {
    /// How many segments it had.
    segments: usize,
    /// Column, whole trace.
    columns: BTreeMap<String, Vec<f64>>,
    soma: Vec<f64>,
    /// Section, place, potential of every segment at the end.
    finals: BTreeMap<(String, u64), f64>,
}

/// Replays a run and compares everything there is of it.
pub(super) fn compare(folder: &Folder, run: &Run) -> Result<Findings> {
    let mut findings = Findings::new("mV");
    let json = folder.path(&run.json);
    let protocol = Protocol::read(&json, &run.json)?;
    let references: Vec<Traces> = run.traces.iter().map(|t| Traces::read(&folder.path(t))).collect::<Result<_>>()?;
    if references.is_empty() {
        findings.fault(format!("no trace to compare with beside `{}`", json.display()));
    }
    let outcome = simulate(folder, run, &protocol, &references)?;
    let bars = run.kind(&protocol).bars();
    let ours = crossings(&outcome.soma, protocol.dt_ms, THRESHOLD_MV);
    let theirs = expected_spikes(folder, run, &protocol, &references, &mut findings)?;
    let end_ms = theirs.first().map_or(f64::INFINITY, |first| first.t_cross_ms - bars.before_spike_ms);
    voltages(&mut findings, folder, run, &protocol, &references, &outcome, &bars, end_ms)?;
    compare_spikes(&mut findings, &theirs, &ours, &bars, protocol.dt_ms);
    if let Some(finals) = &run.finals {
        compare_finals(&mut findings, folder, finals, &outcome)?;
    }
    findings.remark(format!("{} segments", outcome.segments));
    if !protocol.unused.is_empty() {
        findings.remark(format!("keys without meaning here: {}", protocol.unused.join(", ")));
    }
    if let (Some(spikes), Some(description)) = (folder.ours(&run.spikes), folder.ours(&run.json)) {
        copy(&json, &description)?;
        write_spikes(&spikes, &ours)?;
        for name in run.inputs.iter().flat_map(|dir| ["synapses.csv", "events.csv"].map(|f| dir.join(f))) {
            if let Some(to) = folder.ours(&name) {
                copy(&folder.path(&name), &to)?;
            }
        }
    }
    Ok(findings)
}

fn simulate(folder: &Folder, run: &Run, protocol: &Protocol, references: &[Traces]) -> Result<Outcome> {
    let mut neuron = cut(folder, run, protocol)?;
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
    let synapses = match &run.inputs {
        Some(dir) => inputs(folder, dir, protocol, &neuron, &mut cells)?,
        None => Vec::new(),
    };
    let places = Places { neuron: &neuron, site, synapses: &synapses };
    let mut probes = vec![Probe { name: "soma".into(), node: at("soma[0]", 0.5)?, quantity: Quantity::V }];
    for reference in references {
        for column in &reference.columns {
            if probes[1..].iter().all(|known| known.name != column.name) {
                probes.push(probe(&column.name, folder, &places).map_err(|e| e.file(&reference.path))?);
            }
        }
    }
    let mut recorder = Recorder::new(&neuron, &cells, probes, 1)?;
    cells.run(protocol.steps, &mut recorder)?;
    let column = |k: usize| (recorder.probes()[k].name.clone(), recorder.trace(k, 0).to_vec());
    let segments = neuron.cable.nodes.iter().enumerate().filter(|(_, node)| node.segment.is_some());
    let name = |section: u32| neuron.cable.sections[section as usize].name.clone();
    Ok(Outcome {
        segments: neuron.cable.segment_count(),
        soma: recorder.trace(0, 0).to_vec(),
        columns: (1..recorder.probes().len()).map(column).collect(),
        finals: segments.map(|(k, n)| ((name(n.section), place(n.x)), cells.v_at(k as u32, 0))).collect(),
    })
}

/// The cell, cut as the run says: by a length that it names, else by that preset of the folder's and the usual ones in which all its
/// places are centres of segments.
fn cut(folder: &Folder, run: &Run, protocol: &Protocol) -> Result<Neuron> {
    if let Some(max_length_um) = protocol.max_length_um {
        return folder.neuron(Segments { max_length_um });
    }
    let currents = protocol.currents.iter().filter(|c| c.centre).map(|c| (c.section.clone(), c.x));
    let mut places: Vec<(String, f64)> = currents.collect();
    let synapses = run.inputs.iter().map(|dir| dir.join("synapses.csv"));
    for file in synapses.chain(run.finals.clone()).filter(|file| folder.has(file)) {
        let table = Table::read(&folder.path(&file))?;
        let sections = table.text("section")?.into_iter().map(str::to_string);
        places.extend(sections.zip(table.numbers("x")?));
    }
    let usual = folder.neuron(folder.segments)?;
    if are_centres(&usual, &places) {
        return Ok(usual);
    }
    for (_, segments) in Segments::PRESETS {
        let other = folder.neuron(segments)?;
        if are_centres(&other, &places) {
            return Ok(other);
        }
    }
    Ok(usual)
}

/// Whether places lie at centres of segments.
fn are_centres(neuron: &Neuron, places: &[(String, f64)]) -> bool {
    let counts: BTreeMap<&str, f64> =
        neuron.cable.sections.iter().map(|section| (section.name.as_str(), f64::from(section.nseg))).collect();
    places.iter().all(|(section, x)| {
        // Places on sections that are not there are told when they are needed.
        counts.get(section.as_str()).is_none_or(|nseg| (x * nseg - (x * nseg).floor() - 0.5).abs() < 1e-6)
    })
}

/// A place on a section as a key.
fn place(x: f64) -> u64 {
    (x * 1e9).round() as u64
}

/// Synapses and events of a folder; returns name and node of each synapse.
fn inputs(folder: &Folder, dir: &Path, protocol: &Protocol, neuron: &Neuron, cells: &mut Cells) -> Result<Vec<(String, u32)>> {
    let set = synapse_set("rat").map_err(UserError::in_data)?;
    let [ampa, nmda, gaba] = protocol.base_g_us;
    let g = [ampa.unwrap_or(set.ampa.gmax_us), nmda.unwrap_or(set.nmda.gmax_us), gaba.unwrap_or(set.gaba_a.gmax_us)];
    let table = Table::read(&folder.path(&dir.join("synapses.csv")))?;
    let (ids, kinds, sections, x) = (table.text("syn_id")?, table.text("type")?, table.text("section")?, table.numbers("x")?);
    let mut synapses = Vec::new();
    let mut names = Vec::new();
    for row in 0..table.len() {
        let bad = |e: UserError| e.in_data().file(table.path()).row(row as u64 + 1);
        let node = neuron.cable.node_at(sections[row], x[row]).map_err(bad)?;
        let receptors = match kinds[row] {
            "exc" => vec![(set.ampa_receptor(), g[0]), (set.nmda_receptor(), g[1])],
            "inh" => vec![(set.gaba_a_receptor(), g[2])],
            other => {
                return Err(bad(UserError::bad_data("bad-synapse", "there is no such synapse").column("type").found(other))
                    .expected("`exc` or `inh`"));
            }
        };
        synapses.push(Synapse { node, receptors });
        names.push((ids[row].to_string(), node));
    }
    cells.set_synapses(&synapses, false)?;
    let index: BTreeMap<&str, u32> = ids.iter().zip(0..).map(|(id, k)| (*id, k)).collect();
    let table = Table::read(&folder.path(&dir.join("events.csv")))?;
    let (ids, times, weights) = (table.text("syn_id")?, table.numbers("t_ms")?, table.numbers("weight")?);
    let mut events = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let Some(&synapse) = index.get(ids[row]) else {
            return Err(UserError::bad_data("bad-event", "an event at a synapse that is not there")
                .file(table.path())
                .row(row as u64 + 1)
                .column("syn_id")
                .found(ids[row]));
        };
        events.push(Event { time_ms: times[row], synapse, weight: weights[row] });
    }
    cells.set_events(0, EventQueue::new(events).map_err(|e| e.file(table.path()))?)?;
    Ok(names)
}

/// The spikes of the reference: of its file, or of a trace that has every step.
fn expected_spikes(
    folder: &Folder,
    run: &Run,
    protocol: &Protocol,
    references: &[Traces],
    findings: &mut Findings,
) -> Result<Vec<Crossing>> {
    if run.has_spikes {
        let table = Table::read(&folder.path(&run.spikes))?;
        let columns = [table.numbers("t_cross_ms")?, table.numbers("t_peak_ms")?, table.numbers("v_peak_mV")?];
        let row = |k: usize| Crossing { t_cross_ms: columns[0][k], t_peak_ms: columns[1][k], v_peak_mv: columns[2][k] };
        return Ok((0..table.len()).map(row).collect());
    }
    let whole = |t: &&Traces| t.t_ms.len() as u64 == protocol.steps + 1;
    let soma = references.iter().find(whole).and_then(|t| t.columns.iter().find(|c| c.name == "v_soma"));
    match soma {
        Some(soma) => {
            findings.remark("spikes of the reference taken from its trace");
            Ok(crossings(&soma.samples, protocol.dt_ms, THRESHOLD_MV))
        }
        None => Err(UserError::cannot_read(&folder.path(&run.spikes), &std::io::ErrorKind::NotFound.into())),
    }
}

#[expect(clippy::too_many_arguments, reason = "two runs, their files and the bars")]
fn voltages(
    findings: &mut Findings,
    folder: &Folder,
    run: &Run,
    protocol: &Protocol,
    references: &[Traces],
    outcome: &Outcome,
    bars: &Bars,
    end_ms: f64,
) -> Result<()> {
    let mut distance = Distance::default();
    let mut other = (0.0_f64, String::new());
    for (reference, file) in references.iter().zip(&run.traces) {
        let steps = reference.steps(protocol.dt_ms, protocol.steps)?;
        let mut sampled = Vec::new();
        for trace in &reference.columns {
            let ours: Vec<f64> = steps.iter().map(|step| outcome.columns[&trace.name][*step]).collect();
            if trace.name.starts_with("v_") {
                distance.see(trace, &ours, &reference.t_ms, end_ms);
            } else {
                let largest = trace.samples.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
                for ((theirs, ours), t) in trace.samples.iter().zip(&ours).zip(&reference.t_ms) {
                    let error = ((ours - theirs).abs() - trace.rounding(*theirs)) / largest.max(f64::MIN_POSITIVE);
                    if *t <= end_ms && (error > other.0 || error.is_nan()) {
                        other = (error, trace.name.clone());
                    }
                }
            }
            sampled.push(ours);
        }
        if let Some(to) = folder.ours(file) {
            reference.write(&to, &sampled)?;
        }
    }
    if references.is_empty() {
        return Ok(());
    }
    findings.see(distance.largest);
    findings.remark(distance.words());
    let until = if end_ms.is_finite() { format!("until {end_ms:.3} ms") } else { "throughout".into() };
    findings.remark(format!("{until} {:.3e} mV", distance.in_window));
    if let Some(bar) = bars.v_mv {
        findings.bar(format!("{bar:e} mV {until}"));
        let what = format!("{} at {} ms", distance.in_window_at.0, distance.in_window_at.1);
        findings.within(&what, distance.in_window, bar);
        findings.within(&format!("{}, relative to its largest value,", other.1), other.0, OTHER);
    }
    if other.0 > 0.0 {
        findings.remark(format!("{} within {:.1e} of its largest value", other.1, other.0));
    }
    Ok(())
}

fn compare_spikes(findings: &mut Findings, theirs: &[Crossing], ours: &[Crossing], bars: &Bars, dt_ms: f64) {
    let times = |spikes: &[Crossing]| spikes.iter().map(|s| s.t_cross_ms).collect::<Vec<_>>();
    let peaks = |spikes: &[Crossing]| spikes.iter().map(|s| s.t_peak_ms).collect::<Vec<_>>();
    let shift = largest_shift(&times(theirs), &times(ours));
    findings.spikes(theirs.len(), ours.len(), shift);
    match bars.spike_ms {
        Some(bar) => findings.bar(format!("spike 1 within {} ms, all within {bar} ms", bars.first_spike_ms)),
        None => findings.bar(format!("spike 1 within {} ms, number of spikes", bars.first_spike_ms)),
    }
    let Some(shift) = shift else {
        findings.fault(format!("{} spikes instead of {}", ours.len(), theirs.len()));
        return;
    };
    if let (Some(a), Some(b)) = (theirs.first(), ours.first()) {
        let first = (a.t_cross_ms - b.t_cross_ms).abs();
        findings.remark(format!("spike 1 shifted by {first:.1e} ms"));
        findings.within("the time of spike 1 in ms", first, bars.first_spike_ms + TIME_DIGIT);
    }
    if let Some(bar) = bars.spike_ms {
        findings.within("a spike's time in ms", shift, bar + TIME_DIGIT);
        // Peaks stand on steps: the nearest of them may be the next one.
        let peak = largest_shift(&peaks(theirs), &peaks(ours)).unwrap_or(0.0);
        findings.within("a peak's time in ms", peak, bar + dt_ms + TIME_DIGIT);
    }
}

/// Potentials of all segments at the end of the run.
fn compare_finals(findings: &mut Findings, folder: &Folder, file: &Path, outcome: &Outcome) -> Result<()> {
    const BAR_MV: f64 = 1e-6;
    let table = Table::read(&folder.path(file))?;
    let (sections, x, v) = (table.text("section")?, table.numbers("x")?, table.numbers("v_mV")?);
    let mut worst = (0.0_f64, String::new());
    let mut ours = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let Some(&got) = outcome.finals.get(&(sections[row].to_string(), place(x[row]))) else {
            return Err(UserError::bad_data("no-segment", "the cell has no segment with its centre there")
                .file(table.path())
                .row(row as u64 + 1)
                .found(format!("{}({})", sections[row], x[row]))
                .mend("check the segment length of the run"));
        };
        let error = (got - v[row]).abs();
        if error > worst.0 || error.is_nan() {
            worst = (error, format!("{}({}) at the end", sections[row], x[row]));
        }
        ours.push(got);
    }
    if table.len() != outcome.finals.len() {
        findings.fault(format!("`{}` has {} of {} segments", file.display(), table.len(), outcome.finals.len()));
    }
    findings.see(worst.0);
    findings.within(&worst.1, worst.0, BAR_MV);
    findings.remark(format!("final potentials within {:.3e} mV", worst.0));
    if let Some(to) = folder.ours(file) {
        let mut columns = Vec::new();
        for name in table.header() {
            let column = if name == "v_mV" { Column::Numbers(ours.clone()) } else { Column::texts(table.text(name)?) };
            columns.push((name.as_str(), column));
        }
        table::write(&to, &columns.iter().map(|(name, column)| (*name, column)).collect::<Vec<_>>())?;
    }
    Ok(())
}

fn write_spikes(to: &Path, spikes: &[Crossing]) -> Result<()> {
    let column = |of: fn(&Crossing) -> f64| Column::Numbers(spikes.iter().map(of).collect());
    table::write(
        to,
        &[
            ("spike_index", &Column::whole(0..spikes.len() as u64)),
            ("t_cross_ms", &column(|s| s.t_cross_ms)),
            ("t_peak_ms", &column(|s| s.t_peak_ms)),
            ("v_peak_mV", &column(|s| s.v_peak_mv)),
        ],
    )
}
