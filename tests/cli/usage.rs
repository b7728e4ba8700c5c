//! Wrong flags, wrong settings, and the help that says so.

use crate::house::{command, contents, finish, run};

/// Arguments, environment, what is said.
type Misused<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn what_is_not_understood_is_usage_and_touches_nothing() {
    let place = tempfile::tempdir().expect("a directory");
    let rows: &[Misused<'_>] = &[
        (&[], &[], &["Usage: authledger"]),
        (&["verfy"], &[], &["unrecognized subcommand 'verfy'", "verify"]),
        (&["verify", "--bundel", "x"], &[], &["unexpected argument '--bundel'"]),
        (&["verify", "--dump", "x", "--data-dir", "y"], &[], &["cannot be used with"]),
        (&["verify", "--root", "00"], &[], &["64 hexadecimal digits"]),
        (&["verify", "--size=-1"], &[], &["--size <N>"]),
        (&["replay", "--until", "yesterday"], &[], &["2026-11-20T18:30:00Z"]),
        (&["replay", "--until", "18446744073709551616"], &[], &["a sequence such as 42"]),
        (&["events", "--type", "AppMade"], &[], &["there is no such type", "OAuthAppCreated"]),
        (&["events", "--stream", "app/1"], &[], &["there is no such kind", "oauth_app"]),
        (&["events", "--stream", "oauth_app/one"], &[], &["an id is a number"]),
        (&["events", "--actor", "root"], &[], &["user/ID"]),
        (&["events", "--tenant", "System"], &[], &["--tenant"]),
        (&["events", "--format", "xml"], &[], &["table", "jsonl", "csv", "leaves"]),
        (&["events", "--format", "leaves", "--type", "UserCreated"], &[], &["no filter but --until"]),
        (&["events", "--follow"], &[], &["unexpected argument"]),
        (&["verify"], &[("AUTHLEDGER_LEDGER__DATADIR", "x")], &["did you mean AUTHLEDGER_LEDGER__DATA_DIR?"]),
        (&["verify"], &[("AUTHLEDGER_KEYS__MASTER", "x")], &["keys.master must be 32 bytes"]),
        (&["verify", "--data-dir", ""], &[], &["ledger.data_dir must be a path"]),
        (&["init", "--config", "missing.toml"], &[], &["missing.toml"]),
        (&["user"], &[], &["set-password", "unlock"]),
        (&["user", "unlock"], &[], &["<NAME|--id <N>>"]),
        (&["user", "unlock", "ada", "--id", "2"], &[], &["cannot be used with"]),
        (&["user", "unlock", "--id", "ada"], &[], &["--id <N>"]),
        (&["user", "unlock", ""], &[], &["1 to 128 characters"]),
        (&["user", "unlock", "a:b"], &[], &["no colon"]),
        (&["user", "set-password", "ada", "--temporary", "--final"], &[], &["cannot be used with"]),
        (
            &["user", "unlock", "ada", "--server", "http://localhost"],
            &[],
            &["--as <NAME>", "--as-password-file <F>"],
        ),
        (&["user", "unlock", "ada", "--as", "d2cadmin"], &[], &["--server <URL>"]),
        (&["user", "unlock", "ada", "--server", "x", "--data-dir", "y"], &[], &["cannot be used with"]),
        (&["completions", "cobol"], &[], &["bash"]),
    ];
    for (arguments, environment, texts) in rows {
        let mut command = command(arguments);
        command.current_dir(place.path()).envs(environment.iter().copied());
        let ran = finish(&mut command).expect(2, texts);
        assert!(ran.bytes.is_empty(), "{arguments:?} is no result: {ran:?}");
        assert_eq!(contents(place.path()), Vec::new(), "{arguments:?}");
    }
}

#[test]
fn help_stands_on_standard_output_and_names_the_exit_codes() {
    run(&["--version"]).expect(0, &["authledger 0."]);
    for name in ["serve", "init", "verify", "replay", "events", "user", "completions"] {
        let short = run(&[name, "-h"]).expect(0, &["Usage: authledger"]);
        assert!(short.err.is_empty() && short.out().contains(name));
    }
    run(&["verify", "--help"]).expect(0, &["10  tampered", "11  forked", "12  stale", "13  incomplete"]);
    run(&["completions", "bash"]).expect(0, &["_authledger", "--as-password-file"]);
}
