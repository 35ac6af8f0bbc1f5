//! The f-I curve: steps at the soma.

use std::path::Path;

use kenyon_base::Result;
use kenyon_neurons::biophysical::recording::{Probe, Quantity, Recorder};
use kenyon_neurons::biophysical::solver::{Cells, Electrode, Settings, Waveform};
use rayon::prelude::*;

use super::Folder;
use super::replay::THRESHOLD_MV;
use super::segments::for_table;
use super::tables::Cut;
use crate::validation::Findings;
use crate::validation::deviation::{largest, worst};
use crate::validation::spikes::crossings;
use crate::validation::table::{self, Column, Table};

/// Steps begin after this time and last that long, ms.
const STEP_MS: (f64, f64) = (100.0, 500.0);
/// Length of a run, ms: a spike may begin at the end of the step.
const RUN_MS: f64 = 650.0;
const DT_MS: f64 = 0.025;
/// Bars of the first and of the last spike, ms.
const FIRST_MS: f64 = 0.01;
const LAST_MS: f64 = 0.1;

/// Times of the spikes of a step.
fn step(folder: &Folder, cut: &Cut, amp_na: f64) -> Result<Vec<f64>> {
    let neuron = folder.cut(cut)?;
    let soma = neuron.cable.node_at("soma[0]", 0.5)?;
    let mut cells = Cells::new(&neuron, 1, Settings { dt_ms: DT_MS, ..Settings::default() })?;
    let waveform = Waveform::Step { delay_ms: STEP_MS.0, dur_ms: STEP_MS.1, amp_na };
    cells.add_electrode(Electrode { node: soma, lane: None, waveform });
    let probe = Probe { name: "soma".into(), node: soma, quantity: Quantity::V };
    let mut recorder = Recorder::new(&neuron, &cells, vec![probe], 1)?;
    cells.run((RUN_MS / DT_MS).round() as u64, &mut recorder)?;
    Ok(crossings(recorder.trace(0, 0), DT_MS, THRESHOLD_MV).iter().map(|s| s.t_cross_ms).collect())
}

/// The columns: what must be there, and what follows from the times of all spikes.
const COLUMNS: [&str; 8] =
    ["amp_nA", "n_spikes", "first_spike_ms", "last_spike_ms", "rate_Hz", "mean_isi_ms", "first_isi_ms", "last_isi_ms"];

/// What a column says of the times of the spikes of a step.
fn of_times(column: &str, times: &[f64]) -> Option<f64> {
    let interval = |k: usize| Some(times.get(k + 1)? - times[k]);
    match column {
        "rate_Hz" => Some(times.len() as f64 / (STEP_MS.1 * 1e-3)),
        "first_spike_ms" => times.first().copied(),
        "last_spike_ms" => times.last().copied(),
        "mean_isi_ms" => (times.len() > 1).then(|| (times[times.len() - 1] - times[0]) / (times.len() - 1) as f64),
        "first_isi_ms" => interval(0),
        "last_isi_ms" => interval(times.len().checked_sub(2)?),
        _ => None,
    }
}

/// Compares what follows from the times of the spikes, where the table has it.
fn derived(findings: &mut Findings, table: &Table, ours: &[Vec<f64>]) -> Result<()> {
    for column in COLUMNS[4..].iter().filter(|column| table.has(column)) {
        let bar = if *column == "rate_Hz" { 1e-6 } else { LAST_MS };
        let error = |(theirs, times): (Option<f64>, &Vec<f64>)| match (theirs, of_times(column, times)) {
            (Some(theirs), Some(ours)) => (theirs - ours).abs(),
            (None, None) => 0.0,
            _ => f64::INFINITY,
        };
        let (row, error) = worst(table.optional(column)?.into_iter().zip(ours).map(error));
        findings.within(&format!("{column} of row {}", row + 1), error, bar + 5e-7);
    }
    Ok(())
}

/// Replays the steps of a curve.
pub(super) fn compare(folder: &Folder, file: &Path) -> Result<Findings> {
    let table = Table::read(&folder.path(file))?;
    let source = for_table(folder, file);
    let amps = table.numbers("amp_nA")?;
    let counts = table.numbers("n_spikes")?;
    let (first, last) = (table.optional("first_spike_ms")?, table.optional("last_spike_ms")?);
    let ours: Vec<Vec<f64>> =
        amps.par_iter().with_max_len(1).map(|amp| step(folder, &source.cut, *amp)).collect::<Result<_>>()?;
    let mut findings = Findings::new("ms");
    findings.columns(&table, &COLUMNS[..4], &COLUMNS[4..]);
    if table.is_empty() {
        findings.fault(format!("`{}` has no rows", file.display()));
    }
    let mut shift = 0.0_f64;
    for (row, times) in ours.iter().enumerate() {
        let amp = amps[row];
        if (times.len() as f64 - counts[row]).abs() > 1e-9 {
            findings.fault(format!("{} spikes instead of {} at {amp} nA", times.len(), counts[row]));
            continue;
        }
        for (what, theirs, ours, bar) in
            [("first", first[row], times.first(), FIRST_MS), ("last", last[row], times.last(), LAST_MS)]
        {
            match (theirs, ours) {
                (Some(theirs), Some(ours)) => {
                    let error = (theirs - ours).abs();
                    shift = largest([shift, error]);
                    findings.within(&format!("the {what} spike at {amp} nA in ms"), error, bar + 5e-7);
                }
                (None, None) => {}
                _ => findings.fault(format!("the {what} spike at {amp} nA stands in one of both alone")),
            }
        }
    }
    derived(&mut findings, &table, &ours)?;
    findings.see(shift);
    findings.spikes(counts.iter().sum::<f64>() as usize, ours.iter().map(Vec::len).sum(), Some(shift));
    let words: Vec<String> = amps.iter().zip(&ours).map(|(amp, times)| format!("{amp}: {}", times.len())).collect();
    findings.remark(format!("nA: spikes {}", words.join(", ")));
    findings.remark(format!("segments of {}: from {}", source.cut.words(), source.from));
    findings.bar(format!("number of spikes, first within {FIRST_MS} ms, last within {LAST_MS} ms, as are intervals"));
    if let Some(to) = folder.ours(file) {
        write(&to, &table, &amps, &ours)?;
    }
    Ok(findings)
}

fn write(to: &Path, table: &Table, amps: &[f64], spikes: &[Vec<f64>]) -> Result<()> {
    let mut columns = Vec::new();
    for name in table.header().iter().filter(|name| COLUMNS.contains(&name.as_str())) {
        let column = match name.as_str() {
            "amp_nA" => Column::Numbers(amps.to_vec()),
            "n_spikes" => Column::whole(spikes.iter().map(|t| t.len() as u64)),
            name => Column::Optional(spikes.iter().map(|times| of_times(name, times)).collect()),
        };
        columns.push((name.as_str(), column));
    }
    table::write(to, &columns.iter().map(|(name, column)| (*name, column)).collect::<Vec<_>>())
}
