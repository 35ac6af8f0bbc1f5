//! Data messages: up to 255 keys, each with or without a payload.
//!
//! u8 count; u8 flags (bit 7 prefix, 6 prefix in the upper half, 5 payload base, 4 payloads are times, 3-2 kind of element, 1-0
//! tag); then prefix (u16), payload base (as wide as a key), elements.

use crate::messages::wire::{Bytes, MessageError, Result, at_most};

/// Which half of a 32-bit key a prefix fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Half {
    /// Bits 15 to 0.
    Lower,
    /// Bits 31 to 16.
    Upper,
}

/// What is set in all keys of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix {
    /// The bits.
    pub bits: u16,
    /// Where.
    pub half: Half,
}

/// Keys, or keys with payloads, of 16 or 32 bits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "width and content are in the name")]
pub enum Elements {
    Keys16(Vec<u16>),
    Payloads16(Vec<(u16, u16)>),
    Keys32(Vec<u32>),
    Payloads32(Vec<(u32, u32)>),
}

impl Elements {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Keys16(keys) => keys.len(),
            Self::Payloads16(pairs) => pairs.len(),
            Self::Keys32(keys) => keys.len(),
            Self::Payloads32(pairs) => pairs.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Code in the flags.
    fn kind(&self) -> u8 {
        match self {
            Self::Keys16(_) => 0,
            Self::Payloads16(_) => 1,
            Self::Keys32(_) => 2,
            Self::Payloads32(_) => 3,
        }
    }

    fn is_wide(&self) -> bool {
        self.kind() >= 2
    }

    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Keys16(keys) => keys.iter().for_each(|k| to.extend(k.to_le_bytes())),
            Self::Keys32(keys) => keys.iter().for_each(|k| to.extend(k.to_le_bytes())),
            Self::Payloads16(pairs) => pairs.iter().for_each(|(k, p)| to.extend([k.to_le_bytes(), p.to_le_bytes()].concat())),
            Self::Payloads32(pairs) => pairs.iter().for_each(|(k, p)| to.extend([k.to_le_bytes(), p.to_le_bytes()].concat())),
        }
    }

    fn read(kind: u8, count: u8, bytes: &mut Bytes<'_>) -> Result<Self> {
        let each = 0..count;
        Ok(match kind {
            0 => Self::Keys16(each.map(|_| bytes.u16("key")).collect::<Result<_>>()?),
            1 => Self::Payloads16(each.map(|_| Ok((bytes.u16("key")?, bytes.u16("payload")?))).collect::<Result<_>>()?),
            2 => Self::Keys32(each.map(|_| bytes.u32("key")).collect::<Result<_>>()?),
            _ => Self::Payloads32(each.map(|_| Ok((bytes.u32("key")?, bytes.u32("payload")?))).collect::<Result<_>>()?),
        })
    }
}

/// A data message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EieioData {
    /// Tag, up to 3.
    pub tag: u8,
    /// Bits of all keys.
    pub prefix: Option<Prefix>,
    /// Bits of all payloads; the payload itself where elements have none. As wide as a key.
    pub payload_base: Option<u32>,
    /// Whether payloads are times.
    pub times: bool,
    /// The keys.
    pub elements: Elements,
}

impl EieioData {
    /// Bytes of the message.
    ///
    /// # Errors
    /// [`MessageError::OutOfRange`] for more than 255 elements, a tag beyond 3, a base wider than a key.
    pub fn encode(&self) -> std::result::Result<Vec<u8>, MessageError> {
        at_most("number of elements", self.elements.len() as u64, 255)?;
        at_most("tag", self.tag, 3)?;
        let upper = self.prefix.is_some_and(|p| p.half == Half::Upper);
        let flags = u8::from(self.prefix.is_some()) << 7
            | u8::from(upper) << 6
            | u8::from(self.payload_base.is_some()) << 5
            | u8::from(self.times) << 4
            | self.elements.kind() << 2
            | self.tag;
        let mut bytes = vec![self.elements.len() as u8, flags];
        if let Some(prefix) = self.prefix {
            bytes.extend(prefix.bits.to_le_bytes());
        }
        if let Some(base) = self.payload_base {
            if self.elements.is_wide() {
                bytes.extend(base.to_le_bytes());
            } else {
                at_most("payload base", base, u16::MAX.into())?;
                bytes.extend((base as u16).to_le_bytes());
            }
        }
        self.elements.write(&mut bytes);
        Ok(bytes)
    }

    /// The message of these bytes.
    ///
    /// # Errors
    /// See [`MessageError`]; a command is [`MessageError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut bytes = Bytes::new(bytes);
        let (count, flags) = (bytes.u8("number of elements")?, bytes.u8("flags")?);
        if flags >> 6 == 1 {
            return Err(MessageError::Malformed { message: "EIEIO data" });
        }
        let half = if flags >> 6 & 1 == 1 { Half::Upper } else { Half::Lower };
        let prefix = if flags >> 7 == 1 { Some(Prefix { bits: bytes.u16("prefix")?, half }) } else { None };
        let kind = flags >> 2 & 3;
        let payload_base = match (flags >> 5 & 1, kind) {
            (0, _) => None,
            (_, 0 | 1) => Some(bytes.u16("payload base")?.into()),
            _ => Some(bytes.u32("payload base")?),
        };
        let elements = Elements::read(kind, count, &mut bytes)?;
        bytes.end("EIEIO data")?;
        Ok(Self { tag: flags & 3, prefix, payload_base, times: flags >> 4 & 1 == 1, elements })
    }
}
