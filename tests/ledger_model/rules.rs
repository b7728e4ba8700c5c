//! The rules of the documents, asked one after the other for every request (hdp-api 1.7, 2.5, 6.3, 6.4, 9.4, 9.7, 9.13,
//! 9.15, 9.18, 9.20, 9.23, 9.25). Those of profiles and data sources stand in the files named after them.

use std::collections::BTreeSet;

use authledger::commands::{Object, Refusal, Taken, Wish};
use events::{
    envelope::{Actor, Stream, StreamKind},
    event::Event,
    id::{OAuthAppId, PermissionId, RoleId, Sequence, TenantId, UserId},
    sealed::{Field, KeyId, Sealed},
    user::UserStatus,
};

use crate::{
    client_rules::{in_his_own_name, is_about_clients},
    model::{App, DAY_SECS, Done, Model, User},
    requests::{Ask, Request},
    token_rules::is_for_tokens,
    wishes::needed,
};

pub(crate) const ADMINISTRATOR: u16 = 12;
const CREATE_USERS: u16 = 13;
const ON_BEHALF_OF: u16 = 21;
const TENANT_API: u16 = 25;
const MGMT_API: u16 = 11;
const OPERATE: u16 = 102;
const APP_PERMISSIONS: [u16; 2] = [MGMT_API, 28];

/// An event without what becomes of it in rows: what it is and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) tenant: u64,
    pub(crate) stream: Stream,
    pub(crate) name: &'static str,
    pub(crate) about: About,
}

/// What an event says that no row shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum About {
    Nothing,
    /// Which profile a data source let go of.
    Profile(u64),
    /// Of how many events a snapshot is.
    Snapshot(u64),
    /// Whose secrets were shown, as which event left them, and which.
    Shown(Stream, u64, Vec<Field>),
    /// All of it.
    Says(Box<Event>),
}

/// What the ledger should answer.
#[derive(Debug)]
pub(crate) enum Answer {
    Refused(Refusal),
    Recorded(Vec<Fact>),
    Nothing,
    Repeated { first: u64, count: u32 },
}

impl Answer {
    /// Without the ids in it; what was recorded is each of its facts.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let one = |name: &str| BTreeSet::from([name.to_owned()]);
        match self {
            Self::Refused(refusal) => {
                let word = word(refusal);
                one(&word.chars().filter(|c| !c.is_ascii_digit()).collect::<String>())
            }
            Self::Recorded(facts) => {
                let mut names: BTreeSet<String> = facts.iter().map(|fact| fact.name.to_owned()).collect();
                // The widest reach of one command.
                let tenants: BTreeSet<u64> = facts.iter().map(|fact| fact.tenant).collect();
                if tenants.len() > 1 && names.contains("DataSourceProfileCleared") {
                    names.extend(one("a cascade through several tenants"));
                }
                names
            }
            Self::Nothing => one("nothing"),
            Self::Repeated { .. } => one("repeated"),
        }
    }
}

impl Request {
    /// Whether it is one of what the operator does at the machine (`authledger user`).
    fn is_the_operators(&self) -> bool {
        use authledger::commands::Wish::{SetUserPassword, SetUserStatus, UnlockUser};
        let his = |wish: &Wish| matches!(wish, SetUserPassword(_) | SetUserStatus(_) | UnlockUser(_));
        self.by == Actor::Operator && matches!(&self.ask, Ask::Other(wish) if his(wish))
    }
}

/// Whoever the rules are asked about.
pub(crate) struct Who {
    pub(crate) user: u64,
    pub(crate) tenant: u64,
    /// Whether somebody else does it for him.
    pub(crate) acting: bool,
    pub(crate) permissions: Vec<u16>,
    pub(crate) administers: Vec<u64>,
}

impl Who {
    pub(crate) fn administrator(&self) -> bool {
        self.permissions.contains(&ADMINISTRATOR)
    }

    pub(crate) fn may(&self, permission: u16) -> bool {
        self.administrator() || self.permissions.contains(&permission)
    }

    pub(crate) fn administers(&self, tenant: u64) -> bool {
        self.administrator() || self.administers.contains(&tenant)
    }

