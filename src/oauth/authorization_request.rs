//! An authorization request, read against the application that sends it (RFC 6749 section 4.1.1, RFC 7636, RFC 8707).
//!
//! Who it comes from and where the answer goes is known before anything here is looked at: an error of this request is told to
//! the application, by a redirect.

use events::client_application::{ClientPolicy, ClientType, GrantType, Pkce};
use projections::tokens::ScopeSet;

use super::error::{self, ProtocolError};
use super::parameters::Parameters;
use super::pkce::{BadChallenge, Challenge};
use super::scope::{self, Resources};

/// What an application wishes to be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// What for, and where.
    pub set: ScopeSet,
    /// What the code will be bound to.
    pub challenge: Option<Challenge>,
}

impl AuthorizationRequest {
    /// Reads it. `require_pkce` is the server's own rule.
    pub fn read(
        parameters: &Parameters,
        policy: &ClientPolicy,
        resources: Resources<'_>,
        require_pkce: bool,
    ) -> Result<Self, ProtocolError> {
        match parameters.text("response_type") {
            None => return Err(error::NO_RESPONSE_TYPE),
            Some("code") => {}
            Some(_) => return Err(error::UNSUPPORTED_RESPONSE_TYPE),
        }
        if !policy.grant_types.has(&GrantType::AuthorizationCode) {
            return Err(error::NOT_REGISTERED_FOR_CODES);
        }
        let challenge =
            Challenge::parse(parameters.text("code_challenge"), parameters.text("code_challenge_method"))
                .map_err(|problem| match problem {
                    BadChallenge::Method => error::CHALLENGE_METHOD,
                    BadChallenge::Form => error::CHALLENGE_FORM,
                    BadChallenge::Missing => error::NO_CHALLENGE,
                })?;
        if challenge.is_none() && (require_pkce || needs_challenge(policy)) {
            return Err(error::NO_CHALLENGE);
        }
        let asked = scope::asked(parameters.text("scope"), &policy.scopes)?;
        let scopes = asked.unwrap_or_else(|| policy.scopes.clone());
        if scopes.is_empty() {
            return Err(error::INVALID_SCOPE);
        }
        let audience = resources.audience(&scopes, parameters.all("resource"))?;
        Ok(Self { set: ScopeSet { scopes, audience }, challenge })
    }
}

/// Whether an application has to send challenges by its registration. A public one has nothing else to show that it is the one
/// that asked (RFC 9700 section 2.1.1).
pub fn needs_challenge(policy: &ClientPolicy) -> bool {
    policy.client_type == ClientType::Public || policy.pkce == Pkce::Required
}

#[cfg(test)]
mod tests {
    use events::client_application::RefreshRotation;
    use events::scope::Scope;

    use super::*;

    const CHALLENGE: &str =
        "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    const RESOURCES: Resources<'static> =
        Resources { issuer: "https://ledger.example", odata: "https://data.example" };

    fn policy(client_type: ClientType, pkce: Pkce, grant_types: &[GrantType]) -> ClientPolicy {
        ClientPolicy {
            client_type,
            grant_types: grant_types.iter().copied().collect(),
            scopes: [Scope::OData, Scope::Mgmt].into_iter().collect(),
            pkce,
            refresh_rotation: RefreshRotation::Never,
            refresh_retry_secs: 60,
            access_token_lifetime_secs: None,
            refresh_token_idle_secs: None,
            refresh_token_absolute_secs: None,
            resource_server: None,
            run_as: None,
            password_until: None,
        }
    }

    /// As HDP's properties alone register it (TOKENS section 3).
    fn hdps() -> ClientPolicy {
        policy(
            ClientType::Confidential,
            Pkce::Optional,
            &[GrantType::AuthorizationCode, GrantType::RefreshToken],
        )
    }

    fn read(
        query: &str,
        policy: &ClientPolicy,
        require_pkce: bool,
    ) -> Result<AuthorizationRequest, ProtocolError> {
        let parameters = Parameters::of_form(query.as_bytes()).expect("a query");
        AuthorizationRequest::read(&parameters, policy, RESOURCES, require_pkce)
    }

