//! A verifier that is not ours, written from FORMAT.md alone, says the same as ours about every log, good or damaged.

use std::{
    env,
    ffi::OsString,
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use events::{
    dump::{DumpError, DumpReader, write_leaf},
    envelope::{Actor, COMMAND_EVENTS_MAX, Header, Leaf, Stream, StreamKind},
    event::EventType,
    id::{CommandId, Epoch, LedgerId, Sequence, UserId},
    verify::{ExpectedHead, Verdict, Verifier, VerifyError, verify},
};

use crate::{book::Book, format::example};

/// Calls the program on many dumps in one process; a process for each would take minutes. Each dump stands behind its
/// length, each answer on lines of its own.
const MANY: &str = r"
import io, sys, verify
size, chain, root = sys.argv[2:]
head = (int(size), bytes.fromhex(chain), bytes.fromhex(root)) if size else ()
while length := sys.stdin.buffer.read(4):
    dump = io.BytesIO(sys.stdin.buffer.read(int.from_bytes(length, 'little')))
    code, text = verify.verify(dump, verify.Log(*head))
    print(code, text.replace('\n', ' '))
";

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients")
}

/// The Python that has the package blake3: `tests/run` makes it.
fn python() -> OsString {
    if let Some(path) = env::var_os("TESTS_PYTHON") {
        return path;
    }
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    let path = target.join("tests-venv/bin/python");
    assert!(
        path.exists(),
        "{} is missing: run tests/run once, or set TESTS_PYTHON to a Python with the package blake3",
        path.display()
    );
    path.into_os_string()
}

fn dump(leaves: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for leaf in leaves {
        write_leaf(&mut bytes, leaf).expect("memory takes it");
    }
    bytes
}

/// What our verifier says, in the words of the other.
fn ours(dump: &[u8], head: Option<ExpectedHead>) -> String {
    let bad = |verdict: Verdict, sequence: Sequence, name: &str| {
        format!("{} {} sequence {sequence} reason {name}", verdict.exit_code(), verdict.name())
    };
    match verify(Verifier::expecting(head), DumpReader::new(dump)) {
        Ok(report) => {
            let head = report.head;
            let unknown = report.unknown_bodies;
            format!("0 good size {} chain {} root {} unknown {unknown}", head.size, head.chain, head.root)
        }
        Err(VerifyError::Found(finding)) => bad(finding.verdict(), finding.sequence, finding.reason.name()),
        Err(VerifyError::Read(DumpError::Io { error, .. })) => panic!("{error}"),
        Err(VerifyError::Read(error)) => {
            bad(error.verdict().expect("about the dump"), error.sequence(), error.name())
        }
    }
}

/// What the other says, one line for each dump.
fn theirs(dumps: &[Vec<u8>], head: Option<ExpectedHead>) -> Vec<String> {
    let head = head.map_or_else(<[String; 3]>::default, |head| {
        let hash = |bytes: Option<[u8; 32]>| hex::encode(bytes.expect("a whole head"));
        [head.size.to_string(), hash(head.chain.map(|hash| hash.0)), hash(head.root.map(|hash| hash.0))]
    });
    let mut child = Command::new(python())
        .args(["-I", "-B", "-c", &format!("import sys; sys.path.insert(0, sys.argv[1])\n{MANY}")])
        .arg(clients())
        .args(head)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut input = child.stdin.take().expect("a pipe");
    let mut all = Vec::new();
    for dump in dumps {
        all.extend_from_slice(&u32::try_from(dump.len()).expect("small").to_le_bytes());
        all.extend_from_slice(dump);
    }
    // It answers while it reads, so somebody has to read while we write.
    let writer = std::thread::spawn(move || input.write_all(&all));
    let output = child.wait_with_output().expect("Python ends");
    writer.join().expect("no panic").expect("Python reads it all");
    assert!(output.status.success(), "verify.py broke");
    let text = String::from_utf8(output.stdout).expect("plain text");
    text.lines().map(str::to_owned).collect()
}

#[track_caller]
fn agree(dumps: &[Vec<u8>], head: Option<ExpectedHead>) -> Vec<String> {
    let theirs = theirs(dumps, head);
    assert_eq!(theirs.len(), dumps.len(), "one answer for each dump");
    let mut differences = String::new();
    for (number, (dump, theirs)) in dumps.iter().zip(&theirs).enumerate() {
        let ours = ours(dump, head);
        if ours != *theirs {
            writeln!(differences, "dump {number}: we say {ours:?}, they say {theirs:?}").expect("a string");
        }
    }
    assert!(differences.is_empty(), "{differences}");
    theirs
}

