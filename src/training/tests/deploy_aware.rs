//! The last epochs run with what the board holds, and learn by the gradient at those values.

use std::collections::HashMap;

use kenyon_hardware::spinnaker::{Options, Quantised, Shifts, fixed, quantise};
use kenyon_hardware::{Deployment, Receptor};

use super::*;
use crate::network::parameters::Effective;
use crate::network::spec::Share;
use crate::training::deploy_aware::{Grid, Resolution};
use crate::transfer::lower::places;
use crate::transfer::{LowerOptions, Readout, lower};

const STEPS: usize = 60;

/// A network whose effective values are its parameters: one value per neuron and synapse.
fn own_values() -> Network {
    fixtures::network(&NetworkSpec { share: Share::Neuron, reset: -0.123_456, ..small(WeightForm::Free, ModelKind::Lif).spec })
}

/// Scale at which rounding is small and every weight stays.
const FINE: f64 = 64.0;
/// Scale at which rounding is coarse and small weights become 0.
const COARSE: f64 = 1.0;

/// The network lowered at a scale, and its board's numbers.
fn lowered<F: Real + WithDType>(model: &Model<F>, readout: Readout, v_scale: f64) -> (Deployment, Quantised, Grid) {
    let classes = ["a", "b", "c"].map(String::from);
    let options = LowerOptions { v_scale: Some(v_scale), lead_in_steps: 0, readout, ..LowerOptions::default() };
    let deployment = lower(model, "network", &classes, STEPS, &[], &options).unwrap();
    let shifts: Vec<[u8; 2]> = (0..deployment.populations.len() as u8)
        .map(|p| if v_scale == COARSE { [15, 15] } else { [13 - p % 2, 12 + p % 2] })
        .collect();
    let board = Options { shifts: Shifts::Given(shifts.clone()), ..Options::LOWERED };
    let quantised = quantise(&deployment, &board).unwrap();
    let grid = Grid::of(&model.network, &deployment, &shifts);
    (deployment, quantised, grid)
}

/// Weights as the back end loads them, in the trained network's units, by population and position of sender and receiver.
fn loaded(d: &Deployment, q: &Quantised) -> HashMap<[u32; 4], f64> {
    let mut out = HashMap::new();
    for p in &q.projections {
        let cells = q.populations[p.post as usize].cells.as_ref().unwrap();
        for s in &p.synapses {
            let derived = &cells.derived[s.post as usize];
            let (sign, constants) = if p.receptor == Receptor::Excitatory { (1.0, derived.exc) } else { (-1.0, derived.inh) };
            let current = f64::from(u32::from(s.weight)) * f64::from(i32::from(cells.shift[p.receptor as usize]) - 15).exp2();
            let weight = sign * current * f64::from(constants.init) / 2f64.powi(32) / d.populations[p.post as usize].v_scale;
            assert!(out.insert([p.pre, s.pre, p.post, s.post], weight).is_none());
        }
    }
    out
}

fn same(ours: &[f64], theirs: impl IntoIterator<Item = f64>, what: &str) {
    let theirs: Vec<f64> = theirs.into_iter().collect();
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(&theirs).enumerate() {
        assert!((a - b).abs() <= 1e-6 * b.abs(), "{what} {i}: {a} against the board's {b}");
    }
}

