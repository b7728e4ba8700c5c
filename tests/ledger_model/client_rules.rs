//! Who may do what with client applications, and what becomes of it (hdp-api 5, 9.4, 9.7, 9.13, 9.18, 9.20, 9.26; TOKENS
//! section 3).

use authledger::commands::{
    Object, Refusal, Taken, Wish,
    client_application::{
        Properties, RegisterClientApplication, UpdateClientApplication,
        policy::{PolicySaid, Said},
    },
    disclosure::{RevealSecrets, Secrets},
    user::delete::Clients as Fate,
};
use events::{
    client_application::{
        ClientApplicationDeleted, ClientApplicationRegistered, ClientApplicationSecretReset,
        ClientApplicationSecretRotated, ClientApplicationTransferred, ClientApplicationUpdated, ClientPolicy,
        ClientSecret, ClientType, GrantType, Pkce, RefreshRotation,
    },
    envelope::{Actor, Stream, StreamKind},
    event::Event,
    grant::GrantRevoked,
    id::{ClientApplicationId, Sequence, UserId},
    scope::Scope,
    sealed::Field,
};

use crate::{
    clients::Client,
    model::{Model, User},
    requests::{Ask, Request},
    rules::{About, Fact, Who, invalid, says, unchanged, under},
};

/// Who administers client applications (hdp-api 6.1).
const OAUTH: u16 = 28;
const YEAR_SECS: i64 = 366 * 86_400;

/// Whether it is about an application itself, of whoever asks in his own name.
pub(crate) fn is_about_clients(wish: &Wish) -> bool {
    matches!(
        wish,
        Wish::RegisterClientApplication(_)
            | Wish::UpdateClientApplication(_)
            | Wish::DeleteClientApplication(_)
            | Wish::ResetClientSecret(_)
            | Wish::RotateClientSecret(_)
    )
}

fn on(row: &Client, event: impl Into<Event>) -> Fact {
    says(row.tenant, StreamKind::CLIENT_APPLICATION, row.id, event)
}

/// Its owner, or 12.
fn is_his(who: &Who, row: &Client) -> bool {
    who.administrator() || row.owner == who.user
}

fn oversees(who: &Who, tenant: u64) -> bool {
    who.may(OAUTH) && who.administers(tenant)
}

impl Model {
    /// One that he sees; any other is not there.
    fn client_seen(&self, who: &Who, id: ClientApplicationId) -> Result<&Client, Refusal> {
        let row = self.client(id.0).filter(|row| is_his(who, row) || oversees(who, row.tenant));
        row.ok_or(Refusal::NotFound(Object::ClientApplication(id)))
    }

    pub(crate) fn change_client(&self, who: &Who, wish: &Wish) -> Result<Vec<Fact>, Refusal> {
        match wish {
            Wish::RegisterClientApplication(wish) => self.new_client(who, wish),
            Wish::UpdateClientApplication(wish) => self.replace_client(who, wish),
            Wish::DeleteClientApplication(wish) => {
                let row = self.client_seen(who, wish.id)?;
                unchanged(row.changed, wish.expected.as_ref())?;
                Ok(vec![on(row, ClientApplicationDeleted {})])
            }
            Wish::ResetClientSecret(wish) => {
                let row = self.with_secret(who, wish.id, wish.expected.as_ref(), &wish.secret)?;
                Ok(vec![on(row, ClientApplicationSecretReset { secret: wish.secret.clone() })])
            }
            Wish::RotateClientSecret(wish) => {
                let row = self.with_secret(who, wish.id, wish.expected.as_ref(), &wish.secret)?;
                let previous_until = self.now.saturating_add_secs(i64::from(wish.overlap_secs));
                let rotated = ClientApplicationSecretRotated { secret: wish.secret.clone(), previous_until };
                Ok(vec![on(row, rotated)])
            }
            other => unreachable!("{other:?} is about no client application"),
        }
    }

