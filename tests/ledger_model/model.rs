//! The whole ledger, naively: lists, and what each fact does to them.

use std::collections::BTreeMap;

use authledger::{commands, vault::login::LoginTag};
use events::{
    envelope::{Actor, Envelope, IdempotencyTags, Stream, StreamKind},
    event::Event,
    sealed::{KeyId, Sealed},
    tenant::TenantStatus,
    time::Timestamp,
    user::{Password, PasswordStatus, UserStatus},
};

use crate::{
    data_sources::Source,
    limits::Own,
    oauth_profiles::Profile,
    requests::{Ask, Request, login_name},
    rules::{Answer, Fact},
    settings::Settings,
    sharing::Shares,
    steps::{Wish, one_of},
    tokens::Clients,
};

pub(crate) const DAY_SECS: i64 = 86_400;

#[derive(Clone)]
pub(crate) struct Tenant {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) key: KeyId,
    pub(crate) description: Option<Sealed>,
    pub(crate) parent: Option<u64>,
    pub(crate) status: TenantStatus,
    pub(crate) administrators: Vec<u64>,
    pub(crate) changed: u64,
    /// When a role of its was last made or deleted.
    pub(crate) list_changed: Option<u64>,
}

#[derive(Clone)]
pub(crate) struct Role {
    pub(crate) id: u64,
    pub(crate) tenant: u64,
    pub(crate) name: String,
    pub(crate) key: KeyId,
    pub(crate) description: Option<Sealed>,
    pub(crate) permissions: Vec<u16>,
    pub(crate) changed: u64,
    /// When somebody last got it or lost it.
    pub(crate) holders_changed: Option<u64>,
}

#[derive(Clone)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) tenant: u64,
    pub(crate) login: String,
    pub(crate) name: Sealed,
    pub(crate) status: UserStatus,
    pub(crate) password: Option<Password>,
    pub(crate) roles: Vec<u64>,
    pub(crate) permissions: Vec<u16>,
    /// Since when, until when.
    pub(crate) lock: Option<(Timestamp, Timestamp)>,
    pub(crate) tokens_ended: Option<u64>,
    pub(crate) password_tokens_ended: Option<u64>,
    pub(crate) changed: u64,
}

#[derive(Clone)]
pub(crate) struct App {
    pub(crate) id: u64,
    pub(crate) tenant: u64,
    pub(crate) store: u32,
    pub(crate) name: String,
    pub(crate) description: Option<Sealed>,
    pub(crate) secret: Sealed,
    pub(crate) changed: u64,
}

/// A command that was carried out under an `Idempotency-Key`.
#[derive(Clone)]
pub(crate) struct Done {
    pub(crate) by: Actor,
    pub(crate) key: u8,
    pub(crate) body: String,
    pub(crate) first: u64,
    pub(crate) count: u32,
    pub(crate) at: Timestamp,
    pub(crate) tags: IdempotencyTags,
}

#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) now: Timestamp,
    /// What the entries of the login index stand for, in lower case.
    pub(crate) names: BTreeMap<LoginTag, String>,
    pub(crate) disk_is_full: bool,
    pub(crate) tenants: Vec<Tenant>,
    /// Tenants that ever were, for ids are never given twice. So with the others.
    pub(crate) tenants_ever: u64,
    pub(crate) roles: Vec<Role>,
    pub(crate) roles_ever: u64,
    pub(crate) users: Vec<User>,
    pub(crate) users_ever: u64,
    /// Keys that nothing may open any more.
    pub(crate) destroyed: Vec<KeyId>,
    /// Keys of data sources and profiles that are gone while whose they were is there: of which kind, whose.
    pub(crate) ended: Vec<(StreamKind, u64, KeyId)>,
    pub(crate) apps: Vec<App>,
    pub(crate) apps_ever: u64,
    pub(crate) profiles: Vec<Profile>,
    pub(crate) profiles_ever: u64,
    pub(crate) sources: Vec<Source>,
    pub(crate) sources_ever: u64,
    pub(crate) shares: Shares,
    pub(crate) limits: Vec<Own>,
    pub(crate) settings: Settings,
    pub(crate) clients: Clients,
    pub(crate) done: Vec<Done>,
    /// Each event's stream and time, in order.
    pub(crate) log: Vec<(Stream, Timestamp)>,
    /// Requests that came with an `Idempotency-Key`.
    pub(crate) asked: Vec<(Actor, Option<u64>, u8, Wish)>,
    /// How often each answer was given.
    pub(crate) answers: BTreeMap<String, u64>,
}

