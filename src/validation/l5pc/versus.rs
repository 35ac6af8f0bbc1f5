//! Our run beside the reference's: potentials, spikes, final potentials.

use std::collections::BTreeSet;
use std::path::Path;

use kenyon_base::{Result, UserError};

use super::protocol::Protocol;
use super::replay::{Outcome, THRESHOLD_MV, place};
use super::runs::{Bars, Run};
use super::{Folder, layout};
use crate::validation::deviation::{beyond, largest, scale};
use crate::validation::spikes::{Crossing, crossings, largest_shift};
use crate::validation::table::{self, Column, Table};
use crate::validation::traces::{Distance, Traces, ms};
use crate::validation::{Findings, quoted};

/// Largest deviation of a gate, a concentration, a conductance, relative to the largest value of its trace: ours, beside the bars
/// for potentials.
const OTHER: f64 = 1e-6;
/// Digits of a decimated spike time, ms.
const TIME_DIGIT: f64 = 5e-7;
/// Bar of the potential of a spike's peak, mV: ours. A peak between two samples lies less than that above them.
const PEAK_MV: f64 = 0.5;

/// The spikes of the reference: of its file, or of a trace that has every step; none if neither is there.
pub(super) fn expected(
    folder: &Folder,
    run: &Run,
    protocol: &Protocol,
    references: &[Traces],
    findings: &mut Findings,
) -> Result<Option<Vec<Crossing>>> {
    if folder.has(&run.spikes) {
        let table = Table::read(&folder.path(&run.spikes))?;
        findings.columns(&table, &["t_cross_ms", "t_peak_ms", "v_peak_mV"], &["spike_index"]);
        let columns = [table.numbers("t_cross_ms")?, table.numbers("t_peak_ms")?, table.numbers("v_peak_mV")?];
        let row = |k: usize| Crossing { t_cross_ms: columns[0][k], t_peak_ms: columns[1][k], v_peak_mv: columns[2][k] };
        return Ok(Some((0..table.len()).map(row).collect()));
    }
    let whole = |t: &&Traces| t.t_ms.len() as u64 == protocol.steps + 1;
    let soma = references.iter().find(whole).and_then(Traces::soma);
    Ok(soma.map(|soma| {
        findings.remark("spikes of the reference taken from its trace");
        crossings(&soma.samples, protocol.dt_ms, THRESHOLD_MV)
    }))
}

/// Until when potentials must lie within their bar: some time before the first spike of the reference, ms.
pub(super) fn window_ms(expected: Option<&[Crossing]>, references: &[Traces], bars: &Bars) -> f64 {
    if let Some(spikes) = expected {
        return spikes.first().map_or(f64::INFINITY, |first| (first.t_cross_ms - bars.before_spike_ms).max(0.0));
    }
    let first = |traces: &Traces| {
        let soma = traces.soma()?;
        let up = soma.samples.iter().position(|v| *v >= THRESHOLD_MV)?;
        Some((traces.t_ms[up.saturating_sub(1)] - bars.before_spike_ms).max(0.0))
    };
    references.iter().filter_map(first).fold(f64::INFINITY, f64::min)
}

/// How far the beginning of our run is from the reference's: the largest |dV| in these first milliseconds beyond the digits of the
/// file, mV; without traces the shift of the first spike, ms.
pub(super) fn misfit(
    protocol: &Protocol,
    references: &[Traces],
    expected: Option<&[Crossing]>,
    outcome: &Outcome,
    end_ms: f64,
) -> Result<f64> {
    if references.is_empty() {
        let ours = crossings(&outcome.soma, protocol.dt_ms, THRESHOLD_MV);
        return Ok(match (expected.and_then(<[Crossing]>::first), ours.first()) {
            (Some(theirs), Some(ours)) => (theirs.t_cross_ms - ours.t_cross_ms).abs(),
            (None, None) => 0.0,
            _ => f64::INFINITY,
        });
    }
    let mut distance = Distance::default();
    for reference in references {
        let steps = reference.steps(protocol.dt_ms, protocol.steps)?;
        let rows = reference.t_ms.partition_point(|t| *t <= end_ms);
        for trace in reference.columns.iter().filter(|trace| trace.name.starts_with("v_")) {
            let whole = &outcome.columns[&trace.name];
            let ours: Vec<f64> = steps[..rows].iter().map_while(|step| whole.get(*step).copied()).collect();
            distance.see(trace, &ours, &reference.t_ms, end_ms);
        }
    }
    Ok(distance.in_window)
}

