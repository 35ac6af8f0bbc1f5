//! Receptors against recordings of NEURON on a box held at a potential.

mod reference;

use kenyon_neurons::biophysical::synapse::{Event, EventQueue, ReceptorBlock, ReceptorInstance, SynapseSet, merge, synapse_set};
use reference::{Table, worst_relative};

const DT: f64 = 0.025;

fn blocks(set: &SynapseSet, lanes: usize) -> [ReceptorBlock; 3] {
    [
        (set.ampa_receptor(), set.ampa.gmax_us),
        (set.nmda_receptor(), set.nmda.gmax_us),
        (set.gaba_a_receptor(), set.gaba_a.gmax_us),
    ]
    .map(|(receptor, gmax_us)| {
        ReceptorBlock::new(receptor, &[ReceptorInstance { node: 0, gmax_us }], lanes).expect("a possible receptor")
    })
}

#[test]
fn conductances_and_currents_are_those_of_the_reference() {
    let set = synapse_set("rat").unwrap();
    for (held, lanes) in ["-80", "-60", "-40", "0"].into_iter().flat_map(|held| [(held, 1), (held, 8)]) {
        let Some(table) = Table::read(&format!("synapse_clamped_{held}.csv")) else { return };
        let mut blocks = blocks(set, lanes);
        let arrivals = [5.0, 15.0, 16.0, 17.0, 40.0];
        let mut queue = EventQueue::new(arrivals.map(|time_ms| Event { time_ms, synapse: 0, weight: 1.0 }).into()).unwrap();
        let names = ["gAMPA_uS", "gNMDA_uS", "gGABAA_uS", "i_exc_nA", "i_inh_nA"];
        let mut traces = vec![vec![0.0]; names.len()];
        for (step, &v) in table.column("v_mV").iter().enumerate().take(table.column("v_mV").len() - 1) {
            let v = vec![v; lanes];
            for event in queue.due((step as f64 + 0.5) * DT) {
                for block in &mut blocks {
                    block.deliver(0, lanes - 1, event.weight);
                }
            }
            let g = [0, 1, 2].map(|i: usize| blocks[i].conductance(0, lanes - 1, &v));
            let i = [0, 1, 2].map(|i: usize| blocks[i].current(0, lanes - 1, &v));
            let (mut rhs, mut diag) = (vec![0.0; lanes], vec![0.0; lanes]);
            for block in &mut blocks {
                block.add_currents(&v, &mut rhs, &mut diag);
                block.advance(DT);
            }
            let whole = i[0] + i[1] + i[2];
            assert!((rhs[lanes - 1] + whole).abs() <= 1e-14 * i.iter().map(|i| i.abs()).sum::<f64>());
            for (trace, x) in traces.iter_mut().zip([g[0], g[1], g[2], i[0] + i[1], i[2]]) {
                trace.push(x);
            }
        }
        for (name, trace) in names.iter().zip(&traces) {
            // Where the potential is the reversal potential, what is left of the current is the clamp's rounding.
            let floor = if held == "0" && *name == "i_exc_nA" || held == "-80" && *name == "i_inh_nA" { 1e-9 } else { 1e-30 };
            let worst = worst_relative(trace, table.column(name), floor);
            assert!(worst <= 1e-9, "{name} at {held}: {worst:e}");
        }
    }
}

#[test]
fn merged_receptors_pass_the_currents_of_the_single_ones() {
    let set = synapse_set("human").unwrap();
    let single: Vec<_> =
        [3, 1, 3, 3, 0, 1].iter().zip(1..).map(|(&node, i)| ReceptorInstance { node, gmax_us: 1e-4 * f64::from(i) }).collect();
    let merged = merge(&single);
    assert_eq!(merged.instances.len(), 3);
    let mut apart = ReceptorBlock::new(set.nmda_receptor(), &single, 1).unwrap();
    let mut joined = ReceptorBlock::new(set.nmda_receptor(), &merged.instances, 1).unwrap();
    let v = [-70.0, -50.0, -20.0, 10.0];
    for step in 0..200 {
        let synapse = step * 7 % 6;
        let (target, share) = merged.targets[synapse];
        apart.deliver(synapse, 0, 0.5);
        joined.deliver(target as usize, 0, 0.5 * share);
        let mut sums = [[0.0; 4]; 4];
        let [rhs, diag, joined_rhs, joined_diag] = &mut sums;
        apart.add_currents(&v, rhs, diag);
        joined.add_currents(&v, joined_rhs, joined_diag);
        for (a, b) in rhs.iter().chain(&*diag).zip(joined_rhs.iter().chain(&*joined_diag)) {
            assert!((a - b).abs() <= 1e-13 * a.abs(), "{a:e} is not {b:e}");
        }
        apart.advance(DT);
        joined.advance(DT);
    }
}
