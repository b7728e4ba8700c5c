//! FORMAT.md says what the code does: its tables and its worked example are compared with it.

use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

use events::{
    dump::write_leaf,
    envelope::{Actor, Stream, StreamKind},
    event::EventType,
    id::{PermissionId, UserId},
    ledger::LedgerCreated,
    merkle::leaf_hash,
    role::RoleCreated,
    sealed::{Field, KeyId},
    verify::Verifier,
};

use crate::book::{Book, sealed};

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("FORMAT.md")).expect("the page is there")
}

/// The cells of the table rows between a heading and the next heading of any level.
fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let start = page.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let section = page[start + heading.len() + 2..].split("\n#").next().expect("a section");
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    section.lines().filter(|line| line.starts_with('|')).skip(2).map(cells).collect()
}

/// The log of the example, with a command of one event for each leaf.
pub(crate) fn example() -> Book {
    let mut book = Book::new();
    let created = LedgerCreated { software: "authledger 0.1.0".to_owned() };
    book.command(Actor::Operator, vec![(Stream::new(StreamKind::LEDGER, 0), created.into())]);
    let role = RoleCreated {
        name: "Leser".to_owned(),
        key_id: KeyId([0xd5; 32]),
        description: None,
        permissions: [PermissionId(1), PermissionId(12)].into_iter().collect(),
    };
    book.command(Actor::User(UserId(1)), vec![(Stream::new(StreamKind::ROLE, 4), role.into())]);
    book
}

fn hex_block(out: &mut String, title: &str, bytes: &[u8]) {
    writeln!(out, "\n{title}\n\n```text").expect("a string takes it");
    for (line, chunk) in bytes.chunks(32).enumerate() {
        writeln!(out, "{:04} {}", line * 32, hex::encode(chunk)).expect("a string takes it");
    }
    out.push_str("```\n");
}

#[test]
fn the_worked_example_is_what_the_code_writes() {
    let book = example();
    let mut dump = Vec::new();
    let mut verifier = Verifier::new();
    for leaf in &book.leaves {
        write_leaf(&mut dump, leaf).expect("memory takes it");
        verifier.push(leaf).expect("a true log");
    }
    let head = verifier.head();
    let lengths: Vec<String> = book
        .leaves
        .iter()
        .map(|leaf| hex::encode(u32::try_from(leaf.len()).expect("short").to_le_bytes()))
        .collect();

    let mut example = format!(
        "## Example\n\nA ledger of two leaves. A dump of it is `{}` ‖ leaf 0 ‖ `{}` ‖ leaf 1.\n",
        lengths[0], lengths[1]
    );
    hex_block(
        &mut example,
        "Leaf 0, `LedgerCreated` by an operator; the number before each line is its offset:",
        &book.leaves[0],
    );
    hex_block(
        &mut example,
        "Leaf 1, `RoleCreated` by user 1 on behalf of user 2, with all optional parts (`on_behalf_of` at 147, `idempotency` at 155,\n`origin` at 187, the body at 254):",
        &book.leaves[1],
    );
    write!(
        example,
        "\nIts hashes:\n\n```text\nchain(0)         {}\nchain(1)         {}\ntree, leaf 0     {}\ntree, leaf 1     {}\nroot of size 2   {}\n```\n",
        events::chain::link(&book.leaves[0]),
        head.chain,
        leaf_hash(&book.leaves[0]),
        leaf_hash(&book.leaves[1]),
        head.root
    )
    .expect("a string takes it");

    let page = page();
    let start = page.find("## Example").expect("the page has an example");
    assert_eq!(page[start..], example, "the example should be:\n{example}");
    assert_eq!(sealed(20).wire_len(), 65, "the body's offset in the page follows from it");
}

#[test]
fn every_event_of_the_table_is_in_the_page() {
    let page = page();
    let written: Vec<Vec<String>> = rows(&page, "### Event types");
    let table: Vec<Vec<String>> = EventType::TABLE
        .iter()
        .map(|(kind, version, name)| vec![kind.0.to_string(), version.to_string(), (*name).to_owned()])
        .collect();
    assert_eq!(written, table);
    let headings: BTreeSet<&str> = page.lines().filter(|line| line.ends_with(", version 1")).collect();
    let expected: BTreeSet<String> = EventType::TABLE
        .iter()
        .map(|(kind, version, name)| format!("### {} {name}, version {version}", kind.0))
        .collect();
    assert_eq!(headings, expected.iter().map(String::as_str).collect());
}

#[test]
fn every_stream_kind_and_sealed_field_is_in_the_page() {
    let page = page();
    let kinds = rows(&page, "### Stream kinds");
    let known = (0..=u16::MAX).map(StreamKind).filter(|kind| kind.name().is_some());
    let expected: Vec<(String, String)> = known.map(|kind| (kind.0.to_string(), kind.to_string())).collect();
    assert_eq!(kinds.iter().map(|row| (row[0].clone(), row[1].clone())).collect::<Vec<_>>(), expected);

    let fields = rows(&page, "### Sealed fields");
    let known =
        (0..=u16::MAX).map(Field).filter_map(|field| Some((field.0.to_string(), field.name()?.to_owned())));
    assert_eq!(
        fields.iter().map(|row| (row[0].clone(), row[1].clone())).collect::<Vec<_>>(),
        known.collect::<Vec<_>>()
    );
}

#[test]
fn the_codes_of_a_verifying_program_are_in_the_page() {
    use events::verify::Verdict;
    for verdict in [Verdict::Tampered, Verdict::Incomplete, Verdict::Forked, Verdict::Stale] {
        let words = format!("{} {}", verdict.exit_code(), verdict.name());
        assert!(page().contains(&words), "{words}");
    }
}
