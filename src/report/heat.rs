//! Confusion counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use maud::{Markup, html};
use serde::Serialize;

use super::Table;
use super::svg::{Drawing, Format, fit, number, px, width};

const LEFT: f64 = 52.0;
/// Left edge where names stand beside the rows.
const LEFT_NAMES: f64 = 150.0;
const TOP: f64 = 26.0;
const SIDE: f64 = 400.0;
/// Room below the matrix for numbers, and for names that stand upright.
const BELOW: (f64, f64) = (28.0, 124.0);
/// Side of the matrix up to which rows and columns carry names and cells their count.
const NAMED: usize = 24;
/// Rows of a drawing, at most: more would be thinner than the lines of a screen.
const FINEST: usize = 300;
/// Cells of a drawing, at most: the file must stay small.
const CELLS: usize = 20_000;
/// Colours of the map.
const COLOURS: u32 = 8;

/// Counts of (true class, answer), drawn sparsely on a logarithmic scale, with the most frequent confusions as a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeatMap {
    /// What the rows are, such as `true odour`.
    pub rows: String,
    /// What the columns are, such as `answer`.
    pub columns: String,
    /// Names of the classes.
    pub names: Vec<String>,
    /// Cells that are not zero: row, column, count.
    pub cells: Vec<(u32, u32, u64)>,
    /// How many confusions the table lists.
    pub listed: usize,
}

impl HeatMap {
    /// A map of these cells; cells named twice are added up.
    pub fn new<S: Into<String>>(
        rows: impl Into<String>,
        columns: impl Into<String>,
        names: impl IntoIterator<Item = S>,
        cells: impl IntoIterator<Item = (u32, u32, u64)>,
    ) -> Self {
        let mut sums = BTreeMap::new();
        for (row, column, count) in cells.into_iter().filter(|c| c.2 > 0) {
            let sum: &mut u64 = sums.entry((row, column)).or_default();
            *sum = sum.saturating_add(count);
        }
        Self {
            rows: rows.into(),
            columns: columns.into(),
            names: names.into_iter().map(Into::into).collect(),
            cells: sums.into_iter().map(|((r, c), n)| (r, c, n)).collect(),
            listed: 12,
        }
    }

    pub(super) fn draw(&self) -> Drawing {
        let n = self.names.len();
        let inside: Vec<(u32, u32, u64)> =
            self.cells.iter().copied().filter(|c| (c.0 as usize) < n && (c.1 as usize) < n).collect();
        let (block, cells) = joined(&inside, n);
        let drawn = n.div_ceil(block).max(1);
        let named = n <= NAMED;
        let left = if named { LEFT_NAMES } else { LEFT };
        let step = SIDE / drawn as f64;
        let scale = Levels::new(cells.values().copied().max().unwrap_or(1));
        let marks = html! {
            text class="label" x="4" y="14" { "↓ " (fit(&self.rows, 200.0)) "   → " (fit(&self.columns, 200.0)) }
            path class="plate" d=(format!("M{left} {TOP}h{SIDE}v{SIDE}h-{SIDE}z")) {}
            g transform=(format!("translate({left} {TOP}) scale({step})")) {
                @for (level, path) in paths(&cells, &scale).iter().enumerate().filter(|(_, p)| !p.is_empty()) {
                    path class=(format!("cell h{}", scale.colour(level))) d=(path) {}
                }
            }
            @if named { (self.names_and_counts(&cells, &scale, step)) } @else { (numbers(n, left)) }
            (key(&scale, left + SIDE + 18.0))
        };
        let mut notes = Vec::new();
        if inside.len() < self.cells.len() {
            notes.push(format!("{} cells name a class that does not exist and are not drawn.", self.cells.len() - inside.len()));
        }
        if block > 1 {
            notes.push(format!("Each square joins {block} by {block} classes and shows their sum."));
        }
        Drawing {
            marks,
            size: (left + SIDE + 108.0, TOP + SIDE + if named { BELOW.1 } else { BELOW.0 }),
            legend: Vec::new(),
            notes,
            table: Some(self.worst(&inside)),
        }
    }

