//! The command line: flags → work → print.
//!
//! | file | owns |
//! |---|---|
//! | `context` | what every command shares: output form, seed, progress |
//! | `output` | numbers and tables as text |
//! | `interrupt` | what is said when training is broken off |
//! | `repeat` | commands that repeat a result |
//! | `target` | files to be written, never those being read |
//! | `connectome` | `import`, `info`, `query`, `synth`, `diff`, `verify` |
//! | `circuit` | `build`, `info`, `shuffle`, `lesion` |
//! | `odors` | `make`, `info` |
//! | `neuron` | biophysical neurons: simulate, sets for twins, plot, tables of a model, morphologies |
//! | `train`, `eval`, `report` | training a network, judging a checkpoint, a run as one page |
//! | `export`, `lowering` | a trained network in the files of others; how it is lowered |
//! | `lint` | what is wrong with a deployment |
//! | `certify` | what a board makes of a trained network |
//! | `emulate` | what a SpiNNaker board would compute |
//! | `demo` | the whole path on the synthetic fly |
//! | `check` | whether arrays of other programs hold what they should |
//! | `validate` | replays folders of reference cases |

mod certify;
mod check;
mod circuit;
mod connectome;
mod context;
mod demo;
mod emulate;
mod eval;
mod export;
mod interrupt;
mod lint;
mod lowering;
mod neuron;
mod odors;
mod output;
mod repeat;
mod report;
mod target;
mod train;
mod validate;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use kenyon_base::UserError;

use context::Context;

/// From a fly connectome dump to a spiking network on neuromorphic hardware.
#[derive(Debug, Parser)]
#[command(name = "kenyon", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Example:\n  kenyon demo --run my_first_fly")]
struct Cli {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    noun: Noun,
}

/// Where help pages show the options of every command: apart from the command's own.
const HEADING: &str = "Options of every command";

/// Options of every command.
#[derive(Debug, Clone, clap::Args)]
struct Shared {
    /// Print exactly one JSON document on stdout; logs and progress go to stderr
    #[arg(long, global = true, help_heading = HEADING)]
    json: bool,
    /// No progress and no notes on stderr, only errors
    #[arg(long, global = true, help_heading = HEADING)]
    quiet: bool,
    /// Seed of all random numbers [default: 1]
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true, help_heading = HEADING)]
    seed: Option<u64>,
    /// Number of threads; results do not depend on it [default: all cores]
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true, help_heading = HEADING)]
    threads: Option<usize>,
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// The whole path on the built-in synthetic fly, or on a real dump
    Demo(demo::Demo),
    /// Codex dumps: import, look at, query, compare, verify, synthesise
    #[command(subcommand, after_help = "Example:\n  kenyon connectome import codex_783/ -o fly.h5")]
    Connectome(connectome::Verb),
    /// Circuits: build, look at, shuffle, lesion
    #[command(
        subcommand,
        after_help = "Example:\n  kenyon circuit build examples/synthetic_fly.toml --connectome fly.h5 -o circuit.h5"
    )]
    Circuit(circuit::Verb),
    Train(train::Train),
    Eval(eval::Eval),
    Report(report::Report),
    /// A trained network for other simulators and for hardware
    #[command(
        subcommand,
        after_help = "NeuroML is not written: use PyNN, NIR or SONATA.\n\nExample:\n  kenyon export pynn runs/first -o pynn"
    )]
    Export(export::Verb),
    Lint(lint::Lint),
    Certify(certify::Certify),
    Emulate(emulate::Emulate),
    Validate(validate::Validate),
    /// Whether arrays that another program made hold what they should
    #[command(subcommand, after_help = "Example:\n  kenyon check dale v.npy --excitatory 89")]
    Check(check::Verb),
    /// Odours: input spikes for the receptor neurons of a circuit
    #[command(subcommand, after_help = "Example:\n  kenyon odors make --circuit circuit.h5 -o odors.h5")]
    Odors(odors::Verb),
    /// Neurons with a shape: simulate a protocol, make sets for twins, draw traces, f-I curves, morphologies
    #[command(subcommand, after_help = "Example:\n  kenyon neuron simulate examples/neuron_step.toml -o step --plot")]
    Neuron(Box<neuron::Verb>),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

/// Runs one command line and returns its exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let wants_json = args.iter().any(|a| a == "--json");
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, wants_json),
    };
    let context = Context::new(&cli.shared);
    let result = context.set_up(&cli.shared).and_then(|()| match cli.noun {
        Noun::Demo(demo) => demo.run(&context),
        Noun::Connectome(verb) => verb.run(&context),
        Noun::Circuit(verb) => verb.run(&context),
        Noun::Train(train) => train.run(&context),
        Noun::Eval(eval) => eval.run(&context),
        Noun::Report(report) => report.run(&context),
        Noun::Export(verb) => verb.run(&context),
        Noun::Lint(lint) => lint.run(&context),
        Noun::Certify(certify) => certify.run(&context),
        Noun::Emulate(emulate) => emulate.run(&context),
        Noun::Validate(validate) => validate.run(&context),
        Noun::Check(verb) => verb.run(&context),
        Noun::Odors(verb) => verb.run(&context),
        Noun::Neuron(verb) => verb.run(&context),
    });
    match result.and_then(|()| context.check_stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => context.fail(&error),
    }
}

/// Help and version are asked for; anything else is wrong usage.
fn usage(error: &clap::Error, wants_json: bool) -> ExitCode {
    if !error.use_stderr() {
        return match error.print() {
            Err(cause) if cause.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        };
    }
    let _ = error.print();
    if wants_json {
        let text = error.render().to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_string();
        // Standard error has it already.
        let _ = output::json(&serde_json::json!({ "error": UserError::usage("usage", message).mend("see `--help`") }));
    }
    ExitCode::from(2)
}
