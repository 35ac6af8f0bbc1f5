//! Statistics of a set: histograms, one row of quantities per simulation, pooled figures.
//!
//! Voltages are the capped ones. The warm-up and the initialisation are not counted, nor are simulations that a filter flags;
//! figures of all simulations stand beside those of the kept ones where they differ.

use std::path::Path;

use half::f16;
use kenyon_base::{PlainFile, PlainWriter, Result, UserError, nearest};
use serde::Serialize;

use super::about::SetAbout;
use super::plan::Event;
use super::record::Record;
use super::spec::Part;

/// Quantities of a simulation, by name.
pub const QUANTITIES: [&str; 13] = [
    "exc_mean",
    "exc_std",
    "inh_mean",
    "inh_std",
    "rate_hz",
    "soma_mean",
    "soma_std",
    "near_mean",
    "spike_probability",
    "inst_rate_mean",
    "inst_rate_std",
    "branch_mean",
    "branch_std",
];

/// Bins of the histograms of quantities.
pub const BINS: usize = 100;
/// Bins of the histogram of intervals between spikes.
pub const ISI_BINS: usize = 256;

/// Counts between edges.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// One edge more than counts.
    pub edges: Vec<f64>,
    /// Values from one edge to the next; the last bin includes its upper edge.
    pub counts: Vec<u64>,
}

impl Histogram {
    /// The histogram of the finite ones among `values`, from the least to the largest.
    pub fn of(values: &[f64], bins: usize) -> Self {
        let finite = values.iter().copied().filter(|v| v.is_finite());
        let (mut low, mut high) = finite.clone().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        if low > high {
            (low, high) = (0.0, 1.0);
        } else if low >= high {
            (low, high) = (low - 0.5, high + 0.5);
        }
        let width = (high - low) / bins as f64;
        let mut counts = vec![0; bins];
        for v in finite {
            counts[(((v - low) / width) as usize).min(bins - 1)] += 1;
        }
        Self { edges: (0..=bins).map(|i| low + width * i as f64).collect(), counts }
    }
}

/// Counts of every half-precision number: exact quantiles of any number of values.
#[derive(Debug, Clone)]
struct Halves {
    counts: Vec<u64>,
    n: u64,
    sum: f64,
    square: f64,
}

impl Halves {
    fn new() -> Self {
        Self { counts: vec![0; 1 << 16], n: 0, sum: 0.0, square: 0.0 }
    }

    fn add(&mut self, value: f64, times: u64) {
        let bits = f16::from_f64(value).to_bits();
        // In this order the numbers increase.
        let place = if bits >> 15 == 1 { !bits } else { bits | 0x8000 };
        self.counts[usize::from(place)] += times;
        self.n += times;
        self.sum += value * times as f64;
        self.square += value * value * times as f64;
    }

    fn pooled(&self) -> Pooled {
        let mean = self.sum / self.n as f64;
        let quantile = |q: f64| {
            let rank = (q * self.n.saturating_sub(1) as f64).round() as u64;
            let mut seen = 0;
            let place = self.counts.iter().position(|&c| {
                seen += c;
                seen > rank
            });
            let place = place.unwrap_or(0) as u16;
            f16::from_bits(if place & 0x8000 == 0 { !place } else { place & 0x7fff }).to_f64()
        };
        Pooled {
            mean,
            std: (self.square / self.n as f64 - mean * mean).max(0.0).sqrt(),
            percentiles: [2.0, 50.0, 98.0, 99.0].map(|p| [p, quantile(p / 100.0)]),
        }
    }
}

/// Figures over all values of all simulations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Pooled {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub std: f64,
    /// Percentiles 2, 50, 98 and 99, each with its value.
    pub percentiles: [[f64; 2]; 4],
}

impl Pooled {
    /// Of no value.
    const NONE: Self = Self { mean: f64::NAN, std: f64::NAN, percentiles: [[f64::NAN; 2]; 4] };
}

/// Quantities, intervals and pooled figures of some simulations of a part.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    indices: Vec<u32>,
    rows: Vec<[f64; QUANTITIES.len()]>,
    intervals: Histogram,
    pooled: [Pooled; 3],
}

/// Names of the pooled figures in a file.
const POOLED: [&str; 3] = ["input", "soma", "branch"];

impl Figures {
    /// Number of simulations.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The indices of the simulations, in order.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// A quantity of every simulation, in order.
    ///
    /// # Errors
    /// `unknown-quantity` with the nearest name.
    pub fn quantity(&self, name: &str) -> Result<Vec<f64>> {
        let at = QUANTITIES.iter().position(|q| *q == name).ok_or_else(|| {
            let mend = nearest(name, QUANTITIES).map_or_else(|| QUANTITIES.join(", "), |n| format!("did you mean `{n}`?"));
            UserError::usage("unknown-quantity", "no quantity has this name").found(name).mend(mend)
        })?;
        Ok(self.rows.iter().map(|row| row[at]).collect())
    }

