//! EIEIO: spikes into and out of a running network, and the commands around them.
//!
//! | module | owns |
//! |---|---|
//! | [`data`] | keys with or without payloads |
//! | [`command`] | buffers, databases, start and stop |

pub mod command;
pub mod data;

pub use command::EieioCommand;
pub use data::{EieioData, Elements, Half, Prefix};

use super::wire::{MessageError, Result};

/// Either kind of message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Eieio {
    /// Keys.
    Data(EieioData),
    /// A command.
    Command(EieioCommand),
}

impl Eieio {
    /// Bytes of the message.
    ///
    /// # Errors
    /// [`MessageError::OutOfRange`] if a number does not fit its field.
    pub fn encode(&self) -> std::result::Result<Vec<u8>, MessageError> {
        match self {
            Self::Data(data) => data.encode(),
            Self::Command(command) => command.encode(),
        }
    }

    /// The message of these bytes: bits 15 and 14 of the first half word tell a command.
    ///
    /// # Errors
    /// See [`MessageError`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let flags = bytes.get(1).ok_or(MessageError::Truncated { field: "flags", needed: 2, found: bytes.len() })?;
        if flags >> 6 == 1 { EieioCommand::decode(bytes).map(Self::Command) } else { EieioData::decode(bytes).map(Self::Data) }
    }
}
