//! What every command shares: the form of its output, the seed, progress.

use std::io::{IsTerminal, Write, stderr};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kenyon_base::{Progress, Result, UserError};
use serde::Serialize;

use super::{Shared, interrupt, output};

/// Shared state of one command.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) json: bool,
    pub(super) quiet: bool,
    pub(super) seed: u64,
    /// The seed, if the user named one.
    pub(super) given_seed: Option<u64>,
    bar: Mutex<ProgressBar>,
    /// Whether the one JSON document is out already, as with a verification that prints its failed checks.
    printed: AtomicBool,
    /// Why standard output could not be written, if so.
    broken: Mutex<Option<String>>,
    interactive: bool,
}

impl Context {
    pub(super) fn new(shared: &Shared) -> Self {
        Self {
            json: shared.json,
            quiet: shared.quiet,
            seed: shared.seed.unwrap_or(1),
            given_seed: shared.seed,
            bar: Mutex::new(ProgressBar::hidden()),
            printed: AtomicBool::new(false),
            broken: Mutex::new(None),
            interactive: !shared.quiet && stderr().is_terminal(),
        }
    }

    /// Sets the number of threads.
    pub(super) fn set_up(&self, shared: &Shared) -> Result<()> {
        if shared.threads.is_some_and(|n| !(1..=1024).contains(&n)) {
            let found = shared.threads.unwrap_or_default().to_string();
            return Err(UserError::usage("bad-threads", "`--threads` is out of range").found(found).expected("1 to 1024"));
        }
        if let Some(threads) = shared.threads {
            // Fails only if a pool exists already, as in tests that call twice: then that pool serves.
            let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        }
        // Warnings of the libraries. A second call in one process, as in tests, keeps the first subscriber.
        let level = if self.quiet { tracing::Level::ERROR } else { tracing::Level::WARN };
        let subscriber = tracing_subscriber::fmt().with_max_level(level).with_writer(stderr).without_time().with_target(false);
        let _ = subscriber.with_ansi(stderr().is_terminal()).try_init();
        Ok(())
    }

    /// Prints the result: as JSON, or as the text that `text` makes.
    pub(super) fn print(&self, value: &impl Serialize, text: impl FnOnce() -> String) {
        self.clear();
        self.printed.store(true, Ordering::Relaxed);
        let result = if self.json { output::json(value) } else { output::text(&text()) };
        if let Err(cause) = result {
            *self.broken.lock().expect("no holder of this lock panics") = Some(cause.to_string());
        }
    }

    /// Whether everything that was printed has arrived.
    pub(super) fn check_stdout(&self) -> Result<()> {
        match self.broken.lock().expect("no holder of this lock panics").take() {
            None => Ok(()),
            Some(cause) => Err(UserError::failed("cannot-write", format!("standard output cannot be written: {cause}"))
                .mend("check where it goes and the space left there")),
        }
    }

    /// A note for the user on stderr.
    pub(super) fn note(&self, message: &str) {
        if !self.quiet {
            self.clear();
            let _ = writeln!(stderr(), "{message}");
        }
    }

    /// A warning on stderr; shown unless quiet.
    pub(super) fn warn(&self, message: &str) {
        self.note(&format!("warning: {message}"));
    }

    /// Prints an error and returns its exit code.
    pub(super) fn fail(&self, error: &UserError) -> ExitCode {
        self.clear();
        let mark =
            if stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() { "\u{1b}[1;31merror\u{1b}[0m" } else { "error" };
        let _ = writeln!(stderr(), "{mark}[{}]: {error}", error.code());
        if self.json && !self.printed.load(Ordering::Relaxed) {
            // The error stands on standard error already.
            let _ = output::json(&serde_json::json!({ "error": error }));
        }
        ExitCode::from(error.exit_code())
    }

    fn clear(&self) {
        self.bar.lock().expect("no holder of this lock panics").finish_and_clear();
    }
}

impl Progress for Context {
    fn stage(&self, name: &str, total: Option<u64>) {
        interrupt::stage(name, total);
        if !self.interactive {
            return;
        }
        let bar = match total {
            Some(total) => ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()),
            None => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
        };
        let template = if total.is_some() {
            "{prefix} {msg} {wide_bar} {percent:>3} % {eta:>5}"
        } else {
            "{spinner} {prefix} {msg} {human_pos}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_string());
        bar.enable_steady_tick(Duration::from_millis(100));
        let mut current = self.bar.lock().expect("no holder of this lock panics");
        current.finish_and_clear();
        *current = bar;
    }

    fn advance(&self, units: u64) {
        interrupt::advance(units);
        if self.interactive {
            self.bar.lock().expect("no holder of this lock panics").inc(units);
        }
    }

    fn message(&self, text: &str) {
        if self.interactive {
            self.bar.lock().expect("no holder of this lock panics").set_message(text.to_string());
        }
    }

    fn note(&self, line: &str) {
        Self::note(self, line);
    }
}
