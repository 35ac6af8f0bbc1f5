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
                    shift = shift.max(error);
                    findings.within(&format!("the {what} spike at {amp} nA in ms"), error, bar + 5e-7);
                }
                (None, None) => {}
                _ => findings.fault(format!("the {what} spike at {amp} nA stands in one of both alone")),
            }
        }
    }
    findings.see(shift);
    findings.spikes(counts.iter().sum::<f64>() as usize, ours.iter().map(Vec::len).sum(), Some(shift));
    let words: Vec<String> = amps.iter().zip(&ours).map(|(amp, times)| format!("{amp}: {}", times.len())).collect();
    findings.remark(format!("nA: spikes {}", words.join(", ")));
    findings.remark(format!("segments of {}: from {}", source.cut.words(), source.from));
    findings.bar(format!("number of spikes, first within {FIRST_MS} ms, last within {LAST_MS} ms"));
    if let Some(to) = folder.ours(file) {
        write(&to, &table, &amps, &ours)?;
    }
    Ok(findings)
}

fn write(to: &Path, table: &Table, amps: &[f64], spikes: &[Vec<f64>]) -> Result<()> {
    let each = |of: &dyn Fn(&[f64]) -> Option<f64>| Column::Optional(spikes.iter().map(|times| of(times)).collect());
    let interval = |times: &[f64], k: usize| Some(times.get(k + 1)? - times[k]);
    let mut columns = Vec::new();
    for name in table.header() {
        let column = match name.as_str() {
            "amp_nA" => Column::Numbers(amps.to_vec()),
            "n_spikes" => Column::whole(spikes.iter().map(|t| t.len() as u64)),
            "rate_Hz" => each(&|t| Some(t.len() as f64 / (STEP_MS.1 * 1e-3))),
            "first_spike_ms" => each(&|t| t.first().copied()),
            "last_spike_ms" => each(&|t| t.last().copied()),
            "mean_isi_ms" => each(&|t| (t.len() > 1).then(|| (t[t.len() - 1] - t[0]) / (t.len() - 1) as f64)),
            "first_isi_ms" => each(&|t| interval(t, 0)),
            "last_isi_ms" => each(&|t| interval(t, t.len().checked_sub(2)?)),
            _ => Column::texts(table.text(name)?),
        };
        columns.push((name.as_str(), column));
    }
    table::write(to, &columns.iter().map(|(name, column)| (*name, column)).collect::<Vec<_>>())
}
