//! The golden network lowered and emulated: how much each rule of the mapping is worth, row by row as the specification's table says.

mod support;

use kenyon_hardware::Deployment;
use kenyon_hardware::readout;
use kenyon_hardware::spinnaker::{Emulator, Options, Quantised, quantise};
use kenyon_hardware::spinnaker::{Shifts, readout_rows};
use support::Model;
use support::golden::{golden, reference};

/// What a variant came to.
#[derive(Debug)]
struct Row {
    spikes: usize,
    same: usize,
    class: u32,
    error: f64,
}

/// Runs a variant with the shifts of the table.
fn emulate(d: &Deployment, options: &Options) -> (Quantised, Row) {
    let shifts = if d.populations[1].v_scale > 1.0 { [[0, 0], [10, 9], [10, 11]] } else { [[0, 0], [2, 1], [2, 3]] };
    let shifts = Shifts::Given(shifts.to_vec());
    let network = quantise(d, &Options { shifts, ..options.clone() }).expect("sound");
    let run = Emulator::new(&network).run(&d.samples[0].spikes);
    let (spikes, out) = reference();
    // The board's spike of step t is the trained network's of t + 1.
    let own: Vec<(u32, u32)> =
        run.spikes().iter().filter(|s| s.1 == 1 && s.0 + 2 < d.steps).map(|s| (s.0 + 1 - d.lead_in_steps, s.2)).collect();
    let rows = readout_rows(d, &run).expect("a readout");
    let error = rows.values.iter().zip(&out).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let class = readout::decide(d.decision, &rows).class;
    (network, Row { spikes: own.len(), same: own.iter().filter(|s| spikes.contains(s)).count(), class, error })
}

fn neurons(d: &mut Deployment) -> &mut kenyon_hardware::Neurons {
    d.populations[1].cells.neurons_mut().expect("the hidden neurons")
}

/// Synapses between and from hidden neurons arrive one step early.
fn early(d: &mut Deployment) {
    for projection in d.projections.iter_mut().filter(|p| p.pre == 1) {
        projection.synapses.iter_mut().for_each(|s| s.delay_steps = 1.0);
    }
}

#[test]
fn the_default_path_and_every_ablation_are_those_of_the_table() {
    let Some(model) = golden() else { return };
    let at = |scale: f64, change: &dyn Fn(&mut Deployment), options: &Options| {
        let mut d = model.lower(scale, 0);
        change(&mut d);
        emulate(&d, options).1
    };
    let nudged = Options::LOWERED;
    let plain = Options { nudge: false, ..Options::LOWERED };
    let uncompensated = Options { compensate_init: false, ..plain.clone() };
    let no_wait = |d: &mut Deployment| neurons(d).tau_refrac_ms.iter_mut().for_each(|t| *t = 0.0);
    let flip = |d: &mut Deployment| neurons(d).i_offset_na.iter_mut().for_each(|i| *i = -*i);
    let everything = |d: &mut Deployment| {
        flip(d);
        early(d);
        no_wait(d);
    };
    // Spikes, those at the same step and neuron, class, largest error of the readout: table 1.4 of the specification.
    let rows = [
        ("the default path", at(256.0, &|_| (), &nudged), (226, 224, 16), 0.0149),
        ("not nudged", at(256.0, &|_| (), &plain), (227, 211, 16), 0.0761),
        ("scale 1", at(1.0, &|_| (), &plain), (227, 185, 16), 0.0722),
        ("no refractory step", at(256.0, &no_wait, &plain), (246, 35, 11), 1.866),
        ("hidden delay 1", at(256.0, &early, &plain), (226, 132, 16), 0.538),
        ("no compensation", at(256.0, &|_| (), &uncompensated), (214, 14, 16), 0.760),
        ("+I_c", at(256.0, &flip, &plain), (367, 8, 3), 7.57),
        ("the reference export", at(1.0, &everything, &uncompensated), (408, 8, 3), 10.03),
    ];
    for (name, row, ..) in &rows {
        eprintln!("{name}: {row:?}");
    }
    for (name, row, expected, error) in rows {
        assert_eq!((row.spikes, row.same, row.class), expected, "{name}");
        assert!((row.error - error).abs() <= 0.005 * error, "{name}: {row:?}");
    }
}

#[test]
fn no_weight_of_the_readout_is_lost() {
    let Some(model) = golden() else { return };
    let d: Deployment = Model::lower(&model, 256.0, 0);
    let (network, _) = emulate(&d, &Options::LOWERED);
    for (described, loaded) in d.projections.iter().zip(&network.projections) {
        eprintln!("{} -> {} {}: {:?}", described.pre, described.post, described.receptor.name(), loaded.statistics.zeroed);
        assert!(described.post != 2 || loaded.statistics.zeroed == 0);
        assert_eq!(loaded.statistics.clipped, 0);
    }
}
