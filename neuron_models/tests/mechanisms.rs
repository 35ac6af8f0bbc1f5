//! Channels: blocks against plain formulas, singular voltages, one cell against a batch, exact rates against tables.

mod plain;

use kenyon_neurons::biophysical::mechanism::channels::{CaHva, KPst, KTst, NaTs2T, NapEt2, SkE2, SquidSodium};
use kenyon_neurons::biophysical::mechanism::{
    CHANNELS, Calcium, Channel, Drive, Environment, Grid, Instance, Mechanism, channel, nernst_calcium_mv,
};
use kenyon_neurons::biophysical::{Lanes, Real};
use plain::plain;
use pulp::Arch;

const DT: f64 = 0.025;

fn rates(name: &str, drive: f64) -> Vec<(f64, f64)> {
    channel(name).expect("a channel").rates(&Environment { celsius: 6.3 }, drive)
}

/// Drives that miss every singular value.
fn drives(drive: Drive) -> impl Iterator<Item = f64> {
    (0..700).map(move |i| match drive {
        Drive::Voltage => -149.931 + 0.361 * f64::from(i),
        Drive::Calcium => 1e-9 * 10_f64.powf(0.01 * f64::from(i)),
    })
}

#[test]
fn rates_are_those_of_the_plain_formulas() {
    for info in &CHANNELS {
        for x in drives(info.drive) {
            let (ours, plain) = (rates(info.name, x), plain(info.name, x));
            assert_eq!(ours.len(), plain.len());
            for ((inf, tau), (plain_inf, plain_tau)) in ours.into_iter().zip(plain) {
                // Far from the middle the plain linoid itself loses digits: 1 - exp of a small or a large argument.
                assert!(
                    (inf - plain_inf).abs() <= 1e-11 * plain_inf.abs().max(1e-3),
                    "{} at {x}: {inf:e}, {plain_inf:e}",
                    info.name
                );
                assert!((tau / plain_tau - 1.0).abs() <= 1e-11, "{} at {x}: {tau:e}, {plain_tau:e}", info.name);
            }
        }
    }
}

#[test]
fn singular_voltages_are_like_their_neighbours() {
    for info in CHANNELS.iter().filter(|c| c.drive == Drive::Voltage) {
        for v in [-38.0, -32.0, -66.0, -60.0, -27.0, -17.0, -64.4, -154.9, -40.0, -55.0] {
            let at = |d: f64| rates(info.name, v + d);
            for (((inf, tau), low), high) in at(0.0).into_iter().zip(at(-1e-6)).zip(at(1e-6)) {
                assert!(inf.is_finite() && tau.is_finite() && tau > 0.0, "{} at {v}: {inf} {tau}", info.name);
                // K_Pst's two branches do not quite meet at -60.
                let bound = if (info.name, v) == ("K_Pst", -60.0) { 1e-2 } else { 1e-11 };
                assert!((inf - f64::midpoint(low.0, high.0)).abs() < 1e-11, "{} at {v}", info.name);
                assert!((tau - f64::midpoint(low.1, high.1)).abs() < bound * tau, "{} at {v}", info.name);
            }
        }
    }
}

#[test]
fn any_voltage_gives_finite_gates_between_0_and_1() {
    for info in CHANNELS.iter().filter(|c| c.drive == Drive::Voltage) {
        for v in [-1e6, -5000.0, -1000.0, -300.0, 300.0, 1000.0, 5000.0, 1e6] {
            let mut block = one(info.name, 1);
            block.advance(&[v], &Calcium::new(1, 1), DT);
            for gate in 0..info.gates.len() {
                let x = block.gate(gate)[0];
                assert!((-1e-12..=1.0 + 1e-12).contains(&x), "{} {gate} at {v}: {x}", info.name);
            }
        }
    }
}

#[test]
fn kpst_takes_its_second_branch_at_minus_fifty_itself() {
    let qt = 2.3_f64.powf(1.3);
    let tau = |v: f64| rates("K_Pst", v)[0].1;
    let upper = (1.25 + 13.0 * (0.026_f64 * 50.0).exp()) / qt;
    let lower = (1.25 + 175.03 * (0.026_f64 * -50.0).exp()) / qt;
    assert!((upper - lower).abs() > 1e-6);
    assert!((tau(-60.0) - upper).abs() < 1e-13);
    assert!((tau((-60.0_f64).next_down()) - lower).abs() < 1e-13);
}

#[test]
fn sk_raises_a_concentration_below_its_floor() {
    let z = |cai: f64| rates("SK_E2", cai)[0].0;
    assert!((z(5e-8) / z(1.5e-7) - 1.0).abs() < 1e-12);
    assert!((z(0.0) / z(1e-7) - 1.0).abs() < 1e-12);
    assert!((z(0.000_43) - 0.5).abs() < 1e-14);
}

