//! Requests to a running application, on SDP port 3.

use super::scp::Parts;
use super::wire::{MessageError, Result};

/// SDP port that applications listen on for these.
pub const PORT: u8 = 3;

/// What an application is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// Run on, up to a step.
    Run {
        /// Step at which to pause.
        run_time: u32,
        /// Never to pause.
        infinite: bool,
        /// Step at which it stands.
        current_time: u32,
        /// Steps between synchronisations; 0 for none.
        sync_steps: u32,
    },
    /// Stop.
    Stop,
    /// Write provenance and end.
    ProvenanceAndExit,
    /// Empty the text buffer.
    ClearIobuf,
    /// Pause.
    Pause,
    /// Tell the current step.
    GetTime,
}

impl Runtime {
    pub(super) fn parts(self) -> Parts {
        match self {
            Self::Run { run_time, infinite, current_time, sync_steps } => {
                Parts::new(7, [run_time, infinite.into(), current_time]).with_data(&sync_steps.to_le_bytes())
            }
            Self::Stop => Parts::new(6, [0; 3]),
            Self::ProvenanceAndExit => Parts::new(8, [0; 3]),
            Self::ClearIobuf => Parts::new(9, [0, 0, 1]),
            Self::Pause => Parts::new(10, [0; 3]),
            Self::GetTime => Parts::new(11, [0; 3]),
        }
    }

    pub(super) fn of(parts: &Parts) -> Result<Self> {
        let malformed = MessageError::Malformed { message: "runtime command" };
        let found = match parts.code {
            6 => Self::Stop,
            7 => {
                let [run_time, infinite, current_time] = parts.arguments;
                let steps = parts.data.first_chunk().ok_or(MessageError::Truncated {
                    field: "steps between synchronisations",
                    needed: 28,
                    found: 24 + parts.data.len(),
                })?;
                Self::Run { run_time, infinite: infinite != 0, current_time, sync_steps: u32::from_le_bytes(*steps) }
            }
            8 => Self::ProvenanceAndExit,
            9 => Self::ClearIobuf,
            10 => Self::Pause,
            11 => Self::GetTime,
            code => return Err(MessageError::Unknown { field: "runtime command", code: code.into() }),
        };
        if found.parts() == *parts { Ok(found) } else { Err(malformed) }
    }
}
