//! The stack machine that a pickle is written for.

use std::collections::BTreeMap;
use std::ops::Range;

/// Most values of a pickle.
const LIMIT_VALUES: usize = 16 << 20;

/// A value; others are named by their place in the list of all.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// None, sets, floats, numbers of more than 64 bits: whatever nobody asks for.
    Other,
    Int(i64),
    Text(Range<usize>),
    Bytes(Range<usize>),
    /// A list or a tuple.
    List(Vec<usize>),
    Dict(Vec<(usize, usize)>),
    /// A function or a class by module and name.
    Name(String, String),
    /// What a call would give: callee, arguments, and the state it would be given.
    Call(usize, usize, Option<usize>),
}

/// Why the bytes are no pickle, and where.
type Fault = (usize, String);

/// A pickle under way: what is parsed, what lies on the stack, what is kept for later.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    data: &'a [u8],
    at: usize,
    values: Vec<Value>,
    stack: Vec<usize>,
    marks: Vec<usize>,
    memo: BTreeMap<usize, usize>,
}

impl<'a> Machine<'a> {
    pub(super) const fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, values: Vec::new(), stack: Vec::new(), marks: Vec::new(), memo: BTreeMap::new() }
    }

    fn fault<T>(&self, cause: impl Into<String>) -> std::result::Result<T, Fault> {
        Err((self.at, cause.into()))
    }

    /// The next `n` bytes.
    fn take(&mut self, n: usize) -> std::result::Result<Range<usize>, Fault> {
        match self.at.checked_add(n).filter(|&end| end <= self.data.len()) {
            Some(end) => {
                let range = self.at..end;
                self.at = end;
                Ok(range)
            }
            None => self.fault("ends early"),
        }
    }

    /// A whole number of `n` bytes, at most 8, without a sign.
    fn number(&mut self, n: usize) -> std::result::Result<usize, Fault> {
        let range = self.take(n)?;
        let raw = self.data[range].iter().rev().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
        usize::try_from(raw).or_else(|_| self.fault("a length beyond all bounds"))
    }

    /// Bytes behind a length of `n` bytes.
    fn counted(&mut self, n: usize) -> std::result::Result<Range<usize>, Fault> {
        let length = self.number(n)?;
        self.take(length)
    }

    fn line(&mut self) -> std::result::Result<String, Fault> {
        let Some(length) = self.data[self.at..].iter().position(|&byte| byte == b'\n') else { return self.fault("ends early") };
        let range = self.take(length)?;
        self.at += 1;
        Ok(String::from_utf8_lossy(&self.data[range]).into_owned())
    }

    fn push(&mut self, value: Value) -> std::result::Result<(), Fault> {
        if self.values.len() >= LIMIT_VALUES {
            return self.fault("too many values");
        }
        self.stack.push(self.values.len());
        self.values.push(value);
        Ok(())
    }

    /// The topmost value; never one below the last mark.
    fn pop(&mut self) -> std::result::Result<usize, Fault> {
        if self.stack.len() <= self.marks.last().copied().unwrap_or(0) {
            return self.fault("takes from an empty stack");
        }
        Ok(self.stack.pop().expect("it is not empty"))
    }

    fn top(&self) -> std::result::Result<usize, Fault> {
        self.stack.last().copied().ok_or((self.at, "looks at an empty stack".into()))
    }

    /// All values above the last mark.
    fn marked(&mut self) -> std::result::Result<Vec<usize>, Fault> {
        match self.marks.pop() {
            Some(from) if from <= self.stack.len() => Ok(self.stack.split_off(from)),
            _ => self.fault("lacks a mark"),
        }
    }

    fn tuple(&mut self, n: usize) -> std::result::Result<(), Fault> {
        let mut items = Vec::with_capacity(n);
        for _ in 0..n {
            items.push(self.pop()?);
        }
        items.reverse();
        self.push(Value::List(items))
    }

    /// A signed whole number of any length.
    fn long(&mut self, range: Range<usize>) -> std::result::Result<(), Fault> {
        let bytes = &self.data[range];
        let value = match bytes.last() {
            None => Value::Int(0),
            Some(&last) if bytes.len() <= 8 => {
                let mut wide = [if last >= 0x80 { 0xff } else { 0 }; 8];
                wide[..bytes.len()].copy_from_slice(bytes);
                Value::Int(i64::from_le_bytes(wide))
            }
            Some(_) => Value::Other,
        };
        self.push(value)
    }

    /// Adds to the list or dict on the stack; other containers keep nothing.
    fn add(&mut self, items: &[usize]) -> std::result::Result<(), Fault> {
        let top = self.top()?;
        match &mut self.values[top] {
            Value::List(list) => list.extend(items),
            Value::Dict(entries) => entries.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1]))),
            _ => {}
        }
        Ok(())
    }

    fn name(&self, at: usize) -> String {
        match &self.values[at] {
            Value::Text(range) => String::from_utf8_lossy(&self.data[range.clone()]).into_owned(),
            _ => String::new(),
        }
    }

    fn call(&mut self) -> std::result::Result<(), Fault> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        self.push(Value::Call(callee, arguments, None))
    }

    /// Runs to the end: all values, and which of them is the result.
    pub(super) fn run(mut self) -> std::result::Result<(Vec<Value>, usize), Fault> {
        while self.data.get(self.at) != Some(&b'.') {
            self.step()?;
        }
        let root = self.pop()?;
        Ok((self.values, root))
    }

    /// One opcode: a literal, the stack, or what is kept for later.
    fn step(&mut self) -> std::result::Result<(), Fault> {
        let code = self.number(1)? as u8;
        match code {
            // Protocol and frame: nothing to keep.
            0x80 | 0x95 => {
                self.take(if code == 0x80 { 1 } else { 8 })?;
            }
            b'(' => self.marks.push(self.stack.len()),
            b'0' => {
                self.pop()?;
            }
            b'1' => {
                self.marked()?;
            }
            b'2' => self.stack.push(self.top()?),
            b'N' | 0x8f => self.push(Value::Other)?,
            0x88 | 0x89 => self.push(Value::Int(i64::from(code == 0x88)))?,
            b'J' => {
                let range = self.take(4)?;
                self.long(range)?;
            }
            b'K' | b'M' => {
                let n = self.number(if code == b'K' { 1 } else { 2 })?;
                self.push(Value::Int(n as i64))?;
            }
            0x8a | 0x8b => {
                let range = self.counted(if code == 0x8a { 1 } else { 4 })?;
                self.long(range)?;
            }
            b'G' => {
                self.take(8)?;
                self.push(Value::Other)?;
            }
            0x8c | b'X' | 0x8d => {
                let range = self.counted(match code {
                    0x8c => 1,
                    b'X' => 4,
                    _ => 8,
                })?;
                self.push(Value::Text(range))?;
            }
            b'C' | b'U' | b'B' | b'T' | 0x8e | 0x96 => {
                let range = self.counted(match code {
                    b'C' | b'U' => 1,
                    b'B' | b'T' => 4,
                    _ => 8,
                })?;
                self.push(Value::Bytes(range))?;
            }
            b'q' | b'r' | 0x94 => {
                let place = match code {
                    b'q' => self.number(1)?,
                    b'r' => self.number(4)?,
                    _ => self.memo.len(),
                };
                let top = self.top()?;
                self.memo.insert(place, top);
            }
            b'h' | b'j' => {
                let place = self.number(if code == b'h' { 1 } else { 4 })?;
                match self.memo.get(&place) {
                    Some(&value) => self.stack.push(value),
                    None => return self.fault("asks for what was never kept"),
                }
            }
            _ => self.assemble(code)?,
        }
        Ok(())
    }

    /// One opcode that makes something of what lies on the stack.
    fn assemble(&mut self, code: u8) -> std::result::Result<(), Fault> {
        match code {
            b']' | b')' => self.push(Value::List(Vec::new()))?,
            b'}' => self.push(Value::Dict(Vec::new()))?,
            b't' | b'l' => {
                let items = self.marked()?;
                self.push(Value::List(items))?;
            }
            b'd' => {
                let items = self.marked()?;
                self.push(Value::Dict(items.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()))?;
            }
            0x91 => {
                self.marked()?;
                self.push(Value::Other)?;
            }
            0x85..=0x87 => self.tuple(usize::from(code) - 0x84)?,
            b'a' => {
                let item = self.pop()?;
                self.add(&[item])?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.add(&[key, value])?;
            }
            b'e' | b'u' | 0x90 => {
                let items = self.marked()?;
                self.add(&items)?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Value::Name(module, name))?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                self.push(Value::Name(self.name(module), self.name(name)))?;
            }
            b'R' | 0x81 => self.call()?,
            0x92 => {
                // Named arguments are passed over.
                self.pop()?;
                self.call()?;
            }
            b'b' => {
                let state = self.pop()?;
                let top = self.top()?;
                if let Value::Call(_, _, given) = &mut self.values[top] {
                    *given = Some(state);
                }
            }
            _ => return self.fault(format!("opcode {code:#04x} of another protocol")),
        }
        Ok(())
    }
}