#[test]
fn squid_rates_scale_with_temperature_and_start_where_rallpack_says() {
    let at = |name: &str, celsius: f64| channel(name).expect("a channel").rates(&Environment { celsius }, -65.0);
    let (cold, warm) = (at("hh_na", 6.3), at("hh_na", 16.3));
    assert!((cold[0].0 - 0.052_93).abs() < 5e-6 && (cold[1].0 - 0.596_12).abs() < 5e-6);
    assert!((at("hh_k", 6.3)[0].0 - 0.317_68).abs() < 5e-6);
    assert!((cold[0].1 / warm[0].1 - 3.0).abs() < 1e-12 && warm[0].0.to_bits() == cold[0].0.to_bits());
}

#[test]
fn eca_has_the_check_values() {
    assert!((nernst_calcium_mv(34.0, 2.0, 5e-5) - 140.236_6).abs() < 5e-5);
    assert!((nernst_calcium_mv(6.3, 2.0, 5e-5) - 127.590).abs() < 5e-4);
}

#[test]
fn an_unknown_channel_is_refused_with_the_names_there_are() {
    let error = channel("Ca_HVa").unwrap_err().to_string();
    assert!(error.contains("Ca_LVAst") && error.contains("did you mean `Ca_HVA`"), "{error}");
}

fn one(name: &str, lanes: usize) -> Box<dyn Mechanism> {
    let place = Instance { node: 0, area_um2: 100.0, gbar_s_cm2: 1e-3, reversal_mv: -80.0 };
    channel(name).expect("a channel").build(&Environment::default(), &[place], lanes)
}

fn voltage(node: usize, step: usize) -> f64 {
    -70.0 + 100.0 * ((node * 37 + step * 11) as f64 * 0.618_033_988_749_895).sin()
}

const NODES: usize = 45;

/// 41 instances, one run of neighbours and the others apart, so that chunks are of every sort.
fn instances() -> Vec<Instance> {
    (0..41)
        .map(|i| Instance {
            node: if i < 20 { i } else { NODES as u32 - 1 - (i - 20) },
            area_um2: 50.0 + f64::from(i),
            gbar_s_cm2: 1e-3 * f64::from(i + 1),
            reversal_mv: -80.0 + f64::from(i),
        })
        .collect()
}

/// Everything after some steps: gates, sums, calcium, each node (or instance) by each cell.
fn run(name: &str, lanes: usize, arch: Arch, grid: Option<Grid>) -> Vec<Vec<u64>> {
    let mut block = channel(name).expect("a channel").build(&Environment::default(), &instances(), lanes);
    block.run_on(arch);
    if let Some(grid) = grid {
        block.use_table(grid, DT).expect("a good grid");
    }
    let mut calcium = Calcium::new(NODES, lanes);
    let v = |step: usize| -> Vec<f64> { (0..NODES * lanes).map(|i| voltage(i / lanes, step + i % lanes)).collect() };
    for (i, cai) in calcium.cai.iter_mut().enumerate() {
        *cai *= 1.0 + (i / lanes) as f64;
    }
    block.init(&v(0), &calcium);
    let (mut rhs, mut diag) = (vec![0.0; NODES * lanes], vec![0.0; NODES * lanes]);
    for step in 1..20 {
        block.add_currents(&v(step - 1), &mut calcium, &mut rhs, &mut diag);
        block.advance(&v(step), &calcium, DT);
    }
    let mut out: Vec<Vec<f64>> = (0..block.info().gates.len()).map(|gate| block.gate(gate).to_vec()).collect();
    out.extend([rhs, diag, calcium.ica]);
    out.into_iter().map(|values| values.into_iter().map(f64::to_bits).collect()).collect()
}

#[test]
fn a_cell_alone_has_the_bits_of_a_cell_in_a_batch_on_any_instruction_set() {
    let inside = Grid { from_mv: -100.0, to_mv: 20.0, step_mv: 0.25 };
    for (info, grid) in CHANNELS.iter().flat_map(|info| [(info, None), (info, Some(inside))]) {
        let alone = run(info.name, 1, Arch::new(), grid);
        assert_eq!(alone, run(info.name, 1, Arch::Scalar, grid), "{}", info.name);
        for (lanes, arch) in [(8, Arch::new()), (16, Arch::Scalar)] {
            for (one, many) in alone.iter().zip(run(info.name, lanes, arch, grid)) {
                let first: Vec<u64> = many.iter().copied().step_by(lanes).collect();
                assert_eq!(*one, first, "{}", info.name);
            }
        }
    }
}

fn wide<const N: usize, const G: usize, C: Channel<G>>(channel: &C, all: &[f64]) {
    for chunk in all.as_chunks::<N>().0 {
        let rates = channel.rates(Lanes(*chunk));
        for (i, &x) in chunk.iter().enumerate() {
            for (lane, alone) in rates.iter().zip(channel.rates(x)) {
                assert_eq!(lane.inf.lane(i).to_bits(), alone.inf.to_bits());
                assert_eq!(lane.rate.lane(i).to_bits(), alone.rate.to_bits());
            }
        }
    }
}

