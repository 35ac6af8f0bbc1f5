//! Faults of a published export of such a network, each with a test that would catch it.

mod support;

use std::fs;

use kenyon_hardware::interpreter::Interpreter;
use kenyon_hardware::lint::{
    self, Activity, Finding, Known, ParameterRounding, PopulationActivity, PopulationRounding, ProjectionRounding, Rounding,
    Severity, Training,
};
use kenyon_hardware::lowering::{self, Lif};
use kenyon_hardware::spinnaker::packing::Machine;
use kenyon_hardware::spinnaker::{Options, Shifts, fixed, quantise};
use kenyon_hardware::{Cells, Deployment, Neurons, Receptor, Role, Sample, Variable, pynn};
use support::{Model, population};

const HIDDEN: usize = 1;

fn hidden(d: &mut Deployment) -> &mut Neurons {
    d.populations[HIDDEN].cells.neurons_mut().expect("cells")
}

/// One neuron that rests at its threshold exactly.
fn at_threshold() -> Deployment {
    let lif = Lif { decay_syn: [&[0.5], &[0.5]], decay_mem: &[0.5], i_c: &[-0.75], threshold: &[0.75], reset: &[0.75] };
    let mut d = Deployment::new("at threshold", 1.0, 20);
    let cells = lowering::spiking(&lif, 1.0, 256.0, 0).expect("sound");
    d.add(population("KC", Role::Hidden, vec![1], Cells::Neurons(Box::new(cells)), 256.0));
    d.samples.push(Sample { name: "nothing".into(), class: None, spikes: Vec::new() });
    d
}

fn spikes(d: &Deployment) -> usize {
    Interpreter::new(d).run(&d.samples[0]).spikes.len()
}

/// Fault 5: the target tests `>=`, the model `>`.
#[test]
fn a_neuron_at_its_threshold_does_not_spike() {
    let mut d = at_threshold();
    assert_eq!(spikes(&d), 0);
    let cells = d.populations[0].cells.neurons_mut().expect("cells");
    let exported = (cells.v_thresh_mv[0] * fixed::ONE).ceil();
    assert_eq!(exported as i64, (0.75 * 256.0 * fixed::ONE) as i64 + 1, "the raw threshold lies one above the potential");
    cells.v_thresh_mv[0] = 0.75 * 256.0;
    assert!(spikes(&d) > 0, "the same number as a threshold is a fault that shows");
}

/// Fault 6: zero weights were written, most of a readout of 1.47 million.
#[test]
fn a_matrix_of_nine_zeros_in_ten_gives_a_tenth_of_the_rows() {
    let mut model = Model::random(3, 20);
    let (inputs, n) = (model.w1.len(), model.i_c.len());
    for (k, w) in model.w1.iter_mut().flatten().enumerate() {
        *w = match k % 20 {
            0 => 0.5,
            10 => -0.25,
            _ => [0.0, -0.0][k % 2],
        };
    }
    let d = model.lower(256.0, 0);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let out = dir.path().join("export");
    pynn::export(&d, &out, &pynn::Options::default()).expect("exported");
    let written: usize = (d.projections.iter().enumerate())
        .filter(|(_, p)| p.pre == 0)
        .map(|(k, _)| fs::read_to_string(out.join(format!("proj_{k}.csv"))).expect("a table").lines().count() - 1)
        .sum();
    assert_eq!(written, inputs * n / 10);
    let nonzero = |m: &[Vec<f64>]| m.iter().flatten().filter(|w| **w != 0.0).count();
    assert_eq!(d.synapses(), nonzero(&model.w1) + nonzero(&model.v) + nonzero(&model.w2));
}

/// Fault 9: 32767 was taken for the largest s16.15, and nothing looked whether it was reached.
#[test]
fn a_readout_never_reaches_its_threshold_or_that_is_an_error() {
    let d = Model::random(4, 20).lower(256.0, 0);
    let cells = d.populations[2].cells.neurons().expect("integrators");
    assert!(cells.v_thresh_mv.iter().all(|&v| fixed::raw(v) == Some(i32::MAX)));
    let seen = |spikes| {
        let readout = PopulationActivity { spikes, max_v: 1000.0, ..PopulationActivity::default() };
        let other = PopulationActivity::default();
        let activity = Activity { samples: 1, populations: vec![other.clone(), other, readout] };
        lint::stop(&lint::spinnaker(&d, &Known { activity: Some(&activity), ..Known::default() }), false)
    };
    assert!(seen(0).is_ok());
    assert!(seen(1).expect_err("reached").to_string().contains("reached their threshold"));
}

