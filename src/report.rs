//! One page that shows a result: a single HTML file that opens offline, in light and in dark, on paper and on a telephone.
//!
//! A [`Page`] is plain data: facts, sections, tables, figures. It knows nothing of training; whoever has numbers fills it in and
//! calls [`Page::write`]. The same data stand in the file as JSON (`<script type="application/json" id="kenyon-data">`), so that a
//! program reads what a person sees.
//!
//! | module | owns |
//! |---|---|
//! | [`lines`](LineChart) | curves over epochs or time, with reference lines |
//! | [`raster`](Raster) | spikes of populations over time |
//! | [`heat`](HeatMap) | confusion counts, drawn sparsely, with the worst confusions as a table |
//! | [`dots`](DotChart) | values with intervals, one row each |
//! | [`histogram`](Histogram) | how many values fall where |
//! | [`scatter`](Scatter) | one quantity against another |
//!
//! Colours are Okabe and Ito's (2008, "Color universal design"), and every series differs by marker and dash as well; the
//! confusion counts use cividis (Nuñez, Anderton and Renslow 2018), whose lightness alone carries the order.
//!
//! # Example
//! ```
//! use kenyon::report::{Axis, Figure, LineChart, Page, Section, Series};
//!
//! let curve = LineChart::new(Axis::new("epoch"), Axis::percent("accuracy"))
//!     .series(Series::new("validation", [(1.0, 0.2), (2.0, 0.5), (3.0, 0.7)]))
//!     .reference("chance", 0.05);
//! let page = Page::new("A run").section(
//!     Section::new("Training").figure(Figure::new("Accuracy", "It should rise and level off.", curve)),
//! );
//! let html = page.render();
//! assert!(html.contains("<figure") && html.contains("role=\"img\""));
//! ```

mod dots;
mod heat;
mod histogram;
mod lines;
mod page;
mod raster;
mod scatter;
mod svg;

use std::path::Path;

use kenyon_base::{AtomicFile, Result};
use serde::Serialize;

pub use dots::{Dot, DotChart, Emphasis};
pub use heat::HeatMap;
pub use histogram::Histogram;
pub use lines::{LineChart, Series};
pub use raster::{Raster, RasterGroup};
pub use scatter::Scatter;
pub(crate) use svg::number;
pub use svg::{Axis, Format, Reference};

/// A page: title, headline facts, sections.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page {
    /// Title of the page and of the browser's tab.
    pub title: String,
    /// One sentence under the title; may be empty.
    pub subtitle: String,
    /// Headline numbers.
    pub facts: Vec<Fact>,
    /// The sections in order.
    pub sections: Vec<Section>,
    /// What made the page.
    pub tool: &'static str,
}

impl Page {
    /// An empty page.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), subtitle: String::new(), facts: Vec::new(), sections: Vec::new(), tool: kenyon_base::TOOL }
    }

    /// Sets the sentence under the title.
    #[must_use]
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Adds a headline number, with a note that may be empty.
    #[must_use]
    pub fn fact(mut self, name: impl Into<String>, value: impl Into<String>, note: impl Into<String>) -> Self {
        self.facts.push(Fact { name: name.into(), value: value.into(), note: note.into(), link: None });
        self
    }

    /// Lets the last headline number lead to a file beside the page; an address that leads elsewhere is left out.
    #[must_use]
    pub fn link(mut self, text: impl Into<String>, target: impl Into<String>) -> Self {
        let target = target.into();
        let beside = !target.contains(':') && !target.starts_with('/');
        if let Some(fact) = self.facts.last_mut().filter(|_| beside) {
            fact.link = Some((text.into(), target));
        }
        self
    }

    /// Adds a section.
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// The page as one HTML document.
    pub fn render(&self) -> String {
        page::render(self)
    }

    /// Writes the page to `path`, whole or not at all.
    ///
    /// # Errors
    /// `cannot-write`, `is-a-directory`.
    pub fn write(&self, path: &Path) -> Result<()> {
        AtomicFile::write(path, self.render().as_bytes())
    }
}