    /// hdp-api 2.5.
    fn administers_apps_of(&self, tenant: u64) -> bool {
        if self.administrator() {
            return true;
        }
        let here = match self.tenant {
            1 => tenant == 1 || self.administers.contains(&tenant),
            own => tenant == own,
        };
        here && APP_PERMISSIONS.iter().all(|permission| self.permissions.contains(permission))
    }

    /// hdp-api 9.23: what he holds himself; the elevated ones only a holder of 12.
    pub(crate) fn may_grant(&self, permission: u16) -> bool {
        let elevated = permission == 12 || (22..=29).contains(&permission) || permission > 29;
        self.administrator() || (self.permissions.contains(&permission) && !elevated)
    }
}

impl Model {
    /// What the ledger should answer; changes nothing.
    pub(crate) fn answer(&self, request: &Request) -> Answer {
        if let Some((key, body)) = &request.key {
            let done = self.done.iter().rev().find(|done| (done.by, done.key) == (request.by, *key));
            let lives = |done: &&Done| done.at.saturating_add_secs(DAY_SECS) > self.now;
            if let Some(done) = done.filter(lives) {
                return match self.may_ask(request) {
                    _ if done.body != *body => Answer::Refused(Refusal::IdempotencyKeyReused),
                    Err(refusal) => Answer::Refused(refusal),
                    Ok(who) => match self
                        .source_told_again(&who, request)
                        .and_then(|()| self.client_told_again(&who, request))
                    {
                        Err(refusal) => Answer::Refused(refusal),
                        Ok(()) => Answer::Repeated { first: done.first, count: done.count },
                    },
                };
            }
        }
        match self.facts(request) {
            Err(refusal) => Answer::Refused(refusal),
            Ok(facts) if facts.is_empty() => Answer::Nothing,
            Ok(facts) => Answer::Recorded(facts),
        }
    }

    /// Whether somebody may ask for such a thing at all, and as whom the rules see him (hdp-api 1.7, 9.4).
    pub(crate) fn may_ask(&self, request: &Request) -> Result<Who, Refusal> {
        let needed: Vec<u16> = match &request.ask {
            Ask::Tenant { .. } => vec![TENANT_API],
            Ask::User { .. } => vec![CREATE_USERS],
            Ask::App { .. } | Ask::Put { .. } | Ask::Delete { .. } | Ask::Reveal { .. } => {
                APP_PERMISSIONS.to_vec()
            }
            Ask::Profile(ask) => vec![MGMT_API, ask.permission()],
            Ask::Source(ask) => {
                ask.permission(request.behalf.is_some()).into_iter().chain([MGMT_API]).collect()
            }
            Ask::Snapshot { .. } => return self.may_operate(request.by),
            Ask::Lock { .. } => Vec::new(),
            Ask::Other(_) if request.is_the_operators() => {
                return Ok(Who {
                    user: 0,
                    tenant: 1,
                    acting: false,
                    permissions: vec![ADMINISTRATOR],
                    administers: Vec::new(),
                });
            }
            Ask::Other(wish) => needed(wish, request.behalf.is_some()),
        };
        let Actor::User(UserId(by)) = request.by else { return Err(Refusal::LacksPermission) };
        let row = self.user(by).filter(|user| user.status == UserStatus::Active).ok_or(Refusal::ActorGone)?;
        let who = self.who(row);
        if !needed.iter().all(|permission| who.may(*permission)) {
            return Err(Refusal::LacksPermission);
        }
        let Some(target) = request.behalf else { return Ok(who) };
        if !who.may(ON_BEHALF_OF) {
            return Err(Refusal::LacksPermission);
        }
        let unknown = Refusal::NotFound(Object::User(UserId(target)));
        let target = self.who(self.user(target).ok_or_else(|| unknown.clone())?);
        let near = who.tenant == 1 || who.tenant == target.tenant;
        if !(who.administrator() || near && who.administers.contains(&target.tenant)) {
            return Err(unknown);
        }
        let both = target.administers.iter().copied().filter(|tenant| who.administers(*tenant)).collect();
        Ok(Who {
            user: target.user,
            tenant: target.tenant,
            // Who names himself is no other.
            acting: target.user != by,
            permissions: who.permissions,
            administers: both,
        })
    }

