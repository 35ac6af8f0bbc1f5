//! The language as a whole: syntax, meaning, errors and limits.

mod agreement;

use std::sync::Arc;

use kenyon_base::{Result, UserError};

use super::{Field, MAX_LENGTH, ManyCategorical, Query, Table};
use crate::Categorical;

const BASE: u64 = 720_575_940_600_000_000;

/// A neuron: class, `sub_class`, type, side, nt, sign, receptors, lists.
type Row =
    (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str, &'static [&'static str], &'static str);

const ROWS: [Row; 10] = [
    ("ALPN", "uniglomerular", "DA1_lPN", "left", "ACH", "+", &[], "ALPN"),
    ("ALPN", "uniglomerular", "DA1_lPN", "right", "ACH", "+", &[], "ALPN"),
    ("ALPN", "multiglomerular", "M_vPNml83", "left", "GABA", "-", &[], "ALPN"),
    ("Kenyon_Cell", "", "KCg-m", "right", "ACH", "+", &[], "class_Kenyon_cell"),
    ("Kenyon_Cell", "", "KCg-m", "left", "DA", "+", &[], "class_Kenyon_cell"),
    ("Kenyon_Cell", "", "KCa'b'-ap1", "right", "ACH", "+", &[], "class_Kenyon_cell"),
    ("MBIN", "", "APL", "right", "GABA", "-", &[], "APL"),
    ("olfactory", "", "ORN_DL4", "left", "ACH", "+", &["Or49a", "Or85f"], "ALRN ORN"),
    ("olfactory", "", "ORN_DA1", "", "ACH", "+", &["Or67d"], "ALRN ORN"),
    ("", "", "", "center", "", "+", &[], ""),
];

struct Small {
    ids: Vec<u64>,
    columns: Vec<(&'static str, Field)>,
}

impl Small {
    fn new() -> Self {
        let one = |f: fn(&Row) -> &'static str| Field::One(Arc::new(ROWS.iter().map(f).collect::<Categorical>()));
        Self {
            ids: (0..ROWS.len() as u64).map(|row| BASE + row).collect(),
            columns: vec![
                ("class", one(|row| row.0)),
                ("sub_class", one(|row| row.1)),
                ("Primary_Type", one(|row| row.2)),
                ("side", one(|row| row.3)),
                ("nt", one(|row| row.4)),
                ("sign", one(|row| row.5)),
                ("receptor", Field::Many(Arc::new(ManyCategorical::from_rows(ROWS.iter().map(|row| row.6))))),
            ],
        }
    }
}

impl Table for Small {
    fn rows(&self) -> usize {
        self.ids.len()
    }

    fn root_ids(&self) -> &[u64] {
        &self.ids
    }

    fn fields(&self) -> Vec<String> {
        self.columns.iter().map(|(name, _)| (*name).to_string()).collect()
    }

    fn field(&self, name: &str) -> Result<Option<Field>> {
        Ok(self.columns.iter().find(|(known, _)| *known == name).map(|(_, column)| column.clone()))
    }

    fn lists(&self) -> Vec<String> {
        ["ALRN", "ORN", "ALPN", "class_Kenyon_cell", "APL", "HRN"].map(String::from).to_vec()
    }