/// A headline number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// The number with its unit.
    pub value: String,
    /// What it compares with; may be empty.
    pub note: String,
    /// Words and address of a file beside the page that says more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<(String, String)>,
}

/// A section: a heading and what stands under it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Section {
    /// Heading.
    pub title: String,
    /// What stands under it, in order.
    pub blocks: Vec<Block>,
}

impl Section {
    /// An empty section.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), blocks: Vec::new() }
    }

    /// Adds a paragraph.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.blocks.push(Block::Text(text.into()));
        self
    }

    /// Adds a figure.
    #[must_use]
    pub fn figure(mut self, figure: Figure) -> Self {
        self.blocks.push(Block::Figure(Box::new(figure)));
        self
    }

    /// Adds a table.
    #[must_use]
    pub fn table(mut self, table: Table) -> Self {
        self.blocks.push(Block::Table(table));
        self
    }

    /// Adds a block of commands or of a config, set as it is.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.blocks.push(Block::Code(code.into()));
        self
    }
}

/// One thing in a section.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// A paragraph.
    Text(String),
    /// Commands or a config, set as they are.
    Code(String),
    /// A table.
    Table(Table),
    /// A plot with its title and its reading aid.
    Figure(Box<Figure>),
}

/// A table; the first column is a name, the others are set flush right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// Caption.
    pub caption: String,
    /// Names of the columns.
    pub header: Vec<String>,
    /// The cells, row by row.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new<S: Into<String>>(caption: impl Into<String>, header: impl IntoIterator<Item = S>) -> Self {
        Self { caption: caption.into(), header: header.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn push<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Adds a row.
    #[must_use]
    pub fn row<S: Into<String>>(mut self, cells: impl IntoIterator<Item = S>) -> Self {
        self.push(cells);
        self
    }
}

/// A plot with its title and a plain line that says what to look for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// Title, a sentence without a full stop.
    pub title: String,
    /// What to look for, in plain language.
    pub look_for: String,
    /// The plot.
    pub plot: Plot,
}

impl Figure {
    /// A figure.
    pub fn new(title: impl Into<String>, look_for: impl Into<String>, plot: impl Into<Plot>) -> Self {
        Self { title: title.into(), look_for: look_for.into(), plot: plot.into() }
    }
}

/// The kinds of plots.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Plot {
    /// Curves.
    Lines(LineChart),
    /// Spikes over time.
    Raster(Raster),
    /// Confusion counts.
    Heat(HeatMap),
    /// Values with intervals.
    Dots(DotChart),
    /// Counts per bin.
    Histogram(Histogram),
    /// One quantity against another.
    Scatter(Scatter),
}

impl From<LineChart> for Plot {
    fn from(plot: LineChart) -> Self {
        Self::Lines(plot)
    }
}

impl From<Raster> for Plot {
    fn from(plot: Raster) -> Self {
        Self::Raster(plot)
    }
}

impl From<HeatMap> for Plot {
    fn from(plot: HeatMap) -> Self {
        Self::Heat(plot)
    }
}

impl From<DotChart> for Plot {
    fn from(plot: DotChart) -> Self {
        Self::Dots(plot)
    }
}

impl From<Histogram> for Plot {
    fn from(plot: Histogram) -> Self {
        Self::Histogram(plot)
    }
}

impl From<Scatter> for Plot {
    fn from(plot: Scatter) -> Self {
        Self::Scatter(plot)
    }
}

impl Plot {
    /// The plot drawn.
    fn draw(&self) -> svg::Drawing {
        match self {
            Self::Lines(plot) => plot.draw(),
            Self::Raster(plot) => plot.draw(),
            Self::Heat(plot) => plot.draw(),
            Self::Dots(plot) => plot.draw(),
            Self::Histogram(plot) => plot.draw(),
            Self::Scatter(plot) => plot.draw(),
        }
    }
}
