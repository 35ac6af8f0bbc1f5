//! SDP: the envelope of everything that travels between host and cores.
//!
//! Eight bytes: flags, tag, destination port and core, source port and core, destination y and x, source y and x. On UDP two zero
//! bytes come first.

use super::wire::{Bytes, MessageError, Result, at_most};

/// Flags of a message that wants a reply.
pub const REPLY_WANTED: u8 = 0x87;
/// Flags of a message that wants none.
pub const NO_REPLY: u8 = 0x07;
/// Length of a header.
const HEADER: usize = 8;

/// One end of a message: a port of a core of a chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Column of the chip.
    pub x: u8,
    /// Row of the chip.
    pub y: u8,
    /// Core, up to 31.
    pub cpu: u8,
    /// Port, up to 7.
    pub port: u8,
}

impl Endpoint {
    /// What a host writes as sender: it is no core.
    pub const HOST: Self = Self { x: 0, y: 0, cpu: 31, port: 7 };

    fn port_and_cpu(self) -> Result<u8> {
        at_most("cpu", self.cpu, 31)?;
        at_most("port", self.port, 7)?;
        Ok(self.port << 5 | self.cpu)
    }
}

/// Header of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SdpHeader {
    /// [`REPLY_WANTED`] or [`NO_REPLY`]; other bits are carried as they are.
    pub flags: u8,
    /// IP tag; 255 for none.
    pub tag: u8,
    /// Receiver.
    pub to: Endpoint,
    /// Sender.
    pub from: Endpoint,
}

impl SdpHeader {
    /// From the host, with a reply wanted.
    pub fn request(to: Endpoint) -> Self {
        Self { flags: REPLY_WANTED, tag: 255, to, from: Endpoint::HOST }
    }

    pub(super) fn write(self, to: &mut Vec<u8>) -> Result<()> {
        let (destination, source) = (self.to.port_and_cpu()?, self.from.port_and_cpu()?);
        to.extend([self.flags, self.tag, destination, source, self.to.y, self.to.x, self.from.y, self.from.x]);
        Ok(())
    }

    pub(super) fn read(bytes: &mut Bytes<'_>) -> Result<Self> {
        let (flags, tag) = (bytes.u8("flags")?, bytes.u8("tag")?);
        let (destination, source) = (bytes.u8("destination port")?, bytes.u8("source port")?);
        let mut chip = || Ok((bytes.u8("y of the chip")?, bytes.u8("x of the chip")?));
        let ((to_y, to_x), (from_y, from_x)) = (chip()?, chip()?);
        let end = |x, y, code: u8| Endpoint { x, y, cpu: code & 31, port: code >> 5 };
        Ok(Self { flags, tag, to: end(to_x, to_y, destination), from: end(from_x, from_y, source) })
    }
}

/// A message without further structure.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SdpMessage {
    /// Header.
    pub header: SdpHeader,
    /// What it carries.
    pub data: Vec<u8>,
}

impl SdpMessage {
    /// Bytes of the message.
    ///
    /// # Errors
    /// [`MessageError::OutOfRange`] for a core beyond 31 or a port beyond 7.
    pub fn encode(&self) -> std::result::Result<Vec<u8>, MessageError> {
        let mut bytes = Vec::with_capacity(HEADER + self.data.len());
        self.header.write(&mut bytes)?;
        bytes.extend(&self.data);
        Ok(bytes)
    }

    /// The message of these bytes.
    ///
    /// # Errors
    /// [`MessageError::Truncated`] below eight bytes.
    pub fn decode(bytes: &[u8]) -> std::result::Result<Self, MessageError> {
        let mut bytes = Bytes::new(bytes);
        Ok(Self { header: SdpHeader::read(&mut bytes)?, data: bytes.rest().to_vec() })
    }
}

/// A message as UDP carries it: two zero bytes first.
pub fn to_udp(message: &[u8]) -> Vec<u8> {
    [&[0, 0], message].concat()
}

/// The message in a UDP packet; the two bytes before it carry nothing.
///
/// # Errors
/// [`MessageError::Truncated`] below two bytes.
pub fn from_udp(packet: &[u8]) -> std::result::Result<&[u8], MessageError> {
    packet.get(2..).ok_or(MessageError::Truncated { field: "padding", needed: 2, found: packet.len() })
}
