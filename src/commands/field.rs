//! Text of a request, parsed once into types that cannot be wrong. Problems are sentences that say what is allowed and
//! never repeat the value, for it may be a secret in the wrong place.

use url::Url;

/// Longest name, in characters.
pub const NAME_CHARS_MAX: usize = 128;
/// Longest prefix of the tables of a group's member, in characters.
pub const PREFIX_CHARS_MAX: usize = 64;
/// Longest client id, in bytes.
pub const CLIENT_ID_BYTES_MAX: usize = 1024;
/// Longest secret, in bytes.
pub const SECRET_BYTES_MAX: usize = 4096;
/// Shortest secret that a client application may bring along: a GUID of HDP's has 36 characters.
pub const IMPORTED_SECRET_BYTES_MIN: usize = 16;
/// Longest URI, in bytes.
pub const URI_BYTES_MAX: usize = 2048;
/// Longest scope list, in bytes.
pub const SCOPE_BYTES_MAX: usize = 4096;
/// Longest free text, in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 4096;
/// Longest free text about a client application, in characters (hdp-api 5.1).
pub const CLIENT_DESCRIPTION_CHARS_MAX: usize = 256;

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// As sent.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }
    )*};
}

text! {
    /// The name of an OAuth application: ASCII letters, digits, `_`, and spaces inside, 1–128 (hdp-api 9.6).
    OAuthAppName;
    /// The name of an OAuth profile: ASCII letters, digits and `_`, 1–128 (hdp-api 9.6).
    OAuthProfileName;
    /// The name of a data source: a letter, then letters, digits, `_` and `-`, 1–128 (hdp-api 4.2).
    DataSourceName;
    /// What stands before the names of a group's member's tables: 1–64 characters, no control characters (hdp-api 4.2).
    EntityPrefix;
    /// The name of a tenant: 1–128 characters, no control or invisible characters, no blank at either end.
    TenantName;
    /// The name of a role: as that of a tenant.
    RoleName;
    /// The name of a password policy: as that of a tenant.
    PolicyName;
    /// The name of a client application: as that of a tenant.
    ClientApplicationName;
    /// A provider's endpoint: an absolute http or https URI without user name, password or fragment (RFC 6749 section 3).
    EndpointUri;
    /// A list of scopes, kept as sent; read as split at runs of spaces and commas (hdp-api 9.10).
    ScopeList;
    /// An id that a provider gave: printable ASCII (RFC 6749 appendix A.1).
    ClientId;
}

impl OAuthAppName {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ' ';
        let good = (1..=NAME_CHARS_MAX).contains(&text.len())
            && text.chars().all(allowed)
            && !text.starts_with(' ')
            && !text.ends_with(' ');
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "use 1 to {NAME_CHARS_MAX} ASCII letters, digits, underscores, and spaces between them"
            ))
        }
    }
}

impl OAuthProfileName {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let good = (1..=NAME_CHARS_MAX).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("use 1 to {NAME_CHARS_MAX} ASCII letters, digits and underscores"))
        }
    }
}

impl DataSourceName {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let good = text.len() <= NAME_CHARS_MAX
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "use an ASCII letter, then letters, digits, underscores and dashes, {NAME_CHARS_MAX} at most"
            ))
        }
    }
}

impl EntityPrefix {
    /// Reads a prefix.
    pub fn parse(text: &str) -> Result<Self, String> {
        if (1..=PREFIX_CHARS_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("use 1 to {PREFIX_CHARS_MAX} characters, no control characters"))
        }
    }
}

impl TenantName {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, String> {
        readable_name(text).map(Self)
    }
}

impl PolicyName {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, String> {
        readable_name(text).map(Self)
    }
}

impl ClientApplicationName {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, String> {
        readable_name(text).map(Self)
    }
}

impl RoleName {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, String> {
        readable_name(text).map(Self)
    }
}

