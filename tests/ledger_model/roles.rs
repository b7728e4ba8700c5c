//! Roles from wish to row: what is asked for, what the documents say of it (hdp-api 6.1, 6.2, 6.5, 9.7, 9.18, 9.20, 9.23), and
//! the comparison.

use authledger::{
    commands::{
        self, NewKey, Object, Refusal, Taken,
        field::RoleName,
        role::{CreateRole, DeleteRole, UpdateRole},
    },
    vault::Vault,
};
use events::{
    envelope::StreamKind,
    id::{PermissionId, RoleId, Sequence, TenantId, UserId},
    role::{RoleCreated, RoleDeleted, RoleUpdated},
    sealed::Field,
    user::UserRolesSet,
};
use projections::State;
use proptest::{collection::vec, option, prelude::*};

use crate::{
    compare::same,
    model::{Model, Role, User},
    options::Repeat,
    requests::{Ask, if_match, sequences},
    rules::{ADMINISTRATOR, Fact, Who, all_his, invalid, says, unchanged, under},
    steps::{Expected, Pick, Wish, expected, id, pick, rarely},
    user_rules::exists,
    users::permissions,
};

/// Numbers are for [`id_of`].
#[derive(Clone, Debug)]
pub(crate) enum RoleWish {
    Create {
        tenant: Option<u8>,
        name: u8,
        described: bool,
        permissions: Vec<u8>,
        users: Vec<Pick>,
        foreign_key: bool,
    },
    Put {
        role: u8,
        expected: Expected,
        tenant: Repeat,
        /// `None` for what it is called.
        name: Option<u8>,
        described: bool,
        /// `None` for those it has.
        permissions: Option<Vec<u8>>,
        users: Option<Members>,
        foreign_key: bool,
    },
    Delete {
        role: u8,
        expected: Expected,
    },
}

/// Who is to hold a role.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    /// Those who hold it, too; all but the first, or none of them.
    kept: u8,
    others: Vec<Pick>,
}

pub(crate) fn roles() -> BoxedStrategy<Wish> {
    let creates =
        (option::weighted(0.6, id()), 0..5_u8, any::<bool>(), permissions(), vec(pick(), 0..3), rarely());
    let creates = creates.prop_map(|(tenant, name, described, permissions, users, foreign_key)| {
        RoleWish::Create { tenant, name, described, permissions, users, foreign_key }
    });
    let repeat =
        prop_oneof![6 => Just(Repeat::LeftOut), 6 => Just(Repeat::Stored), 1 => Just(Repeat::Another)];
    let members = (0..3_u8, vec(pick(), 0..3)).prop_map(|(kept, others)| Members { kept, others });
    let whole = (
        option::weighted(0.4, permissions()),
        option::weighted(0.7, members),
        prop_oneof![8 => Just(false), 1 => Just(true)],
    );
    let described = prop_oneof![3 => Just(false), 1 => Just(true)];
    let role = prop_oneof![1 => 1..4_u8, 2 => id()];
    let puts = (role, expected(), repeat, option::weighted(0.3, 0..5_u8), described, whole).prop_map(
        |(role, expected, tenant, name, described, (permissions, users, foreign_key))| RoleWish::Put {
            role,
            expected,
            tenant,
            name,
            described,
            permissions,
            users,
            foreign_key,
        },
    );
    let deletes = (id(), expected()).prop_map(|(role, expected)| RoleWish::Delete { role, expected });
    prop_oneof![5 => creates, 8 => puts, 2 => deletes].prop_map(Wish::Role).boxed()
}

/// A role that holds these.
pub(crate) fn with(tenant: u8, permissions: &[u8]) -> Wish {
    Wish::Role(RoleWish::Create {
        tenant: Some(tenant),
        name: 0,
        described: false,
        permissions: permissions.to_vec(),
        users: Vec::new(),
        foreign_key: false,
    })
}

/// One of everything, on the eleventh role.
pub(crate) fn tour() -> Vec<Wish> {
    let new = RoleWish::Create {
        tenant: Some(2),
        name: 4,
        described: true,
        permissions: vec![11],
        users: Vec::new(),
        foreign_key: false,
    };
    let put = RoleWish::Put {
        role: 11,
        expected: Expected::Nothing,
        tenant: Repeat::LeftOut,
        name: Some(3),
        described: false,
        permissions: None,
        users: None,
        foreign_key: false,
    };
    let end = RoleWish::Delete { role: 11, expected: Expected::Nothing };
    [new, put, end].map(Wish::Role).into()
}

