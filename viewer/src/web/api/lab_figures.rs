//! The figures of a run as a table.

use std::fmt::Write as _;

use super::lab_schema::RunState;

const HEAD: &str = "variant,scheme,bits,width,height,kernel,stride,padding,tiles,encrypt_ms,round_trip_ms,pool_ms,\
                    decrypt_ms,compare_ms,elapsed_ms,bytes_up,bytes_down,wrong_cells,max_error,mean_error\n";

/// A line for each variant of `run`; what is not known is empty.
pub(crate) fn figures_csv(run: &RunState) -> String {
    let mut text = HEAD.to_owned();
    let window = format!(
        "{},{},{},{},{}",
        run.width, run.height, run.kernel, run.stride, run.padding
    );
    for (at, variant) in run.variants.iter().enumerate() {
        let times = [
            known(variant.encrypt_ms),
            known(variant.round_trip_ms),
            known(variant.pool_ms),
            known(variant.decrypt_ms),
            known(variant.compare_ms),
        ];
        let errors = [
            known(variant.wrong_cells),
            known(variant.max_error),
            known(variant.mean_error),
        ];
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{at},{},{},{window},{},{},{},{},{},{}",
            variant.scheme,
            variant.bits,
            variant.tiles,
            times.join(","),
            variant.elapsed_ms,
            variant.bytes_up,
            variant.bytes_down,
            errors.join(","),
        );
    }
    text
}

fn known(figure: Option<impl ToString>) -> String {
    figure.map_or_else(String::new, |figure| figure.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::lab_schema::{RunStage, VariantStage, VariantState};
    use super::*;

    #[test]
    fn each_figure_stands_under_its_name() {
        let variant = VariantState {
            scheme: "bfv".to_owned(),
            bits: 8,
            state: VariantStage::Done,
            error: None,
            tiles: 16,
            tiles_sent: 16,
            tiles_back: 16,
            elapsed_ms: 30.5,
            encrypt_ms: Some(1.5),
            round_trip_ms: Some(20.0),
            pool_ms: Some(7),
            decrypt_ms: Some(2.5),
            compare_ms: None,
            bytes_up: 100,
            bytes_down: 50,
            map_width: Some(16),
            map_height: Some(16),
            level_count: 255,
            wrong_cells: Some(0),
            max_error: Some(3),
            mean_error: Some(0.25),
        };
        let run = RunState {
            id: "1".to_owned(),
            picture: "2".to_owned(),
            width: 32,
            height: 31,
            kernel: 2,
            stride: 3,
            padding: 1,
            elapsed_ms: 0.0,
            state: RunStage::Done,
            variants: vec![variant.clone(), variant],
        };
        let text = figures_csv(&run);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 1 + 2);
        let names = lines[0].split(',');
        let row: Vec<_> = names.zip(lines[1].split(',')).collect();
        let expected = [
            ("variant", "0"),
            ("scheme", "bfv"),
            ("bits", "8"),
            ("width", "32"),
            ("height", "31"),
            ("kernel", "2"),
            ("stride", "3"),
            ("padding", "1"),
            ("tiles", "16"),
            ("encrypt_ms", "1.5"),
            ("round_trip_ms", "20"),
            ("pool_ms", "7"),
            ("decrypt_ms", "2.5"),
            ("compare_ms", ""),
            ("elapsed_ms", "30.5"),
            ("bytes_up", "100"),
            ("bytes_down", "50"),
            ("wrong_cells", "0"),
            ("max_error", "3"),
            ("mean_error", "0.25"),
        ];
        assert_eq!(row, expected);
        assert_eq!(lines[1].split(',').count(), expected.len());
    }
}
