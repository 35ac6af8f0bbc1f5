//! Any text is refused or becomes a query whose canonical text parses back to the same query.

#![no_main]

use kenyon_connectome::Query;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(query) = Query::parse(text) {
        let printed = query.to_string();
        let again = Query::parse(&printed).expect("what is printed parses");
        assert_eq!(query, again);
        assert_eq!(printed, again.to_string());
    }
});
