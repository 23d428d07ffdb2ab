//! What was measured, and what it means (pure).

use std::fmt::Write;

/// Memory may be so much more at the end than at the reference.
const ALLOWED_GROWTH: f64 = 0.10;
/// The reference is the value after this part of the time: after 3 of 15 minutes.
const REFERENCE: f64 = 1.0 / 5.0;
/// Values are medians over this part of the time, so that a single sample decides nothing.
const MEDIAN_OVER: f64 = 1.0 / 30.0;

/// What was seen at one time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Since the start.
    pub(crate) seconds: f64,
    /// Resident memory of each process.
    pub(crate) resident_kib: [u64; 4],
    /// Maps that there are.
    pub(crate) maps: u64,
}

/// All samples of a run.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) names: [&'static str; 4],
    pub(crate) samples: Vec<Sample>,
}

impl Account {
    pub(crate) fn new(names: [&'static str; 4]) -> Self {
        Self {
            names,
            samples: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    pub(crate) fn last_maps(&self) -> Option<u64> {
        self.samples.last().map(|sample| sample.maps)
    }

    /// How long the run was.
    pub(crate) fn seconds(&self) -> f64 {
        self.samples.last().map_or(0.0, |sample| sample.seconds)
    }

    /// When the reference was taken.
    pub(crate) fn reference_seconds(&self) -> f64 {
        self.seconds() * REFERENCE
    }

    /// Memory of a process around a time, in KiB.
    fn around(&self, process: usize, seconds: f64) -> u64 {
        let distance = |sample: &Sample| (sample.seconds - seconds).abs();
        let mut samples: Vec<&Sample> = self.samples.iter().collect();
        samples.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
        let near = samples
            .iter()
            .filter(|sample| distance(sample) <= self.seconds() * MEDIAN_OVER);
        // At least the nearest one.
        let count = near.count().max(1);
        let values = samples
            .iter()
            .take(count)
            .map(|sample| sample.resident_kib[process]);
        let mut values: Vec<u64> = values.collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or(0)
    }

    /// Memory at the reference and at the end.
    pub(crate) fn reference_and_end(&self, process: usize) -> (u64, u64) {
        let reference = self.around(process, self.reference_seconds());
        (reference, self.around(process, self.seconds()))
    }

    /// The processes whose memory has grown by more than is allowed.
    pub(crate) fn grown(&self) -> Vec<&'static str> {
        let has_grown = |process: &usize| {
            let (reference, end) = self.reference_and_end(*process);
            end as f64 > reference as f64 * (1.0 + ALLOWED_GROWTH)
        };
        let grown = (0..self.names.len()).filter(has_grown);
        grown.map(|process| self.names[process]).collect()
    }

    /// A line for each process.
    pub(crate) fn table(&self) -> String {
        let mut table = format!(
            "| process | MiB after {:.0} s | MiB after {:.0} s | change | highest |\n| --- | --- | --- | --- | --- |\n",
            self.reference_seconds(),
            self.seconds()
        );
        let mib = |kib: u64| kib as f64 / 1024.0;
        for (process, name) in self.names.iter().enumerate() {
            let (reference, end) = self.reference_and_end(process);
            let highest = self
                .samples
                .iter()
                .map(|sample| sample.resident_kib[process])
                .max();
            let change = (end as f64 / reference as f64 - 1.0) * 100.0;
            let (reference, end) = (mib(reference), mib(end));
            let highest = mib(highest.unwrap_or(0));
            // Writing to a String cannot fail.
            let _ = writeln!(
                table,
                "| {name} | {reference:.1} | {end:.1} | {change:+.1} % | {highest:.1} |"
            );
        }
        let maps = self.last_maps().unwrap_or(0);
        let rate = maps as f64 / self.seconds();
        let _ = writeln!(
            table,
            "{maps} maps in {:.0} s, {rate:.1} a second",
            self.seconds()
        );
        table
    }

    /// All samples, a line each.
    pub(crate) fn csv(&self) -> String {
        let mut csv = "seconds".to_owned();
        for name in self.names {
            let _ = write!(csv, ",{name}_kib");
        }
        csv.push_str(",maps\n");
        for Sample {
            seconds,
            resident_kib,
            maps,
        } in &self.samples
        {
            let [a, b, c, d] = resident_kib;
            let _ = writeln!(csv, "{seconds:.1},{a},{b},{c},{d},{maps}");
        }
        csv
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A quarter of an hour with a sample every five seconds.
    fn account(resident_kib: impl Fn(f64) -> [u64; 4]) -> Account {
        let mut account = Account::new(["broker", "worker", "viewer", "camera"]);
        for sample in 1..=180 {
            let seconds = f64::from(sample) * 5.0;
            let (resident_kib, maps) = (resident_kib(seconds), sample as u64 * 50);
            account.push(Sample {
                seconds,
                resident_kib,
                maps,
            });
        }
        account
    }

    #[test]
    fn warming_up_is_no_growth() {
        let account = account(|seconds| [if seconds < 150.0 { 1000 } else { 90_000 }, 1, 2, 3]);
        assert_eq!(account.reference_seconds(), 180.0);
        assert_eq!(account.grown(), Vec::<&str>::new());
    }

    #[test]
    fn a_leak_is_found_and_a_single_high_sample_is_none() {
        // 11 % and 9 % from 3 to 15 minutes.
        let leak =
            |seconds: f64, part: f64| (1e6 * (1.0 + part * (seconds - 180.0) / 720.0)) as u64;
        let high = |seconds: f64| if seconds == 895.0 { 5000 } else { 1000 };
        let account = account(|seconds| {
            [
                1000,
                leak(seconds, 0.13),
                leak(seconds, 0.09),
                high(seconds),
            ]
        });
        assert_eq!(account.grown(), ["worker"]);
    }

    #[test]
    fn table_and_csv_have_every_process() {
        let account = account(|_| [1024, 2048, 3072, 4096]);
        let table = account.table();
        assert!(
            table.contains("| broker | 1.0 | 1.0 | +0.0 % | 1.0 |"),
            "{table}"
        );
        assert!(
            table.contains("9000 maps in 900 s, 10.0 a second"),
            "{table}"
        );
        let csv = account.csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(
            lines[0],
            "seconds,broker_kib,worker_kib,viewer_kib,camera_kib,maps"
        );
        assert_eq!((lines.len(), lines[1]), (181, "5.0,1024,2048,3072,4096,50"));
    }
}