    fn check(query: &str, policy: &ClientPolicy, require_pkce: bool, problem: Option<ProtocolError>) {
        assert_eq!(read(query, policy, require_pkce).err(), problem, "{query}");
    }

    #[test]
    fn s04_code_is_the_only_response_type() {
        for response_type in ["token", "id_token", "code token", "code id_token", "none", "Code", "code "] {
            let query = format!("response_type={response_type}");
            check(&query, &hdps(), false, Some(error::UNSUPPORTED_RESPONSE_TYPE));
        }
        for query in ["", "response_type=", "scope=api.mgmt"] {
            check(query, &hdps(), false, Some(error::NO_RESPONSE_TYPE));
        }
        check("response_type=code", &hdps(), false, None);
    }

    #[test]
    fn s05_a_challenge_is_needed_from_who_can_not_keep_a_secret_and_where_a_rule_says_so() {
        let code = &[GrantType::AuthorizationCode];
        let public = policy(ClientType::Public, Pkce::Optional, code);
        let required = policy(ClientType::Confidential, Pkce::Required, code);
        let with = format!("response_type=code&{CHALLENGE}");
        for (policy, rule) in [(&public, false), (&required, false), (&hdps(), true)] {
            check("response_type=code", policy, rule, Some(error::NO_CHALLENGE));
            check(&with, policy, rule, None);
        }
        let challenge = read(&with, &hdps(), false).expect("good").challenge;
        assert_eq!(challenge, Some(Challenge::of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")));
    }

    #[test]
    fn s05_plain_and_a_challenge_without_a_method_are_refused_from_everybody() {
        let challenge = &CHALLENGE[..CHALLENGE.find('&').expect("two parameters")];
        for (tail, problem) in [
            (challenge.to_owned(), error::CHALLENGE_METHOD),
            (format!("{challenge}&code_challenge_method=plain"), error::CHALLENGE_METHOD),
            (format!("{challenge}&code_challenge_method="), error::CHALLENGE_METHOD),
            ("code_challenge=short&code_challenge_method=S256".to_owned(), error::CHALLENGE_FORM),
            ("code_challenge_method=S256".to_owned(), error::NO_CHALLENGE),
        ] {
            check(&format!("response_type=code&{tail}"), &hdps(), false, Some(problem));
        }
    }

    /// SECURITY C6: HDP's clients send no challenge.
    #[test]
    fn c6_a_confidential_client_of_hdps_may_leave_the_challenge_out() {
        let request = read("response_type=code", &hdps(), false).expect("HDP's");
        assert_eq!(request.challenge, None);
    }

    #[test]
    fn scopes_and_resources_are_those_that_are_asked_for_and_registered() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let all = read("response_type=code&scope=", &hdps(), false).expect("the default").set;
        assert_eq!(all.scopes, [Scope::OData, Scope::Mgmt].into_iter().collect());
        assert_eq!(all.audience, list(&["https://data.example", "https://ledger.example"]));
        let one = read("response_type=code&scope=odata", &hdps(), false).expect("an old link").set;
        assert_eq!(
            (one.scopes, one.audience),
            ([Scope::OData].into_iter().collect(), list(&["https://data.example"]))
        );
        for (tail, problem) in [
            ("scope=api.audit", error::INVALID_SCOPE),
            ("scope=openid", error::INVALID_SCOPE),
            ("scope=odata&resource=https://ledger.example", error::INVALID_TARGET),
            ("resource=https://evil.example", error::INVALID_TARGET),
        ] {
            check(&format!("response_type=code&{tail}"), &hdps(), false, Some(problem));
        }
    }

    #[test]
    fn an_application_of_another_kind_gets_no_codes() {
        let machine = policy(ClientType::Confidential, Pkce::Optional, &[GrantType::ClientCredentials]);
        check("response_type=code", &machine, false, Some(error::NOT_REGISTERED_FOR_CODES));
    }
}
