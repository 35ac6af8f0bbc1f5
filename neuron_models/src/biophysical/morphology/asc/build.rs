//! From the contours and trees of a Neurolucida file to a tree of sections.

use kenyon_base::{Result, UserError};

use super::{Contour, NoteKind, Notes, RawBranch, RawPoint, RawTree};
use crate::biophysical::morphology::assemble::{Branch, assemble};
use crate::biophysical::morphology::contour::soma_from_contour;
use crate::biophysical::morphology::{Point, Region, Tree};

/// How far outside the soma's box a tree may begin, µm.
const BOX_MARGIN_UM: f64 = 0.5;

/// Joins the soma and the trees.
pub(super) fn build(name: &str, contours: &[Contour], mut trees: Vec<RawTree>, strict: bool, notes: &mut Notes) -> Result<Tree> {
    let mut branches = Vec::new();
    let soma = soma(contours, strict, notes)?;
    if let Some(points) = soma {
        branches.push(Branch { region: Region::Soma, parent: None, points, line: contours[0].line });
        warn_of_distant_trees(contours, &trees, notes);
    } else {
        trees = only_the_largest(trees, strict, notes)?;
    }
    let soma = (!branches.is_empty()).then_some((0, 0.5));
    for tree in trees {
        add_tree(&mut branches, tree, soma);
    }
    assemble(name, branches, notes)
}

/// Points of the soma section.
fn soma(contours: &[Contour], strict: bool, notes: &mut Notes) -> Result<Option<Vec<Point>>> {
    let place = |contour: &RawPoint| [contour[0], contour[1], contour[2]];
    match contours {
        [] => Ok(None),
        [contour] => {
            let outline: Vec<[f64; 3]> = contour.points.iter().map(place).collect();
            soma_from_contour(&outline).map(Some).map_err(|error| error.line(contour.line))
        }
        several if strict => Err(UserError::bad_data("several-somas", "there is more than one contour of a soma")
            .line(several[1].line)
            .found(format!("{} contours", several.len()))
            .expected("one")
            .mend("leave `--strict` out to stack them")),
        several => stack(several, notes).map(Some),
    }
}

/// A soma from outlines in several planes: each is a disc of the same area at its centre, in the order of z.
fn stack(contours: &[Contour], notes: &mut Notes) -> Result<Vec<Point>> {
    let mut discs: Vec<(Point, f64)> = contours
        .iter()
        .map(|contour| {
            let points = &contour.points;
            let mean = [0, 1, 2].map(|i| points.iter().map(|p| p[i]).sum::<f64>() / points.len() as f64);
            let next = points.iter().cycle().skip(1);
            // The shoelace formula, around the mean so that large coordinates cancel.
            let twice: f64 = points
                .iter()
                .zip(next)
                .map(|(p, q)| (p[0] - mean[0]) * (q[1] - mean[1]) - (q[0] - mean[0]) * (p[1] - mean[1]))
                .sum();
            let area = twice.abs() / 2.0;
            (Point::new(mean[0], mean[1], mean[2], 2.0 * (area / std::f64::consts::PI).sqrt()), area)
        })
        .collect();
    discs.sort_by(|a, b| a.0.xyz[2].total_cmp(&b.0.xyz[2]));
    let line = contours[1].line;
    let stacked = discs.windows(2).all(|pair| pair[0].0.xyz[2] < pair[1].0.xyz[2]);
    if stacked && discs.iter().all(|(disc, _)| disc.is_sound()) {
        let count = contours.len();
        notes.push(NoteKind::Repaired, line, format!("{count} contours of the soma, stacked as discs of the same area"));
        return Ok(discs.into_iter().map(|(disc, _)| disc).collect());
    }
    let largest = contours.iter().max_by_key(|contour| contour.points.len()).expect("there are several contours");
    notes.push(NoteKind::Repaired, line, "several contours of the soma in one plane; that with the most points is taken");
    let outline: Vec<[f64; 3]> = largest.points.iter().map(|p| [p[0], p[1], p[2]]).collect();
    soma_from_contour(&outline).map_err(|error| error.line(largest.line))
}

