//! The gradient of every parameter through [`Parameters::effective`].

use super::*;

/// A number that hangs on every effective value: Σ c x + x² / 2 with a different c each.
fn probe(effective: &Effective) -> Tensor {
    let e = effective;
    let all = [
        &e.i_c,
        &e.leak,
        &e.alpha,
        &e.threshold,
        &e.reset,
        &e.readout_alpha,
        &e.readout_beta,
        &e.w_input,
        &e.w_recurrent,
        &e.w_readout.flatten_all().unwrap(),
    ];
    let x = Tensor::cat(&all, 0).unwrap();
    let c: Vec<f64> = (0..x.elem_count()).map(|i| ((i * 37 % 101) as f64 - 50.0) / 25.0).collect();
    let c = Tensor::from_vec(c, x.shape(), x.device()).unwrap();
    ((&x * c).unwrap() + (x.sqr().unwrap() * 0.5).unwrap()).unwrap().sum_all().unwrap()
}

#[test]
fn every_parameter_of_every_form_has_the_gradient_of_its_central_difference() {
    for form in FORMS {
        let mut parameters = parameters(&spec(form), DType::F64);
        let names: Vec<String> = parameters.iter().map(|(name, _)| name.to_string()).collect();
        parameters.train(&names).unwrap();
        let store = probe(&parameters.effective().unwrap()).backward().unwrap();
        for name in &names {
            let var = of(&parameters, name);
            let gradient = values(store.get(&var).unwrap_or_else(|| panic!("{form:?}: `{name}` has no gradient")));
            let scale = gradient.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
            assert!(scale > 0.0, "{form:?}: every gradient of `{name}` is zero");
            for (at, gradient) in gradient.iter().enumerate() {
                let (x, h) = (values(var.as_tensor())[at], 1e-5);
                let at_value = |value| {
                    set(&var, at, value);
                    probe(&parameters.effective().unwrap()).to_scalar::<f64>().unwrap()
                };
                let difference = (at_value(x + h) - at_value(x - h)) / (2.0 * h);
                set(&var, at, x);
                assert!(
                    (gradient - difference).abs() < 1e-7 * scale.max(1.0),
                    "{form:?} {name}[{at}]: {gradient} against {difference}"
                );
            }
        }
    }
}

#[test]
fn what_is_not_trained_gets_no_gradient() {
    let mut parameters = parameters(&spec(WeightForm::Gain), DType::F64);
    parameters.train(&["scale".to_string()]).unwrap();
    let store = probe(&parameters.effective().unwrap()).backward().unwrap();
    for (name, parameter) in parameters.iter() {
        assert_eq!(store.get(&parameter.var).is_some(), name == "scale", "{name}");
    }
    assert_eq!(parameters.train(&["scael".to_string()]).unwrap_err().code(), "unknown-parameter");
}