/// Fault 13: a small network in steps of 1 ms for 2 ms, with other constants, signed weights on one receptor, sizes in the code.
#[test]
fn a_network_in_another_time_with_signed_weights_is_told() {
    let model = Model::random(6, 50);
    let sound = model.lower(256.0, 2);
    let training = Training { dt_ms: 2.0, steps: 50, refractory_steps: 1, ids: Vec::new() };
    let known = Known { training: Some(&training), ..Known::default() };
    let codes = |d: &Deployment| lint::spinnaker(d, &known).into_iter().map(|f| f.code).collect::<Vec<_>>();
    assert_eq!(codes(&sound), Vec::<String>::new());
    let mut copy = sound;
    copy.dt_ms = 1.0;
    let n = hidden(&mut copy).cm_nf.len();
    let cells = hidden(&mut copy);
    (cells.tau_syn_e_ms, cells.cm_nf, cells.v_thresh_mv) = (vec![20.0; n], vec![1.0; n], vec![1000.0; n]);
    for projection in copy.projections.iter_mut().filter(|p| p.receptor == Receptor::Inhibitory) {
        projection.receptor = Receptor::Excitatory;
        projection.synapses.iter_mut().for_each(|s| s.weight = -s.weight);
    }
    let found = codes(&copy);
    for code in ["E5", "W5", "W12"] {
        assert!(found.iter().any(|f| f == code), "{code} is not among {found:?}");
    }
}

/// Fault 13 too: constants stood in the script.
#[test]
fn the_script_has_no_constants_of_a_network_and_its_tables_have_them_all() {
    let d = Model::random(7, 30).lower(64.0, 2);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let out = dir.path().join("export");
    pynn::export(&d, &out, &pynn::Options::default()).expect("exported");
    let board = quantise(&d, &Options::LOWERED).expect("sound");
    let json: serde_json::Value = serde_json::from_slice(&fs::read(out.join("network.json")).expect("there")).expect("JSON");
    assert!((json["dt_ms"].as_f64().expect("a number") - d.dt_ms).abs() < 1e-6);
    assert_eq!((json["steps"].as_u64(), json["lead_in_steps"].as_u64()), (Some(u64::from(d.steps)), Some(2)));
    for (k, population) in d.populations.iter().enumerate() {
        assert_eq!(json["populations"][k]["n"], population.ids.len());
        let table = fs::read_to_string(out.join(format!("cells_{k}.csv"))).expect("a table");
        assert_eq!(table.lines().count(), population.ids.len() + 1);
        let columns = board.populations[k].cells.as_ref().map(|c| c.raw.columns()).unwrap_or_default();
        assert_eq!(columns.len(), population.cells.neurons().map(Neurons::columns).unwrap_or_default().len());
        for (name, values) in columns {
            let column = table.lines().next().and_then(|h| h.split(',').position(|c| c == name)).expect("a column");
            for (line, value) in table.lines().skip(1).zip(values) {
                let got: f64 = line.split(',').nth(column).and_then(|t| t.parse().ok()).expect("a number");
                assert_eq!(fixed::raw(got), Some(*value), "{name}: {got}");
            }
        }
    }
    let other = dir.path().join("other");
    pynn::export(&Model::random(8, 40).lower(1.0, 0), &other, &pynn::Options::default()).expect("exported");
    let script = |folder: &std::path::Path| fs::read(folder.join("run_pynn.py")).expect("there");
    assert_eq!(script(&out), script(&other));
}

/// A network that nothing is wrong with, of conductance cells.
fn conductances() -> Deployment {
    let mut d = Model::random(9, 20).lower(1.0, 0);
    for population in &mut d.populations[1..] {
        let n = population.ids.len();
        let cells = population.cells.neurons_mut().expect("cells");
        *cells = Neurons { kind: kenyon_hardware::CellKind::CondExp, ..cells.clone() };
        (cells.e_rev_e_mv, cells.e_rev_i_mv) = (vec![0.0; n], vec![-70.0; n]);
    }
    d
}

/// What is found in a sound network after a change, with what is known beside.
fn found(change: impl FnOnce(&mut Deployment), known: &Known) -> Vec<Finding> {
    let mut d = conductances();
    change(&mut d);
    lint::spinnaker(&d, known)
}

/// A way to spoil a network that the peer accepts without a word.
type Spoil = fn(&mut Deployment);

/// Fault 17: what the peer takes silently, or refuses late and darkly.
#[test]
fn each_value_that_the_peer_takes_silently_is_found() {
    assert_eq!(found(|_| (), &Known::default()), []);
    let cases: [(&str, Spoil); 14] = [
        ("E1", |d| d.projections[1].synapses[0].weight = f64::NAN),
        ("E2", |d| hidden(d).tau_m_ms[4] = 0.0),
        ("E3", |d| hidden(d).v_rest_mv[4] = 1e6),
        ("E4", |d| d.projections[0].synapses[0].delay_steps = 0.0),
        ("E4", |d| d.projections[0].synapses[0].delay_steps = 1.5),
        ("E5", |d| d.projections[0].synapses[0].weight = -1.0),
        ("E6", |d| d.projections[0].synapses[0].post = 4000),
        ("E9", |d| {
            let first = d.projections[0].synapses[0];
            d.projections[0].synapses = vec![first; 257];
        }),
        ("W5", |d| hidden(d).tau_refrac_ms[4] = 3.0),
        ("W6", |d| d.projections[0].synapses[0].delay_steps = 300.0),
        ("W7", |d| {
            d.dt_ms = 0.1;
        }),
        ("W8", |d| hidden(d).v_init_mv.clear()),
        ("W9", |d| {
            d.populations[0].ids = (0..300).collect();
            d.samples[0].spikes = (0..300).map(|i| (0, i, 3)).collect();
        }),
        ("W10", |d| {
            let first = d.projections[0].synapses[0];
            d.projections[0].synapses = vec![first; 1_000_001];
        }),
    ];
    for (code, spoil) in cases {
        let found = found(spoil, &Known::default());
        let hit = found.iter().find(|f| f.code == code).unwrap_or_else(|| panic!("no {code} in {found:?}"));
        assert!(!hit.place.is_empty() && hit.count > 0 && !hit.text.is_empty() && !hit.mend.is_empty(), "{hit:?}");
        assert_eq!(hit.severity, if code.starts_with('E') { Severity::Error } else { Severity::Warning });
    }
}

