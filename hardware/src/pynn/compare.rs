//! What back ends did with an exported network, beside what was expected.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kenyon_base::{Result, UserError, digest, pair_up};
use serde::{Deserialize, Serialize};

use super::NETWORK;
use super::read::{SampleFile, Table, open};

/// What a comparison is worth: simulators integrate and deliver differently.
pub const NOT_EVIDENCE: &str = "not evidence about the target";
/// Steps within which two spikes of a neuron are the same one.
const NEAR: u32 = 2;
/// Back ends whose results are looked for.
const BACK_ENDS: [&str; 4] = ["nest", "neuron", "brian2", "spiNNaker"];

/// One sample on one back end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The back end.
    pub back_end: String,
    /// Versions of its packages.
    pub versions: BTreeMap<String, Option<String>>,
    /// Number of the sample.
    pub sample: usize,
    /// Its name.
    pub name: String,
    /// The right class, where one is known.
    pub class: Option<u32>,
    /// The expected answer.
    pub expected_answer: Option<u32>,
    /// The answer of the back end.
    pub answer: Option<u32>,
    /// Expected spikes.
    pub expected_spikes: usize,
    /// Spikes of the back end.
    pub spikes: usize,
    /// Spikes of both, of one neuron and at most two steps apart.
    pub matched: usize,
    /// Their share of the expected ones; none if there are none.
    pub matched_share: Option<f64>,
    /// Largest difference of the readout, in units of the trained network.
    pub readout_difference: Option<f64>,
    /// [`NOT_EVIDENCE`].
    pub note: &'static str,
}

/// `result_<backend>.json`.
#[derive(Debug, Deserialize)]
struct ResultFile {
    versions: BTreeMap<String, Option<String>>,
    network_sha256: String,
    samples: Vec<ResultSample>,
}

#[derive(Debug, Deserialize)]
struct ResultSample {
    sample: usize,
    answer: Option<u32>,
}

/// A neuron: (population, neuron).
type Neuron = (u32, u32);

/// Spikes by neuron, and the readout by (step, class).
#[derive(Debug, Default)]
struct Trace {
    spikes: BTreeMap<Neuron, Vec<i64>>,
    readout: BTreeMap<(i64, u32), f64>,
}

impl Trace {
    fn count(&self) -> usize {
        self.spikes.values().map(Vec::len).sum()
    }
}

/// Compares the results of the last run of each back end in an exported folder with what was expected.
///
/// # Errors
/// Bad data: no result, results of another export, tables that are none.
pub fn compare(dir: &Path) -> Result<Vec<Comparison>> {
    let network = open(dir)?;
    let path = dir.join(NETWORK);
    let identity = digest::sha256_file(&path).map_err(|e| UserError::cannot_read(&path, &e))?;
    let mut out = Vec::new();
    for back_end in BACK_ENDS {
        let path = dir.join(format!("result_{back_end}.json"));
        if !path.exists() {
            continue;
        }
        let text = fs::read(&path).map_err(|e| UserError::cannot_read(&path, &e))?;
        let result: ResultFile = serde_json::from_slice(&text).map_err(|e| bad(&path, &format!("is no result: {e}")))?;
        if result.network_sha256 != identity {
            return Err(bad(&path, "is the result of another export").mend("run the back end again"));
        }
        let table = path.with_extension("csv");
        let mut found = traces(&table, true)?;
        for of in result.samples {
            let sample =
                network.samples.get(of.sample).ok_or_else(|| bad(&path, "unknown sample").found(of.sample.to_string()))?;
            let expected = traces(&dir.join(&sample.expected.file), false)?.remove(&0).unwrap_or_default();
            let found = found.remove(&of.sample).unwrap_or_default();
            out.push(one(back_end, &result.versions, &of, sample, &expected, &found));
        }
    }
    if out.is_empty() {
        return Err(UserError::bad_data("no-result", "no back end has left a result here")
            .file(dir)
            .mend("run one first, such as `python3 run_pynn.py nest`"));
    }
    Ok(out)
}

fn one(
    back_end: &str,
    versions: &BTreeMap<String, Option<String>>,
    of: &ResultSample,
    sample: &SampleFile,
    expected: &Trace,
    found: &Trace,
) -> Comparison {
    let matched = expected.spikes.iter().map(|(neuron, a)| found.spikes.get(neuron).map_or(0, |b| matches(a, b))).sum();
    let apart = expected.readout.iter().filter_map(|(at, a)| found.readout.get(at).map(|b| (a - b).abs()));
    Comparison {
        back_end: back_end.into(),
        versions: versions.clone(),
        sample: of.sample,
        name: sample.name.clone(),
        class: sample.class,
        expected_answer: sample.expected.answer,
        answer: of.answer,
        expected_spikes: expected.count(),
        spikes: found.count(),
        matched,
        matched_share: (expected.count() > 0).then(|| matched as f64 / expected.count() as f64),
        readout_difference: apart.reduce(f64::max),
        note: NOT_EVIDENCE,
    }
}

/// Largest number of pairs at most [`NEAR`] steps apart, each spike in one pair, of sorted steps.
fn matches(a: &[i64], b: &[i64]) -> usize {
    pair_up(a, b, |a, b| a.abs_diff(*b) <= u64::from(NEAR)).len()
}

/// The rows of a table by sample; all belong to sample 0 unless a column says more.
fn traces(path: &Path, by_sample: bool) -> Result<BTreeMap<usize, Trace>> {
    let table = Table::read(path)?;
    let what: Vec<String> = table.column("what")?;
    let steps: Vec<i64> = table.column("step")?;
    let (populations, neurons): (Vec<String>, Vec<u32>) = (table.column("population")?, table.column("neuron")?);
    let values: Vec<String> = table.column("value")?;
    let samples: Vec<usize> = if by_sample { table.column("sample")? } else { vec![0; what.len()] };
    let mut out: BTreeMap<usize, Trace> = BTreeMap::new();
    for (i, what) in what.iter().enumerate() {
        let trace = out.entry(samples[i]).or_default();
        let wrong = || bad(path, "bad row").line(i as u64 + 2);
        if what == "spike" {
            let population = populations[i].parse().map_err(|_| wrong())?;
            trace.spikes.entry((population, neurons[i])).or_default().push(steps[i]);
        } else {
            trace.readout.insert((steps[i], neurons[i]), values[i].parse().map_err(|_| wrong())?);
        }
    }
    for trace in out.values_mut() {
        trace.spikes.values_mut().for_each(|steps| steps.sort_unstable());
    }
    Ok(out)
}

fn bad(path: &Path, message: &str) -> UserError {
    UserError::bad_data("bad-result", message).file(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spike_is_matched_at_most_once() {
        assert_eq!(matches(&[10, 20, 30], &[10, 21, 32]), 3);
        assert_eq!(matches(&[10, 11, 12], &[11]), 1);
        assert_eq!(matches(&[10], &[13]), 0);
        assert_eq!(matches(&[1, 3], &[3, 5]), 2, "the earliest pairs leave the later ones free");
    }
}
