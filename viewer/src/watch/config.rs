//! The section `[anomaly]`, as typed and as meant.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use wire::config::Problems;
use wire::name::Name;

use crate::anomaly::Model;

/// How long is learned when the file does not say, in minutes.
const DEFAULT_LEARN_MINUTES: u64 = 10;
const MOST_LEARN_MINUTES: u64 = 7 * 24 * 60;

/// `[anomaly]` as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnomalyToml {
    models: Option<PathBuf>,
    learn_minutes: Option<u64>,
    threshold: Option<f64>,
}

/// `[anomaly]` as meant.
#[derive(Debug, Clone, Default)]
pub struct AnomalyConfig {
    /// The folder of the models, `CAMERA.json` for each camera; what is learned is saved there. `None` keeps nothing.
    pub models: Option<PathBuf>,
    /// How long is learned from a camera without a model; zero watches only those with one.
    pub learn: Duration,
    /// From which score on a map is unusual, instead of what each model says.
    pub threshold: Option<f64>,
    /// Models of cameras that need no file. Never from a configuration file.
    pub given: BTreeMap<Name, Arc<Model>>,
    /// Cameras that are not watched. Never from a configuration file.
    pub except: BTreeSet<Name>,
}

impl AnomalyToml {
    /// What the section means. The outer `None` stands for problems.
    pub(crate) fn meaning(
        section: Option<Self>,
        problems: &mut Problems,
    ) -> Option<Option<AnomalyConfig>> {
        let Some(typed) = section else {
            return Some(None);
        };
        let minutes = typed.learn_minutes.unwrap_or(DEFAULT_LEARN_MINUTES);
        let minutes = problems.in_range("anomaly.learn_minutes", minutes, 0..=MOST_LEARN_MINUTES);
        let mend = "add it, for example `models = \"models\"`";
        let models = problems.required("anomaly.models", typed.models, mend);
        let is_good = |threshold: f64| threshold.is_finite() && threshold > 0.0;
        if typed.threshold.is_some_and(|threshold| !is_good(threshold)) {
            let mend = "write a number above 0; what models suggest is about 1.4";
            problems.push("anomaly.threshold", "it is no score", mend);
        }
        Some(Some(AnomalyConfig {
            models: Some(problems.resolve(&models?)),
            learn: Duration::from_secs(60 * minutes?),
            threshold: typed.threshold,
            ..AnomalyConfig::default()
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use wire::config::parse;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Typed {
        anomaly: Option<AnomalyToml>,
    }

    fn read(text: &str) -> Result<Option<AnomalyConfig>, String> {
        let meaning =
            |typed: Typed, problems: &mut Problems| AnomalyToml::meaning(typed.anomaly, problems);
        parse(Path::new("site/viewer.toml"), text, meaning).map_err(|errors| errors.to_string())
    }

    #[test]
    fn nobody_is_watched_without_the_section() {
        assert!(read("").unwrap().is_none());
    }

    #[test]
    fn ten_minutes_are_learned_unless_the_file_says_otherwise() {
        let config = read("[anomaly]\nmodels = \"models\"\n").unwrap().unwrap();
        assert_eq!(config.models.as_deref(), Some(Path::new("site/models")));
        assert_eq!(config.learn, Duration::from_secs(600));
        let text = "[anomaly]\nmodels = \"models\"\nlearn_minutes = 0\nthreshold = 2\n";
        let config = read(text).unwrap().unwrap();
        assert_eq!(
            (config.learn, config.threshold),
            (Duration::ZERO, Some(2.0))
        );
    }

    #[test]
    fn a_threshold_is_above_zero() {
        for bad in ["0.0", "-1.0", "nan", "inf"] {
            let text = format!("[anomaly]\nmodels = \"models\"\nthreshold = {bad}\n");
            let error = read(&text).unwrap_err();
            assert!(
                error.contains("anomaly.threshold: it is no score"),
                "{error}"
            );
        }
    }
}
