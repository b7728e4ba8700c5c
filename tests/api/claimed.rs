//! The numbered lines of the security checklist that this version claims, against the names of the tests that show them:
//! `s05_…` is line 5, `c4_…` line C4, `l12_…` line L12.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What is claimed. Left out is what does not exist yet: 15, 19a, 22b to 25a, 26, 28, 33 and 37 (assertions, signed tokens, DPoP,
/// mTLS, pushed requests, registration by protocol, calls to others, devices), and L7 and L8 (the roll of keys), which are
/// shown in part.
const CLAIMED: &[&str] = &[
    "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s16", "s17",
    "s18", "s19b", "s20", "s21", "s22a", "s25b", "s27", "s29", "s30", "s31", "s32", "s34", "s35", "s36",
    "c1", "c2", "c3", "c4", "c5", "c6", "c7", "l1", "l2", "l3", "l4", "l5", "l6", "l9", "l10", "l11", "l12",
    "l13", "l14", "l15",
];
/// Lines of which a part is shown.
const IN_PART: &[&str] = &["l7"];

/// The lines that functions under `directory` carry in their names.
fn carried(directory: &Path, lines: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).expect("a directory of ours") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            carried(&path, lines);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("source is text");
            lines.extend(source.lines().flat_map(lines_of));
        }
    }
}

/// `c1` and `s35` of `    async fn c1_s35_the_password_grant_…`.
fn lines_of(source: &str) -> Vec<String> {
    let name = source.trim_start().trim_start_matches("async ").strip_prefix("fn ");
    name.map_or_else(Vec::new, |name| name.split('_').map_while(line).collect())
}

fn line(segment: &str) -> Option<String> {
    let letter = segment.chars().next().filter(|letter| "scl".contains(*letter))?;
    let rest = &segment[1..];
    let digits = rest.trim_end_matches(['a', 'b']);
    let number: u8 = digits.parse().ok()?;
    Some(format!("{letter}{number}{}", &rest[digits.len()..]))
}

#[test]
fn every_claimed_line_of_the_checklist_has_a_test_and_no_test_claims_another() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut lines = BTreeSet::new();
    for directory in ["tests", "src", "events", "projections"] {
        carried(&root.join(directory), &mut lines);
    }
    let missing: Vec<&str> = CLAIMED.iter().copied().filter(|line| !lines.contains(*line)).collect();
    assert!(missing.is_empty(), "no test carries {missing:?} in its name");
    let known = |line: &str| CLAIMED.contains(&line) || IN_PART.contains(&line);
    let more: Vec<&String> = lines.iter().filter(|line| !known(line)).collect();
    assert!(more.is_empty(), "{more:?} are shown by tests and claimed nowhere");
}
