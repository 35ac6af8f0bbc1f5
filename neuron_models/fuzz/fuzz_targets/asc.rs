//! Any bytes as a Neurolucida file, alone and behind a soma: a tree that can be cut and drawn or an error, never a panic.

#![no_main]

use std::path::Path;

use kenyon_neurons::biophysical::cable::{Cable, Electrics, Segments};
use kenyon_neurons::biophysical::morphology::reading::Limits;
use kenyon_neurons::biophysical::morphology::{ReadOptions, asc, picture};
use libfuzzer_sys::fuzz_target;

/// Small limits, so that short inputs reach them.
const LIMITS: Limits = Limits { bytes: 1 << 20, line: 256, field: 64, nesting: 40 };
const SOMA: &[u8] = b"(\"CellBody\" (0 0 0 1) (5 0 0 1) (6 4 0 1) (2 6 0 1)) ( (Dendrite) (3 3 0 1) ";

// The first byte chooses the form and the mode, the others are the content.
fuzz_target!(|bytes: &[u8]| {
    let Some((form, bytes)) = bytes.split_first() else { return };
    let options = ReadOptions { strict: form & 1 == 1, limits: LIMITS, ..ReadOptions::default() };
    let content = if form & 2 == 0 { bytes.to_vec() } else { [SOMA, bytes].concat() };
    match asc::parse(&content, Path::new("a.asc"), &options) {
        Ok(read) => {
            let tree = read.loaded.tree;
            if let Ok(cable) = Cable::new(&tree, Segments::HAY, Electrics::default()) {
                assert!(cable.nodes.iter().enumerate().all(|(index, node)| node.parent.is_none_or(|above| (above as usize) < index)));
            }
            assert!(!picture::svg(&tree).is_empty());
        }
        Err(error) => assert!(error.path().is_some() && !error.to_string().is_empty(), "an error says where and what"),
    }
});
