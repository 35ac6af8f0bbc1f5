//! From text to tokens, one at a time; the module doc of [`query`](super) states the rules for words and quotes.

use kenyon_base::{Result, UserError};

use super::place;

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// A bare word; whether it is a keyword depends on where it stands.
    Word(&'a str),
    /// A quoted text, escapes resolved.
    Quoted(String),
    /// Punctuation.
    Symbol(&'static str),
    /// The end of the text.
    End,
}

/// A token and the character it begins at, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) at: u32,
}

/// Longest first: a prefix of another symbol stands behind it.
const SYMBOLS: [&str; 14] = ["==", "!=", "!~", "&&", "||", "=", "~", "!", "&", "|", "-", "(", ")", ","];

/// Cuts a text into tokens in one pass.
pub(super) struct Lexer<'a> {
    rest: &'a str,
    at: u32,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, at: 1 }
    }

    /// The next token where an operator may stand: `+` and `-` begin no word.
    pub(super) fn token(&mut self) -> Result<Token<'a>> {
        self.next(false)
    }

    /// The next token where a value is due: `+` and `-` may begin a word.
    pub(super) fn value(&mut self) -> Result<Token<'a>> {
        self.next(true)
    }

    fn next(&mut self, value_due: bool) -> Result<Token<'a>> {
        let blanks = self.rest.len() - self.rest.trim_start().len();
        self.take(blanks);
        let at = self.at;
        let Some(first) = self.rest.chars().next() else {
            return Ok(Token { kind: Kind::End, at });
        };
        let kind = if matches!(first, '"' | '\'') {
            Kind::Quoted(self.quoted(first)?)
        } else if begins_word(first) || value_due && matches!(first, '+' | '-') {
            Kind::Word(self.take(word_length(self.rest)))
        } else if let Some(symbol) = SYMBOLS.into_iter().find(|s| self.rest.starts_with(s)) {
            self.take(symbol.len());
            Kind::Symbol(symbol)
        } else {
            return Err(stray(first, at));
        };
        Ok(Token { kind, at })
    }

    /// Moves past `bytes` bytes and returns them.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        self.at += u32::try_from(taken.chars().count()).expect("the length limit is far below 2^32");
        taken
    }

    fn quoted(&mut self, quote: char) -> Result<String> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1).peekable();
        while let Some((offset, c)) = chars.next() {
            if c == quote {
                self.take(offset + c.len_utf8());
                return Ok(text);
            }
            let escaped = if c == '\\' { chars.next_if(|&(_, e)| matches!(e, '"' | '\'' | '\\')) } else { None };
            text.push(escaped.map_or(c, |(_, e)| e));
        }
        Err(UserError::usage("query-syntax", format!("the quoted text {} never ends", place(self.at)))
            .found(self.rest)
            .expected(format!("a closing {quote}"))
            .mend(format!("close it with {quote}; inside a quoted text, write \\{quote} for {quote}")))
    }
}

fn begins_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn in_word(c: char) -> bool {
    begins_word(c) || matches!(c, '.' | '\'')
}

fn joins_words(c: char) -> bool {
    matches!(c, '+' | '/' | '>' | '-')
}

/// Bytes of the word `text` begins with; its first character is a word's, whatever it is.
fn word_length(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    loop {
        while chars.next_if(|&(_, c)| in_word(c)).is_some() {}
        let end = chars.peek().map_or(text.len(), |&(offset, _)| offset);
        while chars.next_if(|&(_, c)| joins_words(c)).is_some() {}
        match chars.peek() {
            Some(&(offset, c)) if offset > end && in_word(c) => {}
            _ => return end,
        }
    }
}

/// Whether `text`, written bare, is read as one word.
pub(super) fn is_word(text: &str) -> bool {
    text.chars().next().is_some_and(begins_word) && word_length(text) == text.len()
}

fn stray(c: char, at: u32) -> UserError {
    let mend = match c {
        '“' | '”' | '„' | '‘' | '’' | '«' | '»' => "use straight quotes: \" or '",
        '–' | '—' | '−' => "use the plain `-`",
        '<' | '>' => "texts are compared with `=`, `!=`, `~`, `!~` and `in`",
        '[' | ']' | '{' | '}' => "group with `(` and `)`, and put regular expressions in quotes",
        _ => "put texts with such characters in quotes",
    };
    UserError::usage("query-syntax", format!("unexpected character {}", place(at))).found(c.to_string()).mend(mend)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind<'_>> {
        let mut lexer = Lexer::new(text);
        let mut out = Vec::new();
        loop {
            let token = lexer.token().expect("no stray characters");
            if token.kind == Kind::End {
                return out;
            }
            out.push(token.kind);
        }
    }

    #[test]
    fn a_minus_inside_a_word_belongs_to_it_and_one_beside_a_blank_does_not() {
        assert_eq!(kinds("KCg-m"), [Kind::Word("KCg-m")]);
        for text in ["a - b", "a- b", "a -b"] {
            assert_eq!(kinds(text), [Kind::Word("a"), Kind::Symbol("-"), Kind::Word("b")], "{text}");
        }
        assert_eq!(kinds("(a)-(b)").len(), 7);
    }

    #[test]
    fn names_of_cell_types_are_words() {
        for text in ["KCa'b'-ap1", "VP1m+VP2_lvPN1", "5-HTPMPD01", "ORN->uPN", "AL/MB", "lLN2T_a", "v2.1", "_x"] {
            assert!(is_word(text), "{text}");
            assert_eq!(kinds(text), [Kind::Word(text)]);
        }
        for text in ["", "-", "a-", "-a", "a b", "a,b", "DNp01(GF)", "'a'", ".5", "a=b", "a>"] {
            assert!(!is_word(text), "{text}");
        }
    }

    #[test]
    fn quotes_hold_escapes_and_leave_other_backslashes_alone() {
        assert_eq!(kinds(r#""a\"b\\c\d" 'it\'s "x"'"#), [Kind::Quoted(r#"a"b\c\d"#.into()), Kind::Quoted(r#"it's "x""#.into())]);
        assert_eq!(kinds("''"), [Kind::Quoted(String::new())]);
    }

    #[test]
    fn a_sign_begins_a_word_only_where_a_value_is_due() {
        for text in ["-", "+", "-1", "+1"] {
            assert_eq!(Lexer::new(text).value().expect("a value").kind, Kind::Word(text));
        }
        assert_eq!(Lexer::new("-1").token().expect("an operator").kind, Kind::Symbol("-"));
        assert!(Lexer::new("+1").token().is_err());
    }

    #[test]
    fn places_are_counted_in_characters() {
        let mut lexer = Lexer::new("  “");
        assert!(lexer.token().expect_err("a curly quote").to_string().contains("character 3"));
        let mut lexer = Lexer::new("äöü = \"ü\" x");
        let places: Vec<u32> = (0..5).map(|_| lexer.token().expect("a token").at).collect();
        assert_eq!(places, [1, 5, 7, 11, 12]);
    }
}
