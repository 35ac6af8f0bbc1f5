//! The voltage clamp against what a passive compartment does on paper, and against NEURON.

use std::f64::consts::PI;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use kenyon_base::Silent;
use kenyon_neurons::biophysical::cable::Segments;
use kenyon_neurons::biophysical::morphology::builtin::uniform_cable;
use kenyon_neurons::biophysical::neuron::Neuron;
use kenyon_neurons::biophysical::protocol::{Outcome, Protocol};
use kenyon_neurons::biophysical::recipe::Recipe;
use kenyon_neurons::biophysical::recording::{Probe, Quantity, Recorder};
use kenyon_neurons::biophysical::solver::{Cells, Level, Scheme, Settings, VoltageClamp};

const REST_MV: f64 = -65.0;
const RS_MOHM: f64 = 10.0;
/// Membrane of a cylinder of 100 µm by 10 µm, 1 µF/cm² and 2.5e-5 S/cm².
const AREA_UM2: f64 = PI * 10.0 * 100.0;
const C_NF: f64 = AREA_UM2 * 1e-5;
const LEAK_US: f64 = 2.5e-5 * AREA_UM2 * 1e-2;

fn compartment() -> Neuron {
    let recipe = "name = \"leak\"\ncelsius = 6.3\nv_init_mv = -65.0\n[region.basal]\nra_ohm_cm = 100.0\ncm_uf_cm2 = 1.0\n\
                  [region.basal.channels]\nleak = { gbar = 2.5e-5, reversal_mv = -65.0 }\n";
    let recipe = Recipe::parse(recipe, Path::new("leak")).expect("sound");
    Neuron::new(&uniform_cable(100.0, 10.0, 1).expect("sound"), Segments::default(), recipe).expect("sound")
}

/// Potential and clamp current at every step of 2 ms at -40 mV, then off.
fn clamped(dt_ms: f64, scheme: Scheme, lanes: usize) -> [Vec<f64>; 2] {
    let neuron = compartment();
    let mut cells = Cells::new(&neuron, lanes, Settings { dt_ms, scheme, ..Settings::default() }).expect("sound");
    let levels = vec![Level { dur_ms: 2.0, v_mv: -40.0 }];
    cells.add_voltage_clamp(VoltageClamp { node: 0, lane: None, rs_mohm: RS_MOHM, levels });
    let probe = |quantity| Probe { name: "probe".into(), node: 0, quantity };
    let probes = vec![probe(Quantity::V), probe(Quantity::ClampCurrent { clamp: 0 })];
    let mut recorder = Recorder::new(&neuron, &cells, probes, 1).expect("sound");
    cells.run((3.0 / dt_ms).round() as u64, &mut recorder).expect("runs");
    [0, 1].map(|probe| recorder.trace(probe, lanes - 1).to_vec())
}

/// `C dV/dt = g_leak (E - V) + (command - V) / rs` from rest on.
fn on_paper(t_ms: f64) -> f64 {
    let total_us = LEAK_US + 1.0 / RS_MOHM;
    let end_mv = (LEAK_US * REST_MV - 40.0 / RS_MOHM) / total_us;
    end_mv + (REST_MV - end_mv) * (-t_ms * total_us / C_NF).exp()
}

#[test]
fn the_clamped_compartment_follows_its_equation_with_the_order_of_the_scheme() {
    let worst = |dt_ms: f64, scheme: Scheme| {
        let [v, _] = clamped(dt_ms, scheme, 1);
        let clamped_steps = (2.0 / dt_ms).round() as usize;
        (0..=clamped_steps).map(|k| (v[k] - on_paper(k as f64 * dt_ms)).abs()).fold(0.0, f64::max)
    };
    let euler = worst(0.0025, Scheme::ImplicitEuler);
    let crank = worst(0.0025, Scheme::CrankNicolson);
    assert!(euler < 0.05 && crank < 2e-4, "{euler} {crank} mV");
    assert!((worst(0.005, Scheme::ImplicitEuler) / euler - 2.0).abs() < 0.1);
    assert!((worst(0.005, Scheme::CrankNicolson) / crank - 4.0).abs() < 0.2);
}

#[test]
fn an_implicit_step_and_its_clamp_current_are_exact() {
    let dt_ms = 0.025;
    for lanes in [1, 8] {
        let [v, i] = clamped(dt_ms, Scheme::ImplicitEuler, lanes);
        assert_eq!((v[0].to_bits(), i[0].to_bits()), (REST_MV.to_bits(), 0.0_f64.to_bits()));
        for n in 0..v.len() - 1 {
            let clamp_us = if n < 80 { 1.0 / RS_MOHM } else { 0.0 };
            let c = C_NF / dt_ms;
            let next = (c * v[n] + LEAK_US * REST_MV - 40.0 * clamp_us) / (c + LEAK_US + clamp_us);
            assert!((v[n + 1] - next).abs() < 1e-10, "step {n}: {} {next}", v[n + 1]);
            let current = if n < 80 { (-40.0 - v[n + 1]) / RS_MOHM } else { 0.0 };
            assert!((i[n + 1] - current).abs() < 1e-12, "step {n}: {} {current}", i[n + 1]);
            // What flows in charges the membrane or leaks.
            let charge = c * (v[n + 1] - v[n]) + LEAK_US * (v[n + 1] - REST_MV);
            assert!((charge - i[n + 1]).abs() < 1e-10, "step {n}: {charge}");
        }
    }
}

