//! README's tables of what the code knows are held against the code. `UPDATE_GOLDEN=1` writes them anew.

use std::{env, fs};

/// The rows below `heading` that begin with `prefix` are exactly these.
pub(crate) fn has_table(heading: &str, prefix: &str, rows: impl Iterator<Item = String>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = fs::read_to_string(path).expect("README.md is there");
    let start = readme.find(&format!("\n{heading}\n")).expect("the heading is there") + heading.len() + 2;
    let end = readme[start..].find("\n## ").map_or(readme.len(), |end| start + end);
    let section = &readme[start..end];
    let rows: Vec<String> = rows.collect();
    let is_row = |line: &&str| line.starts_with(prefix);
    let written: Vec<&str> = section.lines().filter(is_row).collect();
    if written == rows {
        return;
    }
    assert!(
        env::var_os("UPDATE_GOLDEN").is_some(),
        "README.md, {heading}: the table should be as below; UPDATE_GOLDEN=1 writes it\n{}",
        rows.join("\n")
    );
    // Where the first row stands, or below the head of the table when there is none yet.
    let at = section.lines().position(|line| is_row(&line));
    let at = at.or_else(|| Some(section.lines().position(|line| line.starts_with("| ---"))? + 1));
    let at = at.expect("the section has a table");
    let mut lines: Vec<&str> = section.lines().collect();
    lines.retain(|line| !is_row(line));
    lines.splice(at..at, rows.iter().map(String::as_str));
    let section = lines.join("\n") + "\n";
    fs::write(path, [&readme[..start], &section, &readme[end..]].concat()).expect("README.md can be written");
}
