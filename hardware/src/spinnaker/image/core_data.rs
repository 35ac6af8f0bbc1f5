//! The table that a core's `user0` points to: where its regions lie, with a checksum of each.
//!
//! Two words to know it by, then 32 times (address, checksum, words); a region that is not there has zeros.

use crate::messages::MessageError;

/// First word.
const MAGIC: u32 = 0xad13_0ad6;
/// Second word: the version.
const VERSION: u32 = 0x0001_0000;
/// Regions that a table has room for.
pub const REGIONS: usize = 32;
/// Words of the table.
pub const TABLE_WORDS: usize = 2 + 3 * REGIONS;

/// Sum of the words, wrapped to 32 bits.
pub fn checksum(words: &[u32]) -> u32 {
    words.iter().fold(0, |sum, word| sum.wrapping_add(*word))
}

/// Table and regions as they lie in memory from `address` on: the table first, then the regions in the order of their numbers.
///
/// # Errors
/// [`MessageError::Malformed`] if they end beyond the 32 bits of an address.
pub fn encode(address: u32, regions: &[Option<&[u32]>; REGIONS]) -> Result<Vec<u32>, MessageError> {
    let words: usize = TABLE_WORDS + regions.iter().flatten().map(|region| region.len()).sum::<usize>();
    if u64::from(address) + 4 * words as u64 > 1 << 32 {
        return Err(MessageError::Malformed { message: "table of regions" });
    }
    let mut words = vec![MAGIC, VERSION];
    let mut next = address.wrapping_add(4 * TABLE_WORDS as u32);
    for region in regions {
        match region {
            None => words.extend([0; 3]),
            Some(region) => {
                words.extend([next, checksum(region), region.len() as u32]);
                next = next.wrapping_add(4 * region.len() as u32);
            }
        }
    }
    regions.iter().flatten().for_each(|region| words.extend(*region));
    Ok(words)
}

/// The regions in memory that begins at `address` with a table.
///
/// # Errors
/// [`MessageError::Malformed`] for another kind of table or a checksum that is not that of its region; [`MessageError::Truncated`] for a
/// region outside the memory.
pub fn decode(address: u32, words: &[u32]) -> Result<Vec<Option<Vec<u32>>>, MessageError> {
    let cut = |needed: usize| MessageError::Truncated { field: "region", needed, found: 4 * words.len() };
    let table = words.get(..TABLE_WORDS).ok_or(cut(4 * TABLE_WORDS))?;
    let malformed = MessageError::Malformed { message: "table of regions" };
    if table[..2] != [MAGIC, VERSION] {
        return Err(malformed);
    }
    let of = |entry: &[u32]| {
        let (pointer, sum, length) = (entry[0], entry[1], entry[2] as usize);
        if pointer == 0 {
            return Ok(None);
        }
        let offset = pointer.checked_sub(address).filter(|o| o % 4 == 0).ok_or_else(|| malformed.clone())? as usize / 4;
        let region = words.get(offset..).and_then(|w| w.get(..length));
        let region = region.ok_or_else(|| cut(4 * (offset.saturating_add(length))))?;
        if checksum(region) == sum { Ok(Some(region.to_vec())) } else { Err(malformed.clone()) }
    };
    table[2..].chunks_exact(3).map(of).collect()
}
