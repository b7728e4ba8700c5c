//! What an event that says it all does to the model's rows.

use events::{
    envelope::Actor,
    event::Event,
    user::{Password, UserRolesSet},
};

use crate::{
    model::{Model, Role, User},
    rules::{About, Fact},
};

impl Model {
    /// Older facts are told by name and carried out in `record`.
    pub(crate) fn happens(&mut self, by: Actor, fact: &Fact, sequence: u64) {
        let About::Says(event) = &fact.about else { return };
        if self.is_about_clients(fact, event, sequence) {
            return;
        }
        let id = fact.stream.id;
        match &**event {
            Event::TenantUpdated(updated) => {
                let row = self.tenants.iter_mut().find(|row| row.id == id).expect("answered");
                (row.name, row.description) = (updated.name.clone(), updated.description.clone());
                (row.status, row.changed) = (updated.status, sequence);
            }
            Event::TenantDeleted(_) => {
                self.tenants.retain(|row| row.id != id);
                self.without_limits(fact.stream.kind, id);
                self.settings.addresses.retain(|(of, _, _)| *of != fact.stream);
            }
            Event::RoleCreated(created) => {
                self.roles_ever += 1;
                self.roles.push(Role {
                    id,
                    tenant: fact.tenant,
                    name: created.name.clone(),
                    key: created.key_id,
                    description: created.description.clone(),
                    permissions: created.permissions.iter().map(|permission| permission.0).collect(),
                    changed: sequence,
                    holders_changed: None,
                });
                self.list_changes(fact.tenant, sequence);
            }
            Event::RoleUpdated(updated) => {
                let row = self.roles.iter_mut().find(|row| row.id == id).expect("answered");
                (row.name, row.description) = (updated.name.clone(), updated.description.clone());
                row.permissions = updated.permissions.iter().map(|permission| permission.0).collect();
                row.changed = sequence;
            }
            Event::RoleDeleted(_) => {
                self.roles.retain(|row| row.id != id);
                self.list_changes(fact.tenant, sequence);
            }
            Event::TenantAdministratorsChanged(change) => {
                let row = self.tenants.iter_mut().find(|row| row.id == id).expect("answered");
                row.administrators.retain(|user| !change.removed.iter().any(|removed| removed.0 == *user));
                row.administrators.extend(change.added.iter().map(|user| user.0));
                row.administrators.sort_unstable();
                row.changed = sequence;
            }
            Event::UserUpdated(updated) => self.user_changes(id, sequence, |row| {
                row.name = updated.name.clone();
            }),
            Event::UserStatusSet(set) => self.user_changes(id, sequence, |row| row.status = set.status),
            Event::UserPasswordSet(set) => {
                self.user_changes(id, sequence, |row| {
                    let before = row.password.as_ref().map(|password| password.hash.clone());
                    let hash = set.hash.clone().or(before).expect("answered");
                    row.password = Some(Password { hash, status: set.status, expires_at: set.expires_at });
                    if set.hash.is_some() {
                        row.password_tokens_ended = Some(sequence);
                    }
                    if set.ends_all_tokens {
                        row.tokens_ended = Some(sequence);
                    }
                });
                if set.hash.is_some() || set.ends_all_tokens {
                    self.end_tokens_of(id, set.ends_all_tokens);
                }
            }
            Event::UserUnlocked(_) => self.user_changes(id, sequence, |row| row.lock = None),
            Event::UserMoved(_) => self.user_changes(id, sequence, |row| row.tenant = fact.tenant),
            Event::UserRolesSet(set) => self.roles_set(id, sequence, set),
            Event::UserDeleted(deleted) => {
                let roles = self.user(id).expect("answered").roles.clone();
                self.holders_change(&roles, sequence);
                self.destroyed.push(deleted.key_id);
                self.users.retain(|row| row.id != id);
                self.end_tokens_of(id, true);
                self.without_limits(fact.stream.kind, id);
                self.settings.of_users.retain(|(of, _, _)| *of != id);
            }
            Event::LimitSet(set) => self.limit_is(fact.stream, set.limit, Some(set.value), sequence),
            Event::LimitCleared(cleared) => self.limit_is(fact.stream, cleared.limit, None, sequence),
            Event::DataSourceShared(_)
            | Event::DataSourceUnshared(_)
            | Event::DataSourcePermissionsSet(_)
            | Event::DataSourceMembersChanged(_) => self.share_is(fact.stream, event, sequence),
            setting => self.setting_is(by, fact, setting, sequence),
        }
    }

    fn user_changes(&mut self, id: u64, sequence: u64, how: impl FnOnce(&mut User)) {
        let row = self.users.iter_mut().find(|row| row.id == id).expect("answered");
        row.changed = sequence;
        how(row);
    }

    fn roles_set(&mut self, id: u64, sequence: u64, set: &UserRolesSet) {
        let after: Vec<u64> = set.roles.iter().map(|role| role.0).collect();
        let before = self.user(id).expect("answered").roles.clone();
        let lost = before.iter().filter(|role| !after.contains(role));
        let won = after.iter().filter(|role| !before.contains(role));
        let other: Vec<u64> = lost.chain(won).copied().collect();
        self.holders_change(&other, sequence);
        self.user_changes(id, sequence, |row| {
            row.roles = after;
            row.permissions = set.permissions.iter().map(|permission| permission.0).collect();
        });
    }

    /// The list of a tenant's roles is new.
    fn list_changes(&mut self, tenant: u64, sequence: u64) {
        let row = self.tenants.iter_mut().find(|row| row.id == tenant).expect("answered");
        row.list_changed = Some(sequence);
    }

    /// The lists of users of these roles are new.
    pub(crate) fn holders_change(&mut self, roles: &[u64], sequence: u64) {
        for role in self.roles.iter_mut().filter(|role| roles.contains(&role.id)) {
            role.holders_changed = Some(sequence);
        }
    }
}
