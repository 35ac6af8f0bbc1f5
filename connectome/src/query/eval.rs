//! Evaluation of the postfix program on sets of rows.

use std::collections::BTreeMap;

use kenyon_base::{Result, UserError};

use super::bits::Bits;
use super::parser::compile;
use super::{Field, On, Op, Table, Test, fields, place, suggest};

const OPERANDS: &str = "the parser gives every operator its operands";

/// Rows taken by the program, ascending.
pub(super) fn select(ops: &[Op], at: &[u32], table: &dyn Table) -> Result<Vec<u32>> {
    let mut evaluator = Evaluator { table, rows: table.rows(), columns: BTreeMap::new() };
    if table.root_ids().len() != evaluator.rows {
        return Err(misshapen("root_id", table.root_ids().len(), evaluator.rows));
    }
    let mut stack: Vec<Bits> = Vec::new();
    for (op, &at) in ops.iter().zip(at) {
        match op {
            Op::All => stack.push(Bits::full(evaluator.rows)),
            Op::None => stack.push(Bits::empty(evaluator.rows)),
            Op::Test(test) => stack.push(evaluator.test(test, at)?),
            Op::Not => stack.last_mut().expect(OPERANDS).negate(),
            Op::And | Op::Minus | Op::Or => {
                let right = stack.pop().expect(OPERANDS);
                let left = stack.last_mut().expect(OPERANDS);
                match op {
                    Op::And => left.and(&right),
                    Op::Minus => left.minus(&right),
                    _ => left.or(&right),
                }
            }
        }
    }
    Ok(stack.pop().expect("a parsed query has at least one condition").to_rows())
}

struct Evaluator<'a> {
    table: &'a dyn Table,
    rows: usize,
    /// Columns asked for so far, by canonical name.
    columns: BTreeMap<String, Field>,
}

impl Evaluator<'_> {
    fn test(&mut self, test: &Test, at: u32) -> Result<Bits> {
        let mut bits = match (&test.on, test.field.as_str()) {
            (On::Ids(ids), _) => self.ids(ids, at)?,
            (on, "list") => self.lists(on, at)?,
            (on, field) => {
                let column = self.column(field, at)?;
                let hit = hits(column.values(), on).map_err(|missing| unknown_value(field, missing, column.values(), at))?;
                rows_hit(&column, &hit)
            }
        };
        if test.negated {
            bits.negate();
        }
        Ok(bits)
    }

    fn column(&mut self, name: &str, at: u32) -> Result<Field> {
        if let Some(column) = self.columns.get(name) {
            return Ok(column.clone());
        }
        let offered = self.table.fields();
        let column = match offered.iter().find(|field| fields::canonical(field) == name) {
            Some(field) => self.table.field(field)?,
            None => None,
        };
        let Some(column) = column else {
            return Err(unknown_field(name, &offered, at));
        };
        if column.len() != self.rows {
            return Err(misshapen(name, column.len(), self.rows));
        }
        self.columns.insert(name.to_string(), column.clone());
        Ok(column)
    }

    fn ids(&self, ids: &[u64], at: u32) -> Result<Bits> {
        let mut wanted = ids.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let mut seen = vec![false; wanted.len()];
        let mut bits = Bits::empty(self.rows);
        for (row, id) in self.table.root_ids().iter().enumerate() {
            if let Ok(index) = wanted.binary_search(id) {
                seen[index] = true;
                bits.insert(row);
            }
        }
        let missing = seen.iter().filter(|seen| !**seen).count();
        // The first in the order of the query, not of the numbers: that is where the reader looks.
        match ids.iter().find(|id| wanted.binary_search(id).is_ok_and(|index| !seen[index])) {
            None => Ok(bits),
            Some(id) => {
                let message = match missing {
                    1 => "no neuron has this `root_id`".to_string(),
                    _ => format!("{missing} of these root ids belong to no neuron,"),
                };
                Err(UserError::usage("unknown-value", format!("{message} {}", place(at)))
                    .found(id.to_string())
                    .mend("check the id and the version of the data it comes from"))
            }
        }
    }

    fn lists(&self, on: &On, at: u32) -> Result<Bits> {
        let known = self.table.lists();
        let (names, blank): (Vec<&str>, bool) = match on {
            On::Texts(texts) => {
                (texts.iter().map(String::as_str).filter(|t| !t.is_empty()).collect(), texts.iter().any(String::is_empty))
            }
            On::Pattern(pattern) => {
                let regex = compile(pattern).expect("the parser compiled the same expression");
                (known.iter().map(String::as_str).filter(|name| regex.is_match(name)).collect(), regex.is_match(""))
            }
            On::Ids(_) => unreachable!("only `root_id` is compared with ids"),
        };
        let mut bits = self.in_any(&names, &known, at)?;
        if blank {
            let all: Vec<&str> = known.iter().map(String::as_str).collect();
            let mut outside = self.in_any(&all, &known, at)?;
            outside.negate();
            bits.or(&outside);
        }
        Ok(bits)
    }

    fn in_any(&self, names: &[&str], known: &[String], at: u32) -> Result<Bits> {
        let mut bits = Bits::empty(self.rows);
        for name in names {
            let Some(rows) = self.table.list(name)? else {
                return Err(UserError::usage("unknown-list", format!("unknown keyword list {}", place(at)))
                    .found(name)
                    .mend(suggest::mend(name, known.iter().map(String::as_str), "keyword lists", true)));
            };
            for row in rows {
                if !bits.insert(row as usize) {
                    return Err(misshapen("list", row as usize + 1, self.rows));
                }
            }
        }
        Ok(bits)
    }
}