    /// Names at rows and columns of a small matrix, counts in its cells where they have room.
    fn names_and_counts(&self, cells: &BTreeMap<(u32, u32), u64>, scale: &Levels, step: f64) -> Markup {
        let middle = |i: usize| (i as f64 + 0.5) * step;
        html! {
            @for (i, name) in self.names.iter().enumerate() {
                text class="label" x=(px(LEFT_NAMES - 8.0)) y=(px(TOP + middle(i) + 4.5)) text-anchor="end" {
                    title { (name) }
                    (fit(&format!("{} {name}", i + 1), LEFT_NAMES - 14.0))
                }
                text class="label" text-anchor="end"
                    transform=(format!("translate({} {}) rotate(-90)", px(LEFT_NAMES + middle(i) + 4.5), px(TOP + SIDE + 8.0))) {
                    title { (name) }
                    (fit(&format!("{} {name}", i + 1), BELOW.1 - 14.0))
                }
            }
            @for (&(row, column), &count) in cells.iter().filter(|(_, count)| width(&number(**count as f64, 0)) <= step) {
                text class=(format!("count on{}", scale.colour(scale.level(count)))) x=(px(LEFT_NAMES + middle(column as usize)))
                    y=(px(TOP + middle(row as usize) + 4.5)) text-anchor="middle" { (number(count as f64, 0)) }
            }
        }
    }

    /// The most frequent confusions; ties in the order of the classes.
    fn worst(&self, cells: &[(u32, u32, u64)]) -> Table {
        let mut totals = vec![0_u64; self.names.len()];
        for &(row, _, count) in cells {
            totals[row as usize] = totals[row as usize].saturating_add(count);
        }
        let mut wrong: Vec<_> = cells.iter().filter(|c| c.0 != c.1).collect();
        wrong.sort_by_key(|c| (std::cmp::Reverse(c.2), c.0, c.1));
        let caption = if wrong.is_empty() { "No confusions" } else { "Most frequent confusions" };
        let mut table = Table::new(caption, [&*self.rows, &*self.columns, "count", "of its samples"]);
        for &&(row, column, count) in wrong.iter().take(self.listed) {
            let share = Format::Percent.exact(count as f64 / totals[row as usize] as f64);
            table.push([self.names[row as usize].clone(), self.names[column as usize].clone(), number(count as f64, 0), share]);
        }
        table
    }
}

/// Classes per square and the sums of the squares, so that the drawing stays small.
fn joined(cells: &[(u32, u32, u64)], n: usize) -> (usize, BTreeMap<(u32, u32), u64>) {
    let mut block = n.div_ceil(FINEST).max(1);
    loop {
        let mut sums = BTreeMap::new();
        for &(row, column, count) in cells {
            let sum: &mut u64 = sums.entry((row / block as u32, column / block as u32)).or_default();
            *sum = sum.saturating_add(count);
        }
        if sums.len() <= CELLS {
            return (block, sums);
        }
        block += 1;
    }
}

/// Class numbers at both sides of a large matrix.
fn numbers(n: usize, left: f64) -> Markup {
    let step = [10, 20, 25, 50, 100, 200, 500, 1000].into_iter().find(|s| n / s <= 7).unwrap_or(n / 6);
    let place = |i: usize| (i as f64 - 0.5) / n as f64 * SIDE;
    html! {
        @for i in std::iter::once(1).chain((1..=n / step).map(|k| k * step)).filter(|&i| i == 1 || i * 14 > step) {
            text class="tick" x=(px(left - 7.0)) y=(px(TOP + place(i) + 4.5)) text-anchor="end" { (i) }
            text class="tick" x=(px(left + place(i))) y=(px(TOP + SIDE + 18.0)) text-anchor="middle" { (i) }
        }
    }
}

/// One path per level, cells of a row that touch joined.
fn paths(cells: &BTreeMap<(u32, u32), u64>, scale: &Levels) -> Vec<String> {
    let mut paths = vec![String::new(); scale.count];
    let mut cells = cells.iter().peekable();
    while let Some((&(row, column), &count)) = cells.next() {
        let level = scale.level(count);
        let mut run = 1;
        while cells.next_if(|&(&at, &count)| at == (row, column + run) && scale.level(count) == level).is_some() {
            run += 1;
        }
        let _ = write!(paths[level], "M{column} {row}h{run}v1h-{run}z");
    }
    paths
}

