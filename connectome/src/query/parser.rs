//! From tokens to a postfix program, by precedence climbing on an explicit stack (shunting yard).

use kenyon_base::{Result, UserError};
use regex::{Regex, RegexBuilder};

use super::lexer::{Kind, Lexer, Token};
use super::{MAX_DEPTH, MAX_PATTERNS, On, Op, Test, fields, place};

pub(super) const BINDS_OR: u8 = 1;
pub(super) const BINDS_AND: u8 = 2;
pub(super) const BINDS_NOT: u8 = 3;

/// Memory of one compiled expression, and of its cache while it searches.
const PATTERN_MEMORY: usize = 1 << 20;
/// Longest expression: its syntax tree is built before the memory limit can act.
const PATTERN_LENGTH: usize = 4096;

const A_CONDITION: &str = "a condition such as `side = left`, `in list(...)`, `all`, `none`, `not` or `(`";
const AN_OPERATOR: &str = "`and`, `or`, `minus`, `)` or the end of the query";

/// Words with a meaning of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    And,
    Or,
    Minus,
    Not,
    In,
    All,
    None,
}

/// The keyword a word is, in any case.
pub(super) fn keyword(word: &str) -> Option<Keyword> {
    [
        ("and", Keyword::And),
        ("or", Keyword::Or),
        ("minus", Keyword::Minus),
        ("not", Keyword::Not),
        ("in", Keyword::In),
        ("all", Keyword::All),
        ("none", Keyword::None),
    ]
    .into_iter()
    .find_map(|(name, keyword)| name.eq_ignore_ascii_case(word).then_some(keyword))
}

/// An operator or parenthesis whose right side is still being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pending {
    Open,
    Not,
    And,
    Minus,
    Or,
}

impl Pending {
    fn binds(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Or => BINDS_OR,
            Self::And | Self::Minus => BINDS_AND,
            Self::Not => BINDS_NOT,
        }
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    ops: Vec<Op>,
    at: Vec<u32>,
    pending: Vec<(Pending, u32)>,
    /// Pending parentheses and `not`s.
    depth: usize,
    patterns: usize,
    /// Whether the last condition ended in a bare word, which a forgotten pair of quotes would explain.
    ended_bare: bool,
}

/// Postfix program of a query and the character each op stands at.
pub(super) fn parse(text: &str) -> Result<(Vec<Op>, Vec<u32>)> {
    let mut parser = Parser {
        lexer: Lexer::new(text),
        ops: Vec::new(),
        at: Vec::new(),
        pending: Vec::new(),
        depth: 0,
        patterns: 0,
        ended_bare: false,
    };
    loop {
        parser.condition()?;
        if !parser.operator()? {
            return Ok((parser.ops, parser.at));
        }
    }
}

