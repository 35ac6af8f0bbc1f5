//! SCP: requests to a core, and its replies.
//!
//! After the SDP header: u16 command or result, u16 sequence number, then for a request three u32 arguments and up to 256 bytes.

use super::command::{Command, Core};
use super::runtime::{self, Runtime};
use super::sdp::{Endpoint, SdpHeader};
use super::wire::{Bytes, MessageError, Result, at_most};

/// Most bytes of data in a request or a reply.
pub const MAX_DATA: usize = 256;

/// Code, arguments and data of a request: what every command comes down to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) code: u16,
    pub(super) arguments: [u32; 3],
    pub(super) data: Vec<u8>,
}

impl Parts {
    pub(super) fn new(code: u16, arguments: [u32; 3]) -> Self {
        Self { code, arguments, data: Vec::new() }
    }

    pub(super) fn with_data(self, data: &[u8]) -> Self {
        Self { data: data.to_vec(), ..self }
    }
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Of SCAMP, or of a board's BMP.
    Command(Command),
    /// Of the application on a core.
    Runtime(Runtime),
}

impl From<Command> for Body {
    fn from(command: Command) -> Self {
        Self::Command(command)
    }
}

impl From<Runtime> for Body {
    fn from(runtime: Runtime) -> Self {
        Self::Runtime(runtime)
    }
}

/// A request with its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Envelope; its port says which [`Body`] it is.
    pub header: SdpHeader,
    /// Number that the reply repeats.
    pub sequence: u16,
    /// What is asked for.
    pub body: Body,
}

impl Request {
    /// From the host to a core, with a reply wanted. A BMP's board number stands where a core's does, at chip (0, 0).
    pub fn new(to: Core, sequence: u16, body: impl Into<Body>) -> Self {
        let body = body.into();
        let port = match body {
            Body::Command(_) => 0,
            Body::Runtime(_) => runtime::PORT,
        };
        Self { header: SdpHeader::request(Endpoint { x: to.x, y: to.y, cpu: to.cpu, port }), sequence, body }
    }

    /// Bytes of the request, without UDP's padding.
    ///
    /// # Errors
    /// [`MessageError::OutOfRange`] if a number does not fit its field; [`MessageError::Malformed`] if the port is not that of the body.
    pub fn encode(&self) -> std::result::Result<Vec<u8>, MessageError> {
        let parts = match &self.body {
            Body::Command(command) => command.parts()?,
            Body::Runtime(runtime) => runtime.parts(),
        };
        if (self.header.to.port == runtime::PORT) != matches!(self.body, Body::Runtime(_)) {
            return Err(MessageError::Malformed { message: "SCP request" });
        }
        at_most("length of the data", parts.data.len() as u64, MAX_DATA as u64)?;
        let mut bytes = Vec::with_capacity(24 + parts.data.len());
        self.header.write(&mut bytes)?;
        bytes.extend(parts.code.to_le_bytes());
        bytes.extend(self.sequence.to_le_bytes());
        bytes.extend(parts.arguments.iter().flat_map(|a| a.to_le_bytes()));
        bytes.extend(parts.data);
        Ok(bytes)
    }

    /// The request of these bytes, without UDP's padding.
    ///
    /// # Errors
    /// See [`MessageError`].
    pub fn decode(bytes: &[u8]) -> std::result::Result<Self, MessageError> {
        let mut bytes = Bytes::new(bytes);
        let header = SdpHeader::read(&mut bytes)?;
        let (code, sequence) = (bytes.u16("command")?, bytes.u16("sequence number")?);
        let arguments = [bytes.u32("argument 1")?, bytes.u32("argument 2")?, bytes.u32("argument 3")?];
        let parts = Parts { code, arguments, data: bytes.rest().to_vec() };
        at_most("length of the data", parts.data.len() as u64, MAX_DATA as u64)?;
        let body = if header.to.port == runtime::PORT {
            Body::Runtime(Runtime::of(&parts)?)
        } else {
            Body::Command(Command::of(&parts)?)
        };
        Ok(Self { header, sequence, body })
    }
}

