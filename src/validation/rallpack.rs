//! `kenyon validate rallpack`: Rallpack 1 to 3 (Bhalla, Bilitch & Bower 1992).
//!
//! Rallpack 1 (a uniform cable) and 2 (a binary tree) against their analytic solutions at the centres of compartments, the order of
//! convergence of both schemes, reciprocity of the tree, and Rallpack 3 (an axon) against its published peaks; where a folder holds
//! the suite's traces, against those too. Bars are those of the specification of biophysical neurons, section 10.
//!
//! | module | owns |
//! |---|---|
//! | [`models`] | the three cells, runs of them, the analytic solutions |
//! | [`measure`] | the suite's measures of deviation |

pub mod measure;
pub mod models;

use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError, peaks};
use kenyon_neurons::biophysical::solver::Scheme;

use self::measure::{spike_error, trace_error};
use self::models::{Model, SAMPLE_MS, Series, run};
use super::deviation::{apart, largest};
use super::spikes::largest_shift;
use super::table::{read_text, write_bytes};
use super::{Findings, Job};

/// Bar of Rallpack 1 and 2, %.
const CABLE_PERCENT: f64 = 0.05;
/// Bar of the potential at the end, mV.
const FINAL_MV: f64 = 0.005;
/// What the first and the last compartment of Rallpack 1 must have reached after 250 ms, mV.
const FINAL: [f64; 2] = [101.8714, 43.0965];
/// Bar of Rallpack 3 against published traces, %.
const AXON_PERCENT: f64 = 2.0;
/// Bar of each peak of Rallpack 3, ms.
const PEAK_MS: f64 = 0.5;
/// Steps of the accepted runs, ms.
const EULER_MS: f64 = 0.01;
const CRANK_MS: f64 = 0.05;
/// Peaks of Rallpack 3 at the first and the last compartment, ms.
const PEAKS: [&[f64]; 2] = [
    &[
        1.60, 16.30, 30.85, 45.40, 59.95, 74.45, 89.00, 103.55, 118.05, 132.60, 147.15, 161.65, 176.20, 190.75, 205.25, 219.80,
        234.35, 248.85,
    ],
    &[
        4.30, 18.90, 33.45, 48.00, 62.55, 77.05, 91.60, 106.15, 120.65, 135.20, 149.75, 164.25, 178.80, 193.35, 207.85, 222.40,
        236.95,
    ],
];
/// The suite's traces: near and far site of the cable, the tree, the axon by two simulators.
const CABLE: [&str; 2] = ["ref_cable.0", "ref_cable.x"];
const BRANCH: [&str; 2] = ["ref_branch.0", "ref_branch.x"];
const AXON: [&str; 4] = ["ref_axon.0.genesis", "ref_axon.0.neuron", "ref_axon.x.genesis", "ref_axon.x.neuron"];

/// The suite, with its published traces if there are any.
pub struct Suite {
    dir: Option<PathBuf>,
    dump: Option<PathBuf>,
}

impl Suite {
    /// The suite; `dir` holds published traces, our own go to `dump`.
    ///
    /// # Errors
    /// A folder that cannot be read or holds none of them.
    pub fn open(dir: Option<&Path>, dump: Option<&Path>) -> Result<Self> {
        if let Some(dir) = dir {
            std::fs::read_dir(dir).map_err(|e| UserError::cannot_read(dir, &e))?;
            if !CABLE.iter().chain(&BRANCH).chain(&AXON).any(|name| dir.join(name).is_file()) {
                return Err(UserError::bad_data("no-cases", "holds no trace of the suite")
                    .file(dir)
                    .expected("`ref_cable.0`, `ref_axon.0.neuron` and others")
                    .mend("name the folder of the traces, or none to compare with the analytic solutions alone"));
            }
        }
        Ok(Self { dir: dir.map(Path::to_path_buf), dump: dump.map(Path::to_path_buf) })
    }

    /// Its cases.
    pub fn jobs(&self) -> Vec<Job<'_>> {
        let mut jobs = vec![
            Job::new("rallpack1/implicit_euler", "%", || against_series(Model::Cable, Scheme::ImplicitEuler)),
            Job::new("rallpack1/crank_nicolson", "%", || against_series(Model::Cable, Scheme::CrankNicolson)),
            Job::new("rallpack1/order", "1", order),
            Job::new("rallpack2/implicit_euler", "%", || against_series(Model::Tree, Scheme::ImplicitEuler)),
            Job::new("rallpack2/crank_nicolson", "%", || against_series(Model::Tree, Scheme::CrankNicolson)),
            Job::new("rallpack2/reciprocity", "mV", reciprocity),
            Job::new("rallpack3/peaks", "ms", axon),
        ];
        if let Some(dir) = &self.dir {
            let published =
                |name, model, files: [&'static str; 2]| Job::new(name, "%", move || self.published(dir, model, files));
            jobs.push(published("rallpack1/published", Model::Cable, CABLE));
            jobs.push(published("rallpack2/published", Model::Tree, BRANCH));
            jobs.push(Job::new("rallpack3/published", "%", move || self.published_axon(dir)));
        }
        jobs
    }