/// Which of the distinct values satisfy the comparison; or the first text that none of them equals.
fn hits<'a>(values: &[String], on: &'a On) -> std::result::Result<Vec<bool>, &'a str> {
    match on {
        On::Pattern(pattern) => {
            let regex = compile(pattern).expect("the parser compiled the same expression");
            Ok(values.iter().map(|value| regex.is_match(value)).collect())
        }
        On::Texts(texts) => {
            let mut wanted: Vec<&str> = texts.iter().map(String::as_str).collect();
            wanted.sort_unstable();
            wanted.dedup();
            // Blank is known even where no row is.
            let mut seen: Vec<bool> = wanted.iter().map(|text| text.is_empty()).collect();
            let mut hit = vec![false; values.len()];
            for (hit, value) in hit.iter_mut().zip(values) {
                if let Ok(index) = wanted.binary_search(&value.as_str()) {
                    seen[index] = true;
                    *hit = true;
                }
            }
            match texts.iter().find(|text| wanted.binary_search(&text.as_str()).is_ok_and(|index| !seen[index])) {
                Some(missing) => Err(missing),
                None => Ok(hit),
            }
        }
        On::Ids(_) => unreachable!("only `root_id` is compared with ids"),
    }
}

/// Rows whose value, or any of whose values, is marked; a row without values has value 0, the blank.
fn rows_hit(column: &Field, hit: &[bool]) -> Bits {
    match column {
        Field::One(column) => Bits::from_codes(column.codes(), hit),
        Field::Many(column) => {
            let mut bits = Bits::empty(column.len());
            for row in 0..column.len() {
                let codes = column.codes(row);
                if codes.iter().any(|&code| hit[code as usize]) || codes.is_empty() && hit[0] {
                    bits.insert(row);
                }
            }
            bits
        }
    }
}

fn unknown_value(field: &str, found: &str, values: &[String], at: u32) -> UserError {
    UserError::usage("unknown-value", format!("no neuron has this `{field}` {}", place(at))).found(found).mend(suggest::mend(
        found,
        values.iter().map(String::as_str),
        &format!("values of `{field}`"),
        true,
    ))
}

fn unknown_field(name: &str, offered: &[String], at: u32) -> UserError {
    let known = offered.iter().map(String::as_str).chain(["root_id", "list"]);
    if fields::is_standard(name) {
        let message = format!("the loaded files have no field `{name}`, asked for {}", place(at));
        return UserError::usage("unknown-field", message).mend(format!(
            "{}use {}",
            if name == "population" {
                "circuits have populations, connectomes do not: "
            } else {
                "add the file that has it, or "
            },
            known.map(|f| format!("`{f}`")).collect::<Vec<_>>().join(", ")
        ));
    }
    UserError::usage("unknown-field", format!("unknown field {}", place(at)))
        .found(name)
        .mend(suggest::mend(name, known, "fields", false))
}

fn misshapen(field: &str, found: usize, rows: usize) -> UserError {
    UserError::bad_data("field-length", format!("the field `{field}` does not fit the table"))
        .found(format!("{found} rows"))
        .expected(format!("{rows} rows"))
}
