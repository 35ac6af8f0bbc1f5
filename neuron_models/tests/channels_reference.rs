//! Channels and the calcium pool against recordings of NEURON.

mod reference;

use kenyon_neurons::biophysical::mechanism::{
    CONSTANT_ECA_MV, Calcium, CalciumPool, Environment, Instance, Mechanism, PoolInstance, channel,
};
use reference::{Table, worst_relative};

const VOLTAGE_CHANNELS: [&str; 10] =
    ["Ih", "Im", "SKv3_1", "NaTa_t", "NaTs2_t", "Nap_Et2", "K_Tst", "K_Pst", "Ca_HVA", "Ca_LVAst"];
/// Where the reference meets 0/0 it goes 1e-4 mV aside for the rest of its equations: its tables say what it finds there.
const ASIDE: [(&str, &str, f64); 14] = [
    ("NaTa_t", "m_inf", -38.0),
    ("NaTa_t", "m_tau_ms", -38.0),
    ("NaTa_t", "h_inf", -38.0),
    ("NaTa_t", "h_tau_ms", -38.0),
    ("NaTa_t", "h_inf", -66.0),
    ("NaTa_t", "h_tau_ms", -66.0),
    ("NaTs2_t", "m_inf", -32.0),
    ("NaTs2_t", "m_tau_ms", -32.0),
    ("NaTs2_t", "h_inf", -32.0),
    ("NaTs2_t", "h_tau_ms", -32.0),
    ("NaTs2_t", "h_inf", -60.0),
    ("Nap_Et2", "m_tau_ms", -38.0),
    ("Nap_Et2", "h_inf", -38.0),
    ("Nap_Et2", "h_tau_ms", -38.0),
];
const DT: f64 = 0.025;

/// The worst `|a - b|`, relative to the largest `|b|`.
fn worst_of_maximum(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let most = b.iter().fold(0.0_f64, |m, b| m.max(b.abs()));
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / most
}

#[test]
fn steady_states_and_time_constants_are_those_of_the_reference() {
    for name in VOLTAGE_CHANNELS.into_iter().chain(["SK_E2"]) {
        let Some(table) = Table::read(&format!("{name}_rates.csv")) else { return };
        let info = channel(name).expect("a channel");
        let drives = table.column(if name == "SK_E2" { "cai_mM" } else { "v_mV" });
        for (i, gate) in info.gates.iter().enumerate() {
            for (column, is_tau) in [(format!("{gate}_inf"), false), (format!("{gate}_tau_ms"), true)] {
                let aside = |x: f64| if ASIDE.contains(&(name, &column, x)) { x + 1e-4 } else { x };
                let values: Vec<f64> = drives
                    .iter()
                    .map(|&x| info.rates(&Environment::default(), aside(x))[i])
                    .map(|(inf, tau)| if is_tau { tau } else { inf })
                    .collect();
                let worst = worst_relative(&values, table.column(&column), 1e-12);
                assert!(worst <= 1e-9, "{name} {column}: {worst:e}");
            }
        }
    }
}

fn instance(name: &str, gbar_s_cm2: f64) -> Instance {
    let reversal_mv = channel(name).expect("a channel").reversal_mv.unwrap_or(CONSTANT_ECA_MV);
    Instance { node: 0, area_um2: 250.0, gbar_s_cm2, reversal_mv }
}

fn block(name: &str, gbar_s_cm2: f64, lanes: usize) -> Box<dyn Mechanism> {
    channel(name).expect("a channel").build(&Environment::default(), &[instance(name, gbar_s_cm2)], lanes)
}

