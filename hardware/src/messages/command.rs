//! Commands of SCAMP and BMP, as arguments of a request and back.
//!
//! | module | owns |
//! |---|---|
//! | `decode` | arguments to commands |
//! | `names` | states of a core, signals, sets of cores |

mod decode;
mod names;

pub use self::names::{CoreMask, CoreState, Signal};
use super::scp::Parts;
use super::wire::{Result, at_most};

/// A core of a chip, as the receiver of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Core {
    /// Column of the chip.
    pub x: u8,
    /// Row of the chip.
    pub y: u8,
    /// Core; 0 is the monitor.
    pub cpu: u8,
}

impl Core {
    /// The monitor of whichever chip the host is connected to.
    pub const ROOT: Self = Self { x: 255, y: 255, cpu: 0 };

    /// The monitor of a chip.
    pub fn monitor(x: u8, y: u8) -> Self {
        Self { x, y, cpu: 0 }
    }

    /// The BMP's view of a board.
    pub fn board(board: u8) -> Self {
        Self { x: 0, y: 0, cpu: board }
    }
}

/// Cores on which a loaded application starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Start {
    /// Number of the application.
    pub app: u8,
    /// Cores that start.
    pub cores: CoreMask,
    /// Whether they wait for a start signal.
    pub wait: bool,
}

impl Start {
    fn word(self) -> u32 {
        u32::from(self.app) << 24 | u32::from(self.wait) << 18 | self.cores.bits()
    }

    fn of(word: u32) -> Self {
        Self { app: (word >> 24) as u8, cores: CoreMask::of_bits(word), wait: word >> 18 & 1 == 1 }
    }
}

/// Codes of commands, by their place in the protocol.
pub(super) mod code {
    pub(crate) const VER: u16 = 0;
    pub(crate) const READ: u16 = 2;
    pub(crate) const WRITE: u16 = 3;
    pub(crate) const FILL: u16 = 5;
    pub(crate) const COUNT: u16 = 15;
    pub(crate) const LINK_READ: u16 = 17;
    pub(crate) const LINK_WRITE: u16 = 18;
    pub(crate) const AR: u16 = 19;
    pub(crate) const NNP: u16 = 20;
    pub(crate) const APP_COPY_RUN: u16 = 21;
    pub(crate) const SIG: u16 = 22;
    pub(crate) const FFD: u16 = 23;
    pub(crate) const IPTAG: u16 = 26;
    pub(crate) const ALLOC: u16 = 28;
    pub(crate) const RTR: u16 = 29;
    pub(crate) const INFO: u16 = 31;
    pub(crate) const SYNC: u16 = 32;
    pub(crate) const BMP_POWER: u16 = 57;
    /// Commands whose arguments are carried as they are: RUN, APLX, REMAP, AS, LED, SROM, DPRI, and the BMP's own.
    pub(crate) const RAW: [u16; 16] = [1, 4, 16, 24, 25, 27, 30, 48, 49, 50, 51, 52, 53, 54, 55, 56];
}

/// How far and how often nearest-neighbour packets are passed on.
const FORWARD_RETRY: u32 = 0x3f1a;
/// The same with the bit that asks for an id from the board itself.
const FORWARD_RETRY_NEW: u32 = 1 << 31 | 0x3f00;

