//! How a client application says who it is (RFC 6749 section 2.3): a secret by Basic or in the body, its id alone, or a token of
//! its own. One way in each request.

use std::borrow::Cow;
use std::sync::Arc;

use events::id::ClientApplicationId;
use events::time::Timestamp;
use events::token::TokenHash;
use projections::State;
use projections::client_applications::ClientApplication;
use projections::tokens::TokenKey;

use super::error::{self, ProtocolError};
use super::parameters::Parameters;
use super::token::{client_secret_hash, same};
use crate::auth::basic::{BasicCredentials, BasicError};
use crate::commands::token::{ClientProof, proves};
use crate::vault::PlainSecret;

/// A client id with what came beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// As sent, and nobody's yet.
    pub client_id: String,
    /// None, or an empty one: who has no secret.
    pub secret: Option<PlainSecret>,
}

/// A client application that is who it says.
#[derive(Clone, Debug)]
pub struct Client {
    /// Which.
    pub id: ClientApplicationId,
    /// As it is at this moment.
    pub row: Arc<ClientApplication>,
    /// The secret that it showed; none: it is public, or it came with a token.
    pub secret: Option<TokenHash>,
    /// A token of its own that it came with.
    pub bearer: Option<TokenKey>,
}

impl Client {
    /// What the writer looks at again.
    pub fn proof(&self) -> ClientProof {
        ClientProof { client: self.id, secret: self.secret }
    }
}

impl Claim {
    /// Whose it is. The work is the same for an unknown id and for a wrong secret (SECURITY 32).
    pub fn recognise(&self, state: &State<'_>, now: Timestamp) -> Option<Client> {
        let shown = self.secret.as_ref().map(|secret| client_secret_hash(secret.expose()));
        let applications = &state.client_applications;
        let found = applications.by_client_id.get(&self.client_id);
        let found = found.and_then(|id| Some((*id, Arc::clone(applications.rows.get(id)?))));
        let Some((id, row)) = found else {
            // The comparison that a known one would get.
            return shown.filter(|shown| same(shown, &NOBODYS)).and(None);
        };
        proves(&row, shown.as_ref(), now).then_some(Client { id, row, secret: shown, bearer: None })
    }
}

/// The hash of no secret.
const NOBODYS: TokenHash = TokenHash([0; 32]);

/// What a request says of the client that sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presented {
    /// Nothing at all.
    Nothing,
    /// What is not supported, such as an assertion, or can't be read.
    Unsupported {
        /// Whether by the `Authorization` header.
        by_header: bool,
    },
    /// Who it may be: one claim, or two where Basic credentials can be read in two ways.
    Claims {
        /// The likelier first.
        claims: Vec<Claim>,
        /// Whether by the `Authorization` header.
        by_header: bool,
    },
    /// A bearer token, which introspection and revocation take.
    Bearer(PlainSecret),
}

impl Presented {
    /// Reads the `Authorization` headers and the body. Refuses more than one way, and a `client_id` in the body that is another
    /// than the header's; the same one is no second way, and oauthlib sends it.
    pub fn of<'a>(
        mut authorization: impl Iterator<Item = &'a [u8]>,
        parameters: &Parameters,
    ) -> Result<Self, ProtocolError> {
        let header = authorization.next();
        if authorization.next().is_some() {
            return Err(error::TWO_CLIENTS);
        }
        let (named, secret) = (parameters.text("client_id"), parameters.secret("client_secret"));
        let asserted = ["client_assertion", "client_assertion_type"].iter().any(|name| parameters.has(name));
        if usize::from(header.is_some()) + usize::from(secret.is_some()) + usize::from(asserted) > 1 {
            return Err(error::TWO_CLIENTS);
        }
        if asserted {
            return Ok(Self::Unsupported { by_header: false });
        }
        match (header, named) {
            (Some(header), named) => Self::of_header(header, named),
            (None, Some(id)) => {
                let claim = Claim { client_id: id.to_owned(), secret: secret.cloned() };
                Ok(Self::Claims { claims: vec![claim], by_header: false })
            }
            (None, None) if secret.is_some() => Ok(Self::Unsupported { by_header: false }),
            (None, None) => Ok(Self::Nothing),
        }
    }

    fn of_header(header: &[u8], named: Option<&str>) -> Result<Self, ProtocolError> {
        let credentials = match BasicCredentials::parse(header) {
            Ok(credentials) => credentials,
            Err(BasicError::OtherScheme) => {
                return Ok(bearer(header).map_or(Self::Unsupported { by_header: true }, Self::Bearer));
            }
            Err(BasicError::Malformed) => return Ok(Self::Unsupported { by_header: true }),
        };
        let mut claims = readings(&credentials);
        if let Some(named) = named {
            claims.retain(|claim| claim.client_id == named);
            if claims.is_empty() {
                return Err(error::TWO_CLIENTS);
            }
        }
        Ok(Self::Claims { claims, by_header: true })
    }

    /// Whether who is not believed hears of it by a challenge (RFC 6749 section 5.2).
    pub fn by_header(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Bearer(_) => true,
            Self::Unsupported { by_header } | Self::Claims { by_header, .. } => *by_header,
        }
    }
}

