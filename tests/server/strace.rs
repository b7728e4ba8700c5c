//! `strace` around a server: what it said of its system calls, and faults put into them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::place::{Server, wait_for};

/// The calls that carry a write to the disk or an answer to a client.
pub(crate) const CALLS: &str = "trace=pwrite64,pwritev,pwritev2,fdatasync,write,sendto,writev,sendmsg";

/// One system call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// What its first argument is: a path, a socket, a pipe.
    pub(crate) target: String,
    /// All strings among its arguments, joined: what was written.
    pub(crate) bytes: Vec<u8>,
    pub(crate) result: String,
    /// The line on which it began, and the one on which it ended: what stands between happened meanwhile.
    pub(crate) begun: usize,
    pub(crate) ended: usize,
}

impl Call {
    pub(crate) fn is_write_to(&self, path: &Path) -> bool {
        self.name.starts_with("pwrite") && Path::new(&self.target) == path
    }

    pub(crate) fn is_sync_of(&self, path: &Path) -> bool {
        self.name == "fdatasync" && Path::new(&self.target) == path
    }

    pub(crate) fn succeeded(&self) -> bool {
        self.result.starts_with(|first: char| first.is_ascii_digit())
    }

    /// Whether it gave a client the answer to this command.
    pub(crate) fn answers(&self, command: &str) -> bool {
        let header = format!("x-request-id: {command}");
        self.target.starts_with("socket:") && contains(&self.bytes, header.as_bytes())
    }
}

pub(crate) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Reads what `strace -f -y -xx` wrote. With `-xx` no string holds a quote or a bracket of its own.
pub(crate) fn parse(text: &str) -> Vec<Call> {
    let mut open: HashMap<&str, (usize, String)> = HashMap::new();
    let mut calls = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        // -tt puts the time before the call.
        let rest = rest
            .split_once(' ')
            .filter(|(time, _)| time.contains(':') && !time.contains('('))
            .map_or(rest, |(_, rest)| rest);
        if let Some(beginning) = rest.strip_suffix(" <unfinished ...>") {
            open.insert(thread, (at, beginning.to_owned()));
            continue;
        }
        let (begun, whole) = match rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
            Some((_, ending)) => {
                let (begun, beginning) = open.remove(thread).unwrap_or((at, String::new()));
                (begun, beginning + ending)
            }
            None => (at, rest.to_owned()),
        };
        let Some((call, result)) = whole.rsplit_once(" = ") else { continue };
        let Some((name, arguments)) = call.split_once('(') else { continue };
        let target = arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        let strings = arguments.split('"').skip(1).step_by(2);
        calls.push(Call {
            name: name.to_owned(),
            target: target
                .map(|(target, _)| String::from_utf8_lossy(&unhex(target)).into_owned())
                .unwrap_or_default(),
            bytes: strings.flat_map(unhex).collect(),
            result: result.trim().to_owned(),
            begun,
            ended: at,
        });
    }
    calls
}

/// `\x61\x62` as `ab`; what is not written so stays.
fn unhex(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4);
    let mut rest = text;
    while let Some(byte) =
        rest.strip_prefix("\\x").and_then(|rest| u8::from_str_radix(rest.get(..2)?, 16).ok())
    {
        bytes.push(byte);
        rest = &rest[4..];
    }
    bytes.extend(rest.bytes());
    bytes
}

/// The beginning of a command line whose process becomes the server, with a tracer beside it that writes to `output`.
pub(crate) fn around(output: &Path) -> [&str; 12] {
    let output = output.to_str().expect("a plain path");
    ["strace", "-D", "-f", "-tt", "-y", "-xx", "-s", "1000000", "-e", CALLS, "-o", output]
}

/// A tracer that was set upon a running server; it counts calls from there on, each thread's apart.
pub(crate) struct Tracer {
    process: Child,
    output: PathBuf,
    said: PathBuf,
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // It lets go of the server, which lives on.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Tracer {
    /// Sets `strace` with these rules upon a server; ready when this answers. A missing strace or privilege is a failure:
    /// a durability that was not tested is not there.
    pub(crate) fn upon(server: &Server, place: &Path, rules: &[&str]) -> Self {
        let (output, said) = (place.join("trace"), place.join("trace.said"));
        let process = Command::new("strace")
            // Not with --seccomp-bpf: strace 6.1 then loses injected signals.
            .args(["-f", "-y", "-xx", "-s", "64", "-o"])
            .arg(&output)
            .args(rules)
            .args(["-p", &server.id().to_string()])
            .stdin(Stdio::null())
            .stderr(fs::File::create(&said).expect("creates"))
            .spawn()
            .unwrap_or_else(|error| panic!("strace is needed and does not start: {error}"));
        let mut tracer = Self { process, output, said };
        wait_for("tracer", || {
            let said = fs::read_to_string(&tracer.said).expect("reads");
            if let Some(ended) = tracer.process.try_wait().expect("can be asked") {
                panic!("strace {rules:?} ended ({ended}); it needs the privilege to trace: {said}");
            }
            said.contains(" attached").then_some(())
        });
        tracer
    }

    /// What it wrote so far.
    pub(crate) fn so_far(&self) -> String {
        fs::read_to_string(&self.output).expect("reads")
    }

    /// Has it let go of the server, which goes on as if nothing had been.
    pub(crate) fn let_go(mut self) {
        // Killed outright it could leave a thread in the middle of a call.
        let asked = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", self.process.id())).status();
        assert!(asked.is_ok_and(|status| status.success()), "the tracer can't be asked to end");
        wait_for("end of the tracer", || self.process.try_wait().expect("can be asked"));
    }

    /// What it saw; the server must have ended, or be about to.
    pub(crate) fn seen(mut self) -> Vec<Call> {
        wait_for("end of the tracer", || self.process.try_wait().expect("can be asked"));
        parse(&fs::read_to_string(&self.output).expect("reads"))
    }
}

/// What a tracer beside a server saw, once the server has ended.
pub(crate) fn seen(output: &Path, server: u32) -> Vec<Call> {
    let text = wait_for("end of the trace", || {
        let text = fs::read_to_string(output).ok()?;
        let ended = format!("{server} ");
        text.lines().any(|line| line.starts_with(&ended) && line.contains(" +++ ")).then_some(text)
    });
    parse(&text)
}
