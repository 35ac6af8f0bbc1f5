//! Other simulators' runs of the same network: context for a certificate, never evidence.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kenyon_base::{Result, UserError};
use kenyon_hardware::certificate::Comparison;
use kenyon_hardware::{Deployment, pynn};

/// What back ends left in exported folders, one row per folder and back end; they must have been exported from the same checkpoint.
pub(super) fn compared(deployment: &Deployment, folders: &[PathBuf]) -> Result<Vec<Comparison>> {
    let mut out = Vec::new();
    for folder in folders {
        let checkpoint = |d: &Deployment| d.sources.iter().find(|(name, _)| name.starts_with("checkpoint")).cloned();
        let (ours, theirs) = (checkpoint(deployment), checkpoint(&pynn::read(folder)?));
        if ours != theirs {
            let shown = |of: Option<(String, String)>| {
                of.map_or_else(|| "no checkpoint".into(), |(name, hash)| format!("{name}, {hash}"))
            };
            return Err(UserError::bad_data("other-network", "was exported from another checkpoint")
                .file(folder)
                .found(shown(theirs))
                .expected(shown(ours))
                .mend("export this run, run the back end, and certify again"));
        }
        let mut by_back_end: BTreeMap<String, Vec<pynn::Comparison>> = BTreeMap::new();
        for row in pynn::compare(folder)? {
            by_back_end.entry(row.back_end.clone()).or_default().push(row);
        }
        out.extend(by_back_end.into_iter().map(|(backend, rows)| one(backend, &rows)));
    }
    Ok(out)
}

fn one(backend: String, rows: &[pynn::Comparison]) -> Comparison {
    let packages = rows[0].versions.iter().filter_map(|(name, version)| Some(format!("{name} {}", version.as_ref()?)));
    let sum = |of: fn(&pynn::Comparison) -> usize| rows.iter().map(of).sum::<usize>();
    let expected = sum(|row| row.expected_spikes);
    Comparison {
        backend,
        version: packages.collect::<Vec<_>>().join(", "),
        spikes: sum(|row| row.spikes) as u64,
        samples: rows.len() as u64,
        matched_share: (expected > 0).then(|| sum(|row| row.matched) as f64 / expected as f64),
        same_answer: rows.iter().filter(|row| row.answer.is_some() && row.answer == row.expected_answer).count() as u64,
        note: pynn::NOT_EVIDENCE.into(),
    }
}
