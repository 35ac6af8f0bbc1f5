//! What is said when training is broken off by Ctrl-C or SIGTERM: where it stopped, and how to go on.
//!
//! A run survives being killed at any moment, so nothing is saved here; after the words the signal does what it does by default.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

/// What is under way, if it is training.
static UNDER_WAY: Mutex<Option<UnderWay>> = Mutex::new(None);

#[derive(Debug, Default)]
struct UnderWay {
    run: PathBuf,
    quiet: bool,
    stage: String,
    done: u64,
    total: Option<u64>,
}

/// Says from now on, until the value is dropped, how to go on with the training in `run` if a signal ends it.
#[must_use]
pub(super) fn watch(run: &Path, quiet: bool) -> Watch {
    static HANDLER: OnceLock<bool> = OnceLock::new();
    with(|under_way| *under_way = Some(UnderWay { run: run.to_path_buf(), quiet, ..UnderWay::default() }));
    Watch { heard: *HANDLER.get_or_init(listen) }
}

/// Training that is watched.
#[derive(Debug)]
pub(super) struct Watch {
    /// Whether signals can be heard on this system.
    pub(super) heard: bool,
}

impl Drop for Watch {
    fn drop(&mut self) {
        with(|under_way| *under_way = None);
    }
}

/// A stage of the work begins.
pub(super) fn stage(name: &str, total: Option<u64>) {
    with(|under_way| {
        if let Some(under_way) = under_way {
            (under_way.stage, under_way.done, under_way.total) = (name.into(), 0, total);
        }
    });
}

/// The stage has advanced.
pub(super) fn advance(units: u64) {
    with(|under_way| {
        if let Some(under_way) = under_way {
            under_way.done += units;
        }
    });
}

fn with(change: impl FnOnce(&mut Option<UnderWay>)) {
    change(&mut UNDER_WAY.lock().expect("no holder of this lock panics"));
}

/// How to go on.
fn words(under_way: &UnderWay) -> String {
    let mut place = if under_way.stage.is_empty() { "before the first epoch".into() } else { format!("in {}", under_way.stage) };
    if let Some(total) = under_way.total {
        let _ = write!(place, ", after {} of {} samples", under_way.done, total);
    }
    let last = std::fs::read_to_string(under_way.run.join("checkpoints/last"));
    let from = match last {
        Ok(name) => format!("its last checkpoint is {}", name.trim()),
        Err(_) => "it has no checkpoint yet and will begin anew".into(),
    };
    let run = super::repeat::quoted(&under_way.run.display().to_string());
    format!("\nstopped {place}; {from}\ngo on with: kenyon train --run {run} --resume\n")
}

#[cfg(unix)]
fn listen() -> bool {
    use std::io::{Write as _, stderr};

    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return false };
    let say = move || {
        for signal in signals.forever() {
            with(|under_way| {
                if let Some(under_way) = under_way.as_ref().filter(|u| !u.quiet) {
                    let _ = stderr().write_all(words(under_way).as_bytes());
                }
            });
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(say).is_ok()
}

#[cfg(not(unix))]
fn listen() -> bool {
    false
}
