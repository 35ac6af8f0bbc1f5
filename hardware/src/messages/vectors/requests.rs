//! Fields of SCP requests, as the released tool's constructors name them.

use super::fields::{Fields, Found};
use crate::messages::command::Start;
use crate::messages::{Command, Core, CoreMask, CoreState, Request, Runtime, Signal};

pub(super) fn of(message: &str, sequence: u16, fields: &mut Fields<'_>) -> Found<Request> {
    let command = match message {
        "UpdateRuntimeRequest" => {
            let body = Runtime::Run {
                run_time: fields.number("run_time")?,
                infinite: fields.flag("infinite_run")?,
                current_time: fields.number("current_time")?,
                sync_steps: fields.optional("n_sync_steps")?.unwrap_or(0),
            };
            return Ok(Request::new(core(fields)?, sequence, body));
        }
        "GetVersion" => Command::Version,
        "BMPGetVersion" | "ReadFPGARegister" | "WriteFPGARegister" | "SetPower" => {
            let (board, command) = of_board(message, fields)?;
            return Ok(Request::new(Core::board(board), sequence, command));
        }
        "AppStop" | "SendSignal" | "DoSync" | "FloodFillStart" | "FloodFillData" | "FloodFillEnd" => {
            return Ok(Request::new(Core::ROOT, sequence, of_machine(message, fields)?));
        }
        _ => of_chip(message, fields)?,
    };
    Ok(Request::new(core(fields)?, sequence, command))
}

/// The core that `x`, `y` and `p` name; without `p` its chip's monitor.
fn core(fields: &mut Fields<'_>) -> Found<Core> {
    let cpu = match fields.optional("p")? {
        Some(cpu) => cpu,
        None => fields.optional("cpu")?.unwrap_or(0),
    };
    Ok(Core { x: fields.number("x")?, y: fields.number("y")?, cpu })
}

fn start(fields: &mut Fields<'_>) -> Found<Start> {
    let cores = CoreMask::of(fields.numbers::<u32>("processors")?).map_err(|e| e.to_string())?;
    Ok(Start { app: fields.optional("app_id")?.unwrap_or(0), cores, wait: fields.flag("wait")? })
}

fn of_board(message: &str, fields: &mut Fields<'_>) -> Found<(u8, Command)> {
    if message == "SetPower" {
        let boards = fields.numbers::<u32>("boards")?;
        let mut mask = 0;
        for board in boards {
            mask |= 1u32.checked_shl(board).ok_or("`boards` holds a board beyond 31")?;
        }
        // Truncated to whole ms, as the released tool does.
        let delay_ms = (fields.real("delay_s")? * 1000.0).trunc();
        if !(0.0..=65_535.0).contains(&delay_ms) {
            return Err("`delay_s` is beyond 65 s".into());
        }
        let on = fields.flag("power_command")?;
        let board = fields.optional("board_to_send_to")?.unwrap_or(0);
        return Ok((board, Command::Power { on, delay_ms: delay_ms as u16, boards: mask }));
    }
    let command = match message {
        "ReadFPGARegister" => Command::read_fpga(fields.number("fpga_num")?, fields.number("register")?),
        "WriteFPGARegister" => {
            Command::write_fpga(fields.number("fpga_num")?, fields.number("address")?, fields.number("value")?)
        }
        _ => Command::Version,
    };
    Ok((fields.number("board")?, command))
}

fn of_machine(message: &str, fields: &mut Fields<'_>) -> Found<Command> {
    Ok(match message {
        "AppStop" => Command::StopApplication { app: fields.number("app_id")? },
        "SendSignal" => {
            let signal = Signal::of(fields.number("signal")?).map_err(|e| e.to_string())?;
            fields.agrees("signal_name", signal.name())?;
            Command::Signal { app: fields.number("app_id")?, signal }
        }
        "DoSync" => Command::Sync { on: fields.flag("do_sync")? },
        "FloodFillStart" => {
            let chip = match (fields.optional("x")?, fields.optional("y")?) {
                (Some(x), Some(y)) => Some((x, y)),
                _ => None,
            };
            Command::FloodFillStart { id: fields.number("nearest_neighbour_id")?, blocks: fields.number("n_blocks")?, chip }
        }
        "FloodFillData" => Command::FloodFillData {
            id: fields.number("nearest_neighbour_id")?,
            block: fields.number("block_no")?,
            address: fields.number("base_address")?,
            data: fields.hex("data_hex")?,
        },
        _ => Command::FloodFillEnd { id: fields.number("nearest_neighbour_id")?, start: start(fields)? },
    })
}

