//! The samples of an SWC file, renumbered, with every parent found.

use std::collections::HashMap;

use kenyon_base::{Result, UserError};

use crate::biophysical::morphology::reading::{NoteKind, Notes, ReadOptions, Unit};
use crate::biophysical::morphology::{Point, Region};

/// Diameter that a sample of radius zero gets, µm.
const SMALLEST_DIAM_UM: f64 = 0.1;

/// Samples in the order of the file; parents are indices.
pub(super) struct Samples {
    pub(super) ids: Vec<u64>,
    pub(super) lines: Vec<u64>,
    pub(super) kinds: Vec<Region>,
    pub(super) points: Vec<Point>,
    pub(super) parents: Vec<Option<usize>>,
}

/// Children of every sample, in the order of the file.
pub(super) struct Children {
    starts: Vec<u32>,
    children: Vec<u32>,
}

impl Children {
    pub(super) fn of(&self, sample: usize) -> &[u32] {
        &self.children[self.starts[sample] as usize..self.starts[sample + 1] as usize]
    }
}

impl Samples {
    pub(super) fn parse(bytes: &[u8], options: &ReadOptions, notes: &mut Notes) -> Result<Self> {
        let mut samples = Self { ids: vec![], lines: vec![], kinds: vec![], points: vec![], parents: vec![] };
        let mut parent_ids = Vec::new();
        let mut index_of = HashMap::new();
        let mut more_columns = false;
        let mut sorted = true;
        for (number, line) in (1_u64..).zip(bytes.split(|&byte| byte == b'\n')) {
            let content = line.split(|&byte| byte == b'#').next().unwrap_or_default();
            let text = std::str::from_utf8(content)
                .map_err(|_| bad("the line is not UTF-8", number).found(String::from_utf8_lossy(content)))?;
            let text = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{1a}');
            if text.is_empty() {
                continue;
            }
            let (sample, more) = Sample::parse(text, number, options, notes)?;
            if more && !std::mem::replace(&mut more_columns, true) {
                notes.push(NoteKind::Skipped, number, "columns beyond the seventh, here and below");
            }
            if let Some(before) = index_of.insert(sample.id, samples.ids.len()) {
                let first = samples.lines[before];
                return Err(UserError::bad_data("duplicate-id", format!("sample {} stands twice", sample.id))
                    .line(number)
                    .mend(format!("remove it here or in line {first}")));
            }
            sorted &= samples.ids.last().map_or(sample.id == 1, |last| last + 1 == sample.id);
            samples.ids.push(sample.id);
            samples.lines.push(number);
            samples.kinds.push(sample.kind);
            samples.points.push(sample.point);
            parent_ids.push(sample.parent);
        }
        if samples.ids.is_empty() {
            return Err(UserError::bad_data("empty-morphology", "the file has no sample"));
        }
        samples.find_parents(&parent_ids, &index_of)?;
        if !sorted || samples.parents.iter().enumerate().any(|(index, parent)| parent.is_some_and(|above| above > index)) {
            notes.push(NoteKind::Repaired, None, "the samples do not count 1, 2, 3 … with parents first; they were renumbered");
        }
        samples.refuse_cycles()?;
        Ok(samples)
    }

    fn find_parents(&mut self, parent_ids: &[Option<u64>], index_of: &HashMap<u64, usize>) -> Result<()> {
        for (index, parent) in parent_ids.iter().enumerate() {
            let found = match parent {
                None => None,
                Some(parent) => Some(*index_of.get(parent).ok_or_else(|| {
                    UserError::bad_data(
                        "missing-parent",
                        format!("sample {} hangs on {parent}, which is not there", self.ids[index]),
                    )
                    .line(self.lines[index])
                    .expected("the id of a sample, or -1 for the root")
                })?),
            };
            if found == Some(index) {
                return Err(UserError::bad_data("self-parent", format!("sample {} is its own parent", self.ids[index]))
                    .line(self.lines[index])
                    .mend("give it another parent, or -1 if it is the root"));
            }
            self.parents.push(found);
        }
        Ok(())
    }

    /// Follows every sample to a root once.
    fn refuse_cycles(&self) -> Result<()> {
        const NEW: u8 = 0;
        const ON_PATH: u8 = 1;
        const DONE: u8 = 2;
        let mut state = vec![NEW; self.ids.len()];
        let mut path = Vec::new();
        for start in 0..self.ids.len() {
            let mut at = Some(start);
            while let Some(sample) = at.filter(|&sample| state[sample] != DONE) {
                if state[sample] == ON_PATH {
                    let cycle = path.iter().skip_while(|&&on_path| on_path != sample);
                    let ids: Vec<String> = cycle.take(8).map(|&on_cycle: &usize| self.ids[on_cycle].to_string()).collect();
                    return Err(UserError::bad_data("cycle", "samples hang on each other in a circle")
                        .line(self.lines[sample])
                        .found(ids.join(" → "))
                        .mend("one of them must hang on a sample outside the circle"));
                }
                state[sample] = ON_PATH;
                path.push(sample);
                at = self.parents[sample];
            }
            for sample in path.drain(..) {
                state[sample] = DONE;
            }
        }
        Ok(())
    }