impl Parser<'_> {
    /// Reads any `(` and `not`, and the condition behind them.
    fn condition(&mut self) -> Result<()> {
        loop {
            let token = self.lexer.token()?;
            let at = token.at;
            match token.kind {
                Kind::Symbol("(") => self.nest(Pending::Open, at)?,
                Kind::Symbol("!") => self.nest(Pending::Not, at)?,
                Kind::Word(word) => match keyword(word) {
                    Some(Keyword::Not) => self.nest(Pending::Not, at)?,
                    Some(Keyword::All) => {
                        self.emit(Op::All, at);
                        return Ok(());
                    }
                    Some(Keyword::None) => {
                        self.emit(Op::None, at);
                        return Ok(());
                    }
                    Some(Keyword::In) => return self.in_list(at),
                    Some(Keyword::And | Keyword::Or | Keyword::Minus) => return Err(expected(&token, A_CONDITION)),
                    None => return self.comparison(word, at),
                },
                _ => return Err(expected(&token, A_CONDITION)),
            }
        }
    }

    /// Reads any `)` and the operator behind them; `false` at the end of the query.
    fn operator(&mut self) -> Result<bool> {
        loop {
            let token = self.lexer.token()?;
            let at = token.at;
            let operator = match token.kind {
                Kind::End => {
                    self.reduce(BINDS_OR);
                    return match self.pending.pop() {
                        None => Ok(false),
                        Some((_, open)) => {
                            Err(UserError::usage("query-syntax", format!("the parenthesis {} is never closed", place(open)))
                                .mend("add the missing `)`"))
                        }
                    };
                }
                Kind::Symbol(")") => {
                    self.reduce(BINDS_OR);
                    if self.pending.pop().is_none() {
                        return Err(UserError::usage("query-syntax", format!("`)` without `(` {}", place(at)))
                            .mend("remove it, or open the parenthesis"));
                    }
                    self.depth -= 1;
                    self.ended_bare = false;
                    continue;
                }
                Kind::Symbol("&" | "&&") => Pending::And,
                Kind::Symbol("|" | "||") => Pending::Or,
                Kind::Symbol("-") => Pending::Minus,
                Kind::Word(word) => match keyword(word) {
                    Some(Keyword::And) => Pending::And,
                    Some(Keyword::Or) => Pending::Or,
                    Some(Keyword::Minus) => Pending::Minus,
                    _ if self.ended_bare => {
                        return Err(expected(&token, AN_OPERATOR).mend("put texts with blanks in quotes"));
                    }
                    _ => return Err(expected(&token, AN_OPERATOR)),
                },
                _ => return Err(expected(&token, AN_OPERATOR)),
            };
            // Operators of one level group from the left: what binds as tightly comes first.
            self.reduce(operator.binds());
            self.pending.push((operator, at));
            return Ok(true);
        }
    }

    fn nest(&mut self, pending: Pending, at: u32) -> Result<()> {
        if self.depth == MAX_DEPTH {
            return Err(UserError::usage("limit", format!("too many levels of `(` and `not` {}", place(at)))
                .expected(format!("at most {MAX_DEPTH}"))
                .mend("remove parentheses that are not needed"));
        }
        self.depth += 1;
        self.pending.push((pending, at));
        Ok(())
    }

    /// Emits the pending operators, back to the last parenthesis, that bind at least this tightly.
    fn reduce(&mut self, binds: u8) {
        while let Some((pending, at)) = self.pending.pop_if(|(pending, _)| pending.binds() >= binds) {
            let op = match pending {
                Pending::Open => unreachable!("a parenthesis binds less than any operator"),
                Pending::Not => {
                    self.depth -= 1;
                    Op::Not
                }
                Pending::And => Op::And,
                Pending::Minus => Op::Minus,
                Pending::Or => Op::Or,
            };
            self.emit(op, at);
        }
    }

    fn emit(&mut self, op: Op, at: u32) {
        self.ops.push(op);
        self.at.push(at);
    }

    /// `in list(...)`, behind the `in`.
    fn in_list(&mut self, at: u32) -> Result<()> {
        let token = self.lexer.token()?;
        if !matches!(token.kind, Kind::Word(word) if fields::canonical(word) == "list") {
            return Err(expected(&token, "`list`").mend("write `in list(\"APL\")`, or `field in (...)`"));
        }
        let texts = self.values()?.into_iter().map(|(text, _)| text).collect();
        self.emit(Op::Test(Test { field: "list".into(), negated: false, on: On::Texts(texts) }), at);
        Ok(())
    }

    /// A comparison, behind its field.
    fn comparison(&mut self, word: &str, at: u32) -> Result<()> {
        let field = fields::canonical(word);
        let mut token = self.lexer.token()?;
        let mut negated = matches!(token.kind, Kind::Symbol("!=" | "!~"));
        if matches!(token.kind, Kind::Word(word) if keyword(word) == Some(Keyword::Not)) {
            negated = true;
            token = self.lexer.token()?;
            if !matches!(token.kind, Kind::Word(word) if keyword(word) == Some(Keyword::In)) {
                return Err(expected(&token, "`in` after `not`"));
            }
        }
        let on = match token.kind {
            Kind::Symbol("=" | "==" | "!=") => {
                let single = self.value()?;
                operands(&field, vec![single])?
            }
            Kind::Word(word) if keyword(word) == Some(Keyword::In) => operands(&field, self.values()?)?,
            Kind::Symbol("~" | "!~") if field == "root_id" => {
                return Err(UserError::usage("query-syntax", format!("a `root_id` is a number, not a text, {}", place(at)))
                    .expected("`=`, `!=`, `in` or `not in`"));
            }
            Kind::Symbol("~" | "!~") => {
                let (text, at) = self.value()?;
                self.pattern(&text, at)?;
                On::Pattern(text)
            }
            _ => {
                let error = expected(&token, "`=`, `!=`, `~`, `!~`, `in` or `not in` behind a field");
                return Err(if word.contains('-') {
                    error.mend("set difference needs a blank beside its `-`: `a - b`")
                } else {
                    error.mend("write `field = value`, such as `class = ALPN`")
                });
            }
        };
        self.emit(Op::Test(Test { field, negated, on }), at);
        Ok(())
    }

    fn values(&mut self) -> Result<Vec<(String, u32)>> {
        let open = self.lexer.token()?;
        if open.kind != Kind::Symbol("(") {
            return Err(expected(&open, "`(` and values, such as `(\"a\", \"b\")`"));
        }
        let mut out = Vec::new();
        loop {
            out.push(self.value()?);
            let token = self.lexer.token()?;
            match token.kind {
                Kind::Symbol(",") => {}
                Kind::Symbol(")") => {
                    self.ended_bare = false;
                    return Ok(out);
                }
                Kind::Word(_) => return Err(expected(&token, "`,` or `)`").mend("put texts with blanks in quotes")),
                _ => return Err(expected(&token, "`,` or `)`")),
            }
        }
    }

    fn value(&mut self) -> Result<(String, u32)> {
        let token = self.lexer.value()?;
        let at = token.at;
        match token.kind {
            Kind::Word(word) => match keyword(word) {
                None | Some(Keyword::All | Keyword::None) => {
                    self.ended_bare = true;
                    Ok((word.to_string(), at))
                }
                Some(_) => Err(expected(&token, "a value").mend("if it is meant as a text, put it in quotes")),
            },
            Kind::Quoted(text) => {
                self.ended_bare = false;
                Ok((text, at))
            }
            _ => Err(expected(&token, "a value").mend("blank is written `\"\"`")),
        }
    }

    fn pattern(&mut self, text: &str, at: u32) -> Result<()> {
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            return Err(UserError::usage("limit", format!("too many regular expressions, {}", place(at)))
                .expected(format!("at most {MAX_PATTERNS}"))
                .mend("join them with `|` inside one expression, or name the values with `in (...)`"));
        }
        if text.len() > PATTERN_LENGTH {
            return Err(UserError::usage("limit", format!("the regular expression {} is too long", place(at)))
                .found(format!("{} bytes", text.len()))
                .expected(format!("at most {PATTERN_LENGTH} bytes"))
                .mend("name the values with `in (...)`"));
        }
        compile(text).map(drop).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                UserError::usage("limit", format!("the regular expression {} needs too much memory", place(at)))
                    .found(text)
                    .mend("shorten its repetitions; `(?-u)` makes `\\w` and `.` smaller")
            }
            // The last line says what is wrong; those before it draw a picture.
            error => {
                let drawn = error.to_string();
                let cause = drawn.lines().last().unwrap_or_default();
                let cause = cause.strip_prefix("error: ").unwrap_or(cause);
                UserError::usage("bad-regex", format!("bad regular expression {}, {cause}", place(at)))
                    .found(text)
                    .mend("a `\\` before `( ) [ ] { } . * + ? ^ $ |` makes the character plain")
            }
        })
    }
}