impl Model {
    /// What `init` leaves (hdp-api 6.1, 6.2, 9.24): the keys and sealed values are the log's, the rest is known.
    pub(crate) fn begin(events: &[Envelope], now: Timestamp, names: BTreeMap<LoginTag, String>) -> Self {
        let mut model = Self {
            now,
            names,
            disk_is_full: false,
            tenants: Vec::new(),
            tenants_ever: 1,
            roles: Vec::new(),
            roles_ever: 3,
            users: Vec::new(),
            users_ever: 1,
            destroyed: Vec::new(),
            ended: Vec::new(),
            apps: Vec::new(),
            apps_ever: 0,
            profiles: Vec::new(),
            profiles_ever: 0,
            sources: Vec::new(),
            sources_ever: 0,
            shares: Shares::default(),
            limits: Vec::new(),
            settings: Settings::default(),
            clients: Clients::default(),
            done: Vec::new(),
            log: Vec::new(),
            asked: Vec::new(),
            answers: BTreeMap::new(),
        };
        let everybody: Vec<u16> = (1..=11).collect();
        let tenants_too: Vec<u16> = (1..=11).chain(13..=21).collect();
        let everything: Vec<u16> = (1..=29).chain([101, 102]).collect();
        let roles = [
            ("System Administrator", everything),
            ("User", everybody),
            ("Tenant Administrator", tenants_too),
        ];
        let mut roles = (1..).zip(roles);
        for (sequence, envelope) in (0..).zip(events) {
            match &envelope.event {
                Event::LedgerCreated(_) => assert_eq!(sequence, 0),
                Event::TenantCreated(created) => model.tenants.push(Tenant {
                    id: 1,
                    name: "System".to_owned(),
                    key: created.key_id,
                    description: None,
                    parent: None,
                    status: TenantStatus::Active,
                    administrators: vec![1],
                    changed: sequence,
                    list_changed: None,
                }),
                Event::RoleCreated(created) => {
                    let (id, (name, permissions)) = roles.next().expect("three roles");
                    model.roles.push(Role {
                        id,
                        tenant: 1,
                        name: name.to_owned(),
                        key: created.key_id,
                        description: None,
                        permissions,
                        changed: sequence,
                        holders_changed: None,
                    });
                    model.tenants[0].list_changed = Some(sequence);
                }
                Event::UserCreated(created) => model.users.push(User {
                    id: 1,
                    tenant: 1,
                    login: login_name(0, false),
                    name: created.name.clone(),
                    status: UserStatus::Active,
                    password: created.password.clone(),
                    roles: vec![1],
                    permissions: Vec::new(),
                    lock: None,
                    tokens_ended: None,
                    password_tokens_ended: None,
                    changed: sequence,
                }),
                other => panic!("a ledger does not begin with {other:?}"),
            }
            model.log.push((envelope.header.stream, now));
        }
        assert_eq!((model.tenants.len(), model.roles.len(), model.users.len()), (1, 3, 1));
        model.roles[0].holders_changed = Some(model.users[0].changed);
        model
    }

    pub(crate) fn pass(&mut self, secs: u32) {
        self.now = self.now.saturating_add_secs(i64::from(secs));
    }

    pub(crate) fn asked_before(&self, back: u8) -> Option<(Actor, Option<u64>, Option<u8>, Wish)> {
        let place = self.asked.len().checked_sub(1 + usize::from(back) % self.asked.len().max(1))?;
        let (by, behalf, key, wish) = self.asked[place].clone();
        Some((by, behalf, Some(key), wish))
    }

