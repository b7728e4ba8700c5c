//! Tenants that are there already, from wish to row: what is asked for, what the documents say of it (hdp-api 6.3, 9.4, 9.18,
//! 9.20), and the comparison.

use authledger::{
    commands::{
        self, Object, Refusal, Taken,
        field::TenantName,
        tenant::{DeleteTenant, SetTenantAdministrators, UpdateTenant},
    },
    vault::Vault,
};
use events::{
    envelope::StreamKind,
    id::{RoleId, Sequence, TenantId, UserId},
    role::RoleDeleted,
    sealed::Field,
    tenant::{TenantDeleted, TenantStatus, TenantUpdated},
};
use projections::State;
use proptest::{collection::vec, option, prelude::*};

use crate::{
    compare::same,
    model::{Model, Tenant},
    options::Repeat,
    requests::{Ask, if_match, sequences},
    rules::{Fact, Who, invalid, says, unchanged, under},
    steps::{Expected, Pick, Wish, expected, id, pick, rarely},
    user_rules::access,
};

/// Numbers are for [`id_of`].
#[derive(Clone, Debug)]
pub(crate) enum TenantWish {
    Put {
        tenant: u8,
        expected: Expected,
        parent: Repeat,
        roles: Repeat,
        /// `None` for what it is called.
        name: Option<u8>,
        described: bool,
        active: bool,
        foreign_key: bool,
    },
    Delete {
        tenant: u8,
        expected: Expected,
    },
    Administrators {
        tenant: u8,
        expected: Expected,
        /// Who has access already, and stays.
        kept: bool,
        users: Vec<Pick>,
    },
}

pub(crate) fn tenants() -> BoxedStrategy<Wish> {
    let repeat =
        || prop_oneof![4 => Just(Repeat::LeftOut), 4 => Just(Repeat::Stored), 1 => Just(Repeat::Another)];
    let whole = (option::weighted(0.7, 0..5_u8), any::<bool>(), any::<bool>(), rarely());
    let puts = (id(), expected(), repeat(), repeat(), whole).prop_map(
        |(tenant, expected, parent, roles, (name, described, active, foreign_key))| TenantWish::Put {
            tenant,
            expected,
            parent,
            roles,
            name,
            described,
            active,
            foreign_key,
        },
    );
    let deletes = (id(), expected()).prop_map(|(tenant, expected)| TenantWish::Delete { tenant, expected });
    let administrators =
        (id(), expected(), any::<bool>(), vec(pick(), 0..3)).prop_map(|(tenant, expected, kept, users)| {
            TenantWish::Administrators { tenant, expected, kept, users }
        });
    prop_oneof![3 => puts, 3 => deletes, 4 => administrators].prop_map(Wish::OldTenant).boxed()
}

/// A tenant for `user`, too, who lives there.
pub(crate) fn of_his(tenant: u8, user: u8) -> TenantWish {
    let users = vec![Pick { number: user, own: false }];
    TenantWish::Administrators { tenant, expected: Expected::Nothing, kept: true, users }
}

/// One of everything, on tenant 4, where nobody lives.
pub(crate) fn tour() -> Vec<Wish> {
    let (tenant, expected) = (4, Expected::Nothing);
    let put = TenantWish::Put {
        tenant,
        expected: expected.clone(),
        parent: Repeat::LeftOut,
        roles: Repeat::LeftOut,
        name: Some(4),
        described: true,
        active: true,
        foreign_key: false,
    };
    let users = vec![Pick { number: 2, own: false }];
    let change = TenantWish::Administrators { tenant, expected: expected.clone(), kept: true, users };
    [change, put, TenantWish::Delete { tenant, expected }].map(Wish::OldTenant).into()
}

