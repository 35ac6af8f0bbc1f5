//! Any bytes as SWC: a tree whose own SWC is read again, or an error, never a panic.

#![no_main]

use std::path::Path;

use kenyon_neurons::biophysical::morphology::reading::Limits;
use kenyon_neurons::biophysical::morphology::{ReadOptions, Unit, swc};
use libfuzzer_sys::fuzz_target;

/// Small limits, so that short inputs reach them.
const LIMITS: Limits = Limits { bytes: 1 << 20, line: 256, field: 64, nesting: 40 };

// The first byte chooses mode and unit, the others are the content.
fuzz_target!(|bytes: &[u8]| {
    let Some((form, bytes)) = bytes.split_first() else { return };
    let unit = [None, Some(Unit::Um), Some(Unit::Nm)][usize::from(form >> 1) % 3];
    let options = ReadOptions { strict: form & 1 == 1, unit, limits: LIMITS };
    match swc::parse(bytes, Path::new("a.swc"), &options) {
        Ok(loaded) => {
            let text = swc::text(&loaded.tree);
            let tolerant = ReadOptions { unit: Some(Unit::Um), ..ReadOptions::default() };
            swc::parse(text.as_bytes(), Path::new("a.swc"), &tolerant).expect("what is written is read");
        }
        Err(error) => assert!(error.path().is_some() && !error.to_string().is_empty(), "an error says where and what"),
    }
});
