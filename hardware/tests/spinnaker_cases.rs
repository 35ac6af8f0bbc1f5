//! The emulator beside the released binaries, and beside its plain twin on random networks.

use std::path::{Path, PathBuf};

use kenyon_hardware::lowering::{self, Lif};
use kenyon_hardware::spinnaker::case::{Case, Difference};
use kenyon_hardware::spinnaker::init::RawCells;
use kenyon_hardware::spinnaker::plain::{self, Arithmetic};
use kenyon_hardware::spinnaker::{Emulator, Options, Quantised, Run, Shifts, fixed, measured_shifts, quantise};
use kenyon_hardware::{CellKind, Cells, Deployment, Population, Projection, Receptor, Role, Synapse, Variable};

/// The reference's folders; none where there is no reference data.
fn folders() -> Vec<PathBuf> {
    let root = std::env::var_os("KENYON_REFERENCE_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from)
        .join("spinnaker");
    let Ok(entries) = std::fs::read_dir(&root) else {
        eprintln!("skipped: no reference data");
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|p| p.join("network.json").is_file()).collect();
    folders.sort();
    folders
}

fn differences(case: &Case, network: &Quantised, run: &Run) -> Vec<Difference> {
    case.compare(network, run).into_iter().filter(|d| d.total() > 0).collect()
}

#[test]
fn every_value_of_the_reference_cases_is_the_binaries_own() {
    for folder in folders() {
        let case = Case::read(&folder).expect("a sound case");
        let network = quantise(&case.deployment, &Options::AS_WRITTEN).expect("sound");
        let run = Emulator::new(&network).run(case.input());
        assert_eq!(differences(&case, &network, &run), [], "{}", folder.display());
        assert_eq!(plain::run(&network, case.input(), Arithmetic::BOARD), run, "{}", folder.display());
        let compared: u64 = case.compare(&network, &run).iter().map(|d| d.compared).sum();
        assert!(compared > 1000, "{} compares {compared} values", folder.display());
    }
}

/// How many of the cases differ if the network or the arithmetic is spoiled.
fn failing(folders: &[PathBuf], spoil: impl Fn(&mut Quantised), arithmetic: Arithmetic) -> usize {
    let fails = folders.iter().filter(|folder| {
        let case = Case::read(folder).expect("a sound case");
        let mut network = quantise(&case.deployment, &Options::AS_WRITTEN).expect("sound");
        spoil(&mut network);
        !differences(&case, &network, &plain::run(&network, case.input(), arithmetic)).is_empty()
    });
    fails.count()
}

fn each_cells(network: &mut Quantised, change: impl FnMut(&mut kenyon_hardware::spinnaker::QuantisedCells)) {
    network.populations.iter_mut().filter_map(|p| p.cells.as_mut()).for_each(change);
}

#[test]
fn wrong_arithmetic_is_noticed() {
    let folders = folders();
    if folders.is_empty() {
        return;
    }
    assert_eq!(failing(&folders, |_| {}, Arithmetic::BOARD), 0);
    let board = Arithmetic::BOARD;
    let nearest = Arithmetic { mul: |a, b| (i64::from(a) * i64::from(b) + (1 << 14)) >> 15, ..board };
    assert!(failing(&folders, |_| {}, nearest) >= 5, "products rounded to the nearest");
    let nearest = Arithmetic { decay: |x, d| ((i64::from(x) * i64::from(d) + (1 << 31)) >> 32) as i32, ..board };
    assert!(failing(&folders, |_| {}, nearest) >= 4, "decays rounded to the nearest");
    let exchanged = Arithmetic { inhibition: |g, v, e| fixed::wide_mul(g, e.wrapping_sub(v)), ..board };
    assert!(failing(&folders, |_| {}, exchanged) >= 1, "inhibitory conductance with exchanged order");
}

#[test]
fn wrong_constants_are_noticed() {
    let folders = folders();
    if folders.is_empty() {
        return;
    }
    let full_one = |network: &mut Quantised| {
        let ts = i64::from(network.ts);
        each_cells(network, |cells| {
            let taus: Vec<[i32; 2]> = cells.raw.tau_syn_e.iter().zip(&cells.raw.tau_syn_i).map(|(e, i)| [*e, *i]).collect();
            for (derived, [e, i]) in cells.derived.iter_mut().zip(taus) {
                for (constants, tau) in [(&mut derived.exc, e), (&mut derived.inh, i)] {
                    let steps = ((i64::from(tau) << 15) / ts) as u64;
                    constants.init = ((steps * ((1 << 32) - u64::from(constants.decay))) >> 15) as u32;
                }
            }
        });
    };
    assert!(failing(&folders, full_one, Arithmetic::BOARD) >= 1, "2^32 instead of 2^32 - 1 in init");
    let from_rest = |network: &mut Quantised| each_cells(network, |cells| cells.raw.v_init.clone_from(&cells.raw.v_rest));
    assert!(failing(&folders, from_rest, Arithmetic::BOARD) >= 6, "V starts at rest");
    let shifted = |network: &mut Quantised| each_cells(network, |cells| cells.shift[0] += 1);
    assert!(failing(&folders, shifted, Arithmetic::BOARD) >= 6, "another shift");
    let later = |network: &mut Quantised| {
        let synapses = network.projections.iter_mut().flat_map(|p| &mut p.synapses);
        synapses.for_each(|s| s.delay += 1);
    };
    assert!(failing(&folders, later, Arithmetic::BOARD) >= 6, "one step later");
}

#[test]
fn delta_input_is_divided_by_the_time_step() {
    // The reference's only delta case has 1 ms, where the division changes nothing; so the number itself is pinned.
    use kenyon_hardware::spinnaker::init::delta_gain;
    assert_eq!([32_768, 16_384, 3_277, 65_536].map(delta_gain), [32_768, 65_536, 327_660, 16_384]);
    let Some(folder) = folders().into_iter().find(|f| f.ends_with("curr_delta_1ms")) else { return };
    let mut case = Case::read(&folder).expect("a sound case");
    case.deployment.dt_ms = 0.5;
    let mut network = quantise(&case.deployment, &Options::AS_WRITTEN).expect("sound");
    let right = plain::run(&network, case.input(), Arithmetic::BOARD);
    each_cells(&mut network, |cells| cells.delta_gain = 32_768);
    assert_ne!(plain::run(&network, case.input(), Arithmetic::BOARD), right);
}

#[test]
fn every_initialisation_of_the_reference_is_the_binaries_own() {
    let Some(root) = folders().first().and_then(|f| f.parent().map(Path::to_path_buf)) else { return };
    let text = std::fs::read_to_string(root.join("lif_init.csv")).expect("the table");
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let mut rows = 0;
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let text = |name: &str| cells[header.iter().position(|h| *h == name).expect(name)];
        let raw = |name: &str| fixed::raw(text(name).parse().expect("a number")).expect("in range");
        for name in
            ["timestep", "cm", "tau_m", "tau_refrac", "v_rest", "v_reset", "v_thresh", "i_offset", "tau_syn_E", "tau_syn_I"]
        {
            let decimal = if name == "timestep" { "timestep_ms" } else { name };
            assert_eq!(raw(decimal).to_string(), text(&format!("raw_{name}")), "{name} of row {rows}");
        }
        let column = |name: &str| vec![raw(name)];
        let parameters = RawCells {
            tau_m: column("tau_m"),
            cm: column("cm"),
            tau_refrac: column("tau_refrac"),
            tau_syn_e: column("tau_syn_E"),
            tau_syn_i: column("tau_syn_I"),
            ..RawCells::default()
        };
        let d = parameters.derive(CellKind::CurrExp, raw("timestep_ms"), 0);
        let (exc, inh) = (d.exc, d.inh);
        let ours = [d.r_membrane.to_string(), d.exp_tc.to_string(), d.t_refract.to_string()].into_iter();
        let ours = ours.chain([exc.decay, exc.init, inh.decay, inh.init].map(|x| x.to_string()));
        let names = ["R_membrane", "exp_TC", "T_refract", "exc_decay", "exc_init", "inh_decay", "inh_init"];
        for (name, ours) in names.into_iter().zip(ours) {
            assert_eq!(ours, text(name), "{name} of row {rows}");
        }
        rows += 1;
    }
    assert_eq!(rows, 320);
}

