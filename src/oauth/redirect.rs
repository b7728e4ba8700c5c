//! Redirect URLs: which may be registered, and when the one of a request is a registered one (hdp-api 9.12).
//!
//! The comparison is of whole strings, for a rule that forgives anything is one more way to send codes to somebody else
//! (RFC 9700 section 4.1). The one exception is the port of a loopback address, which a native application doesn't know
//! beforehand (RFC 8252 section 7.3).

use url::Url;

/// Longest redirect URL, in bytes.
pub const REDIRECT_URL_BYTES_MAX: usize = 2048;

/// Loopback addresses by number. A name such as `localhost` may lead elsewhere (RFC 8252 section 8.3).
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// A redirect URL that may be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUrl {
    sent: String,
    whole: String,
    url: Url,
}

impl RedirectUrl {
    /// Reads one; it is kept as sent. Without a scheme it is an https address, as in HDP's samples.
    pub fn parse(sent: &str) -> Result<Self, String> {
        if sent.is_empty() || sent.len() > REDIRECT_URL_BYTES_MAX {
            return Err(format!("use 1 to {REDIRECT_URL_BYTES_MAX} bytes for each"));
        }
        // The parser forgives what a comparison doesn't: blanks, control characters, backslashes.
        if !sent.bytes().all(of_uris) {
            return Err("use characters of URIs only (RFC 3986) and percent-encode others".to_owned());
        }
        if sent.contains('*') {
            return Err("write each URL out: there are no wildcards".to_owned());
        }
        if sent.contains('#') {
            return Err("leave the fragment out: RFC 6749 section 3.1.2 forbids it".to_owned());
        }
        let whole = whole(sent);
        let url = Url::parse(&whole)
            .map_err(|_| "use absolute URLs such as https://client.example/callback".to_owned())?;
        if authority(&whole).is_some_and(|authority| authority.contains('@')) {
            return Err("leave user name and password out".to_owned());
        }
        // `https:host` is a relative reference to some readers, and to others not.
        if matches!(url.scheme(), "https" | "http") && authority(&whole).is_none() {
            return Err("write two slashes after the scheme".to_owned());
        }
        let has_host = url.host_str().is_some_and(|host| !host.is_empty());
        match url.scheme() {
            "https" | "http" if !has_host => Err("name a host".to_owned()),
            "http" if !is_loopback(&whole) => {
                Err("use https; http is for http://127.0.0.1 and http://[::1] \
                only, where native applications listen"
                    .to_owned())
            }
            "https" | "http" => Ok(Self { sent: sent.to_owned(), whole, url }),
            // Names of domains read backwards have a point in them, which no scheme has that a browser runs or reads
            // itself, such as javascript (RFC 8252 section 7.1).
            scheme if scheme.contains('.') => Ok(Self { sent: sent.to_owned(), whole, url }),
            _ => Err("use https, or a scheme of your own that is a domain name read backwards, such as \
                com.example.app:/callback"
                .to_owned()),
        }
    }

    /// As it was sent to us, and is shown again.
    pub fn as_sent(&self) -> &str {
        &self.sent
    }

    /// The URL that it stands for: what requests are compared with.
    pub fn whole(&self) -> &str {
        &self.whole
    }

    /// Whether any program on the user's machine could be who listens there: on a loopback address, or behind a scheme of its
    /// own. Nothing but the user's own consent says which one asks.
    pub fn is_native(&self) -> bool {
        let on_this_machine = matches!(self.url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        self.url.scheme() != "https" || on_this_machine
    }

    /// Host and port, or the scheme of an application of its own, for people.
    pub fn place(&self) -> String {
        let host = self.url.host_str().filter(|_| matches!(self.url.scheme(), "http" | "https"));
        match (host, self.url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => format!("{}:", self.url.scheme()),
        }
    }

    /// What a content security policy has to name so that a form may lead there: an origin, or a scheme.
    pub fn policy_source(&self) -> String {
        if self.url.origin().is_tuple() {
            self.url.origin().ascii_serialization()
        } else {
            format!("{}:", self.url.scheme())
        }
    }
}

/// Where an answer goes: the URL that the request names, when it is a registered one. A request may leave it out when there is
/// only one (RFC 6749 section 3.1.2.3).
pub fn target<S: AsRef<str>>(registered: &[S], sent: Option<&str>) -> Option<String> {
    match (sent, registered) {
        (Some(sent), all) => all.iter().any(|one| matches(one.as_ref(), sent)).then(|| sent.to_owned()),
        (None, [only]) => Some(whole(only.as_ref())),
        (None, _) => None,
    }
}

/// Whether the redirect URL of a request is this registered one.
pub fn matches(registered: &str, sent: &str) -> bool {
    let registered = whole(registered);
    if registered == sent {
        return true;
    }
    match (loopback(&registered), loopback(sent)) {
        (Some(registered), Some(sent)) => registered == sent,
        _ => false,
    }
}

/// The URL that a registered text stands for: HDP's samples leave the scheme out.
fn whole(registered: &str) -> String {
    if scheme(registered).is_some() { registered.to_owned() } else { format!("https://{registered}") }
}

/// What stands before the first colon, when that is a scheme rather than a host before its port.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let good = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let port = rest.starts_with(|c: char| c.is_ascii_digit());
    (good && !port).then_some(scheme)
}