    /// Mostly one that is there.
    pub(crate) fn a_tenant(&self, number: u8) -> u64 {
        one_of(number, self.tenants.iter().map(|row| row.id), self.tenants_ever)
    }

    pub(crate) fn a_role(&self, number: u8) -> u64 {
        one_of(number, self.roles.iter().map(|row| row.id), self.roles_ever)
    }

    pub(crate) fn a_user(&self, number: u8) -> u64 {
        one_of(number, self.users.iter().map(|row| row.id), self.users_ever)
    }

    pub(crate) fn size(&self) -> u64 {
        self.log.len() as u64
    }

    pub(crate) fn role(&self, id: u64) -> Option<&Role> {
        self.roles.iter().find(|role| role.id == id)
    }

    pub(crate) fn app(&self, id: u64) -> Option<&App> {
        self.apps.iter().find(|app| app.id == id)
    }

    pub(crate) fn tenant(&self, id: u64) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.id == id)
    }

    pub(crate) fn user(&self, id: u64) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    /// Makes an answer true.
    pub(crate) fn record(&mut self, request: &Request, answer: &Answer, tags: Option<IdempotencyTags>) {
        let Answer::Recorded(facts) = answer else { return };
        let first = self.size();
        // Whose it will be; the lock after wrong passwords has nobody who asks.
        let whom = self.may_ask(request).map_or(0, |who| who.user);
        let (tenant, id) = (facts[0].tenant, facts[0].stream.id);
        self.log.extend(facts.iter().map(|fact| (fact.stream, self.now)));
        self.forget();
        if let (Some((key, body)), Some(tags)) = (&request.key, tags) {
            let count = u32::try_from(facts.len()).expect("few");
            let (by, key, body, at) = (request.by, *key, body.clone(), self.now);
            self.done.push(Done { by, key, body, first, count, at, tags });
        }
        self.destroy(facts);
        match request.ask.clone() {
            Ask::Tenant { name, status, roles, administrators, key, description } => {
                let mut administrators = administrators;
                let creator = self.may_ask(request).map(|who| who.user);
                administrators.extend(creator);
                administrators.sort_unstable();
                administrators.dedup();
                let parent = Some(1);
                self.tenants_ever += 1;
                self.tenants.push(Tenant {
                    id,
                    name,
                    key,
                    description,
                    parent,
                    status,
                    administrators,
                    changed: first,
                    list_changed: (facts.len() > 1).then_some(self.size() - 1),
                });
                for (changed, (source, _, key, description)) in (first + 1..).zip(roles) {
                    let source = self.role(source).expect("answered");
                    let (name, permissions) = (source.name.clone(), source.permissions.clone());
                    self.roles_ever += 1;
                    self.roles.push(Role {
                        id: self.roles_ever,
                        tenant,
                        name,
                        key,
                        description,
                        permissions,
                        changed,
                        holders_changed: None,
                    });
                }
            }
            Ask::User { login, name, status, password, roles, permissions, .. } => {
                let password = password.map(|mut password| {
                    password.expires_at = self.end_of_password(password.status, password.expires_at);
                    password
                });
                self.users_ever += 1;
                for role in self.roles.iter_mut().filter(|role| roles.contains(&role.id)) {
                    role.holders_changed = Some(first);
                }
                self.users.push(User {
                    id,
                    tenant,
                    login,
                    name,
                    status,
                    password,
                    roles,
                    permissions,
                    lock: None,
                    tokens_ended: None,
                    password_tokens_ended: None,
                    changed: first,
                });
            }
            Ask::Lock { user, until } => {
                let row = self.users.iter_mut().find(|row| row.id == user).expect("answered");
                (row.lock, row.changed) = (Some((self.now, until)), first);
            }
            Ask::App { store, name, description, secret, .. } => {
                self.apps_ever += 1;
                self.apps.push(App { id, tenant, store, name, description, secret, changed: first });
            }
            Ask::Put { app, name, description, secret, .. } => {
                let row = self.apps.iter_mut().find(|row| row.id == app).expect("answered");
                (row.name, row.description, row.changed) = (name, description, first);
                row.secret = secret.unwrap_or_else(|| row.secret.clone());
            }
            Ask::Delete { app, .. } => self.apps.retain(|row| row.id != app),
            Ask::Other(commands::Wish::UpdateUser(wish)) => {
                let row = self.users.iter_mut().find(|row| row.id == wish.user.0).expect("answered");
                row.login.clone_from(&self.names[&wish.login]);
            }
            Ask::Reveal { .. } | Ask::Snapshot { .. } | Ask::Other(_) => {}
            Ask::Profile(ask) => self.record_profile(whom, tenant, first, ask),
            Ask::Source(ask) => self.record_source(whom, tenant, first, ask),
        }
        for (sequence, fact) in (first..).zip(facts) {
            self.goes(fact, sequence);
            self.happens(request.by, fact, sequence);
        }
    }

    /// A temporary password is dead after seven days, or earlier (hdp-api 9.25).
    pub(crate) fn end_of_password(
        &self,
        status: PasswordStatus,
        said: Option<Timestamp>,
    ) -> Option<Timestamp> {
        let week = self.now.saturating_add_secs(7 * DAY_SECS);
        match status {
            PasswordStatus::Active => said,
            PasswordStatus::MustChange => Some(said.unwrap_or(week).min(week)),
        }
    }

    /// What a user's end makes unreadable, beside him (hdp-api 9.18): all that is his, and all that was.
    fn destroy(&mut self, facts: &[Fact]) {
        for user in facts.iter().filter(|fact| fact.name == "UserDeleted").map(|fact| fact.stream.id) {
            let sources = self.sources.iter().filter(|source| source.owner == user).map(|source| source.key);
            let profiles = self.profiles.iter().filter(|profile| profile.owner == user);
            let ended = self.ended.iter().filter(|(_, owner, _)| *owner == user).map(|(_, _, key)| *key);
            let profiles = profiles.map(|profile| profile.refresh.key_id);
            let ends = |id: u64| {
                let mut ends = facts.iter().filter(|fact| fact.name == "ClientApplicationDeleted");
                ends.any(|fact| fact.stream.id == id)
            };
            let clients = self.clients.rows.iter().filter(|row| ends(row.id)).map(|row| row.key);
            self.destroyed.extend(sources.chain(profiles).chain(ended).chain(clients));
        }
    }

    /// What goes with an application, a profile or a user.
    fn goes(&mut self, fact: &Fact, sequence: u64) {
        let id = fact.stream.id;
        match fact.name {
            "OAuthProfileDeleted" => {
                let gone = self.profiles.iter().filter(|profile| profile.id == id);
                let gone = gone.map(|row| (fact.stream.kind, row.owner, row.refresh.key_id));
                self.ended.extend(gone);
                self.profiles.retain(|profile| profile.id != id);
            }
            "UserDeleted" => self.ended.retain(|(_, owner, _)| *owner != id),
            "DataSourceDeleted" => {
                let gone = self.sources.iter().filter(|source| source.id == id);
                self.ended.extend(gone.map(|row| (fact.stream.kind, row.owner, row.key)));
                self.sources.retain(|source| source.id != id);
                self.without_limits(fact.stream.kind, id);
                self.without_shares(id);
            }
            "DataSourceProfileCleared" => {
                let source = self.sources.iter_mut().find(|source| source.id == id).expect("answered");
                (source.profile, source.changed) = (None, sequence);
            }
            _ => {}
        }
    }

    /// The requests that are still remembered: 24 hours of event time, the latest of each key (hdp-api 9.20).
    pub(crate) fn remembered(&self) -> Vec<&Done> {
        let Some((_, last)) = self.log.last() else { return Vec::new() };
        self.done.iter().filter(|done| done.at.saturating_add_secs(DAY_SECS) > *last).collect()
    }
}
