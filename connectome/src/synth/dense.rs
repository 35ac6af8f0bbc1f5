//! Pairs of a relation that is asked for most of the pairs there are.
//!
//! Degrees mean nothing there: every cell meets nearly every other. This happens with a completion at a large scale only.

use rand::Rng;

use kenyon_base::Stream;

/// Up to this many possible pairs the configuration model manages any share of them.
const FEW: usize = 20_000;

/// Whether `edges` are at least half of all pairs, and these are many.
pub(super) fn is_dense(edges: usize, drivers: usize, partners: usize) -> bool {
    let pairs = drivers.saturating_mul(partners);
    pairs > FEW && edges > pairs / 2
}

/// Draws `edges` of the allowed pairs without replacement, those of one side before the others in proportion to `ipsi`.
pub(super) fn draw(
    drivers: &[u32],
    partners: &[u32],
    edges: usize,
    ipsi: f64,
    allowed: &dyn Fn(u32, u32) -> bool,
    same_side: &dyn Fn(u32, u32) -> bool,
    rng: &mut Stream,
) -> Vec<(u32, u32)> {
    // Weighted draw without replacement: the smallest exponential waiting times.
    let mut waiting: Vec<(f32, u32, u32)> = Vec::new();
    for &d in drivers {
        for &p in partners.iter().filter(|&&p| allowed(d, p)) {
            let weight = if same_side(d, p) { ipsi } else { 1.0 - ipsi };
            waiting.push(((-rng.random::<f64>().max(1e-30).ln() / weight.max(1e-9)) as f32, d, p));
        }
    }
    if edges < waiting.len() {
        waiting.select_nth_unstable_by(edges, |a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        waiting.truncate(edges);
    }
    waiting.into_iter().map(|(_, d, p)| (d, p)).collect()
}
