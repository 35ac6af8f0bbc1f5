//! Scalars as a `TensorBoard` event file, written by hand.
//!
//! A record is `length: u64`, masked CRC-32C of those 8 bytes, payload, masked CRC-32C of the payload, all little-endian; the payload
//! is the protobuf message `Event { 1: double wall_time, 2: int64 step, 3: string file_version | 5: Summary { 1: Value { 1: tag,
//! 2: float simple_value } } }`.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use kenyon_base::{AtomicFile, Result, UserError};

use super::journal::Record;

/// Name of the event file in a run folder; `TensorBoard` looks for `tfevents`.
pub const FILE_NAME: &str = "events.out.tfevents.kenyon";

const FILE_VERSION: &[u8] = b"brain.Event:2";

/// CRC-32C as `TensorBoard` stores it: rotated and offset, so that a checksum of checksums is no trivial value.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// A payload framed by its length and checksums.
fn framed(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u64).to_le_bytes();
    let mut out = Vec::with_capacity(payload.len() + 16);
    out.extend_from_slice(&length);
    out.extend_from_slice(&masked_crc(&length).to_le_bytes());
    out.extend_from_slice(payload);
    out.extend_from_slice(&masked_crc(payload).to_le_bytes());
    out
}

/// Protobuf's base-128 number.
fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A length-delimited protobuf field; `tag` is the field's number and wire type.
fn delimited(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn wall(wall_time: f64) -> Vec<u8> {
    let mut out = vec![0x09];
    out.extend_from_slice(&wall_time.to_le_bytes());
    out
}

/// The first event of a file.
fn version_event(wall_time: f64) -> Vec<u8> {
    let mut event = wall(wall_time);
    delimited(0x1a, FILE_VERSION, &mut event);
    framed(&event)
}

/// The event of one scalar.
fn scalar_event(tag: &str, value: f32, step: u64, wall_time: f64) -> Vec<u8> {
    let mut scalar = Vec::new();
    delimited(0x0a, tag.as_bytes(), &mut scalar);
    scalar.push(0x15);
    scalar.extend_from_slice(&value.to_le_bytes());
    let mut summary = Vec::new();
    delimited(0x0a, &scalar, &mut summary);
    let mut event = wall(wall_time);
    event.push(0x10);
    varint(step, &mut event);
    delimited(0x2a, &summary, &mut event);
    framed(&event)
}

fn record_events(record: &Record) -> Vec<u8> {
    record.scalars().flat_map(|(tag, value)| scalar_event(tag, value as f32, record.step, record.wall_time)).collect()
}

/// An event file under way.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Writes the file anew from the records of the journal and stays ready to append.
    pub fn create(path: &Path, records: &[Record]) -> Result<Self> {
        let start = records.first().map_or_else(|| Record::new("", 0, 0).wall_time, |r| r.wall_time);
        let mut bytes = version_event(start);
        bytes.extend(records.iter().flat_map(record_events));
        AtomicFile::write(path, &bytes)?;
        let file = OpenOptions::new().append(true).open(path).map_err(|e| UserError::cannot_write(path, &e))?;
        Ok(Self { path: path.to_path_buf(), file })
    }

    /// Appends the scalars of a record with one write.
    pub fn append(&mut self, record: &Record) -> Result<()> {
        self.file.write_all(&record_events(record)).map_err(|e| UserError::cannot_write(&self.path, &e))
    }
}

/// A scalar as read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// Name.
    pub tag: String,
    /// Optimiser step.
    pub step: u64,
    /// Value.
    pub value: f32,
    /// Seconds since 1970.
    pub wall_time: f64,
}

/// Reads the scalars of an event file; stops with a warning at a last record that was cut off.
///
/// # Errors
/// `checksum` with the offset of a record that is damaged.
pub fn read(path: &Path) -> Result<Vec<Scalar>> {
    let bytes = fs::read(path).map_err(|e| UserError::cannot_read(path, &e))?;
    let mut scalars = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let Some((payload, next)) = unframed(&bytes, at, path)? else {
            tracing::warn!("{}: the last record is cut off", path.display());
            break;
        };
        scalars.extend(parse_event(payload));
        at = next;
    }
    Ok(scalars)
}