    fn with_secret(
        &self,
        who: &Who,
        id: ClientApplicationId,
        expected: Option<&Vec<Sequence>>,
        secret: &ClientSecret,
    ) -> Result<&Client, Refusal> {
        let row = self.client_seen(who, id)?;
        if !is_his(who, row) {
            return Err(Refusal::Forbidden);
        }
        unchanged(row.changed, expected)?;
        if row.policy.client_type == ClientType::Public {
            return Err(Refusal::InUse("the application is public and has no secret"));
        }
        under(row.key, &secret.sealed)?;
        Ok(row)
    }

    fn new_client(&self, who: &Who, wish: &RegisterClientApplication) -> Result<Vec<Fact>, Refusal> {
        if wish.imported && !who.administrator() {
            return Err(Refusal::Forbidden);
        }
        let client_type = wish.properties.policy.client_type.unwrap_or(ClientType::Confidential);
        let policy = self.policy_after(who, who.tenant, &usual(client_type), &wish.properties)?;
        if wish.secret.is_none() != (client_type == ClientType::Public) {
            return Err(invalid("clientSecret"));
        }
        let secret = wish.secret.iter().filter_map(|secret| secret.sealed.as_ref());
        under(wish.key.id, wish.description.iter().chain(secret))?;
        self.client_name_is_free(who.user, wish.properties.name.as_str(), None)?;
        if self.clients.rows.iter().any(|row| row.known_as == wish.client_id.as_str()) {
            return Err(if wish.imported { Refusal::Taken(Taken::ClientId) } else { Refusal::Again });
        }
        let registered = ClientApplicationRegistered {
            owner: UserId(who.user),
            name: wish.properties.name.as_str().to_owned(),
            description: wish.description.clone(),
            redirect_urls: urls(&wish.properties),
            client_id: wish.client_id.as_str().to_owned(),
            key_id: wish.key.id,
            secret: wish.secret.clone(),
            policy,
        };
        let kind = StreamKind::CLIENT_APPLICATION;
        Ok(vec![says(who.tenant, kind, self.clients.ever + 1, registered)])
    }

    /// Where codes go is the owner's to say.
    fn replace_client(&self, who: &Who, wish: &UpdateClientApplication) -> Result<Vec<Fact>, Refusal> {
        let row = self.client_seen(who, wish.id)?;
        unchanged(row.changed, wish.expected.as_ref())?;
        let redirect_urls = urls(&wish.properties);
        if !is_his(who, row) && redirect_urls != row.redirect_urls {
            return Err(Refusal::Forbidden);
        }
        if wish.owner.is_some_and(|owner| owner.0 != row.owner) {
            return Err(invalid("owner"));
        }
        let policy = self.policy_after(who, row.tenant, &row.policy, &wish.properties)?;
        under(row.key, &wish.description)?;
        let name = wish.properties.name.as_str();
        self.client_name_is_free(row.owner, name, Some(row.id))?;
        let description = wish.description.clone();
        let name = name.to_owned();
        Ok(vec![on(row, ClientApplicationUpdated { name, description, redirect_urls, policy })])
    }

    fn client_name_is_free(&self, owner: u64, name: &str, own: Option<u64>) -> Result<(), Refusal> {
        let mut others = self.clients.rows.iter().filter(|row| row.owner == owner && Some(row.id) != own);
        if others.any(|row| row.name == name) {
            Err(Refusal::Taken(Taken::ClientApplicationName))
        } else {
            Ok(())
        }
    }

    /// What it may ask for from now on, if he may say so and it can be so.
    fn policy_after(
        &self,
        who: &Who,
        tenant: u64,
        before: &ClientPolicy,
        properties: &Properties,
    ) -> Result<ClientPolicy, Refusal> {
        let said = &properties.policy;
        if said.client_type.is_some_and(|sent| sent != before.client_type) {
            return Err(invalid("type"));
        }
        let after = after(before, said);
        may_say(who, tenant, before, &after)?;
        possible(&after)?;
        self.has_an_end(before, &after)?;
        if let Some(user) = after.run_as.filter(|user| before.run_as != Some(*user))
            && self.user(user.0).is_none()
        {
            return Err(Refusal::UnknownReference(Object::User(user)));
        }
        if Self::is_for(&after, GrantType::AuthorizationCode) && properties.redirect_urls.is_empty() {
            return Err(invalid("redirectUrls"));
        }
        Ok(after)
    }

