//! Gradients against central differences of the smoothed model.

use kenyon_neurons::point::{Surrogate, SurrogateShape};

use super::*;

fn agrees_with_central_differences(small: &Small) {
    let (_, gradients) = small.run::<f64>();
    let layout = Layout::of(&small.topology);
    let engine = small.engine::<f64>();
    let loss = |effective: &[f64], w2: &[f64]| {
        small.loss(&engine.forward(effective, w2, &small.events, false).expect("finite").0.into_packed())
    };
    let h = 1e-6;
    let (mut effective, mut w2) = small.parameters::<f64>();
    let mut differences = Vec::new();
    for i in 0..effective.len() {
        let x = effective[i];
        effective[i] = x + h;
        let above = loss(&effective, &w2);
        effective[i] = x - h;
        differences.push((above - loss(&effective, &w2)) / (2.0 * h));
        effective[i] = x;
    }
    let spiking = small.spec.model.is_spiking();
    for segment in Segment::ALL.into_iter().filter(|s| spiking || *s != Segment::Threshold) {
        let range = layout.range(segment);
        let what = format!("{} of {:?} {:?}", segment.name(), small.spec.model, small.spec.surrogate.shape);
        assert_close(&what, &gradients.effective[range.clone()], &differences[range], 1e-6);
    }
    let mut by_w2 = Vec::new();
    for i in 0..w2.len() {
        let x = w2[i];
        w2[i] = x + h;
        let above = loss(&effective, &w2);
        w2[i] = x - h;
        by_w2.push((above - loss(&effective, &w2)) / (2.0 * h));
        w2[i] = x;
    }
    assert_close("w2", &gradients.w2, &by_w2, 1e-6);
}

fn smoothed(wanted: Wanted) -> Small {
    let mut small = Small::new(wanted);
    small.spec.smoothed = true;
    small.spec.attach_reset = true;
    // Smooth to all orders: a difference across the fast sigmoid's cusp would be the test's own error.
    small.spec.surrogate = Surrogate::new(SurrogateShape::Arctan, 2.0);
    small
}

#[test]
fn every_gradient_of_every_model_equals_the_central_difference() {
    for model in MODELS {
        agrees_with_central_differences(&smoothed(Wanted { model, ..Wanted::default() }));
    }
}

#[test]
fn gradients_through_delays_and_channels_equal_the_central_difference() {
    for model in MODELS {
        agrees_with_central_differences(&smoothed(Wanted { model, delays: true, channels: 3, ..Wanted::default() }));
    }
}

#[test]
fn every_surrogate_is_the_gradient_of_its_smooth_network() {
    for shape in SurrogateShape::ALL {
        let mut small = smoothed(Wanted { steps: 12, batch: 1, ..Wanted::default() });
        small.spec.surrogate = Surrogate::new(shape, 1.5);
        agrees_with_central_differences(&small);
    }
}

#[test]
fn a_weight_two_synapses_before_the_readout_gets_its_gradient() {
    // Input 0 → neuron 0 → neuron 1 → neuron 2, of which alone the readout knows.
    let chain = |pairs: &[(u32, u32)], rows| Csr::from_sorted(rows, pairs.iter().copied()).expect("sorted");
    let mut small = Small::new(Wanted { steps: 40, ..Wanted::default() });
    small.topology = Topology::new(6, 3, 3, chain(&[(0, 0)], 6), chain(&[(0, 1), (1, 2)], 3));
    small.topology.readout = vec![2];
    small.spec.record = Record::default();
    small.effective =
        [vec![0.0; 3], vec![0.8; 3], vec![0.7], vec![1.0; 3], vec![0.0; 3], vec![0.8, 0.8], vec![3.0], vec![2.0, 2.0]].concat();
    small.w2 = vec![1.0, -1.0, 0.5];
    small.slope.truncate(small.layout().len());
    let counts = small.layout().counts();
    small.slope[counts].fill(0.0);
    small.spec.smoothed = true;
    small.spec.attach_reset = true;
    agrees_with_central_differences(&small);
    let v = Layout::of(&small.topology).range(Segment::V);
    assert!(small.run::<f64>().1.effective[v.clone()].iter().all(|g| g.abs() > 1e-6));
    let mut hard = small.clone();
    hard.spec.smoothed = false;
    hard.spec.detach_recurrent = true;
    // The loss has a term in the counts of every neuron: only what the readout sees counts here.
    let (packed, engine) = (hard.run::<f64>().0, hard.engine::<f64>());
    let (effective, w2) = hard.parameters::<f64>();
    let (_, tape) = engine.forward(&effective, &w2, &hard.events, true).expect("finite");
    let by = hard.loss_gradient(&packed);
    let by = OutputGradients { out: &by[hard.layout().out()], ..OutputGradients::default() };
    let cut = engine.backward(&effective, &w2, &hard.events, &tape.expect("recorded"), &by).expect("finite");
    assert_eq!(cut.effective[v.start], 0.0);
    assert_ne!(cut.effective[v.start + 1], 0.0);
}
