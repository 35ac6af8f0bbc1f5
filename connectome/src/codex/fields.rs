//! The fields of Codex tables: root ids, synapse counts, transmitters, sides.

use std::path::Path;

use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

use super::records::Record;

/// Leading digits that the `*_root_id_720575940` columns leave out.
const SHORT_ID_PREFIX: u64 = 720_575_940;

/// Parses decimal digits; `None` if empty, if anything else occurs, or above 2^64 - 1.
#[inline]
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    let mut value = 0_u64;
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// Parses up to 19 digits, the common case, eight at a time.
#[inline]
fn digits_fast(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return digits(text);
    }
    let (eights, rest) = text.as_chunks::<8>();
    let mut value = 0_u64;
    for &eight in eights {
        value = value * 100_000_000 + eight_digits(eight)?;
    }
    for &byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value)
}

/// Eight decimal digits in one word: checked together, then added up as pairs, fours and eights.
#[inline]
fn eight_digits(text: [u8; 8]) -> Option<u64> {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(text);
    let below_zero = word.wrapping_sub(0x3030_3030_3030_3030);
    let above_nine = word.wrapping_add(0x4646_4646_4646_4646);
    if (word | below_zero | above_nine) & HIGH_BITS != 0 {
        return None;
    }
    let pairs = (below_zero.wrapping_mul(10).wrapping_add(below_zero >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100).wrapping_add(pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours.wrapping_mul(10_000).wrapping_add(fours >> 32)) & 0xffff_ffff)
}

fn trimmed(field: &[u8]) -> &[u8] {
    field.trim_ascii()
}

/// Root id in field `i` of a record.
///
/// # Errors
/// `id-not-integer` for anything but a whole decimal number up to 2^64 - 1.
#[inline]
pub fn root_id(record: &Record<'_>, i: usize, column: &str) -> Result<u64> {
    let field = record.field(i);
    match digits_fast(field).or_else(|| digits(trimmed(field))) {
        Some(id) => Ok(id),
        None => Err(bad_id(record, i, column)),
    }
}

/// Root id in a column that leaves out the leading `720575940`.
pub fn short_root_id(record: &Record<'_>, i: usize, column: &str) -> Result<u64> {
    match digits(trimmed(record.field(i))) {
        Some(id) if id < 1_000_000_000 => Ok(SHORT_ID_PREFIX * 1_000_000_000 + id),
        _ => Err(bad_id(record, i, column).expected("up to nine digits, the id without its leading 720575940")),
    }
}

#[cold]
fn bad_id(record: &Record<'_>, i: usize, column: &str) -> UserError {
    let text = record.text(i);
    let error = record.error("id-not-integer", "not a root id", column).found(text);
    let error = error.expected("a whole number of up to 20 digits, at most 18446744073709551615");
    error.mend(id_mend(text))
}

/// How to mend a damaged root id: most were rounded by a spreadsheet.
pub(crate) fn id_mend(text: &str) -> &'static str {
    if text.trim().is_empty() {
        "the cell is blank; download the file again"
    } else if text.contains(['e', 'E', '.']) && text.starts_with(|c: char| c.is_ascii_digit()) {
        "a spreadsheet has rounded it and its last digits are lost; download the file again and do not open it in a spreadsheet"
    } else {
        "a spreadsheet or a script may have damaged it; download the file again"
    }
}

/// Refuses ids that a spreadsheet has rounded: it keeps 15 digits, so that ids of 16 and more end in zeros.
///
/// # Errors
/// `ids-rounded` if nine in ten of the ids, and at least two, are as long as that and end in `000`.
pub fn refuse_rounded(ids: &[u64], path: &Path, column: &str) -> Result<()> {
    const SIXTEEN_DIGITS: u64 = 1_000_000_000_000_000;
    let is_round = |id: &&u64| **id >= SIXTEEN_DIGITS && id.is_multiple_of(1000);
    let round = ids.iter().filter(is_round).count();
    if round < 2 || round * 10 < ids.len() * 9 {
        return Ok(());
    }
    Err(UserError::bad_data("ids-rounded", format!("its ids look rounded by a spreadsheet: {round} of {} end in 000", ids.len()))
        .file(path)
        .column(column)
        .found(ids.iter().find(is_round).map(u64::to_string).unwrap_or_default())
        .expected("ids with all their digits")
        .mend("their last digits are lost; download the file again and do not open it in a spreadsheet"))
}

/// Synapse count in field `i`; `None` for 0, which is dropped and counted.
///
/// # Errors
/// `count-not-integer` for anything but a whole number from 0 to 2^32 - 1, a blank included.
#[inline]
pub fn syn_count(record: &Record<'_>, i: usize, column: &str) -> Result<Option<u32>> {
    let field = record.field(i);
    match digits(trimmed(field)).and_then(|n| u32::try_from(n).ok()) {
        Some(0) => Ok(None),
        Some(n) => Ok(Some(n)),
        None => Err(record
            .error("count-not-integer", "not a synapse count", column)
            .found(record.text(i))
            .expected("a whole number from 1 to 4294967295")
            .mend("download the file again; a spreadsheet or a script may have damaged it")),
    }
}