/// The whole dump changed in one byte, byte for byte: lengths, headers, optional parts, bodies.
#[test]
fn l03_both_say_the_same_about_every_flipped_byte() {
    for book in Book::all() {
        let whole = dump(&book.leaves);
        let flipped: Vec<Vec<u8>> = (0..whole.len())
            .map(|offset| {
                let mut changed = whole.clone();
                changed[offset] ^= [0x01, 0x80, 0xff][offset % 3];
                changed
            })
            .collect();
        let answers = agree(&flipped, Some(book.head()));
        assert!(answers.iter().all(|answer| !answer.contains("good")), "every flipped byte is found");
        agree(&flipped, None);
    }
}

#[test]
fn l03_both_say_the_same_about_every_cut() {
    let book = Book::of_every_event();
    let whole = dump(&book.leaves);
    let cut: Vec<Vec<u8>> = (0..=whole.len()).step_by(3).map(|len| whole[..len].to_vec()).collect();
    agree(&cut, None);
    agree(&cut, Some(book.head()));
    let prefixes: Vec<Vec<u8>> = (0..=16).map(|len| dump(&book.leaves[..len])).collect();
    let answers = agree(&prefixes, None);
    assert_eq!(answers.iter().filter(|answer| answer.starts_with("0 good")).count(), 9);
    agree(&prefixes, Some(book.head()));
}

#[test]
fn l03_both_say_the_same_about_dropped_moved_repeated_and_inserted_leaves() {
    let book = Book::of_every_event();
    let mut all = Vec::new();
    for first in 0..16 {
        let mut dropped = book.leaves.clone();
        dropped.remove(first);
        all.push(dump(&dropped));
        for second in 0..16 {
            let mut swapped = book.leaves.clone();
            swapped.swap(first, second);
            all.push(dump(&swapped));
            let mut repeated = book.leaves.clone();
            repeated.insert(second, book.leaves[first].clone());
            all.push(dump(&repeated));
        }
        for bytes in [Vec::new(), vec![0; 100], vec![0x41; 300]] {
            let mut inserted = book.leaves.clone();
            inserted.insert(first, bytes);
            all.push(dump(&inserted));
        }
        let mut forged = Book::new();
        for leaf in &book.leaves[..first] {
            forged.push(leaf.clone());
        }
        let mut header = Leaf::parse(&book.leaves[first]).expect("a true leaf").header;
        header.actor = Actor::User(UserId(77));
        forged.push(leaf(&header, 60_000, b"forged"));
        // The forged leaf in the place of the true one, before it, and at the end of all.
        all.push(dump(&[&forged.leaves[..], &book.leaves[first + 1..]].concat()));
        all.push(dump(&[&forged.leaves[..], &book.leaves[first..]].concat()));
        all.push(dump(&forged.leaves));
    }
    agree(&all, None);
    let answers = agree(&all, Some(book.head()));
    let good = answers.iter().filter(|answer| answer.starts_with("0 good")).count();
    assert_eq!(good, 16, "only a leaf swapped with itself is no damage");
}

fn leaf(header: &Header, event_type: u16, body: &[u8]) -> Vec<u8> {
    let leaf = Leaf { event_type: EventType(event_type), schema_version: 1, header: header.clone(), body };
    leaf.to_bytes().expect("a small leaf")
}

/// Logs whose hashes are right and whose rules are broken: only somebody who can rewrite everything makes them.
#[test]
fn both_say_the_same_about_broken_rules_under_true_hashes() {
    let changes: [fn(&mut Header); 18] = [
        |_| {},
        |header| header.ledger_id = LedgerId([0; 16]),
        |header| header.epoch = Epoch(0),
        |header| header.epoch = Epoch(4),
        |header| header.recorded_at.0 -= 1_000_000_000,
        |header| header.recorded_at.0 = i64::MIN,
        |header| header.recorded_at.0 = i64::MAX,
        |header| header.command_index += 1,
        |header| header.command_count += 1,
        |header| header.command_count = 0,
        |header| header.command_count = COMMAND_EVENTS_MAX + 1,
        |header| header.command_id = CommandId([0xcd; 16]),
        |header| header.command_id = CommandId([1; 16]),
        |header| header.stream_version += 1,
        |header| header.stream_previous = Some(Sequence(0)),
        |header| header.stream_previous = None,
        |header| header.stream = Stream::new(StreamKind(999), 5),
        |header| header.origin = Some(crate::book::sealed(16)),
    ];
    let book = Book::of_every_event();
    let mut all = Vec::new();
    for place in 0..16 {
        for change in changes {
            let mut forged = Book::new();
            for (number, bytes) in book.leaves.iter().enumerate() {
                let mut parsed = Leaf::parse(bytes).expect("a true leaf");
                parsed.header.previous_hash = forged.chain();
                if number == place {
                    change(&mut parsed.header);
                }
                forged.push(parsed.to_bytes().expect("a small leaf"));
            }
            all.push(dump(&forged.leaves));
        }
    }
    agree(&all, None);
}

