//! The table of settings: name, meaning, how one is read into a [`Config`] and shown from it.

use std::net::IpAddr;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::value::{Raw, show_duration};
use super::{Config, LogFormat, MasterKey, PasswordPolicy, Reveal};
use crate::logs::is_filter;

/// One setting.
pub struct Key {
    /// `section.name`, as in the file.
    pub name: &'static str,
    /// What it is for, in half a sentence.
    pub help: &'static str,
    /// What a value has to look like, to stand after "must be".
    pub expected: &'static str,
    /// Never shown.
    pub secret: bool,
    read: fn(&mut Config, &Raw) -> Option<()>,
    show: fn(&Config) -> Option<String>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("name", &self.name).finish_non_exhaustive()
    }
}

const ADDRESSES: &str = "a list of IP addresses such as [\"10.0.0.7\"], in a variable separated by commas";
const BOOLEAN: &str = "true or false";
const BYTES: &str = "a number of bytes such as 1048576, or \"1MiB\"";
const COUNT: &str = "a whole number above zero";
const DURATION: &str = "a time such as \"30d\", \"12h\", \"15m\" or \"90s\"; a bare number means seconds";
const PATH: &str = "a path";

/// Every setting, grouped by section in the order of `--print-config`.
pub const KEYS: &[Key] = &[
    Key {
        name: "server.listen",
        help: "address and port to listen on",
        expected: "an address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"",
        secret: false,
        read: |c, v| put(&mut c.server.listen, v.text()?.parse().ok()?),
        show: |c| quoted(c.server.listen),
    },
    Key {
        name: "server.public_url",
        help: "the issuer and base of every absolute URL; http://<listen> by default, required unless loopback",
        expected: "an http or https URL without path, query, fragment or user, such as \"https://ledger.example\"",
        secret: false,
        read: |c, v| put(&mut c.server.public_url, Some(base_url(v.text()?)?)),
        show: |c| c.server.public_url.as_ref().and_then(quoted),
    },
    Key {
        name: "server.behind_proxy",
        help: "addresses of the proxies that end TLS; only their X-Forwarded-For is believed",
        expected: ADDRESSES,
        secret: false,
        read: |c, v| put(&mut c.server.behind_proxy, addresses(v)?),
        show: |c| {
            let items: Vec<String> = c.server.behind_proxy.iter().filter_map(quoted).collect();
            Some(format!("[{}]", items.join(", ")))
        },
    },
    Key {
        name: "ledger.data_dir",
        help: "the data directory",
        expected: PATH,
        secret: false,
        read: |c, v| put(&mut c.ledger.data_dir, path(v)?),
        show: |c| quoted(c.ledger.data_dir.display()),
    },
    Key {
        name: "ledger.witness_path",
        help: "the witness file when it lies outside the data directory, best on another disk",
        expected: PATH,
        secret: false,
        read: |c, v| put(&mut c.ledger.witness_path, Some(path(v)?)),
        show: |c| c.ledger.witness_path.as_ref().and_then(|path| quoted(path.display())),
    },
    Key {
        name: "ledger.check_dir",
        help: "where a copy of the log is made and opened first, when the data directory's disk has no room for it",
        expected: PATH,
        secret: false,
        read: |c, v| put(&mut c.ledger.check_dir, Some(path(v)?)),
        show: |c| c.ledger.check_dir.as_ref().and_then(|path| quoted(path.display())),
    },
    Key {
        name: "ledger.min_free_bytes",
        help: "writes are refused when the disk has less than this",
        expected: BYTES,
        secret: false,
        read: |c, v| put(&mut c.ledger.min_free_bytes, v.bytes()?),
        show: |c| Some(c.ledger.min_free_bytes.to_string()),
    },
    Key {
        name: "ledger.queue",
        help: "how many commands may wait for the writer",
        expected: COUNT,
        secret: false,
        read: |c, v| put(&mut c.ledger.queue, count(v)?),
        show: |c| Some(c.ledger.queue.to_string()),
    },
    Key {
        name: "keys.master",
        help: "the master key, when it does not lie in <data-dir>.key",
        expected: "32 bytes as 64 hexadecimal digits",
        secret: true,
        read: |c, v| {
            let mut key = Zeroizing::new([0; 32]);
            hex::decode_to_slice(v.text()?.trim(), key.as_mut_slice()).ok()?;
            put(&mut c.keys.master, Some(MasterKey(key)))
        },
        show: |c| c.keys.master.as_ref().map(|_| String::new()),
    },
    Key {
        name: "clock.max_gap",
        help: "the longest time since the last event that a start believes without --accept-clock",
        expected: DURATION,
        secret: false,
        read: |c, v| put(&mut c.clock.max_gap, v.duration()?),
        show: |c| quoted(show_duration(c.clock.max_gap)),
    },
    Key {
        name: "secrets.reveal",
        help: "whether a GET of one object shows its secrets to those who may administer it",
        expected: "\"audited\" or \"never\"",
        secret: false,
        read: |c, v| put(&mut c.secrets.reveal, choice(v, REVEAL)?),
        show: |c| chosen(&c.secrets.reveal, REVEAL),
    },
    Key {
        name: "auth.account_failures_per_minute",
        help: "wrong passwords per account from one address before 429",
        expected: COUNT,
        secret: false,
        read: |c, v| put(&mut c.auth.account_failures_per_minute, u32::try_from(count(v)?).ok()?),
        show: |c| Some(c.auth.account_failures_per_minute.to_string()),
    },
    Key {
        name: "auth.address_failures_per_minute",
        help: "wrong passwords per address before 429",
        expected: COUNT,
        secret: false,
        read: |c, v| put(&mut c.auth.address_failures_per_minute, u32::try_from(count(v)?).ok()?),
        show: |c| Some(c.auth.address_failures_per_minute.to_string()),
    },
    Key {
        name: "password.policy",
        help: "rules for new passwords",
        expected: "\"default\" or \"hdp\"",
        secret: false,
        read: |c, v| put(&mut c.password.policy, choice(v, POLICY)?),
        show: |c| chosen(&c.password.policy, POLICY),
    },
    Key {
        name: "oauth.password_grant",
        help: "whether client applications that are allowed to may exchange users' passwords for tokens",
        expected: BOOLEAN,
        secret: false,
        read: |c, v| put(&mut c.oauth.password_grant, v.boolean()?),
        show: |c| Some(c.oauth.password_grant.to_string()),
    },
    Key {
        name: "oauth.end_tokens_on_password_change",
        help: "whether who changes the own password ends all tokens, not only those given for it",
        expected: BOOLEAN,
        secret: false,
        read: |c, v| put(&mut c.oauth.end_tokens_on_password_change, v.boolean()?),
        show: |c| Some(c.oauth.end_tokens_on_password_change.to_string()),
    },
    Key {
        name: "oauth.require_pkce",
        help: "whether every authorization request must carry a challenge (RFC 7636)",
        expected: BOOLEAN,
        secret: false,
        read: |c, v| put(&mut c.oauth.require_pkce, v.boolean()?),
        show: |c| Some(c.oauth.require_pkce.to_string()),
    },
    Key {
        name: "oauth.odata_resource",
        help: "the resource that api.access.odata is for (RFC 8707); the issuer by default",
        expected: "an http or https URL without fragment or user, such as \"https://odata.example/api\"",
        secret: false,
        read: |c, v| put(&mut c.oauth.odata_resource, Some(resource(v.text()?)?)),
        show: |c| c.oauth.odata_resource.as_ref().and_then(quoted),
    },
    Key {
        name: "log.level",
        help: "error, warn, info, debug or trace, or filters such as \"info,authledger::api=debug\"",
        expected: "error, warn, info, debug or trace, or filters such as \"info,authledger::api=debug\"",
        secret: false,
        read: |c, v| {
            let level = v.text()?.trim();
            put(&mut c.log.level, Some(level.to_owned()).filter(|level| is_filter(level))?)
        },
        show: |c| quoted(&c.log.level),
    },
    Key {
        name: "log.format",
        help: "lines for people, or JSON",
        expected: "\"people\" or \"json\"",
        secret: false,
        read: |c, v| put(&mut c.log.format, choice(v, FORMAT)?),
        show: |c| chosen(&c.log.format, FORMAT),
    },
    Key {
        name: "limits.body_bytes",
        help: "largest request body",
        expected: BYTES,
        secret: false,
        read: |c, v| put(&mut c.limits.body_bytes, usize::try_from(v.bytes()?).ok()?),
        show: |c| Some(c.limits.body_bytes.to_string()),
    },
    Key {
        name: "limits.header_bytes",
        help: "largest head of a request",
        expected: "a number of bytes from 8192 to 1048576, or \"16KiB\"",
        secret: false,
        // Below 8 KiB the HTTP library's own buffer could not hold what it has to read.
        read: |c, v| {
            let bytes =
                usize::try_from(v.bytes()?).ok().filter(|bytes| (8 << 10..=1 << 20).contains(bytes))?;
            put(&mut c.limits.header_bytes, bytes)
        },
        show: |c| Some(c.limits.header_bytes.to_string()),
    },
    Key {
        name: "limits.request_time",
        help: "time to receive a head, to receive a body, and to answer",
        expected: DURATION,
        secret: false,
        read: |c, v| put(&mut c.limits.request_time, v.duration().filter(|time| !time.is_zero())?),
        show: |c| quoted(show_duration(c.limits.request_time)),
    },
    Key {
        name: "limits.connections",
        help: "connections served at a time; further ones wait",
        expected: COUNT,
        secret: false,
        read: |c, v| put(&mut c.limits.connections, count(v)?),
        show: |c| Some(c.limits.connections.to_string()),
    },
];

