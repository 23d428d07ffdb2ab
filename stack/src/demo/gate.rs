//! Holds a camera back while too many of its maps are not printed, and ends its source after some frames.
//!
//! A camera's credit comes back before a map is printed, so without this a demo whose output nobody reads would fill the
//! memory. Each camera has a gate of its own: a slow stream does not hold up a fast one.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use camera_node::source::{Pull, Source, SourceError};
use tokio_util::sync::CancellationToken;

/// Frames of a camera that may be without a printed map.
const UNPRINTED: usize = 16;

/// Holds a token for each frame that the source gave and whose map is not printed.
pub(crate) struct Gate(Receiver<()>);

/// A source behind a gate.
pub(crate) struct GatedSource {
    source: Box<dyn Source>,
    tokens: SyncSender<()>,
    left: u64,
}

/// Puts `source` behind a gate; it ends after `frames`, if that is given, and when the gate is dropped.
pub(crate) fn gated(source: Box<dyn Source>, frames: Option<u64>) -> (Gate, GatedSource) {
    let (tokens, gate) = sync_channel(UNPRINTED);
    let source = GatedSource {
        source,
        tokens,
        left: frames.unwrap_or(u64::MAX),
    };
    (Gate(gate), source)
}

impl Gate {
    /// A frame's map is printed, or will never come: the source may give one frame more.
    pub(crate) fn frame_done(&self) {
        // A frame that was given up and whose map comes after all is done twice: it takes the token of another frame,
        // or finds none.
        let _ = self.0.try_recv();
    }
}

impl Source for GatedSource {
    fn next(&mut self) -> Result<Pull, SourceError> {
        if self.left == 0 {
            return Ok(Pull::End);
        }
        let pull = self.source.next()?;
        if matches!(pull, Pull::Frame(_)) {
            self.left -= 1;
            if self.tokens.send(()).is_err() {
                // The demo has ended.
                return Ok(Pull::End);
            }
        }
        Ok(pull)
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
    use camera_node::source::SourceFrame;
    use cipherframe::Frame;
    use std::thread;
    use std::time::SystemTime;

    /// The same frame for ever.
    struct Still;

    impl Source for Still {
        fn next(&mut self) -> Result<Pull, SourceError> {
            Ok(Pull::Frame(SourceFrame {
                clip: String::new(),
                index: 0,
                captured: SystemTime::UNIX_EPOCH,
                frame: Frame::new(1, 1, vec![0]).unwrap(),
            }))
        }

        fn interval(&self) -> Option<Duration> {
            None
        }
    }

    fn gives_a_frame(source: &mut GatedSource) -> bool {
        matches!(source.next(), Ok(Pull::Frame(_)))
    }

    #[test]
    fn a_source_ends_after_its_frames_and_when_the_gate_is_gone() {
        let (_gate, mut source) = gated(Box::new(Still), Some(2));
        assert_eq!(
            [(); 3].map(|()| gives_a_frame(&mut source)),
            [true, true, false]
        );
        let (gate, mut source) = gated(Box::new(Still), None);
        assert!(gives_a_frame(&mut source));
        drop(gate);
        assert!(!gives_a_frame(&mut source));
    }

    #[test]
    fn a_full_gate_holds_its_own_source_until_a_map_is_printed() {
        let (gate, mut source) = gated(Box::new(Still), None);
        assert!((0..UNPRINTED).all(|_| gives_a_frame(&mut source)));
        let (_other_gate, mut other) = gated(Box::new(Still), None);
        assert!(gives_a_frame(&mut other));
        let waits = thread::spawn(move || gives_a_frame(&mut source));
        thread::sleep(Duration::from_millis(50));
        assert!(!waits.is_finished());
        gate.frame_done();
        assert!(waits.join().unwrap());
    }
}
