//! Words of a Neurolucida file, with their places.

use std::path::Path;

use kenyon_base::{Result, UserError};

use crate::biophysical::morphology::reading::Limits;

/// Place in the file, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Line.
    pub(super) line: u64,
    /// Byte in the line.
    pub(super) column: u64,
}

/// A word of the format.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    Bar,
    Comma,
    SpineOpen,
    SpineClose,
    Number(f64),
    Text(&'a [u8]),
    Word(&'a [u8]),
}

impl Token<'_> {
    /// The token as a message shows it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Open => "(".into(),
            Self::Close => ")".into(),
            Self::Bar => "|".into(),
            Self::Comma => ",".into(),
            Self::SpineOpen => "<".into(),
            Self::SpineClose => ">".into(),
            Self::Number(value) => value.to_string(),
            Self::Text(text) => format!("\"{}\"", String::from_utf8_lossy(&text[..text.len().min(120)])),
            Self::Word(word) => String::from_utf8_lossy(&word[..word.len().min(120)]).into_owned(),
        }
    }
}

/// Splits a file into tokens; parentheses are counted against the limit of nesting.
pub(super) struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
    line_start: usize,
    peeked: Option<(Token<'a>, Place)>,
    depth: usize,
    limits: Limits,
    path: &'a Path,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(bytes: &'a [u8], path: &'a Path, limits: Limits) -> Self {
        Self { bytes, at: 0, line: 1, line_start: 0, peeked: None, depth: 0, limits, path }
    }

    /// Where the next byte lies.
    pub(super) fn place(&self) -> Place {
        Place { line: self.line, column: (self.at - self.line_start + 1) as u64 }
    }

    /// An error at a place of this file.
    pub(super) fn error(&self, code: &'static str, message: impl Into<String>, place: Place) -> UserError {
        UserError::bad_data(code, message).file(self.path).line(place.line).column(place.column.to_string())
    }

    /// The next token, without taking it.
    pub(super) fn peek(&mut self) -> Result<Option<Token<'a>>> {
        if self.peeked.is_none() {
            self.peeked = self.scan()?;
        }
        Ok(self.peeked.map(|(token, _)| token))
    }

    /// The next token; `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<(Token<'a>, Place)>> {
        let next = match self.peeked.take() {
            Some(peeked) => Some(peeked),
            None => self.scan()?,
        };
        match next {
            Some((Token::Open, place)) => {
                self.depth += 1;
                if self.depth > self.limits.nesting {
                    let limit = self.limits.nesting;
                    return Err(self.error("limit", format!("parentheses lie more than {limit} deep in each other"), place));
                }
            }
            Some((Token::Close, _)) => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Ok(next)
    }

    fn scan(&mut self) -> Result<Option<(Token<'a>, Place)>> {
        self.skip_blank();
        let place = self.place();
        let Some(&first) = self.bytes.get(self.at) else { return Ok(None) };
        let single = match first {
            b'(' => Some(Token::Open),
            b')' => Some(Token::Close),
            b'|' => Some(Token::Bar),
            b',' => Some(Token::Comma),
            b'<' => Some(Token::SpineOpen),
            b'>' => Some(Token::SpineClose),
            _ => None,
        };
        let token = if let Some(single) = single {
            self.at += 1;
            single
        } else if first == b'"' {
            Token::Text(self.text(place)?)
        } else {
            let start = self.at;
            while self.bytes.get(self.at).is_some_and(|&byte| !ends_a_word(byte)) {
                self.at += 1;
            }
            let word = &self.bytes[start..self.at];
            self.check_field(word, place)?;
            number(word).map_or(Token::Word(word), Token::Number)
        };
        Ok(Some((token, place)))
    }

    fn skip_blank(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            if byte == b';' {
                while self.bytes.get(self.at).is_some_and(|&byte| byte != b'\n') {
                    self.at += 1;
                }
            } else if blank(byte) {
                self.step_over(byte);
            } else {
                break;
            }
        }
    }

    /// Takes one byte and keeps count of the lines.
    fn step_over(&mut self, byte: u8) {
        self.at += 1;
        if byte == b'\n' {
            self.line += 1;
            self.line_start = self.at;
        }
    }

    fn text(&mut self, place: Place) -> Result<&'a [u8]> {
        self.at += 1;
        let start = self.at;
        while let Some(&byte) = self.bytes.get(self.at) {
            if byte == b'"' {
                let text = &self.bytes[start..self.at];
                self.at += 1;
                self.check_field(text, place)?;
                return Ok(text);
            }
            self.step_over(byte);
        }
        Err(self.error("unterminated", "the string that begins here has no end", place).expected("a closing `\"`"))
    }

    fn check_field(&self, field: &[u8], place: Place) -> Result<()> {
        if field.len() > self.limits.field {
            return Err(self.error("limit", format!("the word is longer than {} bytes", self.limits.field), place));
        }
        Ok(())
    }
}

fn blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, 0x0b | 0x1a)
}

fn ends_a_word(byte: u8) -> bool {
    blank(byte) || matches!(byte, b'(' | b')' | b'|' | b',' | b'<' | b'>' | b'"' | b';')
}

/// A decimal number; `inf` and `nan` are words.
fn number(word: &[u8]) -> Option<f64> {
    if !word.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E')) {
        return None;
    }
    std::str::from_utf8(word).ok()?.parse().ok()
}