    /// The children of every sample.
    pub(super) fn children(&self) -> Children {
        let mut starts = vec![0_u32; self.ids.len() + 1];
        for &parent in self.parents.iter().flatten() {
            starts[parent + 1] += 1;
        }
        for index in 0..self.ids.len() {
            starts[index + 1] += starts[index];
        }
        let mut next = starts.clone();
        let mut children = vec![0; starts[self.ids.len()] as usize];
        for (index, parent) in self.parents.iter().enumerate() {
            if let Some(parent) = *parent {
                children[next[parent] as usize] = index as u32;
                next[parent] += 1;
            }
        }
        Children { starts, children }
    }
}

/// One line of the file.
struct Sample {
    id: u64,
    kind: Region,
    point: Point,
    parent: Option<u64>,
}

impl Sample {
    /// The sample of a line, and whether the line has further columns.
    fn parse(text: &str, line: u64, options: &ReadOptions, notes: &mut Notes) -> Result<(Self, bool)> {
        const COLUMNS: [&str; 7] = ["id", "type", "x", "y", "z", "radius", "parent"];
        let mut fields = [""; 7];
        let mut words = text.split_ascii_whitespace();
        for (column, field) in fields.iter_mut().enumerate() {
            *field = words.next().ok_or_else(|| {
                bad("the sample is not complete", line)
                    .found(format!("{column} columns"))
                    .expected(format!("seven: {}", COLUMNS.join(" ")))
            })?;
            if field.len() > options.limits.field {
                return Err(
                    UserError::bad_data("limit", format!("the field is longer than {} bytes", options.limits.field)).line(line)
                );
            }
        }
        let whole = |column: usize, what: &str| {
            fields[column].parse::<i64>().map_err(|_| {
                bad("the field is not a whole number", line).column(COLUMNS[column]).found(fields[column]).expected(what)
            })
        };
        let id = whole(0, "an id from 0")?;
        let id = u64::try_from(id).map_err(|_| {
            UserError::bad_data("negative-id", "the id is below zero")
                .line(line)
                .column("id")
                .found(fields[0])
                .expected("an id from 0")
        })?;
        let kind = whole(1, "a type from 0 to 65535")?;
        let kind = u16::try_from(kind)
            .map_err(|_| bad("there is no such type", line).column("type").found(fields[1]).expected("a type from 0 to 65535"))?;
        let scale = options.unit.map_or(1.0, Unit::um);
        let number = |column: usize| {
            fields[column].parse::<f64>().ok().map(|value| value * scale).filter(|value| (*value as f32).is_finite()).ok_or_else(
                || {
                    let code = if column == 5 { "bad-radius" } else { "bad-sample" };
                    UserError::bad_data(code, "the field is not a finite number")
                        .line(line)
                        .column(COLUMNS[column])
                        .found(fields[column])
                },
            )
        };
        let [x, y, z, radius] = [number(2)?, number(3)?, number(4)?, number(5)?];
        if radius < 0.0 {
            return Err(UserError::bad_data("bad-radius", "the radius is below zero")
                .line(line)
                .column("radius")
                .found(fields[5]));
        }
        let mut point = Point::new(x, y, z, 2.0 * radius);
        if point.diam == 0.0 {
            if options.strict {
                return Err(UserError::bad_data("zero-radius", "the radius is zero")
                    .line(line)
                    .column("radius")
                    .mend("leave `--strict` out to set 0.05 µm"));
            }
            notes.push(NoteKind::Repaired, line, "a radius of zero, set to 0.05 µm");
            point = Point::new(x, y, z, SMALLEST_DIAM_UM);
        }
        if !point.is_sound() {
            return Err(UserError::bad_data("bad-radius", "the radius is too large")
                .line(line)
                .column("radius")
                .found(fields[5]));
        }
        let parent = match whole(6, "the id of another sample, or -1")? {
            -1 => None,
            parent => Some(u64::try_from(parent).map_err(|_| {
                UserError::bad_data("missing-parent", "the id of the parent is below zero")
                    .line(line)
                    .column("parent")
                    .found(fields[6])
                    .expected("the id of a sample, or -1 for the root")
            })?),
        };
        Ok((Self { id, kind: Region::from_swc(kind), point, parent }, words.next().is_some()))
    }
}

fn bad(message: &str, line: u64) -> UserError {
    UserError::bad_data("bad-sample", message).line(line)
}
