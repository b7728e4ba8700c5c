//! What a request asks for: scopes, and the resources that they are for (TOKENS section 3; RFC 8707).

use events::scope::Scope;
use events::sorted::SortedVec;

use super::error::{self, ProtocolError};

/// The resources that tokens are made for.
#[derive(Clone, Copy, Debug)]
pub struct Resources<'a> {
    /// Ourselves.
    pub issuer: &'a str,
    /// Where data sources are used.
    pub odata: &'a str,
}

impl<'a> Resources<'a> {
    /// `odata` is the issuer when it is not set.
    pub fn new(issuer: &'a str, odata: Option<&'a str>) -> Self {
        Self { issuer, odata: odata.unwrap_or(issuer) }
    }

    /// Where a scope means something.
    pub fn of(self, scope: Scope) -> &'a str {
        match scope {
            Scope::OData => self.odata,
            Scope::Mgmt | Scope::Audit => self.issuer,
        }
    }

    /// The audience of a token with these scopes: all their resources, or those of them that were asked for.
    pub fn audience<'b>(
        self,
        scopes: &[Scope],
        asked: impl IntoIterator<Item = &'b str>,
    ) -> Result<SortedVec<String>, ProtocolError> {
        let all: SortedVec<&str> = scopes.iter().map(|scope| self.of(*scope)).collect();
        let mut narrowed = Vec::new();
        for resource in asked {
            let known = all.iter().find(|known| **known == resource).ok_or(error::INVALID_TARGET)?;
            narrowed.push((*known).to_owned());
        }
        if narrowed.is_empty() {
            narrowed = all.iter().map(|resource| (*resource).to_owned()).collect();
        }
        Ok(narrowed.into_iter().collect())
    }
}

/// The scopes of a request; `None` when it names none and gets the default. The registered ones are the most.
pub fn asked(sent: Option<&str>, registered: &[Scope]) -> Result<Option<SortedVec<Scope>>, ProtocolError> {
    let mut scopes = Vec::new();
    // The vendor's connector sends a trailing blank (hdp-api 5.7).
    for name in sent.unwrap_or_default().split(' ').filter(|name| !name.is_empty()) {
        // HDP's older pages and their links say `odata`.
        let scope = if name == "odata" { Some(Scope::OData) } else { Scope::from_text(name) };
        let scope = scope.filter(|scope| registered.contains(scope)).ok_or(error::INVALID_SCOPE)?;
        scopes.push(scope);
    }
    Ok(if scopes.is_empty() { None } else { Some(scopes.into_iter().collect()) })
}

/// As they stand in an answer.
pub fn text(scopes: &[Scope]) -> String {
    let names: Vec<&str> = scopes.iter().map(|scope| scope.text()).collect();
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://ledger.example";
    const ODATA: &str = "https://data.example/odata";

    #[test]
    fn s21_only_registered_scopes_are_given_and_a_blank_means_the_default() {
        use Scope::{Audit, Mgmt, OData};
        let registered = [OData, Mgmt];
        for (sent, read) in [
            (None, Ok(None)),
            (Some(""), Ok(None)),
            (Some("  "), Ok(None)),
            (Some("api.access.odata "), Ok(Some(vec![OData]))),
            (Some("odata"), Ok(Some(vec![OData]))),
            (Some("api.mgmt odata api.mgmt"), Ok(Some(vec![OData, Mgmt]))),
            (Some("api.audit"), Err(error::INVALID_SCOPE)),
            (Some("api.access.odata openid"), Err(error::INVALID_SCOPE)),
            (Some("API.MGMT"), Err(error::INVALID_SCOPE)),
            (Some("api.mgmt,odata"), Err(error::INVALID_SCOPE)),
            (Some("api.mgmt\todata"), Err(error::INVALID_SCOPE)),
        ] {
            let read = read.map(|scopes| scopes.map(|scopes| scopes.into_iter().collect()));
            assert_eq!(asked(sent, &registered), read, "{sent:?}");
        }
        assert_eq!(text(&[OData, Audit]), "api.access.odata api.audit");
    }

    #[test]
    fn s22a_a_token_is_for_the_resources_of_its_scopes_or_for_those_of_them_that_were_asked_for() {
        let resources = Resources::new(ISSUER, Some(ODATA));
        let list = |names: &[&str]| Ok(names.iter().map(|name| (*name).to_owned()).collect());
        for (scopes, asked, audience) in [
            (&[Scope::OData][..], &[][..], list(&[ODATA])),
            (&[Scope::Mgmt, Scope::Audit], &[], list(&[ISSUER])),
            (&[Scope::OData, Scope::Mgmt], &[], list(&[ODATA, ISSUER])),
            (&[Scope::OData, Scope::Mgmt], &[ODATA], list(&[ODATA])),
            (&[Scope::OData, Scope::Mgmt], &[ISSUER, ODATA, ODATA], list(&[ODATA, ISSUER])),
            (&[Scope::OData], &[ISSUER], Err(error::INVALID_TARGET)),
            (&[Scope::OData], &[ODATA, "https://evil.example"], Err(error::INVALID_TARGET)),
            (&[Scope::OData], &["https://data.example/odata/"], Err(error::INVALID_TARGET)),
            (&[], &[], list(&[])),
        ] {
            assert_eq!(resources.audience(scopes, asked.iter().copied()), audience, "{scopes:?} {asked:?}");
        }
        let alone = Resources::new(ISSUER, None);
        assert_eq!(alone.audience(&Scope::ALL, []), list(&[ISSUER]));
    }
}
