//! The lint of a network in the numbers of a board, on a machine, and after an emulation.

mod support;

use kenyon_hardware::lint::{self, Known, Linted, Severity};
use kenyon_hardware::spinnaker::packing::Machine;
use kenyon_hardware::spinnaker::{Options, Shifts, measured_shifts, wanted_shifts};
use kenyon_hardware::{Deployment, Projection, Receptor, Role, Sample};
use support::population;
use support::small::{as_written, cells, codes, column, emulated, network, only, sound, synapse, with};

#[test]
fn e10_what_the_machine_lacks_is_told_and_i1_says_what_is_needed() {
    let found = |cells, code: &str| {
        let d = network(2, cells);
        let linted = lint::quantised(&d, &Options::AS_WRITTEN, Some(Machine::Spinn3), &Known::default());
        linted.findings.into_iter().filter(|f| f.code == code).collect::<Vec<_>>()
    };
    assert_eq!(found(62 * 256, "E10"), [], "63 cores, one of them of sources");
    let lacking = found(62 * 256 + 1, "E10");
    assert!(lacking.iter().any(|f| f.text == "64 cores needed, SpiNN-3 has 63" && f.place == "SpiNN-3"), "{lacking:?}");
    let info = only(found(3, "I1"));
    assert_eq!(info.severity, Severity::Info);
    assert!(info.text.starts_with("2 of 63 cores, 1 of 4 chips") && info.text.contains("0.0 input packets per step"), "{info:?}");
    assert_eq!(with("I1", &sound(), &Known::default()), []);
}

#[test]
fn a_quantised_network_is_linted_with_what_became_of_it() {
    let linted = as_written(Shifts::Mapper, |_| ());
    assert!(linted.quantised.is_some() && linted.findings.is_empty(), "{:?}", linted.findings);

    let low = as_written(Shifts::Expected(vec![None, Some([0.1, 0.1])]), |d| d.projections[0].synapses[2].weight = 2.5);
    assert_eq!(codes(&low.findings), ["E7"], "a bound below the largest weight");
    assert!(low.findings[0].text.contains("weight 2.5 of synapse 0 -> 2 (ids 100 -> 202) is 81920"), "{:?}", low.findings);
    assert_eq!(low.quantised.expect("it can be written").clipped(), 1);

    let small = as_written(Shifts::Mapper, |d| {
        d.projections[0].synapses.push(synapse(1, 0, 2e-5, 1.0));
        d.projections[0].synapses.push(synapse(0, 1, 400.0, 1.0));
    });
    assert_eq!(codes(&small.findings), ["W1"]);
    assert!(small.findings[0].text.contains("1 of 5 weights become 0 at shift 10"), "{:?}", small.findings);

    let slow = as_written(Shifts::Mapper, |d| *column(d, "tau_m", 1) = 1000.0);
    assert_eq!(codes(&slow.findings), ["W4"]);
    assert!(slow.findings[0].text.starts_with("`tau_m` of neuron 1 (id 201)"), "{:?}", slow.findings);
}

#[test]
fn a_network_that_cannot_be_quantised_says_why() {
    let none = |change: fn(&mut Deployment)| {
        let linted = as_written(Shifts::Mapper, change);
        assert!(linted.quantised.is_none());
        linted.findings.into_iter().map(|f| f.code).collect::<Vec<_>>()
    };
    assert_eq!(none(|d| d.projections[0].synapses[0].weight = f64::NAN), ["E1", "I2"]);
    assert_eq!(none(|d| d.projections[0].synapses[0].weight = 1e5), ["E8", "I2"]);
    assert_eq!(none(|d| d.projections[0].synapses[0].delay_steps = 5000.0), ["W6", "I2"]);
    assert_eq!(none(|d| (*column(d, "tau_m", 0), *column(d, "cm", 0)) = (60_000.0, 0.5)), ["E3", "I2"]);
}

#[test]
fn a_fault_brings_no_false_ones_with_it() {
    let many = |change: &dyn Fn(&mut Deployment)| {
        // By the mapper's formula, some receivers of a thousand equal synapses would need shifts beyond 15.
        let mut d = network(2, 3);
        d.projections[0].synapses = (0..3000).map(|k| synapse(k % 2, k % 3, 60.0, 1.0)).collect();
        change(&mut d);
        let lowered = lint::quantised(&d, &Options::AS_WRITTEN, Some(Machine::Spinn3), &Known::default());
        lowered.findings.into_iter().map(|f| f.code).collect::<Vec<_>>()
    };
    assert!(many(&|_| ()).contains(&"E8".to_string()));
    for change in [(|d| cells(d).tau_m_ms.truncate(2)) as fn(&mut Deployment), |d| cells(d).v_thresh_mv[0] = 70_000.0] {
        let found = many(&change);
        assert!(!found.contains(&"E8".to_string()) && found.contains(&"I2".to_string()), "{found:?}");
    }
}

