//! `kenyon neuron plot`.

use std::path::PathBuf;

use clap::Args;
use kenyon_base::{AtomicFile, Result, UserError, nearest};
use serde_json::json;

use super::result::Recorded;
use super::{output, picture};
use crate::cli::context::Context;
use crate::cli::output::of;
use crate::cli::target::Target;

/// Traces of a simulation as a picture
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kenyon neuron plot step\n  kenyon neuron plot step/result.h5 --trace 'v_soma[0](0.5)' -o soma.svg"
)]
pub(in crate::cli) struct Plot {
    /// Folder that `kenyon neuron simulate` wrote, or the result.h5 in it
    #[arg(value_name = "RESULT")]
    result: PathBuf,
    /// Picture to write, SVG [default: plot.svg]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Draw this trace only; repeatable [default: all, the first 24 of more]
    #[arg(long, value_name = "NAME")]
    trace: Vec<String>,
}

impl Plot {
    pub(super) fn run(&self, context: &Context) -> Result<()> {
        let path = self.output.clone().unwrap_or_else(|| "plot.svg".into());
        output::file(&path, "svg", "pictures are")?;
        let target = Target::new(&path, [self.result.as_path()])?;
        let mut recorded = Recorded::read(&self.result)?;
        for name in &self.trace {
            if !recorded.traces.iter().any(|t| t.name == *name) {
                let names = recorded.traces.iter().map(|t| t.name.as_str());
                let error = UserError::usage("unknown-trace", "there is no such trace").found(name);
                return Err(match nearest(name, names.clone()) {
                    Some(close) => error.mend(format!("did you mean `{close}`?")),
                    None => error.expected(names.take(12).collect::<Vec<_>>().join(", ")),
                });
            }
        }
        if self.trace.is_empty() {
            recorded.only_what_can_be_drawn().iter().for_each(|note| context.note(note));
        } else {
            recorded.traces.retain(|t| self.trace.contains(&t.name));
        }
        AtomicFile::write(&path, picture::svg(&recorded).as_bytes())?;
        target.written(context);
        let traces: Vec<&str> = recorded.traces.iter().map(|t| t.name.as_str()).collect();
        let report =
            json!({ "picture": path, "traces": traces, "left_out": recorded.left_out, "spikes": recorded.spikes_ms.len() });
        context.print(&report, || format!("{}, drawn: {}", of(traces.len() as u64, "trace"), path.display()));
        Ok(())
    }
}
