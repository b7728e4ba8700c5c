//! Users. Names stay sealed; who is called what is known to the login index, outside the log.

use std::sync::Arc;

use events::{
    envelope::Envelope,
    event::Event,
    id::{PermissionId, RoleId, Sequence, TenantId, UserId},
    sealed::{KeyId, Sealed},
    sorted::SortedVec,
    time::Timestamp,
    user::{Password, UserStatus},
};
use serde::{Deserialize, Serialize};

use crate::{
    nouns::facts,
    roles::ADMINISTRATOR,
    table::{Merged, projection},
};

/// A lock after too many wrong passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Since when.
    pub at: Timestamp,
    /// Until when; past that it is no lock any more.
    pub until: Timestamp,
}

/// A user as he is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Whose user.
    pub tenant: TenantId,
    /// As sent.
    pub name: Sealed,
    /// Whether he may log in.
    pub status: UserStatus,
    /// `None` when he can't log in by password.
    pub password: Option<Password>,
    /// The last lock; may be over.
    pub lock: Option<Lock>,
    /// Roles of his tenant.
    pub roles: SortedVec<RoleId>,
    /// Permissions beside those of his roles.
    pub permissions: SortedVec<PermissionId>,
    /// The event that last ended all his tokens: those from before are over.
    pub tokens_ended: Option<Sequence>,
    /// The last event that ended those that were given for his password.
    pub password_tokens_ended: Option<Sequence>,
    /// The event that last changed him.
    pub changed: Sequence,
}

impl User {
    /// The living data key, under which his personal data are sealed.
    pub fn key_id(&self) -> KeyId {
        self.name.key_id
    }

    /// Whether a password was set after that event, by whomever, so that what began with the one before is over.
    pub fn ends_logins_after(&self, seen: Sequence) -> bool {
        self.tokens_ended.max(self.password_tokens_ended).is_some_and(|ended| ended > seen)
    }

    /// Whether he can log in at all, leaving aside what passes: a lock, an expired password.
    pub fn can_log_in(&self) -> bool {
        self.status == UserStatus::Active && self.password.is_some()
    }

    /// Whether he can log in and holds 12 beside his roles.
    fn is_administrator(&self) -> bool {
        self.can_log_in() && self.permissions.has(&ADMINISTRATOR)
    }

    /// The lock that holds at `now`.
    pub fn locked_at(&self, now: Timestamp) -> Option<Lock> {
        self.lock.filter(|lock| now < lock.until)
    }
}

projection! {
    /// All users.
    Users, UsersChanges {
        primary {
            /// By id.
            rows: UserId => Arc<User>;
            /// The event that last gave a user a role or took it from one: its list of users is as old as that.
            holders_changed: RoleId => Sequence;
        }
        index {
            /// Users of a tenant, in the order of their ids.
            by_tenant: (TenantId, UserId) => (), from rows |id, row| [((row.tenant, *id), ())];
            /// Who holds a role: whether he can log in, then in the order of ids.
            by_role: (RoleId, bool, UserId) => (), from rows |id, row| {
                row.roles.iter().map(move |role| ((*role, row.can_log_in(), *id), ()))
            };
            /// Who can log in and holds 12 beside his roles.
            administrators: UserId => (), from rows |id, row| row.is_administrator().then_some((*id, ()));
        }
    }
}

