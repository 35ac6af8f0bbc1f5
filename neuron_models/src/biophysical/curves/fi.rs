//! f-I curve: spikes by the size of a current step.

use kenyon_base::{Progress, Result, UserError};
use serde::Serialize;

use super::{LANES, in_batches, room, settings, steps, whole};
use crate::biophysical::model::Model;
use crate::biophysical::solver::{Cells, Electrode, Observer, Waveform};
use crate::biophysical::spikes::{Counter, Rule};

/// What current goes where, and what counts as a spike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FiSpec {
    /// Currents, nA.
    pub amps_na: Vec<f64>,
    /// Section that the current goes into; the soma unless named. Spikes are looked for at the soma.
    pub section: Option<String>,
    /// Place on it, 0 to 1.
    pub x: f64,
    /// Beginning of the step, ms.
    pub delay_ms: f64,
    /// Its duration, ms.
    pub dur_ms: f64,
    /// Time after it, ms.
    pub after_ms: f64,
    /// Time step, ms.
    pub dt_ms: f64,
    /// What counts as a spike.
    pub spikes: Rule,
}

impl Default for FiSpec {
    fn default() -> Self {
        Self {
            amps_na: Vec::new(),
            section: None,
            x: 0.5,
            delay_ms: 100.0,
            dur_ms: 500.0,
            after_ms: 100.0,
            dt_ms: 0.025,
            spikes: Rule::default(),
        }
    }
}

/// A row of the curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FiRow {
    /// Current, nA.
    pub amp_na: f64,
    /// Spikes from the beginning of the simulation to its end.
    pub spikes: usize,
    /// Spikes between the beginning and the end of the step by its duration, Hz.
    pub rate_hz: f64,
    /// First spike, ms.
    pub first_ms: Option<f64>,
    /// Last spike, ms.
    pub last_ms: Option<f64>,
    /// Mean interval, ms.
    pub mean_isi_ms: Option<f64>,
    /// First interval, ms.
    pub first_isi_ms: Option<f64>,
    /// Last interval, ms.
    pub last_isi_ms: Option<f64>,
}

/// The spikes of one node in every lane.
struct Soma {
    node: u32,
    spikes: Vec<Counter>,
}

impl Observer for Soma {
    fn stepped(&mut self, cells: &Cells) -> Result<()> {
        for (lane, spikes) in self.spikes.iter_mut().enumerate() {
            spikes.sample(cells.v_at(self.node, lane));
        }
        Ok(())
    }
}

/// The f-I curve of a model, rows in the order of the currents.
///
/// # Errors
/// `bad-number` for a current, time or step that none is; `not-whole` for a time that is no whole number of steps; `unknown-section`.
pub fn fi_curve(model: &Model, spec: &FiSpec, progress: &dyn Progress) -> Result<Vec<FiRow>> {
    for amp in &spec.amps_na {
        if !(amp.is_finite() && amp.abs() <= 1e4) {
            return Err(UserError::usage("bad-number", "is no current").found(format!("{amp} nA")).expected("-1e4 to 1e4 nA"));
        }
    }
    for (name, time) in [("delay", spec.delay_ms), ("duration", spec.dur_ms), ("time after it", spec.after_ms)] {
        if !(0.0..=1e6).contains(&time) || name == "duration" && time <= 0.0 {
            return Err(UserError::usage("bad-number", format!("is no {name} of a step"))
                .found(format!("{time} ms"))
                .expected(if name == "duration" { "above 0, at most 1e6 ms" } else { "0 to 1e6 ms" }));
        }
        if time > 0.0 {
            whole(name, time, spec.dt_ms)?;
        }
    }
    let rule = spec.spikes.checked()?;
    let cable = &model.neuron.cable;
    let (soma, middle) = model.soma();
    let node = cable.node_at(spec.section.as_deref().unwrap_or(&soma), spec.x)?;
    let soma = cable.node_at(&soma, middle)?;
    let steps = steps(spec.delay_ms + spec.dur_ms + spec.after_ms, spec.dt_ms)?;
    if !rule.counts_as_it_goes() {
        room(steps, LANES * rayon::current_num_threads())?;
    }
    progress.stage("f-I curve", Some(spec.amps_na.len() as u64));
    in_batches(spec.amps_na.len(), progress, |trials, lanes| {
        let mut cells = Cells::new(&model.neuron, lanes, settings(spec.dt_ms))?;
        for (lane, &amp_na) in spec.amps_na[trials.clone()].iter().enumerate() {
            let waveform = Waveform::Step { delay_ms: spec.delay_ms, dur_ms: spec.dur_ms, amp_na };
            cells.add_electrode(Electrode { node, lane: Some(lane as u32), waveform });
        }
        let spikes = trials.clone().map(|_| Counter::new(rule, spec.dt_ms)).collect();
        let mut watch = Soma { node: soma, spikes };
        cells.run(steps, &mut watch)?;
        let rows = watch.spikes.into_iter().zip(&spec.amps_na[trials]);
        Ok(rows.map(|(spikes, &amp_na)| row(amp_na, spec, &spikes.times_ms())).collect())
    })
}

fn row(amp_na: f64, spec: &FiSpec, times: &[f64]) -> FiRow {
    let during = times.iter().filter(|t| (spec.delay_ms..spec.delay_ms + spec.dur_ms).contains(*t)).count();
    let intervals: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mean = (!intervals.is_empty()).then(|| intervals.iter().sum::<f64>() / intervals.len() as f64);
    FiRow {
        amp_na,
        spikes: times.len(),
        rate_hz: during as f64 / (spec.dur_ms * 1e-3),
        first_ms: times.first().copied(),
        last_ms: times.last().copied(),
        mean_isi_ms: mean,
        first_isi_ms: intervals.first().copied(),
        last_isi_ms: intervals.last().copied(),
    }
}
