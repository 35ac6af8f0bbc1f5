//! What a network answers: the readout over time becomes one value for each class.

use super::fixed;
use super::recording::Run;
use crate::deployment::{Decision, Deployment, HostReadout, Role, Variable};

/// Steps at the end of a lowered network that bring the last input to the readout, and are no rows of it.
const TAIL: usize = 2;

/// An answer to one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Value of each class, in units of the trained network.
    pub values: Vec<f64>,
    /// The class with the largest value; the lowest of equals.
    pub class: u32,
}

/// The answer in a run; none if the deployment has no readout or does not record what it needs.
pub fn answer(deployment: &Deployment, run: &Run) -> Option<Answer> {
    let rows = readout_rows(deployment, run)?;
    let first = rows.first()?;
    let mut values = vec![if deployment.decision == Decision::Max { f64::NEG_INFINITY } else { 0.0 }; first.len()];
    for row in &rows {
        for (value, x) in values.iter_mut().zip(row) {
            *value = match deployment.decision {
                Decision::Max => value.max(*x),
                Decision::Mean => *value + x / rows.len() as f64,
                Decision::Last => *x,
            };
        }
    }
    let mut class = 0;
    for (i, value) in values.iter().enumerate() {
        class = if *value > values[class] { i } else { class };
    }
    Some(Answer { values, class: class as u32 })
}

/// Rows `out` of the trained network's steps 1, 2, …, in its units: the lead-in and the tail are left out.
pub fn readout_rows(deployment: &Deployment, run: &Run) -> Option<Vec<Vec<f64>>> {
    let lead_in = deployment.lead_in_steps as usize;
    let rows = (deployment.steps as usize - lead_in).saturating_sub(TAIL).max(1);
    if let Some(readout) = &deployment.host_readout {
        let spikes = &run.populations.get(readout.pre as usize)?.spikes;
        return Some(host_rows(readout, spikes, lead_in, rows));
    }
    let at = deployment.populations.iter().position(|p| p.role == Role::Readout && p.record.contains(&Variable::V))?;
    let population = &deployment.populations[at];
    let all = run.populations.get(at)?.v.chunks(population.ids.len());
    let values = |row: &[i32]| row.iter().map(|raw| fixed::value(*raw) / population.v_scale).collect();
    Some(all.skip(lead_in + 1).take(rows).map(values).collect())
}

/// `out <- b out + (1 - b) flt` with the old `flt`, `flt <- a flt + s W`; the board's spike of step t is the model's of step t + 1.
fn host_rows(readout: &HostReadout, spikes: &[(u32, u32)], lead_in: usize, rows: usize) -> Vec<Vec<f64>> {
    let (a, b) = (readout.decay_syn, readout.decay_mem);
    let classes = readout.classes.len();
    let (mut filtered, mut out) = (vec![0.0; classes], vec![0.0; classes]);
    let mut all = Vec::with_capacity(rows);
    let mut spikes = spikes.iter().peekable();
    for model_step in 0..rows {
        for (out, filtered) in out.iter_mut().zip(&filtered) {
            *out = b * *out + (1.0 - b) * filtered;
        }
        for f in &mut filtered {
            *f *= a;
        }
        while let Some(&&(step, neuron)) = spikes.peek() {
            if step as usize + 1 > model_step + lead_in {
                break;
            }
            spikes.next();
            if step as usize + 1 < lead_in {
                continue;
            }
            let start = readout.weights.partition_point(|w| w.0 < neuron);
            for &(_, class, weight) in readout.weights[start..].iter().take_while(|w| w.0 == neuron) {
                filtered[class as usize] += weight;
            }
        }
        all.push(out.clone());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::{Cells, Population};

    fn deployment() -> Deployment {
        let mut d = Deployment::new("host", 1.0, 8);
        let ids = vec![1, 2];
        let (label, record) = ("KC".to_string(), vec![Variable::Spikes]);
        d.add(Population { label, role: Role::Hidden, ids, names: Vec::new(), cells: Cells::SpikeSource, record, v_scale: 1.0 });
        let classes = vec!["a".to_string(), "b".to_string()];
        let weights = vec![(0, 0, 1.0), (1, 0, -1.0), (1, 1, 2.0)];
        d.host_readout = Some(HostReadout { pre: 0, classes, decay_syn: 0.5, decay_mem: 0.75, weights });
        d
    }

    #[test]
    fn a_readout_on_the_host_is_the_trained_networks() {
        let mut run = Run::default();
        run.populations.resize_with(1, Default::default);
        run.populations[0].spikes = vec![(0, 0), (2, 1)];
        // Model spikes of steps 1 and 3; out of steps 1 to 6.
        let rows = readout_rows(&deployment(), &run).expect("a readout");
        let first: Vec<f64> = rows.iter().map(|row| row[0]).collect();
        let (flt_2, flt_3, flt_4) = (1.0, 0.5, 0.25 - 1.0);
        let out_3 = 0.25 * flt_2;
        let out_4 = 0.75 * out_3 + 0.25 * flt_3;
        let out_5 = 0.75 * out_4 + 0.25 * flt_4;
        assert_eq!(first[..5], [0.0, 0.0, out_3, out_4, out_5]);
        assert_eq!(rows.len(), 6);
        let answer = answer(&deployment(), &run).expect("a readout");
        assert_eq!((answer.class, answer.values[0]), (1, out_4));
    }

    #[test]
    fn the_lowest_of_equal_classes_is_the_answer() {
        let mut run = Run::default();
        run.populations.resize_with(1, Default::default);
        assert_eq!(answer(&deployment(), &run).expect("a readout").class, 0);
    }
}
