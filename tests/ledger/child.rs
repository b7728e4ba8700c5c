//! Processes that die. The test binary runs itself again with a role in its environment; without one, `as_told` does
//! nothing, as a test among the others.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use authledger::ledger::directory::DataDirectory;
use authledger::ledger::recover;
use authledger::ledger::store::AppendError;
use events::id::Epoch;

use crate::book::{Book, LEDGER};
use crate::ground;

const ROLE: &str = "AUTHLEDGER_TEST_ROLE";
const DIRECTORY: &str = "AUTHLEDGER_TEST_DIRECTORY";
const BATCHES: &str = "AUTHLEDGER_TEST_BATCHES";
const COMMANDS: &str = "AUTHLEDGER_TEST_COMMANDS";
const LOW_WATER: &str = "AUTHLEDGER_TEST_LOW_WATER";

/// The longest any child lives.
const LIFE_MAX: Duration = Duration::from_mins(2);

/// What a child does with the ledger it is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Appending {
    /// Appends so many batches and then dies by abort, with nothing closed; `None`: until it is killed.
    pub(crate) batches: Option<u64>,
    /// Commands in a batch.
    pub(crate) commands: u32,
    /// The low-water mark of its disk.
    pub(crate) low_water_bytes: u64,
}

impl Appending {
    pub(crate) const fn forever(commands: u32) -> Self {
        Self { batches: None, commands, low_water_bytes: 0 }
    }

    pub(crate) const fn dying_after(batches: u64, commands: u32) -> Self {
        Self { batches: Some(batches), commands, low_water_bytes: 0 }
    }

    fn apply(self, command: &mut Command, directory: &Path) {
        command.env(ROLE, "append").env(DIRECTORY, directory).env(COMMANDS, self.commands.to_string());
        command.env(BATCHES, self.batches.unwrap_or(u64::MAX).to_string());
        command.env(LOW_WATER, self.low_water_bytes.to_string());
        command
            .args(["--exact", "child::as_told", "--nocapture"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }

    pub(crate) fn start(self, directory: &Path) -> Run {
        self.start_under(&[], directory)
    }

    /// The same under `wrapper`, the beginning of a command line such as `strace -f`.
    pub(crate) fn start_under(self, wrapper: &[&str], directory: &Path) -> Run {
        let this = std::env::current_exe().expect("this binary");
        let mut command = match wrapper.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(this);
                command
            }
            None => Command::new(this),
        };
        self.apply(&mut command, directory);
        Run(command.spawn().unwrap_or_else(|error| panic!("{wrapper:?} does not start: {error}")))
    }
}

/// A child that is killed, at the latest, when this goes.
pub(crate) struct Run(pub(crate) Child);

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a child said until it ended: sizes acknowledged, and its last words.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// Size of the log when it was opened.
    pub(crate) opened: Option<u64>,
    /// The last size acknowledged.
    pub(crate) acknowledged: Option<u64>,
    /// Why it stopped, if it said so.
    pub(crate) ended: Option<String>,
}

impl Said {
    fn hear(&mut self, line: &str) {
        match line.split_once(' ') {
            Some(("opened", size)) => self.opened = size.parse().ok(),
            Some(("acknowledged", size)) => self.acknowledged = size.parse().ok().or(self.acknowledged),
            Some(("ended", why)) => self.ended = Some(why.to_owned()),
            _ => {}
        }
    }
}

impl Run {
    /// Listens until the child ends by itself.
    pub(crate) fn listen(mut self) -> Said {
        let output = self.0.stdout.take().expect("piped");
        let mut said = Said::default();
        BufReader::new(output).lines().map_while(Result::ok).for_each(|line| said.hear(&line));
        self.0.wait().expect("ends");
        said
    }