#[test]
fn a_voltage_command_moves_gates_and_currents_as_in_the_reference() {
    for (name, lanes) in VOLTAGE_CHANNELS.into_iter().flat_map(|name| [(name, 1), (name, 8)]) {
        let Some(table) = Table::read(&format!("{name}_vclamp.csv")) else { return };
        let command = table.column("v_mV");
        let mut block = block(name, 1e-3, lanes);
        let mut calcium = Calcium::new(1, lanes);
        let gates = block.info().gates;
        let mut traces = vec![Vec::new(); gates.len()];
        let mut current = Vec::new();
        for (step, &v) in command.iter().enumerate() {
            let before = vec![command[step.saturating_sub(1)]; lanes];
            let v = vec![v; lanes];
            if step == 0 {
                block.init(&v, &calcium);
            }
            let (mut rhs, mut diag) = (vec![0.0; lanes], vec![0.0; lanes]);
            block.add_currents(&before, &mut calcium, &mut rhs, &mut diag);
            let density = block.density(0, lanes - 1, &before, &calcium);
            let point = density.i_ma_cm2 * 250.0 * 1e-2;
            assert!((rhs[lanes - 1] + point).abs() <= 1e-14 * point.abs().max(1e-3));
            assert!((diag[lanes - 1] / 2.5 - density.g_s_cm2).abs() <= 1e-14 * density.g_s_cm2);
            current.push(density.i_ma_cm2);
            if step > 0 {
                block.advance(&v, &calcium, DT);
            }
            for (gate, trace) in traces.iter_mut().enumerate() {
                trace.push(block.gate(gate)[lanes - 1]);
            }
        }
        for (gate, trace) in gates.iter().zip(&traces) {
            let worst = worst_of_maximum(trace, table.column(gate));
            assert!(worst <= 1e-9, "{name} {gate}: {worst:e}");
        }
        let worst = worst_of_maximum(&current, table.column("i_mA_per_cm2"));
        assert!(worst <= 1e-9, "{name} i: {worst:e}");
    }
}

#[test]
fn the_calcium_pool_and_the_channels_on_it_follow_the_reference() {
    for lanes in [1, 8] {
        let Some(table) = Table::read("calcium_pool_vclamp.csv") else { return };
        let command = table.column("v_mV");
        let mut hva = block("Ca_HVA", 0.000_644, lanes);
        let mut lva = block("Ca_LVAst", 0.000_557, lanes);
        let mut sk = block("SK_E2", 0.099_65, lanes);
        let mut pool = CalciumPool::new(&[PoolInstance::new(0, 0.000_509, 294.679_571)], lanes, 34.0, 2.0);
        let mut calcium = Calcium::new(1, lanes);
        let names = ["ica_mA_per_cm2", "cai_mM", "eca_mV", "z_SK", "ik_mA_per_cm2", "m_HVA", "h_HVA", "m_LVA", "h_LVA"];
        let mut traces = vec![Vec::new(); names.len()];
        for (step, &v) in command.iter().enumerate() {
            let before = vec![command[step.saturating_sub(1)]; lanes];
            let v = vec![v; lanes];
            if step == 0 {
                for block in [&mut hva, &mut lva, &mut sk] {
                    block.init(&v, &calcium);
                }
            }
            let (mut rhs, mut diag) = (vec![0.0; lanes], vec![0.0; lanes]);
            pool.start_step(&mut calcium);
            for block in [&hva, &lva, &sk] {
                block.add_currents(&before, &mut calcium, &mut rhs, &mut diag);
            }
            let last = lanes - 1;
            let (ica, eca) = (calcium.ica[last], calcium.eca[last]);
            let ik = sk.density(0, last, &before, &calcium).i_ma_cm2;
            if step > 0 {
                hva.advance(&v, &calcium, DT);
                lva.advance(&v, &calcium, DT);
                pool.advance(&mut calcium, DT);
                sk.advance(&v, &calcium, DT);
            }
            let now = [
                ica,
                calcium.cai[last],
                eca,
                sk.gate(0)[last],
                ik,
                hva.gate(0)[last],
                hva.gate(1)[last],
                lva.gate(0)[last],
                lva.gate(1)[last],
            ];
            for (trace, x) in traces.iter_mut().zip(now) {
                trace.push(x);
            }
        }
        for (name, trace) in names.iter().zip(&traces) {
            let golden = table.column(name);
            let worst = if name.starts_with('i') || name.len() == 5 && !name.starts_with("eca") {
                worst_of_maximum(trace, golden)
            } else {
                worst_relative(trace, golden, 1e-12)
            };
            assert!(worst <= 1e-9, "{name}: {worst:e}");
        }
    }
}
