//! A barrier around code that may panic or never return: the storage engine does both on damaged files.
//!
//! A panic inside is caught and its message kept for the trace, instead of being printed to the operator, whom it tells
//! nothing. Code that hangs can't be cancelled; its thread is left behind and the caller told.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

thread_local! {
    /// `Some` while this thread is behind the barrier; holds the message once it panicked.
    static CAPTURED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Why there is no answer from behind the barrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Barred {
    /// It panicked.
    Panicked,
    /// It made no progress for this many seconds.
    Stuck {
        /// Seconds waited in vain.
        secs: u64,
    },
}

/// Threads of an engine whose panics are kept quiet too, by the beginning of their name.
type EngineThreads = &'static [&'static str];

/// Runs `work` on this thread; a panic becomes `Barred::Panicked`.
pub(super) fn catch<T>(engine_threads: EngineThreads, work: impl FnOnce() -> T) -> Result<T, Barred> {
    quiet_hook(engine_threads);
    let outer = CAPTURED.replace(Some(String::new()));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    let message = CAPTURED.replace(outer);
    result.map_err(|_| {
        tracing::debug!(said = message, "the storage engine panicked");
        Barred::Panicked
    })
}

/// Tells the one who waits outside that work goes on: how much is done.
pub(super) struct Ticks<T> {
    sender: Sender<Message<T>>,
}

enum Message<T> {
    Tick(u64),
    Done(Result<T, Barred>),
}

impl<T> Ticks<T> {
    /// Reports progress; it starts the deadline anew.
    pub(super) fn tick(&self, done: u64) {
        // Nobody listens any more after the deadline has passed; then nothing is left to tell.
        let _ = self.sender.send(Message::Tick(done));
    }
}

/// Runs `work` on a thread of its own, and waits until it ends or makes no progress for `deadline`.
pub(super) fn run<T: Send + 'static>(
    engine_threads: EngineThreads,
    deadline: Duration,
    progress: &mut dyn FnMut(u64),
    work: impl FnOnce(&Ticks<T>) -> T + Send + 'static,
) -> Result<T, Barred> {
    let (sender, receiver) = mpsc::channel();
    let ticks = Ticks { sender };
    let worker = thread::Builder::new().name("engine-open".into()).spawn(move || {
        let result = catch(engine_threads, || work(&ticks));
        let _ = ticks.sender.send(Message::Done(result));
    });
    if worker.is_err() {
        // No thread to be had; the machine is out of something that only time or an operator brings back.
        return Err(Barred::Stuck { secs: 0 });
    }
    loop {
        match receiver.recv_timeout(deadline) {
            Ok(Message::Tick(done)) => progress(done),
            Ok(Message::Done(result)) => return result,
            Err(RecvTimeoutError::Timeout) => return Err(Barred::Stuck { secs: deadline.as_secs() }),
            Err(RecvTimeoutError::Disconnected) => return Err(Barred::Panicked),
        }
    }
}

/// Puts a hook before the one in place that keeps captured panics quiet and passes on all others.
fn quiet_hook(engine_threads: EngineThreads) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !captured(info, engine_threads) {
                previous(info);
            }
        }));
    });
}

fn captured(info: &PanicHookInfo<'_>, engine_threads: EngineThreads) -> bool {
    let name = thread::current().name().map(str::to_owned).unwrap_or_default();
    if engine_threads.iter().any(|prefix| name.starts_with(prefix)) {
        tracing::debug!(thread = name, said = info.to_string(), "a thread of the storage engine panicked");
        return true;
    }
    // `try_with`: a panic while the thread ends must not become a second one here.
    let capture = |slot: &RefCell<Option<String>>| match slot.borrow_mut().as_mut() {
        Some(message) => {
            *message = info.to_string();
            true
        }
        None => false,
    };
    CAPTURED.try_with(capture).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_and_a_hang_are_answers() {
        let mut quiet = |_: u64| {};
        let panicked = run(&[], Duration::from_secs(5), &mut quiet, |_: &Ticks<()>| panic!("inside"));
        assert_eq!(panicked, Err(Barred::Panicked));

        let (release, blocked) = mpsc::channel::<()>();
        let stuck = run(&[], Duration::from_millis(20), &mut quiet, move |_: &Ticks<()>| {
            let _ = blocked.recv();
        });
        assert_eq!(stuck, Err(Barred::Stuck { secs: 0 }));
        drop(release);
    }

    #[test]
    fn progress_is_reported_and_the_value_returned() {
        let mut seen = Vec::new();
        let answer = run(&[], Duration::from_secs(5), &mut |done| seen.push(done), |ticks| {
            ticks.tick(1);
            ticks.tick(2);
            "done"
        });
        assert_eq!((answer, seen), (Ok("done"), vec![1, 2]));
    }
}