    /// Who runs the program, and users of the system tenant with 102 (hdp-api 9.22).
    fn may_operate(&self, by: Actor) -> Result<Who, Refusal> {
        let user = match by {
            Actor::Operator => {
                let (permissions, administers) = (vec![OPERATE], Vec::new());
                return Ok(Who { user: 0, tenant: 1, acting: false, permissions, administers });
            }
            Actor::User(UserId(user)) => user,
            Actor::System | Actor::ClientApplication(_) => return Err(Refusal::LacksPermission),
        };
        let row = self.user(user).filter(|user| user.status == UserStatus::Active);
        let who = self.who(row.ok_or(Refusal::ActorGone)?);
        if who.may(OPERATE) && who.tenant == 1 { Ok(who) } else { Err(Refusal::LacksPermission) }
    }

    pub(crate) fn who(&self, user: &User) -> Who {
        let mut permissions = user.permissions.clone();
        for role in self.roles.iter().filter(|role| user.roles.contains(&role.id)) {
            permissions.extend(&role.permissions);
        }
        let administered = self.tenants.iter().filter(|tenant| tenant.administrators.contains(&user.id));
        Who {
            user: user.id,
            tenant: user.tenant,
            acting: false,
            permissions,
            administers: administered.map(|tenant| tenant.id).collect(),
        }
    }

    fn facts(&self, request: &Request) -> Result<Vec<Fact>, Refusal> {
        if let Ask::Lock { user, until } = &request.ask {
            // One event per account and period (hdp-api 9.25).
            let open = |row: &&User| row.lock.is_none_or(|(_, until)| until <= self.now);
            let row = self.user(*user).filter(open).filter(|_| *until > self.now);
            return Ok(row
                .map(|row| fact(row.tenant, StreamKind::USER, *user, "UserLocked"))
                .into_iter()
                .collect());
        }
        match &request.ask {
            Ask::Other(wish) if is_for_tokens(wish) => return self.tokens_for(request, wish),
            Ask::Other(wish) if is_about_clients(wish) => in_his_own_name(request)?,
            // Nobody consents for another, whoever that is.
            Ask::Other(Wish::AllowAccess(_) | Wish::DenyAccess(_)) if request.behalf.is_some() => {
                self.may_ask(&Request { behalf: None, ..request.clone() })?;
                return Err(Refusal::LacksPermission);
            }
            _ => {}
        }
        let who = self.may_ask(request)?;
        match &request.ask {
            Ask::Tenant { name, roles, administrators, .. } => {
                self.new_tenant(&who, name, roles, administrators)
            }
            Ask::User { tenant, login, key, name, password, roles, permissions, .. } => {
                let tenant = tenant.unwrap_or(who.tenant);
                self.user_is_right(&who, tenant, roles, permissions)?;
                let hash = password.iter().map(|password| &password.hash);
                under(*key, hash.chain([name]))?;
                if self.users.iter().any(|user| user.login == *login) {
                    return Err(Refusal::Taken(Taken::UserName));
                }
                Ok(vec![fact(tenant, StreamKind::USER, self.users_ever + 1, "UserCreated")])
            }
            Ask::App { tenant, store, name, description, secret, key } => {
                let tenant = tenant.unwrap_or(who.tenant);
                if !self.tenants.iter().any(|row| row.id == tenant) || !who.administers_apps_of(tenant) {
                    return Err(Refusal::UnknownReference(Object::Tenant(TenantId(tenant))));
                }
                if ![1, 54, 62, 63, 76].contains(store) {
                    return Err(invalid("dataStore"));
                }
                under(*key, description.iter().chain([secret]))?;
                self.app_name_is_free(tenant, name, None)?;
                Ok(vec![fact(tenant, StreamKind::OAUTH_APP, self.apps_ever + 1, "OAuthAppCreated")])
            }
            Ask::Put { app, expected, tenant, store, name, description, secret } => {
                let row = self.app_to_change(&who, *app, expected.as_ref())?;
                if tenant.is_some_and(|tenant| tenant != row.tenant) {
                    return Err(invalid("tenantId"));
                }
                if *store != row.store {
                    return Err(invalid("dataStore"));
                }
                under(row.secret.key_id, description.iter().chain(secret))?;
                self.app_name_is_free(row.tenant, name, Some(*app))?;
                Ok(vec![fact(row.tenant, StreamKind::OAUTH_APP, *app, "OAuthAppUpdated")])
            }
            Ask::Delete { app, expected } => {
                let row = self.app_to_change(&who, *app, expected.as_ref())?;
                let profiles = self.profiles.iter().filter(|profile| profile.app == *app);
                let mut facts: Vec<Fact> = profiles.flat_map(|profile| self.end_of(profile)).collect();
                facts.push(fact(row.tenant, StreamKind::OAUTH_APP, *app, "OAuthAppDeleted"));
                Ok(facts)
            }
            Ask::Reveal { app, changed } => {
                let row = self.app_to_change(&who, *app, None)?;
                let object = Stream::new(StreamKind::OAUTH_APP, row.id);
                let about = About::Shown(object, row.changed, vec![Field::CLIENT_SECRET]);
                Self::reveal(&who, request, row.tenant, *changed, about)
            }
            Ask::Profile(ask) => self.profile_facts(&who, request, ask),
            Ask::Source(ask) => self.source_facts(&who, request, ask),
            Ask::Snapshot { size } => {
                if request.behalf.is_some() {
                    return Err(Refusal::Forbidden);
                }
                // Of what is not history yet there is no state.
                if *size == 0 || *size > self.size() {
                    return Err(Refusal::Again);
                }
                let about = About::Snapshot(*size);
                Ok(vec![Fact { about, ..fact(1, StreamKind::LEDGER, 0, "SnapshotTaken") }])
            }
            Ask::Lock { .. } => unreachable!("answered above"),
            Ask::Other(wish) => self.other_facts(&who, request, wish),
        }
    }