/// The key: what each colour means.
fn key(scale: &Levels, x: f64) -> Markup {
    html! {
        text class="tick" x=(px(x)) y=(px(TOP + 12.0)) { "count" }
        @for level in 0..scale.count {
            @let y = TOP + 22.0 + 22.0 * level as f64;
            path class=(format!("h{} swatch", scale.colour(level))) d=(format!("M{} {}h16v16h-16z", px(x), px(y))) {}
            text class="tick" x=(px(x + 22.0)) y=(px(y + 12.5)) { (scale.text(level)) }
        }
    }
}

/// Levels of a logarithmic scale for counts from 1.
#[derive(Debug)]
struct Levels {
    base: u64,
    count: usize,
}

impl Levels {
    fn new(most: u64) -> Self {
        // 256 to the power of 8 exceeds every count.
        let base = (2..256).find(|b: &u64| b.pow(COLOURS) > most).unwrap_or(256);
        let mut levels = Self { base, count: COLOURS as usize };
        levels.count = levels.level(most) + 1;
        levels
    }

    /// Level of a count: the logarithm to the base, rounded down.
    fn level(&self, count: u64) -> usize {
        (count.max(1).ilog(self.base) as usize).min(self.count - 1)
    }

    /// Colour of a level: the levels in use are spread over the whole map.
    fn colour(&self, level: usize) -> usize {
        if self.count == 1 { COLOURS as usize - 1 } else { level * (COLOURS as usize - 1) / (self.count - 1) }
    }

    fn text(&self, level: usize) -> String {
        let (low, high) = (self.base.saturating_pow(level as u32), self.base.saturating_pow(level as u32 + 1) - 1);
        let short = |n: u64| match n {
            0..10_000 => n.to_string(),
            10_000..10_000_000 => format!("{}k", n / 1000),
            _ => format!("{:.0e}", n as f64),
        };
        // The lower end of the next level is the upper end of this one.
        match low {
            _ if low == high => short(low),
            0..10_000 => format!("{}–{}", short(low), short(high)),
            _ => format!("≥ {}", short(low)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(n: u32) -> HeatMap {
        HeatMap::new("true", "answer", (0..n).map(|i| format!("odour {i}")), (0..n).map(|i| (i, i, 10)))
    }

    #[test]
    fn levels_cover_every_count_in_order() {
        for most in [1, 2, 255, 256, 100_000, u64::MAX] {
            let levels = Levels::new(most);
            assert_eq!(levels.level(most), levels.count - 1);
            assert_eq!(levels.level(1), 0);
            assert!(levels.count <= COLOURS as usize);
            let colours: Vec<usize> = (0..levels.count).map(|l| levels.colour(l)).collect();
            assert!(colours.is_sorted_by(|a, b| a < b), "{colours:?}");
        }
    }

    #[test]
    fn the_table_lists_confusions_with_their_share() {
        let map = HeatMap::new("true", "answer", ["a", "b"], [(0, 0, 3), (0, 1, 1), (1, 1, 4), (1, 0, 0), (0, 1, 0)]);
        let table = map.draw().table.expect("a heat map has one");
        assert_eq!(table.rows, [["a", "b", "1", "25.0 %"]]);
    }

    #[test]
    fn a_full_matrix_of_284_stays_small() {
        let mut map = plan(284);
        map.cells = (0..284 * 284).map(|i| (i / 284, i % 284, u64::from(i * 7919 % 97 + 1))).collect();
        let drawing = map.draw();
        let size = drawing.marks.into_string().len();
        assert!(size < 400_000, "{size} bytes");
        assert!(drawing.notes.iter().any(|n| n.contains("joins")), "{:?}", drawing.notes);
    }

    #[test]
    fn rows_and_columns_of_a_small_map_carry_names() {
        let marks = |n| plan(n).draw().marks.into_string();
        for name in ["7 odour 6", "16 odour 15"] {
            assert_eq!(marks(16).matches(&format!("</title>{name}<")).count(), 2, "{name}");
        }
        assert!(!marks(284).contains("odour 6"));
    }

    #[test]
    fn sums_survive_the_joining_of_classes() {
        let cells: Vec<_> = (0..1000).map(|i| (i, (i * 13) % 1000, 2)).collect();
        let (block, sums) = joined(&cells, 1000);
        assert_eq!((block, sums.values().sum::<u64>()), (4, 2000));
    }

    #[test]
    fn a_cell_outside_the_classes_is_named_not_drawn() {
        let mut map = plan(3);
        map.cells.push((3, 0, 5));
        assert!(map.draw().notes.iter().any(|n| n.starts_with("1 cells")));
    }
}
