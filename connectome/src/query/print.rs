//! The canonical text of a query: words for operators, no needless parentheses or quotes.

use super::parser::{BINDS_AND, BINDS_NOT, BINDS_OR, keyword};
use super::{On, Op, Test, lexer};

/// A condition binds tighter than any operator.
const BINDS_CONDITION: u8 = BINDS_NOT + 1;

/// Text of a postfix program; the operands wait on a stack of their own, so depth costs no call stack.
pub(super) fn print(ops: &[Op]) -> String {
    let mut stack: Vec<(String, u8)> = Vec::new();
    for op in ops {
        let (joint, binds) = match op {
            Op::And => (" and ", BINDS_AND),
            Op::Minus => (" minus ", BINDS_AND),
            Op::Or => (" or ", BINDS_OR),
            Op::Not => {
                let (mut text, binds) = stack.pop().expect("the parser gives every operator its operands");
                enclose(&mut text, binds < BINDS_NOT);
                text.insert_str(0, "not ");
                stack.push((text, BINDS_NOT));
                continue;
            }
            Op::All => {
                stack.push(("all".into(), BINDS_CONDITION));
                continue;
            }
            Op::None => {
                stack.push(("none".into(), BINDS_CONDITION));
                continue;
            }
            Op::Test(test) => {
                stack.push((comparison(test), BINDS_CONDITION));
                continue;
            }
        };
        let (mut right, right_binds) = stack.pop().expect("the parser gives every operator its operands");
        let (left, left_binds) = stack.last_mut().expect("the parser gives every operator its operands");
        enclose(left, *left_binds < binds);
        // Operators group from the left, so an equal one on the right was in parentheses.
        enclose(&mut right, right_binds <= binds);
        left.push_str(joint);
        left.push_str(&right);
        *left_binds = binds;
    }
    stack.pop().expect("a parsed query has at least one condition").0
}

fn enclose(text: &mut String, needed: bool) {
    if needed {
        text.insert(0, '(');
        text.push(')');
    }
}

fn comparison(test: &Test) -> String {
    let Test { field, negated, on } = test;
    let values: Vec<String> = match on {
        On::Pattern(pattern) => {
            let operator = if *negated { "!~" } else { "~" };
            return format!("{field} {operator} {}", quoted(pattern));
        }
        On::Texts(texts) => texts.iter().map(|text| value(text)).collect(),
        On::Ids(ids) => ids.iter().map(u64::to_string).collect(),
    };
    match (values.as_slice(), negated) {
        ([single], false) => format!("{field} = {single}"),
        ([single], true) => format!("{field} != {single}"),
        (several, false) => format!("{field} in ({})", several.join(", ")),
        (several, true) => format!("{field} not in ({})", several.join(", ")),
    }
}

fn value(text: &str) -> String {
    if lexer::is_word(text) && keyword(text).is_none() { text.to_string() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