/// How a request went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
#[expect(missing_docs, reason = "the protocol's own names; `explanation` says what each means")]
pub enum ResultCode {
    Ok = 0x80,
    Length,
    Checksum,
    Command,
    Argument,
    Port,
    Timeout,
    Route,
    Cpu,
    Dead,
    Buffer,
    P2pNoReply,
    P2pReject,
    P2pBusy,
    P2pTimeout,
    Transmission,
}

impl ResultCode {
    /// All, by their code.
    pub const ALL: [Self; 16] = [
        Self::Ok,
        Self::Length,
        Self::Checksum,
        Self::Command,
        Self::Argument,
        Self::Port,
        Self::Timeout,
        Self::Route,
        Self::Cpu,
        Self::Dead,
        Self::Buffer,
        Self::P2pNoReply,
        Self::P2pReject,
        Self::P2pBusy,
        Self::P2pTimeout,
        Self::Transmission,
    ];

    /// In words.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Ok => "done",
            Self::Length => "wrong length of the packet",
            Self::Checksum => "wrong checksum",
            Self::Command => "unknown command",
            Self::Argument => "invalid argument",
            Self::Port => "no such port",
            Self::Timeout => "timed out",
            Self::Route => "no route to the chip",
            Self::Cpu => "no such core",
            Self::Dead => "the receiver is dead",
            Self::Buffer => "no free message buffer",
            Self::P2pNoReply => "the other chip does not answer",
            Self::P2pReject => "the other chip refused",
            Self::P2pBusy => "the other chip is busy",
            Self::P2pTimeout => "the other chip did not respond in time",
            Self::Transmission => "the packet could not be sent",
        }
    }

    /// Whether sending the same request again may help.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Timeout | Self::P2pTimeout | Self::Length | Self::P2pNoReply | Self::P2pBusy)
    }
}

/// A reply. What its data mean depends on the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Envelope.
    pub header: SdpHeader,
    /// How it went.
    pub result: ResultCode,
    /// Number of the request.
    pub sequence: u16,
    /// Everything after it; arguments are not told from data.
    pub data: Vec<u8>,
}

impl Reply {
    /// Bytes of the reply, without UDP's padding.
    ///
    /// # Errors
    /// [`MessageError::OutOfRange`] if a number does not fit its field.
    pub fn encode(&self) -> std::result::Result<Vec<u8>, MessageError> {
        let mut bytes = Vec::with_capacity(12 + self.data.len());
        self.header.write(&mut bytes)?;
        bytes.extend((self.result as u16).to_le_bytes());
        bytes.extend(self.sequence.to_le_bytes());
        bytes.extend(&self.data);
        Ok(bytes)
    }

    /// The reply of these bytes, without UDP's padding.
    ///
    /// # Errors
    /// [`MessageError::Truncated`] below twelve bytes, [`MessageError::Unknown`] for a result that is none.
    pub fn decode(bytes: &[u8]) -> std::result::Result<Self, MessageError> {
        let mut bytes = Bytes::new(bytes);
        let header = SdpHeader::read(&mut bytes)?;
        let (code, sequence) = (bytes.u16("result")?, bytes.u16("sequence number")?);
        let result = ResultCode::ALL.into_iter().find(|r| *r as u16 == code);
        let result = result.ok_or(MessageError::Unknown { field: "result", code: code.into() })?;
        Ok(Self { header, result, sequence, data: bytes.rest().to_vec() })
    }

    /// The u32 at place `index` of the data.
    ///
    /// # Errors
    /// [`MessageError::Truncated`] if the data end before it.
    pub fn word(&self, index: usize) -> Result<u32> {
        let word = self.data.get(4 * index..).and_then(|d| d.first_chunk());
        let missing = MessageError::Truncated { field: "word of the reply", needed: 4 * index + 4, found: self.data.len() };
        word.map(|w| u32::from_le_bytes(*w)).ok_or(missing)
    }
}
