//! What the words of a Neurolucida file mean.

use kenyon_base::nearest;

use super::tokens::Token;

/// Words that end a branch.
const ENDINGS: [&str; 7] = ["Normal", "High", "Low", "Incomplete", "Generated", "Midpoint", "Origin"];

/// Entries without geometry that need no mention.
pub(super) const PROPERTIES: [&str; 24] = [
    "Sections",
    "SSM",
    "SSM2",
    "ImageCoords",
    "Thumbnail",
    "Resolution",
    "FillDensity",
    "GUID",
    "Set",
    "Font",
    "Color",
    "Name",
    "Closed",
    "Open",
    "Description",
    "ImageList",
    "MBFObjectType",
    "Guid",
    "TraceResolution",
    "ZSpacing",
    "Site",
    "Channels",
    "Filament",
    "Text",
];

/// Symbols that a user may set on a cell.
pub(super) const MARKERS: [&str; 36] = [
    "Cross",
    "Dot",
    "Plus",
    "Circle",
    "Circle1",
    "Circle2",
    "Circle3",
    "Circle4",
    "Circle5",
    "Circle6",
    "Circle7",
    "Circle8",
    "Circle9",
    "CircleArrow",
    "CircleCross",
    "Square",
    "FilledSquare",
    "OpenSquare",
    "Diamond",
    "FilledDiamond",
    "OpenDiamond",
    "FilledCircle",
    "OpenCircle",
    "Triangle",
    "FilledUpTriangle",
    "FilledDownTriangle",
    "OpenUpTriangle",
    "OpenDownTriangle",
    "Flower",
    "Flower2",
    "Star",
    "OpenStar",
    "FilledStar",
    "Asterisk",
    "Spine",
    "Marker",
];

/// The ending that a word is.
pub(super) fn ending(word: &[u8]) -> Option<&'static str> {
    ENDINGS.into_iter().find(|ending| ending.as_bytes() == word)
}

/// The type of a tree that an unknown word was meant to be.
pub(super) fn kind_meant(word: &[u8]) -> Option<&'static str> {
    const KINDS: [&str; 3] = ["Axon", "Dendrite", "Apical"];
    let word = std::str::from_utf8(word).ok()?;
    if PROPERTIES.contains(&word) || MARKERS.contains(&word) || ending(word.as_bytes()).is_some() || KINDS.contains(&word) {
        return None;
    }
    KINDS.into_iter().find(|kind| kind.eq_ignore_ascii_case(word)).or_else(|| nearest(word, KINDS))
}

/// Whether a word is `S` with digits: the section of the slice that a point was traced in.
pub(super) fn section_mark(word: &[u8]) -> bool {
    word.len() > 1 && word[0] == b'S' && word[1..].iter().all(u8::is_ascii_digit)
}

/// Whether what follows a parenthesis is a point: a number, or a word that was meant to be one (`nan`, `1.#QNAN`, `1O.5`).
pub(super) fn begins_a_point(token: &Token) -> bool {
    match token {
        Token::Number(_) => true,
        Token::Word(word) => no_finite_number(word) || meant_as_number(word),
        _ => false,
    }
}

/// Whether a word is what programs write for a number that is none.
pub(super) fn no_finite_number(word: &[u8]) -> bool {
    let word = String::from_utf8_lossy(word).to_ascii_lowercase();
    let word = word.trim_start_matches(['+', '-']);
    matches!(word, "nan" | "inf" | "infinity") || word.contains(".#")
}

/// Whether a word begins as numbers do.
fn meant_as_number(word: &[u8]) -> bool {
    let digits = word.strip_prefix(b"+").or_else(|| word.strip_prefix(b"-")).unwrap_or(word);
    let digits = digits.strip_prefix(b".").unwrap_or(digits);
    digits.first().is_some_and(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_were_meant_as_numbers_begin_a_point_and_names_do_not() {
        for word in ["nan", "-NaN", "inf", "1.#QNAN", "1O.5", "-.5x", "1e400e"] {
            assert!(begins_a_point(&Token::Word(word.as_bytes())), "{word}");
        }
        for word in ["Cross", "S1", "Name", "infra", "-", "nano"] {
            assert!(!begins_a_point(&Token::Word(word.as_bytes())), "{word}");
        }
    }
}