const PROTOCOL: &str = r#"
duration_ms = 30
[model]
cell = "squid-cable"
[[voltage_clamp]]
section = "dend[0]"
rs_mohm = 0.01
levels = [{ dur_ms = 10, v_mv = -65 }, { dur_ms = 15, v_mv = 0 }]
[[record]]
section = "dend[0]"
[[record]]
quantity = "clamp_current"
"#;

fn run(text: &str) -> Result<Outcome, kenyon_base::UserError> {
    let mut prepared = Protocol::parse(text, Path::new("p.toml"))?.prepare(Path::new("p.toml"))?;
    prepared.run(&Silent, &AtomicBool::new(false))
}

#[test]
fn a_protocol_holds_a_cell_at_its_levels_and_records_the_current() {
    let outcome = run(PROTOCOL).expect("sound");
    let (v, i) = (&outcome.traces[0], &outcome.traces[1]);
    assert_eq!((i.name.as_str(), i.unit), ("i_clamp_dend[0](0.5)", "nA"));
    assert!((v.values[390] + 65.0).abs() < 0.1 && (v.values[990] - 0.0).abs() < 0.1, "{} {}", v.values[390], v.values[990]);
    assert!(i.values[401..].iter().any(|i| *i > 1.0), "the capacitance is charged");
    assert!(i.values[1001..].iter().all(|i| i.to_bits() == 0), "after its levels the clamp is off");
}

#[test]
fn on_the_squid_axons_cable_the_clamp_is_neurons() {
    let text = r#"
duration_ms = 40
[model]
cell = "squid-cable"
[[voltage_clamp]]
section = "dend[0]"
x = 0.505
levels = [{ dur_ms = 10, v_mv = -65 }, { dur_ms = 15, v_mv = 0 }, { dur_ms = 5, v_mv = -80 }]
[[record]]
quantity = "clamp_current"
[[record]]
section = "dend[0]"
x = 0.9
"#;
    let outcome = run(text).expect("sound");
    // NEURON 9.0.2: `SEClamp` with rs = 1 and its `hh` without tables; current at the middle, potential at x = 0.9.
    for (sample, i_na, v_mv) in [
        (0, 0.0, -65.0),
        (1, -4.525_980_79e-5, -64.999_254_5),
        (401, 3.946_077_88, -64.976_469_72),
        (402, 2.049_299_58, -64.976_443_27),
        (1000, 2.727_028_78, -63.817_358_66),
        (1001, -3.176_949_44, -63.805_518_25),
        (1200, -0.109_330_68, -68.525_962_37),
        (1201, 0.0, -68.517_453_04),
    ] {
        let (i, v) = (outcome.traces[0].values[sample], outcome.traces[1].values[sample]);
        assert!((i - i_na).abs() < 2e-8 && (v - v_mv).abs() < 1e-7, "sample {sample}: {i} nA, {v} mV");
    }
}

#[test]
fn absurd_voltage_clamps_are_refused_with_their_key() {
    for (from, to, code, words) in [
        ("rs_mohm = 0.01", "rs_mohm = 0", "bad-number", "`voltage_clamp[0].rs_mohm`"),
        ("v_mv = 0 }", "v_mv = nan }", "bad-number", "`voltage_clamp[0].levels[1].v_mv`"),
        ("dur_ms = 10", "dur_ms = -10", "bad-number", "above 0 ms"),
        ("dur_ms = 10", "dur_ms = 40", "after-the-end", "`voltage_clamp[0].levels[1].dur_ms`"),
        ("levels = [", "levels = []\n# ", "bad-clamp", "dur_ms = 100"),
        (
            "[[voltage_clamp]]\nsection = \"dend[0]\"",
            "[[voltage_clamp]]\nsection = \"soma\"",
            "unknown-section",
            "`voltage_clamp[0].section`",
        ),
        ("\"clamp_current\"", "\"clamp_current\"\nvoltage_clamp = 1", "unknown-clamp", "0 to 0"),
        ("\"clamp_current\"", "\"v\"\nvoltage_clamp = 0", "superfluous-key", "`record[1].voltage_clamp`"),
    ] {
        assert!(PROTOCOL.contains(from), "{from}");
        let error = run(&PROTOCOL.replacen(from, to, 1)).expect_err(to);
        assert!(error.code() == code && error.exit_code() == 3 && error.to_string().contains(words), "{to}: {error}");
    }
}