/// What the edge does with it for `whom`, who asks.
pub(crate) fn edge(
    vault: &Vault,
    model: &Model,
    whom: Option<u64>,
    wish: &RoleWish,
) -> (Ask, commands::Wish) {
    let listed = |list: &[u8]| list.iter().map(|id| PermissionId(u16::from(*id))).collect();
    let named = |number: &u8| format!("Role {number}");
    let users = |tenant: u64, picks: &[Pick]| -> Vec<u64> {
        let there = model.users.iter().filter(|row| row.tenant == tenant).map(|row| row.id);
        let there: Vec<u64> = there.collect();
        picks.iter().map(|pick| pick.of(&there, model.users_ever)).collect()
    };
    let wish = match wish {
        RoleWish::Create { tenant, name, described, permissions, users: picks, foreign_key } => {
            let new = vault.new_data_key();
            let used = if *foreign_key { vault.new_data_key() } else { new.clone() };
            let tenant = tenant.map(|number| model.a_tenant(number));
            let own = whom.and_then(|id| model.user(id)).map_or(1, |row| row.tenant);
            let text = || vault.seal(&used.key, StreamKind::ROLE, Field::DESCRIPTION, b"text");
            commands::Wish::CreateRole(Box::new(CreateRole {
                tenant: tenant.map(TenantId),
                name: RoleName::parse(&named(name)).expect("a good name"),
                key: NewKey { id: new.id(), entries: vec![new.change()] },
                description: described.then(text),
                permissions: listed(permissions),
                users: users(tenant.unwrap_or(own), picks).into_iter().map(UserId).collect(),
            }))
        }
        RoleWish::Put {
            role,
            expected,
            tenant,
            name,
            described,
            permissions,
            users: members,
            foreign_key,
        } => {
            let id = model.a_role(*role);
            let row = model.role(id);
            let key = row.filter(|_| !foreign_key).map(|row| vault.data_key(&row.key).expect("a living key"));
            let key = key.unwrap_or_else(|| vault.new_data_key().key);
            let lives = row.map_or(1, |row| row.tenant);
            let stored = || row.map_or_else(|| "Nobody".to_owned(), |row| row.name.clone());
            let held =
                || row.into_iter().flat_map(|row| &row.permissions).copied().map(PermissionId).collect();
            let wanted = members.as_ref().map(|members| {
                let holders = model.users.iter().filter(|row| row.roles.contains(&id)).map(|row| row.id);
                let kept = holders.skip(usize::from(members.kept % 2)).take(usize::from(members.kept) * 99);
                kept.chain(users(lives, &members.others)).map(UserId).collect()
            });
            let expected = if_match(row.map(Role::tag), expected);
            commands::Wish::UpdateRole(Box::new(UpdateRole {
                id: RoleId(id),
                expected: sequences(expected.as_ref()),
                tenant: tenant.of(lives).map(TenantId),
                name: RoleName::parse(&name.as_ref().map_or_else(stored, named)).expect("a good name"),
                description: described
                    .then(|| vault.seal(&key, StreamKind::ROLE, Field::DESCRIPTION, b"text")),
                permissions: permissions.as_ref().map_or_else(held, |list| listed(list)),
                users: wanted,
            }))
        }
        RoleWish::Delete { role, expected } => {
            let id = model.a_role(*role);
            let expected = if_match(model.role(id).map(Role::tag), expected);
            let expected = sequences(expected.as_ref());
            commands::Wish::DeleteRole(DeleteRole { id: RoleId(id), expected })
        }
    };
    (Ask::Other(wish.clone()), wish)
}

impl Role {
    /// What its `ETag` says: who holds it is answered with it.
    fn tag(&self) -> u64 {
        self.holders_changed.map_or(self.changed, |changed| changed.max(self.changed))
    }

    /// hdp-api 6.2.
    fn is_predefined(&self) -> bool {
        self.id <= 3
    }
}

