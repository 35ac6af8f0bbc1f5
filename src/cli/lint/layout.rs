//! How the populations of a network lie on a machine: cores, memory, rows, and what their ring buffers hold beside what arrives.

use kenyon_base::shown;
use kenyon_hardware::Deployment;
use kenyon_hardware::lint::Linted;
use kenyon_hardware::spinnaker::Choice;
use serde::Serialize;

use crate::cli::output::{TextTable, count};

/// One population.
#[derive(Debug, Serialize)]
pub(super) struct Lain {
    population: String,
    neurons: u32,
    cores: u32,
    /// Shifts of the ring buffers, exc and inh; none for spike sources.
    shift: Option<[u8; 2]>,
    /// Largest sum that a slot holds (nA, uS).
    holds: Option<[f64; 2]>,
    /// Largest sum of a step that the samples gave (nA, uS), where it was measured.
    largest_sum: Option<[f64; 2]>,
    delay_slots: u32,
    max_delay_steps: u32,
    longest_row: u32,
    dtcm_bytes: u32,
    sdram_bytes: u64,
}

/// The populations of a network that could be quantised.
pub(super) fn layout(deployment: &Deployment, linted: &Linted, measured: Option<&Choice>) -> Vec<Lain> {
    let (Some(network), Some(fit)) = (&linted.quantised, &linted.fit) else { return Vec::new() };
    let populations = deployment.populations.iter().zip(&network.populations).zip(&fit.populations).enumerate();
    let row = |(k, ((described, population), fit)): (usize, ((&kenyon_hardware::Population, _), _))| {
        let population: &kenyon_hardware::spinnaker::QuantisedPopulation = population;
        let fit: &kenyon_hardware::spinnaker::packing::PopulationFit = fit;
        let cells = population.cells.as_ref();
        let full = |shift: u8, scale: f64| 65_535.0 * f64::from(i32::from(shift) - 15).exp2() / scale;
        Lain {
            population: described.label.clone(),
            neurons: population.n,
            cores: fit.cores,
            shift: cells.map(|c| c.shift),
            holds: cells.map(|c| c.shift.map(|shift| full(shift, c.weight_scale()))),
            largest_sum: cells.and(measured).and_then(|m| m.largest_sum.get(k).copied()),
            delay_slots: fit.delay_slots,
            max_delay_steps: fit.max_delay_steps,
            longest_row: fit.longest_row,
            dtcm_bytes: fit.dtcm_bytes,
            sdram_bytes: fit.sdram_bytes,
        }
    };
    populations.map(row).collect()
}

/// The same as text.
pub(super) fn table(rows: &[Lain]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let header =
        ["population", "neurons", "cores", "shift", "largest sum", "of", "delay", "of", "row", "of", "data memory", "of"];
    let mut table = TextTable::new(&header);
    let pair = |pair: Option<[f64; 2]>| pair.map_or_else(|| "-".into(), |[e, i]| format!("{} / {}", short(e), short(i)));
    for row in rows {
        let cells = row.shift.is_some();
        let number = |n: u32| if cells { count(n.into()) } else { "-".into() };
        table.row([
            shown(&row.population),
            count(row.neurons.into()),
            count(row.cores.into()),
            row.shift.map_or_else(|| "-".into(), |[e, i]| format!("{e} / {i}")),
            pair(row.largest_sum),
            pair(row.holds),
            number(row.max_delay_steps),
            number(row.delay_slots),
            number(row.longest_row),
            number(kenyon_hardware::spinnaker::board::LONGEST_ROW),
            number(row.dtcm_bytes),
            number(kenyon_hardware::spinnaker::packing::DTCM_PER_CORE),
        ]);
    }
    table.render() + "sums of a step exc / inh in nA or uS; delays in steps; rows in synapses; data memory of a core in bytes\n"
}

/// Three digits that count.
fn short(x: f64) -> String {
    if x == 0.0 {
        return "0".into();
    }
    let digits = (2.0 - x.abs().log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{x:.digits$}")
}
