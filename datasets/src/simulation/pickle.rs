//! Python pickles, read without running what is in them.
//!
//! A pickle is a program that calls any function its writer names. Here every call stays a description: which function, which
//! arguments; nothing is imported, nothing runs. What is asked for are plain values and `NumPy` arrays in a dict; all else is
//! passed over. The opcodes are those of protocols 2 to 5 (Python's `pickletools` lists them).

mod machine;

use std::fs;
use std::path::{Path, PathBuf};

use kenyon_base::{Result, UserError};
use machine::{Machine, Value};

/// Largest file.
const LIMIT_BYTES: u64 = 256 << 20;

/// A pickle, parsed.
#[derive(Debug)]
pub(super) struct Pickle {
    path: PathBuf,
    data: Vec<u8>,
    values: Vec<Value>,
    root: usize,
}

impl Pickle {
    /// Reads a file.
    ///
    /// # Errors
    /// `bad-pickle` with the place, or that it cannot be read.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let size = fs::metadata(path).map_err(|e| UserError::cannot_read(path, &e))?.len();
        if size > LIMIT_BYTES {
            return Err(bad(path, format!("{size} bytes")).expected(format!("at most {LIMIT_BYTES}")));
        }
        let data = fs::read(path).map_err(|e| UserError::cannot_read(path, &e))?;
        let (values, root) = Machine::new(&data).run().map_err(|(at, cause)| bad(path, format!("{cause} at byte {at}")))?;
        Ok(Self { path: path.into(), data, values, root })
    }

    /// The whole numbers below a key of the outermost dict: a list, a tuple, or an array of one axis; none if there is no such key.
    ///
    /// # Errors
    /// `bad-pickle` if it holds anything else.
    pub(super) fn whole_numbers(&self, key: &str) -> Result<Option<Vec<i64>>> {
        let Value::Dict(entries) = &self.values[self.root] else {
            return Err(bad(&self.path, "no dict".into()).expected("a dict of names and values"));
        };
        // Python lets a later entry win.
        let Some((_, value)) = entries.iter().rev().find(|(k, _)| self.text(*k) == Some(key.as_bytes())) else { return Ok(None) };
        let found = match &self.values[*value] {
            Value::List(items) => items.iter().map(|&i| self.int(i)).collect(),
            _ => self.array(*value),
        };
        let other = || bad(&self.path, format!("`{key}` is something else")).expected(format!("whole numbers below `{key}`"));
        found.map(Some).ok_or_else(other)
    }

    fn text(&self, at: usize) -> Option<&[u8]> {
        match &self.values[at] {
            Value::Text(range) => Some(&self.data[range.clone()]),
            _ => None,
        }
    }

    fn int(&self, at: usize) -> Option<i64> {
        match self.values[at] {
            Value::Int(n) => Some(n),
            _ => None,
        }
    }

    fn list(&self, at: usize) -> Option<&[usize]> {
        match &self.values[at] {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// An array of `NumPy`: raw bytes and their type, as either of its two ways of pickling has them.
    fn array(&self, at: usize) -> Option<Vec<i64>> {
        let Value::Call(callee, arguments, state) = self.values[at] else { return None };
        let Value::Name(module, name) = &self.values[callee] else { return None };
        if !module.starts_with("numpy.") {
            return None;
        }
        let [bytes, kind, shape] = match (name.as_str(), state.map(|s| self.list(s))) {
            ("_reconstruct", Some(Some(&[_, shape, kind, _, bytes]))) => [bytes, kind, shape],
            ("_frombuffer", None) => match *self.list(arguments)? {
                [bytes, kind, shape, _] => [bytes, kind, shape],
                _ => return None,
            },
            _ => return None,
        };
        let Value::Bytes(range) = &self.values[bytes] else { return None };
        let bytes = &self.data[range.clone()];
        let Value::Call(_, kind, Some(state)) = self.values[kind] else { return None };
        let (kind, order) = (self.text(*self.list(kind)?.first()?)?, self.text(*self.list(state)?.get(1)?)?);
        let &[n] = self.list(shape)? else { return None };
        let (letter, width) = (*kind.first()?, std::str::from_utf8(kind.get(1..)?).ok()?.parse::<usize>().ok()?);
        let large = order == b">";
        if !matches!(width, 1 | 2 | 4 | 8) || usize::try_from(self.int(n)?).ok()?.checked_mul(width)? != bytes.len() {
            return None;
        }
        let number = |chunk: &[u8]| -> Option<i64> {
            let mut wide = [0_u8; 8];
            wide[..width].copy_from_slice(chunk);
            if large {
                wide[..width].reverse();
            }
            let raw = u64::from_le_bytes(wide);
            let unused = 64 - 8 * width as u32;
            match letter {
                b'i' => Some((raw << unused) as i64 >> unused),
                b'u' => i64::try_from(raw).ok(),
                // An empty list becomes an array of floats.
                b'f' if width == 8 => Some(f64::from_bits(raw)).filter(|x| x.fract() == 0.0 && x.abs() < 9e15).map(|x| x as i64),
                _ => None,
            }
        };
        bytes.chunks_exact(width).map(number).collect()
    }
}

fn bad(path: &Path, found: String) -> UserError {
    UserError::bad_data("bad-pickle", "is no pickle of this kind")
        .file(path)
        .found(found)
        .mend("copy the file again; without it the spikes are found in the voltage at whole ms")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<Pickle> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("summary.pkl");
        fs::write(&path, bytes).expect("written");
        Pickle::read(&path)
    }

    /// What `pickle.dumps` of Python gives for a dict with a class, an array of 512, 700, 9000 and more; protocols 4 and 5.
    const SUMMARIES: [&[u8]; 2] = [
        b"\x80\x04\x95\xaf\x01\x00\x00\x00\x00\x00\x00}\x94(\x8c\x04args\x94\x8c\x08argparse\x94\x8c\x09Namespace\x94\x93\
        \x94)\x81\x94}\x94(\x8c\x05model\x94\x8c\x03rat\x94\x8c\x07weights\x94]\x94(G\x00\x00\x00\x00\x00\x00\x00\x00G@\
        \x00\x00\x00\x00\x00\x00\x00e\x8c\x04seed\x94Nub\x8c\x0flen_exc_netcons\x94M\x11\x04\x8c\x12output_spike_times\
        \x94\x8c\x16numpy._core.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\
        \x94K\x00\x85\x94C\x01b\x94\x87\x94R\x94(K\x01K\x03\x85\x94h\x11\x8c\x05dtype\x94\x93\x94\x8c\x02i8\x94\x89\x88\
        \x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94b\x89C\x18\x00\x02\x00\x00\x00\
        \x00\x00\x00\xbc\x02\x00\x00\x00\x00\x00\x00(#\x00\x00\x00\x00\x00\x00\x94t\x94b\x8c\noutput_isi\x94h\x10h\x13K\
        \x00\x85\x94h\x15\x87\x94R\x94(K\x01K\x02\x85\x94h\x1d\x89C\x10\xbc\x00\x00\x00\x00\x00\x00\x00l \x00\x00\x00\
        \x00\x00\x00\x94t\x94b\x8c\x04rate\x94h\x0e\x8c\x06scalar\x94\x93\x94h\x1a\x8c\x02f8\x94\x89\x88\x87\x94R\x94(K\
        \x03h\x1eNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94bC\x08333333\xd3?\x94\x86\x94R\x94u.",
        b"\x80\x05\x95\xac\x01\x00\x00\x00\x00\x00\x00}\x94(\x8c\x04args\x94\x8c\x08argparse\x94\x8c\x09Namespace\x94\x93\
        \x94)\x81\x94}\x94(\x8c\x05model\x94\x8c\x03rat\x94\x8c\x07weights\x94]\x94(G\x00\x00\x00\x00\x00\x00\x00\x00G@\
        \x00\x00\x00\x00\x00\x00\x00e\x8c\x04seed\x94Nub\x8c\x0flen_exc_netcons\x94M\x11\x04\x8c\x12output_spike_times\
        \x94\x8c\x13numpy._core.numeric\x94\x8c\x0b_frombuffer\x94\x93\x94(\x96\x18\x00\x00\x00\x00\x00\x00\x00\x00\x02\
        \x00\x00\x00\x00\x00\x00\xbc\x02\x00\x00\x00\x00\x00\x00(#\x00\x00\x00\x00\x00\x00\x94\x8c\x05numpy\x94\x8c\x05d\
        type\x94\x93\x94\x8c\x02i8\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00\
        t\x94bK\x03\x85\x94\x8c\x01C\x94t\x94R\x94\x8c\noutput_isi\x94h\x10(\x96\x10\x00\x00\x00\x00\x00\x00\x00\xbc\x00\
        \x00\x00\x00\x00\x00\x00l \x00\x00\x00\x00\x00\x00\x94h\x17K\x02\x85\x94h\x1bt\x94R\x94\x8c\x04rate\x94\x8c\x16n\
        umpy._core.multiarray\x94\x8c\x06scalar\x94\x93\x94h\x14\x8c\x02f8\x94\x89\x88\x87\x94R\x94(K\x03h\x18NNNJ\xff\
        \xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94bC\x08333333\xd3?\x94\x86\x94R\x94u.",
    ];
    /// An empty array, a set, a flag, a number of 81 bits.
    const SILENT: &[u8] =
        b"\x80\x05\x95\xbf\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x12output_spike_times\x94\x8c\x13numpy._core.numeric\x94\
        \x8c\x0b_frombuffer\x94\x93\x94(\x96\x00\x00\x00\x00\x00\x00\x00\x00\x94\x8c\x05numpy\x94\x8c\x05dtype\x94\x93\
        \x94\x8c\x02i8\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94bK\x00\
        \x85\x94\x8c\x01C\x94t\x94R\x94\x8c\x05again\x94}\x94\x8c\x01x\x94\x8f\x94(K\x01K\x02\x90s\x8c\x04flag\x94\x88\
        \x8c\x03big\x94\x8a\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01u.";
    /// A list of 1, 70000 and -3; protocol 3.
    const LIST: &[u8] = b"\x80\x03}q\x00X\x12\x00\x00\x00output_spike_timesq\x01]q\x02(K\x01Jp\x11\x01\x00J\xfd\xff\xff\xffes.";

    #[test]
    fn arrays_and_lists_are_read_beside_objects_that_nobody_makes() {
        for bytes in SUMMARIES {
            let pickle = read(bytes).expect("sound");
            assert_eq!(pickle.whole_numbers("output_spike_times").expect("an array"), Some(vec![512, 700, 9000]));
            assert_eq!(pickle.whole_numbers("output_isi").expect("an array"), Some(vec![188, 8300]));
            assert_eq!(pickle.whole_numbers("nothing").expect("no such key"), None);
            assert_eq!(pickle.whole_numbers("rate").expect_err("one number").code(), "bad-pickle");
            assert_eq!(pickle.whole_numbers("args").expect_err("an object").exit_code(), 3);
        }
        assert_eq!(read(SILENT).expect("sound").whole_numbers("output_spike_times").expect("an array"), Some(vec![]));
        assert_eq!(read(LIST).expect("sound").whole_numbers("output_spike_times").expect("a list"), Some(vec![1, 70_000, -3]));
    }

    #[test]
    fn a_call_in_a_pickle_is_not_made() {
        // os.system("exit") below the key.
        let call = b"\x80\x04}(\x8c\x01kcos\nsystem\n\x8c\x04exit\x85R\x8c\x12output_spike_timesK\x01u.";
        let pickle = read(call).expect("a description");
        assert_eq!(pickle.whole_numbers("k").expect_err("a call").code(), "bad-pickle");
    }

    #[test]
    fn every_cut_is_an_error_or_lacks_the_key() {
        for bytes in SUMMARIES {
            for end in 0..bytes.len() {
                assert_eq!(read(&bytes[..end]).expect_err("cut").code(), "bad-pickle", "{end}");
            }
        }
        assert_eq!(read(b"I1\n.").expect_err("protocol 0").code(), "bad-pickle");
        assert_eq!(read(b"K\x01.").expect("sound").whole_numbers("k").expect_err("no dict").code(), "bad-pickle");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_pickle_or_an_error(bytes: Vec<u8>) {
            if let Ok(pickle) = read(&bytes) {
                let _ = pickle.whole_numbers("output_spike_times");
            }
        }
    }
}
