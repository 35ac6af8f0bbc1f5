//! Boot packets: a start, the image in blocks, an end; over UDP, big endian.
//!
//! The image is the user's own copy of SCAMP. Bytes 384 to 511 of it are replaced by the system variables below, and every word of it
//! travels with its bytes reversed.

use super::wire::{Bytes, MessageError, Result, at_most};

/// Version of the boot protocol.
const VERSION: u16 = 1;
/// Bytes of an image in one packet.
pub const BLOCK: usize = 1024;
/// Most bytes of an image.
pub const MAX_IMAGE: usize = 32 * 1024;
/// Where the system variables lie in an image.
const VARIABLES_AT: usize = 384;
/// Bytes of the system variables.
const VARIABLES: usize = 128;

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BootPacket {
    /// A board that has not booted yet says so.
    Hello {
        /// Its three arguments.
        arguments: [u32; 3],
    },
    /// An image of this many blocks follows.
    Start {
        /// 1 to 256.
        blocks: u16,
    },
    /// A block.
    Block {
        /// Its place.
        block: u8,
        /// Up to 1,024 bytes, in whole words, as they travel.
        data: Vec<u8>,
    },
    /// The image is complete: run it.
    End,
}

impl BootPacket {
    /// Bytes of the packet.
    ///
    /// # Errors
    /// [`MessageError::OutOfRange`] for a block that is too long or no blocks.
    pub fn encode(&self) -> std::result::Result<Vec<u8>, MessageError> {
        let (operation, arguments, data): (u32, [u32; 3], &[u8]) = match self {
            Self::Hello { arguments } => (0x41, *arguments, &[]),
            Self::Start { blocks } => {
                at_most("number of blocks less one", blocks.wrapping_sub(1), 255)?;
                (1, [0, 0, u32::from(*blocks) - 1], &[])
            }
            Self::Block { block, data } => {
                at_most("bytes of a block", data.len() as u64, BLOCK as u64)?;
                at_most("odd bytes of a block", data.len() as u64 % 4, 0)?;
                (3, [0xff00 | u32::from(*block), 0, 0], data)
            }
            Self::End => (5, [1, 0, 0], &[]),
        };
        let mut bytes = VERSION.to_be_bytes().to_vec();
        bytes.extend([operation, arguments[0], arguments[1], arguments[2]].iter().flat_map(|w| w.to_be_bytes()));
        bytes.extend(data);
        Ok(bytes)
    }

    /// The packet of these bytes.
    ///
    /// # Errors
    /// See [`MessageError`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let whole = bytes;
        let mut bytes = Bytes::new(bytes);
        let version = bytes.u16_be("version")?;
        if version != VERSION {
            return Err(MessageError::Unknown { field: "version of the boot protocol", code: version.into() });
        }
        let operation = bytes.u32_be("operation")?;
        let arguments = [bytes.u32_be("argument 1")?, bytes.u32_be("argument 2")?, bytes.u32_be("argument 3")?];
        let packet = match operation {
            0x41 => Self::Hello { arguments },
            1 => Self::Start { blocks: (arguments[2] as u16).wrapping_add(1) },
            3 => Self::Block { block: arguments[0] as u8, data: bytes.rest().to_vec() },
            5 => Self::End,
            code => return Err(MessageError::Unknown { field: "boot operation", code }),
        };
        bytes.end("boot packet")?;
        match packet.encode() {
            Ok(again) if again == whole => Ok(packet),
            _ => Err(MessageError::Malformed { message: "boot packet" }),
        }
    }
}

/// What a board is told about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SystemVariables {
    /// Version of the board: 3 or 5.
    pub hardware_version: u8,
    /// Seconds since 1970; also the signature of this boot.
    pub unix_time: u32,
}

impl SystemVariables {
    /// The block as it lies in memory, little endian.
    pub fn encode(self) -> [u8; VARIABLES] {
        let mut block = [0; VARIABLES];
        let mut set = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        set(0x0a, &[self.hardware_version]);
        // Repeats and sequence length (log2) of packets between chips; divisors of the clocks.
        set(0x0c, &[4, 4, 0x33]);
        set(0x1c, &self.unix_time.to_le_bytes());
        // MHz of cores and of SDRAM.
        set(0x24, &200u16.to_le_bytes());
        set(0x26, &130u16.to_le_bytes());
        // Forwarding to neighbours; time-out of links in us; the LED shows the load; waiting time at start in 10 ms.
        set(0x28, &[0x3f, 0, 200, 1, 50]);
        // First LED.
        set(0x30, &1u32.to_le_bytes());
        // This is the root chip; message buffers; delay between packets to neighbours in us.
        set(0x40, &[1, 7, 20]);
        // Heap of system RAM in words; bytes of a core's text buffer; bytes and words that the system keeps of SDRAM.
        set(0x48, &1024u32.to_le_bytes());
        set(0x50, &16_384u32.to_le_bytes());
        set(0x54, &8_388_608u32.to_le_bytes());
        set(0x58, &32_768u32.to_le_bytes());
        set(0x5c, &self.unix_time.to_le_bytes());
        // All six links.
        set(0x65, &[0x3f]);
        block
    }

    /// The variables of a block that [`Self::encode`] could have written.
    ///
    /// # Errors
    /// [`MessageError::Truncated`] or [`MessageError::Malformed`].
    pub fn decode(block: &[u8]) -> std::result::Result<Self, MessageError> {
        let mut bytes = Bytes::new(block);
        let words = (0..VARIABLES / 4).map(|_| bytes.u32("system variable")).collect::<Result<Vec<_>>>()?;
        let found = Self { hardware_version: (words[2] >> 16) as u8, unix_time: words[7] };
        if found.encode() == block { Ok(found) } else { Err(MessageError::Malformed { message: "system variables" }) }
    }
}

/// The packets that boot a board with this image, in order.
///
/// # Errors
/// [`MessageError::OutOfRange`] for an image beyond 32 KB, one that is no whole number of words, or too short for the variables.
pub fn boot_packets(image: &[u8], variables: SystemVariables) -> std::result::Result<Vec<BootPacket>, MessageError> {
    at_most("bytes of the boot image", image.len() as u64, MAX_IMAGE as u64)?;
    at_most("odd bytes of the boot image", image.len() as u64 % 4, 0)?;
    let least = VARIABLES_AT + VARIABLES;
    if image.len() < least {
        return Err(MessageError::Truncated { field: "system variables of the boot image", needed: least, found: image.len() });
    }
    let mut image = image.to_vec();
    image[VARIABLES_AT..least].copy_from_slice(&variables.encode());
    reverse_words(&mut image);
    let blocks = image.chunks(BLOCK);
    let mut packets = vec![BootPacket::Start { blocks: blocks.len() as u16 }];
    packets.extend(blocks.enumerate().map(|(block, data)| BootPacket::Block { block: block as u8, data: data.to_vec() }));
    packets.push(BootPacket::End);
    Ok(packets)
}

/// Bytes of every word in reverse; the same again gives them back.
pub fn reverse_words(bytes: &mut [u8]) {
    bytes.chunks_exact_mut(4).for_each(<[u8]>::reverse);
}