/// Asks for the potential of the soma and of the sites that the folder lists, and names what else the published folder has of such a run.
pub(super) fn columns(
    findings: &mut Findings,
    folder: &Folder,
    run: &Run,
    protocol: &Protocol,
    references: &[Traces],
) -> Result<()> {
    let soma = "v_soma".to_string();
    let mut usual = layout::columns(folder, run, protocol)?;
    if !usual.contains(&soma) {
        usual.push(soma);
    }
    let needed = |name: &&String| *name == "v_soma" || folder.listed && folder.is_site(name);
    for reference in references {
        let lacks: Vec<&String> = usual.iter().filter(needed).filter(|name| !reference.has(name)).collect();
        if !lacks.is_empty() {
            let file = reference.path.file_name().unwrap_or_default().to_string_lossy();
            findings.fault(format!("{file} lacks {}", quoted(lacks)));
        }
    }
    let nowhere = |name: &&String| !needed(name) && !references.iter().any(|reference| reference.has(name));
    let other: Vec<&String> = usual.iter().filter(nowhere).collect();
    if !other.is_empty() && !references.is_empty() {
        findings.missing(quoted(other));
    }
    Ok(())
}

/// Potentials up to the first spike against the bar, and throughout for the note.
pub(super) fn voltages(
    findings: &mut Findings,
    protocol: &Protocol,
    references: &[Traces],
    outcome: &Outcome,
    bars: &Bars,
    end_ms: f64,
) -> Result<()> {
    if references.is_empty() {
        return Ok(());
    }
    findings.compared();
    let mut distance = Distance::default();
    let mut other = (0.0_f64, String::new());
    for reference in references {
        let steps = reference.steps(protocol.dt_ms, protocol.steps)?;
        if let Some(gap) = reference.gap(&steps, protocol.dt_ms, protocol.steps) {
            findings.fault(gap);
        }
        for trace in &reference.columns {
            let ours: Vec<f64> = steps.iter().map(|step| outcome.columns[&trace.name][*step]).collect();
            if trace.name.starts_with("v_") {
                distance.see(trace, &ours, &reference.t_ms, end_ms);
            } else {
                let largest = scale(&trace.samples, f64::MIN_POSITIVE);
                for ((theirs, ours), t) in trace.samples.iter().zip(&ours).zip(&reference.t_ms) {
                    let error = ((ours - theirs).abs() - trace.rounding(*theirs)) / largest;
                    if *t <= end_ms && beyond(error, other.0) {
                        other = (error, trace.name.clone());
                    }
                }
            }
        }
    }
    findings.see(distance.largest);
    findings.remark(distance.words());
    let until = if end_ms.is_finite() { format!("until {end_ms:.3} ms") } else { "throughout".into() };
    findings.remark(format!("{until} {:.3e} mV", distance.in_window));
    findings.bar(format!("{:e} mV {until}", bars.v_mv));
    let what = format!("{} at {}", distance.in_window_at.0, ms(distance.in_window_at.1));
    findings.within(&what, distance.in_window, bars.v_mv);
    if beyond(other.0, 0.0) {
        findings.within(&format!("{}, relative to its largest value,", other.1), other.0, OTHER);
        findings.remark(format!("{} within {:.1e} of its largest value", other.1, other.0));
    }
    Ok(())
}

