//! README's tour, walked: every command of its `console` blocks is given to a shell, and prints what stands below it.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::place::AUTHLEDGER;

/// A command as the README gives it, and what it says that comes of it.
struct Step {
    command: String,
    expected: Vec<String>,
}

/// The steps of the section's `console` blocks. A line that begins with `> ` continues a command.
fn steps(section: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in section.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            steps.push(Step { command: command.to_owned(), expected: Vec::new() });
        } else if inside {
            let step = steps.last_mut().expect("a block begins with a command");
            match line.strip_prefix("> ") {
                Some(more) if step.expected.is_empty() => {
                    step.command.push('\n');
                    step.command.push_str(more);
                }
                _ => step.expected.push(line.to_owned()),
            }
        }
    }
    steps
}

/// Whether `said` is what `expected` stands for: `…` is anything, and on a line of its own any lines.
fn is_as_printed(said: &[&str], expected: &[String]) -> bool {
    let Some((first, rest)) = expected.split_first() else { return said.is_empty() };
    if first == "…" {
        return (0..=said.len()).any(|skipped| is_as_printed(&said[skipped..], rest));
    }
    said.split_first()
        .is_some_and(|(line, others)| fits(line.trim_end(), first.trim_end()) && is_as_printed(others, rest))
}

fn fits(line: &str, pattern: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('…') else { return line == pattern };
    let Some(rest) = line.strip_prefix(head) else { return false };
    (0..=rest.len()).any(|skipped| rest.is_char_boundary(skipped) && fits(&rest[skipped..], tail))
}

#[test]
fn the_tour_of_the_readme_goes_as_printed() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("it is there");
    let section = readme.split("\n## A first walk\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let mut steps = steps(section.expect("README has a tour"));
    let install = steps.remove(0);
    assert_eq!(
        install.command, "cargo install --quiet --path .",
        "the binary under test stands in for this one"
    );
    assert!(steps.len() > 15, "the tour has {} steps", steps.len());

    // A port that was free a moment ago; the README's may be taken.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = free.expect("loopback has ports").to_string();
    let here = tempfile::tempdir().expect("a directory");
    let mut script = String::new();
    for (number, step) in steps.iter().enumerate() {
        let command = step.command.replace("127.0.0.1:8080", &address);
        writeln!(script, "{command}\nprintf '\\n@@ {number}\\n'").expect("a string takes it");
    }
    // Should the tour end early, its server ends with the shell.
    let script = format!("trap 'kill $(jobs -p) 2> /dev/null' EXIT\n{script}");
    let bin = Path::new(AUTHLEDGER).parent().expect("the binary has a directory");
    let path = std::env::var("PATH").unwrap_or_default();
    // A server that should have refused to start would serve for ever: with `timeout`, what was said until then is told.
    let output = Command::new("timeout")
        .args(["120", "bash", "-c", &format!("exec 2>&1\n{script}")])
        .current_dir(here.path())
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("AUTHLEDGER_SERVER__LISTEN", &address)
        .stdin(Stdio::null())
        .output()
        .expect("bash runs");
    let said = String::from_utf8(output.stdout).expect("text").replace(&address, "127.0.0.1:8080");

    let mut rest = said.as_str();
    for (number, step) in steps.iter().enumerate() {
        let (own, after) = rest
            .split_once(&format!("\n@@ {number}\n"))
            .unwrap_or_else(|| panic!("the tour stopped at: {}\n{rest}", step.command));
        rest = after;
        let lines: Vec<&str> = own.lines().collect();
        assert!(
            is_as_printed(&lines, &step.expected),
            "$ {}\nsays\n{own}\nand not\n{}",
            step.command,
            step.expected.join("\n")
        );
    }
}