    /// Listens until `until` says so, does `deed`, which must end the child, and hears out what is still in the pipe.
    pub(crate) fn listen_until(
        mut self,
        mut until: impl FnMut(&Said) -> bool,
        deed: impl FnOnce(&mut Child),
    ) -> Said {
        let output = self.0.stdout.take().expect("piped");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let mut said = Said::default();
        for line in lines.by_ref() {
            said.hear(&line);
            if until(&said) {
                break;
            }
        }
        deed(&mut self.0);
        lines.for_each(|line| said.hear(&line));
        self.0.wait().expect("ends");
        said
    }
}

/// The deed of a plain kill -9.
pub(crate) fn kill(child: &mut Child) {
    child.kill().expect("kills");
}

/// A condition for `listen_until`: this long after the first acknowledgement.
pub(crate) fn acknowledged_for(duration: Duration) -> impl FnMut(&Said) -> bool {
    let mut since = None;
    move |said| said.acknowledged.is_some() && since.get_or_insert_with(Instant::now).elapsed() >= duration
}

/// Starts a process that tries to open the ledger in `directory`, and answers what it printed.
pub(crate) fn opens_elsewhere(directory: &Path) -> String {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.env(ROLE, "open").env(DIRECTORY, directory).args(["--exact", "child::as_told", "--nocapture"]);
    let output = command.output().expect("runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix("ended ")).unwrap_or(&text).to_owned()
}

#[test]
fn as_told() {
    let (Ok(role), Ok(directory)) = (std::env::var(ROLE), std::env::var(DIRECTORY)) else { return };
    let number = |name| std::env::var(name).ok().and_then(|value: String| value.parse().ok()).unwrap_or(0);
    println!();
    // A child whose parent died is nobody's to kill.
    std::thread::spawn(|| {
        std::thread::sleep(LIFE_MAX);
        std::process::abort();
    });
    let ended = match role.as_str() {
        "open" => match ground::open(Path::new(&directory)) {
            Ok(opened) => {
                ground::close(opened);
                "served".to_owned()
            }
            Err(refusal) => refusal.to_string(),
        },
        _ => append(
            Path::new(&directory),
            number(BATCHES),
            u32::try_from(number(COMMANDS)).expect("small"),
            number(LOW_WATER),
        ),
    };
    say(&format!("ended {ended}"));
    // Not an orderly end: what a child leaves is what a crash leaves.
    if role == "append" {
        std::process::abort();
    }
}

/// Appends as the writer does: the append, the witness, and only then the acknowledgement.
fn append(directory: &Path, batches: u64, commands: u32, low_water_bytes: u64) -> String {
    let mut options = ground::options();
    options.engine.low_water_bytes = low_water_bytes;
    let directory = DataDirectory::new(directory);
    let mut opened = match recover::open(&directory, &ground::KEY, &options, &mut |_| {}) {
        Ok(opened) => opened,
        Err(refusal) => return format!("refused: {refusal}"),
    };
    let head = opened.store.head();
    let mut book = Book::new(LEDGER);
    if head.size > 0 {
        book = Book::resumed(&opened.store.reader());
    }
    say(&format!("opened {}", head.size));
    let bodies = vec![150; commands as usize];
    for _ in 0..batches {
        let expected = book.head();
        let batch = book.batch(&bodies);
        let head = match opened.store.append(&expected, &batch) {
            Ok(head) => head,
            Err(AppendError::Unavailable { reason }) => return format!("unavailable: {reason}"),
            Err(AppendError::Unknown { reason, .. }) => return format!("unknown: {reason}"),
            Err(conflict @ AppendError::Conflict { .. }) => return format!("{conflict}"),
        };
        if let Err(error) = opened.witness.record(Epoch(1), head.size, head.chain, book.frontier().root()) {
            return format!("unknown: witness: {}", error.kind());
        }
        say(&format!("acknowledged {}", head.size));
    }
    "done".to_owned()
}

fn say(line: &str) {
    // One write, so that a kill leaves no half line that reads as another number.
    let mut output = std::io::stdout().lock();
    let _ = output.write_all(format!("{line}\n").as_bytes()).and_then(|()| output.flush());
}
