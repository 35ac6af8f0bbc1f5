//! The root of an SWC file and the conventions of its soma.

use kenyon_base::{Result, UserError};

use super::samples::{Children, Samples};
use crate::biophysical::morphology::reading::{NoteKind, Notes};
use crate::biophysical::morphology::{Point, Region};

/// How far the two side samples of a three-sample soma may lie from the place that the form demands, in radii.
const THREE_SAMPLES_TOLERANCE: f64 = 0.01;

/// The root of the tree that is read; samples of other trees are left aside, and a tree is turned so that its soma is the root.
pub(super) fn choose_root(samples: &mut Samples, strict: bool, notes: &mut Notes) -> Result<usize> {
    let root = largest_tree(samples, strict, notes)?;
    let in_tree = members(samples, root);
    // Pieces of soma: samples of the soma whose parent is none.
    let is_soma = |samples: &Samples, index: usize| samples.kinds[index] == Region::Soma;
    let starts: Vec<usize> = (0..samples.ids.len())
        .filter(|&index| in_tree[index] && is_soma(samples, index))
        .filter(|&index| samples.parents[index].is_none_or(|above| !is_soma(samples, above)))
        .collect();
    let Some(&first) = starts.first() else {
        if strict {
            return Err(
                UserError::bad_data("no-soma", "no sample is of type 1 (soma)").mend("leave `--strict` out to go without")
            );
        }
        notes.push(NoteKind::Warning, None, "no soma: the first section is the root");
        return Ok(root);
    };
    let soma = if starts.contains(&root) { root } else { first };
    if starts.len() > 1 {
        let other = starts.iter().copied().find(|&start| start != soma).expect("there are several");
        if strict {
            return Err(UserError::bad_data("several-somas", "the soma is in several pieces")
                .line(samples.lines[other])
                .found(format!("samples {} and {}", samples.ids[soma], samples.ids[other])));
        }
        notes.push(
            NoteKind::Repaired,
            samples.lines[other],
            format!("{} more pieces of soma; their samples are read as type 0", starts.len() - 1),
        );
        only_one_soma(samples, soma);
    }
    if soma != root {
        if strict {
            return Err(UserError::bad_data("soma-not-root", "the root is not of the soma")
                .line(samples.lines[root])
                .found(format!("sample {}", samples.ids[root]))
                .mend("leave `--strict` out to make the soma the root"));
        }
        notes.push(NoteKind::Repaired, samples.lines[root], "the root is not of the soma; the tree was turned so that it is");
        turn(samples, soma);
    }
    Ok(soma)
}

/// The root of the tree with the most samples.
fn largest_tree(samples: &Samples, strict: bool, notes: &mut Notes) -> Result<usize> {
    let roots: Vec<usize> = (0..samples.ids.len()).filter(|&index| samples.parents[index].is_none()).collect();
    let Some(&first) = roots.first() else {
        unreachable!("samples without a circle have a root");
    };
    if roots.len() == 1 {
        return Ok(first);
    }
    if strict {
        return Err(UserError::bad_data("several-trees", "the file has more than one root")
            .line(samples.lines[roots[1]])
            .found(format!("{} roots", roots.len()))
            .expected("one sample with parent -1")
            .mend("leave `--strict` out to take the largest tree alone"));
    }
    let tree_of = tree_of(samples);
    let mut sizes = vec![0_u64; samples.ids.len()];
    for &root in &tree_of {
        sizes[root] += 1;
    }
    // Of equal ones the first.
    let largest = roots.iter().copied().fold(first, |best, root| if sizes[root] > sizes[best] { root } else { best });
    for &root in roots.iter().filter(|&&root| root != largest) {
        let size = if sizes[root] == 1 { "1 sample".to_string() } else { format!("{} samples", sizes[root]) };
        let text = format!("the tree of sample {}, {size}, not connected with the largest", samples.ids[root]);
        notes.push(NoteKind::Skipped, samples.lines[root], text);
    }
    Ok(largest)
}

/// Root of each sample's tree.
fn tree_of(samples: &Samples) -> Vec<usize> {
    let mut tree = vec![usize::MAX; samples.ids.len()];
    let mut path = Vec::new();
    for start in 0..samples.ids.len() {
        let mut at = start;
        while tree[at] == usize::MAX {
            path.push(at);
            match samples.parents[at] {
                Some(above) => at = above,
                None => tree[at] = at,
            }
        }
        for sample in path.drain(..) {
            tree[sample] = tree[at];
        }
    }
    tree
}

/// Which samples belong to the tree of a root.
fn members(samples: &Samples, root: usize) -> Vec<bool> {
    tree_of(samples).into_iter().map(|of| of == root).collect()
}

/// Gives all soma samples that are not connected with `soma` the type 0.
fn only_one_soma(samples: &mut Samples, soma: usize) {
    let children = samples.children();
    let mut keep = vec![false; samples.ids.len()];
    for sample in of_soma(samples, &children, soma) {
        keep[sample] = true;
    }
    for (kind, keep) in samples.kinds.iter_mut().zip(keep) {
        if *kind == Region::Soma && !keep {
            *kind = Region::Custom(0);
        }
    }
}