/// Fault 17, what only the shifts tell.
#[test]
fn a_weight_beyond_every_shift_is_found() {
    let mut d = conductances();
    d.projections[0].synapses[0].weight = 1e5;
    let linted = lint::quantised(&d, &Options::LOWERED, None, &Known::default());
    assert!(linted.findings.iter().any(|f| f.code == "E8" && f.severity == Severity::Error), "{:?}", linted.findings);
}

/// Fault 17, what only an emulation, fixed point, the machine or training can tell.
#[test]
fn each_silent_loss_that_shows_later_is_found_before() {
    let d = conductances();
    let activity = |cells: PopulationActivity| Activity {
        samples: 1,
        populations: vec![PopulationActivity::default(), cells, PopulationActivity::default()],
    };
    let seen = |cells| {
        let activity = activity(cells);
        lint::spinnaker(&d, &Known { activity: Some(&activity), ..Known::default() })
    };
    let has = |found: &[Finding], code: &str| found.iter().any(|f| f.code == code);
    assert!(has(&seen(PopulationActivity { saturations: 1, ..PopulationActivity::default() }), "W2"));
    assert!(has(&seen(PopulationActivity { max_g: 40_000.0, ..PopulationActivity::default() }), "W3"));
    assert!(has(&seen(PopulationActivity { silent: (0..40).collect(), ..PopulationActivity::default() }), "W11"));

    let tau = ParameterRounding::new("tau_m", [(20.0, 20.1)]);
    let shift = PopulationRounding { shift: [4, 4], parameters: vec![tau] };
    let raw = |s: &kenyon_hardware::Synapse| (s.weight * 1024.0 * 2f64.powi(15 - 4)).round_ties_even();
    let mut small = conductances();
    (small.projections[0].synapses[0].weight, small.projections[0].synapses[1].weight) = (2e-7, 0.05);
    let rounding = Rounding {
        populations: vec![PopulationRounding::default(), shift, PopulationRounding::default()],
        projections: small.projections.iter().map(|p| ProjectionRounding::new(&p.synapses, raw)).collect(),
    };
    let found = lint::spinnaker(&small, &Known { rounding: Some(&rounding), ..Known::default() });
    assert!(has(&found, "W1") && has(&found, "W4") && has(&found, "E7"), "{found:?}");

    let mut long = conductances();
    long.steps = 4_000_000;
    for population in &mut long.populations[1..] {
        population.record = vec![Variable::V];
    }
    let found = lint::quantised(&long, &Options::AS_WRITTEN, Some(Machine::Spinn3), &Known::default()).findings;
    let full = found.iter().find(|f| f.code == "E10").unwrap_or_else(|| panic!("no E10 in {found:?}"));
    assert!(full.text.contains("SDRAM") && full.text.contains("123469792") && has(&found, "I1"), "{found:?}");

    let below = Shifts::Expected(vec![None, Some([0.001; 2]), None]);
    let options = Options { shifts: below, ..Options::AS_WRITTEN };
    assert!(has(&lint::quantised(&d, &options, None, &Known::default()).findings, "E7"));
    let linted = lint::quantised(&small, &Options::AS_WRITTEN, None, &Known::default());
    assert!(has(&linted.findings, "W1"), "{:?}", linted.findings);

    let training = Training { dt_ms: 1.0, steps: 20, refractory_steps: 1, ids: Vec::new() };
    assert!(has(&lint::spinnaker(&d, &Known { training: Some(&training), ..Known::default() }), "W12"));
}

/// Fault 11: a start that nobody gave is PyNN's -65 mV, so that a deployment without one is neither written nor exported.
#[test]
fn a_deployment_without_a_start_is_not_written() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut d = Model::random(2, 20).lower(1.0, 0);
    hidden(&mut d).v_init_mv.clear();
    assert_eq!(d.write(&dir.path().join("d.json")).expect_err("no start").exit_code(), 3);
    assert_eq!(pynn::export(&d, &dir.path().join("x"), &pynn::Options::default()).expect_err("no start").exit_code(), 3);
    assert!(d.populations[HIDDEN].record.contains(&Variable::Spikes));
}