#[test]
fn the_worked_example_of_a_lowered_neuron_has_its_numbers() {
    let (dt, scale) = (2.0f64, 256.0);
    let (a, b) = ((-dt / 40.0).exp(), (-dt / 80.0).exp());
    let lif = Lif { decay_syn: [&[a], &[a]], decay_mem: &[b], i_c: &[0.4488], threshold: &[1.0], reset: &[0.0] };
    let neurons = lowering::spiking(&lif, dt, scale, 0).expect("sound");
    let mut deployment = Deployment::new("example", dt, 7);
    let mut add = |label: &str, role, cells, record: &[Variable]| {
        let (label, record) = (label.to_string(), record.to_vec());
        deployment.add(Population { label, role, ids: vec![1], names: Vec::new(), cells, record, v_scale: scale })
    };
    let pre = add("in", Role::Input, Cells::SpikeSource, &[]);
    let post = add("out", Role::Hidden, Cells::Neurons(Box::new(neurons)), &[Variable::V, Variable::GsynExc]);
    let synapses = vec![Synapse { pre: 0, post: 0, weight: 0.5 * scale, delay_steps: 1.0 }];
    deployment.projections.push(Projection { pre, post, receptor: Receptor::Excitatory, synapses });
    let network = quantise(&deployment, &Options { shifts: Shifts::Given(vec![[10, 0]; 2]), ..Options::LOWERED }).expect("sound");
    let cells = network.populations[1].cells.as_ref().expect("neurons");
    assert_eq!((cells.raw.tau_m[0], cells.raw.cm[0], cells.raw.i_offset[0]), (2_621_440, 2_621_440, -3_764_807));
    assert_eq!(
        (cells.raw.v_thresh[0], cells.derived[0].t_refract, network.projections[0].synapses[0].weight),
        (8_388_609, 1, 4200)
    );
    let run = Emulator::new(&network).run(&[(0, 0, 1)]);
    assert_eq!(run.populations[1].v, [0, -92_948, -183_601, -168_468, -158_757, -154_089, -154_105]);
    assert_eq!(run.populations[1].gsyn_exc, [0, 0, 4_194_150, 3_989_642, 3_795_106, 3_610_056, 3_434_029]);
}

#[test]
fn measured_shifts_leave_room_and_do_not_clip() {
    for folder in folders() {
        let case = Case::read(&folder).expect("a sound case");
        let choice = measured_shifts(&case.deployment, &Options::AS_WRITTEN, &case.deployment.samples).expect("samples");
        let chosen = choice.alternatives.iter().filter(|a| a.shift == choice.shifts[a.population as usize]);
        for alternative in chosen {
            assert_eq!(alternative.saturated, 0, "{}", folder.display());
            let sums = choice.largest_sum[alternative.population as usize];
            for (shift, sum) in alternative.shift.into_iter().zip(sums) {
                assert!(2.0 * sum <= f64::from(shift + 1).exp2(), "{}: {sum} at {shift}", folder.display());
            }
        }
    }
}
