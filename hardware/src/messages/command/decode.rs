//! Arguments of a request to commands.

use super::{Command, Core, CoreState, Signal, Start, code};
use crate::messages::scp::Parts;
use crate::messages::wire::{MessageError, Result};

impl Command {
    /// The command of these arguments.
    ///
    /// # Errors
    /// [`MessageError::Unknown`] for a code that names nothing; [`MessageError::Malformed`] for arguments that this command cannot have.
    pub(in crate::messages) fn of(parts: &Parts) -> Result<Self> {
        let command = read(parts)?;
        // Bits that were ignored would be lost: only what encodes to the same parts is what it seems.
        if command.parts().is_ok_and(|again| again == *parts) {
            Ok(command)
        } else {
            Err(MessageError::Malformed { message: "SCP command" })
        }
    }
}

/// The command by its code and operation; other bits are not looked at.
fn read(parts: &Parts) -> Result<Command> {
    let [first, second, third] = parts.arguments;
    let data = || parts.data.clone();
    let app = (first >> 8) as u8;
    Ok(match parts.code {
        code::VER => Command::Version,
        code::READ => Command::Read { address: first, length: second },
        code::WRITE => Command::Write { address: first, data: data() },
        code::FILL => Command::Fill { address: first, word: second, length: third },
        code::COUNT => Command::Count { app: first as u8, state: CoreState::of(second)? },
        code::LINK_READ => Command::LinkRead { link: third, address: first, length: second },
        code::LINK_WRITE => Command::LinkWrite { link: third, address: first, data: data() },
        code::AR => Command::Run(Start::of(first)),
        code::NNP => neighbour(parts.arguments)?,
        code::APP_COPY_RUN => {
            Command::CopyRun { link: (first & 7) as u8, checksum: first >> 3, length: second, start: Start::of(third) }
        }
        code::SIG => Command::Signal { app: second as u8, signal: Signal::of(second >> 16)? },
        code::FFD => Command::FloodFillData { id: first as u8, block: (second >> 16) as u8, address: third, data: data() },
        code::IPTAG => tag(parts.arguments)?,
        code::ALLOC => match first & 0xff {
            0 => Command::AllocateSdram { app, length: second, tag: third as u8, retry: first >> 18 & 1 == 1 },
            1 => Command::FreeSdram { address: second },
            2 => Command::FreeSdramOf { app },
            3 => Command::AllocateRoutes { app, entries: second },
            4 => Command::FreeRoutes { address: second },
            5 => Command::FreeRoutesOf { app },
            code => return Err(MessageError::Unknown { field: "operation of ALLOC", code }),
        },
        code::RTR => match first & 0xff {
            0 => Command::RouterClear,
            2 => Command::RouterLoad { app, entries: (first >> 16) as u16, table: second, base: third },
            3 => Command::FixedRoute { app, route: second },
            code => return Err(MessageError::Unknown { field: "operation of RTR", code }),
        },
        code::INFO => Command::ChipInfo { with_size: first == 0x7f },
        code::SYNC => Command::Sync { on: first != 0 },
        code::BMP_POWER => Command::Power { on: first & 1 == 1, delay_ms: (first >> 16) as u16, boards: second },
        code if code::RAW.contains(&code) => Command::Raw { code, arguments: parts.arguments, data: data() },
        code => return Err(MessageError::Unknown { field: "command", code: code.into() }),
    })
}

fn neighbour([first, second, _]: [u32; 3]) -> Result<Command> {
    Ok(match first >> 24 {
        0 => Command::StopApplication { app: second as u8 },
        6 => {
            let within = (second & 0xffff).trailing_zeros() as u8;
            let chip = ((second >> 24) as u8 | (within & 3), (second >> 16) as u8 & 0xfc | (within >> 2 & 3));
            let chip = (second != 0xffff).then_some(chip);
            Command::FloodFillStart { id: (first >> 16) as u8, blocks: (first >> 8) as u8, chip }
        }
        15 => Command::FloodFillEnd { id: first as u8, start: Start::of(second) },
        code => return Err(MessageError::Unknown { field: "operation of NNP", code }),
    })
}

fn tag([first, second, third]: [u32; 3]) -> Result<Command> {
    let tag = first as u8;
    Ok(match first >> 16 & 0xf {
        1 if first >> 29 & 1 == 1 => Command::ReverseTagSet {
            tag,
            port: second as u16,
            to: Core { x: (second >> 24) as u8, y: (second >> 16) as u8, cpu: (first >> 8 & 31) as u8 },
            sdp_port: (first >> 13 & 7) as u8,
        },
        1 => Command::TagSet {
            tag,
            host: third.to_le_bytes(),
            port: second as u16,
            strip: first >> 28 & 1 == 1,
            use_sender: first >> 30 & 1 == 1,
        },
        2 => Command::TagGet { tag },
        3 => Command::TagClear { tag },
        4 => Command::TagInfo { timeout: second as u8 },
        code => return Err(MessageError::Unknown { field: "operation of IPTAG", code }),
    })
}