/// Id and secret are to be form-encoded before they become Basic credentials (RFC 6749 section 2.3.1). oauth4webapi does so,
/// and encodes even `-`; curl and many others send them as they are. So they are read both ways, and either may be right.
fn readings(credentials: &BasicCredentials) -> Vec<Claim> {
    let claim = |id: &str, secret: &str| Claim {
        client_id: id.to_owned(),
        secret: Some(PlainSecret::from(secret)).filter(|secret| !secret.expose().is_empty()),
    };
    let (id, secret) = (credentials.name.expose(), credentials.password.expose());
    let raw = claim(id, secret);
    let decoded = match (form_decoded(id), form_decoded(secret)) {
        (Some(id), Some(secret)) => Some(claim(&id, &secret)),
        _ => None,
    };
    decoded.into_iter().filter(|decoded| *decoded != raw).chain([raw.clone()]).collect()
}

/// A form's value, `None` where it is not UTF-8 once decoded.
fn form_decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decoded(&spaced);
    match decoded {
        Cow::Borrowed(_) => Some(spaced),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok(),
    }
}

/// What is no two hex digits after a `%` stays as it is.
fn percent_decoded(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('%') {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let digits =
            after.get(..2).filter(|digits| *byte == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let value = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(value.unwrap_or(*byte));
        rest = if value.is_some() { &after[2..] } else { after };
    }
    Cow::Owned(decoded)
}

/// The token of `Bearer <token>` (RFC 6750 section 2.1).
fn bearer(header: &[u8]) -> Option<PlainSecret> {
    let text = std::str::from_utf8(header).ok()?;
    let (scheme, token) = text.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| PlainSecret::from(token))
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use proptest::prelude::*;

    use super::*;

    fn presented(headers: &[String], form: &str) -> Result<Presented, ProtocolError> {
        let parameters = Parameters::of_form(form.as_bytes()).expect("a form");
        Presented::of(headers.iter().map(String::as_bytes), &parameters)
    }

    fn basic(pair: &str) -> Vec<String> {
        vec![format!("Basic {}", BASE64_STANDARD.encode(pair))]
    }

    fn claims(presented: &Presented) -> Vec<(&str, Option<&str>)> {
        let Presented::Claims { claims, .. } = presented else { panic!("{presented:?}") };
        let pair = |claim| -> (&str, Option<&str>) {
            let Claim { client_id, secret }: &Claim = claim;
            (client_id, secret.as_ref().map(PlainSecret::expose))
        };
        claims.iter().map(pair).collect()
    }

    #[test]
    fn s14_basic_is_read_as_it_stands_and_percent_encoded() {
        for (pair, expected) in [
            ("id:secret", &[("id", Some("secret"))][..]),
            ("my%2Did:a%5Fb", &[("my-id", Some("a_b")), ("my%2Did", Some("a%5Fb"))]),
            ("a+b:c+d", &[("a b", Some("c d")), ("a+b", Some("c+d"))]),
            // A secret that looks encoded and is not.
            ("id:100%", &[("id", Some("100%"))]),
            ("id:%zz%4", &[("id", Some("%zz%4"))]),
            ("id:%+1", &[("id", Some("% 1")), ("id", Some("%+1"))]),
            ("id:%ff", &[("id", Some("%ff"))]),
            ("id:a:b", &[("id", Some("a:b"))]),
            ("id:", &[("id", None)]),
        ] {
            let read = presented(&basic(pair), "").expect(pair);
            assert_eq!((claims(&read), read.by_header()), (expected.to_vec(), true), "{pair}");
        }
    }

    #[test]
    fn s14_a_client_says_who_it_is_in_one_way() {
        let header = basic("id:secret");
        for form in ["client_secret=x", "client_id=id&client_secret=secret", "client_assertion=x"] {
            assert_eq!(presented(&header, form), Err(error::TWO_CLIENTS), "{form}");
        }
        let bearer = ["Bearer token".to_owned()];
        assert_eq!(presented(&bearer, "client_secret=x"), Err(error::TWO_CLIENTS));
        assert_eq!(
            presented(&[], "client_id=id&client_secret=x&client_assertion=y"),
            Err(error::TWO_CLIENTS)
        );
        let twice = [header.clone(), header.clone()].concat();
        assert_eq!(presented(&twice, ""), Err(error::TWO_CLIENTS));
    }

    #[test]
    fn s14_a_bare_client_id_beside_basic_must_match() {
        let read = presented(&basic("id:secret"), "client_id=id").expect("the same");
        assert_eq!(claims(&read), [("id", Some("secret"))]);
        let read = presented(&basic("my%2Did:a%5Fb"), "client_id=my-id").expect("one reading is the same");
        assert_eq!(claims(&read), [("my-id", Some("a_b"))]);
        assert_eq!(presented(&basic("id:secret"), "client_id=other"), Err(error::TWO_CLIENTS));
    }

    #[test]
    fn a_body_names_a_client_with_or_without_its_secret() {
        let read = presented(&[], "client_id=id&client_secret=a%2Bb").expect("a client");
        assert_eq!((claims(&read), read.by_header()), (vec![("id", Some("a+b"))], false));
        let read = presented(&[], "client_id=id&client_secret=").expect("a client");
        assert_eq!(claims(&read), [("id", None)]);
        assert_eq!(presented(&[], "scope=x"), Ok(Presented::Nothing));
    }

    #[test]
    fn what_is_not_supported_is_told_apart_by_where_it_stood() {
        for (header, form, by_header) in [
            (Some("Digest x"), "", true),
            (Some("Basic !"), "client_id=id", true),
            (Some("Bearer "), "", true),
            (None, "client_assertion=x&client_assertion_type=y", false),
            (None, "client_secret=x", false),
        ] {
            let headers: Vec<String> = header.into_iter().map(str::to_owned).collect();
            assert_eq!(
                presented(&headers, form),
                Ok(Presented::Unsupported { by_header }),
                "{header:?} {form}"
            );
        }
        assert_eq!(
            presented(&["bearer alat_x".to_owned()], "client_id=id"),
            Ok(Presented::Bearer(PlainSecret::from("alat_x")))
        );
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(header in prop::collection::vec(any::<u8>(), 0..100), pair in "\\PC*") {
            let none = Parameters::default();
            let _ = Presented::of([header.as_slice()].into_iter(), &none);
            let _ = Presented::of([basic(&pair)[0].as_bytes()].into_iter(), &none);
        }

        /// Whatever is encoded as RFC 6749 asks is among the readings, and so is what is not encoded at all.
        #[test]
        fn s14_both_ways_to_write_credentials_are_read(id in "[!-9;-~]{1,20}", secret in "[!-~]{1,30}") {
            let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            for pair in [format!("{id}:{secret}"), format!("{}:{}", encoded(&id), encoded(&secret))] {
                let read = presented(&basic(&pair), "").expect("credentials");
                prop_assert!(claims(&read).contains(&(id.as_str(), Some(secret.as_str()))), "{}", pair);
            }
        }
    }
}