fn readable_name(text: &str) -> Result<String, String> {
    // What shows nothing or turns the text around makes a name look like another's on the page that asks for consent.
    let misleading = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let good = (1..=NAME_CHARS_MAX).contains(&text.chars().count())
        && !text.chars().any(misleading)
        && text.trim() == text;
    if good {
        Ok(text.to_owned())
    } else {
        Err(format!("use 1 to {NAME_CHARS_MAX} characters, no control characters, no blank at either end"))
    }
}

impl EndpointUri {
    /// Reads a URI; it is kept as sent.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > URI_BYTES_MAX {
            return Err(format!("use at most {URI_BYTES_MAX} bytes"));
        }
        // The parser forgives blanks and control characters, which a later comparison would not.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("use visible ASCII characters only; percent-encode others".to_owned());
        }
        let uri = Url::parse(text)
            .map_err(|_| "use an absolute URI such as https://provider.example/oauth2/token".to_owned())?;
        if !matches!(uri.scheme(), "http" | "https") || uri.host_str().is_none_or(str::is_empty) {
            return Err("use a URI of scheme https or http with a host".to_owned());
        }
        if !uri.username().is_empty() || uri.password().is_some() {
            return Err("leave user name and password out of the URI".to_owned());
        }
        if uri.fragment().is_some() {
            return Err("leave the fragment out: RFC 6749 section 3 forbids it".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl ScopeList {
    /// Reads a list; RFC 6749 section 3.3 allows visible ASCII without `"` and `\` in a scope.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > SCOPE_BYTES_MAX {
            return Err(format!("use at most {SCOPE_BYTES_MAX} bytes"));
        }
        let good = text
            .bytes()
            .all(|byte| (byte == b' ' || byte.is_ascii_graphic()) && byte != b'"' && byte != b'\\');
        if !good {
            return Err(
                "use visible ASCII characters without \" and \\, scopes separated by spaces".to_owned()
            );
        }
        if split_scopes(text).next().is_none() {
            return Err("name at least one scope".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// The scopes in the list.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        split_scopes(&self.0)
    }
}

fn split_scopes(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',']).filter(|scope| !scope.is_empty())
}

