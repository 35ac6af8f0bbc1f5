//! The equations of the channels as they stand in the literature, one number at a time.

/// Steady states and time constants as they stand in the literature, with the standard library's exponential.
pub(crate) fn plain(name: &str, v: f64) -> Vec<(f64, f64)> {
    let qt = 2.3_f64.powf(1.3);
    let linoid = |x: f64, k: f64| x / (1.0 - (-x / k).exp());
    let of = |a: f64, b: f64, q: f64| (a / (a + b), 1.0 / (a + b) / q);
    let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
    let u = v + 10.0;
    let sodium = |m: f64, h: f64| {
        let (x, y) = (v + m, v + h);
        vec![of(0.182 * linoid(x, 6.0), 0.124 * linoid(-x, 6.0), qt), of(0.015 * linoid(-y, 6.0), 0.015 * linoid(y, 6.0), qt)]
    };
    match name {
        "Ih" => {
            let x = v + 154.9;
            vec![of(0.006_43 * x / ((x / 11.9).exp() - 1.0), 0.193 * (v / 33.1).exp(), 1.0)]
        }
        "Im" => vec![of(3.3e-3 * (0.1 * (v + 35.0)).exp(), 3.3e-3 * (-0.1 * (v + 35.0)).exp(), qt)],
        "SKv3_1" => vec![(logistic((v - 18.7) / 9.7), 4.0 * logistic((v + 46.56) / 44.14))],
        "NaTa_t" => sodium(38.0, 66.0),
        "NaTs2_t" => sodium(32.0, 60.0),
        "Nap_Et2" => {
            let a = -2.88e-6 * (v + 17.0) / (1.0 - ((v + 17.0) / 4.63).exp());
            let b = 6.94e-6 * (v + 64.4) / (1.0 - (-(v + 64.4) / 2.63).exp());
            vec![(logistic((v + 52.6) / 4.6), 6.0 * sodium(38.0, 66.0)[0].1), (logistic((v + 48.8) / -10.0), 1.0 / (a + b) / qt)]
        }
        "K_Tst" => vec![
            (logistic(u / 19.0), (0.34 + 0.92 * (-((u + 71.0) / 59.0).powi(2)).exp()) / qt),
            (logistic((u + 66.0) / -10.0), (8.0 + 49.0 * (-((u + 73.0) / 23.0).powi(2)).exp()) / qt),
        ],
        "K_Pst" => {
            let tau = if u < -50.0 { 1.25 + 175.03 * (0.026 * u).exp() } else { 1.25 + 13.0 * (-0.026 * u).exp() };
            let bell = (-((u + 75.0) / 48.0).powi(2)).exp();
            vec![
                (logistic((u + 1.0) / 12.0), tau / qt),
                (logistic((u + 54.0) / -11.0), (360.0 + (1010.0 + 24.0 * (u + 55.0)) * bell) / qt),
            ]
        }
        "Ca_HVA" => {
            let x = -27.0 - v;
            vec![
                of(0.055 * x / ((x / 3.8).exp() - 1.0), 0.94 * ((-75.0 - v) / 17.0).exp(), 1.0),
                of(4.57e-4 * ((-13.0 - v) / 50.0).exp(), 0.0065 / (((-v - 15.0) / 28.0).exp() + 1.0), 1.0),
            ]
        }
        "Ca_LVAst" => vec![
            (logistic((u + 30.0) / 6.0), (5.0 + 20.0 * logistic((u + 25.0) / -5.0)) / qt),
            (logistic((u + 80.0) / -6.4), (20.0 + 50.0 * logistic((u + 40.0) / -7.0)) / qt),
        ],
        "SK_E2" => {
            let cai = if v < 1e-7 { v + 1e-7 } else { v };
            vec![(1.0 / (1.0 + (0.000_43 / cai).powf(4.8)), 1.0)]
        }
        "hh_na" => vec![
            of(0.1 * linoid(v + 40.0, 10.0), 4.0 * (-(v + 65.0) / 18.0).exp(), 1.0),
            of(0.07 * (-(v + 65.0) / 20.0).exp(), 1.0 / ((-(v + 35.0) / 10.0).exp() + 1.0), 1.0),
        ],
        "hh_k" => vec![of(0.01 * linoid(v + 55.0, 10.0), 0.125 * (-(v + 65.0) / 80.0).exp(), 1.0)],
        _ => Vec::new(),
    }
}
