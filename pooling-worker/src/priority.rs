//! Threads that give way to others.

use std::io;

use rustix::process::{getpriority_process, setpriority_process};

/// How much nicer a thread becomes. Ten steps leave it about a tenth of a core that others could use whole: a live tile
/// runs nearly at once, and a long frame still goes on.
const STEPS: i32 = 10;

/// The lowest priority there is.
const NICEST: i32 = 19;

/// Lowers the priority of the calling thread, and of no other.
pub(crate) fn give_way() -> io::Result<()> {
    // Elsewhere the call is about the whole process.
    if cfg!(target_os = "linux") {
        let own = getpriority_process(None)?;
        setpriority_process(None, own.saturating_add(STEPS).min(NICEST))?;
    }
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::thread;

    use super::*;

    fn own() -> i32 {
        getpriority_process(None).expect("a thread may ask for its own priority")
    }

    #[test]
    fn a_thread_gives_way_and_the_others_do_not() {
        let before = own();
        let lowered = thread::spawn(|| {
            give_way().expect("a lower priority is always granted");
            own()
        });
        let lowered = lowered.join().expect("no panic");
        assert_eq!(lowered, (before + STEPS).min(NICEST));
        assert_eq!(own(), before);
        assert_eq!(thread::spawn(own).join().expect("no panic"), before);
    }
}