impl ClientId {
    /// Reads an id.
    pub fn parse(text: &str) -> Result<Self, String> {
        let good = (1..=CLIENT_ID_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if good { Ok(Self(text.to_owned())) } else { Err(printable(CLIENT_ID_BYTES_MAX)) }
    }

    /// Reads one by which a client application is to be known here: in Basic credentials it ends at the first colon.
    pub fn parse_ours(text: &str) -> Result<Self, String> {
        if text.contains(':') { Err("leave colons out".to_owned()) } else { Self::parse(text) }
    }
}

/// Checks a secret that a provider gave: printable ASCII, not empty (RFC 6749 appendix A.2).
pub fn check_secret(text: &str) -> Result<(), String> {
    let good = (1..=SECRET_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if good { Ok(()) } else { Err(printable(SECRET_BYTES_MAX)) }
}

/// Checks a secret that a client application brings along: what is kept of it is a fast hash, which an export of the log holds,
/// so it must be none that anybody could guess.
pub fn check_imported_secret(text: &str) -> Result<(), String> {
    check_secret(text)?;
    if text.len() < IMPORTED_SECRET_BYTES_MIN {
        return Err(format!(
            "use at least {IMPORTED_SECRET_BYTES_MIN} characters that nobody chose by hand, or leave it out and take the one that is drawn"
        ));
    }
    Ok(())
}

/// Checks free text: any characters but NUL.
pub fn check_description(text: &str) -> Result<(), String> {
    if text.len() > DESCRIPTION_BYTES_MAX {
        return Err(format!("use at most {DESCRIPTION_BYTES_MAX} bytes"));
    }
    if text.contains('\0') { Err("leave NUL characters out".to_owned()) } else { Ok(()) }
}

/// Checks free text about a client application.
pub fn check_client_description(text: &str) -> Result<(), String> {
    if text.chars().count() > CLIENT_DESCRIPTION_CHARS_MAX {
        return Err(format!("use at most {CLIENT_DESCRIPTION_CHARS_MAX} characters"));
    }
    check_description(text)
}

fn printable(max: usize) -> String {
    format!("use 1 to {max} printable ASCII characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T>(parse: impl Fn(&str) -> Result<T, String>, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(parse(text).is_ok(), "{text:?} should be accepted");
        }
        for text in bad {
            let problem = parse(text).err().unwrap_or_else(|| panic!("{text:?} should be refused"));
            assert!(text.len() < 12 || !problem.contains(text), "the problem repeats the value");
        }
    }

    #[test]
    fn names_that_people_read_hold_nothing_that_shows_nothing() {
        let good = ["Reports", "Berichte für Köln", "a", "تقارير"];
        let bad = ["", " a", "a ", "a\u{202e}b", "a\u{200b}b", "a\u{feff}", "a\u{2066}b", "a\nb"];
        check(ClientApplicationName::parse, &good, &bad);
    }

    #[test]
    fn an_imported_secret_is_none_that_can_be_guessed() {
        let good = ["96dab351-cd80-4dfc-8756-8afe9896e92f", "sixteen letters!"];
        check(check_imported_secret, &good, &["", "summer24", "fifteen letters", "sixteen letters\u{e4}"]);
    }

    #[test]
    fn application_names_are_as_page_003_says_and_prints() {
        let long = "x".repeat(129);
        check(
            OAuthAppName::parse,
            &["TenantA OAuth app", "A_1", "x"],
            &["", " x", "x ", "a-b", "ä", "a\tb", "a\nb", &long],
        );
    }

    #[test]
    fn a_prefix_is_as_long_as_hdp_says() {
        let (most, long) = ("ä".repeat(64), "ä".repeat(65));
        check(EntityPrefix::parse, &["sal", "1", "a b", &most], &["", "a\tb", &long]);
    }

    #[test]
    fn names_of_profiles_and_data_sources_are_as_hdp_says() {
        let long = "x".repeat(129);
        check(OAuthProfileName::parse, &["User_1", "1", "_"], &["", "a b", "a-b", "ä", &long]);
        check(
            DataSourceName::parse,
            &["OAuth2Datasource_Test", "a-b", "x"],
            &["", "1a", "_a", "-a", "a b", "ä", "a.b", &long],
        );
    }

    #[test]
    fn endpoints_are_absolute_and_carry_no_credentials() {
        let long = format!("https://a.example/{}", "x".repeat(URI_BYTES_MAX));
        check(
            EndpointUri::parse,
            &[
                "https://accounts.google.com/o/oauth2/v2/auth",
                "http://idp.internal:8080/token?x=1",
                "https://[::1]/t",
            ],
            &[
                "",
                "accounts.google.com/auth",
                "/auth",
                "javascript:alert(1)",
                "ftp://a.example/",
                "https://",
                "https://user:secret@a.example/",
                "https://a.example/#fragment",
                "https://a.example/a b",
                "https://a.example/\u{e4}",
                "https://a.example/\n",
                &long,
            ],
        );
    }

    #[test]
    fn scopes_are_split_at_spaces_and_commas() {
        let list = ScopeList::parse("full_offline_access, test_repo").expect("the page's own sample");
        assert_eq!(list.scopes().collect::<Vec<_>>(), ["full_offline_access", "test_repo"]);
        assert_eq!(list.as_str(), "full_offline_access, test_repo");
        check(ScopeList::parse, &["a", " a,,b "], &["", " , ", "a\"b", "a\\b", "ä", "a\tb"]);
    }

    #[test]
    fn tenant_names_have_no_blank_ends() {
        check(TenantName::parse, &["OrgA", "Größe & Söhne"], &["", " a", "a ", "a\u{7}b", &"x".repeat(129)]);
    }
}
