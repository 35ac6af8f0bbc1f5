//! Known faults of the reference system, each with a test that would catch it here; and bad input of `train` and `eval`.
//!
//! Numbers are those of the table in `docs/verified.md`, which also names the tests elsewhere that cover the other faults.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../support/mod.rs"]
mod support;

mod bad_config;
mod bad_run;
mod data;
mod network;
mod runs;
