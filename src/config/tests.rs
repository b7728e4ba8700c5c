//! Every layer, every kind of value, every complaint.

use super::*;

fn layers(file: Option<&str>, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Layers {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let path = file.map(|text| {
        let path = tempfile::NamedTempFile::new().expect("a temporary file").into_temp_path();
        std::fs::write(&path, text).expect("the temporary file takes text");
        path.keep().expect("kept until read")
    });
    Layers {
        file: path,
        environment: environment.iter().map(owned).collect(),
        flags: flags.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
    }
}

fn load(
    file: Option<&str>,
    environment: &[(&str, &str)],
    flags: &[(&'static str, &str)],
) -> Result<Config, String> {
    let layers = layers(file, environment, flags);
    let result = Config::load(&layers).map_err(|error| error.to_string());
    if let Some(path) = &layers.file {
        let _ = std::fs::remove_file(path);
    }
    result
}

#[test]
fn without_anything_the_defaults_hold() {
    assert_eq!(load(None, &[], &[]), Ok(Config::default()));
}

#[test]
fn a_later_layer_wins() {
    let file = "[server]\nlisten = \"127.0.0.1:1001\"\n[ledger]\nqueue = 1\n[log]\nlevel = \"debug\"";
    let environment = [
        ("AUTHLEDGER_SERVER__LISTEN", "127.0.0.1:1002"),
        ("AUTHLEDGER_LEDGER__QUEUE", "2"),
        ("AUTHLEDGER_ADMIN_PASSWORD", "not a setting"),
        ("PATH", "/bin"),
    ];
    let config =
        load(Some(file), &environment, &[("server.listen", "127.0.0.1:1003")]).expect("good settings");
    assert_eq!(config.server.listen.port(), 1003);
    assert_eq!(config.ledger.queue, 2);
    assert_eq!(config.log.level, "debug");
}

#[test]
fn what_is_printed_reads_back_as_the_same_settings() {
    let file = r#"
        [server]
        listen = "0.0.0.0:8443"
        public_url = "https://ledger.example/"
        behind_proxy = ["10.0.0.7", "::1"]
        [ledger]
        data_dir = "/data/a \"quoted\" place"
        witness_path = "/elsewhere/witness"
        check_dir = "/spacious"
        min_free_bytes = "2GiB"
        queue = 7
        [clock]
        max_gap = "36h"
        [secrets]
        reveal = "never"
        [auth]
        account_failures_per_minute = 3
        address_failures_per_minute = 4
        [password]
        policy = "hdp"
        [oauth]
        password_grant = true
        end_tokens_on_password_change = true
        require_pkce = true
        odata_resource = "https://odata.example/api"
        [log]
        level = "warn,authledger=trace"
        format = "json"
        [limits]
        body_bytes = "64KiB"
        header_bytes = 8192
        request_time = "5s"
        connections = 9
    "#;
    let config = load(Some(file), &[], &[]).expect("good settings");
    assert_eq!(config.server.public_url.as_deref(), Some("https://ledger.example"));
    assert_eq!(config.ledger.min_free_bytes, 2 << 30);
    assert_eq!(load(Some(&config.masked_toml()), &[], &[]), Ok(config.clone()));
    // Every setting of the file above differs from its default, so that none is forgotten here when one is added.
    let default = Config::default().masked_toml();
    for line in config.masked_toml().lines().filter(|line| line.contains(" = ")) {
        assert!(!default.lines().any(|other| other == line), "{line} is the default");
    }
}

#[test]
fn the_defaults_are_printed_and_read_back() {
    let text = Config::default().masked_toml();
    assert!(text.contains("listen = \"127.0.0.1:8080\""), "{text}");
    assert!(text.contains("max_gap = \"30d\""), "{text}");
    assert_eq!(load(Some(&text), &[], &[]), Ok(Config::default()));
}

#[test]
fn the_master_key_is_shown_nowhere() {
    let key = "00112233445566778899aabbccddeeff".repeat(2);
    let config = load(None, &[("AUTHLEDGER_KEYS__MASTER", &key)], &[]).expect("good settings");
    for text in [config.masked_toml(), format!("{config:?}")] {
        assert!(!text.to_lowercase().contains("8899aabb") && !text.contains("136, 153"), "{text}");
    }
    // Nor in a complaint about it, wherever it was written.
    let bad = format!("{key}00");
    let complaints = [
        load(None, &[("AUTHLEDGER_KEYS__MASTER", &bad)], &[]),
        load(Some(&format!("[keys]\nmaster = \"{bad}\"")), &[], &[]),
        load(Some(&format!("[keys]\nmaster = \"{bad}")), &[], &[]),
        load(Some(&format!("[keys]\nmaster = {bad}")), &[], &[]),
    ];
    for complaint in complaints {
        let complaint = complaint.expect_err("a bad key");
        assert!(!complaint.contains("8899aabb"), "{complaint}");
    }
}

#[test]
fn each_complaint_says_what_to_do() {
    type Row = (Option<&'static str>, &'static [(&'static str, &'static str)], &'static [&'static str]);
    let rows: &[Row] = &[
        (Some("[server]\nlisten_on = \"x\""), &[], &["server.listen_on", "did you mean server.listen?"]),
        (Some("[server]\nport = 1"), &[], &["server.port", "no such setting"]),
        (Some("[ledgr]\ndata_dir = \"x\""), &[], &["ledgr.data_dir", "did you mean ledger.data_dir?"]),
        (Some("listen = \"127.0.0.1:1\""), &[], &["did you mean server.listen?"]),
        (Some("[zzz]\nqqq = 1"), &[], &["zzz.qqq", "no such setting"]),
        (Some("[zzz]"), &[], &["[zzz]", "no such setting"]),
        (Some("server = 3"), &[], &["server", "no such setting"]),
        (Some("[server"), &[], &["is not TOML", "line 1"]),
        (Some("[log]\nlevel = \"info\"\nlevel = \"warn\""), &[], &["is not TOML", "line 3"]),
        (
            None,
            &[("AUTHLEDGER_SERVER__LISTN", "x")],
            &["AUTHLEDGER_SERVER__LISTN", "did you mean AUTHLEDGER_SERVER__LISTEN?"],
        ),
        (None, &[("AUTHLEDGER_LISTEN", "x")], &["did you mean AUTHLEDGER_SERVER__LISTEN?"]),
        (
            None,
            &[("AUTHLEDGER_SERVER__LISTEN", "localhost")],
            &["AUTHLEDGER_SERVER__LISTEN", "server.listen must be an address and a port"],
        ),
        (Some("[ledger]\nqueue = 0"), &[], &["ledger.queue must be a whole number above zero"]),
        (Some("[ledger]\nqueue = -1"), &[], &["ledger.queue must be"]),
        (Some("[ledger]\nqueue = 1.5"), &[], &["ledger.queue must be"]),
        (Some("[ledger]\nqueue = true"), &[], &["ledger.queue must be"]),
        (Some("[ledger]\nmin_free_bytes = \"1TB\""), &[], &["must be a number of bytes"]),
        (Some("[ledger]\nmin_free_bytes = \"99999999999999999GiB\""), &[], &["must be a number of bytes"]),
        (Some("[ledger]\ndata_dir = \"\""), &[], &["must be a path"]),
        (Some("[ledger]\nwitness_path = \"authledger-data\""), &[], &["has to name a file"]),
        (Some("[clock]\nmax_gap = \"a month\""), &[], &["must be a time such as"]),
        (Some("[clock]\nmax_gap = \"99999999999d\""), &[], &["must be a time such as"]),
        (Some("[secrets]\nreveal = \"always\""), &[], &["\"audited\" or \"never\""]),
        (Some("[password]\npolicy = \"none\""), &[], &["\"default\" or \"hdp\""]),
        (Some("[log]\nlevel = \"loud=very\""), &[], &["log.level must be"]),
        // Otherwise the name of a module, all of whose lines are wanted: nothing at all would be logged.
        (Some("[log]\nlevel = \"inof\""), &[], &["log.level must be"]),
        (Some("[log]\nlevel = \"info,authledger\""), &[], &["log.level must be"]),
        (Some("[log]\nformat = \"xml\""), &[], &["\"people\" or \"json\""]),
        (Some("[limits]\nrequest_time = \"0s\""), &[], &["limits.request_time must be"]),
        (Some("[limits]\nheader_bytes = 100"), &[], &["limits.header_bytes must be"]),
        (Some("[server]\nbehind_proxy = [\"proxy.example\"]"), &[], &["must be a list of IP addresses"]),
        (Some("[server]\npublic_url = \"ledger.example\""), &[], &["must be an http or https URL"]),
        (
            Some("[server]\npublic_url = \"https://a:b@ledger.example\""),
            &[],
            &["must be an http or https URL"],
        ),
        (
            Some("[server]\npublic_url = \"https://ledger.example/base\""),
            &[],
            &["must be an http or https URL"],
        ),
        (Some("[server]\nlisten = \"0.0.0.0:80\""), &[], &["0.0.0.0:80", "server.behind_proxy", "TLS"]),
        (Some("[server]\nlisten = \"[::]:80\"\nbehind_proxy = \"10.0.0.1\""), &[], &["server.public_url"]),
    ];
    for (file, environment, wanted) in rows {
        let complaint = load(*file, environment, &[]).expect_err(&format!("{file:?} {environment:?}"));
        for part in *wanted {
            assert!(complaint.contains(part), "{file:?} {environment:?}: {complaint:?} lacks {part:?}");
        }
    }
    let missing = Layers { file: Some(PathBuf::from("/nowhere/at/all.toml")), ..Layers::default() };
    let complaint = Config::load(&missing).expect_err("no such file").to_string();
    assert!(complaint.contains("/nowhere/at/all.toml"), "{complaint}");
}

#[test]
fn absolute_urls_start_where_the_server_is() {
    let bound = SocketAddr::from(([127, 0, 0, 1], 4242));
    assert_eq!(Config::default().public_url(bound), "http://127.0.0.1:4242");
    let config =
        load(Some("[server]\npublic_url = \"https://ledger.example\""), &[], &[]).expect("good settings");
    assert_eq!(config.public_url(bound), "https://ledger.example");
}

#[test]
fn the_readme_lists_every_setting_with_its_default() {
    let defaults = Config::default();
    let rows = keys::entries(&defaults).map(|(key, shown)| {
        let shown = shown.map_or_else(|| "not set".to_owned(), |value| format!("`{value}`"));
        format!("| `{}` | {shown} | {} |", key.name, key.help.replace('<', "\\<"))
    });
    crate::readme::has_table("## Settings", "| `", rows);
}
