//! Reads what `strace -f -y` wrote, and checks the order that "acknowledged means on disk" asks for.

use std::path::Path;

/// One system call that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    name: String,
    /// What `-y` says the first argument is: a path, a socket, a pipe.
    target: String,
    /// Everything between the parentheses.
    arguments: String,
    result: String,
    /// Lines of the trace on which it began and ended.
    began: usize,
    ended: usize,
}

impl Call {
    fn succeeded(&self) -> bool {
        !self.result.starts_with('-') && !self.result.starts_with('?')
    }

    fn writes_to(&self, target: &str) -> bool {
        let writes = ["write", "writev", "pwrite64", "sendto", "sendmsg"].contains(&self.name.as_str());
        writes && self.succeeded() && self.target.starts_with(target)
    }

    fn synchronises(&self, target: &str) -> bool {
        self.name == "fdatasync" && self.succeeded() && self.target == target
    }

    fn says(&self, text: &str) -> bool {
        self.arguments.contains(text)
    }
}

/// The calls in the order they ended. A call that strace wrote in two pieces is put together at its second.
pub(crate) fn parse(text: &str) -> Vec<Call> {
    let mut unfinished = std::collections::HashMap::new();
    let mut calls = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(beginning) = rest.strip_suffix(" <unfinished ...>") {
            unfinished.insert(thread, (at, beginning.to_owned()));
            continue;
        }
        let (began, whole) =
            match rest.strip_prefix("<... ").and_then(|resumed| resumed.split_once(" resumed>")) {
                Some((_, ending)) => {
                    let (began, beginning) = unfinished.remove(thread).unwrap_or_default();
                    (began, beginning + ending)
                }
                None => (at, rest.to_owned()),
            };
        let Some((call, result)) = whole.rsplit_once(" = ") else { continue };
        let Some((name, arguments)) = call.split_once('(') else { continue };
        let target = arguments
            .split_once('<')
            .and_then(|(_, rest)| rest.split_once('>'))
            .map_or("", |(target, _)| target);
        calls.push(Call {
            name: name.to_owned(),
            target: target.to_owned(),
            arguments: arguments.trim_end().trim_end_matches(')').to_owned(),
            result: result.trim().to_owned(),
            began,
            ended: at,
        });
    }
    calls
}

/// Where a fact can be recognised: in the bytes of the log, and in the answer about it.
pub(crate) struct Fact<'a> {
    pub(crate) in_log: &'a str,
    /// Beginning of what `-y` calls the target of an answer.
    pub(crate) answered_on: &'a str,
    /// What an answer says that acknowledges it.
    pub(crate) in_answer: [&'a str; 2],
}

type IsStep<'a> = &'a dyn Fn(&Call) -> bool;

/// Checks that the answer about a fact left only after its bytes were written to the log and synchronised, and after that
/// the witness written and synchronised, each call begun when the one before it had succeeded.
pub(crate) fn check_order(calls: &[Call], directory: &Path, fact: &Fact<'_>) -> Result<(), String> {
    let (log, witness) = (directory.join("sled/db"), directory.join("witness"));
    let (log, witness) = (log.to_string_lossy(), witness.to_string_lossy());
    let is_answer =
        |call: &&Call| call.writes_to(fact.answered_on) && fact.in_answer.iter().all(|text| call.says(text));
    let answer = calls.iter().find(is_answer).ok_or_else(|| format!("{}: no answer", fact.in_log))?;
    let mut since = 0;
    let steps: [(&str, IsStep<'_>); 4] = [
        ("write to the log", &|call| call.writes_to(&log) && call.says(fact.in_log)),
        ("fdatasync of the log", &|call| call.synchronises(&log)),
        ("write to the witness", &|call| call.writes_to(&witness)),
        ("fdatasync of the witness", &|call| call.synchronises(&witness)),
    ];
    for (step, is_step) in steps {
        let done =
            calls.iter().find(|call| call.began >= since && call.ended < answer.began && is_step(call));
        since = done.ok_or_else(|| format!("{}: answered before a {step}", fact.in_log))?.ended + 1;
    }
    Ok(())
}

#[test]
fn an_acknowledgement_that_comes_too_early_is_found() {
    const GOOD: &str = "\
10 fdatasync(3</l/sled/db>) = 0
10 pwrite64(3</l/sled/db>, \"..leaf 7..\", 4, 0) = 4
11 write(9</elsewhere>, \"x\", 1 <unfinished ...>
10 fdatasync(3</l/sled/db> <unfinished ...>
11 <... write resumed>) = 1
10 <... fdatasync resumed>) = 0
10 pwrite64(4</l/witness>, \"w\", 1, 0) = 1
10 fdatasync(4</l/witness>) = 0
12 write(1<socket:[7]>, \"HTTP/1.1 201 Created .. leaf 7\", 15) = 15
";
    let check = |text: &str| {
        let fact = Fact { in_log: "leaf 7", answered_on: "socket:", in_answer: ["HTTP/1.1 2", "leaf 7"] };
        check_order(&parse(text), Path::new("/l"), &fact)
    };
    assert_eq!(check(GOOD), Ok(()));
    for (dropped, step) in [
        (1, "write to the log"),
        (5, "fdatasync of the log"),
        (6, "write to the w"),
        (7, "fdatasync of the w"),
    ] {
        let rest: Vec<_> =
            GOOD.lines().enumerate().filter(|(at, _)| *at != dropped).map(|(_, line)| line).collect();
        let found = check(&rest.join("\n")).expect_err("too early");
        assert!(found.contains(step), "without line {dropped}: {found}");
    }
    assert!(check(&GOOD.replace("resumed>) = 0", "resumed>) = -1 EIO (Input/output error)")).is_err());
    // A synchronisation that was under way when the bytes were written says nothing about them.
    let overlapping = GOOD.replacen("db>) = 0", "db> <unfinished ...>", 1).replacen(
        "10 fdatasync(3</l/sled/db> <unfinished ...>\n11",
        "11",
        1,
    );
    assert!(check(&overlapping).is_err());
}