/// Notes the trees that begin outside the box of every contour.
fn warn_of_distant_trees(contours: &[Contour], trees: &[RawTree], notes: &mut Notes) {
    for tree in trees {
        let Some(root) = tree.branches.iter().find_map(|branch| branch.points.first()) else { continue };
        let inside = |contour: &Contour| {
            (0..2).all(|i| {
                let low = contour.points.iter().map(|p| p[i]).fold(f64::INFINITY, f64::min);
                let high = contour.points.iter().map(|p| p[i]).fold(f64::NEG_INFINITY, f64::max);
                (low - BOX_MARGIN_UM..=high + BOX_MARGIN_UM).contains(&root[i])
            })
        };
        if !contours.iter().any(inside) {
            notes.push(NoteKind::Warning, tree.line, "the tree begins outside the soma; it is attached to its middle");
        }
    }
}

/// Without a soma only one tree can stand: that with the most points.
fn only_the_largest(trees: Vec<RawTree>, strict: bool, notes: &mut Notes) -> Result<Vec<RawTree>> {
    if strict {
        return Err(UserError::bad_data("no-soma", "the file has no contour of a soma")
            .expected("a contour `(\"CellBody\" … )` of three points or more")
            .mend("leave `--strict` out to take the largest tree alone"));
    }
    let size = |tree: &RawTree| tree.branches.iter().map(|branch| branch.points.len()).sum::<usize>();
    let mut largest: Option<RawTree> = None;
    let mut skipped = 0;
    for tree in trees {
        let larger = largest.as_ref().is_none_or(|best| size(&tree) > size(best));
        skipped += usize::from(largest.is_some());
        if larger {
            largest = Some(tree);
        }
    }
    notes.push(NoteKind::Warning, None, format!("no soma; the largest tree stands alone, {skipped} others are left out"));
    Ok(largest.into_iter().collect())
}

/// Adds the branches of a tree; an only child is one with its parent.
fn add_tree(branches: &mut Vec<Branch>, tree: RawTree, soma: Option<(usize, f64)>) {
    let region = tree.region.unwrap_or(Region::Custom(0));
    let raw = tree.branches;
    let children = children_with_points(&raw);
    // Index of the branch that the points of a raw branch went into.
    let mut target: Vec<Option<usize>> = Vec::with_capacity(raw.len());
    for (index, branch) in raw.into_iter().enumerate() {
        let own = branch.points.iter().map(|p| Point::new(p[0], p[1], p[2], p[3]));
        let Some(above) = branch.parent else {
            branches.push(Branch { region, parent: soma, points: own.collect(), line: branch.line });
            target.push(Some(branches.len() - 1));
            continue;
        };
        let Some(parent) = target[above].filter(|_| children.lives[index]) else {
            target.push(None);
            continue;
        };
        if children.count[above] == 1 {
            let points = &mut branches[parent].points;
            for point in own {
                if !points.last().is_some_and(|last| last.coincides(&point)) {
                    points.push(point);
                }
            }
            target.push(Some(parent));
            continue;
        }
        let mut points: Vec<Point> = own.collect();
        if let Some(last) = branches[parent].points.last().copied()
            && !points.first().is_some_and(|first| first.coincides(&last))
        {
            let diam = points.first().map_or(last.diam, |first| first.diam);
            points.insert(0, Point { diam, ..last });
        }
        branches.push(Branch { region, parent: Some((parent, 1.0)), points, line: branch.line });
        target.push(Some(branches.len() - 1));
    }
}

/// Which branches hold points, themselves or in what continues them, and how many such children each has.
struct Children {
    lives: Vec<bool>,
    count: Vec<u32>,
}

fn children_with_points(branches: &[RawBranch]) -> Children {
    let mut lives: Vec<bool> = branches.iter().map(|branch| !branch.points.is_empty()).collect();
    let mut count = vec![0; branches.len()];
    for (index, branch) in branches.iter().enumerate().rev() {
        if let Some(above) = branch.parent.filter(|_| lives[index]) {
            lives[above] = true;
            count[above] += 1;
        }
    }
    Children { lives, count }
}
