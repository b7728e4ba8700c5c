//! README's table of endpoints is held against the document that is made from the handlers.

use std::collections::BTreeSet;

use authledger::config::Config;

use super::house::House;

const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

/// The texts between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[tokio::test]
async fn the_readme_lists_every_endpoint_with_its_methods_and_no_other() {
    let house = House::new(Config::default());
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("it is there");
    let section = readme.split("\n## Endpoints\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let mut written = BTreeSet::new();
    for row in section.expect("README has endpoints").lines().filter(|line| line.starts_with("| `")) {
        let mut cells = row.trim_matches('|').split(" | ");
        let (paths, methods) = (cells.next().expect("paths"), cells.next().expect("methods"));
        // What stands in backquotes beside a method are its parameters.
        let methods: String = methods.split('`').step_by(2).collect();
        let paths: Vec<&str> = quoted(paths).collect();
        // One list of methods for all addresses of a row, or one for each.
        let lists: Vec<&str> = methods.split(';').collect();
        assert!(lists.len() == 1 || lists.len() == paths.len(), "{row}");
        for (number, path) in paths.iter().enumerate() {
            let list = lists[if lists.len() == 1 { 0 } else { number }];
            for method in METHODS.iter().filter(|method| list.contains(**method)) {
                written.insert(format!("{method} {path}"));
            }
        }
    }
    // What answers 501 is in a section of its own, and a style sheet is nobody's endpoint.
    let offered = |path: &str| {
        let others = ["/model", "/map", "/{source}/logging", ".css"];
        let families = ["/api/odata4/", "/api/admin/auth/"];
        !families.iter().any(|family| path.starts_with(family))
            && !others.iter().any(|end| path.ends_with(end))
    };
    let served: BTreeSet<String> = house
        .document()
        .operations()
        .filter(|(method, path, _)| *method != "head" && offered(path))
        .map(|(method, path, _)| format!("{} {path}", method.to_uppercase()))
        .collect();
    let missing: Vec<_> = served.difference(&written).collect();
    let too_many: Vec<_> = written.difference(&served).collect();
    assert!(missing.is_empty() && too_many.is_empty(), "missing: {missing:#?}\nnot served: {too_many:#?}");
}