    fn is_for(policy: &ClientPolicy, way: GrantType) -> bool {
        policy.grant_types.has(&way)
    }

    /// The password grant ends, within a year of when that is said (hdp-api 9.26).
    fn has_an_end(&self, before: &ClientPolicy, after: &ClientPolicy) -> Result<(), Refusal> {
        let granted = Self::is_for(after, GrantType::Password);
        let year = self.now.saturating_add_secs(YEAR_SECS);
        let new = after.password_until.filter(|until| before.password_until != Some(*until));
        let good = granted == after.password_until.is_some()
            && new.is_none_or(|until| self.now < until && until <= year);
        if good { Ok(()) } else { Err(invalid("passwordGrantUntil")) }
    }

    /// What is shown of a secret, to whom it belongs and to 12 (hdp-api 9.13).
    pub(crate) fn show_client(
        &self,
        who: &Who,
        request: &Request,
        wish: &RevealSecrets,
    ) -> Result<Vec<Fact>, Refusal> {
        let Secrets::ClientApplication(id) = wish.secrets else { unreachable!("the others have their own") };
        let row = self.client_seen(who, id)?;
        if !is_his(who, row) {
            return Err(Refusal::Forbidden);
        }
        let object = Stream::new(StreamKind::CLIENT_APPLICATION, row.id);
        let about = About::Shown(object, row.changed, vec![Field::CLIENT_SECRET]);
        let facts = Self::reveal(who, request, row.tenant, wish.changed.0, about)?;
        let sealed = row.secret.as_ref().is_some_and(|secret| secret.sealed.is_some());
        Ok(if sealed { facts } else { Vec::new() })
    }

    /// Whether an answer about an application is given again: to who still sees it, or when it is gone.
    pub(crate) fn client_told_again(&self, who: &Who, request: &Request) -> Result<(), Refusal> {
        let Ask::Other(wish) = &request.ask else { return Ok(()) };
        let (id, secret) = match wish {
            Wish::UpdateClientApplication(wish) => (wish.id, false),
            Wish::DeleteClientApplication(wish) => (wish.id, false),
            Wish::ResetClientSecret(wish) => (wish.id, true),
            Wish::RotateClientSecret(wish) => (wish.id, true),
            _ => return Ok(()),
        };
        if self.client(id.0).is_none() {
            return Ok(());
        }
        let row = self.client_seen(who, id)?;
        if secret && !is_his(who, row) { Err(Refusal::Forbidden) } else { Ok(()) }
    }

    /// What he allowed ends with him, and with his leaving.
    pub(crate) fn grants_end(&self, user: u64) -> Vec<Fact> {
        let mut his: Vec<_> = self.clients.grants.iter().filter(|row| row.user == user).collect();
        his.sort_by_key(|row| row.client);
        his.iter().map(|row| says(row.tenant, StreamKind::GRANT, row.id, GrantRevoked {})).collect()
    }

    /// What becomes of a deleted user's applications (hdp-api 9.18).
    pub(crate) fn clients_of_the_deleted(
        &self,
        who: &Who,
        user: &User,
        fate: Fate,
    ) -> Result<Vec<Fact>, Refusal> {
        let his = || self.clients.rows.iter().filter(|row| row.owner == user.id);
        let allowed = || {
            let mut grants = self.clients.grants.iter();
            grants.any(|grant| grant.user != user.id && his().any(|row| row.id == grant.client))
        };
        let other = match fate {
            Fate::EndUnlessAllowed if allowed() => {
                return Err(Refusal::InUse(
                    "other users have allowed something to a client application of this user: force=true ends that, \
                    transferTo=<userId> gives the applications to another user of his tenant",
                ));
            }
            Fate::EndUnlessAllowed | Fate::End => {
                return Ok(his().map(|row| on(row, ClientApplicationDeleted {})).collect());
            }
            Fate::GoTo(other) => other,
        };
        if other.0 == user.id || self.user(other.0).is_none_or(|row| row.tenant != user.tenant) {
            return Err(Refusal::UnknownReference(Object::User(other)));
        }
        // With them comes what others allowed them: nobody takes that for himself.
        if other.0 == who.user && !who.administrator() {
            return Err(Refusal::Forbidden);
        }
        let mut facts = Vec::new();
        for row in his() {
            // Only 12 gives somebody the rights of a user.
            if row.policy.run_as.is_some() && !who.administrator() {
                return Err(Refusal::Forbidden);
            }
            self.client_name_is_free(other.0, &row.name, None)?;
            facts.push(on(row, ClientApplicationTransferred { owner: other }));
        }
        Ok(facts)
    }