/// What the edge does with it.
pub(crate) fn edge(vault: &Vault, model: &Model, wish: &TenantWish) -> (Ask, commands::Wish) {
    let found = |number: &u8| {
        let id = model.a_tenant(*number);
        (TenantId(id), model.tenant(id))
    };
    let wish = match wish {
        TenantWish::Put { tenant, expected, parent, roles, name, described, active, foreign_key } => {
            let (id, row) = found(tenant);
            let key = row.filter(|_| !foreign_key).map(|row| vault.data_key(&row.key).expect("a living key"));
            let key = key.unwrap_or_else(|| vault.new_data_key().key);
            let stored = row.map_or("Nobody", |row| row.name.as_str());
            let name = name.map_or_else(|| stored.to_owned(), |number| format!("Tenant {number}"));
            let there = model.roles.iter().filter(|role| role.tenant == id.0).map(|role| RoleId(role.id));
            let roles = match roles {
                Repeat::LeftOut => None,
                Repeat::Stored => Some(there.collect()),
                Repeat::Another => Some(there.chain([RoleId(model.roles_ever + 1)]).collect()),
            };
            let expected = if_match(row.map(Tenant::tag), expected);
            commands::Wish::UpdateTenant(Box::new(UpdateTenant {
                id,
                expected: sequences(expected.as_ref()),
                parent: row.and_then(|row| parent.of(row.parent?)).map(TenantId),
                roles,
                name: TenantName::parse(&name).expect("a good name"),
                description: described
                    .then(|| vault.seal(&key, StreamKind::TENANT, Field::DESCRIPTION, b"text")),
                status: if *active { TenantStatus::Active } else { TenantStatus::Inactive },
            }))
        }
        TenantWish::Delete { tenant, expected } => {
            let (id, row) = found(tenant);
            let expected = sequences(if_match(row.map(Tenant::tag), expected).as_ref());
            commands::Wish::DeleteTenant(DeleteTenant { id, expected })
        }
        TenantWish::Administrators { tenant, expected, kept, users } => {
            let (id, row) = found(tenant);
            let near = model.users.iter().filter(|user| user.tenant == 1 || user.tenant == id.0);
            let near: Vec<u64> = near.map(|user| user.id).collect();
            let before = row.filter(|_| *kept).map_or(Vec::new(), |row| row.administrators.clone());
            let picked = users.iter().map(|pick| pick.of(&near, model.users_ever));
            let administrators = before.into_iter().chain(picked).map(UserId).collect();
            let expected = sequences(if_match(row.map(|row| row.changed), expected).as_ref());
            let wish = SetTenantAdministrators { id, expected, administrators };
            commands::Wish::SetTenantAdministrators(wish)
        }
    };
    (Ask::Other(wish.clone()), wish)
}

impl Tenant {
    /// What its `ETag` says: the list of its roles is answered with it.
    fn tag(&self) -> u64 {
        self.list_changed.map_or(self.changed, |changed| changed.max(self.changed))
    }
}

impl Model {
    fn tenant_to_change(&self, who: &Who, id: TenantId) -> Result<&Tenant, Refusal> {
        let row = self.tenant(id.0).filter(|_| who.administers(id.0));
        row.ok_or(Refusal::NotFound(Object::Tenant(id)))
    }

    pub(crate) fn replace_tenant(&self, who: &Who, wish: &UpdateTenant) -> Result<Vec<Fact>, Refusal> {
        let row = self.tenant_to_change(who, wish.id)?;
        unchanged(row.tag(), wish.expected.as_ref())?;
        if wish.parent.is_some_and(|parent| Some(parent.0) != row.parent) {
            return Err(invalid("parentTenant"));
        }
        let has = self.roles.iter().filter(|role| role.tenant == row.id).map(|role| RoleId(role.id));
        if wish.roles.as_ref().is_some_and(|roles| *roles != has.collect()) {
            return Err(invalid("roles"));
        }
        // That a name is taken says that there is such a tenant.
        if wish.name.as_str() != row.name && !who.administers(1) {
            return Err(Refusal::Forbidden);
        }
        under(row.key, &wish.description)?;
        if self.tenants.iter().any(|other| other.id != row.id && other.name == wish.name.as_str()) {
            return Err(Refusal::Taken(Taken::TenantName));
        }
        let updated = TenantUpdated {
            name: wish.name.as_str().to_owned(),
            description: wish.description.clone(),
            status: wish.status,
        };
        Ok(vec![says(row.id, StreamKind::TENANT, row.id, updated)])
    }

