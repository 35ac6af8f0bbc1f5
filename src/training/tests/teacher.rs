//! Terms of a teacher's traces, and the decision by a window, down to every parameter.

use candle_core::{Device, Result as Candle};

use super::super::engine::Record;
use super::super::loss::LossSpec;
use super::super::model::Pass;
use super::super::teacher::{TeacherSpec, Trace};
use super::*;

const STEPS: usize = 20;
const DT_MS: f64 = 1.0;

/// A smoothed model whose neurons 1 to 7 are recorded.
fn watched(kind: ModelKind) -> Model<f64> {
    let mut model = with_engine(model::<f64>(small(WeightForm::Free, kind), STEPS), |spec| {
        (spec.smoothed, spec.attach_reset) = (true, true);
    });
    model.set_record(Record { neurons: (1..8).collect(), mem: true, spikes: true }).unwrap();
    model
}

/// What `trace` compares.
fn of(trace: Trace, pass: &Pass) -> Candle<Tensor> {
    match trace {
        Trace::Voltage => pass.spiking.mem(),
        Trace::FilteredSpikes => pass.spiking.spikes(),
        Trace::Rate => Ok(pass.counts.clone()),
        Trace::Out => Ok(pass.out.clone()),
    }
}

/// A target of the same shape: numbers around zero that differ everywhere.
fn target(like: &Tensor) -> Tensor {
    let values: Vec<f64> = (0..like.elem_count()).map(|i| (i as f64 * 0.7).sin()).collect();
    Tensor::from_vec(values, like.shape(), &Device::Cpu).unwrap()
}

/// Compares gradients with central differences of `loss`, at a few places of every parameter.
fn equals_its_differences(what: &str, kind: ModelKind, loss: impl Fn(&Model<f64>) -> Tensor) {
    let model = watched(kind);
    let store = loss(&model).backward().unwrap();
    for (name, parameter) in model.parameters.trained() {
        let var = &parameter.var;
        let Some(gradient) = store.get(var).map(values) else { continue };
        let largest = gradient.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
        for at in (0..gradient.len()).step_by(1 + gradient.len() / 5) {
            let (x, h) = (values(var.as_tensor())[at], 1e-6);
            let at_value = |value| {
                set(var, at, value);
                loss(&model).to_scalar::<f64>().unwrap()
            };
            let difference = (at_value(x + h) - at_value(x - h)) / (2.0 * h);
            set(var, at, x);
            let error = (gradient[at] - difference).abs();
            assert!(
                error < 1e-5 * largest || error < 1e-9,
                "{what}, {kind:?} {name}[{at}]: {} against {difference}",
                gradient[at]
            );
        }
    }
    let moved = model.parameters.get("w_input").and_then(|p| store.get(&p.var)).map(values).unwrap();
    assert!(moved.iter().any(|g| *g != 0.0), "{what}, {kind:?}: input weights have no gradient");
}

#[test]
fn every_trace_of_a_teacher_has_the_gradient_of_its_central_difference() {
    let batch = batch(3, STEPS, 5, 0.3);
    for kind in MODELS {
        for trace in [Trace::Voltage, Trace::FilteredSpikes, Trace::Rate, Trace::Out] {
            let spec = TeacherSpec { trace, tau_ms: 4.0, strength: 3.0, ..TeacherSpec::default() };
            equals_its_differences(&format!("{trace:?}"), kind, |model| {
                let ours = of(trace, &model.run(&batch, true, (0, 0)).unwrap()).unwrap();
                spec.term(DT_MS, &ours, &target(&ours)).unwrap()
            });
        }
    }
}

#[test]
fn the_decision_by_a_window_has_the_gradient_of_its_central_difference() {
    let batch = batch(3, STEPS, 5, 0.3);
    let spec = LossSpec { decision: Decision::Window, window_ms: Some([5.0, 14.0]), ..LossSpec::default() };
    for kind in MODELS {
        equals_its_differences("window", kind, |model| {
            let pass = model.run(&batch, true, (0, 0)).unwrap();
            let rows = spec.rows(DT_MS, STEPS).unwrap();
            let w = &pass.effective.w_readout;
            let decision = loss::decide(spec.decision, &rows, &pass.out, &pass.counts, w, model.readout()).unwrap();
            let labels = Tensor::from_slice(&batch.labels, batch.len(), &Device::Cpu).unwrap();
            loss::objective(Objective::CrossEntropy, &decision, &labels).unwrap()
        });
    }
}

#[test]
fn each_term_is_that_of_its_definition_and_zero_for_an_equal() {
    let tensor = |values: &[f64], shape: &[usize]| Tensor::from_slice(values, shape, &Device::Cpu).unwrap();
    let of = |trace, ours: &Tensor, theirs: &Tensor| {
        let spec = TeacherSpec { trace, tau_ms: 2.0, strength: 10.0, ..TeacherSpec::default() };
        assert!(spec.term(0.5, ours, ours).unwrap().to_scalar::<f64>().unwrap().abs() < 1e-300);
        spec.term(0.5, ours, theirs).unwrap().to_scalar::<f64>().unwrap()
    };
    let (a, b) = (tensor(&[1.0, 0.0, 2.0, 4.0], &[2, 1, 2]), tensor(&[0.0; 4], &[2, 1, 2]));
    assert!((of(Trace::Voltage, &a, &b) - 10.0 * 21.0 / 4.0).abs() < 1e-12);
    assert!((of(Trace::Rate, &a, &b) - 10.0 * 21.0 / 4.0).abs() < 1e-12);
    // Row 0 is the start.
    assert!((of(Trace::Out, &a, &b) - 10.0 * 20.0 / 2.0).abs() < 1e-12);
    // One spike more: the sum of exp(-2 t / tau) dt / tau.
    let one = tensor(&[0.0, 1.0, 0.0, 0.0], &[4, 1, 1]);
    let squares = 1.0 + (-0.5_f64).exp() + (-1.0_f64).exp();
    assert!((of(Trace::FilteredSpikes, &one, &one.zeros_like().unwrap()) - 10.0 * 0.25 * squares).abs() < 1e-12);
}

#[test]
fn traces_are_put_out_only_where_they_are_asked_for_and_change_no_bit() {
    let batch = batch(3, STEPS, 5, 0.3);
    let plain = model::<f32>(small(WeightForm::Gain, ModelKind::Lif), STEPS);
    let mut recorded = model::<f32>(small(WeightForm::Gain, ModelKind::Lif), STEPS);
    recorded.set_record(Record { neurons: vec![3, 1], mem: true, spikes: false }).unwrap();
    let (a, b) = (plain.run(&batch, true, (0, 0)).unwrap(), recorded.run(&batch, true, (0, 0)).unwrap());
    assert_eq!(values(&a.out), values(&b.out));
    assert_eq!(b.spiking.mem().unwrap().dims(), [STEPS, 3, 2]);
    assert_eq!(recorded.run(&batch, false, (0, 0)).unwrap().spiking.layout().mem_neurons, 0);
    assert_eq!(recorded.traces(&batch).unwrap().layout().mem_neurons, 2);
}