    /// What an event about an application does.
    pub(crate) fn client_is(&mut self, fact: &Fact, event: &Event, sequence: u64) {
        let id = fact.stream.id;
        if let Event::ClientApplicationRegistered(new) = event {
            self.clients.ever += 1;
            self.clients.rows.push(Client {
                id,
                tenant: fact.tenant,
                owner: new.owner.0,
                name: new.name.clone(),
                description: new.description.clone(),
                redirect_urls: new.redirect_urls.clone(),
                known_as: new.client_id.clone(),
                key: new.key_id,
                secret: new.secret.clone(),
                previous: None,
                policy: new.policy.clone(),
                ended: None,
                changed: sequence,
            });
            return;
        }
        let row = self.clients.rows.iter_mut().find(|row| row.id == id).expect("answered");
        row.changed = sequence;
        match event {
            Event::ClientApplicationUpdated(updated) => {
                (row.name, row.description) = (updated.name.clone(), updated.description.clone());
                (row.redirect_urls, row.policy) = (updated.redirect_urls.clone(), updated.policy.clone());
            }
            Event::ClientApplicationSecretReset(reset) => {
                (row.secret, row.previous, row.ended) = (Some(reset.secret.clone()), None, Some(sequence));
                self.end_all_of_client(id);
            }
            Event::ClientApplicationSecretRotated(rotated) => {
                let before = row.secret.replace(rotated.secret.clone());
                row.previous = before.map(|before| (before.hash, rotated.previous_until));
            }
            Event::ClientApplicationTransferred(to) => row.owner = to.owner.0,
            Event::ClientApplicationDeleted(_) => {
                self.ended.push((fact.stream.kind, row.owner, row.key));
                self.clients.rows.retain(|row| row.id != id);
                self.end_all_of_client(id);
            }
            other => unreachable!("{other:?} is about no client application"),
        }
    }
}

fn urls(properties: &Properties) -> Vec<String> {
    properties.redirect_urls.iter().map(|url| url.as_sent().to_owned()).collect()
}

/// With HDP's properties alone.
fn usual(client_type: ClientType) -> ClientPolicy {
    let public = client_type == ClientType::Public;
    ClientPolicy {
        client_type,
        grant_types: [GrantType::AuthorizationCode, GrantType::RefreshToken].into_iter().collect(),
        scopes: [Scope::OData].into_iter().collect(),
        pkce: if public { Pkce::Required } else { Pkce::Optional },
        refresh_rotation: if public { RefreshRotation::Always } else { RefreshRotation::Never },
        refresh_retry_secs: 60,
        access_token_lifetime_secs: None,
        refresh_token_idle_secs: None,
        refresh_token_absolute_secs: None,
        resource_server: None,
        run_as: None,
        password_until: None,
    }
}

fn or<T: Clone>(said: &Said<T>, before: &T, usual: T) -> T {
    match said {
        Said::LeftOut => before.clone(),
        Said::Null => usual,
        Said::Value(value) => value.clone(),
    }
}

fn or_none<T: Clone>(said: &Said<T>, before: Option<T>) -> Option<T> {
    match said {
        Said::LeftOut => before,
        Said::Null => None,
        Said::Value(value) => Some(value.clone()),
    }
}

