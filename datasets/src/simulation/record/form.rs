//! A simulation as the journal holds it.
//!
//! ```text
//! kenyon-simulation 2\n  | part u32 | index u32 | payload bytes u64 | body bytes u64 | SHA-256 of the body, 64 hexadecimal digits
//! body:    the payload, compressed (zlib); of every 4,096 values of a column the first bytes, then the second ones, and so on
//! payload: header bytes u32 | header JSON | events (t u32, row u32, weight f64) | spikes f32 | soma f32 | rate f32
//!          | near u8 | branches f16 | extras f32        all little-endian
//! ```

use std::io::{Read as _, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use half::f16;
use kenyon_base::digest::Hasher;
use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

use super::{Extra, Record};
use crate::simulation::plan::{Event, Item};
use crate::simulation::spec::Part;

const MAGIC: &[u8; 20] = b"kenyon-simulation 2\n";
const PROLOGUE: usize = MAGIC.len() + 4 + 4 + 8 + 8 + 64;
/// Values that are handed out together.
const AT_ONCE: usize = 1 << 12;
/// What zlib makes of a byte at most.
const EXPANSION: u64 = 1032;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    part: Part,
    index: u32,
    seed: u64,
    trials: u32,
    failed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left_bounds_ms: Option<f64>,
    events: usize,
    spikes: usize,
    bins: usize,
    branches: usize,
    extra: Vec<(String, Vec<usize>)>,
}

impl Record {
    /// Hands out the payload piece by piece, with the bytes of a value, so that it never lies in memory beside the record.
    fn pieces(&self, out: &mut impl FnMut(&[u8], usize)) {
        let header = Header {
            part: self.item.part,
            index: self.item.index,
            seed: self.seed,
            trials: self.trials,
            failed: self.failed.clone(),
            left_bounds_ms: self.left_bounds_ms,
            events: self.events.len(),
            spikes: self.spikes_ms.len(),
            bins: self.soma_v.len(),
            branches: self.branch_v.len(),
            extra: self.extra.iter().map(|e| (e.name.clone(), e.shape.clone())).collect(),
        };
        let json = serde_json::to_vec(&header).expect("plain data");
        out(&(json.len() as u32).to_le_bytes(), 1);
        out(&json, 1);
        column(&self.events, |e| e.t.to_le_bytes(), out);
        column(&self.events, |e| e.row.to_le_bytes(), out);
        column(&self.events, |e| e.weight.to_le_bytes(), out);
        for values in [&self.spikes_ms, &self.soma_v, &self.inst_rate] {
            column(values, |v| v.to_le_bytes(), out);
        }
        column(&self.near_spike, |&n| [u8::from(n)], out);
        column(&self.branch_v, |v| v.to_le_bytes(), out);
        self.extra.iter().for_each(|e| column(&e.data, |v| v.to_le_bytes(), out));
    }

    /// The record as the journal holds it.
    pub fn encode(&self) -> Vec<u8> {
        let mut length = 0;
        let mut zlib = ZlibEncoder::new(vec![0; PROLOGUE], Compression::fast());
        self.pieces(&mut |piece, width| {
            length += piece.len() as u64;
            // Bytes of one significance are alike.
            zlib.write_all(&shuffled(piece, width)).expect("memory takes all");
        });
        let mut bytes = zlib.finish().expect("memory takes all");
        let prologue = prologue(self.item, length, &bytes[PROLOGUE..]);
        bytes[..PROLOGUE].copy_from_slice(&prologue);
        bytes
    }

    /// SHA-256 of all that the record holds.
    pub(in crate::simulation) fn sha256(&self) -> String {
        let mut hash = Hasher::default();
        self.pieces(&mut |piece, _| hash.update(piece));
        hash.finish()
    }