/// What SCAMP, or a board's BMP, is asked to do.
///
/// Addresses are bytes in the chip's memory; `app` is an application's number.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are named after what they are; what is not plain is said at the variant")]
pub enum Command {
    /// Software version of a core or of a BMP.
    Version,
    /// Read memory.
    Read { address: u32, length: u32 },
    /// Write memory, up to 256 bytes.
    Write { address: u32, data: Vec<u8> },
    /// Write one word over and over.
    Fill { address: u32, word: u32, length: u32 },
    /// How many cores of an application are in a state.
    Count { app: u8, state: CoreState },
    /// Read memory of the chip at the other end of a link; of a BMP: register `address` of FPGA `link`.
    LinkRead { link: u32, address: u32, length: u32 },
    /// Write it.
    LinkWrite { link: u32, address: u32, data: Vec<u8> },
    /// Start what is loaded.
    Run(Start),
    /// Begin to spread an image, to all chips or to one.
    FloodFillStart { id: u8, blocks: u8, chip: Option<(u8, u8)> },
    /// One block of it: whole words, 4 to 256 bytes.
    FloodFillData { id: u8, block: u8, address: u32, data: Vec<u8> },
    /// Start it.
    FloodFillEnd { id: u8, start: Start },
    /// Stop an application on all chips.
    StopApplication { app: u8 },
    /// Copy an image from the chip at the other end of a link and start it; of the checksum 29 bits travel.
    CopyRun { link: u8, checksum: u32, length: u32, start: Start },
    /// Send a signal to all cores of an application.
    Signal { app: u8, signal: Signal },
    /// Send what carries an IP tag to a host's port.
    TagSet { tag: u8, host: [u8; 4], port: u16, strip: bool, use_sender: bool },
    /// Send what arrives at a UDP port to a core.
    ReverseTagSet { tag: u8, port: u16, to: Core, sdp_port: u8 },
    /// What an IP tag does.
    TagGet { tag: u8 },
    /// Forget it.
    TagClear { tag: u8 },
    /// How many tags there are; sets their timeout unless that is 255.
    TagInfo { timeout: u8 },
    /// Reserve SDRAM. With `retry` a reservation under a known tag is given again.
    AllocateSdram { app: u8, length: u32, tag: u8, retry: bool },
    /// Give back what begins at an address.
    FreeSdram { address: u32 },
    /// Give back all of an application's.
    FreeSdramOf { app: u8 },
    /// Reserve entries of the router.
    AllocateRoutes { app: u8, entries: u32 },
    /// Give back those that begin at an address.
    FreeRoutes { address: u32 },
    /// Give back all of an application's.
    FreeRoutesOf { app: u8 },
    /// Clear the router.
    RouterClear,
    /// Load entries from memory.
    RouterLoad { app: u8, entries: u16, table: u32, base: u32 },
    /// Set the fixed route; `1 << 31` reads it.
    FixedRoute { app: u8, route: u32 },
    /// Cores, links, memory of a chip.
    ChipInfo { with_size: bool },
    /// Whether the chips keep their clocks in step.
    Sync { on: bool },
    /// Switch boards on or off, one after another.
    Power { on: bool, delay_ms: u16, boards: u32 },
    /// A command that is known by its number only.
    Raw { code: u16, arguments: [u32; 3], data: Vec<u8> },
}

impl Command {
    /// Reads a register of a BMP's FPGA; registers lie at multiples of four.
    pub fn read_fpga(fpga: u32, register: u32) -> Self {
        Self::LinkRead { link: fpga, address: register & !3, length: 4 }
    }

    /// Writes it.
    pub fn write_fpga(fpga: u32, register: u32, value: u32) -> Self {
        Self::LinkWrite { link: fpga, address: register & !3, data: value.to_le_bytes().to_vec() }
    }