    /// For another only with 12 (hdp-api 9.13), and only what is still as it was when `changed` was read.
    pub(crate) fn reveal(
        who: &Who,
        request: &Request,
        tenant: u64,
        changed: u64,
        about: About,
    ) -> Result<Vec<Fact>, Refusal> {
        if request.behalf.is_some() && !who.administrator() {
            return Err(Refusal::Forbidden);
        }
        if matches!(&about, About::Shown(_, now, _) if *now != changed) {
            return Err(Refusal::Again);
        }
        let Actor::User(actor) = request.by else { unreachable!("checked by may_ask") };
        Ok(vec![Fact { about, ..fact(tenant, StreamKind::DISCLOSURES, actor.0, "SecretRevealed") }])
    }

    fn new_tenant(
        &self,
        who: &Who,
        name: &str,
        roles: &[(u64, u64, KeyId, Option<Sealed>)],
        administrators: &[u64],
    ) -> Result<Vec<Fact>, Refusal> {
        if !who.administers(1) {
            return Err(Refusal::LacksPermission);
        }
        if self.tenants.iter().any(|tenant| tenant.name == name) {
            return Err(Refusal::Taken(Taken::TenantName));
        }
        for id in administrators {
            if self.user(*id).is_none_or(|user| user.tenant != 1) {
                return Err(Refusal::UnknownReference(Object::User(UserId(*id))));
            }
        }
        for user in administrators.iter().filter_map(|id| self.user(*id)) {
            self.no_more_than_he(who, user)?;
        }
        let id = self.tenants_ever + 1;
        let mut facts = vec![fact(id, StreamKind::TENANT, id, "TenantCreated")];
        for (number, (source, changed, _, _)) in (1..).zip(roles) {
            let unknown = Refusal::UnknownReference(Object::Role(RoleId(*source)));
            let role = self.role(*source).filter(|role| role.tenant == 1).ok_or(unknown)?;
            if role.changed != *changed {
                return Err(Refusal::Again);
            }
            all_his(who, &role.permissions)?;
            facts.push(fact(id, StreamKind::ROLE, self.roles_ever + number, "RoleCreated"));
        }
        Ok(facts)
    }