impl Model {
    fn role_to_change(
        &self,
        who: &Who,
        id: RoleId,
        expected: Option<&Vec<Sequence>>,
    ) -> Result<&Role, Refusal> {
        let row = self.role(id.0).filter(|row| who.administers(row.tenant));
        let row = row.ok_or(Refusal::NotFound(Object::Role(id)))?;
        unchanged(row.tag(), expected)?;
        Ok(row)
    }

    pub(crate) fn new_role(&self, who: &Who, wish: &CreateRole) -> Result<Vec<Fact>, Refusal> {
        let tenant = wish.tenant.map_or(who.tenant, |tenant| tenant.0);
        if self.tenant(tenant).is_none() || !who.administers(tenant) {
            return Err(Refusal::UnknownReference(Object::Tenant(TenantId(tenant))));
        }
        his_to_give(who, wish.permissions.iter())?;
        under(wish.key.id, &wish.description)?;
        self.role_name_is_free(tenant, wish.name.as_str(), None)?;
        let id = self.roles_ever + 1;
        let created = RoleCreated {
            name: wish.name.as_str().to_owned(),
            key_id: wish.key.id,
            description: wish.description.clone(),
            permissions: wish.permissions.clone(),
        };
        let mut facts = vec![says(tenant, StreamKind::ROLE, id, created)];
        for user in wish.users.iter() {
            facts.push(self.gets(who, tenant, *user, id)?);
        }
        Ok(facts)
    }

    pub(crate) fn replace_role(&self, who: &Who, wish: &UpdateRole) -> Result<Vec<Fact>, Refusal> {
        let row = self.role_to_change(who, wish.id, wish.expected.as_ref())?;
        if wish.tenant.is_some_and(|tenant| tenant.0 != row.tenant) {
            return Err(invalid("tenantId"));
        }
        let wanted: Vec<u16> = wish.permissions.iter().map(|permission| permission.0).collect();
        if !wanted.iter().all(|permission| exists(*permission)) {
            return Err(invalid("permissions"));
        }
        let text = wish.description.is_some() || row.description.is_some();
        if row.is_predefined() && (wish.name.as_str() != row.name || wanted != row.permissions || text) {
            return Err(Refusal::Predefined("only its users can change"));
        }
        let added: Vec<u16> = wanted.iter().copied().filter(|id| !row.permissions.contains(id)).collect();
        all_his(who, &added)?;
        // Who may do less takes nothing from who may do more.
        if row.permissions.iter().any(|id| !wanted.contains(id) && !who.may(*id)) {
            return Err(Refusal::Forbidden);
        }
        under(row.key, &wish.description)?;
        self.role_name_is_free(row.tenant, wish.name.as_str(), Some(row.id))?;
        let updated = RoleUpdated {
            name: wish.name.as_str().to_owned(),
            description: wish.description.clone(),
            permissions: wish.permissions.clone(),
        };
        let mut facts = vec![says(row.tenant, StreamKind::ROLE, row.id, updated)];
        if let Some(users) = &wish.users {
            let holds = |user: u64| self.user(user).is_some_and(|user| user.roles.contains(&row.id));
            let new: Vec<UserId> = users.iter().copied().filter(|user| !holds(user.0)).collect();
            if !new.is_empty() {
                all_his(who, &wanted)?;
            }
            for user in new {
                facts.push(self.gets(who, row.tenant, user, row.id)?);
            }
            let stays = |user: &User| users.iter().any(|wanted| wanted.0 == user.id);
            for user in self.users.iter().filter(|user| holds(user.id) && !stays(user)) {
                facts.push(self.loses(who, user, row.id)?);
            }
        }
        self.one_stays(&facts)?;
        Ok(facts)
    }

    pub(crate) fn delete_role(&self, who: &Who, wish: &DeleteRole) -> Result<Vec<Fact>, Refusal> {
        let row = self.role_to_change(who, wish.id, wish.expected.as_ref())?;
        if row.is_predefined() {
            return Err(Refusal::Predefined("it can't be deleted"));
        }
        if self.users.iter().any(|user| user.roles.contains(&row.id)) {
            return Err(Refusal::InUse("users hold the role"));
        }
        Ok(vec![says(row.tenant, StreamKind::ROLE, row.id, RoleDeleted {})])
    }