/// Compiles an expression within the limits.
pub(super) fn compile(pattern: &str) -> std::result::Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(PATTERN_MEMORY).dfa_size_limit(PATTERN_MEMORY).build()
}

fn operands(field: &str, values: Vec<(String, u32)>) -> Result<On> {
    if field == "root_id" {
        values.iter().map(|(text, at)| root_id(text, *at)).collect::<Result<_>>().map(On::Ids)
    } else {
        Ok(On::Texts(values.into_iter().map(|(text, _)| text).collect()))
    }
}

fn root_id(text: &str, at: u32) -> Result<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if let (true, Ok(id)) = (digits, text.parse()) {
        return Ok(id);
    }
    let error = |message: &str| {
        UserError::usage("bad-root-id", format!("{message} {}", place(at)))
            .found(text)
            .expected("a whole decimal number from 0 to 18446744073709551615")
    };
    Err(if digits {
        error("root id out of range")
    } else if text.contains(['e', 'E', '.']) && text.parse::<f64>().is_ok() {
        error("root id written as a rounded number")
            .mend("its last digits are lost; copy the id again from its source, as text, not through a spreadsheet")
    } else {
        error("not a root id").mend("cell types are compared with `type = ...`")
    })
}

fn expected(token: &Token<'_>, what: &str) -> UserError {
    let error = match &token.kind {
        Kind::End => return UserError::usage("query-syntax", "the query ends too early").expected(what),
        Kind::Word(word) => UserError::usage("query-syntax", format!("misplaced word {}", place(token.at))).found(word),
        Kind::Quoted(text) => UserError::usage("query-syntax", format!("misplaced text {}", place(token.at))).found(text),
        Kind::Symbol(s) => UserError::usage("query-syntax", format!("misplaced symbol {}", place(token.at))).found(s),
    };
    error.expected(what)
}
