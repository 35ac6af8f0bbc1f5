//! Ranges, signs and masks, before and after projection.

use super::super::spec::{ModelKind, NetworkSpec, RESET_MARGIN};
use super::*;

#[test]
fn start_values_obey_their_constraints_in_every_form_and_model() {
    for form in FORMS {
        for model in [ModelKind::Lif, ModelKind::Lif2, ModelKind::Qif, ModelKind::Nonspiking] {
            for dtype in [DType::F32, DType::F64] {
                let parameters = parameters(&NetworkSpec { model, ..spec(form) }, dtype);
                assert!(parameters.violations().unwrap().is_empty(), "{form:?} {model:?} {dtype:?}");
            }
        }
    }
}

#[test]
fn projection_does_not_move_what_a_user_asked_for() {
    let mut spec = spec(WeightForm::Gain);
    spec.tau_mem_ms = [1.5, 900.0];
    spec.tau_syn_ms = 5000.0;
    spec.readout.tau_mem_ms = 3000.0;
    spec.weights.gain.insert("ach".into(), 0.001);
    spec.weights.scale = 1e-6;
    (spec.threshold, spec.reset) = (0.01, 0.009);
    for dtype in [DType::F32, DType::F64] {
        let parameters = parameters(&spec, dtype);
        let before: Vec<_> = parameters.iter().map(|(name, p)| (name.to_string(), values(p.var.as_tensor()))).collect();
        assert!(parameters.violations().unwrap().is_empty());
        parameters.project().unwrap();
        for (name, before) in before {
            assert_eq!(values(of(&parameters, &name).as_tensor()), before, "{name}");
        }
        let gain = values(of(&parameters, "gain").as_tensor())[0];
        assert!((gain - 0.001).abs() < 1e-9);
    }
}

#[test]
fn values_beyond_a_range_are_moved_inside_it_also_in_single_precision() {
    for dtype in [DType::F32, DType::F64] {
        let parameters = parameters(&spec(WeightForm::LogMagnitude), dtype);
        let every: Vec<String> = parameters.iter().map(|(name, _)| name.to_string()).collect();
        for far in [-1e6, 1e6] {
            for name in every.iter().filter(|name| *name != "w_readout") {
                set(&of(&parameters, name), 0, far);
            }
            let broken = parameters.violations().unwrap();
            assert!(broken.len() >= 8, "{broken:?}");
            parameters.project().unwrap();
            assert_eq!(parameters.violations().unwrap(), []);
        }
    }
    let parameters = parameters(&spec(WeightForm::Gain), DType::F32);
    set(&of(&parameters, "leak"), 0, 2.0);
    parameters.project().unwrap();
    let leak = values(of(&parameters, "leak").as_tensor())[0];
    assert!(leak <= 0.995 && leak > 0.994_999_9, "{leak}: the largest f32 that is not above 0.995");
}

#[test]
fn a_value_that_is_not_a_number_is_not_hidden() {
    for form in FORMS {
        let parameters = parameters(&spec(form), DType::F32);
        let names: Vec<String> = parameters.iter().map(|(name, _)| name.to_string()).collect();
        for name in names {
            let var = of(&parameters, &name);
            let before = values(var.as_tensor())[0];
            set(&var, 0, f64::NAN);
            parameters.project().unwrap();
            assert!(values(var.as_tensor())[0].is_nan(), "{name}");
            assert_eq!(parameters.violations().unwrap(), [(name.clone(), 1)]);
            set(&var, 0, before);
        }
    }
}

