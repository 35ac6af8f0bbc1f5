//! `kenyon validate spinnaker DIR`: networks that the released SpiNNaker binaries computed, every value compared.
//!
//! | module | owns |
//! |---|---|
//! | `init` | tables of initialisations, `lif_init*.csv` |

mod init;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use kenyon_base::{AtomicFile, Result, UserError};
use kenyon_hardware::spinnaker::case::{Case as Reference, Difference, state};
use kenyon_hardware::spinnaker::image::case::Followed;
use kenyon_hardware::spinnaker::image::{CaseImages, RegionDifference};
use kenyon_hardware::spinnaker::{Emulator, Options, PopulationRun, Quantised, Run, quantise};
use serde::Serialize;
use serde_json::{Value, json};

use super::text;
use crate::cli::context::Context;
use crate::cli::output::{TextTable, count, of};
use crate::validation::report::COMPARE;
use crate::validation::{Nothing, kinds};

/// Description of a case's network.
const NETWORK: &str = "network.json";

/// Unit of the values that are compared.
const UNIT: &str = "raw s16.15";

/// What a case says beside the fields of every kind.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    /// Values that were compared, and those that differ.
    compared: u64,
    differing: u64,
    populations: Vec<Difference>,
    /// Words of memory images that were compared, and those that differ.
    words_compared: u64,
    words_differing: u64,
    /// Packets that were followed, populations of which some do not reach exactly their listeners, and populations that were not followed.
    packets: u64,
    misrouted: Vec<String>,
    not_followed: Vec<String>,
    regions: Vec<RegionDifference>,
}

type Case = crate::validation::Case<Outcome>;
type Report = crate::validation::Report<Outcome>;

/// Runs every case of a folder, compares, and prints.
pub(super) fn run(dir: &Path, dump: Option<&Path>, context: &Context) -> Result<()> {
    if let Some(dump) = dump {
        refuse_inside(dump, dir)?;
    }
    kinds::check("spinnaker", dir)?;
    let cases = Case::replay(find(dir)?, UNIT, |path, name| {
        let target = dump.map(|d| d.join(name));
        let target = target.as_deref();
        if path.is_dir() { replay(path, name, target) } else { init::compare(path, name, target) }
    })?;
    let report = Report::new("spinnaker", cases, Nothing {});
    context.print(&report, || table(&report));
    report.verdict(Some(dir), COMPARE)
}