/// Reverses the path from the root to `soma`, which becomes the root.
fn turn(samples: &mut Samples, soma: usize) {
    let mut below = None;
    let mut at = Some(soma);
    while let Some(sample) = at {
        at = std::mem::replace(&mut samples.parents[sample], below);
        below = Some(sample);
    }
}

/// The samples of the soma that hang together with `root`, parents first.
fn of_soma(samples: &Samples, children: &Children, root: usize) -> Vec<usize> {
    let mut found = vec![root];
    let mut next = 0;
    while next < found.len() {
        let soma = children.of(found[next]).iter().map(|&child| child as usize);
        found.extend(soma.filter(|&child| samples.kinds[child] == Region::Soma));
        next += 1;
    }
    found
}

/// Samples outside the soma that hang on it, in the order of the file.
pub(super) fn neurites(samples: &Samples, children: &Children, root: usize) -> Vec<usize> {
    let mut found: Vec<usize> = of_soma(samples, children, root)
        .into_iter()
        .flat_map(|sample| children.of(sample).iter().map(|&child| child as usize))
        .filter(|&child| samples.kinds[child] != Region::Soma)
        .collect();
    found.sort_unstable();
    found
}

/// Points of the soma section; `None` if the root is no soma.
///
/// One sample of radius r: a cylinder of length and diameter 2 r along x. Three, two of them beside the first: the same along
/// y. More: their frusta, one after the other from the end that the root is not, where it is in the middle.
pub(super) fn points(samples: &Samples, children: &Children, root: usize, notes: &mut Notes) -> Option<Vec<Point>> {
    if samples.kinds[root] != Region::Soma {
        return None;
    }
    let soma = of_soma(samples, children, root);
    let centre = samples.points[root];
    let radius = centre.diam / 2.0;
    let sphere = |axis: usize| {
        let at = |shift: f64| {
            let mut xyz = centre.xyz;
            xyz[axis] += shift;
            Point::new(xyz[0], xyz[1], xyz[2], centre.diam)
        };
        vec![at(-radius), at(0.0), at(radius)]
    };
    if soma.len() == 1 {
        return Some(sphere(0));
    }
    let [first, second] = [1, 2].map(|i| soma.get(i).copied().filter(|&sample| samples.parents[sample] == Some(root)));
    if let (3, Some(first), Some(second)) = (soma.len(), first, second) {
        let off = |sample: usize, side: f64| {
            let point = samples.points[sample];
            let place = Point { xyz: [centre.xyz[0], centre.xyz[1] + side * radius, centre.xyz[2]], diam: centre.diam };
            (place.distance(&point) / radius).max((point.diam / centre.diam - 1.0).abs())
        };
        let up_down = off(first, -1.0).max(off(second, 1.0)).min(off(first, 1.0).max(off(second, -1.0)));
        if up_down > THREE_SAMPLES_TOLERANCE {
            let text =
                "the two side samples of the soma do not lie one radius above and below the first; its area is taken as 4 π r²";
            notes.push(NoteKind::Warning, samples.lines[root], text);
        }
        return Some(sphere(1));
    }
    Some(stack(samples, children, root, &soma, notes))
}

/// The longest run of soma samples through the root; what branches off it is left out.
fn stack(samples: &Samples, children: &Children, root: usize, soma: &[usize], notes: &mut Notes) -> Vec<Point> {
    // Samples from each on, following the child with the longest run.
    let mut longest: std::collections::HashMap<usize, (u32, Option<usize>)> = std::collections::HashMap::new();
    let mut arms = Vec::new();
    for &sample in soma.iter().rev() {
        let mut below: Vec<(u32, usize)> = children
            .of(sample)
            .iter()
            .filter_map(|&child| longest.get(&(child as usize)).map(|(length, _)| (*length, child as usize)))
            .collect();
        below.sort_by_key(|&(length, child)| (std::cmp::Reverse(length), child));
        longest.insert(sample, (1 + below.first().map_or(0, |(length, _)| *length), below.first().map(|(_, child)| *child)));
        if sample == root {
            arms = below.into_iter().take(2).map(|(_, child)| child).collect();
        }
    }
    let arm = |start: Option<usize>| {
        std::iter::successors(start, |sample| longest[sample].1).map(|sample| samples.points[sample]).collect::<Vec<_>>()
    };
    let mut points = arm(arms.get(1).copied());
    points.reverse();
    points.push(samples.points[root]);
    points.extend(arm(arms.first().copied()));
    if points.len() < soma.len() {
        let text = match soma.len() - points.len() {
            1 => "1 sample of the soma lies off its longest run".to_string(),
            off => format!("{off} samples of the soma lie off its longest run"),
        };
        notes.push(NoteKind::Skipped, samples.lines[root], text);
    }
    if points.windows(2).all(|pair| pair[0].coincides(&pair[1])) {
        notes.push(NoteKind::Repaired, samples.lines[root], "a soma without length, taken as a sphere");
        let Point { xyz: [x, y, z], diam } = samples.points[root];
        return [-0.5, 0.0, 0.5].map(|share| Point::new(x + share * diam, y, z, diam)).to_vec();
    }
    points
}