#[test]
fn free_weights_keep_the_sign_of_their_sender_or_become_zero() {
    let parameters = parameters(&spec(WeightForm::Free), DType::F32);
    let var = of(&parameters, "w_recurrent");
    let start = values(var.as_tensor());
    let flipped: Vec<f64> = start.iter().enumerate().map(|(i, w)| if i % 2 == 0 { -w } else { 3.0 * w }).collect();
    for (at, value) in flipped.iter().enumerate() {
        set(&var, at, *value);
    }
    assert_eq!(parameters.violations().unwrap(), [("w_recurrent".to_string(), start.len().div_ceil(2))]);
    parameters.project().unwrap();
    let after = values(var.as_tensor());
    for (i, (after, start)) in after.iter().zip(&start).enumerate() {
        assert!(if i % 2 == 0 { *after == 0.0 } else { (after / start - 3.0).abs() < 1e-6 });
    }
}

#[test]
fn a_masked_pair_stays_exactly_zero() {
    let mut circuit = circuit();
    // The first local neuron has no known sign.
    circuit.sign[9] = 0;
    let network = Network::build(&circuit, &spec(WeightForm::Free), 3, 1, std::path::Path::new("train.toml")).unwrap();
    let parameters = Parameters::start(&network, 1, DType::F32).unwrap();
    let var = of(&parameters, "w_recurrent");
    let masked: Vec<usize> = (0..network.recurrent.len()).filter(|&i| network.recurrent.pre[i] == 4).collect();
    assert_eq!(masked.len(), 3);
    for at in 0..network.recurrent.len() {
        let value = values(var.as_tensor())[at];
        set(&var, at, value + 0.1);
    }
    assert_eq!(parameters.violations().unwrap().first(), Some(&("w_recurrent".to_string(), 3)));
    parameters.project().unwrap();
    let after = values(var.as_tensor());
    assert!((0..after.len()).all(|at| (after[at] == 0.0) == masked.contains(&at)), "{after:?}");
}

#[test]
fn a_reset_stays_below_its_threshold_wherever_training_takes_it() {
    for dtype in [DType::F32, DType::F64] {
        let parameters = parameters(&spec(WeightForm::Gain), dtype);
        set(&of(&parameters, "threshold"), 1, -4.0);
        set(&of(&parameters, "reset"), 2, 7.0);
        set(&of(&parameters, "threshold"), 3, f64::NAN);
        parameters.project().unwrap();
        let (threshold, reset) = (values(of(&parameters, "threshold").as_tensor()), values(of(&parameters, "reset").as_tensor()));
        assert!(threshold[1] >= 0.01 && threshold[3].is_nan());
        for (i, (t, r)) in threshold.iter().zip(&reset).enumerate().filter(|(i, _)| *i != 3) {
            assert!(*r <= t - RESET_MARGIN && *r >= -1.0, "group {i}: reset {r}, threshold {t}");
        }
        set(&of(&parameters, "threshold"), 3, 1.0);
        assert_eq!(parameters.violations().unwrap(), []);
        set(&of(&parameters, "threshold"), 0, 0.02);
        set(&of(&parameters, "reset"), 0, 0.5);
        assert_eq!(parameters.violations().unwrap(), [("reset".to_string(), 1)]);
    }
}

#[test]
fn wrong_signs_and_zeros_of_a_matrix_are_counted_with_their_place() {
    let report = DaleReport::of(&[0.5, 0.0, -0.1, -0.2, 0.3, 0.0], &[2, 3], 1).unwrap();
    assert_eq!((report.entries, report.wrong_signs, report.zeros), (6, 2, 2));
    assert!((report.largest_wrong - 0.3).abs() < 1e-15);
    assert_eq!((report.check().unwrap_err().exit_code(), report.check().unwrap_err().code().to_string()), (4, "dale".into()));
    assert!(DaleReport::of(&[0.5, -0.5], &[2, 1], 1).unwrap().check().is_ok());
    assert_eq!(DaleReport::of(&[1.0, f64::NAN], &[1, 2], 1).unwrap_err().code(), "not-finite");
    assert_eq!(DaleReport::of(&[1.0, 1.0], &[2], 1).unwrap_err().code(), "bad-shape");
    assert_eq!(DaleReport::of(&[1.0, 1.0], &[1, 2], 2).unwrap_err().code(), "bad-shape");
}
