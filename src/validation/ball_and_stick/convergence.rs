//! How far spikes move with the time step, and with the potential at the start.

use std::collections::BTreeMap;
use std::path::Path;

use kenyon_base::{Result, UserError, peaks, rises};
use rayon::prelude::*;

use super::Folder;
use super::cell::{Columns, run};
use super::labels::CAP_MV;
use super::replay::PEAK_MV;
use super::setup::Setup;
use crate::validation::Findings;
use crate::validation::deviation::worst;
use crate::validation::table::{self, Column, Table};

/// Length of the runs, ms.
const RUN_MS: f64 = 2000.0;
/// Spikes within this distance are the same, ms.
const MATCH_MS: f64 = 1.0;
/// Bar of times (ms) and root mean squares (mV), beyond the digits of the file.
const BAR: f64 = 2e-5;
/// Bar of shares: their last digit.
const SHARE: f64 = 1e-4;

/// A run, at one sample per millisecond, and its spikes.
struct Sampled {
    spikes_ms: Vec<f64>,
    soma: Vec<f64>,
    dend: Vec<Vec<f64>>,
}

/// `dt0.025`, `dt0.025_vinit+1e-3`: step and shift of the start.
fn parse(name: &str) -> Option<(f64, f64)> {
    let rest = name.strip_prefix("dt")?;
    let (dt, start) = rest.split_once("_vinit").unwrap_or((rest, "0"));
    Some((dt.parse().ok()?, start.parse().ok()?))
}

fn sampled(dir: &Path, case: &str, name: &str) -> Result<Sampled> {
    let (dt, start) = parse(name).ok_or_else(|| {
        UserError::bad_data("bad-table", "names a run that is not known")
            .column("run")
            .found(name)
            .expected("such as `dt0.025_vinit+1e-3`")
    })?;
    let mut setup = Setup::read(&dir.join(case))?;
    setup.params.set("dt_ms", dt);
    setup.params.set("v_init_mV", setup.params.get("v_init_mV") + start);
    setup.protocol.steps = (RUN_MS / dt).round() as u64;
    setup.protocol.inputs.retain(|input| input.time_ms <= RUN_MS);
    let names: Vec<String> =
        std::iter::once("v_soma".to_string()).chain((0..setup.params.nseg()).map(|k| format!("v_dend_{k}"))).collect();
    let columns: Columns = run(&setup.params, &setup.protocol, &names)?;
    let per_ms = (1.0 / dt).round() as usize;
    let each_ms = |v: &Vec<f64>| v.iter().step_by(per_ms).copied().collect::<Vec<_>>();
    Ok(Sampled {
        spikes_ms: peak_times(&columns["v_soma"], dt),
        soma: each_ms(&columns["v_soma"]),
        dend: names[1..].iter().map(|name| each_ms(&columns[name])).collect(),
    })
}

/// When the potential crosses 0 mV before each peak; without a crossing, the peak.
fn peak_times(v: &[f64], dt_ms: f64) -> Vec<f64> {
    let up = rises(v, PEAK_MV);
    let last = |p: usize| up[..up.partition_point(|rise| rise.before < p)].last();
    let time = |p: usize| last(p).map_or(p as f64, |rise| rise.place()) * dt_ms;
    peaks(v, PEAK_MV).into_iter().map(time).collect()
}

fn rms(pairs: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = pairs.fold((0.0, 0_u64), |(sum, count), e| (sum + e * e, count + 1));
    (sum / count.max(1) as f64).sqrt()
}

