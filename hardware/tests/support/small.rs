//! A small network, sound until a test changes it, and the findings of the lint that it has then.

use kenyon_hardware::lint::{
    self, Activity, Finding, Known, Linted, PopulationActivity, PopulationRounding, ProjectionRounding, Rounding,
};
use kenyon_hardware::spinnaker::{Options, Shifts, quantise};
use kenyon_hardware::{Cells, Deployment, Neurons, Projection, Receptor, Role, Sample, Synapse};

use super::population;

/// Index of the population of cells.
pub(crate) const CELLS: usize = 1;

pub(crate) fn synapse(pre: u32, post: u32, weight: f64, delay_steps: f64) -> Synapse {
    Synapse { pre, post, weight, delay_steps }
}

pub(crate) fn neurons(n: usize) -> Neurons {
    Neurons {
        tau_m_ms: vec![20.0; n],
        cm_nf: vec![1.0; n],
        i_offset_na: vec![0.25; n],
        v_rest_mv: vec![-65.0; n],
        v_reset_mv: vec![-70.0; n],
        v_thresh_mv: vec![-50.0; n],
        tau_refrac_ms: vec![2.0; n],
        v_init_mv: vec![-65.0; n],
        tau_syn_e_ms: vec![5.0; n],
        tau_syn_i_ms: vec![5.0; n],
        ..Neurons::default()
    }
}

/// Sources and cells of these numbers, one synapse onto each cell.
pub(crate) fn network(sources: usize, cells: usize) -> Deployment {
    let mut d = Deployment::new("small", 1.0, 100);
    let pre = d.add(population("ORN", Role::Input, (100..100 + sources as u64).collect(), Cells::SpikeSource, 1.0));
    let ids = (200..200 + cells as u64).collect();
    let post = d.add(population("KC", Role::Hidden, ids, Cells::Neurons(Box::new(neurons(cells))), 1.0));
    let synapses = (0..cells as u32).map(|i| synapse(i % sources as u32, i, 0.5, 1.0)).collect();
    d.projections.push(Projection { pre, post, receptor: Receptor::Excitatory, synapses });
    d.samples.push(Sample { name: "first".into(), class: None, spikes: vec![(0, 0, 5), (0, 1, 7)] });
    d
}

pub(crate) fn sound() -> Deployment {
    network(2, 3)
}

pub(crate) fn cells(d: &mut Deployment) -> &mut Neurons {
    d.populations[CELLS].cells.neurons_mut().expect("cells")
}

pub(crate) fn column<'a>(d: &'a mut Deployment, name: &str, i: usize) -> &'a mut f64 {
    let columns = cells(d).columns_mut();
    &mut columns.into_iter().find(|(column, _)| *column == name).expect("a column of this name").1[i]
}

/// Findings of a code, of the sound network after a change.
pub(crate) fn after(code: &str, change: impl FnOnce(&mut Deployment)) -> Vec<Finding> {
    let mut d = sound();
    change(&mut d);
    with(code, &d, &Known::default())
}

pub(crate) fn with(code: &str, d: &Deployment, known: &Known) -> Vec<Finding> {
    lint::spinnaker(d, known).into_iter().filter(|f| f.code == code).collect()
}

/// The one finding there is.
pub(crate) fn only(found: Vec<Finding>) -> Finding {
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().expect("one")
}

pub(crate) fn seen(code: &str, change: impl FnOnce(&mut PopulationActivity)) -> Vec<Finding> {
    let mut cells = PopulationActivity { spikes: 10, silent: vec![1], max_v: 70.0, ..PopulationActivity::default() };
    change(&mut cells);
    let activity = Activity { samples: 1, populations: vec![PopulationActivity::default(), cells] };
    with(code, &sound(), &Known { activity: Some(&activity), ..Known::default() })
}

pub(crate) fn codes(found: &[Finding]) -> Vec<&str> {
    found.iter().map(|f| f.code.as_str()).collect()
}

/// The sound network as its numbers are written, after a change.
pub(crate) fn as_written(shifts: Shifts, change: impl FnOnce(&mut Deployment)) -> Linted {
    let mut d = sound();
    change(&mut d);
    lint::quantised(&d, &Options { shifts, ..Options::AS_WRITTEN }, None, &Known::default())
}

/// Findings of an emulation of the sound network at these shifts, after a change.
pub(crate) fn emulated(shift: u8, change: impl FnOnce(&mut Deployment)) -> Vec<Finding> {
    let mut d = sound();
    change(&mut d);
    let options = Options { shifts: Shifts::Given(vec![[0; 2], [shift; 2]]), ..Options::AS_WRITTEN };
    let network = quantise(&d, &options).expect("sound");
    let activity = Activity::emulated(&d, &network);
    assert_eq!(activity.samples, d.samples.len() as u64);
    lint::spinnaker(&d, &Known { activity: Some(&activity), ..Known::default() })
}

/// What fixed point makes of the sound network at these shifts, weights being nA.
pub(crate) fn rounding(d: &Deployment, shift: [u32; 2]) -> Rounding {
    let populations = d.populations.iter().map(|_| PopulationRounding { shift, parameters: Vec::new() }).collect();
    let of = |p: &Projection| {
        let shift = shift[usize::from(p.receptor == Receptor::Inhibitory)];
        ProjectionRounding::new(&p.synapses, |s| (s.weight * 2f64.powi(15 - shift as i32)).round_ties_even())
    };
    Rounding { populations, projections: d.projections.iter().map(of).collect() }
}

pub(crate) fn rounded(code: &str, shift: [u32; 2], weights: [f64; 3]) -> Vec<Finding> {
    let mut d = sound();
    for (s, weight) in d.projections[0].synapses.iter_mut().zip(weights) {
        s.weight = weight;
    }
    let rounding = rounding(&d, shift);
    with(code, &d, &Known { rounding: Some(&rounding), ..Known::default() })
}
