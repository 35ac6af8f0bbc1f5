//! Random texts and trees: nothing panics, what is printed parses back, and a plain recursive evaluator agrees.

use proptest::prelude::*;

use super::{BASE, ROWS, Row, Small, select};
use crate::query::{On, Op, Query, Test};

/// What the evaluator is compared with: a tree, evaluated row by row on the texts.
#[derive(Debug, Clone)]
enum Tree {
    All,
    None,
    Is(usize, bool, Vec<String>),
    Matches(usize, bool, &'static str),
    Ids(bool, Vec<u64>),
    Not(Box<Tree>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
    Minus(Box<Tree>, Box<Tree>),
}

const NAMES: [&str; 6] = ["class", "type", "side", "nt", "receptor", "list"];
const PATTERNS: [&str; 7] = ["^KC", "^$", "a", "A", ".", "^(left|right)$", r#"Or\d+|"\\"#];

fn texts(row: &Row, name: usize) -> Vec<&'static str> {
    let texts: Vec<&str> = match NAMES[name] {
        "class" => vec![row.0],
        "type" => vec![row.2],
        "side" => vec![row.3],
        "nt" => vec![row.4],
        "receptor" => row.6.to_vec(),
        _ => row.7.split(' ').collect(),
    };
    if texts.is_empty() { vec![""] } else { texts }
}

impl Tree {
    fn holds(&self, row: usize) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Is(name, negated, values) => texts(&ROWS[row], *name).iter().any(|t| values.iter().any(|v| v == t)) != *negated,
            Self::Matches(name, negated, pattern) => {
                let regex = regex::Regex::new(pattern).expect("a pattern of this test");
                texts(&ROWS[row], *name).iter().any(|text| regex.is_match(text)) != *negated
            }
            Self::Ids(negated, ids) => ids.contains(&(BASE + row as u64)) != *negated,
            Self::Not(a) => !a.holds(row),
            Self::And(a, b) => a.holds(row) && b.holds(row),
            Self::Or(a, b) => a.holds(row) || b.holds(row),
            Self::Minus(a, b) => a.holds(row) && !b.holds(row),
        }
    }

    /// Text with every operator in parentheses, in a spelling chosen by `spelling`.
    fn write(&self, spelling: &mut impl FnMut() -> usize) -> String {
        match self {
            Self::All => "all".into(),
            Self::None => "none".into(),
            Self::Is(name, negated, values) => compare(NAMES[*name], *negated, values, spelling()),
            Self::Ids(negated, ids) => {
                compare("root_id", *negated, &ids.iter().map(u64::to_string).collect::<Vec<_>>(), spelling())
            }
            Self::Matches(name, negated, pattern) => {
                let pattern = pattern.replace('\\', r"\\").replace('"', "\\\"");
                format!("{} {} \"{pattern}\"", NAMES[*name], if *negated { "!~" } else { "~" })
            }
            Self::Not(a) => format!("{}({})", ["!", "not ", "NOT "][spelling() % 3], a.write(spelling)),
            Self::And(a, b) => join(a, b, [" and ", "&", " && "][spelling() % 3], spelling),
            Self::Or(a, b) => join(a, b, [" or ", "|", " || "][spelling() % 3], spelling),
            Self::Minus(a, b) => join(a, b, [" minus ", "-", " - "][spelling() % 3], spelling),
        }
    }
}

fn join(a: &Tree, b: &Tree, operator: &str, spelling: &mut impl FnMut() -> usize) -> String {
    format!("({}){operator}({})", a.write(spelling), b.write(spelling))
}

fn compare(field: &str, negated: bool, values: &[String], spelling: usize) -> String {
    let mut quoted = values.iter().map(|value| match spelling % 2 {
        0 => format!("\"{value}\""),
        _ => format!("'{}'", value.replace('\'', "\\'")),
    });
    if values.len() == 1 && !spelling.is_multiple_of(3) {
        let operator = if negated { "!=" } else { ["=", "=="][spelling % 2] };
        return format!("{field}{operator}{}", quoted.next().expect("one value"));
    }
    format!("{field} {}in ({})", if negated { "not " } else { "" }, quoted.collect::<Vec<_>>().join(","))
}