/// What is left out stays, but for the end of a password grant that there is no more.
fn after(before: &ClientPolicy, said: &PolicySaid) -> ClientPolicy {
    let usual = usual(before.client_type);
    let mut after = before.clone();
    after.grant_types = or(&said.grant_types, &before.grant_types, usual.grant_types);
    after.scopes = or(&said.scopes, &before.scopes, usual.scopes);
    after.pkce = or(&said.pkce, &before.pkce, usual.pkce);
    after.refresh_rotation = or(&said.refresh_rotation, &before.refresh_rotation, usual.refresh_rotation);
    after.refresh_retry_secs =
        or(&said.refresh_retry_secs, &before.refresh_retry_secs, usual.refresh_retry_secs);
    after.access_token_lifetime_secs =
        or_none(&said.access_token_lifetime_secs, before.access_token_lifetime_secs);
    after.refresh_token_idle_secs = or_none(&said.refresh_token_idle_secs, before.refresh_token_idle_secs);
    after.refresh_token_absolute_secs =
        or_none(&said.refresh_token_absolute_secs, before.refresh_token_absolute_secs);
    after.resource_server = match &said.resource_server {
        Said::LeftOut => before.resource_server.clone(),
        Said::Null => None,
        Said::Value(uri) => Some(uri.as_str().to_owned()),
    };
    after.run_as = or_none(&said.run_as, before.run_as);
    let until = before.password_until.filter(|_| Model::is_for(&after, GrantType::Password));
    after.password_until = or_none(&said.password_until, until);
    after
}

/// Who gives an application more than any owner can (TOKENS section 3): 12, or 28 with administrative access; and a user's rights,
/// or more to use them by, 12 alone.
fn may_say(who: &Who, tenant: u64, before: &ClientPolicy, after: &ClientPolicy) -> Result<(), Refusal> {
    let usual = usual(before.client_type);
    let runs = after.run_as.is_some();
    let ways: Vec<GrantType> =
        after.grant_types.iter().copied().filter(|way| !before.grant_types.has(way)).collect();
    let scopes: Vec<Scope> = after.scopes.iter().copied().filter(|one| !before.scopes.has(one)).collect();
    let resource = after.resource_server.is_some() && after.resource_server != before.resource_server;
    let password = after.password_until.is_some() && after.password_until != before.password_until;
    let more = resource
        || password
        || ways.iter().any(|way| !usual.grant_types.has(way))
        || scopes.iter().any(|one| !usual.scopes.has(one));
    let with_rights = runs && (more || !ways.is_empty() || !scopes.is_empty());
    let rights = runs && after.run_as != before.run_as;
    let may = who.administrator() || (!rights && !with_rights && (!more || oversees(who, tenant)));
    if may { Ok(()) } else { Err(Refusal::Forbidden) }
}

/// What holds together, whoever says it.
fn possible(policy: &ClientPolicy) -> Result<(), Refusal> {
    let is_for = |way| Model::is_for(policy, way);
    if policy.grant_types.is_empty() {
        return Err(invalid("grantTypes"));
    }
    if policy.scopes.is_empty() && (is_for(GrantType::AuthorizationCode) || is_for(GrantType::Password)) {
        return Err(invalid("scopes"));
    }
    if policy.client_type == ClientType::Confidential {
        return Ok(());
    }
    for (wrong, field) in [
        (is_for(GrantType::ClientCredentials) || is_for(GrantType::Password), "grantTypes"),
        (policy.pkce == Pkce::Optional, "pkce"),
        (policy.refresh_rotation == RefreshRotation::Never, "refreshRotation"),
        (policy.resource_server.is_some(), "resourceServer"),
        (policy.run_as.is_some(), "runAs"),
    ] {
        if wrong {
            return Err(invalid(field));
        }
    }
    Ok(())
}

/// Nobody's tokens register anything, and nobody does in another's name.
pub(crate) fn in_his_own_name(request: &Request) -> Result<(), Refusal> {
    let himself = matches!(request.by, Actor::User(_)) && request.behalf.is_none();
    if himself { Ok(()) } else { Err(Refusal::LacksPermission) }
}