impl Users<'_> {
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let header = &envelope.header;
        let id = UserId(header.stream.id);
        match &envelope.event {
            Event::UserCreated(created) => {
                let user = User {
                    tenant: header.tenant,
                    name: created.name.clone(),
                    status: created.status,
                    password: created.password.clone(),
                    lock: None,
                    roles: created.roles.clone(),
                    permissions: created.permissions.clone(),
                    tokens_ended: None,
                    password_tokens_ended: None,
                    changed: header.sequence,
                };
                self.holders_change(&user.roles, header.sequence);
                self.index(id, &user);
                self.rows.put(id, Arc::new(user));
            }
            Event::UserLocked(locked) => self.change(envelope, |user| {
                user.lock = Some(Lock { at: header.recorded_at, until: locked.until });
            }),
            Event::UserUnlocked(_) => self.change(envelope, |user| user.lock = None),
            Event::UserUpdated(updated) => self.change(envelope, |user| user.name = updated.name.clone()),
            Event::UserStatusSet(set) => self.change(envelope, |user| user.status = set.status),
            Event::UserPasswordSet(set) => self.change(envelope, |user| {
                let before = user.password.as_ref().map(|password| &password.hash);
                // Without a password before there is none to keep.
                let hash = set.hash.as_ref().or(before).cloned();
                user.password =
                    hash.map(|hash| Password { hash, status: set.status, expires_at: set.expires_at });
                if set.hash.is_some() {
                    user.password_tokens_ended = Some(header.sequence);
                }
                if set.ends_all_tokens {
                    user.tokens_ended = Some(header.sequence);
                }
            }),
            Event::UserRolesSet(set) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                let held = |roles: &SortedVec<RoleId>, role: &RoleId| roles.has(role);
                let lost = before.roles.iter().filter(|role| !held(&set.roles, role));
                let gained = set.roles.iter().filter(|role| !held(&before.roles, role));
                let changed: SortedVec<RoleId> = lost.chain(gained).copied().collect();
                self.holders_change(&changed, header.sequence);
                self.change(envelope, |user| {
                    user.roles = set.roles.clone();
                    user.permissions = set.permissions.clone();
                });
            }
            Event::UserMoved(_) => self.change(envelope, |user| user.tenant = header.tenant),
            Event::UserDeleted(_) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                self.holders_change(&before.roles, header.sequence);
                self.forget(id, &before);
                self.rows.remove(&id);
            }
            Event::RoleDeleted(_) => self.holders_changed.remove(&RoleId(header.stream.id)),
            Event::RoleCreated(_)
            | Event::RoleUpdated(_)
            | facts!(ledger)
            | facts!(tenant)
            | facts!(oauth_app)
            | facts!(oauth_profile)
            | facts!(data_source)
            | facts!(client_application)
            | facts!(grant)
            | facts!(token)
            | facts!(disclosure)
            | facts!(limit)
            | facts!(setting)
            | facts!(ip_whitelist) => {}
        }
    }

    /// Most changes leave what the indexes go by, and then leave the indexes.
    fn change(&mut self, envelope: &Envelope, how: impl FnOnce(&mut User)) {
        let id = UserId(envelope.header.stream.id);
        let Some(before) = self.rows.get(&id).cloned() else { return };
        let mut after = User { changed: envelope.header.sequence, ..User::clone(&before) };
        how(&mut after);
        let same = before.tenant == after.tenant
            && before.roles == after.roles
            && before.can_log_in() == after.can_log_in()
            && before.is_administrator() == after.is_administrator();
        if !same {
            self.forget(id, &before);
            self.index(id, &after);
        }
        self.rows.put(id, Arc::new(after));
    }

    fn holders_change(&mut self, roles: &SortedVec<RoleId>, sequence: Sequence) {
        for role in roles.iter() {
            self.holders_changed.put(*role, sequence);
        }
    }

    fn index(&mut self, id: UserId, row: &User) {
        self.by_tenant.put((row.tenant, id), ());
        for role in row.roles.iter() {
            self.by_role.put((*role, row.can_log_in(), id), ());
        }
        if row.is_administrator() {
            self.administrators.put(id, ());
        }
    }

    fn forget(&mut self, id: UserId, row: &User) {
        self.by_tenant.remove(&(row.tenant, id));
        for role in row.roles.iter() {
            self.by_role.remove(&(*role, row.can_log_in(), id));
        }
        self.administrators.remove(&id);
    }

    /// The holders of `role` after `after`, in the order of their ids.
    pub fn of_role(&self, role: RoleId, after: UserId) -> impl Iterator<Item = UserId> + '_ {
        let from = UserId(after.0.saturating_add(1));
        Merged::of([false, true].into_iter().map(move |able| {
            self.by_role
                .range((role, able, from)..=(role, able, UserId(u64::MAX)))
                .map(|((_, _, user), ())| *user)
        }))
    }

    /// The holders of `role` who can log in, in the order of their ids.
    pub fn of_role_able(&self, role: RoleId) -> impl Iterator<Item = UserId> + '_ {
        self.by_role
            .range((role, true, UserId(0))..=(role, true, UserId(u64::MAX)))
            .map(|((_, _, user), ())| *user)
    }

    /// The users of `tenant` after `after`, in the order of their ids.
    pub fn of_tenant(&self, tenant: TenantId, after: UserId) -> impl Iterator<Item = UserId> + '_ {
        let from = (tenant, UserId(after.0.saturating_add(1)));
        self.by_tenant.range(from..=(tenant, UserId(u64::MAX))).map(|((_, user), ())| *user)
    }
}
