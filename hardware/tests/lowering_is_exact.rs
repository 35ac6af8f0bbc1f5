//! A lowered network, run step by step as `IF_curr_exp` is defined, is the trained network.

mod support;

use kenyon_hardware::{Cells, Deployment, Receptor};
use support::Model;

/// Spikes (step, population, neuron) and rows of V before each step, per population.
struct Run {
    spikes: Vec<(u32, usize, u32)>,
    v: Vec<Vec<Vec<f64>>>,
}

/// The definition of `IF_curr_exp` in f64, one step after the other.
fn interpret(d: &Deployment) -> Run {
    let sizes: Vec<usize> = d.populations.iter().map(|p| p.ids.len()).collect();
    let longest = d.projections.iter().flat_map(|p| &p.synapses).map(|s| s.delay_steps as u32).max().unwrap_or(1);
    let slots = longest as usize + 1;
    // What arrives in a later step: slot, population, receptor, neuron.
    let mut ring = vec![sizes.iter().map(|&n| [vec![0.0; n], vec![0.0; n]]).collect::<Vec<_>>(); slots];
    let mut g = ring[0].clone();
    let mut waits: Vec<Vec<u32>> = sizes.iter().map(|&n| vec![0; n]).collect();
    let cells = |p: usize| match &d.populations[p].cells {
        Cells::Neurons(cells) => Some(cells),
        Cells::SpikeSource => None,
    };
    let mut v: Vec<Vec<f64>> = (0..sizes.len()).map(|p| cells(p).map_or_else(Vec::new, |c| c.v_init_mv.clone())).collect();
    let mut run = Run { spikes: Vec::new(), v: vec![Vec::new(); sizes.len()] };
    for t in 0..d.steps {
        let mut fired = Vec::new();
        for p in 0..sizes.len() {
            let Some(c) = cells(p) else {
                fired.extend(d.samples[0].spikes.iter().filter(|s| s.0 as usize == p && s.2 == t).map(|s| (p, s.1)));
                continue;
            };
            run.v[p].push(v[p].clone());
            for i in 0..sizes[p] {
                for receptor in 0..2 {
                    g[p][receptor][i] += std::mem::take(&mut ring[t as usize % slots][p][receptor][i]);
                }
                let current = g[p][0][i] - g[p][1][i] + c.i_offset_na[i];
                if waits[p][i] > 0 {
                    waits[p][i] -= 1;
                } else {
                    let rest = current * c.tau_m_ms[i] / c.cm_nf[i] + c.v_rest_mv[i];
                    v[p][i] = rest + (-d.dt_ms / c.tau_m_ms[i]).exp() * (v[p][i] - rest);
                    if v[p][i] >= c.v_thresh_mv[i] {
                        fired.push((p, i as u32));
                        v[p][i] = c.v_reset_mv[i];
                        waits[p][i] = (c.tau_refrac_ms[i] / d.dt_ms).ceil() as u32;
                    }
                }
                g[p][0][i] *= (-d.dt_ms / c.tau_syn_e_ms[i]).exp();
                g[p][1][i] *= (-d.dt_ms / c.tau_syn_i_ms[i]).exp();
            }
        }
        for &(p, i) in &fired {
            for projection in d.projections.iter().filter(|q| q.pre as usize == p) {
                let receptor = usize::from(projection.receptor == Receptor::Inhibitory);
                for s in projection.synapses.iter().filter(|s| s.pre == i) {
                    ring[(t + s.delay_steps as u32) as usize % slots][projection.post as usize][receptor][s.post as usize] +=
                        s.weight;
                }
            }
        }
        run.spikes.extend(fired.into_iter().filter(|f| cells(f.0).is_some()).map(|(p, i)| (t, p, i)));
    }
    run
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
                    let v = run.v[1][t + lead_in as usize][i] / v_scale;
                    assert!((v - mem).abs() < 1e-9, "{place}: mem of neuron {i} at step {t}: {v}, trained {mem}");
                }
            }
            for (t, row) in expected.out.iter().enumerate() {
                for (c, out) in row.iter().enumerate() {
                    let v = run.v[2][t + lead_in as usize][c] / v_scale;
                    assert!((v - out).abs() < 1e-9, "{place}: readout {c} at row {t}: {v}, trained {out}");
                }
            }
        }
    }
}

#[test]
fn the_sign_of_the_constant_current_matters() {
    let model = Model::random(0, 300);
    let mut flipped = model.lower(1.0, 0);
    for population in &mut flipped.populations {
        if let Cells::Neurons(cells) = &mut population.cells {
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