/// Neurotransmitter predicted for a neuron or a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[repr(u8)]
pub enum Nt {
    /// Not predicted.
    #[default]
    #[serde(rename = "")]
    Blank = 0,
    /// Acetylcholine.
    Ach = 1,
    /// Dopamine.
    Da = 2,
    /// γ-aminobutyric acid.
    Gaba = 3,
    /// Glutamate.
    Glut = 4,
    /// Octopamine.
    Oct = 5,
    /// Serotonin.
    Ser = 6,
}

impl Nt {
    /// All transmitters, in alphabetical order, without blank.
    pub const ALL: [Self; 6] = [Self::Ach, Self::Da, Self::Gaba, Self::Glut, Self::Oct, Self::Ser];

    /// Codex's word; empty for blank.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Blank => "",
            Self::Ach => "ACH",
            Self::Da => "DA",
            Self::Gaba => "GABA",
            Self::Glut => "GLUT",
            Self::Oct => "OCT",
            Self::Ser => "SER",
        }
    }

    /// The transmitter with this code; `None` above 6.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Blank),
            1 => Some(Self::Ach),
            2 => Some(Self::Da),
            3 => Some(Self::Gaba),
            4 => Some(Self::Glut),
            5 => Some(Self::Oct),
            6 => Some(Self::Ser),
            _ => None,
        }
    }

    /// Reads Codex's word or the long name of the annotation tables; `None` if unknown.
    #[inline]
    pub fn from_field(field: &[u8]) -> Option<Self> {
        Some(match field {
            b"" => Self::Blank,
            b"ACH" => Self::Ach,
            b"DA" => Self::Da,
            b"GABA" => Self::Gaba,
            b"GLUT" => Self::Glut,
            b"OCT" => Self::Oct,
            b"SER" => Self::Ser,
            other => return Self::from_long_name(other),
        })
    }

    #[cold]
    fn from_long_name(field: &[u8]) -> Option<Self> {
        const LONG: [(&str, Nt); 12] = [
            ("ACH", Nt::Ach),
            ("DA", Nt::Da),
            ("GABA", Nt::Gaba),
            ("GLUT", Nt::Glut),
            ("OCT", Nt::Oct),
            ("SER", Nt::Ser),
            ("acetylcholine", Nt::Ach),
            ("dopamine", Nt::Da),
            ("glutamate", Nt::Glut),
            ("octopamine", Nt::Oct),
            ("serotonin", Nt::Ser),
            ("5HT", Nt::Ser),
        ];
        let text = std::str::from_utf8(trimmed(field)).ok()?;
        if text.is_empty() {
            return Some(Self::Blank);
        }
        LONG.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, nt)| *nt)
    }
}

/// Side of the brain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Left hemisphere.
    Left,
    /// Right hemisphere.
    Right,
    /// On the midline.
    Center,
    /// Not known.
    #[serde(rename = "")]
    Blank,
}

impl Side {
    /// Codex's word; empty for blank.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Center => "center",
            Self::Blank => "",
        }
    }

    /// Reads Codex's word, whatever its case; `None` if unknown.
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        [Self::Left, Self::Right, Self::Center, Self::Blank].into_iter().find(|side| side.word().eq_ignore_ascii_case(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_decimal_digits_up_to_two_to_the_64() {
        for (text, expected) in [
            ("720575940622838154", Some(720_575_940_622_838_154)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("0", Some(0)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("0x1f", None),
            ("7.2e17", None),
            ("720575940622838154.0", None),
            ("99999999999999999999", None),
            ("000000000000000000000000001", None),
            ("1 2", None),
        ] {
            assert_eq!(digits_fast(text.as_bytes()), expected, "{text}");
            assert_eq!(digits(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn a_byte_that_is_no_digit_is_refused_wherever_it_stands() {
        for at in 0..18 {
            for byte in (0..=255).filter(|b: &u8| !b.is_ascii_digit()) {
                let mut text = *b"720575940000000017";
                text[at] = byte;
                assert_eq!(digits_fast(&text), None, "byte {byte} at {at}");
            }
        }
    }

    #[test]
    fn both_digit_parsers_agree_on_every_length() {
        for length in 1..=20 {
            let text = &b"98765432109876543210"[..length];
            assert_eq!(digits_fast(text), digits(text));
        }
    }

    #[test]
    fn transmitters_are_read_by_code_word_and_long_name() {
        for nt in Nt::ALL {
            assert_eq!(Nt::from_field(nt.word().as_bytes()), Some(nt));
            assert_eq!(Nt::from_code(nt as u8), Some(nt));
        }
        assert_eq!(Nt::from_field(b"acetylcholine"), Some(Nt::Ach));
        assert_eq!(Nt::from_field(b"XYZ"), None);
    }
}
