//! Sections, segments and points of a neuron as CSV, in the columns of the reference tables.

use std::fmt::Write as _;

use super::Cable;
use super::geometry::arc;
use crate::biophysical::morphology::Tree;

/// One row per section.
///
/// Columns: `sec_index, name, region, parent, parent_x, n_pt3d, L_um, nseg, area_um2, dist0_um, dist1_um, Ra_ohm_cm, ri_end_Mohm`;
/// distances are along the path from the near end of the root, `ri_end_Mohm` reaches from the last centre to the far end.
pub fn sections_csv(cable: &Cable) -> String {
    let mut out =
        String::from("sec_index,name,region,parent,parent_x,n_pt3d,L_um,nseg,area_um2,dist0_um,dist1_um,Ra_ohm_cm,ri_end_Mohm\n");
    for (index, s) in cable.sections.iter().enumerate() {
        let (parent, x) =
            s.parent.map_or_else(Default::default, |(above, x)| (field(&cable.sections[above as usize].name), format!("{x:?}")));
        let (name, region) = (field(&s.name), s.region);
        row(
            &mut out,
            format_args!(
                "{index},{name},{region},{parent},{x},{},{:?},{},{:?},{:?},{:?},{:?},{:?}",
                s.point_count, s.length_um, s.nseg, s.area_um2, s.distance0_um, s.distance1_um, s.ra_ohm_cm, s.ri_end_mohm,
            ),
        );
    }
    out
}

/// One row per segment.
///
/// Columns: `seg_index, section, seg_in_sec, x, L_um, diam_um, area_um2, ri_Mohm, dist_um, cm_uF_cm2`; `ri_Mohm` reaches to the
/// centre before it in the section, for the first segment to the node that the section hangs on.
pub fn segments_csv(cable: &Cable) -> String {
    let mut out = String::from("seg_index,section,seg_in_sec,x,L_um,diam_um,area_um2,ri_Mohm,dist_um,cm_uF_cm2\n");
    let segments = cable.nodes.iter().filter_map(|node| node.segment.map(|segment| (node, segment)));
    for (index, (node, segment)) in segments.enumerate() {
        let name = field(&cable.sections[node.section as usize].name);
        row(
            &mut out,
            format_args!(
                "{index},{name},{segment},{:?},{:?},{:?},{:?},{:?},{:?},{:?}",
                node.x, node.length_um, node.diam_um, node.area_um2, node.ri_mohm, node.distance_um, node.cm_uf_cm2,
            ),
        );
    }
    out
}

/// One row per traced point.
///
/// Columns: `section, i, x_um, y_um, z_um, diam_um, arc_um`, the last one along the section from its first point.
pub fn points_csv(tree: &Tree) -> String {
    let mut out = String::from("section,i,x_um,y_um,z_um,diam_um,arc_um\n");
    for section in tree.sections() {
        let points = section.shape.points();
        let name = field(&section.name);
        for (i, (point, arc)) in points.iter().zip(arc(points)).enumerate() {
            let [x, y, z] = point.xyz;
            row(&mut out, format_args!("{name},{i},{x:?},{y:?},{z:?},{:?},{arc:?}", point.diam));
        }
    }
    out
}

fn row(out: &mut String, text: std::fmt::Arguments) {
    writeln!(out, "{text}").expect("a string takes it");
}

/// A name as a field of CSV: quoted if it holds a comma, a quote or a line end.
fn field(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_string() }
}