const REVEAL: &[(&str, Reveal)] = &[("audited", Reveal::Audited), ("never", Reveal::Never)];
const POLICY: &[(&str, PasswordPolicy)] =
    &[("default", PasswordPolicy::Default), ("hdp", PasswordPolicy::Hdp)];
const FORMAT: &[(&str, LogFormat)] = &[("people", LogFormat::People), ("json", LogFormat::Json)];

/// Reads one value into its place. `None`: it does not look as [`Key::expected`] says.
pub(super) fn read(key: &Key, config: &mut Config, value: &Raw) -> Option<()> {
    (key.read)(config, value)
}

/// Every setting with its value as TOML, `None` where it is not set. Secrets come as an empty text.
pub(super) fn entries(config: &Config) -> impl Iterator<Item = (&'static Key, Option<String>)> {
    KEYS.iter().map(|key| (key, (key.show)(config)))
}

// Closures can't hold an assignment and a question mark in one expression; this can.
#[allow(clippy::unnecessary_wraps)]
fn put<T>(place: &mut T, value: T) -> Option<()> {
    *place = value;
    Some(())
}

fn choice<T: Copy>(value: &Raw, of: &[(&str, T)]) -> Option<T> {
    let text = value.text()?;
    of.iter().find(|(name, _)| *name == text).map(|(_, meaning)| *meaning)
}

fn chosen<T: PartialEq>(value: &T, of: &[(&str, T)]) -> Option<String> {
    of.iter().find(|(_, meaning)| meaning == value).and_then(|(name, _)| quoted(name))
}

// The result is an Option for the sake of the closures above; it is always there.
#[allow(clippy::unnecessary_wraps)]
fn quoted(value: impl std::fmt::Display) -> Option<String> {
    Some(toml::Value::String(value.to_string()).to_string())
}

fn count(value: &Raw) -> Option<usize> {
    usize::try_from(value.number()?).ok().filter(|count| *count > 0)
}

fn path(value: &Raw) -> Option<PathBuf> {
    value.text().filter(|text| !text.is_empty() && !text.contains('\0')).map(PathBuf::from)
}

fn addresses(value: &Raw) -> Option<Vec<IpAddr>> {
    value.items()?.into_iter().map(|item| item.parse().ok()).collect()
}

/// As it is sent: resources are compared character by character.
fn resource(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    plain.then(|| text.to_owned())
}

fn base_url(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    plain.then(|| url.as_str().trim_end_matches('/').to_owned())
}