#[test]
fn a_weight_that_no_shift_holds_is_the_only_one_told() {
    let mut d = network(2, 3);
    d.projections[0].synapses = (0..3000).map(|k| synapse(k % 2, k % 3, 60.0, 1.0)).collect();
    let other = d.add(population("MBON", Role::Hidden, vec![9], d.populations[1].cells.clone(), 1.0));
    if let Some(cells) = d.populations[other as usize].cells.neurons_mut() {
        cells.columns_mut().into_iter().for_each(|(_, c)| c.truncate(1));
    }
    d.projections.push(Projection {
        pre: 0,
        post: other,
        receptor: Receptor::Excitatory,
        synapses: vec![synapse(1, 0, 1e5, 1.0)],
    });
    d.check().expect("sound but for the weight");
    let wanted = wanted_shifts(&d, &Options::AS_WRITTEN, &d.samples).expect("samples");
    let options = Options { shifts: Shifts::Given(wanted.shifts), ..Options::AS_WRITTEN };
    let linted = lint::quantised(&d, &options, None, &Known::default());
    let found: Vec<(&str, &str)> = linted.findings.iter().map(|f| (f.code.as_str(), f.place.as_str())).collect();
    assert_eq!(found.iter().filter(|f| f.0 == "E8").collect::<Vec<_>>(), [&("E8", "MBON (excitatory)")], "{found:?}");
    let error = measured_shifts(&d, &Options::AS_WRITTEN, &d.samples).expect_err("no shift holds it");
    assert!(error.to_string().contains("MBON, excitatory"), "{error}");
}

#[test]
fn a_lowered_network_warns_at_a_scale_of_1_and_not_at_256() {
    let linted = |scale| {
        let d = support::Model::random(1, 60).lower(scale, 2);
        lint::quantised(&d, &Options::LOWERED, None, &Known::default())
    };
    let (fine, coarse) = (linted(256.0), linted(1.0));
    let warnings = |l: &Linted| l.findings.iter().filter(|f| f.severity != Severity::Info).count();
    assert_eq!(warnings(&fine), 0, "{:?}", fine.findings);
    for linted in [&fine, &coarse] {
        let quantised = linted.quantised.as_ref().expect("sound");
        let counted: u64 = quantised.projections.iter().map(|p| p.statistics.zeroed).sum();
        assert_eq!(linted.findings.iter().filter(|f| f.code == "W1").map(|f| f.count).sum::<u64>(), counted);
    }
    assert!(codes(&coarse.findings).contains(&"W4"), "a small current is coarse: {:?}", coarse.findings);
}

#[test]
fn an_emulation_tells_what_would_happen_on_the_board() {
    let quiet = emulated(4, |_| ());
    assert!(codes(&quiet) == ["W11"] && quiet[0].text.starts_with("3 of 3 neurons never spiked"), "{quiet:?}");

    let restless = emulated(12, |d| {
        d.projections[0].synapses.iter_mut().for_each(|s| s.weight = 300.0);
        d.samples[0].spikes = (0..2).flat_map(|i| (0..100).map(move |t| (0, i, t))).collect();
        let cells = cells(d);
        (cells.cm_nf, cells.tau_refrac_ms, cells.v_reset_mv) = (vec![20.0; 3], vec![0.0; 3], vec![-60.0; 3]);
    });
    assert!(codes(&restless) == ["W11"] && restless[0].text.contains("0 (id 200), 1 (id 201), 2 (id 202)"), "{restless:?}");

    let overflowing = emulated(0, |d| {
        d.projections[0].synapses = vec![synapse(0, 0, 1.5, 1.0), synapse(1, 0, 1.5, 1.0)];
        d.samples[0].spikes = vec![(0, 0, 5), (0, 1, 5)];
    });
    let clipped = overflowing.iter().find(|f| f.code == "W2").unwrap_or_else(|| panic!("{overflowing:?}"));
    assert!(clipped.count == 1 && clipped.text.contains("65535 of 65535, excitatory"), "{clipped:?}");

    let wild = emulated(4, |d| cells(d).i_offset_na[1] = -40_000.0);
    let wraps = wild.iter().find(|f| f.code == "W3").unwrap_or_else(|| panic!("{wild:?}"));
    assert_eq!(wraps.severity, Severity::Error, "20 MOhm times -40 uA leave 32 bits");

    let unrecorded = emulated(4, |d| d.populations[1].record.clear());
    assert_eq!(codes(&unrecorded), ["W11"], "spikes are watched, whether or not they are recorded");

    let burst = emulated(4, |d| {
        d.populations[0].ids = (1000..1300).collect();
        d.samples.push(Sample { name: "all at once".into(), class: None, spikes: (0..300).map(|i| (0, i, 9)).collect() });
    });
    assert!(codes(&burst).contains(&"W9"), "{burst:?}");
}

#[test]
#[ignore = "prints a time"]
fn time_of_10_000_neurons_and_a_million_synapses() {
    let mut d = network(1000, 10_000);
    d.projections[0].synapses = (0..1_000_000u32)
        .map(|k| synapse(k / 1000, k.wrapping_mul(2_654_435_761) % 10_000, 0.5 + f64::from(k % 100), 1.0))
        .collect();
    let start = std::time::Instant::now();
    let found = lint::spinnaker(&d, &Known::default());
    let fixed = start.elapsed();
    let linted = lint::quantised(&d, &Options::LOWERED, None, &Known::default());
    eprintln!("{fixed:?} without quantisation, {:?} with both: {:?}", start.elapsed(), codes(&linted.findings));
    assert_eq!(codes(&found), Vec::<&str>::new());
}
