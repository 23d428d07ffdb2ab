//! Memory over time as a picture (pure): one panel for each process, each with its own scale from zero.

use std::fmt::Write;

use crate::account::Account;

const WIDTH: f64 = 720.0;
const PANEL: f64 = 150.0;
const MARGIN: f64 = 50.0;

/// The picture.
pub(crate) fn svg(account: &Account) -> String {
    let (width, height) = (
        WIDTH + 2.0 * MARGIN,
        PANEL * account.names.len() as f64 + MARGIN,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for process in 0..account.names.len() {
        panel(&mut svg, account, process);
    }
    svg.push_str("</svg>\n");
    svg
}

/// Writing to a String cannot fail.
fn panel(svg: &mut String, account: &Account, process: usize) {
    let bottom = PANEL * (process + 1) as f64;
    let highest = account
        .samples
        .iter()
        .map(|sample| sample.resident_kib[process])
        .max();
    let highest = highest.unwrap_or(0).max(1) as f64 / 1024.0;
    let seconds = account.seconds().max(1.0);
    let x = |at: f64| MARGIN + at / seconds * WIDTH;
    let y = |mib: f64| bottom - mib / highest * (PANEL - MARGIN);
    let (left, right) = (x(0.0), x(seconds));
    let line = |svg: &mut String, from: (f64, f64), to: (f64, f64), style: &str| {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = writeln!(
            svg,
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" {style}/>"
        );
    };
    line(svg, (left, bottom), (right, bottom), "stroke=\"black\"");
    let reference = account.reference_seconds();
    let (level, _) = account.reference_and_end(process);
    let level = level as f64 / 1024.0;
    let dashed = "stroke=\"grey\" stroke-dasharray=\"4\"";
    line(svg, (left, y(level)), (right, y(level)), dashed);
    line(
        svg,
        (x(reference), bottom),
        (x(reference), y(highest)),
        dashed,
    );
    let points = account.samples.iter().map(|sample| {
        let mib = sample.resident_kib[process] as f64 / 1024.0;
        format!("{:.1},{:.1}", x(sample.seconds), y(mib))
    });
    let points = points.collect::<Vec<_>>().join(" ");
    let _ = writeln!(
        svg,
        "<polyline points=\"{points}\" fill=\"none\" stroke=\"#1f5fa8\" stroke-width=\"1.5\"/>"
    );
    let (name, above) = (account.names[process], y(highest) - 8.0);
    let _ = writeln!(
        svg,
        "<text x=\"{left:.1}\" y=\"{above:.1}\">{name}: highest {highest:.1} MiB, after {reference:.0} s {level:.1} \
         MiB</text>"
    );
    let below = bottom + 14.0;
    let _ = writeln!(
        svg,
        "<text x=\"{right:.1}\" y=\"{below:.1}\" text-anchor=\"end\">{seconds:.0} s</text>"
    );
}

#[test]
fn each_process_has_its_line_inside_the_picture() {
    use crate::account::Sample;
    let mut account = Account::new(["broker", "worker", "viewer", "camera"]);
    assert!(svg(&account).ends_with("</svg>\n"));
    for sample in 0..10u32 {
        let resident_kib = [1 << 20, u64::from(sample) << 10, 0, 1];
        account.push(Sample {
            seconds: f64::from(sample),
            resident_kib,
            maps: 0,
        });
    }
    let svg = svg(&account);
    assert_eq!(svg.matches("<polyline").count(), 4);
    for points in svg.split("points=\"").skip(1) {
        let points: Vec<&str> = points.split('"').next().unwrap().split(' ').collect();
        assert_eq!(points.len(), 10);
        for point in points {
            let (x, y) = point.split_once(',').unwrap();
            let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
            assert!(
                (0.0..=820.0).contains(&x) && (0.0..=650.0).contains(&y),
                "{point}"
            );
        }
    }
}