    fn list(&self, name: &str) -> Result<Option<Vec<u32>>> {
        if !self.lists().iter().any(|known| known == name) {
            return Ok(None);
        }
        Ok(Some((0..ROWS.len() as u32).filter(|&row| ROWS[row as usize].7.split(' ').any(|l| l == name)).collect()))
    }
}

fn select(text: &str) -> Vec<u32> {
    let query = Query::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let again = Query::parse(&query.to_string()).unwrap_or_else(|error| panic!("{query}: {error}"));
    assert_eq!(query, again, "{text}");
    assert_eq!(query.to_string(), again.to_string(), "{text}");
    query.select(&Small::new()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> UserError {
    match Query::parse(text) {
        Err(error) => error,
        Ok(query) => query.select(&Small::new()).expect_err(text),
    }
}

#[test]
fn a_query_takes_the_neurons_it_describes() {
    let cases: &[(&str, &[u32])] = &[
        (r#"type ~ "^KC" and side = "right" and nt = "ACH""#, &[3, 5]),
        ("class = ALPN & sub_class = uniglomerular & side = left", &[0]),
        ("all", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("none", &[]),
        ("NOT none AND All", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (r#"in list("APL")"#, &[6]),
        ("list = APL", &[6]),
        ("list in (APL, \"ORN\")", &[6, 7, 8]),
        ("in list(APL, ORN) - list = APL", &[7, 8]),
        ("list = HRN", &[]),
        ("list = \"\"", &[9]),
        ("list != ALPN & list !~ '^class_'", &[6, 7, 8, 9]),
        ("list ~ '^A'", &[0, 1, 2, 6, 7, 8]),
        ("list ~ nothing_like_it", &[]),
        ("type = KCg-m", &[3, 4]),
        ("type=KCa'b'-ap1", &[5]),
        ("cell_type == 'KCg-m' - side=left", &[3]),
        ("type in (KCg-m, 'APL')", &[3, 4, 6]),
        ("type not in (KCg-m, APL) & class != ALPN", &[5, 7, 8, 9]),
        ("nt_type = \"\"", &[9]),
        ("type = ''", &[9]),
        ("class !~ '.'", &[9]),
        ("sign = -", &[2, 6]),
        ("sign=- & class=MBIN", &[6]),
        ("sign in (-, +) minus sign = \"+\"", &[2, 6]),
        ("receptor = Or85f", &[7]),
        ("receptor != Or85f & class = olfactory", &[8]),
        ("receptor ~ '^Or'", &[7, 8]),
        ("receptor = '' and class in (olfactory, MBIN)", &[6]),
        ("type ~ '^Z+$'", &[]),
        ("type ~ '(?i)^kcg'", &[3, 4]),
        ("root_id = 720575940600000003", &[3]),
        ("id in (720575940600000003, '720575940600000001')", &[1, 3]),
        ("root_id != 720575940600000003 & type = KCg-m", &[4]),
        ("root_id not in (720575940600000000, 720575940600000001) & class = ALPN", &[2]),
        // Precedence.
        ("side = center | class = ALPN & side = left", &[0, 2, 9]),
        ("(side = center | class = ALPN) & side = left", &[0, 2]),
        ("all - class = ALPN - class = Kenyon_Cell & side = left", &[7]),
        ("all - (class = ALPN - side = left)", &[0, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("not class = ALPN & side = left", &[4, 7]),
        ("not (class = ALPN & side = left) & class = ALPN", &[1]),
        ("!!(side=left)&&!class=ALPN||class=MBIN", &[4, 6, 7]),
        ("side = left or not not class = MBIN", &[0, 2, 4, 6, 7]),
    ];
    for (text, rows) in cases {
        assert_eq!(select(text), *rows, "{text}");
    }
}

#[test]
fn the_canonical_text_has_no_needless_parentheses_or_quotes() {
    let cases = [
        ("((Class = 'ALPN')&(SIDE=\"left\"))", "class = ALPN and side = left"),
        ("a=b|(c=d|e=f)", "a = b or (c = d or e = f)"),
        ("(a=b|c=d)|e=f", "a = b or c = d or e = f"),
        ("a=b - (c=d & e=f)", "a = b minus (c = d and e = f)"),
        ("!(!a=b)", "not not a = b"),
        ("!(a!=b|all)", "not (a != b or all)"),
        ("a in ('and', none, '', 'x y', -1)", "a in (\"and\", \"none\", \"\", \"x y\", \"-1\")"),
        ("in list(APL)", "list = APL"),
        ("a not in (b)", "a != b"),
        (r#"a ~ "\d\"\\w\'""#, r#"a ~ "\\d\"\\w'""#),
        ("ID = 007", "root_id = 7"),
    ];
    for (text, canonical) in cases {
        let query = Query::parse(text).expect(text);
        assert_eq!(query.to_string(), canonical);
        assert_eq!(Query::parse(canonical).expect(canonical), query);
    }
}

#[test]
fn the_fields_of_a_query_are_canonical_sorted_and_single() {
    let query: Query = "nt_type = ACH & (in list(APL) | Cell_Type ~ x | type = y) - id = 7 & all".parse().expect("a query");
    assert_eq!(query.fields_used(), ["list", "nt", "root_id", "type"]);
}

#[test]
fn each_error_has_its_code_place_and_mend() {
    let cases = [
        ("", "query-syntax", "ends too early"),
        ("   ", "query-syntax", "expected a condition"),
        ("side", "query-syntax", "expected `=`"),
        ("side =", "query-syntax", "expected a value"),
        ("side = and nt = ACH", "query-syntax", "put it in quotes"),
        ("side = left nt = ACH", "query-syntax", "misplaced word at character 13 of the query: found `nt`"),
        ("class = Kenyon Cell", "query-syntax", "put texts with blanks in quotes"),
        ("class in (Kenyon Cell)", "query-syntax", "put texts with blanks in quotes"),
        ("side = left &", "query-syntax", "expected a condition"),
        ("& side = left", "query-syntax", "character 1 "),
        ("- all", "query-syntax", "expected a condition"),
        ("(side = left", "query-syntax", "the parenthesis at character 1 of the query is never closed"),
        ("side = left)", "query-syntax", "`)` without `(` at character 12"),
        ("()", "query-syntax", "expected a condition"),
        ("side in left", "query-syntax", "expected `(`"),
        ("side in ()", "query-syntax", "expected a value"),
        ("side in (left,)", "query-syntax", "expected a value"),
        ("side in (left", "query-syntax", "ends too early"),
        ("side not left", "query-syntax", "`in` after `not`"),
        ("in (left)", "query-syntax", "write `in list"),
        ("all-none", "query-syntax", "needs a blank"),
        ("all = left", "query-syntax", "misplaced symbol"),
        ("side = \"left", "query-syntax", "never ends"),
        ("side = “left”", "query-syntax", "straight quotes"),
        ("type ~ ^KC", "query-syntax", "character 8 of the query: found `^`; put texts"),
        ("root_id < 5", "query-syntax", "compared with"),
        ("root_id ~ 5", "query-syntax", "a number"),
        ("sid = left", "unknown-field", "did you mean `side`"),
        ("all | zebra = left", "unknown-field", "known fields: `Primary_Type`"),
        ("hemilineage = x", "unknown-field", "no field `hemilineage`, asked for at character 1"),
        (
            "side = lfet",
            "unknown-value",
            "no neuron has this `side` at character 1 of the query: found `lfet`; did you mean `left`?",
        ),
        ("side = Left", "unknown-value", "did you mean `left`? upper"),
        ("side != leftt", "unknown-value", "`left`"),
        ("side in (left, rigth)", "unknown-value", "`right`"),
        ("type = KC", "unknown-value", "values of `type` that contain it: `KCa'b'-ap1`, `KCg-m`"),
        ("none & type = KC", "unknown-value", "`~` takes all"),
        ("receptor = Or85", "unknown-value", "did you mean `Or85f`"),
        ("root_id = 5", "unknown-value", "found `5`"),
        (
            "root_id in (720575940600000000, 6, 5)",
            "unknown-value",
            "2 of these root ids belong to no neuron, at character 1 of the query: found `6`",
        ),
        ("in list(ALP)", "unknown-list", "`ALPN`"),
        ("list = apl", "unknown-list", "did you mean `APL`? upper"),
        ("type ~ '('", "bad-regex", "character 8 of the query, unclosed group: found `(`"),
        ("type ~ '(?<=x)y'", "bad-regex", "look-around"),
        ("root_id = 7.2e17", "bad-root-id", "rounded number at character 11 of the query: found `7.2e17`"),
        ("root_id = 720575940622838154.0", "bad-root-id", "rounded"),
        ("root_id = -5", "bad-root-id", "not a root id"),
        ("root_id = +5", "bad-root-id", "not a root id"),
        ("root_id = 0x1F", "bad-root-id", "whole decimal number"),
        ("root_id = 18446744073709551616", "bad-root-id", "out of range"),
        ("root_id in (1, KCg-m)", "bad-root-id", "character 16"),
        ("root_id = ''", "bad-root-id", "not a root id"),
        ("type ~ '(a{1000}){1000}'", "limit", "too much memory"),
    ];
    for (text, code, part) in cases {
        let error = refused(text);
        assert_eq!(error.code(), code, "{text}: {error}");
        assert!(error.to_string().contains(part), "{text}: {error}");
        assert_eq!(error.exit_code(), 2);
    }
}

#[test]
fn depth_is_limited_and_costs_no_call_stack() {
    for nested in ["(", "!", "not ", "!(", "all & (", "all | ! ("] {
        assert_eq!(refused(&nested.repeat(MAX_LENGTH / nested.len())).code(), "limit", "{nested}");
        assert_eq!(refused(&nested.repeat(100_000)).code(), "limit", "{nested}");
    }
    for (open, close) in [("(", ")"), ("! ", ""), ("all - (", ")"), ("none | (", ")")] {
        let nested = |levels| format!("{}all{}", open.repeat(levels), close.repeat(levels));
        select(&nested(1_000));
        assert_eq!(refused(&nested(1_001)).code(), "limit");
    }
    assert_eq!(refused(&")".repeat(MAX_LENGTH)).code(), "query-syntax");
}

#[test]
fn breadth_is_limited_by_length_alone() {
    let wide = vec!["!all"; 5_000].join(" | ");
    assert!(select(&wide).is_empty());
    let short_as_written = vec!["!a=b"; 13_000].join("|");
    assert!(short_as_written.len() < MAX_LENGTH);
    assert_eq!(refused(&short_as_written).code(), "limit");
    assert_eq!(refused(&" ".repeat(MAX_LENGTH + 1)).code(), "limit");
}

#[test]
fn regular_expressions_are_limited_in_number_length_and_memory() {
    assert_eq!(select(&vec!["type ~ KC"; 64].join("|")).len(), 3);
    assert_eq!(refused(&vec!["type ~ KC"; 65].join("|")).code(), "limit");
    assert_eq!(refused(&format!("type ~ '{}'", "a".repeat(5_000))).code(), "limit");
    assert_eq!(refused(&format!("type ~ '{}'", r"\w".repeat(2_000))).code(), "limit");
    assert_eq!(refused(&format!("type ~ '{}'", "(".repeat(4_000))).code(), "bad-regex");
}

#[test]
fn a_column_that_does_not_fit_the_table_is_an_error() {
    let mut table = Small::new();
    table.columns.push(("name", Field::One(Arc::new(Categorical::blank(3)))));
    table.columns.push(("group", Field::Many(Arc::new(ManyCategorical::blank(3)))));
    for text in ["name = ''", "group = ''"] {
        let error = Query::parse(text).expect("a query").select(&table).expect_err("three rows are not ten");
        assert_eq!(error.code(), "field-length");
    }
}
