//! The fields of Codex tables: root ids, synapse counts, transmitters, sides.

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

/// Parses up to 19 digits, the common case, without overflow checks.
#[inline]
fn digits_fast(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return digits(text);
    }
    let mut value = 0_u64;
    let mut worst = 0_u8;
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        worst = worst.max(digit);
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    (worst <= 9).then_some(value)
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

/// Synapse count in field `i`; `None` for 0, which is dropped and counted.
///
/// # Errors
/// `count-not-integer` for anything but a whole number from 0 to 2^32 - 1, a blank included.
#[inline]
pub fn syn_count(record: &Record<'_>, i: usize) -> Result<Option<u32>> {
    let field = record.field(i);
    match digits(trimmed(field)).and_then(|n| u32::try_from(n).ok()) {
        Some(0) => Ok(None),
        Some(n) => Ok(Some(n)),
        None => Err(record
            .error("count-not-integer", "not a synapse count", "syn_count")
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
    fn transmitters_are_read_by_code_word_and_long_name() {
        for nt in Nt::ALL {
            assert_eq!(Nt::from_field(nt.word().as_bytes()), Some(nt));
            assert_eq!(Nt::from_code(nt as u8), Some(nt));
        }
        assert_eq!(Nt::from_field(b"acetylcholine"), Some(Nt::Ach));
        assert_eq!(Nt::from_field(b"XYZ"), None);
    }
}
