//! The objects of a Neurolucida file, one by one.

use kenyon_base::{Result, UserError};

use super::tokens::{Place, Token, Tokens};
use super::words::{MARKERS, PROPERTIES, begins_a_point, ending, kind_meant, no_finite_number, section_mark};
use super::{Census, Contour, NoteKind, Notes, RawBranch, RawPoint, RawTree, Region};

/// Where the reader stands, and what it has read.
pub(super) struct Parser<'a> {
    pub(super) tokens: Tokens<'a>,
    pub(super) strict: bool,
    pub(super) notes: Notes,
    pub(super) census: Census,
    pub(super) contours: Vec<Contour>,
    pub(super) trees: Vec<RawTree>,
}

impl Parser<'_> {
    /// All objects of the file.
    pub(super) fn file(&mut self) -> Result<()> {
        while let Some((token, place)) = self.tokens.next()? {
            if token != Token::Open {
                self.unknown(token, place, "the `(` of an object")?;
                continue;
            }
            match self.tokens.peek()? {
                Some(Token::Text(name)) => {
                    self.tokens.next()?;
                    self.contour(&String::from_utf8_lossy(name), place)?;
                }
                Some(Token::Open) => self.tree(place)?,
                Some(Token::Close) => {
                    self.tokens.next()?;
                }
                Some(Token::Word(_)) => {
                    self.property(place)?;
                }
                Some(token) => {
                    self.unknown(token, place, "a contour, a tree or a header entry")?;
                    self.skip(place)?;
                }
                None => return Err(self.unterminated(place)),
            }
        }
        Ok(())
    }

    /// A contour after its name; it is kept if it outlines a soma.
    fn contour(&mut self, name: &str, open: Place) -> Result<()> {
        let mut is_soma = matches!(name, "CellBody" | "Cell Body" | "Soma");
        let mut points = Vec::new();
        loop {
            let Some((token, place)) = self.tokens.next()? else { return Err(self.unterminated(open)) };
            match token {
                Token::Close => break,
                Token::Open => match self.tokens.peek()? {
                    Some(token) if begins_a_point(&token) => points.push(self.point(place)?),
                    Some(Token::Word(_)) => is_soma |= self.property(place)? == Some(Region::Soma),
                    Some(Token::Close) => {
                        self.tokens.next()?;
                    }
                    Some(token) => {
                        self.unknown(token, place, "a point or a property")?;
                        self.skip(place)?;
                    }
                    None => return Err(self.unterminated(place)),
                },
                Token::Word(word) if ending(word).is_some() => {}
                other => self.unknown(other, place, "a point, a property or the end of the contour")?,
            }
        }
        self.census.contours.push((name.to_string(), points.len() as u64));
        if is_soma && points.len() > 2 {
            self.contours.push(Contour { points, line: open.line });
        } else {
            self.notes.push(NoteKind::Skipped, open.line, format!("the contour `{}`", kenyon_base::shown(name)));
        }
        Ok(())
    }

    /// A tree after its opening parenthesis.
    fn tree(&mut self, open: Place) -> Result<()> {
        let mut region = None;
        // What a misspelt type of the tree was meant to be.
        let mut misspelt = None;
        let mut branches = vec![RawBranch { parent: None, points: Vec::new(), line: open.line }];
        let mut current = 0;
        // Branches that a group hangs on, and where the group opened.
        let mut groups: Vec<(usize, Place)> = Vec::new();
        let mut closed = vec![false];
        loop {
            let Some((token, place)) = self.tokens.next()? else {
                return Err(self.unterminated(groups.last().map_or(open, |(_, place)| *place)));
            };
            match token {
                Token::Open => match self.tokens.peek()? {
                    Some(token) if begins_a_point(&token) => {
                        let point = self.point(place)?;
                        if closed[current] {
                            self.refuse("unknown-token", "a point stands behind the branches that continue it", place)?;
                        } else {
                            if branches[current].points.is_empty() {
                                branches[current].line = place.line;
                            }
                            branches[current].points.push(point);
                        }
                    }
                    Some(Token::Word(word)) => {
                        let meant = kind_meant(word);
                        let kind = self.property(place)?;
                        if groups.is_empty() {
                            region = kind.or(region);
                            misspelt = misspelt.or(meant);
                        }
                    }
                    Some(Token::Open | Token::Bar | Token::Close | Token::SpineOpen) => {
                        groups.push((current, place));
                        current = start_branch(&mut branches, &mut closed, current, place);
                    }
                    Some(token) => {
                        self.unknown(token, place, "a point, a property or a group of branches")?;
                        self.skip(place)?;
                    }
                    None => return Err(self.unterminated(place)),
                },
                Token::Bar => {
                    self.census.bars += 1;
                    match groups.last() {
                        Some((above, _)) => current = start_branch(&mut branches, &mut closed, *above, place),
                        None => self.unknown(token, place, "a point, a group of branches or the end of the tree")?,
                    }
                }
                Token::Close => match groups.pop() {
                    Some((above, _)) => {
                        current = above;
                        closed[current] = true;
                    }
                    None => break,
                },
                Token::SpineOpen => self.spine(place)?,
                Token::Word(word) if ending(word).is_some() => {
                    *self.census.endings.entry(token.shown()).or_default() += 1;
                }
                other => self.unknown(other, place, "a point, a property, a group of branches or an ending")?,
            }
        }
        if region.is_none() {
            const MESSAGE: &str = "the tree is neither (Axon), (Dendrite) nor (Apical)";
            let close = misspelt.map(|kind| format!("did you mean `({kind})`?"));
            if self.strict {
                let mend =
                    close.unwrap_or_else(|| "name its type, or leave `--strict` out to keep it as region `custom-0`".into());
                return Err(self.tokens.error("no-type", MESSAGE, open).mend(mend));
            }
            let close = close.map(|close| format!("; {close}")).unwrap_or_default();
            self.notes.push(NoteKind::Warning, open.line, format!("{MESSAGE}, kept as region `custom-0`{close}"));
        }
        if region == Some(Region::Soma) && branches[0].points.len() > 2 {
            let points = std::mem::take(&mut branches[0].points);
            self.contours.push(Contour { points, line: open.line });
            return Ok(());
        }
        *self.census.trees.entry(region.unwrap_or(Region::Custom(0))).or_default() += 1;
        self.trees.push(RawTree { region, branches, line: open.line });
        Ok(())
    }

    /// A point after its opening parenthesis.
    fn point(&mut self, open: Place) -> Result<RawPoint> {
        let mut numbers = [0.0; 4];
        let mut count = 0;
        loop {
            let Some((token, place)) = self.tokens.next()? else { return Err(self.unterminated(open)) };
            match token {
                Token::Number(value) if !(value as f32).is_finite() => {
                    return Err(self.tokens.error("not-finite", "the number is too large", place).found(token.shown()));
                }
                Token::Number(value) if count < 4 => {
                    numbers[count] = value;
                    count += 1;
                }
                Token::Close => break,
                Token::Word(word) if count == 4 && section_mark(word) => {}
                Token::Word(word) if no_finite_number(word) => {
                    return Err(self
                        .tokens
                        .error("not-finite", "a point cannot hold what is no number", place)
                        .found(token.shown())
                        .expected("`( x y z diameter )`, four finite numbers")
                        .mend("correct the point in the tracing program"));
                }
                Token::Open => {
                    self.unknown(token, place, "the end of the point")?;
                    self.skip(place)?;
                }
                other if count == 4 => self.unknown(other, place, "the end of the point")?,
                other => {
                    return Err(self
                        .tokens
                        .error("bad-point", "the point is not complete", place)
                        .found(other.shown())
                        .expected("`( x y z diameter )`, four numbers"));
                }
            }
        }
        if count < 4 {
            return Err(self
                .tokens
                .error("bad-point", "the point is not complete", open)
                .found(format!("{count} numbers"))
                .expected("`( x y z diameter )`, four numbers"));
        }
        if numbers[3] < 0.0 {
            return Err(self
                .tokens
                .error("negative-diameter", "the diameter is below zero", open)
                .found(numbers[3].to_string())
                .mend("correct the point in the tracing program"));
        }
        if numbers[3] as f32 == 0.0 {
            if self.strict {
                return Err(self
                    .tokens
                    .error("zero-diameter", "the diameter is zero", open)
                    .mend("leave `--strict` out to set 0.1 µm"));
            }
            self.notes.push(NoteKind::Repaired, open.line, "a diameter of zero, set to 0.1 µm");
            numbers[3] = 0.1;
        }
        self.census.points += 1;
        Ok(numbers)
    }

    /// A property, marker or header entry after its opening parenthesis; the region if it names one.
    fn property(&mut self, open: Place) -> Result<Option<Region>> {
        let Some((Token::Word(word), _)) = self.tokens.next()? else { return Ok(None) };
        let word = String::from_utf8_lossy(&word[..word.len().min(120)]).into_owned();
        let region = match word.as_str() {
            "CellBody" => Some(Region::Soma),
            "Axon" => Some(Region::Axon),
            "Dendrite" => Some(Region::Basal),
            "Apical" => Some(Region::Apical),
            _ => None,
        };
        if region.is_none() {
            if MARKERS.contains(&word.as_str()) {
                self.notes.push(NoteKind::Skipped, open.line, format!("a marker `{word}`"));
                *self.census.markers.entry(word).or_default() += 1;
            } else if !PROPERTIES.contains(&word.as_str()) && ending(word.as_bytes()).is_none() {
                let expected = match kind_meant(word.as_bytes()) {
                    Some(kind) => format!("a known property or marker: did you mean `{kind}`?"),
                    None => "a known property or marker".into(),
                };
                self.unknown(Token::Word(word.as_bytes()), open, &expected)?;
            }
        }
        self.skip(open)?;
        Ok(region)
    }

    /// Takes everything up to the parenthesis that closes `open`; points in it are counted.
    fn skip(&mut self, open: Place) -> Result<()> {
        let mut depth = 1_u64;
        // Numbers since the last parenthesis; `None` once anything else stood there.
        let mut numbers = None;
        while depth > 0 {
            let Some((token, _)) = self.tokens.next()? else { return Err(self.unterminated(open)) };
            match token {
                Token::Open => (depth, numbers) = (depth + 1, Some(0)),
                Token::Close => {
                    self.census.points += u64::from(numbers == Some(4));
                    (depth, numbers) = (depth - 1, None);
                }
                Token::Number(_) => numbers = numbers.map(|count| count + 1),
                Token::Word(word) if numbers == Some(4) && section_mark(word) => {}
                _ => numbers = None,
            }
        }
        Ok(())
    }

    /// Takes everything up to the `>` of a spine.
    fn spine(&mut self, open: Place) -> Result<()> {
        let mut depth = 1_u64;
        while depth > 0 {
            match self.tokens.next()? {
                Some((Token::SpineOpen, _)) => depth += 1,
                Some((Token::SpineClose, _)) => depth -= 1,
                Some(_) => {}
                None => {
                    return Err(self.tokens.error("unterminated", "the spine that begins here has no end", open).expected("`>`"));
                }
            }
        }
        self.census.spines += 1;
        self.notes.push(NoteKind::Skipped, open.line, "a spine");
        Ok(())
    }

    /// Refuses in strict mode, lists otherwise.
    fn refuse(&mut self, code: &'static str, message: &str, place: Place) -> Result<()> {
        if self.strict {
            return Err(self.tokens.error(code, message, place).mend("leave `--strict` out to skip it"));
        }
        self.notes.push(NoteKind::Skipped, place.line, message);
        Ok(())
    }

    /// A token that does not belong there: refused in strict mode, listed otherwise.
    fn unknown(&mut self, token: Token, place: Place, expected: &str) -> Result<()> {
        if self.strict {
            return Err(self
                .tokens
                .error("unknown-token", "this does not belong here", place)
                .found(token.shown())
                .expected(expected)
                .mend("leave `--strict` out to skip it"));
        }
        let shown = kenyon_base::shown(&token.shown());
        self.notes.push(NoteKind::Skipped, place.line, format!("`{shown}` in column {}, expected {expected}", place.column));
        Ok(())
    }

    fn unterminated(&self, open: Place) -> UserError {
        self.tokens
            .error("unterminated", "the parenthesis that opens here is never closed", open)
            .expected("`)` before the end of the file")
            .mend("the file was cut off: save or download it again")
    }
}

/// Starts a branch that continues `above`.
fn start_branch(branches: &mut Vec<RawBranch>, closed: &mut Vec<bool>, above: usize, place: Place) -> usize {
    branches.push(RawBranch { parent: Some(above), points: Vec::new(), line: place.line });
    closed.push(false);
    branches.len() - 1
}