    /// While somebody lives there, or an application is its, it stays; its roles go with it.
    pub(crate) fn delete_tenant(&self, who: &Who, wish: &DeleteTenant) -> Result<Vec<Fact>, Refusal> {
        let row = self.tenant_to_change(who, wish.id)?;
        unchanged(row.tag(), wish.expected.as_ref())?;
        if row.id == 1 {
            return Err(Refusal::Predefined("the system tenant can't be deleted"));
        }
        if self.users.iter().any(|user| user.tenant == row.id) {
            return Err(Refusal::InUse("the tenant has users"));
        }
        if self.apps.iter().any(|app| app.tenant == row.id) {
            return Err(Refusal::InUse("the tenant has OAuth applications"));
        }
        let roles = self.roles.iter().filter(|role| role.tenant == row.id);
        let mut facts = self.tenant_shares_end(row.id);
        facts.extend(roles.map(|role| says(row.id, StreamKind::ROLE, role.id, RoleDeleted {})));
        facts.push(says(row.id, StreamKind::TENANT, row.id, TenantDeleted {}));
        Ok(facts)
    }

    /// Who gets access lives in the system tenant or in this one, and whoever gives it sees him.
    pub(crate) fn set_administrators(
        &self,
        who: &Who,
        wish: &SetTenantAdministrators,
    ) -> Result<Vec<Fact>, Refusal> {
        let row = self.tenant_to_change(who, wish.id)?;
        unchanged(row.changed, wish.expected.as_ref())?;
        let wanted: Vec<u64> = wish.administrators.iter().map(|user| user.0).collect();
        let added: Vec<u64> = wanted.iter().copied().filter(|id| !row.administrators.contains(id)).collect();
        for id in &added {
            let user = self.user(*id).filter(|user| user.tenant == 1 || user.tenant == row.id);
            if user.is_none_or(|user| !who.administers(user.tenant)) {
                return Err(Refusal::UnknownReference(Object::User(UserId(*id))));
            }
        }
        let removed: Vec<u64> =
            row.administrators.iter().copied().filter(|id| !wanted.contains(id)).collect();
        // His access is a user's, too: who may do more keeps it, or does without.
        for user in added.iter().chain(&removed).filter_map(|id| self.user(*id)) {
            self.no_more_than_he(who, user)?;
        }
        Ok(vec![access(row.id, &added, &removed)])
    }
}

pub(crate) fn compare(model: &Model, state: &State<'_>) -> Result<(), String> {
    let tenants = &state.tenants;
    same!(tenants.rows.all().count(), model.tenants.len(), "number of tenants");
    same!(tenants.by_name.all().count(), model.tenants.len(), "number of tenant names");
    for row in &model.tenants {
        let id = TenantId(row.id);
        let expected = projections::tenants::Tenant {
            name: row.name.clone(),
            key_id: row.key,
            description: row.description.clone(),
            parent: row.parent.map(TenantId),
            status: row.status,
            administrators: row.administrators.iter().copied().map(UserId).collect(),
            changed: Sequence(row.changed),
        };
        same!(tenants.rows.get(&id).map(|row| &**row), Some(&expected), "tenant {id}");
        same!(tenants.by_name.get(&row.name), Some(&id), "tenant by name");
    }
    let access: usize = model.tenants.iter().map(|tenant| tenant.administrators.len()).sum();
    same!(tenants.by_administrator.all().count(), access, "number of administrators of tenants");
    for user in 0..12 {
        let administered = model.tenants.iter().filter(|tenant| tenant.administrators.contains(&user));
        let expected: Vec<TenantId> = administered.map(|tenant| TenantId(tenant.id)).collect();
        same!(tenants.administered_by(UserId(user)).collect::<Vec<_>>(), expected, "tenants of user {user}");
    }
    Ok(())
}