    pub(super) fn parts(&self) -> Result<Parts> {
        let of_app = |app: u8, operation: u32| u32::from(app) << 8 | operation;
        let tag_word = |operation: u32, tag: u8| operation << 16 | u32::from(tag);
        Ok(match self {
            Self::Version => Parts::new(code::VER, [0; 3]),
            Self::Read { address, length } => Parts::new(code::READ, [*address, *length, unit(*address, *length)]),
            Self::Write { address, data } => {
                let length = data.len() as u32;
                Parts::new(code::WRITE, [*address, length, unit(*address, length)]).with_data(data)
            }
            Self::Fill { address, word, length } => Parts::new(code::FILL, [*address, *word, *length]),
            Self::Count { app, state } => Parts::new(code::COUNT, [u32::from(*app), *state as u32, 0]),
            Self::LinkRead { link, address, length } => Parts::new(code::LINK_READ, [*address, *length, *link]),
            Self::LinkWrite { link, address, data } => {
                Parts::new(code::LINK_WRITE, [*address, data.len() as u32, *link]).with_data(data)
            }
            Self::Run(start) => Parts::new(code::AR, [start.word(), 0, 0]),
            Self::FloodFillStart { id, blocks, chip } => {
                let chips = chip.map_or(0xffff, |(x, y)| {
                    u32::from(x & 0xfc) << 24 | u32::from(y & 0xfc) << 16 | 3 << 16 | 1 << (4 * (y & 3) + (x & 3))
                });
                let key = 6 << 24 | u32::from(*id) << 16 | u32::from(*blocks) << 8;
                Parts::new(code::NNP, [key, chips, FORWARD_RETRY_NEW | FORWARD_RETRY])
            }
            Self::FloodFillData { id, block, address, data } => {
                let words = data.len() / 4;
                at_most("words of a block", words.wrapping_sub(1) as u64, 63)?;
                at_most("odd bytes of a block", data.len() as u64 % 4, 0)?;
                let key = 0x3f1e_0000 | u32::from(*id);
                Parts::new(code::FFD, [key, u32::from(*block) << 16 | (words as u32 - 1) << 8, *address]).with_data(data)
            }
            Self::FloodFillEnd { id, start } => Parts::new(code::NNP, [15 << 24 | u32::from(*id), start.word(), FORWARD_RETRY]),
            Self::StopApplication { app } => {
                let stop = 5 << 28 | (Signal::Stop as u32) << 16 | 0xff << 8 | u32::from(*app);
                Parts::new(code::NNP, [0x3f << 16, stop, FORWARD_RETRY_NEW])
            }
            Self::CopyRun { link, checksum, length, start } => {
                at_most("link", *link, 7)?;
                at_most("checksum", *checksum, 0x1fff_ffff)?;
                Parts::new(code::APP_COPY_RUN, [checksum << 3 | u32::from(*link), *length, start.word()])
            }
            Self::Signal { app, signal } => {
                let data = (*signal as u32) << 16 | 0xff << 8 | u32::from(*app);
                Parts::new(code::SIG, [signal.transport(), data, 0xffff])
            }
            Self::TagSet { tag, host, port, strip, use_sender } => {
                let flags = u32::from(*strip) << 28 | u32::from(*use_sender) << 30;
                Parts::new(code::IPTAG, [flags | tag_word(1, *tag), u32::from(*port), u32::from_le_bytes(*host)])
            }
            Self::ReverseTagSet { tag, port, to, sdp_port } => {
                at_most("cpu", to.cpu, 31)?;
                at_most("SDP port", *sdp_port, 7)?;
                let receiver = u32::from(sdp_port << 5 | to.cpu) << 8;
                let place = u32::from(to.x) << 24 | u32::from(to.y) << 16 | u32::from(*port);
                Parts::new(code::IPTAG, [3 << 28 | receiver | tag_word(1, *tag), place, 0])
            }
            Self::TagGet { tag } => Parts::new(code::IPTAG, [tag_word(2, *tag), 1, 0]),
            Self::TagClear { tag } => Parts::new(code::IPTAG, [tag_word(3, *tag), 0, 0]),
            Self::TagInfo { timeout } => Parts::new(code::IPTAG, [tag_word(4, 0), u32::from(*timeout), 0]),
            Self::AllocateSdram { app, length, tag, retry } => {
                Parts::new(code::ALLOC, [u32::from(*retry) << 18 | of_app(*app, 0), *length, u32::from(*tag)])
            }
            Self::FreeSdram { address } => Parts::new(code::ALLOC, [1, *address, 0]),
            Self::FreeSdramOf { app } => Parts::new(code::ALLOC, [of_app(*app, 2), 0, 0]),
            Self::AllocateRoutes { app, entries } => Parts::new(code::ALLOC, [of_app(*app, 3), *entries, 0]),
            Self::FreeRoutes { address } => Parts::new(code::ALLOC, [4, *address, 0]),
            Self::FreeRoutesOf { app } => Parts::new(code::ALLOC, [of_app(*app, 5), 0, 0]),
            Self::RouterClear => Parts::new(code::RTR, [0; 3]),
            Self::RouterLoad { app, entries, table, base } => {
                Parts::new(code::RTR, [u32::from(*entries) << 16 | of_app(*app, 2), *table, *base])
            }
            Self::FixedRoute { app, route } => Parts::new(code::RTR, [of_app(*app, 3), *route, 0]),
            Self::ChipInfo { with_size } => Parts::new(code::INFO, [if *with_size { 0x7f } else { 0x5f }, 0, 0]),
            Self::Sync { on } => Parts::new(code::SYNC, [u32::from(*on), 0, 0]),
            Self::Power { on, delay_ms, boards } => {
                Parts::new(code::BMP_POWER, [u32::from(*delay_ms) << 16 | u32::from(*on), *boards, 0])
            }
            Self::Raw { code, arguments, data } => Parts::new(*code, *arguments).with_data(data),
        })
    }
}

/// The widest access that address and length allow: 0 byte, 1 half word, 2 word.
fn unit(address: u32, length: u32) -> u32 {
    (address | length).trailing_zeros().min(2)
}
