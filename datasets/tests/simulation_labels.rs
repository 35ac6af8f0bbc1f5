//! Labels of the reference traces: flags exact, rates to 1e-6.

mod support;

use std::path::Path;

use kenyon_datasets::simulation::{LabelSpec, Labels, inst_rate, near_spike};

fn columns(path: &Path) -> Vec<Vec<f64>> {
    let text = std::fs::read_to_string(path).expect("read");
    text.lines().skip(1).map(|line| line.split(',').map(|x| x.parse().expect("a number")).collect()).collect()
}

fn compare(case: &str, spike: &[bool], near: &[bool], rate: &[f32], soma: &[f64], expected: &[Vec<f64>]) {
    assert_eq!(spike.len(), expected.len(), "{case}");
    for (k, row) in expected.iter().enumerate() {
        assert_eq!([spike[k], near[k]], [row[1] > 0.5, row[2] > 0.5], "{case} at {k} ms");
        assert!((f64::from(rate[k]) - row[3]).abs() < 1e-6, "{case} at {k} ms: {} {}", rate[k], row[3]);
        assert!((soma[k].min(-62.0) - row[4]).abs() < 2e-5, "{case} at {k} ms");
    }
}

#[test]
fn labels_are_those_of_the_reference() {
    let Some(data) = support::reference_data() else {
        eprintln!("skipped: no reference data");
        return;
    };
    let spec = LabelSpec::default();
    let (mut whole, mut sampled) = (0, 0);
    for entry in std::fs::read_dir(data.join("ball_and_stick")).expect("listed") {
        let folder = entry.expect("listed").path();
        if !folder.join("labels_1ms.csv").exists() {
            continue;
        }
        let case = folder.file_name().expect("named").to_string_lossy().into_owned();
        let expected = columns(&folder.join("labels_1ms.csv"));
        let bins = expected.len();
        let trace: Vec<f64> = columns(&folder.join("trace.csv")).into_iter().map(|row| row[1]).collect();
        let per_ms = (trace.len() - 1) / bins;
        if per_ms == 40 {
            let labels = Labels::from_trace(&trace, 40, bins, &spec).expect("finite");
            let soma: Vec<f64> = trace.iter().step_by(40).copied().collect();
            let times: Vec<f64> = columns(&folder.join("spikes.csv")).into_iter().map(|row| row[1]).collect();
            assert_eq!(
                labels.spikes_ms.iter().map(|&t| t.to_bits()).collect::<Vec<_>>(),
                times.iter().map(|&t| (t as f32).to_bits()).collect::<Vec<_>>(),
                "{case}"
            );
            compare(&case, &labels.spike, &labels.near_spike, &labels.inst_rate, &soma, &expected);
            whole += 1;
        } else {
            let mut spike = vec![false; bins];
            for row in columns(&folder.join("spikes.csv")) {
                if let Some(bin) = spike.get_mut(row[0] as usize / 40) {
                    *bin = true;
                }
            }
            let soma: Vec<f64> = trace.iter().step_by(per_ms.max(1)).copied().collect();
            let near = near_spike(&spike, &soma[..bins], &spec);
            compare(&case, &spike, &near, &inst_rate(&spike, spec.rate), &soma, &expected);
            sampled += 1;
        }
    }
    assert!(whole >= 3 && sampled >= 3, "{whole} whole traces, {sampled} sampled ones");
}
