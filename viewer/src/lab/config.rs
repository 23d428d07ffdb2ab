//! The section `[lab]`, as typed and as meant.

use std::path::PathBuf;

use serde::Deserialize;
use wire::config::Problems;
use wire::name::Name;

/// What the lab's camera is called when the file does not say.
const DEFAULT_NAME: &str = "lab";

/// `[lab]` as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LabToml {
    name: Option<String>,
    signing_key: Option<PathBuf>,
    public_keys: Option<Vec<PathBuf>>,
}

/// `[lab]` as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabConfig {
    /// The camera that the lab's frames come from; enrolled with the role `camera` at the worker.
    pub name: Name,
    /// Its signing key.
    pub signing_key: PathBuf,
    /// The public keys that it encrypts with, at most one of a scheme.
    pub public_keys: Vec<PathBuf>,
}

impl LabToml {
    /// What the section means. The outer `None` stands for problems.
    pub(crate) fn meaning(
        section: Option<Self>,
        problems: &mut Problems,
    ) -> Option<Option<LabConfig>> {
        let Some(typed) = section else {
            return Some(None);
        };
        let name = typed.name.unwrap_or_else(|| DEFAULT_NAME.to_owned());
        let mend = "write 1 to 32 of `a-z`, `0-9`, `-` and `_`";
        let name = problems.parsed::<Name>("lab.name", &name, mend);
        let mend = "add it, for example `signing_key = \"lab/signing.key\"`";
        let signing_key = problems.required("lab.signing_key", typed.signing_key, mend);
        let mend = "add it, for example `public_keys = [\"bfv/camera-public.key\"]`";
        let public_keys = problems.required("lab.public_keys", typed.public_keys, mend);
        if public_keys.as_ref().is_some_and(Vec::is_empty) {
            let mend = "name at least one file made by `blindsight keys new`";
            problems.push("lab.public_keys", "the list is empty", mend);
        }
        Some(Some(LabConfig {
            name: name?,
            signing_key: problems.resolve(&signing_key?),
            public_keys: public_keys?
                .iter()
                .map(|key| problems.resolve(key))
                .collect(),
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
        lab: Option<LabToml>,
    }

    fn read(text: &str) -> Result<Option<LabConfig>, String> {
        let meaning = |typed: Typed, problems: &mut Problems| LabToml::meaning(typed.lab, problems);
        parse(Path::new("site/viewer.toml"), text, meaning).map_err(|errors| errors.to_string())
    }

    #[test]
    fn there_is_no_lab_without_the_section() {
        assert_eq!(read("").unwrap(), None);
    }

    #[test]
    fn keys_lie_beside_the_file() {
        let text =
            "[lab]\nsigning_key = \"lab/signing.key\"\npublic_keys = [\"bfv/camera-public.key\"]\n";
        let config = read(text).unwrap().unwrap();
        assert_eq!(config.name.as_str(), "lab");
        assert_eq!(config.signing_key, Path::new("site/lab/signing.key"));
        assert_eq!(
            config.public_keys,
            [Path::new("site/bfv/camera-public.key")]
        );
    }

    #[test]
    fn all_problems_come_out_at_once() {
        let errors = read("[lab]\nname = \"The Lab\"\npublic_keys = []\n").unwrap_err();
        let lines: Vec<_> = errors.lines().collect();
        assert!(
            lines
                .iter()
                .any(|line| line.contains("lab.signing_key: missing")),
            "{errors}"
        );
        assert!(
            lines.iter().any(|line| line.contains("lab.name: ")),
            "{errors}"
        );
        assert!(
            lines.iter().any(|line| line.contains("the list is empty")),
            "{errors}"
        );
    }
}
