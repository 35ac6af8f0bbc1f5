//! Query language: choosing neurons by class, type, side, transmitter and keyword list.
//!
//! `type ~ "^KC" and side = "right" and nt = "ACH"` and `class = ALPN & sub_class = uniglomerular & side = left` are
//! queries. [`Query::parse`] reads the text, [`Query::select`] applies it to any [`Table`].
//!
//! # Grammar
//! ```text
//! query      := either
//! either     := both ( ("or" | "|" | "||") both )*
//! both       := unary ( ("and" | "&" | "&&" | "minus" | "-") unary )*
//! unary      := ("not" | "!") unary | "(" query ")" | condition
//! condition  := "all" | "none"
//!             | field ("=" | "==" | "!=") value
//!             | field ("~" | "!~") value
//!             | field ["not"] "in" values
//!             | "in" "list" values
//! values     := "(" value ("," value)* ")"
//! value      := word | quoted
//! ```
//!
//! # Precedence
//! `not` binds tightest, then `and` and `minus` on one level, then `or`; operators of one level group from the left.
//! `a - b` is "a and not b". So `a | b - c & d` is `a | ((b - c) & d)`, and `not side = left` negates the comparison.
//! Keywords (`and or not minus in all none`) and field names are read without regard to case.
//!
//! # Words
//! A word begins with a letter, a digit or `_` and goes on with these and with `.` and `'`. The joiners `+ / > -` belong to
//! a word only between two such characters: `KCg-m`, `VP1m+VP2_lvPN1`, `KCa'b'-ap1` and `ORN->uPN` are one word each. A `-`
//! with a blank on either side is therefore the operator, and `all-none` is one (unknown) word. Where a value is due, a word
//! may also begin with `+` or `-` (`type = +x`), for no operator can stand there. The words `and`, `or`, `not`,
//! `minus` and `in` must be quoted to be values.
//!
//! # Quoted texts
//! Single or double quotes. `\"`, `\'` and `\\` stand for `"`, `'` and `\`; any other backslash stands for itself, so that
//! `"^KC\d"` is the regular expression it looks like. Blank is `""`.
//!
//! # Meaning
//! - `=` and `in` compare whole texts, case included. A text that no neuron has is the error `unknown-value`, not an empty
//!   answer; blank is always known.
//! - `~` searches with a regular expression anywhere in the text; anchor it with `^` and `$`. Matching nothing is no error.
//! - `!=`, `!~` and `not in` are the negations of `=`, `~` and `in`, blanks included.
//! - A field with several texts per neuron (`receptor`) satisfies `=` or `~` if any of its texts does. A neuron without any
//!   counts as blank.
//! - `root_id` knows `=`, `!=`, `in` and `not in`, with ids as whole decimal numbers.
//! - `list` is the field of keyword lists: `list = APL`, `in list("APL", "ORN")` and `list ~ "^class_"` are membership in at
//!   least one of the lists named; `list = ""` is membership in none.
//!
//! # Limits
//! 64 KiB of text (as written, and as printed), 1,000 levels of `(` and `not`, 64 regular expressions of up to 4 KiB each,
//! 1 MiB of compiled program per expression. Beyond: error `limit`. Nothing recurses on the text.

mod bits;
mod eval;
mod fields;
mod lexer;
mod many;
mod parser;
mod print;
mod suggest;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use kenyon_base::{Result, UserError};

pub use fields::FIELDS;
pub use many::ManyCategorical;
pub(crate) use suggest::mend;
pub use table::{Field, Table};

/// Longest query in bytes, as written and as printed.
pub const MAX_LENGTH: usize = 64 * 1024;
/// Deepest nesting of parentheses and `not`.
pub const MAX_DEPTH: usize = 1_000;
/// Most regular expressions in one query.
pub const MAX_PATTERNS: usize = 64;

/// A parsed query: which neurons to take.
///
/// Displays as its canonical text, which parses back to an equal query. Two queries are equal if they have the same tree,
/// however they were spelled.
///
/// # Example
/// ```
/// use kenyon_connectome::Query;
///
/// let query = Query::parse("Class == 'ALPN' & cell_sub_class=uniglomerular && ! (side = left | side = right)")?;
/// assert_eq!(query.to_string(), "class = ALPN and sub_class = uniglomerular and not (side = left or side = right)");
/// assert_eq!(query.fields_used(), ["class", "side", "sub_class"]);
///
/// let error = Query::parse("type = Kenyon cell").unwrap_err();
/// assert_eq!(error.code(), "query-syntax");
/// # Ok::<(), kenyon_base::UserError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Query {
    /// The tree in postfix order: no evaluation, printing or dropping of it can overflow the call stack.
    ops: Vec<Op>,
    /// Where each op stands in the text it was parsed from: character, counted from 1.
    at: Vec<u32>,
    canonical: String,
}

/// One step of the postfix program.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Op {
    All,
    None,
    Test(Test),
    Not,
    And,
    Minus,
    Or,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Test {
    /// Canonical field name.
    field: String,
    negated: bool,
    on: On,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
enum On {
    /// Any of these texts.
    Texts(Vec<String>),
    /// Any of these root ids.
    Ids(Vec<u64>),
    /// A regular expression, known to compile.
    Pattern(String),
}

impl Query {
    /// Parses a query.
    ///
    /// # Errors
    /// `query-syntax`, `bad-regex`, `bad-root-id` or `limit`. Fields and values are checked by [`Query::select`], which
    /// knows the table.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_LENGTH {
            return Err(too_long("the query is too long", text.len()));
        }
        let (ops, at) = parser::parse(text)?;
        let canonical = print::print(&ops);
        if canonical.len() > MAX_LENGTH {
            return Err(too_long("the query is too long once its operators and fields are written out", canonical.len()));
        }
        Ok(Self { ops, at, canonical })
    }

    /// Row indices of the neurons the query takes, ascending.
    ///
    /// Every comparison is checked, also where its outcome could not matter. Each is evaluated once per distinct value and
    /// then mapped over the rows, 64 to a word: O(rows) per comparison.
    ///
    /// # Errors
    /// `unknown-field`, `unknown-value` or `unknown-list`, with the nearest known name; or what the table reports.
    pub fn select(&self, table: &dyn Table) -> Result<Vec<u32>> {
        eval::select(&self.ops, &self.at, table)
    }

    /// Canonical names of the fields compared, `root_id` and `list` included; sorted, each once.
    pub fn fields_used(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .ops
            .iter()
            .filter_map(|op| match op {
                Op::Test(test) => Some(test.field.as_str()),
                _ => None,
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.ops == other.ops
    }
}

impl Eq for Query {}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.canonical)
    }
}

impl FromStr for Query {
    type Err = UserError;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

/// The place of a problem, as it ends a message.
fn place(at: u32) -> String {
    format!("at character {at} of the query")
}

fn too_long(message: &str, bytes: usize) -> UserError {
    UserError::usage("limit", message)
        .found(format!("{bytes} bytes"))
        .expected(format!("at most {MAX_LENGTH} bytes"))
        .mend("put long lists of neurons into a keyword list and write `in list(...)`")
}