fn values_are_the_boards<F: Real + WithDType>(form: WeightForm, readout: Readout, v_scale: f64) {
    let model = model::<F>(small(form, ModelKind::Lif), STEPS);
    let (deployment, quantised, grid) = lowered(&model, readout, v_scale);
    let network = &model.network;
    let plain = model.parameters.effective().unwrap();
    let rounded = grid.apply(network, &plain).unwrap();
    let (places, weights) = (places(network), loaded(&deployment, &quantised));
    let weight = |key: [u32; 4]| weights.get(&key).copied().unwrap_or(0.0);
    let place = |n: u32| <[u32; 2]>::from(places[n as usize]);

    let input = network.input.pre.iter().zip(&network.input.post).map(|(&pre, &post)| {
        let [population, to] = place(post);
        weight([0, pre, population, to])
    });
    let input: Vec<f64> = input.collect();
    assert_eq!(input.contains(&0.0), v_scale == COARSE);
    same(&values(&rounded.w_input), input, "input weight");
    let recurrent = network.recurrent.pre.iter().zip(&network.recurrent.post).map(|(&pre, &post)| {
        let ([a, from], [b, to]) = (place(pre), place(post));
        weight([a, from, b, to])
    });
    same(&values(&rounded.w_recurrent), recurrent, "recurrent weight");
    assert_ne!(values(&rounded.w_recurrent), values(&plain.w_recurrent));

    let cells = |n: u32| {
        let [population, at] = place(n);
        (quantised.populations[population as usize].cells.as_ref().unwrap(), at as usize)
    };
    let of = |f: &dyn Fn(u32) -> f64| (0..network.neuron_ids.len() as u32).map(f).collect::<Vec<f64>>();
    let scaled = |raw: i32| fixed::value(raw) / v_scale;
    same(&values(&rounded.leak), of(&|n| cells(n).0.derived[cells(n).1].exp_tc.into()).iter().map(|e| e / 32_768.0), "leak");
    same(&values(&rounded.i_c), of(&|n| -scaled(cells(n).0.raw.i_offset[cells(n).1])), "i_c");
    same(&values(&rounded.reset), of(&|n| scaled(cells(n).0.raw.v_reset[cells(n).1])), "reset");
    let decay = |population: usize| f64::from(quantised.populations[population].cells.as_ref().unwrap().derived[0].exc.decay);
    same(&values(&rounded.alpha), [decay(1) / 2f64.powi(32)], "alpha");

    let last = deployment.populations.len() as u32 - 1;
    if readout == Readout::Host {
        assert_eq!(values(&rounded.w_readout), values(&plain.w_readout));
        assert_eq!((grid.readout, last), (None, network.populations.len() as u32));
        return;
    }
    let entries = network.readout.iter().flat_map(|&n| (0..3).map(move |class| (n, class)));
    let expected = entries.map(|(n, class)| {
        let [population, from] = place(n);
        weight([population, from, last, class])
    });
    same(&values(&rounded.w_readout), expected, "readout weight");
    same(&values(&rounded.readout_alpha), [decay(last as usize) / 2f64.powi(32)], "readout_alpha");
    let tau = &quantised.populations[last as usize].cells.as_ref().unwrap().derived[0];
    same(&values(&rounded.readout_beta), [f64::from(tau.exp_tc) / 32_768.0], "readout_beta");
}

#[test]
fn weights_biases_and_decays_are_those_that_the_back_end_loads() {
    for form in FORMS {
        for readout in [Readout::Device, Readout::Host] {
            for v_scale in [FINE, COARSE] {
                values_are_the_boards::<f64>(form, readout, v_scale);
                values_are_the_boards::<f32>(form, readout, v_scale);
            }
        }
    }
}

/// A second model whose plain parameters are the rounded ones of the first.
fn at_rounded<F: Real + WithDType>(rounded: &Effective) -> Model<F> {
    let model = model::<F>(own_values(), STEPS);
    let group = &model.network.group;
    for (name, parameter) in model.parameters.iter() {
        let by_neuron = |tensor: &Tensor| {
            let (neurons, mut out) = (values(tensor), vec![0.0; group.len()]);
            group.iter().zip(neurons).for_each(|(&g, x)| out[g as usize] = x);
            out
        };
        let new = match name {
            "i_c" => by_neuron(&rounded.i_c),
            "leak" => by_neuron(&rounded.leak),
            "reset" => by_neuron(&rounded.reset),
            "threshold" => by_neuron(&rounded.threshold),
            "alpha" => values(&rounded.alpha),
            "readout_alpha" => values(&rounded.readout_alpha),
            "readout_beta" => values(&rounded.readout_beta),
            "w_input" => values(&rounded.w_input),
            "w_recurrent" => values(&rounded.w_recurrent),
            "w_readout" => values(&rounded.w_readout),
            other => panic!("`{other}` is no effective value"),
        };
        let tensor = Tensor::from_vec(new, parameter.var.shape(), parameter.var.device()).unwrap();
        parameter.var.set(&tensor.to_dtype(F::DTYPE).unwrap()).unwrap();
    }
    model
}

