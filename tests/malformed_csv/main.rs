//! Malformed tables and keyword lists through the built binary: every fault names its place and its mend, and writes nothing.
//!
//! Rows "any", "CSV" and "keyword list" of the malformed-input matrix in `docs/formats.md`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../support/mod.rs"]
mod support;

mod attributes;
mod choice;
mod counts;
mod files;
mod header;
mod keywords;
mod limits;
mod text;
mod values;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use support::Ran;
use support::dump::{Dump, HEADER, gz, id, import, table, with_ids};

const CLASSES: &str = "root_id,flow,super_class,class,sub_class,hemilineage,side,nerve\n";

/// A classification table of these rows beside a sound connection table.
fn classified(rows: &str) -> Dump {
    Dump::sound().file("classification.csv", CLASSES.to_string() + &with_ids(rows))
}

/// A receptor map of these rows beside a sound connection table.
fn receptors(rows: &str) -> Dump {
    Dump::sound().file("derived/receptor_to_root_ids.csv", "receptor_label,root_id\n".to_string() + &with_ids(rows))
}