    /// Reads a record of the journal.
    ///
    /// # Errors
    /// `damaged-record` if it is cut off, changed or malformed.
    pub fn decode(bytes: &[u8], path: &Path) -> Result<Self> {
        let damaged = |cause: &str| {
            UserError::bad_data("damaged-record", format!("the record of a simulation {cause}"))
                .file(path)
                .mend("run the command again: the simulation is made anew")
        };
        let (item, length) = sound(bytes).map_err(damaged)?;
        let body = &bytes[PROLOGUE..];
        if length > (body.len() as u64).saturating_mul(EXPANSION) {
            return Err(damaged("declares more than it holds"));
        }
        let mut payload = Vec::new();
        let read = ZlibDecoder::new(body).take(length + 1).read_to_end(&mut payload);
        if read.is_err() || payload.len() as u64 != length {
            return Err(damaged("cannot be unpacked"));
        }
        Self::payload(&payload).filter(|record| record.item == item).ok_or_else(|| damaged("is malformed"))
    }

    fn payload(payload: &[u8]) -> Option<Self> {
        let (length, rest) = payload.split_first_chunk::<4>()?;
        let (json, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let header: Header = serde_json::from_slice(json).ok()?;
        let mut rest = rest;
        let mut take = |count: usize, width: usize| {
            let (now, later) = rest.split_at_checked(count.checked_mul(width)?)?;
            rest = later;
            Some(unshuffled(now, width))
        };
        let words =
            |bytes: &[u8]| -> Vec<u32> { bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect() };
        let floats = |bytes: &[u8]| -> Vec<f32> { words(bytes).into_iter().map(f32::from_bits).collect() };
        let t = words(&take(header.events, 4)?);
        let row = words(&take(header.events, 4)?);
        let weight = take(header.events, 8)?;
        let weight = weight.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().expect("8 bytes")));
        let events = t.into_iter().zip(row).zip(weight).map(|((t, row), weight)| Event { t, row, weight }).collect();
        let spikes_ms = floats(&take(header.spikes, 4)?);
        let soma_v = floats(&take(header.bins, 4)?);
        let inst_rate = floats(&take(header.bins, 4)?);
        let near_spike = take(header.bins, 1)?.iter().map(|&n| n != 0).collect();
        let branch_v = take(header.branches, 2)?.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]])).collect();
        let mut extra = Vec::new();
        for (name, shape) in header.extra {
            let n = shape.iter().try_fold(1_usize, |all, &n| all.checked_mul(n))?;
            extra.push(Extra { name, shape, data: floats(&take(n, 4)?) });
        }
        rest.is_empty().then_some(Self {
            item: Item { part: header.part, index: header.index },
            seed: header.seed,
            trials: header.trials,
            failed: header.failed,
            left_bounds_ms: header.left_bounds_ms,
            events,
            spikes_ms,
            soma_v,
            branch_v,
            near_spike,
            inst_rate,
            extra,
        })
    }
}

/// Hands out the bytes of a column, some at a time.
fn column<T, const N: usize>(values: &[T], bytes: impl Fn(&T) -> [u8; N], out: &mut impl FnMut(&[u8], usize)) {
    let mut buffer = Vec::with_capacity(values.len().min(AT_ONCE) * N);
    for some in values.chunks(AT_ONCE) {
        buffer.clear();
        buffer.extend(some.iter().flat_map(&bytes));
        out(&buffer, N);
    }
}

/// The first bytes of all values, then the second ones, and so on.
fn shuffled(values: &[u8], width: usize) -> Vec<u8> {
    (0..width).flat_map(|k| values[k.min(values.len())..].iter().step_by(width)).copied().collect()
}

/// The inverse of [`shuffled`] for a whole column.
fn unshuffled(column: &[u8], width: usize) -> Vec<u8> {
    let mut values = vec![0; column.len()];
    for (values, shuffled) in values.chunks_mut(AT_ONCE * width).zip(column.chunks(AT_ONCE * width)) {
        let n = shuffled.len() / width;
        for (k, plane) in shuffled.chunks(n.max(1)).enumerate() {
            values[k..].iter_mut().step_by(width).zip(plane).for_each(|(value, byte)| *value = *byte);
        }
    }
    values
}

