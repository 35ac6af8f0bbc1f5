//! gzip output that is compressed in parallel and still depends on the text alone.
//!
//! The rows are cut into pieces of a fixed number, each piece is compressed by itself and ends on a byte border, and the pieces
//! are joined to one stream with one header (time 0) and one checksum. Any reader takes it for an ordinary gzip file.

use std::io::{self, Write};

use flate2::{Compress, Compression, Crc, FlushCompress};
use rayon::prelude::*;

/// Rows of one piece.
const PIECE: usize = 1 << 15;
/// Pieces in memory at a time.
const WAVE: usize = 16;
/// Header: deflate, no name, time 0, system unknown.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// The empty last block of a deflate stream.
const LAST_BLOCK: [u8; 2] = [3, 0];

/// Writes `head` and then `rows` lines, each appended to the buffer by `line`; returns the bytes written.
pub(super) fn write(
    out: &mut impl Write,
    head: &str,
    rows: usize,
    line: &(impl Fn(usize, &mut Vec<u8>) + Sync),
) -> io::Result<u64> {
    let mut crc = Crc::new();
    let mut bytes = (HEADER.len() + LAST_BLOCK.len() + 8) as u64;
    out.write_all(&HEADER)?;
    let pieces = rows.div_ceil(PIECE).max(1);
    for wave in (0..pieces).step_by(WAVE) {
        let made: Vec<(Vec<u8>, Crc)> = (wave..pieces.min(wave + WAVE))
            .into_par_iter()
            .map(|k| {
                let mut text = Vec::with_capacity(PIECE * 56);
                if k == 0 {
                    text.extend_from_slice(head.as_bytes());
                }
                (k * PIECE..rows.min((k + 1) * PIECE)).for_each(|i| line(i, &mut text));
                let mut crc = Crc::new();
                crc.update(&text);
                deflate(&text).map(|packed| (packed, crc))
            })
            .collect::<io::Result<_>>()?;
        for (packed, part) in made {
            out.write_all(&packed)?;
            bytes += packed.len() as u64;
            crc.combine(&part);
        }
    }
    out.write_all(&LAST_BLOCK)?;
    out.write_all(&crc.sum().to_le_bytes())?;
    out.write_all(&crc.amount().to_le_bytes())?;
    Ok(bytes)
}

/// Deflates `text` up to a byte border, without the last block.
fn deflate(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut packer = Compress::new(Compression::new(6), false);
    let mut out = Vec::with_capacity(text.len() / 3 + 128);
    loop {
        let done = packer.total_in() as usize;
        packer.compress_vec(&text[done..], &mut out, FlushCompress::Sync).map_err(io::Error::other)?;
        if packer.total_in() as usize == text.len() && out.len() < out.capacity() {
            return Ok(out);
        }
        out.reserve(text.len() / 4 + 128);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_pieces_read_back_as_one_stream() {
        for rows in [0, 1, PIECE, 3 * PIECE + 7] {
            let mut packed = Vec::new();
            let bytes = write(&mut packed, "head\n", rows, &|i, text| {
                text.extend_from_slice(format!("{i},{}\n", i * i).as_bytes());
            })
            .expect("memory");
            assert_eq!(bytes, packed.len() as u64);
            let mut text = String::new();
            flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).expect("a gzip stream");
            assert_eq!(text.lines().count(), rows + 1);
            assert!(rows == 0 || text.ends_with(&format!("{},{}\n", rows - 1, (rows - 1) * (rows - 1))));
        }
    }
}
