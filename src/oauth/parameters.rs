//! Parameters of a request to the authorization server: a form, a query, or a JSON body with HDP's names.
//!
//! They mean the same however they came: a name stands once (RFC 6749 sections 3.1 and 3.2; SECURITY 10), an empty value counts
//! as left out, and what nobody reads is ignored. Every value may be a secret.

use std::collections::BTreeMap;

use super::error::{self, ProtocolError};
use crate::vault::PlainSecret;

/// Those that may stand there several times (RFC 8707 section 2, RFC 8693 section 2.1).
const MANY: [&str; 2] = ["resource", "audience"];

/// What token, introspection and revocation read, all of it from the body: in a URL, logs and `Referer` headers would hold it.
const READ: [&str; 17] = [
    "audience",
    "access_token",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code",
    "code_verifier",
    "grant_type",
    "password",
    "redirect_uri",
    "refresh_token",
    "resource",
    "scope",
    "token",
    "token_type_hint",
    "username",
];

/// What was sent, by the RFCs' names.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    found: BTreeMap<String, Vec<PlainSecret>>,
}

impl Parameters {
    /// Reads `name=value&…`, as it stands in a form and in a query.
    pub fn of_form(bytes: &[u8]) -> Result<Self, ProtocolError> {
        let mut parameters = Self::default();
        for (name, value) in url::form_urlencoded::parse(bytes) {
            let value = PlainSecret::new(value.into_owned());
            // What is not UTF-8 is decoded to this character, and nothing of ours holds it.
            if name.contains('\u{fffd}') || value.expose().contains('\u{fffd}') {
                return Err(error::MALFORMED);
            }
            parameters.add(&name, value)?;
        }
        Ok(parameters)
    }

    /// Adds one; a second of the same name is refused, an empty one too.
    pub fn add(&mut self, name: &str, value: PlainSecret) -> Result<(), ProtocolError> {
        match self.found.get_mut(name) {
            Some(values) if MANY.contains(&name) => values.push(value),
            Some(_) => return Err(error::TWICE),
            None => drop(self.found.insert(name.to_owned(), vec![value])),
        }
        Ok(())
    }

    /// The value of this name, unless it is left out or empty.
    pub fn secret(&self, name: &str) -> Option<&PlainSecret> {
        self.many(name).next()
    }

    /// The same as a text, for what is none of anybody's secrets.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.secret(name).map(PlainSecret::expose)
    }

    /// Whether there is a value of this name.
    pub fn has(&self, name: &str) -> bool {
        self.secret(name).is_some()
    }

    /// All values of this name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.many(name).map(PlainSecret::expose)
    }

    fn many(&self, name: &str) -> impl Iterator<Item = &PlainSecret> {
        let values = self.found.get(name).into_iter().flatten();
        values.filter(|value| !value.expose().is_empty())
    }
}

/// HDP's way to write a name in JSON, `clientId`, as the RFCs write it, `client_id`.
pub fn rfc_name(name: &str) -> String {
    let mut written = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            written.push('_');
        }
        written.push(letter.to_ascii_lowercase());
    }
    written
}

/// Whether any address but authorize reads a parameter of this name.
pub fn is_read(name: &str) -> bool {
    READ.contains(&name)
}

/// Refuses a query that holds what belongs in a body (SECURITY 16).
pub fn none_in_query(query: Option<&str>) -> Result<(), ProtocolError> {
    let mut names = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).map(|(name, _)| name);
    if names.any(|name| is_read(&rfc_name(&name)) || is_read(&name.to_ascii_lowercase())) {
        return Err(error::IN_QUERY);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn s10_a_parameter_stands_once_but_for_resource_and_audience() {
        for form in ["scope=a&scope=a", "scope=a&scope=b", "scope=&scope=a", "x=1&x=2", "a%62=1&ab=2"] {
            assert_eq!(Parameters::of_form(form.as_bytes()).expect_err(form), error::TWICE, "{form}");
        }
        let both = Parameters::of_form(b"resource=a&audience=x&resource=b&resource=").expect("they may");
        assert_eq!(both.all("resource").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(both.text("audience"), Some("x"));
    }

    #[test]
    fn s10_an_empty_value_counts_as_left_out() {
        let form = Parameters::of_form(b"scope=&state&code=c%20d+e").expect("a form");
        assert_eq!((form.text("scope"), form.text("state"), form.text("nonsense")), (None, None, None));
        assert_eq!(form.text("code"), Some("c d e"));
    }

    #[test]
    fn what_is_not_utf8_is_refused() {
        for form in [&b"code=%ff"[..], b"%c3%28=1", b"code=\xff"] {
            assert_eq!(Parameters::of_form(form).expect_err("not UTF-8"), error::MALFORMED);
        }
    }

    #[test]
    fn names_of_hdp_are_the_rfcs_names() {
        for (hdp, rfc) in [
            ("clientId", "client_id"),
            ("clientSecret", "client_secret"),
            ("redirectUri", "redirect_uri"),
            ("grant_type", "grant_type"),
            ("codeVerifier", "code_verifier"),
            ("username", "username"),
        ] {
            assert_eq!(rfc_name(hdp), rfc);
        }
    }

    #[test]
    fn s16_credentials_are_never_in_a_query() {
        for query in ["client_secret=x", "a=1&refresh_token", "clientSecret=x", "%63ode=1", "token=1"] {
            assert_eq!(none_in_query(Some(query)), Err(error::IN_QUERY), "{query}");
        }
        for query in [None, Some(""), Some("api-version=1&trace")] {
            assert_eq!(none_in_query(query), Ok(()), "{query:?}");
        }
    }

    #[test]
    fn values_are_silent_in_debug() {
        let form = Parameters::of_form(b"client_secret=canary").expect("a form");
        assert!(!format!("{form:?}").contains("canary"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Parameters::of_form(&bytes);
        }

        #[test]
        fn what_is_encoded_comes_back(name in "[^\u{fffd}]{1,8}", value in "[^\u{fffd}]{1,30}") {
            let form = url::form_urlencoded::Serializer::new(String::new()).append_pair(&name, &value).finish();
            let read = Parameters::of_form(form.as_bytes()).expect("a form");
            prop_assert_eq!(read.text(&name), Some(value.as_str()));
        }
    }
}
