//! A lowered network, run step by step as `IF_curr_exp` is defined, is the trained network.

mod support;

use kenyon_hardware::Deployment;
use kenyon_hardware::interpreter::{Interpreter, Outcome};
use kenyon_hardware::readout;
use kenyon_hardware::{Receptor, Variable};
use support::Model;

/// Runs the first sample with every potential recorded.
fn interpret(d: &Deployment) -> Outcome {
    let mut d = d.clone();
    for population in d.populations.iter_mut().filter(|p| p.cells.neurons().is_some()) {
        population.record = vec![Variable::Spikes, Variable::V];
    }
    Interpreter::new(&d).run(&d.samples[0])
}

#[test]
fn the_lowered_network_spikes_where_the_trained_one_does() {
    for seed in 0..6 {
        let model = Model::random(seed, 300);
        let expected = model.simulate();
        assert!(expected.spikes.len() > 100, "seed {seed} is too quiet to tell: {}", expected.spikes.len());
        for (v_scale, lead_in) in [(1.0, 0), (256.0, 0), (256.0, 2)] {
            let place = format!("seed {seed}, scale {v_scale}, lead-in {lead_in}");
            let deployment = model.lower(v_scale, lead_in);
            deployment.check().expect("a sound deployment");
            let run = interpret(&deployment);
            // The target's spike of step t is the model's of step t + 1.
            let last = lead_in + model.input.len() as u32 - 1;
            let mut spikes: Vec<(u32, u32)> =
                run.spikes.iter().filter(|s| s.1 == 1 && s.0 < last).map(|s| (s.0 + 1 - lead_in, s.2)).collect();
            spikes.sort_unstable();
            let differ = spikes.iter().zip(&expected.spikes).find(|(a, b)| a != b);
            assert_eq!((differ, spikes.len()), (None, expected.spikes.len()), "{place}");
            for (t, row) in expected.mem.iter().enumerate() {
                for (i, mem) in row.iter().enumerate().filter(|(i, m)| **m <= model.threshold[*i]) {
                    let v = run.v[1][(t + lead_in as usize) * expected.mem[0].len() + i] / v_scale;
                    assert!((v - mem).abs() < 1e-9, "{place}: mem of neuron {i} at step {t}: {v}, trained {mem}");
                }
            }
            let expected: Vec<f64> = expected.out.concat();
            for (way, rows) in [
                ("device", readout::on_device(&deployment, 2, &run.v[2])),
                ("host", readout::on_host(&deployment, &model.host_readout(), &run.spikes)),
            ] {
                assert_eq!(rows.values.len(), expected.len(), "{place}: {way}");
                let far = rows.values.iter().zip(&expected).position(|(a, b)| (a - b).abs() > 1e-9);
                assert_eq!(far, None, "{place}: readout on the {way}");
            }
        }
    }
}

#[test]
fn the_sign_of_the_constant_current_matters() {
    let model = Model::random(0, 300);
    let mut flipped = model.lower(1.0, 0);
    for population in &mut flipped.populations {
        if let Some(cells) = population.cells.neurons_mut() {
            cells.i_offset_na.iter_mut().for_each(|i| *i = -*i);
        }
    }
    assert_ne!(interpret(&flipped).spikes.len(), interpret(&model.lower(1.0, 0)).spikes.len());
}

#[test]
fn every_non_zero_weight_and_nothing_else_is_a_synapse_of_its_ids() {
    let model = Model::random(3, 10);
    let d = model.lower(4.0, 0);
    let mut matrices = [(0, 1, &model.w1), (1, 1, &model.v), (1, 2, &model.w2)].map(|(pre, post, m)| (pre, post, m.clone()));
    for projection in &d.projections {
        let (_, _, matrix) =
            matrices.iter_mut().find(|m| (m.0, m.1) == (projection.pre, projection.post)).expect("a matrix of the model");
        for s in &projection.synapses {
            let sign = if projection.receptor == Receptor::Inhibitory { -1.0 } else { 1.0 };
            let id = d.populations[projection.pre as usize].ids[s.pre as usize];
            assert_eq!(id - d.populations[projection.pre as usize].ids[0], u64::from(s.pre));
            let weight = std::mem::take(&mut matrix[s.pre as usize][s.post as usize]);
            assert_eq!((sign * s.weight / 4.0).to_bits(), weight.to_bits());
        }
    }
    assert!(matrices.iter().flat_map(|m| m.2.iter().flatten()).all(|w| *w == 0.0), "a weight was left behind");
}
