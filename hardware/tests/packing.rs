//! Networks laid on machines: figures of the released mapper, and what does not fit.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use kenyon_hardware::spinnaker::packing::{Cores, Machine, fit};
use kenyon_hardware::{CellKind, Cells, Deployment, Neurons, Population, Projection, Receptor, Role, Synapse, Variable};

const ONE_BOARD: Machine = Machine::Spinn5 { boards: 1 };

fn population(n: u64, sources: bool) -> Population {
    let cells = if sources {
        Cells::SpikeSource
    } else {
        let mut neurons = Neurons { kind: CellKind::CurrExp, ..Neurons::default() };
        neurons.columns_mut().into_iter().for_each(|(_, column)| *column = vec![1.0; n as usize]);
        Cells::Neurons(Box::new(neurons))
    };
    let role = if sources { Role::Input } else { Role::Hidden };
    let record = vec![Variable::Spikes];
    Population { label: format!("{n}"), role, ids: (0..n).collect(), names: Vec::new(), cells, record, v_scale: 1.0 }
}

fn network(dt_ms: f64, populations: &[(u64, bool)], wires: &[(u32, u32, f64)]) -> Deployment {
    let mut deployment = Deployment::new("test", dt_ms, 1000);
    for (n, sources) in populations {
        deployment.add(population(*n, *sources));
    }
    for (pre, post, delay_steps) in wires {
        let size = |k: u32| deployment.populations[k as usize].ids.len() as u32;
        let (senders, receivers) = (size(*pre), size(*post));
        let synapses = (0..receivers).map(|i| Synapse { pre: i % senders, post: i, weight: 1.0, delay_steps: *delay_steps });
        let (synapses, receptor) = (synapses.collect(), Receptor::Excitatory);
        deployment.projections.push(Projection { pre: *pre, post: *post, receptor, synapses });
    }
    deployment
}

#[test]
fn machines_have_the_cores_that_applications_may_use() {
    assert_eq!((Machine::Spinn3.cores(), ONE_BOARD.cores(), Machine::Spinn5 { boards: 24 }.cores()), (63, 767, 24 * 767));
}

/// What the released mapper needed: 8 cores, 79 cores on 6 chips, 157 cores on 10; one more core are the sources.
#[test]
fn estimates_are_within_a_tenth_of_the_released_mapper() {
    for (n, cores, chips) in [(2_000, 8, 1), (20_000, 79, 6), (40_000, 157, 10)] {
        let found = fit(&network(1.0, &[(n, false)], &[]), ONE_BOARD, Cores::Combined);
        assert!(f64::from(found.cores.abs_diff(cores)) <= 0.1 * f64::from(cores), "{n}: {} cores", found.cores);
        let with_sources = fit(&network(1.0, &[(100, true), (n, false)], &[(0, 1, 1.0)]), ONE_BOARD, Cores::Combined);
        assert_eq!((with_sources.cores, with_sources.chips), (cores + 1, chips), "{n}");
        assert!(with_sources.fits());
    }
}

#[test]
fn below_one_ms_neurons_and_synapses_take_a_core_each() {
    let deployment = network(0.1, &[(500, false)], &[]);
    assert_eq!(fit(&deployment, ONE_BOARD, Cores::default_for(0.1)).cores, 4);
    assert_eq!(fit(&deployment, ONE_BOARD, Cores::Combined).cores, 2);
    assert_eq!(Cores::default_for(1.0), Cores::Combined);
}

#[test]
fn too_many_neurons_for_a_machine_are_said_with_the_number() {
    let deployment = network(1.0, &[(63 * 256 + 1, false)], &[]);
    let small = fit(&deployment, Machine::Spinn3, Cores::Combined);
    assert!(!small.fits());
    let cores = small.problems.iter().find(|p| p.what == "cores").expect("a problem");
    assert_eq!((cores.needed, cores.available), (64, 63));
    assert!(fit(&deployment, ONE_BOARD, Cores::Combined).fits());
    assert!(fit(&network(1.0, &[(63 * 256, false)], &[]), Machine::Spinn3, Cores::Combined).fits());
}

