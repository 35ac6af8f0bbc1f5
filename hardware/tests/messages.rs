//! Messages equal reference messages both ways, and no bytes make a decoder panic.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::PathBuf;

use kenyon_hardware::messages::boot::{BootPacket, SystemVariables, boot_packets};
use kenyon_hardware::messages::command::Start;
use kenyon_hardware::messages::eieio::command::Transfer;
use kenyon_hardware::messages::eieio::{Eieio, EieioCommand, EieioData, Elements, Half, Prefix};
use kenyon_hardware::messages::vectors::{Vector, compare};
use kenyon_hardware::messages::{
    Command, Core, CoreMask, CoreState, Endpoint, MessageError, Reply, Request, ResultCode, Runtime, SdpHeader, SdpMessage,
    Signal,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn vectors() -> Option<Vec<Vector>> {
    let data = std::env::var_os("KENYON_REFERENCE_DATA").map(PathBuf::from);
    let data = data.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"));
    let text = std::fs::read(data.join("spinnaker/protocol_vectors.json")).ok();
    if text.is_none() {
        eprintln!("skipped: no reference data");
    }
    text.map(|t| serde_json::from_slice(&t).expect("vectors"))
}

#[test]
fn every_reference_message_is_equal_both_ways() {
    let Some(vectors) = vectors() else { return };
    assert_eq!(vectors.len(), 140);
    for vector in &vectors {
        let difference = compare(vector, None);
        assert!(difference.is_none(), "{} {:?}: {difference:?}", vector.message, vector.fields);
    }
}

#[test]
fn one_changed_field_or_byte_is_a_difference() {
    let Some(vectors) = vectors() else { return };
    for vector in vectors.iter().filter(|v| v.kind != "boot") {
        let mut bytes = vector.clone();
        let last = bytes.hex.pop().unwrap();
        bytes.hex.push(if last == '0' { '1' } else { '0' });
        assert!(!compare(&bytes, None).is_none(), "{}", vector.message);
        let mut unknown = vector.clone();
        unknown.fields.insert("unheard_of".into(), 1.into());
        assert!(!compare(&unknown, None).is_none(), "{}", vector.message);
    }
    let boot = vectors.iter().find(|v| v.kind == "boot").unwrap();
    for (field, value) in [("unix_time", 5), ("board_version", 3)] {
        let mut changed = boot.clone();
        changed.fields.insert(field.into(), value.into());
        assert!(!compare(&changed, None).is_none());
    }
}

fn start(rng: &mut StdRng) -> Start {
    let cores = (0..18u32).filter(|_| rng.random()).collect::<Vec<_>>();
    Start { app: rng.random(), cores: CoreMask::of(cores).unwrap(), wait: rng.random() }
}

fn bytes(rng: &mut StdRng, length: usize) -> Vec<u8> {
    (0..length).map(|_| rng.random()).collect()
}

fn core(rng: &mut StdRng) -> Core {
    Core { x: rng.random(), y: rng.random(), cpu: rng.random_range(0..32) }
}

fn command(rng: &mut StdRng, which: usize) -> Option<Command> {
    let signals = Signal::ALL;
    let length = rng.random_range(0..=256);
    Some(match which {
        0 => Command::Version,
        1 => Command::Read { address: rng.random(), length: rng.random() },
        2 => Command::Write { address: rng.random(), data: bytes(rng, length) },
        3 => Command::Fill { address: rng.random(), word: rng.random(), length: rng.random() },
        4 => Command::Count { app: rng.random(), state: CoreState::ALL[rng.random_range(0..16)] },
        5 => Command::LinkRead { link: rng.random(), address: rng.random(), length: rng.random() },
        6 => Command::LinkWrite { link: rng.random(), address: rng.random(), data: bytes(rng, length) },
        7 => Command::Run(start(rng)),
        8 => {
            let chip = rng.random::<bool>().then(|| (rng.random(), rng.random()));
            Command::FloodFillStart { id: rng.random(), blocks: rng.random(), chip }
        }
        9 => {
            let words = rng.random_range(1..=64);
            Command::FloodFillData { id: rng.random(), block: rng.random(), address: rng.random(), data: bytes(rng, 4 * words) }
        }
        10 => Command::FloodFillEnd { id: rng.random(), start: start(rng) },
        11 => Command::StopApplication { app: rng.random() },
        12 => {
            let (link, checksum) = (rng.random_range(0..8), rng.random_range(0..1 << 29));
            Command::CopyRun { link, checksum, length: rng.random(), start: start(rng) }
        }
        13 => Command::Signal { app: rng.random(), signal: signals[rng.random_range(0..signals.len())] },
        14 => {
            let (strip, use_sender) = (rng.random(), rng.random());
            Command::TagSet { tag: rng.random(), host: rng.random(), port: rng.random(), strip, use_sender }
        }
        15 => {
            let sdp_port = rng.random_range(0..8);
            Command::ReverseTagSet { tag: rng.random(), port: rng.random(), to: core(rng), sdp_port }
        }
        16 => Command::TagGet { tag: rng.random() },
        17 => Command::TagClear { tag: rng.random() },
        18 => Command::TagInfo { timeout: rng.random() },
        19 => Command::AllocateSdram { app: rng.random(), length: rng.random(), tag: rng.random(), retry: rng.random() },
        20 => Command::FreeSdram { address: rng.random() },
        21 => Command::FreeSdramOf { app: rng.random() },
        22 => Command::AllocateRoutes { app: rng.random(), entries: rng.random() },
        23 => Command::FreeRoutes { address: rng.random() },
        24 => Command::FreeRoutesOf { app: rng.random() },
        25 => Command::RouterClear,
        26 => Command::RouterLoad { app: rng.random(), entries: rng.random(), table: rng.random(), base: rng.random() },
        27 => Command::FixedRoute { app: rng.random(), route: rng.random() },
        28 => Command::ChipInfo { with_size: rng.random() },
        29 => Command::Sync { on: rng.random() },
        30 => Command::Power { on: rng.random(), delay_ms: rng.random(), boards: rng.random() },
        31 => Command::Raw { code: 25, arguments: rng.random(), data: bytes(rng, length) },
        _ => return None,
    })
}

#[test]
fn every_request_decodes_to_itself() {
    let mut rng = StdRng::seed_from_u64(1);
    for _ in 0..50 {
        let mut which = 0;
        while let Some(command) = command(&mut rng, which) {
            let request = Request::new(core(&mut rng), rng.random(), command);
            assert_eq!(Request::decode(&request.encode().unwrap()).as_ref(), Ok(&request));
            which += 1;
        }
        let run =
            Runtime::Run { run_time: rng.random(), infinite: rng.random(), current_time: rng.random(), sync_steps: rng.random() };
        let others = [Runtime::Stop, Runtime::ProvenanceAndExit, Runtime::ClearIobuf, Runtime::Pause, Runtime::GetTime];
        for runtime in others.into_iter().chain([run]) {
            let request = Request::new(core(&mut rng), rng.random(), runtime);
            assert_eq!(request.header.to.port, 3);
            assert_eq!(Request::decode(&request.encode().unwrap()).as_ref(), Ok(&request));
        }
    }
}

#[test]
fn every_eieio_message_decodes_to_itself() {
    let mut rng = StdRng::seed_from_u64(2);
    for round in 0..400 {
        let count = rng.random_range(0..=255);
        let elements = match round % 4 {
            0 => Elements::Keys16((0..count).map(|_| rng.random()).collect()),
            1 => Elements::Payloads16((0..count).map(|_| rng.random()).collect()),
            2 => Elements::Keys32((0..count).map(|_| rng.random()).collect()),
            _ => Elements::Payloads32((0..count).map(|_| rng.random()).collect()),
        };
        let base = if round % 4 < 2 { rng.random::<u16>().into() } else { rng.random() };
        let half = if rng.random() { Half::Upper } else { Half::Lower };
        let data = EieioData {
            tag: rng.random_range(0..4),
            prefix: rng.random::<bool>().then(|| Prefix { bits: rng.random(), half }),
            payload_base: rng.random::<bool>().then_some(base),
            times: rng.random(),
            elements,
        };
        let transfer = Transfer { channel: rng.random(), region: rng.random(), space: rng.random() };
        let (x, y, p, region, sequence) = (rng.random(), rng.random(), rng.random_range(0..32), rng.random(), rng.random());
        let message = Eieio::Data(data);
        let commands = [
            EieioCommand::Database { path: "/tmp/база.sqlite3".into() },
            EieioCommand::RequestBuffers { x, y, p, region, sequence, space: rng.random() },
            EieioCommand::SequencedData { region, sequence, content: Box::new(message.clone()) },
            EieioCommand::RequestRead { x, y, p, sequence, requests: vec![(transfer, rng.random()); round % 8] },
            EieioCommand::Read { sequence, requests: vec![transfer; round % 256] },
            EieioCommand::ReadAcknowledged { sequence },
        ];
        for message in commands.into_iter().map(Eieio::Command).chain([message]) {
            assert_eq!(Eieio::decode(&message.encode().unwrap()).as_ref(), Ok(&message));
        }
    }
}

#[test]
fn envelopes_replies_and_boot_packets_decode_to_themselves() {
    let mut rng = StdRng::seed_from_u64(3);
    for round in 0..100 {
        let end = |rng: &mut StdRng| Endpoint {
            x: rng.random(),
            y: rng.random(),
            cpu: rng.random_range(0..32),
            port: rng.random_range(0..8),
        };
        let header = SdpHeader { flags: rng.random(), tag: rng.random(), to: end(&mut rng), from: end(&mut rng) };
        let message = SdpMessage { header, data: bytes(&mut rng, round) };
        assert_eq!(SdpMessage::decode(&message.encode().unwrap()).as_ref(), Ok(&message));
        let reply = Reply { header, result: ResultCode::ALL[round % 16], sequence: rng.random(), data: bytes(&mut rng, round) };
        assert_eq!(Reply::decode(&reply.encode().unwrap()).as_ref(), Ok(&reply));
        assert_eq!(reply.word(0).is_ok(), round >= 4);
    }
    let variables = SystemVariables { hardware_version: 3, unix_time: 1_700_000_000 };
    let image = bytes(&mut rng, 29_868);
    let packets = boot_packets(&image, variables).unwrap();
    assert_eq!(packets.len(), 32);
    for packet in packets.into_iter().chain([BootPacket::Hello { arguments: [1, 2, 3] }]) {
        assert_eq!(BootPacket::decode(&packet.encode().unwrap()).as_ref(), Ok(&packet));
    }
    assert_eq!(SystemVariables::decode(&variables.encode()), Ok(variables));
}

#[test]
fn whatever_decodes_encodes_to_the_same_bytes_and_nothing_panics() {
    let mut rng = StdRng::seed_from_u64(4);
    let (mut decoded, mut seeds) = (0, Vec::new());
    let mut which = 0;
    while let Some(command) = command(&mut rng, which) {
        seeds.push(Request::new(core(&mut rng), 1, command).encode().unwrap());
        which += 1;
    }
    for round in 0..60_000 {
        // Half are noise, half are true messages with a few bytes changed or cut off.
        let mut noise = if round % 2 == 0 {
            let length = rng.random_range(0..64);
            bytes(&mut rng, length)
        } else {
            let mut seed = seeds[rng.random_range(0..seeds.len())].clone();
            for _ in 0..rng.random_range(0..3) {
                let at = rng.random_range(0..seed.len());
                seed[at] = rng.random();
            }
            seed.truncate(rng.random_range(0..=seed.len().min(40)).max(seed.len() * usize::from(rng.random::<bool>())));
            seed
        };
        if let Ok(message) = Request::decode(&noise) {
            assert_eq!(message.encode().unwrap(), noise);
            decoded += 1;
        }
        if let Ok(message) = Reply::decode(&noise) {
            assert_eq!(message.encode().unwrap(), noise);
        }
        if let Ok(message) = SdpMessage::decode(&noise) {
            assert_eq!(message.encode().unwrap(), noise);
        }
        let _ = SystemVariables::decode(&noise);
        if round % 4 == 0 && noise.len() > 2 {
            noise[0] = rng.random_range(0..16);
            noise[1] = if rng.random() { 0x40 } else { noise[1] };
        }
        if let Ok(message) = Eieio::decode(&noise) {
            assert_eq!(message.encode().unwrap(), noise);
            decoded += 1;
        }
        if round % 4 == 2 && noise.len() > 6 {
            noise[..6].copy_from_slice(&[0, 1, 0, 0, 0, rng.random_range(0..6)]);
        }
        if let Ok(message) = BootPacket::decode(&noise) {
            assert_eq!(message.encode().unwrap(), noise);
        }
    }
    assert!(decoded > 1000, "{decoded}");
}

#[test]
fn cut_short_unknown_and_trailing_bytes_are_named() {
    let request = Request::new(Core::monitor(0, 0), 9, Command::Version).encode().unwrap();
    for length in 0..request.len() {
        assert!(matches!(Request::decode(&request[..length]), Err(MessageError::Truncated { .. })), "{length}");
    }
    let mut unknown = request.clone();
    unknown[8] = 200;
    assert_eq!(Request::decode(&unknown), Err(MessageError::Unknown { field: "command", code: 200 }));
    let too_long = Request::new(Core::monitor(0, 0), 9, Command::Write { address: 0, data: vec![0; 257] });
    assert!(matches!(too_long.encode(), Err(MessageError::OutOfRange { .. })));
    assert_eq!(Eieio::decode(&[2, 0x40, 7]), Err(MessageError::Trailing { message: "EIEIO command", bytes: 1 }));
    let nested = [7, 0x40, 1, 2].repeat(100_000);
    assert!(Eieio::decode(&nested).is_err());
}
