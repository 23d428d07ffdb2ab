//! Cameras that play the same folder: what one of them says of a file, the others do not say again.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use camera_node::source::{Pull, Source, SourceError};
use tokio_util::sync::CancellationToken;

/// The files of which was said what is wrong with them.
#[derive(Debug, Clone, Default)]
pub(crate) struct OneVoice(Arc<Mutex<HashSet<PathBuf>>>);

impl OneVoice {
    /// A source that keeps silent about files that another one has named.
    pub(crate) fn of(&self, source: impl Source + 'static) -> Box<dyn Source> {
        let said = self.clone();
        Box::new(Quieter { source, said })
    }

    fn is_first(&self, file: PathBuf) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.insert(file)
    }
}

struct Quieter<S> {
    source: S,
    said: OneVoice,
}

impl<S: Source> Source for Quieter<S> {
    fn next(&mut self) -> Result<Pull, SourceError> {
        loop {
            match self.source.next()? {
                Pull::Skipped { file, .. } if !self.said.is_first(file.clone()) => {}
                pull => return Ok(pull),
            }
        }
    }

    fn interval(&self) -> Option<Duration> {
        self.source.interval()
    }

    fn live(&self) -> Option<CancellationToken> {
        self.source.live()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names files, then ends.
    struct Names(Vec<&'static str>);

    impl Source for Names {
        fn next(&mut self) -> Result<Pull, SourceError> {
            Ok(self.0.pop().map_or(Pull::End, |name| Pull::Skipped {
                file: name.into(),
                reason: "it is a test".to_owned(),
            }))
        }

        fn interval(&self) -> Option<Duration> {
            None
        }
    }

    #[test]
    fn each_file_is_named_by_one_source() {
        let voice = OneVoice::default();
        let mut sources = [vec!["b", "a"], vec!["c", "b", "a"]].map(|names| voice.of(Names(names)));
        let named = sources.each_mut().map(|source| {
            let mut named = Vec::new();
            while let Pull::Skipped { file, .. } = source.next().unwrap() {
                named.push(file.display().to_string());
            }
            named
        });
        assert_eq!(named, [vec!["a", "b"], vec!["c"]]);
    }
}