/// Cases and tables of a folder with their names, sorted.
fn find(dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    let own = dir.file_name().map_or_else(|| "case".into(), |n| n.to_string_lossy().into_owned());
    if dir.join(NETWORK).is_file() || dir.is_file() && init::is_table(&own) {
        return Ok(vec![(own, dir.to_path_buf())]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(|e| UserError::cannot_read(dir, &e))? {
        let path = entry.map_err(|e| UserError::cannot_read(dir, &e))?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_file() && init::is_table(&name) || path.is_dir() && is_case(&path) {
            found.push((name, path));
        }
    }
    found.sort_unstable();
    if found.is_empty() {
        return Err(UserError::bad_data("no-cases", "holds no case")
            .file(dir)
            .expected(format!("a folder for each case with `{NETWORK}` in it, or tables `lif_init*.csv`"))
            .mend("name the folder that holds the cases"));
    }
    Ok(found)
}

/// Whether a folder looks like a case, be it an incomplete one.
fn is_case(folder: &Path) -> bool {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .map(|f| f.file_name().to_string_lossy().into_owned())
        .any(|n| n == NETWORK || ["_spikes.csv", "_v.csv", "_gsyn_exc.csv", "_gsyn_inh.csv"].iter().any(|end| n.ends_with(end)))
}

/// The reference is never written.
fn refuse_inside(dump: &Path, dir: &Path) -> Result<()> {
    let real = |path: &Path| path.canonicalize().ok();
    // The folder to write need not exist: its nearest ancestor that does says where it lies.
    let inside = dump.ancestors().find_map(real).zip(real(dir)).is_some_and(|(dump, dir)| dump.starts_with(dir));
    if inside {
        return Err(UserError::usage("output-is-input", "lies in the folder that this command reads")
            .file(dump)
            .mend("name another folder with `--dump`"));
    }
    Ok(())
}

/// Runs one case and compares it; writes our values to `dump` in the reference's layout.
fn replay(folder: &Path, name: &str, dump: Option<&Path>) -> Result<Case> {
    let case = Reference::read(folder)?;
    let network = quantise(&case.deployment, &Options::AS_WRITTEN).map_err(|e| e.file(folder.join(NETWORK)))?;
    let run = Emulator::new(&network).run(case.input());
    if let Some(dump) = dump {
        write(&case, &network, &run, dump)?;
    }
    let populations = case.compare(&network, &run);
    let images = CaseImages::of(&case.document).map_err(|e| e.file(folder.join(NETWORK)))?;
    let Followed { packets, misrouted, not_followed } = images.follow(&network);
    let mut notes: Vec<String> = populations
        .iter()
        .filter(|d| d.total() > 0)
        .map(|d| format!("`{}` differs in {}", d.population, d.words()))
        .chain(populations.iter().filter(|d| !d.missing.is_empty()).map(|d| format!("missing: {}", d.missing.join(", "))))
        .collect();
    // Regions that we cannot make differ altogether.
    let regions = images.compare(&network).unwrap_or_else(|e| {
        notes.push(e.to_string());
        images.regions.iter().map(|region| region.missing(&network)).collect()
    });
    let sum = |of: fn(&Difference) -> u64| populations.iter().map(of).sum::<u64>();
    let known = |of: fn(&Difference) -> Option<u64>| {
        let mut all = populations.iter().filter_map(of).peekable();
        all.peek().is_some().then(|| all.sum::<u64>())
    };
    let words_differing = regions.iter().map(|r| r.different as u64).sum();
    let differing_regions = regions.iter().filter(|r| r.different > 0);
    notes.extend(
        differing_regions.map(|r| format!("`{}` of `{}` differs in {}", r.region, r.population, of(r.different as u64, "word"))),
    );
    notes.extend(misrouted.iter().map(|label| format!("packets of `{label}` do not reach exactly their listeners")));
    notes.extend(not_followed.iter().map(|(label, why)| format!("packets of `{label}` were not followed: {why}")));
    let (compared, differing) = (sum(|d| d.compared), sum(Difference::total));
    if compared == 0 {
        notes.push("nothing to compare: no recordings and no `state_raw`".into());
    }
    if run.wraps() > 0 {
        notes.push(format!("{} neuron steps left 32 bits", count(run.wraps())));
    }
    let complete = populations.iter().all(|d| d.missing.is_empty());
    let shift = populations.iter().filter_map(|d| d.max_spike_shift_steps).max();
    Ok(Case {
        name: name.into(),
        pass: differing == 0 && compared > 0 && complete && words_differing == 0 && misrouted.is_empty(),
        max_abs_error: populations.iter().filter_map(|d| d.max_abs_error).max().map(|raw| raw as f64),
        unit: UNIT,
        spikes_expected: known(|d| d.spikes_expected),
        spikes_got: known(|d| d.spikes_got),
        max_spike_shift_ms: shift.map(|steps| f64::from(steps) * case.deployment.dt_ms),
        note: notes.join("; "),
        extras: Outcome {
            compared,
            differing,
            populations,
            words_compared: regions.iter().map(|r| r.words as u64).sum(),
            words_differing,
            packets,
            misrouted,
            not_followed: not_followed.into_iter().map(|(label, _)| label).collect(),
            regions,
        },
        not_run: false,
    })
}

/// Our values under the reference's names: the tables, and `network.json` with our constants, shifts, counts and regions.
fn write(case: &Reference, network: &Quantised, run: &Run, dump: &Path) -> Result<()> {
    fs::create_dir_all(dump).map_err(|e| UserError::cannot_write(dump, &e))?;
    let mut document = case.document.clone();
    for (k, (population, run)) in network.populations.iter().zip(&run.populations).enumerate() {
        let Some(cells) = &population.cells else { continue };
        let n = population.n as usize;
        for (end, values) in [("v", &run.v), ("gsyn_exc", &run.gsyn_exc), ("gsyn_inh", &run.gsyn_inh)] {
            AtomicFile::write(&dump.join(format!("{}_{end}.csv", population.label)), rows(values, n).as_bytes())?;
        }
        AtomicFile::write(&dump.join(format!("{}_spikes.csv", population.label)), spikes(run).as_bytes())?;
        let entry = &mut document["populations"][k];
        if !entry["state_raw"].is_null() {
            entry["state_raw"] = Value::Array((0..n).map(|i| json!(state(cells, i))).collect());
        }
        if !entry["ring_buffer_left_shift"].is_null() {
            entry["ring_buffer_left_shift"] = json!(cells.shift);
        }
        if let Some(counted) = document["n_ring_buffer_saturations"].get_mut(&population.label) {
            *counted = run.saturations.into();
        }
    }
    CaseImages::of(&case.document)?.put(network, &mut document);
    AtomicFile::write(&dump.join(NETWORK), document.to_string().as_bytes())
}

/// A table of raw values with one row for each step.
fn rows(values: &[i32], n: usize) -> String {
    let header: Vec<String> = (0..n).map(|i| format!("n{i}")).collect();
    let mut out = format!("step,{}\n", header.join(","));
    for (step, row) in values.chunks(n.max(1)).enumerate() {
        let row: Vec<String> = row.iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "{step},{}", row.join(","));
    }
    out
}

fn spikes(run: &PopulationRun) -> String {
    let mut out = String::from("step,neuron\n");
    for (step, neuron) in &run.spikes {
        let _ = writeln!(out, "{step},{neuron}");
    }
    out
}

fn table(report: &Report) -> String {
    let mut table = TextTable::new(&["case", "agrees", "values", "differ", "spikes", "words", "differ"]);
    for case in &report.cases {
        let extras = &case.extras;
        table.row([
            case.name.clone(),
            case.verdict().into(),
            count(extras.compared),
            count(extras.differing),
            case.spikes_got.map_or_else(|| "-".into(), count),
            count(extras.words_compared),
            count(extras.words_differing),
        ]);
    }
    format!(
        "{}{}\n{} of {} cases agree (the reference core was emulated; no physical board has been compared)",
        table.render(),
        text::notes(&report.cases),
        report.passed,
        report.cases.len()
    )
}
