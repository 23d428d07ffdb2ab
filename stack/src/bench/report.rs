//! What a bench found, as JSON and as text.

use super::error::Errors;
use cipherframe::{FailureReport, StreamSpec};
use serde_json::{Value, json};
use std::fmt;

/// The result of one bench. Times are in milliseconds, sizes in bytes without envelopes.
#[derive(Debug)]
pub(crate) struct Report {
    /// The stream that was measured.
    pub(crate) spec: StreamSpec,
    /// Threads that pooled.
    pub(crate) threads: usize,
    /// Windows of the frame.
    pub(crate) windows: u64,
    /// Windows that differ from plaintext pooling.
    pub(crate) wrong: u64,
    /// The map against the maxima of the frame before it was quantised.
    pub(crate) errors: Errors,
    /// Key generation, wall clock.
    pub(crate) keygen_ms: f64,
    /// Encryption of the frame, wall clock.
    pub(crate) encrypt_ms: f64,
    /// Pooling from tile bytes to map bytes, wall clock.
    pub(crate) pool_ms: f64,
    /// Pooling from tile bytes to map bytes, processor time of all threads.
    pub(crate) pool_cpu_ms: f64,
    /// Decryption of the map, wall clock.
    pub(crate) decrypt_ms: f64,
    /// Bytes of all tiles.
    pub(crate) bytes_in: u64,
    /// Bytes of all map tiles.
    pub(crate) bytes_out: u64,
    /// Bytes of the evaluation key on disk.
    pub(crate) eval_key_bytes: u64,
    /// The most memory the process held.
    pub(crate) peak_rss_bytes: Option<u64>,
    /// Processor time of one keyswitch + bootstrap in the same process, where it was measured.
    pub(crate) pbs_ms: Option<f64>,
    /// Work and failure probability.
    pub(crate) failure: FailureReport,
}

impl Report {
    /// One JSON object with stable field names.
    pub(crate) fn to_json(&self) -> Value {
        let pool = self.spec.pool();
        let mut object = json!({
            "scheme": self.spec.scheme().as_str(),
            "parameter_set": self.parameter_set(),
            "bits": self.spec.quantiser().bits(),
            "levels": self.spec.quantiser().level_count(),
            "size": format!("{}x{}", self.spec.width(), self.spec.height()),
            "kernel": pool.kernel(),
            "stride": pool.stride(),
            "padding": pool.padding(),
            "threads": self.threads,
            "tiles": self.spec.tile_plan().tile_count(),
            "windows": self.windows,
            "wrong": self.wrong,
            "error_max": self.errors.max(),
            "error_mean": self.errors.mean(),
            "error_counts": self.errors.counts,
            "reversed_pairs": self.errors.reversed_pairs,
            "keygen_ms": self.keygen_ms,
            "encrypt_ms": self.encrypt_ms,
            "pool_ms": self.pool_ms,
            "pool_cpu_ms": self.pool_cpu_ms,
            "decrypt_ms": self.decrypt_ms,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "eval_key_bytes": self.eval_key_bytes,
            "peak_rss_bytes": self.peak_rss_bytes,
        });
        if let Some(pbs_ms) = self.pbs_ms {
            object["pbs_ms"] = json!(pbs_ms);
        }
        if self.failure.bootstraps_per_window > 0.0 {
            object["pbs_per_window"] = number(self.failure.bootstraps_per_window);
        }
        // A scheme without noise has minus infinity, which is no JSON number.
        if self.failure.log2_window_failure.is_finite() {
            object["log2_failure"] = json!(self.failure.log2_failure());
            object["log2_window_failure"] = json!(self.failure.log2_window_failure);
        }
        object
    }

    fn parameter_set(&self) -> &'static str {
        let scheme = self.spec.scheme().get();
        scheme.parameter_set(self.spec.pool().kernel())
    }
}

/// A whole number as one, any other with its fraction.
pub(super) fn number(value: f64) -> Value {
    if value.fract() == 0.0 {
        json!(value as u64)
    } else {
        json!(value)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_window = self.pool_cpu_ms / self.windows as f64;
        writeln!(f, "{} on {} threads", self.spec, self.threads)?;
        writeln!(f, "  parameters {}", self.parameter_set())?;
        writeln!(f, "  {}", self.failure)?;
        writeln!(f, "  windows   {:>12}   wrong {}", self.windows, self.wrong)?;
        writeln!(
            f,
            "  error     {:>12.2} grey values on average, {} at most; {} pairs in reversed order",
            self.errors.mean(),
            self.errors.max(),
            self.errors.reversed_pairs
        )?;
        writeln!(f, "  keygen    {:>12.1} ms", self.keygen_ms)?;
        writeln!(f, "  encrypt   {:>12.1} ms", self.encrypt_ms)?;
        writeln!(
            f,
            "  pool      {:>12.1} ms   processor {:.1} ms, {per_window:.3} ms per window",
            self.pool_ms, self.pool_cpu_ms
        )?;
        writeln!(f, "  decrypt   {:>12.1} ms", self.decrypt_ms)?;
        writeln!(
            f,
            "  tiles     {:>12} bytes in, {} bytes out",
            self.bytes_in, self.bytes_out
        )?;
        writeln!(f, "  eval key  {:>12} bytes", self.eval_key_bytes)?;
        if let Some(pbs_ms) = self.pbs_ms {
            writeln!(
                f,
                "  bootstrap {pbs_ms:>12.2} ms of processor time, keyswitch included"
            )?;
        }
        match self.peak_rss_bytes {
            Some(bytes) => write!(f, "  peak      {:>12.1} MB of memory", bytes as f64 / 1e6),
            None => write!(f, "  peak      unknown"),
        }
    }
}
