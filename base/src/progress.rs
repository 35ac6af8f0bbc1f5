//! How long work tells how far it is, without knowing whether anyone looks.

/// Receives the progress of long work.
pub trait Progress: Sync {
    /// A new stage begins; `total` units of work if known.
    fn stage(&self, name: &str, total: Option<u64>);
    /// `units` more are done.
    fn advance(&self, units: u64);
    /// How the stage goes, in a few words: stands beside its bar until the next message.
    fn message(&self, _text: &str) {}
    /// A line that stays when the stage is over.
    fn note(&self, _line: &str) {}
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn stage(&self, _name: &str, _total: Option<u64>) {}
    fn advance(&self, _units: u64) {}
}
