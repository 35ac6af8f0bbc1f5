//! What can be known to be wrong before anything is written, and whether a circuit is one to train.

use kenyon_base::{Result, UserError};
use kenyon_connectome::circuit::CircuitSpec;
use kenyon_connectome::codex::Folder;
use kenyon_connectome::{Circuit, Query};
use kenyon_datasets::odors::{InputLayer, Missing, ResponseTable};

use super::Demo;
use crate::training::TrainConfig;

/// Reads the user's small files once, so that a fault in them is told before minutes of work.
pub(super) fn inputs(demo: &Demo) -> Result<()> {
    if let Some(path) = &demo.responses {
        ResponseTable::read(path, Missing::Error)?;
    }
    if let Some(path) = &demo.receptor_map {
        InputLayer::read(path)?;
    }
    if let Some(path) = &demo.circuit {
        CircuitSpec::read(path)?;
    }
    if let Some(path) = &demo.data {
        Folder::scan(path)?;
    }
    Ok(())
}

/// Checks that the circuit has what the training reads: receptor neurons, and neurons for the readout.
///
/// # Errors
/// `no-inputs` or `no-readout`, with the connection tables that were read and those that were not.
pub(super) fn circuit(demo: &Demo, circuit: &Circuit, read: &[String], config: &TrainConfig) -> Result<()> {
    let query = &config.network.readout.query;
    // A query for a population that another circuit config does not have selects nothing.
    let rows = Query::parse(query).and_then(|query| query.select(circuit)).unwrap_or_default();
    let hidden = |&row: &u32| !circuit.input[row as usize];
    let (code, what, found) = if !circuit.input.contains(&true) {
        ("no-inputs", "receptor neurons to be driven by odours", "no receptor neuron")
    } else if !query.is_empty() && !rows.iter().any(hidden) {
        ("no-readout", "Kenyon cells, which are read out", "no neuron")
    } else {
        return Ok(());
    };
    let error = UserError::bad_data(code, format!("the circuit lacks {what}"))
        .found(format!("{found} with a connection, in {}", read.join(", ")));
    let error = match code {
        "no-readout" => error.expected(format!("neurons for `{query}`")),
        _ => error,
    };
    let Some(dir) = &demo.data else { return Err(error) };
    let all = Folder::scan(dir)?.tables;
    let others: Vec<&str> =
        all.iter().filter(|t| t.kind.is_connections() && !read.contains(&t.name)).map(|t| t.name.as_str()).collect();
    let several = || read.iter().map(String::as_str).chain(others.iter().copied()).collect::<Vec<_>>().join(",");
    Err(error.file(dir).mend(if others.is_empty() {
        "the folder holds no other connection table: download the whole of it, or name another `--circuit` config".to_string()
    } else {
        format!(
            "the folder also holds {}: try `--connections {}`, or both with `--connections {}` where they do not overlap",
            others.join(", "),
            others[0],
            several()
        )
    }))
}