/// Replays the table.
pub(super) fn compare(folder: &Folder, file: &Path) -> Result<Findings> {
    let table = Table::read(&folder.dir.join(file))?;
    let (cases, runs, references) = (table.text("case")?, table.text("run")?, table.text("reference_run")?);
    let mut wanted: Vec<(&str, &str)> =
        cases.iter().zip(runs.iter()).chain(cases.iter().zip(&references)).map(|(a, b)| (*a, *b)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let dir = folder.dir.join(file.parent().unwrap_or(Path::new("")));
    let done: Vec<Sampled> =
        wanted.par_iter().with_max_len(1).map(|(case, name)| sampled(&dir, case, name)).collect::<Result<_>>()?;
    let done: BTreeMap<(&str, &str), Sampled> = wanted.into_iter().zip(done).collect();
    let names = [
        ("n_spikes", 0.0),
        ("n_spikes_ref", 0.0),
        ("frac_ref_spikes_matched_1ms", SHARE),
        ("median_abs_dt_ms", BAR),
        ("max_matched_dt_ms", BAR),
        ("rmse_soma_capped_mV", BAR),
        ("rmse_dend_mV", BAR),
    ];
    let rows: Vec<[f64; 7]> =
        (0..table.len()).map(|k| row(&done[&(cases[k], runs[k])], &done[&(cases[k], references[k])])).collect();
    let mut findings = Findings::new("ms");
    if table.is_empty() {
        findings.fault(format!("`{}` has no rows", file.display()));
    }
    let given = ["case", "run", "reference_run"];
    let required: Vec<&str> = given.into_iter().chain(names.iter().map(|(name, _)| *name)).collect();
    findings.columns(&table, &required, &[]);
    for (column, (name, bar)) in names.iter().enumerate().filter(|(_, (name, _))| table.has(name)) {
        let theirs = table.numbers(name)?;
        let (at, worst) = worst(theirs.iter().zip(&rows).map(|(theirs, row)| (theirs - row[column]).abs()));
        findings.within(&format!("{name} of row {}", at + 1), worst, *bar);
        findings.remark(format!("{name} within {worst:.1e}"));
        if name.ends_with("_dt_ms") {
            findings.see(worst);
        }
    }
    let total = |column: usize| rows.iter().map(|row| row[column]).sum::<f64>() as usize;
    let theirs = if table.has("n_spikes") { table.numbers("n_spikes")? } else { Vec::new() };
    findings.spikes(theirs.iter().sum::<f64>() as usize, total(0), None);
    findings.bar(format!("number of spikes exact, shares {SHARE:e}, times {BAR:e} ms, root mean squares {BAR:e} mV"));
    if let Some(to) = folder.ours(file) {
        let mut columns = Vec::new();
        for name in given {
            columns.push((name, Column::texts(table.text(name)?)));
        }
        for (at, (name, _)) in names.iter().enumerate() {
            let values = rows.iter().map(|row| row[at]);
            let column = if at < 2 { Column::whole(values.map(|n| n as u64)) } else { Column::Numbers(values.collect()) };
            columns.push((name, column));
        }
        table::write(&to, &columns.iter().map(|(name, column)| (*name, column)).collect::<Vec<_>>())?;
    }
    Ok(findings)
}

/// The numbers of a row: one run beside another.
fn row(run: &Sampled, reference: &Sampled) -> [f64; 7] {
    let nearest = |t: f64| run.spikes_ms.iter().map(|s| (s - t).abs()).fold(f64::INFINITY, f64::min);
    let mut distances: Vec<f64> = reference.spikes_ms.iter().map(|t| nearest(*t)).collect();
    distances.sort_by(f64::total_cmp);
    let all = distances.len();
    let median = if all == 0 { 0.0 } else { f64::midpoint(distances[(all - 1) / 2], distances[all / 2]) };
    let matched = &distances[..distances.partition_point(|d| *d <= MATCH_MS)];
    let capped = run.soma.iter().zip(&reference.soma).map(|(a, b)| a.min(CAP_MV) - b.min(CAP_MV));
    let dend = run.dend.iter().zip(&reference.dend).flat_map(|(a, b)| a.iter().zip(b)).map(|(a, b)| a - b);
    [
        run.spikes_ms.len() as f64,
        reference.spikes_ms.len() as f64,
        matched.len() as f64 / all.max(1) as f64,
        median,
        matched.last().copied().unwrap_or(0.0),
        rms(capped),
        rms(dend),
    ]
}
