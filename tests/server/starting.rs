//! "What bad input gets" from `serve`: settings it can't follow are a sentence and an exit code, and nothing is made.

use std::fs;

use crate::place::Place;

/// What the file of settings says, the environment, the flags; how it ends, and what it says.
type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str], i32, &'a [&'a str]);

#[test]
fn settings_that_serve_can_not_follow_are_said_and_nothing_is_made() {
    let others = "server.listen is 0.0.0.0:0, which others can reach";
    let rows: &[Row<'_>] = &[
        (
            "[server]\nlissen = \"127.0.0.1:0\"",
            &[],
            &[],
            2,
            &["sets server.lissen", "did you mean server.listen?"],
        ),
        ("[sever]\nlisten = \"127.0.0.1:0\"", &[], &[], 2, &["sever", "did you mean"]),
        ("server = 1", &[], &[], 2, &["server"]),
        ("[server", &[], &[], 2, &["is not TOML"]),
        ("", &[("SERVER__LISTENS", "x")], &[], 2, &["AUTHLEDGER_SERVER__LISTENS", "did you mean"]),
        ("", &[("LOG__FORMAT", "xml")], &[], 2, &["log.format must be"]),
        ("", &[("LOG__LEVEL", "louder")], &[], 2, &["log.level must be"]),
        ("", &[("LIMITS__BODY_BYTES", "many")], &[], 2, &["limits.body_bytes must be a number of bytes"]),
        ("", &[("LEDGER__QUEUE", "0")], &[], 2, &["ledger.queue must be a whole number above zero"]),
        ("", &[], &["--listen", "localhost"], 2, &["server.listen must be an address and a port"]),
        ("", &[], &["--listen", "127.0.0.1:65536"], 2, &["server.listen must be an address and a port"]),
        ("", &[], &["--listen", "0.0.0.0:0"], 2, &[others, "server.behind_proxy"]),
        ("[server]\nlisten = \"[::]:0\"", &[], &[], 2, &["server.listen is [::]:0", "server.behind_proxy"]),
        ("", &[("SERVER__BEHIND_PROXY", "127.0.0.1")], &["--listen", "0.0.0.0:0"], 2, &["server.public_url"]),
        ("", &[("SERVER__BEHIND_PROXY", "the proxy")], &[], 2, &["server.behind_proxy must be"]),
        ("", &[("SERVER__PUBLIC_URL", "ledger.example/")], &[], 2, &["server.public_url must be"]),
        // Addresses of documentation (RFC 5737) are nobody's, so not ours either.
        (
            "[server]\nbehind_proxy = [\"127.0.0.1\"]\npublic_url = \"https://ledger.example\"",
            &[],
            &["--listen", "192.0.2.1:8080"],
            3,
            &["can't listen on 192.0.2.1:8080"],
        ),
        ("", &[], &["--lissen", "x"], 2, &["unexpected argument '--lissen'", "--listen"]),
    ];
    let place = Place::vacant();
    let file = place.path().join("settings.toml");
    for (settings, environment, flags, code, texts) in rows {
        fs::write(&file, settings).expect("writes");
        let mut command = place.command("serve");
        command.arg("--config").arg(&file).args(*flags);
        if !flags.contains(&"--listen") && !settings.contains("listen =") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command.envs(environment.iter().map(|(name, value)| (format!("AUTHLEDGER_{name}"), value)));
        let (ended, said) = place.refused(command);
        assert_eq!(ended, *code, "{settings} {environment:?} {flags:?}: {said}");
        assert!(texts.iter().all(|text| said.contains(text)), "{settings} {environment:?} {flags:?}: {said}");
        assert!(!place.data().exists(), "{settings} {environment:?} {flags:?}: something was made");
        assert!(!place.data().with_extension("key").exists(), "{settings} {environment:?} {flags:?}");
    }
}