    /// He gets a role of his tenant from somebody else, who may do all that he may.
    fn gets(&self, who: &Who, tenant: u64, user: UserId, role: u64) -> Result<Fact, Refusal> {
        let row = self.user(user.0).filter(|row| row.tenant == tenant);
        let row = row.ok_or(Refusal::UnknownReference(Object::User(user)))?;
        if who.user == row.id {
            return Err(Refusal::Forbidden);
        }
        self.reaches_no_further(who, row)?;
        Ok(holding(row, row.roles.iter().copied().chain([role]).collect()))
    }

    /// He loses it, but never his last one.
    fn loses(&self, who: &Who, row: &User, role: u64) -> Result<Fact, Refusal> {
        if who.user == row.id {
            return Err(Refusal::Forbidden);
        }
        self.reaches_no_further(who, row)?;
        if row.roles == [role] {
            return Err(Refusal::InUse("it is the only role of a user who would lose it"));
        }
        Ok(holding(row, row.roles.iter().copied().filter(|held| *held != role).collect()))
    }

    fn role_name_is_free(&self, tenant: u64, name: &str, own: Option<u64>) -> Result<(), Refusal> {
        let mut others = self.roles.iter().filter(|row| row.tenant == tenant && Some(row.id) != own);
        if others.any(|row| row.name == name) { Err(Refusal::Taken(Taken::RoleName)) } else { Ok(()) }
    }
}

fn holding(row: &User, roles: Vec<u64>) -> Fact {
    let set = UserRolesSet {
        roles: roles.into_iter().map(RoleId).collect(),
        permissions: row.permissions.iter().copied().map(PermissionId).collect(),
    };
    says(row.tenant, StreamKind::USER, row.id, set)
}

fn his_to_give<'a>(who: &Who, permissions: impl Iterator<Item = &'a PermissionId>) -> Result<(), Refusal> {
    let list: Vec<u16> = permissions.map(|permission| permission.0).collect();
    if !list.iter().all(|permission| exists(*permission)) {
        return Err(invalid("permissions"));
    }
    all_his(who, &list)
}

pub(crate) fn compare(model: &Model, state: &State<'_>) -> Result<(), String> {
    let roles = &state.roles;
    same!(roles.rows.all().count(), model.roles.len(), "number of roles");
    same!(roles.by_name.all().count(), model.roles.len(), "number of role names");
    same!(roles.by_tenant.all().count(), model.roles.len(), "number of roles of tenants");
    for row in &model.roles {
        let id = RoleId(row.id);
        let expected = projections::roles::Role {
            tenant: TenantId(row.tenant),
            name: row.name.clone(),
            key_id: row.key,
            description: row.description.clone(),
            permissions: row.permissions.iter().copied().map(PermissionId).collect(),
            changed: Sequence(row.changed),
        };
        same!(roles.rows.get(&id).map(|row| &**row), Some(&expected), "role {id}");
        same!(roles.by_name.get(&(TenantId(row.tenant), row.name.clone())), Some(&id), "role by name");
    }
    for tenant in 0..10 {
        for after in [0, 3] {
            let expected = model.roles.iter().filter(|role| role.tenant == tenant && role.id > after);
            let expected: Vec<RoleId> = expected.map(|role| RoleId(role.id)).collect();
            let actual: Vec<RoleId> = roles.of_tenant(TenantId(tenant), RoleId(after)).collect();
            same!(actual, expected, "roles of tenant {tenant} after {after}");
        }
        let changed = roles.list_changed.get(&TenantId(tenant)).map(|sequence| sequence.0);
        let expected = model.tenant(tenant).and_then(|row| row.list_changed);
        same!(changed, expected, "when the list of roles of tenant {tenant} changed");
    }
    let lists = model.tenants.iter().filter(|row| row.list_changed.is_some()).count();
    same!(roles.list_changed.all().count(), lists, "number of lists of roles");
    let powerful = model.roles.iter().filter(|role| role.permissions.contains(&ADMINISTRATOR));
    let powerful: Vec<RoleId> = powerful.map(|role| RoleId(role.id)).collect();
    let actual: Vec<RoleId> = roles.with_administrator.range(..).map(|(id, ())| *id).collect();
    same!(actual, powerful, "roles that hold 12");
    Ok(())
}
