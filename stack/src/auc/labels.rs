//! `labels.csv`: which frames of which clips show something unusual.

use std::fs;
use std::path::Path;
use wire::failure::{Failure, FailureKind};

const HEADER: &str = "clip,first_anomalous_frame,last_anomalous_frame";
const MEND: &str = "write a line `clip,first,last` for each clip, for example `test/01,61,180`, frames counted from 1";

/// A clip and its unusual frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LabelledClip {
    /// Its folder, below that of the labels.
    pub(super) clip: String,
    /// The first unusual frame, from 1.
    first: usize,
    /// The last one.
    last: usize,
}

impl LabelledClip {
    /// Whether each of `frames` frames is unusual.
    pub(super) fn labels(&self, frames: usize) -> Vec<bool> {
        let unusual = self.first..=self.last;
        (1..=frames).map(|frame| unusual.contains(&frame)).collect()
    }

    /// Whether the clip is as long as its label says.
    pub(super) fn check(&self, frames: usize) -> Result<(), Failure> {
        if self.last <= frames {
            return Ok(());
        }
        let Self { clip, last, .. } = self;
        let what = format!("labels.csv names frame {last} of {clip}, which has {frames}");
        Err(Failure::new(
            FailureKind::BadData,
            what,
            "mend the line, or add the frames",
        ))
    }
}

/// Reads the file.
pub(super) fn read_labels(path: &Path) -> Result<Vec<LabelledClip>, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::io(format!("reading {}", path.display()), &error, MEND))?;
    parse(&text).map_err(|what| {
        Failure::new(
            FailureKind::BadData,
            format!("{}:{what}", path.display()),
            MEND,
        )
    })
}

/// The error begins with the number of the line.
fn parse(text: &str) -> Result<Vec<LabelledClip>, String> {
    let mut lines = text.lines().zip(1..);
    match lines.next() {
        Some((HEADER, _)) => {}
        _ => return Err(format!("1: the first line is not `{HEADER}`")),
    }
    let clips = lines.filter(|(line, _)| !line.trim().is_empty());
    let clips = clips.map(|(line, number)| {
        clip(line).ok_or_else(|| format!("{number}: `{line}` is no clip with two frames"))
    });
    let clips = clips.collect::<Result<Vec<_>, _>>()?;
    if clips.is_empty() {
        return Err("1: no clip is labelled".to_owned());
    }
    Ok(clips)
}

fn clip(line: &str) -> Option<LabelledClip> {
    let mut fields = line.split(',').map(str::trim);
    let (clip, first, last) = (fields.next()?, fields.next()?, fields.next()?);
    let inside = Path::new(clip)
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_)));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    let good = fields.next().is_none() && inside && !clip.is_empty() && (1..=last).contains(&first);
    good.then(|| LabelledClip {
        clip: clip.to_owned(),
        first,
        last,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_count_from_one_and_both_ends_belong() {
        let clips = parse(&format!("{HEADER}\ntest/01,2,3\n\ntest/02,1,1\n")).unwrap();
        assert_eq!(clips.len(), 2);
        assert_eq!(clips[0].labels(4), [false, true, true, false]);
        assert!(clips[0].check(3).is_ok());
        let failure = clips[0].check(2).unwrap_err();
        assert_eq!(
            failure.what,
            "labels.csv names frame 3 of test/01, which has 2"
        );
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, expected) in [
            ("", "1: the first line is not"),
            ("clip,first\n", "1: the first line is not"),
            (&format!("{HEADER}\n"), "1: no clip is labelled"),
            (&format!("{HEADER}\na,1,2\nb,2,1\n"), "3: `b,2,1`"),
            (&format!("{HEADER}\na,0,1\n"), "2: `a,0,1`"),
            (&format!("{HEADER}\n../a,1,2\n"), "2: `../a,1,2`"),
            (&format!("{HEADER}\na,1,2,3\n"), "2: `a,1,2,3`"),
            (&format!("{HEADER}\na,1,x\n"), "2: `a,1,x`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
