//! What an evaluation reports, and when it must not.

use std::sync::Arc;

use kenyon_base::{Result, Silent};
use kenyon_datasets::events::Sample;
use kenyon_datasets::odors::{InputLayer, OdorGenerator, OdorSpec, Quantity, build};
use kenyon_datasets::split::Split;
use kenyon_datasets::{Events, SpikeSource};

use super::*;
use crate::training::evaluate::{Evaluation, Rest, Shown, evaluate};
use crate::training::loss::LossSpec;

/// Three odours for the five receptor neurons of the small circuit.
fn odors(onset_ms: f64, duration_ms: f64) -> OdorGenerator {
    let labels = ["Or1a", "Or1a", "Or2a", "Or2a", "Or3a"].map(|label| vec![label.to_string()]);
    let layer = InputLayer::new(fixtures::circuit().root_ids[..5].to_vec(), labels.to_vec()).unwrap();
    let spec = OdorSpec {
        max_odors: Some(3),
        repeats: 10,
        steps: 200,
        onset_ms: Quantity::Fixed(onset_ms),
        duration_ms: Quantity::Fixed(duration_ms),
        concentration: Quantity::Fixed(2.0),
        ..OdorSpec::default()
    };
    build(&spec, std::path::Path::new("."), 1, layer).unwrap()
}

fn judged(spec: &NetworkSpec, source: &Arc<dyn SpikeSource>, rest_hz: Option<f64>) -> Result<Evaluation> {
    let model = model::<f32>(fixtures::network(spec), source.steps());
    let samples: Vec<u32> = (0..source.len() as u32).collect();
    let responses = Some(Rest { hz: rest_hz, seed: 1 });
    let shown = Shown { source, remap: None, samples: &samples, batch_size: 7, responses };
    evaluate(&model, shown, &LossSpec::default(), &Silent)
}

#[test]
fn neurons_that_fire_whatever_is_shown_spike_twice_but_do_not_respond() {
    let tonic = NetworkSpec { i_c: [-1.0, -0.9], threshold: 0.5, ..fixtures::spec(WeightForm::Gain) };
    let weak = NetworkSpec { weights: crate::network::spec::WeightSpec { scale: 0.001, ..tonic.weights.clone() }, ..tonic };
    for (onset, baseline) in [(0.0, "samples without an odour"), (100.0, "before the odour")] {
        let source: Arc<dyn SpikeSource> = Arc::new(odors(onset, 100.0));
        let result = judged(&weak, &source, Some(8.0)).unwrap();
        assert!(result.response.as_ref().unwrap().baseline.as_ref().unwrap().contains(baseline), "{:?}", result.response);
        for p in &result.populations {
            assert!(p.spiking_twice_share >= 1.0 && p.responding_share == Some(0.0), "{p:?}");
        }
    }
}

#[test]
fn neurons_that_an_odour_drives_respond_with_either_baseline() {
    let mut driven = NetworkSpec { i_c: [0.0, 0.05], ..fixtures::spec(WeightForm::Gain) };
    driven.weights.scale = 4.0;
    for onset in [0.0, 100.0] {
        let source: Arc<dyn SpikeSource> = Arc::new(odors(onset, 100.0));
        let result = judged(&driven, &source, Some(8.0)).unwrap();
        let pn = result.populations.iter().find(|p| p.population == "PN").unwrap();
        assert!(pn.responding_share.unwrap() > 0.1, "{pn:?}");
        assert!(pn.responding_range.unwrap()[0] <= pn.responding_share.unwrap());
    }
}

#[test]
fn without_any_baseline_responses_are_not_known_and_say_why() {
    let source: Arc<dyn SpikeSource> = Arc::new(odors(0.0, 100.0));
    let result = judged(&fixtures::spec(WeightForm::Gain), &source, None).unwrap();
    let response = result.response.unwrap();
    assert!(response.baseline.is_none() && response.reason.unwrap().contains("without one"));
    assert!(result.populations.iter().all(|p| p.responding_share.is_none()));
    assert_eq!((result.right.len(), result.samples), (30, 30));
    assert_eq!(result.right.iter().filter(|r| **r).count() as u64, result.correct);
}

/// A source of which one sample cannot be made.
struct Broken(OdorGenerator);

impl SpikeSource for Broken {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn steps(&self) -> usize {
        self.0.steps()
    }
    fn dt_ms(&self) -> f64 {
        self.0.dt_ms()
    }
    fn inputs(&self) -> &[u64] {
        self.0.inputs()
    }
    fn classes(&self) -> &[String] {
        self.0.classes()
    }
    fn sample(&self, i: usize) -> Sample {
        self.0.sample(i)
    }
    fn split(&self) -> &Split {
        self.0.split()
    }
    fn identity(&self) -> &str {
        self.0.identity()
    }
    fn events(&self, i: usize, events: &mut Events) -> Result<()> {
        assert_ne!(i, 17, "a sample that cannot be made");
        self.0.events(i, events)
    }
}

#[test]
fn an_evaluation_that_did_not_see_every_sample_is_an_error() {
    let source: Arc<dyn SpikeSource> = Arc::new(Broken(odors(0.0, 100.0)));
    let error = judged(&fixtures::spec(WeightForm::Gain), &source, Some(8.0)).unwrap_err();
    assert_eq!((error.code(), error.exit_code()), ("prefetch", 1));
}