#[test]
fn the_forward_pass_and_the_gradient_are_those_of_the_rounded_network() {
    fn check<F: Real + WithDType>() {
        let batch = batch(3, STEPS, 5, 0.25);
        let mut first = model::<F>(own_values(), STEPS);
        let plain = total(&first, &batch).to_dtype(DType::F64).unwrap().to_scalar::<f64>().unwrap();
        let (_, _, grid) = lowered(&first, Readout::Device, FINE);
        first.set_grid(Some(grid.clone())).unwrap();
        let before: Vec<Vec<f64>> = first.parameters.iter().map(|(_, p)| values(p.var.as_tensor())).collect();
        let rounded = first.run(&batch, false, (0, 0)).unwrap();
        assert!(values(&rounded.counts).iter().sum::<f64>() > 10.0, "the network is silent");
        let second = at_rounded::<F>(&rounded.effective);
        assert_eq!(values(&rounded.out), values(&second.run(&batch, false, (0, 0)).unwrap().out));

        let [ours, theirs] = [&first, &second].map(|model| total(model, &batch));
        assert_eq!(values(&ours), values(&theirs));
        assert!(values(&ours)[0].to_bits() != plain.to_bits(), "rounding changed nothing");
        let [ours, theirs] = [ours, theirs].map(|loss| loss.backward().unwrap());
        for ((name, a), (_, b)) in first.parameters.trained().zip(second.parameters.trained()) {
            let [a, b] = [ours.get(&a.var), theirs.get(&b.var)].map(|g| values(g.unwrap()));
            assert_eq!(a, b, "the gradient of `{name}`");
            assert!(a.iter().any(|g| *g != 0.0), "every gradient of `{name}` is zero");
        }
        let after: Vec<Vec<f64>> = first.parameters.iter().map(|(_, p)| values(p.var.as_tensor())).collect();
        assert_eq!(before, after, "the plain parameters are not rounded themselves");
    }
    check::<f64>();
    check::<f32>();
}

#[test]
fn signs_stay_or_become_zero() {
    let model = model::<f64>(own_values(), STEPS);
    let (_, _, grid) = lowered(&model, Readout::Device, COARSE);
    let plain = model.parameters.effective().unwrap();
    let rounded = grid.apply(&model.network, &plain).unwrap();
    for (plain, rounded) in [(&plain.w_input, &rounded.w_input), (&plain.w_recurrent, &rounded.w_recurrent)] {
        let pairs: Vec<_> = values(plain).into_iter().zip(values(rounded)).collect();
        assert!(pairs.iter().all(|(plain, rounded)| *rounded == 0.0 || plain.signum() == rounded.signum()));
        assert!(pairs.iter().any(|(_, rounded)| *rounded != 0.0));
    }
}

#[test]
fn a_grid_of_another_network_is_refused() {
    let mut model = model::<f64>(own_values(), STEPS);
    let (_, _, grid) = lowered(&model, Readout::Device, FINE);
    let missing = Grid { hidden: grid.hidden[1..].to_vec(), ..grid.clone() };
    let zero = Grid { readout: Some(Resolution { v_scale: 0.0, shifts: [0; 2] }), ..grid };
    for wrong in [missing, zero] {
        assert_eq!(model.set_grid(Some(wrong)).unwrap_err().code(), "bad-state");
        assert!(model.grid().is_none());
    }
}
