//! Reading fields off received bytes, and what can be wrong with a message.

use std::fmt;

/// Why a message cannot be encoded or decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageError {
    /// The bytes end before the field.
    Truncated {
        /// The field that is missing.
        field: &'static str,
        /// Bytes that the message would need at least.
        needed: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// Bytes are left when the message is complete.
    Trailing {
        /// Kind of message.
        message: &'static str,
        /// How many.
        bytes: usize,
    },
    /// A code that names nothing.
    Unknown {
        /// What it should name.
        field: &'static str,
        /// The code.
        code: u32,
    },
    /// Bits that no encoder of this message would set so.
    Malformed {
        /// Kind of message.
        message: &'static str,
    },
    /// A number that does not fit its field.
    OutOfRange {
        /// The field.
        field: &'static str,
        /// The number.
        value: u64,
        /// Largest that fits.
        largest: u64,
    },
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { field, needed, found } => {
                write!(f, "message is cut short before `{field}`: {found} bytes of at least {needed}")
            }
            Self::Trailing { message, bytes } => write!(f, "{bytes} bytes follow the end of `{message}`"),
            Self::Unknown { field, code } => write!(f, "unknown `{field}`: {code}"),
            Self::Malformed { message } => write!(f, "bits of `{message}` contradict each other or its format"),
            Self::OutOfRange { field, value, largest } => write!(f, "`{field}` is {value}, but at most {largest} fits"),
        }
    }
}

impl std::error::Error for MessageError {}

/// Result with a [`MessageError`].
pub(super) type Result<T> = std::result::Result<T, MessageError>;

/// `value`, if it is at most `largest`.
pub(super) fn at_most(field: &'static str, value: impl Into<u64>, largest: u64) -> Result<()> {
    let value = value.into();
    if value > largest { Err(MessageError::OutOfRange { field, value, largest }) } else { Ok(()) }
}

/// Received bytes, read from the front.
#[derive(Debug)]
pub(super) struct Bytes<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Bytes<'a> {
    pub(super) fn new(all: &'a [u8]) -> Self {
        Self { all, at: 0 }
    }

    fn take<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N]> {
        let taken = self.all[self.at..].first_chunk::<N>();
        let taken = taken.ok_or(MessageError::Truncated { field, needed: self.at + N, found: self.all.len() })?;
        self.at += N;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8> {
        self.take::<1>(field).map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16> {
        self.take(field).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32> {
        self.take(field).map(u32::from_le_bytes)
    }

    pub(super) fn u16_be(&mut self, field: &'static str) -> Result<u16> {
        self.take(field).map(u16::from_be_bytes)
    }

    pub(super) fn u32_be(&mut self, field: &'static str) -> Result<u32> {
        self.take(field).map(u32::from_be_bytes)
    }

    /// Everything that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        let rest = &self.all[self.at..];
        self.at = self.all.len();
        rest
    }

    /// That nothing is left.
    pub(super) fn end(&self, message: &'static str) -> Result<()> {
        match self.all.len() - self.at {
            0 => Ok(()),
            bytes => Err(MessageError::Trailing { message, bytes }),
        }
    }
}