fn trees() -> impl Strategy<Value = Tree> {
    let known = |name: usize, picks: Vec<usize>| {
        let values: Vec<String> = ROWS.iter().flat_map(|row| texts(row, name)).map(String::from).collect();
        picks.into_iter().map(|pick| values[pick % values.len()].clone()).collect()
    };
    let leaf = prop_oneof![
        1 => Just(Tree::All),
        1 => Just(Tree::None),
        6 => (0..NAMES.len(), any::<bool>(), prop::collection::vec(any::<usize>(), 1..4))
            .prop_map(move |(name, negated, picks)| Tree::Is(name, negated, known(name, picks))),
        3 => (0..NAMES.len(), any::<bool>(), 0..PATTERNS.len())
            .prop_map(|(name, negated, pattern)| Tree::Matches(name, negated, PATTERNS[pattern])),
        2 => (any::<bool>(), prop::collection::vec(0..ROWS.len() as u64, 1..4))
            .prop_map(|(negated, rows)| Tree::Ids(negated, rows.into_iter().map(|row| BASE + row).collect())),
    ];
    leaf.prop_recursive(6, 40, 2, |inner| {
        let pair = || (inner.clone().prop_map(Box::new), inner.clone().prop_map(Box::new));
        prop_oneof![
            inner.clone().prop_map(|a| Tree::Not(Box::new(a))),
            pair().prop_map(|(a, b)| Tree::And(a, b)),
            pair().prop_map(|(a, b)| Tree::Or(a, b)),
            pair().prop_map(|(a, b)| Tree::Minus(a, b)),
        ]
    })
}

/// Pieces that, put together at random, are queries far more often than random characters are.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "all",
        "none",
        "(",
        ")",
        "!",
        "not",
        "and",
        "&&",
        "or",
        "|",
        "-",
        "minus",
        "in",
        "list",
        "type",
        "root_id",
        "=",
        "!=",
        "~",
        "'",
        "\"",
        "\\",
        ",",
        "KCg-m",
        "side",
        "left",
        "7",
        "\"x\"",
        "in (a, b)",
        "type ~ '^K'",
        "side = left",
        "é",
        "İ",
        "+",
        ">",
    ]);
    let blank = prop::sample::select(vec!["", " ", " ", "\n"]);
    prop::collection::vec((piece, blank), 0..30).prop_map(|parts| parts.into_iter().flat_map(|(a, b)| [a, b]).collect())
}

fn survives(text: &str) {
    if let Ok(query) = Query::parse(text) {
        let again = Query::parse(&query.to_string()).expect("what is printed parses");
        assert_eq!(query, again);
        assert_eq!(query.to_string(), again.to_string());
        query.select(&Small::new()).map(drop).unwrap_or_default();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn any_text_is_parsed_or_refused(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn any_sequence_of_tokens_is_parsed_or_refused(text in pieces()) {
        survives(&text);
    }

    #[test]
    fn any_value_survives_printing(text in any::<String>()) {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        let query = Query::parse(&format!("type in (\"{quoted}\", x)")).expect("quoted");
        prop_assert_eq!(&Query::parse(&query.to_string()).expect("printed"), &query);
        prop_assert_eq!(&query.ops, &vec![Op::Test(Test {
            field: "type".into(),
            negated: false,
            on: On::Texts(vec![text, "x".into()]),
        })]);
    }

    #[test]
    fn the_evaluator_agrees_with_plain_recursion(tree in trees(), seed in any::<usize>()) {
        let mut state = seed;
        let text = tree.write(&mut || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        });
        let rows: Vec<u32> = (0..ROWS.len()).filter(|&row| tree.holds(row)).map(|row| row as u32).collect();
        prop_assert_eq!(select(&text), rows, "{}", text);
    }
}