fn of_chip(message: &str, fields: &mut Fields<'_>) -> Found<Command> {
    Ok(match message {
        "AppCopyRun" => Command::CopyRun {
            link: fields.number("link")?,
            // Only 29 bits travel.
            checksum: fields.number::<u32>("checksum")? & 0x1fff_ffff,
            length: fields.number("size")?,
            start: start(fields)?,
        },
        "ApplicationRun" => Command::Run(start(fields)?),
        "CountState" => {
            let state = CoreState::of(fields.number("state")?).map_err(|e| e.to_string())?;
            fields.agrees("state_name", state.name())?;
            Command::Count { app: fields.number("app_id")?, state }
        }
        "FillRequest" => Command::Fill {
            address: fields.number("base_address")?,
            word: fields.number("data")?,
            length: fields.number("size")?,
        },
        "FixedRouteInit" => Command::FixedRoute { app: fields.optional("app_id")?.unwrap_or(0), route: fields.number("entry")? },
        "FixedRouteRead" => Command::FixedRoute { app: fields.number("app_id")?, route: 1 << 31 },
        "GetChipInfo" => Command::ChipInfo { with_size: fields.flag("with_size")? },
        "ReadMemory" => Command::Read { address: fields.number("base_address")?, length: fields.number("size")? },
        "WriteMemory" => Command::Write { address: fields.number("base_address")?, data: fields.hex("data_hex")? },
        "ReadLink" => Command::LinkRead {
            link: fields.number("link")?,
            address: fields.number("base_address")?,
            length: fields.number("size")?,
        },
        "WriteLink" => Command::LinkWrite {
            link: fields.number("link")?,
            address: fields.number("base_address")?,
            data: fields.hex("data_hex")?,
        },
        "RouterAlloc" => Command::AllocateRoutes { app: fields.number("app_id")?, entries: fields.number("n_entries")? },
        "RouterClear" => Command::RouterClear,
        "RouterInit" => Command::RouterLoad {
            app: fields.optional("app_id")?.unwrap_or(0),
            entries: fields.number("n_entries")?,
            table: fields.number("table_address")?,
            base: fields.number("base_address")?,
        },
        "SDRAMAlloc" => {
            let tag = fields.optional::<u8>("tag")?;
            let retry = if fields.value("retry_tag").is_some() { fields.flag("retry_tag")? } else { true };
            Command::AllocateSdram {
                app: fields.number("app_id")?,
                length: fields.number("size")?,
                tag: tag.unwrap_or(0),
                retry: retry && tag.is_some(),
            }
        }
        "SDRAMDeAlloc" => match fields.optional("base_address")? {
            Some(address) => {
                let _ = fields.value("app_id");
                Command::FreeSdram { address }
            }
            None => Command::FreeSdramOf { app: fields.number("app_id")? },
        },
        "IPTagSet" | "ReverseIPTagSet" | "IPTagGet" | "IPTagClear" | "IPTagGetInfo" | "IPTagSetTTO" => tag(message, fields)?,
        name => return Err(format!("unknown message `{name}`")),
    })
}

fn tag(message: &str, fields: &mut Fields<'_>) -> Found<Command> {
    Ok(match message {
        "IPTagSet" => {
            let host = fields.numbers::<u8>("host")?.try_into().map_err(|_| "`host` is no list of four bytes")?;
            Command::TagSet {
                tag: fields.number("tag")?,
                host,
                port: fields.number("port")?,
                strip: fields.flag("strip")?,
                use_sender: fields.flag("use_sender")?,
            }
        }
        "ReverseIPTagSet" => Command::ReverseTagSet {
            tag: fields.number("tag")?,
            port: fields.number("port")?,
            to: Core {
                x: fields.number("destination_x")?,
                y: fields.number("destination_y")?,
                cpu: fields.number("destination_p")?,
            },
            sdp_port: fields.optional("sdp_port")?.unwrap_or(1),
        },
        "IPTagGet" => Command::TagGet { tag: fields.number("tag")? },
        "IPTagClear" => Command::TagClear { tag: fields.number("tag")? },
        "IPTagSetTTO" => Command::TagInfo { timeout: fields.number("tag_timeout")? },
        _ => Command::TagInfo { timeout: 255 },
    })
}