/// Bodies cut, lengthened and changed, in logs of one leaf whose hashes say nothing against them.
#[test]
fn both_say_the_same_about_damaged_bodies() {
    let mut all = Vec::new();
    for event in crate::book::every_event() {
        let mut book = Book::new();
        book.command(Actor::Operator, vec![(Stream::new(StreamKind::LEDGER, 0), event)]);
        let bytes = book.leaves[0].clone();
        let parsed = Leaf::parse(&bytes).expect("a true leaf");
        let number = parsed.event_type.0;
        for offset in 0..parsed.body.len() {
            for mask in [0x01, 0x02, 0x80, 0xff] {
                let mut body = parsed.body.to_vec();
                body[offset] ^= mask;
                all.push(dump(&[leaf(&parsed.header, number, &body)]));
            }
            all.push(dump(&[leaf(&parsed.header, number, &parsed.body[..offset])]));
        }
        all.push(dump(&[leaf(&parsed.header, number, &[parsed.body, &[0]].concat())]));
        for length in 0..parsed.body.len() {
            let mut body = parsed.body.to_vec();
            body.splice(length.., [0xff; 8]);
            all.push(dump(&[leaf(&parsed.header, number, &body)]));
        }
    }
    agree(&all, None);
}

#[test]
fn both_say_the_same_about_commands_past_their_limits() {
    let oversized = |events: u32, body: usize| {
        let mut book = Book::new();
        let body = vec![0; body];
        for index in 0..events {
            let mut header = book.header(Actor::Operator, Stream::new(StreamKind::LEDGER, 0), events);
            header.command_index = index;
            book.push(leaf(&header, 60_000, &body));
        }
        dump(&book.leaves)
    };
    let answers = agree(
        &[
            oversized(40, 60_000),
            oversized(34, 60_000),
            oversized(COMMAND_EVENTS_MAX, 0),
            oversized(4_097, 0),
        ],
        None,
    );
    assert!(answers[0].starts_with("10 tampered sequence 34 reason command"), "{}", answers[0]);
    assert!(answers[1].starts_with("0 good size 34"), "{}", answers[1]);
    assert!(answers[2].starts_with("0 good size 4096"), "{}", answers[2]);
    assert!(answers[3].starts_with("10 tampered sequence 0 reason command"), "{}", answers[3]);
}

/// As a person calls it: a file, arguments, printed lines, an exit code.
#[test]
fn the_other_verifier_runs_as_a_program() {
    let book = example();
    let head = book.head();
    let directory = env::temp_dir().join(format!("authledger-clients-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory to write to");
    let file = directory.join("example.leaves");
    std::fs::write(&file, dump(&book.leaves)).expect("the dump is written");
    let run = |arguments: &[&str]| {
        let output = Command::new(python())
            .arg(clients().join("verify.py"))
            .args(arguments)
            .output()
            .expect("Python starts");
        (output.status.code(), String::from_utf8(output.stdout).expect("plain text"))
    };
    let path = file.to_str().expect("a plain path");
    let (chain, root) = (head.chain.expect("whole"), head.root.expect("whole"));
    let good = format!("good\nsize 2\nchain {chain}\nroot {root}\nunknown 0\n");
    assert_eq!(run(&[path]), (Some(0), good.clone()));
    assert_eq!(run(&[path, "--size", "2", "--root", &root.to_string()]), (Some(0), good));
    let missing = "incomplete\nsequence 2\nreason missing\n".to_owned();
    assert_eq!(run(&[path, "--size", "3"]), (Some(13), missing));
    let other = "tampered\nsequence 1\nreason head\n".to_owned();
    assert_eq!(run(&[path, "--size", "2", "--chain", &root.to_string()]), (Some(10), other));
    assert_eq!(run(&["/no/such/file"]).0, Some(3));
    assert_eq!(run(&[]).0, Some(2));
    std::fs::remove_dir_all(&directory).expect("ours to remove");

    let source = std::fs::read_to_string(clients().join("verify.py")).expect("the program");
    assert!(source.lines().count() <= 450, "small enough to be read before it is believed");
}
