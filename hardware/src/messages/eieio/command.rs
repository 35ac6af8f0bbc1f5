//! Commands: u16 `0x4000 | id`, then what the id says.

use super::Eieio;
use crate::messages::wire::{Bytes, MessageError, Result, at_most};

/// One finished or wanted transfer of recorded data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Transfer {
    /// Channel of the recording.
    pub channel: u8,
    /// Region of the core.
    pub region: u8,
    /// Bytes.
    pub space: u32,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are named after what they are; what is not plain is said at the variant")]
pub enum EieioCommand {
    /// Where the database of keys lies; an empty path says that it was read.
    Database { path: String },
    /// Nothing: fills a buffer.
    Padding,
    /// End of all buffers.
    Stop,
    /// No more requests for buffers.
    StopRequests,
    /// Requests for buffers again.
    StartRequests,
    /// A core has space for spikes.
    RequestBuffers { x: u8, y: u8, p: u8, region: u8, sequence: u8, space: u32 },
    /// Spikes for a core's buffer.
    SequencedData { region: u8, sequence: u8, content: Box<Eieio> },
    /// A core has recorded data, at these addresses.
    RequestRead { x: u8, y: u8, p: u8, sequence: u8, requests: Vec<(Transfer, u32)> },
    /// The host has read them.
    Read { sequence: u8, requests: Vec<Transfer> },
    /// The simulation is paused or has ended.
    Paused,
    /// The simulation starts or goes on.
    Resumed,
    /// The host has seen a [`Self::RequestRead`].
    ReadAcknowledged { sequence: u8 },
}

impl EieioCommand {
    fn id(&self) -> u16 {
        match self {
            Self::Database { .. } => 1,
            Self::Padding => 2,
            Self::Stop => 3,
            Self::StopRequests => 4,
            Self::StartRequests => 5,
            Self::RequestBuffers { .. } => 6,
            Self::SequencedData { .. } => 7,
            Self::RequestRead { .. } => 8,
            Self::Read { .. } => 9,
            Self::Paused => 10,
            Self::Resumed => 11,
            Self::ReadAcknowledged { .. } => 12,
        }
    }

    /// Bytes of the command.
    ///
    /// # Errors
    /// [`MessageError::OutOfRange`] if a number does not fit its field; [`MessageError::Malformed`] for sequenced data in sequenced data.
    pub fn encode(&self) -> std::result::Result<Vec<u8>, MessageError> {
        let mut bytes = (0x4000 | self.id()).to_le_bytes().to_vec();
        match self {
            Self::Padding | Self::Stop | Self::StopRequests | Self::StartRequests | Self::Paused | Self::Resumed => {}
            Self::Database { path } => bytes.extend(path.as_bytes()),
            Self::RequestBuffers { x, y, p, region, sequence, space } => {
                at_most("core", *p, 31)?;
                bytes.extend([*y, *x, p << 3, 0, *region, *sequence]);
                bytes.extend(space.to_le_bytes());
            }
            Self::SequencedData { region, sequence, content } => {
                refuse_nested(content)?;
                bytes.extend([*region, *sequence]);
                bytes.extend(content.encode()?);
            }
            Self::RequestRead { x, y, p, sequence, requests } => {
                at_most("core", *p, 31)?;
                at_most("number of requests", requests.len() as u64, 7)?;
                // x before y, unlike a request for buffers.
                bytes.extend([*x, *y, p << 3 | requests.len() as u8, *sequence]);
                for (place, (request, address)) in requests.iter().enumerate() {
                    if place > 0 {
                        bytes.extend([0, 0]);
                    }
                    bytes.extend([request.channel, request.region]);
                    bytes.extend(address.to_le_bytes());
                    bytes.extend(request.space.to_le_bytes());
                }
            }
            Self::Read { sequence, requests } => {
                at_most("number of requests", requests.len() as u64, 255)?;
                bytes.extend([requests.len() as u8, *sequence]);
                for request in requests {
                    bytes.extend([0, 0, request.channel, request.region]);
                    bytes.extend(request.space.to_le_bytes());
                }
            }
            Self::ReadAcknowledged { sequence } => bytes.push(*sequence),
        }
        Ok(bytes)
    }

    /// The command of these bytes.
    ///
    /// # Errors
    /// See [`MessageError`]; data are [`MessageError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut bytes = Bytes::new(bytes);
        let header = bytes.u16("command")?;
        if header >> 14 != 1 {
            return Err(MessageError::Malformed { message: "EIEIO command" });
        }
        let command = read(header & 0x3fff, &mut bytes)?;
        bytes.end("EIEIO command")?;
        Ok(command)
    }
}

fn read(id: u16, bytes: &mut Bytes<'_>) -> Result<EieioCommand> {
    let malformed = MessageError::Malformed { message: "EIEIO command" };
    Ok(match id {
        1 => {
            let path = String::from_utf8(bytes.rest().to_vec()).map_err(|_| malformed)?;
            EieioCommand::Database { path }
        }
        2 => EieioCommand::Padding,
        3 => EieioCommand::Stop,
        4 => EieioCommand::StopRequests,
        5 => EieioCommand::StartRequests,
        6 => {
            let (y, x, p) = (bytes.u8("y")?, bytes.u8("x")?, bytes.u8("core")?);
            if bytes.u8("padding")? != 0 || p & 7 != 0 {
                return Err(malformed);
            }
            let (region, sequence) = (bytes.u8("region")?, bytes.u8("sequence number")?);
            EieioCommand::RequestBuffers { x, y, p: p >> 3, region, sequence, space: bytes.u32("space")? }
        }
        7 => {
            let (region, sequence) = (bytes.u8("region")?, bytes.u8("sequence number")?);
            let inner = bytes.rest();
            // Looked at before it is decoded, so that nesting cannot go deep.
            if inner.first_chunk() == Some(&0x4007u16.to_le_bytes()) {
                return Err(malformed);
            }
            EieioCommand::SequencedData { region, sequence, content: Box::new(Eieio::decode(inner)?) }
        }
        8 => {
            let (x, y, core, sequence) = (bytes.u8("x")?, bytes.u8("y")?, bytes.u8("core")?, bytes.u8("sequence number")?);
            let mut requests = Vec::new();
            for place in 0..core & 7 {
                if place > 0 && bytes.u16("padding")? != 0 {
                    return Err(malformed);
                }
                let (channel, region) = (bytes.u8("channel")?, bytes.u8("region")?);
                let address = bytes.u32("address")?;
                requests.push((Transfer { channel, region, space: bytes.u32("space")? }, address));
            }
            EieioCommand::RequestRead { x, y, p: core >> 3, sequence, requests }
        }
        9 => {
            let (count, sequence) = (bytes.u8("number of requests")?, bytes.u8("sequence number")?);
            let mut requests = Vec::new();
            for _ in 0..count {
                if bytes.u16("padding")? != 0 {
                    return Err(malformed);
                }
                let (channel, region) = (bytes.u8("channel")?, bytes.u8("region")?);
                requests.push(Transfer { channel, region, space: bytes.u32("space")? });
            }
            EieioCommand::Read { sequence, requests }
        }
        10 => EieioCommand::Paused,
        11 => EieioCommand::Resumed,
        12 => EieioCommand::ReadAcknowledged { sequence: bytes.u8("sequence number")? },
        code => return Err(MessageError::Unknown { field: "EIEIO command", code: code.into() }),
    })
}

fn refuse_nested(content: &Eieio) -> Result<()> {
    if matches!(content, Eieio::Command(EieioCommand::SequencedData { .. })) {
        return Err(MessageError::Malformed { message: "EIEIO command" });
    }
    Ok(())
}
