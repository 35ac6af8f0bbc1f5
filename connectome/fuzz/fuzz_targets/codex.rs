//! Any bytes as a connection table, plain and as gzip, and as a keyword list: records or an error, never a panic.

#![no_main]

use std::fmt::Display;
use std::path::Path;

use kenyon_connectome::codex::header::Header;
use kenyon_connectome::codex::{Column, Limits, Nt, Records, fields, keywords};
use libfuzzer_sys::fuzz_target;

/// Small limits, so that short inputs reach them.
const LIMITS: Limits = Limits {
    decompressed: 1 << 20,
    ratio: 100,
    line: 256,
    field: 64,
    columns: 16,
};

/// Reads a connection table to its end or its first fault.
fn read(path: &Path) -> Option<(String, u64)> {
    let mut records = shown(Records::open(path, LIMITS))?;
    let header = shown(Header::read(&mut records))?;
    shown(header.check_duplicates(&records))?;
    let pre = shown(header.require(Column::PreRootId, &records))?;
    let post = shown(header.require(Column::PostRootId, &records))?;
    let count = shown(header.require(Column::SynCount, &records))?;
    let nt = header.position(Column::NtType);
    while let Some(record) = shown(records.next_record())? {
        assert_eq!(record.len(), header.cells.len(), "every record has the fields of the header");
        for i in 0..record.len() {
            assert!(record.text(i).len() <= LIMITS.field, "no field is above its limit");
        }
        shown(fields::root_id(&record, pre, header.cell(pre)))?;
        shown(fields::short_root_id(&record, post, header.cell(post)));
        shown(fields::syn_count(&record, count, header.cell(count)))?;
        nt.map(|i| Nt::from_field(record.field(i)));
    }
    shown(records.finish())
}

/// Shows an error as a user would see it.
fn shown<T, E: Display>(result: Result<T, E>) -> Option<T> {
    result
        .map_err(|error| assert!(!error.to_string().is_empty(), "an error says something"))
        .ok()
}

/// A gzip file that stores `bytes` as they are.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let crc = !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1))
        })
    });
    let length = bytes.len() as u16;
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend(bytes);
    out.extend(crc.to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}

// The first byte chooses the form, the others are the content.
fuzz_target!(|bytes: &[u8]| {
    let Some((form, bytes)) = bytes.split_first() else { return };
    let bytes = &bytes[..bytes.len().min(60_000)];
    let headed = || [b"pre_root_id,post_root_id,neuropil,syn_count,nt_type\n", bytes].concat();
    let content = match form % 6 {
        0 | 5 => bytes.to_vec(),
        1 => headed(),
        2 => stored(bytes),
        3 => stored(&headed()),
        _ => [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], bytes].concat(),
    };
    let path = std::env::temp_dir().join(format!("kenyon-fuzz-codex-{}.csv", std::process::id()));
    std::fs::write(&path, content).expect("the temporary folder takes it");
    if form % 6 == 5 {
        shown(keywords::read(&path));
    } else {
        read(&path);
    }
});
