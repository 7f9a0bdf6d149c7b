//! Whose turn it is when more threads want to run than there are cores.

/// Nice value of a region's thread. A tick that waits for a core is late for all its players; what gateways and stores do can wait as long as a
/// tick takes.
#[cfg(target_os = "linux")]
const NICE: i32 = -10;

/// Lets the calling thread go before others, as far as the process may ask for that.
#[cfg(target_os = "linux")]
pub(super) fn go_first(region: &str) {
    // On Linux the priority of the calling process is the one of the calling thread.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::info!(region, %error, "the region's thread waits its turn like any other; CAP_SYS_NICE would let it go first");
    }
}

/// Elsewhere a priority is the whole process's.
#[cfg(not(target_os = "linux"))]
pub(super) fn go_first(_region: &str) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// The calling thread's, as the system has it.
    fn nice() -> Option<i32> {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").ok()?;
        // Behind the name in brackets, in which there may be spaces, it is the 17th.
        stat.rsplit_once(')')?.1.split_whitespace().nth(16)?.parse().ok()
    }

    #[test]
    fn a_thread_goes_before_those_beside_it_or_stays_as_it_is() {
        let before = nice();
        assert!(before.is_some());
        let asked = std::thread::spawn(|| {
            go_first("meadow");
            nice()
        });
        let asked = asked.join().expect("it ends");
        assert!(asked == Some(NICE) || asked == before, "{asked:?}");
        assert_eq!(nice(), before, "the others stay as they are");
    }
}
