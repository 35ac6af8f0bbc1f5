//! What a set would cost: time, disk, memory.

use std::time::Instant;

use kenyon_base::{Progress as _, Result};
use kenyon_datasets::simulation::{Part, Shard};
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::output::count;
use crate::simulation::Dataset as Resolved;
use crate::simulation::generate::{LANES, Trace, answers, steps_per_ms};

/// Longest part of an input that is simulated for the estimate, ms.
const MEASURED_MS: u32 = 200;

/// Prints what a set would cost: measured on the first inputs, at most [`MEASURED_MS`] of them.
pub(super) fn print(set: &Resolved, shard: Shard, context: &Context) -> Result<()> {
    let items = set.plan.items(shard);
    let config = set.plan.config();
    let simulated_s = items.len() as f64 * f64::from(config.bins()) / 1e3;
    context.stage("measuring", None);
    let mut inputs: Vec<_> = items.iter().take(LANES).map(|item| set.plan.input(item.part, item.index)).collect();
    let events: usize = inputs.iter().map(|input| input.events.len()).sum();
    let per_simulation = events as f64 / inputs.len().max(1) as f64;
    let measured_ms = config.bins().min(MEASURED_MS);
    for input in &mut inputs {
        input.events.retain(|e| e.t < measured_ms);
        (input.bins, input.warmup) = (measured_ms, 0);
    }
    let start = Instant::now();
    answers(&set.neuron, &set.settings, &inputs, f64::MAX)?;
    // A group of eight takes the time of eight cells, however many of them are needed.
    let core_per_s = start.elapsed().as_secs_f64() / (LANES as f64 * f64::from(measured_ms) / 1e3);
    let core_s = core_per_s * simulated_s;
    // A finished simulation lies in the journal until the set is written: both are on the disk in the end.
    let (n, segments) = (items.len() as f64, set.neuron.branches.len());
    let set_bytes = n * (per_simulation * 5.0 + f64::from(config.duration_ms) * (4.0 + segments as f64 * 1.6));
    let journal_bytes = n * (per_simulation * 6.0 + f64::from(config.duration_ms) * (5.0 + segments as f64 * 1.8));
    let peak_bytes = set_bytes + journal_bytes;
    // The traces of a group, and the record that is being written.
    let trace = Trace::bytes(segments, config.duration_ms as usize, steps_per_ms(set.settings.dt_ms)?) as f64;
    let memory_bytes = (LANES + 1) as f64 * (trace + per_simulation * 64.0);
    let report = json!({
        "simulations": items.len(), "simulated_s": simulated_s, "core_s_per_simulated_s": core_per_s, "core_s": core_s,
        "bytes_estimate": set_bytes, "journal_bytes_estimate": journal_bytes, "peak_bytes_estimate": peak_bytes,
        "memory_bytes_per_thread": memory_bytes,
        "parts": Part::ALL.map(|p| (p.name(), items.iter().filter(|i| i.part == p).count())), "notes": set.model.notes,
    });
    context.print(&report, || {
        format!(
            "{} simulations of {} ms: {:.0} s of simulated time\nabout {:.3} s of one core for each, {:.2} core hours in all (measured by the clock on {measured_ms} ms)\nabout {:.1} MB; with the journal, until it is complete, {:.1} MB\nabout {:.0} MB of memory per thread",
            count(items.len() as u64),
            config.bins(),
            simulated_s,
            core_per_s,
            core_s / 3600.0,
            set_bytes / 1e6,
            peak_bytes / 1e6,
            memory_bytes / 1e6
        )
    });
    Ok(())
}