    /// The indices of the simulations whose quantity lies in a range, both ends included.
    ///
    /// # Errors
    /// As [`quantity`](Self::quantity).
    pub fn within(&self, name: &str, from: f64, to: f64) -> Result<Vec<u32>> {
        let values = self.quantity(name)?;
        Ok(values.iter().zip(&self.indices).filter(|(v, _)| (from..=to).contains(*v)).map(|(_, &i)| i).collect())
    }

    /// How often which value of a quantity occurs.
    ///
    /// # Errors
    /// As [`quantity`](Self::quantity).
    pub fn histogram(&self, name: &str) -> Result<Histogram> {
        Ok(Histogram::of(&self.quantity(name)?, BINS))
    }

    /// Intervals between spikes in ms, of all simulations.
    pub const fn intervals(&self) -> &Histogram {
        &self.intervals
    }

    /// Figures over all values: input, soma, dendrite; their means are NaN where there is none.
    pub const fn pooled(&self) -> [Pooled; 3] {
        self.pooled
    }

    fn write(&self, out: &PlainWriter, group: &str) -> Result<()> {
        let histogram = |name: &str, h: &Histogram| -> Result<()> {
            out.write(&format!("{group}/histogram/{name}/edges"), &[h.edges.len()], &h.edges)?;
            out.write(&format!("{group}/histogram/{name}/count"), &[h.counts.len()], &h.counts)
        };
        for name in QUANTITIES {
            let values = self.quantity(name)?;
            histogram(name, &Histogram::of(&values, BINS))?;
            out.write(&format!("{group}/simulation/{name}"), &[values.len()], &values)?;
        }
        out.write(&format!("{group}/simulation/index"), &[self.indices.len()], &self.indices)?;
        histogram("isi_ms", &self.intervals)?;
        for (name, pooled) in POOLED.into_iter().zip(self.pooled()) {
            if pooled.mean.is_finite() {
                out.write(&format!("{group}/pooled/{name}/mean"), &[], &[pooled.mean])?;
                out.write(&format!("{group}/pooled/{name}/std"), &[], &[pooled.std])?;
                out.write(&format!("{group}/pooled/{name}/percentiles"), &[4, 2], &pooled.percentiles.concat())?;
            }
        }
        Ok(())
    }

    /// Reads what [`Statistics::write`] wrote of a part: of the kept simulations, or of all.
    pub(super) fn read(file: &PlainFile, path: &Path, part: Part, all: bool) -> Result<Self> {
        let mut group = format!("stats/{}", part.name());
        if all && file.is_group(&format!("{group}/all")) {
            group.push_str("/all");
        }
        let bad = |name: &str, found: usize, expected: usize| {
            Err(UserError::bad_data("damaged-set", "the statistics of the set do not belong together")
                .file(path)
                .dataset(name)
                .found(found.to_string())
                .expected(format!("{expected} numbers"))
                .mend("copy the file again, or make it again"))
        };
        let indices = file.read::<u32>(&format!("{group}/simulation/index"))?.1;
        let mut rows = vec![[f64::NAN; QUANTITIES.len()]; indices.len()];
        for (at, quantity) in QUANTITIES.into_iter().enumerate() {
            let name = format!("{group}/simulation/{quantity}");
            let values = file.read::<f64>(&name)?.1;
            if values.len() != rows.len() {
                return bad(&name, values.len(), rows.len());
            }
            rows.iter_mut().zip(values).for_each(|(row, value)| row[at] = value);
        }
        let name = format!("{group}/histogram/isi_ms/edges");
        let edges = file.read::<f64>(&name)?.1;
        let counts = file.read::<u64>(&format!("{group}/histogram/isi_ms/count"))?.1;
        if edges.len() != counts.len() + 1 {
            return bad(&name, edges.len(), counts.len() + 1);
        }
        let mut pooled = [Pooled::NONE; 3];
        for (pooled, name) in pooled.iter_mut().zip(POOLED) {
            let place = format!("{group}/pooled/{name}");
            if file.is_group(&place) {
                (pooled.mean, pooled.std) = (file.number(&format!("{place}/mean"))?, file.number(&format!("{place}/std"))?);
                let percentiles = file.read::<f64>(&format!("{place}/percentiles"))?.1;
                if percentiles.len() != 8 {
                    return bad(&format!("{place}/percentiles"), percentiles.len(), 8);
                }
                pooled.percentiles = [0, 2, 4, 6].map(|i| [percentiles[i], percentiles[i + 1]]);
            }
        }
        Ok(Self { indices, rows, intervals: Histogram { edges, counts }, pooled })
    }
}

/// Collects the figures of some simulations.
#[derive(Debug, Clone)]
struct Tally {
    rows: Vec<[f64; QUANTITIES.len()]>,
    indices: Vec<u32>,
    intervals: Vec<f64>,
    input: Halves,
    soma: Halves,
    branch: Halves,
}

impl Tally {
    fn new() -> Self {
        Self {
            rows: Vec::new(),
            indices: Vec::new(),
            intervals: Vec::new(),
            input: Halves::new(),
            soma: Halves::new(),
            branch: Halves::new(),
        }
    }

