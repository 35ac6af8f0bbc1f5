//! What is predicted of a run, in milliseconds: the labels of simulation sets ([`Labels`]) beside the reference's.

use std::path::Path;

use kenyon_base::{Result, UserError};
use kenyon_datasets::simulation::{LabelSpec, Labels, capped};

use super::setup::Setup;
use crate::validation::Findings;
use crate::validation::deviation::{apart, beyond, worst};
use crate::validation::table::{self, Column, Table};
use crate::validation::traces::ms;

/// The soma's potential is cut off here, mV.
pub(super) const CAP_MV: f64 = -62.0;
/// Bar of the rate, 1/ms.
const RATE: f64 = 1e-6;
/// Bar of the capped potential, mV.
const CAPPED_MV: f64 = 2e-5;
const COLUMNS: [&str; 5] = ["t_ms", "spike", "near_spike", "inst_rate_per_ms", "v_soma_capped"];

/// Samples per millisecond, if steps fill one.
fn per_ms(setup: &Setup) -> Option<usize> {
    let per_ms = (1.0 / setup.params.dt_ms()).round() as usize;
    (per_ms > 0 && (per_ms as f64 * setup.params.dt_ms() - 1.0).abs() <= 1e-9).then_some(per_ms)
}

/// Our labels, as simulation sets store them.
fn ours(setup: &Setup, v_soma: &[f64], per_ms: usize) -> Result<Labels> {
    let spec = LabelSpec { soma_cap_mv: CAP_MV, ..LabelSpec::default() };
    Labels::from_trace(v_soma, per_ms, setup.duration_ms() as usize, &spec)
}

/// Ones and zeros.
fn flags(flags: &[bool]) -> Vec<f64> {
    flags.iter().map(|f| f64::from(u8::from(*f))).collect()
}

/// Compares all labels of a run.
pub(super) fn compare(findings: &mut Findings, setup: &Setup, table: &Table, v_soma: &[f64]) -> Result<()> {
    findings.compared();
    let Some(per_ms) = per_ms(setup) else {
        findings.fault("labels of a run whose steps do not fill milliseconds");
        return Ok(());
    };
    let whole = findings.columns(table, &COLUMNS, &[]);
    let ours = ours(setup, v_soma, per_ms)?;
    if table.len() != ours.spike.len() {
        findings.fault(format!("{} labels of a run of {}", table.len(), ms(setup.duration_ms())));
        return Ok(());
    }
    if !whole {
        return Ok(());
    }
    let times: Vec<f64> = (0..table.len()).map(|k| k as f64).collect();
    let stored = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
    for (name, ours) in [("t_ms", times), ("spike", flags(&ours.spike)), ("near_spike", flags(&ours.near_spike))] {
        let theirs = table.numbers(name)?;
        let (row, error) = worst(theirs.iter().zip(&ours).map(|(a, b)| (a - b).abs()));
        if beyond(error, 1e-9) {
            findings.fault(format!("the label {name} at {row} ms is {} instead of {}", ours[row], theirs[row]));
        }
    }
    let columns = [
        ("inst_rate_per_ms", stored(&ours.inst_rate), RATE),
        ("v_soma_capped", stored(&capped(&ours.soma_v, CAP_MV)), CAPPED_MV),
    ];
    for (name, ours, bar) in columns {
        findings.within(&format!("the label {name}"), apart(&table.numbers(name)?, &ours), bar);
    }
    findings.bar(format!("labels exact, rate {RATE:e}, capped potential {CAPPED_MV:e} mV"));
    Ok(())
}

/// Writes our labels, if steps fill milliseconds; the capped potential with all its digits.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn write(to: &Path, setup: &Setup, v_soma: &[f64]) -> Result<()> {
    let Some(per_ms) = per_ms(setup) else { return Ok(()) };
    let labels = ours(setup, v_soma, per_ms).map_err(UserError::in_data)?;
    let whole = |flags: &[bool]| Column::whole(flags.iter().map(|f| u64::from(*f)));
    let capped = v_soma.iter().step_by(per_ms).take(labels.spike.len()).map(|v| v.min(CAP_MV)).collect();
    table::write(
        to,
        &[
            (COLUMNS[0], &Column::whole(0..labels.spike.len() as u64)),
            (COLUMNS[1], &whole(&labels.spike)),
            (COLUMNS[2], &whole(&labels.near_spike)),
            (COLUMNS[3], &Column::Numbers(labels.inst_rate.iter().map(|rate| f64::from(*rate)).collect())),
            (COLUMNS[4], &Column::Numbers(capped)),
        ],
    )
}