    fn user_is_right(
        &self,
        who: &Who,
        tenant: u64,
        roles: &[u64],
        permissions: &[u16],
    ) -> Result<(), Refusal> {
        if !self.tenants.iter().any(|row| row.id == tenant) || !who.administers(tenant) {
            return Err(Refusal::UnknownReference(Object::Tenant(TenantId(tenant))));
        }
        if roles.is_empty() {
            return Err(invalid("permissions.roles"));
        }
        for id in roles {
            let unknown = Refusal::UnknownReference(Object::Role(RoleId(*id)));
            let role = self.role(*id).filter(|role| role.tenant == tenant).ok_or(unknown)?;
            all_his(who, &role.permissions)?;
        }
        if permissions.iter().any(|id| !(1..=29).contains(id) && ![101, 102].contains(id)) {
            return Err(invalid("permissions.permissions"));
        }
        all_his(who, permissions)
    }

    /// 404 when he can't see it, 403 when it is not his, 412 when it changed (hdp-api 9.4, 9.20).
    fn app_to_change(&self, who: &Who, id: u64, expected: Option<&Vec<u64>>) -> Result<&App, Refusal> {
        let visible =
            |app: &&App| app.tenant == 1 || app.tenant == who.tenant || who.administers_apps_of(app.tenant);
        let row = self.app(id).filter(visible).ok_or(Refusal::NotFound(Object::OAuthApp(OAuthAppId(id))))?;
        if !who.administers_apps_of(row.tenant) {
            return Err(Refusal::Forbidden);
        }
        match expected {
            Some(expected) if !expected.contains(&row.changed) => Err(Refusal::PreconditionFailed),
            _ => Ok(row),
        }
    }

    fn app_name_is_free(&self, tenant: u64, name: &str, own: Option<u64>) -> Result<(), Refusal> {
        let taken =
            self.apps.iter().any(|app| app.tenant == tenant && app.name == name && Some(app.id) != own);
        if taken { Err(Refusal::Taken(Taken::OAuthAppName)) } else { Ok(()) }
    }
}

pub(crate) fn all_his(who: &Who, permissions: &[u16]) -> Result<(), Refusal> {
    let mut sorted = permissions.to_vec();
    sorted.sort_unstable();
    match sorted.into_iter().find(|permission| !who.may_grant(*permission)) {
        Some(permission) => Err(Refusal::NotHisToGrant(PermissionId(permission))),
        None => Ok(()),
    }
}

/// What is sealed under another key than its object's has to be sealed again.
pub(crate) fn under<'a>(key: KeyId, values: impl IntoIterator<Item = &'a Sealed>) -> Result<(), Refusal> {
    let all = values.into_iter().all(|value| value.key_id == key);
    if all { Ok(()) } else { Err(Refusal::Again) }
}

pub(crate) fn invalid(field: &'static str) -> Refusal {
    Refusal::Invalid { field, problem: String::new() }
}

pub(crate) fn fact(tenant: u64, kind: StreamKind, id: u64, name: &'static str) -> Fact {
    Fact { tenant, stream: Stream::new(kind, id), name, about: About::Nothing }
}

/// An event and what becomes of it.
pub(crate) fn says(tenant: u64, kind: StreamKind, id: u64, event: impl Into<Event>) -> Fact {
    let event: Event = event.into();
    let name = event.kind().0.name().expect("every event has a name");
    Fact { about: About::Says(Box::new(event)), ..fact(tenant, kind, id, name) }
}

/// `If-Match` (hdp-api 9.20).
pub(crate) fn unchanged(changed: u64, expected: Option<&Vec<Sequence>>) -> Result<(), Refusal> {
    match expected {
        Some(expected) if !expected.contains(&Sequence(changed)) => Err(Refusal::PreconditionFailed),
        _ => Ok(()),
    }
}

/// A refusal without the sentence for people.
pub(crate) fn word(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Invalid { field, .. } => format!("Invalid({field})"),
        other => format!("{other:?}"),
    }
}