/// Payload of the record at `at` and where the next begins; nothing if the record is not whole.
fn unframed<'a>(bytes: &'a [u8], at: usize, path: &Path) -> Result<Option<(&'a [u8], usize)>> {
    let damaged = || {
        UserError::bad_data("checksum", "the record is damaged")
            .file(path)
            .byte(at as u64)
            .mend("resume the run: the file is written anew from the journal")
    };
    let crc_at = |start: usize| bytes.get(start..start + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let (Some(length), Some(length_crc)) = (bytes.get(at..at + 8), crc_at(at + 8)) else { return Ok(None) };
    if masked_crc(length) != length_crc {
        return Err(damaged());
    }
    let length = u64::from_le_bytes(length.try_into().expect("eight bytes were taken")) as usize;
    let Some(end) = (at + 12).checked_add(length) else { return Ok(None) };
    let (Some(payload), Some(crc)) = (bytes.get(at + 12..end), crc_at(end)) else { return Ok(None) };
    if masked_crc(payload) != crc {
        return Err(damaged());
    }
    Ok(Some((payload, end + 4)))
}

/// A field of a protobuf message.
enum Field<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

/// Takes one field off the front; nothing if the bytes are no message.
fn field<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Field<'a>)> {
    let key = take_varint(bytes)?;
    let value = match key & 7 {
        0 => Field::Varint(take_varint(bytes)?),
        1 => Field::Fixed64(take(bytes, 8)?.try_into().ok()?),
        2 => {
            let length = take_varint(bytes)? as usize;
            Field::Bytes(take(bytes, length)?)
        }
        5 => Field::Fixed32(take(bytes, 4)?.try_into().ok()?),
        _ => return None,
    };
    Some((key >> 3, value))
}

fn take<'a>(bytes: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(n)?;
    *bytes = tail;
    Some(head)
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// The scalars of one event; other content is passed over.
fn parse_event(mut event: &[u8]) -> Vec<Scalar> {
    let (mut wall_time, mut step, mut values) = (0.0, 0, Vec::new());
    while let Some((number, value)) = field(&mut event) {
        match (number, value) {
            (1, Field::Fixed64(bytes)) => wall_time = f64::from_le_bytes(bytes),
            (2, Field::Varint(n)) => step = n,
            (5, Field::Bytes(mut summary)) => {
                while let Some((1, Field::Bytes(scalar))) = field(&mut summary) {
                    values.extend(parse_scalar(scalar));
                }
            }
            _ => {}
        }
    }
    values.into_iter().map(|(tag, value)| Scalar { tag, step, value, wall_time }).collect()
}

fn parse_scalar(mut scalar: &[u8]) -> Option<(String, f32)> {
    let (mut tag, mut number) = (None, None);
    while let Some((n, value)) = field(&mut scalar) {
        match (n, value) {
            (1, Field::Bytes(text)) => tag = Some(String::from_utf8_lossy(text).into_owned()),
            (2, Field::Fixed32(bytes)) => number = Some(f32::from_le_bytes(bytes)),
            _ => {}
        }
    }
    tag.zip(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        kenyon_base::digest::hex(bytes)
    }

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(masked_crc(b"123456789"), 0xc78a_b0e5);
    }

    #[test]
    fn records_have_the_bytes_that_tensorboard_reads() {
        assert_eq!(hex(&version_event(1.0)), "1800000000000000a37f4b2209000000000000f03f1a0d627261696e2e4576656e743a3286bf577a");
        assert_eq!(
            hex(&scalar_event("val/acc", 0.75, 3, 2.0)),
            "1d00000000000000602fdf2309000000000000004010032a100a0e0a0776616c2f616363150000403f662d3c4a"
        );
    }

    #[test]
    fn what_is_written_is_read_back_also_nan_and_long_names_and_late_steps() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        let long = "x".repeat(300);
        let first = Record::new("train", 0, 0).value("loss", f64::NAN);
        let second = Record::new("train", 0, 1 << 40).value("a", 1.5).value(&long, -2.0);
        let mut file = EventFile::create(&path, &[first]).unwrap();
        file.append(&second).unwrap();
        let scalars = read(&path).unwrap();
        assert!(scalars[0].value.is_nan());
        let rest: Vec<_> = scalars[1..].iter().map(|s| (s.tag.as_str(), s.step, s.value)).collect();
        assert_eq!(rest, [("a", 1 << 40, 1.5), (long.as_str(), 1 << 40, -2.0)]);
    }

    #[test]
    fn a_cut_record_ends_the_reading_and_a_changed_byte_is_an_error_with_its_offset() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        EventFile::create(&path, &[Record::new("train", 0, 1).value("a", 1.0).value("b", 2.0)]).unwrap();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 3]).unwrap();
        assert_eq!(read(&path).unwrap().len(), 1);
        let mut changed = whole.clone();
        changed[45] ^= 4;
        fs::write(&path, changed).unwrap();
        let error = read(&path).unwrap_err();
        assert!(error.code() == "checksum" && error.to_string().contains("byte 40"), "{error}");
    }
}
