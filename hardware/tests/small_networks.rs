//! Networks at the edges of what the board takes: one neuron, none, many projections, delays off the grid, resets above the threshold.

mod support;

use kenyon_hardware::interpreter::Interpreter;
use kenyon_hardware::spinnaker::image::core_data::{self, REGIONS};
use kenyon_hardware::spinnaker::image::{Key, RegionKind, keys, regions};
use kenyon_hardware::spinnaker::packing::{Cores, Machine, fit};
use kenyon_hardware::spinnaker::{Emulator, Options, Quantised, quantise};
use kenyon_hardware::{Cells, Deployment, Receptor, Role, Variable};
use support::population;
use support::small::{CELLS, cells, network, synapse};

fn quantised(d: &Deployment) -> Quantised {
    quantise(d, &Options::AS_WRITTEN).expect("sound")
}

#[test]
fn delays_go_to_the_even_step_and_are_at_least_one_everywhere() {
    let whole = |steps: f64| synapse(0, 0, 1.0, steps).delay();
    assert_eq!([0.0, 0.2, 0.5, 1.5, 2.5, 3.5, 0.3 / 0.1].map(whole), [1, 1, 1, 2, 2, 4, 3]);
    let mut d = network(2, 3);
    for (s, steps) in d.projections[0].synapses.iter_mut().zip([2.5, 0.3 / 0.1, 0.4]) {
        s.delay_steps = steps;
    }
    let loaded: Vec<u16> = quantised(&d).projections[0].synapses.iter().map(|s| s.delay).collect();
    assert_eq!(loaded, [2, 3, 1]);
    let laid = fit(&d, Machine::Spinn3, Cores::Combined);
    assert_eq!(laid.populations[CELLS].max_delay_steps, 3);
}

#[test]
fn a_single_neuron_reaches_4096_steps_ahead_in_every_count() {
    let at = |steps: f64| {
        let mut d = network(1, 1);
        d.samples.clear();
        d.projections[0].synapses[0].delay_steps = steps;
        d
    };
    assert!(quantise(&at(4096.0), &Options::AS_WRITTEN).is_ok());
    let refused = quantise(&at(4097.0), &Options::AS_WRITTEN).expect_err("too long").to_string();
    assert!(refused.contains("1 to 4096 steps"), "{refused}");
    let laid = fit(&at(4097.0), Machine::Spinn3, Cores::Combined);
    assert_eq!((laid.populations[CELLS].delay_slots, laid.populations[0].delay_cores), (4096, 1));
    assert_eq!(laid.populations[CELLS].ring_buffer_bytes, 32_768);
}

#[test]
fn a_reset_above_the_threshold_spikes_in_every_step_on_the_board_and_in_f64() {
    let mut d = network(2, 3);
    d.steps = 20;
    d.populations[CELLS].record = vec![Variable::Spikes];
    let neurons = cells(&mut d);
    (neurons.v_reset_mv[1], neurons.v_init_mv[1], neurons.tau_refrac_ms[1]) = (-40.0, -40.0, 3.0);
    d.projections[0].synapses.clear();
    let board = Emulator::new(&quantised(&d)).run(&d.samples[0].spikes).spikes();
    let plain = Interpreter::new(&d).run(&d.samples[0]).spikes;
    assert_eq!(board, plain);
    assert_eq!(board.len(), 20, "also in refractory steps");
}

#[test]
fn a_large_population_that_does_not_send_leaves_the_masks_alone() {
    let mut d = network(3, 8);
    let table = |d: &Deployment| {
        let network = quantised(d);
        let cores = regions(&network, &keys(&network)).expect("regions");
        cores[CELLS][0].regions.words(RegionKind::PopulationTable).to_vec()
    };
    let before = table(&d);
    assert_eq!(before[3], !63, "3 senders have 64 keys");
    d.add(population("silent", Role::Input, (1000..3000).collect(), Cells::SpikeSource, 1.0));
    assert_eq!(table(&d), before);
    d.projections.push(kenyon_hardware::Projection {
        pre: 2,
        post: 1,
        receptor: Receptor::Inhibitory,
        synapses: vec![synapse(0, 0, 0.5, 1.0)],
    });
    assert_eq!(table(&d)[3], !(32_768 - 1), "it sends now");
}

#[test]
fn parallel_projections_have_rows_of_their_own() {
    let mut d = network(2, 3);
    let one = quantised(&d);
    d.projections.push(d.projections[0].clone());
    let two = quantised(&d);
    let addresses = |network: &Quantised| {
        let cores = regions(network, &keys(network)).expect("regions");
        cores[CELLS][0].regions.words(RegionKind::PopulationTable)[1]
    };
    assert_eq!((addresses(&one), addresses(&two)), (1, 2));
    let charge = |network: &Quantised| Emulator::new(network).run(&[(0, 0, 5)]).populations[CELLS].largest_slot[0];
    let shift = |network: &Quantised| network.populations[CELLS].cells.as_ref().expect("cells").shift[0];
    let sum = |network: &Quantised| u64::from(charge(network)) << shift(network);
    assert_eq!(sum(&two), 2 * sum(&one), "both arrive");
}

#[test]
fn a_population_without_neurons_is_emulated_and_laid_out() {
    let mut d = network(2, 3);
    d.add(population("none", Role::Input, Vec::new(), Cells::SpikeSource, 1.0));
    d.projections.push(kenyon_hardware::Projection { pre: 2, post: 1, receptor: Receptor::Excitatory, synapses: Vec::new() });
    let network = quantised(&d);
    let run = Emulator::new(&network).run(&d.samples[0].spikes);
    assert_eq!(run.populations[2].spike_count, 0);
    assert!(regions(&network, &keys(&network)).is_ok());
}

#[test]
fn what_a_table_cannot_number_is_refused() {
    let mut d = network(1, 1);
    d.samples.clear();
    let first = d.projections[0].clone();
    d.projections = vec![first; 8193];
    let crowded = quantised(&d);
    let error = regions(&crowded, &keys(&crowded)).expect_err("13 bits number addresses");
    assert!(error.to_string().contains("8193") && error.code() == "many-projections", "{error}");
    d.projections.pop();
    assert!(regions(&quantised(&d), &keys(&crowded)).is_ok());

    let sources = quantised(&network(65_536, 1));
    let error = regions(&sources, &[Some(Key::block(0, 65_536)), None]).expect_err("16 bits count senders");
    assert_eq!(error.code(), "many-sources");
}

#[test]
fn regions_beyond_the_last_address_are_refused() {
    let words = [1u32; 64];
    let mut all: [Option<&[u32]>; REGIONS] = [None; REGIONS];
    all[3] = Some(&words);
    assert!(core_data::encode(0x6000_0000, &all).is_ok());
    let whole = 4 * (core_data::TABLE_WORDS + words.len()) as u32;
    assert!(core_data::encode(0u32.wrapping_sub(whole), &all).is_ok(), "up to the last byte");
    assert!(core_data::encode(0u32.wrapping_sub(whole) + 4, &all).is_err());
}

#[test]
fn memory_and_recordings_of_any_length_are_refused_before_they_are_made() {
    let mut d = network(2, 3);
    d.steps = 4_000_000_000;
    assert!(quantise(&d, &Options::AS_WRITTEN).expect_err("too long").to_string().contains("too many steps"));
}
