//! From the loss to every parameter: through readout, engine and the form of the weights.

use super::super::config::SETS;
use super::super::optimiser::{Optimiser, OptimiserSpec};
use super::*;

/// Whether a parameter has no effect in this model: a neuron that does not spike has no threshold, and its reset is a start only.
fn is_idle(kind: ModelKind, name: &str) -> bool {
    kind == ModelKind::Nonspiking && name == "threshold"
}

#[test]
fn every_parameter_of_every_form_and_model_has_the_gradient_of_its_central_difference() {
    let batch = batch(3, 25, 5, 0.25);
    for kind in MODELS {
        for form in FORMS {
            let model = with_engine(model::<f64>(small(form, kind), 25), |spec| {
                (spec.smoothed, spec.attach_reset) = (true, true);
            });
            let store = total(&model, &batch).backward().unwrap();
            for (name, parameter) in model.parameters.trained().filter(|(name, _)| !is_idle(kind, name)) {
                let var = &parameter.var;
                let gradient = values(store.get(var).unwrap_or_else(|| panic!("{kind:?} {form:?}: `{name}` has no gradient")));
                let largest = gradient.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
                assert!(largest > 0.0, "{kind:?} {form:?}: every gradient of `{name}` is zero");
                for (at, gradient) in gradient.iter().enumerate() {
                    let (x, h) = (values(var.as_tensor())[at], 1e-6);
                    let at_value = |value| {
                        set(var, at, value);
                        total(&model, &batch).to_scalar::<f64>().unwrap()
                    };
                    let difference = (at_value(x + h) - at_value(x - h)) / (2.0 * h);
                    set(var, at, x);
                    let error = (gradient - difference).abs() / largest;
                    // The difference of two losses of order 1 is known to about 1e-16 / h.
                    assert!(
                        error < 1e-5 || (gradient - difference).abs() < 1e-9,
                        "{kind:?} {form:?} {name}[{at}]: {gradient} against {difference}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_parameter_gets_a_finite_gradient_that_is_not_zero_from_real_spikes() {
    let batch = batch(4, 60, 5, 0.3);
    for kind in MODELS {
        for form in FORMS {
            for detach in [false, true] {
                let model = with_engine(model::<f32>(small(form, kind), 60), |spec| spec.detach_recurrent = detach);
                let store = total(&model, &batch).backward().unwrap();
                for (name, parameter) in model.parameters.trained() {
                    let gradient = store.get(&parameter.var).unwrap_or_else(|| panic!("{form:?}: `{name}` has no gradient"));
                    let gradient = values(gradient);
                    assert!(gradient.iter().all(|g| g.is_finite()), "{kind:?} {form:?} `{name}`");
                    assert!(is_idle(kind, name) || gradient.iter().any(|g| *g != 0.0), "{kind:?} {form:?} `{name}` is zero");
                }
            }
        }
    }
}

#[test]
fn every_set_of_parameters_trains_in_every_form() {
    let batch = batch(3, 30, 5, 0.3);
    for form in FORMS {
        for set in SETS {
            let mut model = model::<f32>(small(form, ModelKind::Lif), 30);
            let config: super::super::TrainConfig =
                toml::from_str(&format!("circuit = \"c.h5\"\n[odors]\n[train]\ntrained = [\"{set}\"]\n[optimiser]\nlr = 0.01\n"))
                    .unwrap();
            let names = config.trained_in(0, &model.parameters).unwrap();
            model.set_trained(&names, config.surrogate(0.0)).unwrap();
            let before: Vec<Vec<f64>> = model.parameters.iter().map(|(_, p)| values(p.var.as_tensor())).collect();
            let vars = model.parameters.trained().map(|(name, p)| (name.to_string(), p.var.clone())).collect();
            let store = total(&model, &batch).backward().unwrap();
            Optimiser::new(&OptimiserSpec::adam(0.01), 1, 1).unwrap().step_vars(&vars, &store).unwrap();
            model.parameters.project().unwrap();
            assert_eq!(model.parameters.violations().unwrap(), [], "{form:?} {set}");
            for ((name, parameter), before) in model.parameters.iter().zip(before) {
                let moved = values(parameter.var.as_tensor()) != before;
                assert_eq!(moved, names.contains(&name.to_string()), "{form:?}, `{set}`: `{name}`");
            }
        }
    }
}

#[test]
fn detaching_the_recurrence_changes_gradients_but_no_output() {
    let batch = batch(3, 40, 5, 0.3);
    let run = |detach| {
        let model = with_engine(model::<f64>(small(WeightForm::Free, ModelKind::Lif), 40), |spec| spec.detach_recurrent = detach);
        let loss = total(&model, &batch);
        let var = model.parameters.get("w_input").unwrap().var.clone();
        (loss.to_scalar::<f64>().unwrap(), values(loss.backward().unwrap().get(&var).unwrap()))
    };
    let ((loss, attached), (same, cut)) = (run(false), run(true));
    assert_eq!(loss.to_bits(), same.to_bits());
    // Nothing but the penalty on neurons 1 to 3 sees an input's spike within one synapse.
    let post = small(WeightForm::Free, ModelKind::Lif).input.post;
    for ((attached, cut), post) in attached.iter().zip(&cut).zip(post) {
        assert!(*attached != 0.0 && (*cut != 0.0) == (1..4).contains(&post), "neuron {post}: {attached} attached, {cut} cut");
    }
}

#[test]
fn a_short_batch_has_the_mean_loss_of_its_samples() {
    let model = model::<f64>(small(WeightForm::Gain, ModelKind::Lif), 40);
    let whole = batch(3, 40, 5, 0.3);
    let alone = |sample: usize| {
        let (from, to) = (whole.ptr[sample * 40] as usize, whole.ptr[(sample + 1) * 40] as usize);
        let ptr = whole.ptr[sample * 40..=(sample + 1) * 40].iter().map(|p| p - from as u32).collect();
        let batch = Batch {
            steps: 40,
            ptr,
            idx: whole.idx[from..to].to_vec(),
            samples: vec![sample as u32],
            labels: vec![whole.labels[sample]],
            durations: vec![40],
        };
        total(&model, &batch).to_scalar::<f64>().unwrap()
    };
    let mean = (0..3).map(alone).sum::<f64>() / 3.0;
    assert!((total(&model, &whole).to_scalar::<f64>().unwrap() - mean).abs() < 1e-12);
}
