//! Who may change users, and what becomes of it (hdp-api 4.5, 6.1, 6.3, 6.4, 6.6, 9.18, 9.23, 9.25).

use authledger::commands::{
    Object, Refusal, Taken, Wish,
    user::{
        access::SetTenantsAdministered, delete::DeleteUser, password::PasswordChange, update::UpdateUser,
    },
};
use events::{
    envelope::{Actor, StreamKind},
    id::{PermissionId, RoleId, TenantId, UserId},
    sorted::SortedVec,
    tenant::TenantAdministratorsChanged,
    time::Timestamp,
    user::{
        PasswordSetter, PasswordStatus, UserDeleted, UserMoved, UserPasswordSet, UserRolesSet, UserStatus,
        UserStatusSet, UserUnlocked, UserUpdated,
    },
};

use crate::{
    model::{Model, User},
    rules::{Fact, Who, all_his, fact, invalid, says, unchanged, under},
};

/// There are no others (hdp-api 6.1, 9.22).
pub(crate) fn exists(permission: u16) -> bool {
    (1..=29).contains(&permission) || [101, 102].contains(&permission)
}

impl Model {
    /// Whoever holds 12 and can log in.
    pub(crate) fn administrators(&self) -> impl Iterator<Item = u64> + '_ {
        let able = |row: &&User| row.status == UserStatus::Active && row.password.is_some();
        self.users.iter().filter(able).filter(|row| self.who(row).administrator()).map(|row| row.id)
    }

    /// One of them stays when these facts become true (hdp-api 9.23).
    pub(crate) fn one_stays(&self, facts: &[Fact]) -> Result<(), Refusal> {
        let mut after = self.clone();
        for fact in facts {
            after.happens(Actor::System, fact, 0);
        }
        if after.administrators().next().is_none() { Err(Refusal::LastAdministrator) } else { Ok(()) }
    }

    /// A user of a tenant that he administers; any other is not there.
    pub(crate) fn user_seen(&self, who: &Who, id: u64) -> Result<&User, Refusal> {
        let row = self.user(id).filter(|row| who.administers(row.tenant));
        row.ok_or(Refusal::NotFound(Object::User(UserId(id))))
    }

    /// Who may do more is not his to change.
    pub(crate) fn no_more_than_he(&self, who: &Who, row: &User) -> Result<(), Refusal> {
        let all = self.who(row).permissions.iter().all(|permission| who.may(*permission));
        if all { Ok(()) } else { Err(Refusal::Forbidden) }
    }

    /// Who administers more is not his to change either: his password would be a way there.
    pub(crate) fn reaches_no_further(&self, who: &Who, row: &User) -> Result<(), Refusal> {
        self.no_more_than_he(who, row)?;
        let his = self.tenants.iter().filter(|tenant| tenant.administrators.contains(&row.id));
        // Nor who owns an application with somebody's rights: his password is a way to its secret.
        let himself = who.user == row.id && !who.acting;
        let mut own = self.clients.rows.iter().filter(|client| client.owner == row.id);
        let safe = himself || who.administrator() || own.all(|client| client.policy.run_as.is_none());
        if safe && his.into_iter().all(|tenant| who.administers(tenant.id)) {
            Ok(())
        } else {
            Err(Refusal::Forbidden)
        }
    }

    fn user_to_change(&self, who: &Who, id: UserId) -> Result<&User, Refusal> {
        let row = self.user_seen(who, id.0)?;
        self.reaches_no_further(who, row)?;
        Ok(row)
    }

    pub(crate) fn change_user(&self, who: &Who, wish: &Wish) -> Result<Vec<Fact>, Refusal> {
        let on = |row: &User, event: events::event::Event| says(row.tenant, StreamKind::USER, row.id, event);
        match wish {
            Wish::UpdateUser(wish) => self.replace_user(who, wish),
            Wish::SetUserStatus(wish) => {
                let row = self.user_to_change(who, wish.user)?;
                unchanged(row.changed, wish.expected.as_ref())?;
                let unlocks = self.unlocks(row, wish.locked, "accountLocked")?;
                let mut facts = vec![on(row, UserStatusSet { status: wish.status }.into())];
                facts.extend(unlocks.then(|| on(row, UserUnlocked {}.into())));
                self.one_stays(&facts)?;
                Ok(facts)
            }
            Wish::SetUserPermissions(wish) => {
                let row = self.user_to_change(who, wish.user)?;
                unchanged(row.changed, wish.expected.as_ref())?;
                not_his_own(who, row, &wish.roles, &wish.permissions)?;
                self.may_hold(who, row.tenant, row, &wish.roles, &wish.permissions).map_err(apart)?;
                let set = UserRolesSet { roles: wish.roles.clone(), permissions: wish.permissions.clone() };
                let facts = vec![on(row, set.into())];
                self.one_stays(&facts)?;
                Ok(facts)
            }
            Wish::SetUserPassword(wish) => {
                let row = self.user_to_change(who, wish.user)?;
                own_password_is_changed(who, row)?;
                unchanged(row.changed, wish.expected.as_ref())?;
                Ok(vec![on(row, self.new_password(row, &wish.change, "password")?.into())])
            }
            Wish::ChangePassword(wish) => {
                let row = self.user(who.user).expect("he asks");
                if row.password.as_ref().is_none_or(|password| password.hash != wish.before) {
                    return Err(Refusal::Again);
                }
                under(row.name.key_id, [&wish.hash])?;
                let set = UserPasswordSet {
                    hash: Some(wish.hash.clone()),
                    status: PasswordStatus::Active,
                    expires_at: self.end_by_policy(),
                    setter: PasswordSetter::Holder,
                    ends_all_tokens: wish.ends_all_tokens,
                };
                Ok(vec![on(row, set.into())])
            }
            Wish::SetTenantsAdministered(wish) => self.administer(who, wish),
            Wish::DeleteUser(wish) => self.delete_user(who, wish),
            Wish::UnlockUser(wish) => {
                let row = self.user_to_change(who, wish.user)?;
                let locked = self.is_locked(row);
                Ok(locked.then(|| on(row, UserUnlocked {}.into())).into_iter().collect())
            }
            other => unreachable!("{other:?} changes no user"),
        }
    }

    fn replace_user(&self, who: &Who, wish: &UpdateUser) -> Result<Vec<Fact>, Refusal> {
        let row = self.user_to_change(who, wish.user)?;
        unchanged(row.changed, wish.expected.as_ref())?;
        let tenant = wish.tenant.map_or(row.tenant, |tenant| tenant.0);
        if tenant != row.tenant && (self.tenant(tenant).is_none() || !who.administers(tenant)) {
            return Err(Refusal::UnknownReference(Object::Tenant(TenantId(tenant))));
        }
        not_his_own(who, row, &wish.roles, &wish.permissions)?;
        self.may_hold(who, tenant, row, &wish.roles, &wish.permissions)?;
        under(row.name.key_id, [&wish.name])?;
        if self.names.get(&wish.login_before) != Some(&row.login) {
            return Err(Refusal::Again);
        }
        let login = &self.names[&wish.login];
        if *login != row.login && self.users.iter().any(|user| user.login == *login) {
            return Err(Refusal::Taken(Taken::UserName));
        }
        let unlocks = self.unlocks(row, wish.locked, "statusInfo.accountLocked")?;
        let password = match wish.password.as_ref().filter(|change| !repeats(row, change)) {
            Some(change) => {
                own_password_is_changed(who, row)?;
                Some(self.new_password(row, change, "passwordInfo.password")?)
            }
            None => None,
        };

        let on = |tenant, event: events::event::Event| says(tenant, StreamKind::USER, row.id, event);
        let mut after = Vec::new();
        if wish.status != row.status {
            after.push(on(tenant, UserStatusSet { status: wish.status }.into()));
        }
        after.extend(unlocks.then(|| on(tenant, UserUnlocked {}.into())));
        after.extend(password.map(|password| on(tenant, password.into())));
        if !holds(row, &wish.roles, &wish.permissions) {
            let set = UserRolesSet { roles: wish.roles.clone(), permissions: wish.permissions.clone() };
            after.push(on(tenant, set.into()));
        }
        self.one_stays(&after)?;
        let mut facts = vec![on(row.tenant, UserUpdated { name: wish.name.clone() }.into())];
        if tenant != row.tenant {
            facts.extend(self.moves(row, tenant)?);
            facts.push(on(tenant, UserMoved { from: TenantId(row.tenant) }.into()));
        }
        facts.extend(after);
        Ok(facts)
    }

    /// What somebody leaves behind who moves. He owns nothing; who lives in a child tenant administers that one at most; from
    /// a child tenant he takes no access along; and what is shared with him stays his where its owner administers the
    /// place he comes to, unless all who live there have it anyway (hdp-api 4.5, 6.3).
    fn moves(&self, row: &User, to: u64) -> Result<Vec<Fact>, Refusal> {
        let owns = self.sources.iter().any(|source| source.owner == row.id)
            || self.profiles.iter().any(|profile| profile.owner == row.id)
            || self.clients.rows.iter().any(|client| client.owner == row.id);
        if owns {
            return Err(Refusal::InUse("the user owns data sources, OAuth profiles or client applications"));
        }
        let stays = |tenant: u64| (to == 1 && row.tenant == 1) || tenant == to;
        let left = self.tenants.iter().filter(|tenant| tenant.administrators.contains(&row.id));
        let left = left.filter(|tenant| !stays(tenant.id));
        let mut facts = self.grants_end(row.id);
        facts.extend(left.map(|tenant| access(tenant.id, &[], &[row.id])));
        facts.extend(self.shares_end(row.id, |source| {
            let owner = self.who(self.user(source.owner).expect("data sources have owners"));
            owner.administers(to) && !self.is_with_tenant(source.id, to)
        }));
        Ok(facts)
    }

    /// Roles of the tenant, at least one, and nothing new that is not the asker's to give.
    fn may_hold(
        &self,
        who: &Who,
        tenant: u64,
        before: &User,
        roles: &SortedVec<RoleId>,
        permissions: &SortedVec<PermissionId>,
    ) -> Result<(), Refusal> {
        if roles.is_empty() {
            return Err(invalid("permissions.roles"));
        }
        for id in roles.iter() {
            let unknown = Refusal::UnknownReference(Object::Role(*id));
            let role = self.role(id.0).filter(|role| role.tenant == tenant).ok_or(unknown)?;
            if !before.roles.contains(&id.0) {
                all_his(who, &role.permissions)?;
            }
        }
        let new = permissions.iter().map(|permission| permission.0);
        let new: Vec<u16> = new.filter(|permission| !before.permissions.contains(permission)).collect();
        if !new.iter().all(|permission| exists(*permission)) {
            return Err(invalid("permissions.permissions"));
        }
        all_his(who, &new)
    }

    fn is_locked(&self, row: &User) -> bool {
        row.lock.is_some_and(|(_, until)| self.now < until)
    }

    /// Nobody locks an account but by wrong passwords; who says that it is locked only repeats it.
    fn unlocks(&self, row: &User, says: Option<bool>, field: &'static str) -> Result<bool, Refusal> {
        match (says, self.is_locked(row)) {
            (Some(true), false) => Err(invalid(field)),
            (Some(false), locked) => Ok(locked),
            (Some(true), true) | (None, _) => Ok(false),
        }
    }

    fn new_password(
        &self,
        row: &User,
        change: &PasswordChange,
        field: &'static str,
    ) -> Result<UserPasswordSet, Refusal> {
        under(row.name.key_id, &change.hash)?;
        if change.hash.is_none() && row.password.is_none() {
            return Err(invalid(field));
        }
        let mut expires_at = self.end_of_password(change.status, change.expires_at);
        // What was said of a temporary one stays so, or becomes less.
        let temporary = row.password.as_ref().filter(|before| before.status == PasswordStatus::MustChange);
        if let Some(before) = temporary.filter(|_| change.hash.is_none()) {
            if change.status == PasswordStatus::Active {
                return Err(invalid(field));
            }
            expires_at = [before.expires_at, change.expires_at].into_iter().flatten().min();
        }
        Ok(UserPasswordSet {
            hash: change.hash.clone(),
            status: change.status,
            expires_at,
            setter: PasswordSetter::Other,
            ends_all_tokens: change.hash.is_some(),
        })
    }

    fn administer(&self, who: &Who, wish: &SetTenantsAdministered) -> Result<Vec<Fact>, Refusal> {
        let row = self.user_seen(who, wish.user.0)?;
        self.no_more_than_he(who, row)?;
        for id in wish.tenants.iter() {
            if self.tenant(id.0).is_none() || !who.administers(id.0) {
                return Err(Refusal::UnknownReference(Object::Tenant(*id)));
            }
            if row.tenant != 1 && row.tenant != id.0 {
                return Err(invalid("tenantsAdministered"));
            }
        }
        let wanted = |id: u64| wish.tenants.iter().any(|tenant| tenant.0 == id);
        let has = |id: u64| self.tenant(id).is_some_and(|tenant| tenant.administrators.contains(&row.id));
        let seen = || self.tenants.iter().map(|tenant| tenant.id).filter(|id| who.administers(*id));
        let lost = seen().filter(|id| has(*id) && !wanted(*id)).map(|id| access(id, &[], &[row.id]));
        let won = seen().filter(|id| !has(*id) && wanted(*id)).map(|id| access(id, &[row.id], &[]));
        Ok(lost.chain(won).collect())
    }

    /// All that is his ends before him; so does what refers to him.
    fn delete_user(&self, who: &Who, wish: &DeleteUser) -> Result<Vec<Fact>, Refusal> {
        let row = self.user_to_change(who, wish.user)?;
        if who.user == row.id {
            return Err(Refusal::Forbidden);
        }
        unchanged(row.changed, wish.expected.as_ref())?;
        let end = UserDeleted { key_id: row.name.key_id };
        let end = says(row.tenant, StreamKind::USER, row.id, end);
        self.one_stays(std::slice::from_ref(&end))?;
        if self.names.get(&wish.login) != Some(&row.login) {
            return Err(Refusal::Again);
        }
        let sources = self.sources.iter().filter(|source| source.owner == row.id);
        let mut facts: Vec<Fact> = sources
            .map(|own| fact(own.tenant, StreamKind::DATA_SOURCE, own.id, "DataSourceDeleted"))
            .collect();
        let profiles = self.profiles.iter().filter(|profile| profile.owner == row.id);
        facts.extend(
            profiles.map(|own| fact(own.tenant, StreamKind::OAUTH_PROFILE, own.id, "OAuthProfileDeleted")),
        );
        facts.extend(self.grants_end(row.id));
        facts.extend(self.clients_of_the_deleted(who, row, wish.clients)?);
        facts.extend(self.shares_end(row.id, |_| false));
        let administered = self.tenants.iter().filter(|tenant| tenant.administrators.contains(&row.id));
        facts.extend(administered.map(|tenant| access(tenant.id, &[], &[row.id])));
        facts.push(end);
        Ok(facts)
    }
}

