//! Boot packets: sizes, headers, system variables, and hashes where the bytes are known.

use kenyon_base::digest::sha256_reader;

use super::Difference;
use super::fields::{Fields, Found, bytes};
use crate::messages::boot::{BootPacket, SystemVariables, boot_packets, reverse_words};

/// Length of a packet without data.
const HEADER: usize = 18;

pub(super) fn compare(fields: &mut Fields<'_>, image: Option<&[u8]>) -> Found<Difference> {
    let variables = SystemVariables { hardware_version: fields.number("board_version")?, unix_time: fields.number("unix_time")? };
    let lengths: Vec<usize> = fields.numbers("packet_lengths")?;
    let (headers, hashes) = (fields.texts("headers_hex")?, fields.texts("sha256")?);
    let count = fields.optional("n_packets")?.unwrap_or(lengths.len());
    if [lengths.len(), headers.len(), hashes.len()] != [count; 3] || lengths.iter().any(|l| *l < HEADER) {
        return Err(format!("`packet_lengths`, `headers_hex` and `sha256` do not tell of {count} packets"));
    }
    let block = fields.hex("struct_block_hex")?;

    let size = lengths.iter().map(|l| l - HEADER).sum();
    let unknown = vec![0; size];
    let packets = boot_packets(image.unwrap_or(&unknown), variables).map_err(|e| e.to_string())?;
    let mut difference = Difference::default();
    if packets.len() != count {
        return Err(format!("{} packets, expected {count}", packets.len()));
    }
    for (place, packet) in packets.iter().enumerate() {
        let ours = packet.encode().map_err(|e| e.to_string())?;
        let header = bytes(headers[place]).ok_or("`headers_hex` is no hexadecimal text")?;
        let known = image.is_some() || ours.len() == HEADER;
        if ours.len() != lengths[place] {
            difference.encode = Some(format!("packet {place} has {} bytes, expected {}", ours.len(), lengths[place]));
        } else if ours[..HEADER] != header[..] {
            difference.encode = Some(format!("the header of packet {place} differs"));
        } else if known && !sha256_reader(ours.as_slice()).is_ok_and(|hash| hash.eq_ignore_ascii_case(hashes[place])) {
            difference.encode = Some(format!("the SHA-256 of packet {place} differs"));
        }
        // The data of a block do not take part in its header.
        let received = [&header[..], &ours[HEADER..]].concat();
        if BootPacket::decode(&received) != Ok(packet.clone()) {
            difference.decode = Some(format!("packet {place} decodes to something else"));
        }
    }
    // In the order in which it travels.
    let mut travelling = variables.encode();
    reverse_words(&mut travelling);
    if block != travelling {
        difference.encode = Some("the system variables differ".into());
    }
    let mut received = block;
    reverse_words(&mut received);
    if SystemVariables::decode(&received) != Ok(variables) {
        difference.decode = Some("the system variables decode to others".into());
    }
    Ok(difference)
}