/// What stands between the two slashes and the path.
fn authority(whole: &str) -> Option<&str> {
    let rest = whole.split_once("://")?.1;
    Some(&rest[..rest.find(['/', '?']).unwrap_or(rest.len())])
}

fn is_loopback(whole: &str) -> bool {
    loopback(whole).is_some()
}

/// A loopback address without its port: what is compared of it.
fn loopback(whole: &str) -> Option<(&str, &str)> {
    let address = LOOPBACK.into_iter().find(|address| whole.starts_with(address))?;
    let rest = &whole[address.len()..];
    let rest = match rest.strip_prefix(':') {
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest[..end].parse::<u16>().ok()?;
            &rest[end..]
        }
        None => rest,
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((address, rest))
}

/// Unreserved and reserved characters of RFC 3986, and the percent sign.
fn of_uris(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> RedirectUrl {
        RedirectUrl::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"))
    }

    #[test]
    fn what_may_be_registered_is_kept_as_sent() {
        for (sent, whole, native) in [
            ("bedford.progresstest.com", "https://bedford.progresstest.com", false),
            ("bedford.progresstest.com:8443/cb", "https://bedford.progresstest.com:8443/cb", false),
            (
                "https://www.getpostman.com/oauth2/callback",
                "https://www.getpostman.com/oauth2/callback",
                false,
            ),
            ("https://client.example/cb?tenant=1;2", "https://client.example/cb?tenant=1;2", false),
            ("HTTPS://Client.Example/Cb", "HTTPS://Client.Example/Cb", false),
            ("https://[2001:db8::1]/cb", "https://[2001:db8::1]/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1/cb", true),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", true),
            ("http://[::1]:5/cb", "http://[::1]:5/cb", true),
            ("https://localhost:8443/cb", "https://localhost:8443/cb", true),
            ("https://127.0.0.1/cb", "https://127.0.0.1/cb", true),
            ("com.example.app:/cb", "com.example.app:/cb", true),
            ("com.example.app://cb", "com.example.app://cb", true),
        ] {
            let url = url(sent);
            assert_eq!((url.as_sent(), url.whole(), url.is_native()), (sent, whole, native));
        }
    }

    #[test]
    fn what_may_not_be_registered_is_told_why() {
        let long = format!("https://a.example/{}", "x".repeat(REDIRECT_URL_BYTES_MAX));
        for (sent, reason) in [
            ("", "bytes"),
            (long.as_str(), "bytes"),
            ("https://a.example/a b", "RFC 3986"),
            ("https://a.example\\@b.example/", "RFC 3986"),
            ("https:user@evil.example/cb", "two slashes"),
            ("https:/evil.example/cb", "two slashes"),
            ("https://a.example/\u{e4}", "RFC 3986"),
            ("https://a.example/\n", "RFC 3986"),
            ("https://a.example/\"x", "RFC 3986"),
            ("https://*.a.example/cb", "wildcards"),
            ("https://a.example/*", "wildcards"),
            ("https://a.example/#here", "fragment"),
            ("https://a.example/#", "fragment"),
            ("https://user:secret@a.example/", "user name"),
            ("https://@a.example/", "user name"),
            ("user@a.example", "user name"),
            ("https://", "absolute"),
            ("https:///", "absolute"),
            ("https://a.example:99999/", "absolute"),
            ("http://a.example/cb", "use https"),
            ("http://localhost/cb", "use https"),
            ("http://127.0.0.2/cb", "use https"),
            ("http://127.0.0.1.a.example/cb", "use https"),
            ("http://127.0.0.1:99999/cb", "absolute"),
            ("http://127.1/cb", "use https"),
            ("HTTP://127.0.0.1/cb", "use https"),
            ("javascript:alert(1)", "read backwards"),
            ("JavaScript://a.example/%0aalert(1)", "read backwards"),
            ("data:text/html,x", "read backwards"),
            ("vbscript:x", "read backwards"),
            ("file:///etc/passwd", "read backwards"),
            ("myapp://cb", "read backwards"),
            ("urn:ietf:wg:oauth:2.0:oob", "read backwards"),
        ] {
            let problem = RedirectUrl::parse(sent).expect_err(sent);
            assert!(problem.contains(reason), "{sent}: {problem}");
            assert!(sent.len() < 12 || !problem.contains(sent), "the problem repeats the value");
        }
    }

    #[test]
    fn s01_a_redirect_url_is_compared_as_a_whole_and_only_a_loopback_port_may_vary() {
        let https = "https://client.example/cb";
        let loopback = "http://127.0.0.1/cb";
        for (registered, sent, same) in [
            (https, "https://client.example/cb", true),
            (https, "https://client.example/cb/", false),
            (https, "https://client.example/CB", false),
            (https, "https://Client.example/cb", false),
            (https, "https://client.example:443/cb", false),
            (https, "https://client.example/cb?x=1", false),
            (https, "https://client.example/cb#x", false),
            (https, "https://client.example/./cb", false),
            (https, "https://client.example/%63b", false),
            (https, "https://user@client.example/cb", false),
            (https, "https://client.example.evil.example/cb", false),
            (https, "http://client.example/cb", false),
            (https, "client.example/cb", false),
            ("https://*.client.example/cb", "https://a.client.example/cb", false),
            ("bedford.progresstest.com", "https://bedford.progresstest.com", true),
            ("bedford.progresstest.com", "https://bedford.progresstest.com/", false),
            ("bedford.progresstest.com", "bedford.progresstest.com", false),
            (loopback, "http://127.0.0.1/cb", true),
            (loopback, "http://127.0.0.1:51234/cb", true),
            ("http://127.0.0.1:80/cb", "http://127.0.0.1:51234/cb", true),
            ("http://[::1]:80/cb", "http://[::1]/cb", true),
            (loopback, "http://127.0.0.1:51234/cb/", false),
            (loopback, "http://127.0.0.1:/cb", false),
            (loopback, "http://127.0.0.1:123456/cb", false),
            (loopback, "http://127.0.0.1:1@evil.example/cb", false),
            (loopback, "http://127.0.0.1@evil.example/cb", false),
            (loopback, "http://127.0.0.1.evil.example/cb", false),
            (loopback, "http://localhost/cb", false),
            (loopback, "http://[::1]/cb", false),
            (loopback, "https://127.0.0.1/cb", false),
            ("https://127.0.0.1:1/cb", "https://127.0.0.1:2/cb", false),
            ("com.example.app:/cb", "com.example.app:/cb", true),
            ("com.example.app:/cb", "com.example.app:/cb?x", false),
        ] {
            assert_eq!(matches(registered, sent), same, "{registered} {sent}");
        }
    }

    #[test]
    fn a_redirect_url_is_left_out_only_where_there_is_one() {
        let (one, two) = (["a.example"], ["a.example", "https://b.example/"]);
        assert_eq!(target(&one, None).as_deref(), Some("https://a.example"));
        assert_eq!(target(&two, None), None);
        assert_eq!(target(&two, Some("https://b.example/")).as_deref(), Some("https://b.example/"));
        assert_eq!(target(&two, Some("https://c.example/")), None);
        let loopback = ["http://127.0.0.1/cb"];
        let sent = "http://127.0.0.1:5/cb";
        assert_eq!(target(&loopback, Some(sent)).as_deref(), Some(sent));
    }

    #[test]
    fn a_place_is_named_for_people_and_for_the_browser() {
        for (sent, place, source) in [
            ("a.example", "a.example", "https://a.example"),
            ("https://a.example:8443/cb?x=1;script-src", "a.example:8443", "https://a.example:8443"),
            ("http://127.0.0.1:5/cb", "127.0.0.1:5", "http://127.0.0.1:5"),
            ("com.example.app:/cb", "com.example.app:", "com.example.app:"),
            ("com.example.app://bank.example/x", "com.example.app:", "com.example.app:"),
        ] {
            let url = url(sent);
            assert_eq!((url.place().as_str(), url.policy_source().as_str()), (place, source), "{sent}");
        }
    }
}