#[test]
fn recordings_that_fill_the_memory_take_more_chips_and_at_last_do_not_fit() {
    let mut deployment = network(1.0, &[(2_048, false)], &[]);
    deployment.populations[0].record = vec![Variable::V, Variable::GsynExc, Variable::GsynInh];
    assert_eq!(fit(&deployment, ONE_BOARD, Cores::Combined).chips, 1);
    deployment.steps = 30_000;
    let long = fit(&deployment, ONE_BOARD, Cores::Combined);
    assert_eq!((long.cores, long.chips), (8, 8));
    assert!(long.fits());
    deployment.steps = 60_000;
    let longer = fit(&deployment, ONE_BOARD, Cores::Combined);
    assert_eq!(longer.problems.len(), 1);
    assert!(longer.problems[0].needed > longer.problems[0].available, "{:?}", longer.problems);
}

#[test]
fn a_row_beyond_256_synapses_is_named() {
    let mut deployment = network(1.0, &[(3, true), (300, false)], &[]);
    let synapse = |post: u32, delay: u32| Synapse { pre: 2, post, weight: 1.0, delay_steps: f64::from(delay) };
    let synapses: Vec<Synapse> = (0..300).flat_map(|post| [synapse(post, 1), synapse(post, 2)]).collect();
    deployment.projections.push(Projection { pre: 0, post: 1, receptor: Receptor::Excitatory, synapses });
    let found = fit(&deployment, ONE_BOARD, Cores::Combined);
    assert_eq!(found.long_rows.len(), 1, "44 receivers of the second core stay below");
    let row = &found.long_rows[0];
    assert_eq!((row.projection, row.pre, row.first_post, row.synapses), (0, 2, 0, 512));
    assert!(!found.fits());
}

#[test]
fn delays_beyond_the_slots_take_extension_cores_of_the_sender() {
    for (n, slots) in [(256, 32), (32, 256), (600, 32)] {
        let within = fit(&network(1.0, &[(700, true), (n, false)], &[(0, 1, f64::from(slots))]), ONE_BOARD, Cores::Combined);
        assert_eq!((within.populations[1].delay_slots, within.populations[0].delay_cores), (slots, 0));
        assert_eq!(within.extended().count(), 0);
        let beyond = fit(&network(1.0, &[(700, true), (n, false)], &[(0, 1, f64::from(slots + 1))]), ONE_BOARD, Cores::Combined);
        assert_eq!((beyond.populations[0].delay_cores, beyond.cores), (3, within.cores + 3));
        assert_eq!(beyond.extended().map(|p| p.label.clone()).collect::<Vec<_>>(), [n.to_string()]);
    }
    let full = fit(&network(1.0, &[(256, true), (256, false)], &[(0, 1, 32.0)]), ONE_BOARD, Cores::Combined);
    assert_eq!(full.populations[1].ring_buffer_bytes, 32 * 1024);
    assert!(full.fits());
}

#[test]
fn more_senders_than_a_table_has_entries_are_a_problem() {
    let mut deployment = network(1.0, &[], &[]);
    deployment.add(population(1, false));
    for _ in 0..1100 {
        let sender = deployment.add(population(1, false));
        let synapses = vec![Synapse { pre: 0, post: 0, weight: 1.0, delay_steps: 1.0 }];
        deployment.projections.push(Projection { pre: sender, post: 0, receptor: Receptor::Excitatory, synapses });
    }
    let found = fit(&deployment, Machine::Spinn5 { boards: 3 }, Cores::Combined);
    assert_eq!(found.routing_entries, 1100);
    assert_eq!(found.problems.iter().map(|p| p.what).collect::<Vec<_>>(), ["routing entries of a chip"]);
}

#[test]
fn a_fit_is_written_as_json() {
    let found = fit(&network(1.0, &[(10, true), (300, false)], &[(0, 1, 1.0)]), ONE_BOARD, Cores::Combined);
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(
        (json["machine"].as_str(), json["cores"].as_u64(), json["kind"].as_str()),
        (Some("SpiNN-5"), Some(3), Some("combined"))
    );
    assert!(found.load_s > 5.0 && found.sdram_bytes > 300 * 15 * 4);
}