/// The same rates in every width.
fn widths<const G: usize, C: Channel<G>>() {
    let channel = C::new(&Environment::default());
    let all: Vec<f64> = drives(C::DRIVE).collect();
    wide::<4, G, C>(&channel, &all);
    wide::<8, G, C>(&channel, &all);
    wide::<16, G, C>(&channel, &all);
}

#[test]
fn rates_have_the_same_bits_in_any_width() {
    widths::<2, NaTs2T>();
    widths::<2, NapEt2>();
    widths::<2, KTst>();
    widths::<2, KPst>();
    widths::<2, CaHva>();
    widths::<1, SkE2>();
    widths::<2, SquidSodium>();
}

#[test]
fn a_step_is_the_exact_exponential_one_of_the_plain_formulas() {
    for info in CHANNELS.iter().filter(|c| c.drive == Drive::Voltage) {
        let mut block = channel(info.name).expect("a channel").build(&Environment { celsius: 6.3 }, &instances(), 1);
        let calcium = Calcium::new(NODES, 1);
        let v = |step: usize| -> Vec<f64> { (0..NODES).map(|node| voltage(node, step)).collect() };
        block.init(&v(0), &calcium);
        let mut gates: Vec<Vec<f64>> =
            instances().iter().map(|i| plain(info.name, v(0)[i.node as usize]).iter().map(|r| r.0).collect()).collect();
        for step in 1..50 {
            block.advance(&v(step), &calcium, DT);
            for (gates, place) in gates.iter_mut().zip(instances()) {
                for (x, (inf, tau)) in gates.iter_mut().zip(plain(info.name, v(step)[place.node as usize])) {
                    *x += (1.0 - (-DT / tau).exp()) * (inf - *x);
                }
            }
        }
        for gate in 0..info.gates.len() {
            for (ours, plain) in block.gate(gate).iter().zip(gates.iter().map(|g| g[gate])) {
                assert!((ours - plain).abs() < 1e-12, "{}: {ours} {plain}", info.name);
            }
        }
    }
}

#[test]
fn currents_are_conductance_times_driving_force_and_conserve_calcium() {
    let mut block = one("Ca_HVA", 1);
    let mut calcium = Calcium::new(1, 1);
    block.init(&[-20.0], &calcium);
    let (mut rhs, mut diag) = ([0.0], [0.0]);
    block.add_currents(&[-20.0], &mut calcium, &mut rhs, &mut diag);
    let (m, h) = (block.gate(0)[0], block.gate(1)[0]);
    let density = 1e-3 * m * m * h * (-20.0 - calcium.eca[0]);
    assert!((calcium.ica[0] / density - 1.0).abs() < 1e-14);
    assert!((rhs[0] / (-density * 100.0 * 1e-2) - 1.0).abs() < 1e-14);
    assert!((diag[0] / (1e-3 * m * m * h) - 1.0).abs() < 1e-14);
}

#[test]
fn a_table_is_as_good_as_it_says_and_exact_outside() {
    let grid = Grid { from_mv: -100.0, to_mv: 40.0, step_mv: 0.1 };
    for info in &CHANNELS {
        let mut table = one(info.name, 1);
        let errors = table.use_table(grid, DT).expect("a good grid");
        assert_eq!(errors.len(), if info.drive == Drive::Voltage { info.gates.len() } else { 0 });
        for (gate, error) in errors.iter().enumerate() {
            assert!(error.inf < 1e-4 && error.share < 1e-4, "{error:?}");
            for v in [-99.99, -71.23, -40.04, 39.97] {
                let (mut exact, calcium) = (one(info.name, 1), Calcium::new(1, 1));
                exact.init(&[-50.0], &calcium);
                table.init(&[-50.0], &calcium);
                exact.advance(&[v], &calcium, DT);
                table.advance(&[v], &calcium, DT);
                assert!((exact.gate(gate)[0] - table.gate(gate)[0]).abs() <= error.inf + error.share);
            }
            for v in [-100.1, 40.0, 1e9, f64::NAN] {
                let (mut exact, calcium) = (one(info.name, 1), Calcium::new(1, 1));
                table.init(&[-50.0], &calcium);
                exact.init(&[-50.0], &calcium);
                exact.advance(&[v], &calcium, DT);
                table.advance(&[v], &calcium, DT);
                let (a, b) = (exact.gate(gate)[0], table.gate(gate)[0]);
                assert!(a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan());
            }
        }
    }
    let upside_down = Grid { from_mv: 10.0, to_mv: -10.0, step_mv: 0.1 };
    assert!(one("Ih", 1).use_table(upside_down, DT).is_err());
}
