//! The HTML around the plots.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::svg::px;
use super::{Block, Figure, Page, Section, Table};

/// Nothing may be loaded and no script may run, whatever text stands in the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The page as a document.
pub(super) fn render(page: &Page) -> String {
    let mut figures = 0;
    let sections = html! {
        @for section in &page.sections { (self::section(section, &mut figures)) }
    };
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                header {
                    h1 { (page.title) }
                    @if !page.subtitle.is_empty() { p class="subtitle" { (page.subtitle) } }
                    @if !page.facts.is_empty() {
                        dl class="facts" {
                            @for fact in &page.facts {
                                div {
                                    dt { (fact.name) }
                                    dd class="value" { (fact.value) }
                                    @if !fact.note.is_empty() { dd class="note" { (fact.note) } }
                                    @if let Some((text, target)) = &fact.link { dd class="note" { a href=(target) { (text) } } }
                                }
                            }
                        }
                    }
                }
                main { (sections) }
                footer { p { "Made by " (page.tool) ". The numbers of this page stand in it as JSON, in the element " code { "kenyon-data" } "." } }
                script type="application/json" id="kenyon-data" { (PreEscaped(data(page))) }
            }
        }
    };
    document.into_string().chars().map(visible).collect()
}

/// The page as JSON that no HTML parser can take for markup.
fn data(page: &Page) -> String {
    let json = serde_json::to_string(page).expect("a page is plain data");
    // These characters occur in JSON only inside texts, where the escape means the same.
    json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

/// Control and direction characters, which a name may hold, can hide or reorder what stands around them.
fn visible(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

fn section(section: &Section, figures: &mut usize) -> Markup {
    html! {
        section {
            h2 { (section.title) }
            div class="blocks" {
                @for block in &section.blocks {
                    @match block {
                        Block::Text(text) => p { (words(text)) },
                        Block::Code(code) => pre tabindex="0" { code { (code) } },
                        Block::Table(table) => (self::table(table)),
                        Block::Figure(figure) => ({ *figures += 1; self::figure(figure, *figures) }),
                    }
                }
            }
        }
    }
}

/// A paragraph; what stands in backticks is set as code.
fn words(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return html! { (text) };
    }
    html! {
        @for (i, part) in parts.iter().enumerate() {
            @if i % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn figure(figure: &Figure, number: usize) -> Markup {
    let drawing = figure.plot.draw();
    let (width, height) = drawing.size;
    // A wide plot keeps a readable size on a narrow screen and scrolls there.
    let wide = width > 600.0 || drawing.table.is_some();
    html! {
        figure id=(format!("figure-{number}")) class=[wide.then_some("wide")] {
            figcaption {
                h3 { (figure.title) }
                @if !drawing.legend.is_empty() {
                    ul class="legend" {
                        @for (sample, name) in &drawing.legend { li { (sample) span { (name) } } }
                    }
                }
            }
            div class=(if drawing.table.is_some() { "pair" } else { "single" }) {
                div class="scroll" {
                    svg class="plot" role="img" aria-label=(format!("{}. {}", figure.title, figure.look_for))
                        viewBox=(format!("0 0 {} {}", px(width), px(height)))
                        style=(format!("min-width:{}px;max-width:{}px", px(width * if width > 800.0 { 0.75 } else { 0.62 }), px(width * 1.4))) {
                        title { (figure.title) }
                        (drawing.marks)
                    }
                }
                @if let Some(table) = &drawing.table { (self::table(table)) }
            }
            p class="look" { (figure.look_for) }
            @for note in &drawing.notes { p class="note" { (note) } }
        }
    }
}

fn table(table: &Table) -> Markup {
    let columns = table.rows.iter().map(Vec::len).max().unwrap_or(0).max(table.header.len());
    let class: Vec<Option<&str>> = (0..columns)
        .map(|i| table.rows.iter().filter_map(|r| r.get(i)).all(|cell| is_number(cell)).then_some("number"))
        .collect();
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(table.caption) {
            table {
                caption { (table.caption) }
                @if !table.rows.is_empty() {
                    thead { tr { @for (name, class) in table.header.iter().zip(&class) { th scope="col" class=[*class] { (name) } } } }
                    tbody {
                        @for row in &table.rows {
                            tr {
                                @for (i, (cell, class)) in row.iter().zip(&class).enumerate() {
                                    @if i == 0 { th scope="row" class=[*class] { (cell) } } @else { td class=[*class] { (words(cell)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Whether a cell holds a number, with thousands, a percent sign, a power of ten, or nothing; a column of them is set flush right.
fn is_number(cell: &str) -> bool {
    let number = cell.trim_end_matches([' ', '%']).trim_start_matches(['−', '-', '+']);
    let (digits, power) = number.split_once('e').unwrap_or((number, ""));
    let begins = number.is_empty() || digits.starts_with(|c: char| c.is_ascii_digit());
    !cell.is_empty()
        && begins
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '.'))
        && power.trim_start_matches(['−', '-']).chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::{Axis, Dot, DotChart, Figure, Page, Section, Table};

    const EVIL: &str = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u{202e}\u{0}";

    #[test]
    fn no_text_becomes_markup() {
        let chart = DotChart::new(Axis::new(EVIL)).dot(Dot::new(EVIL, 1.0)).reference(EVIL, 0.5);
        let section = Section::new(EVIL)
            .text(EVIL)
            .code(EVIL)
            .table(Table::new(EVIL, [EVIL]).row([EVIL, EVIL]))
            .figure(Figure::new(EVIL, EVIL, chart));
        let html = Page::new(EVIL).subtitle(EVIL).fact(EVIL, EVIL, EVIL).section(section).render();
        assert_eq!(html.matches("<script").count(), 1, "only the data are a script element");
        assert_eq!(html.matches("</script").count(), 1);
        assert!(!html.contains("<img") && !html.contains('\u{202e}') && !html.contains('\u{0}'));
        // An attribute ends only at its own quote.
        assert!(!html.contains("onerror=alert(1)>\"'"));
    }

    #[test]
    fn a_fact_leads_to_a_file_beside_the_page_and_nowhere_else() {
        let html = Page::new("p")
            .fact("on a board", "90 %", "predicted")
            .link("the certificate", "certificate/certificate.html")
            .render();
        assert!(html.contains("<a href=\"certificate/certificate.html\">the certificate</a>"), "{html}");
        for target in ["https://example.org", "javascript:alert(1)", "//example.org/x", "data:text/html,x"] {
            let html = Page::new("p").fact("a", "b", "").link("elsewhere", target).render();
            assert!(!html.contains("href"), "{target}");
        }
    }

    #[test]
    fn numbers_with_powers_of_ten_are_numbers_and_words_are_not() {
        for cell in ["1,234", "-", "2.50e-4 %", "+0.10 %", "−3"] {
            assert!(super::is_number(cell), "{cell}");
        }
        for cell in ["", "e", "1 of 2", "K-C", "1e-4x"] {
            assert!(!super::is_number(cell), "{cell}");
        }
    }

    #[test]
    fn words_in_backticks_are_set_as_code_and_a_single_one_stays() {
        let html = Page::new("p").section(Section::new("s").text("lower `i_c` <now>").text("a ` b")).render();
        assert!(html.contains("<p>lower <code>i_c</code> &lt;now&gt;</p>") && html.contains("<p>a ` b</p>"), "{html}");
        let html =
            Page::new("p").section(Section::new("s").table(Table::new("t", ["a", "b"]).row(["`x`", "the `tau_m`"]))).render();
        assert!(html.contains(">`x`</th>") && html.contains(">the <code>tau_m</code></td>"), "{html}");
    }

    #[test]
    fn the_data_can_be_read_back_from_the_page() {
        let page = Page::new("a <b> & c").fact("accuracy", "90 %", "");
        let html = page.render();
        let start = html.find("id=\"kenyon-data\">").expect("the data are there") + "id=\"kenyon-data\">".len();
        let end = start + html[start..].find("</script>").expect("the element ends");
        let data: serde_json::Value = serde_json::from_str(&html[start..end]).expect("JSON");
        assert_eq!(data, serde_json::to_value(&page).expect("plain data"));
    }
}