    /// Rallpack 1 or 2 beside the suite's traces.
    fn published(&self, dir: &Path, model: Model, files: [&str; 2]) -> Result<Findings> {
        let theirs = files.iter().map(|name| Published::read(&dir.join(name))).collect::<Result<Vec<_>>>()?;
        let ours = run(model, Scheme::ImplicitEuler, EULER_MS, None)?;
        let mut findings = Findings::new("%");
        let mut sum = 0.0;
        for ((theirs, ours), name) in theirs.iter().zip(&ours).zip(files) {
            sum += trace_error(ours, &theirs.v_mv) / 2.0;
            self.write(name, ours)?;
        }
        findings.see(sum);
        findings.within("the mean of both sites in %", sum, CABLE_PERCENT);
        findings.bar(format!("{CABLE_PERCENT} %"));
        findings.remark("the suite's traces are of the ends, ours of the centres of compartments");
        Ok(findings)
    }

    /// Rallpack 3 beside the traces of two simulators.
    fn published_axon(&self, dir: &Path) -> Result<Findings> {
        let theirs = AXON.iter().map(|name| Published::read(&dir.join(name))).collect::<Result<Vec<_>>>()?;
        let ours = run(Model::Axon, Scheme::ImplicitEuler, EULER_MS, None)?;
        let mut findings = Findings::new("%");
        let mut spikes = (0, 0);
        for (k, (theirs, name)) in theirs.iter().zip(AXON).enumerate() {
            let ours = &ours[k / 2];
            spikes = (spikes.0 + theirs.peaks().len(), spikes.1 + peaks(ours, 0.0).len());
            match spike_error(ours, &theirs.v_mv) {
                Some(percent) => {
                    findings.see(percent);
                    findings.within(&format!("{name} in %"), percent, AXON_PERCENT);
                    findings.remark(format!("{name} {percent:.3} %"));
                }
                None => findings.fault(format!("{name} has another number of spikes")),
            }
            self.write(name, ours)?;
        }
        findings.spikes(spikes.0, spikes.1, None);
        findings.bar(format!("{AXON_PERCENT} %; the two references differ by about 1 %"));
        Ok(findings)
    }

    /// Writes a trace as the suite does: seconds, volts.
    fn write(&self, name: &str, v_mv: &[f64]) -> Result<()> {
        let Some(dump) = &self.dump else { return Ok(()) };
        let row = |(k, v): (usize, &f64)| format!("{:?} {:?}\n", k as f64 * SAMPLE_MS * 1e-3, v * 1e-3);
        write_bytes(&dump.join(name), v_mv.iter().enumerate().map(row).collect::<String>().as_bytes())
    }
}

/// A trace of the suite, at our samples.
struct Published {
    v_mv: Vec<f64>,
}

impl Published {
    /// Reads seconds and volts; between the file's times the potential is linear.
    fn read(path: &Path) -> Result<Self> {
        let text = read_text(path)?;
        let bad = |line: usize, found: &str| {
            UserError::bad_data("bad-traces", "is no trace of the suite")
                .file(path)
                .line(line as u64 + 1)
                .found(found)
                .expected("a time in s and a potential in V, times rising to 0.25 s")
        };
        let mut rows: Vec<(f64, f64)> = Vec::new();
        for (line, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            let numbers: Vec<f64> =
                text.split_whitespace().map_while(|x| x.parse().ok().filter(|x: &f64| x.is_finite())).collect();
            match numbers[..] {
                [t, v] if rows.last().is_none_or(|last| t * 1e3 > last.0) => rows.push((t * 1e3, v * 1e3)),
                _ => return Err(bad(line, text)),
            }
        }
        let end = models::DURATION_MS;
        if rows.len() < 2 || rows[0].0 > 1e-6 || rows[rows.len() - 1].0 < end - 1e-6 {
            return Err(bad(rows.len().saturating_sub(1), "a trace that does not cover the run"));
        }
        let mut at = 0;
        let sample = |k: usize| {
            let t = (k as f64 * SAMPLE_MS).min(rows[rows.len() - 1].0);
            while at + 2 < rows.len() && rows[at + 1].0 < t {
                at += 1;
            }
            let (a, b) = (rows[at], rows[at + 1]);
            a.1 + (b.1 - a.1) * ((t - a.0) / (b.0 - a.0)).clamp(0.0, 1.0)
        };
        Ok(Self { v_mv: (0..models::samples()).map(sample).collect() })
    }

    fn peaks(&self) -> Vec<usize> {
        peaks(&self.v_mv, 0.0)
    }
}