/// By another way, which asks for the one before; but for 12.
fn own_password_is_changed(who: &Who, row: &User) -> Result<(), Refusal> {
    if who.user == row.id && !who.permissions.contains(&12) { Err(Refusal::Forbidden) } else { Ok(()) }
}

/// By itself, what he may do is not inside of anything.
fn apart(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Invalid { field: "permissions.roles", .. } => invalid("roles"),
        Refusal::Invalid { field: "permissions.permissions", .. } => invalid("permissions"),
        other => other,
    }
}

/// Who got access on a tenant, and who lost it.
pub(crate) fn access(tenant: u64, added: &[u64], removed: &[u64]) -> Fact {
    let users = |ids: &[u64]| ids.iter().copied().map(UserId).collect();
    let change = TenantAdministratorsChanged { added: users(added), removed: users(removed) };
    says(tenant, StreamKind::TENANT, tenant, change)
}

fn holds(row: &User, roles: &SortedVec<RoleId>, permissions: &SortedVec<PermissionId>) -> bool {
    roles.iter().map(|role| role.0).eq(row.roles.iter().copied())
        && permissions.iter().map(|permission| permission.0).eq(row.permissions.iter().copied())
}

/// Nobody grants himself; to say what is so is no change.
fn not_his_own(
    who: &Who,
    row: &User,
    roles: &SortedVec<RoleId>,
    permissions: &SortedVec<PermissionId>,
) -> Result<(), Refusal> {
    if who.user == row.id && !holds(row, roles, permissions) { Err(Refusal::Forbidden) } else { Ok(()) }
}

/// Whether it says of the password what is so: HDP writes times to the second.
fn repeats(row: &User, change: &PasswordChange) -> bool {
    let to_the_second = |time: Option<Timestamp>| time.map(|time| time.0.div_euclid(1_000_000));
    change.hash.is_none()
        && row.password.as_ref().is_some_and(|password| {
            password.status == change.status
                && to_the_second(password.expires_at) == to_the_second(change.expires_at)
        })
}
