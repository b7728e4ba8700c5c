//! Reads what `strace -f -y` wrote, and checks the order that "acknowledged means on disk" asks for.

use std::path::Path;

/// One system call that succeeded or failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// What `-y` says the first argument is: a path, a socket, a pipe.
    pub(crate) target: String,
    /// Everything between the parentheses.
    pub(crate) arguments: String,
    pub(crate) result: String,
}

impl Call {
    pub(crate) fn succeeded(&self) -> bool {
        !self.result.starts_with('-') && !self.result.starts_with('?')
    }

    fn is_write(&self) -> bool {
        ["write", "pwrite64", "writev", "pwritev", "pwritev2"].contains(&self.name.as_str())
    }
}

/// The calls in the order they ended. A call that strace wrote in two pieces is put together at its second.
pub(crate) fn parse(text: &str) -> Vec<Call> {
    let mut begun = std::collections::HashMap::new();
    let mut calls = Vec::new();
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(beginning) = rest.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, beginning.to_owned());
            continue;
        }
        let whole = match rest.strip_prefix("<... ").and_then(|resumed| resumed.split_once(" resumed>")) {
            Some((_, ending)) => begun.remove(thread).unwrap_or_default() + ending,
            None => rest.to_owned(),
        };
        let Some((call, result)) = whole.rsplit_once(") = ").or_else(|| whole.rsplit_once(" = ")) else {
            continue;
        };
        let Some((name, arguments)) = call.split_once('(') else { continue };
        let target = arguments
            .split_once('<')
            .and_then(|(_, rest)| rest.split_once('>'))
            .map_or("", |(target, _)| target);
        calls.push(Call {
            name: name.to_owned(),
            target: target.to_owned(),
            arguments: arguments.trim_end().to_owned(),
            result: result.trim().to_owned(),
        });
    }
    calls
}

/// Checks that before each acknowledgement, and after the one before it, the log was written and synchronised, and then
/// the witness; answers how many acknowledgements there were, or the first that came too early.
pub(crate) fn check_order(
    calls: &[Call],
    engine: &Path,
    witness: &Path,
    is_acknowledgement: impl Fn(&Call) -> bool,
) -> Result<usize, Call> {
    #[derive(PartialEq)]
    enum Stage {
        Nothing,
        LogWritten,
        LogSynchronised,
        WitnessWritten,
        WitnessSynchronised,
    }
    let (engine, witness) = (engine.to_string_lossy(), witness.to_string_lossy());
    let mut stage = Stage::Nothing;
    let mut acknowledgements = 0;
    for call in calls {
        let synchronises = call.name == "fdatasync" && call.succeeded();
        if call.is_write() && call.target == engine {
            // The engine's timer may write behind a batch that is durable already; that takes nothing back.
            if stage == Stage::Nothing {
                stage = Stage::LogWritten;
            }
        } else if synchronises && call.target == engine && stage == Stage::LogWritten {
            stage = Stage::LogSynchronised;
        } else if call.is_write() && call.target == witness && stage == Stage::LogSynchronised {
            stage = Stage::WitnessWritten;
        } else if synchronises && call.target == witness && stage == Stage::WitnessWritten {
            stage = Stage::WitnessSynchronised;
        } else if is_acknowledgement(call) {
            if stage != Stage::WitnessSynchronised {
                return Err(call.clone());
            }
            stage = Stage::Nothing;
            acknowledgements += 1;
        }
    }
    Ok(acknowledgements)
}

#[test]
fn an_acknowledgement_that_comes_too_early_is_found() {
    const GOOD: &str = "\
10 pwrite64(3</l/sled/db>, \"leaf\", 4, 0) = 4
11 write(9</elsewhere>, \"x\", 1 <unfinished ...>
10 fdatasync(3</l/sled/db>)  = 0
11 <... write resumed>) = 1
10 pwrite64(4</l/witness>, \"w\", 1, 0) = 1
10 fdatasync(4</l/witness>) = 0
10 write(1<pipe:[7]>, \"acknowledged 1\\n\", 15) = 15
";
    let check = |text: &str| {
        let acknowledges = |call: &Call| call.arguments.contains("acknowledged");
        check_order(&parse(text), Path::new("/l/sled/db"), Path::new("/l/witness"), acknowledges).ok()
    };
    assert_eq!(check(GOOD), Some(1));
    for dropped in [0, 2, 4, 5] {
        let rest: Vec<_> =
            GOOD.lines().enumerate().filter(|(at, _)| *at != dropped).map(|(_, line)| line).collect();
        assert_eq!(check(&rest.join("\n")), None, "without line {dropped}");
    }
    assert_eq!(check(&GOOD.replace("db>)  = 0", "db>)  = -1 EIO (Input/output error)")), None);
}
