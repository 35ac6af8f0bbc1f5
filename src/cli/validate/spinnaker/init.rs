//! `lif_init*.csv`: parameters, their raw values, and what the core derived from them.

use std::fs;
use std::path::Path;

use kenyon_base::{AtomicFile, Result, UserError};
use kenyon_hardware::CellKind;
use kenyon_hardware::spinnaker::fixed;
use kenyon_hardware::spinnaker::init::RawCells;

use super::{Case, Outcome, UNIT};

/// Whether a file of this name is a table of initialisations.
pub(super) fn is_table(name: &str) -> bool {
    name.starts_with("lif_init") && Path::new(name).extension().is_some_and(|end| end == "csv")
}

/// Columns with parameters in decimals, beside which their raw value stands.
const PARAMETERS: [(&str, &str); 10] = [
    ("timestep_ms", "raw_timestep"),
    ("cm", "raw_cm"),
    ("tau_m", "raw_tau_m"),
    ("tau_refrac", "raw_tau_refrac"),
    ("v_rest", "raw_v_rest"),
    ("v_reset", "raw_v_reset"),
    ("v_thresh", "raw_v_thresh"),
    ("i_offset", "raw_i_offset"),
    ("tau_syn_E", "raw_tau_syn_E"),
    ("tau_syn_I", "raw_tau_syn_I"),
];
/// Columns that the core derives.
const DERIVED: [&str; 7] = ["R_membrane", "exp_TC", "T_refract", "exc_decay", "exc_init", "inh_decay", "inh_init"];

/// Compares every row; writes our values to `dump`.
pub(super) fn compare(path: &Path, name: &str, dump: Option<&Path>) -> Result<Case> {
    let text = fs::read_to_string(path).map_err(|e| UserError::cannot_read(path, &e))?;
    let mut lines = text.trim_end().lines();
    let header = lines.next().unwrap_or_default();
    let columns: Vec<&str> = header.split(',').collect();
    let column = |wanted: &str| {
        columns.iter().position(|c| *c == wanted).ok_or_else(|| {
            UserError::bad_data("missing-column", "lacks a column").file(path).line(1).column(wanted).expected(wanted)
        })
    };
    let decimals: Vec<usize> = PARAMETERS.iter().map(|p| column(p.0)).collect::<Result<_>>()?;
    let ours_at: Vec<usize> = PARAMETERS.iter().map(|p| p.1).chain(DERIVED).map(column).collect::<Result<_>>()?;
    let (mut outcome, mut largest) = (Outcome::default(), 0u64);
    let mut written = format!("{header}\n");
    let mut first = None;
    for (k, line) in lines.enumerate() {
        let mut cells: Vec<String> = line.split(',').map(|c| c.trim().to_string()).collect();
        let at = |i: usize| UserError::bad_data("init-value", "bad value").file(path).line(k as u64 + 2).column(columns[i]);
        if cells.len() != columns.len() {
            return Err(at(0).found(format!("{} values", cells.len())).expected(columns.len().to_string()));
        }
        let mut raw = Vec::with_capacity(decimals.len());
        for &i in &decimals {
            let value = cells[i].parse().ok().and_then(fixed::raw);
            raw.push(value.ok_or_else(|| at(i).found(&cells[i]).expected("a number from -65536 to 65535.99997"))?);
        }
        // The time step, the capacitance and the three time constants divide.
        for (&value, &i) in raw
            .iter()
            .zip(&decimals)
            .filter(|(_, i)| matches!(columns[**i], "timestep_ms" | "cm" | "tau_m" | "tau_syn_E" | "tau_syn_I"))
        {
            if value <= 0 {
                return Err(at(i).found(&cells[i]).expected("a value of at least 1/32768"));
            }
        }
        let ours = raw.iter().map(|raw| i64::from(*raw)).chain(derive(&raw));
        for (&i, ours) in ours_at.iter().zip(ours) {
            outcome.compared += 1;
            let theirs = cells[i].parse::<i64>();
            if theirs != Ok(ours) {
                largest = theirs.map_or(largest, |theirs| largest.max(theirs.abs_diff(ours)));
                outcome.differing += 1;
                first.get_or_insert_with(|| format!("row {} has {} {}, ours is {ours}", k + 1, columns[i], cells[i]));
                cells[i] = ours.to_string();
            }
        }
        written += &cells.join(",");
        written.push('\n');
    }
    if let Some(dump) = dump {
        if let Some(folder) = dump.parent() {
            fs::create_dir_all(folder).map_err(|e| UserError::cannot_write(folder, &e))?;
        }
        AtomicFile::write(dump, written.as_bytes())?;
    }
    let note = match first {
        _ if outcome.compared == 0 => "no row to compare".into(),
        Some(first) => first,
        None => format!("{} initialisations", outcome.compared / ours_at.len() as u64),
    };
    Ok(Case {
        name: name.into(),
        pass: outcome.differing == 0 && outcome.compared > 0,
        max_abs_error: Some(largest as f64),
        unit: UNIT,
        note,
        extras: outcome,
        ..Case::default()
    })
}

/// What the core derives from raw parameters in the order of [`PARAMETERS`].
fn derive(raw: &[i32]) -> impl Iterator<Item = i64> + use<> {
    let one = |i: usize| vec![raw[i]];
    let cells =
        RawCells { cm: one(1), tau_m: one(2), tau_refrac: one(3), tau_syn_e: one(8), tau_syn_i: one(9), ..RawCells::default() };
    let d = cells.derive(CellKind::CurrExp, raw[0], 0);
    let state = [d.r_membrane, d.exp_tc, d.t_refract].map(i64::from);
    state.into_iter().chain([d.exc.decay, d.exc.init, d.inh.decay, d.inh.init].map(i64::from))
}