/// What stands before a body.
fn prologue(item: Item, length: u64, body: &[u8]) -> Vec<u8> {
    let part = Part::ALL.iter().position(|p| *p == item.part).unwrap_or(0) as u32;
    let mut bytes = MAGIC.to_vec();
    bytes.extend(part.to_le_bytes());
    bytes.extend(item.index.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend((body.len() as u64).to_le_bytes());
    let mut hash = Hasher::default();
    hash.update(&bytes[MAGIC.len()..]);
    hash.update(body);
    bytes.extend(hash.finish().as_bytes());
    bytes
}

/// Checks the bytes of a record without unpacking them: which simulation it is and how long its payload; or what is wrong.
pub(in crate::simulation) fn sound(bytes: &[u8]) -> std::result::Result<(Item, u64), &'static str> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("does not begin as one")?;
    let fields = rest.first_chunk::<24>().ok_or("is cut off")?;
    let word = |at: usize| u32::from_le_bytes([fields[at], fields[at + 1], fields[at + 2], fields[at + 3]]);
    let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
    let body = bytes.get(PROLOGUE..).ok_or("is cut off")?;
    if body.len() as u64 != long(16) {
        return Err("is cut off");
    }
    let part = *Part::ALL.get(word(0) as usize).ok_or("is of no part")?;
    let item = Item { part, index: word(4) };
    if prologue(item, long(8), body) != bytes[..PROLOGUE] {
        return Err("has changed: its checksum is wrong");
    }
    Ok((item, long(8)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sealed(payload: &[u8]) -> Vec<u8> {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(payload).expect("memory");
        let body = zlib.finish().expect("memory");
        [prologue(Item { part: Part::Train, index: 0 }, payload.len() as u64, &body), body].concat()
    }

    #[test]
    fn columns_of_any_length_come_back_from_their_planes() {
        for n in [0, 1, 2, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 2 * AT_ONCE + 7] {
            let values: Vec<u64> = (0..n as u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
            let (mut plain, mut planes) = (Vec::<u8>::new(), Vec::<u8>::new());
            column(&values, |v| v.to_le_bytes(), &mut |piece, width| {
                plain.extend(piece);
                planes.extend(shuffled(piece, width));
            });
            assert!(unshuffled(&planes, 8) == plain && (n < 2 || planes != plain), "{n} values");
        }
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_are_refused_or_read_and_never_panic(
            payload in proptest::collection::vec(any::<u8>(), 0..300),
            counts: [u32; 4],
        ) {
            let path = Path::new("x.sim");
            prop_assert!(Record::decode(&payload, path).is_err());
            prop_assert!(Record::decode(&sealed(&payload), path).is_err());
            let [events, spikes, bins, branches] = counts.map(|n| u64::from(n) << (n % 33));
            let json = serde_json::json!({
                "part": "train", "index": 0, "seed": 1, "trials": 1, "failed": null, "events": events, "spikes": spikes,
                "bins": bins, "branches": branches, "extra": [["a", [events, bins]]],
            });
            let json = json.to_string();
            let body = [&(json.len() as u32).to_le_bytes()[..], json.as_bytes(), &payload].concat();
            prop_assert!(Record::decode(&sealed(&body), path).is_err());
        }

        #[test]
        fn a_record_survives_the_journal(
            events in proptest::collection::vec((any::<u32>(), any::<u32>(), -1e9..1e9), 0..20),
            voltages in proptest::collection::vec(-100.0_f32..50.0, 0..30),
            failed in proptest::option::of("[a-z_]{1,9}"),
        ) {
            let record = Record {
                item: Item { part: Part::Valid, index: 7 },
                seed: 3,
                trials: 2,
                left_bounds_ms: failed.is_some().then_some(-12.475),
                failed,
                events: events.into_iter().map(|(t, row, weight)| Event { t, row, weight }).collect(),
                spikes_ms: voltages.iter().map(|v| v + 200.0).collect(),
                branch_v: voltages.iter().chain(&voltages).map(|&v| f16::from_f32(v)).collect(),
                near_spike: voltages.iter().map(|&v| v > 0.0).collect(),
                inst_rate: voltages.clone(),
                extra: vec![Extra { name: "a".into(), shape: vec![1, voltages.len()], data: voltages.clone() }],
                soma_v: voltages,
            };
            prop_assert_eq!(Record::decode(&record.encode(), Path::new("x.sim")).expect("sound"), record);
        }
    }
}
