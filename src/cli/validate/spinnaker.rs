//! `kenyon validate spinnaker DIR`: networks that the released SpiNNaker binaries computed, every value compared.
//!
//! | module | owns |
//! |---|---|
//! | `init` | the table of initialisations, `lif_init.csv` |

mod init;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use kenyon_base::{AtomicFile, Result, UserError};
use kenyon_hardware::spinnaker::case::{Case, Difference, state};
use kenyon_hardware::spinnaker::image::{CaseImages, RegionDifference};
use kenyon_hardware::spinnaker::{Emulator, Options, PopulationRun, Quantised, Run, quantise};
use serde::Serialize;
use serde_json::{Value, json};

use super::super::context::Context;
use super::super::output::{TextTable, count, of};

/// Description of a case's network.
const NETWORK: &str = "network.json";

/// How one case went.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    name: String,
    pass: bool,
    /// Values that were compared, and those that differ.
    compared: u64,
    differing: u64,
    spikes_expected: u64,
    spikes_got: u64,
    note: String,
    populations: Vec<Difference>,
    /// Words of memory images that were compared, and those that differ.
    words_compared: u64,
    words_differing: u64,
    /// Packets that were followed, and populations of which some do not reach exactly their listeners.
    packets: u64,
    misrouted: Vec<String>,
    regions: Vec<RegionDifference>,
}

#[derive(Debug, Serialize)]
struct Report {
    kind: &'static str,
    cases: Vec<Outcome>,
    passed: usize,
    failed: usize,
}

/// Runs every case of a folder, compares, and prints.
pub(super) fn run(dir: &Path, dump: Option<&Path>, context: &Context) -> Result<()> {
    if let Some(dump) = dump {
        refuse_inside(dump, dir)?;
    }
    let mut cases = Vec::new();
    let mut unreadable = None;
    for (name, path) in find(dir)? {
        let target = dump.map(|d| d.join(&name));
        let done =
            if path.is_dir() { replay(&path, &name, target.as_deref()) } else { init::compare(&path, &name, target.as_deref()) };
        cases.push(match done {
            Ok(outcome) => outcome,
            // Our own trouble, such as a full disk, is no property of the case.
            Err(error) if error.exit_code() == 1 => return Err(error),
            Err(error) => {
                let note = error.to_string();
                unreadable.get_or_insert(error);
                Outcome { name, note, ..Outcome::default() }
            }
        });
    }
    let passed = cases.iter().filter(|c| c.pass).count();
    let report = Report { kind: "spinnaker", failed: cases.len() - passed, passed, cases };
    context.print(&report, || table(&report));
    match (unreadable, report.cases.iter().find(|c| !c.pass)) {
        (Some(error), _) => Err(error),
        (None, None) => Ok(()),
        (None, Some(case)) => Err(UserError::check_failed("validate", format!("the case `{}` does not agree", case.name))
            .file(dir)
            .found(&case.note)
            .mend("compare our values (`--dump`) with the reference's")),
    }
}

/// Cases and tables of a folder with their names, sorted.
fn find(dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    if dir.join(NETWORK).is_file() {
        let name = dir.file_name().map_or_else(|| "case".into(), |n| n.to_string_lossy().into_owned());
        return Ok(vec![(name, dir.to_path_buf())]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(|e| UserError::cannot_read(dir, &e))? {
        let path = entry.map_err(|e| UserError::cannot_read(dir, &e))?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_file() && name == init::TABLE || path.is_dir() && is_case(&path) {
            found.push((name, path));
        }
    }
    found.sort_unstable();
    if found.is_empty() {
        return Err(UserError::bad_data("no-cases", "holds no case")
            .file(dir)
            .expected(format!("a folder for each case with `{NETWORK}` in it, or `{}`", init::TABLE))
            .mend("name the folder that holds the cases"));
    }
    Ok(found)
}

/// Whether a folder looks like a case, be it an incomplete one.
fn is_case(folder: &Path) -> bool {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .map(|f| f.file_name().to_string_lossy().into_owned())
        .any(|n| n == NETWORK || n.ends_with("_spikes.csv") || n.ends_with("_v.csv"))
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
fn replay(folder: &Path, name: &str, dump: Option<&Path>) -> Result<Outcome> {
    let case = Case::read(folder)?;
    let network = quantise(&case.deployment, &Options::AS_WRITTEN).map_err(|e| e.file(folder.join(NETWORK)))?;
    let run = Emulator::new(&network).run(case.input());
    if let Some(dump) = dump {
        write(&case, &network, &run, dump)?;
    }
    let populations = case.compare(&network, &run);
    let differing = populations.iter().map(Difference::total).sum();
    let compared = populations.iter().map(|d| d.compared).sum();
    let total = |of: fn(&Difference) -> Option<u64>| populations.iter().filter_map(of).sum();
    let (spikes_expected, spikes_got) = (total(|d| d.spikes_expected), total(|d| d.spikes_got));
    let mut notes: Vec<String> = populations
        .iter()
        .filter(|d| d.total() > 0)
        .map(|d| format!("`{}` differs in {}", d.population, d.words()))
        .chain(populations.iter().filter(|d| d.v.is_none()).map(|d| format!("`{}` has no recordings", d.population)))
        .collect();
    let images = CaseImages::of(&case.document).map_err(|e| e.file(folder.join(NETWORK)))?;
    let (packets, misrouted) = images.follow(&network);
    // Regions that we cannot make differ altogether.
    let regions = images.compare(&network).unwrap_or_else(|e| {
        notes.push(e.to_string());
        images.regions.iter().map(|region| region.missing(&network)).collect()
    });
    let words_compared = regions.iter().map(|r| r.words as u64).sum();
    let words_differing = regions.iter().map(|r| r.different as u64).sum();
    let differing_regions = regions.iter().filter(|r| r.different > 0);
    notes.extend(
        differing_regions.map(|r| format!("`{}` of `{}` differs in {}", r.region, r.population, of(r.different as u64, "word"))),
    );
    notes.extend(misrouted.iter().map(|label| format!("packets of `{label}` do not reach exactly their listeners")));
    if compared == 0 {
        notes.push("nothing to compare: no recordings and no `state_raw`".into());
    }
    if run.wraps() > 0 {
        notes.push(format!("{} neuron steps left 32 bits", count(run.wraps())));
    }
    let pass = differing == 0 && compared > 0 && words_differing == 0 && misrouted.is_empty();
    Ok(Outcome {
        name: name.into(),
        pass,
        compared,
        differing,
        spikes_expected,
        spikes_got,
        note: notes.join("; "),
        populations,
        words_compared,
        words_differing,
        packets,
        misrouted,
        regions,
    })
}

/// Our values under the reference's names: the tables, and `network.json` with our constants, shifts, counts and regions.
fn write(case: &Case, network: &Quantised, run: &Run, dump: &Path) -> Result<()> {
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
    for (step, row) in values.chunks(n).enumerate() {
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
    let mut table = TextTable::new(&["case", "agrees", "values", "differ", "spikes", "words", "differ", "note"]);
    for case in &report.cases {
        table.row([
            case.name.clone(),
            if case.pass { "yes" } else { "NO" }.into(),
            count(case.compared),
            count(case.differing),
            count(case.spikes_got),
            count(case.words_compared),
            count(case.words_differing),
            case.note.clone(),
        ]);
    }
    format!(
        "{}\n{} of {} cases agree (the reference core was emulated; no physical board has been compared)",
        table.render(),
        report.passed,
        report.cases.len()
    )
}
