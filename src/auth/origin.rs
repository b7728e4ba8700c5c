//! Which sites' pages may call the API from a browser (hdp-api 7.2).

use std::fmt;

use events::{envelope::Stream, id::LimitId};
use projections::State;

/// The limit that says whose pages may (hdp-api 7.1).
pub const CORS_BEHAVIOR: LimitId = LimitId(5);

/// A host name has at most 253 characters; no origin of a browser is longer than that with scheme and port.
const ORIGIN_BYTES_MAX: usize = 300;

/// What an entry has to look like, for whoever wrote another one.
const FORM: &str = "write scheme, host and port as browsers do, such as https://app.example.com or https://*.example.com:8443";

/// An entry of the list: `https://app.example.com` for one site, `https://*.example.com` for all hosts below one. In the form
/// in which browsers write origins: small letters, without the scheme's own port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedOrigin(String);

impl TrustedOrigin {
    /// Most characters of an entry.
    pub const CHARS_MAX: usize = ORIGIN_BYTES_MAX;

    /// Reads an entry. HDP's pages also show one without a scheme; it would trust pages that anybody on the way can change
    /// wherever it means to trust those that nobody can.
    pub fn parse(sent: &str) -> Result<Self, String> {
        let form = || FORM.to_owned();
        if sent.len() > ORIGIN_BYTES_MAX {
            return Err(format!("use at most {ORIGIN_BYTES_MAX} bytes"));
        }
        let (scheme, place) = sent.split_once("://").ok_or_else(form)?;
        if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err("the scheme must be http or https".to_owned());
        }
        // What a URL can have beside these three would be dropped by its parser without a word.
        if place.contains(['/', '?', '#', '@', '\\', '%']) || place.contains(char::is_whitespace) {
            return Err(form());
        }
        let (any, place) = match place.strip_prefix("*.") {
            Some(base) => (true, base),
            None => (false, place),
        };
        if place.contains('*') {
            return Err("* may stand once, at the beginning of a host name, before a dot".to_owned());
        }
        let url = url::Url::parse(&format!("{scheme}://{place}")).map_err(|_| form())?;
        if any && !matches!(url.host(), Some(url::Host::Domain(_))) {
            return Err("* can't stand before an address".to_owned());
        }
        let origin = url.origin().ascii_serialization();
        let (scheme, place) = origin.split_once("://").ok_or_else(form)?;
        Ok(Self(if any { format!("{scheme}://*.{place}") } else { origin }))
    }

    /// As it is stored and shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose pages may call the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorsBehavior {
    /// 0: only our own.
    Off,
    /// 1: everybody's.
    Everybody,
    /// 2: those on the list.
    Listed,
}

impl CorsBehavior {
    /// What is set now; nothing set is off, and so is a number that means nothing.
    pub fn of(state: &State<'_>) -> Self {
        match state.limits.rows.get(&(Stream::LEDGER, CORS_BEHAVIOR)).map(|limit| limit.value) {
            Some(1) => Self::Everybody,
            Some(2) => Self::Listed,
            _ => Self::Off,
        }
    }
}

/// Whether pages of `origin`, as a browser names it, may call the API now. A handful of look-ups, however long the list is.
pub fn is_trusted(state: &State<'_>, origin: &str) -> bool {
    match CorsBehavior::of(state) {
        CorsBehavior::Off => false,
        CorsBehavior::Everybody => true,
        CorsBehavior::Listed => is_listed(origin, |entry| state.cors.by_domain.has(&entry)),
    }
}

/// Whether an entry of a list is `origin` itself or stands for all hosts below one that it is below.
fn is_listed(origin: &str, has: impl Fn(String) -> bool) -> bool {
    if origin.len() > ORIGIN_BYTES_MAX {
        return false;
    }
    let Some((scheme, place)) = origin.split_once("://") else { return false };
    // `has` knows no origin that begins with a star, so nobody can name himself as an entry that stands for others.
    if place.contains('*') {
        return false;
    }
    let above = place.match_indices('.').filter(|(at, _)| *at > 0).map(|(at, _)| &place[at + 1..]);
    has(origin.to_owned()) || above.into_iter().any(|base| has(format!("{scheme}://*.{base}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_scheme_host_and_port_in_the_form_of_browsers() {
        for (sent, read) in [
            ("https://abc.com", Some("https://abc.com")),
            ("http://*.abc.com", Some("http://*.abc.com")),
            ("HTTPS://Abc.COM:443", Some("https://abc.com")),
            ("https://*.abc.com:8443", Some("https://*.abc.com:8443")),
            ("http://abc.com:80", Some("http://abc.com")),
            ("https://bücher.example", Some("https://xn--bcher-kva.example")),
            ("http://10.0.0.7:8080", Some("http://10.0.0.7:8080")),
            ("http://[2001:DB8::1]", Some("http://[2001:db8::1]")),
            ("http://localhost:3000", Some("http://localhost:3000")),
            ("abc.com", None),
            ("*.progress.com", None),
            ("*", None),
            ("https://", None),
            ("https://*", None),
            ("https://*.", None),
            ("https://*abc.com", None),
            ("https://progress.abc.*.com", None),
            ("https://*.*.com", None),
            ("https://*.10.0.0.7", None),
            ("https://*.0.0.7", None),
            ("https://abc.com/", None),
            ("https://abc.com/page", None),
            ("https://abc.com?q", None),
            ("https://abc.com#f", None),
            ("https://me@abc.com", None),
            ("https://abc.com\\evil", None),
            ("https://abc%2ecom", None),
            ("https://a bc.com", None),
            ("https://abc.com:99999", None),
            ("ftp://abc.com", None),
            ("null", None),
            ("", None),
        ] {
            let parsed = TrustedOrigin::parse(sent).ok();
            assert_eq!(parsed.as_ref().map(TrustedOrigin::as_str), read, "{sent}");
            // What was read is read again as the same.
            if let Some(read) = read {
                assert_eq!(TrustedOrigin::parse(read).map(|origin| origin.0).as_deref(), Ok(read));
            }
        }
        assert!(TrustedOrigin::parse(&format!("https://{}.example", "a".repeat(300))).is_err());
    }

    #[test]
    fn an_entry_with_a_star_stands_for_hosts_below_and_for_nothing_that_looks_like_them() {
        let list = ["https://one.example", "http://*.abc.com", "https://*.abc.com:8443"];
        for (origin, trusted) in [
            ("https://one.example", true),
            ("http://one.example", false),
            ("https://one.example:8443", false),
            ("https://x.one.example", false),
            ("https://one.example.evil.com", false),
            ("http://x.abc.com", true),
            ("http://x.y.abc.com", true),
            ("http://abc.com", false),
            ("http://.abc.com", false),
            ("http://evil-abc.com", false),
            ("http://x.evil-abc.com", false),
            ("http://x.abc.com.evil.com", false),
            ("http://x.abc.com:8080", false),
            ("https://x.abc.com", false),
            ("https://x.abc.com:8443", true),
            ("http://*.abc.com", false),
            ("http://x.*.abc.com", false),
            ("HTTP://x.abc.com", false),
            ("null", false),
            ("*", false),
            ("", false),
            ("http://", false),
        ] {
            let has = |entry: String| list.contains(&entry.as_str());
            assert_eq!(is_listed(origin, has), trusted, "{origin}");
        }
        let long = format!("http://{}.abc.com", "a".repeat(300));
        assert!(!is_listed(&long, |_| true));
    }
}