/// Rallpack 1 or 2 beside the analytic solution at the centres of its first and last compartment.
fn against_series(model: Model, scheme: Scheme) -> Result<Findings> {
    let dt_ms = if scheme == Scheme::ImplicitEuler { EULER_MS } else { CRANK_MS };
    let series = Series::of(model);
    let ours = run(model, scheme, dt_ms, None)?;
    let mut findings = Findings::new("%");
    let mut percent = 0.0;
    for (site, ours) in ours.iter().enumerate() {
        let exact: Vec<f64> = (0..ours.len()).map(|k| series.v_mv(site, k as f64 * SAMPLE_MS)).collect();
        percent += trace_error(ours, &exact) / 2.0;
        let last = ours.last().copied().unwrap_or(f64::NAN);
        if model == Model::Cable {
            findings.within(&format!("the potential of site {site} after 250 ms in mV"), (last - FINAL[site]).abs(), FINAL_MV);
        }
        findings.remark(format!("{last:.4} mV after 250 ms ({:.4})", exact[exact.len() - 1]));
    }
    findings.see(percent);
    findings.within("the mean of both sites in %", percent, CABLE_PERCENT);
    findings.bar(format!("{CABLE_PERCENT} % at steps of {dt_ms} ms"));
    if model == Model::Cable {
        findings.bar(format!("{FINAL_MV} mV after 250 ms"));
    }
    Ok(findings)
}

/// By what halving the step divides the error in the middle of Rallpack 1 after 40 ms.
fn order() -> Result<Findings> {
    const MIDDLE: u32 = 500;
    const AT_MS: f64 = 40.0;
    let exact = Series::of(Model::Cable).at(f64::from(MIDDLE) + 0.5, AT_MS);
    let mut findings = Findings::new("1");
    for (scheme, name, steps, low, high) in [
        (Scheme::ImplicitEuler, "implicit Euler", [0.2, 0.1, 0.05], 1.7, 2.3),
        (Scheme::CrankNicolson, "Crank-Nicolson", [0.4, 0.2, 0.1], 3.3, 4.7),
    ] {
        let errors = steps
            .iter()
            .map(|dt| Ok((models::value_at(scheme, *dt, MIDDLE, AT_MS)? - exact).abs()))
            .collect::<Result<Vec<f64>>>()?;
        for (k, pair) in errors.windows(2).enumerate() {
            let ratio = pair[0] / pair[1];
            findings.remark(format!("{name} from {} to {} ms: {ratio:.2}", steps[k], steps[k + 1]));
            if !(low..=high).contains(&ratio) {
                findings.fault(format!("halving the step of {name} divides the error by {ratio:.2}"));
            }
        }
        findings.bar(format!("{name} {low} to {high}"));
    }
    Ok(findings)
}

/// A current into a terminal does to the root what the same current into the root does to the terminal.
fn reciprocity() -> Result<Findings> {
    const BAR_MV: f64 = 1e-9;
    let mut findings = Findings::new("mV");
    for (scheme, dt_ms) in [(Scheme::ImplicitEuler, EULER_MS * 5.0), (Scheme::CrankNicolson, CRANK_MS)] {
        let from_root = run(Model::Tree, scheme, dt_ms, None)?;
        let from_terminal = run(Model::Tree, scheme, dt_ms, Some(Model::Tree.sites()?[1]))?;
        let worst = apart(&from_root[1], &from_terminal[0]);
        findings.see(worst);
        findings.within("the root", worst, BAR_MV);
    }
    findings.bar(format!("{BAR_MV:e} mV"));
    Ok(findings)
}

/// Rallpack 3 beside its published peaks.
fn axon() -> Result<Findings> {
    let ours = run(Model::Axon, Scheme::ImplicitEuler, EULER_MS, None)?;
    let mut findings = Findings::new("ms");
    let (mut expected, mut got, mut worst) = (0, 0, Some(0.0_f64));
    for (site, (v, theirs)) in ours.iter().zip(PEAKS).enumerate() {
        let times: Vec<f64> = peaks(v, 0.0).iter().map(|k| *k as f64 * SAMPLE_MS).collect();
        (expected, got) = (expected + theirs.len(), got + times.len());
        // Times stand on samples, so their differences do but for rounding.
        let shift = largest_shift(theirs, &times).map(|shift| (shift * 1e9).round() / 1e9);
        match shift {
            Some(shift) => {
                findings.see(shift);
                findings.within(&format!("a peak at site {site} in ms"), shift, PEAK_MS);
            }
            None => findings.fault(format!("{} peaks at site {site} instead of {}", times.len(), theirs.len())),
        }
        worst = worst.zip(shift).map(|(a, b)| largest([a, b]));
        let highest = v.iter().fold(f64::NEG_INFINITY, |m, x| m.max(*x));
        findings.remark(format!("{} peaks, the highest {highest:.2} mV", times.len()));
    }
    findings.spikes(expected, got, worst);
    findings.bar(format!("18 and 17 peaks, each at most {PEAK_MS} ms off (times on samples of 0.05 ms)"));
    Ok(findings)
}
