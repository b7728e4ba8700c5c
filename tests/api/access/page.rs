//! The table as a page.

use std::fmt::Write as _;

use super::table::{Row, TABLE};

const INTRODUCTION: &str = "\
# Who may do what

Each cell of these tables is a request that `tests/api/access` sends and checks: status, error code, whether an event was
recorded. The page is written by that test (`UPDATE_GOLDEN=1`), from what the rules ask for and not from what was answered.

## Who asks

| Column | Caller |
| --- | --- |
| 12 | Administrator (12), lives in the system tenant |
| apps+ | MgmtAPI (11) and OAuth (28), lives in the system tenant, administrative access on OrgA |
| apps | the same without administrative access |
| apps A | 11 and 28, lives in OrgA, a child tenant |
| deleg+ | a delegated administrator: 1–11, 13–21 (with OnBehalfOf, 21) and 28, lives in the system tenant, administrative access on OrgA |
| deleg | the same without administrative access |
| user A | an ordinary user: 1–11, lives in OrgA |
| 1–4 A | 1–4 only, lives in OrgA |
| none A | no permission at all, lives in OrgA |
| all B | everything but 12 (11, 21, 25, 28, 101, 102 and all others), lives in OrgB, another child tenant |
| – | nobody: no credentials |

*In his own name*: \"his\" is the caller's own object. *On behalf*: the same request with `?user=` and the name of an ordinary
user of OrgA; \"his\" is that user's object. \"Another user's\" is in both cases a third one's, of OrgA.

## What came

| Cell | Reads |
| --- | --- |
| 200, 201, 204 | done |
| 200+ | done, and what the row looks for is there: the secret in a GET of one object, the object's name in a list |
| 200- | done, and it is not there |
| 400 | the body names an object that is not there for this caller; the same bytes as for one that never existed |
| 400p | `?user=` is not known here |
| 401 | no credentials, or wrong ones |
| 403 | the operation's permission is missing, whatever the id; or the object is visible and this may not be done to it |
| 404 | not there **for this caller**: an object that he may not see answers with the same bytes as one that never existed |
| 404u | the same for the user in `?user=`: unknown, or not one that he may act for |
| 501 | an operation of Hybrid Data Pipeline that is not offered here |

Nothing but 2xx records anything, and of the GETs only those with a secret in the answer: one `SecretRevealed` each, durable
before the answer.
";

const COLUMNS: [&str; 11] =
    ["12", "apps+", "apps", "apps A", "deleg+", "deleg", "user A", "1–4 A", "none A", "all B", "–"];

pub(super) fn render() -> String {
    let mut page = INTRODUCTION.to_owned();
    for family in TABLE {
        write!(page, "\n## {}\n\n{}\n", family.title, family.needs).expect("a String takes it");
        for (title, on_behalf) in [("In his own name", false), ("On behalf of a user of OrgA", true)] {
            write!(page, "\n### {}: {}\n\n", family.title, lower(title)).expect("a String takes it");
            page += "| Operation | Object |";
            for column in COLUMNS {
                write!(page, " {column} |").expect("a String takes it");
            }
            page += "\n| --- | --- |";
            page += &" --- |".repeat(COLUMNS.len());
            page.push('\n');
            for row in family.rows {
                let cells = if on_behalf { row.on_behalf } else { row.own };
                if !cells.is_empty() {
                    line(&mut page, row, cells);
                }
            }
        }
        for note in family.notes {
            write!(page, "\n{note}\n").expect("a String takes it");
        }
    }
    super::by_permission::render(&mut page);
    super::by_token::render(&mut page);
    page
}

fn line(page: &mut String, row: &Row, cells: &str) {
    write!(page, "| {} `{}` | {} |", row.method, row.path, row.what).expect("a String takes it");
    for cell in cells.split_whitespace() {
        write!(page, " {cell} |").expect("a String takes it");
    }
    page.push('\n');
}

fn lower(title: &str) -> String {
    let mut rest = title.chars();
    rest.next().map_or_else(String::new, |first| first.to_lowercase().chain(rest).collect())
}