    /// Adds a simulation.
    fn add(&mut self, record: &Record, about: &SetAbout) {
        let init = about.initialisation_ms;
        let bins = about.duration_ms - init;
        let counted = |e: &&Event| e.t >= about.warmup_ms + init;
        let entries = u64::from(bins) * u64::from(about.nseg);
        let sign = |inhibitory: bool| {
            let of = record.events.iter().filter(counted).filter(|e| (e.row >= about.nseg) == inhibitory);
            let (sum, square) = of.fold((0.0, 0.0), |(s, q), e| (s + e.weight, q + e.weight * e.weight));
            let mean = sum / entries as f64;
            [mean, (square / entries as f64 - mean * mean).max(0.0).sqrt()]
        };
        let ([em, es], [im, is]) = (sign(false), sign(true));
        let s = record.summary(about);
        let spikes: Vec<f64> = record.spikes_ms.iter().map(|&t| f64::from(t)).filter(|&t| t >= f64::from(init)).collect();
        let fired = record.spike_bins()[init as usize..].iter().filter(|&&b| b).count();
        let probability = fired as f64 / f64::from(bins);
        self.rows.push([
            em,
            es,
            im,
            is,
            s.rate_hz,
            s.soma_mean,
            s.soma_std,
            s.near_mean,
            probability,
            s.inst_rate_mean,
            s.inst_rate_std,
            s.branch_mean,
            s.branch_std,
        ]);
        self.indices.push(record.item.index);
        self.intervals.extend(spikes.windows(2).map(|w| w[1] - w[0]));
        let mut n = 0;
        for e in record.events.iter().filter(counted) {
            self.input.add(e.weight, 1);
            n += 1;
        }
        self.input.add(0.0, 2 * entries - n);
        for &v in &record.soma_v[init as usize..] {
            self.soma.add(f64::from(v).min(about.labels.soma_cap_mv), 1);
        }
        for row in record.branch_v.chunks(about.duration_ms as usize) {
            row[init as usize..].iter().for_each(|v| self.branch.add(v.to_f64().min(about.labels.branch_cap_mv), 1));
        }
    }

    fn figures(&self) -> Figures {
        Figures {
            indices: self.indices.clone(),
            rows: self.rows.clone(),
            intervals: Histogram::of(&self.intervals, ISI_BINS),
            pooled: [&self.input, &self.soma, &self.branch].map(Halves::pooled),
        }
    }
}

/// Statistics of the simulations of a part: of those that are kept, and of all beside them.
#[derive(Debug, Clone)]
pub struct Statistics {
    kept: Tally,
    /// Only from the first flagged simulation on.
    all: Option<Tally>,
}

impl Default for Statistics {
    fn default() -> Self {
        Self { kept: Tally::new(), all: None }
    }
}

impl Statistics {
    /// Adds a simulation; one without an answer counts nowhere.
    pub fn add(&mut self, record: &Record, about: &SetAbout) {
        if record.failed.as_deref() == Some(super::LEFT_BOUNDS) {
            return;
        }
        if record.failed.is_some() && self.all.is_none() {
            self.all = Some(self.kept.clone());
        }
        if let Some(all) = &mut self.all {
            all.add(record, about);
        }
        if record.failed.is_none() {
            self.kept.add(record, about);
        }
    }

    /// Figures of the simulations that no filter flags.
    pub fn kept(&self) -> Figures {
        self.kept.figures()
    }

    /// Figures of all simulations.
    pub fn all(&self) -> Figures {
        self.all.as_ref().unwrap_or(&self.kept).figures()
    }

    /// Writes the figures of the kept simulations below `group`, and those of all below `group/all` if they differ.
    pub(super) fn write(&self, out: &PlainWriter, group: &str) -> Result<()> {
        self.kept().write(out, group)?;
        match &self.all {
            Some(all) => all.figures().write(out, &format!("{group}/all")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_halves_are_exact() {
        let mut halves = Halves::new();
        let mut values: Vec<f64> = (0..1000).map(|i| f64::from((i * 37) % 1000 - 400) / 8.0).collect();
        for &v in &values {
            halves.add(v, 1);
        }
        values.sort_by(f64::total_cmp);
        let pooled = halves.pooled();
        assert_eq!(pooled.percentiles, [[2.0, values[20]], [50.0, values[500]], [98.0, values[979]], [99.0, values[989]]]);
        assert!((pooled.mean - values.iter().sum::<f64>() / 1000.0).abs() < 1e-12);
    }

    #[test]
    fn a_histogram_counts_every_finite_value_once() {
        let h = Histogram::of(&[0.0, 1.0, 1.0, 2.0, f64::NAN, 4.0], 4);
        assert_eq!((h.edges, h.counts), (vec![0.0, 1.0, 2.0, 3.0, 4.0], vec![1, 2, 1, 1]));
        assert_eq!(Histogram::of(&[], 2).counts, [0, 0]);
        assert_eq!(Histogram::of(&[3.0, 3.0], 2).counts.iter().sum::<u64>(), 2);
    }
}