/// Spikes, one by one.
pub(super) fn spikes(findings: &mut Findings, theirs: &[Crossing], ours: &[Crossing], bars: &Bars, dt_ms: f64) {
    findings.compared();
    let times = |spikes: &[Crossing]| spikes.iter().map(|s| s.t_cross_ms).collect::<Vec<_>>();
    let peaks = |spikes: &[Crossing]| spikes.iter().map(|s| s.t_peak_ms).collect::<Vec<_>>();
    let shift = largest_shift(&times(theirs), &times(ours));
    findings.spikes(theirs.len(), ours.len(), shift);
    findings.bar(format!("spike 1 within {} ms, all within {} ms, peaks {PEAK_MV} mV", bars.first_spike_ms, bars.spike_ms));
    let Some(shift) = shift else {
        findings.fault(format!("{} spikes instead of {}", ours.len(), theirs.len()));
        return;
    };
    if let (Some(a), Some(b)) = (theirs.first(), ours.first()) {
        let first = (a.t_cross_ms - b.t_cross_ms).abs();
        findings.remark(format!("spike 1 shifted by {first:.1e} ms"));
        findings.within("the time of spike 1 in ms", first, bars.first_spike_ms + TIME_DIGIT);
    }
    findings.within("a spike's time in ms", shift, bars.spike_ms + TIME_DIGIT);
    // Peaks stand on steps: the nearest of them may be the next one.
    let peak = largest_shift(&peaks(theirs), &peaks(ours)).unwrap_or(0.0);
    findings.within("a peak's time in ms", peak, bars.spike_ms + dt_ms + TIME_DIGIT);
    let height = largest(theirs.iter().zip(ours).map(|(a, b)| (a.v_peak_mv - b.v_peak_mv).abs()));
    findings.within("a peak's potential in mV", height, PEAK_MV);
    if !ours.is_empty() {
        findings.remark(format!("peaks within {height:.1e} mV"));
    }
}

/// Potentials of all segments at the end of the run.
pub(super) fn finals(findings: &mut Findings, folder: &Folder, file: &Path, outcome: &Outcome) -> Result<()> {
    const BAR_MV: f64 = 1e-6;
    const COLUMNS: [&str; 4] = ["section", "x", "v_mV", "seg_index"];
    let table = Table::read(&folder.path(file))?;
    findings.columns(&table, &COLUMNS[..3], &COLUMNS[3..]);
    let (sections, x, v) = (table.text("section")?, table.numbers("x")?, table.numbers("v_mV")?);
    let mut worst = (0.0_f64, String::new());
    let mut ours = Vec::with_capacity(table.len());
    let mut seen = BTreeSet::new();
    for row in 0..table.len() {
        let Some(&got) = outcome.finals.get(&(sections[row].to_string(), place(x[row]))) else {
            return Err(UserError::bad_data("no-segment", "the cell has no segment with its centre there")
                .file(table.path())
                .row(row as u64 + 1)
                .found(format!("{}({})", sections[row], x[row]))
                .mend("check the segment length of the run, and its number of rows"));
        };
        let error = (got - v[row]).abs();
        if beyond(error, worst.0) {
            worst = (error, format!("{}({}) at the end", sections[row], x[row]));
        }
        seen.insert((sections[row], place(x[row])));
        ours.push(got);
    }
    if seen.len() != outcome.finals.len() || table.len() != seen.len() {
        let (rows, all) = (table.len(), outcome.finals.len());
        findings.fault(format!("`{}` has {rows} rows of {} of {all} segments", file.display(), seen.len()));
    }
    findings.compared();
    findings.see(worst.0);
    findings.within(&worst.1, worst.0, BAR_MV);
    findings.remark(format!("final potentials within {:.3e} mV", worst.0));
    if let Some(to) = folder.ours(file) {
        let mut columns = Vec::new();
        for name in table.header().iter().filter(|name| COLUMNS.contains(&name.as_str())) {
            let column = if name == "v_mV" { Column::Numbers(ours.clone()) } else { Column::texts(table.text(name)?) };
            columns.push((name.as_str(), column));
        }
        table::write(&to, &columns.iter().map(|(name, column)| (*name, column)).collect::<Vec<_>>())?;
    }
    Ok(())
}
